//! Settings of brokers and consumers, typed; Kafka's defaults by version profile.

use std::sync::Arc;

use super::rules::{Rule, Rules};
use crate::assignor::{AssignorKind, ServerAssignorKind, TopicId};
use crate::kernel::SimDuration;

/// Clients count whole milliseconds (`Time.milliseconds`): no wait of theirs is shorter, unless there is none, and where nothing else slows a loop down each pass takes
/// one here.
pub const CLIENT_TICK: SimDuration = SimDuration::from_millis(1);

/// `group.protocol`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupProtocol {
    /// JoinGroup, SyncGroup, Heartbeat.
    Classic,
    /// ConsumerGroupHeartbeat (KIP-848).
    Consumer,
}

/// `group.consumer.migration.policy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MigrationPolicy {
    /// Groups change their protocol only when they are empty.
    Disabled,
    /// A classic group becomes a consumer group when a member of that protocol joins.
    Upgrade,
    /// A consumer group becomes a classic group when the last member of the consumer protocol leaves.
    Downgrade,
    /// Both.
    Bidirectional,
}

impl MigrationPolicy {
    /// True when a classic group with members may become a consumer group (`isUpgradeEnabled`).
    #[must_use]
    pub const fn upgrades(self) -> bool {
        matches!(self, Self::Upgrade | Self::Bidirectional)
    }

    /// True when a consumer group may become a classic one (`isDowngradeEnabled`).
    #[must_use]
    pub const fn downgrades(self) -> bool {
        matches!(self, Self::Downgrade | Self::Bidirectional)
    }
}

/// What the coordinator of a consumer group reads: broker settings, the group's own (`GroupConfig`) in their place, and the behaviours
/// of the broker's release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupConfig {
    /// `consumer.session.timeout.ms`, else `group.consumer.session.timeout.ms`
    pub session_timeout: SimDuration,
    /// `consumer.heartbeat.interval.ms`, else `group.consumer.heartbeat.interval.ms`
    pub heartbeat_interval: SimDuration,
    /// `consumer.assignment.interval.ms`, else `group.consumer.assignment.interval.ms` (KIP-1263): a new target is computed when this long
    /// has passed since the last; zero: at every bump.
    pub assignment_interval: SimDuration,
    /// `group.consumer.assignors`, the default first.
    pub assignors: Arc<[ServerAssignorKind]>,
    /// `group.consumer.max.size`
    pub max_size: u32,
    /// `group.consumer.migration.policy`
    pub migration_policy: MigrationPolicy,
    /// The epoch of a group to which the first member has come.
    pub first_epoch: i32,
    /// A member that has given up partitions goes on from its old epoch (KAFKA-19974, 4.2), not from the one after it.
    pub keeps_epoch_after_revocation: bool,
    /// Partitions of a topic that a member unsubscribes from are to be given up at once, whatever its target says (KAFKA-19431).
    pub revokes_unsubscribed: bool,
    /// A partition that its own member has to give up counts as free for that member when the target gives it back (KAFKA-19449, 4.2).
    pub own_revocations_are_free: bool,
    /// A member that speaks the classic protocol is called to join again when there is a new target, not when the group's epoch is bumped
    /// (KAFKA-20272, 4.3).
    pub classic_members_follow_target: bool,
    /// A commit of an older epoch is accepted for partitions that the member has held since then (KIP-1251, 4.3), not refused as stale.
    pub commits_since_assignment: bool,
    /// A dynamic member that the coordinator still knows may join anew with epoch 0 (KAFKA-19233, 4.2); before, it is fenced until its session is over.
    pub known_members_rejoin: bool,
    /// A classic group that becomes one of the consumer protocol knows the topics of its members (4.2), so that a static member which brings nothing new, and takes the
    /// place of itself, bumps no epoch; before, its topics are looked at for the first time by the next heartbeat, which bumps it.
    pub upgraded_groups_know_topics: bool,
    /// A group that becomes a classic one because a static member returns by that protocol rebalances if its target is not of its epoch (KAFKA-20273, 4.3),
    /// not only if that member subscribes to something else.
    pub stale_downgrades_rebalance: bool,
    /// When the last member goes the target is of the group's epoch and the assignment interval is over (KAFKA-20442, 4.4); before, the old target stays.
    pub empty_groups_start_over: bool,
    /// The group's epoch is bumped when another assignor is preferred than before (KAFKA-20434, 4.4).
    pub preferred_assignor_bumps: bool,
    /// A static member may return to a full group (KAFKA-20601, 4.4).
    pub static_members_have_room: bool,
    /// Under [`MigrationPolicy::Disabled`] no member of the classic protocol may join a consumer group (KAFKA-20640, 4.4, and patches of June 2026 to releases
    /// before it, which these profiles leave out).
    pub disabled_policy_refuses_classic: bool,
    /// `group.consumer.regex.refresh.interval.ms` (KAFKA-18961, 4.1): regular expressions are resolved anew when this has passed since the last time.
    pub regex_refresh_interval: Option<SimDuration>,
}

