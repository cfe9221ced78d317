//! What a client stands on while it acts: the clock, its own settings, the records, its network link, and where its effects go.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::calibration::Calibration;
use super::labour::Labour;
use super::ledger::Account;
use super::positions::Slot;
use super::records::{Log, Passed};
use super::standstill::Standstill;
use super::window::Window;
use crate::assignor::{ConsumerId, TopicId, TopicPartition};
use crate::kernel::{Draw, SimDuration, SimTime};
use crate::protocol::effect::CommitPurpose;
use crate::protocol::message::{OffsetCommitRequest, OffsetFetchRequest, Request, RequestToken};
use crate::scenario::plan::Consumer;
use crate::timeline::{Observation, ReleaseReason};
use crate::workload::distribution::Distribution;

/// What a client sends.
#[derive(Clone, Debug)]
pub(super) enum Packet {
    /// To the group coordinator's machine.
    Group(Request),
    /// A commit.
    Commit(CommitPurpose, OffsetCommitRequest),
    /// OffsetFetch.
    OffsetFetch(OffsetFetchRequest),
    /// FindCoordinator.
    FindCoordinator,
}

/// What a client does to the world.
#[derive(Debug)]
pub(super) enum Output {
    /// A request leaves; it arrives at the broker at `arrives`, and its answer takes `back`.
    Send {
        token: RequestToken,
        packet: Packet,
        arrives: SimTime,
        back: SimDuration,
    },
    /// Something to tell the readers.
    Observe(Observation),
    /// The client has closed its connection to the coordinator, on which it had sent what has tokens up to this.
    HungUp(RequestToken),
    /// The leader's assignor starts on these members.
    Assign(
        crate::assignor::AssignorKind,
        Vec<crate::protocol::message::JoinGroupMember>,
    ),
    /// The leader watches the topics of these members.
    Watch(Vec<crate::protocol::message::JoinGroupMember>),
    /// An assignment was installed.
    Installed,
    /// What it holds in memory has grown, or grows from now on.
    Weigh,
    /// The process has exited after `close()`.
    Exited,
    /// The process has crashed at the return of `poll()`, as asked.
    Crashed,
}

/// The way between a client and the brokers.
#[derive(Debug)]
pub(super) struct Link {
    latency: Distribution,
    draw: Draw,
    /// Added one way, by broker.
    cross_rack: Vec<SimDuration>,
    /// Answers and requests on the coordinator connection keep their order.
    last_arrival: SimTime,
}

impl Link {
    /// The client has moved: what each broker's distance adds one way.
    pub(super) fn set_cross_rack(&mut self, cross_rack: Vec<SimDuration>) {
        self.cross_rack = cross_rack;
    }

    pub(super) fn new(latency: Distribution, draw: Draw, cross_rack: Vec<SimDuration>) -> Self {
        Self {
            latency,
            draw,
            cross_rack,
            last_arrival: SimTime::ZERO,
        }
    }

    fn one_way(&mut self) -> SimDuration {
        self.latency.sample(&mut self.draw)
    }

    pub(super) fn has_drawn(&self) -> bool {
        !self.latency.is_constant()
    }
}

/// Partitions of every topic, now and at most.
#[derive(Debug)]
pub(super) struct Topology {
    /// First flat index of each topic.
    pub(super) base: Vec<usize>,
    /// Partitions of each topic now.
    pub(super) partitions: Vec<u32>,
    /// When topics grew, and what they had before, in the order in which it happened.
    pub(super) grown: Vec<(SimTime, TopicId, u32)>,
    /// Number of brokers.
    pub(super) brokers: usize,
}

impl Topology {
    pub(super) fn index(&self, partition: TopicPartition) -> usize {
        self.base[partition.topic.index()] + partition.partition as usize
    }

    /// Leader of partition p of the k-th topic: broker (k + p) mod count.
    pub(super) fn leader(&self, partition: TopicPartition) -> usize {
        (partition.topic.index() + partition.partition as usize) % self.brokers
    }

    pub(super) fn partitions_of(&self, topic: TopicId) -> u32 {
        self.partitions[topic.index()]
    }

    /// The partitions that `topic` had at `at`, or has now.
    pub(super) fn partitions_at(&self, topic: TopicId, at: SimTime) -> u32 {
        let mut later = self
            .grown
            .iter()
            .filter(|grown| grown.1 == topic && at < grown.0);
        later
            .next()
            .map_or_else(|| self.partitions_of(topic), |grown| grown.2)
    }
}

/// See the module.
pub(super) struct Ground<'a> {
    pub(super) now: SimTime,
    pub(super) consumer: ConsumerId,
    pub(super) spec: &'a Arc<Consumer>,
    pub(super) labour: &'a Labour,
    pub(super) calibration: &'a Calibration,
    pub(super) topology: &'a Topology,
    pub(super) logs: &'a mut [Log],
    /// This group's accounts, by flat index.
    pub(super) accounts: &'a mut [Account],
    pub(super) link: &'a mut Link,
    /// No message passes before.
    pub(super) cut_until: SimTime,
    /// Partitions that applications have paused, by flat index.
    pub(super) paused: &'a [bool],
    pub(super) listener: &'a mut Draw,
    /// State that earlier lives of the process left on its disk: up to which record, by partition.
    pub(super) disk: &'a mut BTreeMap<TopicPartition, u64>,
    /// Some record of the run cannot be processed.
    pub(super) poisoned: bool,
    /// A recording is imitated: see [`super::Options::harness`].
    pub(super) harness: bool,
    /// See [`super::Options::observe_polls`].
    pub(super) observe_polls: bool,
    /// See [`super::Options::step_by_step`].
    pub(super) step_by_step: bool,
    /// Measured window.
    pub(super) window: Window,
    pub(super) tokens: &'a mut u64,
    /// See [`crate::timeline::Timeline::polls_played`].
    pub(super) polls_played: &'a mut u64,
    pub(super) standstill: &'a mut Standstill,
    pub(super) out: &'a mut Vec<Output>,
}

