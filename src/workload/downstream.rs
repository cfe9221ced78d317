//! Shared downstream resources: databases and services that every record of some consumers calls.
//!
//! A resource serves `capacity` calls a second. A call takes `latency` as long as fewer calls are under way than make the capacity full,
//! n0 = capacity × latency (Little's law); beyond, callers share what there is, and each one too many costs all of them a bit:
//! throughput(N) = min(N / latency, capacity) / (1 + β·max(0, N − n0)), a call takes N / throughput(N) (`environment-models.md` 5.6). So a
//! group that is scaled out beyond n0 gets less done, not more.

use crate::kernel::SimDuration;
use crate::workload::arrivals::Rate;

/// One resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceSpec {
    /// Calls that it serves.
    pub capacity: Rate,
    /// β: what each caller beyond n0 takes away, in thousandths of a percent.
    pub contention: u64,
    /// Of a call while there is capacity; not zero.
    pub latency: SimDuration,
}

impl ResourceSpec {
    /// n0 in thousandths: callers at once that make the capacity full.
    #[must_use]
    pub fn full_at_m(&self) -> u64 {
        let calls = u128::from(self.capacity.records) * u128::from(self.latency.as_micros());
        u64::try_from(calls * 1_000 / u128::from(self.capacity.per_micros)).unwrap_or(u64::MAX)
    }

    /// How long a call takes while `callers_m` thousandths of calls are under way at once on average.
    #[must_use]
    pub fn call(&self, callers_m: u64) -> SimDuration {
        const WHOLE: u128 = 100_000 * 1_000;
        let beyond = callers_m.saturating_sub(self.full_at_m());
        if beyond == 0 {
            return self.latency;
        }
        let shared = u128::from(callers_m) * u128::from(self.capacity.per_micros);
        let slower = WHOLE + u128::from(self.contention) * u128::from(beyond);
        let call = shared * slower / (u128::from(self.capacity.records) * 1_000 * WHOLE);
        let call = SimDuration::from_micros(u64::try_from(call).unwrap_or(u64::MAX));
        call.max(self.latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throughput(resource: &ResourceSpec, callers: u64) -> u64 {
        callers * 1_000_000 / resource.call(callers * 1_000).as_micros()
    }

    #[test]
    fn capacity_is_shared_and_contention_takes_some_of_it_away() {
        let resource = ResourceSpec {
            capacity: Rate {
                records: 5_000,
                per_micros: 1_000_000,
            },
            contention: 2_000,
            latency: SimDuration::from_millis(3),
        };
        assert_eq!(resource.full_at_m(), 15_000);
        assert_eq!(resource.call(0), SimDuration::from_millis(3));
        assert_eq!(throughput(&resource, 10), 3_333);
        assert_eq!(throughput(&resource, 15), 5_000);
        // 5,000 / (1 + 0.02 · 5), / (1 + 0.02 · 25): scaling out makes it less.
        assert_eq!(throughput(&resource, 20), 4_545);
        assert_eq!(throughput(&resource, 40), 3_333);
        let fair = ResourceSpec {
            contention: 0,
            ..resource
        };
        assert_eq!(throughput(&fair, 40), 5_000);
    }
}
