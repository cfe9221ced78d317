//! ConsumerGroupHeartbeat: what is refused, and the three steps of what is not (`GroupMetadataManager.consumerGroupHeartbeat`).
//!
//! One: the member is created or updated, and the group's epoch bumped if its subscription or the topics changed. Two: a target is computed
//! if the group's is old and the assignment interval has passed. Three: the sender, and nobody else, is moved on towards its target.
//! JoinGroup of a member of the classic protocol goes through the same steps (`classic_members`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, observe, reply};
use super::epochs::Sender;
use super::failover::member_epoch;
use super::group::{Change, GroupMember, Metadata};
use super::reconcile::Step;
use crate::assignor::{MemberId, TopicDescription, TopicId, TopicPartition};
use crate::kernel::SimDuration;
use crate::protocol::config::ConsumerGroupConfig;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ErrorCode, JOIN_EPOCH,
    LEAVE_EPOCH, RequestToken, Response, STATIC_LEAVE_EPOCH,
};
use crate::timeline::{GroupState, MemberEpochState, RebalanceReason};

/// A member as a request wants it to be.
pub(super) struct Arrival<'a> {
    pub(super) sender: Sender,
    /// The member with what the request says of it.
    pub(super) updated: GroupMember,
    /// What it says it owns.
    pub(super) owned: Option<&'a [TopicPartition]>,
    pub(super) topics: &'a [TopicDescription],
    pub(super) course: Course,
}

/// What becomes of the group with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It stays a consumer group.
    Stays,
    /// It goes back to the classic protocol: the member is moved on, and nothing new is begun.
    GoesBack,
    /// It goes back and rebalances there: the member is not even moved on.
    GoesBackAndRebalances,
}

impl Coordinator {
    /// ConsumerGroupHeartbeat.
    pub(super) fn on_consumer_heartbeat(
        &mut self,
        token: RequestToken,
        request: &ConsumerGroupHeartbeatRequest,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let result = if self.state == GroupState::Dead {
            Err(ErrorCode::CoordinatorNotAvailable)
        } else {
            validate(&self.config.consumer, request).and_then(|()| {
                if [LEAVE_EPOCH, STATIC_LEAVE_EPOCH].contains(&request.member_epoch) {
                    self.on_leave(request, out)
                } else {
                    self.on_sign_of_life(request, topics, out)
                }
            })
        };
        match result {
            // Who is refused does not wait for writes.
            Err(error) => reply(token, refuse(error, request), out),
            Ok(answer) => {
                let answer = Response::ConsumerGroupHeartbeat(answer);
                match &mut self.downgrade {
                    Some(downgrade) => downgrade.answer = Some((token, answer)),
                    None => self.finish(vec![Deferred::Reply(token, answer)], out),
                }
            }
        }
    }

    fn on_sign_of_life(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) -> Result<ConsumerGroupHeartbeatResponse, ErrorCode> {
        self.check_room(&request.member_id, request.instance_id.as_deref())?;
        let sender = self.sender_of(request)?;
        let before = Arc::clone(&sender.before);
        let updated = self.advance(
            Arrival {
                updated: self.merge(&before, request),
                sender,
                owned: request.owned.as_deref(),
                topics,
                course: Course::Stays,
            },
            out,
        );
        self.restart_session(&updated.id, self.config.consumer.session_timeout, out);
        let is_full = request.rebalance_timeout.is_some()
            && request.topics.is_some()
            && request.owned.is_some();
        let said = request.member_epoch == JOIN_EPOCH
            || is_full
            || !updated.assigned.keys().eq(before.assigned.keys());
        Ok(ConsumerGroupHeartbeatResponse {
            error: ErrorCode::None,
            member_epoch: updated.epoch,
            heartbeat_interval: self.config.consumer.heartbeat_interval,
            assignment: said.then(|| self.group.share_of(&updated)),
        })
    }

    /// `group.consumer.max.size` (`throwIfConsumerGroupIsFull`)
    pub(super) fn check_room(
        &self,
        member_id: &MemberId,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        let full = self.group.len() >= self.config.consumer.max_size as usize;
        let has_place = instance_id.is_some_and(|instance_id| {
            self.config.consumer.static_members_have_room
                && self.group.static_member(instance_id).is_some()
        });
        if full && !has_place && !self.contains(member_id) {
            Err(ErrorCode::GroupMaxSizeReached)
        } else {
            Ok(())
        }
    }

