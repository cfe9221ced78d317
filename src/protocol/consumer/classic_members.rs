//! Members of a consumer group that speak the classic protocol (`classicGroup…ToConsumerGroup`): they join, sync and leave by the classic
//! requests, but there is no barrier and no leader.
//!
//! JoinGroup takes a member through the same three steps as a heartbeat of the consumer protocol, with what its subscription says it owns, and is answered at once
//! with the member's epoch as the generation; SyncGroup gives what the member may use. Heartbeat calls it to join again when there is a target that it has not
//! reached, and it has its rebalance timeout for that. Going over from one kind of group to the other is begun or decided here, and done by whoever holds both.

use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, observe, reply};
use super::epochs::Sender;
use super::group::{ClassicMember, GroupMember};
use super::heartbeat::{Arrival, Course};
use super::leave::named;
use crate::assignor::{AssignorKind, MemberId, TopicDescription, TopicId};
use crate::kernel::SimDuration;
use crate::protocol::config::MigrationPolicy;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{
    ErrorCode, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    RequestToken, Response, SyncGroupRequest,
};
use crate::timeline::{GroupState, MemberEpochState, RebalanceReason};

/// The group is to go back to the classic protocol: nobody is left, or will be, who speaks the other one.
#[derive(Clone, Debug)]
pub(super) struct Downgrade {
    /// Why the classic group begins a rebalance and whose doing it is; `None`: it need not.
    pub(super) reason: Option<(RebalanceReason, MemberId)>,
    /// The member of the classic protocol that took the last one's place.
    pub(super) joined: Option<MemberId>,
    /// The answer that waits until this is written.
    pub(super) answer: Option<(RequestToken, Response)>,
}

impl Coordinator {
    /// JoinGroup (`classicGroupJoinToConsumerGroup`).
    pub(super) fn on_join_group(
        &mut self,
        token: RequestToken,
        request: &JoinGroupRequest,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        if let Err(error) = self.check_join(request) {
            return refuse_join(token, error, request.member_id.clone(), out);
        }
        if request.member_id.is_unknown() && request.instance_id.is_none() {
            let member_id = request.proposed_member_id.clone();
            let fact = CoordinatorFact::MemberIdIssued {
                member_id: member_id.clone(),
                state: self.state,
            };
            observe(fact, out);
            return refuse_join(token, ErrorCode::MemberIdRequired, member_id, out);
        }
        let sender = match self.joiner(request) {
            Ok(sender) => sender,
            Err(error) => return refuse_join(token, error, request.member_id.clone(), out),
        };
        let course = self.course_with(&sender, &request.subscription.topics);
        let arrival = Arrival {
            updated: merge(&sender.before, request),
            sender,
            owned: Some(&request.subscription.owned),
            topics,
            course,
        };
        let member = self.advance(arrival, out);
        let answer = Response::JoinGroup(JoinGroupResponse {
            error: ErrorCode::None,
            generation: member.epoch,
            assignor: request.assignors.first().copied(),
            leader: MemberId::unknown(),
            member_id: member.id.clone(),
            skip_assignment: false,
            members: Vec::new(),
        });
        if course != Course::Stays {
            self.drop_changes();
            let reason = (RebalanceReason::SubscriptionChange, member.id.clone());
            self.downgrade = Some(Downgrade {
                reason: (course == Course::GoesBackAndRebalances).then_some(reason),
                joined: Some(member.id.clone()),
                answer: Some((token, answer)),
            });
            return;
        }
        let id = member.id.clone();
        let then = Deferred::ClassicJoined(token, answer, id, request.rebalance_timeout);
        self.finish(vec![then], out);
    }

    /// Whether the group goes back to the classic protocol with this member, and rebalances then.
    fn course_with(&self, sender: &Sender, topics: &[TopicId]) -> Course {
        let last = |old| self.may_downgrade_with_successor_of(old);
        if !sender.replaces.as_ref().is_some_and(last) {
            return Course::Stays;
        }
        let other_topics = sender.before.pattern.is_some() || !sender.before.subscribes_to(topics);
        let is_stale = self.group.epoch > self.group.target.epoch
            || self.refresh_due && self.current_metadata() != self.group.metadata;
        if other_topics || is_stale && self.config.consumer.stale_downgrades_rebalance {
            Course::GoesBackAndRebalances
        } else {
            Course::GoesBack
        }
    }

