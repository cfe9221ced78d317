//! Memory of a consumer process, and when the kernel kills it (`environment-models.md` 5.6).
//!
//! A container needs a base, more for every partition that its processes own, as far as the state of that is there, and more for every byte that
//! they have fetched and not processed.

use crate::kernel::SimDuration;

/// What a process needs and may have; bytes, or bytes for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySpec {
    /// Limit of the container (`resources.limits.memory`); `u64::MAX`: none.
    pub limit: u64,
    /// `resources.requests.memory` of all containers of the pod together: what an autoscaler's utilization is a share of. `None`: not all of them have
    /// one.
    pub request: Option<u64>,
    /// That of the container that the consumers run in alone.
    pub container_request: Option<u64>,
    /// Needed without any partition.
    pub base: u64,
    /// More for each partition, once its state is restored.
    pub per_partition: u64,
    /// More for each buffered byte, in thousandths of a byte (decompression and objects: 2,000 to 4,000).
    pub per_buffered_byte: u64,
}

/// What a process holds at an instant. Time stands for state: restoring does a microsecond of it in a microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Partitions.
    pub partitions: u64,
    /// Bytes that are fetched and not processed.
    pub buffered: u64,
    /// What restoring the whole state of one partition takes; zero: there is none, and a partition is there at once.
    pub whole: SimDuration,
    /// What is missing of the state of all of them.
    pub missing: SimDuration,
    /// What of that is being restored.
    pub filling: SimDuration,
    /// Restoring stands still this long before it goes on.
    pub stands_still: SimDuration,
}

impl Held {
    /// If nothing changes but restoring goes on for `span`.
    #[must_use]
    pub fn after(&self, span: SimDuration) -> Self {
        let done = (span - self.stands_still).min(self.filling);
        Self {
            missing: self.missing - done,
            filling: self.filling - done,
            stands_still: self.stands_still - span,
            ..*self
        }
    }

    /// With the state of all its partitions restored.
    #[must_use]
    pub fn in_full(&self) -> Self {
        Self {
            missing: SimDuration::ZERO,
            filling: SimDuration::ZERO,
            ..*self
        }
    }

    /// Bytes for partitions of `each` bytes, as far as their state is there.
    fn state(&self, each: u64) -> u128 {
        let all = u128::from(each) * u128::from(self.partitions);
        let missing = u128::from(each) * u128::from(self.missing.as_micros());
        match u128::from(self.whole.as_micros()) {
            0 => all,
            whole => all.saturating_sub(missing.div_ceil(whole)),
        }
    }
}

impl MemorySpec {
    /// What a container needs whose processes hold this.
    #[must_use]
    pub fn needed(&self, held: &[Held]) -> u64 {
        let all = held.iter().fold(u128::from(self.base), |all, held| {
            let buffers = u128::from(held.buffered) * u128::from(self.per_buffered_byte) / 1_000;
            all + held.state(self.per_partition) + buffers
        });
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// True when it is killed: it needs more than its limit.
    #[must_use]
    pub fn is_exceeded(&self, held: &[Held]) -> bool {
        self.needed(held) > self.limit
    }

    /// How long until it is killed, to the microsecond, if nothing changes but restoring goes on; `None`: that alone does not kill it.
    #[must_use]
    pub fn exceeded_after(&self, held: &[Held]) -> Option<SimDuration> {
        let exceeded = |micros: u64| {
            let span = SimDuration::from_micros(micros);
            let then: Vec<Held> = held.iter().map(|held| held.after(span)).collect();
            self.is_exceeded(&then)
        };
        let ends = held.iter().map(|held| held.stands_still + held.filling);
        let (mut low, mut high) = (0, ends.max()?.as_micros());
        if !exceeded(high) {
            return None;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if exceeded(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(SimDuration::from_micros(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    const ONE_GIB: MemorySpec = MemorySpec {
        limit: 1_024 * MIB,
        request: None,
        container_request: None,
        base: 400 * MIB,
        per_partition: 20 * MIB,
        per_buffered_byte: 2_000,
    };

    fn ready(partitions: u64, buffered: u64) -> [Held; 1] {
        [Held {
            partitions,
            buffered,
            ..Held::default()
        }]
    }

    /// OOM-1: limit 1 GiB, base 400 MiB, 20 MiB for each of 120 partitions: five members own 24 each, four 30, three 40 and die.
    #[test]
    fn oom_1_losing_two_of_five_takes_the_rest_down() {
        let member = |members: u64| ONE_GIB.needed(&ready(120 / members, 0)) / MIB;
        assert_eq!([5, 4, 3].map(member), [880, 1_000, 1_200]);
        assert_eq!(
            [5, 4, 3].map(|members| ONE_GIB.is_exceeded(&ready(120 / members, 0))),
            [false, false, true]
        );
        // What is fetched counts too: 1 GiB is exceeded by the first byte above it.
        assert!(!ONE_GIB.is_exceeded(&ready(30, 12 * MIB)));
        assert!(ONE_GIB.is_exceeded(&ready(30, 12 * MIB + 1)));
    }

    /// 20 partitions are there and 20 are restored, each 20 s of work: there is room for 31.2, so after 11.2 times 20 s it is full, and a microsecond
    /// later, which brings a little more than a byte (20 MiB in 20 s), too full.
    #[test]
    fn restoring_fills_memory_until_it_is_too_full() {
        let seconds = SimDuration::from_secs;
        let restoring = Held {
            partitions: 40,
            whole: seconds(20),
            missing: seconds(400),
            filling: seconds(400),
            ..Held::default()
        };
        assert_eq!(ONE_GIB.needed(&[restoring]), 800 * MIB);
        assert_eq!(ONE_GIB.needed(&[restoring.after(seconds(10))]), 810 * MIB);
        let crossing = SimDuration::from_micros(224_000_001);
        assert_eq!(ONE_GIB.exceeded_after(&[restoring]), Some(crossing));
        // Who stands still gets there later; who restores less than there is room for never does.
        let frozen = Held {
            stands_still: seconds(3),
            ..restoring
        };
        assert_eq!(
            ONE_GIB.exceeded_after(&[frozen]),
            Some(crossing + seconds(3))
        );
        let little = Held {
            filling: seconds(224),
            ..restoring
        };
        assert_eq!(ONE_GIB.exceeded_after(&[little]), None);
        // Two in a container: 10 and 10 of 20 s each are missing, 11.2 fit, at twice the pace.
        let half = Held {
            partitions: 20,
            whole: seconds(20),
            missing: seconds(200),
            filling: seconds(200),
            ..Held::default()
        };
        assert_eq!(
            ONE_GIB.exceeded_after(&[half, half]),
            Some(SimDuration::from_micros(112_000_001))
        );
    }
}
