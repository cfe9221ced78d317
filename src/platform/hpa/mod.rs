//! `HorizontalPodAutoscaler` v2: one reconcile of the controller, in its order (`horizontal.go: reconcileAutoscaler`).
//!
//! Owns what the controller remembers of one autoscaler: recommendations, scale events and conditions. Sees the target only
//! through [`Observed`], writes nothing (the caller sets the target to [`Outcome::desired`]) and takes every write for
//! successful. Object metrics, and the alpha scaling to zero by the autoscaler itself, are not modelled.
//!
//! Doubles are IEEE-754 and in the order of the original, because results depend on their rounding; none outlives a reconcile.

mod calculator;
mod limits;
mod observed;
mod spec;
#[cfg(test)]
mod tests;

pub use observed::{
    Able, Active, Condition, Conditions, Failure, Limit, Limited, Observed, Outcome, PodPhase,
    PodSeen, Proposal, Reading, ReadyCondition, Reconcile, Sample,
};
pub use spec::{
    Behavior, Controller, HpaSpec, Metric, Policy, PolicyKind, ResourceName, Rules, SelectPolicy,
    Source, Target, Tolerance,
};

use crate::kernel::{SimDuration, SimTime};
use limits::History;
use observed::Conditions as Said;

/// How long a reconcile takes: the next one comes this much later than the sync period says, so that what happened n periods
/// ago lies outside a window of n periods, as in a real cluster (`environment-models.md` 0).
pub const RECONCILE_TIME: SimDuration = SimDuration::from_millis(20);

/// One autoscaler as its controller knows it.
#[derive(Clone, Debug)]
pub struct Hpa {
    spec: HpaSpec,
    controller: Controller,
    history: History,
    conditions: Conditions,
}

impl Hpa {
    /// An autoscaler that the controller has never reconciled.
    #[must_use]
    pub fn new(spec: HpaSpec, controller: Controller) -> Self {
        Self {
            spec,
            controller,
            history: History::default(),
            conditions: Conditions::default(),
        }
    }

    /// Its spec.
    #[must_use]
    pub const fn spec(&self) -> &HpaSpec {
        &self.spec
    }

    /// When the reconcile after the one at `now` begins (`rate_limiters.go: FixedItemIntervalRateLimiter`).
    #[must_use]
    pub fn next_sync(&self, now: SimTime) -> SimTime {
        now + self.controller.sync_period + RECONCILE_TIME
    }

    /// One reconcile at `now`. The readings of `observed` stand in the order of the spec's metrics.
    pub fn reconcile(&mut self, now: SimTime, observed: &Observed) -> Outcome {
        let current = observed.spec_replicas;
        self.conditions.able_to_scale = Some(Condition::yes(Able::SucceededGetScale));
        self.history.begin(now, current);
        let mut outcome = Outcome::unchanged(current);
        if current == 0 {
            self.conditions.scaling_active = Some(Condition::no(Active::ScalingDisabled));
            return self.finish(outcome);
        }
        if current > self.spec.max_replicas {
            outcome.desired = self.spec.max_replicas;
            outcome.limit = Some(Limit::MaxReplicas);
        } else if current < self.spec.min_replicas {
            outcome.desired = self.spec.min_replicas;
            outcome.limit = Some(Limit::MinReplicas);
        } else {
            self.compute(now, observed, &mut outcome);
            if !outcome.is_computed {
                return self.finish(outcome);
            }
        }
        if outcome.desired != current
            || !(self.spec.min_replicas..=self.spec.max_replicas).contains(&current)
        {
            self.conditions.able_to_scale = Some(Condition::yes(Able::SucceededRescale));
            self.history
                .store_event(now, self.spec.behavior.as_ref(), current, outcome.desired);
        }
        self.finish(outcome)
    }

    fn finish(&self, mut outcome: Outcome) -> Outcome {
        outcome.conditions = self.conditions;
        outcome
    }

    /// `computeReplicasForMetrics`, then normalization. Leaves `is_computed` false when the reconcile fails.
    fn compute(&mut self, now: SimTime, observed: &Observed, outcome: &mut Outcome) {
        let (mut replicas, mut first_failure) = (0, None);
        for (index, metric) in self.spec.metrics.iter().enumerate() {
            let proposal = match observed.readings.get(index) {
                Some(reading) => calculator::propose(
                    now,
                    &self.controller,
                    self.spec.behavior.as_ref(),
                    metric,
                    observed,
                    reading,
                ),
                None => Err(Failure::NoMetrics),
            };
            match &proposal {
                Ok(found) if replicas == 0 || found.replicas > replicas => {
                    replicas = found.replicas;
                    outcome.winner = Some(index);
                }
                Ok(_) => {}
                Err(_) => {
                    first_failure.get_or_insert(Active::failed(&metric.source));
                    outcome.failures += 1;
                }
            }
            outcome.proposals.push(proposal);
        }
        let none_left = outcome.failures >= self.spec.metrics.len();
        if let Some(reason) = first_failure
            && (none_left || replicas < observed.spec_replicas)
        {
            self.conditions.scaling_active = Some(Condition::no(reason));
            outcome.winner = None;
            return;
        }
        self.conditions.scaling_active = Some(Condition::yes(Active::ValidMetricFound));
        outcome.is_computed = true;
        outcome.recommendation = Some(replicas.max(0));
        self.normalize(now, replicas.max(0), outcome);
    }

    fn normalize(&mut self, now: SimTime, raw: i32, outcome: &mut Outcome) {
        let Self {
            spec,
            controller,
            history,
            conditions,
        } = self;
        let current = outcome.desired;
        let (stabilized, bounded) = match &spec.behavior {
            None => {
                let window = controller.downscale_stabilization;
                let stabilized = history.stabilize_down(now, window, raw);
                (stabilized, limits::by_bounds(spec, current, stabilized))
            }
            Some(behavior) => {
                let down = behavior.scale_down.window;
                let windows = (
                    behavior.scale_up.window.unwrap_or(SimDuration::ZERO),
                    down.unwrap_or(controller.downscale_stabilization),
                );
                let stabilized = history.stabilize(now, windows, current, raw);
                let bounded = history.by_rate(now, spec, behavior, current, stabilized);
                (stabilized, bounded)
            }
        };
        let stabilized_as = match (&spec.behavior, raw >= current) {
            (Some(_), true) => Able::ScaleUpStabilized,
            (Some(_), false) | (None, _) => Able::ScaleDownStabilized,
        };
        let able = if stabilized == raw {
            Able::ReadyForNewScale
        } else {
            stabilized_as
        };
        conditions.able_to_scale = Some(Condition::yes(able));
        conditions.scaling_limited =
            Some(Said::limited(bounded.desired != stabilized, bounded.reason));
        outcome.stabilized = Some(stabilized);
        outcome.desired = bounded.desired;
        outcome.limit = bounded.limit;
    }
}
