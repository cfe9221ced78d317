//! Records that fail and are tried again, and what an application does with one that cannot be processed at all.
//!
//! Whether a record fails is the record's own die, so it fails as often in whosever hands it is.

use super::service::Words;
use crate::kernel::{Seed, SimDuration};

/// `processing.failures`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The part of all attempts that fail, in thousandths of a percent.
    pub share: u64,
    /// Attempts after the first; a record that fails with the last is given up and counts as processed (dead letters).
    pub retries: u32,
    /// From an attempt that failed to the next; the thread sleeps.
    pub backoff: SimDuration,
}

impl Failures {
    /// The share that is all.
    pub const ALL: u64 = 100_000;
}

/// `processing.on_poison`: what the application does with a record that cannot be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnPoison {
    /// The process dies at the record's turn, without a commit.
    #[default]
    Crash,
    /// It is passed over.
    Skip,
    /// It is tried again for ever, in place.
    Retry,
}

/// The dice of the records of one partition: word `offset` of stream (seed, `<topic>-<partition>`, "failures").
#[derive(Clone, Debug)]
pub struct FailureDice(Words);

impl FailureDice {
    /// Those of partition `partition` of `topic`.
    #[must_use]
    pub fn new(seed: Seed, topic: &str, partition: u32) -> Self {
        Self(Words::new(seed, topic, partition, "failures"))
    }

    /// How often the record at `offset` is tried: at least once, at most once more than there are retries.
    pub fn attempts(&mut self, failures: &Failures, offset: u64) -> u64 {
        const WHOLE: u128 = Failures::ALL as u128;
        let share = u128::from(failures.share).min(WHOLE);
        if share == 0 || failures.retries == 0 {
            return 1;
        }
        // The first k attempts fail with probability share^k: where one word lies says how many.
        let word = u128::from(self.0.word(offset));
        let (mut attempts, mut below) = (1, 1_u128 << 64);
        while attempts <= u64::from(failures.retries) {
            below = below * share / WHOLE;
            if word >= below {
                break;
            }
            attempts += 1;
        }
        attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_fail_as_the_share_says() {
        let failures = Failures {
            share: 20_000,
            retries: 2,
            backoff: SimDuration::ZERO,
        };
        let mut dice = FailureDice::new(Seed(3), "orders", 1);
        let mut tried = [0_u64; 4];
        for offset in 0..100_000 {
            tried[dice.attempts(&failures, offset) as usize] += 1;
        }
        // 80 %, 16 %, 4 %, within five standard deviations.
        for (attempts, expected) in [(1, 80_000_u64), (2, 16_000), (3, 4_000)] {
            let off = tried[attempts].abs_diff(expected);
            assert!(off < 650, "{attempts}: {} for {expected}", tried[attempts]);
        }
        assert_eq!(tried[0], 0);
    }

    #[test]
    fn a_share_of_all_fails_to_the_last_and_one_of_nothing_never() {
        let mut dice = FailureDice::new(Seed(3), "orders", 1);
        let failures = |share, retries| Failures {
            share,
            retries,
            backoff: SimDuration::ZERO,
        };
        assert_eq!(dice.attempts(&failures(100_000, 3), 7), 4);
        assert_eq!(dice.attempts(&failures(0, 3), 7), 1);
        assert_eq!(dice.attempts(&failures(100_000, 0), 7), 1);
    }
}
