//! A log-linear histogram of whole numbers: quantiles with a relative error below 0.1 %.

use std::collections::BTreeMap;

/// Buckets per power of two: 1,024, so that a bucket is at most 1/1024 of its values wide.
const SUB_BITS: u32 = 10;

/// The first bucket that is kept is a multiple of this, so that a histogram which grows downwards does so seldom; and as many are passed over
/// at once where a quantile lies beyond.
const MARGIN: usize = 64;

/// Counts of values, in buckets.
///
/// There is one for each partition of a run, so what it takes up matters: buckets are kept from about the smallest value on, and count in
/// 32 bits; what does not fit is carried apart.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Histogram {
    buckets: Buckets,
    count: u64,
    max: u64,
    sum: u128,
}

/// How many values each bucket counts.
#[derive(Clone, Debug, Eq, Default)]
struct Buckets {
    /// The first bucket that is kept.
    first: usize,
    /// From there on, modulo 2^32.
    low: Vec<u32>,
    /// Whole 2^32s, by bucket.
    high: BTreeMap<usize, u64>,
}

/// How far one has come through the buckets: past all before `next`, which count `seen`.
#[derive(Debug, Default)]
struct Walk {
    next: usize,
    seen: u64,
}

impl PartialEq for Buckets {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Buckets {
    /// Keeps everything from `least` to `largest`.
    fn make_room(&mut self, least: usize, largest: usize) {
        let least = least / MARGIN * MARGIN;
        if self.low.is_empty() {
            self.first = least;
        } else if least < self.first {
            let more = self.first - least;
            self.low.splice(0..0, std::iter::repeat_n(0, more));
            self.first = least;
        }
        if largest >= self.first + self.low.len() {
            self.low.resize(largest + 1 - self.first, 0);
        }
    }

    /// There is room for `bucket`.
    fn add(&mut self, bucket: usize, times: u64) {
        let low = &mut self.low[bucket - self.first];
        let (sum, is_over) = low.overflowing_add(times as u32);
        *low = sum;
        self.carry(bucket, (times >> 32) + u64::from(is_over));
    }

    /// There is room for all of `count` values from `first` on at intervals of `step`, and no bucket gets beyond 32 bits. Between two powers of two
    /// buckets are equally wide.
    fn add_evenly(&mut self, first: u64, step: i64, count: u64, times: u32) {
        let (mut value, mut left) = (first, count);
        while left > 0 {
            let shift = shift_of(value);
            let beyond = match step {
                0 => left,
                1.. => (largest_at(shift) - value) / step.unsigned_abs() + 1,
                ..0 => (value - least_at(shift)) / step.unsigned_abs() + 1,
            };
            let here = beyond.min(left);
            let base = ((shift as usize) << SUB_BITS).wrapping_sub(self.first);
            if step == 0 {
                self.low[base.wrapping_add((value >> shift) as usize)] += times * here as u32;
                return;
            }
            for _ in 0..here {
                self.low[base.wrapping_add((value >> shift) as usize)] += times;
                value = value.wrapping_add_signed(step);
            }
            left -= here;
        }
    }

    /// There is room for all that `other` counts, and no bucket gets beyond 32 bits.
    fn merge_within(&mut self, other: &Self) {
        let offset = other.first - self.first;
        for (mine, theirs) in self.low[offset..].iter_mut().zip(&other.low) {
            *mine += *theirs;
        }
    }

    fn carry(&mut self, bucket: usize, wholes: u64) {
        if wholes > 0 {
            *self.high.entry(bucket).or_default() += wholes;
        }
    }

    fn merge(&mut self, other: &Self, fits: bool) {
        let Some(last) = other.low.len().checked_sub(1) else {
            return;
        };
        self.make_room(other.first, other.first + last);
        if fits {
            return self.merge_within(other);
        }
        let offset = other.first - self.first;
        for (place, &theirs) in other.low.iter().enumerate() {
            let mine = &mut self.low[offset + place];
            let (sum, is_over) = mine.overflowing_add(theirs);
            *mine = sum;
            if is_over {
                *self.high.entry(other.first + place).or_default() += 1;
            }
        }
        for (&bucket, &wholes) in &other.high {
            self.carry(bucket, wholes);
        }
    }

