//! A log-linear histogram of whole numbers: quantiles with a relative error below 0.1 %.

mod buckets;
mod rules;

use std::borrow::Cow;

use buckets::{Buckets, Walk, bucket_of, lower_bound};
pub use rules::{Progression, Rounds};

/// Rules that wait before they go into the buckets.
const WAITING: usize = 256;

/// Rounds that wait before they go into the buckets.
const ROUNDS_WAITING: usize = 64;

/// Counts of values, in buckets.
///
/// There is one for each partition of a run, so what it takes up matters: buckets are kept from about the smallest value on, and count in
/// 32 bits; what does not fit is carried apart. Tens of kilobytes a partition, touched at every batch, are in nobody's cache all the same. So
/// values wait by the rule that they follow and go into the buckets many at a time, or never where there are few.
#[derive(Clone, Debug, Eq, Default)]
pub struct Histogram {
    /// Counted and not in the buckets yet: the last rule, which is looked at each time and lies here, and those before it.
    newest: Option<Progression>,
    waiting: Vec<Progression>,
    rounds: Vec<Rounds>,
    buckets: Buckets,
    count: u64,
    max: u64,
    sum: u128,
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        (self.count, self.max, self.sum) == (other.count, other.max, other.sum)
            && self.all_in_buckets() == other.all_in_buckets()
    }
}

fn each_round(all: &[Rounds]) -> impl Iterator<Item = Progression> + Clone {
    all.iter().flat_map(Rounds::progressions)
}

impl Histogram {
    /// Counts `value` once.
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts `value` `times` times.
    pub fn record_many(&mut self, value: u64, times: u64) {
        self.record_progression(Progression::of(value, times));
    }

    /// Counts each of `values` `times` times.
    pub fn record_all(&mut self, values: impl Iterator<Item = u64>, times: u64) {
        let (mut count, mut max, mut sum) = (0, self.max, 0_u128);
        for value in values {
            let bucket = bucket_of(value);
            self.buckets.make_room(bucket, bucket);
            self.buckets.add(bucket, times);
            count += times;
            max = max.max(value);
            sum += u128::from(value);
        }
        self.count += count;
        self.max = max;
        self.sum += sum * u128::from(times);
    }

    /// Counts the values of a rule.
    pub fn record_progression(&mut self, rule: Progression) {
        let Some((least, largest)) = rule.ends() else {
            return;
        };
        self.count += rule.count * rule.times;
        self.max = self.max.max(largest);
        let sum = (u128::from(least) + u128::from(largest)) * u128::from(rule.count) / 2;
        self.sum += sum * u128::from(rule.times);
        if let Some(newest) = &mut self.newest
            && (newest.first, newest.step, newest.count) == (rule.first, rule.step, rule.count)
        {
            newest.times += rule.times;
            return;
        }
        let Some(before) = self.newest.replace(rule) else {
            return;
        };
        if self.waiting.len() == WAITING {
            let fits = self.fits(0);
            self.buckets.pour(self.waiting.iter().copied(), fits);
            self.waiting.clear();
        }
        self.waiting.push(before);
    }

    /// Counts the values of rounds; returns their sum.
    pub fn record_rounds(&mut self, rounds: Rounds) -> u128 {
        let (mut count, mut max, mut sum) = (0, self.max, 0_u128);
        for rule in rounds.progressions() {
            let Some((least, largest)) = rule.ends() else {
                continue;
            };
            count += rule.count;
            max = max.max(largest);
            sum += u128::from(least + largest) * u128::from(rule.count) / 2;
        }
        sum *= u128::from(rounds.times);
        self.count += count * rounds.times;
        self.max = max;
        self.sum += sum;
        if self.rounds.len() == ROUNDS_WAITING {
            let fits = self.fits(0);
            self.buckets.pour(each_round(&self.rounds), fits);
            self.rounds.clear();
        }
        self.rounds.push(rounds);
        sum
    }

    /// Pours what is not in the buckets yet into these.
    fn pour_into(&self, buckets: &mut Buckets, fits: bool) {
        buckets.pour(self.waiting.iter().chain(&self.newest).copied(), fits);
        buckets.pour(each_round(&self.rounds), fits);
    }

