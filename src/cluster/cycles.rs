//! Cycles: what a client does again and again while nobody disturbs it, played at once.
//!
//! A client in step has one fetch on its way to each broker that leads a partition of its. The answers bring as many records of each partition;
//! `poll()` returns all of them and sends the next fetches to the same brokers; they are processed, and `poll()` waits again before the next
//! answers come. Then processing does not touch the instants of the fetches: those to one broker follow each other by a constant time,
//! or, where all are answered at one instant, by one record of each partition ([`Client::pulse`]). Brokers that do not answer at one instant, as after a backlog that
//! took several polls, take turns ([`Phase`]). What each fetch brings is what was due when it was sent, so any number of cycles is known
//! in closed form, and is the same as if each step had been taken ([`Client::walk`]).
//!
//! This is exact, not approximate: [`Client::cycle`] gives nothing unless all of that holds for sure, and then the client takes its steps one by
//! one. Where a time or a number of records can be one of two from cycle to cycle, both have to satisfy the conditions. Whatever is drawn at
//! random, comes at rates that differ between partitions or is not returned at once is not played here.

mod rhythm;

use super::batch::{Burn, work_of};
use super::buffer::Chunk;
use super::client::Client;
use super::fetch::{Fetcher, Node};
use super::ground::Ground;
use super::heartbeats::pass_after_wait;
use super::ledger::Train;
use super::positions::Slot;
use super::records::slowed;
use crate::kernel::{SimDuration, SimTime};
pub(super) use rhythm::Phase;
use rhythm::{Alike, Cycle, Pulse, Rhythm};

impl Fetcher {
    /// The fetches on their way by the instant of their answers, if they are in step.
    fn in_step(&mut self, ground: &Ground<'_>) -> Option<(Vec<Phase>, Alike)> {
        let mut phases = std::mem::take(&mut self.phases);
        phases.clear();
        let first = self.slots.first().filter(|_| !self.has_buffered())?;
        let like = &ground.logs[first.index];
        let mut alike = Alike {
            latency: ground.constant_latency(first.node)?,
            record_size: 0,
        };
        let mut come = 0;
        for (number, node) in self.nodes.iter().enumerate() {
            let mut own: Option<Phase> = None;
            for chunk in &node.chunks {
                let slot = self.slot_of(chunk)?;
                let records = chunk.to - chunk.from;
                let phase = own.get_or_insert(Phase {
                    ready: node.free_at,
                    records,
                    index: slot.index,
                    from: chunk.from,
                    partitions: 0,
                    empty_polls: 0,
                });
                let is_in_step = slot.node == number
                    && slot.may_be_fetched()
                    && slot.position == Some(chunk.from)
                    && records == phase.records
                    && ground.readable(slot.index, node.free_at) == chunk.to
                    && (slot.index == first.index || ground.logs[slot.index].keeps_step_with(like));
                if !is_in_step {
                    return None;
                }
                phase.partitions += 1;
                alike.record_size = alike.record_size.max(ground.record_size(slot.index));
            }
            let is_in_step = own.is_none()
                || (node.answered == node.free_at + alike.latency
                    && ground.constant_latency(number) == Some(alike.latency));
            come += node.chunks.len();
            let is_whole = node.out_of_range.is_empty();
            if !is_in_step || !is_whole || own.is_some() != node.is_fetching() {
                return None;
            }
            if let Some(own) = own {
                join(&mut phases, own)?;
            }
        }
        (come == self.slots.len()).then_some((phases, alike))
    }

    /// Whose records those are.
    fn slot_of(&self, chunk: &Chunk) -> Option<&Slot> {
        let place = place_of(&self.slots, chunk)?;
        self.slots.get(place)
    }

    /// The answers of `cycle` have come, and the next fetches are on their way.
    fn play(&mut self, cycle: &Cycle, ground: &Ground<'_>) {
        // Every answer holds records of all partitions of its broker, so that their order in the session does not change.
        for (place, phase) in cycle.phases.iter().enumerate() {
            let next = cycle.number(place, cycle.times_of(place));
            let (begin, end) = (cycle.begin(next, ground.logs), cycle.end(next, ground.logs));
            let ready = cycle.ready(next, ground.logs);
            // With the last answer of this broker the next fetch was sent.
            let last = cycle.times_of(place).checked_sub(1);
            let sent = last.map(|last| cycle.answered(cycle.number(place, last), ground.logs));
            for node in self.nodes.iter_mut().filter(|node| is_of(node, phase)) {
                for chunk in &mut node.chunks {
                    chunk.from += begin - phase.from;
                    chunk.to = chunk.from + (end - begin);
                    if let Some(slot) = place_of(&self.slots, chunk) {
                        self.slots[slot].position = Some(chunk.from);
                    }
                }
                node.free_at = ready;
                node.answered = ready + cycle.alike.latency;
                if let Some(sent) = sent {
                    node.count_from(sent, &ground.spec.config);
                }
            }
        }
    }
}

