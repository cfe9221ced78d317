//! What a client has worked and burnt so far, and what a standstill does to what is under way.

use super::batch::{Burn, Work};
use super::client::{App, Client};
use super::window::Window;
use crate::kernel::{SimDuration, SimTime};

/// What the processing of a client's records has come to.
#[derive(Debug)]
pub(super) struct Busy {
    /// The processing under way, or the last: from, to.
    under_way: (SimTime, SimTime),
    /// Microseconds of processing within the measured window before that.
    before_us: u64,
    /// What the batch under way burns, or the last one burnt.
    burning: Burn,
    /// What was burnt before that.
    burnt: Work,
    /// Polls within the measured window that returned records.
    polls: u64,
}

impl Busy {
    pub(super) fn new(now: SimTime) -> Self {
        Self {
            under_way: (now, now),
            before_us: 0,
            burning: Burn::nothing(now),
            burnt: Work::default(),
            polls: 0,
        }
    }

    /// True while a batch is being processed.
    pub(super) fn is_at_work(&self, now: SimTime) -> bool {
        self.under_way.1 > now
    }

    /// Microseconds of processing within `window` up to `at`.
    pub(super) fn by(&self, at: SimTime, window: Window) -> u64 {
        let (from, to) = self.under_way;
        self.before_us + window.share(from, to.min(at))
    }

    /// Processing goes on from `from` to `to`; what went before ended by then.
    pub(super) fn work(&mut self, from: SimTime, to: SimTime, window: Window) {
        self.before_us = self.by(from, window);
        self.under_way = (from, to);
    }

    /// So many microseconds of processing within the window ended at `ended`, and nothing is under way.
    pub(super) fn add_worked(&mut self, micros: u64, ended: SimTime) {
        self.before_us += micros;
        self.under_way = (ended, ended);
    }

    /// What processing has burnt up to `at`, in the whole life of the process.
    pub(super) fn burnt_by(&self, at: SimTime) -> Work {
        self.burnt.plus(self.burning.by(at))
    }

    /// That much was burnt, before the batch under way.
    pub(super) fn add_burnt(&mut self, work: Work) {
        self.burnt = self.burnt.plus(work);
    }

    /// A batch burns this; the one before is over.
    pub(super) fn burn(&mut self, next: Burn) {
        self.add_burnt(self.burning.work);
        self.burning = next;
    }

    /// So many polls within the measured window have returned records.
    pub(super) fn add_polls(&mut self, polls: u64) {
        self.polls += polls;
    }

    pub(super) fn polls(&self) -> u64 {
        self.polls
    }

    /// What is being worked on stands still from `now` for `span`.
    fn stand_still(&mut self, now: SimTime, span: SimDuration, window: Window) {
        let done = self.burning.stand_still(now, span);
        self.add_burnt(done);
        if self.is_at_work(now) {
            self.before_us = self.by(now, window);
            let (from, to) = self.under_way;
            self.under_way = (from.max(now) + span, to + span);
        }
    }
}

impl Client {
    /// Every thread stands still from `now` for `span`: what was being worked on ends that much later. Returns how long it stands
    /// still beyond a standstill under way.
    pub(super) fn stand_still(
        &mut self,
        now: SimTime,
        span: SimDuration,
        window: Window,
    ) -> SimDuration {
        let before = self.frozen_until.max(now);
        let span = (now + span).since(before);
        self.frozen_until = before + span;
        self.restores.stand_still(now, span);
        self.busy.stand_still(now, span, window);
        // A stall ends at its own instant: who sleeps needs no processor.
        let is_stalled = matches!(self.app, App::Stalled { .. });
        if let Some(until) = self.app.until_mut().filter(|_| !is_stalled) {
            *until += span;
        }
        span
    }
}
