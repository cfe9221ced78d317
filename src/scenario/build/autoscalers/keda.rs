//! KEDA's ScaledObjectSpec: defaults, and what its webhook and its scalers refuse.

use super::hpa::{Reader, whole};
use crate::kernel::SimDuration;
use crate::platform::hpa::{Metric, ResourceName, Source, Target};
use crate::platform::keda::{
    Fallback, FallbackBehavior, KafkaTrigger, OffsetResetPolicy, ScaledObjectSpec, Trigger,
    TriggerKind, ValueKind,
};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::shape::{Item, Pair};

/// Keys of a trigger's metadata that only Kafka's has.
const RESOURCE_KEYS: [&str; 2] = ["value", "containerName"];
/// Partitions that a limitation may name.
const PARTITIONS_MAX: u32 = 200_000;

impl Reader<'_> {
    /// The spec at `item`; `None` when something that it cannot do without is wrong.
    pub(in crate::scenario) fn scaled_object(&mut self, item: &Item) -> Option<ScaledObjectSpec> {
        let seconds = |key, default| {
            let number = item.get(key).and_then(Item::integer);
            number.map_or(default, SimDuration::from_secs)
        };
        let count = |key| item.get(key).and_then(Item::integer).map(whole);
        let defaults = ScaledObjectSpec::new();
        let given = item.get("triggers")?.items();
        let mut spec = ScaledObjectSpec {
            polling_interval: seconds("pollingInterval", defaults.polling_interval),
            cooldown: seconds("cooldownPeriod", defaults.cooldown),
            initial_cooldown: seconds("initialCooldownPeriod", defaults.initial_cooldown),
            idle_replicas: count("idleReplicaCount"),
            min_replicas: count("minReplicaCount").unwrap_or(defaults.min_replicas),
            max_replicas: count("maxReplicaCount").unwrap_or(defaults.max_replicas),
            behavior: None,
            fallback: item.get("fallback").and_then(fallback),
            triggers: Vec::new(),
        };
        let config = item
            .get("advanced")
            .and_then(|advanced| advanced.get("horizontalPodAutoscalerConfig"));
        spec.behavior = config
            .and_then(|config| config.get("behavior"))
            .map(|item| self.behavior(item));
        spec.triggers = given.iter().filter_map(|item| self.trigger(item)).collect();
        self.counts(item, &spec);
        if given.is_empty() {
            let place = item.get("triggers")?;
            self.refuse(Code::Limit, place, "`triggers` must have at least one");
        }
        (spec.triggers.len() == given.len()).then_some(spec)
    }

    fn refuse(&mut self, code: Code, item: &Item, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, item.span, message));
    }

    /// What the webhook refuses of the counts.
    fn counts(&mut self, item: &Item, spec: &ScaledObjectSpec) {
        let (min, max) = (spec.min_replicas, spec.max_replicas);
        if min > max
            && let Some(place) = item.get("maxReplicaCount").or(item.get("minReplicaCount"))
        {
            let message = format!("maxReplicaCount, {max}, is below minReplicaCount, {min}");
            self.refuse(Code::Limit, place, message);
        }
        if let Some(idle) = spec.idle_replicas
            && idle >= min
            && let Some(place) = item.get("idleReplicaCount")
        {
            let message = format!("idleReplicaCount, {idle}, must be below minReplicaCount, {min}");
            self.refuse(Code::Limit, place, message);
        }
        let is_kafka = |trigger: &Trigger| matches!(trigger.kind, TriggerKind::Kafka(_));
        if let Some(place) = item.get("fallback")
            && !spec.triggers.is_empty()
            && !spec.triggers.iter().any(is_kafka)
        {
            let message = "`fallback` changes nothing beside cpu and memory triggers alone";
            self.refuse(Code::Exclusive, place, message);
        }
    }

    fn trigger(&mut self, item: &Item) -> Option<Trigger> {
        let kind = item.get("type")?;
        let metadata = item.get("metadata")?;
        let cached = item.get("useCachedMetrics");
        let metric_type = item.get("metricType");
        let kind = match kind.text()? {
            "kafka" | "apache-kafka" => {
                self.only(metadata, |key| !RESOURCE_KEYS.contains(&key), "kafka");
                TriggerKind::Kafka(self.kafka(metadata, metric_type)?)
            }
            word @ ("cpu" | "memory") => {
                if let Some(cached) = cached.filter(|cached| cached.is_true()) {
                    let message = "the HPA measures cpu and memory itself: nothing is cached";
                    self.refuse(Code::Exclusive, cached, message);
                }
                self.only(metadata, |key| RESOURCE_KEYS.contains(&key), word);
                let name = if word == "cpu" {
                    ResourceName::Cpu
                } else {
                    ResourceName::Memory
                };
                TriggerKind::Resource(self.resource(name, item, metadata)?)
            }
            other => {
                let message = format!("triggers of type {other} are not modelled");
                let finding = Diagnostic::error(Code::NotModelled, kind.span, message);
                self.found
                    .push(finding.help("kafka, apache-kafka, cpu and memory are"));
                return None;
            }
        };
        Some(Trigger {
            kind,
            use_cached_metrics: cached.is_some_and(Item::is_true),
        })
    }

    /// Refuses metadata that belongs to another type of trigger.
    fn only(&mut self, metadata: &Item, fits: impl Fn(&str) -> bool, kind: &str) {
        for pair in metadata.pairs().iter().filter(|pair| !fits(&pair.key)) {
            let message = format!("`{}` does not go with a trigger of type {kind}", pair.key);
            self.refuse(Code::Exclusive, &pair.item, message);
        }
    }

    /// `cpu_memory_scaler.go: parseResourceMetadata`
    fn resource(&mut self, name: ResourceName, item: &Item, metadata: &Item) -> Option<Metric> {
        let Some(value) = metadata.get("value") else {
            self.refuse(Code::MissingKey, metadata, "the trigger lacks `value`");
            return None;
        };
        let thousandths = value.quantity()?;
        let target = match item.get("metricType").and_then(Item::text) {
            Some("Utilization") if thousandths > 0 && thousandths % 1_000 == 0 => {
                Target::Utilization(whole(thousandths / 1_000))
            }
            Some("AverageValue") if thousandths > 0 => {
                Target::AverageValue(i64::try_from(thousandths).unwrap_or(i64::MAX))
            }
            Some("Utilization" | "AverageValue") => {
                let message =
                    "`value` must be above zero, and a whole number of percent for Utilization";
                self.refuse(Code::Limit, value, message);
                return None;
            }
            Some(_) | None => {
                let message =
                    "a cpu or memory trigger has `metricType` Utilization or AverageValue";
                self.refuse(Code::MissingKey, item, message);
                return None;
            }
        };
        let container = metadata.get("containerName").and_then(Item::text);
        let source = match container {
            Some(container) => Source::ContainerResource(name, container.to_owned()),
            None => Source::Resource(name),
        };
        Some(Metric { source, target })
    }

    /// `kafkaMetadata.Validate`
    fn kafka(&mut self, metadata: &Item, metric_type: Option<&Item>) -> Option<KafkaTrigger> {
        let text = |key| metadata.get(key).and_then(Item::text).map(str::to_owned);
        let lag_threshold = self.number(metadata, "lagThreshold", 1, 10)?;
        let activation = self.number(metadata, "activationLagThreshold", 0, 0)?;
        let partitions = match metadata.pair("partitionLimitation") {
            Some(pair) => self.partitions(pair)?,
            None => None,
        };
        let mut flag = |key: &str| self.flag(metadata.pair(key));
        let trigger = KafkaTrigger {
            group: text("consumerGroup"),
            topic: text("topic"),
            partitions: partitions.filter(|_| metadata.get("topic").is_some()),
            lag_threshold,
            activation_lag_threshold: activation,
            offset_reset: match metadata.get("offsetResetPolicy").and_then(Item::text) {
                Some("earliest") => OffsetResetPolicy::Earliest,
                Some(_) | None => OffsetResetPolicy::Latest,
            },
            allow_idle_consumers: flag("allowIdleConsumers"),
            scale_to_zero_on_invalid_offset: flag("scaleToZeroOnInvalidOffset"),
            exclude_persistent_lag: flag("excludePersistentLag"),
            limit_to_partitions_with_lag: flag("limitToPartitionsWithLag"),
            ensure_even_distribution: flag("ensureEvenDistributionOfPartitions"),
            value_kind: match metric_type.and_then(Item::text) {
                Some("Value") => ValueKind::Value,
                Some(_) | None => ValueKind::AverageValue,
            },
        };
        if let Some(place) = metric_type.filter(|kind| kind.text() == Some("Utilization")) {
            let message = "a kafka trigger has `metricType` AverageValue or Value";
            self.refuse(Code::Exclusive, place, message);
        }
        self.together(metadata, &trigger);
        Some(trigger)
    }

    /// Flags that exclude each other or need a topic.
    fn together(&mut self, metadata: &Item, trigger: &KafkaTrigger) {
        let limited = trigger.limit_to_partitions_with_lag;
        let even = trigger.ensure_even_distribution;
        let mut refuse = |key: &str, message: &str| {
            let place = metadata.get(key).unwrap_or(metadata);
            self.refuse(Code::Exclusive, place, message);
        };
        if limited && trigger.allow_idle_consumers {
            let message = "allowIdleConsumers and limitToPartitionsWithLag exclude each other";
            refuse("limitToPartitionsWithLag", message);
        }
        if limited && even {
            let message = "limitToPartitionsWithLag and ensureEvenDistributionOfPartitions exclude each other";
            refuse("limitToPartitionsWithLag", message);
        }
        if limited && trigger.topic.is_none() {
            refuse(
                "limitToPartitionsWithLag",
                "limitToPartitionsWithLag needs a `topic`",
            );
        }
        if even && trigger.topic.is_none() {
            let key = "ensureEvenDistributionOfPartitions";
            refuse(key, "ensureEvenDistributionOfPartitions needs a `topic`");
        }
        if trigger.topic.is_none() && metadata.get("partitionLimitation").is_some() {
            refuse(
                "partitionLimitation",
                "partitionLimitation changes nothing without a `topic`",
            );
        }
    }

    fn number(&mut self, metadata: &Item, key: &str, least: i64, default: i64) -> Option<i64> {
        let Some(item) = metadata.get(key) else {
            return Some(default);
        };
        let number = item.text()?.trim().parse::<i64>().ok();
        let number = number.filter(|number| (least..=i64::MAX / 1_000).contains(number));
        if number.is_none() {
            let message = format!("`{key}` must be a whole number of at least {least}, in quotes");
            self.refuse(Code::NotANumber, item, message);
        }
        number
    }

    /// `strconv.ParseBool`
    fn flag(&mut self, pair: Option<&Pair>) -> bool {
        let Some(pair) = pair else {
            return false;
        };
        match pair.item.text() {
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") | None => false,
            Some(_) => {
                let message = format!("`{}` must be \"true\" or \"false\"", pair.key);
                self.refuse(Code::NotABoolean, &pair.item, message);
                false
            }
        }
    }

    /// `parsePartitionLimitation`: `1,2,10-12`. Outer `None` when it is wrong, inner when it is blank.
    fn partitions(&mut self, pair: &Pair) -> Option<Option<Vec<u32>>> {
        let text = pair.item.text()?.trim();
        if text.is_empty() {
            return Some(None);
        }
        let number = |text: &str| {
            let number = text.trim().parse::<u32>().ok();
            number.filter(|number| *number < PARTITIONS_MAX)
        };
        let mut partitions = Vec::new();
        for part in text.split(',') {
            let range = match part.split_once('-') {
                Some((from, to)) => number(from).zip(number(to)),
                None => number(part).map(|number| (number, number)),
            };
            let Some((from, to)) = range else {
                let message = format!("`{}` is no partition and no range of them", part.trim());
                self.refuse(Code::NotANumber, &pair.item, message);
                return None;
            };
            partitions.extend(from..=to);
        }
        partitions.sort_unstable();
        partitions.dedup();
        Some(Some(partitions))
    }
}

fn fallback(item: &Item) -> Option<Fallback> {
    let count = |key| item.get(key).and_then(Item::integer);
    Some(Fallback {
        failure_threshold: u32::try_from(count("failureThreshold")?).unwrap_or(u32::MAX),
        replicas: whole(count("replicas")?),
        behavior: match item.get("behavior").and_then(Item::text) {
            Some("currentReplicas") => FallbackBehavior::CurrentReplicas,
            Some("currentReplicasIfHigher") => FallbackBehavior::CurrentReplicasIfHigher,
            Some("currentReplicasIfLower") => FallbackBehavior::CurrentReplicasIfLower,
            Some(_) | None => FallbackBehavior::Static,
        },
    })
}
