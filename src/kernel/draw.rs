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

    /// A number of `0..bound`, every one equally likely (Lemire 2019, with rejection).
    ///
    /// # Panics
    /// When `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw below zero has no outcome");
        loop {
            let product = u128::from(self.word()) * u128::from(bound);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low half is what is tested"
            )]
            let low = product as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the high half is below the bound"
                )]
                return (product >> 64) as u64;
            }
        }
    }

    /// A number of the open interval (0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.word() >> 11) as f64;
        (bits + 0.5) / 9_007_199_254_740_992.0
    }
}
