//! The client's `RangeAssignor`: for each topic a contiguous block of partitions to each subscriber; rack-aware since
//! 3.5 (KIP-881), with the same partition of co-partitioned topics going to one member.

use std::collections::BTreeMap;

use super::layout::{Layout, Slot};
use super::racks::{Rack, Racks};

/// `RangeAssignor.TopicAssignmentState`.
struct TopicState {
    /// Slot of partition 0.
    first: Slot,
    /// Subscribers by `MemberInfo.compareTo`.
    members: Vec<usize>,
    /// Partitions assigned, by position in `members`.
    counts: Vec<u32>,
    taken: Vec<bool>,
    /// Partitions that every subscriber gets.
    quota: u32,
    /// How many subscribers may still get one more.
    extra: u32,
    /// Some subscriber has a rack, so the replicas' racks were looked at.
    has_racks: bool,
    /// `needsRackAwareAssignment`
    is_rack_aware: bool,
}

pub(super) fn assign(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let racks = Racks::new(layout);
    let subscribers = layout.subscribers(&layout.members_by_key());
    let mut states: Vec<TopicState> = layout
        .topics
        .iter()
        .map(|&topic| TopicState::new(layout, &racks, topic, &subscribers[topic]))
        .collect();
    let mut lists = layout.empty_lists();
    let is_rack_aware = states.iter().any(|state| state.is_rack_aware);
    if is_rack_aware {
        assign_within_racks(&mut states, &racks, &mut lists);
    }
    for state in &mut states {
        state.assign_ranges(None, &mut lists);
    }
    if is_rack_aware {
        // slots ascend by (topic, partition)
        lists.iter_mut().for_each(|list| list.sort_unstable());
    }
    lists
}

/// `assignWithRackMatching`: topics with the same subscribers and number of partitions go together.
fn assign_within_racks(states: &mut [TopicState], racks: &Racks, lists: &mut [Vec<Slot>]) {
    let mut groups: BTreeMap<(&[usize], usize), Vec<usize>> = BTreeMap::new();
    for (position, state) in states.iter().enumerate() {
        // without racks `partitionRacks` is empty
        let partitions = if state.has_racks {
            state.taken.len()
        } else {
            0
        };
        let group = groups.entry((&state.members, partitions)).or_default();
        group.push(position);
    }
    let groups: Vec<(usize, Vec<usize>)> = groups
        .into_iter()
        .map(|((_, partitions), group)| (partitions, group))
        .collect();
    for (partitions, group) in groups {
        if let [only] = *group {
            if states[only].is_rack_aware {
                states[only].assign_ranges(Some(racks), lists);
            }
        } else {
            assign_together(states, &group, partitions, racks, lists);
        }
    }
}

/// `assignCoPartitionedWithRackMatching`: each partition number goes, in all topics of the group, to the first member
/// with room whose rack holds a replica of every one of them.
///
/// The topics of a group fill in step, and a member that is full never gets room again, so a queue for each rack finds
/// that member without a scan.
fn assign_together(
    states: &mut [TopicState],
    group: &[usize],
    partitions: usize,
    racks: &Racks,
    lists: &mut [Vec<Slot>],
) {
    let leader = group[0];
    let mut queues = RackQueues::new(&states[leader].members, racks);
    for partition in 0..partitions as u32 {
        let chosen = queues
            .racks()
            .filter(|rack| {
                rack.is_none_or(|rack| {
                    group.iter().all(|&state| {
                        let slot = states[state].first + partition;
                        racks.of_slot(slot).contains(&rack)
                    })
                })
            })
            .filter_map(|rack| queues.front(rack, |position| states[leader].room(position) > 0))
            .min();
        let Some(position) = chosen else { continue };
        for &state in group {
            states[state].give(position, &[partition], lists);
        }
        queues.settle(|position| states[leader].room(position) > 0);
    }
}

/// Members of one topic by rack, those that are full dropped from the front.
struct RackQueues {
    /// The last queue is of members without a rack.
    queues: Vec<Vec<usize>>,
    heads: Vec<usize>,
}

