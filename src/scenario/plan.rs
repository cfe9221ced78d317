//! The plan: one variant of a scenario, resolved and valid. Nothing here is "not yet set".

pub mod autoscaler;
pub mod platform;
pub mod surroundings;

use std::sync::Arc;

use crate::assignor::{ConsumerId, GroupId, TopicId};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::{BrokerConfig, ConsumerConfig};
use crate::workload::arrivals::{LoadTerm, Skew};
use crate::workload::assignor_cost::StickyGeneration;
use crate::workload::cpu::CpuBudget;
use crate::workload::distribution::Distribution;
use crate::workload::failures::{Failures, OnPoison};
use crate::workload::restore::RestoreSpec;

pub use platform::{NodeId, Platform, WorkloadId};
pub use surroundings::{Fault, FaultKind, FaultTarget, Resource, ResourceId};

/// One variant, ready to be played.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the variant; `base` when the scenario has none.
    pub variant: String,
    /// Length of the replication.
    pub duration: SimDuration,
    /// Measured window: from, to.
    pub measure: (SimTime, SimTime),
    /// Brokers.
    pub brokers: Brokers,
    /// Topics, in the scenario's order; [`TopicId`] is the position.
    pub topics: Vec<Topic>,
    /// Groups, in the scenario's order; [`GroupId`] is the position.
    pub groups: Vec<Group>,
    /// Processes, by group, then in the group's order; [`ConsumerId`] is the position.
    pub consumers: Vec<Arc<Consumer>>,
    /// Workloads whose pods make members, and what acts on them.
    pub platform: Platform,
    /// Shared downstream resources, by name; [`ResourceId`] is the position.
    pub resources: Vec<Resource>,
    /// Random faults, in the scenario's order.
    pub faults: Vec<Fault>,
    /// Script, in the scenario's order.
    pub events: Vec<Event>,
}

/// Brokers.
#[derive(Clone, Debug, PartialEq)]
pub struct Brokers {
    /// Number of brokers; the leader of partition p of the k-th topic is broker (k + p) mod count.
    pub count: u32,
    /// One way, client to broker.
    pub latency: Distribution,
    /// Coordinator log append.
    pub append: Distribution,
    /// Time that an assignor takes; `None`: the measured cost curve.
    pub assignor_cost: Option<Distribution>,
    /// Racks of the brokers in turn; empty: none.
    pub racks: Vec<String>,
    /// Added one way when client and broker are in different racks.
    pub cross_rack_latency: SimDuration,
    /// How often the controller gives brokers back what they are the preferred leaders of (`leader.imbalance.check.interval.seconds`); `None`: never
    /// (`auto.leader.rebalance.enable` is false).
    pub leader_rebalance: Option<SimDuration>,
    /// Broker settings.
    pub config: BrokerConfig,
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Name.
    pub name: String,
    /// Partitions at the start.
    pub partitions: u32,
    /// Load of the whole topic (or of each partition, see `per_partition`).
    pub load: Vec<LoadTerm>,
    /// True when `load` is that of each partition.
    pub per_partition: bool,
    /// How the load falls on the partitions.
    pub skew: Skew,
    /// Bytes of a record.
    pub record_size: u64,
    /// Records already waiting at 0, by partition.
    pub backlog: Vec<u64>,
    /// Replicas of each partition: leader broker and the next ones.
    pub replicas: u32,
    /// Racks of the replicas of each partition, the leader's first, in turn; empty: those of the brokers that hold them.
    pub racks: Vec<Vec<String>>,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// `group.id`
    pub name: String,
    /// True: members join at the start; false: a stable, assigned generation exists at 0.
    pub cold: bool,
    /// True: what a stable group does again and again, its members begin at 0; false: each at a phase of its own.
    pub in_step: bool,
    /// Broker settings with the group's own in their place (`GroupConfig`).
    pub config: BrokerConfig,
    /// Its processes: from, to (exclusive).
    pub consumers: (ConsumerId, ConsumerId),
}

