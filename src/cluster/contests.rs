//! Zombies: two clients of a group that may both return records of one partition.
//!
//! What a client does with records between two control events touches nobody else as long as nobody else works on its partitions.
//! Where that does not hold, each step of both is an event until one of them has let go.

use super::world::World;
use crate::assignor::{ConsumerId, GroupId};

impl World<'_> {
    /// A client has installed an assignment, or is gone: who contests what with whom?
    pub(super) fn review_contests(&mut self, consumer: ConsumerId) {
        let group = self.processes[consumer.index()].group;
        let mut contests = std::mem::take(&mut self.groups[group.index()].contests);
        for index in self.partitions_in_use(consumer) {
            let mut owners = std::mem::take(&mut self.groups[group.index()].owners[index]);
            // A zombie may outlive several successors.
            owners.retain(|&owner| owner != consumer && self.uses(owner, index));
            for &before in &owners {
                if !contests.contains(&(before, consumer)) {
                    contests.push((before, consumer));
                }
            }
            owners.push(consumer);
            self.groups[group.index()].owners[index] = owners;
        }
        if contests.is_empty() {
            return;
        }
        let concerned: Vec<ConsumerId> = contests.iter().flat_map(|&(a, b)| [a, b]).collect();
        contests.retain(|&(a, b)| {
            let others = self.partitions_in_use(b);
            let common = |index| others.contains(index);
            a != b && self.partitions_in_use(a).iter().any(common)
        });
        self.groups[group.index()].contests = contests;
        for consumer in concerned {
            self.set_contested(group, consumer);
        }
    }

    fn set_contested(&mut self, group: GroupId, consumer: ConsumerId) {
        let pairs = &self.groups[group.index()].contests;
        let contested = pairs.iter().any(|&(a, b)| a == consumer || b == consumer);
        let client = &mut self.processes[consumer.index()].client;
        if client
            .as_ref()
            .is_some_and(|client| client.contested != contested)
        {
            self.catch_up(consumer);
            if let Some(client) = &mut self.processes[consumer.index()].client {
                client.contested = contested;
            }
            self.rearm(consumer);
        }
    }

    /// True when a client may return records of the partition at `index`.
    fn uses(&self, consumer: ConsumerId, index: usize) -> bool {
        let client = self.processes[consumer.index()].client.as_ref();
        client.is_some_and(|client| {
            let mut slots = client.fetcher.slots.iter();
            slots.any(|slot| slot.index == index && !slot.suspended)
        })
    }

    /// Flat indexes of the partitions of which a client may return records.
    fn partitions_in_use(&self, consumer: ConsumerId) -> Vec<usize> {
        let Some(client) = &self.processes[consumer.index()].client else {
            return Vec::new();
        };
        let slots = client.fetcher.slots.iter();
        slots
            .filter(|slot| !slot.suspended)
            .map(|slot| slot.index)
            .collect()
    }
}
