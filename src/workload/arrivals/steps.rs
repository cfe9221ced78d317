//! Arrivals along a staircase of rates, of which a partition has a share that may change as partitions are added.

use std::sync::Arc;

use super::constant::greatest_common_divisor;
use super::curve::{Curve, LAST_INSTANT};
use super::floor_sum::floor_sum;
use super::load::Rate;
use crate::kernel::SimTime;

/// Longest span summed at once: keeps the products of [`floor_sum`] inside 128 bits.
const LONGEST_SPAN: u64 = 1 << 40;

/// From `start` on the partition has `share` of its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Epoch {
    start: u64,
    share: (u64, u64),
    /// The topic's units by `start`.
    topic_before: u128,
    /// The partition's units by `start`; what rounding down leaves of less than a unit is dropped at each change.
    before: u128,
}

/// Records spaced by the integral of a varying rate: record k is due when the partition's integral reaches k + 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepArrivals {
    curve: Arc<Curve>,
    epochs: Vec<Epoch>,
    backlog: u64,
}

/// The integral at an instant: whole records, and the rest as a numerator over unit times denominator of the share.
struct Amount {
    records: u128,
    rest: u128,
}

impl StepArrivals {
    /// Shares from each instant on, ascending; the first instant is the partition's creation.
    pub(super) fn new(curve: Arc<Curve>, shares: &[(SimTime, (u64, u64))], backlog: u64) -> Self {
        let mut epochs: Vec<Epoch> = Vec::with_capacity(shares.len());
        for (start, share) in shares {
            let start = start.as_micros();
            let before = epochs.last().map_or(0, |epoch| epoch.units(&curve, start));
            epochs.push(Epoch {
                start,
                share: *share,
                topic_before: curve.at(start),
                before,
            });
        }
        Self {
            curve,
            epochs,
            backlog,
        }
    }

    /// See [`super::PartitionArrivals::count`].
    #[must_use]
    pub fn count(&self, at: SimTime) -> u64 {
        let at = at.as_micros();
        let Some(epoch) = self.epoch(at) else {
            return 0;
        };
        let arrived = epoch.units(&self.curve, at) / self.curve.unit;
        u64::try_from(arrived)
            .unwrap_or(u64::MAX)
            .saturating_add(self.backlog)
    }

    /// See [`super::PartitionArrivals::due`].
    #[must_use]
    pub fn due(&self, offset: u64) -> SimTime {
        if offset < self.backlog {
            return SimTime::from_micros(self.epochs[0].start);
        }
        let amount = (u128::from(offset - self.backlog) + 1) * self.curve.unit;
        let next = self.epochs.partition_point(|epoch| epoch.before < amount);
        self.epochs[next - 1]
            .when(&self.curve, amount)
            .map_or(SimTime::NEVER, SimTime::from_micros)
    }

    /// See [`super::PartitionArrivals::area`].
    #[must_use]
    pub fn area(&self, from: SimTime, to: SimTime) -> u128 {
        let mut at = from.as_micros().max(self.epochs[0].start);
        let to = to.as_micros().min(LAST_INSTANT);
        let mut sum = u128::from(self.backlog) * u128::from(to.saturating_sub(at));
        while at < to {
            let next = self.epochs.partition_point(|epoch| epoch.start <= at);
            let epoch = self.epochs[next - 1];
            let mut end = to.min(at + LONGEST_SPAN);
            end = self
                .epochs
                .get(next)
                .map_or(end, |later| end.min(later.start));
            end = self
                .curve
                .next_start(at)
                .map_or(end, |stair| end.min(stair));
            let terms = u128::from(end - at);
            let amount = epoch.amount(&self.curve, at);
            let (part, whole) = epoch.share;
            let slope = self.curve.stair(at).rate * u128::from(part);
            let modulus = self.curve.unit * u128::from(whole);
            sum += terms * amount.records + floor_sum(terms, modulus, slope, amount.rest);
            at = end;
        }
        sum
    }

    /// See [`super::PartitionArrivals::pace`].
    #[must_use]
    pub fn pace(&self, at: SimTime) -> Option<(Rate, SimTime)> {
        let at = at.as_micros();
        let next = self.epochs.partition_point(|epoch| epoch.start <= at);
        let (part, whole) = self.epochs[next.checked_sub(1)?].share;
        let records = self.curve.stair(at).rate * u128::from(part);
        let per = self.curve.unit * u128::from(whole);
        let common = greatest_common_divisor(records, per);
        let rate = Rate {
            records: u64::try_from(records / common).ok()?,
            per_micros: u64::try_from(per / common).ok()?,
        };
        let until = [
            self.epochs.get(next).map(|epoch| epoch.start),
            self.curve.next_start(at),
            Some(LAST_INSTANT),
        ];
        let until = until.into_iter().flatten().min()?;
        (rate.records > 0).then_some((rate, SimTime::from_micros(until)))
    }

    /// See [`super::PartitionArrivals::keeps_step_with`].
    #[must_use]
    pub fn keeps_step_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.curve, &other.curve) && self.epochs == other.epochs
    }

    fn epoch(&self, at: u64) -> Option<&Epoch> {
        let next = self.epochs.partition_point(|epoch| epoch.start <= at);
        next.checked_sub(1).map(|index| &self.epochs[index])
    }
}

impl Epoch {
    /// The partition's units by `at`, at or after the start.
    fn units(&self, curve: &Curve, at: u64) -> u128 {
        let (part, whole) = (u128::from(self.share.0), u128::from(self.share.1));
        let come = curve.at(at) - self.topic_before;
        self.before + come / whole * part + come % whole * part / whole
    }

    /// The first instant by which the partition has `amount` units, more than it had at the start.
    fn when(&self, curve: &Curve, amount: u128) -> Option<u64> {
        let (part, whole) = (u128::from(self.share.0), u128::from(self.share.1));
        if part == 0 {
            return None;
        }
        let missing = amount - self.before;
        let come = (missing / part).checked_mul(whole)? + (missing % part * whole).div_ceil(part);
        curve.when(self.topic_before.checked_add(come)?)
    }

    /// What [`Epoch::units`] rounds, unrounded.
    fn amount(&self, curve: &Curve, at: u64) -> Amount {
        let (part, whole) = (u128::from(self.share.0), u128::from(self.share.1));
        let come = curve.at(at) - self.topic_before;
        let (come_records, come_rest) = (come / curve.unit * part, come % curve.unit * part);
        let rest = self.before % curve.unit * whole + come_records % whole * curve.unit + come_rest;
        let modulus = curve.unit * whole;
        Amount {
            records: self.before / curve.unit + come_records / whole + rest / modulus,
            rest: rest % modulus,
        }
    }
}
