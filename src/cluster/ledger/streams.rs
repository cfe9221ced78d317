//! Streams: records of a partition that end at an even pace, as the fluid mode has it ([`crate::cluster::fluid`]).
//!
//! An approximation in whole numbers. How far a stream is by an instant is a closed form, so a sample of the grid reads it off and nothing
//! moves; what it did is accounted for once, when it ends. Latencies are spread evenly between those of its ends.

use super::Account;
use super::batches::Batch;
use crate::assignor::ConsumerId;
use crate::cluster::records::{Log, Passed};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::Progression;
use crate::workload::arrivals::Rate;

/// Where a stream is abreast, so many records are looked at for the lowest lag that it has.
const LOOKED_AT: u64 = 8;

/// Latencies of a stream are counted as so many different values at most.
pub(in crate::cluster) const LATENCIES: u64 = 64;

/// How a stream moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Course {
    /// Abreast of the arrivals: what came `behind` ago has just ended. Records take from `least` to `most`, so many different spans.
    Abreast {
        values: u64,
        behind: SimDuration,
        least: SimDuration,
        most: SimDuration,
    },
    /// A backlog is worked off at this rate, and nothing ends that came less than `behind` ago.
    Behind { rate: Rate, behind: SimDuration },
}

/// Automatic commits while nobody looks: the first at `first`, and so on every `every`; each is stored `takes` later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Commits {
    pub(in crate::cluster) first: SimTime,
    pub(in crate::cluster) every: SimDuration,
    pub(in crate::cluster) takes: SimDuration,
}

impl Commits {
    /// The last one that is stored by `at`.
    pub(in crate::cluster) fn last_stored(&self, at: SimTime) -> Option<SimTime> {
        let sent = at.as_micros().checked_sub(self.takes.as_micros())?;
        self.last_sent(SimTime::from_micros(sent))
    }

    /// The last one that is sent by `at`.
    fn last_sent(&self, at: SimTime) -> Option<SimTime> {
        let since = at.as_micros().checked_sub(self.first.as_micros())?;
        let number = since.checked_div(self.every.as_micros())?;
        Some(self.first + self.every.times(number))
    }
}

/// One partition in the hands of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Stream {
    pub(in crate::cluster) consumer: ConsumerId,
    /// It begins then, with the record `from`.
    pub(in crate::cluster) since: SimTime,
    pub(in crate::cluster) from: u64,
    pub(in crate::cluster) course: Course,
    pub(in crate::cluster) commits: Option<Commits>,
}

/// That long before `at`; nothing was before the start.
fn before(at: SimTime, span: SimDuration) -> Option<SimTime> {
    let micros = at.as_micros().checked_sub(span.as_micros())?;
    Some(SimTime::from_micros(micros))
}

impl Stream {
    /// The first record that has not ended by `at`.
    pub(in crate::cluster) fn position(&self, log: &Log, at: SimTime) -> u64 {
        let (Course::Abreast { behind, .. } | Course::Behind { behind, .. }) = self.course;
        if at <= self.since {
            return self.from;
        }
        let come = before(at, behind).map_or(0, |due| log.arrivals.count(due));
        match self.course {
            Course::Abreast { .. } => come.max(self.from),
            Course::Behind { rate, .. } => {
                let span = u128::from(at.since(self.since).as_micros());
                let ended = span * u128::from(rate.records) / u128::from(rate.per_micros.max(1));
                let ended = u64::try_from(ended).unwrap_or(u64::MAX);
                self.from.saturating_add(ended).min(come.max(self.from))
            }
        }
    }

