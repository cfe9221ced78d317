//! How long a client waits before it tries again what failed (Kafka's `ExponentialBackoff`, KIP-580): `retry.backoff.ms`, twice that after the next failure, and
//! so on up to `retry.backoff.max.ms`, each a fifth more or less at random.
//!
//! Chance is not made here: whoever drives the client hands over the factors ([`Jitter`]). Releases before 3.7, and settings whose maximum is no more than the first wait, wait
//! the same time always, without chance, as Kafka does.

use std::sync::Arc;

use super::config::ConsumerConfig;
use crate::kernel::SimDuration;

/// `CommonClientConfigs.RETRY_BACKOFF_JITTER`, a fifth, in millionths.
const JITTER: u64 = 200_000;
const WHOLE: u64 = 1_000_000;

/// The factors by which the waits of one client are longer or shorter, one after the other and over again.
#[derive(Clone, Debug)]
pub struct Jitter {
    millionths: Arc<[u64]>,
    used: usize,
}

impl Default for Jitter {
    /// None: every wait is as long as it says.
    fn default() -> Self {
        Self {
            millionths: Arc::from([WHOLE]),
            used: 0,
        }
    }
}

impl Jitter {
    /// Factors made of random words.
    #[must_use]
    pub fn of(words: impl IntoIterator<Item = u64>) -> Self {
        let factor = |word: u64| WHOLE - JITTER + word % (2 * JITTER);
        let millionths: Arc<[u64]> = words.into_iter().map(factor).collect();
        if millionths.is_empty() {
            return Self::default();
        }
        Self {
            millionths,
            used: 0,
        }
    }

    /// The wait after so many waits in a row, of which the first takes about `first`, and none more than `most` (`ExponentialBackoff.backoff`).
    pub fn wait(&mut self, first: SimDuration, most: SimDuration, before: u32) -> SimDuration {
        if most <= first {
            return most;
        }
        let doubled = first.as_micros().saturating_mul(1 << before.min(30));
        // Kafka takes the factor of the wait, which stops growing at the maximum, cuts to whole milliseconds, and caps.
        let wait = u128::from(doubled.min(most.as_micros())) * u128::from(self.next());
        let millis = wait / u128::from(WHOLE) / 1_000;
        SimDuration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).min(most)
    }

    fn next(&mut self) -> u64 {
        let factor = self.millionths[self.used];
        self.used = (self.used + 1) % self.millionths.len();
        factor
    }
}

/// The failures in a row of one kind of request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It failed: how long to wait before the next try.
    pub fn fail(&mut self, config: &ConsumerConfig, jitter: &mut Jitter) -> SimDuration {
        let (first, most) = (config.retry_backoff, config.retry_backoff_max);
        let wait = jitter.wait(first, most, self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// It succeeded, or a new series of tries begins.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}
