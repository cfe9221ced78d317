//! The ledger: what each group has done to each partition, exact to the record.
//!
//! A slice of records that a process was handed is a [`Run`]; its records end one after the other at instants given by
//! their service times. Runs are settled lazily, up to the instant at which somebody looks. Where one process works on a partition, a
//! run is settled in closed form; where several do (a zombie and its successor), record by record in order of time.

use std::sync::Arc;

use super::records::{Hole, Holes, Log, Passed, UNCHANGED, in_no_hands, slowed};
use super::window::Window;
use crate::assignor::ConsumerId;
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::PartitionTotals;
use crate::workload::distribution::Distribution;

/// Records handed to one process, in order.
#[derive(Debug)]
struct Run {
    consumer: ConsumerId,
    /// When its processing began or, after a standstill, went on.
    began: SimTime,
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

/// What one group did to one partition.
#[derive(Debug)]
pub(super) struct Account {
    /// Offset after the highest record processed or passed over.
    done: u64,
    /// Records below `done` that nobody processed.
    holes: Holes,
    /// Committed offset.
    committed: Option<u64>,
    /// An administrator set the committed offset.
    was_reset: bool,
    runs: Vec<Run>,
    /// Up to here overlaps of runs are counted.
    watched: SimTime,
    /// Records that each process ended within the window, repeats included.
    ended: Vec<(ConsumerId, u64)>,
    /// Integral of `done` over the window: record-microseconds.
    position_area: u128,
    /// Ends of downtimes with the lags to come back to; a later downtime does not end an earlier catching up.
    catching_up: Vec<(SimTime, u64)>,
    /// Lag when the partition was last released.
    lag_at_release: Option<u64>,
    totals: PartitionTotals,
    window: Window,
    /// The window's end has been accounted for.
    closed: bool,
}

impl Account {
    /// An untouched partition of which everything before `done` counts as processed earlier.
    pub(super) fn new(done: u64, committed: Option<u64>, window: Window) -> Self {
        Self {
            done,
            holes: Holes::default(),
            committed,
            was_reset: false,
            runs: Vec::new(),
            watched: SimTime::ZERO,
            ended: Vec::new(),
            position_area: u128::from(done) * u128::from(window.after(SimTime::ZERO)),
            catching_up: Vec::new(),
            lag_at_release: None,
            totals: PartitionTotals::default(),
            window,
            closed: false,
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
        self.was_reset = false;
    }

    /// An administrator sets the committed offset.
    pub(super) fn reset_to(&mut self, offset: u64) {
        self.committed = Some(offset);
        self.was_reset = true;
    }

    /// Why a reader that begins at the committed offset passes over what lies before it.
    pub(super) fn passed_by_commit(&self) -> Passed {
        if self.was_reset {
            Passed::Reset
        } else {
            Passed::Committed
        }
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
            .find(|hole| hole.from >= hole.to || hole.to > self.done)
        {
            Some(hole) => Err(format!("{hole:?} lies beyond {}", self.done)),
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
        self.runs.push(Run {
            consumer,
            began: clock,
            next: from,
            end,
            clock,
            ends,
            cost: Arc::clone(cost),
            factor,
        });
        ends
    }

    /// Counts the time up to `to` during which two members process the partition.
    fn watch(&mut self, to: SimTime) {
        if self.runs.len() > 1 {
            let mut edges: Vec<(SimTime, i32)> = Vec::new();
            for run in &self.runs {
                let (from, to) = (run.began.max(self.watched), run.ends.min(to));
                if from < to {
                    edges.extend([(from, 1), (to, -1)]);
                }
            }
            edges.sort_unstable();
            let mut active = 0;
            for pair in edges.windows(2) {
                active += pair[0].1;
                if active > 1 {
                    self.totals.overlap_us += self.window.share(pair[0].0, pair[1].0);
                }
            }
        }
        self.watched = self.watched.max(to);
    }

    /// Accounts for every record that ends at or before `at`.
    pub(super) fn settle(&mut self, log: &mut Log, at: SimTime) {
        match self.runs.len() {
            0 => {}
            1 => self.settle_alone(log, at),
            _ => {
                self.watch(at);
                self.settle_contested(log, at);
            }
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
            let ended = if run.ends <= at {
                left
            } else {
                at.since(run.clock)
                    .as_micros()
                    .checked_div(each.as_micros())
                    .map_or(left, |fitting| fitting.min(left))
            };
            let (consumer, from, first) = (run.consumer, run.next, run.clock + each);
            run.next += ended;
            run.clock += each.times(ended);
            let over = run.next == run.end;
            self.account(log, consumer, from, ended, first, each);
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
        let (consumer, offset) = (run.consumer, run.next);
        run.next += 1;
        run.clock = ended;
        if run.next == run.end {
            self.runs.remove(index);
        }
        self.account(log, consumer, offset, 1, ended, SimDuration::ZERO);
    }

    /// Records `from..from + count` ended at the hands of `consumer`, the first at `first`, each further one `each` later.
    fn account(
        &mut self,
        log: &Log,
        consumer: ConsumerId,
        from: u64,
        count: u64,
        first: SimTime,
        each: SimDuration,
    ) {
        self.credit(consumer, count, first, each);
        let again = self.done.saturating_sub(from).min(count);
        for index in 0..again {
            let ended = first + each.times(index);
            if self.holes.fill(from + index) {
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

    fn credit(&mut self, consumer: ConsumerId, count: u64, first: SimTime, each: SimDuration) {
        let last = first + each.times(count.saturating_sub(1));
        let inside = if self.in_window(first) && self.in_window(last) {
            count
        } else {
            (0..count)
                .filter(|&index| self.in_window(first + each.times(index)))
                .count() as u64
        };
        if inside == 0 {
            return;
        }
        match self.ended.iter_mut().find(|(who, _)| *who == consumer) {
            Some((_, records)) => *records += inside,
            None => self.ended.push((consumer, inside)),
        }
    }

    fn in_window(&self, at: SimTime) -> bool {
        self.window.holds(at) && !self.closed
    }

    fn first_time(&mut self, log: &Log, offset: u64, ended: SimTime) {
        if self.in_window(ended) {
            self.totals.processed += 1;
        }
        let due = log.arrivals.due(offset);
        if self.window.holds(due) && ended <= self.window.to && !self.closed {
            self.totals.latency.record(ended.since(due).as_micros());
        }
    }

    /// The position moves to `offset` at `at` without processing what lies between.
    pub(super) fn advance_to(&mut self, offset: u64, at: SimTime, why: Passed) {
        if offset <= self.done {
            return;
        }
        let (from, to) = (self.done, offset);
        self.holes.dig(Hole { from, to, why, at });
        self.position_area += u128::from(to - from) * u128::from(self.window.after(at));
        self.done = offset;
    }

    fn new_records(&mut self, log: &Log, from: u64, count: u64, first: SimTime, each: SimDuration) {
        self.done = from + count;
        let last = first + each.times(count - 1);
        if self.in_window(first) && self.in_window(last) {
            let remaining = u128::from(self.window.after(first));
            let count = u128::from(count);
            let each = u128::from(each.as_micros());
            self.position_area += count * remaining - each * (count * (count - 1) / 2);
            self.totals.processed += count as u64;
            self.latencies(log, from, count as u64, first, each as u64);
        } else {
            for index in 0..count {
                let ended = first + each.times(index);
                self.position_area += u128::from(self.window.after(ended));
                self.first_time(log, from + index, ended);
            }
        }
        if !self.catching_up.is_empty() {
            for index in 0..count {
                self.check_caught_up(log, from + index + 1, first + each.times(index));
            }
        }
    }

    /// Latencies of records that all end inside the window.
    fn latencies(&mut self, log: &Log, from: u64, count: u64, first: SimTime, each: u64) {
        let window = self.window;
        if let Some((due, period)) = log.arrivals.evenly(from, count)
            && window.holds(due)
            && window.holds(due + period.times(count - 1))
        {
            let latency = first.since(due).as_micros();
            let step = each as i64 - period.as_micros() as i64;
            return self.totals.latency.record_progression(latency, step, count);
        }
        let ends = (0..count).map(|index| first.as_micros() + each * index);
        let latencies = (from..from + count)
            .zip(ends)
            .filter_map(|(offset, ended)| {
                let due = log.arrivals.due(offset);
                window.holds(due).then(|| ended - due.as_micros())
            });
        self.totals.latency.record_all(latencies);
    }

    fn check_caught_up(&mut self, log: &Log, done: u64, at: SimTime) {
        let lag = log.arrivals.count(at).saturating_sub(done);
        let back = |(_, level): &mut (SimTime, u64)| lag <= *level;
        let ended: Vec<(SimTime, u64)> = self.catching_up.extract_if(.., back).collect();
        for (since, _) in ended {
            self.caught_up(since, Some(at));
        }
    }

    /// A downtime that ended at `since` is made up for at `at`, or is not.
    fn caught_up(&mut self, since: SimTime, at: Option<SimTime>) {
        if self.window.holds(since) {
            self.totals.catch_ups.push((since, at));
        }
    }

    /// What `consumer` is working on at `at` will not be finished. All that it has finished is settled.
    pub(super) fn cut(&mut self, consumer: ConsumerId, at: SimTime) {
        self.watch(at);
        self.runs.retain(|run| run.consumer != consumer);
    }

    /// The process stands still from `at` for `pause`: what it works on ends that much later. All that has ended is settled.
    pub(super) fn hold(&mut self, consumer: ConsumerId, at: SimTime, pause: SimDuration) {
        self.watch(at);
        for run in self.runs.iter_mut().filter(|run| run.consumer == consumer) {
            run.began = run.began.max(at) + pause;
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
    }

    /// The partition is served again.
    pub(super) fn serving(&mut self, log: &mut Log, at: SimTime) {
        self.settle(log, at);
        if let Some(level) = self.lag_at_release.take() {
            self.catching_up.push((at, level));
            self.check_caught_up(log, self.done, at);
        }
    }

    /// The window ends: ages of the records that wait, and what was lost or skipped. `held` are offsets in the hands of live
    /// processes that do not work on them yet.
    pub(super) fn close_window(&mut self, log: &mut Log, held: &[(u64, u64)]) {
        let end = self.window.to;
        self.settle(log, end);
        self.watch(end);
        self.closed = true;
        for offset in self.done..log.arrivals.count(end) {
            let due = log.arrivals.due(offset);
            if self.window.holds(due) {
                self.totals.waiting.record(end.since(due).as_micros());
            }
        }
        let mut held = held.to_vec();
        held.extend(self.runs.iter().map(|run| (run.next, run.end)));
        for hole in self.holes.iter().filter(|hole| self.window.holds(hole.at)) {
            let records = in_no_hands(hole.from, hole.to, &held);
            match hole.why {
                Passed::Committed => self.totals.lost += records,
                Passed::Reset => self.totals.skipped += records,
            }
        }
        if let Some(committed) = self.committed
            && !self.was_reset
        {
            self.totals.lost += in_no_hands(self.done, committed, &held);
        }
    }

    /// Records that each process ended within the window, repeats included.
    pub(super) fn ended_by(&self) -> &[(ConsumerId, u64)] {
        &self.ended
    }

    /// The totals of the window; the replication is over at `at`.
    pub(super) fn close(mut self, log: &mut Log, at: SimTime) -> PartitionTotals {
        self.settle(log, at);
        for (since, _) in std::mem::take(&mut self.catching_up) {
            self.caught_up(since, None);
        }
        let Window { from, to } = self.window;
        let mut totals = self.totals;
        totals.catch_ups.sort_unstable();
        totals.produced = log.arrivals.produced(from, to);
        let area = log.arrivals.area(from, to);
        totals.lag_record_us = area.saturating_sub(self.position_area);
        totals
    }
}