    /// The integral over `from..to`, which lies in the stream, of the records that have ended beyond `base`.
    fn area(&self, log: &Log, base: u64, (from, to): (SimTime, SimTime)) -> u128 {
        let span = u128::from(to.since(from).as_micros());
        match self.course {
            Course::Abreast { behind, .. } => {
                let Some(until) = before(to, behind) else {
                    return 0;
                };
                let since = before(from, behind).unwrap_or(SimTime::ZERO);
                let come = log.arrivals.area(since, until);
                let base = u128::from(base) * u128::from(until.since(since).as_micros());
                come.saturating_sub(base)
            }
            Course::Behind { .. } => {
                let ends = [from, to].map(|at| self.position(log, at).saturating_sub(base));
                span * u128::from(ends[0] + ends[1]) / 2
            }
        }
    }

    /// When the record at `offset`, which is in the stream, ends.
    fn end(&self, log: &Log, offset: u64) -> SimTime {
        match self.course {
            Course::Abreast { behind, .. } => log.arrivals.due(offset) + behind,
            Course::Behind { rate, behind } => {
                let ahead = u128::from((offset + 1).saturating_sub(self.from));
                let span = ahead * u128::from(rate.per_micros) / u128::from(rate.records.max(1));
                let span = SimDuration::from_micros(u64::try_from(span).unwrap_or(u64::MAX));
                (self.since + span).max(log.arrivals.due(offset) + behind)
            }
        }
    }
}

impl Account {
    /// True when nobody but `consumer` works on the partition.
    pub(in crate::cluster) fn is_left_to(&self, consumer: ConsumerId) -> bool {
        self.runs.iter().all(|run| run.consumer == consumer)
            && self.stream.is_none_or(|stream| stream.consumer == consumer)
    }

    /// True when a stream keeps abreast of the arrivals.
    pub(in crate::cluster) fn is_abreast(&self) -> bool {
        let abreast = |stream: &Stream| matches!(stream.course, Course::Abreast { .. });
        self.stream.as_ref().is_some_and(abreast)
    }

    /// From an instant on records end like this; what was handed out before has ended by then.
    pub(in crate::cluster) fn begin_stream(&mut self, log: &mut Log, stream: Stream) {
        self.settle_train(log);
        self.stream = Some(stream);
    }

    /// The stream commits by itself from now on.
    pub(in crate::cluster) fn commit_along(&mut self, commits: Commits) {
        if let Some(stream) = &mut self.stream {
            stream.commits = Some(commits);
        }
    }

    /// The stream commits by itself no longer; what it has committed by `now` is stored, as if it were over at `at`.
    pub(in crate::cluster) fn commit_alone(&mut self, log: &Log, at: SimTime, now: SimTime) {
        if let Some(stream) = self.stream {
            self.store_commits(log, &stream, at, now);
            self.stream = Some(Stream {
                commits: None,
                ..stream
            });
        }
    }

    fn store_commits(&mut self, log: &Log, stream: &Stream, at: SimTime, now: SimTime) {
        if let Some(tick) = stream.commits.and_then(|commits| commits.last_sent(now)) {
            self.commit(stream.position(log, tick.min(at)));
        }
    }

