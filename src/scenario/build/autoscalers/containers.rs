//! Metrics of single containers: whether the target's manifest has such a container, and whether anything is known of it.

use crate::platform::hpa::{HpaSpec, Source};
use crate::platform::keda::{ScaledObjectSpec, TriggerKind};
use crate::scenario::build::Builder;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::near::did_you_mean;
use crate::scenario::plan::{Plan, WorkloadId};
use crate::scenario::shape::Item;

impl Builder<'_, '_> {
    pub(super) fn hpa_containers(
        &mut self,
        item: &Item,
        spec: &HpaSpec,
        target: WorkloadId,
        plan: &Plan,
    ) {
        let places = item.get("metrics").map_or(&[][..], Item::items);
        for (metric, place) in spec.metrics.iter().zip(places) {
            let place = place.get("containerResource");
            let place = place.and_then(|place| place.get("container"));
            self.container(&metric.source, place, target, plan);
        }
    }

    pub(super) fn keda_containers(
        &mut self,
        item: &Item,
        spec: &ScaledObjectSpec,
        target: WorkloadId,
        plan: &Plan,
    ) {
        let places = item.get("triggers").map_or(&[][..], Item::items);
        for (trigger, place) in spec.triggers.iter().zip(places) {
            let TriggerKind::Resource(metric) = &trigger.kind else {
                continue;
            };
            let place = place.get("metadata");
            let place = place.and_then(|place| place.get("containerName"));
            self.container(&metric.source, place, target, plan);
        }
    }

    fn container(
        &mut self,
        source: &Source,
        place: Option<&Item>,
        target: WorkloadId,
        plan: &Plan,
    ) {
        let (Source::ContainerResource(_, name), Some(place)) = (source, place) else {
            return;
        };
        let workload = &plan.platform.workloads[target.index()];
        let containers = &workload.pod.containers;
        let Some(first) = containers.first().filter(|first| *first != name) else {
            return;
        };
        let finding = if containers.contains(name) {
            let message = format!("what the container `{name}` uses is not modelled");
            Diagnostic::error(Code::NotModelled, place.span, message)
                .help(format!("the consumers run in the first, `{first}`"))
        } else {
            let message = format!("the pods of `{}` have no container `{name}`", workload.name);
            let names = || containers.iter().map(String::as_str);
            Diagnostic::error(Code::UnknownWord, place.span, message)
                .help(format!("known: {}", containers.join(", ")))
                .maybe_help(did_you_mean(name, names()))
        };
        self.report(finding);
    }
}
