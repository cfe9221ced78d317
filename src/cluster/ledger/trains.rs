//! Trains: batches handed out at even intervals, each of all records that had come meanwhile.
//!
//! Where records arrive evenly too, the batches of a train repeat themselves: after as many of them as make a whole number of arrival
//! periods the next one has the same latencies as the first, its offsets that many further and its ends that much later. So a train is accounted
//! for by what it repeats, however long it is. Where anything else plays a part (repeats of records, holes, a backlog to catch up
//! with, the edges of the window) its batches are accounted for one by one.

use super::Account;
use super::batches::Batch;
use crate::assignor::ConsumerId;
use crate::cluster::records::Log;
use crate::kernel::{SimDuration, SimTime};

/// Batches of one partition, all of which have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Train {
    /// At whose hands.
    pub(in crate::cluster) consumer: ConsumerId,
    /// First record of the first batch.
    pub(in crate::cluster) from: u64,
    /// The first batch ends with the last record due by then, the next with the last one due `every` later, and so on.
    pub(in crate::cluster) up_to: SimTime,
    /// See [`Train::up_to`].
    pub(in crate::cluster) every: SimDuration,
    /// How many; at least one, and each has a record.
    pub(in crate::cluster) batches: u64,
    /// From [`Train::up_to`] to the beginning of the processing.
    pub(in crate::cluster) handling: SimDuration,
    /// Batches of other partitions, just as long, that are processed before it.
    pub(in crate::cluster) ahead: u64,
    /// Processing time of a record.
    pub(in crate::cluster) each: SimDuration,
}

impl Train {
    /// The batch `number`, whose first record is `from`.
    fn batch(&self, log: &Log, number: u64, from: u64) -> Batch {
        let up_to = self.up_to + self.every.times(number);
        let count = log.arrivals.count(up_to).saturating_sub(from);
        let began = up_to + self.handling + self.each.times(self.ahead * count);
        Batch {
            from,
            count,
            first: began + self.each,
            each: self.each,
        }
    }

    /// The first record after the train.
    fn end(&self, log: &Log) -> u64 {
        let last = self.every.times(self.batches - 1);
        log.arrivals.count(self.up_to + last)
    }

    /// True when the other train goes on where this one ends, in the same way.
    fn is_continued_by(&self, next: &Self, log: &Log) -> bool {
        let unchanged = Self {
            from: next.from,
            up_to: self.up_to + self.every.times(self.batches),
            batches: next.batches,
            ..*self
        };
        unchanged == *next && self.end(log) == next.from
    }

    /// After how many batches they repeat themselves.
    fn round(&self, log: &Log) -> Option<u64> {
        let (_, period) = log.arrivals.evenly(self.from, self.end(log) - self.from)?;
        let (mut common, mut rest) = (period.as_micros(), self.every.as_micros());
        while rest != 0 {
            (common, rest) = (rest, common % rest);
        }
        Some(period.as_micros() / common)
    }
}

impl Account {
    /// Settles what ended by `at`, but for a train; true when nothing is being worked on.
    pub(in crate::cluster) fn is_idle(&mut self, log: &mut Log, at: SimTime) -> bool {
        self.settle_runs(log, at);
        self.runs.is_empty()
    }

    /// Takes down batches that were handed out and have ended; nothing is being worked on.
    pub(in crate::cluster) fn add_train(&mut self, log: &mut Log, train: Train) {
        match &mut self.train {
            Some(before) if before.is_continued_by(&train, log) => before.batches += train.batches,
            _ => {
                self.settle_train(log);
                self.train = Some(train);
            }
        }
    }

    pub(super) fn settle_train(&mut self, log: &mut Log) {
        let Some(train) = self.train.take() else {
            return;
        };
        let (mut number, mut from) = (0, train.from);
        // The first one may have begun anywhere.
        while number == 0 || (number < train.batches && !self.is_regular(log, &train, number, from))
        {
            let batch = train.batch(log, number, from);
            self.account(log, train.consumer, batch);
            from += batch.count;
            number += 1;
        }
        let left = train.batches - number;
        if left == 0 {
            return;
        }
        let round = train.round(log).unwrap_or(left);
        let apart = train.every.times(round);
        for place in 0..round.min(left) {
            let times = (left - place).div_ceil(round);
            let batch = train.batch(log, number + place, from);
            from += batch.count;
            self.credit_inside(train.consumer, batch.count * times);
            self.new_inside(log, &batch, times, apart);
        }
        self.done = train.end(log);
    }

    /// True when this batch and all after it are new, inside the window, and nobody waits for them.
    fn is_regular(&self, log: &Log, train: &Train, number: u64, from: u64) -> bool {
        let first = train.up_to + train.every.times(number) + train.handling;
        let after = train.up_to + train.every.times(train.batches) + train.handling;
        self.done == from
            && self.catching_up.is_empty()
            && self.in_window(first)
            && self.in_window(after)
            && self.window.holds(log.arrivals.due(from))
    }
}
