//! JoinGroup and the join phase: who may come in, when a rebalance begins, when it is complete
//! (`GroupMetadataManager.classicGroupJoin*`, `prepareRebalance`, `completeClassicGroupJoin`).

use std::sync::Arc;

use super::coordinator::{Coordinator, arm, cancel, observe, reply};
use super::group::{ClassicGroupState, GroupMember};
use crate::assignor::MemberId;
use crate::assignor::java::Place;
use crate::kernel::SimDuration;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{
    ErrorCode, JoinCause, JoinGroupRequest, JoinGroupResponse, RequestToken, Response,
};
use crate::protocol::rules::Rule;
use crate::timeline::{RebalanceReason, RemovalReason};

/// How long a new member may stay parked before it is given up
/// (`GroupCoordinatorConfig.CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS`; not configurable).
pub const NEW_MEMBER_JOIN_TIMEOUT: SimDuration = SimDuration::from_secs(300);

/// What happens when the join timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinTimer {
    /// A window of the initial delay ends: the next one begins if somebody was added in this one and time remains.
    Window {
        delay: SimDuration,
        remaining: SimDuration,
    },
    /// The join phase ends.
    Deadline,
}

/// Why the join phase is entered or looked at again.
pub(super) struct Cause {
    pub(super) reason: RebalanceReason,
    pub(super) by: Option<MemberId>,
    /// The member whose JoinGroup has just been parked.
    pub(super) rejoined: Option<MemberId>,
}

impl Cause {
    /// A JoinGroup that was parked.
    pub(super) fn join(reason: RebalanceReason, member_id: MemberId) -> Self {
        Self {
            reason,
            by: Some(member_id.clone()),
            rejoined: Some(member_id),
        }
    }

    /// A member that is gone.
    pub(super) fn removal(reason: RebalanceReason, by: Option<MemberId>) -> Self {
        Self {
            reason,
            by,
            rejoined: None,
        }
    }
}

impl Coordinator {
    /// JoinGroup.
    pub(super) fn on_join_group(
        &mut self,
        token: RequestToken,
        request: &JoinGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let sessions = self.config.min_session_timeout..=self.config.max_session_timeout;
        if !sessions.contains(&request.session_timeout) {
            let error = ErrorCode::InvalidSessionTimeout;
            refuse_join(token, error, request.member_id.clone(), out);
        } else if !self.accepts(&request.member_id) {
            // Nobody asks afterwards whether all have joined now: the phase goes on to its next event, as in Kafka.
            self.remove_member(&request.member_id, RemovalReason::GroupFull, out);
            refuse_join(
                token,
                ErrorCode::GroupMaxSizeReached,
                MemberId::unknown(),
                out,
            );
        } else if self.group.state() == ClassicGroupState::Dead {
            let error = ErrorCode::CoordinatorNotAvailable;
            refuse_join(token, error, request.member_id.clone(), out);
        } else if !self.group.supports_protocols(&request.assignors) {
            let error = ErrorCode::InconsistentGroupProtocol;
            refuse_join(token, error, request.member_id.clone(), out);
        } else if request.member_id.is_unknown() {
            self.join_newcomer(token, request, out);
        } else if self.group.pending_join.contains(&request.member_id)
            && request.instance_id.is_none()
        {
            self.add_member(token, request, request.member_id.clone(), out);
        } else {
            self.join_member(token, request, out);
        }
    }

