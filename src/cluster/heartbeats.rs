//! The heartbeat thread (`AbstractCoordinator.HeartbeatThread`).
//!
//! It looks about itself in steps: it waits for `retry.backoff.ms`, or until `poll()` notifies it that a heartbeat is due, then takes
//! the network client, handles the answers there are, and sends what is due. A step is counted from the last such pass. While the
//! application waits for the network inside `poll()` the network client is locked (`ConsumerNetworkClient.lock`): a pass that comes due then takes place
//! when the application lets go. So while records come often the steps run on through many polls, and while polls are long they fall
//! on the returns of `poll()`.

use super::client::{App, Client};
use super::ground::Ground;
use super::membership::Membership;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::rules::Rule;

/// The length of a step; zero: it is always there.
pub(super) fn step(ground: &Ground<'_>) -> SimDuration {
    if ground.spec.config.rules.hold(Rule::HeartbeatThreadSteps) {
        ground.calibration.heartbeat_thread_step
    } else {
        SimDuration::ZERO
    }
}

/// The last pass before the application, which waited for the network from `called` to `returned`, goes on; `pass` is the one before.
pub(super) fn pass_after_wait(
    pass: SimTime,
    step: SimDuration,
    called: SimTime,
    returned: SimTime,
) -> SimTime {
    let unhindered = pass_until(pass, step, called);
    if unhindered + step <= returned {
        returned
    } else {
        unhindered
    }
}

/// The last pass at or before `at`, if nothing hindered it.
fn pass_until(pass: SimTime, step: SimDuration, at: SimTime) -> SimTime {
    if step.is_zero() {
        return at;
    }
    let (since, step) = (at.since(pass).as_micros(), step.as_micros());
    let steps = if since < step { 0 } else { since / step };
    pass + SimDuration::from_micros(step).times(steps)
}

impl Client {
    /// The application holds the monitor that the thread needs while the leader's assignor computes (it is called within `JoinGroupResponseHandler.handle`, synchronized on
    /// the coordinator), and while it looks for the coordinator to commit (`ensureCoordinatorReady`, synchronized too).
    pub(super) fn heartbeat_thread_runs(&self) -> bool {
        let stands_still = match self.app {
            App::Assigning { .. } | App::Dead | App::Exiting { .. } => true,
            App::Committing { .. } | App::CallbackCommit { .. } | App::Closing => {
                !self.member.knows_coordinator()
            }
            App::Starting { .. }
            | App::Polling
            | App::Working { .. }
            | App::Stalled { .. }
            | App::Callback { .. } => false,
        };
        self.member.is_heartbeating() && !stands_still
    }

    /// No heartbeat is sent before this instant. When one is due a `poll()` that is still waiting wakes up and notifies the thread, unless it returns then with what is in
    /// its buffer since a partition is not paused any more.
    pub(super) fn next_heartbeat(&self, ground: &Ground<'_>) -> SimTime {
        if self.heartbeat_notice != SimTime::NEVER {
            return self.heartbeat_notice;
        }
        let due = self.member.heartbeat_due();
        let wakes = due + ground.calibration.poll_wakeup;
        let leaves = self.fetcher.next_arrival().min(self.deadline);
        let stays = self.app == App::Polling && wakes < leaves && !self.fetcher.has_returnable();
        if self.heartbeat_thread_runs() && stays {
            wakes + ground.calibration.heartbeat_thread_wakeup
        } else {
            due
        }
    }

    /// The first pass at or after `at`, and after the last one, if nothing hinders it.
    pub(super) fn heartbeat_pass_from(&self, at: SimTime, ground: &Ground<'_>) -> SimTime {
        let step = step(ground).as_micros();
        if step == 0 || at == SimTime::NEVER {
            return at;
        }
        let since = at.since(self.heartbeat_pass).as_micros();
        let steps = if since <= step {
            1
        } else {
            since.div_ceil(step)
        };
        self.heartbeat_pass + SimDuration::from_micros(step).times(steps)
    }

    /// The last pass at or before `at`, if nothing hindered it; `None` while the thread rests.
    pub(super) fn heartbeat_pass_until(&self, at: SimTime, ground: &Ground<'_>) -> Option<SimTime> {
        let runs = self.heartbeat_thread_runs();
        runs.then(|| pass_until(self.heartbeat_pass, step(ground), at))
    }

    /// The application has just got back from the network: a pass that came due meanwhile takes place.
    pub(super) fn heartbeat_pass_after_network(&mut self, ground: &mut Ground<'_>) {
        if self.heartbeat_thread_runs() {
            let (pass, step) = (self.heartbeat_pass, step(ground));
            self.heartbeat_pass = pass_after_wait(pass, step, self.waiting_since, ground.now);
        }
    }

    /// A pass while the application is elsewhere: answers, then what is due. As every look at the network it takes metadata in and asks for them
    /// when they are due (`NetworkClient.poll`); the next `poll()` looks at them.
    pub(super) fn heartbeat_thread(&mut self, ground: &mut Ground<'_>) {
        if !self.heartbeat_thread_runs() {
            return;
        }
        let due = self.heartbeat_pass_from(self.member.pass_due(), ground) <= ground.now;
        self.heartbeat_pass = ground.now;
        self.drain(ground);
        self.fetcher.receive(ground.now);
        if due {
            self.tell(ground, Membership::on_pass);
        }
        self.refresh_metadata(ground);
    }

    /// The application has found the coordinator in `commitSync` or `close()`. The thread has waited for it to let go of the lock (`ensureCoordinatorReady` is
    /// synchronized), and looks about itself now.
    pub(super) fn let_heartbeat_thread_in(&mut self, ground: &mut Ground<'_>) {
        if !self.heartbeat_thread_runs() {
            return;
        }
        self.heartbeat_pass = ground.now;
        if self.member.pass_due() <= ground.now {
            self.tell(ground, Membership::on_pass);
        }
    }

    /// The thread, notified by `poll()`, sends.
    pub(super) fn send_heartbeat(&mut self, ground: &mut Ground<'_>) {
        self.heartbeat_notice = SimTime::NEVER;
        if !self.heartbeat_thread_runs() || !self.member.knows_coordinator() {
            return; // Who looks for the coordinator inside `poll()` holds the monitor (`ensureCoordinatorReady`).
        }
        self.heartbeat_pass = ground.now;
        if self.member.session_deadline() <= ground.now {
            self.drain(ground); // The answer may be there.
        }
        if self.member.pass_due() <= ground.now {
            self.tell(ground, Membership::on_pass);
        }
    }
}
