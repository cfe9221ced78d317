//! What an autoscaler saw and came to, as a recorded world: the format of `rebsim replay`, so that a simulated run can be
//! given back to the machine that played it.

use serde_json::{Map, Value, json};

use crate::kernel::SimDuration;
use crate::platform::hpa::{
    Behavior, Condition, Conditions, Controller, HpaSpec, Metric, PodPhase, PolicyKind, Reading,
    Reconcile, ResourceName, Rules, Sample, SelectPolicy, Source, Target, Tolerance,
};

/// The world of one autoscaler, from its first reconcile on.
#[must_use]
pub fn world(spec: &HpaSpec, controller: &Controller, steps: &[Reconcile]) -> Value {
    let mut world = Map::new();
    world.insert("spec".to_owned(), spec_json(spec));
    for (key, resource) in [
        ("cpu_request_m", ResourceName::Cpu),
        ("memory_request", ResourceName::Memory),
    ] {
        let mut readings = steps
            .iter()
            .filter_map(|step| per_pod(spec, step, resource));
        let request = readings.find_map(|(_, request)| request);
        let thousandths = if resource == ResourceName::Cpu {
            1
        } else {
            1_000
        };
        if let Some(request) = request {
            world.insert(key.to_owned(), json!(request / thousandths));
        }
    }
    world.insert(
        "controller".to_owned(),
        json!({
            "minor": minor(spec, controller),
            "sync_s": seconds(controller.sync_period.as_micros()),
            "tolerance": controller.tolerance,
            "downscale_stabilization_s": seconds(controller.downscale_stabilization.as_micros()),
            "cpu_initialization_s": seconds(controller.cpu_initialization.as_micros()),
            "initial_readiness_delay_s": seconds(controller.initial_readiness_delay.as_micros()),
        }),
    );
    let steps: Vec<Value> = steps.iter().map(|step| step_json(spec, step)).collect();
    world.insert("steps".to_owned(), json!(steps));
    Value::Object(world)
}

/// A minor release that does with the spec what the run's did: tolerances of single autoscalers came with 1.35, bounds in place
/// of a difference with 1.33.
fn minor(spec: &HpaSpec, controller: &Controller) -> u32 {
    let rules = spec.behavior.as_ref();
    let tolerant = rules.is_some_and(|behavior| {
        behavior.scale_up.tolerance.is_some() || behavior.scale_down.tolerance.is_some()
    });
    match (controller.comparison, tolerant) {
        (Tolerance::Difference, _) => 32,
        (Tolerance::Bounds, true) => 35,
        (Tolerance::Bounds, false) => 34,
    }
}

/// Conditions, type to `status reason`, as in recorded worlds.
#[must_use]
pub fn conditions(conditions: &Conditions) -> Value {
    let mut map = Map::new();
    let mut put = |kind: &str, is_true: bool, reason: &str| {
        let status = if is_true { "True" } else { "False" };
        map.insert(kind.to_owned(), json!(format!("{status} {reason}")));
    };
    if let Some(Condition { is_true, reason }) = conditions.able_to_scale {
        put("AbleToScale", is_true, reason.name());
    }
    if let Some(Condition { is_true, reason }) = conditions.scaling_active {
        put("ScalingActive", is_true, reason.name());
    }
    if let Some(Condition { is_true, reason }) = conditions.scaling_limited {
        put("ScalingLimited", is_true, reason.name());
    }
    Value::Object(map)
}

/// Samples and request of the first metric of `resource` at a step.
fn per_pod<'s>(
    spec: &HpaSpec,
    step: &'s Reconcile,
    resource: ResourceName,
) -> Option<(&'s [Option<Sample>], Option<i64>)> {
    let is_it = |metric: &Metric| match &metric.source {
        Source::Resource(name) | Source::ContainerResource(name, _) => *name == resource,
        Source::Pods(_) | Source::External { .. } => false,
    };
    let index = spec.metrics.iter().position(is_it)?;
    match step.observed.readings.get(index)? {
        Reading::PerPod { samples, request } => Some((samples, *request)),
        Reading::External(_) => None,
    }
}

