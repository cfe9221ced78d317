//! What a client has worked and burnt so far, and what a standstill does to what is under way.

use super::batch::{Burn, Work};
use super::client::{App, Client};
use super::window::Window;
use crate::kernel::{SimDuration, SimTime};

impl Client {
    /// Microseconds of processing within `window` up to `at`.
    pub(super) fn busy_by(&self, at: SimTime, window: Window) -> u64 {
        self.busy_us + window.share(self.busy.0, self.busy.1.min(at))
    }

    /// Processing goes on from `from` to `to`; what went before ended by then.
    pub(super) fn set_busy(&mut self, from: SimTime, to: SimTime, window: Window) {
        self.busy_us = self.busy_by(from, window);
        self.busy = (from, to);
    }

    /// What processing has burnt up to `at`, in the whole life of the process.
    pub(super) fn burnt_by(&self, at: SimTime) -> Work {
        self.burnt.plus(self.burning.by(at))
    }

    /// That much was burnt, before the batch under way.
    pub(super) fn has_burnt(&mut self, work: Work) {
        self.burnt = self.burnt.plus(work);
    }

    /// A batch burns this; the one before is over.
    pub(super) fn burn(&mut self, next: Burn) {
        self.has_burnt(self.burning.work);
        self.burning = next;
    }

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
        let done = self.burning.stand_still(now, span);
        self.has_burnt(done);
        if self.busy.1 > now {
            self.busy_us = self.busy_by(now, window);
            self.busy = (self.busy.0.max(now) + span, self.busy.1 + span);
        }
        // A stall ends at its own instant: who sleeps needs no processor.
        let is_stalled = matches!(self.app, App::Stalled { .. });
        if let Some(until) = self.app.until_mut().filter(|_| !is_stalled) {
            *until += span;
        }
        span
    }
}
