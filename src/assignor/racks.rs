//! Racks of members and replicas, as the rack-aware client assignors see them (KIP-881).

use super::layout::{Layout, Slot};

/// A rack's number within one input.
pub(super) type Rack = u32;

/// The racks of one input. A rack named "" is none.
pub(super) struct Racks {
    /// Number of different racks, of members and replicas.
    pub(super) count: usize,
    /// Rack of each member.
    pub(super) of_member: Vec<Option<Rack>>,
    /// Where each slot's racks begin in `replicas`; one more at the end.
    starts: Vec<u32>,
    replicas: Vec<Rack>,
}

impl Racks {
    pub(super) fn new(layout: &Layout<'_>) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut number = |name| -> Rack {
            let known = names.iter().position(|&known| known == name);
            known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            }) as Rack
        };
        let of_member: Vec<Option<Rack>> = layout
            .input
            .members
            .iter()
            .map(|member| member.rack.as_deref().filter(|rack| !rack.is_empty()))
            .map(|rack| rack.map(&mut number))
            .collect();
        let (mut starts, mut replicas) = (vec![0], Vec::new());
        if of_member.iter().any(Option::is_some) {
            for slot in 0..layout.slots() as Slot {
                let partition = layout.partition(slot);
                let topic = &layout.input.topics[partition.topic.index()];
                let from = replicas.len();
                for name in topic
                    .racks
                    .get(partition.partition as usize)
                    .into_iter()
                    .flatten()
                {
                    let rack = number(name);
                    if !replicas[from..].contains(&rack) {
                        replicas.push(rack);
                    }
                }
                starts.push(replicas.len() as u32);
            }
        } else {
            starts.resize(layout.slots() + 1, 0);
        }
        Self {
            count: names.len(),
            of_member,
            starts,
            replicas,
        }
    }

    /// The racks that hold a replica of the partition.
    pub(super) fn of_slot(&self, slot: Slot) -> &[Rack] {
        let slot = slot as usize;
        &self.replicas[self.starts[slot] as usize..self.starts[slot + 1] as usize]
    }

    /// `AbstractPartitionAssignor.useRackAwareAssignment`: some of the members' racks holds a replica, and not every
    /// partition has replicas in every rack that holds any.
    pub(super) fn matter(
        &self,
        members: impl Iterator<Item = usize>,
        slots: impl Iterator<Item = Slot> + Clone,
    ) -> bool {
        let mut holds = vec![false; self.count];
        for slot in slots.clone() {
            for &rack in self.of_slot(slot) {
                holds[rack as usize] = true;
            }
        }
        let mut racks = members.filter_map(|member| self.of_member[member]);
        let holding = holds.iter().filter(|&&holds| holds).count();
        racks.any(|rack| holds[rack as usize])
            && slots
                .into_iter()
                .any(|slot| self.of_slot(slot).len() != holding)
    }
}
