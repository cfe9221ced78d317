//! Requests and responses by their Kafka API names, reduced to the fields that decide anything.

use std::sync::Arc;

use super::config::SubscriptionPattern;
use crate::assignor::{AssignorKind, MemberId, ServerAssignorKind, TopicId, TopicPartition};
use crate::kernel::SimDuration;
use crate::timeline::Partitions;

/// Kafka's error codes (`org.apache.kafka.common.protocol.Errors`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// -1
    UnknownServerError,
    /// 0
    None,
    /// 14
    CoordinatorLoadInProgress,
    /// 15
    CoordinatorNotAvailable,
    /// 16
    NotCoordinator,
    /// 22
    IllegalGeneration,
    /// 23
    InconsistentGroupProtocol,
    /// 25
    UnknownMemberId,
    /// 26
    InvalidSessionTimeout,
    /// 27
    RebalanceInProgress,
    /// 42
    InvalidRequest,
    /// 69
    GroupIdNotFound,
    /// 79
    MemberIdRequired,
    /// 81
    GroupMaxSizeReached,
    /// 82
    FencedInstanceId,
    /// 110
    FencedMemberEpoch,
    /// 111
    UnreleasedInstanceId,
    /// 112
    UnsupportedAssignor,
    /// 113
    StaleMemberEpoch,
}

/// The errors upon which the coordinator is looked for again, as a pattern for a `match` that names all errors.
macro_rules! elsewhere {
    () => {
        $crate::protocol::message::ErrorCode::NotCoordinator
            | $crate::protocol::message::ErrorCode::CoordinatorNotAvailable
    };
}
pub(crate) use elsewhere;

impl ErrorCode {
    /// The coordinator is to be looked for again.
    #[must_use]
    pub const fn means_elsewhere(self) -> bool {
        matches!(self, elsewhere!())
    }

    /// The same request may succeed later (`RetriableException`).
    #[must_use]
    pub const fn is_retriable(self) -> bool {
        self.means_elsewhere() || matches!(self, Self::CoordinatorLoadInProgress)
    }

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownServerError => "UNKNOWN_SERVER_ERROR",
            Self::None => "NONE",
            Self::CoordinatorLoadInProgress => "COORDINATOR_LOAD_IN_PROGRESS",
            Self::CoordinatorNotAvailable => "COORDINATOR_NOT_AVAILABLE",
            Self::NotCoordinator => "NOT_COORDINATOR",
            Self::IllegalGeneration => "ILLEGAL_GENERATION",
            Self::InconsistentGroupProtocol => "INCONSISTENT_GROUP_PROTOCOL",
            Self::UnknownMemberId => "UNKNOWN_MEMBER_ID",
            Self::InvalidSessionTimeout => "INVALID_SESSION_TIMEOUT",
            Self::RebalanceInProgress => "REBALANCE_IN_PROGRESS",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::GroupIdNotFound => "GROUP_ID_NOT_FOUND",
            Self::MemberIdRequired => "MEMBER_ID_REQUIRED",
            Self::GroupMaxSizeReached => "GROUP_MAX_SIZE_REACHED",
            Self::FencedInstanceId => "FENCED_INSTANCE_ID",
            Self::FencedMemberEpoch => "FENCED_MEMBER_EPOCH",
            Self::UnreleasedInstanceId => "UNRELEASED_INSTANCE_ID",
            Self::UnsupportedAssignor => "UNSUPPORTED_ASSIGNOR",
            Self::StaleMemberEpoch => "STALE_MEMBER_EPOCH",
        }
    }
}

/// Names one request on its way, so that its answer finds back; unique within a replication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub u64);

/// What a member tells the leader about itself (`ConsumerProtocolSubscription`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Subscribed topics.
    pub topics: Vec<TopicId>,
    /// Partitions owned after the callbacks that precede the join.
    pub owned: Partitions,
    /// Generation in which they were assigned; -1 when none, and from clients before 3.4, which do not say.
    pub generation: i32,
    /// `client.rack`
    pub rack: Option<Arc<str>>,
    /// What the `sticky` assignor remembers: its last assignment and generation.
    pub sticky_memory: Option<(Partitions, i32)>,
}

