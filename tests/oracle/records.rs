//! The slow play of the data plane: every record in somebody's hands is an object, every end of processing a moment of its own.
//!
//! What it is told: who was handed which offsets when (`Polled`), when the application began with them (`BatchStarted`), what was
//! committed, and what befell processes and partitions. It works out the rest by itself, in a plain loop over all moments.

use rebsim::assignor::{ConsumerId, GroupId, TopicPartition};
use rebsim::kernel::{Draw, Seed, Stream};
use rebsim::scenario::plan::{Plan, StartAt, Verb};
use rebsim::timeline::{
    CallbackKind, ConsumerTotals, Histogram, Observation, PartitionTotals, Timeline,
};

use crate::traffic::{Traffic, list, micros};

/// A record in the hands of a process.
#[derive(Clone, Debug)]
struct InHand {
    /// Place in the list of partitions.
    place: usize,
    offset: u64,
    /// From when to when it is worked on; more than one piece when the process stood still meanwhile. None before the batch begins.
    pieces: Vec<(u64, u64)>,
}

impl InHand {
    fn ends(&self) -> u64 {
        self.pieces.last().map_or(u64::MAX, |piece| piece.1)
    }
}

/// A process.
struct Worker {
    alive_since: Option<u64>,
    /// Thousandths, and until when.
    slow: (u64, u64),
    frozen_until: u64,
    listener: Draw,
    hands: Vec<InHand>,
    /// Pieces of time outside of records: `per_poll`.
    pauses: Vec<(u64, u64)>,
    worked: Vec<(u64, u64)>,
    totals: ConsumerTotals,
}

/// What the group did to a partition.
#[derive(Default)]
struct Ledger {
    processed: Vec<bool>,
    position: u64,
    committed: Option<u64>,
    was_reset: bool,
    /// When records were jumped over, and by a reset or not.
    jumped: Vec<(u64, u64, bool)>,
    /// (from, who, to) of all work done.
    work: Vec<(u64, u64, ConsumerId)>,
    level_at_release: Option<u64>,
    catching_up: Vec<(u64, u64)>,
    /// Changes of the position: when, by how much.
    steps: Vec<(u64, u64)>,
    totals: PartitionTotals,
}

/// What the slow play can tell of one instant: (log end, position, committed, oldest due) of every partition.
pub(crate) type State = Vec<(u64, u64, Option<u64>, Option<u64>)>;

pub(crate) struct Oracle<'a> {
    plan: &'a Plan,
    timeline: &'a Timeline,
    pub(crate) traffic: Vec<Traffic>,
    ledgers: Vec<Ledger>,
    workers: Vec<Worker>,
    window: (u64, u64),
    /// Records in hands that their process did not end when it was killed.
    pub(crate) killed_in_hand: u64,
    /// Records processed by who was no longer their partition's owner.
    pub(crate) by_zombies: u64,
    owners: Vec<Option<ConsumerId>>,
    /// Partitions of each topic.
    counts: Vec<u32>,
}

/// What it comes to.
pub(crate) struct Outcome {
    pub(crate) partitions: Vec<(TopicPartition, PartitionTotals)>,
    pub(crate) consumers: Vec<ConsumerTotals>,
    pub(crate) killed_in_hand: u64,
    pub(crate) by_zombies: u64,
    /// Samples that match none of the states of their instant, in words.
    pub(crate) wrong_samples: Vec<String>,
}

impl<'a> Oracle<'a> {
    /// For the run of one group that left `timeline`, polls observed.
    pub(crate) fn new(plan: &'a Plan, seed: Seed, timeline: &'a Timeline) -> Self {
        let traffic = list(plan, seed, timeline);
        let steady = !plan.groups[0].cold;
        let ledgers = traffic.iter().map(|traffic| {
            let exists = traffic.partition.partition
                < plan.topics[traffic.partition.topic.index()].partitions;
            let start = match plan.consumers[0].start_at {
                StartAt::Committed(offset) => Some(offset),
                StartAt::Reset | StartAt::TimestampBefore(_) => steady.then_some(0),
            };
            let start = start.filter(|_| exists);
            let before = start.unwrap_or(0).min(traffic.log_end(0));
            Ledger {
                processed: vec![true; usize::try_from(before).expect("few")],
                position: before,
                committed: start,
                ..Ledger::default()
            }
        });
        let ledgers: Vec<Ledger> = ledgers.collect();
        let workers = plan.consumers.iter().map(|consumer| {
            let name = format!("{}/{}", plan.groups[0].name, consumer.name);
            Worker {
                alive_since: None,
                slow: (1_000, 0),
                frozen_until: 0,
                listener: Draw::new(seed, Stream::new(&name, "listener")),
                hands: Vec::new(),
                pauses: Vec::new(),
                worked: Vec::new(),
                totals: ConsumerTotals::default(),
            }
        });
        let workers = workers.collect();
        let window = (plan.measure.0.as_micros(), plan.measure.1.as_micros());
        let owners = vec![None; ledgers.len()];
        let counts = plan.topics.iter().map(|topic| topic.partitions).collect();
        Self {
            plan,
            timeline,
            traffic,
            ledgers,
            workers,
            window,
            killed_in_hand: 0,
            by_zombies: 0,
            owners,
            counts,
        }
    }

