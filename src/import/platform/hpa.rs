//! Recorded worlds of the HorizontalPodAutoscaler controller, one JSON object a line: what it saw at each reconcile and, where
//! given, what it came to.
//!
//! Beside the fields of the recordings, a pod's row may go on with the end and the length of its own sample's window (seconds),
//! a step may carry `memory`, the use of each pod in bytes, and a world `memory_request`: a simulated run has them. Refuses what
//! no cluster could look like and says which line and why; never panics.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::kernel::{SimDuration, SimTime};
use crate::platform::api_time::ApiTime;
use crate::platform::hpa::{
    Controller, HpaSpec, Observed, PodPhase, PodSeen, Reading, ReadyCondition, ResourceName,
    Sample, Source, Tolerance,
};
use crate::scenario::spec;

/// The release whose controller made the recordings; a world may name another one as `controller.minor`.
const MINOR: u32 = 34;
/// About a hundred years: more seconds than a time may have, before or after the start.
const SECONDS_MAX: f64 = 3e9;

/// One world.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaWorld {
    /// What the autoscaler is told.
    pub spec: HpaSpec,
    /// Flags of the controller.
    pub controller: Controller,
    /// Its reconciles.
    pub steps: Vec<HpaStep>,
}

/// One reconcile.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaStep {
    /// When.
    pub now: SimTime,
    /// What the controller saw.
    pub observed: Observed,
    /// What the recorded one came to, when the world says.
    pub recorded: Option<RecordedStep>,
}

/// What the recorded controller came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedStep {
    /// Replicas after the reconcile.
    pub desired: i32,
    /// Type to `status reason`; `None`: the status was not written, because nothing in it changed.
    pub conditions: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RawWorld {
    spec: Value,
    cpu_request_m: Option<i64>,
    memory_request: Option<i64>,
    #[serde(default)]
    controller: RawController,
    steps: Vec<RawStep>,
}

#[derive(Default, Deserialize)]
struct RawController {
    minor: Option<u32>,
    sync_s: Option<f64>,
    tolerance: Option<f64>,
    downscale_stabilization_s: Option<f64>,
    cpu_initialization_s: Option<f64>,
    initial_readiness_delay_s: Option<f64>,
}

#[derive(Deserialize)]
struct RawStep {
    t: f64,
    spec_replicas: i32,
    status_replicas: i32,
    pods: Vec<RawPod>,
    metrics_at: Option<f64>,
    window_s: Option<f64>,
    external_m: Option<Vec<i64>>,
    /// By External metric, when there are several.
    externals_m: Option<Vec<Vec<i64>>>,
    memory: Option<Vec<Option<i64>>>,
    desired: Option<i32>,
    conditions: Option<BTreeMap<String, String>>,
}

/// A pod's row.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawPod {
    Recorded(Row),
    Simulated(Row2),
}

/// Name, phase, ready, ready since, started, being deleted, CPU use in milli-cores.
type Row = (
    String,
    String,
    Option<bool>,
    Option<f64>,
    Option<f64>,
    bool,
    Option<i64>,
);
/// The same, with the end and the length of the sample's window.
type Row2 = (
    String,
    String,
    Option<bool>,
    Option<f64>,
    Option<f64>,
    bool,
    Option<i64>,
    Option<f64>,
    Option<f64>,
);

impl RawPod {
    fn row(self) -> Row2 {
        match self {
            Self::Recorded((name, phase, ready, since, started, deleting, cpu)) => (
                name, phase, ready, since, started, deleting, cpu, None, None,
            ),
            Self::Simulated(row) => row,
        }
    }
}

/// Fields that only such a world has.
pub const FIELDS: [&str; 3] = ["spec", "controller", "steps"];

/// Reads one line.
///
/// # Errors
/// What is wrong with it.
pub fn read(value: Value) -> Result<HpaWorld, String> {
    let raw: RawWorld = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let minor = raw.controller.minor.unwrap_or(MINOR);
    let spec = spec::hpa(&raw.spec.to_string(), minor).map_err(|faults| {
        let faults = faults.join("; ");
        format!("spec: {faults}")
    })?;
    let controller = controller(&raw.controller)?;
    let requests = (
        raw.cpu_request_m,
        raw.memory_request.map(|bytes| bytes.saturating_mul(1_000)),
    );
    let mut steps: Vec<HpaStep> = Vec::new();
    for (index, step) in raw.steps.into_iter().enumerate() {
        let step = step_of(step, &spec, requests);
        let step = step.map_err(|fault| format!("step {index}: {fault}"))?;
        if steps.last().is_some_and(|last| last.now >= step.now) {
            return Err(format!(
                "step {index}: `t` does not come after the step before"
            ));
        }
        steps.push(step);
    }
    Ok(HpaWorld {
        spec,
        controller,
        steps,
    })
}

