//! Several seeds at once: quantiles, and paired differences on common random numbers.
//!
//! Exact in decimals; the bootstrap draws from a fixed stream, so the same numbers give the same interval everywhere.

use super::decimal::Decimal;
use super::values::{NOT_DRAINED, Value};
use crate::kernel::{Draw, Seed, Stream};

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2_000;

/// One value for one a seed: that of the only seed, else the median; the first word or flag that has no rank, when there is one. `None`
/// without any.
#[must_use]
pub fn central(values: &[Value]) -> Option<Value> {
    quantile_of(values, 1, 2)
}

/// Under how many seeds a lag was not drained.
#[must_use]
pub fn undrained(values: &[Value]) -> usize {
    let undone = Value::Word(NOT_DRAINED);
    values.iter().filter(|value| **value == undone).count()
}

/// The values by rank: numbers, then above all of them those that were not drained.
///
/// # Errors
/// The first value that has no rank: `no data`, another word, a flag.
pub fn ranked(values: &[Value]) -> Result<Vec<Value>, Value> {
    let undone = Value::Word(NOT_DRAINED);
    let without = |value: &&Value| value.number().is_none() && **value != undone;
    if let Some(value) = values.iter().find(without) {
        return Err(*value);
    }
    let mut ranked = values.to_vec();
    ranked.sort_by_key(|value| (value.number().is_none(), value.number()));
    Ok(ranked)
}

/// As [`quantile`], of values as they are [`ranked`]; the first that has no rank, when there is one.
#[must_use]
pub fn quantile_of(values: &[Value], numerator: u64, denominator: u64) -> Option<Value> {
    let ranked = match ranked(values) {
        Ok(ranked) => ranked,
        Err(value) => return Some(value),
    };
    let (low, high) = places(ranked.len(), numerator, denominator)?;
    match (ranked[low].number(), ranked[high].number()) {
        (Some(low), Some(high)) => between(low, high).map(Value::Number),
        (_, None) | (None, _) => Some(Value::Word(NOT_DRAINED)),
    }
}

/// The value of nearest rank `ceil(count * numerator / denominator)`; the median of an even count is the mean of the middle two.
/// `None` without values.
#[must_use]
pub fn quantile(values: &[Decimal], numerator: u64, denominator: u64) -> Option<Decimal> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let (low, high) = places(sorted.len(), numerator, denominator)?;
    between(sorted[low], sorted[high])
}

/// The two places of so many sorted values between which a quantile lies; mostly it is one. `None` without values.
fn places(count: usize, numerator: u64, denominator: u64) -> Option<(usize, usize)> {
    let last = count.checked_sub(1)?;
    if numerator * 2 == denominator && count.is_multiple_of(2) {
        return Some((count / 2 - 1, count / 2));
    }
    let rank = (count as u64 * numerator).div_ceil(denominator).max(1);
    let place = usize::try_from(rank - 1).unwrap_or(usize::MAX).min(last);
    Some((place, place))
}

fn between(low: Decimal, high: Decimal) -> Option<Decimal> {
    if low == high {
        return Some(low);
    }
    Decimal::ratio((low + high).millionths(), 2_000_000)
}

/// The mean; `None` without values.
#[must_use]
pub fn mean(values: &[Decimal]) -> Option<Decimal> {
    let sum: i128 = values.iter().map(|value| value.millionths()).sum();
    Decimal::ratio(sum, values.len() as i128 * 1_000_000)
}

/// The 95 % interval of the median by order statistics: the k-th smallest and the k-th largest value, with the largest k for which the
/// probability of a miss, twice that of fewer than k heads in as many tosses of a coin as there are values, is at most 5 % (David and
/// Nagaraja, Order Statistics, 7.1). It asks nothing of the distribution. `None` with fewer than six values: there is no such interval.
#[must_use]
pub fn median_interval(values: &[Decimal]) -> Option<(Decimal, Decimal)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    interval_of(&sorted)
}

/// As [`median_interval`], of values that are sorted.
#[must_use]
pub fn interval_of<T: Copy>(sorted: &[T]) -> Option<(T, T)> {
    let rank = interval_rank(sorted.len())?;
    Some((*sorted.get(rank - 1)?, *sorted.get(sorted.len() - rank)?))
}

