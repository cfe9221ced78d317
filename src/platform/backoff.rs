//! Crash loops: how long a container that has ended waits for its restart (`client-go` `flowcontrol.Backoff`, `doBackOff` of the
//! kubelet). How it ended does not matter, and a new pod begins anew.

use crate::kernel::{SimDuration, SimTime};

/// A container that ran longer than this starts again without delay (twice `MaxContainerBackOff`, in every mode).
const RESET: SimDuration = SimDuration::from_secs(600);

/// Delays of a node's kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffSpec {
    /// The first.
    pub initial: SimDuration,
    /// The longest.
    pub most: SimDuration,
}

impl BackoffSpec {
    /// `initialCrashLoopBackOff`, `MaxCrashLoopBackOff`
    pub const DEFAULT: Self = Self {
        initial: SimDuration::from_secs(10),
        most: SimDuration::from_secs(300),
    };

    /// With the feature `ReduceDefaultCrashLoopBackOffDecay` (KEP-4603).
    pub const REDUCED: Self = Self {
        initial: SimDuration::from_secs(1),
        most: SimDuration::from_secs(60),
    };
}

/// The back-off of one pod's container.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    spec: BackoffSpec,
    /// The next delay, and when the last restart was.
    last: Option<(SimDuration, SimTime)>,
}

impl Backoff {
    /// Of a container that has not ended yet.
    #[must_use]
    pub const fn new(spec: BackoffSpec) -> Self {
        Self { spec, last: None }
    }

    /// The container ended at `now`; when it starts again.
    pub fn ended(&mut self, now: SimTime) -> SimTime {
        let waiting = self
            .last
            .filter(|(_, restart)| now.since(*restart) <= RESET);
        let (at, next) = match waiting {
            None => (now, self.spec.initial),
            Some((delay, _)) => (now + delay, delay.times(2).min(self.spec.most)),
        };
        self.last = Some((next, at));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Restarts, in seconds after the first start, of a container whose runs last `run` seconds.
    fn restarts(spec: BackoffSpec, run: u64, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(spec);
        let mut start = SimTime::ZERO;
        let mut seconds = Vec::new();
        for _ in 0..count {
            start = backoff.ended(start + SimDuration::from_secs(run));
            seconds.push(start.as_micros() / 1_000_000);
        }
        seconds
    }

    #[test]
    fn clb_1_runs_of_10_s() {
        let at = restarts(BackoffSpec::DEFAULT, 10, 10);
        assert_eq!(at[..8], [10, 30, 60, 110, 200, 370, 680, 990]);
        assert_eq!(at.iter().filter(|second| **second <= 300).count(), 5);
        assert_eq!(at.iter().filter(|second| **second <= 1_800).count(), 10);
    }

    #[test]
    fn clb_2_runs_of_no_time() {
        let at = restarts(BackoffSpec::DEFAULT, 0, 8);
        assert_eq!(at, [0, 10, 30, 70, 150, 310, 610, 910]);
    }

    #[test]
    fn clb_3_reduced() {
        let at = restarts(BackoffSpec::REDUCED, 10, 9);
        assert_eq!(at, [10, 21, 33, 47, 65, 91, 133, 203, 273]);
    }

    #[test]
    fn clb_4_runs_of_595_s_never_reset() {
        assert_eq!(
            restarts(BackoffSpec::DEFAULT, 595, 4),
            [595, 1_200, 1_815, 2_450]
        );
    }

    #[test]
    fn clb_5_runs_of_601_s_always_do() {
        assert_eq!(restarts(BackoffSpec::DEFAULT, 601, 3), [601, 1_202, 1_803]);
    }
}
