//! The fluid mode: a client that nothing but records moves is not played poll by poll. Each of its partitions moves on evenly instead
//! ([`super::ledger::Stream`]), at the pace that its settings give on the average ([`cadence`]).
//!
//! What concerns the group is the very same code as ever. A flow ends when anything touches its client: at the last return of `poll()`
//! before that the client gets its fetches and its batch back, and goes on step by step, so barriers, poll deadlines, what a crash leaves
//! unfinished and first fetches after an assignment are worked out as exactly as in the exact mode, from positions that are approximate.
//! Clients that cannot flow ([`Client::may_flow`]) are played step by step throughout. [`quiet`] takes the heartbeats and commits that
//! change nothing off the calendar.
//!
//! It refuses to be exact about single records: which of them wait how long, and which a crash repeats, follows from averages.

mod cadence;
mod quiet;
mod rhythm;

use super::batch::{Burn, Work};
use super::client::{App, Client};
use super::fetch::Fetcher;
use super::ground::Ground;
use super::ledger::{Course, Stream};
use crate::kernel::{SimDuration, SimTime};
use crate::workload::cpu::CORE_M;
use cadence::Outlook;
pub(super) use rhythm::Variation;

/// A client that moves on evenly.
#[derive(Debug)]
pub(super) struct Flow {
    /// It begins then: `poll()` is called, or has been.
    since: SimTime,
    outlook: Outlook,
    /// Heartbeats and commits are off the calendar.
    quiet: Option<quiet::Quiet>,
}

impl Flow {
    /// If it is ended at `at`: how many cycles it came to, and the last return of `poll()` in it, which comes before anything is `due`.
    fn whole_cycles(&self, at: SimTime, due: SimTime) -> (u64, SimTime) {
        let cycle = self.outlook.cycle.as_micros();
        // A last cycle is left to be played, unless `poll()` returns a whole batch at every turn.
        let kept = u64::from(!self.outlook.is_full);
        let cycles = (at.since(self.since).as_micros() / cycle).saturating_sub(kept);
        let before = due.since(self.since).as_micros().saturating_sub(1) / cycle;
        let cycles = cycles.min(before);
        (cycles, self.since + self.outlook.cycle.times(cycles))
    }
}

impl Client {
    /// True when nothing but records moves, none of them needs to be looked at by itself, and their averages say enough.
    fn may_flow(&self, ground: &Ground<'_>) -> bool {
        let between = match self.app {
            App::Working { until } => until < SimTime::NEVER,
            App::Polling => !self.fetcher.has_returnable() && !self.queues.application_waits,
            App::Starting { .. }
            | App::Stalled { .. }
            | App::Callback { .. }
            | App::CallbackCommit { .. }
            | App::Assigning { .. }
            | App::Committing { .. }
            | App::Closing
            | App::Exiting { .. }
            | App::Dead => false,
        };
        between
            && self.is_steady(ground)
            // An answer that will be here in no time is not worth a flow; a JoinGroup may wait for a barrier.
            && (self.requests.is_empty() || self.member.is_rejoining())
            && !ground.labour.in_detail
            && self.flow.is_none()
            && self.frozen_until <= ground.now
            && ground.cut_until <= ground.now
            && ground.spec.config.fetches_in_time()
            && self.heartbeat_notice == SimTime::NEVER
            && self.member.knows_coordinator()
            && self
                .fetcher
                .slots
                .iter()
                .all(|slot| ground.accounts[slot.index].is_left_to(ground.consumer))
    }