    /// The member with what the request says of it.
    fn merge(&self, before: &GroupMember, request: &ConsumerGroupHeartbeatRequest) -> GroupMember {
        let mut member = before.clone();
        member.classic = None;
        if let Some(instance_id) = &request.instance_id {
            member.instance_id = Some(Arc::clone(instance_id));
        }
        if let Some(rack) = &request.rack {
            member.rack = Some(Arc::clone(rack));
        }
        if let Some(timeout) = request.rebalance_timeout {
            member.rebalance_timeout = timeout;
        }
        if let Some(pattern) = &request.pattern {
            if before.pattern.as_ref() != Some(pattern) {
                let is_resolved = self.group.resolved().contains_key(pattern);
                member.topics = match is_resolved {
                    true => Arc::clone(&pattern.topics),
                    false => Arc::from([]),
                };
            }
            member.pattern = Some(Arc::clone(pattern));
        } else if let Some(topics) = &request.topics
            && !before.subscribes_to(topics)
        {
            member.topics = Arc::clone(topics);
        }
        if let Some(assignor) = request.server_assignor {
            member.server_assignor = Some(assignor);
        }
        member
    }

    /// The three steps; the member after them.
    pub(super) fn advance(
        &mut self,
        arrival: Arrival<'_>,
        out: &mut Vec<CoordinatorEffect>,
    ) -> Arc<GroupMember> {
        let Arrival {
            sender,
            updated,
            owned,
            topics,
            course,
        } = arrival;
        let order = self.order_with(&sender, &updated.id);
        let subscription_changed = self.is_subscription_changed(&sender.before, &updated);
        let preferred = self.preferred_assignor_of_group();
        let mut member = Arc::new(updated);
        self.take_in(&sender, &member, out);
        if course == Course::GoesBackAndRebalances {
            return member;
        }
        if course == Course::Stays {
            self.refresh_patterns(&sender.before, &member, out);
            let other_assignor = self.config.consumer.preferred_assignor_bumps
                && self.preferred_assignor(&member) != preferred;
            self.bump_if_changed(
                &sender,
                &member,
                subscription_changed || other_assignor,
                out,
            );
        }
        if course == Course::Stays && self.is_target_due() {
            let kind = self.preferred_assignor(&member);
            self.compute_target(kind, order, topics, out);
        }
        let step = Step {
            member: &member,
            target_epoch: self.group.target.epoch,
            target: self.group.target_of(&member.id),
            owned,
            subscription_changed,
            config: &self.config.consumer,
        };
        if let Some(next) = step.take(|partition| self.group.is_free(partition)) {
            member = Arc::new(next);
            self.move_on(&member, out);
        }
        member
    }

    /// Step one, its first half: the member is created, replaced or updated.
    fn take_in(
        &mut self,
        sender: &Sender,
        member: &Arc<GroupMember>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        if let (Some(old), Some(instance_id)) = (&sender.replaces, &sender.before.instance_id) {
            self.cancel_timers(old, out);
            self.record(Change::Replaced(old.clone(), Arc::clone(&sender.before)));
            let fact = CoordinatorFact::StaticMemberReplaced {
                instance_id: Arc::clone(instance_id),
                old: old.clone(),
                new: member.id.clone(),
            };
            observe(fact, out);
        }
        if sender.is_new {
            let fact = CoordinatorFact::MemberJoined {
                member_id: member.id.clone(),
                protocol: match member.classic {
                    Some(_) => "classic",
                    None => "consumer",
                },
            };
            observe(fact, out);
        }
        if sender.is_new || *sender.before != **member {
            self.record(Change::Subscription(Arc::clone(member)));
        }
    }

    /// The member names other topics, or an expression of which the topics are known (`hasMemberSubscriptionChanged`, `REGEX_UPDATED_AND_RESOLVED`).
    fn is_subscription_changed(&self, before: &GroupMember, updated: &GroupMember) -> bool {
        let known = updated
            .pattern
            .as_ref()
            .filter(|_| updated.pattern != before.pattern)
            .is_some_and(|pattern| self.group.resolved().contains_key(pattern));
        known || !before.subscribes_to(&updated.topics)
    }