/// `JoinGroupRequest`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupRequest {
    /// Empty when the member has none yet.
    pub member_id: MemberId,
    /// The id that the naming source gives to this process if the coordinator has to issue one. Not on Kafka's wire:
    /// there the broker draws it.
    pub proposed_member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// `session.timeout.ms`
    pub session_timeout: SimDuration,
    /// `max.poll.interval.ms`
    pub rebalance_timeout: SimDuration,
    /// Assignors in order of preference; for each the subscription bytes are `subscription`.
    pub assignors: Arc<[AssignorKind]>,
    /// The member's metadata.
    pub subscription: Arc<Subscription>,
    /// Why it joins; decides nothing, names the reason of the rebalance.
    pub cause: JoinCause,
}

/// Why a member sends JoinGroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JoinCause {
    /// First join, or a join as a new member.
    New,
    /// The group is rebalancing (heartbeat or sync answer said so).
    Rebalancing,
    /// Partitions were given up as the last assignment asked (cooperative).
    FollowUp,
    /// The leader's topics have other partitions than before.
    Metadata,
    /// The subscription changed.
    Subscription,
    /// After an error, or with a generation that was reset.
    Error,
}

/// One member in the answer to the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupMember {
    /// Its id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// Its metadata.
    pub subscription: Arc<Subscription>,
}

/// `JoinGroupResponse`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupResponse {
    /// Error, or none.
    pub error: ErrorCode,
    /// The generation; -1 with an error.
    pub generation: i32,
    /// The assignor in force.
    pub assignor: Option<AssignorKind>,
    /// The leader's id.
    pub leader: MemberId,
    /// The id of the addressee.
    pub member_id: MemberId,
    /// The leader must not compute an assignment (static leader that came back, KIP-814).
    pub skip_assignment: bool,
    /// All members in the coordinator's map order, for the leader; empty for others.
    pub members: Vec<JoinGroupMember>,
}

impl JoinGroupResponse {
    /// A refusal: no generation, nobody else.
    #[must_use]
    pub fn refused(error: ErrorCode, member_id: MemberId) -> Self {
        Self {
            error,
            generation: -1,
            assignor: None,
            leader: MemberId::unknown(),
            member_id,
            skip_assignment: false,
            members: Vec::new(),
        }
    }
}

/// `SyncGroupRequest`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroupRequest {
    /// The member's id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// Its generation.
    pub generation: i32,
    /// The assignor of the generation.
    pub assignor: AssignorKind,
    /// The leader's result; empty from others.
    pub assignments: Vec<(MemberId, Partitions)>,
}

/// `HeartbeatRequest`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// The member's id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// Its generation.
    pub generation: i32,
}

/// Why a member leaves by LeaveGroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaveCause {
    /// `close()` or `unsubscribe()`.
    Closed,
    /// `max.poll.interval.ms` exceeded.
    PollTimeout,
}

/// `LeaveGroupRequest` of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroupRequest {
    /// The member's id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// Why.
    pub cause: LeaveCause,
}

/// `OffsetCommitRequest`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitRequest {
    /// The member's id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// Its generation.
    pub generation: i32,
    /// Offset after the last record covered, by partition.
    pub offsets: Arc<[(TopicPartition, u64)]>,
}

/// `OffsetFetchRequest` for some partitions of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchRequest {
    /// Who asks, and its epoch (version 9). `None`: it does not say, as classic clients and those who are out of the group.
    pub member: Option<(MemberId, i32)>,
    /// The partitions.
    pub partitions: Vec<TopicPartition>,
}