    fn check_join(&self, request: &JoinGroupRequest) -> Result<(), ErrorCode> {
        let sessions = self.config.min_session_timeout..=self.config.max_session_timeout;
        if self.state == GroupState::Dead {
            Err(ErrorCode::CoordinatorNotAvailable)
        } else if !sessions.contains(&request.session_timeout) {
            Err(ErrorCode::InvalidSessionTimeout)
        } else if self.refuses_classic_members() {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else {
            self.check_room(&request.member_id, request.instance_id.as_deref())?;
            if self.supports(&request.assignors) {
                Ok(())
            } else {
                Err(ErrorCode::InconsistentGroupProtocol)
            }
        }
    }

    /// `throwIfClassicMemberCannotJoinConsumerGroup`
    fn refuses_classic_members(&self) -> bool {
        let config = &self.config.consumer;
        config.disabled_policy_refuses_classic
            && config.migration_policy == MigrationPolicy::Disabled
    }

    /// One of the assignors is supported by all members of the classic protocol (`supportsClassicProtocols`).
    fn supports(&self, assignors: &[AssignorKind]) -> bool {
        let classic = || {
            self.group
                .members()
                .filter_map(|member| member.classic.as_ref())
        };
        assignors
            .iter()
            .any(|assignor| classic().all(|member| member.assignors.contains(assignor)))
    }

    fn joiner(&self, request: &JoinGroupRequest) -> Result<Sender, ErrorCode> {
        let id = &request.member_id;
        match &request.instance_id {
            None => Ok(match self.group.member(id) {
                Some(member) => Sender::known(member),
                None => Sender::newcomer(id),
            }),
            Some(instance_id) if id.is_unknown() => {
                let id = &request.proposed_member_id;
                Ok(match self.group.static_member(instance_id) {
                    Some(holder) => Sender::successor(holder, id),
                    None => Sender::newcomer(id),
                })
            }
            Some(instance_id) => self.holder_of(instance_id, id).map(Sender::known),
        }
    }

    /// The write of a JoinGroup is through.
    pub(super) fn on_join_stored(
        &mut self,
        member_id: &MemberId,
        rebalance_timeout: SimDuration,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.cancel(CoordinatorTimer::ClassicJoin(member_id.clone()), out);
        if let Some(session) = self.classic_session(member_id) {
            self.restart_session(member_id, session, out);
            let timer = CoordinatorTimer::ClassicSync(member_id.clone());
            self.arm(timer, rebalance_timeout, out);
        }
    }

    /// SyncGroup (`classicGroupSyncToConsumerGroup`).
    pub(super) fn on_sync_group(
        &mut self,
        token: RequestToken,
        request: &SyncGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let instance_id = request.instance_id.as_deref();
        let found = self.classic_member(&request.member_id, instance_id, request.generation);
        let share = found.and_then(|member| {
            let first = |classic: &ClassicMember| classic.assignors.first().copied();
            if member.classic.as_ref().and_then(first) != Some(request.assignor) {
                Err(ErrorCode::InconsistentGroupProtocol)
            } else if self.is_behind(&member)
                && member.state != MemberEpochState::UnrevokedPartitions
            {
                self.call_to_join(&member, out);
                Err(ErrorCode::RebalanceInProgress)
            } else {
                Ok(member.share())
            }
        });
        match share {
            Err(error) => reply(token, Response::SyncGroup(Err(error)), out),
            Ok(share) => {
                let answer = Response::SyncGroup(Ok(share));
                let then = Deferred::ClassicSynced(token, answer, request.member_id.clone());
                self.finish(vec![then], out);
            }
        }
    }

    /// The answer to a SyncGroup leaves.
    pub(super) fn on_sync_stored(
        &mut self,
        member_id: &MemberId,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.cancel(CoordinatorTimer::ClassicSync(member_id.clone()), out);
        if let Some(session) = self.classic_session(member_id) {
            self.restart_session(member_id, session, out);
        }
    }

    /// Heartbeat (`classicGroupHeartbeatToConsumerGroup`). It computes no target.
    pub(super) fn on_classic_heartbeat(
        &mut self,
        token: RequestToken,
        request: &HeartbeatRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let instance_id = request.instance_id.as_deref();
        let member = match self.classic_member(&request.member_id, instance_id, request.generation)
        {
            Ok(member) => member,
            Err(error) => return reply(token, Response::Heartbeat(error), out),
        };
        if let Some(session) = self.classic_session(&member.id) {
            self.restart_session(&member.id, session, out);
        }
        let called = self.is_behind(&member)
            || match member.state {
                MemberEpochState::Stable => false,
                MemberEpochState::UnrevokedPartitions => true,
                MemberEpochState::UnreleasedPartitions => !self.waits_for_release(&member),
            };
        let answer = if called {
            self.call_to_join(&member, out);
            ErrorCode::RebalanceInProgress
        } else {
            ErrorCode::None
        };
        let then = Deferred::Reply(token, Response::Heartbeat(answer));
        self.finish(vec![then], out);
    }

    /// LeaveGroup of one member (`classicGroupLeaveToConsumerGroup`).
    pub(super) fn on_leave_group(
        &mut self,
        token: RequestToken,
        request: &LeaveGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let answer = if self.state == GroupState::Dead {
            let error = Response::LeaveGroup(ErrorCode::CoordinatorNotAvailable);
            return reply(token, error, out);
        } else {
            match self.leaving_member(request) {
                Err(error) => error,
                Ok(member_id) => {
                    let (why, reason) = named(request.cause);
                    self.fence(&member_id, why, reason, out);
                    ErrorCode::None
                }
            }
        };
        let then = Deferred::Reply(token, Response::LeaveGroup(answer));
        self.finish(vec![then], out);
    }

    fn leaving_member(&self, request: &LeaveGroupRequest) -> Result<MemberId, ErrorCode> {
        let id = &request.member_id;
        let found = match &request.instance_id {
            None => self.group.member(id).ok_or(ErrorCode::UnknownMemberId)?,
            Some(instance_id) if id.is_unknown() => self
                .group
                .static_member(instance_id)
                .ok_or(ErrorCode::UnknownMemberId)?,
            Some(instance_id) => self.holder_of(instance_id, id)?,
        };
        match found.classic {
            Some(_) => Ok(found.id.clone()),
            None => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// The sender of a classic request, at its generation.
    fn classic_member(
        &self,
        member_id: &MemberId,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<Arc<GroupMember>, ErrorCode> {
        if self.state == GroupState::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let found = match instance_id {
            None => self.group.member(member_id),
            Some(instance_id) => Some(self.holder_of(instance_id, member_id)?),
        };
        match found {
            Some(member) if member.classic.is_some() => {
                if member.epoch == generation {
                    Ok(Arc::clone(member))
                } else {
                    Err(ErrorCode::IllegalGeneration)
                }
            }
            Some(_) | None => Err(ErrorCode::UnknownMemberId),
        }
    }

    fn classic_session(&self, member_id: &MemberId) -> Option<SimDuration> {
        let classic = self.group.member(member_id)?.classic.as_ref()?;
        Some(classic.session_timeout)
    }

    /// There is something newer than what the member has heard of.
    fn is_behind(&self, member: &GroupMember) -> bool {
        member.epoch
            < if self.config.consumer.classic_members_follow_target {
                self.group.target.epoch
            } else {
                self.group.epoch
            }
    }

    /// Some partition that the member is to get is still held by somebody (`waitingOnUnreleasedPartition`).
    fn waits_for_release(&self, member: &GroupMember) -> bool {
        self.group.target_of(&member.id).iter().any(|&partition| {
            !member.assigned.contains_key(&partition) && !self.group.is_free(partition)
        })
    }

    /// The member is told to join again; it has its rebalance timeout for that, from the first time it is told.
    fn call_to_join(&mut self, member: &GroupMember, out: &mut Vec<CoordinatorEffect>) {
        let timer = CoordinatorTimer::ClassicJoin(member.id.clone());
        if !self.timers.contains(&timer) {
            self.arm(timer, member.rebalance_timeout, out);
        }
    }

    // ---- back to the classic protocol ----

    /// `validateOnlineDowngradeWithFencedMember`
    pub(super) fn may_downgrade_without(&self, member_id: &MemberId) -> bool {
        self.is_last_of_its_kind(member_id)
            && self.group.len() > 1
            && self.may_downgrade_to(self.group.len() - 1)
    }

    /// `validateOnlineDowngradeWithReplacedMember`
    fn may_downgrade_with_successor_of(&self, member_id: &MemberId) -> bool {
        self.is_last_of_its_kind(member_id) && self.may_downgrade_to(self.group.len())
    }

    fn may_downgrade_to(&self, members: usize) -> bool {
        self.config.consumer.migration_policy.downgrades()
            && members <= self.config.max_size as usize
    }

    /// `allMembersUseClassicProtocolExcept`
    fn is_last_of_its_kind(&self, member_id: &MemberId) -> bool {
        let modern = self.group.len() - self.group.classic_members();
        let speaks_it = |member: &Arc<GroupMember>| member.classic.is_none();
        modern == 1 && self.group.member(member_id).is_some_and(speaks_it)
    }
}

/// Refuses a JoinGroup.
fn refuse_join(
    to: RequestToken,
    error: ErrorCode,
    member_id: MemberId,
    out: &mut Vec<CoordinatorEffect>,
) {
    let response = JoinGroupResponse::refused(error, member_id);
    reply(to, Response::JoinGroup(response), out);
}

/// The member with what its JoinGroup says of it.
fn merge(before: &GroupMember, request: &JoinGroupRequest) -> GroupMember {
    let subscription = &request.subscription;
    let mut member = before.clone();
    if let Some(instance_id) = &request.instance_id {
        member.instance_id = Some(Arc::clone(instance_id));
    }
    if let Some(rack) = &subscription.rack {
        member.rack = Some(Arc::clone(rack));
    }
    member.rebalance_timeout = request.rebalance_timeout;
    if !before.subscribes_to(&subscription.topics) {
        member.topics = Arc::from(subscription.topics.as_slice());
    }
    member.pattern = None; // `setSubscribedTopicRegex("")`
    member.classic = Some(ClassicMember {
        session_timeout: request.session_timeout,
        assignors: Arc::clone(&request.assignors),
        subscription: Arc::clone(subscription),
    });
    member
}
