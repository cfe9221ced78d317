//! What a pod's processor allows and what processing costs it (`environment-models.md` 5.4): the arithmetic between a rate of
//! records and a use of cores.

use super::pod::CpuSpec;

/// What processing a record takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordCost {
    /// Records that are processed at once in a pod.
    pub threads: u32,
    /// Processor time of a record, in microseconds of one core.
    pub cpu_micros: u64,
    /// Time for which a record waits for something else, in microseconds.
    pub wait_micros: u64,
}

impl RecordCost {
    /// Most records that a pod gets done, in thousandths of a record each second: bounded by its threads, and by what its limit
    /// leaves above the idle use. `None`: records cost nothing.
    #[must_use]
    pub fn capacity_m(self, cpu: &CpuSpec) -> Option<u64> {
        let per_thread = u128::from(self.cpu_micros) + u128::from(self.wait_micros);
        let by_threads =
            (per_thread > 0).then(|| u128::from(self.threads) * 1_000_000_000 / per_thread);
        let by_limit = cpu.limit_m.filter(|_| self.cpu_micros > 0).map(|limit| {
            let cores_m = u128::from(limit.saturating_sub(cpu.idle_m));
            cores_m * 1_000_000 / u128::from(self.cpu_micros)
        });
        let least = [by_threads, by_limit].into_iter().flatten().min()?;
        Some(u64::try_from(least).unwrap_or(u64::MAX))
    }

    /// Cores that so many records each second (in thousandths) use, in thousandths, never above the limit.
    #[must_use]
    pub fn use_m(self, cpu: &CpuSpec, rate_m: u64) -> u64 {
        let work = u128::from(rate_m) * u128::from(self.cpu_micros) / 1_000_000;
        let used = cpu
            .idle_m
            .saturating_add(u64::try_from(work).unwrap_or(u64::MAX));
        cpu.limit_m.map_or(used, |limit| used.min(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_1_waiting_saturates_a_thread_with_little_cpu() {
        let cost = RecordCost {
            threads: 1,
            cpu_micros: 2_000,
            wait_micros: 18_000,
        };
        let cpu = CpuSpec {
            request_m: 500,
            limit_m: Some(1_000),
            idle_m: 0,
            boot: None,
        };
        assert_eq!(cost.capacity_m(&cpu), Some(50_000));
        let used = cost.use_m(&cpu, 50_000);
        assert_eq!((used, 100 * used / cpu.request_m), (100, 20));
    }

    #[test]
    fn cpu_2_a_limit_bounds_what_is_done() {
        let cost = RecordCost {
            threads: 2,
            cpu_micros: 800,
            wait_micros: 0,
        };
        let cpu = CpuSpec {
            request_m: 1_000,
            limit_m: Some(1_000),
            idle_m: 50,
            boot: None,
        };
        assert_eq!(cost.capacity_m(&cpu), Some(1_187_500));
        assert_eq!(cost.use_m(&cpu, 1_187_500), 1_000);
        assert_eq!(cost.use_m(&cpu, 9_000_000), 1_000, "throttled");
    }
}
