//! Named random streams: one independent ChaCha8 stream for each (seed, entity, purpose).
//!
//! A stream is named, never shared: adding an entity moves nobody else's dice, and two variants under one seed meet the
//! same draws (common random numbers). Only raw words are taken from the generator; turning them into values is ours
//! (here and in [`crate::workload`]), because bit-reproducibility is our promise, not the crates'.

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

    #[test]
    fn unit_never_touches_its_ends() {
        assert!(unit(0) > 0.0);
        assert!(unit(u64::MAX) < 1.0);
        assert_eq!(unit(1 << 63), 0.5 + 0.5 / 4_503_599_627_370_496.0);
    }
}
