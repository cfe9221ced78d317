//! The client's `RoundRobinAssignor`: all partitions in order of topic name and number, dealt to the members in a ring.

use super::layout::{Layout, Slot};

pub(super) fn assign(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let ring = layout.members_by_key();
    let mut lists = vec![Vec::new(); layout.input.members.len()];
    let subscribers = layout.subscribers(&ring);
    let mut place = vec![0; layout.input.members.len()];
    for (position, &member) in ring.iter().enumerate() {
        place[member] = position;
    }
    // the pointer stands on a position of the ring
    let mut pointer = 0;
    for &topic in &layout.topics_by_name {
        let subscribers = &subscribers[topic];
        // the first subscriber at or after the pointer, else the first of all
        let at_or_after = subscribers.partition_point(|&member| place[member] < pointer);
        let dealt = subscribers.iter().cycle().skip(at_or_after);
        for (slot, &member) in layout.slots_of(topic).zip(dealt) {
            lists[member].push(slot);
            pointer = (place[member] + 1) % ring.len();
        }
    }
    lists
}
