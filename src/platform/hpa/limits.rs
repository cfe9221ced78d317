//! From what metrics ask for to what may be done now: stabilization windows and limits of the rate, and the history that both
//! live on (`normalizeDesiredReplicas`, `normalizeDesiredReplicasWithBehaviors`, `storeScaleEvent`).

use super::calculator::whole;
use super::observed::{Limit, Limited};
use super::spec::{Behavior, HpaSpec, PolicyKind, Rules, SelectPolicy};
use crate::kernel::{SimDuration, SimTime};

/// What the controller keeps in memory of one autoscaler.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Unstabilized recommendations; `None` until the first reconcile.
    recommendations: Option<Vec<(i32, SimTime)>>,
    /// Changes upwards. Kept in slots as the original keeps them: a change that is outdated for its own direction may be
    /// overwritten, but counts for the other direction until it is.
    ups: Vec<(i32, SimTime)>,
    /// Changes downwards, likewise.
    downs: Vec<(i32, SimTime)>,
}

/// What limits leave of a stabilized recommendation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded {
    pub(super) desired: i32,
    pub(super) reason: Limited,
    pub(super) limit: Option<Limit>,
}

impl Bounded {
    const fn free(desired: i32) -> Self {
        Self {
            desired,
            reason: Limited::DesiredWithinRange,
            limit: None,
        }
    }
}

impl History {
    /// `recordInitialRecommendation`
    pub(super) fn begin(&mut self, now: SimTime, current: i32) {
        self.recommendations
            .get_or_insert_with(|| vec![(current, now)]);
    }

    fn record(&mut self, now: SimTime, raw: i32, keep: SimDuration) {
        let recommendations = self.recommendations.get_or_insert_default();
        recommendations.retain(|(_, at)| *at + keep >= now);
        recommendations.push((raw, now));
    }

    fn recommendations(&self) -> &[(i32, SimTime)] {
        self.recommendations.as_deref().unwrap_or_default()
    }

    /// `stabilizeRecommendation`: what is exactly as old as the window still counts.
    pub(super) fn stabilize_down(&mut self, now: SimTime, window: SimDuration, raw: i32) -> i32 {
        let inside = self
            .recommendations()
            .iter()
            .filter(|(_, at)| *at + window >= now);
        let stabilized = inside.fold(raw, |highest, (value, _)| highest.max(*value));
        self.record(now, raw, window);
        stabilized
    }

    /// `stabilizeRecommendationWithBehaviors`: what is exactly as old as a window (up, down) no longer counts.
    pub(super) fn stabilize(
        &mut self,
        now: SimTime,
        (up, down): (SimDuration, SimDuration),
        current: i32,
        raw: i32,
    ) -> i32 {
        let (mut lowest, mut highest) = (raw, raw);
        for (value, at) in self.recommendations() {
            if *at + up > now {
                lowest = lowest.min(*value);
            }
            if *at + down > now {
                highest = highest.max(*value);
            }
        }
        self.record(now, raw, up.max(down));
        current.max(lowest).min(highest)
    }

    /// `convertDesiredReplicasWithBehaviorRate`
    pub(super) fn by_rate(
        &self,
        now: SimTime,
        spec: &HpaSpec,
        behavior: &Behavior,
        current: i32,
        stabilized: i32,
    ) -> Bounded {
        if stabilized > current {
            let (limit, policy) = self.scale_up_limit(now, &behavior.scale_up, current);
            let limit = limit.max(current);
            if spec.max_replicas > limit {
                let limited = Limit::ScaleUpPolicy(policy);
                return at_most(stabilized, limit, Limited::ScaleUpLimit, limited);
            }
            let reason = Limited::TooManyReplicas;
            return at_most(stabilized, spec.max_replicas, reason, Limit::MaxReplicas);
        }
        if stabilized < current {
            let (limit, policy) = self.scale_down_limit(now, &behavior.scale_down, current);
            let limit = limit.min(current);
            if spec.min_replicas < limit {
                let limited = Limit::ScaleDownPolicy(policy);
                return at_least(stabilized, limit, Limited::ScaleDownLimit, limited);
            }
            let reason = Limited::TooFewReplicas;
            return at_least(stabilized, spec.min_replicas, reason, Limit::MinReplicas);
        }
        Bounded::free(stabilized)
    }

    /// Replicas at the begin of a period: both lists enter, in either direction.
    fn at_start(&self, now: SimTime, period: SimDuration, current: i32) -> i32 {
        let inside = |events: &[(i32, SimTime)]| {
            let inside = events.iter().filter(|(_, at)| *at + period > now);
            inside.fold(0_i32, |sum, (change, _)| sum.wrapping_add(*change))
        };
        current
            .wrapping_sub(inside(&self.ups))
            .wrapping_add(inside(&self.downs))
    }

