//! Cycles: what a client does again and again while nobody disturbs it, played at once.
//!
//! A client in step has one fetch on its way to each broker that leads a partition of its, all of which are answered at one instant. The
//! answer brings some records of every partition; `poll()` returns all of them and sends the next fetches; they are processed, and `poll()` waits again
//! before the next answer comes. Then the processing does not touch the instants of the fetches, and where every fetch is
//! parked for the same time ([`Client::period`]) answers come at even intervals: the content of each is what was due when it was sent, so any
//! number of cycles is known in closed form, and is the same as if each step had been taken ([`Client::walk`]).
//!
//! This is exact, not approximate: [`Client::cycle`] gives nothing unless all of that holds for sure, and then the client takes its steps one by
//! one. Where a number of records can be one of two from cycle to cycle, both have to satisfy the conditions. What is drawn at random, or
//! does not arrive at even intervals, or is not returned at once is not played here.

use super::client::Client;
use super::fetch::Fetcher;
use super::ground::Ground;
use super::ledger::Train;
use super::records::slowed;
use crate::kernel::{SimDuration, SimTime};

/// Fetches that are answered together.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// When the brokers send the answers.
    ready: SimTime,
    /// When they arrive.
    answered: SimTime,
    /// Records of each partition in them.
    records: u64,
    /// Of one of the partitions: flat index, first record in the answer.
    index: usize,
    from: u64,
    /// Bytes of the largest record.
    record_size: u64,
}

/// What every cycle is like.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    step: Step,
    /// From answer to answer.
    period: SimDuration,
    /// Processing: once a poll, and for each record of a partition, of one partition.
    per_poll: SimDuration,
    per_record: SimDuration,
    partitions: u64,
    /// How many there are to play.
    times: u64,
    /// `poll()`s of a cycle that return nothing.
    empty_polls: u64,
    /// From the call of a `poll()` that returns nothing to the call of the next.
    empty: SimDuration,
}

impl Cycle {
    fn ready(&self, number: u64) -> SimTime {
        self.step.ready + self.period.times(number)
    }

    fn answered(&self, number: u64) -> SimTime {
        self.step.answered + self.period.times(number)
    }

    /// How long `records` of each partition are processed.
    fn busy(&self, records: u64) -> SimDuration {
        self.per_poll + self.per_record.times(self.partitions * records)
    }
}

impl Fetcher {
    /// The fetches on their way, if they are in step.
    fn in_step(&self, ground: &Ground<'_>) -> Option<Step> {
        let first = self.slots.first()?;
        let (latency, node) = (
            ground.constant_latency(first.node)?,
            &self.nodes[first.node],
        );
        let chunk = node.chunks.first()?;
        let (due, period) = ground.logs[first.index].arrivals.evenly(chunk.from, EVER)?;
        let records = chunk.to - chunk.from;
        let ready = SimTime::ZERO + node.answered.since(SimTime::ZERO + latency);
        let mut record_size = 0;
        for (number, node) in self.nodes.iter().enumerate() {
            let mut chunks = node.chunks.iter();
            for slot in self.slots.iter().filter(|slot| slot.node == number) {
                let chunk = chunks.next()?;
                let is_in_step = node.answered == ready + latency
                    && node.free_at == ready
                    && ground.constant_latency(number) == Some(latency)
                    && slot.may_be_fetched()
                    && chunk.partition == slot.partition
                    && slot.position == Some(chunk.from)
                    && chunk.to - chunk.from == records
                    && ground.logs[slot.index].arrivals.evenly(chunk.from, EVER)
                        == Some((due, period));
                if !is_in_step {
                    return None;
                }
                record_size = record_size.max(ground.record_size(slot.index));
            }
            let is_idle = !self.slots.iter().any(|slot| slot.node == number);
            if chunks.next().is_some()
                || !node.out_of_range.is_empty()
                || is_idle == node.is_fetching()
            {
                return None;
            }
        }
        let step = Step {
            ready,
            answered: ready + latency,
            records,
            index: first.index,
            from: chunk.from,
            record_size,
        };
        let everything = ground.readable(first.index, ready) == chunk.to;
        (everything && !self.has_buffered()).then_some(step)
    }

    /// The fetches of `cycle` have been answered, and the last ones sent: each partition got `passed` records, and `more` are on their way.
    fn play(&mut self, cycle: &Cycle, passed: u64, more: u64) {
        let span = cycle.period.times(cycle.times);
        self.turns += (cycle.times - 1) * cycle.partitions;
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let mut chunks = node.chunks.iter_mut();
            for slot in self.slots.iter_mut().filter(|slot| slot.node == number) {
                let Some(chunk) = chunks.next() else { continue };
                chunk.from += passed;
                chunk.to = chunk.from + more;
                slot.position = Some(chunk.from);
                self.turns += 1;
                slot.turn = self.turns;
            }
            if node.is_fetching() {
                node.answered += span;
                node.free_at += span;
            }
        }
    }
}