fn controller(raw: &RawController) -> Result<Controller, String> {
    let defaults = Controller::DEFAULT;
    let span = |seconds: Option<f64>, default| match seconds {
        Some(seconds) => duration(seconds),
        None => Ok(default),
    };
    let tolerance = raw.tolerance.unwrap_or(defaults.tolerance);
    if !(0.0..=1_000.0).contains(&tolerance) {
        return Err(format!("{tolerance} is no tolerance"));
    }
    Ok(Controller {
        sync_period: span(raw.sync_s, defaults.sync_period)?,
        tolerance,
        downscale_stabilization: span(
            raw.downscale_stabilization_s,
            defaults.downscale_stabilization,
        )?,
        cpu_initialization: span(raw.cpu_initialization_s, defaults.cpu_initialization)?,
        initial_readiness_delay: span(
            raw.initial_readiness_delay_s,
            defaults.initial_readiness_delay,
        )?,
        comparison: Tolerance::of(raw.minor.unwrap_or(MINOR)),
    })
}

/// Requests of cpu and memory, in thousandths.
type Requests = (Option<i64>, Option<i64>);

fn step_of(raw: RawStep, spec: &HpaSpec, requests: Requests) -> Result<HpaStep, String> {
    if raw.spec_replicas < 0 || raw.status_replicas < 0 {
        return Err("replicas below zero".to_owned());
    }
    let now = SimTime::ZERO + duration(raw.t)?;
    let at = raw.metrics_at.map(time).transpose()?;
    let window = raw.window_s.map(duration).transpose()?;
    let (mut pods, mut cpu, mut windows) = (Vec::new(), Vec::new(), Vec::new());
    for pod in raw.pods {
        let (name, phase, ready, since, started, is_deleting, used, end, length) = pod.row();
        let since = since.map(time).transpose()?;
        pods.push(PodSeen {
            phase: phase_of(&phase)?,
            ready: ready
                .zip(since)
                .map(|(is_true, since)| ReadyCondition { is_true, since }),
            started: started.map(time).transpose()?,
            is_deleting,
            name,
        });
        let own = end.map(time).transpose()?.or(at);
        let length = length.map(duration).transpose()?.or(window);
        windows.push(own.zip(length));
        cpu.push(used);
    }
    let memory = raw.memory.unwrap_or_default();
    let samples = |values: &[Option<i64>], factor: i64| -> Vec<Option<Sample>> {
        let samples = windows.iter().enumerate().map(|(index, window)| {
            let value = values.get(index).copied().flatten()?.saturating_mul(factor);
            let (at, window) = (*window)?;
            Some(Sample { value, at, window })
        });
        samples.collect()
    };
    let mut external = 0;
    let readings = spec.metrics.iter().map(|metric| match &metric.source {
        Source::Resource(ResourceName::Cpu) | Source::ContainerResource(ResourceName::Cpu, _) => {
            Reading::PerPod {
                samples: samples(&cpu, 1),
                request: requests.0,
            }
        }
        Source::Resource(ResourceName::Memory)
        | Source::ContainerResource(ResourceName::Memory, _) => Reading::PerPod {
            samples: samples(&memory, 1_000),
            request: requests.1,
        },
        Source::Pods(_) => Reading::PerPod {
            samples: Vec::new(),
            request: None,
        },
        Source::External { .. } => {
            external += 1;
            let several = raw
                .externals_m
                .as_ref()
                .and_then(|all| all.get(external - 1));
            let values = several.or(raw.external_m.as_ref());
            Reading::External(values.cloned().unwrap_or_default())
        }
    });
    let readings = readings.collect();
    let conditions = raw.conditions;
    Ok(HpaStep {
        now,
        observed: Observed {
            spec_replicas: raw.spec_replicas,
            status_replicas: raw.status_replicas,
            pods,
            readings,
        },
        recorded: raw.desired.map(|desired| RecordedStep {
            desired,
            conditions,
        }),
    })
}

fn phase_of(word: &str) -> Result<PodPhase, String> {
    match word {
        "Pending" => Ok(PodPhase::Pending),
        "Running" => Ok(PodPhase::Running),
        "Succeeded" => Ok(PodPhase::Succeeded),
        "Failed" => Ok(PodPhase::Failed),
        "Unknown" => Ok(PodPhase::Unknown),
        other => Err(format!("`{other}` is no phase of a pod")),
    }
}

/// A time as the API carries it: cut to whole seconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked, and the fraction is to be cut"
)]
fn time(seconds: f64) -> Result<ApiTime, String> {
    if !(-SECONDS_MAX..=SECONDS_MAX).contains(&seconds) {
        return Err(format!("{seconds} s is too far away"));
    }
    Ok(ApiTime::from_secs(libm::floor(seconds) as i64))
}

/// Seconds, to the microsecond.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn duration(seconds: f64) -> Result<SimDuration, String> {
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(format!("{seconds} s is no span of time"));
    }
    Ok(SimDuration::from_micros(libm::round(seconds * 1e6) as u64))
}
