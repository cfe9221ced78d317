//! Named random streams: one independent ChaCha8 stream for each (seed, entity, purpose).
//!
//! A stream is named, never shared: adding an entity moves nobody else's dice, and two variants under one seed meet the
//! same draws (common random numbers). Only raw words are taken from the generator; turning them into values is ours
//! (here and in [`crate::workload`]), because bit-reproducibility is our promise, not the crates'.
//!
//! Frozen, with test vectors: the key of a stream is the seed (8 bytes, little endian), the stream's name (8 bytes, little
//! endian) and 16 zero bytes; the nonce is zero; word n is bytes 8n to 8n + 7 of the key stream, little endian.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The root of all randomness of a replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed(pub u64);

/// The name of a stream: what it is for and whom it serves.
///
/// `purpose` is a short constant word ("latency", "service"); `entity` is a stable name, such as `checkout/3` or
/// `orders-7`, never an index that another entity's presence could shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    name: u64,
}

impl Stream {
    /// The stream of `entity` for `purpose`.
    #[must_use]
    pub fn new(entity: &str, purpose: &str) -> Self {
        // FNV-1a over purpose, a separator that occurs in neither, and entity; then a finalizer so that near names lie far apart.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in purpose.bytes().chain([0xff]).chain(entity.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self { name: mix(hash) }
    }
}

/// The finalizer of SplitMix64: a bijection that spreads every input bit (Steele, Lea and Flood 2014).
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A generator in use: hands out the words of one stream.
#[derive(Clone, Debug)]
pub struct Draw {
    generator: ChaCha8Rng,
}

