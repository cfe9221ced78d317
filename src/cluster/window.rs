//! The measured window: what belongs to it.
//!
//! The window is `(from, to]`: what happens at its last instant belongs to it, what happens at its first belongs to what was before,
//! so windows that follow each other share nothing. (A rate of 10/s over 10 s is 100 records, the first due at 100 ms, the
//! last at 10 s.) A window that begins with the replication begins before anything happens: the first instant belongs to it, and so does the
//! backlog, which is due then (though it is not produced within the run).

use crate::kernel::SimTime;

/// From and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: SimTime,
    pub(super) to: SimTime,
}

impl Window {
    /// True when what happens at `at` belongs to the window.
    pub(super) fn holds(self, at: SimTime) -> bool {
        (self.from < at || self.from == SimTime::ZERO) && at <= self.to
    }

    /// Microseconds of `from..to` within the window.
    pub(super) fn share(self, from: SimTime, to: SimTime) -> u64 {
        to.min(self.to).since(from.max(self.from)).as_micros()
    }

    /// Microseconds of the window after `at`.
    pub(super) fn after(self, at: SimTime) -> u64 {
        self.share(at, SimTime::NEVER)
    }
}

impl From<(SimTime, SimTime)> for Window {
    fn from((from, to): (SimTime, SimTime)) -> Self {
        Self { from, to }
    }
}
