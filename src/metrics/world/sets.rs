//! Sets that are asked and changed at every observation: which slots may have changed, which lives are members.
//!
//! Both are indexed by small numbers that are known from the start, so they are arrays. And who has to do with which slot.

use std::collections::VecDeque;

use super::Life;
use crate::assignor::ConsumerId;

/// Slots whose state may have changed.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    is_listed: Vec<bool>,
    list: Vec<usize>,
}

impl Changed {
    /// All of that many slots.
    pub(super) fn all(slots: usize) -> Self {
        Self {
            is_listed: vec![true; slots],
            list: (0..slots).collect(),
        }
    }

    pub(super) fn insert(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.is_listed[slot], true) {
            self.list.push(slot);
        }
    }

    pub(super) fn extend(&mut self, slots: impl IntoIterator<Item = usize>) {
        for slot in slots {
            self.insert(slot);
        }
    }

    /// The slots in order; none is listed afterwards.
    pub(super) fn take(&mut self) -> Vec<usize> {
        let mut list = std::mem::take(&mut self.list);
        list.sort_unstable();
        for &slot in &list {
            self.is_listed[slot] = false;
        }
        list
    }
}

/// Lives that stand behind at least one member id, with the number of these ids.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    /// By process: the first of its lives with its start and ids; no ids: there is none. It is asked all the time, so it lies close together.
    first: Vec<(u32, u32)>,
    /// Later lives of a process whose earlier ones are members still: process, start, ids.
    later: Vec<(ConsumerId, u32, u32)>,
}

impl Roster {
    /// Nobody of that many processes.
    pub(super) fn nobody(processes: usize) -> Self {
        Self {
            first: vec![(0, 0); processes],
            later: Vec::new(),
        }
    }

    pub(super) fn contains(&self, life: &Life) -> bool {
        let (start, ids) = self.first[life.consumer.index()];
        (start == life.start && ids > 0)
            || self
                .later
                .iter()
                .any(|&(consumer, start, _)| (consumer, start) == (life.consumer, life.start))
    }

    /// The life has one id more.
    pub(super) fn add(&mut self, life: Life) {
        let Life { consumer, start } = life;
        let first = &mut self.first[consumer.index()];
        if first.1 == 0 {
            *first = (start, 1);
        } else if first.0 == start {
            first.1 += 1;
        } else {
            let (mut earlier, mut later) = (*first, (start, 1));
            if start < earlier.0 {
                std::mem::swap(&mut earlier, &mut later);
            }
            *first = earlier;
            let (start, ids) = later;
            let known =
                |other: &&mut (ConsumerId, u32, u32)| (other.0, other.1) == (consumer, start);
            match self.later.iter_mut().find(known) {
                Some((.., more)) => *more += ids,
                None => {
                    self.later.push((consumer, start, ids));
                    self.later.sort_unstable();
                }
            }
        }
    }

    /// The life has one id less; true when that was its last one.
    pub(super) fn remove(&mut self, life: Life) -> bool {
        let Life { consumer, start } = life;
        let first = &mut self.first[consumer.index()];
        let is_later = |other: &(ConsumerId, u32, u32)| other.0 == consumer;
        if first.1 > 0 && first.0 == start {
            first.1 -= 1;
            let is_last = first.1 == 0;
            if is_last && let Some(next) = self.later.iter().position(is_later) {
                let (_, start, ids) = self.later.remove(next);
                *first = (start, ids);
            }
            return is_last;
        }
        let place = self
            .later
            .iter()
            .position(|other| is_later(other) && other.1 == start);
        let Some(place) = place else {
            return false;
        };
        self.later[place].2 -= 1;
        let is_last = self.later[place].2 == 0;
        if is_last {
            self.later.remove(place);
        }
        is_last
    }

