//! The ledger: what each group has done to each partition, exact to the record.
//!
//! A slice of records that a process was handed is a [`Run`]; its records end one after the other at instants given by
//! their service times. Runs are settled lazily, up to the instant at which somebody looks. Where one process works on a partition, a
//! run is settled in closed form; where several do (a zombie and its successor), record by record in order of time.

use std::sync::Arc;

use crate::assignor::ConsumerId;
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::PartitionTotals;
use crate::workload::arrivals::PartitionArrivals;
use crate::workload::distribution::Distribution;
use crate::workload::service::ServiceTimes;

/// Factor of "unchanged" in thousandths.
pub(super) const UNCHANGED: u64 = 1_000;

/// The records of one partition: when they arrive and how long they take.
#[derive(Debug)]
pub(super) struct Log {
    /// Arrivals.
    pub(super) arrivals: PartitionArrivals,
    /// Service times.
    pub(super) service: ServiceTimes,
    /// Bytes of a record.
    pub(super) record_size: u64,
}

/// Records handed to one process, in order.
#[derive(Debug)]
struct Run {
    consumer: ConsumerId,
    /// First record not yet settled.
    next: u64,
    /// After the last.
    end: u64,
    /// When the processing of `next` begins.
    clock: SimTime,
    /// When the last one ends.
    ends: SimTime,
    cost: Arc<Distribution>,
    /// Thousandths of the cost.
    factor: u64,
}

/// Why records were passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Their offsets had been committed.
    Committed,
    /// An offset reset jumped over them.
    Reset,
}

/// What one group did to one partition.
#[derive(Debug)]
pub(super) struct Account {
    /// Offset after the highest record processed or passed over.
    done: u64,
    /// Ranges below `done` that nobody processed.
    holes: Vec<(u64, u64, Passed)>,
    /// Committed offset.
    committed: Option<u64>,
    runs: Vec<Run>,
    /// Integral of `done` over the window: record-microseconds.
    position_area: u128,
    /// Lag to come back to, with the end of the downtime.
    catching_up: Option<(SimTime, u64)>,
    /// Lag when the partition was last released.
    lag_at_release: Option<u64>,
    totals: PartitionTotals,
    window: (SimTime, SimTime),
}

