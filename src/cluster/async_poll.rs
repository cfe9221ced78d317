//! The client of the consumer protocol (`AsyncKafkaConsumer`): a background thread that owns the network and the membership, and the loop inside
//! `poll()`, which asks it for work and does what it asks for.
//!
//! The background thread is always there: answers and heartbeats take their course whatever the application does. Reconciliation, automatic
//! commits and positions wait for an event that each pass of the loop sends to it; callbacks and errors wait for the application to look into its
//! queue, once a pass. Up to 4.1 the application waits until the event has taken effect and then looks (`PollEvent`,
//! `CheckAndUpdatePositionsEvent`); since 4.2 it looks at what was there before (`AsyncPollEvent`), so a callback runs one wake-up later.
//! Nothing but records and the end of the timeout wakes a waiting application.

use super::client::{App, Client};
use super::ground::Ground;
use super::membership::Membership;
use super::poll_event::Asked;
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::ClientState;

/// `polls_asynchronously` of the client's release.
fn asynchronously(ground: &Ground<'_>) -> bool {
    ground.spec.config.async_client.polls_asynchronously
}

impl Client {
    // ---- the application ----

    /// A pass of the loop inside `poll()`; the first of them or a later one.
    pub(super) fn pass(&mut self, first: bool, ground: &mut Ground<'_>) {
        self.app = App::Polling;
        self.queues.timer_read = ground.now;
        self.take_answers(ground);
        if asynchronously(ground) {
            self.hand_over_event(first, ground);
        } else {
            self.queues.taken_up_until = ground.now + ground.calibration.background_handoff;
            self.on_poll_event(ground);
            self.forget_rounds(ground);
            self.queues.take_what_is_asked();
        }
        self.do_what_is_asked(ground);
    }

    /// `processBackgroundEvents`, one after the other; each callback takes its time.
    pub(super) fn do_what_is_asked(&mut self, ground: &mut Ground<'_>) {
        match self.queues.next_asked() {
            Some(Asked::Callback(kind, partitions)) => {
                self.enter_callback(kind, &partitions, ground)
            }
            Some(Asked::Throw(error)) => self.throw(error, ground),
            None if asynchronously(ground) => {
                self.forget_current_event(ground.now);
                self.collect_or_wait(ground);
            }
            None => {
                self.update_positions(ground);
                if self.queues.fetches_wait {
                    self.queues.application_waits = true;
                } else {
                    self.collect_or_wait(ground);
                }
            }
        }
    }

    /// `pollForFetches`
    fn collect_or_wait(&mut self, ground: &mut Ground<'_>) {
        self.take_answers(ground);
        if self.return_buffered(ground) {
            return;
        }
        if asynchronously(ground) {
            if self.deadline <= ground.now {
                return self.return_nothing(ground);
            }
            let finds_more = self.queues.has_no_event() || self.queues.has_asked();
            if finds_more && self.goes_round() {
                return self.pass(false, ground);
            }
            return self.begin_wait(ground);
        }
        // Up to 4.1 nobody reads the clock between a pass's beginning and here: what callbacks took is not taken off, and it may wait as long as it might have then.
        let left = self.deadline.since(self.queues.timer_read);
        if left.is_zero() {
            return self.return_nothing(ground);
        }
        if self.queues.has_asked() && self.goes_round() {
            return self.pass(false, ground);
        }
        self.queues.waits_until = ground.now + left.min(self.longest_pause(ground));
    }

    /// Answers to fetches that have arrived are put into the buffer, where the background thread put them when they came. True when there were any.
    fn take_answers(&mut self, ground: &Ground<'_>) -> bool {
        let mut came = false;
        if ground.now < self.reads_from(ground) {
            return came;
        }
        while self.fetcher.next_answer() <= ground.now {
            let at = self.fetcher.next_answer();
            self.end_round_at(at, ground);
            self.fetcher.receive(at);
            came = true;
        }
        came
    }

    /// After a freeze the background thread has read what came meanwhile a moment later than the application looks for it.
    pub(super) fn reads_from(&self, ground: &Ground<'_>) -> SimTime {
        let handoff = ground.calibration.background_handoff;
        self.thawed()
            .map_or(SimTime::ZERO, |thawed| thawed + handoff)
    }

