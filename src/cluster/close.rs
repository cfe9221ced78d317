//! How a consumer ends by itself: `wakeup()`, `close()` and what that waits for, the exit of its process.

use super::client::{App, Client, Pending};
use super::ground::{Ground, Output};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{Observation, ReleaseReason};

/// `ConsumerUtils.DEFAULT_CLOSE_TIMEOUT_MS`, which is cut to `request.timeout.ms` (`createTimerForRequest`, `createTimerForCloseRequests`).
const CLOSE_TIMEOUT: SimDuration = SimDuration::from_secs(30);

/// A `close()` under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    /// It waits for answers until then.
    until: SimTime,
    /// It has taken leave, and the process does not exit before then.
    exits_at: Option<SimTime>,
}

impl Client {
    /// It closes, or will as soon as the application comes to it.
    pub(super) fn is_ending(&self) -> bool {
        self.closing.is_some() || self.pending.contains(&Pending::Close)
    }

    /// True when `wakeup()` takes effect at once: in `poll()`, and in a `commitSync`. Within a callback it waits for the callback's end.
    pub(super) fn is_woken_by_wakeup(&self) -> bool {
        match self.app {
            App::Polling | App::Starting { .. } | App::Committing { .. } => true,
            App::Working { .. }
            | App::Stalled { .. }
            | App::Callback { .. }
            | App::CallbackCommit { .. }
            | App::Assigning { .. }
            | App::Closing
            | App::Exiting { .. }
            | App::Dead => false,
        }
    }

    /// `wakeup()` was called where the application could not notice: what waits for the network next, be it `poll()` or `commitSync`, sends what is to be sent and
    /// throws (`ConsumerNetworkClient.maybeTriggerWakeup`, `WakeupTrigger.setActiveTask`), and it closes. A harness does not call it. True when it closes.
    pub(super) fn heed_wakeup(&mut self, ground: &mut Ground<'_>) -> bool {
        let is_woken = !ground.harness && self.pending.contains(&Pending::Close);
        if is_woken {
            self.close(ground);
        }
        is_woken
    }

    /// `poll()` throws: the application closes the consumer, which by then has no group to leave.
    pub(super) fn throw(&mut self, error: &'static str, ground: &mut Ground<'_>) {
        ground.observe(Observation::ConsumerFailed {
            consumer: ground.consumer,
            error,
        });
        self.close(ground);
    }

    /// `close()`
    pub(super) fn close(&mut self, ground: &mut Ground<'_>) {
        self.pending.clear();
        self.batch.held_back.clear();
        self.queues.clear();
        ground.observe(Observation::ConsumerClosing {
            consumer: ground.consumer,
        });
        // It returns no more records, however long its commit waits.
        self.release_serving(ReleaseReason::PendingRevocation, None, ground);
        self.app = App::Closing;
        let until = ground.now + CLOSE_TIMEOUT.min(ground.spec.config.request_timeout);
        self.closing = Some(Closing {
            until,
            exits_at: None,
        });
        self.tell(ground, |member, now, at, out| {
            member.close(now, until, at, out);
        });
    }

    /// `close()` waits no longer than until then.
    pub(super) fn closes_until(&self) -> SimTime {
        self.closing.map_or(SimTime::NEVER, |closing| closing.until)
    }

    /// The member has taken leave: `close()` has fetches on their way to wait for yet.
    pub(super) fn on_member_closed(&mut self, ground: &Ground<'_>) {
        self.app = App::Closing;
        let idle = ground.now + ground.calibration.exit;
        let last = self.fetcher.last_answer();
        if let Some(closing) = &mut self.closing {
            closing.exits_at = Some(idle.max(last.min(closing.until)));
        }
        self.end_close(ground.now);
    }

    /// `ConsumerNetworkClient.awaitPendingRequests`: who has taken leave waits for what the coordinator still owes it, be it the answer to a JoinGroup that is parked until
    /// others have joined, behind which the LeaveGroup waits. A client of the consumer protocol waits for the answer to its leaving alone (`LeaveGroupOnCloseEvent`).
    pub(super) fn end_close(&mut self, now: SimTime) {
        let exits_at = self.closing.and_then(|closing| closing.exits_at);
        let Some(exits_at) = exits_at.filter(|_| self.app == App::Closing) else {
            return;
        };
        let is_owed = match self.member.modern() {
            Some(member) => member.awaits_answer_to_leaving(),
            None => !self.requests.is_empty(),
        };
        if !is_owed || !self.member.knows_coordinator() {
            self.app = App::Exiting {
                until: exits_at.max(now),
            };
        }
    }

    /// `close()` has had its time: it waits no longer, neither for its commit nor for answers.
    pub(super) fn close_in_time(&mut self, ground: &mut Ground<'_>) {
        self.on_commit_due(ground);
        if self.app == App::Closing {
            self.app = App::Exiting { until: ground.now };
        }
    }

    /// The process exits after `close()`.
    pub(super) fn exit(&mut self, ground: &mut Ground<'_>) {
        self.app = App::Dead;
        ground.observe(Observation::ConsumerClosed {
            consumer: ground.consumer,
        });
        ground.out.push(Output::Exited);
    }
}
