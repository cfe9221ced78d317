//! What it means that records have ended: who is credited with them, whether they are new, how late they are, what is caught up with.

use super::Account;
use crate::assignor::ConsumerId;
use crate::cluster::records::{Hole, Log, Passed};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::Progression;

/// Records that ended one after the other: the first at `first`, each further one `each` later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) from: u64,
    pub(super) count: u64,
    pub(super) first: SimTime,
    pub(super) each: SimDuration,
}

impl Batch {
    fn end(&self, index: u64) -> SimTime {
        self.first + self.each.times(index)
    }

    /// When the last one ended.
    fn last(&self) -> SimTime {
        self.end(self.count.saturating_sub(1))
    }
}

impl Account {
    /// A batch ended at the hands of `consumer`.
    pub(super) fn account(&mut self, log: &Log, consumer: ConsumerId, batch: Batch) {
        self.credit(consumer, &batch);
        let Batch { from, count, .. } = batch;
        let again = self.done.saturating_sub(from).min(count);
        for index in 0..again {
            let ended = batch.end(index);
            if self.holes.fill(from + index) {
                self.first_time(log, from + index, ended);
            } else if self.in_window(ended) {
                self.totals.duplicated += 1;
            }
        }
        if again < count {
            let new = Batch {
                from: from + again,
                count: count - again,
                first: batch.end(again),
                ..batch
            };
            self.advance_to(new.from, new.first, Passed::Committed);
            self.new_records(log, &new);
        }
    }

    fn credit(&mut self, consumer: ConsumerId, batch: &Batch) {
        let inside = if self.in_window(batch.first) && self.in_window(batch.last()) {
            batch.count
        } else {
            (0..batch.count)
                .filter(|&index| self.in_window(batch.end(index)))
                .count() as u64
        };
        self.credit_inside(consumer, inside);
    }

    pub(super) fn credit_inside(&mut self, consumer: ConsumerId, inside: u64) {
        if inside > 0 {
            self.ended.add(consumer, inside);
        }
    }

    pub(super) fn in_window(&self, at: SimTime) -> bool {
        self.window.holds(at) && !self.closed
    }

    fn first_time(&mut self, log: &Log, offset: u64, ended: SimTime) {
        if self.in_window(ended) {
            self.totals.processed += 1;
        }
        let due = log.arrivals.due(offset);
        if self.window.holds(due) && ended <= self.window.to && !self.closed {
            let latency = ended.since(due).as_micros();
            self.record_latencies(Progression::of(latency, 1));
        }
    }

    /// The position moves to `offset` at `at` without processing what lies between.
    pub(in crate::cluster) fn advance_to(&mut self, offset: u64, at: SimTime, why: Passed) {
        if offset <= self.done {
            return;
        }
        let (from, to) = (self.done, offset);
        self.holes.dig(Hole { from, to, why, at });
        self.position_area += u128::from(to - from) * u128::from(self.window.after(at));
        self.done = offset;
    }

    fn new_records(&mut self, log: &Log, batch: &Batch) {
        let Batch { from, count, .. } = *batch;
        self.done = from + count;
        if self.in_window(batch.first) && self.in_window(batch.last()) {
            self.new_inside(log, batch, 1, SimDuration::ZERO);
        } else {
            for index in 0..count {
                let ended = batch.end(index);
                self.position_area += u128::from(self.window.after(ended));
                self.first_time(log, from + index, ended);
            }
        }
        let mut index = 0;
        while index < count && !self.catching_up.is_empty() {
            // A record takes one off the lag, if none has come meanwhile: that many more are needed at least.
            index += self.check_caught_up(log, from + index + 1, batch.end(index));
        }
    }

    /// New records that end inside the window, and as many more at intervals of `apart`, that many `times` in all.
    pub(super) fn new_inside(&mut self, log: &Log, batch: &Batch, times: u64, apart: SimDuration) {
        self.totals.processed += batch.count * times;
        let [count, times_wide, each, apart] = [
            batch.count,
            times,
            batch.each.as_micros(),
            apart.as_micros(),
        ]
        .map(u128::from);
        let remaining = u128::from(self.window.after(batch.first));
        let less = each * (count * (count - 1) / 2);
        let later = apart * (times_wide * (times_wide - 1) / 2);
        self.position_area += times_wide * (count * remaining - less) - count * later;
        self.latencies(log, batch, times);
    }

    /// Latencies of records processed for the first time.
    pub(super) fn record_latencies(&mut self, latencies: Progression) {
        self.totals.latency.record_progression(latencies);
    }

    /// Latencies of records that all end inside the window, `times` times.
    fn latencies(&mut self, log: &Log, batch: &Batch, times: u64) {
        let window = self.window;
        let Batch { from, count, .. } = *batch;
        if let Some((due, period)) = log.arrivals.evenly(from, count)
            && window.holds(due)
            && window.holds(due + period.times(count - 1))
        {
            let latency = batch.first.since(due).as_micros();
            let step = batch.each.as_micros() as i64 - period.as_micros() as i64;
            return self.record_latencies(Progression {
                first: latency,
                step,
                count,
                times,
            });
        }
        let latencies = (0..count).filter_map(|index| {
            let due = log.arrivals.due(from + index);
            let ended = batch.end(index);
            window.holds(due).then(|| ended.since(due).as_micros())
        });
        self.totals.latency.record_all(latencies, times);
    }

    /// Who waits for the lag to be at a level that it has at `at`, when all before `done` have ended, waits no longer. Returns by how many records,
    /// at least one, it is above the next level.
    pub(super) fn check_caught_up(&mut self, log: &Log, done: u64, at: SimTime) -> u64 {
        let lag = log.arrivals.count(at).saturating_sub(done);
        let above = |&(_, level): &(SimTime, u64)| lag.saturating_sub(level);
        let least = |list: &[(SimTime, u64)]| list.iter().map(above).min().unwrap_or(1);
        let nearest = least(&self.catching_up);
        if nearest > 0 {
            return nearest;
        }
        let mut place = 0;
        while let Some(&(since, level)) = self.catching_up.get(place) {
            if lag <= level {
                self.catching_up.remove(place);
                self.caught_up(since, Some(at));
            } else {
                place += 1;
            }
        }
        least(&self.catching_up)
    }

    /// A downtime that ended at `since` is made up for at `at`, or is not.
    pub(super) fn caught_up(&mut self, since: SimTime, at: Option<SimTime>) {
        if self.window.holds(since) {
            self.totals.catch_ups.push((since, at));
        }
    }
}
