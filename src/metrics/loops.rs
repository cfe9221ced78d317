//! Rebalance loops (`metrics.md` 7): the same chain of causes at least three times, with no outside event between.
//!
//! Three chains are known. *Scaling*: an autoscaler adds pods, the group rebalances, the load per pod falls, the autoscaler removes them, the
//! group rebalances and falls behind, and the autoscaler adds them again. *Removal*: a member leaves or is thrown out for want of time
//! (poll interval, session, rebalance timeout) and comes back to the same fate, or hands it on with its partitions. *Memory*: a container is killed for want of memory, the group
//! rebalances, and what its members hold then is too much for the next, or for the same one when it is back. An outside event is an entry of the
//! scenario, a fault, or what a rollout, an eviction or a lost node does to a pod.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::delivery::group_label;
use super::episode::Episode;
use super::platform;
use super::told::Told;
use super::values::{NO_DATA, Value, Values};
use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{
    Observation, PlatformFact, PodEnd, PodStart, RebalanceReason, RemovalReason, ScaledBy,
    ScalerId, Timeline,
};

/// How often a chain must repeat.
const REPETITIONS: usize = 3;

/// A chain that feeds itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceLoop {
    /// The group.
    pub group: GroupId,
    /// What follows what.
    pub chain: Chain,
    /// Begin of the first repetition.
    pub from: SimTime,
    /// Begin of the last repetition.
    pub to: SimTime,
    /// Repetitions: begins of the chain, the last one included.
    pub times: u32,
}

impl RebalanceLoop {
    /// Mean time from one repetition to the next.
    #[must_use]
    pub fn period(&self) -> SimDuration {
        let steps = u64::from(self.times.saturating_sub(1)).max(1);
        SimDuration::from_micros(self.to.since(self.from).as_micros() / steps)
    }
}

/// What follows what in a loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// An autoscaler and the group drive each other.
    Scaling {
        /// The autoscaler.
        scaler: ScalerId,
        /// Its metric.
        metric: Arc<str>,
        /// The metric's target in thousandths when pods were added.
        target_milli: i64,
        /// The same when pods were removed: an autoscaler may have two thresholds.
        lower_target_milli: i64,
        /// Largest value seen when pods were added, in thousandths.
        above_milli: i64,
        /// Smallest value seen when pods were removed, in thousandths.
        below_milli: i64,
    },
    /// Members fall out of the group: one comes back to the same fate, or it passes to the next with the partitions.
    Removal {
        /// Why they fall out.
        reason: RebalanceReason,
        /// Each time one that fell out came back before the next time.
        returns: bool,
    },
    /// Containers hold more than fits, are killed and come back.
    Memory {
        /// The most that one would have needed with all its state, in bytes.
        needed: u64,
        /// What it might use, in bytes.
        limit: u64,
    },
}

/// Adds the values of one group.
pub(super) fn values(
    timeline: &Timeline,
    group: GroupId,
    loops: &[RebalanceLoop],
    values: &mut Values,
) {
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    values.put("rebalance_loop", &labels, Value::Flag(!loops.is_empty()));
    let longest = loops.iter().map(RebalanceLoop::period).max();
    let longest = longest.map_or(Value::Word(NO_DATA), |period| {
        Value::seconds(period.as_micros())
    });
    values.put("rebalance_loop_period_s", &labels, longest);
}

/// The loops of a group, by the first instant.
pub(super) fn loops(
    timeline: &Told<'_>,
    group: GroupId,
    episodes: &[Episode],
) -> Vec<RebalanceLoop> {
    let outside = outside_events(timeline);
    let mut found = scaling(timeline, group, episodes, &outside);
    found.extend(removal(timeline, group, episodes, &outside));
    found.extend(memory(timeline, group, episodes, &outside));
    found.sort_by_key(|known| known.from);
    found
}

/// Instants of what no loop accounts for.
fn outside_events(timeline: &Told<'_>) -> Vec<SimTime> {
    let is_outside = |observation: &Observation| match observation {
        Observation::Action { .. } | Observation::Fault { .. } => true,
        Observation::Platform(fact) => match fact {
            PlatformFact::PodCreated { why, .. } => match why {
                PodStart::Rollout | PodStart::Replacement => true,
                PodStart::Initial | PodStart::ScaledUp => false,
            },
            PlatformFact::PodTerminating { why, .. } => match why {
                PodEnd::Rollout | PodEnd::Evicted | PodEnd::NodeLost => true,
                PodEnd::ScaledDown => false,
            },
            PlatformFact::Replicas { by, .. } => *by == ScaledBy::Script,
            PlatformFact::Template { .. } | PlatformFact::Node { .. } => true,
            PlatformFact::PodReady { .. }
            | PlatformFact::PodGone { .. }
            | PlatformFact::ContainerEnded { .. }
            | PlatformFact::MemoryExceeded { .. }
            | PlatformFact::Decision { .. }
            | PlatformFact::EvictionRefused { .. } => false,
        },
        _ => false,
    };
    let outside = timeline
        .events
        .iter()
        .filter(|entry| entry.at > SimTime::ZERO && is_outside(&entry.observation));
    outside.map(|entry| entry.at).collect()
}

