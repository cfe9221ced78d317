//! Memory of a consumer process, and when the kernel kills it (`environment-models.md` 5.6).
//!
//! A process needs a base, more for every partition that it owns, and more for every byte that it has fetched and not processed.

/// What a process needs and may have; bytes, or bytes for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySpec {
    /// Limit of the container (`resources.limits.memory`).
    pub limit: u64,
    /// Needed without any partition.
    pub base: u64,
    /// More for each partition.
    pub per_partition: u64,
    /// More for each buffered byte, in thousandths of a byte (decompression and objects: 2,000 to 4,000).
    pub per_buffered_byte: u64,
}

impl MemorySpec {
    /// What it needs with `partitions` partitions and `buffered` fetched bytes.
    #[must_use]
    pub fn needed(&self, partitions: u64, buffered: u64) -> u64 {
        let buffers = u128::from(buffered) * u128::from(self.per_buffered_byte) / 1_000;
        let all = u128::from(self.base)
            + u128::from(self.per_partition) * u128::from(partitions)
            + buffers;
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// True when the process is killed: it needs more than its limit.
    #[must_use]
    pub fn is_exceeded(&self, partitions: u64, buffered: u64) -> bool {
        self.needed(partitions, buffered) > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// OOM-1: limit 1 GiB, base 400 MiB, 20 MiB for each of 120 partitions: five members own 24 each, four 30, three 40 and die.
    #[test]
    fn oom_1_losing_two_of_five_takes_the_rest_down() {
        let needs = MemorySpec {
            limit: 1_024 * MIB,
            base: 400 * MIB,
            per_partition: 20 * MIB,
            per_buffered_byte: 2_000,
        };
        let member = |members: u64| (needs.needed(120 / members, 0) / MIB, members);
        assert_eq!([5, 4, 3].map(member), [(880, 5), (1_000, 4), (1_200, 3)]);
        assert_eq!(
            [5, 4, 3].map(|members| needs.is_exceeded(120 / members, 0)),
            [false, false, true]
        );
        // What is fetched counts too: 1 GiB is exceeded by the first byte above it.
        assert!(!needs.is_exceeded(30, 12 * MIB) && needs.is_exceeded(30, 12 * MIB + 1));
    }
}
