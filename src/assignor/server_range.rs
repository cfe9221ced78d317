//! The coordinator's `RangeAssignor` (KIP-848): for each topic a contiguous block to each subscriber; neither sticky
//! nor rack-aware (the sticky one of 3.7 and 3.8 was withdrawn).

use super::layout::{Layout, Slot};

pub(super) fn assign(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let mut lists = layout.empty_lists();
    let subscribers = layout.subscribers(&layout.members_by_key());
    for &topic in &layout.topics_by_name {
        let subscribers = &subscribers[topic];
        let mut slots = layout.slots_of(topic);
        let quota = slots.len() / subscribers.len();
        let extra = slots.len() % subscribers.len();
        for (position, &member) in subscribers.iter().enumerate() {
            let size = quota + usize::from(position < extra);
            lists[member].extend(slots.by_ref().take(size));
        }
    }
    lists
}
