//! The coordinator's `UniformAssignor` (KIP-848): sticky and balanced, one builder for groups in which all members
//! subscribe to the same topics, one for the others. It ignores racks, as all releases up to 4.4.0 do.

mod heterogeneous;
mod homogeneous;
mod load;

use super::layout::{Layout, Slot};

pub(super) fn assign(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let nobody = vec![Vec::new(); layout.input.members.len()];
    let Some(&first) = layout.members.first() else {
        return nobody;
    };
    if layout.topics.is_empty() {
        return nobody;
    }
    let topics = topic_set(layout, first);
    let listed = &layout.member(first).topics;
    let alike = layout.members.iter().all(|&member| {
        layout.member(member).topics == *listed || topic_set(layout, member) == topics
    });
    if alike && !layout.input.mixed_patterns {
        homogeneous::build(layout, first)
    } else {
        heterogeneous::build(layout)
    }
}

/// The subscription as a set: `ModernGroup.subscriptionType` compares names, of topics that do not exist too.
fn topic_set(layout: &Layout<'_>, member: usize) -> Vec<usize> {
    let topics = layout.member(member).topics.iter();
    let mut set: Vec<usize> = topics.map(|topic| topic.index()).collect();
    set.sort_unstable();
    set.dedup();
    set
}