    /// Step one, its second half: the group's epoch.
    fn bump_if_changed(
        &mut self,
        sender: &Sender,
        member: &GroupMember,
        changed: bool,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        // A new group leaves epoch 0, also when nobody knows yet what its first member subscribes to. Since 4.3 groups are made with epoch 1, and such a one
        // stays there until its expression is resolved (KAFKA-20268).
        let is_made = self.group.epoch == 0;
        if !changed && !is_made && !self.refresh_due {
            return;
        }
        self.refresh_due = false;
        let metadata = self.current_metadata();
        if changed || is_made {
            let reason = if sender.is_new {
                RebalanceReason::Join
            } else {
                RebalanceReason::SubscriptionChange
            };
            self.bump(metadata, reason, Some(member.id.clone()), out);
        } else if metadata != self.group.metadata {
            self.bump(metadata, RebalanceReason::MetadataChange, None, out);
        }
    }

    /// The group's epoch goes up by one.
    pub(super) fn bump(
        &mut self,
        metadata: Metadata,
        reason: RebalanceReason,
        by: Option<MemberId>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let epoch = self.group.epoch + 1;
        self.record(Change::Epoch(epoch, metadata));
        let fact = CoordinatorFact::GroupEpoch {
            epoch,
            reason,
            by: by.clone(),
        };
        observe(fact, out);
        self.observe_state(Some((reason, by)), out);
    }

    /// The numbers of partitions of what the members subscribe to, in the last image.
    pub(super) fn current_metadata(&self) -> Metadata {
        let mut metadata: BTreeMap<TopicId, u32> = BTreeMap::new();
        for member in self.group.members() {
            for &topic in member.topics.iter() {
                let partitions = self.image.get(topic.index()).copied().unwrap_or(0);
                if partitions > 0 {
                    metadata.insert(topic, partitions);
                }
            }
        }
        Arc::new(metadata)
    }

    /// Step three has moved the member on.
    fn move_on(&mut self, member: &Arc<GroupMember>, out: &mut Vec<CoordinatorEffect>) {
        self.record(Change::Assignment(Arc::clone(member)));
        observe(member_epoch(&self.group, member), out);
        self.observe_state(None, out);
        if member.classic.is_some() {
            return;
        }
        let timer = CoordinatorTimer::RebalanceTimeout(member.id.clone());
        if member.state == MemberEpochState::UnrevokedPartitions {
            self.revoking_at.insert(member.id.clone(), member.epoch);
            self.arm(timer, member.rebalance_timeout, out);
        } else {
            self.revoking_at.remove(&member.id);
            self.cancel(timer, out);
        }
    }
}

/// `throwIfConsumerGroupHeartbeatRequestIsInvalid`
///
/// # Errors
/// `INVALID_REQUEST`, `UNSUPPORTED_ASSIGNOR`.
pub fn validate(
    config: &ConsumerGroupConfig,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), ErrorCode> {
    let empty = |text: &Option<Arc<str>>| text.as_deref().is_some_and(str::is_empty);
    let named = !request.member_id.is_unknown();
    let well_formed = match request.member_epoch {
        JOIN_EPOCH => {
            request.rebalance_timeout.is_some()
                && request.owned.as_ref().is_some_and(|owned| owned.is_empty())
                // An empty list of topics will do: whoever has it takes part without partitions.
                && (request.pattern.is_some() || request.topics.is_some())
        }
        STATIC_LEAVE_EPOCH => request.instance_id.is_some(),
        epoch => epoch >= LEAVE_EPOCH,
    };
    if !named || !well_formed || empty(&request.instance_id) || empty(&request.rack) {
        return Err(ErrorCode::InvalidRequest);
    }
    match request.server_assignor {
        Some(assignor) if !config.assignors.contains(&assignor) => {
            Err(ErrorCode::UnsupportedAssignor)
        }
        Some(_) | None => Ok(()),
    }
}

/// The answer to a heartbeat that is refused.
#[must_use]
pub fn refuse(error: ErrorCode, request: &ConsumerGroupHeartbeatRequest) -> Response {
    Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
        error,
        member_epoch: request.member_epoch,
        heartbeat_interval: SimDuration::ZERO,
        assignment: None,
    })
}
