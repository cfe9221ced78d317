//! The buckets of a histogram: counts from about the smallest value on, in 32 bits each.

use std::collections::BTreeMap;

use super::rules::Progression;

/// Buckets per power of two: 1,024, so that a bucket is at most 1/1024 of its values wide.
const SUB_BITS: u32 = 10;

/// The first bucket that is kept is a multiple of this, so that a histogram which grows downwards does so seldom; and as many are passed over
/// at once where a quantile lies beyond.
const MARGIN: usize = 64;

/// How many values each bucket counts.
#[derive(Clone, Debug, Eq, Default)]
pub(super) struct Buckets {
    /// The first bucket that is kept.
    pub(super) first: usize,
    /// From there on, modulo 2^32.
    pub(super) low: Vec<u32>,
    /// Whole 2^32s, by bucket.
    pub(super) high: BTreeMap<usize, u64>,
}

/// How far one has come through the buckets: past all before `next`, which count `seen`.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) next: usize,
    pub(super) seen: u64,
}

impl PartialEq for Buckets {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Buckets {
    /// Keeps everything from `least` to `largest`.
    pub(super) fn make_room(&mut self, least: usize, largest: usize) {
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

    /// Puts in what `rules` count; with `fits` no bucket gets beyond 32 bits by that.
    pub(super) fn pour(&mut self, rules: impl Iterator<Item = Progression> + Clone, fits: bool) {
        let ends = || rules.clone().filter_map(|rule| rule.ends());
        let least = ends().map(|(least, _)| least).min();
        let largest = ends().map(|(_, largest)| largest).max();
        let (Some(least), Some(largest)) = (least, largest) else {
            return;
        };
        self.make_room(bucket_of(least), bucket_of(largest));
        if fits {
            let (first, low) = (self.first, self.low.as_mut_slice());
            return rules.for_each(|rule| {
                for value in rule.values() {
                    low[bucket_of(value) - first] += rule.times as u32;
                }
            });
        }
        for rule in rules {
            for value in rule.values() {
                self.add(bucket_of(value), rule.times);
            }
        }
    }

    /// There is room for `bucket`.
    pub(super) fn add(&mut self, bucket: usize, times: u64) {
        let low = &mut self.low[bucket - self.first];
        let (sum, is_over) = low.overflowing_add(times as u32);
        *low = sum;
        self.carry(bucket, (times >> 32) + u64::from(is_over));
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

    pub(super) fn merge(&mut self, other: &Self, fits: bool) {
        let Some(last) = other.low.len().checked_sub(1) else {
            return;
        };
        self.make_room(other.first, other.first + last);
        if fits {
            return self.merge_within(other);
        }
        for (bucket, &theirs) in (other.first..).zip(&other.low) {
            self.add(bucket, u64::from(theirs));
        }
        for (&bucket, &wholes) in &other.high {
            self.carry(bucket, wholes);
        }
    }

    /// The bucket with the value of rank `rank`, from where the walk stands; `None` behind the last.
    pub(super) fn walk_to(&self, rank: u128, walk: &mut Walk) -> Option<usize> {
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
    pub(super) fn whole(&self, bucket: usize, low: u32) -> u64 {
        let high = if self.high.is_empty() {
            0
        } else {
            self.high.get(&bucket).copied().unwrap_or_default()
        };
        (high << 32) + u64::from(low)
    }

    /// Buckets that count something, with how much.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let all = (self.first..).zip(&self.low);
        let whole = all.map(|(bucket, &low)| (bucket, self.whole(bucket, low)));
        whole.filter(|&(_, times)| times > 0)
    }
}

pub(super) fn bucket_of(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    let shift = bits.saturating_sub(SUB_BITS + 1);
    (u64::from(shift) * (1 << SUB_BITS) + (value >> shift)) as usize
}

/// The smallest value of a bucket.
pub(super) fn lower_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 << SUB_BITS {
        return bucket;
    }
    let shift = (bucket >> SUB_BITS) - 1;
    (bucket - (shift << SUB_BITS)) << shift
}
