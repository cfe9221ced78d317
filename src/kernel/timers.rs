//! Keyed timers over a calendar: arming replaces, cancelling forgets, a stale tick does nothing.
//!
//! Nothing is ever removed from the calendar. Arming hands out a ticket that travels with the calendar entry; when the
//! entry comes due, [`Timers::fire`] tells whether the ticket is still the one in force.

use std::collections::BTreeMap;

/// Proof of one arming of one timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// The timers of one owner, by key.
#[derive(Debug)]
pub struct Timers<K> {
    armed: BTreeMap<K, Ticket>,
    issued: u64,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            armed: BTreeMap::new(),
            issued: 0,
        }
    }
}

impl<K: Ord> Timers<K> {
    /// Arms the timer of `key`, replacing an earlier arming.
    pub fn arm(&mut self, key: K) -> Ticket {
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.armed.insert(key, ticket);
        ticket
    }

    /// Forgets the timer of `key`.
    pub fn cancel(&mut self, key: &K) {
        self.armed.remove(key);
    }

    /// Forgets every timer.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// Takes the timer of `key` when `ticket` is the arming in force; false for a stale one.
    pub fn fire(&mut self, key: &K, ticket: Ticket) -> bool {
        let current = self.armed.get(key) == Some(&ticket);
        if current {
            self.armed.remove(key);
        }
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arming_again_makes_the_earlier_ticket_stale() {
        let mut timers = Timers::default();
        let first = timers.arm("session");
        let second = timers.arm("session");
        assert!(!timers.fire(&"session", first));
        assert!(timers.fire(&"session", second));
        assert!(!timers.fire(&"session", second), "a timer fires once");
    }

    #[test]
    fn a_cancelled_timer_does_not_fire() {
        let mut timers = Timers::default();
        let ticket = timers.arm(7);
        timers.cancel(&7);
        assert!(!timers.fire(&7, ticket));
    }
}
