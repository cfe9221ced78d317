//! The deterministic part of a topic's load as one staircase: how much of it has come by an instant, and when.
//!
//! Amounts are whole units; a record is [`Curve::unit`] units, chosen so that every rate written, and every share, is a
//! whole number of units a microsecond (fractions that do not fit together below 2^56 are rounded: a rate by less than
//! 1e-7 of a record a second). So nothing drifts and no float is kept.

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use libm::sin;

use super::constant::greatest_common_divisor;
use super::load::{DAY, LoadFactor, LoadTerm, MOST_PER_MICRO, Rate};
use crate::kernel::SimDuration;

/// The least unit: rates in whole records a second, minute, hour or day, times a factor in thousandths.
const LEAST_UNIT: u128 = 86_400_000_000_000;
/// Units stay below this, so that products with shares and times fit 128 bits.
const UNIT_LIMIT: u128 = 1 << 56;
/// Instants are looked at up to here, 36,000 years: products stay inside 128 bits.
pub(super) const LAST_INSTANT: u64 = 1 << 60;

const MINUTE: u64 = 60_000_000;
const MILLI: u64 = 1_000;

/// One stair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stair {
    /// First microsecond.
    pub(super) start: u64,
    /// Units each microsecond.
    pub(super) rate: u128,
    /// Units that came before.
    pub(super) before: u128,
}

/// The staircase; the last stair goes on for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Curve {
    /// Units of a record.
    pub(super) unit: u128,
    stairs: Vec<Stair>,
}

impl Curve {
    /// The sum of the deterministic `terms` times spikes and `factors`; a diurnal term keeps its last minute after `until`.
    /// `wholes` are the denominators of the partitions' shares.
    pub(super) fn new(
        terms: &[LoadTerm],
        factors: &[LoadFactor],
        wholes: &[u64],
        until: u64,
    ) -> Self {
        let unit = common_unit(terms, wholes);
        let factors = all_factors(terms, factors);
        let mut starts = BTreeSet::from([0]);
        terms
            .iter()
            .for_each(|term| add_starts(term, until, &mut starts));
        starts.extend(factors.iter().flat_map(|factor| [factor.0, factor.1]));
        let most = u128::from(MOST_PER_MICRO) * unit;
        let mut stairs: Vec<Stair> = Vec::new();
        for start in starts {
            let written: u128 = terms.iter().map(|term| rate_at(term, start, unit)).sum();
            let rate = factors
                .iter()
                .filter(|(from, to, _)| (*from..*to).contains(&start))
                .fold(written.min(most), |rate, (_, _, thousandths)| {
                    ((rate * u128::from(*thousandths) + 500) / 1_000).min(most)
                });
            let before = stairs.last().map_or(0, |last| last.at(start));
            if stairs.last().is_none_or(|last| last.rate != rate) {
                stairs.push(Stair {
                    start,
                    rate,
                    before,
                });
            }
        }
        Self { unit, stairs }
    }

    /// Units that came by `at`.
    pub(super) fn at(&self, at: u64) -> u128 {
        self.stair(at).at(at)
    }

    /// The stair at `at`.
    pub(super) fn stair(&self, at: u64) -> Stair {
        let next = self.stairs.partition_point(|stair| stair.start <= at);
        self.stairs[next - 1]
    }

    /// The start of the next stair after `at`.
    pub(super) fn next_start(&self, at: u64) -> Option<u64> {
        let next = self.stairs.partition_point(|stair| stair.start <= at);
        self.stairs.get(next).map(|stair| stair.start)
    }

    /// The first instant by which `amount` units (not zero) have come.
    pub(super) fn when(&self, amount: u128) -> Option<u64> {
        let next = self.stairs.partition_point(|stair| stair.before < amount);
        let stair = self.stairs[next - 1];
        if stair.rate == 0 {
            return None;
        }
        let after = u64::try_from((amount - stair.before).div_ceil(stair.rate)).ok()?;
        stair.start.checked_add(after)
    }

    /// The rate in units a microsecond when it never changes.
    pub(super) fn constant(&self) -> Option<u128> {
        match self.stairs.as_slice() {
            [only] => Some(only.rate),
            _ => None,
        }
    }
}

impl Stair {
    pub(super) fn at(&self, at: u64) -> u128 {
        self.before + self.rate * u128::from(at.min(LAST_INSTANT).saturating_sub(self.start))
    }
}

