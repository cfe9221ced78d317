//! Cycles: what a client does again and again while nobody disturbs it, played at once.
//!
//! A client in step has one fetch on its way to each broker that leads a partition of its, all of which are answered at one instant. The
//! answers bring as many records of each partition; `poll()` returns all of them and sends the next fetches; they are processed, and `poll()`
//! waits again before the next answers come. Then processing does not touch the instants of the fetches: they follow each other
//! by a constant time, or by one record of each partition ([`Client::beat`]). What each brings is what was due when it was sent, so any
//! number of cycles is known in closed form, and is the same as if each step had been taken ([`Client::walk`]).
//!
//! This is exact, not approximate: [`Client::cycle`] gives nothing unless all of that holds for sure, and then the client takes its steps one by
//! one. Where a time or a number of records can be one of two from cycle to cycle, both have to satisfy the conditions. Whatever is drawn at
//! random, comes at rates that differ between partitions or is not returned at once is not played here.

use super::batch::{Burn, work_of};
use super::client::Client;
use super::fetch::Fetcher;
use super::ground::Ground;
use super::ledger::{Beat, Train};
use super::records::{Log, slowed};
use crate::kernel::{SimDuration, SimTime};

/// Fetches that are answered together.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// When the brokers send the answers.
    ready: SimTime,
    /// From there to the client.
    latency: SimDuration,
    /// Records of each partition in them.
    records: u64,
    /// Of one of the partitions, all of which are alike: flat index, first record in the answer.
    index: usize,
    from: u64,
    /// Bytes of the largest record.
    record_size: u64,
}

/// How the fetches follow each other.
#[derive(Clone, Copy, Debug)]
struct Rhythm {
    beat: Beat,
    /// From answer to answer, at least and at most.
    gap: (SimDuration, SimDuration),
    /// Records of a partition in an answer, at least and at most; at least one.
    records: (u64, u64),
    /// Records come at this rate no longer than this.
    until: SimTime,
}

/// What every cycle is like.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    step: Step,
    rhythm: Rhythm,
    append_delay: SimDuration,
    /// Processing: once a poll, and for each record of a partition, of one partition.
    per_poll: SimDuration,
    per_record: SimDuration,
    /// What `per_poll` burns.
    burnt_per_poll: SimDuration,
    partitions: u64,
    /// From the end of the processing to the next `poll()`.
    overhead: SimDuration,
    /// How long a `poll()` waits.
    timeout: SimDuration,
    /// From the call of a `poll()` that returns nothing to the call of the next.
    empty: SimDuration,
    /// `poll()`s of a cycle that return nothing.
    empty_polls: u64,
    /// How many cycles there are to play.
    times: u64,
}

impl Cycle {
    /// When the brokers send the answers of cycle `number`.
    fn ready(&self, number: u64, log: &Log) -> SimTime {
        match self.rhythm.beat {
            Beat::Time { every, .. } => self.step.ready + every.times(number),
            Beat::Record => log.arrivals.due(self.step.from + number) + self.append_delay,
        }
    }

    fn answered(&self, number: u64, log: &Log) -> SimTime {
        self.ready(number, log) + self.step.latency
    }

    /// The first cycle whose answers come at `at` or later; the first one of all if that is none before.
    fn first_from(&self, at: SimTime, log: &Log) -> u64 {
        let handling = self.step.latency + self.append_delay;
        match self.rhythm.beat {
            Beat::Time { every, .. } => {
                let since = at.since(self.step.ready + self.step.latency).as_micros();
                since.div_ceil(every.as_micros())
            }
            Beat::Record => {
                let due = at.since(SimTime::ZERO + handling).as_micros();
                let before = due.checked_sub(1).map(SimTime::from_micros);
                let before = before.map_or(0, |before| log.arrivals.count(before));
                before.saturating_sub(self.step.from)
            }
        }
    }

    /// The first record of a partition that the fetch of cycle `number` does not bring.
    fn end(&self, number: u64, log: &Log) -> u64 {
        match self.rhythm.beat {
            Beat::Time { first, every } => log.arrivals.count(first + every.times(number)),
            Beat::Record => self.step.from + number + 1,
        }
    }

    /// The same as [`Cycle::end`] where `from` is the first record that the fetch brings.
    fn end_after(&self, from: u64, number: u64, log: &Log) -> u64 {
        let (least, most) = self.rhythm.records;
        match self.rhythm.beat {
            Beat::Time { first, every } if least < most => {
                let at_least = from + least;
                let one_more = log.arrivals.due(at_least) <= first + every.times(number);
                at_least + u64::from(one_more)
            }
            Beat::Time { .. } | Beat::Record => from + least,
        }
    }