    /// Flows from now on, or from the end of the batch under way, if it may.
    pub(super) fn begin_flow(&mut self, ground: &mut Ground<'_>) {
        if !self.may_flow(ground) {
            return;
        }
        let mut since = ground.now;
        if let App::Working { until } = self.app {
            since = since.max(until);
        }
        // What is due by then comes first.
        if self.next_due().min(self.member.poll_deadline()) <= since {
            return;
        }
        let Some(outlook) = self.outlook(since, ground) else {
            return;
        };
        let consumer = ground.consumer;
        for (slot, course) in self.fetcher.slots.iter().zip(&outlook.courses) {
            let (Some(course), Some(from)) = (*course, slot.position) else {
                continue;
            };
            let log = &mut ground.logs[slot.index];
            let stream = Stream {
                consumer,
                since,
                from,
                course,
                commits: None,
            };
            ground.accounts[slot.index].begin_stream(log, stream);
        }
        self.flow = Some(Box::new(Flow {
            since,
            outlook,
            quiet: None,
        }));
    }

    /// `poll()`s before this instant have nothing to do but to return records.
    pub(super) fn next_due(&self) -> SimTime {
        let member = &self.member;
        let due = member.heartbeat_due().min(member.poll_due());
        due.min(self.metadata.next())
    }

    /// When it has to be looked at again, unless something touches it before.
    fn next_touch(&self, ground: &Ground<'_>) -> SimTime {
        let next = self.next_control(ground);
        if self.flow.is_none() {
            return next;
        }
        // Where it takes up its polls again it may find a heartbeat due at once.
        let heartbeat = self.member.heartbeat_due().max(ground.now);
        next.min(heartbeat).min(self.flow_until())
    }

    /// The outlook changes then.
    pub(super) fn flow_until(&self) -> SimTime {
        let flow = self.flow.as_ref();
        flow.map_or(SimTime::NEVER, |flow| flow.outlook.until)
    }

    /// Something touches the client at `at`: it goes on step by step from the last return of `poll()` before, its fetches on their way as if it
    /// had never done anything else.
    pub(super) fn end_flow(&mut self, at: SimTime, ground: &mut Ground<'_>) {
        let Some(flow) = self.flow.take() else {
            return;
        };
        let (cycles, ended) = flow.whole_cycles(at, self.next_due());
        self.count_flow(&flow, cycles, ended, at, ground);
        if cycles == 0 {
            return;
        }
        self.clock = ended;
        if flow.outlook.is_turn {
            self.fetcher.take_from_buffer();
            ground.now = ended;
            self.waiting_since = ended;
            return self.poll(ground);
        }
        self.fetcher.forget(ground);
        let sent = ended
            .as_micros()
            .saturating_sub(flow.outlook.round_trip.as_micros());
        ground.now = SimTime::from_micros(sent);
        self.fetcher.send_fetches(ground);
        self.fetcher.answer_from(ended);
        ground.now = ended;
        self.waiting_since = ended;
        self.poll(ground);
        assert!(
            ground.out.is_empty(),
            "nothing of the group was due while a client flowed"
        );
    }

    /// Accounts for what flowed up to `ended`, in so many cycles.
    fn count_flow(
        &mut self,
        flow: &Flow,
        cycles: u64,
        ended: SimTime,
        at: SimTime,
        ground: &mut Ground<'_>,
    ) {
        let (mut records, mut inside) = (0, 0);
        for (slot, course) in self.fetcher.slots.iter_mut().zip(&flow.outlook.courses) {
            let (Some(course), Some(from)) = (course, slot.position) else {
                continue;
            };
            let account = &mut ground.accounts[slot.index];
            let log = &mut ground.logs[slot.index];
            let stream = Stream {
                consumer: ground.consumer,
                since: flow.since,
                from,
                course: *course,
                commits: None,
            };
            let to = match course {
                _ if cycles == 0 => from,
                // What the last poll returned.
                Course::Abreast { .. } => {
                    let due = ended
                        .as_micros()
                        .checked_sub(flow.outlook.reach.as_micros());
                    due.map_or(from, |due| log.arrivals.count(SimTime::from_micros(due)))
                        .max(from)
                }
                Course::Behind { .. } => stream.position(log, ended),
            };
            let window = ground.window;
            let edge = |edge: SimTime| stream.position(log, edge.clamp(flow.since, ended)).min(to);
            records += to - from;
            inside += if ended <= window.to && flow.since >= window.from {
                to - from
            } else {
                edge(window.to).saturating_sub(edge(window.from))
            };
            account.end_stream(log, ended, to, at);
            slot.position = Some(to);
        }
        if records > 0 {
            self.count_work(flow, (records, inside), cycles, ended, ground);
        }
    }

