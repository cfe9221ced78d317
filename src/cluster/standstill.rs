//! Steps of clients between two control events are no events, so the event limit does not see a client that goes round and round at one instant. This
//! does.

use crate::kernel::SimTime;

/// No client has so many steps to take at one instant.
const MOST: u64 = 1_000_000;

/// Steps that one client after the other took at the same instant.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    at: SimTime,
    steps: u64,
}

impl Standstill {
    /// A client takes a step at `at`.
    pub(super) fn step(&mut self, at: SimTime) {
        self.steps = if self.at == at { self.steps + 1 } else { 1 };
        self.at = at;
    }

    /// Steps are taken without end, at this instant.
    pub(super) fn reached(&self) -> Option<(SimTime, u64)> {
        (self.steps >= MOST).then_some((self.at, self.steps))
    }
}