/// Broker settings that the coordinators read (`GroupCoordinatorConfig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `group.initial.rebalance.delay.ms`
    pub initial_rebalance_delay: SimDuration,
    /// `group.min.session.timeout.ms`
    pub min_session_timeout: SimDuration,
    /// `group.max.session.timeout.ms`
    pub max_session_timeout: SimDuration,
    /// `group.max.size`
    pub max_size: u32,
    /// The coordinator's log waits `group.coordinator.append.linger.ms` for more to append (the new coordinator before 4.2, where the linger adapts).
    pub append_lingers: bool,
    /// Of consumer groups.
    pub consumer: ConsumerGroupConfig,
    /// Rules in force.
    pub rules: Rules,
}

/// How the client of the consumer protocol (`AsyncKafkaConsumer`) of a release goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncClient {
    /// `poll()` hands its work to the background thread and waits for it in slices (`AsyncPollEvent`, 4.2): callbacks run one wake-up of the
    /// application later than where each `poll()` waits for the background thread (4.0, 4.1).
    pub polls_asynchronously: bool,
    /// Each pass of the loop inside `poll()` hands over a new event when the last is done (4.4, `checkInflightPoll`), not only each `poll()` (4.2, 4.3); and without
    /// a coordinator or a fetch on its way the application waits no longer than `retry.backoff.ms` (`maximumTimeToWait`).
    pub renews_event_within_poll: bool,
    /// Without automatic commits a reconciliation begins as soon as the assignment has come (4.0 to 4.2); since 4.3 only one that takes nothing away does, others
    /// wait for the next `poll()` (KAFKA-20106).
    pub reconciles_in_background: bool,
}

/// `auto.offset.reset`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OffsetReset {
    /// Start of the log.
    Earliest,
    /// End of the log.
    Latest,
    /// Throw `NoOffsetForPartitionException`.
    None,
    /// First record due at or after now minus this span (`by_duration:PT1H`).
    ByDuration(SimDuration),
}

/// What `close()` does about the membership (`CloseOptions.GroupMembershipOperation`, KIP-1092).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupMembershipOperation {
    /// Dynamic members leave. Static ones stay: with no word in the classic protocol, saying that they will be back in the other.
    #[default]
    Default,
    /// Static members leave for good, too.
    LeaveGroup,
    /// Dynamic members stay as well, with no word, until their session is over. Kafka Streams closes so.
    RemainInGroup,
}

/// How a consumer says which topics it wants (`SubscriptionState`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubscribedBy {
    /// `subscribe(Collection<String>)`
    #[default]
    Names,
    /// `subscribe(Pattern)`: the client looks through the topics of its metadata.
    Pattern,
    /// `subscribe(SubscriptionPattern)`: the coordinator looks through the topics of the cluster.
    SubscriptionPattern(Arc<SubscriptionPattern>),
}

impl SubscribedBy {
    /// The expression that the coordinator is sent.
    #[must_use]
    pub fn for_coordinator(&self) -> Option<&Arc<SubscriptionPattern>> {
        match self {
            Self::SubscriptionPattern(pattern) => Some(pattern),
            Self::Names | Self::Pattern => None,
        }
    }
}

