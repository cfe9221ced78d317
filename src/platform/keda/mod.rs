//! KEDA: a ScaledObject between zero and one (`scale_scaledobjects.go: RequestScale`), and what it tells the HPA that it
//! generates for everything above (`scale_handler.go: GetScaledObjectMetrics`, `hpa.go: newHPAForScaledObject`).
//!
//! Owns when something was last active, failures in a row, cached metrics and what its scalers remember. Offsets come in with
//! each call; the answer is a number of replicas to write, or a reading for the HPA. ScaledJobs, formulas over several triggers
//! and pausing by annotation are not modelled. Source: KEDA 2.20.

mod kafka;
mod spec;
#[cfg(test)]
mod tests;

pub use kafka::{KafkaReading, KafkaScaler, PartitionOffsets};
pub use spec::{
    Fallback, FallbackBehavior, KafkaTrigger, OffsetResetPolicy, ScaledObjectSpec, Trigger,
    TriggerKind, ValueKind,
};

use super::api_time::ApiTime;
use super::hpa::Reading;
use crate::kernel::{SimDuration, SimTime};

/// How long the triggers take to answer a poll: what is decided is decided so much after it. Any small span does: it makes what
/// happened n polls ago, cut to whole seconds, older than n polling intervals (KEDA-9).
pub const POLL_TIME: SimDuration = SimDuration::from_millis(20);

/// What a trigger answered: the offsets of the partitions that it asked for, or nothing because the brokers did not answer.
/// Of cpu and memory triggers, which the HPA measures itself, it does not matter.
pub type Answer<'a> = Option<&'a [PartitionOffsets]>;

/// What KEDA sees of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `spec.replicas`
    pub current: i32,
    /// Pods that run and are ready.
    pub ready: i32,
}

/// One look at the triggers, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What `spec.replicas` is to be; `None`: it stays.
    pub scale_to: Option<i32>,
    /// What it found.
    pub reason: PollReason,
}

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollReason {
    /// Active, and there were too few replicas: `KEDAScaleTargetActivated`.
    Activated,
    /// Active; the HPA does the rest.
    ScalerActive,
    /// Inactive for longer than the cooldown: `KEDAScaleTargetDeactivated`.
    Deactivated,
    /// Inactive, but not for long enough.
    ScalerCooldown,
    /// Inactive, and fewer replicas than `minReplicaCount`.
    RaisedToMinimum,
    /// Inactive; nothing to do.
    ScalerNotActive,
    /// A trigger failed.
    TriggerError,
}

impl PollReason {
    /// As KEDA's events and conditions spell it, where they have a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activated => "KEDAScaleTargetActivated",
            Self::ScalerActive => "ScalerActive",
            Self::Deactivated => "KEDAScaleTargetDeactivated",
            Self::ScalerCooldown => "ScalerCooldown",
            Self::RaisedToMinimum => "RaisedToMinimum",
            Self::ScalerNotActive => "ScalerNotActive",
            Self::TriggerError => "TriggerError",
        }
    }
}

/// A ScaledObject as the operator knows it.
#[derive(Clone, Debug)]
pub struct ScaledObject {
    spec: ScaledObjectSpec,
    created: ApiTime,
    /// `status.lastActiveTime`
    last_active: Option<ApiTime>,
    triggers: Vec<State>,
}

/// What is kept of a trigger.
#[derive(Clone, Debug, Default)]
struct State {
    scaler: KafkaScaler,
    /// `status.health`: failures in a row.
    failures: u32,
    /// With `useCachedMetrics`, what the last poll found, if there was one.
    cached: Option<Measured>,
}

/// A metric in thousandths; `None`: an error.
type Measured = Option<i64>;

/// A measurement after the fallback had its say.
#[derive(Clone, Copy, Debug)]
struct Judged {
    value: Measured,
    is_fallback: bool,
}

impl ScaledObject {
    /// A ScaledObject that was created at `created`.
    #[must_use]
    pub fn new(spec: ScaledObjectSpec, created: SimTime) -> Self {
        let triggers = spec.triggers.iter().map(|_| State::default()).collect();
        Self {
            spec,
            created: ApiTime::of(created),
            last_active: None,
            triggers,
        }
    }

    /// The same, when a poll at `at` found it active.
    #[must_use]
    pub const fn active_at(mut self, at: SimTime) -> Self {
        self.last_active = Some(ApiTime::of(at));
        self
    }

    /// Its spec.
    #[must_use]
    pub const fn spec(&self) -> &ScaledObjectSpec {
        &self.spec
    }