/// A consumer process.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    /// Its name within the group, also its `client.id`.
    pub name: String,
    /// The group.
    pub group: GroupId,
    /// When it starts; `None`: it is there from the beginning.
    pub start: Option<SimTime>,
    /// The node that it runs on, by name; `None`, or one that is not listed: a machine of its own.
    pub host: Option<String>,
    /// What its container may burn.
    pub cpu: CpuBudget,
    /// Subscribed topics.
    pub topics: Vec<TopicId>,
    /// Settings.
    pub config: Arc<ConsumerConfig>,
    /// Processing.
    pub processing: Processing,
    /// Listener.
    pub listener: Listener,
    /// When it commits.
    pub commit: CommitMode,
    /// Where it starts without a committed offset.
    pub start_at: StartAt,
    /// How its release computes sticky assignments.
    pub sticky: StickyGeneration,
}

/// What processing costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Processing {
    /// Of a record.
    pub per_record: Distribution,
    /// Of a non-empty `poll()`, once.
    pub per_poll: Distribution,
    /// The part of it that burns CPU; `None`: all.
    pub cpu_per_record: Option<Distribution>,
    /// Worker threads, at least one.
    pub threads: u32,
    /// What every attempt at a record calls, after the work of its own.
    pub downstream: Option<ResourceId>,
    /// Records that fail.
    pub failures: Option<Failures>,
    /// What is done with a record that cannot be processed.
    pub on_poison: OnPoison,
    /// Argument of `poll()`.
    pub poll_timeout: SimDuration,
    /// Topics that it cannot process.
    pub refuses: Vec<TopicId>,
}

/// `ConsumerRebalanceListener`
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Work in `onPartitionsRevoked`.
    pub on_revoked: Work,
    /// Work in `onPartitionsAssigned`.
    pub on_assigned: Work,
    /// Work in `onPartitionsLost`.
    pub on_lost: Work,
    /// State to restore after `onPartitionsAssigned`, beside the processing of other partitions.
    pub restore: Option<RestoreSpec>,
}

/// What a callback does.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Takes this long.
    pub duration: Distribution,
    /// Commits the positions afterwards, and how.
    pub commit: Option<CommitStyle>,
}

/// Whether the caller waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitStyle {
    /// `commitSync`
    Sync,
    /// `commitAsync`
    Async,
}

/// When the application commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitMode {
    /// `enable.auto.commit`
    Auto,
    /// After each batch.
    AfterBatch(CommitStyle),
    /// After a batch, when this long has passed since the last.
    Every(SimDuration, CommitStyle),
    /// Acknowledge, then flush: after so many records processed or so much time, at the end of a batch.
    After {
        /// Records since the last commit.
        records: u64,
        /// Time since the last commit.
        time: SimDuration,
        /// How.
        style: CommitStyle,
    },
    /// Before the batch is processed.
    BeforeProcessing(CommitStyle),
    /// Never.
    None,
}

impl CommitMode {
    /// How long after a commit of its own the application commits again, if it goes by time.
    #[must_use]
    pub fn period(self) -> SimDuration {
        match self {
            Self::Every(period, _) => period,
            Self::After { time, .. } => time,
            Self::Auto | Self::AfterBatch(_) | Self::BeforeProcessing(_) | Self::None => {
                SimDuration::MAX
            }
        }
    }
}

/// Where a partition without committed offset is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// As `auto.offset.reset` says.
    Reset,
    /// At this offset, which counts as committed at the start.
    Committed(u64),
    /// At the first record due at or after the start minus this span, which counts as committed at the start.
    TimestampBefore(SimDuration),
}

/// Which processes an event is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These, in this order.
    Consumers(Vec<ConsumerId>),
    /// One of the group's living, drawn from the event's stream.
    Random(GroupId),
    /// All of the group's living: those that pods make.
    Living(GroupId),
    /// The one at this place among the group's living, in the order in which their pods were made.
    LivingAt(GroupId, u32),
    /// The one of this name, when it lives: that of a StatefulSet's pod.
    Named(GroupId, String),
}

