//! What the platform did: replicas, pods, restarts, and how long autoscalers saw their metric above the target.

use super::decimal::Decimal;
use super::delivery::{group_label, measured};
use super::name::Aggregate;
use super::registry::{METRICS, Section};
use super::told::Told;
use super::values::{NO_DATA, Value, Values};
use crate::assignor::GroupId;
use crate::kernel::SimTime;
use crate::timeline::{Cast, ContainerEnd, Observation, PlatformFact, PodId, ScaledBy, Timeline};

/// The facts of the platform, each with its instant.
pub(super) fn facts<'t>(
    timeline: &'t Told<'_>,
) -> impl Iterator<Item = (SimTime, &'t PlatformFact)> {
    timeline
        .events
        .iter()
        .filter_map(|entry| match &entry.observation {
            Observation::Platform(fact) => Some((entry.at, fact)),
            _ => None,
        })
}

/// Pods that found no node with room when they were made and of which nothing came by `end`, each with the instant at which it was made.
pub(super) fn pending<'t>(
    cast: &Cast,
    facts: impl Iterator<Item = (SimTime, &'t PlatformFact)>,
    end: SimTime,
) -> Vec<(PodId, SimTime)> {
    let mut pending = Vec::new();
    if cast.nodes.is_empty() {
        return pending;
    }
    for (at, fact) in facts.take_while(|(at, _)| *at <= end) {
        match fact {
            PlatformFact::PodCreated {
                pod, node: None, ..
            } => pending.push((*pod, at)),
            PlatformFact::PodReady { pod, .. }
            | PlatformFact::ContainerEnded { pod, .. }
            | PlatformFact::PodGone { pod } => pending.retain(|(waiting, _)| waiting != pod),
            _ => {}
        }
    }
    pending
}

/// Length of the part of `from..to` that lies in the measured window, in microseconds.
fn share(timeline: &Timeline, from: SimTime, to: SimTime) -> u64 {
    let (from, to) = (from.max(timeline.measured.0), to.min(timeline.measured.1));
    if from < to {
        to.since(from).as_micros()
    } else {
        0
    }
}

/// Adds the values of one group: `no data` when no pods make its members.
pub(super) fn values(timeline: &Told<'_>, group: GroupId, values: &mut Values) {
    let cast = &timeline.cast;
    let workloads: Vec<bool> = cast
        .workloads
        .iter()
        .map(|workload| workload.group == group)
        .collect();
    let labels = group_label(&cast.groups[group.index()].name);
    if !workloads.contains(&true) {
        let platform = METRICS
            .iter()
            .filter(|metric| metric.section == Section::Platform);
        for metric in platform {
            values.put(metric.base, &labels, Value::Word(NO_DATA));
            for aggregate in metric.aggregates {
                values.put_as(metric.base, *aggregate, &labels, Value::Word(NO_DATA));
            }
        }
        return;
    }
    let mut tally = Tally::of(timeline, &workloads);
    let ours = |(pod, _): &(PodId, SimTime)| workloads[cast.pods[pod.index()].workload.index()];
    let pending = pending(cast, facts(timeline), timeline.measured.1);
    tally.pods_pending = pending.iter().filter(|known| ours(known)).count() as u64;
    let counts: [(&str, u64); 6] = [
        ("scale_ups", tally.scale_ups),
        ("scale_downs", tally.scale_downs),
        ("restarts", tally.restarts),
        ("oom_kills", tally.oom_kills),
        ("evictions_refused", tally.evictions_refused),
        ("pods_pending", tally.pods_pending),
    ];
    for (base, count) in counts {
        values.put(base, &labels, Value::count(count));
    }
    values.put("pod_seconds", &labels, Value::seconds(tally.pods.area));
    values.put(
        "time_above_target_s",
        &labels,
        Value::seconds(tally.above_target_us),
    );
    let window = share(timeline, timeline.measured.0, timeline.measured.1);
    for (base, level) in [
        ("replicas", &tally.wanted),
        ("replicas_ready", &tally.ready),
    ] {
        let mean = Decimal::ratio(i128::from(level.area), i128::from(window));
        values.put(base, &labels, Value::count(level.peak));
        values.put_as(base, Aggregate::Mean, &labels, Value::or_no_data(mean));
        values.put_as(base, Aggregate::End, &labels, Value::count(level.now));
    }
}