impl Client {
    /// Plays as many cycles as end before `until` and before anything else is due. Afterwards `poll()` waits.
    pub(super) fn play_cycles(&mut self, until: SimTime, ground: &mut Ground<'_>) {
        let Some(cycle) = self.cycle(until, ground) else {
            return;
        };
        let Step {
            ready, index, from, ..
        } = cycle.step;
        let readable = |at: SimTime| ground.readable(index, at);
        let last = cycle.ready(cycle.times - 1);
        let (before_last, passed, sent) = match cycle.times {
            1 => (from, readable(last), readable(last + cycle.period)),
            _ => (
                readable(cycle.ready(cycle.times - 2)),
                readable(last),
                readable(last + cycle.period),
            ),
        };
        let inside = ground.window.holds(cycle.step.answered);
        self.polls += if inside { cycle.times } else { 0 };
        self.uncommitted_records += (passed - from) * cycle.partitions;
        self.hand_out_cycles(&cycle, ready, ground);
        self.fetcher.play(&cycle, passed - from, sent - passed);
        // Processing counts by its length, so that of all batches but the last is put together.
        let busy = SimDuration::from_micros(cycle.per_poll.as_micros() * (cycle.times - 1))
            + cycle
                .per_record
                .times(cycle.partitions * (before_last - from));
        self.set_busy(
            cycle.step.answered,
            cycle.step.answered + busy,
            ground.window,
        );
        let began = cycle.answered(cycle.times - 1);
        let ended = began + cycle.busy(passed - before_last);
        self.set_busy(began, ended, ground.window);
        self.pass_waits(&cycle, ground);
        ground.now = ended + ground.calibration.batch_overhead;
        self.clock = ground.now;
        self.waiting_since = ground.now;
        self.deadline = ground.now + ground.spec.processing.poll_timeout;
        self.member.on_poll_started(ground.now);
    }

