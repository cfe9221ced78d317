//! The timeline: everything that happened in a replication, in order. The only bridge from the run to its readers.
//!
//! Control-plane facts are [`Observation`]s. The data plane leaves integer aggregates ([`PartitionTotals`],
//! [`Sample`]s on a grid). Nobody goes back to the cluster to ask: if a metric needs a fact, the fact is here.

pub mod histogram;
pub mod words;

use std::sync::Arc;

pub use histogram::Histogram;
pub use words::{CallbackKind, GroupState, RebalanceReason, ReleaseReason, RemovalReason};

use crate::assignor::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition};
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

/// Something that happened. The order of entries is the order of happening, also at one instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    // ---- the coordinator ----
    /// A classic group changed state (a transition to the same state is not observed).
    GroupState {
        /// The group.
        group: GroupId,
        /// State before.
        from: GroupState,
        /// State after.
        to: GroupState,
        /// Generation in force after the transition.
        generation: i32,
        /// Why, when a rebalance begins (`to` is `PreparingRebalance`).
        reason: Option<RebalanceReason>,
        /// Whose join, leave or removal it was, when it was somebody's.
        by: Option<ConsumerId>,
    },
    /// A dynamic member was told to join with the id it was given (`MEMBER_ID_REQUIRED`).
    MemberIdIssued {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
        /// The id issued.
        member_id: MemberId,
        /// State of the group meanwhile.
        state: GroupState,
    },
    /// The coordinator took a new member in.
    MemberAdded {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
        /// Its id.
        member_id: MemberId,
        /// State of the group when it came.
        state: GroupState,
    },
    /// A static member came back under a new id; nobody was added or removed.
    StaticMemberReplaced {
        /// The group.
        group: GroupId,
        /// The process that holds the instance id now.
        consumer: ConsumerId,
        /// `group.instance.id`
        instance_id: Arc<str>,
        /// Id before.
        old: MemberId,
        /// Id after.
        new: MemberId,
    },
    /// The coordinator removed a member.
    MemberRemoved {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
        /// Its id.
        member_id: MemberId,
        /// Why.
        why: RemovalReason,
    },
    /// A JoinGroup of a known or new member was parked: it has joined the generation in preparation.
    MemberRejoined {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
    },
    /// The join phase ended.
    JoinComplete {
        /// The group.
        group: GroupId,
        /// The new generation.
        generation: i32,
        /// The members in it, absent static ones included.
        members: Arc<[ConsumerId]>,
        /// Name of the assignor in force.
        assignor: &'static str,
    },
    /// The leader's assignment has arrived and was accepted. It is in force with the transition to `Stable` that follows
    /// when it is stored, unless the group has moved on by then.
    AssignmentReceived {
        /// The group.
        group: GroupId,
        /// The generation.
        generation: i32,
        /// The leader's id.
        leader: MemberId,
        /// Who gets what, in the members' order.
        assignment: Arc<[(ConsumerId, Partitions)]>,
    },
    /// The coordinator went away or came back (restart, move).
    CoordinatorAvailable {
        /// The group.
        group: GroupId,
        /// False: unreachable from now.
        available: bool,
    },

    // ---- the process ----
    /// The process runs and its consumer has subscribed.
    ConsumerStarted {
        /// The process.
        consumer: ConsumerId,
    },
    /// The process was killed, without a word to the coordinator.
    ConsumerCrashed {
        /// The process.
        consumer: ConsumerId,
    },
    /// Every thread of the process stands still.
    ConsumerFrozen {
        /// The process.
        consumer: ConsumerId,
    },
    /// A frozen process goes on.
    ConsumerThawed {
        /// The process.
        consumer: ConsumerId,
    },
    /// The network of the process was cut (`connected: false`) or mended.
    ConsumerConnected {
        /// The process.
        consumer: ConsumerId,
        /// Whether messages pass.
        connected: bool,
    },
    /// The poll loop stands still; heartbeats go on.
    ConsumerStalled {
        /// The process.
        consumer: ConsumerId,
    },
    /// A stalled poll loop goes on.
    ConsumerResumed {
        /// The process.
        consumer: ConsumerId,
    },
    /// `close()` was called.
    ConsumerClosing {
        /// The process.
        consumer: ConsumerId,
    },
    /// `close()` returned and the process exited.
    ConsumerClosed {
        /// The process.
        consumer: ConsumerId,
    },
    /// `poll()` threw: the client is dead (for instance `FencedInstanceIdException`).
    ConsumerFailed {
        /// The process.
        consumer: ConsumerId,
        /// Simple name of the Java exception.
        error: &'static str,
    },
    /// The time between two `poll()`s exceeded `max.poll.interval.ms`; the client leaves the group by itself.
    PollDeadlineExceeded {
        /// The process.
        consumer: ConsumerId,
    },

    // ---- the member's side of the protocol ----
    /// The client decided to rejoin.
    RejoinRequested {
        /// The process.
        consumer: ConsumerId,
        /// Why, in short.
        reason: &'static str,
    },
    /// JoinGroup was sent.
    Joining {
        /// The process.
        consumer: ConsumerId,
    },
    /// A successful JoinGroup answer was handled.
    Joined {
        /// The process.
        consumer: ConsumerId,
        /// The generation.
        generation: i32,
    },
    /// A successful SyncGroup answer was handled.
    Synced {
        /// The process.
        consumer: ConsumerId,
        /// The generation.
        generation: i32,
    },
    /// A rebalance listener's callback was entered.
    CallbackStarted {
        /// The process.
        consumer: ConsumerId,
        /// Which callback.
        kind: CallbackKind,
        /// Its argument.
        partitions: Partitions,
        /// Generation of the member at entry; -1 when it has none.
        generation: i32,
        /// The member's id at entry.
        member_id: MemberId,
    },
    /// The callback returned.
    CallbackEnded {
        /// The process.
        consumer: ConsumerId,
        /// Which callback.
        kind: CallbackKind,
    },
    /// A commit was refused by the coordinator or given up by the client.
    CommitFailed {
        /// The process.
        consumer: ConsumerId,
        /// Kafka's error name.
        error: &'static str,
    },

    // ---- one partition of one member ----
    /// The assignment with this partition was installed in the client.
    Assigned {
        /// The process.
        consumer: ConsumerId,
        /// The partition.
        partition: TopicPartition,
    },
    /// The client knows from which offset to read.
    PositionKnown {
        /// The process.
        consumer: ConsumerId,
        /// The partition.
        partition: TopicPartition,
        /// The first offset it will read.
        offset: u64,
    },
    /// The owner can process the partition: assigned callback over, position known, one fetch round trip passed.
    Serving {
        /// The process.
        consumer: ConsumerId,
        /// The partition.
        partition: TopicPartition,
        /// Records produced so far.
        log_end: u64,
    },
    /// The owner may return no more records of the partition, or cannot.
    Released {
        /// The process.
        consumer: ConsumerId,
        /// The partition.
        partition: TopicPartition,
        /// Why.
        why: ReleaseReason,
        /// Records produced so far.
        log_end: u64,
    },
    /// The new owner began to restore state for the partition; it may not process before [`Observation::RestoreEnded`].
    RestoreStarted {
        /// The process.
        consumer: ConsumerId,
        /// The partition.
        partition: TopicPartition,
    },
    /// The state of the partition is restored.
    RestoreEnded {
        /// The process.
        consumer: ConsumerId,
        /// The partition.
        partition: TopicPartition,
    },
    /// The first non-empty poll after an assignment: first and last offset for each newly assigned partition in it.
    FirstBatch {
        /// The process.
        consumer: ConsumerId,
        /// First and last offset by partition.
        offsets: Arc<[(TopicPartition, u64, u64)]>,
    },

    /// Records were handed to the application: from, to (exclusive) for each partition. Only when the run is asked to
    /// observe polls, as it is when a recording is imitated.
    Polled {
        /// The process.
        consumer: ConsumerId,
        /// Offsets by partition.
        offsets: Arc<[(TopicPartition, u64, u64)]>,
    },

    /// The application begins to process what `poll()` returned, after a commit where it commits first. Only when the run is asked to
    /// observe polls.
    BatchStarted {
        /// The process.
        consumer: ConsumerId,
    },
    /// Records that were fetched and not yet returned by `poll()` were dropped with their partitions. Only when the run is asked to
    /// observe polls.
    PrefetchDropped {
        /// The process.
        consumer: ConsumerId,
        /// From, to (exclusive) by partition.
        offsets: Arc<[(TopicPartition, u64, u64)]>,
    },
    /// The coordinator stored committed offsets. Only when the run is asked to observe polls.
    OffsetsCommitted {
        /// The group.
        group: GroupId,
        /// Offsets by partition.
        offsets: Arc<[(TopicPartition, u64)]>,
    },

    // ---- the script ----
    /// An action of the scenario took effect.
    Action {
        /// Position in the scenario's `events`.
        event: u32,
        /// The verb.
        verb: &'static str,
        /// The process it was done to.
        consumer: Option<ConsumerId>,
    },
    /// A topic got more partitions.
    PartitionsAdded {
        /// The topic.
        topic: TopicId,
        /// Partitions until now.
        before: u32,
        /// Partitions from now on.
        partitions: u32,
    },
}

/// State of one partition in one group at one instant of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// The group.
    pub group: GroupId,
    /// The partition.
    pub partition: TopicPartition,
    /// Records produced so far.
    pub log_end: u64,
    /// Offset after the last record processed for the first time, in offset order.
    pub processed: u64,
    /// Committed offset; `None` when there is none.
    pub committed: Option<u64>,
    /// When the oldest record not yet processed was due; `None` when there is none.
    pub oldest_due: Option<SimTime>,
}

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
    /// The grid, sorted by time, group, partition.
    pub samples: Vec<Sample>,
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
