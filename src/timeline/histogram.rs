//! A log-linear histogram of whole numbers: quantiles with a relative error below 0.1 %.

/// Buckets per power of two: 1,024, so that a bucket is at most 1/1024 of its values wide.
const SUB_BITS: u32 = 10;

/// Counts of values, in buckets.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
    sum: u128,
}

fn bucket_of(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(SUB_BITS + 1);
    (u64::from(shift) * (1 << SUB_BITS) + (value >> shift)) as usize
}

/// The smallest value of a bucket.
fn lower_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 << SUB_BITS {
        return bucket;
    }
    let shift = (bucket >> SUB_BITS) - 1;
    (bucket - (shift << SUB_BITS)) << shift
}

impl Histogram {
    /// Counts `value` once.
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts `value` `times` times.
    pub fn record_many(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        let bucket = bucket_of(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += times;
        self.count += times;
        self.max = self.max.max(value);
        self.sum += u128::from(value) * u128::from(times);
    }

    /// Counts each of `values` `times` times.
    pub fn record_all(&mut self, values: impl Iterator<Item = u64>, times: u64) {
        let (mut count, mut max, mut sum) = (0, self.max, 0_u128);
        for value in values {
            let bucket = bucket_of(value);
            if bucket >= self.buckets.len() {
                self.buckets.resize(bucket + 1, 0);
            }
            self.buckets[bucket] += times;
            count += times;
            max = max.max(value);
            sum += u128::from(value);
        }
        self.count += count;
        self.max = max;
        self.sum += sum * u128::from(times);
    }

    /// Counts `count` values `times` times each: `first`, and those that follow it at intervals of `step`; none is below zero.
    pub fn record_progression(&mut self, first: u64, step: i64, count: u64, times: u64) {
        let Some(further) = count.checked_sub(1).filter(|_| times > 0) else {
            return;
        };
        let last = first.wrapping_add_signed(step.wrapping_mul(further as i64));
        let largest = bucket_of(first.max(last));
        if largest >= self.buckets.len() {
            self.buckets.resize(largest + 1, 0);
        }
        let mut value = first;
        for _ in 0..count {
            self.buckets[bucket_of(value)] += times;
            value = value.wrapping_add_signed(step);
        }
        self.count += count * times;
        self.max = self.max.max(first.max(last));
        let sum = (u128::from(first) + u128::from(last)) * u128::from(count) / 2;
        self.sum += sum * u128::from(times);
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
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
        let mut buckets = self.buckets.iter().enumerate();
        let (mut seen, mut value) = (0_u64, 0);
        numerators.map(|numerator| {
            let rank = (u128::from(self.count) * u128::from(numerator))
                .div_ceil(u128::from(denominator))
                .max(1);
            while u128::from(seen) < rank {
                let Some((bucket, &times)) = buckets.next() else {
                    return Some(self.max);
                };
                seen += times;
                value = lower_bound(bucket);
            }
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
        ] {
            let (mut at_once, mut one_by_one) = (Histogram::default(), Histogram::default());
            at_once.record_progression(first, step, count, times);
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
