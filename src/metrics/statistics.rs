//! Several seeds at once: quantiles, and paired differences on common random numbers.
//!
//! Exact in decimals; the bootstrap draws from a fixed stream, so the same numbers give the same interval everywhere.

use super::decimal::Decimal;
use super::values::Value;
use crate::kernel::{Draw, Seed, Stream};

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2_000;

/// One value for one a seed: that of the only seed, else the median; the first word or flag, when one is no number. `None` without any.
#[must_use]
pub fn central(values: &[Value]) -> Option<Value> {
    let numbers: Option<Vec<Decimal>> = values.iter().map(Value::number).collect();
    match numbers {
        Some(numbers) => quantile(&numbers, 1, 2).map(Value::Number),
        None => values
            .iter()
            .find(|value| value.number().is_none())
            .copied(),
    }
}

/// The value of nearest rank `ceil(count * numerator / denominator)`; the median of an even count is the mean of the middle two.
/// `None` without values.
#[must_use]
pub fn quantile(values: &[Decimal], numerator: u64, denominator: u64) -> Option<Decimal> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let count = sorted.len();
    if count == 0 {
        return None;
    }
    if numerator * 2 == denominator && count.is_multiple_of(2) {
        let sum = sorted[count / 2 - 1] + sorted[count / 2];
        return Decimal::ratio(sum.millionths(), 2_000_000);
    }
    let rank = (count as u64 * numerator).div_ceil(denominator).max(1);
    let index = usize::try_from(rank - 1)
        .unwrap_or(usize::MAX)
        .min(count - 1);
    Some(sorted[index])
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
    let rank = interval_rank(values.len())?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
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
