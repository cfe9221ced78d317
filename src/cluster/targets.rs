//! Who an entry of the script means at the instant at which it takes effect.

use super::script::place;
use super::world::World;
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::{Draw, Stream};
use crate::scenario::plan::Target;

impl World<'_> {
    /// Who is meant: all of a list, or one of the living by lot.
    pub(super) fn targets(&self, event: usize, round: u32, target: &Target) -> Vec<ConsumerId> {
        match target {
            Target::Consumers(list) => list.clone(),
            Target::Living(group) => self.living(*group),
            Target::LivingAt(group, place) => {
                let living = self.living(*group);
                living.into_iter().skip(*place as usize).take(1).collect()
            }
            Target::Named(group, name) => {
                let mut living = self.living(*group);
                living.retain(|id| self.processes[id.index()].spec.name == *name);
                living
            }
            Target::Random(group) => {
                let living = self.living(*group);
                if living.is_empty() {
                    return Vec::new();
                }
                let place = place(&self.plan.events[event].pointer);
                let mut draw = Draw::new(self.seed, Stream::new(place, "target"));
                draw.seek(u64::from(round));
                let chosen = draw.below(living.len() as u64);
                vec![living[usize::try_from(chosen).unwrap_or_default()]]
            }
        }
    }

    fn living(&self, group: GroupId) -> Vec<ConsumerId> {
        let lives = |consumer: &ConsumerId| {
            let process = &self.processes[consumer.index()];
            process.group == group && process.client.is_some()
        };
        self.consumers().filter(lives).collect()
    }
}