    /// Something came from the brokers, or the time is over, while the application waits inside `poll()`.
    fn on_wake_in_poll(&mut self, ground: &mut Ground<'_>) {
        if self.queues.application_waits {
            if self.queues.fetches_wait && ground.now < self.deadline {
                return;
            }
            self.queues.application_waits = false;
            if std::mem::take(&mut self.queues.fetches_wait) {
                // It has waited long enough for positions; who has one is asked for.
                self.prefetch(ground);
            }
            return self.collect_or_wait(ground);
        }
        let came = self.take_answers(ground);
        if self.return_buffered(ground) {
            return;
        }
        if !came && !self.goes_round() && ground.now < self.queues.waits_until {
            return;
        }
        if self.deadline <= ground.now {
            self.return_nothing(ground);
        } else {
            // Nothing to return, as of partitions that it has to give up: the loop goes on.
            self.pass(false, ground);
        }
    }

    // ---- the background thread ----

    /// The next instant at which one of the two threads does something by itself.
    pub(super) fn next_async(&self, ground: &Ground<'_>) -> SimTime {
        if !self.inbox.is_empty() || self.requests.has_unsent() {
            return ground.now; // It stood still when they came.
        }
        let own = match self.app {
            App::Starting { until }
            | App::Working { until }
            | App::Stalled { until }
            | App::Callback { until, .. }
            | App::Assigning { until }
            | App::Exiting { until } => until,
            App::Polling if self.queues.application_waits => self.deadline,
            App::Polling => {
                let arrival = self.fetcher.next_arrival().max(self.reads_from(ground));
                self.queues.waits_until.min(arrival)
            }
            App::CallbackCommit { .. } | App::Committing { .. } => SimTime::NEVER,
            App::Closing => self.closes_until(),
            App::Dead => return SimTime::NEVER,
        };
        own.min(self.fetcher.next_serving())
            .min(self.fetcher.next_leader_answer())
            .min(self.next_offset_fetch())
            .min(self.next_round(ground))
            .min(self.metadata.next())
            .min(self.next_timeout_in_background(ground))
            .max(ground.now)
    }

    /// When the background thread next has something to do for the membership. It wakes a little late for a heartbeat. Its other rounds matter from the poll deadline on:
    /// the first one then sees it.
    fn next_round(&self, ground: &Ground<'_>) -> SimTime {
        if matches!(self.app, App::Exiting { .. } | App::Dead) {
            return SimTime::NEVER;
        }
        let wakes_late = ground.calibration.background_wakeup(asynchronously(ground));
        let due = self.member.heartbeat_due();
        if due == SimTime::ZERO {
            return due; // At once.
        }
        let next = due + wakes_late;
        let deadline = self.member.poll_deadline();
        if deadline < next {
            next.min(self.round_from(deadline, wakes_late))
        } else {
            next
        }
    }

    /// What is due now, on either thread.
    pub(super) fn async_step(&mut self, ground: &mut Ground<'_>) {
        self.drain(ground);
        self.fail_unsent(ground);
        if self.next_round(ground) <= ground.now {
            self.on_round(ground);
        }
        let mut effects = std::mem::take(&mut self.effects);
        let woke_for_metadata = self.refresh_metadata(ground);
        self.look_at_metadata(&mut effects);
        self.apply(effects, ground);
        if woke_for_metadata {
            self.on_round(ground);
        }
        self.retry_offsets(ground);
        if self.fetcher.next_leader_answer() <= ground.now {
            self.on_round(ground);
            self.on_positions(ground);
        }
        if self.go_on(ground) {
            return;
        }
        match self.app {
            App::Closing if self.closes_until() <= ground.now => self.close_in_time(ground),
            App::Polling => self.on_wake_in_poll(ground),
            App::Starting { .. }
            | App::Working { .. }
            | App::Stalled { .. }
            | App::Callback { .. }
            | App::Assigning { .. }
            | App::Committing { .. }
            | App::CallbackCommit { .. }
            | App::Closing
            | App::Exiting { .. }
            | App::Dead => {}
        }
    }

