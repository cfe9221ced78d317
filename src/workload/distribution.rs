//! Distributions of durations and the samplers that turn raw words into values.

use crate::kernel::SimDuration;

/// How long something takes, or how large it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(SimDuration),
    /// Every value from `min` to `max`, both included, equally likely.
    Uniform {
        /// Least.
        min: SimDuration,
        /// Largest.
        max: SimDuration,
    },
    /// Memoryless.
    Exponential {
        /// Mean.
        mean: SimDuration,
    },
    /// Log-normal.
    LogNormal {
        /// Median.
        median: SimDuration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto.
    Pareto {
        /// Mean.
        mean: SimDuration,
        /// Tail index, above 1.
        alpha: f64,
    },
    /// Piecewise linear through quantiles, ascending: (share of values at or below in 0..=1, value).
    Quantiles(Vec<(f64, SimDuration)>),
    /// The values of a file, in turn, from the beginning again at the end.
    Trace(Vec<SimDuration>),
}
