//! What a ScaledObject is told (`scaledobject_types.go`, `kafka_scaler.go: kafkaMetadata`), and the HPA that is made of it.

use super::Seen;
use crate::kernel::SimDuration;
use crate::platform::hpa::{Behavior, HpaSpec, Metric, ResourceName, Source, Target};

/// `ScaledObjectSpec` with its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledObjectSpec {
    /// `pollingInterval`; default 30 s.
    pub polling_interval: SimDuration,
    /// `cooldownPeriod`; default 300 s.
    pub cooldown: SimDuration,
    /// `initialCooldownPeriod`; default 0.
    pub initial_cooldown: SimDuration,
    /// `idleReplicaCount`
    pub idle_replicas: Option<i32>,
    /// `minReplicaCount`; default 0.
    pub min_replicas: i32,
    /// `maxReplicaCount`; default 100.
    pub max_replicas: i32,
    /// `advanced.horizontalPodAutoscalerConfig.behavior`, completed as the API server completes the HPA's.
    pub behavior: Option<Behavior>,
    /// `fallback`
    pub fallback: Option<Fallback>,
    /// `triggers`
    pub triggers: Vec<Trigger>,
}

/// One of `triggers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its type and metadata.
    pub kind: TriggerKind,
    /// `useCachedMetrics`
    pub use_cached_metrics: bool,
}

/// Types of triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    /// `kafka`, `apache-kafka`
    Kafka(KafkaTrigger),
    /// `cpu`, `memory`: a metric of the generated HPA and nothing else.
    Resource(Metric),
}

/// Metadata of a Kafka trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaTrigger {
    /// `consumerGroup`; `None`: not given.
    pub group: Option<String>,
    /// `topic`; `None`: all for which the group has offsets.
    pub topic: Option<String>,
    /// `partitionLimitation`; `None`: all.
    pub partitions: Option<Vec<u32>>,
    /// `lagThreshold`
    pub lag_threshold: i64,
    /// `activationLagThreshold`
    pub activation_lag_threshold: i64,
    /// `offsetResetPolicy`
    pub offset_reset: OffsetResetPolicy,
    /// `allowIdleConsumers`
    pub allow_idle_consumers: bool,
    /// `scaleToZeroOnInvalidOffset`
    pub scale_to_zero_on_invalid_offset: bool,
    /// `excludePersistentLag`
    pub exclude_persistent_lag: bool,
    /// `limitToPartitionsWithLag`
    pub limit_to_partitions_with_lag: bool,
    /// `ensureEvenDistributionOfPartitions`
    pub ensure_even_distribution: bool,
    /// `metricType`
    pub value_kind: ValueKind,
}

impl Default for KafkaTrigger {
    fn default() -> Self {
        Self {
            group: None,
            topic: None,
            partitions: None,
            lag_threshold: 10,
            activation_lag_threshold: 0,
            offset_reset: OffsetResetPolicy::Latest,
            allow_idle_consumers: false,
            scale_to_zero_on_invalid_offset: false,
            exclude_persistent_lag: false,
            limit_to_partitions_with_lag: false,
            ensure_even_distribution: false,
            value_kind: ValueKind::AverageValue,
        }
    }
}

/// `offsetResetPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetResetPolicy {
    /// A partition without committed offset has a lag of 1.
    Latest,
    /// It has a lag of all its records.
    Earliest,
}

/// `metricType` of a trigger whose metric comes from KEDA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// For each pod.
    AverageValue,
    /// Altogether.
    Value,
}

/// `fallback`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// `failureThreshold`: it takes more failures than this.
    pub failure_threshold: u32,
    /// `replicas`
    pub replicas: i32,
    /// `behavior`
    pub behavior: FallbackBehavior,
}

/// `fallback.behavior`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// `fallback.replicas`
    Static,
    /// As many as there are.
    CurrentReplicas,
    /// The higher of the two.
    CurrentReplicasIfHigher,
    /// The lower of the two.
    CurrentReplicasIfLower,
}

impl Fallback {
    /// `doFallback`: a metric in thousandths that makes the HPA ask for the replicas; `None` when no pod is ready to divide
    /// them by.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "doubles as in the original, of small whole numbers, cut to a whole number at the end"
    )]
    pub(super) fn metric(self, trigger: &KafkaTrigger, seen: Seen) -> Option<i64> {
        let replicas = match self.behavior {
            FallbackBehavior::Static => self.replicas,
            FallbackBehavior::CurrentReplicas => seen.current,
            FallbackBehavior::CurrentReplicasIfHigher => seen.current.max(self.replicas),
            FallbackBehavior::CurrentReplicasIfLower => seen.current.min(self.replicas),
        };
        let mut replicas = f64::from(replicas);
        if trigger.value_kind == ValueKind::Value {
            if seen.ready == 0 {
                return None;
            }
            replicas /= f64::from(seen.ready);
        }
        Some((trigger.lag_threshold as f64 * 1000.0 * replicas) as i64)
    }
}

impl ScaledObjectSpec {
    /// The defaults, without triggers.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            polling_interval: SimDuration::from_secs(30),
            cooldown: SimDuration::from_secs(300),
            initial_cooldown: SimDuration::ZERO,
            idle_replicas: None,
            min_replicas: 0,
            max_replicas: 100,
            behavior: None,
            fallback: None,
            triggers: Vec::new(),
        }
    }

    /// Positions of the triggers in the order of the generated HPA's metrics: by the name of the metric's kind, otherwise as
    /// they stand.
    #[must_use]
    pub fn metric_order(&self) -> Vec<usize> {
        let rank = |index: &usize| match &self.triggers[*index].kind {
            TriggerKind::Resource(metric) => match metric.source {
                Source::ContainerResource(..) => 0,
                Source::External { .. } => 1,
                Source::Pods(_) => 2,
                Source::Resource(ResourceName::Cpu | ResourceName::Memory) => 3,
            },
            TriggerKind::Kafka(_) => 1,
        };
        let mut order: Vec<usize> = (0..self.triggers.len()).collect();
        order.sort_by_key(rank);
        order
    }

    /// The HPA that KEDA makes of it (`newHPAForScaledObject`).
    #[must_use]
    pub fn hpa(&self) -> HpaSpec {
        let metric = |index: usize| match &self.triggers[index].kind {
            TriggerKind::Resource(metric) => metric.clone(),
            TriggerKind::Kafka(trigger) => trigger.metric(index),
        };
        HpaSpec {
            min_replicas: self.min_replicas.max(1),
            max_replicas: self.max_replicas,
            metrics: self.metric_order().into_iter().map(metric).collect(),
            behavior: self.behavior.clone(),
        }
    }
}

impl Default for ScaledObjectSpec {
    fn default() -> Self {
        Self::new()
    }
}

impl KafkaTrigger {
    /// `GetMetricSpecForScaling`
    fn metric(&self, index: usize) -> Metric {
        let threshold = self.lag_threshold.saturating_mul(1_000);
        let name = match (&self.topic, &self.group) {
            (Some(topic), _) => format!("kafka-{topic}"),
            (None, Some(group)) => format!("kafka-{group}-topics"),
            (None, None) => "kafka-topics".to_owned(),
        };
        let name: String = name
            .chars()
            .map(|c| {
                if matches!(c, '/' | '.' | ':' | '%') {
                    '-'
                } else {
                    c
                }
            })
            .collect();
        Metric {
            source: Source::External {
                metric: format!("s{index}-{name}"),
                selector: Vec::new(),
            },
            target: match self.value_kind {
                ValueKind::AverageValue => Target::AverageValue(threshold),
                ValueKind::Value => Target::Value(threshold),
            },
        }
    }
}