    fn place(&self, partition: TopicPartition) -> usize {
        let place = self
            .traffic
            .iter()
            .position(|traffic| traffic.partition == partition);
        place.expect("a partition that exists")
    }

    fn inside(&self, at: u64) -> bool {
        (self.window.0 < at || self.window.0 == 0) && at <= self.window.1
    }

    fn overlap(&self, from: u64, to: u64) -> u64 {
        to.min(self.window.1)
            .saturating_sub(from.max(self.window.0))
    }

    /// Plays everything. Instants of samples are those of the grid: every second here, and the end.
    pub(crate) fn play(mut self) -> Outcome {
        let end = micros(self.plan.duration);
        let mut instants: Vec<u64> = (0..end)
            .step_by(1_000_000)
            .chain([end, self.window.1])
            .collect();
        instants.sort_unstable();
        instants.dedup();
        let timeline = self.timeline;
        let (mut next, mut wrong_samples) = (0, Vec::new());
        for at in instants {
            let until = |entries: &[rebsim::timeline::Entry], from: usize, limit: u64| {
                from + entries[from..]
                    .iter()
                    .take_while(|entry| entry.at.as_micros() < limit)
                    .count()
            };
            let before = until(&timeline.entries, next, at);
            while next < before {
                self.entry(next);
                next += 1;
            }
            // What is read off at this instant is read off somewhere between its entries.
            let after = until(&timeline.entries, next, at.saturating_add(1));
            let samples: Vec<_> = timeline
                .samples
                .iter()
                .filter(|sample| sample.at.as_micros() == at)
                .collect();
            let on_grid = at % 1_000_000 == 0 || at == end;
            let mut sampled = !on_grid && samples.is_empty();
            let mut seen = String::new();
            let mut closed = at != self.window.1;
            loop {
                let killed_later = (next..after).any(|index| {
                    matches!(
                        timeline.entries[index].observation,
                        Observation::ConsumerCrashed { .. }
                    )
                });
                if !killed_later {
                    self.work_until(at);
                    sampled = sampled || self.shows(at, &samples, &mut seen);
                }
                if next == after {
                    break;
                }
                // The window closes before the script acts, at the first entry that only a script can cause.
                if !closed && self.is_scripted(next) {
                    self.close_window();
                    closed = true;
                }
                self.entry(next);
                next += 1;
            }
            if !closed {
                self.work_until(at);
                self.close_window();
            }
            if !sampled {
                wrong_samples.push(seen);
            }
        }
        self.finish(wrong_samples)
    }

    fn is_scripted(&self, index: usize) -> bool {
        match &self.timeline.entries[index].observation {
            Observation::Action { event, .. } => !matches!(
                self.plan.events[*event as usize].verb,
                Verb::Crash(..)
                    | Verb::Restart {
                        how: rebsim::scenario::plan::Ending::Crash,
                        ..
                    }
            ),
            Observation::ConsumerStarted { .. }
            | Observation::ConsumerThawed { .. }
            | Observation::ConsumerConnected { .. }
            | Observation::PartitionsAdded { .. } => true,
            _ => false,
        }
    }

    fn state(&self, at: u64) -> State {
        let pairs = self.traffic.iter().zip(&self.ledgers);
        pairs
            .map(|(traffic, ledger)| {
                // Records of the sample's own microsecond are not in it.
                let due_by = at.saturating_sub(1);
                let log_end = traffic.log_end(due_by).max(ledger.position);
                let first = usize::try_from(ledger.position).expect("few");
                let oldest = traffic.dues.get(first).copied();
                let oldest = oldest.filter(|due| *due <= due_by);
                (log_end, ledger.position, ledger.committed, oldest)
            })
            .collect()
    }

