//! Small steps of which taking in an observation is made: who holds, serves and is to get what, kept in step on both sides.

use std::ops::Range;

use super::{Life, Process, World};
use crate::assignor::{ConsumerId, GroupId};

impl World {
    /// They stand together.
    pub(super) fn slots_of(&self, group: GroupId) -> Range<usize> {
        let before = |which: GroupId| self.slots.partition_point(|slot| slot.group < which);
        before(group)..before(GroupId(group.0 + 1))
    }

    pub(super) fn slots_with(&self, consumer: ConsumerId) -> Vec<usize> {
        self.processes[consumer.index()].slots.iter().collect()
    }

    pub(super) fn touch(&mut self, consumer: ConsumerId) {
        self.dirty
            .extend(self.processes[consumer.index()].slots.iter());
    }

    pub(super) fn set(&mut self, consumer: ConsumerId, change: impl FnOnce(&mut Process)) {
        change(&mut self.processes[consumer.index()]);
        self.touch(consumer);
    }

    pub(super) fn unsubscribe(&mut self, consumer: ConsumerId) {
        let process = &self.processes[consumer.index()];
        if process.running && !process.closing {
            self.count_subscriptions(consumer, false);
        }
    }

    pub(super) fn count_subscriptions(&mut self, consumer: ConsumerId, more: bool) {
        let group = self.group_of(consumer);
        for topic in self.subscriptions[consumer.index()].clone() {
            let count = self.wanted.entry((group.0, topic)).or_default();
            let was_wanted = *count > 0;
            *count = if more {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
            if was_wanted != (*count > 0)
                && let Some(first) = self.first.get(&(group.0, topic))
            {
                let same = self.slots[*first..]
                    .iter()
                    .take_while(|slot| slot.group == group && slot.partition.topic.0 == topic)
                    .count();
                self.dirty.extend(*first..first + same);
            }
        }
    }

    pub(super) fn end_callback(&mut self, consumer: ConsumerId) {
        let group = self.group_of(consumer);
        let Some((_, partitions)) = self.processes[consumer.index()].callback.take() else {
            return;
        };
        for partition in partitions.iter() {
            if let Some(index) = self.slot(group, *partition)
                && self.slots[index]
                    .callback_of
                    .is_some_and(|life| life.consumer == consumer)
            {
                self.slots[index].callback_of = None;
                self.dirty.insert(index);
            }
        }
    }

    pub(super) fn give_up(&mut self, index: usize, life: Life) {
        if self.slots[index].held == Some(life) {
            self.hold(index, None);
        }
        let slot = &mut self.slots[index];
        slot.serving.remove(life);
        slot.given_up |= slot.target == Some(life);
        self.dirty.insert(index);
    }

    /// A static member's place passes from one life to another.
    pub(super) fn hand_over(&mut self, before: Life, after: Life) {
        for index in self.slots_with(before.consumer) {
            if self.slots[index].target == Some(before) {
                self.retarget(index, Some(after));
            }
            if self.slots[index].held == Some(before) && before != after {
                self.hold(index, None);
            }
            self.dirty.insert(index);
        }
    }

    /// The coordinator knows a life no more.
    pub(super) fn forget(&mut self, life: Life) {
        for index in self.slots_with(life.consumer) {
            if self.slots[index].target == Some(life) {
                self.retarget(index, None);
            }
            if self.slots[index].held == Some(life) {
                self.hold(index, None);
                self.slots[index].withheld = false;
            }
            self.dirty.insert(index);
        }
    }

    pub(super) fn retarget(&mut self, index: usize, target: Option<Life>) {
        let before = self.slots[index].target;
        self.slots[index].target = target;
        self.slots[index].given_up = false;
        self.relate(index, before, target);
    }

    pub(super) fn hold(&mut self, index: usize, holder: Option<Life>) {
        let before = self.slots[index].held;
        self.slots[index].held = holder;
        if before != holder {
            self.slots[index].pending = false;
            self.slots[index].restoring = false;
        }
        self.relate(index, before, holder);
    }

    pub(super) fn relate(&mut self, index: usize, before: Option<Life>, after: Option<Life>) {
        self.dirty.insert(index);
        if before == after {
            return;
        }
        if let Some(life) = before {
            let slot = &self.slots[index];
            let concerns = |other: &Life| other.consumer == life.consumer;
            let related = slot
                .held
                .iter()
                .chain(&slot.target)
                .chain(slot.serving.iter())
                .any(concerns);
            if !related {
                self.processes[life.consumer.index()].slots.remove(index);
            }
        }
        if let Some(life) = after {
            self.processes[life.consumer.index()].slots.insert(index);
        }
    }
}