fn step_json(spec: &HpaSpec, step: &Reconcile) -> Value {
    let cpu = per_pod(spec, step, ResourceName::Cpu).map_or(&[][..], |(samples, _)| samples);
    let memory = per_pod(spec, step, ResourceName::Memory).map_or(&[][..], |(samples, _)| samples);
    let sample = |samples: &[Option<Sample>], index: usize| samples.get(index).copied().flatten();
    let rows = step.observed.pods.iter().enumerate().map(|(index, pod)| {
        let used = sample(cpu, index);
        let timed = used.or(sample(memory, index));
        json!([
            pod.name,
            phase(pod.phase),
            pod.ready.map(|ready| ready.is_true),
            pod.ready.map(|ready| ready.since.as_secs()),
            pod.started.map(|started| started.as_secs()),
            pod.is_deleting,
            used.map(|sample| sample.value),
            timed.map(|sample| sample.at.as_secs()),
            timed.map(|sample| seconds(sample.window.as_micros())),
        ])
    });
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("t", seconds(step.at.as_micros()));
    put("spec_replicas", json!(step.observed.spec_replicas));
    put("status_replicas", json!(step.observed.status_replicas));
    put("pods", rows.collect());
    if !memory.is_empty() {
        let bytes = memory
            .iter()
            .map(|sample| sample.map(|sample| sample.value / 1_000));
        put("memory", json!(bytes.collect::<Vec<Option<i64>>>()));
    }
    let externals: Vec<&Vec<i64>> = step
        .observed
        .readings
        .iter()
        .filter_map(|reading| match reading {
            Reading::External(values) => Some(values),
            Reading::PerPod { .. } => None,
        })
        .collect();
    match externals[..] {
        [] => {}
        [values] => {
            put("external_m", json!(values));
        }
        _ => {
            put("externals_m", json!(externals));
        }
    }
    put("desired", json!(step.outcome.desired));
    put("conditions", conditions(&step.outcome.conditions));
    Value::Object(map)
}

const fn phase(phase: PodPhase) -> &'static str {
    match phase {
        PodPhase::Pending => "Pending",
        PodPhase::Running => "Running",
        PodPhase::Succeeded => "Succeeded",
        PodPhase::Failed => "Failed",
        PodPhase::Unknown => "Unknown",
    }
}

/// Microseconds as a number of seconds; whole ones without a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "a run's microseconds fit into a double"
)]
fn seconds(micros: u64) -> Value {
    if micros.is_multiple_of(1_000_000) {
        json!(micros / 1_000_000)
    } else {
        json!(micros as f64 / 1e6)
    }
}

/// An `autoscaling/v2` spec with every default written out.
#[must_use]
pub fn spec_json(spec: &HpaSpec) -> Value {
    let metrics: Vec<Value> = spec.metrics.iter().map(metric).collect();
    let mut map = Map::new();
    map.insert("minReplicas".to_owned(), json!(spec.min_replicas));
    map.insert("maxReplicas".to_owned(), json!(spec.max_replicas));
    map.insert("metrics".to_owned(), json!(metrics));
    if let Some(Behavior {
        scale_up,
        scale_down,
    }) = &spec.behavior
    {
        let behavior = json!({ "scaleUp": rules(scale_up), "scaleDown": rules(scale_down) });
        map.insert("behavior".to_owned(), behavior);
    }
    Value::Object(map)
}

fn metric(metric: &Metric) -> Value {
    let target = match metric.target {
        Target::Utilization(percent) => {
            json!({ "type": "Utilization", "averageUtilization": percent })
        }
        Target::AverageValue(thousandths) => {
            json!({ "type": "AverageValue", "averageValue": format!("{thousandths}m") })
        }
        Target::Value(thousandths) => {
            json!({ "type": "Value", "value": format!("{thousandths}m") })
        }
    };
    let resource = |name| match name {
        ResourceName::Cpu => "cpu",
        ResourceName::Memory => "memory",
    };
    match &metric.source {
        Source::Resource(name) => {
            json!({ "type": "Resource", "resource": { "name": resource(*name), "target": target } })
        }
        Source::ContainerResource(name, container) => json!({
            "type": "ContainerResource",
            "containerResource": { "name": resource(*name), "container": container, "target": target },
        }),
        Source::Pods(name) => {
            json!({ "type": "Pods", "pods": { "metric": { "name": name }, "target": target } })
        }
        Source::External { metric, selector } => {
            let labels = selector
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)));
            let labels: Map<String, Value> = labels.collect();
            let mut identifier = Map::new();
            identifier.insert("name".to_owned(), json!(metric));
            if !labels.is_empty() {
                identifier.insert("selector".to_owned(), json!({ "matchLabels": labels }));
            }
            json!({ "type": "External", "external": { "metric": identifier, "target": target } })
        }
    }
}

fn rules(rules: &Rules) -> Value {
    let policies = rules.policies.iter().map(|policy| {
        let kind = match policy.kind {
            PolicyKind::Pods => "Pods",
            PolicyKind::Percent => "Percent",
        };
        json!({ "type": kind, "value": policy.value, "periodSeconds": whole(policy.period) })
    });
    let policies: Vec<Value> = policies.collect();
    let select = match rules.select {
        SelectPolicy::Max => "Max",
        SelectPolicy::Min => "Min",
        SelectPolicy::Disabled => "Disabled",
    };
    let mut map = Map::new();
    if let Some(window) = rules.window {
        map.insert(
            "stabilizationWindowSeconds".to_owned(),
            json!(whole(window)),
        );
    }
    map.insert("selectPolicy".to_owned(), json!(select));
    map.insert("policies".to_owned(), json!(policies));
    if let Some(tolerance) = rules.tolerance {
        map.insert("tolerance".to_owned(), json!(tolerance.to_string()));
    }
    Value::Object(map)
}

/// Whole seconds of a span that was written in them.
const fn whole(span: SimDuration) -> u64 {
    span.as_micros() / 1_000_000
}