    /// How long `records` of each partition are processed.
    fn busy(&self, records: u64) -> SimDuration {
        self.per_poll + self.per_record.times(self.partitions * records)
    }

    /// How many `poll()`s return nothing after `records` of each partition and before the next answers, `gap` after the last; nothing if these
    /// might come while no `poll()` waits.
    fn empty_polls(&self, gap: SimDuration, records: u64) -> Option<u64> {
        let worked = self.busy(records) + self.overhead;
        let waited = gap.as_micros().checked_sub(worked.as_micros())?;
        let within = waited.checked_rem(self.empty.as_micros())?;
        let is_waiting = 0 < within && within < self.timeout.as_micros();
        is_waiting.then(|| waited / self.empty.as_micros())
    }
}

impl Fetcher {
    /// The fetches on their way, if they are in step.
    fn in_step(&self, ground: &Ground<'_>) -> Option<Step> {
        let first = self.slots.first()?;
        let alike = &ground.logs[first.index];
        let node = &self.nodes[first.node];
        let (latency, chunk) = (
            ground.constant_latency(first.node)?,
            node.chunks.first().filter(|_| !self.has_buffered())?,
        );
        let (ready, records) = (node.free_at, chunk.to - chunk.from);
        let mut record_size = 0;
        for (number, node) in self.nodes.iter().enumerate() {
            let mut chunks = node.chunks.iter();
            for slot in self.slots.iter().filter(|slot| slot.node == number) {
                let chunk = chunks.next()?;
                let is_in_step = chunk.partition == slot.partition
                    && slot.may_be_fetched()
                    && slot.position == Some(chunk.from)
                    && chunk.to - chunk.from == records
                    && ground.readable(slot.index, ready) == chunk.to
                    && (slot.index == first.index
                        || ground.logs[slot.index].keeps_step_with(alike));
                if !is_in_step {
                    return None;
                }
                record_size = record_size.max(ground.record_size(slot.index));
            }
            let is_used = self.slots.iter().any(|slot| slot.node == number);
            let is_in_step = !is_used
                || (node.answered == ready + latency
                    && node.free_at == ready
                    && ground.constant_latency(number) == Some(latency));
            let is_whole = chunks.next().is_none() && node.out_of_range.is_empty();
            if !is_in_step || !is_whole || is_used != node.is_fetching() {
                return None;
            }
        }
        Some(Step {
            ready,
            latency,
            records,
            index: first.index,
            from: chunk.from,
            record_size,
        })
    }

    /// The fetches of `cycle` have been answered, and the last ones sent: each partition got `passed` records, and `more` are on their way.
    fn play(&mut self, cycle: &Cycle, passed: u64, more: u64, ready: SimTime) {
        self.turns += (cycle.times - 1) * cycle.partitions;
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if !node.is_fetching() {
                continue;
            }
            let slots = self.slots.iter_mut().filter(|slot| slot.node == number);
            for (slot, chunk) in slots.zip(&mut node.chunks) {
                chunk.from += passed;
                chunk.to = chunk.from + more;
                slot.position = Some(chunk.from);
                self.turns += 1;
                slot.turn = self.turns;
            }
            node.free_at = ready;
            node.answered = ready + cycle.step.latency;
        }
    }
}

impl Client {
    /// Plays as many cycles as end before `until` and before anything else is due. Afterwards `poll()` waits.
    pub(super) fn play_cycles(&mut self, until: SimTime, ground: &mut Ground<'_>) {
        let Some(cycle) = self.cycle(until, ground) else {
            return;
        };
        let Cycle { step, times, .. } = cycle;
        self.hand_out_cycles(&cycle, ground);
        let log = &ground.logs[step.index];
        let (first, began) = (cycle.answered(0, log), cycle.answered(times - 1, log));
        let (passed, sent) = (cycle.end(times - 1, log), cycle.end(times, log));
        let before_last = match times {
            1 => step.from,
            _ => cycle.end(times - 2, log),
        };
        let next_ready = cycle.ready(times, log);
        if ground.window.holds(first) {
            self.polls += times;
        }
        *ground.polls_played += times;
        self.uncommitted_records += (passed - step.from) * cycle.partitions;
        self.fetcher
            .play(&cycle, passed - step.from, sent - passed, next_ready);
        // Within the window processing counts by its length, so that of all batches but the last is put together.
        let busy = SimDuration::from_micros(cycle.per_poll.as_micros() * (times - 1))
            + cycle
                .per_record
                .times(cycle.partitions * (before_last - step.from));
        self.set_busy(first, first + busy, ground.window);
        let ended = began + cycle.busy(passed - before_last);
        self.set_busy(began, ended, ground.window);
        let per_poll = cycle.burnt_per_poll.as_micros();
        let [before, last] = [
            (times - 1, before_last - step.from),
            (1, passed - before_last),
        ]
        .map(|(polls, records)| work_of(ground, per_poll, polls, cycle.partitions * records));
        self.has_burnt(before);
        self.burn(Burn {
            from: began,
            to: ended,
            work: last,
        });
        if self.member.modern().is_none() {
            self.pass_waits(&cycle, ground);
        }
        self.clock = ended + cycle.overhead;
        if self.member.modern().is_some() {
            ground.now = began;
            if times > 1 {
                self.on_poll_event(ground);
            }
            self.forget_rounds(ground);
            ground.now = self.clock;
            return self.poll(ground);
        }
        ground.now = self.clock;
        self.waiting_since = ground.now;
        self.deadline = ground.now + cycle.timeout;
        self.member.on_poll_started(ground.now);
    }

