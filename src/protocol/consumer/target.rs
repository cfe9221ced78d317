//! The target assignment: when a new one is computed and from what (`maybeUpdateTargetAssignment`, `TargetAssignmentBuilder`).
//!
//! It is computed in the heartbeat of any member, its own included, once the group's epoch is past the target's and
//! `consumer.assignment.interval.ms` has passed since the last time (KIP-1263); never by a timer, and for the first time at once. Kafka may run
//! the assignor on another thread (`group.consumer.assignor.offload.enable`); the recordings show the result in the answer to the very heartbeat,
//! and so it is here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::coordinator::{Coordinator, observe};
use super::epochs::Sender;
use super::group::{Change, GroupMember, Target};
use crate::assignor::{
    AssignmentInput, MemberDescription, MemberId, ServerAssignorKind, TopicDescription, TopicId,
    TopicPartition, assign_on_server,
};
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact};
use crate::timeline::Partitions;

impl Coordinator {
    pub(super) fn is_target_due(&self) -> bool {
        let interval = self.config.consumer.assignment_interval;
        let target = &self.group.target;
        self.group.epoch > target.epoch
            && target
                .computed_at
                .is_none_or(|before| before + interval <= self.now)
    }

    /// The members in the order in which Kafka hands them to the assignor, when it may come to that: those of the map as it was before this
    /// input, then the sender if it is not among them.
    pub(super) fn order_with(&self, sender: &Sender, id: &MemberId) -> Option<Vec<MemberId>> {
        let unknown = sender.is_new || sender.replaces.is_some();
        unknown.then(|| {
            let mut order = self.group.order();
            order.retain(|other| Some(other) != sender.replaces.as_ref() && other != id);
            order.push(id.clone());
            order
        })
    }

    /// Computes the target of the group's epoch.
    pub(super) fn compute_target(
        &mut self,
        kind: ServerAssignorKind,
        order: Option<Vec<MemberId>>,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let order = order.unwrap_or_else(|| self.group.order());
        let target = Target {
            epoch: self.group.epoch,
            computed_at: Some(self.now),
            shares: self.assign(kind, &order, topics),
        };
        let fact = CoordinatorFact::TargetAssignment {
            epoch: target.epoch,
            assignor: kind.name(),
            assignment: target
                .shares
                .iter()
                .map(|(id, share)| (id.clone(), Arc::clone(share)))
                .collect(),
        };
        self.record(Change::Target(Arc::new(target)));
        observe(fact, out);
        self.observe_state(None, out);
    }

    /// What the assignor makes of the members and the current target.
    pub(super) fn assign(
        &self,
        kind: ServerAssignorKind,
        order: &[MemberId],
        topics: &[TopicDescription],
    ) -> BTreeMap<MemberId, Partitions> {
        let members: Vec<&Arc<GroupMember>> = order
            .iter()
            .filter_map(|id| self.group.member(id))
            .collect();
        let mut subscribed: Vec<TopicId> = members
            .iter()
            .flat_map(|member| member.topics.iter().copied())
            .filter(|topic| topic.index() < topics.len())
            .collect();
        subscribed.sort_unstable();
        subscribed.dedup();
        let placed = |topic: TopicId| -> Option<TopicId> {
            let place = subscribed.binary_search(&topic).ok()?;
            Some(TopicId(u32::try_from(place).ok()?))
        };
        let owned = |member: &GroupMember| {
            let target = self.group.target_of(&member.id);
            let mut owned = Vec::with_capacity(target.len());
            owned.extend(target.iter().filter_map(|&held| {
                Some(TopicPartition {
                    topic: placed(held.topic)?,
                    partition: held.partition,
                })
            }));
            owned
        };
        let pattern_of_first = members.first().map(|member| &member.pattern);
        let input = AssignmentInput {
            loads: Vec::new(),
            mixed_patterns: members
                .iter()
                .any(|member| Some(&member.pattern) != pattern_of_first),
            topics: subscribed
                .iter()
                .map(|topic| topics[topic.index()].clone())
                .collect(),
            members: members
                .iter()
                .map(|member| MemberDescription {
                    id: member.id.clone(),
                    instance: member.instance_id.as_deref().map(str::to_owned),
                    rack: member.rack.as_deref().map(str::to_owned),
                    topics: member
                        .topics
                        .iter()
                        .filter_map(|&topic| placed(topic))
                        .collect(),
                    owned: owned(member),
                    generation: -1,
                    subscription_generation: -1,
                })
                .collect(),
        };
        let lists = assign_on_server(kind, &input);
        let named = |placed: TopicPartition| TopicPartition {
            topic: subscribed[placed.topic.index()],
            partition: placed.partition,
        };
        members
            .iter()
            .zip(lists)
            .map(|(member, list)| {
                let mut share: Vec<TopicPartition> = list.into_iter().map(named).collect();
                share.sort_unstable();
                let before = self.group.target.shares.get(&member.id);
                let before = before.filter(|before| ***before == *share);
                let share = before.map_or_else(|| Partitions::from(share), Arc::clone);
                (member.id.clone(), share)
            })
            .collect()
    }

    /// The assignor that is preferred as the group is (`preferredServerAssignor`).
    pub(super) fn preferred_assignor_of_group(&self) -> ServerAssignorKind {
        let asking = |kind: &ServerAssignorKind| self.group.asking(*kind);
        // At a tie the one that Kafka's map has first.
        let first = ServerAssignorKind::ALL.into_iter().rev().max_by_key(asking);
        first
            .filter(|kind| asking(kind) > 0)
            .unwrap_or(self.config.consumer.assignors[0])
    }

    /// The assignor that most members ask for, among those that ask (`computePreferredServerAssignor`); the broker's first when nobody does.
    pub(super) fn preferred_assignor(&self, sender: &GroupMember) -> ServerAssignorKind {
        let known = self.group.member(&sender.id);
        let known = known.and_then(|member| member.server_assignor);
        let others = |&kind: &ServerAssignorKind| {
            let count = self.group.asking(kind) - usize::from(known == Some(kind));
            (count > 0).then_some((kind, count))
        };
        let all = ServerAssignorKind::ALL.iter();
        let mut counts: BTreeMap<ServerAssignorKind, usize> = all.filter_map(others).collect();
        // At a tie the one counts that Kafka's map of counts has first: one that nobody else asks for is put in front.
        let newest = sender
            .server_assignor
            .filter(|kind| !counts.contains_key(kind));
        if let Some(kind) = sender.server_assignor {
            *counts.entry(kind).or_default() += 1;
        }
        let most = counts.values().copied().max();
        newest
            .into_iter()
            .chain(ServerAssignorKind::ALL)
            .find(|kind| most.is_some() && counts.get(kind).copied() == most)
            .unwrap_or(self.config.consumer.assignors[0])
    }
}
