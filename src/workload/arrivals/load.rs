//! What users write about the load of a topic: rates, terms, skew.

use crate::kernel::{SimDuration, SimTime};

/// Records per second as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Records.
    pub records: u64,
    /// Per this many microseconds; not zero.
    pub per_micros: u64,
}

/// One term of a topic's load; terms add up.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadTerm {
    /// Evenly spaced: record k is due at (k + 1) / rate.
    Constant(Rate),
    /// Poisson.
    Poisson(Rate),
    /// mean + amplitude * cos of the time of day, highest at `peak`.
    Diurnal {
        /// Mean rate.
        mean: Rate,
        /// Amplitude as a rate, at most the mean.
        amplitude: Rate,
        /// When the rate is highest.
        peak: SimDuration,
    },
    /// Markov-modulated Poisson: exponential times in a low and a high phase.
    Bursts {
        /// Rate in the low phase.
        low: Rate,
        /// Rate in the high phase.
        high: Rate,
        /// Mean time in the low phase.
        low_for: SimDuration,
        /// Mean time in the high phase.
        high_for: SimDuration,
    },
    /// A constant rate from each instant on.
    Steps(Vec<(SimTime, Rate)>),
    /// From one rate to another, linearly.
    Ramp {
        /// Rate before and at `start`.
        from: Rate,
        /// Rate at and after `end`.
        to: Rate,
        /// Begin of the change.
        start: SimTime,
        /// End of the change.
        end: SimTime,
    },
    /// Everything else times `factor` for a while.
    Spike {
        /// Begin.
        at: SimTime,
        /// Length.
        length: SimDuration,
        /// Factor in thousandths.
        factor_thousandths: u64,
    },
    /// Rates from a file: (from, rate), ascending.
    Trace(Vec<(SimTime, Rate)>),
}

/// How a topic's load falls on its partitions.
#[derive(Clone, Debug, PartialEq)]
pub enum Skew {
    /// Evenly.
    Even,
    /// Keys with Zipf popularity, hashed to partitions.
    Zipf {
        /// Number of keys.
        keys: u64,
        /// Exponent.
        exponent: f64,
    },
    /// In proportion to these weights, one for each partition.
    Weights(Vec<f64>),
    /// Some partitions get a share among themselves, the others the rest.
    Hot {
        /// The hot ones.
        partitions: Vec<u32>,
        /// Their share in 0..=1.
        share: f64,
    },
}
