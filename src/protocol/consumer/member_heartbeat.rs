//! What the member sends to its coordinator and when (`AbstractHeartbeatRequestManager`, `CoordinatorRequestManager`), and what the answers do.

use std::sync::Arc;

use super::member::Member;
use super::member_assignment::LocalAssignment;
use crate::assignor::TopicId;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::CLIENT_TICK;
use crate::protocol::effect::{MemberEffect, Positions};
use crate::protocol::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ErrorCode, JOIN_EPOCH,
    LeaveCause, Request, Response, elsewhere,
};
use crate::timeline::{ClientState, Observation};

/// What the coordinator was told and need not be told again (`HeartbeatState.SentFields`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    settings: bool,
    subscription: Option<Arc<[TopicId]>>,
    assignment: Option<LocalAssignment>,
}

impl Sent {
    /// Settings, this subscription and this assignment.
    pub(super) fn everything(subscription: Arc<[TopicId]>, assignment: LocalAssignment) -> Self {
        Self {
            settings: true,
            subscription: Some(subscription),
            assignment: Some(assignment),
        }
    }
}

impl Member {
    /// When the background thread wakes by itself: for a heartbeat, to look for the coordinator, or to repeat a commit. Its other rounds are those of whoever drives
    /// the member; from [`Member::poll_deadline`] on the first of them counts.
    #[must_use]
    pub fn wake_due(&self) -> SimTime {
        let needs_coordinator = !self.is_silent() || self.commits.wait_for_coordinator();
        if !self.coordinator_known {
            let looks = needs_coordinator && !self.lookup_in_flight && !self.commits.are_closed();
            let lookup = if looks {
                self.lookup_at
            } else {
                SimTime::NEVER
            };
            return lookup.min(self.commit_due());
        }
        if self.is_silent() {
            return self.commit_due();
        }
        let heartbeat = if self.heartbeat_in_flight {
            SimTime::NEVER
        } else if self.heartbeats_now() {
            self.joins_from
        } else {
            self.heartbeat_due
        };
        heartbeat.min(self.commit_due())
    }

    /// From when on the thread does not rest because a heartbeat would be due were not one on its way (`HeartbeatRequestState.timeToNextHeartbeatMs`).
    #[must_use]
    pub fn restless_from(&self) -> SimTime {
        if self.heartbeat_in_flight {
            self.heartbeat_due
        } else {
            SimTime::NEVER
        }
    }

    /// The last heartbeat was sent, and answered, that long before `now` (steady start).
    pub fn last_heartbeat(&mut self, now: SimTime, before: SimDuration) {
        let interval = self.heartbeat_interval.unwrap_or_default();
        self.heartbeat_due = now + (interval - before);
    }

    /// `shouldSkipHeartbeat`
    pub(super) fn is_silent(&self) -> bool {
        match self.state {
            ClientState::Unsubscribed
            | ClientState::Fatal
            | ClientState::Stale
            | ClientState::Fenced => true,
            ClientState::Joining
            | ClientState::Reconciling
            | ClientState::Acknowledging
            | ClientState::Stable
            | ClientState::PrepareLeaving
            | ClientState::Leaving => false,
        }
    }

    /// `shouldHeartbeatNow`: also where a join was just refused, without back-off.
    pub(super) fn heartbeats_now(&self) -> bool {
        matches!(
            self.state,
            ClientState::Joining | ClientState::Acknowledging | ClientState::Leaving
        )
    }

    /// A round of the background thread (`ConsumerNetworkThread.runOnce`): each request manager has its turn, in the order of `RequestManagers.entries`.
    pub fn on_wake(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.run_commits(now, positions, out);
        self.look_after_heartbeats(now, out);
        self.maybe_reconcile(false, now, positions, out);
    }

    /// `CoordinatorRequestManager.poll`, `AbstractHeartbeatRequestManager.poll`: in every round it looks first whether `max.poll.interval.ms` is exceeded.
    fn look_after_heartbeats(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        let is_silent = self.is_silent();
        if !self.coordinator_known {
            let looks = !is_silent || self.commits.wait_for_coordinator();
            let looks = looks && !self.commits.are_closed();
            if looks && !self.lookup_in_flight && self.lookup_at <= now {
                self.lookup_in_flight = true;
                out.push(MemberEffect::FindCoordinator);
            }
            return;
        }
        if is_silent {
            return;
        }
        if self.poll_deadline() <= now {
            return self.leave_unpolled(out);
        }
        let due = if self.heartbeats_now() {
            self.joins_from
        } else {
            self.heartbeat_due
        };
        if !self.heartbeat_in_flight && due <= now {
            self.send_heartbeat(now, out);
        }
    }

