//! Times as objects of the Kubernetes API carry them: whole seconds, signed, because pods may be older than a run.

use crate::kernel::{SimDuration, SimTime};

const MICROS: i64 = 1_000_000;

/// `metav1.Time` as the API server keeps it: seconds since the start of the replication, cut to whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiTime(i64);

impl ApiTime {
    /// `seconds` after the start; before it when below zero.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds)
    }

    /// What is left of `at` after the API server has written it down.
    #[must_use]
    pub const fn of(at: SimTime) -> Self {
        Self(micros(at.as_micros()) / MICROS)
    }

    /// Seconds after the start.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0
    }

    /// `t.Add(span).After(at)`
    #[must_use]
    pub const fn plus_is_after(self, span: SimDuration, at: SimTime) -> bool {
        self.plus(span) > micros(at.as_micros())
    }

    /// `t.Add(span).Before(at)`
    #[must_use]
    pub const fn plus_is_before(self, span: SimDuration, at: SimTime) -> bool {
        self.plus(span) < micros(at.as_micros())
    }

    /// `t.Before(other.Add(span))`
    #[must_use]
    pub const fn is_before(self, other: Self, span: SimDuration) -> bool {
        self.0.saturating_mul(MICROS) < other.plus(span)
    }

    /// Microseconds after the start of this time and `span`.
    const fn plus(self, span: SimDuration) -> i64 {
        self.0
            .saturating_mul(MICROS)
            .saturating_add(micros(span.as_micros()))
    }
}

/// Microseconds as a signed number; what does not fit is later than everything.
const fn micros(micros: u64) -> i64 {
    if micros > i64::MAX as u64 {
        i64::MAX
    } else {
        micros.cast_signed()
    }
}
