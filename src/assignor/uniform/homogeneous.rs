//! `UniformHomogeneousAssignmentBuilder`, as of 4.0.1 (KAFKA-18688: who has an extra partition keeps it).

use crate::assignor::java::{JavaHashMap, JavaString};
use crate::assignor::layout::{Layout, Slot};
use crate::assignor::{TopicId, TopicUuid};

/// A member's target as the coordinator keeps it: `Map<Uuid, Set<Integer>>`.
type Held = JavaHashMap<TopicUuid, (TopicId, JavaHashMap<i32, u32>)>;

pub(super) fn build(layout: &Layout<'_>, first: usize) -> Vec<Vec<Slot>> {
    let mut unassigned = unassigned(layout, first);
    let members = layout.members.len();
    let quota = layout.slots() / members;
    let mut extras = layout.slots() % members;
    let mut lists = layout.empty_lists();
    let mut unfilled = Vec::new();
    for (position, &member) in layout.members.iter().enumerate() {
        let offers_extra = extras > 0;
        let mut room = quota + usize::from(offers_extra);
        let list = &mut lists[member];
        keep(layout, member, &mut room, list, &mut unassigned);
        // the last members must take the extras that are left
        let gives_back = offers_extra && room > 0 && members - position > extras;
        room -= usize::from(gives_back);
        extras -= usize::from(offers_extra && !gives_back);
        if room > 0 {
            unfilled.push((member, room));
        }
    }
    let mut unassigned = unassigned.into_iter();
    for (member, room) in unfilled {
        lists[member].extend(unassigned.by_ref().take(room));
    }
    lists
}

/// The partitions in nobody's target: topics in the order of a `HashSet<Uuid>`, copied from the first member's
/// subscription, which iterates as the `HashSet<String>` of the names (`TopicIds`); partitions ascending.
fn unassigned(layout: &Layout<'_>, first: usize) -> Vec<Slot> {
    let mut is_held = vec![false; layout.slots()];
    for member in &layout.input.members {
        for slot in member.owned.iter().filter_map(|&held| layout.slot(held)) {
            is_held[slot as usize] = true;
        }
    }
    let topics = &layout.input.topics;
    let names: JavaHashMap<JavaString<'_>, TopicId> = layout
        .member(first)
        .topics
        .iter()
        .map(|&topic| (JavaString(&topics[topic.index()].name), topic))
        .collect();
    let mut ids = JavaHashMap::sized_for_collection(names.len());
    let known = names.values().filter(|&&topic| layout.is_assignable(topic));
    ids.extend(known.map(|&topic| (topics[topic.index()].id, topic)));
    ids.values()
        .flat_map(|topic| layout.slots_of(topic.index()))
        .filter(|&slot| !is_held[slot as usize])
        .collect()
}

/// `maybeRevokePartitions` for one member: keeps up to `room` of what is in its target, the rest is unassigned. What
/// it does not subscribe to any more is dropped, and nobody gets it, for nobody subscribes to it. The order in which it keeps partitions
/// decides which ones it keeps, and nothing where it keeps all.
fn keep(
    layout: &Layout<'_>,
    member: usize,
    room: &mut usize,
    list: &mut Vec<Slot>,
    unassigned: &mut Vec<Slot>,
) {
    let owned = &layout.member(member).owned;
    list.extend(owned.iter().filter_map(|&held| layout.slot(held)));
    list.sort_unstable();
    list.dedup();
    if list.len() <= *room {
        *room -= list.len();
        return;
    }
    list.clear();
    let mut held = Held::new();
    for partition in owned {
        let Some(slot) = layout.slot(*partition) else {
            continue;
        };
        let id = layout.input.topics[partition.topic.index()].id;
        let (_, partitions) = held.compute_if_absent(id, || (partition.topic, JavaHashMap::new()));
        partitions.insert(partition.partition as i32, slot);
    }
    for (_, partitions) in held.values() {
        let mut slots = partitions.values().copied();
        list.extend(slots.by_ref().take(*room));
        *room -= partitions.len().min(*room);
        unassigned.extend(slots);
    }
}
