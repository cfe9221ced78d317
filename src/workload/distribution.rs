//! Distributions of durations, and the samplers that turn raw words into values.
//!
//! Every sampler inverts the distribution function, so a value needs one word, grows with it, and the n-th value of a
//! stream depends on word n alone: two variants that differ in a parameter meet the same luck (common random numbers).
//! Floats live inside the samplers only, over `libm`; what leaves is whole microseconds, at most [`LONGEST`].

use libm::{exp, log, pow, sqrt};

use super::normal::normal_quantile;
use super::refusal::Refusal;
use crate::kernel::draw::unit;
use crate::kernel::{Draw, SimDuration};

/// No sampler gives more: 2^53 microseconds, 285 years. Tails without end (Pareto, log-normal) stop here.
pub const LONGEST: SimDuration = SimDuration::from_micros(1 << 53);

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// How long something takes, or how large it is. Built by the constructors, which refuse what makes no sense.
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
        /// Median in microseconds (not rounded: the median of a short service time is a fraction).
        median_micros: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// Pareto.
    Pareto {
        /// Mean.
        mean: SimDuration,
        /// Tail index, above 1.
        alpha: f64,
    },
    /// Piecewise linear through quantiles, ascending from 0 to 1: (share of values at or below in 0..=1, value).
    Quantiles(Vec<(f64, SimDuration)>),
    /// The values of a file, in turn, from the beginning again at the end.
    Trace(Vec<SimDuration>),
}

impl Distribution {
    /// `{ uniform: [min, max] }`
    ///
    /// # Errors
    /// When `max` is below `min`.
    pub fn uniform(min: SimDuration, max: SimDuration) -> Result<Self, Refusal> {
        if max < min {
            return Err(Refusal::new(
                format!("the upper end {max} is below the lower end {min}"),
                format!("write [{max}, {min}]"),
            ));
        }
        within(max)?;
        Ok(Self::Uniform { min, max })
    }

    /// `{ exponential: mean }`
    ///
    /// # Errors
    /// When `mean` is longer than [`LONGEST`].
    pub fn exponential(mean: SimDuration) -> Result<Self, Refusal> {
        within(mean)?;
        Ok(Self::Exponential { mean })
    }

    /// `{ lognormal: { median, p99 } }`
    ///
    /// # Errors
    /// When `median` is zero or `p99` is below it.
    pub fn lognormal(median: SimDuration, p99: SimDuration) -> Result<Self, Refusal> {
        positive("the median", median)?;
        within(p99)?;
        if p99 < median {
            return Err(Refusal::new(
                format!("the p99 {p99} is below the median {median}"),
                format!("write a p99 of at least {median}"),
            ));
        }
        let ratio = p99.as_micros() as f64 / median.as_micros() as f64;
        Ok(Self::LogNormal {
            median_micros: median.as_micros() as f64,
            sigma: log(ratio) / NORMAL_P99,
        })
    }

    /// `{ lognormal: { mean, cv } }`; `cv` is the standard deviation over the mean.
    ///
    /// # Errors
    /// When `mean` is zero or `cv` is negative or above 1000.
    pub fn lognormal_of_mean(mean: SimDuration, cv: f64) -> Result<Self, Refusal> {
        positive("the mean", mean)?;
        within(mean)?;
        if !(0.0..=1_000.0).contains(&cv) {
            return Err(Refusal::new(
                format!("cv {cv} is no coefficient of variation"),
                "write a number from 0 to 1000, such as 0.5",
            ));
        }
        let spread = 1.0 + cv * cv;
        Ok(Self::LogNormal {
            median_micros: mean.as_micros() as f64 / sqrt(spread),
            sigma: sqrt(log(spread)),
        })
    }

    /// `{ pareto: { mean, alpha } }`
    ///
    /// # Errors
    /// When `mean` is zero or `alpha` is not above 1 (then there is no mean) or above 1000.
    pub fn pareto(mean: SimDuration, alpha: f64) -> Result<Self, Refusal> {
        positive("the mean", mean)?;
        within(mean)?;
        if !(alpha > 1.0 && alpha <= 1_000.0) {
            return Err(Refusal::new(
                format!("alpha {alpha} gives no finite mean"),
                "write an alpha above 1 and at most 1000, such as 2.5",
            ));
        }
        Ok(Self::Pareto { mean, alpha })
    }

    /// `{ quantiles: { p50, p90, p99, max } }`: straight lines between the points, from zero when share 0 is not given.
    ///
    /// # Errors
    /// When shares do not ascend inside 0..=1, values descend, or share 1 (`max`) is missing.
    pub fn quantiles(mut points: Vec<(f64, SimDuration)>) -> Result<Self, Refusal> {
        if points.last().is_none_or(|(share, _)| *share != 1.0) {
            return Err(Refusal::new("the largest value is missing", "add max"));
        }
        if points[0].0 != 0.0 {
            points.insert(0, (0.0, SimDuration::ZERO));
        }
        for pair in points.windows(2) {
            let ((share, value), (next_share, next_value)) = (pair[0], pair[1]);
            let ascending = share < next_share && (0.0..=1.0).contains(&next_share) && share >= 0.0;
            if !ascending || next_value < value {
                return Err(Refusal::new(
                    format!(
                        "the quantiles do not ascend: {value} at {share}, then {next_value} at {next_share}"
                    ),
                    "give larger shares larger values, in ascending order",
                ));
            }
        }
        within(points[points.len() - 1].1)?;
        Ok(Self::Quantiles(points))
    }