    fn shows(&self, at: u64, samples: &[rebsim::timeline::Sample], seen: &mut String) -> bool {
        let state = self.state(at);
        for sample in samples {
            let mine = state[self.place(sample.partition)];
            let theirs = (
                sample.log_end,
                sample.processed,
                sample.committed,
                sample.oldest_due.map(|due| due.as_micros()),
            );
            if mine != theirs || sample.group != GroupId(0) {
                *seen = format!("{at}: {:?}: {theirs:?}, slowly {mine:?}", sample.partition);
                return false;
            }
        }
        // A sample shows every partition that there is.
        samples.len()
            == self
                .counts
                .iter()
                .map(|count| *count as usize)
                .sum::<usize>()
    }

    /// Every record that is worked on and ends at or before `at` ends, in order of time.
    fn work_until(&mut self, at: u64) {
        loop {
            let mut first: Option<(u64, usize)> = None;
            for (worker, state) in self.workers.iter().enumerate() {
                if let Some(record) = state.hands.first()
                    && record.ends() <= at
                    && first.is_none_or(|best| (record.ends(), worker) < best)
                {
                    first = Some((record.ends(), worker));
                }
            }
            let Some((ends, worker)) = first else { return };
            let record = self.workers[worker].hands.remove(0);
            self.ended(worker, &record, ends);
        }
    }

    fn note_work(&mut self, worker: usize, record: &InHand, until: u64) {
        let who = ConsumerId(u32::try_from(worker).expect("few"));
        for &(from, to) in &record.pieces {
            let to = to.min(until);
            if from < to {
                self.workers[worker].worked.push((from, to));
                self.ledgers[record.place].work.push((from, to, who));
            }
        }
    }

    fn ended(&mut self, worker: usize, record: &InHand, at: u64) {
        self.note_work(worker, record, at);
        let inside = self.inside(at);
        let who = ConsumerId(u32::try_from(worker).expect("few"));
        self.workers[worker].totals.records += u64::from(inside);
        self.by_zombies += u64::from(self.owners[record.place].is_some_and(|owner| owner != who));
        let index = usize::try_from(record.offset).expect("few");
        let due = self.traffic[record.place].dues[index];
        let measured = self.inside(due);
        let log_end = self.traffic[record.place].log_end(at);
        let window = self.window;
        let ledger = &mut self.ledgers[record.place];
        if ledger.processed.len() <= index {
            ledger.processed.resize(index + 1, false);
        }
        if std::mem::replace(&mut ledger.processed[index], true) {
            ledger.totals.duplicated += u64::from(inside);
            return;
        }
        ledger.totals.processed += u64::from(inside);
        if measured && at <= window.1 {
            ledger.totals.latency.record(at - due);
        }
        if record.offset >= ledger.position {
            ledger.steps.push((at, record.offset + 1 - ledger.position));
            // A reader may begin at an offset that the log only came to while it was on its way.
            let jumped = ledger.position..record.offset;
            ledger
                .jumped
                .extend(jumped.map(|jumped| (jumped, at, false)));
            ledger.position = record.offset + 1;
            look_back(ledger, window, log_end, at);
        }
    }

