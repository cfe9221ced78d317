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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_steps_without_end_at_one_instant_are_a_standstill() {
        let mut standstill = Standstill::default();
        let early = SimTime::from_millis(1);
        (1..MOST).for_each(|_| standstill.step(early));
        assert_eq!(standstill.reached(), None);
        let late = SimTime::from_millis(2);
        standstill.step(late);
        assert_eq!(standstill.reached(), None);
        (1..MOST).for_each(|_| standstill.step(late));
        assert_eq!(standstill.reached(), Some((late, MOST)));
    }
}