/// Position of the slot whose records those are: slots are in order of partition.
fn place_of(slots: &[Slot], chunk: &Chunk) -> Option<usize> {
    slots
        .binary_search_by_key(&chunk.partition, |slot| slot.partition)
        .ok()
}

/// True when the first answer of `phase` is the one on its way from that broker.
fn is_of(node: &Node, phase: &Phase) -> bool {
    node.is_fetching() && node.free_at == phase.ready
}

/// Puts what comes from one more broker to what comes from others at the same instant; nothing if it is of another kind.
fn join(phases: &mut Vec<Phase>, own: Phase) -> Option<()> {
    let place = phases.partition_point(|known| known.ready < own.ready);
    match phases.get_mut(place) {
        Some(known) if known.ready == own.ready => {
            if known.records != own.records {
                return None;
            }
            known.partitions += own.partitions;
        }
        Some(_) | None => phases.insert(place, own),
    }
    Some(())
}

impl Client {
    /// Plays as many cycles as end before `until` and before anything else is due. Afterwards `poll()` waits.
    pub(super) fn play_cycles(&mut self, until: SimTime, ground: &mut Ground<'_>) {
        let Some(cycle) = self.cycle(until, ground) else {
            return;
        };
        self.hand_out_cycles(&cycle, ground);
        let times = cycle.times;
        let (first, began) = (
            cycle.answered(0, ground.logs),
            cycle.answered(times - 1, ground.logs),
        );
        let mut records = 0;
        for (place, phase) in cycle.phases.iter().enumerate() {
            let next = cycle.number(place, cycle.times_of(place));
            records += (cycle.begin(next, ground.logs) - phase.from) * phase.partitions;
        }
        let last = &cycle.phases[cycle.phase_of(times - 1)];
        let in_last = cycle.records(times - 1, ground.logs);
        let before_last = records - in_last * last.partitions;
        if ground.window.holds(first) {
            self.busy.add_polls(times);
        }
        *ground.polls_played += times;
        self.commits.add_returned(records);
        // Within the window processing counts by its length, so that of all batches but the last is put together.
        let busy = SimDuration::from_micros(cycle.per_poll.as_micros() * (times - 1))
            + cycle.per_record.times(before_last);
        self.busy.work(first, first + busy, ground.window);
        let ended = began + cycle.busy(last, in_last);
        self.busy.work(began, ended, ground.window);
        let per_poll = cycle.burnt_per_poll.as_micros();
        let [before, work] = [(times - 1, before_last), (1, records - before_last)]
            .map(|(polls, records)| work_of(ground, per_poll, polls, records));
        self.busy.add_burnt(before);
        self.busy.burn(Burn {
            from: began,
            to: ended,
            work,
        });
        self.fetcher.play(&cycle, ground);
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
        self.pass_empty_polls(&cycle, ground);
        self.pass_waits(&cycle, ground);
        self.fetcher.phases = cycle.phases; // Their room is used again.
        ground.now = self.clock;
        self.waiting_since = ground.now;
        self.deadline = ground.now + cycle.timeout;
        self.member.on_poll_started(ground.now);
    }

    fn hand_out_cycles(&mut self, cycle: &Cycle, ground: &mut Ground<'_>) {
        for (place, phase) in cycle.phases.iter().enumerate() {
            let batches = cycle.times_of(place);
            if batches == 0 {
                return;
            }
            let nodes = &self.fetcher.nodes;
            let mut ahead = 0;
            for number in (0..nodes.len()).filter(|&number| is_of(&nodes[number], phase)) {
                for chunk in &nodes[number].chunks {
                    let Some(slot) = self.fetcher.slot_of(chunk) else {
                        continue;
                    };
                    let train = Train {
                        consumer: ground.consumer,
                        from: slot.position.unwrap_or_default(),
                        beat: cycle.beat(phase),
                        batches,
                        handling: cycle.append_delay + cycle.alike.latency + cycle.per_poll,
                        ahead,
                        each: cycle.per_record,
                    };
                    ahead += 1;
                    ground.accounts[slot.index].add_train(&mut ground.logs[slot.index], train);
                }
            }
        }
    }