    fn hand_out_cycles(&mut self, cycle: &Cycle, ground: &mut Ground<'_>) {
        let mut ahead = 0;
        for number in 0..self.fetcher.nodes.len() {
            for slot in self.fetcher.slots.iter().filter(|slot| slot.node == number) {
                let train = Train {
                    consumer: ground.consumer,
                    from: slot.position.unwrap_or_default(),
                    beat: cycle.rhythm.beat,
                    batches: cycle.times,
                    handling: cycle.append_delay + cycle.step.latency + cycle.per_poll,
                    ahead,
                    each: cycle.per_record,
                };
                ahead += 1;
                ground.accounts[slot.index].add_train(&mut ground.logs[slot.index], train);
            }
        }
    }

    /// What every cycle is like that is to come, if it is known, and at least one can be played.
    fn cycle(&self, until: SimTime, ground: &mut Ground<'_>) -> Option<Cycle> {
        let answered = self.fetcher.next_arrival();
        if answered >= until.min(self.deadline) || !self.is_undisturbed(answered, ground) {
            return None;
        }
        if ground.labour.in_detail {
            return None;
        }
        let processing = &ground.spec.processing;
        let per_poll = slowed(processing.per_poll.as_constant()?, ground.labour.factor);
        let per_record = slowed(
            ground.labour.per_record.as_constant()?,
            ground.labour.factor,
        );
        let step = self.fetcher.in_step(ground)?;
        let rhythm = self.rhythm(&step, ground)?;
        let mut cycle = Cycle {
            step,
            rhythm,
            append_delay: ground.logs[step.index].append_delay,
            per_poll,
            per_record,
            burnt_per_poll: slowed(processing.per_poll.as_constant()?, ground.labour.slow),
            partitions: self.fetcher.slots.len() as u64,
            overhead: ground.calibration.batch_overhead,
            timeout: processing.poll_timeout,
            empty: processing.poll_timeout + ground.calibration.poll_turnaround,
            empty_polls: 0,
            times: 0,
        };
        let ((shortest, longest), (least, most)) = (rhythm.gap, rhythm.records);
        cycle.empty_polls = cycle.empty_polls(shortest, most)?;
        let is_known = cycle.empty_polls(longest, least)? == cycle.empty_polls
            && self.can_return(most, &cycle, ground)
            && self.member.poll_deadline() > answered + longest
            && longest + longest < ground.spec.config.max_poll_interval
            && self
                .member
                .modern()
                .is_none_or(|member| member.waits_whatever_the_polls(answered, longest));
        if !is_known {
            return None;
        }
        let limit = self
            .nothing_before(until, answered, ground)
            .min(SimTime::ZERO + rhythm.until.since(SimTime::ZERO + longest));
        let worked = SimTime::ZERO + cycle.busy(most) + cycle.overhead;
        let limit = SimTime::ZERO + limit.since(worked);
        cycle.times = cycle.first_from(limit, &ground.logs[step.index]);
        let idle = cycle.times > 0
            && self.fetcher.slots.iter().all(|slot| {
                let log = &mut ground.logs[slot.index];
                ground.accounts[slot.index].is_idle(log, answered)
            });
        idle.then_some(cycle)
    }

    /// True when `poll()` waits for the answers that come at `answered`, and for nothing else.
    fn is_undisturbed(&self, answered: SimTime, ground: &Ground<'_>) -> bool {
        self.is_steady(ground)
            && !self.queues.application_waits
            && self.clock.max(self.waiting_since) < answered
            && self.frozen_until <= self.clock
            && ground.cut_until <= answered
            && self.heartbeat_notice == SimTime::NEVER
            && self.member.knows_coordinator()
            && !self.member.is_rejoining()
            && ground.calibration.record_transfer.is_zero()
    }

