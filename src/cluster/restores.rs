//! State that a new owner of a partition restores before it may process it (`environment-models.md` 6).
//!
//! Restoring begins when the assigned callback has returned, beside the processing of other partitions, and a partition is not fetched before its
//! own is over. The partitions that a member restores at once share its way in evenly. What it held in the generation before it has; what it had
//! begun to restore and still holds it goes on with. Standing still stops it too.

use std::collections::BTreeMap;

use super::client::Client;
use super::ground::{Ground, Output};
use crate::assignor::TopicPartition;
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::Observation;

/// What one client restores.
#[derive(Debug, Default)]
pub(super) struct Restores {
    /// What is left of the partitions held: the time that each would take alone. Nothing is left of one that is ready.
    held: BTreeMap<TopicPartition, SimDuration>,
    /// What is left of partitions that it had to give up before they were ready.
    stopped: BTreeMap<TopicPartition, SimDuration>,
    /// Up to here what is left has been worked out.
    since: SimTime,
    /// When the next partition is ready.
    next: Option<SimTime>,
}

impl Restores {
    fn under_way(&self) -> impl Iterator<Item = SimDuration> {
        self.held.values().copied().filter(|left| !left.is_zero())
    }

    /// When the next partition is ready.
    pub(super) fn next(&self) -> SimTime {
        self.next.unwrap_or(SimTime::NEVER)
    }

    /// What is held, or what is left of it, has changed.
    fn look_ahead(&mut self) {
        let count = self.under_way().count() as u64;
        let least = self.under_way().min();
        self.next = least.map(|least| self.since + least.times(count));
    }

    pub(super) fn is_restoring(&self, partition: TopicPartition) -> bool {
        let left = self.held.get(&partition);
        left.is_some_and(|left| !left.is_zero())
    }

    /// Works out what is left at `now`.
    fn go_on(&mut self, now: SimTime) {
        let count = self.under_way().count() as u64;
        if let Some(passed) = now.since(self.since).as_micros().checked_div(count) {
            let passed = SimDuration::from_micros(passed);
            for left in self.held.values_mut() {
                *left = *left - passed;
            }
        }
        self.since = now;
        self.look_ahead();
    }

    /// The partition is given up, ready or not.
    pub(super) fn stop(&mut self, partition: TopicPartition, now: SimTime) {
        if self.is_restoring(partition) {
            self.go_on(now);
            if let Some(left) = self.held.remove(&partition) {
                self.stopped.insert(partition, left);
            }
            self.look_ahead();
        }
    }

    /// The process stands still from `now` for `span`.
    pub(super) fn stand_still(&mut self, now: SimTime, span: SimDuration) {
        self.go_on(self.since.max(now));
        self.since = self.since.max(now) + span;
        self.look_ahead();
    }

    /// What is missing at `now` of the state of these partitions, of which each would take `whole` alone; how much of it is being restored, in
    /// parallel at a microsecond of it in a microsecond; and how long that stands still yet.
    pub(super) fn missing(
        &self,
        partitions: impl Iterator<Item = TopicPartition>,
        whole: SimDuration,
        now: SimTime,
    ) -> (SimDuration, SimDuration, SimDuration) {
        let (mut missing, mut filling) = (SimDuration::ZERO, SimDuration::ZERO);
        for partition in partitions {
            let under_way = self.held.get(&partition).copied();
            filling += under_way.unwrap_or_default();
            let stopped = self.stopped.get(&partition).copied();
            missing += under_way.or(stopped).unwrap_or(whole);
        }
        let done = now.since(self.since).min(filling);
        (missing - done, filling - done, self.since.since(now))
    }

    /// A process begins with these at hand.
    pub(super) fn begin_with(&mut self, held: &[TopicPartition]) {
        self.held = held.iter().map(|&p| (p, SimDuration::ZERO)).collect();
        self.look_ahead();
    }
}

impl Client {
    /// An assignment is in force: what it does not hold any more is forgotten, what is new is to be restored.
    pub(super) fn begin_restores(&mut self, ground: &mut Ground<'_>) {
        let Some(spec) = ground.spec.listener.restore else {
            return;
        };
        let now = ground.now;
        self.restores.go_on(now);
        let slots = &self.fetcher.slots;
        let is_held = |held: &TopicPartition| slots.iter().any(|slot| slot.partition == *held);
        self.restores.held.retain(|held, _| is_held(held));
        for slot in slots {
            let restores = &mut self.restores;
            let stopped = restores.stopped.remove(&slot.partition);
            let known = restores.held.get(&slot.partition).copied();
            let left = match known.or(stopped) {
                Some(left) => left,
                None => {
                    let end = ground.logs[slot.index].arrivals.count(now);
                    let disk = ground.disk.get(&slot.partition).copied();
                    let disk = disk.filter(|_| spec.resume_after_restart);
                    let missing = disk.map(|there| end.saturating_sub(there));
                    spec.needed(missing, ground.record_size(slot.index))
                }
            };
            restores.held.insert(slot.partition, left);
            if !left.is_zero() && known.is_none() {
                ground.observe(Observation::RestoreStarted {
                    consumer: ground.consumer,
                    partition: slot.partition,
                });
            }
        }
        self.restores.stopped.clear();
        self.restores.look_ahead();
        ground.out.push(Output::Weigh);
        self.fetcher.unsettle();
        self.mark_restoring();
    }

    /// Partitions whose state is there now may be fetched.
    pub(super) fn end_restores(&mut self, ground: &mut Ground<'_>) {
        if self.restores.next() > ground.now {
            return;
        }
        let before: Vec<TopicPartition> = self
            .restores
            .held
            .keys()
            .copied()
            .filter(|&partition| self.restores.is_restoring(partition))
            .collect();
        self.restores.go_on(ground.now);
        for partition in before {
            if !self.restores.is_restoring(partition) {
                ground.observe(Observation::RestoreEnded {
                    consumer: ground.consumer,
                    partition,
                });
            }
        }
        self.mark_restoring();
    }

    fn mark_restoring(&mut self) {
        for slot in &mut self.fetcher.slots {
            slot.restoring = self.restores.is_restoring(slot.partition);
        }
    }

    /// What is on the disk of the process when it ends: of the partitions that are ready, all up to now.
    pub(super) fn leave_on_disk(&self, ground: &mut Ground<'_>) {
        if ground.spec.listener.restore.is_none() {
            return;
        }
        for (&partition, left) in &self.restores.held {
            if left.is_zero() {
                let index = ground.index(partition);
                let end = ground.logs[index].arrivals.count(ground.now);
                ground.disk.insert(partition, end);
            }
        }
    }
}