    /// Answers have arrived: the background thread handles them at once.
    pub(super) fn on_async_answers(&mut self, ground: &mut Ground<'_>) {
        let first_answer = self.awaits_first_answer();
        let reconciled_before = self.is_reconciling();
        self.end_round(ground);
        self.drain(ground);
        if self.app == App::Polling && self.queues.application_waits {
            return self.on_wake_in_poll(ground);
        }
        if asynchronously(ground) {
            // An event of the application that is being taken up at this very instant takes part.
            let in_time = ground.now <= self.queues.taken_up_until;
            if in_time && self.is_reconciling() && !reconciled_before {
                self.on_poll_event(ground);
            }
            if self.app == App::Polling && self.goes_round() {
                self.pass(false, ground);
            }
            return;
        }
        // Until then the heartbeat timer stands at nothing, and up to 4.1 the application waits no longer than that: it goes round and round.
        let spins = self.goes_round() || (first_answer && !self.awaits_first_answer());
        if spins && self.app == App::Polling {
            self.pass(false, ground);
        }
    }

    /// True while nothing but records of paused partitions is buffered: put back, they wake a `poll()` that waits (`FetchBuffer.addAll`), so that it goes round without a
    /// pause and finds at once what comes from the background thread.
    fn goes_round(&self) -> bool {
        self.fetcher.has_buffered() && !self.fetcher.has_returnable()
    }

    pub(super) fn is_reconciling(&self) -> bool {
        let state = self.member.modern().map(|member| member.state());
        state == Some(ClientState::Reconciling)
    }

    fn awaits_first_answer(&self) -> bool {
        self.member
            .modern()
            .is_some_and(|member| member.awaits_first_answer())
    }

    pub(super) fn on_poll_event(&mut self, ground: &mut Ground<'_>) {
        self.tell(ground, Membership::on_poll);
    }

    /// A round of the background thread for the membership, until it is closed.
    fn on_round(&mut self, ground: &mut Ground<'_>) {
        if matches!(self.app, App::Exiting { .. } | App::Dead) {
            return;
        }
        self.end_round(ground);
        self.tell(ground, Membership::on_pass);
    }

    /// `updateFetchPositions`, then `createFetchRequests` as soon as nothing that it asked for is outstanding.
    pub(super) fn update_positions(&mut self, ground: &mut Ground<'_>) {
        if !self.fetcher.is_settled() {
            self.fetcher.validate_positions(ground);
            self.ask_offsets(ground);
        }
        self.queues.fetches_wait = true;
        self.on_positions(ground);
    }

    /// Fetches are sent where they may be (`CreateFetchRequestsEvent`).
    pub(super) fn prefetch(&mut self, ground: &mut Ground<'_>) {
        let fetching = self.fetcher.fetches_under_way();
        self.fetcher.send_fetches(ground);
        if fetching < self.fetcher.fetches_under_way() {
            self.end_round(ground);
        }
        self.begin_serving(ground);
    }

    /// Positions are known, or not yet.
    pub(super) fn on_positions(&mut self, ground: &mut Ground<'_>) {
        if let Some(error) = self.fetcher.update_positions(ground) {
            self.queues.ask(Asked::Throw(error));
        }
        if self.queues.fetches_wait && !self.fetcher.awaits_positions() {
            self.queues.fetches_wait = false;
            self.prefetch(ground);
            self.queues.event_is_done(ground.now);
        }
    }
}

impl super::calibration::Calibration {
    /// From the start of a process to its first `poll()`.
    pub(super) fn construction_of(&self, member: &Membership) -> SimDuration {
        match member {
            Membership::Classic(_) => self.construction,
            Membership::Consumer(_) => self.async_construction,
        }
    }

    /// How much longer the first look for a coordinator takes, before which no broker was heard of.
    pub(super) fn bootstrap_of(&self, member: &Membership) -> SimDuration {
        match member {
            Membership::Classic(_) => self.bootstrap,
            Membership::Consumer(_) => self.bootstrap + self.background_start,
        }
    }

    /// How late the background thread wakes for a heartbeat.
    pub(super) fn background_wakeup(&self, asynchronously: bool) -> SimDuration {
        if asynchronously {
            self.background_wakeup
        } else {
            self.background_wakeup_before_4_2
        }
    }
}
