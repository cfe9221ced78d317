//! Sets that are asked and changed at every observation: which slots may have changed, which lives are members.
//!
//! Both are indexed by small numbers that are known from the start, so they are arrays.

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
    /// By process: start, ids.
    by_process: Vec<Vec<(u32, u32)>>,
}

impl Roster {
    /// Nobody of that many processes.
    pub(super) fn nobody(processes: usize) -> Self {
        Self {
            by_process: vec![Vec::new(); processes],
        }
    }

    pub(super) fn contains(&self, life: &Life) -> bool {
        let mut known = self.by_process[life.consumer.index()].iter();
        known.any(|(start, _)| *start == life.start)
    }

    /// The life has one id more.
    pub(super) fn add(&mut self, life: Life) {
        let known = &mut self.by_process[life.consumer.index()];
        match known.iter_mut().find(|(start, _)| *start == life.start) {
            Some((_, ids)) => *ids += 1,
            None => {
                known.push((life.start, 1));
                known.sort_unstable();
            }
        }
    }

    /// The life has one id less; true when that was its last one.
    pub(super) fn remove(&mut self, life: Life) -> bool {
        let known = &mut self.by_process[life.consumer.index()];
        let Some(place) = known.iter().position(|(start, _)| *start == life.start) else {
            return false;
        };
        known[place].1 -= 1;
        let is_last = known[place].1 == 0;
        if is_last {
            known.remove(place);
        }
        is_last
    }

    /// By process, then by start.
    pub(super) fn iter(&self) -> impl Iterator<Item = Life> {
        (0..)
            .map(ConsumerId)
            .zip(&self.by_process)
            .flat_map(|(consumer, known)| {
                known
                    .iter()
                    .map(move |&(start, _)| Life { consumer, start })
            })
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
    }
}
