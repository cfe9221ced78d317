//! Keyed timers over a calendar: arming replaces, cancelling forgets, a stale tick does nothing.
//!
//! Nothing is ever removed from the calendar. A timer that is armed again for later, as session timers are all the time, keeps the entry that it
//! has: when that comes due it moves on to the instant and to the place in the order that the last arming gave it ([`Tick::Later`]).

use std::hash::Hash;

use super::calendar::Place;
use super::time::SimTime;

/// One timer: when it fires, and the entry on the calendar that says so or that comes before.
#[derive(Clone, Copy, Debug)]
struct Armed {
    due: SimTime,
    place: Place,
    entry_at: SimTime,
    entry: Place,
}

/// What an entry that comes due means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// The timer fires.
    Fires,
    /// It was armed again: the entry goes to this instant and place.
    Later(SimTime, Place),
    /// It is not in force any more.
    Stale,
}

/// The timers of one owner, by key.
#[derive(Debug)]
pub struct Timers<K> {
    /// Armed again with every heartbeat, and never iterated.
    armed: rustc_hash::FxHashMap<K, Armed>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            armed: Default::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> Timers<K> {
    /// Arms the timer of `key` for `due`, replacing an earlier arming. True when an entry has to be put on the calendar, at `due` and
    /// `place`; false when one that comes no later stands there already.
    pub fn arm(&mut self, key: &K, due: SimTime, place: Place) -> bool {
        let fresh = Armed {
            due,
            place,
            entry_at: due,
            entry: place,
        };
        match self.armed.get_mut(key) {
            Some(armed) if armed.entry_at <= due => {
                (armed.due, armed.place) = (due, place);
                return false;
            }
            Some(armed) => *armed = fresh,
            None => {
                self.armed.insert(key.clone(), fresh);
            }
        }
        true
    }

    /// Forgets the timer of `key`.
    pub fn cancel(&mut self, key: &K) {
        self.armed.remove(key);
    }

    /// Forgets the timer of `key`; when it would have fired.
    pub fn take(&mut self, key: &K) -> Option<SimTime> {
        self.armed.remove(key).map(|armed| armed.due)
    }

    /// Forgets every timer.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// The entry of `key` at `place` comes due. A timer that fires is armed no more.
    pub fn tick(&mut self, key: &K, place: Place) -> Tick {
        let Some(armed) = self.armed.get_mut(key) else {
            return Tick::Stale;
        };
        if armed.entry != place {
            return Tick::Stale;
        }
        if armed.place != place {
            (armed.entry_at, armed.entry) = (armed.due, armed.place);
            return Tick::Later(armed.due, armed.place);
        }
        self.armed.remove(key);
        Tick::Fires
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Calendar;

    fn second(at: u64) -> SimTime {
        SimTime::from_millis(1_000 * at)
    }

    #[test]
    fn a_timer_that_is_armed_again_for_later_keeps_its_entry() {
        let mut calendar = Calendar::<()>::default();
        let mut timers = Timers::default();
        let [first, other, last] = [(); 3].map(|()| calendar.place());
        assert!(timers.arm(&"session", second(3), first));
        assert!(!timers.arm(&"session", second(4), other));
        assert!(!timers.arm(&"session", second(5), last));
        assert_eq!(timers.tick(&"session", first), Tick::Later(second(5), last));
        assert_eq!(timers.tick(&"session", other), Tick::Stale);
        assert_eq!(timers.tick(&"session", last), Tick::Fires);
        assert_eq!(timers.tick(&"session", last), Tick::Stale, "it fires once");
    }

    #[test]
    fn a_timer_that_is_armed_again_for_earlier_makes_its_entry_stale() {
        let mut calendar = Calendar::<()>::default();
        let mut timers = Timers::default();
        let [first, second_place] = [(); 2].map(|()| calendar.place());
        assert!(timers.arm(&7, second(9), first));
        assert!(timers.arm(&7, second(2), second_place));
        assert_eq!(timers.tick(&7, second_place), Tick::Fires);
        assert_eq!(timers.tick(&7, first), Tick::Stale);
    }

    #[test]
    fn a_cancelled_timer_does_not_fire() {
        let mut calendar = Calendar::<()>::default();
        let mut timers = Timers::default();
        let [first, again] = [(); 2].map(|()| calendar.place());
        timers.arm(&7, second(1), first);
        timers.cancel(&7);
        assert_eq!(timers.tick(&7, first), Tick::Stale);
        assert!(timers.arm(&7, second(2), again));
        assert_eq!(timers.tick(&7, first), Tick::Stale);
        assert_eq!(timers.tick(&7, again), Tick::Fires);
    }
}
