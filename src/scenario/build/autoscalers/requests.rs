//! Utilization is a share of what pods ask for: where they do not ask, an autoscaler never gets its metric (`GetResourceReplicas`: missing request).

use crate::platform::hpa::{HpaSpec, Metric, ResourceName, Source, Target};
use crate::platform::keda::{ScaledObjectSpec, TriggerKind};
use crate::scenario::build::Builder;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::plan::platform::Workload;
use crate::scenario::plan::{Plan, WorkloadId};
use crate::scenario::shape::Item;

impl Builder<'_, '_> {
    /// The metrics of an HPA that stands at `item`; the one that it has by default stands there itself.
    pub(super) fn hpa_requests(
        &mut self,
        item: &Item,
        spec: &HpaSpec,
        target: WorkloadId,
        plan: &Plan,
    ) {
        let workload = &plan.platform.workloads[target.index()];
        let places = item.get("metrics").map_or(&[][..], Item::items);
        for (index, metric) in spec.metrics.iter().enumerate() {
            self.request(metric, places.get(index).unwrap_or(item), workload);
        }
    }

    /// The cpu and memory triggers of a ScaledObject that stands at `item`.
    pub(super) fn keda_requests(
        &mut self,
        item: &Item,
        spec: &ScaledObjectSpec,
        target: WorkloadId,
        plan: &Plan,
    ) {
        let workload = &plan.platform.workloads[target.index()];
        let places = item.get("triggers").map_or(&[][..], Item::items);
        for (trigger, place) in spec.triggers.iter().zip(places) {
            if let TriggerKind::Resource(metric) = &trigger.kind {
                self.request(metric, place, workload);
            }
        }
    }

    fn request(&mut self, metric: &Metric, place: &Item, workload: &Workload) {
        let (resource, alone) = match (&metric.source, metric.target) {
            (Source::Resource(resource), Target::Utilization(_)) => (*resource, false),
            (Source::ContainerResource(resource, _), Target::Utilization(_)) => (*resource, true),
            _ => return,
        };
        let word = match resource {
            ResourceName::Cpu => "cpu",
            ResourceName::Memory => "memory",
        };
        if workload.pod.request(resource, alone).is_some() {
            return;
        }
        let message = format!(
            "utilization needs a {word} request, which the pods of `{}` lack",
            workload.name
        );
        let help = format!(
            "every reconcile will fail to get the metric: give every container `resources.requests.{word}`, or the pod `pod.{word}`"
        );
        self.report(Diagnostic::note(Code::Ignored, place.span, message).help(help));
    }
}
