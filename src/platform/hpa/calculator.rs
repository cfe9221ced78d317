//! Replicas that one metric asks for (`replica_calculator.go`, `metrics/utilization.go`).

use super::observed::{Failure, Observed, PodPhase, PodSeen, Proposal, Reading, Sample};
use super::spec::{Behavior, Controller, Metric, ResourceName, Source, Target, Tolerance};
use crate::kernel::SimTime;

/// What `metric` proposes at `now` (`computeReplicasForMetric`).
pub(super) fn propose(
    now: SimTime,
    controller: &Controller,
    behavior: Option<&Behavior>,
    metric: &Metric,
    observed: &Observed,
    reading: &Reading,
) -> Result<Proposal, Failure> {
    let tolerances = Tolerances::new(controller, behavior);
    match (reading, metric.target) {
        (Reading::External(values), Target::AverageValue(target)) => {
            per_pod(tolerances, observed, total(values)?, target)
        }
        (Reading::External(values), Target::Value(target)) => {
            altogether(tolerances, observed, total(values)?, target)
        }
        (Reading::PerPod { samples, request }, Target::Utilization(target)) => {
            let pods = Pods::group(now, controller, &metric.source, observed, samples)?;
            let request = request.ok_or(Failure::NoRequest)?;
            pods.by_share(tolerances, observed.spec_replicas, request, target)
        }
        (Reading::PerPod { samples, .. }, Target::AverageValue(target)) => {
            let pods = Pods::group(now, controller, &metric.source, observed, samples)?;
            Ok(pods.by_value(tolerances, observed.spec_replicas, target))
        }
        (Reading::External(_), Target::Utilization(_))
        | (Reading::PerPod { .. }, Target::Value(_)) => Err(Failure::NoTarget),
    }
}

/// `Tolerances`
#[derive(Clone, Copy)]
struct Tolerances {
    down: f64,
    up: f64,
    comparison: Tolerance,
}

impl Tolerances {
    /// `tolerancesForHpa`
    fn new(controller: &Controller, behavior: Option<&Behavior>) -> Self {
        let up = behavior.and_then(|behavior| behavior.scale_up.tolerance);
        let down = behavior.and_then(|behavior| behavior.scale_down.tolerance);
        Self {
            down: down.unwrap_or(controller.tolerance),
            up: up.unwrap_or(controller.tolerance),
            comparison: controller.comparison,
        }
    }

    /// `isWithin`
    fn hold(self, ratio: f64) -> bool {
        match self.comparison {
            Tolerance::Bounds => (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up),
            Tolerance::Difference => libm::fabs(1.0 - ratio) <= self.up,
        }
    }
}

/// The sum of all series.
fn total(values: &[i64]) -> Result<i64, Failure> {
    if values.is_empty() {
        return Err(Failure::NoMetrics);
    }
    let sum = values
        .iter()
        .fold(0_i64, |sum, value| sum.wrapping_add(*value));
    Ok(sum)
}

/// `GetExternalPerPodMetricReplicas`
fn per_pod(
    tolerances: Tolerances,
    observed: &Observed,
    usage: i64,
    target: i64,
) -> Result<Proposal, Failure> {
    let replicas = observed.status_replicas;
    let ratio = double(usage) / (double(target) * f64::from(replicas));
    let replicas = if tolerances.hold(ratio) {
        replicas
    } else {
        ceil(double(usage) / double(target))
    };
    Ok(Proposal {
        replicas,
        value: usage,
        ratio,
    })
}

/// `GetExternalMetricReplicas`, `getUsageRatioReplicaCount`
fn altogether(
    tolerances: Tolerances,
    observed: &Observed,
    usage: i64,
    target: i64,
) -> Result<Proposal, Failure> {
    let current = observed.spec_replicas;
    let ratio = double(usage) / double(target);
    let replicas = if current == 0 {
        ceil(ratio)
    } else if tolerances.hold(ratio) {
        current
    } else {
        ceil(ratio * f64::from(ready_pods(&observed.pods)?))
    };
    Ok(Proposal {
        replicas,
        value: usage,
        ratio,
    })
}

/// `getReadyPodsCount`: terminating pods count.
fn ready_pods(pods: &[PodSeen]) -> Result<u32, Failure> {
    if pods.is_empty() {
        return Err(Failure::NoPods);
    }
    let ready = |pod: &&PodSeen| {
        pod.phase == PodPhase::Running && pod.ready.is_some_and(|ready| ready.is_true)
    };
    Ok(count(pods.iter().filter(ready).count()))
}

/// The pods of a per-pod metric in their groups (`groupPods`), samples of ignored and unready ones taken away.
struct Pods {
    /// By pod.
    values: Vec<Option<i64>>,
    unready: Vec<usize>,
    missing: Vec<usize>,
    ready: u32,
}

impl Pods {
    fn group(
        now: SimTime,
        controller: &Controller,
        source: &Source,
        observed: &Observed,
        samples: &[Option<Sample>],
    ) -> Result<Self, Failure> {
        if samples.iter().all(Option::is_none) {
            return Err(Failure::NoMetrics);
        }
        if observed.pods.is_empty() {
            return Err(Failure::NoPods);
        }
        let is_cpu = match source {
            Source::Resource(name) | Source::ContainerResource(name, _) => {
                *name == ResourceName::Cpu
            }
            Source::Pods(_) | Source::External { .. } => false,
        };
        let mut groups = Self {
            values: vec![None; observed.pods.len()],
            unready: Vec::new(),
            missing: Vec::new(),
            ready: 0,
        };
        for (index, pod) in observed.pods.iter().enumerate() {
            if pod.is_deleting || pod.phase == PodPhase::Failed {
                continue;
            }
            if pod.phase == PodPhase::Pending {
                groups.unready.push(index);
                continue;
            }
            let Some(sample) = samples.get(index).copied().flatten() else {
                groups.missing.push(index);
                continue;
            };
            if is_cpu && is_unready(now, controller, pod, sample) {
                groups.unready.push(index);
                continue;
            }
            groups.values[index] = Some(sample.value);
            groups.ready += 1;
        }
        if groups.ready == 0 {
            return Err(Failure::NoReadyPods);
        }
        Ok(groups)
    }

