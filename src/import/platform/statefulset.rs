//! Worlds of the StatefulSet controller: what it saw at each step, and what it created and deleted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{MAX_REPLICAS, there};
use crate::kernel::{SimDuration, SimTime};
use crate::platform::pod::{Phase, PodUid, PodView};
use crate::platform::quantity::IntOrPercent;
use crate::platform::statefulset::{PodManagement, StatefulSetSpec, UpdateStrategy};

/// A StatefulSet, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct StatefulSetWorld {
    /// What it is.
    pub spec: StatefulSetSpec,
    /// In order of time.
    pub steps: Vec<Step>,
}

/// One look of the controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `spec.replicas`
    pub replicas: u32,
    /// Number of the wanted template.
    pub template: u32,
    /// Its pods.
    pub pods: Vec<PodView>,
    /// What it did, when that was recorded.
    pub recorded: Option<Done>,
}

/// What the controller did at a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Ordinals created, with the template of each.
    pub created: BTreeMap<u32, u32>,
    /// Ordinals deleted.
    pub deleted: BTreeSet<u32>,
}

#[derive(Deserialize)]
struct Raw {
    policy: String,
    strategy: Option<String>,
    partition: Option<u32>,
    #[serde(default)]
    max_unavailable: Value,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
struct RawStep {
    replicas: u32,
    template: u32,
    pods: Option<Vec<RawPod>>,
    #[serde(default, deserialize_with = "there")]
    create: Option<Option<Vec<u32>>>,
    created_template: Option<BTreeMap<u32, u32>>,
    #[serde(default, deserialize_with = "there")]
    delete: Option<Option<Vec<u32>>>,
}

/// Ordinal, template, phase, ready, terminating.
#[derive(Deserialize)]
struct RawPod(u32, u32, String, bool, bool);

/// The world in `value`.
pub(super) fn read(value: Value) -> Result<StatefulSetWorld, String> {
    let raw: Raw = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let policy = match &*raw.policy {
        "OrderedReady" => PodManagement::OrderedReady,
        "Parallel" => PodManagement::Parallel,
        other => {
            return Err(format!(
                "unknown policy `{other}` (known: OrderedReady, Parallel)"
            ));
        }
    };
    let limit: Option<IntOrPercent> = match &raw.max_unavailable {
        Value::Null => None,
        value => Some(super::int_or_percent(value)?),
    };
    let strategy = match raw.strategy.as_deref() {
        Some("RollingUpdate") | None => UpdateStrategy::RollingUpdate {
            partition: raw.partition.unwrap_or(0),
            max_unavailable: limit,
        },
        Some("OnDelete") => UpdateStrategy::OnDelete,
        Some(other) => {
            let known = "RollingUpdate, OnDelete";
            return Err(format!("unknown strategy `{other}` (known: {known})"));
        }
    };
    let steps =
        raw.steps.iter().enumerate().map(|(number, step)| {
            read_step(step).map_err(|reason| format!("step {number}: {reason}"))
        });
    Ok(StatefulSetWorld {
        spec: StatefulSetSpec {
            policy,
            strategy,
            min_ready: SimDuration::ZERO,
            first_ordinal: 0,
        },
        steps: steps.collect::<Result<_, _>>()?,
    })
}

fn read_step(raw: &RawStep) -> Result<Step, String> {
    if raw.replicas > MAX_REPLICAS {
        return Err(format!(
            "{} replicas are more than {MAX_REPLICAS}",
            raw.replicas
        ));
    }
    let mut pods: Vec<PodView> = Vec::new();
    for pod in raw.pods.iter().flatten() {
        if pods.iter().any(|other| other.ordinal == pod.0) {
            return Err(format!("two pods of ordinal {}", pod.0));
        }
        pods.push(read_pod(pod)?);
    }
    let done = |created: &Option<Vec<u32>>, deleted: &Option<Vec<u32>>| {
        let template = |ordinal: &u32| {
            let templates = raw.created_template.as_ref();
            let template = templates.and_then(|templates| templates.get(ordinal).copied());
            (*ordinal, template.unwrap_or(raw.template))
        };
        Done {
            created: created.iter().flatten().map(template).collect(),
            deleted: deleted.iter().flatten().copied().collect(),
        }
    };
    Ok(Step {
        replicas: raw.replicas,
        template: raw.template,
        pods,
        recorded: raw
            .create
            .as_ref()
            .zip(raw.delete.as_ref())
            .map(|(c, d)| done(c, d)),
    })
}

fn read_pod(
    RawPod(ordinal, template, phase, ready, terminating): &RawPod,
) -> Result<PodView, String> {
    let phase = match &**phase {
        // Just created: the API server calls it Pending at once.
        "" | "Pending" => Phase::Pending,
        "Running" => Phase::Running,
        "Unknown" => Phase::Unknown,
        "Failed" => Phase::Failed,
        "Succeeded" => Phase::Succeeded,
        other => return Err(format!("pod {ordinal} has the unknown phase `{other}`")),
    };
    Ok(PodView {
        uid: PodUid(u64::from(*ordinal)),
        template: *template,
        ordinal: *ordinal,
        created: SimTime::ZERO,
        phase,
        node: None,
        ready_since: ready.then_some(SimTime::ZERO),
        is_deleting: *terminating,
        restarts: 0,
    })
}