    fn hand_out_cycles(&mut self, cycle: &Cycle, ready: SimTime, ground: &mut Ground<'_>) {
        let delay = ground.calibration.append_delay;
        let mut ahead = 0;
        for number in 0..self.fetcher.nodes.len() {
            for slot in self.fetcher.slots.iter().filter(|slot| slot.node == number) {
                let train = Train {
                    consumer: ground.consumer,
                    from: slot.position.unwrap_or_default(),
                    up_to: SimTime::ZERO + ready.since(SimTime::ZERO + delay),
                    every: cycle.period,
                    batches: cycle.times,
                    handling: delay + cycle.step.answered.since(ready) + cycle.per_poll,
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
        if answered >= until.min(self.deadline) || !self.is_steady(ground) {
            return None;
        }
        let processing = &ground.spec.processing;
        let per_poll = slowed(processing.per_poll.as_constant()?, ground.factor);
        let per_record = slowed(ground.per_record.as_constant()?, ground.factor);
        let step = self.fetcher.in_step(ground)?;
        let period = self.period(&step, ground)?;
        let mut cycle = Cycle {
            step,
            period,
            per_poll,
            per_record,
            partitions: self.fetcher.slots.len() as u64,
            times: 0,
            empty_polls: 0,
            empty: processing.poll_timeout + ground.calibration.poll_turnaround,
        };
        let arrivals = &ground.logs[step.index].arrivals;
        let (_, apart) = arrivals.evenly(step.from, EVER)?;
        let least = period.as_micros() / apart.as_micros();
        let most = period.as_micros().div_ceil(apart.as_micros());
        let overhead = ground.calibration.batch_overhead;
        let busy = [least, most].map(|records| cycle.busy(records) + overhead);
        cycle.empty_polls = cycle.waits_after(busy[0], processing.poll_timeout)?;
        if cycle.waits_after(busy[1], processing.poll_timeout)? != cycle.empty_polls {
            return None;
        }
        let is_free = self.clock.max(self.waiting_since) < step.answered
            && self.frozen_until <= self.clock
            && ground.cut_until <= step.answered
            && self.heartbeat_notice == SimTime::NEVER
            && self.member.knows_coordinator()
            && !self.member.is_rejoining()
            && ground.calibration.record_transfer.is_zero()
            && (least..=most).contains(&step.records)
            && self.can_return(most, &cycle, ground)
            && self.member.poll_deadline() > step.answered + period
            && period + period < ground.spec.config.max_poll_interval;
        if !is_free {
            return None;
        }
        let others = until
            .min(self.member.heartbeat_due())
            .min(self.member.poll_due())
            .min(self.metadata_due);
        let window = ground.window;
        let edge = if window.holds(step.answered) {
            window.to
        } else if step.answered <= window.from {
            window.from
        } else {
            SimTime::NEVER
        };
        let limit = others.min(edge);
        let room = limit.since(step.answered + busy[1]).as_micros();
        if room == 0 {
            return None;
        }
        cycle.times = (room - 1) / period.as_micros() + 1;
        let idle = self.fetcher.slots.iter().all(|slot| {
            let log = &mut ground.logs[slot.index];
            ground.accounts[slot.index].is_idle(log, step.answered)
        });
        idle.then_some(cycle)
    }

    /// How long it is from answer to answer when every fetch brings records and is sent when the one before is answered.
    fn period(&self, step: &Step, ground: &Ground<'_>) -> Option<SimDuration> {
        let config = &ground.spec.config;
        let latency = step.answered.since(step.ready);
        let round_trip = latency + latency;
        let next = step.from + step.records;
        let arrivals = &ground.logs[step.index].arrivals;
        let (due, apart) = arrivals.evenly(next, EVER)?;
        let due = due + ground.calibration.append_delay;
        if config.fetch_min_bytes > 1 {
            // The fetch waits in vain for so many bytes.
            let parked = round_trip + config.fetch_max_wait;
            let most = parked.as_micros().div_ceil(apart.as_micros());
            let bytes = (most * self.fetcher.slots.len() as u64).saturating_mul(step.record_size);
            return (apart <= parked && bytes < config.fetch_min_bytes).then_some(parked);
        }
        if apart <= round_trip {
            return Some(round_trip); // Some record is always there.
        }
        // The fetch waits for the next record, behind which it is sent.
        let in_time = apart <= round_trip + config.fetch_max_wait;
        (in_time && due == step.ready + apart).then_some(apart)
    }

    /// True when `poll()` returns all of `most` records of each partition, and nothing limits a fetch.
    fn can_return(&self, most: u64, cycle: &Cycle, ground: &Ground<'_>) -> bool {
        let config = &ground.spec.config;
        let bytes = most.saturating_mul(cycle.step.record_size);
        most * cycle.partitions <= u64::from(config.max_poll_records)
            && bytes <= config.max_partition_fetch_bytes
            && bytes.saturating_mul(cycle.partitions) <= config.fetch_max_bytes
    }

    /// The heartbeat thread takes its passes where the waits of `cycle` let it: see [`super::heartbeats`].
    fn pass_waits(&mut self, cycle: &Cycle, ground: &mut Ground<'_>) {
        let step = super::heartbeats::step(ground);
        let overhead = ground.calibration.batch_overhead;
        let timeout = ground.spec.processing.poll_timeout;
        ground.now = cycle.step.answered;
        self.heartbeat_pass_after_network(ground);
        let mut number = 0;
        loop {
            // Only a wait in which the next pass comes due changes anything.
            let due = self.heartbeat_pass + step;
            let behind = due.since(cycle.step.answered).as_micros().saturating_sub(1);
            number = number.max(behind / cycle.period.as_micros());
            if number + 1 >= cycle.times {
                return;
            }
            let from = match number {
                0 => cycle.step.from,
                _ => ground.readable(cycle.step.index, cycle.ready(number - 1)),
            };
            let records = ground.readable(cycle.step.index, cycle.ready(number)) - from;
            let worked = cycle.answered(number) + cycle.busy(records) + overhead;
            for wait in 0..=cycle.empty_polls {
                self.waiting_since = worked + cycle.empty.times(wait);
                ground.now = if wait < cycle.empty_polls {
                    self.waiting_since + timeout
                } else {
                    cycle.answered(number + 1)
                };
                self.heartbeat_pass_after_network(ground);
            }
            number += 1;
        }
    }
}

impl Cycle {
    /// How many `poll()`s return nothing between work that ends `busy` after an answer and the next answer, if that one comes while `poll()` waits.
    fn waits_after(&self, busy: SimDuration, timeout: SimDuration) -> Option<u64> {
        let waited = self.period.as_micros().checked_sub(busy.as_micros())?;
        let within = waited.checked_rem(self.empty.as_micros())?;
        let is_waiting = 0 < within && within < timeout.as_micros();
        is_waiting.then(|| waited / self.empty.as_micros())
    }
}

/// As many records as a replication will see of a partition that is worth the while.
const EVER: u64 = 1 << 40;
