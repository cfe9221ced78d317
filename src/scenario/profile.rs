//! Version profiles: which Kafka release's defaults and behaviours apply. Data, plus behaviours asked for by name; nothing
//! else compares versions.

use std::sync::Arc;

use crate::assignor::{AssignorKind, ServerAssignorKind};
use crate::kernel::SimDuration;
use crate::kernel::words::natural;
use crate::protocol::config::{
    AsyncClient, BrokerConfig, ConsumerConfig, ConsumerGroupConfig, GroupMembershipOperation,
    GroupProtocol, MigrationPolicy, OffsetReset, SubscribedBy,
};
use crate::protocol::rules::Rules;

/// A Kafka release: major, minor. Text outside, so 4.10 is not 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16, pub u16);

impl Version {
    /// Reads `4.1` or `4.1.2` (patch releases share the profile of their minor release).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut part = || natural::<u16>(parts.next()?);
        let version = Self(part()?, part()?);
        let patch = parts
            .next()
            .is_none_or(|text| natural::<u16>(text).is_some());
        (patch && parts.next().is_none()).then_some(version)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a release does and presumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The first release that it is of.
    pub version: Version,
    /// Default of `session.timeout.ms` (KIP-735).
    pub session_timeout_ms: u64,
    /// Default of `partition.assignment.strategy` (KIP-726).
    pub assignors: &'static [AssignorKind],
    /// Retries back off exponentially up to `retry.backoff.max.ms` (KIP-580, 3.7); before, always `retry.backoff.ms`.
    pub exponential_backoff: bool,
    /// See [`ConsumerConfig::fetches_when_drained`] (4.0).
    pub fetches_when_drained: bool,
    /// See [`ConsumerConfig::says_generation`] (3.4, so with the profile of 3.9).
    pub says_generation: bool,
    /// `auto.offset.reset` takes `by_duration:` (KIP-1106, 4.0).
    pub offset_reset_by_duration: bool,
    /// `group.protocol: consumer` is generally available (KIP-848, 4.0), and refuses settings of the classic protocol.
    pub consumer_protocol: bool,
    /// Default of `group.consumer.assignment.interval.ms`: targets of the consumer protocol are computed at most once an interval
    /// (KIP-1263, 4.3); 0: at every bump.
    pub assignment_interval_ms: u64,
    /// Epoch of a consumer group to which the first member has come.
    pub first_group_epoch: i32,
    /// See [`ConsumerGroupConfig::keeps_epoch_after_revocation`] and what follows it there (4.2).
    pub reconciles_from_old_epoch: bool,
    /// See [`ConsumerGroupConfig::classic_members_follow_target`] and what follows it there (4.3).
    pub targets_lag: bool,
    /// See [`ConsumerGroupConfig::empty_groups_start_over`] and what follows it there (4.4).
    pub empty_groups_start_over: bool,
    /// Default of `group.consumer.regex.refresh.interval.ms` (4.1).
    pub regex_refresh_interval_ms: Option<u64>,
    /// See [`BrokerConfig::append_lingers`] (4.0, 4.1).
    pub append_lingers: bool,
    /// See [`AsyncClient::polls_asynchronously`] (4.2).
    pub polls_asynchronously: bool,
    /// `close()` takes `CloseOptions` (KIP-1092, 4.1).
    pub close_options: bool,
    /// A classic client reads `internal.leave.group.on.close` (until 4.1).
    pub leave_group_on_close_key: bool,
    /// See [`AsyncClient::renews_event_within_poll`] (4.4).
    pub renews_event_within_poll: bool,
    /// See [`AsyncClient::reconciles_in_background`] (4.0 to 4.2).
    pub reconciles_in_background: bool,
}

const RANGE: &[AssignorKind] = &[AssignorKind::Range];
const RANGE_COOPERATIVE: &[AssignorKind] = &[AssignorKind::Range, AssignorKind::CooperativeSticky];

const V2_3: Profile = Profile {
    version: Version(2, 3),
    session_timeout_ms: 10_000,
    assignors: RANGE,
    exponential_backoff: false,
    fetches_when_drained: false,
    says_generation: false,
    offset_reset_by_duration: false,
    consumer_protocol: false,
    assignment_interval_ms: 0,
    first_group_epoch: 1,
    reconciles_from_old_epoch: false,
    targets_lag: false,
    empty_groups_start_over: false,
    regex_refresh_interval_ms: None,
    append_lingers: false,
    polls_asynchronously: false,
    close_options: false,
    leave_group_on_close_key: true,
    renews_event_within_poll: false,
    reconciles_in_background: true,
};
const V3_0: Profile = Profile {
    version: Version(3, 0),
    session_timeout_ms: 45_000,
    assignors: RANGE_COOPERATIVE,
    ..V2_3
};
const V3_9: Profile = Profile {
    version: Version(3, 9),
    exponential_backoff: true,
    says_generation: true,
    ..V3_0
};
const V4_0: Profile = Profile {
    version: Version(4, 0),
    offset_reset_by_duration: true,
    fetches_when_drained: true,
    consumer_protocol: true,
    append_lingers: true,
    ..V3_9
};
const V4_1: Profile = Profile {
    version: Version(4, 1),
    regex_refresh_interval_ms: Some(600_000),
    close_options: true,
    ..V4_0
};
const V4_2: Profile = Profile {
    version: Version(4, 2),
    reconciles_from_old_epoch: true,
    append_lingers: false,
    polls_asynchronously: true,
    leave_group_on_close_key: false,
    ..V4_1
};
const V4_3: Profile = Profile {
    version: Version(4, 3),
    assignment_interval_ms: 1_000,
    first_group_epoch: 2,
    targets_lag: true,
    reconciles_in_background: false,
    ..V4_2
};
const V4_4: Profile = Profile {
    version: Version(4, 4),
    empty_groups_start_over: true,
    renews_event_within_poll: true,
    ..V4_3
};

