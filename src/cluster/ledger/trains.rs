//! Trains: batches handed out one after the other in the same way, each of all records that had come meanwhile.
//!
//! While records come at a constant rate the batches of a train repeat themselves: after as many of them as bring a whole number of records in
//! a whole number of microseconds the next one has the same latencies as the first, its offsets that many further and its ends that
//! much later; and where every record is a batch of its own, all latencies are the same. So a train is accounted for by what it repeats,
//! however long it is. Where anything else plays a part (repeats of records, holes, a backlog to catch up with, the edges of the
//! window) its batches are accounted for one by one.

use super::Account;
use super::batches::Batch;
use crate::assignor::ConsumerId;
use crate::cluster::records::Log;
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{Progression, Rounds};

/// What makes a batch leave its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Beat {
    /// Time: the first batch ends with the last record due by `first`, the next with the last one due `every` later, and so on.
    Time { first: SimTime, every: SimDuration },
    /// The next record, which is all of it.
    Record,
}

/// Batches of one partition, all of which have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Train {
    /// At whose hands.
    pub(in crate::cluster) consumer: ConsumerId,
    /// First record of the first batch.
    pub(in crate::cluster) from: u64,
    pub(in crate::cluster) beat: Beat,
    /// How many; at least one, and each has a record.
    pub(in crate::cluster) batches: u64,
    /// From the instant up to which records are in a batch to the beginning of its processing.
    pub(in crate::cluster) handling: SimDuration,
    /// Batches of other partitions, just as long, that are processed before it.
    pub(in crate::cluster) ahead: u64,
    /// Processing time of a record.
    pub(in crate::cluster) each: SimDuration,
}

impl Train {
    /// The batch `number`, whose first record is `from`.
    fn batch(&self, log: &Log, number: u64, from: u64) -> Batch {
        let (up_to, count) = match self.beat {
            Beat::Time { first, every } => {
                let up_to = first + every.times(number);
                (up_to, log.arrivals.count(up_to).saturating_sub(from))
            }
            Beat::Record => (log.arrivals.due(from), 1),
        };
        let began = up_to + self.handling + self.each.times(self.ahead * count);
        Batch {
            from,
            count,
            first: began + self.each,
            each: self.each,
        }
    }

    /// The first record after the train.
    pub(super) fn end(&self, log: &Log) -> u64 {
        match self.beat {
            Beat::Time { first, every } => {
                log.arrivals.count(first + every.times(self.batches - 1))
            }
            Beat::Record => self.from + self.batches,
        }
    }

    /// True when the other train goes on where this one ends, in the same way.
    fn is_continued_by(&self, next: &Self, log: &Log) -> bool {
        let beat = match self.beat {
            Beat::Time { first, every } => Beat::Time {
                first: first + every.times(self.batches),
                every,
            },
            Beat::Record => Beat::Record,
        };
        let unchanged = Self {
            from: next.from,
            beat,
            batches: next.batches,
            ..*self
        };
        unchanged == *next && self.end(log) == next.from
    }

    /// All batches have ended by then.
    fn over_by(&self, log: &Log) -> SimTime {
        match self.beat {
            Beat::Time { first, every } => first + every.times(self.batches) + self.handling,
            Beat::Record => {
                let last = self.from + self.batches - 1;
                self.batch(log, self.batches - 1, last).first
            }
        }
    }

    /// After how many batches they repeat themselves.
    fn round(&self, log: &Log) -> Option<u64> {
        let Beat::Time { first, every } = self.beat else {
            return None;
        };
        let (rate, until) = log.arrivals.pace(first)?;
        let last = first + every.times(self.batches);
        let (mut common, mut rest) = (
            u128::from(rate.per_micros),
            u128::from(rate.records) * u128::from(every.as_micros()),
        );
        while rest != 0 {
            (common, rest) = (rest, common % rest);
        }
        let round = u128::from(rate.per_micros) / common;
        (last <= until).then_some(u64::try_from(round).ok()?)
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
        let over_by = train.over_by(log);
        let (mut number, mut from) = (0, train.from);
        while number < train.batches {
            let batch = train.batch(log, number, from);
            // The first one may have begun anywhere.
            if number > 0 && self.is_regular(log, &batch, over_by) {
                break;
            }
            self.account(log, train.consumer, batch);
            from += batch.count;
            number += 1;
        }
        if number == train.batches {
            return;
        }
        let end = train.end(log);
        self.credit_inside(train.consumer, end - from);
        match train.beat {
            Beat::Time { every, .. } => self.new_rounds(log, &train, number, from, every),
            Beat::Record => self.new_alike(log, train.batch(log, number, from), end),
        }
        self.done = end;
    }