    /// The stream is over at `at`: all records before `to` have ended by then, and what it committed by `now` is stored.
    pub(in crate::cluster) fn end_stream(
        &mut self,
        log: &mut Log,
        at: SimTime,
        to: u64,
        now: SimTime,
    ) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        self.settle(log, stream.since);
        self.store_commits(log, &stream, at, now);
        if stream.from < to {
            self.account_stream(log, &stream, at, to);
        }
    }

    fn account_stream(&mut self, log: &Log, stream: &Stream, at: SimTime, to: u64) {
        let again = self.done.clamp(stream.from, to) - stream.from;
        if again > 0 {
            let each = at.since(stream.since).as_micros() / (to - stream.from);
            let each = SimDuration::from_micros(each);
            let batch = Batch {
                from: stream.from,
                count: again,
                first: stream.since + each,
                each,
            };
            self.account(log, stream.consumer, batch);
        }
        let from = stream.from + again;
        if from == to {
            return;
        }
        self.advance_to(from, stream.since, Passed::Committed);
        self.done = to;
        let window = self.window;
        let span = (stream.since.max(window.from), at.min(window.to));
        self.position_area += u128::from(to - from) * u128::from(window.after(at));
        if span.0 < span.1 {
            self.position_area += stream.area(log, from, span);
        }
        let edge = |edge: SimTime, otherwise: u64| match edge {
            edge if stream.since < edge && edge < at => stream.position(log, edge).clamp(from, to),
            _ => otherwise,
        };
        let (first, last) = if self.closed || at <= window.from || window.to <= stream.since {
            (to, to)
        } else {
            (edge(window.from, from), edge(window.to, to))
        };
        let inside = last.saturating_sub(first);
        self.totals.processed += inside;
        self.credit_inside(stream.consumer, inside);
        if !self.closed {
            self.stream_latencies(log, stream, from, last);
        }
        self.stream_catches_up(log, stream, at, from);
    }

    /// Latencies of the records of a stream that are due in the window.
    fn stream_latencies(&mut self, log: &Log, stream: &Stream, from: u64, to: u64) {
        let window = self.window;
        let first_due = match window.from {
            SimTime::ZERO => 0,
            edge => log.arrivals.count(edge),
        };
        let from = from.max(first_due);
        let Some(count) = to.checked_sub(from).filter(|count| *count > 0) else {
            return;
        };
        let latency = |offset| {
            let due = log.arrivals.due(offset);
            stream.end(log, offset).since(due).as_micros()
        };
        let (first, last, values) = match stream.course {
            Course::Abreast {
                least,
                most,
                values,
                ..
            } => (least.as_micros(), most.as_micros(), values),
            Course::Behind { .. } => (latency(from), latency(to - 1), LATENCIES),
        };
        let values = values.clamp(1, count);
        let step = match i64::try_from(values - 1) {
            Ok(0) | Err(_) => 0,
            Ok(steps) => (last as i64 - first as i64) / steps,
        };
        let spread = Progression {
            first,
            step,
            count: values,
            times: count / values,
        };
        self.record_latencies(spread);
        if count % values > 0 {
            self.record_latencies(Progression {
                count: count % values,
                times: 1,
                ..spread
            });
        }
    }

    /// Who waits for the lag to be back at its level: when it was, if it was before `at`.
    fn stream_catches_up(&mut self, log: &Log, stream: &Stream, at: SimTime, from: u64) {
        if self.catching_up.is_empty() {
            return;
        }
        let lag = |at: SimTime| {
            let come = log.arrivals.count(at);
            come.saturating_sub(stream.position(log, at))
        };
        let mut waiting = std::mem::take(&mut self.catching_up);
        waiting.retain(|&(since, level)| {
            let reached = match stream.course {
                // Lowest is the lag when a record that took least has just ended.
                Course::Abreast { least, .. } => {
                    let ended = |offset: u64| log.arrivals.due(offset) + least;
                    let first = from.max(log.arrivals.count(stream.since));
                    let mut records = first..first.saturating_add(LOOKED_AT);
                    let reached = records.find(|&offset| {
                        let come = log.arrivals.count(ended(offset));
                        come.saturating_sub(offset + 1) <= level
                    });
                    reached.map(ended).filter(|ended| *ended <= at)
                }
                Course::Behind { .. } if lag(at) <= level => {
                    let (mut low, mut high) = (stream.since.as_micros(), at.as_micros());
                    while low < high {
                        let middle = low + (high - low) / 2;
                        if lag(SimTime::from_micros(middle)) <= level {
                            high = middle;
                        } else {
                            low = middle + 1;
                        }
                    }
                    Some(SimTime::from_micros(high))
                }
                Course::Behind { .. } => None,
            };
            if reached.is_some() {
                self.caught_up(since, reached.map(|at| at.max(since)));
            }
            reached.is_none()
        });
        self.catching_up = waiting;
    }
}