/// A regular expression for the coordinator (`SubscriptionPattern`), and what it matches. Topics neither come nor go, so whoever has read it knows
/// already what the coordinator is going to find.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionPattern {
    /// The expression, RE2.
    pub text: Arc<str>,
    /// Topics whose whole name it matches.
    pub topics: Arc<[TopicId]>,
}

/// Consumer settings (`ConsumerConfig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// How it subscribes.
    pub subscribed_by: SubscribedBy,
    /// `group.protocol`
    pub group_protocol: GroupProtocol,
    /// `group.remote.assignor`
    pub group_remote_assignor: Option<ServerAssignorKind>,
    /// Steps of the consumer protocol's client in its release.
    pub async_client: AsyncClient,
    /// `group.instance.id`
    pub group_instance_id: Option<Arc<str>>,
    /// `client.rack`
    pub client_rack: Option<Arc<str>>,
    /// `session.timeout.ms`
    pub session_timeout: SimDuration,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: SimDuration,
    /// `max.poll.interval.ms`
    pub max_poll_interval: SimDuration,
    /// `max.poll.records`
    pub max_poll_records: u32,
    /// `partition.assignment.strategy`
    pub assignors: Arc<[AssignorKind]>,
    /// `enable.auto.commit`
    pub enable_auto_commit: bool,
    /// `auto.commit.interval.ms`
    pub auto_commit_interval: SimDuration,
    /// `default.api.timeout.ms`: how long `commitSync` goes on trying.
    pub default_api_timeout: SimDuration,
    /// `auto.offset.reset`
    pub auto_offset_reset: OffsetReset,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: u64,
    /// `fetch.max.wait.ms`
    pub fetch_max_wait: SimDuration,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: u64,
    /// `max.partition.fetch.bytes`
    pub max_partition_fetch_bytes: u64,
    /// `retry.backoff.ms`
    pub retry_backoff: SimDuration,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max: SimDuration,
    /// `reconnect.backoff.ms`
    pub reconnect_backoff: SimDuration,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max: SimDuration,
    /// `request.timeout.ms`
    pub request_timeout: SimDuration,
    /// `metadata.max.age.ms`
    pub metadata_max_age: SimDuration,
    /// No fetch goes to a broker of which records are still buffered (KAFKA-17182, 4.0); before, a partition is asked for as soon as nothing of it is buffered, and
    /// those of its broker that run dry meanwhile wait for that answer.
    pub fetches_when_drained: bool,
    /// A member says in its subscription of which generation it is (KIP-792, 3.4): no two of its JoinGroups are alike, and one that comes while assignments are awaited
    /// begins a new rebalance.
    pub says_generation: bool,
    /// What `close()` does about the membership.
    pub on_close: GroupMembershipOperation,
    /// Rules in force.
    pub rules: Rules,
}

impl ConsumerConfig {
    /// True when a member that closes is gone for good, as far as it has a say.
    #[must_use]
    pub fn leaves_for_good(&self) -> bool {
        match self.on_close {
            GroupMembershipOperation::Default => self.group_instance_id.is_none(),
            GroupMembershipOperation::LeaveGroup => true,
            GroupMembershipOperation::RemainInGroup => false,
        }
    }

    /// True when the coordinator hears nothing of a `close()` in the consumer protocol.
    #[must_use]
    pub fn stays_silently(&self) -> bool {
        self.on_close == GroupMembershipOperation::RemainInGroup && self.group_instance_id.is_none()
    }

    /// True when a fetch that finds nothing is answered before its time is over: a broker waits for records no longer than that.
    #[must_use]
    pub fn fetches_in_time(&self) -> bool {
        self.fetch_max_wait < self.request_timeout
    }

    /// True when no fetch goes to a broker of which records are still buffered.
    #[must_use]
    pub fn waits_for_the_buffer(&self) -> bool {
        self.fetches_when_drained && self.rules.hold(Rule::FetchWhenDrained)
    }

    /// True when every configured assignor supports COOPERATIVE (`ConsumerCoordinator` constructor).
    #[must_use]
    pub fn is_cooperative(&self) -> bool {
        self.assignors
            .iter()
            .all(|assignor| assignor.is_cooperative())
    }
}