impl RackQueues {
    fn new(members: &[usize], racks: &Racks) -> Self {
        let mut queues = vec![Vec::new(); racks.count + 1];
        for (position, &member) in members.iter().enumerate() {
            let queue = racks.of_member[member].map_or(racks.count, |rack| rack as usize);
            queues[queue].push(position);
        }
        Self {
            heads: vec![0; queues.len()],
            queues,
        }
    }

    /// The racks of members, `None` for no rack.
    fn racks(&self) -> impl Iterator<Item = Option<Rack>> + use<> {
        let count = self.queues.len() - 1;
        (0..count as Rack).map(Some).chain([None])
    }

    fn front(&self, rack: Option<Rack>, has_room: impl Fn(usize) -> bool) -> Option<usize> {
        let queue = rack.map_or(self.queues.len() - 1, |rack| rack as usize);
        let waiting = &self.queues[queue][self.heads[queue]..];
        waiting.iter().copied().find(|&position| has_room(position))
    }

    fn settle(&mut self, has_room: impl Fn(usize) -> bool) {
        for (queue, head) in self.queues.iter().zip(&mut self.heads) {
            while queue
                .get(*head)
                .is_some_and(|&position| !has_room(position))
            {
                *head += 1;
            }
        }
    }
}

impl TopicState {
    fn new(layout: &Layout<'_>, racks: &Racks, topic: usize, members: &[usize]) -> Self {
        let slots = layout.slots_of(topic);
        let partitions = slots.len() as u32;
        let subscribers = members.len().max(1) as u32;
        let has_racks = members
            .iter()
            .any(|&member| racks.of_member[member].is_some());
        Self {
            first: slots.start,
            members: members.to_vec(),
            counts: vec![0; members.len()],
            taken: vec![false; slots.len()],
            quota: partitions / subscribers,
            extra: partitions % subscribers,
            has_racks,
            is_rack_aware: has_racks && racks.matter(members.iter().copied(), slots),
        }
    }

    /// `maxAssignable`
    fn room(&self, position: usize) -> u32 {
        let most = self.quota + u32::from(self.extra > 0);
        most.saturating_sub(self.counts[position])
    }

    /// `assignRanges`: each subscriber takes the first partitions that it may have. With `racks` given, it may have
    /// those with a replica in its rack, and a member without a rack all.
    ///
    /// What a cursor has passed is taken or has no replica in the cursor's rack; so one cursor for each rack suffices.
    fn assign_ranges(&mut self, racks: Option<&Racks>, lists: &mut [Vec<Slot>]) {
        let mut cursors = vec![0_u32; racks.map_or(1, |racks| racks.count + 1)];
        let mut block = Vec::new();
        for position in 0..self.members.len() {
            let rack = racks.and_then(|racks| {
                racks.of_member[self.members[position]].map(|rack| (racks, rack))
            });
            let last = cursors.len() - 1;
            let cursor = &mut cursors[rack.map_or(last, |(_, rack)| rack as usize)];
            let room = self.room(position) as usize;
            block.clear();
            while block.len() < room && (*cursor as usize) < self.taken.len() {
                let partition = *cursor;
                let matches = rack.is_none_or(|(racks, rack)| {
                    racks.of_slot(self.first + partition).contains(&rack)
                });
                if matches && !self.taken[partition as usize] {
                    block.push(partition);
                }
                *cursor += 1;
            }
            self.give(position, &block, lists);
        }
    }

    fn give(&mut self, position: usize, partitions: &[u32], lists: &mut [Vec<Slot>]) {
        if partitions.is_empty() {
            return;
        }
        let list = &mut lists[self.members[position]];
        for &partition in partitions {
            list.push(self.first + partition);
            self.taken[partition as usize] = true;
        }
        self.counts[position] += partitions.len() as u32;
        if self.counts[position] > self.quota {
            self.extra -= 1;
        }
    }
}