    fn entry(&mut self, index: usize) {
        let entry = &self.timeline.entries[index];
        let at = entry.at.as_micros();
        // What ends at this very instant has ended, unless its process is killed at it.
        let killed = matches!(entry.observation, Observation::ConsumerCrashed { .. });
        let is_action = matches!(entry.observation, Observation::Action { .. });
        let crash_action = is_action && !self.is_scripted(index);
        let ends_before = killed || crash_action;
        self.work_until(at.saturating_sub(u64::from(ends_before)));
        match &entry.observation {
            Observation::ConsumerStarted { consumer } => {
                let worker = &mut self.workers[consumer.index()];
                worker.alive_since = Some(at);
                worker.frozen_until = 0;
            }
            Observation::ConsumerCrashed { consumer }
            | Observation::ConsumerClosed { consumer } => {
                self.gone(consumer.index(), at, killed);
            }
            Observation::ConsumerFrozen { consumer } => {
                let Some(Observation::Action { event, .. }) = index
                    .checked_sub(1)
                    .map(|before| &self.timeline.entries[before].observation)
                else {
                    panic!("a freeze is an action")
                };
                let Verb::Freeze(_, length) = &self.plan.events[*event as usize].verb else {
                    panic!("a freeze")
                };
                let length = micros(length.as_constant().expect("constant here"));
                self.freeze(consumer.index(), at, length);
            }
            Observation::Action {
                verb: "reset_offsets refused",
                ..
            } => {}
            Observation::Action {
                event, consumer, ..
            } => self.action(*event as usize, *consumer, at),
            Observation::CallbackStarted { consumer, kind, .. } => {
                let listener = &self.plan.consumers[consumer.index()].listener;
                let work = match kind {
                    CallbackKind::Revoked => &listener.on_revoked,
                    CallbackKind::Assigned => &listener.on_assigned,
                    CallbackKind::Lost => &listener.on_lost,
                };
                let _ = work
                    .duration
                    .sample(&mut self.workers[consumer.index()].listener);
            }
            Observation::Polled { consumer, offsets } => {
                let inside = self.inside(at);
                self.workers[consumer.index()].totals.polls += u64::from(inside);
                assert!(
                    self.workers[consumer.index()].hands.is_empty(),
                    "one batch at a time"
                );
                for &(partition, from, to) in offsets.iter() {
                    let place = self.place(partition);
                    for offset in from..to {
                        let pieces = Vec::new();
                        self.workers[consumer.index()].hands.push(InHand {
                            place,
                            offset,
                            pieces,
                        });
                    }
                }
            }
            Observation::BatchStarted { consumer } => self.start(consumer.index(), at),
            other => self.of_partitions(other, at),
        }
    }

    /// What happens to partitions: owners, positions, commits, growth.
    fn of_partitions(&mut self, observation: &Observation, at: u64) {
        match observation {
            Observation::Assigned {
                consumer,
                partitions,
            } => {
                for partition in partitions.iter() {
                    let place = self.place(*partition);
                    self.owners[place] = Some(*consumer);
                }
            }
            Observation::PositionKnown { offsets, .. } => {
                let known = offsets.iter();
                known.for_each(|(partition, offset)| self.located(*partition, *offset, at));
            }
            Observation::Serving { log_ends, .. } => {
                for &(partition, log_end) in log_ends.iter() {
                    let place = self.place(partition);
                    assert_eq!(log_end, self.traffic[place].log_end(at));
                    let ledger = &mut self.ledgers[place];
                    if let Some(level) = ledger.level_at_release.take() {
                        ledger.catching_up.push((at, level));
                        look_back(ledger, self.window, log_end, at);
                    }
                }
            }
            Observation::Released { log_ends, .. } => {
                for &(partition, log_end) in log_ends.iter() {
                    let place = self.place(partition);
                    assert_eq!(log_end, self.traffic[place].log_end(at));
                    let ledger = &mut self.ledgers[place];
                    let lag = log_end.saturating_sub(ledger.position);
                    ledger.level_at_release.get_or_insert(lag);
                }
            }
            Observation::OffsetsCommitted { offsets, .. } => {
                for &(partition, offset) in offsets.iter() {
                    let place = self.place(partition);
                    self.ledgers[place].committed = Some(offset);
                    self.ledgers[place].was_reset = false;
                }
            }
            Observation::PartitionsAdded {
                topic, partitions, ..
            } => self.counts[topic.index()] = *partitions,
            _ => {}
        }
    }
}

/// Which downtimes are made up for at `at`, the lag being what it is then?
fn look_back(ledger: &mut Ledger, window: (u64, u64), log_end: u64, at: u64) {
    let lag = log_end.saturating_sub(ledger.position);
    for (since, level) in std::mem::take(&mut ledger.catching_up) {
        if lag <= level {
            caught_up(ledger, window, since, Some(at));
        } else {
            ledger.catching_up.push((since, level));
        }
    }
}

fn caught_up(ledger: &mut Ledger, window: (u64, u64), since: u64, at: Option<u64>) {
    if (window.0 < since || window.0 == 0) && since <= window.1 {
        let instant = rebsim::kernel::SimTime::from_micros;
        ledger
            .totals
            .catch_ups
            .push((instant(since), at.map(instant)));
    }
}

#[path = "records_more.rs"]
mod more;
