//! Why a description of the workload cannot be played, in words for whoever wrote it.

use std::fmt;

/// A value that makes no sense, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong: "p99 lies below the median".
    pub reason: String,
    /// What to write: "write a p99 of at least 2ms".
    pub fix: String,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.fix)
    }
}

impl std::error::Error for Refusal {}
