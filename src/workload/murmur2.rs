//! Which partition a key goes to: Kafka's default partitioner.

/// `org.apache.kafka.common.utils.Utils.murmur2`: MurmurHash2, 32 bits, with Kafka's seed.
#[must_use]
pub fn murmur2(data: &[u8]) -> i32 {
    const MULTIPLIER: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        let mut mixed =
            u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (position, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * position);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    (hash ^ (hash >> 15)) as i32
}

/// The partition of a record with this key: `BuiltInPartitioner.partitionForKey`, that is `toPositive(murmur2(key)) %
/// partitions`. `partitions` is not zero.
#[must_use]
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & i32::MAX) as u32 % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn kafkas_own_cases() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    /// `toPositive` clears the sign bit; it does not take the absolute value.
    #[test]
    fn negative_hashes_lose_their_sign_bit() {
        assert_eq!(
            partition_for_key(b"21", 12),
            ((-973_932_308_i64 + (1 << 31)) % 12) as u32
        );
    }
}