    /// What every cycle is like that is to come, if it is known, and at least one can be played.
    fn cycle(&mut self, until: SimTime, ground: &mut Ground<'_>) -> Option<Cycle> {
        let answered = self.fetcher.next_arrival();
        if answered >= until || ground.labour.in_detail || !self.is_undisturbed(answered, ground) {
            return None;
        }
        let limit = self.nothing_before(until, answered, ground);
        if limit <= answered {
            return None;
        }
        let processing = &ground.spec.processing;
        let per_poll = slowed(processing.per_poll.as_constant()?, ground.labour.factor);
        let per_record = slowed(
            ground.labour.per_record.as_constant()?,
            ground.labour.factor,
        );
        let (phases, alike) = self.fetcher.in_step(ground)?;
        let rhythm = self.rhythm(&phases, &alike, ground)?;
        let mut cycle = Cycle {
            append_delay: ground.logs[phases[0].index].append_delay,
            phases,
            alike,
            rhythm,
            per_poll,
            per_record,
            burnt_per_poll: slowed(processing.per_poll.as_constant()?, ground.labour.slow),
            overhead: ground.calibration.batch_overhead,
            timeout: processing.poll_timeout,
            empty: processing.poll_timeout + ground.calibration.poll_turnaround,
            before: 0,
            times: 0,
        };
        cycle.before = self.empty_polls_before(answered, &cycle)?;
        let ((_, longest), (_, most)) = (rhythm.gap, rhythm.records);
        let is_known = cycle.fits()
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
        let limit = limit.min(SimTime::ZERO + rhythm.until.since(SimTime::ZERO + longest));
        let busy = cycle.phases.iter().map(|phase| cycle.busy(phase, most));
        let worked = SimTime::ZERO + busy.max().unwrap_or_default() + cycle.overhead;
        let limit = SimTime::ZERO + limit.since(worked);
        cycle.times = cycle.first_from(limit, ground.logs);
        let idle = cycle.times > 0
            && self.fetcher.slots.iter().all(|slot| {
                let log = &mut ground.logs[slot.index];
                ground.accounts[slot.index].is_idle(log, answered)
            });
        idle.then_some(cycle)
    }

    /// How many `poll()`s return nothing before the answers that come at `answered`; nothing if these might come while no `poll()` waits.
    fn empty_polls_before(&self, answered: SimTime, cycle: &Cycle) -> Option<u64> {
        if answered < self.deadline {
            return Some(0);
        }
        // An asynchronous consumer does more between two of them than wait.
        let is_classic = self.member.modern().is_none();
        let waited = answered.since(self.deadline) + cycle.timeout;
        cycle.empty_polls_within(waited).filter(|_| is_classic)
    }

    /// True when `poll()` waits for the answers that come at `answered`, and for nothing else.
    fn is_undisturbed(&self, answered: SimTime, ground: &Ground<'_>) -> bool {
        self.is_steady(ground)
            && !self.queues.application_waits
            && self.clock.max(self.waiting_since) < answered
            && self.frozen_until <= self.clock
            && self.reads_from(ground) <= answered
            && ground.cut_until <= answered
            && ground.spec.config.fetches_in_time()
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
            .min(self.next_failure())
            .min(self.metadata.next())
    }