    /// Nothing but cycles happens before this instant; it does not lie beyond an edge of the window.
    fn nothing_before(&self, until: SimTime, answered: SimTime, ground: &Ground<'_>) -> SimTime {
        let window = ground.window;
        let edge = if window.holds(answered) {
            window.to
        } else if answered <= window.from {
            window.from
        } else {
            SimTime::NEVER
        };
        until
            .min(edge)
            .min(self.member.heartbeat_due())
            .min(self.member.poll_due())
            .min(self.metadata_due)
    }

    /// How the fetches follow each other if each is sent when the one before is answered: brokers answer when `fetch.min.bytes` are there, at
    /// the latest after `fetch.max.wait.ms`.
    fn rhythm(&self, step: &Step, ground: &Ground<'_>) -> Option<Rhythm> {
        let config = &ground.spec.config;
        let log = &ground.logs[step.index];
        let (delay, arrivals) = (log.append_delay, &log.arrivals);
        let first = SimTime::from_micros(step.ready.as_micros().checked_sub(delay.as_micros())?);
        let (rate, until) = arrivals.pace(first)?;
        let apart = (
            SimDuration::from_micros(rate.per_micros / rate.records),
            SimDuration::from_micros(rate.per_micros.div_ceil(rate.records)),
        );
        let round_trip = step.latency + step.latency;
        let parked = round_trip + config.fetch_max_wait;
        let every = |every: SimDuration| {
            let micros = u128::from(every.as_micros()) * u128::from(rate.records);
            let per = u128::from(rate.per_micros);
            Some(Rhythm {
                beat: Beat::Time { first, every },
                gap: (every, every),
                records: (
                    u64::try_from(micros / per).ok()?,
                    u64::try_from(micros.div_ceil(per)).ok()?,
                ),
                until,
            })
        };
        let rhythm = if config.fetch_min_bytes > 1 {
            // Parked to the end, for so many bytes do not come meanwhile.
            every(parked).filter(|rhythm| {
                let records = rhythm
                    .records
                    .1
                    .saturating_mul(self.fetcher.slots.len() as u64);
                records.saturating_mul(step.record_size) < config.fetch_min_bytes
            })?
        } else if apart.1 <= round_trip {
            every(round_trip)? // Some record is there whenever a fetch arrives.
        } else {
            Rhythm {
                beat: Beat::Record,
                gap: apart,
                records: (1, 1),
                until,
            }
        };
        let can_go_on = match rhythm.beat {
            Beat::Time { .. } => rhythm.records.0 > 0,
            // The fetch is there before the next record, and waits for it.
            Beat::Record => {
                apart.0 >= round_trip.max(SimDuration::from_micros(1))
                    && apart.1 <= parked
                    && arrivals.due(step.from) == first
            }
        };
        let (least, most) = rhythm.records;
        (can_go_on && (least..=most).contains(&step.records)).then_some(rhythm)
    }

    /// True when `poll()` returns all of `most` records of each partition, and nothing limits a fetch.
    fn can_return(&self, most: u64, cycle: &Cycle, ground: &Ground<'_>) -> bool {
        let config = &ground.spec.config;
        let bytes = most.saturating_mul(cycle.step.record_size);
        most.saturating_mul(cycle.partitions) <= u64::from(config.max_poll_records)
            && bytes <= config.max_partition_fetch_bytes
            && bytes.saturating_mul(cycle.partitions) <= config.fetch_max_bytes
    }

    /// The heartbeat thread takes its passes where the waits of `cycle` let it: see [`super::heartbeats`].
    fn pass_waits(&mut self, cycle: &Cycle, ground: &mut Ground<'_>) {
        let step = super::heartbeats::step(ground);
        let index = cycle.step.index;
        let (mut number, mut from) = (0, cycle.step.from);
        let mut answered = cycle.answered(0, &ground.logs[index]);
        ground.now = answered;
        self.heartbeat_pass_after_network(ground);
        loop {
            // Only a wait that does not end before the next pass comes due changes anything.
            let due = self.heartbeat_pass + step;
            let log = &ground.logs[index];
            let mut next = cycle.answered(number + 1, log);
            if next < due {
                number = cycle.first_from(due, log) - 1;
                from = cycle.end(number - 1, log);
                answered = cycle.answered(number, log);
                next = cycle.answered(number + 1, log);
            }
            if number + 1 >= cycle.times {
                return;
            }
            let to = cycle.end_after(from, number, log);
            let worked = answered + cycle.busy(to - from) + cycle.overhead;
            for wait in 0..=cycle.empty_polls {
                let called = worked + cycle.empty.times(wait);
                let returns = if wait < cycle.empty_polls {
                    called + cycle.timeout
                } else {
                    next
                };
                if self.heartbeat_pass + step <= returns {
                    (self.waiting_since, ground.now) = (called, returns);
                    self.heartbeat_pass_after_network(ground);
                }
            }
            (number, from, answered) = (number + 1, to, next);
        }
    }
}
