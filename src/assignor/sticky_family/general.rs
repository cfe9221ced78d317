//! `GeneralAssignmentBuilder`: subscriptions differ.
//!
//! Keep what is owned, give what is left to the member with least that subscribes to it, then move partitions from
//! members with more to members with less (`balance`).

use std::collections::BTreeSet;

use super::balance;
use super::movements::Movements;
use super::{Claim, Ownership, RackInfo, Target, slots_of};
use crate::assignor::AssignorMemory;
use crate::assignor::layout::{Layout, Slot};

/// What all steps of the builder work on.
pub(super) struct Builder<'a> {
    pub(super) layout: &'a Layout<'a>,
    pub(super) racks: &'a RackInfo,
    /// `topic2AllPotentialConsumers`, by topic of the input.
    pub(super) candidates: Vec<Vec<usize>>,
    /// `consumer2AllPotentialTopics`
    pub(super) topics: Vec<Vec<usize>>,
    /// Whether a member subscribes to a topic, row by row.
    subscribed: Vec<bool>,
    /// `getMaxAssignmentSize` of each member.
    pub(super) most: Vec<usize>,
    /// `currentAssignment`
    pub(super) lists: Vec<Vec<Slot>>,
    /// `currentPartitionConsumer`
    pub(super) owner: Vec<Option<usize>>,
    /// `sortedCurrentSubscriptions`: (number of partitions, rank of the member id).
    pub(super) by_load: BTreeSet<(usize, u32)>,
    /// Place of each member in the order of the ids.
    pub(super) ranks: Vec<u32>,
    /// The member of each rank.
    pub(super) member_of_rank: Vec<usize>,
    /// `prevAssignment`: who claims the slot in an older generation than the highest.
    pub(super) previous: Vec<Option<usize>>,
    pub(super) movements: Movements,
    /// Members set aside because nothing of theirs can change.
    pub(super) is_fixed: Vec<bool>,
    /// `revocationRequired`
    pub(super) revoked: bool,
}

pub(super) fn build(
    layout: &Layout<'_>,
    racks: &RackInfo,
    ownership: Ownership,
    claims: &[Claim<'_>],
    memory: AssignorMemory,
) -> Target {
    let mut builder = Builder::new(layout, racks, ownership.owned);
    builder.previous = previous(layout, claims, memory.max_generation);
    builder.drop_invalid();
    for &member in &layout.members {
        builder.enlist(member);
    }
    let all = builder.all_slots();
    let unassigned: Vec<Slot> = all
        .iter()
        .copied()
        .filter(|&slot| builder.owner[slot as usize].is_none())
        .collect();
    // the largest member has nothing
    let is_initial = builder.by_load.last().is_none_or(|&(size, _)| size == 0);
    builder.assign(&unassigned);
    balance::balance(&mut builder, all, unassigned, is_initial);
    Target {
        lists: builder.lists,
        transferred: None,
    }
}

/// `prepopulateCurrentAssignments`: of several old claims the one of the highest generation, then the first.
fn previous(layout: &Layout<'_>, claims: &[Claim<'_>], max_generation: i32) -> Vec<Option<usize>> {
    let mut previous: Vec<Option<usize>> = vec![None; layout.slots()];
    for &member in &layout.members {
        let generation = layout.member(member).generation;
        if generation >= max_generation {
            continue;
        }
        for slot in slots_of(layout, &claims[member]) {
            let present = &mut previous[slot as usize];
            if present.is_none_or(|other| layout.member(other).generation < generation) {
                *present = Some(member);
            }
        }
    }
    previous
}