    /// By process, then by start.
    pub(super) fn iter(&self) -> impl Iterator<Item = Life> {
        (0..)
            .map(ConsumerId)
            .zip(&self.first)
            .filter(|(_, (_, ids))| *ids > 0)
            .flat_map(|(consumer, &(start, _))| {
                let later = self.later.iter().filter(move |other| other.0 == consumer);
                let starts = std::iter::once(start).chain(later.map(|&(_, start, _)| start));
                starts.map(move |start| Life { consumer, start })
            })
    }
}

/// Lives that can process one slot, in the order in which they began to: mostly one or none.
#[derive(Clone, Debug, Default)]
pub(super) struct Servers {
    first: Option<Life>,
    others: Vec<Life>,
}

impl Servers {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Life> {
        self.first.iter().chain(&self.others)
    }

    /// The life is among them, behind the others if it was not before.
    pub(super) fn add(&mut self, life: Life) {
        if self.first.is_none() {
            self.first = Some(life);
        } else if !self.iter().any(|server| *server == life) {
            self.others.push(life);
        }
    }

    pub(super) fn remove(&mut self, life: Life) {
        self.others.retain(|server| *server != life);
        if self.first == Some(life) {
            self.first = None;
            if !self.others.is_empty() {
                self.first = Some(self.others.remove(0));
            }
        }
    }
}

/// Slots in order. They mostly come and go at an end: shares are stretches, and are gone through in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(VecDeque<usize>);

impl Slots {
    pub(super) fn insert(&mut self, slot: usize) {
        if let Err(place) = self.0.binary_search(&slot) {
            self.0.insert(place, slot);
        }
    }

    pub(super) fn remove(&mut self, slot: usize) {
        if let Ok(place) = self.0.binary_search(&slot) {
            self.0.remove(place);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_slots_are_told_once_and_in_order() {
        let mut changed = Changed::all(5);
        assert_eq!(changed.take(), [0, 1, 2, 3, 4]);
        changed.extend([3, 1, 3]);
        changed.insert(0);
        assert_eq!(changed.take(), [0, 1, 3]);
        assert_eq!(changed.take(), [] as [usize; 0]);
    }

    #[test]
    fn a_life_is_a_member_until_its_last_id_is_gone() {
        let life = |consumer, start| Life {
            consumer: ConsumerId(consumer),
            start,
        };
        let mut roster = Roster::nobody(3);
        for member in [life(2, 1), life(0, 2), life(0, 1), life(2, 1)] {
            roster.add(member);
        }
        let all: Vec<Life> = roster.iter().collect();
        assert_eq!(all, [life(0, 1), life(0, 2), life(2, 1)]);
        assert!(!roster.remove(life(2, 1)) && roster.contains(&life(2, 1)));
        assert!(roster.remove(life(2, 1)) && !roster.contains(&life(2, 1)));
        assert!(!roster.remove(life(1, 1)));
        assert!(roster.remove(life(0, 1)) && roster.contains(&life(0, 2)));
        roster.add(life(0, 1));
        let all: Vec<Life> = roster.iter().collect();
        assert_eq!(all, [life(0, 1), life(0, 2)]);
        assert!(roster.remove(life(0, 2)) && !roster.contains(&life(0, 2)));
        assert!(roster.remove(life(0, 1)) && roster.iter().next().is_none());
    }

    #[test]
    fn servers_keep_their_order() {
        let life = |consumer| Life {
            consumer: ConsumerId(consumer),
            start: 1,
        };
        let mut servers = Servers::default();
        for server in [4, 2, 4, 9, 2] {
            servers.add(life(server));
        }
        servers.remove(life(4));
        servers.remove(life(7));
        servers.add(life(4));
        let all: Vec<Life> = servers.iter().copied().collect();
        assert_eq!(all, [life(2), life(9), life(4)]);
    }

    #[test]
    fn slots_stand_once_and_in_order() {
        let mut slots = Slots::default();
        for slot in [3, 1, 7, 3, 5] {
            slots.insert(slot);
        }
        slots.remove(1);
        slots.remove(4);
        assert_eq!(slots.iter().collect::<Vec<_>>(), [3, 5, 7]);
    }
}