/// The k of [`median_interval`] for so many values.
fn interval_rank(count: usize) -> Option<usize> {
    // Probabilities relative to that of the middle, which neither overflow nor, where it matters, vanish. Additions, multiplications
    // and divisions alone: the same bits everywhere.
    let middle = count / 2;
    let mut weights = vec![1.0_f64; count + 1];
    for heads in (0..middle).rev() {
        weights[heads] = weights[heads + 1] * (heads + 1) as f64 / (count - heads) as f64;
    }
    for heads in middle + 1..=count {
        weights[heads] = weights[heads - 1] * (count - heads + 1) as f64 / heads as f64;
    }
    let all: f64 = weights.iter().sum();
    let mut below = 0.0;
    let mut rank = 0;
    for weight in &weights[..middle] {
        below += weight;
        if below > 0.025 * all {
            break;
        }
        rank += 1;
    }
    (rank > 0).then_some(rank)
}

/// One variant against another on the same seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paired {
    /// Seeds compared.
    pub seeds: u64,
    /// Mean of (this - other).
    pub mean: Decimal,
    /// Median of (this - other).
    pub median: Decimal,
    /// 95 % interval of the mean difference: percentile bootstrap, 2,000 resamples of a fixed stream; with one seed, or when
    /// all differences are equal, a point.
    pub interval: (Decimal, Decimal),
    /// 95 % interval of the median difference, see [`median_interval`].
    pub median_interval: Option<(Decimal, Decimal)>,
    /// Seeds in which this is lower than the other.
    pub lower: u64,
    /// Seeds in which this is higher.
    pub higher: u64,
    /// Mean of this divided by mean of the other; `None` when that is zero.
    pub ratio: Option<Decimal>,
}

/// Compares `this` with `other`, seed by seed; `None` when there is nothing to compare or the counts differ.
#[must_use]
pub fn paired(this: &[Decimal], other: &[Decimal]) -> Option<Paired> {
    if this.is_empty() || this.len() != other.len() {
        return None;
    }
    let differences: Vec<Decimal> = this.iter().zip(other).map(|(a, b)| *a - *b).collect();
    let count = |wanted: fn(&Decimal) -> bool| differences.iter().filter(|d| wanted(d)).count();
    Some(Paired {
        seeds: differences.len() as u64,
        mean: mean(&differences)?,
        median: quantile(&differences, 1, 2)?,
        interval: interval(&differences)?,
        median_interval: median_interval(&differences),
        lower: count(|difference| *difference < Decimal::ZERO) as u64,
        higher: count(|difference| *difference > Decimal::ZERO) as u64,
        ratio: mean(this)?.over(mean(other)?),
    })
}

