//! The measured window: what belongs to it.
//!
//! The window is `(from, to]`: what happens at its last instant belongs to it, what happens at its first belongs to what was before,
//! so windows that follow each other share nothing. (A rate of 10/s over 10 s is 100 records, the first due at 100 ms, the
//! last at 10 s.) Only the backlog, due at the start of the replication, counts as due within a window that begins there.

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
        self.from < at && at <= self.to
    }

    /// True when the latency of a record due at `due` is measured.
    pub(super) fn measures(self, due: SimTime) -> bool {
        self.holds(due) || (due == SimTime::ZERO && self.from == SimTime::ZERO)
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
