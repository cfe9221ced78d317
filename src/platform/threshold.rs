//! The scaler that people write first: a step up above one level, a step down below another, looked at now and then.
//!
//! A rule of this simulator's own language (`scenario-format.md` 5), not of Kubernetes: it has no window and no tolerance.

use crate::kernel::{SimDuration, SimTime};

/// The rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThresholdSpec {
    /// Between looks; the first comes this long after the start.
    pub every: SimDuration,
    /// A step up when the metric is above this.
    pub above: u64,
    /// A step down when the metric is below this.
    pub below: u64,
    /// Replicas a step.
    pub step: i32,
    /// Fewest replicas.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
    /// After a step nothing happens for so long.
    pub cooldown: SimDuration,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What `spec.replicas` is to be; `None`: it stays.
    pub scale_to: Option<i32>,
    /// Why.
    pub reason: LookReason,
}

/// Why a look came to what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookReason {
    /// A step up.
    Above,
    /// A step down.
    Below,
    /// Between the two levels.
    Within,
    /// The last step is too recent.
    Cooldown,
    /// Above, but at `max` already.
    AtMax,
    /// Below, but at `min` already.
    AtMin,
    /// The replicas were outside `min` and `max`, whatever the metric.
    OutOfBounds,
}

impl LookReason {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Above => "Above",
            Self::Below => "Below",
            Self::Within => "Within",
            Self::Cooldown => "Cooldown",
            Self::AtMax => "AtMax",
            Self::AtMin => "AtMin",
            Self::OutOfBounds => "OutOfBounds",
        }
    }
}

/// The scaler.
#[derive(Clone, Debug)]
pub struct Threshold {
    spec: ThresholdSpec,
    last_step: Option<SimTime>,
}

impl Threshold {
    /// A scaler that has not looked yet.
    #[must_use]
    pub const fn new(spec: ThresholdSpec) -> Self {
        Self {
            spec,
            last_step: None,
        }
    }

    /// The rule.
    #[must_use]
    pub const fn spec(&self) -> ThresholdSpec {
        self.spec
    }

    /// The look at `now`: the metric is at `value`, the target at `current`. The next one comes `every` later.
    pub fn look(&mut self, now: SimTime, value: u64, current: i32) -> Look {
        let ThresholdSpec {
            above,
            below,
            step,
            min,
            max,
            cooldown,
            ..
        } = self.spec;
        let stay = |reason| Look {
            scale_to: None,
            reason,
        };
        let bounded = current.max(min).min(max);
        let (wanted, reason) = if bounded != current {
            (bounded, LookReason::OutOfBounds)
        } else if self.last_step.is_some_and(|last| now < last + cooldown) {
            return stay(LookReason::Cooldown);
        } else if value > above {
            (current.saturating_add(step).min(max), LookReason::Above)
        } else if value < below {
            (current.saturating_sub(step).max(min), LookReason::Below)
        } else {
            return stay(LookReason::Within);
        };
        if wanted == current {
            return stay(match reason {
                LookReason::Above => LookReason::AtMax,
                LookReason::Below
                | LookReason::Within
                | LookReason::Cooldown
                | LookReason::AtMax
                | LookReason::AtMin
                | LookReason::OutOfBounds => LookReason::AtMin,
            });
        }
        self.last_step = Some(now);
        Look {
            scale_to: Some(wanted),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: ThresholdSpec = ThresholdSpec {
        every: SimDuration::from_secs(60),
        above: 1_000,
        below: 100,
        step: 2,
        min: 1,
        max: 6,
        cooldown: SimDuration::from_secs(120),
    };

    fn at(seconds: u64) -> SimTime {
        SimTime::from_millis(seconds * 1_000)
    }

    fn looks(spec: ThresholdSpec, looks: &[(u64, u64, i32)]) -> Vec<(Option<i32>, LookReason)> {
        let mut scaler = Threshold::new(spec);
        let looks = looks.iter().map(|(time, value, current)| {
            let look = scaler.look(at(*time), *value, *current);
            (look.scale_to, look.reason)
        });
        looks.collect()
    }

    #[test]
    fn steps_go_up_above_down_below_and_stay_in_bounds() {
        let spec = ThresholdSpec {
            cooldown: SimDuration::ZERO,
            ..SPEC
        };
        let found = looks(
            spec,
            &[
                (60, 1_001, 3),
                (120, 1_001, 5),
                (180, 1_001, 6),
                (240, 99, 2),
                (300, 99, 1),
                (360, 1_000, 3),
                (420, 100, 3),
            ],
        );
        use LookReason::{Above, AtMax, AtMin, Below, Within};
        let wanted = [
            (Some(5), Above),
            (Some(6), Above),
            (None, AtMax),
            (Some(1), Below),
            (None, AtMin),
            (None, Within),
            (None, Within),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_step_is_followed_by_the_cooldown_and_bounds_are_kept_within_it() {
        let found = looks(
            SPEC,
            &[
                (60, 5_000, 2),
                (120, 5_000, 4),
                (180, 5_000, 4),
                (240, 5_000, 9),
            ],
        );
        use LookReason::{Above, Cooldown, OutOfBounds};
        let wanted = [
            (Some(4), Above),
            (None, Cooldown),
            (Some(6), Above),
            (Some(6), OutOfBounds),
        ];
        assert_eq!(found, wanted);
    }
}
