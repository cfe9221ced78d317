//! What a machine asks for: effects are data, pushed in order and applied in that order by the cluster.

use std::sync::Arc;

use super::message::{JoinGroupMember, OffsetCommitRequest, Request, RequestToken, Response};
use crate::assignor::{AssignorKind, MemberId, TopicPartition};
use crate::kernel::SimDuration;
use crate::timeline::{
    CallbackKind, GroupState, MemberEpochState, Observation, Partitions, RebalanceReason,
    RemovalReason,
};

/// Timers of a classic group's coordinator; arming a key again replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoordinatorTimer {
    /// Session (or new-member, or pending-member) timer of one member: `heartbeat-<group>-<member>`.
    Session(MemberId),
    /// End of the join phase or of an initial-delay window: `join-<group>`.
    Join,
    /// End of the sync phase: `sync-<group>`.
    Sync,
    /// A member of a consumer group has this long to give up partitions: `rebalance-timeout-<group>-<member>`.
    RebalanceTimeout(MemberId),
    /// A member of a consumer group that speaks the classic protocol has this long to join again: `join-<group>-<member>`.
    ClassicJoin(MemberId),
    /// A member of a consumer group that speaks the classic protocol has this long to sync: `sync-<group>-<member>`.
    ClassicSync(MemberId),
    /// Another thread looks through the topics for the regular expressions of a consumer group: `<group>-regex`. It is done as soon as it is asked.
    Patterns,
}

/// A write to the coordinator's log that a machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendToken(pub u64);

/// What the coordinator did that readers want to know. Same meaning as the observations of like name; members are
/// named by id, because a coordinator knows no processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorFact {
    /// See [`crate::timeline::Observation::GroupState`].
    GroupState {
        /// State before.
        from: GroupState,
        /// State after.
        to: GroupState,
        /// Generation after.
        generation: i32,
        /// Why, when a rebalance begins.
        reason: Option<RebalanceReason>,
        /// Whose doing.
        by: Option<MemberId>,
    },
    /// See [`crate::timeline::Observation::MemberIdIssued`].
    MemberIdIssued {
        /// The id.
        member_id: MemberId,
        /// State meanwhile.
        state: GroupState,
    },
    /// See [`crate::timeline::Observation::MemberAdded`].
    MemberAdded {
        /// The id.
        member_id: MemberId,
        /// State when it came.
        state: GroupState,
    },
    /// See [`crate::timeline::Observation::MemberJoined`].
    MemberJoined {
        /// The id.
        member_id: MemberId,
        /// The protocol it speaks: `classic` or `consumer`.
        protocol: &'static str,
    },
    /// See [`crate::timeline::Observation::StaticMemberReplaced`].
    StaticMemberReplaced {
        /// `group.instance.id`
        instance_id: Arc<str>,
        /// Id before.
        old: MemberId,
        /// Id after.
        new: MemberId,
    },
    /// See [`crate::timeline::Observation::MemberRemoved`].
    MemberRemoved {
        /// The id.
        member_id: MemberId,
        /// Why.
        why: RemovalReason,
    },
    /// See [`crate::timeline::Observation::MemberRejoined`].
    MemberRejoined {
        /// The id.
        member_id: MemberId,
    },
    /// See [`crate::timeline::Observation::JoinComplete`].
    JoinComplete {
        /// The new generation.
        generation: i32,
        /// The members in the coordinator's map order.
        members: Vec<MemberId>,
        /// The leader.
        leader: MemberId,
        /// The assignor in force.
        assignor: &'static str,
    },
    /// See [`crate::timeline::Observation::AssignmentReceived`]. Observed when the leader's SyncGroup arrives, where
    /// Kafka logs it; it is in force with the `GroupState` to `Stable` that follows the write, if the group has not moved
    /// on by then.
    AssignmentReceived {
        /// The generation.
        generation: i32,
        /// The leader.
        leader: MemberId,
        /// Who gets what, in the coordinator's map order.
        assignment: Vec<(MemberId, Arc<[TopicPartition]>)>,
    },
    /// See [`crate::timeline::Observation::GroupEpoch`].
    GroupEpoch {
        /// The new epoch.
        epoch: i32,
        /// Why it was bumped.
        reason: RebalanceReason,
        /// Whose doing.
        by: Option<MemberId>,
    },
    /// See [`crate::timeline::Observation::TargetAssignment`].
    TargetAssignment {
        /// The epoch it is for.
        epoch: i32,
        /// Name of the assignor.
        assignor: &'static str,
        /// Who is to get what, in order of member ids.
        assignment: Vec<(MemberId, Arc<[TopicPartition]>)>,
    },
    /// See [`crate::timeline::Observation::MemberEpoch`].
    MemberEpoch {
        /// The id.
        member_id: MemberId,
        /// Its epoch.
        epoch: i32,
        /// Its epoch before.
        previous_epoch: i32,
        /// How far it is from its target.
        state: MemberEpochState,
        /// What it may use.
        assigned: Arc<[TopicPartition]>,
        /// What it has to give up.
        pending_revocation: Arc<[TopicPartition]>,
    },
    /// See [`crate::timeline::Observation::StaticMemberAway`].
    StaticMemberAway {
        /// Its id.
        member_id: MemberId,
        /// `group.instance.id`
        instance_id: Arc<str>,
    },
}

