//! `autoscalers` and `kubernetes`: specs become machines' specs, names become things of the plan. [`hpa`] and [`keda`] read the
//! specs; here is what depends on other places of the scenario.

mod containers;
pub(in crate::scenario) mod hpa;
mod keda;
mod requests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::assignor::{GroupId, TopicId};
use crate::kernel::SimDuration;
use crate::kernel::words::{natural, ordinal};
use crate::metrics::Name;
use crate::platform::hpa::{self as machine, HpaSpec, Source, Tolerance};
use crate::platform::keda::{KafkaTrigger, ScaledObjectSpec, TriggerKind};
use crate::platform::threshold::ThresholdSpec;
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::node::Span;
use crate::scenario::plan::autoscaler::{Autoscaler, AutoscalerKind, LagKind, OffsetsOf, Series};
use crate::scenario::plan::platform::Kubernetes;
use crate::scenario::plan::{Plan, WorkloadId};
use crate::scenario::resolved;
use crate::scenario::shape::{Item, Pair};

use super::Builder;
use hpa::{Reader, whole};

/// Minor releases of Kubernetes whose autoscalers are modelled, oldest and newest.
const RELEASES: (u32, u32) = (30, 36);
/// metrics-server refuses to look more often.
const RESOLUTION_MIN: SimDuration = SimDuration::from_secs(10);

impl Builder<'_, '_> {
    /// `kubernetes`: release and flags, with their defaults.
    pub(super) fn kubernetes(&mut self, item: Option<&Item>) -> Kubernetes {
        let mut kubernetes = Kubernetes::default();
        let Some(item) = item else {
            return kubernetes;
        };
        if let Some(version) = item.get("version").filter(|version| !version.is_wrong()) {
            match version.text().and_then(minor) {
                Some(minor) => kubernetes.minor = minor,
                None => {
                    let (oldest, newest) = RELEASES;
                    let message = "this release of Kubernetes has no model";
                    let finding = Diagnostic::error(Code::UnknownRelease, version.span, message);
                    self.report(finding.help(format!("from \"1.{oldest}\" to \"1.{newest}\"")));
                }
            }
        }
        let defaults = kubernetes.hpa;
        let duration = |key, default| duration_or(item.get(key), default);
        kubernetes.hpa = machine::Controller {
            sync_period: duration("hpa_sync", defaults.sync_period),
            tolerance: item
                .get("tolerance")
                .and_then(Item::number)
                .unwrap_or(defaults.tolerance),
            downscale_stabilization: duration(
                "downscale_stabilization",
                defaults.downscale_stabilization,
            ),
            cpu_initialization: duration("cpu_initialization", defaults.cpu_initialization),
            initial_readiness_delay: duration(
                "initial_readiness_delay",
                defaults.initial_readiness_delay,
            ),
            comparison: Tolerance::of(kubernetes.minor),
        };
        kubernetes.metrics_resolution =
            duration("metrics_resolution", kubernetes.metrics_resolution);
        if kubernetes.hpa.sync_period.is_zero()
            && let Some(place) = item.get("hpa_sync")
        {
            self.error(Code::Limit, place, "`hpa_sync` must be longer than nothing");
        }
        if kubernetes.metrics_resolution < RESOLUTION_MIN
            && let Some(place) = item.get("metrics_resolution")
        {
            let message = "metrics-server refuses a resolution below 10s";
            self.error(Code::Limit, place, message);
        }
        kubernetes
    }

    /// `autoscalers`, by name. The workloads of `plan` must be there.
    pub(super) fn autoscalers(&mut self, item: Option<&Item>, plan: &Plan) -> Vec<Autoscaler> {
        let mut autoscalers = Vec::new();
        let mut targets: Vec<(WorkloadId, Span, &str)> = Vec::new();
        for pair in item.map(Item::pairs_by_name).unwrap_or_default() {
            let Some(place) = pair.item.get("target") else {
                continue;
            };
            let Some(target) = self.workload_named(place, &plan.platform.workloads) else {
                continue;
            };
            let taken = targets.iter().find(|(other, ..)| *other == target);
            if let Some((_, span, name)) = taken {
                let message = format!("`{name}` scales this workload already");
                let finding = Diagnostic::error(Code::Exclusive, place.span, message);
                self.report(
                    finding
                        .related(*span, "the other one")
                        .help("in Kubernetes both would stop (AmbiguousSelector) or fight; put all metrics into one"),
                );
            }
            targets.push((target, place.span, &pair.key));
            let kind = self.autoscaler(pair, target, plan);
            autoscalers.extend(kind.map(|kind| Autoscaler {
                name: pair.key.clone(),
                target,
                kind,
                pointer: format!("/autoscalers/{}", resolved::token(&pair.key)),
            }));
        }
        autoscalers
    }

