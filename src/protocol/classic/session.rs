//! Signs of life and departures: Heartbeat, session expiry, LeaveGroup (`classicGroupHeartbeatToClassicGroup`,
//! `expireClassicGroupMemberHeartbeat`, `classicGroupLeaveToClassicGroup`).
//!
//! The session is restarted by Heartbeat, by OffsetCommit (`offsets`), by the end of the join phase, by the answer to a
//! parked SyncGroup, by a static replacement and by loading; by nothing else.

use super::coordinator::{Coordinator, arm, reply};
use super::group::ClassicGroupState;
use super::join::{Cause, refuse_join};
use crate::assignor::MemberId;
use crate::assignor::java::Place;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorTimer};
use crate::protocol::message::{
    ErrorCode, HeartbeatRequest, LeaveCause, LeaveGroupRequest, RequestToken, Response,
};
use crate::timeline::{RebalanceReason, RemovalReason};

impl Coordinator {
    /// Heartbeat.
    pub(super) fn on_heartbeat(
        &mut self,
        token: RequestToken,
        request: &HeartbeatRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        match self.validate_heartbeat(request) {
            Err(error) => reply(token, Response::Heartbeat(error), out),
            Ok(place) => {
                self.restart_session(place, out);
                let answer = match self.group.state() {
                    ClassicGroupState::PreparingRebalance => ErrorCode::RebalanceInProgress,
                    ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                        ErrorCode::None
                    }
                    ClassicGroupState::Empty | ClassicGroupState::Dead => {
                        unreachable!("refused by validate_heartbeat")
                    }
                };
                self.reply_behind_writes(token, Response::Heartbeat(answer), out);
            }
        }
    }

    /// `validateClassicGroupHeartbeat`; an empty group has no member to validate.
    fn validate_heartbeat(&self, request: &HeartbeatRequest) -> Result<Place, ErrorCode> {
        if self.group.state() == ClassicGroupState::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let instance_id = request.instance_id.as_deref();
        let place = self
            .group
            .validate_member(&request.member_id, instance_id)?;
        if request.generation == self.group.generation {
            Ok(place)
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    /// The member has `session.timeout.ms` from now.
    pub(super) fn restart_session(&self, place: Place, out: &mut Vec<CoordinatorEffect>) {
        let member = self.group.member(place);
        let timer = CoordinatorTimer::Session(member.id.clone());
        arm(timer, member.session_timeout, out);
    }

    /// A session timer fired: of an issued id, of a new member, or of a member.
    pub(super) fn on_session_expired(
        &mut self,
        member_id: &MemberId,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        if self.group.pending_join.remove(member_id) {
            self.complete_join_if_all_joined(out);
            return;
        }
        let place = self
            .group
            .find(member_id)
            .expect("who is removed has no timer any more");
        if self.group.member(place).has_satisfied_heartbeat() {
            return; // The timer is armed again when it is answered.
        }
        self.refuse_parked_join(place, out);
        self.remove_member(member_id, RemovalReason::SessionExpired, out);
        match self.group.state() {
            ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                let by = Some(member_id.clone());
                let cause = Cause::removal(RebalanceReason::SessionExpired, by);
                self.prepare_rebalance(cause, out);
            }
            ClassicGroupState::PreparingRebalance => self.complete_join_if_all_joined(out),
            ClassicGroupState::Empty | ClassicGroupState::Dead => unreachable!("it has members"),
        }
    }

    /// LeaveGroup of one member.
    pub(super) fn on_leave_group(
        &mut self,
        token: RequestToken,
        request: &LeaveGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let (removal, rebalance) = match request.cause {
            LeaveCause::Closed => (RemovalReason::Leave, RebalanceReason::Leave),
            LeaveCause::PollTimeout => (RemovalReason::PollTimeout, RebalanceReason::PollTimeout),
        };
        match self.leaving_member(request) {
            Err(error) => {
                // An error of a member is no error of the operation: it waits for writes like any answer.
                self.reply_behind_writes(token, Response::LeaveGroup(error), out);
            }
            Ok(member_id) => {
                if let Some(place) = self.group.find(&member_id) {
                    self.refuse_parked_join(place, out);
                }
                self.remove_member(&member_id, removal, out);
                match self.group.state() {
                    // Also after an issued id that never came back: Kafka does not ask who it was.
                    ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                        self.prepare_rebalance(Cause::removal(rebalance, Some(member_id)), out);
                    }
                    ClassicGroupState::PreparingRebalance => self.maybe_complete_join(out),
                    ClassicGroupState::Empty | ClassicGroupState::Dead => {}
                }
                self.reply_behind_writes(token, Response::LeaveGroup(ErrorCode::None), out);
            }
        }
    }

    /// Who leaves: the member or issued id named, or with an instance id alone its holder (removal by an administrator).
    fn leaving_member(&self, request: &LeaveGroupRequest) -> Result<MemberId, ErrorCode> {
        if self.group.state() == ClassicGroupState::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let instance_id = request.instance_id.as_deref();
        if request.member_id.is_unknown() {
            instance_id
                .and_then(|instance_id| self.group.static_member(instance_id))
                .cloned()
                .ok_or(ErrorCode::UnknownMemberId)
        } else if self.group.pending_join.contains(&request.member_id) {
            Ok(request.member_id.clone())
        } else {
            self.group
                .validate_member(&request.member_id, instance_id)
                .map(|_| request.member_id.clone())
        }
    }

    /// A member that is removed while its JoinGroup is parked is told to join anew.
    fn refuse_parked_join(&mut self, place: Place, out: &mut Vec<CoordinatorEffect>) {
        if let Some(token) = self.group.take_join(place) {
            let error = ErrorCode::UnknownMemberId;
            refuse_join(token, error, MemberId::unknown(), out);
        }
    }
}
