//! What can happen: facts about the group, its processes, its members' side of the protocol, and single partitions.

use std::borrow::Cow;
use std::sync::Arc;

use super::platform::PlatformFact;
use super::words::{
    CallbackKind, ClientState, GroupState, MemberEpochState, RebalanceReason, ReleaseReason,
    RemovalReason,
};
use super::{Offsets, Partitions};
use crate::assignor::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition};

/// Something that happened. The order of entries is the order of happening, also at one instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    // ---- the coordinator ----
    /// A group changed state (a transition to the same state is not observed). A consumer group's state follows from its epochs
    /// and is observed when it is another one than before.
    GroupState {
        /// The group.
        group: GroupId,
        /// State before.
        from: GroupState,
        /// State after.
        to: GroupState,
        /// Generation in force after the transition; the group epoch of a consumer group.
        generation: i32,
        /// Why, when a rebalance begins (`to` is `PreparingRebalance`, or a consumer group leaves `Stable` or `Empty`).
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
    /// The coordinator of a classic group took a new member in.
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
    /// The coordinator of a consumer group took a new member in.
    MemberJoined {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
        /// Its id.
        member_id: MemberId,
        /// The protocol it speaks: `classic` or `consumer`.
        protocol: &'static str,
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
        /// The id of the leader, whose assignment the others wait for.
        leader: MemberId,
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
    /// The epoch of a consumer group was bumped.
    GroupEpoch {
        /// The group.
        group: GroupId,
        /// The new epoch.
        epoch: i32,
        /// Why.
        reason: RebalanceReason,
        /// Whose doing it was, when it was somebody's.
        by: Option<ConsumerId>,
    },
    /// The coordinator computed a target assignment for a consumer group.
    TargetAssignment {
        /// The group.
        group: GroupId,
        /// The epoch it is for.
        epoch: i32,
        /// Name of the assignor.
        assignor: &'static str,
        /// Who is to get what.
        assignment: Arc<[(ConsumerId, Partitions)]>,
    },
    /// The coordinator moved a member of a consumer group on towards its target.
    MemberEpoch {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
        /// Its id.
        member_id: MemberId,
        /// Its epoch.
        epoch: i32,
        /// Its epoch before.
        previous_epoch: i32,
        /// How far it is from its target.
        state: MemberEpochState,
        /// What it may use.
        assigned: Partitions,
        /// What it has to give up.
        pending_revocation: Partitions,
    },
    /// A static member of a consumer group left and may come back: it keeps its share (`member_epoch` -2).
    StaticMemberAway {
        /// The group.
        group: GroupId,
        /// The process.
        consumer: ConsumerId,
        /// Its id.
        member_id: MemberId,
        /// `group.instance.id`
        instance_id: Arc<str>,
    },
    /// The coordinator went away or came back (restart, move, roll).
    CoordinatorAvailable {
        /// The group.
        group: GroupId,
        /// False: from now on nobody answers for the group.
        available: bool,
        /// The broker that clients are sent to: while the group is not available, it loads it. `None`: no broker.
        broker: Option<u32>,
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
    /// The client of a consumer group went from one state to another.
    ClientTransition {
        /// The process.
        consumer: ConsumerId,
        /// State before.
        from: ClientState,
        /// State after.
        to: ClientState,
        /// Its member epoch.
        epoch: i32,
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

    // ---- single partitions of one member: each of the list on its own, in this order (see `Observation::singly`) ----
    /// The assignment with these partitions was installed in the client.
    Assigned {
        /// The process.
        consumer: ConsumerId,
        /// The partitions.
        partitions: Partitions,
    },
    /// The client knows from which offset to read.
    PositionKnown {
        /// The process.
        consumer: ConsumerId,
        /// The first offset it will read, by partition.
        offsets: Offsets,
    },
    /// The owner can process the partitions: assigned callback over, position known, one fetch round trip passed.
    Serving {
        /// The process.
        consumer: ConsumerId,
        /// Records produced so far, by partition.
        log_ends: Offsets,
    },
    /// The owner may return no more records of the partitions, or cannot.
    Released {
        /// The process.
        consumer: ConsumerId,
        /// Why.
        why: ReleaseReason,
        /// Records produced so far, by partition.
        log_ends: Offsets,
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
    /// A random fault befell somebody.
    Fault {
        /// Position in the scenario's `faults`.
        fault: u32,
        /// What it does: `crash`, `freeze`, `noisy`.
        verb: &'static str,
        /// The process; `None` when it is a node's or a neighbour's.
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

    // ---- the platform ----
    /// Something happened to pods, their controllers, autoscalers or nodes.
    Platform(PlatformFact),
}

impl Observation {
    /// The same as it is told of each partition alone, where it is told of single partitions; else itself.
    #[must_use]
    pub fn singly(&self) -> Vec<(Option<TopicPartition>, Cow<'_, Self>)> {
        let told = |list: &Offsets, single: &dyn Fn(Offsets) -> Self| {
            let alone = |one: &(TopicPartition, u64)| (Some(one.0), single(Arc::from([*one])));
            list.iter()
                .map(alone)
                .map(|(partition, single)| (partition, Cow::Owned(single)))
                .collect()
        };
        match self {
            Self::Assigned {
                consumer,
                partitions,
            } => {
                let alone = |&partition: &TopicPartition| {
                    let partitions = Arc::from([partition]);
                    let single = Self::Assigned {
                        consumer: *consumer,
                        partitions,
                    };
                    (Some(partition), Cow::Owned(single))
                };
                partitions.iter().map(alone).collect()
            }
            Self::PositionKnown { consumer, offsets } => {
                told(offsets, &|offsets| Self::PositionKnown {
                    consumer: *consumer,
                    offsets,
                })
            }
            Self::Serving { consumer, log_ends } => told(log_ends, &|log_ends| Self::Serving {
                consumer: *consumer,
                log_ends,
            }),
            Self::Released {
                consumer,
                why,
                log_ends,
            } => told(log_ends, &|log_ends| Self::Released {
                consumer: *consumer,
                why: *why,
                log_ends,
            }),
            _ => vec![(None, Cow::Borrowed(self))],
        }
    }

    /// True for steps of single partitions of one member.
    #[must_use]
    pub const fn is_of_single_partitions(&self) -> bool {
        matches!(
            self,
            Self::Assigned { .. }
                | Self::PositionKnown { .. }
                | Self::Serving { .. }
                | Self::Released { .. }
                | Self::RestoreStarted { .. }
                | Self::RestoreEnded { .. }
        )
    }

    /// True for an action of the scenario: an entry of `events`, or a fault.
    #[must_use]
    pub const fn is_action(&self) -> bool {
        matches!(self, Self::Action { .. } | Self::Fault { .. })
    }
}