    fn autoscaler(
        &mut self,
        pair: &Pair,
        target: WorkloadId,
        plan: &Plan,
    ) -> Option<AutoscalerKind> {
        let group = plan.platform.workloads[target.index()].group;
        let minor = plan.platform.kubernetes.minor;
        let mut reader = Reader {
            minor,
            found: self.found,
        };
        if let Some(item) = pair.item.get("hpa") {
            let spec = reader.hpa(item)?;
            self.hpa_containers(item, &spec, target, plan);
            self.hpa_requests(item, &spec, target, plan);
            let series = self.all_series(item, &spec, group, plan)?;
            return Some(AutoscalerKind::Hpa { spec, series });
        }
        if let Some(item) = pair.item.get("keda") {
            let spec = reader.scaled_object(item)?;
            self.keda_containers(item, &spec, target, plan);
            self.keda_requests(item, &spec, target, plan);
            self.initial_cooldown(item, target, plan);
            let offsets = self.all_offsets(item, &spec, group, plan)?;
            return Some(AutoscalerKind::Keda { spec, offsets });
        }
        let item = pair.item.get("threshold")?;
        let (spec, series) = self.threshold(item, group, plan)?;
        Some(AutoscalerKind::Threshold { spec, series })
    }

    /// KEDA counts it from the creation while nothing was ever active (`scaleToZeroOrIdle`); pods of a steady start were.
    fn initial_cooldown(&mut self, item: &Item, target: WorkloadId, plan: &Plan) {
        let workload = &plan.platform.workloads[target.index()];
        let was_active = !plan.groups[workload.group.index()].cold && workload.replicas > 0;
        if let Some(place) = item.get("initialCooldownPeriod").filter(|_| was_active) {
            let message = "`initialCooldownPeriod` changes nothing here: pods that are there from the beginning have been active until then, so `cooldownPeriod` counts; \
                           with `start: cold` in the group they have not";
            self.report(Diagnostic::note(Code::Ignored, place.span, message));
        }
    }

    /// The series of each metric of `spec`, which stands at `item`.
    fn all_series(
        &mut self,
        item: &Item,
        spec: &HpaSpec,
        group: GroupId,
        plan: &Plan,
    ) -> Option<Vec<Option<Series>>> {
        let places = item.get("metrics").map_or(&[][..], Item::items);
        let mut series = Vec::new();
        for (index, metric) in spec.metrics.iter().enumerate() {
            let Source::External { metric, selector } = &metric.source else {
                series.push(Some(None));
                continue;
            };
            let place = places.get(index)?.get("external")?.get("metric")?;
            let name = place.get("name")?;
            series.push(self.series(name, metric, selector, group, plan).map(Some));
        }
        // Every one of them is looked at before any that is wrong stops it.
        series.into_iter().collect()
    }

    /// The series called `name`, with the labels `given` beside those that are part of the name; without a group, that of the target.
    fn series(
        &mut self,
        place: &Item,
        name: &str,
        given: &[(String, String)],
        group: GroupId,
        plan: &Plan,
    ) -> Option<Series> {
        let help = "autoscalers watch lag_records or committed_lag_records";
        let mut name = match Name::parse(name) {
            Ok(name) => name,
            Err(error) => {
                let finding = Diagnostic::error(Code::Condition, place.span, error.message);
                self.report(finding.help(format!("{}; {help}", error.help)));
                return None;
            }
        };
        let lag = match name.metric.base {
            "lag_records" if name.aggregate.is_none() => LagKind::Processed,
            "committed_lag_records" if name.aggregate.is_none() => LagKind::Committed,
            other => {
                let message = format!("no autoscaler can watch `{other}`");
                let finding = Diagnostic::error(Code::Condition, place.span, message);
                self.report(finding.help(help));
                return None;
            }
        };
        let labels = Arc::make_mut(&mut name.labels);
        for (key, value) in given {
            match &**key {
                "group" => labels.group = Some(value.clone()),
                "topic" => labels.topic = Some(value.clone()),
                "partition" if ordinal::<u32>(value).is_some() => {
                    labels.partition = ordinal(value);
                }
                _ => {
                    let message = format!("no series has the label `{key}: {value}`");
                    let finding = Diagnostic::error(Code::Condition, place.span, message);
                    self.report(finding.help("labels are group, topic and partition"));
                    return None;
                }
            }
        }
        let group = match &name.labels.group {
            Some(name) => self.group_named(place, name, plan)?,
            None => group,
        };
        let topic = match &name.labels.topic {
            Some(name) => Some(self.topic_called(name, place, &plan.topics)?),
            None => None,
        };
        Some(Series {
            lag,
            group,
            topic,
            partition: name.labels.partition,
        })
    }