/// Spikes and script factors alike: (from, to, thousandths).
pub(super) fn all_factors(terms: &[LoadTerm], factors: &[LoadFactor]) -> Vec<(u64, u64, u64)> {
    let spikes = terms.iter().filter_map(|term| match term {
        LoadTerm::Spike {
            at,
            length,
            factor_thousandths,
        } => Some((
            at.as_micros(),
            (*at + *length).as_micros(),
            *factor_thousandths,
        )),
        LoadTerm::Constant(_)
        | LoadTerm::Poisson(_)
        | LoadTerm::Diurnal { .. }
        | LoadTerm::Bursts { .. }
        | LoadTerm::Steps(_)
        | LoadTerm::Ramp { .. }
        | LoadTerm::Trace(_) => None,
    });
    let script = factors.iter().map(|factor| {
        (
            factor.from.as_micros(),
            factor.to.as_micros(),
            factor.thousandths,
        )
    });
    spikes.chain(script).collect()
}

/// The least common multiple of [`LEAST_UNIT`] and the denominators of rates and shares, as far as it stays below the limit.
fn common_unit(terms: &[LoadTerm], wholes: &[u64]) -> u128 {
    let mut unit = LEAST_UNIT;
    let mut include_number = |number: u64| {
        let per = u128::from(number);
        let common = unit / greatest_common_divisor(unit, per) * per;
        if common < UNIT_LIMIT {
            unit = common;
        }
    };
    let mut include = |rate: &Rate| include_number(rate.per_micros);
    for term in terms {
        match term {
            LoadTerm::Constant(rate) => include(rate),
            LoadTerm::Diurnal {
                mean, amplitude, ..
            } => [mean, amplitude].into_iter().for_each(&mut include),
            LoadTerm::Steps(rows) | LoadTerm::Trace(rows) => {
                rows.iter().for_each(|(_, rate)| include(rate))
            }
            LoadTerm::Ramp { from, to, .. } => [from, to].into_iter().for_each(&mut include),
            LoadTerm::Poisson(_) | LoadTerm::Bursts { .. } | LoadTerm::Spike { .. } => {}
        }
    }
    wholes.iter().copied().for_each(include_number);
    unit
}

/// Where the rate of `term` may change.
fn add_starts(term: &LoadTerm, until: u64, starts: &mut BTreeSet<u64>) {
    match term {
        LoadTerm::Diurnal { .. } => {
            starts.extend((0..until.div_ceil(MINUTE).max(1)).map(|minute| minute * MINUTE))
        }
        LoadTerm::Steps(rows) | LoadTerm::Trace(rows) => {
            starts.extend(rows.iter().map(|(at, _)| at.as_micros()));
        }
        LoadTerm::Ramp { start, end, .. } => {
            let (start, end) = (start.as_micros(), end.as_micros());
            let step = ramp_step(end - start);
            starts.extend((start..end).step_by(step as usize));
            starts.insert(end);
        }
        LoadTerm::Constant(_)
        | LoadTerm::Poisson(_)
        | LoadTerm::Bursts { .. }
        | LoadTerm::Spike { .. } => {}
    }
}

fn ramp_step(length: u64) -> u64 {
    length.div_ceil(1_000).max(MILLI)
}

/// Units each microsecond in the stair of `term` that starts at or before `at`; nothing for the random terms.
fn rate_at(term: &LoadTerm, at: u64, unit: u128) -> u128 {
    match term {
        LoadTerm::Constant(rate) => units(*rate, unit),
        LoadTerm::Diurnal {
            mean,
            amplitude,
            peak,
        } => {
            let mean = units(*mean, unit) as i128;
            let swing = units(*amplitude, unit) as f64 * mean_of_minute(at / MINUTE, *peak);
            (mean + (swing + if swing < 0.0 { -0.5 } else { 0.5 }) as i128).max(0) as u128
        }
        LoadTerm::Steps(rows) | LoadTerm::Trace(rows) => {
            let next = rows.partition_point(|(from, _)| from.as_micros() <= at);
            next.checked_sub(1)
                .map_or(0, |row| units(rows[row].1, unit))
        }
        LoadTerm::Ramp {
            from,
            to,
            start,
            end,
        } => {
            let (start, end) = (start.as_micros(), end.as_micros());
            let step = ramp_step(end - start);
            let stair = start + at.saturating_sub(start) / step * step;
            let twice_middle = if at < start {
                0
            } else if at >= end {
                2 * (end - start)
            } else {
                (stair - start) + ((stair + step).min(end) - start)
            };
            let share = (u128::from(twice_middle), 2 * u128::from(end - start));
            let (low, high) = (units(*from, unit), units(*to, unit));
            if high >= low {
                low + scaled(high - low, share)
            } else {
                low - scaled(low - high, share)
            }
        }
        LoadTerm::Poisson(_) | LoadTerm::Bursts { .. } | LoadTerm::Spike { .. } => 0,
    }
}