impl Draw {
    /// The stream `stream` of `seed`, from its beginning.
    #[must_use]
    pub fn new(seed: Seed, stream: Stream) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.0.to_le_bytes());
        key[8..16].copy_from_slice(&stream.name.to_le_bytes());
        Self {
            generator: ChaCha8Rng::from_seed(key),
        }
    }

    /// The next 64 raw bits.
    pub fn word(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Goes to word `index` of the stream, so that the next [`Draw::word`] depends on the index alone.
    pub fn seek(&mut self, index: u64) {
        self.generator.set_word_pos(u128::from(index) * 2);
    }

    /// The index of the word that [`Draw::word`] gives next.
    #[must_use]
    pub fn position(&self) -> u64 {
        (self.generator.get_word_pos() / 2) as u64
    }

    /// A number of `0..bound`, every one equally likely (Lemire 2019, with rejection).
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw below zero has no outcome");
        loop {
            let product = u128::from(self.word()) * u128::from(bound);
            let low = product as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number of the open interval (0, 1), from one word (see [`unit`]).
    pub fn unit(&mut self) -> f64 {
        unit(self.word())
    }
}

/// The number of the open interval (0, 1) that `word` stands for: the middle of one of 2^52 equal cells.
///
/// 52 bits, not 53: the middle of a cell is then a double exactly, so neither 0 nor 1 ever comes out and `1 - unit` is exact.
#[must_use]
pub fn unit(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, entity: &str, purpose: &str) -> Draw {
        Draw::new(Seed(seed), Stream::new(entity, purpose))
    }

    fn words(draw: &mut Draw, count: usize) -> Vec<u64> {
        (0..count).map(|_| draw.word()).collect()
    }

    #[test]
    fn a_seek_depends_on_the_index_alone() {
        let mut ahead = draw(7, "orders-3", "service");
        let expected = words(&mut ahead, 100);
        let mut other = draw(7, "orders-3", "service");
        for index in [99_u64, 0, 63, 64, 31, 32, 33, 1] {
            other.seek(index);
            assert_eq!(other.position(), index);
            assert_eq!(other.word(), expected[index as usize], "word {index}");
            assert_eq!(other.position(), index + 1);
        }
    }

    /// ChaCha8 itself, not whatever the crate makes of it: the first block of the all-zero key (the ECRYPT test vector
    /// of ChaCha with 8 rounds and 256 bits).
    #[test]
    fn the_words_are_those_of_chacha8() {
        let mut draw = Draw::new(Seed(0), Stream { name: 0 });
        assert_eq!(
            words(&mut draw, 4),
            [
                0xd640_5f89_2fef_003e,
                0xa1a5_091f_e8b8_5b7f,
                0x3b7f_9ace_c30e_842c,
                0x1e1a_71ef_88e1_1b18,
            ]
        );
    }

    /// The names of streams, once used in published results, stay what they are.
    #[test]
    fn the_words_of_named_streams_are_frozen() {
        assert_eq!(
            Stream::new("orders-7", "service").name,
            0x2cd4_7862_c2cd_38a5
        );
        let mut service = draw(1, "orders-7", "service");
        assert_eq!(
            words(&mut service, 3),
            [
                0xa231_fdff_860d_2398,
                0xe6a3_56b8_4959_f3ee,
                0x5a5a_c0c2_de35_d712
            ]
        );
        service.seek(1_000_000);
        assert_eq!(service.word(), 0xbb2f_899f_1588_0162);
        assert_eq!(
            words(&mut draw(2, "checkout/3", "latency"), 3),
            [
                0x06a3_de0b_fe09_3d8e,
                0x5f1b_a43d_2ba1_9d96,
                0x1877_8ccd_310e_630c
            ]
        );
    }

    #[test]
    fn names_do_not_run_into_each_other() {
        let names = [
            Stream::new("orders-1", "service"),
            Stream::new("orders-11", "service"),
            Stream::new("orders-1", "arrivals"),
            Stream::new("vice", "ser"),
            Stream::new("", "service"),
            Stream::new("service", ""),
        ];
        for (place, name) in names.iter().enumerate() {
            assert!(names[place + 1..].iter().all(|other| other != name));
        }
    }

    /// Streams of near names and near seeds, bit against bit: of 64 * 1,000 pairs half agree, within 5 standard deviations.
    #[test]
    fn streams_are_independent() {
        let streams = [
            (1, "orders-0", "service"),
            (1, "orders-1", "service"),
            (2, "orders-0", "service"),
            (1, "orders-0", "arrivals"),
        ];
        let drawn: Vec<_> = streams
            .iter()
            .map(|(seed, entity, purpose)| words(&mut draw(*seed, entity, purpose), 1_000))
            .collect();
        for (place, one) in drawn.iter().enumerate() {
            for other in &drawn[place + 1..] {
                let differ: u32 = one
                    .iter()
                    .zip(other)
                    .map(|(a, b)| (a ^ b).count_ones())
                    .sum();
                let deviations = (f64::from(differ) - 32_000.0) / 126.5;
                assert!(deviations.abs() < 5.0, "{deviations}");
            }
        }
    }

    /// Chi-square over 7 outcomes: below 22.5 in 999 of 1,000 fair draws (6 degrees of freedom).
    #[test]
    fn below_is_fair() {
        let mut draw = draw(3, "group", "random");
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[draw.below(7) as usize] += 1;
        }
        let square: f64 = seen
            .iter()
            .map(|count| (f64::from(*count) - 1e4) * (f64::from(*count) - 1e4) / 1e4)
            .sum();
        assert!(square < 22.5, "{seen:?}");
        assert_eq!(draw.below(1), 0);
        assert!(draw.below(u64::MAX) < u64::MAX);
    }

    #[test]
    #[should_panic(expected = "no outcome")]
    fn below_zero_has_no_outcome() {
        draw(1, "a", "b").below(0);
    }

    #[test]
    fn unit_never_touches_its_ends() {
        assert!(unit(0) > 0.0);
        assert!(unit(u64::MAX) < 1.0);
        assert_eq!(unit(1 << 63), 0.5 + 0.5 / 4_503_599_627_370_496.0);
    }
}