    /// How the fetches of each phase follow each other, if each is sent when the one before is answered.
    fn rhythm(&self, phases: &[Phase], alike: &Alike, ground: &Ground<'_>) -> Option<Rhythm> {
        let first = phases.first()?;
        let log = &ground.logs[first.index];
        let (delay, arrivals) = (log.append_delay, &log.arrivals);
        let since = first.ready.as_micros().checked_sub(delay.as_micros())?;
        let since = SimTime::from_micros(since);
        let (rate, until) = arrivals.pace(since)?;
        let apart = (
            SimDuration::from_micros(rate.per_micros / rate.records),
            SimDuration::from_micros(rate.per_micros.div_ceil(rate.records)),
        );
        let pulse = self.pulse(apart.1, alike, ground);
        let (gap, records) = match pulse {
            Pulse::Time { every } => {
                let micros = u128::from(every.as_micros()) * u128::from(rate.records);
                let per = u128::from(rate.per_micros);
                let records = (
                    u64::try_from(micros / per).ok()?,
                    u64::try_from(micros.div_ceil(per)).ok()?,
                );
                ((every, every), records)
            }
            Pulse::Record => (apart, (1, 1)),
        };
        let config = &ground.spec.config;
        let round_trip = alike.latency + alike.latency;
        let can_go_on = match pulse {
            // Parked to the end, for so many bytes do not come meanwhile; or some record is there whenever a fetch arrives.
            Pulse::Time { .. } => {
                let all = records.1.saturating_mul(self.fetcher.slots.len() as u64);
                let is_parked = all.saturating_mul(alike.record_size) < config.fetch_min_bytes;
                records.0 > 0 && (config.fetch_min_bytes <= 1 || is_parked)
            }
            // The fetch is there before the next record, and waits for it.
            Pulse::Record => {
                phases.len() == 1
                    && apart.0 >= round_trip.max(SimDuration::from_micros(1))
                    && apart.1 <= round_trip + config.fetch_max_wait
                    && arrivals.due(first.from) == since
            }
        };
        let is_usual = |phase: &Phase| (records.0..=records.1).contains(&phase.records);
        (can_go_on && phases.iter().all(is_usual)).then_some(Rhythm {
            pulse,
            gap,
            records,
            until,
        })
    }

    /// What makes brokers answer: `fetch.min.bytes` that are there, or the end of `fetch.max.wait.ms`. Records come `apart` at most.
    fn pulse(&self, apart: SimDuration, alike: &Alike, ground: &Ground<'_>) -> Pulse {
        let config = &ground.spec.config;
        let round_trip = alike.latency + alike.latency;
        if config.fetch_min_bytes > 1 {
            Pulse::Time {
                every: round_trip + config.fetch_max_wait,
            }
        } else if apart <= round_trip {
            Pulse::Time { every: round_trip }
        } else {
            Pulse::Record
        }
    }

    /// True when `poll()` returns all of `most` records of each partition, and nothing limits a fetch.
    fn can_return(&self, most: u64, cycle: &Cycle, ground: &Ground<'_>) -> bool {
        let config = &ground.spec.config;
        let partitions = self.fetcher.slots.len() as u64;
        let bytes = most.saturating_mul(cycle.alike.record_size);
        most.saturating_mul(partitions) <= u64::from(config.max_poll_records)
            && bytes <= config.max_partition_fetch_bytes
            && bytes.saturating_mul(partitions) <= config.fetch_max_bytes
    }

    /// The `poll()`s before the first answers have returned nothing.
    fn pass_empty_polls(&mut self, cycle: &Cycle, ground: &mut Ground<'_>) {
        for _ in 0..cycle.before {
            ground.now = self.deadline;
            self.heartbeat_pass_after_network(ground);
            self.waiting_since = ground.now + ground.calibration.poll_turnaround;
            self.deadline = self.waiting_since + cycle.timeout;
        }
    }

    /// The heartbeat thread takes its passes where the waits of `cycle` let it: see [`super::heartbeats`].
    fn pass_waits(&mut self, cycle: &Cycle, ground: &mut Ground<'_>) {
        ground.now = cycle.answered(0, ground.logs);
        self.heartbeat_pass_after_network(ground);
        if !self.heartbeat_thread_runs() {
            return;
        }
        let step = super::heartbeats::step(ground);
        let is_regular = cycle.steps_with_first_waits(step);
        let (mut number, mut pass) = (0, self.heartbeat_pass);
        loop {
            // Only a wait that does not end before the next pass comes due changes anything.
            let due = pass + step;
            let mut next = cycle.answered(number + 1, ground.logs);
            if next < due {
                number = cycle.first_from(due, ground.logs) - 1;
                next = cycle.answered(number + 1, ground.logs);
            }
            if number + 1 >= cycle.times {
                break;
            }
            let mut called = cycle.first_call(number, ground.logs);
            let first = cycle.first_return(number, called, next);
            let mut returns = first;
            for _ in 0..=cycle.phases[cycle.phase_of(number)].empty_polls {
                if pass + step <= returns {
                    pass = pass_after_wait(pass, step, called, returns);
                }
                called += cycle.empty;
                returns = next.min(called + cycle.timeout);
            }
            if is_regular && pass == first {
                let before_last = cycle.times - 2;
                let called = cycle.first_call(before_last, ground.logs);
                let next = cycle.answered(before_last + 1, ground.logs);
                pass = cycle.first_return(before_last, called, next);
                break;
            }
            number += 1;
        }
        self.heartbeat_pass = pass;
    }
}