/// All profiles, oldest first.
pub static PROFILES: [Profile; 8] = [V2_3, V3_0, V3_9, V4_0, V4_1, V4_2, V4_3, V4_4];

/// The first release with `cooperative-sticky` (KIP-429).
pub const COOPERATIVE_SINCE: Version = Version(2, 4);

/// The first release whose sticky assignors make one constrained pass (KAFKA-9987).
pub const QUICK_STICKY_SINCE: Version = Version(2, 6);

impl Profile {
    /// The newest.
    #[must_use]
    pub const fn newest() -> &'static Self {
        &PROFILES[PROFILES.len() - 1]
    }

    /// The profile of `version`: its own, or the next lower; `None` when older than the oldest or newer than the newest.
    #[must_use]
    pub fn of(version: Version) -> Option<&'static Self> {
        if version > Self::newest().version {
            return None;
        }
        PROFILES
            .iter()
            .rev()
            .find(|profile| profile.version <= version)
    }

    /// True when the coordinator may wait for more before it computes a target (KIP-1263).
    #[must_use]
    pub const fn batches_assignments(&self) -> bool {
        self.assignment_interval_ms > 0
    }

    /// The consumer's settings when nothing is set (`ConsumerConfig`).
    #[must_use]
    pub fn consumer(&self) -> ConsumerConfig {
        let backoff_max = if self.exponential_backoff { 1_000 } else { 100 };
        ConsumerConfig {
            subscribed_by: SubscribedBy::Names,
            group_protocol: GroupProtocol::Classic,
            group_remote_assignor: None,
            async_client: AsyncClient {
                polls_asynchronously: self.polls_asynchronously,
                renews_event_within_poll: self.renews_event_within_poll,
                reconciles_in_background: self.reconciles_in_background,
            },
            group_instance_id: None,
            client_rack: None,
            session_timeout: SimDuration::from_millis(self.session_timeout_ms),
            heartbeat_interval: SimDuration::from_millis(3_000),
            max_poll_interval: SimDuration::from_millis(300_000),
            max_poll_records: 500,
            assignors: Arc::from(self.assignors),
            enable_auto_commit: true,
            auto_commit_interval: SimDuration::from_millis(5_000),
            default_api_timeout: SimDuration::from_millis(60_000),
            auto_offset_reset: OffsetReset::Latest,
            fetch_min_bytes: 1,
            fetch_max_wait: SimDuration::from_millis(500),
            fetch_max_bytes: 52_428_800,
            max_partition_fetch_bytes: 1_048_576,
            retry_backoff: SimDuration::from_millis(100),
            retry_backoff_max: SimDuration::from_millis(backoff_max),
            reconnect_backoff: SimDuration::from_millis(50),
            reconnect_backoff_max: SimDuration::from_millis(1_000),
            request_timeout: SimDuration::from_millis(30_000),
            metadata_max_age: SimDuration::from_millis(300_000),
            fetches_when_drained: self.fetches_when_drained,
            says_generation: self.says_generation,
            on_close: GroupMembershipOperation::Default,
            rules: Rules::ALL,
        }
    }

    /// The broker's settings when nothing is set (`GroupCoordinatorConfig`).
    #[must_use]
    pub fn broker(&self) -> BrokerConfig {
        BrokerConfig {
            initial_rebalance_delay: SimDuration::from_millis(3_000),
            min_session_timeout: SimDuration::from_millis(6_000),
            max_session_timeout: SimDuration::from_millis(1_800_000),
            max_size: 2_147_483_647,
            append_lingers: self.append_lingers,
            consumer: ConsumerGroupConfig {
                session_timeout: SimDuration::from_millis(45_000),
                heartbeat_interval: SimDuration::from_millis(5_000),
                assignment_interval: SimDuration::from_millis(self.assignment_interval_ms),
                assignors: Arc::from(ServerAssignorKind::ALL),
                max_size: 2_147_483_647,
                migration_policy: MigrationPolicy::Bidirectional,
                first_epoch: self.first_group_epoch,
                keeps_epoch_after_revocation: self.reconciles_from_old_epoch,
                revokes_unsubscribed: self.reconciles_from_old_epoch,
                own_revocations_are_free: self.reconciles_from_old_epoch,
                classic_members_follow_target: self.targets_lag,
                commits_since_assignment: self.targets_lag,
                known_members_rejoin: self.reconciles_from_old_epoch,
                upgraded_groups_know_topics: self.reconciles_from_old_epoch,
                stale_downgrades_rebalance: self.targets_lag,
                empty_groups_start_over: self.empty_groups_start_over,
                preferred_assignor_bumps: self.empty_groups_start_over,
                static_members_have_room: self.empty_groups_start_over,
                disabled_policy_refuses_classic: self.empty_groups_start_over,
                regex_refresh_interval: self
                    .regex_refresh_interval_ms
                    .map(SimDuration::from_millis),
            },
            rules: Rules::ALL,
        }
    }
}
