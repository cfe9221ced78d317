//! The calendar: what is yet to happen, in one total order.
//!
//! Entries leave in the order (time, class, entity, sequence). The class ranks kinds of event at one instant, the
//! entity ranks what they concern, the sequence is the order of scheduling. The calendar does not know what an event
//! means and never drops one; a timer that was re-armed is recognised by its owner (see [`crate::kernel::timers`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::time::SimTime;

/// Where an entry stands among all others: time first, then class, then entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// When it happens.
    pub at: SimTime,
    /// Rank of its kind among simultaneous entries; lower goes first.
    pub class: u8,
    /// Rank of what it concerns among simultaneous entries of one class; lower goes first.
    pub entity: u32,
}

impl Order {
    /// One number that compares as the order does.
    fn key(self) -> u128 {
        let rank = (u64::from(self.class) << 32) | u64::from(self.entity);
        (u128::from(self.at.as_micros()) << 64) | u128::from(rank)
    }

    fn of_key(key: u128) -> Self {
        Self {
            at: SimTime::from_micros((key >> 64) as u64),
            class: (key >> 32) as u8,
            entity: key as u32,
        }
    }
}

/// A place among entries of one [`Order`]: the order of scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

/// An entry's order and place, and where its event lies: what the heap moves about stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: u128,
    place: Place,
    slot: usize,
}

/// The future event list of a replication.
#[derive(Debug)]
pub struct Calendar<E> {
    heap: BinaryHeap<Reverse<Entry>>,
    events: Vec<Option<E>>,
    /// Slots without an event.
    free: Vec<usize>,
    now: SimTime,
    scheduled: u64,
    taken: u64,
}

impl<E> Default for Calendar<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            events: Vec::new(),
            free: Vec::new(),
            now: SimTime::ZERO,
            scheduled: 0,
            taken: 0,
        }
    }
}

impl<E> Calendar<E> {
    /// The instant of the entry taken last; the start before the first.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// How many entries were taken so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the next place in the order of scheduling, for [`Calendar::schedule_at`].
    pub fn place(&mut self) -> Place {
        self.scheduled += 1;
        Place(self.scheduled)
    }

    /// Puts `event` at its place in the order, behind everything scheduled before.
    ///
    /// # Panics
    /// When `order.at` lies before [`Calendar::now`]: time does not run backwards.
    pub fn schedule(&mut self, order: Order, event: E) {
        let place = self.place();
        self.schedule_at(order, place, event);
    }

    /// Puts `event` at a place in the order that was taken earlier.
    ///
    /// # Panics
    /// As [`Calendar::schedule`].
    pub fn schedule_at(&mut self, order: Order, place: Place, event: E) {
        assert!(
            order.at >= self.now,
            "scheduled at {} which is before {}",
            order.at,
            self.now
        );
        let slot = match self.free.pop() {
            Some(slot) => {
                self.events[slot] = Some(event);
                slot
            }
            None => {
                self.events.push(Some(event));
                self.events.len() - 1
            }
        };
        self.heap.push(Reverse(Entry {
            key: order.key(),
            place,
            slot,
        }));
    }

    /// The place of the entry that [`Calendar::take`] would give.
    #[must_use]
    pub fn peek(&self) -> Option<Order> {
        self.heap
            .peek()
            .map(|Reverse(entry)| Order::of_key(entry.key))
    }

    /// Takes the first entry and moves the clock to it.
    pub fn take(&mut self) -> Option<(Order, E)> {
        let Reverse(entry) = self.heap.pop()?;
        let event = self.events[entry.slot].take()?;
        self.free.push(entry.slot);
        let order = Order::of_key(entry.key);
        self.now = order.at;
        self.taken += 1;
        Some((order, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(at: u64, class: u8, entity: u32) -> Order {
        Order {
            at: SimTime::from_micros(at),
            class,
            entity,
        }
    }

    #[test]
    fn simultaneous_entries_leave_by_class_then_entity_then_sequence() {
        let mut calendar = Calendar::default();
        for (event, place) in [
            ("e", order(1, 1, 1)),
            ("d", order(1, 1, 0)),
            ("c", order(1, 0, 9)),
            ("b", order(0, 9, 9)),
            ("f", order(1, 1, 1)),
        ] {
            calendar.schedule(place, event);
        }
        let place = calendar.place();
        calendar.schedule(order(2, 255, u32::MAX), "i");
        calendar.schedule(order(2, 3, 0), "h");
        calendar.schedule_at(order(2, 3, 0), place, "g");
        let left: Vec<_> = std::iter::from_fn(|| calendar.take().map(|(_, event)| event)).collect();
        assert_eq!(left, ["b", "c", "d", "e", "f", "g", "h", "i"]);
        assert_eq!(calendar.taken(), 8);
    }

    #[test]
    #[should_panic(expected = "before")]
    fn time_does_not_run_backwards() {
        let mut calendar = Calendar::default();
        calendar.schedule(order(5, 0, 0), ());
        calendar.take();
        calendar.schedule(order(4, 0, 0), ());
    }
}
