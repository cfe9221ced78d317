//! The second half of `GeneralAssignmentBuilder`: moving partitions between members until nothing gets better.

use super::general::Builder;
use super::remove_first;
use crate::assignor::layout::Slot;

/// `GeneralAssignmentBuilder.balance`, after what was unassigned has been assigned.
pub(super) fn balance(
    builder: &mut Builder<'_>,
    mut all: Vec<Slot>,
    mut unassigned: Vec<Slot>,
    is_initial: bool,
) {
    let movable = |slot: &Slot| builder.candidates[builder.topic(*slot)].len() >= 2;
    all.retain(movable);
    unassigned.retain(movable);
    set_fixed_aside(builder);

    let before = builder.lists.clone();
    let mut balancer = Balancer {
        builder,
        witness: None,
        is_settled: false,
    };
    if !balancer.builder.revoked {
        balancer.reassign(&unassigned);
    }
    let has_changed = balancer.reassign(&all);
    if !is_initial && has_changed && score(builder, &builder.lists) >= score(builder, &before) {
        builder.lists = before;
    }
}

/// Members that hold all they could ever hold, none of it movable (`canConsumerParticipateInReassignment`).
fn set_fixed_aside(builder: &mut Builder<'_>) {
    for member in 0..builder.lists.len() {
        let is_fixed = builder.load(member) >= builder.most[member]
            && builder.lists[member]
                .iter()
                .all(|&slot| builder.candidates[builder.topic(slot)].len() < 2);
        if is_fixed {
            builder.delist(member);
            builder.is_fixed[member] = true;
        }
    }
}

/// `getBalanceScore`: the sum over all pairs of members of the difference of their loads, in Java's `int`.
fn score(builder: &Builder<'_>, lists: &[Vec<Slot>]) -> i32 {
    let mut loads: Vec<i64> = builder
        .layout
        .members
        .iter()
        .filter(|&&member| !builder.is_fixed[member])
        .map(|&member| lists[member].len() as i64)
        .collect();
    loads.sort_unstable();
    // the load at position i exceeds i others and is exceeded by the rest
    let last = loads.len() as i64 - 1;
    let signed = (0..)
        .zip(&loads)
        .map(|(position, &load)| load * (2 * position - last));
    signed.sum::<i64>() as i32
}

struct Balancer<'a, 'b> {
    builder: &'a mut Builder<'b>,
    /// A member and a partition that it could take from a member with at least two more.
    witness: Option<(usize, Slot)>,
    /// Found balanced, and nothing has moved since.
    is_settled: bool,
}

/// What decides how the rounds go on.
#[derive(PartialEq, Eq)]
struct State {
    owner: Vec<Option<usize>>,
    pairs: Vec<Option<(usize, usize)>>,
}

impl Balancer<'_, '_> {
    /// `performReassignments`: goes over `slots` until a round moves nothing. True when anything moved.
    ///
    /// On some inputs Kafka's loop never ends (a partition that moved is exchanged for another for ever). Here the
    /// rounds stop when a state comes back; it is compared with the states after rounds 1, 2, 4, 8 and so on.
    fn reassign(&mut self, slots: &[Slot]) -> bool {
        let mut has_changed = false;
        let mut saved = None;
        for round in 1_u64.. {
            if !self.reassign_once(slots) {
                break;
            }
            has_changed = true;
            let state = State {
                owner: self.builder.owner.clone(),
                pairs: self.builder.movements.pairs().to_vec(),
            };
            if saved.as_ref() == Some(&state) {
                break;
            }
            if round.is_power_of_two() {
                saved = Some(state);
            }
        }
        has_changed
    }

    fn reassign_once(&mut self, slots: &[Slot]) -> bool {
        let mut modified = false;
        for &slot in slots {
            if self.is_balanced() {
                break;
            }
            let Some(owner) = self.builder.owner[slot as usize] else {
                continue;
            };
            if let Some(taker) = self.better_owner(slot, owner) {
                self.move_to(slot, owner, taker);
                modified = true;
            }
        }
        modified
    }

    /// Who should have the partition instead: its owner of an older generation if that has at least two fewer; else, if
    /// anybody with at least two fewer could have it, the subscriber with least.
    ///
    /// An older owner that was set aside counts as absent; Kafka throws a NullPointerException there. Candidates in the
    /// owner's rack come first in Kafka, but both ways lead to the same taker.
    fn better_owner(&self, slot: Slot, owner: usize) -> Option<usize> {
        let builder = &*self.builder;
        let load = builder.load(owner);
        let has_less = |member: usize| !builder.is_fixed[member] && load > builder.load(member) + 1;
        if let Some(previous) = builder.previous[slot as usize].filter(|&member| has_less(member)) {
            return Some(previous);
        }
        let topic = builder.topic(slot);
        let lightest = builder
            .members_by_load()
            .find(|&member| builder.subscribes(member, topic))?;
        has_less(lightest).then_some(lightest)
    }

    /// `reassignPartition` and `processPartitionMovement`.
    fn move_to(&mut self, slot: Slot, owner: usize, taker: usize) {
        let builder = &mut *self.builder;
        let slot = builder.movements.actual(builder.layout, slot, owner, taker);
        let Some(owner) = builder.owner[slot as usize] else {
            return;
        };
        builder.delist(owner);
        builder.delist(taker);
        builder.movements.record(builder.layout, slot, owner, taker);
        remove_first(&mut builder.lists[owner], slot);
        builder.lists[taker].push(slot);
        builder.owner[slot as usize] = Some(taker);
        builder.enlist(taker);
        builder.enlist(owner);
        self.is_settled = false;
    }

    /// `isBalanced`: loads differ by at most one, or nobody could take a partition from somebody with at least two
    /// more. The last counterexample usually still stands, so the search is rare.
    fn is_balanced(&mut self) -> bool {
        let builder = &*self.builder;
        let (Some(&(least, _)), Some(&(most, _))) =
            (builder.by_load.first(), builder.by_load.last())
        else {
            return true;
        };
        if self.is_settled || least + 1 >= most {
            return true;
        }
        if !self
            .witness
            .is_some_and(|(member, slot)| self.could_take(member, slot))
        {
            self.witness = self.find_witness();
            self.is_settled = self.witness.is_none();
        }
        self.is_settled
    }

    fn could_take(&self, member: usize, slot: Slot) -> bool {
        let builder = &*self.builder;
        builder.load(member) != builder.most[member]
            && builder.owner[slot as usize]
                .is_some_and(|owner| builder.load(owner) > builder.load(member) + 1)
    }

    fn find_witness(&self) -> Option<(usize, Slot)> {
        let builder = &*self.builder;
        let load_of =
            |slot: Slot| builder.owner[slot as usize].map_or(0, |owner| builder.load(owner));
        // of each topic the partition whose owner has most, found when first needed
        let mut heaviest: Vec<Option<Slot>> = vec![None; builder.candidates.len()];
        for member in builder.members_by_load() {
            for &topic in &builder.topics[member] {
                let slot = heaviest[topic].or_else(|| {
                    let slots = builder.layout.slots_of(topic);
                    slots.max_by_key(|&slot| load_of(slot))
                });
                heaviest[topic] = slot;
                if let Some(slot) = slot.filter(|&slot| self.could_take(member, slot)) {
                    return Some((member, slot));
                }
            }
        }
        None
    }
}