/// The longest run of `begins` without an outside event between, when it is a loop.
fn longest_run(begins: &[SimTime], outside: &[SimTime]) -> Option<(SimTime, SimTime, u32)> {
    let between = |from: SimTime, to: SimTime| outside.iter().any(|at| from < *at && *at <= to);
    let runs = begins.chunk_by(|from, to| !between(*from, *to));
    let longest = runs.max_by_key(|run| run.len())?;
    let times = u32::try_from(longest.len()).unwrap_or(u32::MAX);
    (longest.len() >= REPETITIONS).then(|| (longest[0], longest[longest.len() - 1], times))
}

/// What is known of one autoscaler on its way through the timeline.
#[derive(Default)]
struct Scaling {
    /// Begins of the phases in which it added pods, each after one in which it removed some.
    begins: Vec<SimTime>,
    grows: Option<bool>,
    metric: Arc<str>,
    target_milli: i64,
    value_milli: i64,
    /// Targets when it last added and removed pods.
    upper_target_milli: i64,
    lower_target_milli: i64,
    above_milli: Option<i64>,
    below_milli: Option<i64>,
}

fn scaling(
    timeline: &Told<'_>,
    group: GroupId,
    episodes: &[Episode],
    outside: &[SimTime],
) -> Vec<RebalanceLoop> {
    let cast = &timeline.cast;
    let mut scalers: Vec<Scaling> = cast.scalers.iter().map(|_| Scaling::default()).collect();
    let in_window = |at: SimTime| timeline.measured.0 <= at && at <= timeline.measured.1;
    for (at, fact) in platform::facts(timeline).filter(|(at, _)| in_window(*at)) {
        match fact {
            PlatformFact::Decision {
                scaler,
                metric,
                value_milli,
                target_milli,
                ..
            } => {
                let known = &mut scalers[scaler.index()];
                known.metric = Arc::clone(metric);
                (known.value_milli, known.target_milli) = (*value_milli, *target_milli);
            }
            PlatformFact::Replicas {
                from,
                to,
                by: ScaledBy::Scaler(scaler),
                ..
            } => {
                let known = &mut scalers[scaler.index()];
                let grows = to > from;
                if grows {
                    known.upper_target_milli = known.target_milli;
                    known.above_milli = known.above_milli.max(Some(known.value_milli));
                } else {
                    known.lower_target_milli = known.target_milli;
                    let below = known.below_milli.unwrap_or(i64::MAX);
                    known.below_milli = Some(below.min(known.value_milli));
                }
                if grows && known.grows != Some(true) {
                    known.begins.push(at);
                }
                known.grows = Some(grows);
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (number, known) in (0..).zip(scalers) {
        let workload = cast.scalers[number as usize].workload;
        if cast.workloads[workload.index()].group != group {
            continue;
        }
        let Some((from, to, times)) = longest_run(&known.begins, outside) else {
            continue;
        };
        if !is_rebalanced(episodes, (from, to), times) {
            continue;
        }
        found.push(RebalanceLoop {
            group,
            chain: Chain::Scaling {
                scaler: ScalerId(number),
                metric: known.metric,
                target_milli: known.upper_target_milli,
                lower_target_milli: known.lower_target_milli,
                above_milli: known.above_milli.unwrap_or(0),
                below_milli: known.below_milli.unwrap_or(0),
            },
            from,
            to,
            times,
        });
    }
    found
}

/// True when the group has rebalanced between the begins of a chain.
fn is_rebalanced(episodes: &[Episode], (from, to): (SimTime, SimTime), times: u32) -> bool {
    let rebalances = episodes
        .iter()
        .filter(|episode| from <= episode.start && episode.start <= to);
    rebalances.count() + 1 >= times as usize
}

fn memory(
    timeline: &Told<'_>,
    group: GroupId,
    episodes: &[Episode],
    outside: &[SimTime],
) -> Option<RebalanceLoop> {
    let in_window = |at: SimTime| timeline.measured.0 <= at && at <= timeline.measured.1;
    let consumers = &timeline.cast.consumers;
    // What one rebalance kills together counts once.
    let mut kills: Vec<(SimTime, (u64, u64))> = Vec::new();
    let mut rebalanced = 0;
    for (at, fact) in platform::facts(timeline).filter(|(at, _)| in_window(*at)) {
        let PlatformFact::MemoryExceeded {
            consumer,
            limit,
            in_full,
            ..
        } = fact
        else {
            continue;
        };
        if consumers[consumer.index()].group != group {
            continue;
        }
        let before = episodes.iter().filter(|episode| episode.start <= at);
        let before = before.count();
        if kills.is_empty() || before > rebalanced {
            kills.push((at, (*in_full, *limit)));
        }
        rebalanced = before;
    }
    let begins: Vec<SimTime> = kills.iter().map(|(at, _)| *at).collect();
    let (from, to, times) = longest_run(&begins, outside)?;
    let of_loop = kills
        .iter()
        .filter(|(at, _)| from <= *at && *at <= to)
        .map(|(_, sizes)| *sizes);
    let (needed, limit) = of_loop.max()?;
    is_rebalanced(episodes, (from, to), times).then_some(RebalanceLoop {
        group,
        chain: Chain::Memory { needed, limit },
        from,
        to,
        times,
    })
}

fn removal(
    timeline: &Told<'_>,
    group: GroupId,
    episodes: &[Episode],
    outside: &[SimTime],
) -> Vec<RebalanceLoop> {
    const FATES: [RebalanceReason; 3] = [
        RebalanceReason::PollTimeout,
        RebalanceReason::SessionExpired,
        RebalanceReason::RebalanceTimeout,
    ];
    let in_window = |at: SimTime| timeline.measured.0 <= at && at <= timeline.measured.1;
    let of = |reason: RebalanceReason| -> Option<RebalanceLoop> {
        let begins: Vec<SimTime> = episodes
            .iter()
            .filter(|episode| episode.reasons.contains(&reason) && in_window(episode.start))
            .map(|episode| episode.start)
            .collect();
        let ways = there_and_back(timeline, group, reason);
        let (from, to, times) = longest_run(&begins, outside)?;
        let comes_back = |step: &[SimTime]| {
            let within = |out: SimTime, back: SimTime| step[0] <= out && back <= step[1];
            ways.iter().any(|(out, back)| within(*out, *back))
        };
        let mut steps = begins
            .windows(2)
            .filter(|step| from <= step[0] && step[1] <= to);
        let returns = steps.all(comes_back);
        Some(RebalanceLoop {
            group,
            chain: Chain::Removal { reason, returns },
            from,
            to,
            times,
        })
    };
    FATES.into_iter().filter_map(of).collect()
}

/// When members of the group fell out for want of time, and when the same process was let in again.
fn there_and_back(
    timeline: &Told<'_>,
    group: GroupId,
    reason: RebalanceReason,
) -> Vec<(SimTime, SimTime)> {
    let is_fate = |why: RemovalReason| match why {
        RemovalReason::PollTimeout | RemovalReason::Leave => reason == RebalanceReason::PollTimeout,
        RemovalReason::SessionExpired
        | RemovalReason::JoinTimeout
        | RemovalReason::SyncTimeout
        | RemovalReason::RebalanceTimeout => reason != RebalanceReason::PollTimeout,
        RemovalReason::CoordinatorChange | RemovalReason::GroupFull => false,
    };
    let mut out: BTreeMap<ConsumerId, SimTime> = BTreeMap::new();
    let mut members: BTreeMap<&MemberId, ConsumerId> = BTreeMap::new();
    let mut ways = Vec::new();
    for entry in &timeline.events {
        match &entry.observation {
            Observation::MemberRemoved {
                group: which,
                consumer,
                member_id,
                why,
            } if *which == group => {
                members.remove(member_id);
                if !is_fate(*why) {
                    continue;
                }
                // Killed and started again, it may be back as another member before the session of the one that it was expires.
                if members.values().any(|other| other == consumer) {
                    ways.push((entry.at, entry.at));
                } else {
                    out.insert(*consumer, entry.at);
                }
            }
            Observation::MemberAdded {
                group: which,
                consumer,
                member_id,
                ..
            }
            | Observation::MemberJoined {
                group: which,
                consumer,
                member_id,
                ..
            } if *which == group => {
                members.insert(member_id, *consumer);
                let since = out.remove(consumer);
                ways.extend(since.map(|since| (since, entry.at)));
            }
            _ => {}
        }
    }
    ways
}