/// `ConsumerGroupHeartbeatRequest` (KIP-848): join, sign of life, acknowledgement and leave in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupHeartbeatRequest {
    /// The member's id: a Uuid that the client made itself (KIP-1082).
    pub member_id: MemberId,
    /// [`JOIN_EPOCH`], [`LEAVE_EPOCH`], [`STATIC_LEAVE_EPOCH`], or the member's epoch.
    pub member_epoch: i32,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// `client.rack`; `None`: unchanged.
    pub rack: Option<Arc<str>>,
    /// `max.poll.interval.ms`; `None`: unchanged.
    pub rebalance_timeout: Option<SimDuration>,
    /// Subscribed topics; `None`: unchanged.
    pub topics: Option<Arc<[TopicId]>>,
    /// `SubscribedTopicRegex`; `None`: unchanged.
    pub pattern: Option<Arc<SubscriptionPattern>>,
    /// `group.remote.assignor`; `None`: unchanged, and at a join the broker's first.
    pub server_assignor: Option<ServerAssignorKind>,
    /// The partitions owned; `None`: unchanged.
    pub owned: Option<Partitions>,
    /// Why it leaves. Not on Kafka's wire, decides nothing, names the reason of the rebalance.
    pub leave_cause: LeaveCause,
}

/// `ConsumerGroupHeartbeatRequest.JOIN_GROUP_MEMBER_EPOCH`
pub const JOIN_EPOCH: i32 = 0;
/// `ConsumerGroupHeartbeatRequest.LEAVE_GROUP_MEMBER_EPOCH`
pub const LEAVE_EPOCH: i32 = -1;
/// `ConsumerGroupHeartbeatRequest.LEAVE_GROUP_STATIC_MEMBER_EPOCH`: a static member leaves and may come back.
pub const STATIC_LEAVE_EPOCH: i32 = -2;

/// `ConsumerGroupHeartbeatResponse`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupHeartbeatResponse {
    /// Error, or none.
    pub error: ErrorCode,
    /// The member's epoch from now on.
    pub member_epoch: i32,
    /// `consumer.heartbeat.interval.ms` of the group.
    pub heartbeat_interval: SimDuration,
    /// What the member may use now; `None`: unchanged.
    pub assignment: Option<Partitions>,
}

/// A request to the group coordinator about membership or offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Join or rejoin.
    JoinGroup(JoinGroupRequest),
    /// Ask for (and as the leader bring) the assignment.
    SyncGroup(SyncGroupRequest),
    /// Sign of life.
    Heartbeat(HeartbeatRequest),
    /// Leave.
    LeaveGroup(LeaveGroupRequest),
    /// Commit offsets.
    OffsetCommit(OffsetCommitRequest),
    /// Everything about membership in the consumer protocol.
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest),
}

/// The coordinator's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// To JoinGroup.
    JoinGroup(JoinGroupResponse),
    /// To SyncGroup: the assignment.
    SyncGroup(Result<Partitions, ErrorCode>),
    /// To Heartbeat.
    Heartbeat(ErrorCode),
    /// To LeaveGroup.
    LeaveGroup(ErrorCode),
    /// To OffsetCommit.
    OffsetCommit(ErrorCode),
    /// To ConsumerGroupHeartbeat.
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
}

impl Response {
    /// The answer of the same kind that sends the client to look for the coordinator.
    #[must_use]
    pub fn not_coordinator(self) -> Self {
        let error = ErrorCode::NotCoordinator;
        match self {
            Self::JoinGroup(answer) => Self::JoinGroup(JoinGroupResponse { error, ..answer }),
            Self::SyncGroup(_) => Self::SyncGroup(Err(error)),
            Self::Heartbeat(_) => Self::Heartbeat(error),
            Self::LeaveGroup(_) => Self::LeaveGroup(error),
            Self::OffsetCommit(_) => Self::OffsetCommit(error),
            Self::ConsumerGroupHeartbeat(answer) => {
                Self::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse { error, ..answer })
            }
        }
    }
}