    fn send_heartbeat(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        let request = self.heartbeat(LeaveCause::Closed);
        out.push(MemberEffect::Send(Request::ConsumerGroupHeartbeat(request)));
        self.heartbeat_in_flight = true;
        self.heartbeat_due = now + self.heartbeat_interval.unwrap_or_default();
        self.joins_from = SimTime::ZERO;
        self.heartbeat_sent = now;
        if self.state == ClientState::Acknowledging {
            if self.target == self.current {
                self.transition(ClientState::Stable, out);
            } else {
                self.transition(ClientState::Reconciling, out);
            }
        }
    }

    /// The request, with what the coordinator has to be told (`HeartbeatState.buildRequestData`).
    fn heartbeat(&mut self, leave_cause: LeaveCause) -> ConsumerGroupHeartbeatRequest {
        let everything = self.state == ClientState::Joining;
        let settings = everything || !self.sent.settings;
        let owned = (everything || self.current != self.sent.assignment).then(|| {
            self.current
                .as_ref()
                .map_or_else(|| Arc::from([]), |current| Arc::clone(&current.partitions))
        });
        let pattern = self.config.subscribed_by.for_coordinator();
        let resubscribes = settings || self.has_other_subscription();
        self.sent = Sent {
            settings: true,
            subscription: Some(Arc::clone(&self.subscription)),
            assignment: self.current.clone(),
        };
        ConsumerGroupHeartbeatRequest {
            member_id: self.member_id.clone(),
            member_epoch: self.epoch,
            instance_id: self.config.group_instance_id.clone(),
            rack: self.config.client_rack.clone().filter(|_| settings),
            rebalance_timeout: settings.then_some(self.config.max_poll_interval),
            topics: resubscribes.then(|| Arc::clone(&self.subscription)),
            pattern: pattern.filter(|_| settings).cloned(),
            server_assignor: self.config.group_remote_assignor.filter(|_| settings),
            owned,
            leave_cause,
        }
    }

    /// It subscribes to other topics than it has told the coordinator.
    pub(super) fn has_other_subscription(&self) -> bool {
        let sent = self.sent.subscription.as_ref();
        sent.is_some_and(|sent| *sent != self.subscription)
    }

    /// Says good-bye: nobody waits for the answer.
    fn say_goodbye(&mut self, cause: LeaveCause, out: &mut Vec<MemberEffect>) {
        self.epoch = self.leave_epoch();
        self.current = None;
        self.transition(ClientState::Leaving, out);
        let request = ConsumerGroupHeartbeatRequest {
            owned: None,
            rebalance_timeout: None,
            topics: None,
            pattern: None,
            rack: None,
            server_assignor: None,
            ..self.heartbeat(cause)
        };
        self.sent = Sent::default();
        self.unheeded += u32::from(self.heartbeat_in_flight) + u32::from(self.coordinator_known);
        self.heartbeat_in_flight = false;
        self.heartbeat_due = SimTime::ZERO;
        if self.coordinator_known {
            out.push(MemberEffect::Send(Request::ConsumerGroupHeartbeat(request)));
        }
    }

    /// `max.poll.interval.ms` is exceeded: the member leaves, and stays away until the next `poll()`.
    fn leave_unpolled(&mut self, out: &mut Vec<MemberEffect>) {
        out.push(MemberEffect::Observe(Observation::PollDeadlineExceeded {
            consumer: self.consumer,
        }));
        self.heartbeats.succeed();
        self.transition(ClientState::PrepareLeaving, out);
        self.say_goodbye(LeaveCause::PollTimeout, out);
        self.transition(ClientState::Stale, out);
        self.lose_partitions(out);
    }

    /// In `close()`.
    pub(super) fn leave_group(&mut self, out: &mut Vec<MemberEffect>) {
        if self.is_silent() {
            return;
        }
        self.transition(ClientState::PrepareLeaving, out);
        self.say_goodbye(LeaveCause::Closed, out);
        self.transition(ClientState::Unsubscribed, out);
    }

    /// True while the answer to the heartbeat by which it left is on its way (`ConsumerMembershipManager.maybeCompleteLeaveInProgress`).
    #[must_use]
    pub fn awaits_answer_to_leaving(&self) -> bool {
        self.state == ClientState::Unsubscribed && self.unheeded > 0
    }