/// Percentile bootstrap of the mean (Efron 1979): the 2.5 % and 97.5 % quantiles of the means of resamples.
fn interval(differences: &[Decimal]) -> Option<(Decimal, Decimal)> {
    let mut draw = Draw::new(Seed(0), Stream::new("paired difference", "bootstrap"));
    let count = differences.len() as u64;
    let mut means = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let sum: i128 = (0..count)
            .map(|_| {
                let index = usize::try_from(draw.below(count)).unwrap_or(0);
                differences[index].millionths()
            })
            .sum();
        means.push(Decimal::ratio(sum, i128::from(count) * 1_000_000)?);
    }
    Some((quantile(&means, 25, 1_000)?, quantile(&means, 975, 1_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimals(list: &[i128]) -> Vec<Decimal> {
        list.iter()
            .map(|whole| Decimal::from_millionths(whole * 1_000_000))
            .collect()
    }

    #[test]
    fn quantiles_are_nearest_ranks_and_medians_of_even_counts_lie_between() {
        let values = decimals(&[4, 1, 3, 2]);
        let at = |numerator| {
            quantile(&values, numerator, 100)
                .expect("values")
                .to_string()
        };
        assert_eq!([at(25), at(50), at(95), at(100)], ["1", "2.5", "4", "4"]);
        assert_eq!(quantile(&[], 1, 2), None);
    }

    #[test]
    fn not_drained_ranks_above_every_number_and_no_data_nowhere() {
        let seconds = |list: &[i128]| -> Vec<Value> {
            decimals(list).into_iter().map(Value::Number).collect()
        };
        let undone = Value::Word(NOT_DRAINED);
        let with = |numbers: &[i128], count: usize| {
            let mut values = vec![undone; count];
            values.extend(seconds(numbers));
            values
        };
        let at = |values: &[Value], percent| {
            let value = quantile_of(values, percent, 100).expect("values");
            value.to_string()
        };
        let one = with(&[9, 12, 11], 1);
        assert_eq!(undrained(&one), 1);
        assert_eq!(central(&one).expect("values").to_string(), "11.5");
        assert_eq!(
            [at(&one, 5), at(&one, 75), at(&one, 95)],
            ["9", "12", NOT_DRAINED]
        );
        assert_eq!(
            at(&with(&[9, 12], 2), 50),
            NOT_DRAINED,
            "the mean of 12 and what is above all"
        );
        assert_eq!(at(&with(&[9, 12], 1), 50), "12");
        assert_eq!(at(&with(&[], 3), 50), NOT_DRAINED);
        let mut missing = one.clone();
        missing.push(Value::Word("no data"));
        assert_eq!(at(&missing, 50), "no data");
        assert_eq!(quantile_of(&[], 1, 2), None);
    }

    #[test]
    fn pairs_are_compared_seed_by_seed() {
        let this = decimals(&[10, 20, 30, 40]);
        let other = decimals(&[12, 20, 27, 60]);
        let paired = paired(&this, &other).expect("pairs");
        assert_eq!((paired.lower, paired.higher, paired.seeds), (2, 1, 4));
        assert_eq!(paired.mean.to_string(), "-4.75");
        assert_eq!(paired.median.to_string(), "-1");
        assert_eq!(paired.ratio.expect("not zero").to_string(), "0.840336");
        let (low, high) = paired.interval;
        assert!(low <= paired.mean && paired.mean <= high, "{low} {high}");
        assert!(low >= decimals(&[-20])[0] && high <= decimals(&[3])[0]);
    }

    #[test]
    fn equal_differences_leave_no_doubt() {
        let paired = paired(&decimals(&[5, 6, 7]), &decimals(&[3, 4, 5])).expect("pairs");
        assert_eq!(paired.interval, (paired.mean, paired.mean));
        assert_eq!(paired.mean, Decimal::whole(2));
    }

    /// Ranks as tables of the sign test have them (Conover, Practical Nonparametric Statistics, table A3).
    #[test]
    fn the_interval_of_the_median_is_that_of_the_sign_test() {
        let ranks = [
            (5, None),
            (6, Some(1)),
            (8, Some(1)),
            (9, Some(2)),
            (12, Some(3)),
            (20, Some(6)),
            (30, Some(10)),
            (100, Some(40)),
        ];
        for (count, rank) in ranks {
            assert_eq!(interval_rank(count), rank, "{count} values");
        }
        assert_eq!(interval_rank(100_000).map(|rank| rank / 100), Some(496));
        let values = decimals(&[9, 1, 8, 2, 7, 3, 6, 4, 5]);
        let (low, high) = median_interval(&values).expect("nine values suffice");
        assert_eq!(
            (low.to_string(), high.to_string()),
            ("2".to_owned(), "8".to_owned())
        );
        assert_eq!(median_interval(&values[..5]), None);
    }

    #[test]
    fn unequal_counts_are_not_compared() {
        assert_eq!(paired(&decimals(&[1]), &decimals(&[1, 2])), None);
        assert_eq!(paired(&[], &[]), None);
    }

    /// The interval covers the true mean about as often as it says: 200 samples of 20 uniform differences around 0. (The
    /// percentile bootstrap of so few is known to cover a little less than 95 %.)
    #[test]
    fn the_interval_covers() {
        let mut draw = Draw::new(Seed(7), Stream::new("coverage", "test"));
        let covered = (0..200)
            .filter(|_| {
                let sample: Vec<Decimal> = (0..20)
                    .map(|_| {
                        Decimal::from_millionths(i128::from(draw.below(2_000_001)) - 1_000_000)
                    })
                    .collect();
                let (low, high) = interval(&sample).expect("values");
                low <= Decimal::ZERO && Decimal::ZERO <= high
            })
            .count();
        assert!((178..=198).contains(&covered), "{covered} of 200");
    }
}
