//! The arithmetic of cycles: when answers come, what each brings, how long it keeps the client busy.
//!
//! Pure: it knows no client and changes nothing. Answers are numbered from the next one on; where brokers answer at different instants they
//! take turns, each in its [`Phase`].

use crate::cluster::ledger::Beat;
use crate::cluster::records::Log;
use crate::kernel::{SimDuration, SimTime};

/// Fetches that are answered together, again and again.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Phase {
    /// When the brokers send the first answers.
    pub(super) ready: SimTime,
    /// Records of each partition in them.
    pub(super) records: u64,
    /// Of one of the partitions, all of which are alike: flat index, first record in the first answer.
    pub(super) index: usize,
    pub(super) from: u64,
    pub(super) partitions: u64,
    /// `poll()`s that return nothing between these answers and the next.
    pub(super) empty_polls: u64,
}

/// What all fetches have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alike {
    /// From a broker to the client.
    pub(super) latency: SimDuration,
    /// Bytes of the largest record.
    pub(super) record_size: u64,
}

/// How the fetches of a phase follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pulse {
    /// At even intervals.
    Time {
        /// From one to the next.
        every: SimDuration,
    },
    /// With each record of a partition.
    Record,
}

/// See [`Pulse`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    pub(super) pulse: Pulse,
    /// From answer to answer of a phase, at least and at most.
    pub(super) gap: (SimDuration, SimDuration),
    /// Records of a partition in an answer, at least and at most; at least one.
    pub(super) records: (u64, u64),
    /// Records come at this rate no longer than this.
    pub(super) until: SimTime,
}

impl Rhythm {
    /// From one answer of a phase to the next, where that is always the same.
    fn every(&self) -> Option<SimDuration> {
        let (shortest, longest) = self.gap;
        (shortest == longest).then_some(shortest)
    }
}

/// What every cycle is like.
#[derive(Debug)]
pub(super) struct Cycle {
    /// By the instant of their answers; one, or several where each answer is worked off before the next comes.
    pub(super) phases: Vec<Phase>,
    pub(super) alike: Alike,
    pub(super) rhythm: Rhythm,
    pub(super) append_delay: SimDuration,
    /// Processing: once a poll, and for each record of a partition, of one partition.
    pub(super) per_poll: SimDuration,
    pub(super) per_record: SimDuration,
    /// What `per_poll` burns.
    pub(super) burnt_per_poll: SimDuration,
    /// From the end of the processing to the next `poll()`.
    pub(super) overhead: SimDuration,
    /// How long a `poll()` waits.
    pub(super) timeout: SimDuration,
    /// From the call of a `poll()` that returns nothing to the call of the next.
    pub(super) empty: SimDuration,
    /// `poll()`s that return nothing before the first answers.
    pub(super) before: u64,
    /// How many answers there are to play.
    pub(super) times: u64,
}

impl Cycle {
    fn turns(&self) -> u64 {
        self.phases.len() as u64
    }

    /// Position of the phase of answer `number`.
    pub(super) fn phase_of(&self, number: u64) -> usize {
        match self.phases.len() {
            1 => 0, // The usual case, and a division is what this costs.
            turns => (number % turns as u64) as usize,
        }
    }

    /// How many of its phase come before answer `number`.
    fn nth(&self, number: u64) -> u64 {
        match self.phases.len() {
            1 => number,
            turns => number / turns as u64,
        }
    }

    /// How many of the answers to play are of the phase at `place`.
    pub(super) fn times_of(&self, place: usize) -> u64 {
        let turns = self.turns();
        self.nth((self.times + turns - 1).saturating_sub(place as u64))
    }

    /// The number of the answer of the phase at `place` that is its `nth`.
    pub(super) fn number(&self, place: usize, nth: u64) -> u64 {
        nth * self.turns() + place as u64
    }

    /// How the batches of a partition of `phase` follow each other.
    pub(super) fn beat(&self, phase: &Phase) -> Beat {
        match self.rhythm.pulse {
            Pulse::Time { every } => Beat::Time {
                first: SimTime::ZERO + phase.ready.since(SimTime::ZERO + self.append_delay),
                every,
            },
            Pulse::Record => Beat::Record,
        }
    }

    /// When the brokers send answer `number`.
    pub(super) fn ready(&self, number: u64, logs: &[Log]) -> SimTime {
        let phase = &self.phases[self.phase_of(number)];
        let nth = self.nth(number);
        match self.rhythm.every() {
            Some(every) => phase.ready + every.times(nth),
            None => logs[phase.index].arrivals.due(phase.from + nth) + self.append_delay,
        }
    }

    pub(super) fn answered(&self, number: u64, logs: &[Log]) -> SimTime {
        self.ready(number, logs) + self.alike.latency
    }

    /// The first answer that comes at `at` or later; the first one of all if that is none before.
    pub(super) fn first_from(&self, at: SimTime, logs: &[Log]) -> u64 {
        let first = &self.phases[0];
        match self.rhythm.every() {
            Some(every) => {
                let since = at.since(first.ready + self.alike.latency).as_micros();
                let round = since.div_ceil(every.as_micros()) * self.turns();
                // The later phases of the round before may come at it, too.
                let before = round.saturating_sub(self.turns())..round;
                let mut later = before.skip(1);
                later
                    .find(|&number| self.answered(number, logs) >= at)
                    .unwrap_or(round)
            }
            None => {
                let handling = self.alike.latency + self.append_delay;
                let due = at.since(SimTime::ZERO + handling).as_micros();
                let before = due.checked_sub(1).map(SimTime::from_micros);
                let before = before.map_or(0, |before| logs[first.index].arrivals.count(before));
                before.saturating_sub(first.from)
            }
        }
    }