    /// An answer of the coordinator arrived. Commits have their own [`Member::on_commit`].
    pub fn on_response(
        &mut self,
        now: SimTime,
        response: Response,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        match response {
            // The connection keeps its order: these come before the answer to a join that was sent meanwhile.
            Response::ConsumerGroupHeartbeat(_) if self.unheeded > 0 => self.unheeded -= 1,
            Response::ConsumerGroupHeartbeat(response) => {
                if self.is_silent() || !self.heartbeat_in_flight {
                    return; // To the heartbeat by which it left, or from before it was fenced.
                }
                self.heartbeat_in_flight = false;
                if response.error == ErrorCode::None {
                    self.heartbeats.succeed();
                    self.on_heartbeat(now, &response, out);
                } else {
                    self.on_heartbeat_error(now, response.error, out);
                }
            }
            // The other protocol's answers come to nobody who speaks this one.
            Response::JoinGroup(_)
            | Response::SyncGroup(_)
            | Response::Heartbeat(_)
            | Response::LeaveGroup(_)
            | Response::OffsetCommit(_) => {}
        }
        self.on_wake(now, positions, out);
    }

    /// `onHeartbeatSuccess`
    fn on_heartbeat(
        &mut self,
        now: SimTime,
        response: &ConsumerGroupHeartbeatResponse,
        out: &mut Vec<MemberEffect>,
    ) {
        if self.heartbeat_interval != Some(response.heartbeat_interval) {
            self.heartbeat_interval = Some(response.heartbeat_interval);
            self.heartbeat_due = now + response.heartbeat_interval;
        }
        if response.member_epoch < JOIN_EPOCH {
            return;
        }
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            self.on_assignment(assignment, out);
        }
    }

    fn on_heartbeat_error(&mut self, now: SimTime, error: ErrorCode, out: &mut Vec<MemberEffect>) {
        self.sent = Sent::default();
        self.heartbeat_due = now;
        if self.state == ClientState::Joining {
            self.joins_from = self.heartbeat_sent + CLIENT_TICK; // Without back-off: only the network slows it down.
        }
        match error {
            elsewhere!() => {
                self.heartbeats.succeed();
                self.lose_coordinator(now);
            }
            ErrorCode::CoordinatorLoadInProgress => {
                self.heartbeat_due = now + self.heartbeats.fail(&self.config, &mut self.jitter);
            }
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => {
                self.heartbeats.succeed();
                self.fence(out);
            }
            ErrorCode::UnreleasedInstanceId => self.fail("UnreleasedInstanceIdException", out),
            ErrorCode::FencedInstanceId => self.fail("FencedInstanceIdException", out),
            ErrorCode::GroupMaxSizeReached => self.fail("GroupMaxSizeReachedException", out),
            ErrorCode::UnsupportedAssignor => self.fail("UnsupportedAssignorException", out),
            ErrorCode::InvalidRequest => self.fail("InvalidRequestException", out),
            ErrorCode::GroupIdNotFound => self.fail("GroupIdNotFoundException", out),
            ErrorCode::UnknownServerError => self.fail("UnknownServerException", out),
            ErrorCode::None
            | ErrorCode::IllegalGeneration
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::RebalanceInProgress
            | ErrorCode::MemberIdRequired
            | ErrorCode::StaleMemberEpoch => self.fail("KafkaException", out),
        }
    }

    /// `handleFatalFailure`: the application is told by its next `poll()`, which works off all that the background thread wants of it, the callback too, before it
    /// throws (`processBackgroundEvents`).
    fn fail(&mut self, error: &'static str, out: &mut Vec<MemberEffect>) {
        self.transition(ClientState::Fatal, out);
        self.epoch = JOIN_EPOCH;
        self.lose_partitions(out);
        out.push(MemberEffect::Throw(error));
    }

    /// The coordinator was found, or not.
    pub fn on_coordinator(
        &mut self,
        now: SimTime,
        found: bool,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.lookup_in_flight = false;
        self.coordinator_known = found;
        self.lookup_at = if found {
            self.lookups.succeed();
            self.found_at = Some(now);
            self.has_metadata = true; // They come just before.
            now
        } else {
            now + self.lookups.fail(&self.config, &mut self.jitter)
        };
        self.on_wake(now, positions, out);
    }

    /// The connection to the coordinator broke: what was in flight has failed.
    pub fn on_disconnected(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.lose_coordinator(now);
        self.unheeded = 0;
        if self.heartbeat_in_flight {
            self.heartbeat_in_flight = false;
            self.sent = Sent::default();
            self.heartbeat_due = now + self.heartbeats.fail(&self.config, &mut self.jitter);
        }
        self.lose_commits(now, out);
        self.on_wake(now, positions, out);
    }
}
