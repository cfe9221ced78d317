//! The Kafka scaler: lag of partitions, and the metric that is made of it (`kafka_scaler.go: getLagForPartition, getTotalLag`).

use std::collections::BTreeMap;

use super::spec::{KafkaTrigger, OffsetResetPolicy};

/// A partition as the brokers answer for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// Position of its topic, for telling partitions apart.
    pub topic: u32,
    /// Number.
    pub partition: u32,
    /// Committed offset of the group; `None`: it has none.
    pub committed: Option<u64>,
    /// Log end.
    pub end: u64,
}

/// What the scaler found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KafkaReading {
    /// What the HPA is told, in records.
    pub metric: i64,
    /// All lag, what stands still included: what decides about activity.
    pub lag: i64,
}

impl KafkaReading {
    /// More lag than `activationLagThreshold`.
    #[must_use]
    pub const fn is_active(self, trigger: &KafkaTrigger) -> bool {
        self.lag > trigger.activation_lag_threshold
    }
}

/// What a scaler remembers between calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaScaler {
    /// Committed offsets of the call before, for `excludePersistentLag`.
    previous: BTreeMap<(u32, u32), u64>,
}

impl KafkaScaler {
    /// One call: a poll of KEDA's, or a read of the HPA's that is not cached.
    pub fn read(&mut self, trigger: &KafkaTrigger, offsets: &[PartitionOffsets]) -> KafkaReading {
        let (mut total, mut lag, mut partitions, mut with_lag) = (0_i64, 0_i64, 0_i64, 0_i64);
        for offset in offsets {
            let limited = trigger.partitions.as_ref();
            if limited.is_some_and(|only| !only.contains(&offset.partition)) {
                continue;
            }
            let (scaling, all) = self.lag(trigger, *offset);
            total = total.saturating_add(scaling);
            lag = lag.saturating_add(all);
            partitions += 1;
            with_lag += i64::from(scaling > 0);
        }
        let metric = bounded(trigger, total, partitions, with_lag);
        KafkaReading { metric, lag }
    }

    /// Lag of one partition that counts for scaling, and for activity.
    fn lag(&mut self, trigger: &KafkaTrigger, offset: PartitionOffsets) -> (i64, i64) {
        let Some(committed) = offset.committed else {
            let lag = match (
                trigger.scale_to_zero_on_invalid_offset,
                trigger.offset_reset,
            ) {
                (true, _) => 0,
                (false, OffsetResetPolicy::Latest) => 1,
                (false, OffsetResetPolicy::Earliest) => signed(offset.end),
            };
            return (lag, lag);
        };
        let lag = signed(offset.end) - signed(committed);
        if trigger.exclude_persistent_lag {
            let partition = (offset.topic, offset.partition);
            if self.previous.insert(partition, committed) == Some(committed) {
                return (0, lag);
            }
        }
        (lag, lag)
    }
}

/// No more than what the partitions can use. The division cuts: up to one threshold more than the bound passes.
fn bounded(trigger: &KafkaTrigger, mut total: i64, partitions: i64, with_lag: i64) -> i64 {
    let threshold = trigger.lag_threshold;
    if trigger.allow_idle_consumers
        && !trigger.limit_to_partitions_with_lag
        && !trigger.ensure_even_distribution
    {
        return total;
    }
    if trigger.ensure_even_distribution {
        let enough =
            |divisor: &i64| partitions % divisor == 0 && divisor.saturating_mul(threshold) >= total;
        let divisor = (1..=partitions).find(enough).unwrap_or(partitions);
        total = divisor.saturating_mul(threshold);
    }
    let bound = if trigger.limit_to_partitions_with_lag {
        with_lag
    } else {
        partitions
    };
    if total / threshold.max(1) > bound {
        bound.saturating_mul(threshold)
    } else {
        total
    }
}

fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
