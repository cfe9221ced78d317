//! The records of one partition: when they arrive, how long they take, and which of them nobody processed.

use crate::kernel::{SimDuration, SimTime};
use crate::workload::arrivals::PartitionArrivals;
use crate::workload::failures::FailureDice;
use crate::workload::service::ServiceTimes;

/// Factor of "unchanged" in millionths.
pub(super) const UNCHANGED: u64 = 1_000_000;

/// The records of one partition: when they arrive and how long they take.
#[derive(Debug)]
pub(super) struct Log {
    /// Arrivals.
    pub(super) arrivals: PartitionArrivals,
    /// Service times.
    pub(super) service: ServiceTimes,
    /// Bytes of a record.
    pub(super) record_size: u64,
    /// A record due at t can be fetched this much later.
    pub(super) append_delay: SimDuration,
    /// How often records fail.
    pub(super) failures: FailureDice,
    /// Offsets of records that cannot be processed.
    pub(super) poison: Vec<u64>,
}

impl Log {
    /// True when in every span of time as many records of one can be fetched as of the other.
    pub(super) fn keeps_step_with(&self, other: &Self) -> bool {
        self.append_delay == other.append_delay && self.arrivals.keeps_step_with(&other.arrivals)
    }
}

/// Processing time of a record under a slow-down.
pub(super) fn slowed(cost: SimDuration, factor: u64) -> SimDuration {
    if factor == UNCHANGED {
        return cost;
    }
    let micros = u128::from(cost.as_micros()) * u128::from(factor) / u128::from(UNCHANGED);
    SimDuration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// Why records were passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Their offsets had been committed.
    Committed,
    /// An offset reset jumped over them, or the application passed over them.
    Reset,
}

/// Records that a reader passed over and nobody processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) from: u64,
    /// After the last.
    pub(super) to: u64,
    pub(super) why: Passed,
    /// When they were passed over.
    pub(super) at: SimTime,
}

/// The holes of one partition.
#[derive(Debug, Default)]
pub(super) struct Holes(Vec<Hole>);

impl Holes {
    pub(super) fn dig(&mut self, hole: Hole) {
        self.0.push(hole);
    }

    /// Takes `offset` out of the hole that it lies in; false when it lies in none.
    pub(super) fn fill(&mut self, offset: u64) -> bool {
        let lies_in = |hole: &Hole| hole.from <= offset && offset < hole.to;
        let Some(index) = self.0.iter().position(lies_in) else {
            return false;
        };
        let hole = self.0.remove(index);
        for (from, to) in [(hole.from, offset), (offset + 1, hole.to)] {
            if from < to {
                self.0.push(Hole { from, to, ..hole });
            }
        }
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Hole> {
        self.0.iter()
    }
}

/// How many of the offsets `from..to` lie in none of `held`.
pub(super) fn in_no_hands(from: u64, to: u64, held: &[(u64, u64)]) -> u64 {
    let mut held = held.to_vec();
    held.sort_unstable();
    let (mut at, mut free) = (from, 0);
    for (begin, end) in held {
        let begin = begin.min(to);
        free += begin.saturating_sub(at);
        at = at.max(end.min(to));
    }
    free + to.saturating_sub(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_in_no_hands_are_counted_once() {
        assert_eq!(in_no_hands(10, 20, &[]), 10);
        assert_eq!(in_no_hands(10, 20, &[(0, 12), (11, 14), (18, 30)]), 4);
        assert_eq!(in_no_hands(10, 20, &[(15, 16), (12, 13)]), 8);
        assert_eq!(in_no_hands(10, 20, &[(0, 5), (25, 30)]), 10);
        assert_eq!(in_no_hands(20, 10, &[]), 0);
    }

    #[test]
    fn a_filled_hole_leaves_two() {
        let mut holes = Holes::default();
        let at = SimTime::from_millis(1);
        let why = Passed::Committed;
        holes.dig(Hole {
            from: 3,
            to: 6,
            why,
            at,
        });
        assert!(holes.fill(4) && !holes.fill(4) && !holes.fill(6));
        let left: Vec<(u64, u64)> = holes.iter().map(|hole| (hole.from, hole.to)).collect();
        assert_eq!(left, [(3, 4), (5, 6)]);
    }
}