/// An effect of a coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorEffect {
    /// Answer the request that came with the token.
    Reply {
        /// The request.
        to: RequestToken,
        /// The answer.
        response: Response,
    },
    /// Arm a timer, replacing an earlier arming of the same key.
    Arm {
        /// Which.
        timer: CoordinatorTimer,
        /// Fires this long from now.
        after: SimDuration,
    },
    /// Disarm a timer.
    Cancel(CoordinatorTimer),
    /// Append to the log; the machine is told by `on_appended` once it is committed.
    Append(AppendToken),
    /// These offsets are committed: the write of an accepted OffsetCommit is through. The reply follows.
    StoreOffsets {
        /// The request.
        to: RequestToken,
        /// Offset after the last record covered, by partition.
        offsets: Arc<[(TopicPartition, u64)]>,
    },
    /// Tell the readers.
    Observe(CoordinatorFact),
}

/// What a commit is for; decides who is told of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitPurpose {
    /// `auto.commit.interval.ms` passed.
    Periodic,
    /// Before a rejoin (`onJoinPrepare`).
    Rejoin,
    /// In `close()`.
    Close,
    /// `commitSync`: the application waits in it.
    Sync,
    /// `commitAsync`
    Async,
}

/// What the member asks its driver to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberEffect {
    /// Ask for cluster metadata now (`Metadata.requestUpdate`).
    RequestMetadata,
    /// Send to the group coordinator.
    Send(Request),
    /// Send this commit to the group coordinator and tell the member how it ended (`on_commit`).
    Commit(CommitPurpose, OffsetCommitRequest),
    /// Close the connection to the coordinator: what is on its way is lost (`ConsumerNetworkClient.disconnectAsync`). The member knows.
    Disconnect,
    /// The `commitSync` in which the application waits has returned, or thrown.
    CommitReturned {
        /// It has thrown: `CommitFailedException`, `TimeoutException` and the like. The offsets may be committed all the same.
        failed: bool,
    },
    /// Look for the coordinator; tell the member (`on_coordinator`).
    FindCoordinator,
    /// Run the assignor on these members; then tell the member (`on_assigned_by_leader`). Classic leaders only.
    Assign(AssignorKind, Vec<JoinGroupMember>),
    /// The leader of a group that stays as it is: do not assign, but watch the partitions of the members' topics; answer
    /// with `on_watching`.
    WatchMetadata(Vec<JoinGroupMember>),
    /// Return no more records of these partitions and fetch no more (`markPendingRevocation`).
    Suspend(Partitions),
    /// Have the application run the listener's callback; then tell the member (`on_callback_done`).
    Callback(CallbackKind, Partitions),
    /// The complete list of partitions assigned from now on.
    Install(Partitions),
    /// Tell the readers.
    Observe(Observation),
    /// The next return of `poll()` is this exception.
    Throw(&'static str),
    /// `close()` has nothing left to do for the group.
    Closed,
}

/// What the member needs to know of the records.
pub trait Positions {
    /// Offset after the last record returned by `poll()`, for each owned partition that has one.
    fn consumed(&self) -> Arc<[(TopicPartition, u64)]>;
}