    /// The first record of a partition that answer `number` does not bring.
    pub(super) fn end(&self, number: u64, logs: &[Log]) -> u64 {
        let phase = &self.phases[self.phase_of(number)];
        let nth = self.nth(number);
        match self.beat(phase) {
            Beat::Time { first, every } => {
                let arrivals = &logs[phase.index].arrivals;
                arrivals.count(first + every.times(nth))
            }
            Beat::Record => phase.from + nth + 1,
        }
    }

    /// The first record of a partition that answer `number` brings.
    pub(super) fn begin(&self, number: u64, logs: &[Log]) -> u64 {
        match number.checked_sub(self.turns()) {
            Some(before) => self.end(before, logs),
            None => self.phases[self.phase_of(number)].from,
        }
    }

    /// How many records of a partition answer `number` brings.
    pub(super) fn records(&self, number: u64, logs: &[Log]) -> u64 {
        let (least, most) = self.rhythm.records;
        let phase = &self.phases[self.phase_of(number)];
        match self.beat(phase) {
            Beat::Time { first, every } if least < most => {
                let up_to = first + every.times(self.nth(number));
                let further = self.begin(number, logs) + least;
                let one_more = logs[phase.index].arrivals.due(further) <= up_to;
                least + u64::from(one_more)
            }
            Beat::Time { .. } | Beat::Record => least,
        }
    }

    /// How long `records` of each partition of a phase are processed.
    pub(super) fn busy(&self, phase: &Phase, records: u64) -> SimDuration {
        self.per_poll + self.per_record.times(phase.partitions * records)
    }

    /// From the answers of the phase at `place` to the next of any phase, at least and at most.
    fn gap(&self, place: usize) -> (SimDuration, SimDuration) {
        let ready = self.phases[place].ready;
        match self.phases.get(place + 1) {
            Some(next) => (next.ready.since(ready), next.ready.since(ready)),
            None => {
                let passed = ready.since(self.phases[0].ready);
                let (shortest, longest) = self.rhythm.gap;
                (shortest - passed, longest - passed)
            }
        }
    }

    /// Works out how many `poll()`s return nothing in each phase, after its records and before the next answers; false if these might come
    /// while no `poll()` waits.
    pub(super) fn fits(&mut self) -> bool {
        let (least, most) = self.rhythm.records;
        for place in 0..self.phases.len() {
            let (shortest, longest) = self.gap(place);
            let after_most = self.empty_polls(place, shortest, most);
            if after_most.is_none() || self.empty_polls(place, longest, least) != after_most {
                return false;
            }
            self.phases[place].empty_polls = after_most.unwrap_or_default();
        }
        true
    }

    /// When the first `poll()` after answer `number` is called.
    pub(super) fn first_call(&self, number: u64, logs: &[Log]) -> SimTime {
        let phase = &self.phases[self.phase_of(number)];
        let busy = self.busy(phase, self.records(number, logs));
        self.answered(number, logs) + busy + self.overhead
    }

    /// When that `poll()`, called at `called`, returns, if the next answer comes at `next`.
    pub(super) fn first_return(&self, number: u64, called: SimTime, next: SimTime) -> SimTime {
        match self.phases[self.phase_of(number)].empty_polls {
            0 => next,
            _ => called + self.timeout,
        }
    }

    /// True when a step that begins with the return of the first `poll()` after an answer ends while the first `poll()` after the next answer
    /// waits, whatever they bring: no step ends with another.
    pub(super) fn steps_with_first_waits(&self, step: SimDuration) -> bool {
        let (least, most) = self.rhythm.records;
        let longest_busy = self.phases.iter().map(|phase| self.busy(phase, most)).max();
        let longest_busy = longest_busy.unwrap_or_default() + self.overhead;
        let mut places = self.phases.iter().enumerate();
        places.all(|(place, phase)| {
            let (shortest, longest) = self.gap(place);
            let (since_answer, rest) = match phase.empty_polls {
                0 => (shortest, SimDuration::ZERO),
                _ => {
                    let waited = self.busy(phase, least) + self.overhead + self.timeout;
                    (waited, longest - waited)
                }
            };
            step <= since_answer && rest + longest_busy < step
        })
    }

    fn empty_polls(&self, place: usize, gap: SimDuration, records: u64) -> Option<u64> {
        let worked = self.busy(&self.phases[place], records) + self.overhead;
        let waited = gap.as_micros().checked_sub(worked.as_micros())?;
        self.empty_polls_within(SimDuration::from_micros(waited))
    }

    /// How many `poll()`s have returned nothing so long after the first was called, if another one is waiting then.
    pub(super) fn empty_polls_within(&self, waited: SimDuration) -> Option<u64> {
        let waited = waited.as_micros();
        let within = waited.checked_rem(self.empty.as_micros())?;
        let is_waiting = 0 < within && within < self.timeout.as_micros();
        is_waiting.then(|| waited / self.empty.as_micros())
    }
}