    /// The buckets with everything that waits.
    fn all_in_buckets(&self) -> Cow<'_, Buckets> {
        if self.newest.is_none() && self.rounds.is_empty() {
            return Cow::Borrowed(&self.buckets);
        }
        let mut all = self.buckets.clone();
        self.pour_into(&mut all, self.fits(0));
        Cow::Owned(all)
    }

    /// With so many values more no bucket can be beyond 32 bits.
    fn fits(&self, more: u64) -> bool {
        self.count.saturating_add(more) <= u64::from(u32::MAX)
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let fits = self.fits(other.count);
        other.pour_into(&mut self.buckets, fits);
        self.buckets.merge(&other.buckets, fits);
        self.count += other.count;
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, exactly; 0 without values.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The sum of all values, exactly.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The value of nearest rank `ceil(count * numerator / denominator)`, as the lower bound of its bucket (never above the true value,
    /// below it by less than 0.1 %); `None` without values.
    #[must_use]
    pub fn quantile(&self, numerator: u64, denominator: u64) -> Option<u64> {
        let [value] = self.quantiles([numerator], denominator);
        value
    }

    /// Several [`Histogram::quantile`]s of one denominator in one pass; their numerators do not fall.
    #[must_use]
    pub fn quantiles<const N: usize>(
        &self,
        numerators: [u64; N],
        denominator: u64,
    ) -> [Option<u64>; N] {
        if self.count == 0 {
            return [None; N];
        }
        let buckets = self.all_in_buckets();
        let mut walk = Walk::default();
        numerators.map(|numerator| {
            let rank = (u128::from(self.count) * u128::from(numerator))
                .div_ceil(u128::from(denominator))
                .max(1);
            let value = buckets
                .walk_to(rank, &mut walk)
                .map_or(self.max, lower_bound);
            Some(value.min(self.max))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_starts_at_the_bound_that_falls_into_it() {
        for bucket in 0..30_000 {
            assert_eq!(bucket_of(lower_bound(bucket)), bucket);
        }
    }

    #[test]
    fn a_progression_is_its_values() {
        for (first, step, count, times) in [
            (7, 0, 3, 1),
            (50_000, -49, 1_000, 3),
            (3, 9_980, 77, 1),
            (5, -5, 2, 40),
            (9, 1, 0, 2),
            (9, 1, 2, 0),
            (2_047, 1, 3, 1),
            (2_049, -1, 4, 2),
            (4_100, -3, 1_366, 1),
            (1_000, 999, 500, 7),
            (u64::MAX - 40, 20, 3, 1),
        ] {
            let (mut at_once, mut one_by_one) = (Histogram::default(), Histogram::default());
            at_once.record_progression(Progression {
                first,
                step,
                count,
                times,
            });
            let values = (0..count * times)
                .map(|index| first.wrapping_add_signed(step * (index % count) as i64));
            one_by_one.record_all(values.clone(), 1);
            assert_eq!(at_once, one_by_one);
            let mut each = Histogram::default();
            values.for_each(|value| each.record(value));
            assert_eq!(each, one_by_one);
        }
    }

    #[test]
    fn values_that_wait_count_like_those_in_buckets() {
        let (mut late, mut at_once) = (Histogram::default(), Histogram::default());
        for number in 0..3 * WAITING as u64 {
            let rule = Progression {
                first: 50_000 + number / 2 * 7,
                step: -40,
                count: number % 5,
                times: 1 + number % 3,
            };
            late.record_progression(rule);
            let values = (0..rule.count).map(|index| rule.first - 40 * index);
            at_once.record_all(values, rule.times);
            assert_eq!(late, at_once, "{number}");
            assert_eq!(late.quantile(1, 2), at_once.quantile(1, 2));
        }
        late.record_many(3, 7);
        late.record_many(3, 2);
        assert_ne!(late, at_once);
        at_once.record_all([3].into_iter(), 9);
        assert!(late.newest.is_some() && at_once.newest.is_none());
        assert_eq!(late, at_once);
        let mut sum = Histogram::default();
        sum.merge(&late);
        assert_eq!(sum, late);
        sum.merge(&at_once);
        assert_eq!(sum.count(), 2 * late.count());
    }

    #[test]
    fn rounds_are_what_is_taken_each_time() {
        let (mut late, mut at_once) = (Histogram::default(), Histogram::default());
        for number in 0..3 * ROUNDS_WAITING as u64 {
            let rounds = Rounds {
                oldest: 17 * number,
                apart: 40,
                every: 100 + number,
                count: number % 5,
                handling: 3,
                ahead: number % 4,
                each: [7, 90][number as usize % 2],
                times: 1 + number % 3,
            };
            let mut sum = 0;
            let (mut due, mut now) = (0, rounds.oldest);
            for _ in 0..rounds.count {
                let taken: Vec<u64> = (due..=now).step_by(40).collect();
                let before = rounds.handling + rounds.each * rounds.ahead * taken.len() as u64;
                let ages = (1..)
                    .zip(&taken)
                    .map(|(place, due)| now - due + before + place * rounds.each);
                sum += ages.clone().sum::<u64>() * rounds.times;
                at_once.record_all(ages, rounds.times);
                due += 40 * taken.len() as u64;
                now += rounds.every;
            }
            assert_eq!(late.record_rounds(rounds), u128::from(sum));
            assert_eq!(late, at_once, "{number}");
        }
        let mut sum = Histogram::default();
        sum.merge(&late);
        assert_eq!(sum, at_once);
        assert_eq!(late.quantile(9, 10), at_once.quantile(9, 10));
    }

    #[test]
    fn counts_beyond_32_bits_are_carried() {
        let (mut whole, mut parts) = (Histogram::default(), Histogram::default());
        let times = (3 << 33) + 5;
        whole.record_many(70, times);
        whole.record_many(9, 2);
        for _ in 0..4 {
            parts.record_many(70, times / 4);
        }
        parts.record(9);
        parts.record(70);
        let mut one = Histogram::default();
        one.record(9);
        parts.merge(&one);
        assert_eq!(parts, whole);
        assert_eq!(parts.count(), times + 2);
        assert_eq!(parts.quantile(3, times + 2), Some(70));
        assert_eq!(parts.quantile(2, times + 2), Some(9));
        whole.record(70);
        assert_ne!(parts, whole);
        let (mut evenly, mut singly) = (Histogram::default(), Histogram::default());
        for value in 12..17 {
            singly.record_many(value, 3 << 31);
        }
        for _ in 0..3 {
            evenly.record_progression(Progression {
                first: 12,
                step: 1,
                count: 5,
                times: 1 << 31,
            });
        }
        assert_eq!(evenly, singly);
    }

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000_u64 {
            histogram.record(value * 37);
        }
        for percent in [1, 50, 95, 99, 100] {
            let exact = percent * 1_000 * 37;
            let found = histogram.quantile(percent, 100).expect("values");
            assert!(
                found <= exact && exact - found <= exact / 1_000,
                "{percent}: {found} for {exact}"
            );
        }
        assert_eq!(histogram.max(), 3_700_000);
    }
}