/// To the nearest unit.
fn units(rate: Rate, unit: u128) -> u128 {
    let per = u128::from(rate.per_micros);
    (u128::from(rate.records) * unit + per / 2) / per
}

/// `amount` times a fraction of at most 1, to the nearest; wide amounts are cut first.
fn scaled(amount: u128, (part, whole): (u128, u128)) -> u128 {
    let excess = (amount.leading_zeros() + part.leading_zeros()).saturating_sub(u128::BITS);
    if excess > 0 || amount == 0 {
        (amount * part + whole / 2) / whole
    } else {
        amount / whole * part
    }
}

/// The mean over a minute of the cosine that is 1 at `peak` o'clock.
fn mean_of_minute(minute: u64, peak: SimDuration) -> f64 {
    let angle = |micros: u64| {
        let day = DAY.as_micros();
        let since_peak = (micros % day + day - peak.as_micros()) % day;
        TAU * (since_peak as f64 / day as f64)
    };
    let from = angle(minute % 1_440 * MINUTE);
    let width = TAU / 1_440.0;
    (sin(from + width) - sin(from)) / width
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimTime;

    fn per_second(records: u64) -> Rate {
        Rate {
            records,
            per_micros: 1_000_000,
        }
    }

    fn rate_per_second(curve: &Curve, at_seconds: u64) -> f64 {
        curve.stair(at_seconds * 1_000_000).rate as f64 / curve.unit as f64 * 1e6
    }

    /// DIU-1: base 1000, a 0.6, peak 14 h. The value at the hour lies between the minutes before and after it.
    #[test]
    fn diu_1() {
        let term = LoadTerm::Diurnal {
            mean: per_second(1_000),
            amplitude: per_second(600),
            peak: SimDuration::from_secs(14 * 3_600),
        };
        let curve = Curve::new(&[term], &[], &[], 2 * DAY.as_micros());
        for (hour, expected) in [
            (2, 400.0),
            (8, 1_000.0),
            (14, 1_600.0),
            (20, 1_000.0),
            (24, 480.4),
        ] {
            let around = [hour * 3_600 - 60, hour * 3_600].map(|at| rate_per_second(&curve, at));
            let middle = (around[0] + around[1]) / 2.0;
            assert!((middle - expected).abs() < 0.02, "{hour} h: {middle}");
        }
        let day = curve.at(DAY.as_micros()) / curve.unit;
        assert!(day.abs_diff(86_400_000) <= 1, "a day holds its mean: {day}");
    }

    #[test]
    fn a_ramp_holds_its_mean_and_meets_its_ends() {
        for (from, to) in [(100, 900), (900, 100)] {
            let term = LoadTerm::Ramp {
                from: per_second(from),
                to: per_second(to),
                start: SimTime::from_millis(10_000),
                end: SimTime::from_millis(70_000),
            };
            let curve = Curve::new(&[term], &[], &[], 100_000_000);
            assert_eq!(rate_per_second(&curve, 0), from as f64);
            assert_eq!(rate_per_second(&curve, 70), to as f64);
            assert!((rate_per_second(&curve, 40) - 500.0).abs() < 1.0);
            let during = curve.at(70_000_000) - curve.at(10_000_000);
            assert_eq!(during, 30_000 * curve.unit);
        }
    }

    #[test]
    fn factors_multiply_and_terms_add() {
        let terms = [
            LoadTerm::Constant(per_second(10)),
            LoadTerm::Steps(vec![(SimTime::from_millis(2_000), per_second(5))]),
            LoadTerm::Spike {
                at: SimTime::from_millis(1_000),
                length: SimDuration::from_secs(3),
                factor_thousandths: 3_000,
            },
        ];
        let script = [LoadFactor {
            from: SimTime::from_millis(3_000),
            to: SimTime::from_millis(5_000),
            thousandths: 500,
        }];
        let curve = Curve::new(&terms, &script, &[], 10_000_000);
        let rates: Vec<f64> = (0..6).map(|at| rate_per_second(&curve, at)).collect();
        assert_eq!(rates, [10.0, 30.0, 45.0, 22.5, 7.5, 15.0]);
        assert_eq!(curve.when(40 * curve.unit), Some(2_000_000));
        assert_eq!(curve.when(40 * curve.unit + 1), Some(2_000_001));
    }
}
