//! What is read off all partitions: at the points of a grid, at the edges of the measured window, when an outage ends, and at the end.

use super::ledger::Account;
use super::world::Class;
use super::world::Event;
use super::world::World;

use crate::assignor::{GroupId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{Fidelity, Observation, Sample, Timeline};

/// Points of the grid from one sample to the next while every partition keeps abreast, in the fluid mode: commits every few seconds are met at
/// all their ages.
const CALM_STEP: u64 = 7;

/// Between two points of the grid samples are taken in distances of a tenth of its step at least.
const BETWEEN_PER_STEP: u64 = 10;

/// The order of what is done at one instant.
const GRID: u32 = 0;
const BETWEEN: u32 = 1;
const CLOSE: u32 = 2;

impl World<'_> {
    pub(super) fn first_samples(&mut self) {
        self.schedule(SimTime::ZERO, Class::Scrape, GRID, Event::Sample);
        self.schedule(
            self.plan.measure.0,
            Class::Scrape,
            BETWEEN,
            Event::SampleBetween,
        );
        self.schedule(
            self.plan.measure.1,
            Class::Scrape,
            BETWEEN,
            Event::SampleBetween,
        );
        self.schedule(
            self.plan.measure.1,
            Class::Scrape,
            CLOSE,
            Event::CloseWindow,
        );
        if let Some(at) = self.options.snapshot_at {
            self.schedule(at, Class::Snapshot, 0, Event::Snapshot);
        }
    }

    /// Where a lag ends that the grid may not have seen at its highest: somebody serves a partition, or goes on after a standstill.
    pub(super) fn sample_where_lag_ends(&mut self, observation: &Observation) {
        let is_end = match observation {
            Observation::Serving { .. }
            | Observation::ConsumerResumed { .. }
            | Observation::ConsumerThawed { .. } => true,
            Observation::ConsumerConnected { connected, .. } => *connected,
            _ => false,
        };
        let now = self.now();
        if is_end && now >= self.between_from {
            let apart = self.grid.as_micros() / BETWEEN_PER_STEP;
            self.between_from = now + SimDuration::from_micros(apart.max(1));
            self.schedule(now, Class::Scrape, BETWEEN, Event::SampleBetween);
        }
    }

    /// A sample beside the grid; none where there is one.
    pub(super) fn sample_between(&mut self) {
        let now = self.now();
        if self.timeline.samples.last_at() == Some(now) {
            return;
        }
        self.timeline.between.push(now);
        self.read_samples();
    }

    fn read_samples(&mut self) {
        self.catch_up_before_reading();
        let mut samples = std::mem::take(&mut self.timeline.samples);
        let mut taking = samples.begin(self.now());
        self.read_rows(|sample| taking.push(sample));
        samples.add(taking);
        self.timeline.samples = samples;
    }

    /// All partitions after everything else that happens at this instant.
    pub(super) fn snapshot(&mut self) {
        self.catch_up_everybody();
        let mut snapshot = Vec::new();
        self.read_rows(|sample| snapshot.push(sample));
        self.timeline.snapshot = snapshot;
    }

    pub(super) fn catch_up_everybody(&mut self) {
        for consumer in self.consumers() {
            self.catch_up(consumer);
        }
    }

    /// Whoever flows need not be caught up with to be read.
    fn catch_up_before_reading(&mut self) {
        for consumer in self.consumers() {
            let client = self.processes[consumer.index()].client.as_ref();
            if client.is_some_and(|client| client.flow.is_none()) {
                self.catch_up(consumer);
            }
        }
    }

    fn settle_everything(&mut self) {
        self.catch_up_everybody();
        let now = self.now();
        for group in &mut self.groups {
            for (account, log) in group.accounts.iter_mut().zip(&mut self.logs) {
                account.settle(log, now);
            }
        }
    }

    pub(super) fn sample(&mut self) {
        let (at, end) = (self.now(), SimTime::ZERO + self.plan.duration);
        let is_calm = self.options.fidelity == Fidelity::Fluid && self.is_calm();
        if at >= end || !is_calm || self.grid_points.is_multiple_of(CALM_STEP) {
            self.read_samples();
        }
        if at < end {
            let points = if is_calm { self.points_to_skip() } else { 1 };
            self.grid_points += points;
            let next = (at + self.grid.times(points)).min(end);
            self.schedule(next, Class::Scrape, GRID, Event::Sample);
        }
    }

    /// To which point of the grid after this one nothing is to be done: the next that is sampled although it is calm, or the last one before
    /// anything happens. At least the next.
    fn points_to_skip(&self) -> u64 {
        let next = self.calendar.peek().map_or(SimTime::NEVER, |next| next.at);
        let quiet = next.since(self.now()).as_micros().saturating_sub(1);
        let before = quiet / self.grid.as_micros().max(1);
        let sampled = CALM_STEP - self.grid_points % CALM_STEP;
        before.clamp(1, sampled)
    }

    /// What every partition is to every group now; everybody is caught up with. Records of this very microsecond are left out:
    /// nobody can have them yet, and regular arrivals would fall on the grid with each partition.
    fn read_rows(&mut self, mut take: impl FnMut(Sample)) {
        let at = self.now();
        let due_by = SimTime::from_micros(at.as_micros().saturating_sub(1));
        for group in 0..self.groups.len() {
            let id = GroupId(u32::try_from(group).unwrap_or(u32::MAX));
            for topic in self.topics_of(id) {
                for partition in 0..self.topology.partitions_of(topic) {
                    let partition = TopicPartition { topic, partition };
                    let index = self.topology.index(partition);
                    let (account, log) = (
                        &mut self.groups[group].accounts[index],
                        &mut self.logs[index],
                    );
                    let processed = account.position(log, at);
                    let due = log.arrivals.due(processed);
                    take(Sample {
                        at,
                        group: id,
                        partition,
                        log_end: log.arrivals.count(due_by).max(processed),
                        processed,
                        committed: account.committed(log, at),
                        oldest_due: (due <= due_by).then_some(due),
                    });
                }
            }
        }
    }

    pub(super) fn close_window(&mut self) {
        self.settle_everything();
        let held_back = self.held_back();
        for (group, host) in self.groups.iter_mut().enumerate() {
            for (index, account) in host.accounts.iter_mut().enumerate() {
                let held: Vec<(u64, u64)> = held_back
                    .iter()
                    .filter(|&&(owner, place, _)| (owner, place) == (group, index))
                    .map(|&(_, _, range)| range)
                    .collect();
                account.close_window(&mut self.logs[index], &held);
            }
        }
    }

    /// Offsets that processes hold and do not work on until a commit is through: (group, flat index, (from, to)).
    fn held_back(&self) -> Vec<(usize, usize, (u64, u64))> {
        let mut held_back = Vec::new();
        for process in &self.processes {
            let Some(client) = &process.client else {
                continue;
            };
            for &(slot, from, to) in &client.batch.held_back {
                let index = client.fetcher.slots[slot].index;
                held_back.push((process.group.index(), index, (from, to)));
            }
        }
        held_back
    }

    /// Topics that any member of the group subscribes to.
    pub(super) fn topics_of(&self, group: GroupId) -> Vec<TopicId> {
        let mut topics: Vec<TopicId> = Vec::new();
        let members = self.processes.iter();
        for process in members.filter(|process| process.group == group) {
            for &topic in &process.spec.topics {
                if let Err(place) = topics.binary_search(&topic) {
                    topics.insert(place, topic);
                }
            }
        }
        topics
    }

    pub(super) fn finish(mut self, horizon: SimTime) -> Timeline {
        for consumer in self.consumers() {
            self.processes[consumer.index()].totals.cpu_us = self.cpu_used(consumer);
        }
        for process in &mut self.processes {
            if let Some(client) = &process.client {
                process.totals.busy_us += client.busy.by(horizon, self.window);
                process.totals.polls += client.busy.polls();
                process.totals.alive_us += self.window.share(process.alive_since, horizon);
            }
        }
        for host in &self.groups {
            for (consumer, records) in host.accounts.iter().flat_map(Account::ended_by) {
                self.processes[consumer.index()].totals.records += records;
            }
        }
        let drew = self
            .processes
            .iter()
            .any(|process| process.link.has_drawn())
            || self.drew_phases
            || super::layout::draws(self.plan);
        let mut timeline = self.timeline;
        timeline.horizon = horizon;
        timeline.control_events = self.calendar.taken() - self.idle_wakes;
        timeline.polls_played = self.polls_played;
        timeline.drew = drew;
        timeline.consumers = self
            .processes
            .iter()
            .map(|process| process.totals)
            .collect();
        timeline.cast = super::layout::cast(self.plan, &self.topology, &self.processes);
        self.platform.introduce(self.plan, &mut timeline.cast);
        for (group, host) in self.groups.into_iter().enumerate() {
            let group = GroupId(u32::try_from(group).unwrap_or(u32::MAX));
            let topics = &timeline.cast.groups[group.index()].topics;
            let mut accounts: Vec<Option<Account>> = host.accounts.into_iter().map(Some).collect();
            for &topic in topics {
                for partition in 0..self.topology.partitions_of(topic) {
                    let partition = TopicPartition { topic, partition };
                    let index = self.topology.index(partition);
                    if let Some(account) = accounts[index].take() {
                        let totals = account.close(&mut self.logs[index], horizon);
                        timeline.partitions.push(((group, partition), totals));
                    }
                }
            }
        }
        timeline
    }
}