    /// Whose offsets each trigger of `spec`, which stands at `item`, asks for.
    fn all_offsets(
        &mut self,
        item: &Item,
        spec: &ScaledObjectSpec,
        group: GroupId,
        plan: &Plan,
    ) -> Option<Vec<Option<OffsetsOf>>> {
        let places = item.get("triggers")?.items();
        let mut offsets = Vec::new();
        for (trigger, place) in spec.triggers.iter().zip(places) {
            offsets.push(match &trigger.kind {
                TriggerKind::Resource(_) => Some(None),
                TriggerKind::Kafka(trigger) => {
                    let metadata = place.get("metadata")?;
                    self.offsets(metadata, trigger, group, plan).map(Some)
                }
            });
        }
        offsets.into_iter().collect()
    }

    fn offsets(
        &mut self,
        metadata: &Item,
        trigger: &KafkaTrigger,
        group: GroupId,
        plan: &Plan,
    ) -> Option<OffsetsOf> {
        let place = |key| metadata.get(key).unwrap_or(metadata);
        let group = match &trigger.group {
            Some(name) => self.group_named(place("consumerGroup"), name, plan)?,
            None => group,
        };
        let topics = match &trigger.topic {
            Some(name) => vec![self.topic_called(name, place("topic"), &plan.topics)?],
            None => subscribed(group, plan),
        };
        let most = topics
            .iter()
            .map(|topic| plan.topics[topic.index()].partitions);
        let most = most.max().unwrap_or(0);
        let beyond = trigger
            .partitions
            .iter()
            .flatten()
            .find(|number| **number >= most);
        if let Some(number) = beyond {
            let message = format!("the topic has no partition {number} at the start");
            self.error(Code::Partitions, place("partitionLimitation"), message);
        }
        Some(OffsetsOf { group, topics })
    }

    fn threshold(
        &mut self,
        item: &Item,
        group: GroupId,
        plan: &Plan,
    ) -> Option<(ThresholdSpec, Series)> {
        let count = |key, default| item.get(key).and_then(Item::integer).map_or(default, whole);
        let spec = ThresholdSpec {
            every: duration_or(item.get("every"), SimDuration::from_secs(60)),
            above: item.get("above")?.integer()?,
            below: item.get("below")?.integer()?,
            step: count("step", 1),
            min: count("min", 1),
            max: whole(item.get("max")?.integer()?),
            cooldown: duration_or(item.get("cooldown"), SimDuration::ZERO),
        };
        if spec.every.is_zero()
            && let Some(place) = item.get("every")
        {
            self.error(Code::Limit, place, "`every` must be longer than nothing");
        }
        if spec.below > spec.above {
            let message = "`below` lies above `above`: between the two it would step both ways";
            self.error(Code::Limit, item.get("below")?, message);
        }
        if spec.min > spec.max {
            self.error(Code::Limit, item.get("max")?, "`max` is below `min`");
        }
        let series = match item.get("metric") {
            Some(place) => self.series(place, place.text()?, &[], group, plan)?,
            None => Series {
                lag: LagKind::Processed,
                group,
                topic: None,
                partition: None,
            },
        };
        Some((spec, series))
    }
}

/// The topics to which a group's members subscribe.
fn subscribed(group: GroupId, plan: &Plan) -> Vec<TopicId> {
    let workloads = plan
        .platform
        .workloads
        .iter()
        .map(|workload| &workload.member);
    let members = plan.consumers.iter().map(|member| &**member);
    let members = members.chain(workloads);
    let mut topics: Vec<TopicId> = members
        .filter(|consumer| consumer.group == group)
        .flat_map(|consumer| consumer.topics.iter().copied())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// `1.34` is 34.
fn minor(version: &str) -> Option<u32> {
    let minor = version.trim_start_matches('v').strip_prefix("1.")?;
    let minor: u32 = natural(minor.split('.').next()?)?;
    (RELEASES.0..=RELEASES.1).contains(&minor).then_some(minor)
}
