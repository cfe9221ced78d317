//! Records whose ends were worked out one by one: several threads, attempts, throttling, and what is passed over.

use super::{Account, Pace, Run};
use crate::assignor::ConsumerId;
use crate::cluster::records::{Log, Passed};
use crate::kernel::{SimDuration, SimTime};

/// Ends of records that follow each other in one partition.
#[derive(Debug)]
pub(in crate::cluster) struct Listed {
    /// The first record.
    from: u64,
    began: SimTime,
    /// When each counts as processed: it and all before it are through.
    ends: Vec<SimTime>,
    /// Not processed but passed over.
    passed_over: Vec<u64>,
}

impl Listed {
    /// Records from `from` on, the first of which has its turn at `began`.
    pub(in crate::cluster) fn new(from: u64, began: SimTime) -> Self {
        Self {
            from,
            began,
            ends: Vec::new(),
            passed_over: Vec::new(),
        }
    }

    /// The next record is through at `end`, processed or passed over.
    pub(in crate::cluster) fn add(&mut self, end: SimTime, passed_over: bool) {
        if passed_over {
            self.passed_over.push(self.from + self.ends.len() as u64);
        }
        let before = self.ends.last().copied().unwrap_or(self.began);
        self.ends.push(end.max(before));
    }

    /// The same records at other instants, in the same order.
    pub(in crate::cluster) fn mapped(mut self, instant: impl Fn(SimTime) -> SimTime) -> Self {
        self.began = instant(self.began);
        for end in &mut self.ends {
            *end = instant(*end);
        }
        self
    }

    /// When `offset` ends.
    pub(super) fn end(&self, offset: u64) -> SimTime {
        let place = usize::try_from(offset - self.from).unwrap_or(usize::MAX);
        self.ends.get(place).copied().unwrap_or(SimTime::NEVER)
    }

    pub(super) fn passes_over(&self, offset: u64) -> bool {
        self.passed_over.contains(&offset)
    }

    /// `next` and all after it end that much later.
    pub(super) fn put_off(&mut self, next: u64, pause: SimDuration) {
        let done = usize::try_from(next - self.from).unwrap_or(usize::MAX);
        for end in self.ends.iter_mut().skip(done) {
            *end += pause;
        }
    }
}

impl Account {
    /// Hands records to `consumer`; none at all is fine.
    pub(in crate::cluster) fn hand_out_listed(&mut self, consumer: ConsumerId, listed: Listed) {
        let Some(&ends) = listed.ends.last() else {
            return;
        };
        self.runs.push(Run {
            consumer,
            began: listed.began,
            next: listed.from,
            end: listed.from + listed.ends.len() as u64,
            clock: listed.began,
            ends,
            pace: Pace::Listed(listed),
        });
    }

    /// The application passes over `offset`: nobody will process it, unless somebody has.
    pub(super) fn pass_over(&mut self, log: &Log, offset: u64, at: SimTime) {
        if self.done <= offset {
            self.advance_to(offset, at, Passed::Committed);
            self.advance_to(offset + 1, at, Passed::Reset);
            self.check_caught_up(log, self.done, at);
        }
    }
}
