//! The ledger: what each group has done to each partition, exact to the record.
//!
//! A slice of records that a process was handed is a [`Run`]; its records end one after the other at instants given by
//! their service times. Runs are settled lazily, up to the instant at which somebody looks. Where one process works on a partition, a
//! run is settled in closed form; where several do (a zombie and its successor), record by record in order of time. Batches handed
//! out at even intervals are kept as one (`trains`). What has ended is accounted for in `batches`.

mod batches;
mod credits;
mod listed;
mod streams;
mod trains;

use std::sync::Arc;

use batches::Batch;
use credits::Credits;
pub(super) use listed::Listed;
pub(super) use streams::{Commits, Course, LATENCIES, Stream};
pub(super) use trains::{Beat, Train};

use super::records::{Holes, Log, Passed, UNCHANGED, in_no_hands, slowed};
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
    pace: Pace,
}

/// When the records of a run end.
#[derive(Debug)]
enum Pace {
    /// One after the other: what each costs, and millionths of it.
    OneByOne(Arc<Distribution>, u64),
    /// At these instants.
    Listed(Listed),
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
    /// Where a reader began by reset policy, or an administrator put the group: who commits that offset has consumed nothing before it, and so
    /// commits no leader epoch (`SubscriptionState.allConsumed`).
    without_epoch: Option<u64>,
    /// Batches that ended before any of the runs began.
    train: Option<Train>,
    runs: Vec<Run>,
    /// What goes on after the runs, in the fluid mode.
    stream: Option<Stream>,
    /// Up to here overlaps of runs are counted.
    watched: SimTime,
    /// Records that each process ended within the window, repeats included.
    ended: Credits,
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
            without_epoch: None,
            train: None,
            runs: Vec::new(),
            stream: None,
            watched: SimTime::ZERO,
            ended: Credits::default(),
            position_area: u128::from(done) * u128::from(window.after(SimTime::ZERO)),
            catching_up: Vec::new(),
            lag_at_release: None,
            totals: PartitionTotals::default(),
            window,
            closed: false,
        }
    }

    /// Offset after the highest record processed or passed over by `at`. Batches that have ended stay together: to know where they
    /// end they need not be accounted for.
    pub(super) fn position(&mut self, log: &mut Log, at: SimTime) -> u64 {
        match &self.train {
            Some(train) => self.done.max(train.end(log)),
            None => {
                self.settle_runs(log, at);
                match &self.stream {
                    Some(stream) => self.done.max(stream.position(log, at)),
                    None => self.done,
                }
            }
        }
    }

    /// The committed offset as of the last event that concerned it, or by `at` where a stream commits by itself.
    pub(super) fn committed(&self, log: &Log, at: SimTime) -> Option<u64> {
        let along = self.stream.as_ref().and_then(|stream| {
            let tick = stream.commits?.last_stored(at)?;
            Some(stream.position(log, tick))
        });
        along.or(self.committed)
    }

    pub(super) fn commit(&mut self, offset: u64) {
        self.committed = Some(offset);
        self.was_reset = false;
    }

    /// An administrator sets the committed offset.
    pub(super) fn reset_to(&mut self, offset: u64) {
        self.committed = Some(offset);
        self.was_reset = true;
        self.begin_without_epoch(offset);
    }

    /// A reader begins at `offset` without having consumed the record before it.
    pub(super) fn begin_without_epoch(&mut self, offset: u64) {
        self.without_epoch = Some(offset);
    }

    /// True when the committed `offset` has no leader epoch.
    pub(super) fn is_without_epoch(&self, offset: u64) -> bool {
        self.without_epoch == Some(offset)
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

    /// Hands records from, to (exclusive) to `consumer`, which begins with the first at `clock`. Returns when the last ends.
    pub(super) fn hand_out(
        &mut self,
        log: &mut Log,
        consumer: ConsumerId,
        (from, end): (u64, u64),
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
            pace: Pace::OneByOne(Arc::clone(cost), factor),
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
        if self.train.is_some() {
            self.settle_train(log);
        }
        self.settle_runs(log, at);
    }

    fn settle_runs(&mut self, log: &mut Log, at: SimTime) {
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
        let constant = match &run.pace {
            Pace::OneByOne(cost, factor) => cost.as_constant().map(|each| slowed(each, *factor)),
            Pace::Listed(_) => None,
        };
        if let Some(each) = constant {
            let left = run.end - run.next;
            let ended = if run.ends <= at {
                left
            } else {
                at.since(run.clock)
                    .as_micros()
                    .checked_div(each.as_micros())
                    .map_or(left, |fitting| fitting.min(left))
            };
            let consumer = run.consumer;
            let batch = Batch {
                from: run.next,
                count: ended,
                first: run.clock + each,
                each,
            };
            run.next += ended;
            run.clock += each.times(ended);
            let over = run.next == run.end;
            self.account(log, consumer, batch);
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
        Some(match &run.pace {
            Pace::OneByOne(cost, factor) => {
                run.clock + slowed(log.service.time(cost, run.next), *factor)
            }
            Pace::Listed(listed) => listed.end(run.next),
        })
    }

    fn finish_one(&mut self, log: &mut Log, index: usize, ended: SimTime) {
        let run = &mut self.runs[index];
        let consumer = run.consumer;
        let batch = Batch {
            from: run.next,
            count: 1,
            first: ended,
            each: SimDuration::ZERO,
        };
        let passed_over = match &run.pace {
            Pace::OneByOne(..) => false,
            Pace::Listed(listed) => listed.passes_over(run.next),
        };
        run.next += 1;
        run.clock = ended;
        if run.next == run.end {
            self.runs.remove(index);
        }
        if passed_over {
            self.pass_over(log, batch.from, ended);
        } else {
            self.account(log, consumer, batch);
        }
    }

    /// True when `consumer` is working on records of the partition, as far as is settled.
    pub(super) fn occupies(&self, consumer: ConsumerId) -> bool {
        self.runs.iter().any(|run| run.consumer == consumer)
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
            if let Pace::Listed(listed) = &mut run.pace {
                listed.put_off(run.next, pause);
            }
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
        let mut held = held.to_vec();
        held.extend(self.runs.iter().map(|run| (run.next, run.end)));
        // Committed and in nobody's hands: nobody will ever process it, so it is lost and waits for nothing.
        let passed = self.committed.filter(|_| !self.was_reset).unwrap_or(0);
        for offset in self.done..log.arrivals.count(end) {
            let due = log.arrivals.due(offset);
            let is_lost = offset < passed && in_no_hands(offset, offset + 1, &held) > 0;
            if self.window.holds(due) && !is_lost {
                self.totals.waiting.record(end.since(due).as_micros());
            }
        }
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
    pub(super) fn ended_by(&self) -> impl Iterator<Item = (ConsumerId, u64)> {
        self.ended.iter()
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