    /// What working on `records` records came to, so many of which ended in the window.
    fn count_work(
        &mut self,
        flow: &Flow,
        (records, inside): (u64, u64),
        cycles: u64,
        ended: SimTime,
        ground: &mut Ground<'_>,
    ) {
        use super::records::slowed;
        let labour = ground.labour;
        let per_poll = ground.spec.processing.per_poll.mean();
        let polls = cycles.min(records);
        let polls_inside = if inside == records {
            polls
        } else {
            u64::try_from(u128::from(polls) * u128::from(inside) / u128::from(records))
                .unwrap_or(polls)
        };
        let spent = |records: u64, polls: u64| {
            slowed(labour.per_record.mean(), labour.factor).times(records)
                + slowed(per_poll, labour.factor).times(polls)
        };
        self.busy.add_polls(polls_inside);
        self.commits.add_returned(records);
        let mut work = Work {
            cpu: labour.cpu_each.unwrap_or_default() * records
                + slowed(per_poll, labour.slow).as_micros() * polls,
            calls: labour.call.as_micros() * records,
        };
        if labour.cpu_each.is_none() {
            let capacity = labour.capacity_m.min(CORE_M);
            let working = slowed(labour.per_record.mean(), labour.factor).times(records);
            work.cpu += working.as_micros() * capacity / CORE_M;
        }
        self.busy.work(flow.since, flow.since, ground.window);
        let whole = ended.since(flow.since);
        let worked = spent(inside, polls_inside).min(whole);
        self.busy.add_worked(worked.as_micros(), ended);
        self.busy.burn(Burn {
            from: ended,
            to: ended,
            work,
        });
    }
}

/// How long heartbeats of an idle client are apart, beyond `heartbeat.interval.ms`.
pub(super) fn beat_delay(client: &Client, ground: &Ground<'_>) -> SimDuration {
    let calibration = ground.calibration;
    if client.member.modern().is_some() {
        let asynchronous = ground.spec.config.async_client.polls_asynchronously;
        calibration.background_wakeup(asynchronous)
    } else {
        calibration.poll_wakeup + calibration.heartbeat_thread_wakeup
    }
}

impl Fetcher {
    /// Nothing that could be returned is buffered or on its way any more; positions stay. However short the way to a broker is that is drawn
    /// for the next fetch, that broker has had everything that was read of it when the fetch arrives.
    fn forget(&mut self, ground: &Ground<'_>) {
        self.drop_returnable();
        for node in &mut self.nodes {
            node.answered = SimTime::NEVER;
            node.free_at = SimTime::ZERO;
            node.chunks.clear();
        }
        for slot in &self.slots {
            if let Some(last) = slot.position.and_then(|position| position.checked_sub(1)) {
                let node = &mut self.nodes[slot.node];
                node.free_at = node.free_at.max(ground.readable_at(slot.index, last));
            }
        }
    }

    /// The partition whose chunk is first in the buffer has moved on within it.
    fn take_from_buffer(&mut self) {
        let Some(chunk) = self.buffer.front_mut() else {
            return;
        };
        let mut slots = self.slots.iter();
        let slot = slots.find(|slot| slot.partition == chunk.partition);
        if let Some(position) = slot.and_then(|slot| slot.position) {
            chunk.begun |= chunk.from < position;
            chunk.from = chunk.from.max(position);
        }
    }

    /// No answer that is on its way comes before `at`.
    fn answer_from(&mut self, at: SimTime) {
        for node in self.nodes.iter_mut().filter(|node| node.is_fetching()) {
            node.answered = node.answered.max(at);
        }
    }
}