/// Processing time of a record under a slow-down.
pub(super) fn slowed(cost: SimDuration, factor: u64) -> SimDuration {
    if factor == UNCHANGED {
        return cost;
    }
    let micros = u128::from(cost.as_micros()) * u128::from(factor) / u128::from(UNCHANGED);
    SimDuration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

impl Account {
    /// An untouched partition of which everything before `done` counts as processed earlier.
    pub(super) fn new(done: u64, committed: Option<u64>, window: (SimTime, SimTime)) -> Self {
        let length = u128::from(window.1.since(window.0).as_micros());
        Self {
            done,
            holes: Vec::new(),
            committed,
            runs: Vec::new(),
            position_area: u128::from(done) * length,
            catching_up: None,
            lag_at_release: None,
            totals: PartitionTotals::default(),
            window,
        }
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    pub(super) fn committed(&self) -> Option<u64> {
        self.committed
    }

    pub(super) fn commit(&mut self, offset: u64) {
        self.committed = Some(offset);
    }

    /// An administrator sets the committed offset.
    pub(super) fn reset_to(&mut self, offset: u64) {
        self.committed = Some(offset);
    }

    /// # Errors
    /// What does not add up, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        for run in &self.runs {
            if run.next >= run.end || run.ends < run.clock {
                return Err(format!(
                    "a run {}..{} of {:?} is over and still kept",
                    run.next, run.end, run.consumer
                ));
            }
        }
        match self
            .holes
            .iter()
            .find(|&&(from, to, _)| from >= to || to > self.done)
        {
            Some((from, to, _)) => Err(format!("the hole {from}..{to} lies beyond {}", self.done)),
            None => Ok(()),
        }
    }

    /// When the oldest record not yet processed was due, among those due by `at`.
    pub(super) fn oldest_due(&self, log: &Log, at: SimTime) -> Option<SimTime> {
        let due = log.arrivals.due(self.done);
        (due <= at).then_some(due)
    }

    /// Hands records `from..end` to `consumer`, which begins with the first at `clock`. Returns when the last ends.
    #[expect(
        clippy::too_many_arguments,
        reason = "a run is described by all of these"
    )]
    pub(super) fn hand_out(
        &mut self,
        log: &mut Log,
        consumer: ConsumerId,
        from: u64,
        end: u64,
        clock: SimTime,
        cost: &Arc<Distribution>,
        factor: u64,
    ) -> SimTime {
        let length = match (cost.as_constant(), factor) {
            (Some(each), UNCHANGED) => each.times(end - from),
            (Some(each), _) => slowed(each, factor).times(end - from),
            (None, UNCHANGED) => log.service.batch(cost, from..end),
            (None, _) => (from..end).fold(SimDuration::ZERO, |sum, offset| {
                sum + slowed(log.service.time(cost, offset), factor)
            }),
        };
        let ends = clock + length;
        for other in &self.runs {
            let both = self.clip(clock, ends.min(other.ends));
            self.totals.overlap_us += both;
        }
        self.runs.push(Run {
            consumer,
            next: from,
            end,
            clock,
            ends,
            cost: Arc::clone(cost),
            factor,
        });
        ends
    }

    /// Microseconds of `from..to` within the window.
    fn clip(&self, from: SimTime, to: SimTime) -> u64 {
        to.min(self.window.1)
            .since(from.max(self.window.0))
            .as_micros()
    }

    /// Accounts for every record that ends at or before `at`.
    pub(super) fn settle(&mut self, log: &mut Log, at: SimTime) {
        match self.runs.len() {
            0 => {}
            1 => self.settle_alone(log, at),
            _ => self.settle_contested(log, at),
        }
    }

    fn settle_alone(&mut self, log: &mut Log, at: SimTime) {
        let run = &mut self.runs[0];
        if run.clock > at {
            return;
        }
        if let Some(each) = run.cost.as_constant() {
            let each = slowed(each, run.factor);
            let left = run.end - run.next;
            let ended = at
                .since(run.clock)
                .as_micros()
                .checked_div(each.as_micros())
                .map_or(left, |fitting| fitting.min(left));
            let (from, first) = (run.next, run.clock + each);
            run.next += ended;
            run.clock += each.times(ended);
            let over = run.next == run.end;
            self.account(log, from, ended, first, each);
            if over {
                self.runs.clear();
            }
            return;
        }
        while let Some(ended) = self.next_end(log, 0).filter(|&ended| ended <= at) {
            self.finish_one(log, 0, ended);
            if self.runs.is_empty() {
                return;
            }
        }
    }

    fn settle_contested(&mut self, log: &mut Log, at: SimTime) {
        loop {
            let first = (0..self.runs.len())
                .filter_map(|run| Some((self.next_end(log, run)?, self.runs[run].consumer, run)))
                .min();
            let Some((ended, _, run)) = first.filter(|&(ended, ..)| ended <= at) else {
                return;
            };
            self.finish_one(log, run, ended);
        }
    }

    fn next_end(&self, log: &mut Log, run: usize) -> Option<SimTime> {
        let run = self.runs.get(run)?;
        Some(run.clock + slowed(log.service.time(&run.cost, run.next), run.factor))
    }

    fn finish_one(&mut self, log: &mut Log, index: usize, ended: SimTime) {
        let run = &mut self.runs[index];
        let offset = run.next;
        run.next += 1;
        run.clock = ended;
        if run.next == run.end {
            self.runs.remove(index);
        }
        self.account(log, offset, 1, ended, SimDuration::ZERO);
    }

    /// Records `from..from + count` ended, the first at `first`, each further one `each` later.
    fn account(&mut self, log: &Log, from: u64, count: u64, first: SimTime, each: SimDuration) {
        let again = self.done.saturating_sub(from).min(count);
        for index in 0..again {
            let ended = first + each.times(index);
            if self.fill_hole(from + index) {
                self.first_time(log, from + index, ended);
            } else if self.in_window(ended) {
                self.totals.duplicated += 1;
            }
        }
        if again < count {
            let first = first + each.times(again);
            self.advance_to(from + again, first, Passed::Committed);
            self.new_records(log, from + again, count - again, first, each);
        }
    }

    fn in_window(&self, at: SimTime) -> bool {
        self.window.0 <= at && at < self.window.1
    }

    fn fill_hole(&mut self, offset: u64) -> bool {
        let Some(index) = self
            .holes
            .iter()
            .position(|&(from, to, _)| from <= offset && offset < to)
        else {
            return false;
        };
        let (from, to, why) = self.holes.remove(index);
        for (from, to) in [(from, offset), (offset + 1, to)] {
            if from < to {
                self.holes.push((from, to, why));
            }
        }
        true
    }

    fn first_time(&mut self, log: &Log, offset: u64, ended: SimTime) {
        if self.in_window(ended) {
            self.totals.processed += 1;
        }
        let due = log.arrivals.due(offset);
        if self.in_window(due) && ended < self.window.1 {
            self.totals.latency.record(ended.since(due).as_micros());
        }
    }

    /// The position moves to `offset` at `at` without processing what lies between.
    pub(super) fn advance_to(&mut self, offset: u64, at: SimTime, why: Passed) {
        if offset <= self.done {
            return;
        }
        self.holes.push((self.done, offset, why));
        self.position_area +=
            u128::from(offset - self.done) * u128::from(self.clip(at, SimTime::NEVER));
        self.done = offset;
    }

    fn new_records(&mut self, log: &Log, from: u64, count: u64, first: SimTime, each: SimDuration) {
        self.done = from + count;
        let last = first + each.times(count - 1);
        let inside = self.window.0 <= first && last < self.window.1;
        if inside {
            let remaining = u128::from(self.window.1.since(first).as_micros());
            let count = u128::from(count);
            let each = u128::from(each.as_micros());
            self.position_area += count * remaining - each * (count * (count - 1) / 2);
            self.totals.processed += count as u64;
            self.latencies(log, from, count as u64, first, each as u64);
        } else {
            for index in 0..count {
                let ended = first + each.times(index);
                self.position_area += u128::from(self.clip(ended, SimTime::NEVER));
                self.first_time(log, from + index, ended);
            }
        }
        if self.catching_up.is_some() {
            for index in 0..count {
                self.check_caught_up(log, from + index + 1, first + each.times(index));
            }
        }
    }

    /// Latencies of records that all end inside the window.
    fn latencies(&mut self, log: &Log, from: u64, count: u64, first: SimTime, each: u64) {
        let mut ended = first.as_micros();
        for offset in from..from + count {
            let due = log.arrivals.due(offset);
            if self.window.0 <= due {
                self.totals.latency.record(ended - due.as_micros());
            }
            ended += each;
        }
    }

    fn check_caught_up(&mut self, log: &Log, done: u64, at: SimTime) {
        if let Some((since, level)) = self.catching_up
            && log.arrivals.count(at).saturating_sub(done) <= level
        {
            self.totals.catch_ups.push((since, Some(at)));
            self.catching_up = None;
        }
    }

    /// The process dies, or drops what it holds, at `at`: what has not ended before that instant is unfinished.
    pub(super) fn cut(&mut self, log: &mut Log, consumer: ConsumerId, at: SimTime) {
        self.settle(log, SimTime::from_micros(at.as_micros().saturating_sub(1)));
        if let Some(index) = self.runs.iter().position(|run| run.consumer == consumer) {
            let run = self.runs.remove(index);
            for other in &self.runs {
                self.totals.overlap_us -= self.clip(at.max(run.clock), run.ends.min(other.ends));
            }
        }
    }

    /// The process stands still from `at` for `pause`: what it works on ends that much later.
    pub(super) fn hold(
        &mut self,
        log: &mut Log,
        consumer: ConsumerId,
        at: SimTime,
        pause: SimDuration,
    ) {
        self.settle(log, at);
        for run in self.runs.iter_mut().filter(|run| run.consumer == consumer) {
            run.clock += pause;
            run.ends += pause;
        }
    }

    /// The partition stopped being served.
    pub(super) fn released(&mut self, log: &mut Log, at: SimTime) {
        self.settle(log, at);
        if self.lag_at_release.is_none() {
            self.lag_at_release = Some(log.arrivals.count(at).saturating_sub(self.done));
        }
        if let Some((since, _)) = self.catching_up.take() {
            self.totals.catch_ups.push((since, None));
        }
    }

    /// The partition is served again.
    pub(super) fn serving(&mut self, log: &mut Log, at: SimTime) {
        self.settle(log, at);
        if let Some(level) = self.lag_at_release.take() {
            self.catching_up = Some((at, level));
            self.check_caught_up(log, self.done, at);
        }
    }

    /// Ages of the records that wait at the end of the window.
    pub(super) fn close_window(&mut self, log: &mut Log) {
        let end = self.window.1;
        self.settle(log, end);
        for offset in self.done..log.arrivals.count(end) {
            let due = log.arrivals.due(offset);
            if self.window.0 <= due {
                self.totals.waiting.record(end.since(due).as_micros());
            }
        }
    }

    /// The totals of the window; the replication is over at `at`.
    pub(super) fn close(mut self, log: &mut Log, at: SimTime) -> PartitionTotals {
        self.settle(log, at);
        let (from, to) = self.window;
        let mut totals = self.totals;
        totals.produced = log.arrivals.produced(from, to);
        totals.lag_record_us = log
            .arrivals
            .area(from, to)
            .saturating_sub(self.position_area);
        for (from, to, why) in &self.holes {
            match why {
                Passed::Committed => totals.lost += to - from,
                Passed::Reset => totals.skipped += to - from,
            }
        }
        if self.runs.is_empty()
            && let Some(committed) = self.committed
        {
            totals.lost += committed.saturating_sub(self.done);
        }
        if let Some((since, _)) = self.catching_up {
            totals.catch_ups.push((since, None));
        }
        totals
    }
}
