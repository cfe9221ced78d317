//! `UniformHeterogeneousAssignmentBuilder`: subscriptions differ.
//!
//! Topics are taken one by one, those with most partitions for each subscriber first; within a topic partitions go from
//! the most to the least loaded subscriber until their loads differ by at most one.

use std::cmp::Ordering;

use super::load::Balancer;
use crate::assignor::java::JavaKey;
use crate::assignor::layout::{Layout, Slot};

/// `MAX_ITERATION_COUNT`: passes over the topics.
const MAX_PASSES: usize = 16;

struct Builder<'a> {
    layout: &'a Layout<'a>,
    /// Numbers of the subscribers by topic of the input, ascending. A member's number is its place in hash order.
    subscribers: Vec<Vec<usize>>,
    /// Partitions in the target of each member.
    loads: Vec<u32>,
    /// The member that has the slot.
    owner: Vec<Option<usize>>,
    /// (member, slot) of targets that another member's target overrules. Kafka leaves them in place.
    shadowed: Vec<(usize, Slot)>,
}

pub(super) fn build(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let mut number = vec![0; layout.input.members.len()];
    for (position, &member) in layout.members.iter().enumerate() {
        number[member] = position;
    }
    let mut subscribers = layout.subscribers(&layout.members);
    for member in subscribers.iter_mut().flatten() {
        *member = number[*member];
    }
    let mut builder = Builder {
        layout,
        subscribers,
        loads: vec![0; layout.members.len()],
        owner: vec![None; layout.slots()],
        shadowed: Vec::new(),
    };
    builder.keep_owned();
    let mut topics = layout.topics.clone();
    topics.sort_by(|&a, &b| builder.compare_topics(a, b));
    for &topic in &topics {
        builder.assign_rest(topic);
    }
    topics.retain(|&topic| builder.subscribers[topic].len() >= 2);
    builder.balance(&topics);
    builder.lists()
}

impl Builder<'_> {
    /// `maybeRevokePartitions`: keeps the target as far as it is subscribed to.
    fn keep_owned(&mut self) {
        for (number, &member) in self.layout.members.iter().enumerate() {
            let description = self.layout.member(member);
            for &partition in &description.owned {
                let Some(slot) = self.layout.slot(partition) else {
                    continue;
                };
                let owner = self.owner[slot as usize];
                if owner == Some(number) || !description.topics.contains(&partition.topic) {
                    continue;
                }
                if let Some(other) = owner {
                    self.shadowed.push((other, slot));
                }
                self.owner[slot as usize] = Some(number);
                self.loads[number] += 1;
            }
        }
    }

    /// Partitions for each subscriber descending, then subscribers ascending, then id ascending.
    fn compare_topics(&self, a: usize, b: usize) -> Ordering {
        let partitions = |topic: usize| self.layout.slots_of(topic).len();
        let subscribers = |topic: usize| self.subscribers[topic].len();
        let id = |topic: usize| &self.layout.input.topics[topic].id;
        // exact, and the same as Kafka's comparison of doubles for any number of partitions that a cluster can hold
        (partitions(b) * subscribers(a))
            .cmp(&(partitions(a) * subscribers(b)))
            .then_with(|| subscribers(a).cmp(&subscribers(b)))
            .then_with(|| id(a).compare_to(id(b)))
    }

    /// `assignRemainingPartitions` for one topic.
    fn assign_rest(&mut self, topic: usize) {
        let slots = self.layout.slots_of(topic);
        let rest: Vec<Slot> = slots
            .filter(|&slot| self.owner[slot as usize].is_none())
            .collect();
        let (mut balancer, _) = Balancer::new(&self.subscribers[topic], &self.loads);
        for slot in rest {
            let taker = balancer.least(&self.loads);
            self.owner[slot as usize] = Some(taker);
            self.loads[taker] += 1;
        }
    }

    /// `balanceTopics`: until a whole round over the topics moved nothing.
    fn balance(&mut self, topics: &[usize]) {
        let mut last_moved = None;
        for _ in 0..MAX_PASSES {
            for (position, &topic) in topics.iter().enumerate() {
                if last_moved == Some(position) {
                    return;
                }
                if self.balance_topic(topic) || last_moved.is_none() {
                    last_moved = Some(position);
                }
            }
        }
    }

    /// `balanceTopic`. True when a partition moved.
    fn balance_topic(&mut self, topic: usize) -> bool {
        let (mut balancer, imbalance) = Balancer::new(&self.subscribers[topic], &self.loads);
        if imbalance <= 1 {
            return false;
        }
        // by owner, ascending; an owner gives its last one first
        let mut to_give: Vec<Vec<Slot>> = vec![Vec::new(); self.loads.len()];
        for slot in self.layout.slots_of(topic) {
            if let Some(owner) = self.owner[slot as usize] {
                to_give[owner].push(slot);
            }
        }
        let mut has_moved = false;
        while !balancer.is_balanced() {
            let Some((giver, slot)) = self.next_given(&mut balancer, &mut to_give) else {
                break;
            };
            let taker = balancer.least(&self.loads);
            if balancer.is_balanced() {
                break;
            }
            self.loads[giver] -= 1;
            self.loads[taker] += 1;
            self.owner[slot as usize] = Some(taker);
            has_moved = true;
        }
        has_moved
    }

    /// The most loaded member that has something to give, and its last partition.
    fn next_given(
        &self,
        balancer: &mut Balancer,
        to_give: &mut [Vec<Slot>],
    ) -> Option<(usize, Slot)> {
        loop {
            let giver = balancer.most(&self.loads)?;
            if let Some(slot) = to_give[giver].pop() {
                return Some((giver, slot));
            }
            balancer.exclude_most();
        }
    }

    fn lists(self) -> Vec<Vec<Slot>> {
        let members = &self.layout.members;
        let mut lists = vec![Vec::new(); self.layout.input.members.len()];
        for (slot, owner) in (0..).zip(&self.owner) {
            if let Some(owner) = *owner {
                lists[members[owner]].push(slot);
            }
        }
        for (number, slot) in self.shadowed {
            if self.owner[slot as usize] != Some(number) {
                lists[members[number]].push(slot);
            }
        }
        lists
    }
}
