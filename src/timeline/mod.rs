//! The timeline: everything that happened in a replication, in order. The only bridge from the run to its readers.
//!
//! Control-plane facts are [`Observation`]s. The data plane leaves integer aggregates ([`PartitionTotals`],
//! [`Samples`] on a grid). Nobody goes back to the cluster to ask: if a metric needs a fact, the fact is here.

mod fidelity;
pub mod histogram;
mod observation;
mod platform;
mod samples;
pub mod words;

use std::sync::Arc;

pub use fidelity::Fidelity;
pub use histogram::{Histogram, Progression, Rounds};
pub use observation::Observation;
pub use platform::{
    NodeId, PlatformFact, PodFacts, PodId, ScaledBy, ScalerFacts, ScalerId, WorkloadFacts,
    WorkloadId,
};
pub use samples::{Place, Reading, Sample, Samples};
pub use words::{
    CallbackKind, ClientState, ContainerEnd, GroupState, MemberEpochState, PodEnd, PodStart,
    RebalanceReason, ReleaseReason, RemovalReason,
};

use crate::assignor::{GroupId, TopicId, TopicPartition};
use crate::kernel::SimTime;

/// One fact with its instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: SimTime,
    /// What.
    pub observation: Observation,
}

/// A list of partitions that several owners may hold.
pub type Partitions = Arc<[TopicPartition]>;

/// An offset of each of some partitions.
pub type Offsets = Arc<[(TopicPartition, u64)]>;

/// What one group did to one partition within the measured window, in integers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PartitionTotals {
    /// Records due within the window.
    pub produced: u64,
    /// Records processed for the first time.
    pub processed: u64,
    /// Records processed again.
    pub duplicated: u64,
    /// Records whose offset was committed and that no live process holds any more, never processed.
    pub lost: u64,
    /// Records jumped over by an offset reset.
    pub skipped: u64,
    /// Lag integral: records not yet processed times microseconds.
    pub lag_record_us: u128,
    /// Microseconds during which two members processed the partition.
    pub overlap_us: u64,
    /// Microseconds from due time to the end of the first processing, by record.
    pub latency: Histogram,
    /// Ages at the end of the window of the records then waiting, in microseconds.
    pub waiting: Histogram,
    /// For each end of a downtime: (when it ended, when the lag was back at its level before; `None`: not by the end).
    pub catch_ups: Vec<(SimTime, Option<SimTime>)>,
}

/// What one process did within the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ConsumerTotals {
    /// Microseconds spent processing records (in `poll()` and callbacks is not busy).
    pub busy_us: u64,
    /// Microseconds during which the process ran.
    pub alive_us: u64,
    /// Calls of `poll()` that returned records.
    pub polls: u64,
    /// Records processed, repeats included.
    pub records: u64,
    /// Core-microseconds that processing burnt in the whole run, the window aside.
    pub cpu_us: u64,
}

/// The names behind the indexes and the constant facts of a replication.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cast {
    /// Topic names with their number of partitions at the end.
    pub topics: Vec<(String, u32)>,
    /// Groups.
    pub groups: Vec<GroupFacts>,
    /// Processes.
    pub consumers: Vec<ConsumerFacts>,
    /// Deployments and StatefulSets.
    pub workloads: Vec<WorkloadFacts>,
    /// Pods that ever were, in order of creation.
    pub pods: Vec<PodFacts>,
    /// Autoscalers.
    pub scalers: Vec<ScalerFacts>,
    /// Names of the nodes.
    pub nodes: Vec<String>,
}

/// Constant facts of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    /// `group.id`
    pub name: String,
    /// Topics that any member subscribes to.
    pub topics: Vec<TopicId>,
    /// `classic` or `consumer`.
    pub protocol: &'static str,
    /// How partitions move, by the members' settings at the end: `eager`, `cooperative` or `incremental`.
    pub rebalance: &'static str,
    /// Some member has a `group.instance.id`.
    pub is_static: bool,
}

/// Constant facts of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerFacts {
    /// `<group>/<name>`
    pub name: String,
    /// Its group.
    pub group: GroupId,
    /// Topics that it subscribes to.
    pub topics: Vec<TopicId>,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: crate::kernel::SimDuration,
    /// `group.instance.id`
    pub instance: Option<String>,
    /// Its `close()` in the classic protocol says nothing to the coordinator (it is static, or remains in the group: KIP-1092).
    pub closes_silently: bool,
    /// Its `close()` says nothing in the consumer protocol either: it remains in the group, and is not static.
    pub never_leaves: bool,
}

/// Everything a replication left.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Timeline {
    /// Names and constants.
    pub cast: Cast,
    /// The measured window: from, to.
    pub measured: (SimTime, SimTime),
    /// End of the replication.
    pub horizon: SimTime,
    /// What happened, times never decreasing.
    pub entries: Vec<Entry>,
    /// The grid, and instants between its points; sorted by time, group, partition.
    pub samples: Samples,
    /// The instants of `samples` that are not on the grid: edges of the window, ends of outages. In order.
    pub between: Vec<SimTime>,
    /// The same at one instant that was asked for, after all that happened at it; sorted by group, partition.
    pub snapshot: Vec<Sample>,
    /// Aggregates by (group, partition), sorted.
    pub partitions: Vec<((GroupId, TopicPartition), PartitionTotals)>,
    /// Aggregates by process.
    pub consumers: Vec<ConsumerTotals>,
    /// Control events: messages, timers and actions that concern more than one client alone. Their number does not depend on that of records.
    pub control_events: u64,
    /// Polls that returned records and were played in closed form, many at once: work that was saved, no fact of the run.
    pub polls_played: u64,
    /// True when some random stream was drawn from.
    pub drew: bool,
}

impl Timeline {
    /// Appends a fact.
    ///
    /// # Panics
    /// When `at` lies before the last entry.
    pub fn observe(&mut self, at: SimTime, observation: Observation) {
        if let Some(last) = self.entries.last() {
            assert!(
                last.at <= at,
                "the timeline runs forward: {} after {at}",
                last.at
            );
        }
        self.entries.push(Entry { at, observation });
    }
}