    /// The poll at `now`; `answers` by trigger. The next one comes a polling interval later.
    pub fn poll(&mut self, now: SimTime, seen: Seen, answers: &[Answer<'_>]) -> Poll {
        let (mut is_active, mut is_error) = (false, false);
        let mut has_external = false;
        for index in 0..self.triggers.len() {
            let TriggerKind::Kafka(trigger) = &self.spec.triggers[index].kind else {
                continue;
            };
            has_external = true;
            let answer = answers.get(index).copied().flatten();
            let state = &mut self.triggers[index];
            let reading = answer.map(|offsets| state.scaler.read(trigger, offsets));
            let raw = reading.map(|reading| thousandths(reading.metric));
            let judged = state.judge(self.spec.fallback, trigger, seen, raw);
            if self.spec.triggers[index].use_cached_metrics {
                state.cached = Some(judged.value);
            }
            is_error |= judged.value.is_none();
            let active = reading.is_some_and(|reading| reading.is_active(trigger));
            is_active |= judged.value.is_some() && (active || judged.is_fallback);
        }
        if is_error {
            self.forget();
        }
        // With nothing but cpu and memory there is no way back from zero.
        is_active |= !has_external && !is_error;
        self.decide(now + POLL_TIME, seen.current, is_active, is_error)
    }

    /// `RequestScale`
    fn decide(&mut self, now: SimTime, current: i32, is_active: bool, is_error: bool) -> Poll {
        let (idle, least) = (self.spec.idle_replicas, self.spec.min_replicas);
        let (scale_to, reason) = if is_active {
            if (idle.is_some() && current < least) || current == 0 {
                self.last_active = Some(ApiTime::of(now));
                (Some(least.max(1)), PollReason::Activated)
            } else if is_error {
                (None, PollReason::TriggerError)
            } else {
                self.last_active = Some(ApiTime::of(now));
                (None, PollReason::ScalerActive)
            }
        } else if is_error
            && self
                .spec
                .fallback
                .is_none_or(|fallback| fallback.replicas != 0)
        {
            (None, PollReason::TriggerError)
        } else if idle.is_some_and(|idle| current > idle) || (current > 0 && least == 0) {
            if self.has_cooled_down(now) {
                (Some(idle.unwrap_or(least)), PollReason::Deactivated)
            } else {
                (None, PollReason::ScalerCooldown)
            }
        } else if idle.is_none() && current < least {
            (Some(least), PollReason::RaisedToMinimum)
        } else {
            (None, PollReason::ScalerNotActive)
        };
        Poll { scale_to, reason }
    }

    /// `scaleToZeroOrIdle`
    fn has_cooled_down(&self, now: SimTime) -> bool {
        match self.last_active {
            Some(last) => last.plus_is_before(self.spec.cooldown, now),
            None => self.created.plus_is_before(self.spec.initial_cooldown, now),
        }
    }

    /// What the HPA reads of the trigger at `index`; live, unless `useCachedMetrics` is on. Nothing of a cpu or memory trigger:
    /// its metric does not come from KEDA.
    pub fn metric(&mut self, index: usize, seen: Seen, answer: Answer<'_>) -> Option<Reading> {
        let trigger = self.spec.triggers.get(index)?;
        let TriggerKind::Kafka(kafka) = &trigger.kind else {
            return None;
        };
        let state = &mut self.triggers[index];
        let raw = match state.cached.filter(|_| trigger.use_cached_metrics) {
            Some(cached) => cached,
            None => answer.map(|offsets| thousandths(state.scaler.read(kafka, offsets).metric)),
        };
        let judged = state.judge(self.spec.fallback, kafka, seen, raw);
        if judged.value.is_none() {
            self.forget();
        }
        Some(Reading::External(judged.value.into_iter().collect()))
    }

    /// True when [`ScaledObject::metric`] will not look at the answer.
    #[must_use]
    pub fn reads_cache(&self, index: usize) -> bool {
        let cached = |trigger: &Trigger| trigger.use_cached_metrics;
        self.spec.triggers.get(index).is_some_and(cached) && self.triggers[index].cached.is_some()
    }

    /// `ClearScalersCache`: after an error the scalers are made anew, without memory.
    fn forget(&mut self) {
        for state in &mut self.triggers {
            state.scaler = KafkaScaler::default();
        }
    }
}

impl State {
    /// `fallback.go: GetMetricsWithFallback`
    fn judge(
        &mut self,
        fallback: Option<Fallback>,
        trigger: &KafkaTrigger,
        seen: Seen,
        raw: Measured,
    ) -> Judged {
        let plain = Judged {
            value: raw,
            is_fallback: false,
        };
        let Some(fallback) = fallback else {
            return plain;
        };
        if raw.is_some() {
            self.failures = 0;
            return plain;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures <= fallback.failure_threshold {
            return plain;
        }
        let value = fallback.metric(trigger, seen);
        Judged {
            value,
            is_fallback: value.is_some(),
        }
    }
}

/// A quantity in thousandths, nothing below zero (`quantityFromFloat64`).
fn thousandths(value: i64) -> i64 {
    value.max(0).saturating_mul(1_000)
}