    /// `GetResourceReplicas`
    fn by_share(
        mut self,
        tolerances: Tolerances,
        current: i32,
        request: i64,
        target: i32,
    ) -> Result<Proposal, Failure> {
        let (ratio, value) = self.share(request, target)?;
        // Missing pods count as fully used on the way down and as idle on the way up.
        let fallback = i64::from(target.max(100));
        let fill = if ratio < 1.0 {
            Some(request.wrapping_mul(fallback) / 100)
        } else if ratio > 1.0 {
            Some(0)
        } else {
            None
        };
        let proposal = |replicas| Proposal {
            replicas,
            value: i64::from(value),
            ratio,
        };
        if let Some(replicas) = self.plain(tolerances, current, ratio) {
            return Ok(proposal(replicas));
        }
        self.fill(ratio, fill);
        let (again, _) = self.share(request, target)?;
        Ok(proposal(self.second(tolerances, current, ratio, again)))
    }

    /// `calcPlainMetricReplicas`
    fn by_value(mut self, tolerances: Tolerances, current: i32, target: i64) -> Proposal {
        let (ratio, value) = self.average(target);
        let proposal = |replicas| Proposal {
            replicas,
            value,
            ratio,
        };
        if let Some(replicas) = self.plain(tolerances, current, ratio) {
            return proposal(replicas);
        }
        self.fill(ratio, Some(if ratio < 1.0 { target } else { 0 }));
        let (again, _) = self.average(target);
        proposal(self.second(tolerances, current, ratio, again))
    }

    /// Samples that count now.
    fn measured(&self) -> impl Iterator<Item = i64> + '_ {
        self.values.iter().copied().flatten()
    }

    /// `GetResourceUtilizationRatio`: the percentage is cut to a whole number before it is divided.
    fn share(&self, request: i64, target: i32) -> Result<(f64, i32), Failure> {
        let (mut usage, mut requests) = (0_i64, 0_i64);
        for value in self.measured() {
            usage = usage.wrapping_add(value);
            requests = requests.wrapping_add(request);
        }
        if requests == 0 {
            return Err(Failure::NoRequests);
        }
        let percent = wrap(usage.wrapping_mul(100).wrapping_div(requests));
        Ok((f64::from(percent) / f64::from(target), percent))
    }

    /// `GetMetricUsageRatio`: likewise.
    fn average(&self, target: i64) -> (f64, i64) {
        let sum = self.measured().fold(0_i64, i64::wrapping_add);
        let samples = i64::from(count(self.measured().count())).max(1);
        let usage = sum / samples;
        (double(usage) / double(target), usage)
    }

    /// The answer without a second look: no pod is missing, and none that is unready stands in the way of growing.
    fn plain(&self, tolerances: Tolerances, current: i32, ratio: f64) -> Option<i32> {
        if (!self.unready.is_empty() && ratio > 1.0) || !self.missing.is_empty() {
            return None;
        }
        Some(if tolerances.hold(ratio) {
            current
        } else {
            ceil(ratio * f64::from(self.ready))
        })
    }

    /// Puts in what missing pods count as and, on the way up, nothing for the unready.
    fn fill(&mut self, ratio: f64, missing: Option<i64>) {
        if let Some(value) = missing {
            for index in &self.missing {
                self.values[*index] = Some(value);
            }
        }
        if ratio > 1.0 {
            for index in &self.unready {
                self.values[*index] = Some(0);
            }
        }
    }

    /// The answer over the enlarged set: never across the direction in which the first look pointed.
    fn second(&self, tolerances: Tolerances, current: i32, ratio: f64, again: f64) -> i32 {
        let turned = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
        if tolerances.hold(again) || turned {
            return current;
        }
        let replicas = ceil(again * f64::from(count(self.measured().count())));
        let against = (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current);
        if against { current } else { replicas }
    }
}

/// Whether a CPU sample says nothing because the pod is young or was never ready.
fn is_unready(now: SimTime, controller: &Controller, pod: &PodSeen, sample: Sample) -> bool {
    let (Some(ready), Some(started)) = (pod.ready, pod.started) else {
        return true;
    };
    if started.plus_is_after(controller.cpu_initialization, now) {
        return !ready.is_true || sample.at.is_before(ready.since, sample.window);
    }
    let delay = controller.initial_readiness_delay;
    !ready.is_true && ready.since.is_before(started, delay)
}

/// `int32(math.Ceil(x))` as amd64 does it: what does not fit becomes the lowest number.
fn ceil(x: f64) -> i32 {
    whole(libm::ceil(x))
}

/// `int32(x)` as amd64 does it (`CVTTSD2SL`).
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked, and the fraction is to be cut"
)]
pub(super) fn whole(x: f64) -> i32 {
    if x > f64::from(i32::MIN) - 1.0 && x < f64::from(i32::MAX) + 1.0 {
        x as i32
    } else {
        i32::MIN
    }
}

/// `int32(n)`
#[expect(
    clippy::cast_possible_truncation,
    reason = "the original cuts the upper half off"
)]
const fn wrap(number: i64) -> i32 {
    number as i32
}

/// `float64(n)`
#[expect(
    clippy::cast_precision_loss,
    reason = "the original rounds to the nearest double"
)]
const fn double(number: i64) -> f64 {
    number as f64
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
