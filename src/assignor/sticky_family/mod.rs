//! `AbstractStickyAssignor`: what `sticky` and `cooperative-sticky` share.
//!
//! First the claims are sorted out (here), then one of two builders makes the target: [`constrained`] when all members
//! subscribe to the same topics, [`general`] when they do not.

mod balance;
mod constrained;
mod general;
mod movements;

use std::borrow::Cow;

use super::layout::{Layout, Slot};
use super::racks::Racks;
use super::{AssignorMemory, TopicPartition};

/// What a member claims to own, in the order in which the leader reads it.
pub(super) type Claim<'a> = Cow<'a, [TopicPartition]>;

/// What a builder made.
pub(super) struct Target {
    /// One list for each member.
    pub(super) lists: Vec<Vec<Slot>>,
    /// `partitionsTransferringOwnership` by slot; `None` when the builder does not track it.
    pub(super) transferred: Option<Vec<bool>>,
}

/// The claims sorted out (`allSubscriptionsEqual`).
struct Ownership {
    /// `consumerToOwnedPartitions`
    owned: Vec<Vec<Slot>>,
    /// `partitionsWithMultiplePreviousOwners`, by slot.
    contested: Vec<bool>,
    /// All members subscribe to the same topics.
    is_equal: bool,
}

/// `RackInfo`
struct RackInfo {
    racks: Racks,
    /// Racks count; otherwise they are as good as absent.
    is_aware: bool,
    /// For each slot the number of members in the racks of its replicas, whenever any member has a rack.
    popularity: Option<Vec<u32>>,
}

impl RackInfo {
    fn new(layout: &Layout<'_>) -> Self {
        let racks = Racks::new(layout);
        let members = 0..layout.input.members.len();
        let is_aware = racks.matter(members, 0..layout.slots() as Slot);
        let popularity = racks.of_member.iter().any(Option::is_some).then(|| {
            let mut residents = vec![0; racks.count];
            for &rack in racks.of_member.iter().flatten() {
                residents[rack as usize] += 1;
            }
            (0..layout.slots() as Slot)
                .map(|slot| {
                    let racks = racks.of_slot(slot).iter();
                    racks.map(|&rack| residents[rack as usize]).sum()
                })
                .collect()
        });
        Self {
            racks,
            is_aware,
            popularity,
        }
    }

    /// The member's rack holds a replica.
    fn matches(&self, member: usize, slot: Slot) -> bool {
        self.racks.of_member[member].is_some_and(|rack| self.racks.of_slot(slot).contains(&rack))
    }

    /// `racksMismatch`: racks count, the member has one, and it holds no replica.
    fn mismatches(&self, member: usize, slot: Slot) -> bool {
        self.is_aware && self.racks.of_member[member].is_some() && !self.matches(member, slot)
    }
}

/// Runs the sticky algorithm on one claim for each member.
pub(super) fn assign(
    layout: &Layout<'_>,
    claims: &[Claim<'_>],
    memory: &mut AssignorMemory,
) -> Target {
    let racks = RackInfo::new(layout);
    let ownership = sort_out(layout, claims, memory);
    if ownership.is_equal {
        constrained::build(layout, &racks, ownership)
    } else {
        general::build(layout, &racks, ownership, claims, *memory)
    }
}

/// `allSubscriptionsEqual`: whose claim counts. Members in the order of the subscriptions; a later claim of the same
/// generation voids both, one of a higher generation wins, where the earlier member's generation is the one of its
/// subscription. Members of an old generation keep what nobody else claims (KIP-792).
fn sort_out(layout: &Layout<'_>, claims: &[Claim<'_>], memory: &mut AssignorMemory) -> Ownership {
    let mut owned: Vec<Vec<Slot>> = vec![Vec::new(); claims.len()];
    let mut contested = vec![false; layout.slots()];
    let mut claimer: Vec<Option<usize>> = vec![None; layout.slots()];
    let mut is_equal = true;
    let mut subscribed = vec![false; layout.input.topics.len()];
    let mut distinct = 0;
    for &member in &layout.members {
        let description = layout.member(member);
        if distinct == 0 {
            for topic in &description.topics {
                distinct += usize::from(!std::mem::replace(&mut subscribed[topic.index()], true));
            }
        } else {
            let topics = &description.topics;
            is_equal &=
                topics.len() == distinct && topics.iter().all(|topic| subscribed[topic.index()]);
        }
        let generation = description.generation;
        memory.max_generation = memory.max_generation.max(generation);
        for slot in slots_of(layout, &claims[member]) {
            let Some(other) = claimer[slot as usize] else {
                owned[member].push(slot);
                claimer[slot as usize] = Some(member);
                continue;
            };
            let other_generation = layout.member(other).subscription_generation;
            if generation < other_generation {
                continue;
            }
            if generation == other_generation {
                contested[slot as usize] = true;
            } else {
                owned[member].push(slot);
            }
            remove_first(&mut owned[other], slot);
            claimer[slot as usize] = Some(member);
        }
    }
    Ownership {
        owned,
        contested,
        is_equal,
    }
}

/// The claimed partitions that exist and that somebody subscribes to.
fn slots_of(layout: &Layout<'_>, claim: &[TopicPartition]) -> impl Iterator<Item = Slot> {
    claim.iter().filter_map(|&partition| layout.slot(partition))
}

/// `List.remove(Object)`
fn remove_first(list: &mut Vec<Slot>, slot: Slot) {
    if let Some(position) = list.iter().position(|&held| held == slot) {
        list.remove(position);
    }
}