    /// The bucket with the value of rank `rank`, from where the walk stands; `None` behind the last.
    fn walk_to(&self, rank: u128, walk: &mut Walk) -> Option<usize> {
        while u128::from(walk.seen) < rank {
            let place = walk.next;
            if place.is_multiple_of(MARGIN)
                && self.high.is_empty()
                && let Some(many) = self.low.get(place..place + MARGIN)
            {
                let seen = walk.seen + many.iter().map(|&low| u64::from(low)).sum::<u64>();
                if u128::from(seen) < rank {
                    (walk.seen, walk.next) = (seen, place + MARGIN);
                    continue;
                }
            }
            let low = *self.low.get(place)?;
            walk.next += 1;
            walk.seen += self.whole(self.first + place, low);
        }
        Some(self.first + walk.next - 1)
    }

    /// What the bucket counts whose count modulo 2^32 is `low`.
    fn whole(&self, bucket: usize, low: u32) -> u64 {
        let high = if self.high.is_empty() {
            0
        } else {
            self.high.get(&bucket).copied().unwrap_or_default()
        };
        (high << 32) + u64::from(low)
    }

    /// Buckets that count something, with how much.
    fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let all = (self.first..).zip(&self.low);
        let whole = all.map(|(bucket, &low)| (bucket, self.whole(bucket, low)));
        whole.filter(|&(_, times)| times > 0)
    }
}

/// By how many bits the buckets around `value` are coarser than whole numbers.
fn shift_of(value: u64) -> u32 {
    let bits = u64::BITS - value.leading_zeros();
    bits.saturating_sub(SUB_BITS + 1)
}

/// The smallest value of such buckets.
fn least_at(shift: u32) -> u64 {
    if shift == 0 {
        0
    } else {
        1 << (SUB_BITS + shift)
    }
}

/// The largest value of such buckets.
fn largest_at(shift: u32) -> u64 {
    u64::MAX >> (u64::BITS - SUB_BITS - 1 - shift)
}

fn bucket_of(value: u64) -> usize {
    let shift = shift_of(value);
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
        self.buckets.make_room(bucket, bucket);
        self.buckets.add(bucket, times);
        self.count += times;
        self.max = self.max.max(value);
        self.sum += u128::from(value) * u128::from(times);
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

    /// Counts `count` values `times` times each: `first`, and those that follow it at intervals of `step`; none is below zero.
    pub fn record_progression(&mut self, first: u64, step: i64, count: u64, times: u64) {
        let Some(further) = count.checked_sub(1).filter(|_| times > 0) else {
            return;
        };
        let last = first.wrapping_add_signed(step.wrapping_mul(further as i64));
        let [least, largest] = [first.min(last), first.max(last)].map(bucket_of);
        self.buckets.make_room(least, largest);
        if self.fits(count.saturating_mul(times)) {
            self.buckets.add_evenly(first, step, count, times as u32);
        } else {
            let mut value = first;
            for _ in 0..count {
                self.buckets.add(bucket_of(value), times);
                value = value.wrapping_add_signed(step);
            }
        }
        self.count += count * times;
        self.max = self.max.max(first.max(last));
        let sum = (u128::from(first) + u128::from(last)) * u128::from(count) / 2;
        self.sum += sum * u128::from(times);
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
        self.buckets.merge(&other.buckets, self.fits(other.count));
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
        let mut walk = Walk::default();
        numerators.map(|numerator| {
            let rank = (u128::from(self.count) * u128::from(numerator))
                .div_ceil(u128::from(denominator))
                .max(1);
            let value = self
                .buckets
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
            evenly.record_progression(12, 1, 5, 1 << 31);
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
