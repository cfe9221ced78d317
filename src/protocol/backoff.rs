//! How long a client waits before it tries again what failed (Kafka's `ExponentialBackoff`, KIP-580): `retry.backoff.ms`, twice that after the next failure, and
//! so on up to `retry.backoff.max.ms`, each a fifth more or less at random.
//!
//! Chance is not made here: whoever drives the client hands over the factors, or what they are drawn from ([`Jitter`]). Releases before 3.7, and
//! settings whose maximum is no more than the first wait, wait the same time always, without chance, as Kafka does.

use std::sync::Arc;

use super::config::ConsumerConfig;
use crate::kernel::{Draw, SimDuration};

/// `CommonClientConfigs.RETRY_BACKOFF_JITTER`, a fifth, in millionths.
const JITTER: u64 = 200_000;
const WHOLE: u64 = 1_000_000;

/// Words of its stream that a client uses; who waits more often meets them again.
const WORDS: u64 = 64;

/// The factors by which the waits of one client are longer or shorter, one after the other and over again. The default is none: every wait is as long as
/// it says.
#[derive(Clone, Debug, Default)]
pub struct Jitter {
    source: Source,
    used: u64,
}

/// Where the random words come from.
#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    Nowhere,
    List(Arc<[u64]>),
    /// Drawn when they are asked for: most clients never wait.
    Draw(Box<Draw>),
}

impl Jitter {
    /// Factors made of these random words; none without any.
    #[must_use]
    pub fn of(words: impl IntoIterator<Item = u64>) -> Self {
        let words: Arc<[u64]> = words.into_iter().collect();
        let source = if words.is_empty() {
            Source::Nowhere
        } else {
            Source::List(words)
        };
        Self { source, used: 0 }
    }

    /// Factors made of the first words of the stream of `draw`.
    #[must_use]
    pub fn drawn(draw: Draw) -> Self {
        Self {
            source: Source::Draw(Box::new(draw)),
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
        let number = self.used;
        self.used += 1;
        let word = match &mut self.source {
            Source::Nowhere => return WHOLE,
            Source::List(words) => words[(number % words.len() as u64) as usize],
            Source::Draw(draw) => {
                draw.seek(number % WORDS);
                draw.word()
            }
        };
        WHOLE - JITTER + word % (2 * JITTER)
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