/// A script entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// First time.
    pub at: SimTime,
    /// How often, and how far apart: (period, times); (_, 1) is once.
    pub repeat: (SimDuration, u32),
    /// Added to each time.
    pub jitter: Option<Distribution>,
    /// What.
    pub verb: Verb,
    /// JSON pointer of the entry in the resolved scenario.
    pub pointer: String,
}

/// How targets of one entry follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequencing {
    /// All at once.
    Together,
    /// The next one this long after the one before began.
    Spacing(SimDuration),
    /// The next one when the one before is back and the group stable.
    WhenStable,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `close()`: commit, callbacks, leave unless static.
    Close,
    /// Killed.
    Crash,
}

/// What an event does.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Start processes.
    Start(Target),
    /// `close()` them.
    Stop(Target, Sequencing),
    /// Kill them.
    Crash(Target, Sequencing),
    /// End, stay down, start again.
    Restart {
        /// Whom.
        target: Target,
        /// How it ends.
        how: Ending,
        /// From exit to start.
        down: Distribution,
        /// How targets follow each other.
        sequencing: Sequencing,
    },
    /// The whole process stands still.
    Freeze(Target, Distribution),
    /// The poll loop stands still.
    Stall(Target, Distribution),
    /// Processing takes `factor` thousandths of its time for a while.
    Slow(Target, u64, SimDuration),
    /// No message passes for a while.
    Disconnect(Target, Distribution),
    /// The application pauses partitions of a topic for a while (`pause()`): all partitions, or one.
    Pause(TopicId, Option<u32>, SimDuration),
    /// The next record of a topic's partitions, or of one, cannot be processed.
    Poison(TopicId, Option<u32>),
    /// The topic gets this many partitions.
    Partitions(TopicId, u32),
    /// The topic's load times `factor` thousandths for a while.
    Load(TopicId, u64, SimDuration),
    /// The coordinator goes away for a while and comes back with what its log holds.
    Coordinator {
        /// How long nobody can be found, or the other broker loads the group.
        unavailable: SimDuration,
        /// True: on another broker, which is found at once.
        moved: bool,
    },
    /// Brokers restart one after the other: each is away this long, the next this long after.
    BrokerRoll {
        /// Away.
        down: SimDuration,
        /// From one to the next.
        spacing: SimDuration,
    },
    /// The members get these settings with their next start.
    Configure(GroupId, Vec<(ConsumerId, ConsumerConfig)>),
    /// The containers of the pods of these workloads get these settings with their next start.
    ConfigurePods(Vec<(WorkloadId, ConsumerConfig)>),
    /// Committed offsets of an empty group are set.
    ResetOffsets(GroupId, ResetTo),
    /// The workload gets a new pod template.
    Deploy(WorkloadId),
    /// The workload gets the pod template that it had before.
    Rollback(WorkloadId),
    /// `spec.replicas` of the workload is set.
    Scale(WorkloadId, u32),
    /// The node takes no more pods, and those on it are evicted as their budgets allow.
    Drain(NodeId),
    /// The node is gone with all that runs on it.
    KillNode(NodeId),
}

impl Verb {
    /// The members that it is done to; `None` for what is done to something else.
    #[must_use]
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::Start(target)
            | Self::Stop(target, _)
            | Self::Crash(target, _)
            | Self::Restart { target, .. }
            | Self::Freeze(target, _)
            | Self::Stall(target, _)
            | Self::Slow(target, ..)
            | Self::Disconnect(target, _) => Some(target),
            Self::Pause(..)
            | Self::Poison(..)
            | Self::Partitions(..)
            | Self::Load(..)
            | Self::Coordinator { .. }
            | Self::BrokerRoll { .. }
            | Self::Configure(..)
            | Self::ConfigurePods(_)
            | Self::ResetOffsets(..)
            | Self::Deploy(_)
            | Self::Rollback(_)
            | Self::Scale(..)
            | Self::Drain(_)
            | Self::KillNode(_) => None,
        }
    }
}

/// Where `reset_offsets` puts the committed offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetTo {
    /// Start of the log.
    Earliest,
    /// End of the log.
    Latest,
    /// First record due at or after now minus this span.
    TimestampBefore(SimDuration),
}