    /// `group.max.size` (`acceptJoiningMember`): while members rejoin, who is parked counts, not who is a member.
    fn accepts(&self, member_id: &MemberId) -> bool {
        let member = self.group.find(member_id);
        let below = |count: usize| count < self.config.max_size as usize;
        match self.group.state() {
            ClassicGroupState::Empty | ClassicGroupState::Dead => true,
            ClassicGroupState::PreparingRebalance => {
                member.is_some_and(|place| self.group.member(place).awaiting_join.is_some())
                    || below(self.group.awaiting_join())
            }
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                member.is_some() || below(self.group.len())
            }
        }
    }

    /// JoinGroup without a member id: the coordinator gives one.
    fn join_newcomer(
        &mut self,
        token: RequestToken,
        request: &JoinGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let member_id = request.proposed_member_id.clone();
        assert!(
            !member_id.is_unknown() && !self.contains(&member_id),
            "the naming source proposed {member_id:?}, which is no new id"
        );
        let Some(instance_id) = &request.instance_id else {
            // KIP-394: a dynamic member must show that it heard its id before it counts.
            self.group.pending_join.insert(member_id.clone());
            let timer = CoordinatorTimer::Session(member_id.clone());
            arm(timer, request.session_timeout, out);
            let fact = CoordinatorFact::MemberIdIssued {
                member_id: member_id.clone(),
                state: self.group.state().observed(),
            };
            observe(fact, out);
            refuse_join(token, ErrorCode::MemberIdRequired, member_id, out);
            return;
        };
        match self.group.static_member(instance_id).cloned() {
            Some(old) => self.replace_static_member(token, request, &old, member_id, out),
            None => self.add_member(token, request, member_id, out),
        }
    }

    /// JoinGroup of somebody who says it is a member.
    fn join_member(
        &mut self,
        token: RequestToken,
        request: &JoinGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let member_id = &request.member_id;
        let place = match self
            .group
            .validate_member(member_id, request.instance_id.as_deref())
        {
            Ok(place) => place,
            Err(error) => return refuse_join(token, error, member_id.clone(), out),
        };
        let unchanged = self
            .group
            .member(place)
            .matches(&request.assignors, &request.subscription);
        match self.group.state() {
            ClassicGroupState::CompletingRebalance if unchanged => {
                // It may have missed the answer to its JoinGroup.
                let response = self.join_response(place, self.group.is_leader(member_id));
                reply(token, response, out);
            }
            // A leader that joins again always has a reason: what it assigns may have changed.
            ClassicGroupState::Stable if unchanged && !self.group.is_leader(member_id) => {
                reply(token, self.join_response(place, false), out);
            }
            ClassicGroupState::PreparingRebalance
            | ClassicGroupState::CompletingRebalance
            | ClassicGroupState::Stable => {
                let timeouts = (request.rebalance_timeout, request.session_timeout);
                self.group.update_member(
                    place,
                    &request.assignors,
                    &request.subscription,
                    timeouts,
                );
                self.group.park_join(place, token);
                let reason = rejoin_reason(request.cause);
                self.rebalance_or_complete(Cause::join(reason, member_id.clone()), out);
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                refuse_join(token, ErrorCode::UnknownMemberId, member_id.clone(), out);
            }
        }
    }

    /// Takes a new member in (`addMemberThenRebalanceOrCompleteJoin`).
    fn add_member(
        &mut self,
        token: RequestToken,
        request: &JoinGroupRequest,
        member_id: MemberId,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let state = self.group.state();
        if state == ClassicGroupState::PreparingRebalance
            && self.group.previous_state() == ClassicGroupState::Empty
        {
            self.group.new_member_added = true;
        }
        self.group.add(GroupMember {
            id: member_id.clone(),
            instance_id: request.instance_id.clone(),
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            assignors: Arc::clone(&request.assignors),
            subscription: Arc::clone(&request.subscription),
            assignment: Arc::from([]),
            awaiting_join: Some(token),
            awaiting_sync: None,
            is_new: true,
        });
        let added = member_id.clone();
        observe(
            CoordinatorFact::MemberAdded {
                member_id: added,
                state: state.observed(),
            },
            out,
        );
        let timer = CoordinatorTimer::Session(member_id.clone());
        arm(timer, NEW_MEMBER_JOIN_TIMEOUT, out);
        let reason = match request.cause {
            JoinCause::Error => RebalanceReason::Rejoin,
            JoinCause::New
            | JoinCause::Rebalancing
            | JoinCause::FollowUp
            | JoinCause::Metadata
            | JoinCause::Subscription => RebalanceReason::Join,
        };
        self.rebalance_or_complete(Cause::join(reason, member_id), out);
    }

    /// Begins a rebalance, or looks whether the one under way is complete (`maybePrepareRebalanceOrCompleteJoin`).
    pub(super) fn rebalance_or_complete(&mut self, cause: Cause, out: &mut Vec<CoordinatorEffect>) {
        if self.group.can_rebalance() {
            self.prepare_rebalance(cause, out);
        } else {
            observe_rejoined(cause.rejoined, out);
            self.maybe_complete_join(out);
        }
    }

    /// Begins a rebalance (`prepareRebalance`): who waits for an assignment must join again, and then all are awaited.
    pub(super) fn prepare_rebalance(&mut self, cause: Cause, out: &mut Vec<CoordinatorEffect>) {
        if self.group.state() == ClassicGroupState::CompletingRebalance {
            self.reset_assignments(ErrorCode::RebalanceInProgress, out);
        }
        self.cancel_sync(out);
        let initial = self.group.state() == ClassicGroupState::Empty;
        if initial {
            // Give others time to come: most groups start with several members.
            let delay = self.config.initial_rebalance_delay;
            let remaining = self.group.rebalance_timeout() - delay;
            self.arm_join(JoinTimer::Window { delay, remaining }, delay, out);
        }
        let why = Some((cause.reason, cause.by));
        self.enter(ClassicGroupState::PreparingRebalance, why, out);
        observe_rejoined(cause.rejoined, out);
        if initial {
            return;
        }
        if self.group.has_all_members_joined() {
            self.complete_join(out);
        } else {
            let deadline = self.group.rebalance_timeout();
            self.arm_join(JoinTimer::Deadline, deadline, out);
        }
    }

    /// Completes the join phase if nobody is missing. Not the initial one: that has its delay (`maybeCompleteJoinPhase`).
    pub(super) fn maybe_complete_join(&mut self, out: &mut Vec<CoordinatorEffect>) {
        if self.group.previous_state() != ClassicGroupState::Empty {
            self.complete_join_if_all_joined(out);
        }
    }

    /// The same without regard to the initial delay: so Kafka does it when a session expires.
    pub(super) fn complete_join_if_all_joined(&mut self, out: &mut Vec<CoordinatorEffect>) {
        if self.group.state() == ClassicGroupState::PreparingRebalance
            && self.group.has_all_members_joined()
        {
            self.complete_join(out);
        }
    }

    /// The join timer fired (`tryCompleteInitialRebalanceElseSchedule`, `completeClassicGroupJoin`).
    pub(super) fn on_join_timer(&mut self, out: &mut Vec<CoordinatorEffect>) {
        match self.join_timer.take().expect("only a timer in force fires") {
            JoinTimer::Window { delay, remaining }
                if self.group.new_member_added
                    && !remaining.is_zero()
                    && self.config.rules.hold(Rule::InitialDelayExtension) =>
            {
                self.group.new_member_added = false;
                let next = self.config.initial_rebalance_delay.min(remaining);
                let window = JoinTimer::Window {
                    delay: next,
                    remaining: remaining - delay,
                };
                self.arm_join(window, next, out);
            }
            JoinTimer::Window { .. } | JoinTimer::Deadline => self.complete_join(out),
        }
    }

    /// The join phase is over: who is not there is out, static members excepted, and the next generation begins.
    fn complete_join(&mut self, out: &mut Vec<CoordinatorEffect>) {
        if self.join_timer.take().is_some() {
            cancel(CoordinatorTimer::Join, out);
        }
        let absent: Vec<MemberId> = self
            .group
            .members()
            .filter(|member| member.awaiting_join.is_none() && member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for member_id in absent {
            self.remove_member(&member_id, RemovalReason::JoinTimeout, out);
        }
        if !self.group.elect_joined_leader() && !self.group.is_empty() {
            // Only absent static members are left: wait for them until their sessions expire.
            let deadline = self.group.rebalance_timeout();
            self.arm_join(JoinTimer::Deadline, deadline, out);
            return;
        }
        self.group.init_next_generation();
        self.observe_state(None, out);
        if self.group.is_empty() {
            let record = self.record();
            self.append(Some(record), Vec::new(), out);
        } else {
            self.answer_joins(out);
        }
    }

    /// Tells all members the new generation and waits for their SyncGroups.
    fn answer_joins(&mut self, out: &mut Vec<CoordinatorEffect>) {
        let assignor = self
            .group
            .protocol
            .expect("a group with members has an assignor that all support");
        let fact = CoordinatorFact::JoinComplete {
            generation: self.group.generation,
            members: self
                .group
                .members()
                .map(|member| member.id.clone())
                .collect(),
            leader: self.group.leader.clone().unwrap_or_else(MemberId::unknown),
            assignor: assignor.name(),
        };
        observe(fact, out);
        for place in self.group.order() {
            if let Some(token) = self.group.take_join(place) {
                let leads = self.group.is_leader(&self.group.member(place).id);
                reply(token, self.join_response(place, leads), out);
            }
            self.restart_session(place, out);
            let member = self.group.member_mut(place);
            member.is_new = false;
            let member_id = member.id.clone();
            self.group.pending_sync.insert(member_id);
        }
        self.arm_sync(out);
    }

    fn arm_join(&mut self, timer: JoinTimer, after: SimDuration, out: &mut Vec<CoordinatorEffect>) {
        self.join_timer = Some(timer);
        arm(CoordinatorTimer::Join, after, out);
    }

    /// The successful answer to a member's JoinGroup in the generation in force, with or without the list of members.
    pub(super) fn join_response(&self, place: Place, with_members: bool) -> Response {
        Response::JoinGroup(JoinGroupResponse {
            error: ErrorCode::None,
            generation: self.group.generation,
            assignor: self.group.protocol,
            leader: self.group.leader.clone().unwrap_or_else(MemberId::unknown),
            member_id: self.group.member(place).id.clone(),
            skip_assignment: false,
            members: if with_members {
                self.group.members_for_leader()
            } else {
                Vec::new()
            },
        })
    }
}

/// Refuses a JoinGroup.
pub(super) fn refuse_join(
    to: RequestToken,
    error: ErrorCode,
    member_id: MemberId,
    out: &mut Vec<CoordinatorEffect>,
) {
    let response = JoinGroupResponse::refused(error, member_id);
    reply(to, Response::JoinGroup(response), out);
}

fn observe_rejoined(member_id: Option<MemberId>, out: &mut Vec<CoordinatorEffect>) {
    if let Some(member_id) = member_id {
        observe(CoordinatorFact::MemberRejoined { member_id }, out);
    }
}

/// What the rebalance is called that a member's own JoinGroup begins.
fn rejoin_reason(cause: JoinCause) -> RebalanceReason {
    match cause {
        JoinCause::FollowUp => RebalanceReason::FollowUp,
        JoinCause::Metadata => RebalanceReason::MetadataChange,
        JoinCause::Subscription => RebalanceReason::SubscriptionChange,
        JoinCause::New | JoinCause::Rebalancing | JoinCause::Error => RebalanceReason::Rejoin,
    }
}
