//! The client's `StickyAssignor`: eager, what a member owned comes back to the leader in its user data.

use super::java::{JavaHashMap, JavaString};
use super::layout::{Layout, Slot};
use super::sticky_family::{self, Claim};
use super::{AssignorMemory, TopicPartition};

pub(super) fn assign(layout: &Layout<'_>, memory: &mut AssignorMemory) -> Vec<Vec<Slot>> {
    let members = layout.input.members.iter();
    let claims: Vec<Claim<'_>> = members
        .map(|member| grouped_by_topic(layout, &member.owned).into())
        .collect();
    sticky_family::assign(layout, &claims, memory).lists
}

/// The user data holds partitions grouped by topic, the topics in the order of a `HashMap` (`groupPartitionsByTopic`).
fn grouped_by_topic(layout: &Layout<'_>, owned: &[TopicPartition]) -> Vec<TopicPartition> {
    let mut by_topic: JavaHashMap<JavaString<'_>, Vec<TopicPartition>> = JavaHashMap::new();
    for &partition in owned {
        let name = &layout.input.topics[partition.topic.index()].name;
        by_topic
            .compute_if_absent(JavaString(name), Vec::new)
            .push(partition);
    }
    by_topic.values().flatten().copied().collect()
}
