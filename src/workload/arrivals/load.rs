//! What users write about the load of a topic: rates, terms, skew.

use crate::kernel::{SimDuration, SimTime};
use crate::workload::refusal::Refusal;

/// No partition gets more than this many records a microsecond, whatever terms and factors say.
pub(super) const MOST_PER_MICRO: u64 = 1_000;

/// Records per time as a fraction.
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
    /// mean + amplitude * cos of the time of day, highest at `peak`; the replication starts at midnight. Played as a
    /// staircase of one-minute steps, each with the exact mean of its minute.
    Diurnal {
        /// Mean rate.
        mean: Rate,
        /// Amplitude as a rate, at most the mean.
        amplitude: Rate,
        /// When the rate is highest.
        peak: SimDuration,
    },
    /// Markov-modulated Poisson: exponential times in a low and a high phase; the start is stationary. The phases are the
    /// topic's: all its partitions burst together (with a load given per partition, each by itself).
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
    /// A constant rate from each instant on: (from, rate), ascending; none before the first.
    Steps(Vec<(SimTime, Rate)>),
    /// From one rate to another, linearly. Played as a staircase of at most 1,000 equal steps of at least a millisecond,
    /// each with the exact mean of its span.
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
    /// Rates from a file: (from, rate), ascending; none before the first.
    Trace(Vec<(SimTime, Rate)>),
}

/// All of a topic's load times a factor for a while, as the script's `load` says. Factors multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadFactor {
    /// Begin.
    pub from: SimTime,
    /// End, exclusive.
    pub to: SimTime,
    /// Factor in thousandths.
    pub thousandths: u64,
}

impl LoadTerm {
    /// Whether this term makes sense.
    ///
    /// # Errors
    /// Names the value and the remedy.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Constant(rate) | Self::Poisson(rate) => check_rate(*rate),
            Self::Diurnal {
                mean,
                amplitude,
                peak,
            } => {
                check_rate(*mean)?;
                check_rate(*amplitude)?;
                if amplitude.is_above(*mean) {
                    return Err(Refusal::new(
                        "the amplitude is larger than the mean, so the rate would be negative",
                        "write an amplitude of at most the mean",
                    ));
                }
                if *peak >= DAY {
                    return Err(Refusal::new(
                        format!("{peak} is no time of day"),
                        "write the time since midnight, below 24h",
                    ));
                }
                Ok(())
            }
            Self::Bursts {
                low,
                high,
                low_for,
                high_for,
            } => {
                check_rate(*low)?;
                check_rate(*high)?;
                if (*low_for).min(*high_for) < SimDuration::from_millis(1) {
                    return Err(Refusal::new(
                        "a phase shorter than a millisecond is no burst",
                        "write mean times of at least 1ms",
                    ));
                }
                Ok(())
            }
            Self::Steps(rows) | Self::Trace(rows) => check_rows(rows),
            Self::Ramp {
                from,
                to,
                start,
                end,
            } => {
                check_rate(*from)?;
                check_rate(*to)?;
                if end <= start {
                    return Err(Refusal::new(
                        format!("the ramp ends at {end}, which is not after its start {start}"),
                        "write an end after the start, or use steps",
                    ));
                }
                Ok(())
            }
            Self::Spike {
                length,
                factor_thousandths,
                ..
            } => {
                if length.is_zero() {
                    return Err(Refusal::new(
                        "the spike has no length",
                        "write how long it lasts",
                    ));
                }
                check_factor(*factor_thousandths)
            }
        }
    }
}

impl LoadTerm {
    /// Records each microsecond at the highest; nothing for what only multiplies.
    pub(super) fn highest(&self) -> f64 {
        match self {
            Self::Constant(rate) | Self::Poisson(rate) => rate.per_micro(),
            Self::Diurnal {
                mean, amplitude, ..
            } => mean.per_micro() + amplitude.per_micro(),
            Self::Bursts { low, high, .. } => low.per_micro().max(high.per_micro()),
            Self::Steps(rows) | Self::Trace(rows) => {
                let rates = rows.iter().map(|(_, rate)| rate.per_micro());
                rates.fold(0.0, f64::max)
            }
            Self::Ramp { from, to, .. } => from.per_micro().max(to.per_micro()),
            Self::Spike { .. } => 0.0,
        }
    }
}

impl LoadFactor {
    /// Whether this factor makes sense.
    ///
    /// # Errors
    /// Names the value and the remedy.
    pub fn check(&self) -> Result<(), Refusal> {
        check_factor(self.thousandths)
    }
}

impl Rate {
    /// Records per microsecond.
    pub(super) fn per_micro(self) -> f64 {
        self.records as f64 / self.per_micros as f64
    }

    fn is_above(self, other: Self) -> bool {
        u128::from(self.records) * u128::from(other.per_micros)
            > u128::from(other.records) * u128::from(self.per_micros)
    }
}

/// A day.
pub(super) const DAY: SimDuration = SimDuration::from_secs(86_400);

fn check_rate(rate: Rate) -> Result<(), Refusal> {
    let most = Rate {
        records: MOST_PER_MICRO,
        per_micros: 1,
    };
    if rate.per_micros == 0 || rate.is_above(most) {
        return Err(Refusal::new(
            format!(
                "{} records in {}us is more than a billion records a second",
                rate.records, rate.per_micros
            ),
            "write a smaller rate",
        ));
    }
    Ok(())
}

fn check_rows(rows: &[(SimTime, Rate)]) -> Result<(), Refusal> {
    if rows.is_empty() {
        return Err(Refusal::new(
            "there are no rows",
            "write at least one time and rate",
        ));
    }
    rows.iter().try_for_each(|(_, rate)| check_rate(*rate))?;
    if let Some(pair) = rows.windows(2).find(|pair| pair[1].0 <= pair[0].0) {
        return Err(Refusal::new(
            format!("the times do not ascend: {} after {}", pair[1].0, pair[0].0),
            "put the rows in order of time, each time once",
        ));
    }
    Ok(())
}

fn check_factor(thousandths: u64) -> Result<(), Refusal> {
    if thousandths > 1_000_000_000 {
        return Err(Refusal::new(
            format!("a factor of {} is out of range", thousandths / 1_000),
            "write a factor from 0 to a million",
        ));
    }
    Ok(())
}