    /// `{ trace: file }`
    ///
    /// # Errors
    /// When there is no value.
    pub fn trace(values: Vec<SimDuration>) -> Result<Self, Refusal> {
        let Some(longest) = values.iter().max() else {
            return Err(Refusal::new(
                "the trace has no values",
                "add at least one row",
            ));
        };
        within(*longest)?;
        Ok(Self::Trace(values))
    }

    /// The value when it is always the same.
    #[must_use]
    #[inline]
    pub fn as_constant(&self) -> Option<SimDuration> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Uniform { min, max } => (min == max).then_some(*min),
            Self::Exponential { mean } => mean.is_zero().then_some(SimDuration::ZERO),
            Self::LogNormal {
                median_micros,
                sigma,
            } => (*sigma == 0.0).then(|| whole(*median_micros)),
            Self::Pareto { .. } => None,
            Self::Quantiles(points) => {
                let (least, largest) = (points[0].1, points[points.len() - 1].1);
                (least == largest).then_some(least)
            }
            Self::Trace(values) => {
                let first = values[0];
                values.iter().all(|value| *value == first).then_some(first)
            }
        }
    }

    /// True when no draw matters.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.as_constant().is_some()
    }

    /// The mean, rounded to a microsecond. Tails beyond [`LONGEST`] are in it, though no sampler gives them.
    #[must_use]
    pub fn mean(&self) -> SimDuration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { min, max } => {
                SimDuration::from_micros((min.as_micros() + max.as_micros()).div_ceil(2))
            }
            Self::Exponential { mean } | Self::Pareto { mean, .. } => *mean,
            Self::LogNormal {
                median_micros,
                sigma,
            } => whole(median_micros * exp(sigma * sigma / 2.0)),
            Self::Quantiles(points) => {
                let mean: f64 = points
                    .windows(2)
                    .map(|pair| {
                        let middle = (pair[0].1.as_micros() + pair[1].1.as_micros()) as f64 / 2.0;
                        (pair[1].0 - pair[0].0) * middle
                    })
                    .sum();
                whole(mean)
            }
            Self::Trace(values) => {
                let sum: u128 = values
                    .iter()
                    .map(|value| u128::from(value.as_micros()))
                    .sum();
                SimDuration::from_micros((sum / values.len() as u128) as u64)
            }
        }
    }

    /// The value at which the share `share` (strictly between 0 and 1) of all values is reached.
    #[must_use]
    pub fn quantile(&self, share: f64) -> SimDuration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { min, max } => {
                let width = (max.as_micros() - min.as_micros()) as f64;
                SimDuration::from_micros(min.as_micros() + (width * share + 0.5) as u64)
            }
            Self::Exponential { mean } => whole(-(mean.as_micros() as f64) * log(1.0 - share)),
            Self::LogNormal {
                median_micros,
                sigma,
            } => whole(median_micros * exp(sigma * normal_quantile(share))),
            Self::Pareto { mean, alpha } => {
                let least = mean.as_micros() as f64 * (alpha - 1.0) / alpha;
                whole(least * pow(1.0 - share, -1.0 / alpha))
            }
            Self::Quantiles(points) => {
                let next = points[1..points.len() - 1].partition_point(|(at, _)| *at < share) + 1;
                let ((from, low), (to, high)) = (points[next - 1], points[next]);
                let rise = (high.as_micros() - low.as_micros()) as f64;
                whole(low.as_micros() as f64 + rise * ((share - from) / (to - from)))
            }
            Self::Trace(values) => {
                let mut ascending = values.clone();
                ascending.sort_unstable();
                ascending[((share * values.len() as f64) as usize).min(values.len() - 1)]
            }
        }
    }

    /// The value of index `index` of a stream whose word at that index is `word`. Only a trace looks at the index.
    #[must_use]
    pub fn value(&self, index: u64, word: u64) -> SimDuration {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { min, max } => {
                let values = u128::from(max.as_micros() - min.as_micros()) + 1;
                SimDuration::from_micros(
                    min.as_micros() + ((u128::from(word) * values) >> 64) as u64,
                )
            }
            Self::Exponential { .. }
            | Self::LogNormal { .. }
            | Self::Pareto { .. }
            | Self::Quantiles(_) => self.quantile(unit(word)),
            Self::Trace(values) => values[(index % values.len() as u64) as usize],
        }
    }

    /// The next value of `draw`: takes one word of it, except that a constant takes none.
    #[inline]
    pub fn sample(&self, draw: &mut Draw) -> SimDuration {
        match self {
            Self::Constant(value) => *value,
            _ => self.sample_random(draw),
        }
    }

    fn sample_random(&self, draw: &mut Draw) -> SimDuration {
        match self {
            Self::Constant(value) => *value,
            Self::Trace(_) => {
                let index = draw.position();
                self.value(index, draw.word())
            }
            Self::Uniform { .. }
            | Self::Exponential { .. }
            | Self::LogNormal { .. }
            | Self::Pareto { .. }
            | Self::Quantiles(_) => self.value(0, draw.word()),
        }
    }
}

/// To the nearest microsecond; what is no number or negative is zero, what is too long is [`LONGEST`].
fn whole(micros: f64) -> SimDuration {
    SimDuration::from_micros((micros + 0.5) as u64).min(LONGEST)
}

fn positive(what: &str, value: SimDuration) -> Result<(), Refusal> {
    if value.is_zero() {
        return Err(Refusal::new(
            format!("{what} is zero"),
            "write a positive duration, or a plain 0s for no time at all",
        ));
    }
    Ok(())
}

fn within(value: SimDuration) -> Result<(), Refusal> {
    if value > LONGEST {
        return Err(Refusal::new(
            format!("{value} is longer than 285 years"),
            "write a shorter duration",
        ));
    }
    Ok(())
}
