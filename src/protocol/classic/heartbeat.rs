//! The heartbeat thread of a member and its timers (`AbstractCoordinator.HeartbeatThread`, `Heartbeat`).
//!
//! Whoever drives the member says when the thread has looked at the network ([`Member::on_pass`]). It does one thing then, the first that there is reason for, in
//! the order in which Kafka asks: nobody knows the coordinator; nobody has heard of it for a session; the application does not poll; a heartbeat is due. When the
//! thread gets to look, and what the network is, is not known here.

use super::member::Member;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::CLIENT_TICK;
use crate::protocol::effect::MemberEffect;
use crate::protocol::message::{HeartbeatRequest, JoinCause, LeaveCause, Request};
use crate::protocol::rules::Rule;
use crate::timeline::Observation;

impl Member {
    /// True when the heartbeat thread runs.
    #[must_use]
    pub fn is_heartbeating(&self) -> bool {
        self.heartbeat_enabled
    }

    /// True while it runs and knows where to send.
    fn watches(&self) -> bool {
        self.heartbeat_enabled && self.coordinator_known
    }

    /// When the next heartbeat is due; never while the thread rests or has nobody to send it to.
    #[must_use]
    pub fn heartbeat_due(&self) -> SimTime {
        if self.watches() {
            self.heartbeat_due
        } else {
            SimTime::NEVER
        }
    }

    /// When the poll interval is exceeded; never while the thread, which is what watches, rests or looks for the coordinator.
    #[must_use]
    pub fn poll_deadline(&self) -> SimTime {
        if self.watches() {
            self.poll_deadline
        } else {
            SimTime::NEVER
        }
    }

    /// When the coordinator counts as gone unless it answers a heartbeat before.
    #[must_use]
    pub fn session_deadline(&self) -> SimTime {
        if self.watches() {
            self.session_deadline
        } else {
            SimTime::NEVER
        }
    }

    /// When a pass of the thread next has something to do.
    #[must_use]
    pub fn pass_due(&self) -> SimTime {
        if self.watches() {
            self.heartbeat_due
                .min(self.session_deadline)
                .min(self.poll_deadline)
        } else if self.heartbeat_enabled {
            self.search_due
        } else {
            SimTime::NEVER
        }
    }

    /// Heartbeats were sent and answered that changed nothing, the last answer came at `answered`, if there was any: the next is due at
    /// `due`.
    pub fn heartbeats_passed(&mut self, due: SimTime, answered: Option<SimTime>) {
        self.heartbeat_due = due;
        if let Some(answered) = answered {
            self.session_deadline = answered + self.config.session_timeout;
        }
    }

    /// The last heartbeat was sent, and answered, that long before `now` (steady start).
    pub fn last_heartbeat(&mut self, now: SimTime, before: SimDuration) {
        self.heartbeat_due = now + (self.config.heartbeat_interval - before);
        self.session_deadline = now + (self.config.session_timeout - before);
    }

    /// `poll()` was entered: its deadline starts anew (`Heartbeat.poll`).
    pub fn on_poll_started(&mut self, now: SimTime) {
        self.poll_deadline = now + self.config.max_poll_interval;
    }

    /// `Heartbeat.resetTimeouts`
    pub(super) fn reset_timeouts(&mut self, now: SimTime) {
        self.heartbeat_due = now + self.config.heartbeat_interval;
        self.session_deadline = now + self.config.session_timeout;
        self.poll_deadline = now + self.config.max_poll_interval;
    }

    /// `Heartbeat.failHeartbeat`, for each heartbeat that was on its way.
    pub(super) fn fail_heartbeats(&mut self, now: SimTime) {
        for _ in 0..std::mem::take(&mut self.heartbeats_in_flight) {
            self.heartbeat_due = now + self.heartbeats.fail(&self.config, &mut self.jitter);
        }
    }

    /// The thread has looked at the network and looks about itself.
    pub fn on_pass(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        if !self.heartbeat_enabled {
            return;
        }
        if !self.coordinator_known {
            self.search(now, out);
        } else if self.session_deadline <= now {
            // `markCoordinatorUnknown`: whatever else was on its way is given up with the connection. The thread goes on at once.
            out.push(MemberEffect::Disconnect);
            self.on_disconnected(now, out);
            self.search(now, out);
        } else if self.poll_deadline <= now {
            self.leave_unpolled(out);
        } else if self.heartbeat_due <= now {
            self.heartbeat_due = now + self.config.heartbeat_interval;
            self.heartbeats_in_flight += 1;
            out.push(MemberEffect::Send(Request::Heartbeat(HeartbeatRequest {
                member_id: self.member_id.clone(),
                instance_id: self.config.group_instance_id.clone(),
                generation: self.generation,
            })));
        }
    }

    /// Every other pass asks for the coordinator; the one between gives up what the last has asked (`clearFindCoordinatorFuture`).
    fn search(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        if self.search_due <= now {
            let wait = self.backoff().max(CLIENT_TICK);
            self.search_due = now + wait.times(2);
            if !self.lookup_in_flight {
                self.lookup_in_flight = true;
                out.push(MemberEffect::FindCoordinator);
            }
        }
    }

    /// The application did not poll for `max.poll.interval.ms` (`handlePollTimeoutExpiry`): a dynamic member leaves at once, a static one falls silent; both
    /// forget their membership.
    fn leave_unpolled(&mut self, out: &mut Vec<MemberEffect>) {
        if !self.config.rules.hold(Rule::LeaveOnPollDeadline) {
            self.poll_deadline = SimTime::NEVER;
            return;
        }
        out.push(MemberEffect::Observe(Observation::PollDeadlineExceeded {
            consumer: self.consumer,
        }));
        self.leave(LeaveCause::PollTimeout, out);
        self.reset_membership(true);
        self.rejoin = Some(JoinCause::New);
    }
}