impl<'a> Builder<'a> {
    fn new(layout: &'a Layout<'a>, racks: &'a RackInfo, owned: Vec<Vec<Slot>>) -> Self {
        let topic_count = layout.input.topics.len();
        let members = owned.len();
        let mut candidates = vec![Vec::new(); topic_count];
        let mut topics = vec![Vec::new(); members];
        let mut subscribed = vec![false; topic_count * members];
        for &member in &layout.members {
            let known = layout.member(member).topics.iter();
            for topic in known.filter(|&&topic| layout.is_assignable(topic)) {
                topics[member].push(topic.index());
                candidates[topic.index()].push(member);
                subscribed[member * topic_count + topic.index()] = true;
            }
        }
        let most = topics
            .iter()
            .map(|topics| {
                if topics.len() == layout.topics.len() {
                    layout.slots()
                } else {
                    topics
                        .iter()
                        .map(|&topic| layout.slots_of(topic).len())
                        .sum()
                }
            })
            .collect();
        let ranks = layout.id_ranks();
        let mut member_of_rank = vec![0; members];
        for (member, &rank) in ranks.iter().enumerate() {
            member_of_rank[rank as usize] = member;
        }
        Self {
            layout,
            racks,
            candidates,
            topics,
            subscribed,
            most,
            lists: owned,
            owner: vec![None; layout.slots()],
            by_load: BTreeSet::new(),
            ranks,
            member_of_rank,
            previous: Vec::new(),
            movements: Movements::new(layout),
            is_fixed: vec![false; members],
            revoked: false,
        }
    }

    pub(super) fn subscribes(&self, member: usize, topic: usize) -> bool {
        self.subscribed[member * self.layout.input.topics.len() + topic]
    }

    pub(super) fn topic(&self, slot: Slot) -> usize {
        self.layout.topic_of[slot as usize] as usize
    }

    pub(super) fn load(&self, member: usize) -> usize {
        self.lists[member].len()
    }

    /// Puts a member into the order by load.
    pub(super) fn enlist(&mut self, member: usize) {
        self.by_load.insert((self.load(member), self.ranks[member]));
    }

    /// Takes a member out of it, before its load changes.
    pub(super) fn delist(&mut self, member: usize) {
        self.by_load
            .remove(&(self.load(member), self.ranks[member]));
    }

    /// The members by load, then id.
    pub(super) fn members_by_load(&self) -> impl Iterator<Item = usize> {
        let ranks = self.by_load.iter();
        ranks.map(|&(_, rank)| self.member_of_rank[rank as usize])
    }

    /// `assignOwnedPartitions`: drops what is no longer subscribed to or lies in the wrong racks.
    fn drop_invalid(&mut self) {
        for member in 0..self.lists.len() {
            let mut list = std::mem::take(&mut self.lists[member]);
            list.retain(|&slot| {
                let keeps = self.subscribes(member, self.topic(slot))
                    && !self.racks.mismatches(member, slot);
                if keeps {
                    self.owner[slot as usize] = Some(member);
                } else {
                    self.revoked = true;
                }
                keeps
            });
            self.lists[member] = list;
        }
    }

    /// `sortedAllPartitions`: topics with fewest candidates first, then by name; partitions ascending.
    fn all_slots(&self) -> Vec<Slot> {
        let mut topics = self.layout.topics_by_name.clone();
        topics.sort_by_key(|&topic| self.candidates[topic].len());
        topics
            .into_iter()
            .flat_map(|topic| self.layout.slots_of(topic))
            .collect()
    }

    /// `maybeAssign`, twice: within racks when they count, then what is left.
    fn assign(&mut self, unassigned: &[Slot]) {
        let mut left = unassigned.to_vec();
        if self.racks.is_aware {
            left.retain(|&slot| !self.assign_one(slot, true));
        }
        for slot in left {
            self.assign_one(slot, false);
        }
    }

    /// `maybeAssignPartition`: to the member with least that subscribes to it.
    fn assign_one(&mut self, slot: Slot, within_rack: bool) -> bool {
        let topic = self.topic(slot);
        let taker = self.members_by_load().find(|&member| {
            self.subscribes(member, topic) && !(within_rack && self.racks.mismatches(member, slot))
        });
        let Some(taker) = taker else { return false };
        self.delist(taker);
        self.lists[taker].push(slot);
        self.owner[slot as usize] = Some(taker);
        self.enlist(taker);
        true
    }
}
