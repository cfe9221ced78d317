//! CPU: what a process may burn, what a batch takes of it, and how the processes of one host share its cores.
//!
//! Capacities are thousandths of a core, work is core-microseconds. A quota is not a slower clock: a batch that asks for less than its
//! process may burn on average is not touched, and one that asks for more takes as long as its work needs at the quota, which is what CFS does
//! over many of its 100 ms periods (`environment-models.md` 5.4, 5.5: capacity × limit / demand).

use crate::kernel::SimDuration;

/// A whole core.
pub const CORE_M: u64 = 1_000;

/// What the surroundings of a process leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CpuBudget {
    /// Limit, in thousandths of a core (`resources.limits.cpu`); `None`: no limit of its own.
    pub limit_m: Option<u64>,
    /// Burnt all the time by what is not processing, in thousandths of a core; it counts against the limit.
    pub idle_m: u64,
}

impl CpuBudget {
    /// What is left for processing by `threads` threads on a host that leaves each of its processes at most `level_m`, of which something
    /// else leaves `noise` thousandths. At least a thousandth of a core, at most a core for each thread.
    #[must_use]
    pub fn capacity_m(&self, threads: u64, level_m: Option<u64>, noise: u64) -> u64 {
        let bound = |bound: Option<u64>| bound.map_or(u64::MAX, |m| m.saturating_sub(self.idle_m));
        let own = (threads * CORE_M)
            .min(bound(self.limit_m))
            .min(bound(level_m));
        (u128::from(own) * u128::from(noise) / 1_000).max(1) as u64
    }

    /// The most that a process with `threads` threads can burn, idle burning included.
    #[must_use]
    pub fn appetite_m(&self, threads: u64) -> u64 {
        (threads * CORE_M + self.idle_m).min(self.limit_m.unwrap_or(u64::MAX))
    }
}

/// How long a batch takes that would take `span` alone and burns `work` core-microseconds, at `capacity_m`.
#[must_use]
pub fn throttled(span: SimDuration, work: u64, capacity_m: u64) -> SimDuration {
    let needed = (u128::from(work) * u128::from(CORE_M)).div_ceil(u128::from(capacity_m.max(1)));
    span.max(SimDuration::from_micros(
        u64::try_from(needed).unwrap_or(u64::MAX),
    ))
}

/// The most that a host of `cores_m` leaves each of its processes, which want `wanted_m`: the level at which what all of them get
/// together is all that there is (max-min fairness, which is what equal CPU shares come to). `None`: there is enough for all.
#[must_use]
pub fn fair_level_m(cores_m: u64, wanted_m: &[u64]) -> Option<u64> {
    let mut wanted = wanted_m.to_vec();
    wanted.sort_unstable();
    let (mut left, mut waiting) = (cores_m, wanted.len() as u64);
    for want in wanted {
        let level = left / waiting;
        if want > level {
            return Some(level.max(1));
        }
        left -= want;
        waiting -= 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of one thread in a second, in thousandths: (cpu, other) microseconds a record at `capacity_m`.
    fn rate(cpu: u64, other: u64, capacity_m: u64) -> u64 {
        let records = 9_500;
        let span = SimDuration::from_micros((cpu + other) * records);
        let takes = throttled(span, cpu * records, capacity_m).as_micros();
        records * 1_000_000_000 / takes
    }

    /// CPU-1: 2 ms CPU and 18 ms I/O, one thread: 50 records/s at 0.10 core; a limit above that changes nothing.
    #[test]
    fn cpu_1_who_waits_for_io_is_not_throttled() {
        let budget = CpuBudget {
            limit_m: Some(500),
            idle_m: 20,
        };
        let capacity = budget.capacity_m(1, None, 1_000);
        assert_eq!(capacity, 480);
        assert_eq!(rate(2_000, 18_000, capacity), 50_000);
        let burnt_m = 50 * 2_000 * CORE_M / 1_000_000;
        assert_eq!((burnt_m, 100 * burnt_m / 500), (100, 20));
        // Below what it burns the quota rules: 0.05 core, 2 ms each.
        assert_eq!(rate(2_000, 18_000, 50), 25_000);
    }

    /// CPU-2: 0.8 ms CPU, limit 1 core, idle 0.05: 1187.5 records/s.
    #[test]
    fn cpu_2_who_computes_gets_the_limit_less_what_idles() {
        let budget = CpuBudget {
            limit_m: Some(1_000),
            idle_m: 50,
        };
        assert_eq!(rate(800, 0, budget.capacity_m(1, None, 1_000)), 1_187_500);
        // A noisy neighbour that leaves half.
        assert_eq!(rate(800, 0, budget.capacity_m(1, None, 500)), 593_750);
    }

    #[test]
    fn cores_are_shared_by_who_wants_them() {
        assert_eq!(fair_level_m(4_000, &[1_000, 1_000, 1_000]), None);
        assert_eq!(fair_level_m(2_000, &[1_000, 1_000, 1_000]), Some(666));
        // Who wants little leaves the rest to the others.
        assert_eq!(fair_level_m(2_000, &[1_000, 200, 1_000]), Some(900));
        assert_eq!(fair_level_m(500, &[]), None);
        let budget = CpuBudget::default();
        assert_eq!(budget.capacity_m(2, Some(666), 1_000), 666);
        assert_eq!(budget.capacity_m(2, None, 1_000), 2_000);
        assert_eq!(budget.appetite_m(2), 2_000);
    }
}