    /// The batches of a train from `number` on, whose first record is `from`.
    fn new_rounds(
        &mut self,
        log: &Log,
        train: &Train,
        number: u64,
        mut from: u64,
        every: SimDuration,
    ) {
        let left = train.batches - number;
        let round = train.round(log).unwrap_or(left).min(left);
        if self.new_evenly(log, train, number, from, (left, round)) {
            return;
        }
        for place in 0..round {
            let times = (left - place).div_ceil(round);
            let batch = train.batch(log, number + place, from);
            from += batch.count;
            self.new_inside(log, &batch, times, every.times(round));
        }
    }

    /// The same where records are due at even intervals of whole microseconds; false where they are not. Of the batches `left` the first `round` are
    /// repeated.
    fn new_evenly(
        &mut self,
        log: &Log,
        train: &Train,
        number: u64,
        from: u64,
        (left, round): (u64, u64),
    ) -> bool {
        let count = train.end(log) - from;
        let Beat::Time { first, every } = train.beat else {
            return false;
        };
        let Some((due, apart)) = log.arrivals.evenly(from, count) else {
            return false;
        };
        let mut record = |place: u64, count: u64, times: u64| {
            let up_to = first + every.times(number + place);
            let oldest = match place {
                0 => due,
                _ => {
                    let before = first + every.times(number + place - 1);
                    log.arrivals.due(log.arrivals.count(before))
                }
            };
            self.totals.latency.record_rounds(Rounds {
                oldest: up_to.since(oldest).as_micros(),
                apart: apart.as_micros(),
                every: every.as_micros(),
                count,
                handling: train.handling.as_micros(),
                ahead: train.ahead,
                each: train.each.as_micros(),
                times,
            })
        };
        // The first of a round come once more than the others.
        let (times, more) = (left / round, left % round);
        let mut latencies = record(more, round - more, times);
        if more > 0 {
            latencies += record(0, more, times + 1);
        }
        // How long before the end of the window all of them are due.
        let [count_wide, apart] = [count, apart.as_micros()].map(u128::from);
        let remaining = u128::from(self.window.after(due));
        let ahead = count_wide * remaining - apart * (count_wide * (count_wide - 1) / 2);
        self.position_area += ahead - latencies;
        self.totals.processed += count;
        true
    }

    /// Records up to `end`, each of which ends as long after it is due as that of the first batch.
    fn new_alike(&mut self, log: &Log, batch: Batch, end: u64) {
        let count = end - batch.from;
        let [first, last] = [batch.from, end - 1].map(|offset| log.arrivals.due(offset));
        let latency = batch.first.since(first);
        let remaining = u128::from(self.window.after(last + latency));
        // How much earlier than the last one the others end, all together.
        let earlier = log.arrivals.area(first, last)
            - u128::from(batch.from) * u128::from(last.since(first).as_micros());
        self.position_area += remaining * u128::from(count) + earlier;
        self.totals.processed += count;
        self.record_latencies(Progression::of(latency.as_micros(), count));
    }

    /// True when `batch` and all after it, which are over by then, are new, inside the window, and nobody waits for them.
    fn is_regular(&self, log: &Log, batch: &Batch, over_by: SimTime) -> bool {
        self.done == batch.from
            && self.catching_up.is_empty()
            && self.in_window(batch.first)
            && self.in_window(over_by)
            && self.window.holds(log.arrivals.due(batch.from))
    }
}