/// A whole number over time.
#[derive(Default)]
struct Level {
    now: u64,
    since: SimTime,
    peak: u64,
    /// Times microseconds within the window.
    area: u64,
}

impl Level {
    fn set(&mut self, timeline: &Timeline, at: SimTime, now: u64) {
        let held = share(timeline, self.since, at);
        self.area += self.now * held;
        if held > 0 {
            self.peak = self.peak.max(self.now);
        }
        (self.now, self.since) = (now, at);
    }
}

#[derive(Default)]
struct Tally {
    scale_ups: u64,
    scale_downs: u64,
    restarts: u64,
    oom_kills: u64,
    evictions_refused: u64,
    pods_pending: u64,
    above_target_us: u64,
    /// Pods that exist, terminating ones included.
    pods: Level,
    wanted: Level,
    ready: Level,
}

impl Tally {
    fn of(timeline: &Told<'_>, workloads: &[bool]) -> Self {
        let cast = &timeline.cast;
        let mut tally = Self::default();
        let mut replicas: Vec<u64> = vec![0; cast.workloads.len()];
        let mut is_ready = vec![false; cast.pods.len()];
        let mut ended: Vec<Option<SimTime>> = vec![None; cast.pods.len()];
        let mut above: Vec<Option<SimTime>> = vec![None; cast.scalers.len()];
        let ours = |pod: crate::timeline::PodId| workloads[cast.pods[pod.index()].workload.index()];
        let end = timeline.measured.1;
        for (at, fact) in facts(timeline).take_while(|(at, _)| *at <= end) {
            match fact {
                PlatformFact::PodCreated { pod, .. } if ours(*pod) => {
                    let now = tally.pods.now + 1;
                    tally.pods.set(timeline, at, now);
                }
                PlatformFact::PodGone { pod } if ours(*pod) => {
                    let now = tally.pods.now.saturating_sub(1);
                    tally.pods.set(timeline, at, now);
                }
                PlatformFact::PodReady { pod, ready } if ours(*pod) => {
                    is_ready[pod.index()] = *ready;
                    let now = is_ready.iter().filter(|ready| **ready).count() as u64;
                    tally.ready.set(timeline, at, now);
                }
                // Told of each consumer in it, at one instant.
                PlatformFact::ContainerEnded {
                    pod,
                    why,
                    restart_after,
                    ..
                } if ours(*pod)
                    && measured(timeline, at)
                    && ended[pod.index()].replace(at) != Some(at) =>
                {
                    tally.restarts += u64::from(restart_after.is_some());
                    tally.oom_kills += u64::from(*why == ContainerEnd::OutOfMemory);
                }
                PlatformFact::EvictionRefused { pod } if ours(*pod) && measured(timeline, at) => {
                    tally.evictions_refused += 1;
                }
                PlatformFact::Replicas {
                    workload,
                    from,
                    to,
                    by,
                } if workloads[workload.index()] => {
                    replicas[workload.index()] = u64::from(*to);
                    tally.wanted.set(timeline, at, replicas.iter().sum());
                    if matches!(by, ScaledBy::Scaler(_)) && measured(timeline, at) {
                        tally.scale_ups += u64::from(to > from);
                        tally.scale_downs += u64::from(to < from);
                    }
                }
                PlatformFact::Decision {
                    scaler,
                    value_milli,
                    target_milli,
                    ..
                } if workloads[cast.scalers[scaler.index()].workload.index()] => {
                    let since = &mut above[scaler.index()];
                    if let Some(since) = since.take() {
                        tally.above_target_us += share(timeline, since, at);
                    }
                    *since = (value_milli > target_milli).then_some(at);
                }
                _ => {}
            }
        }
        for since in above.into_iter().flatten() {
            tally.above_target_us += share(timeline, since, end);
        }
        for level in [&mut tally.pods, &mut tally.wanted, &mut tally.ready] {
            let now = level.now;
            level.set(timeline, end, now);
        }
        tally
    }
}