impl Ground<'_> {
    pub(super) fn index(&self, partition: TopicPartition) -> usize {
        self.topology.index(partition)
    }

    pub(super) fn leader(&self, partition: TopicPartition) -> usize {
        self.topology.leader(partition)
    }

    pub(super) fn observe(&mut self, observation: Observation) {
        self.out.push(Output::Observe(observation));
    }

    /// One way to and from a broker for a request about membership, offsets or metadata.
    pub(super) fn control_latency(&mut self) -> (SimDuration, SimDuration) {
        (self.link.one_way(), self.link.one_way())
    }

    /// One way to and from a broker for a fetch.
    pub(super) fn data_latency(&mut self, node: usize) -> (SimDuration, SimDuration) {
        let extra = self.link.cross_rack.get(node).copied().unwrap_or_default();
        (self.link.one_way() + extra, self.link.one_way() + extra)
    }

    /// One way to or from a broker on the average, racks aside.
    pub(super) fn mean_latency(&self) -> SimDuration {
        self.link.latency.mean()
    }

    /// What the distance of a broker adds one way.
    pub(super) fn extra_latency(&self, node: usize) -> SimDuration {
        self.link.cross_rack.get(node).copied().unwrap_or_default()
    }

    /// One way to and from a broker for a fetch, where it is always the same.
    pub(super) fn constant_latency(&self, node: usize) -> Option<SimDuration> {
        let extra = self.link.cross_rack.get(node).copied().unwrap_or_default();
        Some(self.link.latency.as_constant()? + extra)
    }

    /// Sends to the coordinator (or, for FindCoordinator, to any broker), which looks at the request at `free_at` at the earliest, and names it.
    pub(super) fn send(
        &mut self,
        packet: Packet,
        extra: SimDuration,
        free_at: SimTime,
    ) -> RequestToken {
        *self.tokens += 1;
        let token = RequestToken(*self.tokens);
        let (up, back) = self.control_latency();
        let arrives = self.now + up + extra;
        let arrives = arrives.max(self.link.last_arrival).max(free_at);
        if !matches!(packet, Packet::FindCoordinator) {
            self.link.last_arrival = arrives;
        }
        self.out.push(Output::Send {
            token,
            packet,
            arrives,
            back,
        });
        token
    }

    /// Records of a partition that a fetch can see at `at`.
    pub(super) fn readable(&self, index: usize, at: SimTime) -> u64 {
        let log = &self.logs[index];
        let delay = log.append_delay.as_micros();
        match at.as_micros().checked_sub(delay) {
            Some(due) => log.arrivals.count(SimTime::from_micros(due)),
            None => 0,
        }
    }

    /// When a fetch can see the record at `offset`.
    pub(super) fn readable_at(&self, index: usize, offset: u64) -> SimTime {
        let log = &self.logs[index];
        log.arrivals.due(offset) + log.append_delay
    }

    pub(super) fn record_size(&self, index: usize) -> u64 {
        self.logs[index].record_size.max(1)
    }

    /// Offset of the first record due at or after `span` before now.
    pub(super) fn first_due_since(&self, index: usize, span: SimDuration) -> u64 {
        let instant = self.now.as_micros().saturating_sub(span.as_micros());
        match instant.checked_sub(1) {
            Some(before) => self.logs[index]
                .arrivals
                .count(SimTime::from_micros(before)),
            None => 0,
        }
    }

    /// The reader of a partition begins at `offset`, which is the committed one or comes from the reset policy.
    pub(super) fn located(&mut self, index: usize, offset: u64, by_reset: bool) {
        let account = &mut self.accounts[index];
        let why = if by_reset {
            account.begin_without_epoch(offset);
            Passed::Reset
        } else {
            account.passed_by_commit()
        };
        let log = &mut self.logs[index];
        account.settle(log, self.now);
        if offset <= log.arrivals.count(self.now) {
            account.advance_to(offset, self.now, why);
        } // Else the offset is out of range, and the reset policy will say where the reader begins.
    }

    pub(super) fn log_end(&self, index: usize) -> u64 {
        self.logs[index].arrivals.count(self.now)
    }

    /// The partitions begin to be served.
    pub(super) fn serving<'s>(&mut self, slots: impl Iterator<Item = &'s Slot>) {
        let log_ends: Vec<(TopicPartition, u64)> = slots
            .map(|slot| {
                self.accounts[slot.index].serving(&mut self.logs[slot.index], self.now);
                (slot.partition, self.log_end(slot.index))
            })
            .collect();
        if !log_ends.is_empty() {
            self.observe(Observation::Serving {
                consumer: self.consumer,
                log_ends: log_ends.into(),
            });
        }
    }

    /// The owner may return no more records of the partitions.
    pub(super) fn released<'s>(
        &mut self,
        slots: impl Iterator<Item = &'s Slot>,
        why: ReleaseReason,
    ) {
        let log_ends: Vec<(TopicPartition, u64)> = slots
            .map(|slot| {
                self.accounts[slot.index].released(&mut self.logs[slot.index], self.now);
                (slot.partition, self.log_end(slot.index))
            })
            .collect();
        if !log_ends.is_empty() {
            self.observe(Observation::Released {
                consumer: self.consumer,
                why,
                log_ends: log_ends.into(),
            });
        }
    }
}