    /// `calculateScaleUpLimitWithScalingRules`, and the policy that set it.
    fn scale_up_limit(&self, now: SimTime, rules: &Rules, current: i32) -> (i32, Option<usize>) {
        let proposals = rules.policies.iter().map(|policy| {
            let start = self.at_start(now, policy.period, current);
            match policy.kind {
                PolicyKind::Pods => start.wrapping_add(policy.value),
                PolicyKind::Percent => whole(libm::ceil(
                    f64::from(start) * (1.0 + f64::from(policy.value) / 100.0),
                )),
            }
        });
        match rules.select {
            SelectPolicy::Disabled => (current, None),
            SelectPolicy::Max => highest(proposals),
            SelectPolicy::Min => lowest(proposals),
        }
    }

    /// `calculateScaleDownLimitWithBehaviors`, and the policy that set it.
    fn scale_down_limit(&self, now: SimTime, rules: &Rules, current: i32) -> (i32, Option<usize>) {
        let proposals = rules.policies.iter().map(|policy| {
            let start = self.at_start(now, policy.period, current);
            match policy.kind {
                PolicyKind::Pods => start.wrapping_sub(policy.value),
                PolicyKind::Percent => {
                    whole(f64::from(start) * (1.0 - f64::from(policy.value) / 100.0))
                }
            }
        });
        match rules.select {
            SelectPolicy::Disabled => (current, None),
            SelectPolicy::Max => lowest(proposals),
            SelectPolicy::Min => highest(proposals),
        }
    }

    /// `storeScaleEvent`: nothing is kept without `behavior`.
    pub(super) fn store_event(
        &mut self,
        now: SimTime,
        behavior: Option<&Behavior>,
        before: i32,
        after: i32,
    ) {
        let Some(behavior) = behavior else {
            return;
        };
        if after > before {
            let longest = behavior.scale_up.longest_period();
            store(&mut self.ups, now, longest, after.wrapping_sub(before));
        } else {
            let longest = behavior.scale_down.longest_period();
            store(&mut self.downs, now, longest, before.wrapping_sub(after));
        }
    }
}

fn store(events: &mut Vec<(i32, SimTime)>, now: SimTime, longest: SimDuration, change: i32) {
    match events.iter().rposition(|(_, at)| *at + longest < now) {
        Some(outdated) => events[outdated] = (change, now),
        None => events.push((change, now)),
    }
}

/// `normalizeDesiredReplicas`, second half (`convertDesiredReplicasWithRules`).
pub(super) fn by_bounds(spec: &HpaSpec, current: i32, stabilized: i32) -> Bounded {
    // The original multiplies doubles; twice a count of replicas is exact.
    let doubled = current.saturating_mul(2).max(4);
    if stabilized < spec.min_replicas {
        return Bounded {
            desired: spec.min_replicas,
            reason: Limited::TooFewReplicas,
            limit: Some(Limit::MinReplicas),
        };
    }
    if spec.max_replicas > doubled {
        return at_most(stabilized, doubled, Limited::ScaleUpLimit, Limit::Doubling);
    }
    let reason = Limited::TooManyReplicas;
    at_most(stabilized, spec.max_replicas, reason, Limit::MaxReplicas)
}

const fn at_most(desired: i32, most: i32, reason: Limited, limit: Limit) -> Bounded {
    if desired > most {
        Bounded {
            desired: most,
            reason,
            limit: Some(limit),
        }
    } else {
        Bounded::free(desired)
    }
}

const fn at_least(desired: i32, least: i32, reason: Limited, limit: Limit) -> Bounded {
    if desired < least {
        Bounded {
            desired: least,
            reason,
            limit: Some(limit),
        }
    } else {
        Bounded::free(desired)
    }
}

/// The highest and where it stands first; of nothing, the lowest number there is.
fn highest(values: impl Iterator<Item = i32>) -> (i32, Option<usize>) {
    let start = (i32::MIN, None);
    values.enumerate().fold(start, |best, (index, value)| {
        if best.1.is_none() || value > best.0 {
            (value, Some(index))
        } else {
            best
        }
    })
}

/// The lowest and where it stands first; of nothing, the highest number there is.
fn lowest(values: impl Iterator<Item = i32>) -> (i32, Option<usize>) {
    let start = (i32::MAX, None);
    values.enumerate().fold(start, |best, (index, value)| {
        if best.1.is_none() || value < best.0 {
            (value, Some(index))
        } else {
            best
        }
    })
}
