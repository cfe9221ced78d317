//! Settings of brokers and consumers, typed; Kafka's defaults by version profile.

use std::sync::Arc;

use super::rules::Rules;
use crate::assignor::AssignorKind;
use crate::kernel::SimDuration;

/// Broker settings that the classic coordinator reads (`GroupCoordinatorConfig`).
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
    /// Rules in force.
    pub rules: Rules,
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

/// Consumer settings (`ConsumerConfig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
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
    /// `metadata.max.age.ms`
    pub metadata_max_age: SimDuration,
    /// Rules in force.
    pub rules: Rules,
}

impl ConsumerConfig {
    /// True when every configured assignor supports COOPERATIVE (`ConsumerCoordinator` constructor).
    #[must_use]
    pub fn is_cooperative(&self) -> bool {
        self.assignors
            .iter()
            .all(|assignor| assignor.is_cooperative())
    }
}
