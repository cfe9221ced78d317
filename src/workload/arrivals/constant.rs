//! Arrivals at a constant rate: everything in closed form, no drift after any number of records.

use super::floor_sum::floor_sum;
use super::load::Rate;
use crate::kernel::{SimDuration, SimTime};

/// Evenly spaced records behind a backlog.
///
/// Backlog records are due at creation. Record k after them is due exactly `ceil((k + 1) * per / records)` microseconds
/// after creation, computed from k, never accumulated. All partitions are aligned: each gets its first record one period
/// after its creation, as producers that start together do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstantArrivals {
    /// The rate in lowest terms; no records: nothing ever arrives.
    rate: Rate,
    backlog: u64,
    created: SimTime,
}

impl ConstantArrivals {
    /// `rate` times `share` (numerator, denominator; not zero), from `created` on, behind `backlog` records.
    ///
    /// A fraction beyond 64 bits in lowest terms is cut to 64 bits (a relative error below 1e-15).
    #[must_use]
    pub fn new(rate: Rate, share: (u64, u64), backlog: u64, created: SimTime) -> Self {
        let records = u128::from(rate.records) * u128::from(share.0);
        let per = u128::from(rate.per_micros) * u128::from(share.1);
        Self::of_fraction(records, per, backlog, created)
    }

    /// `records` in `per` microseconds.
    pub(super) fn of_fraction(
        mut records: u128,
        mut per: u128,
        backlog: u64,
        created: SimTime,
    ) -> Self {
        let common = greatest_common_divisor(records, per);
        records /= common;
        per /= common;
        let excess = (u128::BITS - records.max(per).leading_zeros()).saturating_sub(u64::BITS);
        Self {
            rate: Rate {
                records: (records >> excess) as u64,
                per_micros: ((per >> excess) as u64).max(1),
            },
            backlog,
            created,
        }
    }

    /// See [`super::PartitionArrivals::count`].
    #[inline]
    #[must_use]
    pub fn count(&self, at: SimTime) -> u64 {
        if at < self.created {
            return 0;
        }
        let elapsed = at.since(self.created).as_micros();
        let arrived = match elapsed.checked_mul(self.rate.records) {
            Some(product) => product / self.rate.per_micros,
            None => self.arrived_wide(elapsed),
        };
        self.backlog.saturating_add(arrived)
    }

    #[cold]
    fn arrived_wide(&self, elapsed: u64) -> u64 {
        let product = u128::from(elapsed) * u128::from(self.rate.records);
        u64::try_from(product / u128::from(self.rate.per_micros)).unwrap_or(u64::MAX)
    }

    /// See [`super::PartitionArrivals::due`].
    #[inline]
    #[must_use]
    pub fn due(&self, offset: u64) -> SimTime {
        if offset < self.backlog {
            return self.created;
        }
        if self.rate.records == 0 {
            return SimTime::NEVER;
        }
        let nth = (offset - self.backlog).saturating_add(1);
        let elapsed = match nth.checked_mul(self.rate.per_micros) {
            // Whole periods are common, and a division is what this function costs.
            Some(product) if self.rate.records == 1 => product,
            Some(product) => product.div_ceil(self.rate.records),
            None => self.elapsed_wide(nth),
        };
        SimTime::from_micros(self.created.as_micros().saturating_add(elapsed))
    }

    /// See [`super::PartitionArrivals::evenly`].
    #[inline]
    #[must_use]
    pub fn evenly(&self, from: u64, count: u64) -> Option<(SimTime, SimDuration)> {
        let whole_periods = self.rate.records == 1 && from >= self.backlog;
        let last = from.checked_add(count)?.checked_mul(self.rate.per_micros);
        (whole_periods && last.is_some()).then(|| {
            (
                self.due(from),
                SimDuration::from_micros(self.rate.per_micros),
            )
        })
    }

    /// See [`super::PartitionArrivals::pace`].
    #[inline]
    #[must_use]
    pub fn pace(&self, at: SimTime) -> Option<(Rate, SimTime)> {
        let comes = at >= self.created && self.rate.records > 0;
        comes.then_some((self.rate, SimTime::NEVER))
    }

    /// See [`super::PartitionArrivals::keeps_step_with`].
    #[inline]
    #[must_use]
    pub fn keeps_step_with(&self, other: &Self) -> bool {
        (self.rate, self.created) == (other.rate, other.created)
    }

    #[cold]
    fn elapsed_wide(&self, nth: u64) -> u64 {
        let product = u128::from(nth) * u128::from(self.rate.per_micros);
        u64::try_from(product.div_ceil(u128::from(self.rate.records))).unwrap_or(u64::MAX)
    }

    /// See [`super::PartitionArrivals::area`].
    #[must_use]
    pub fn area(&self, from: SimTime, to: SimTime) -> u128 {
        let from = from.max(self.created);
        if to <= from {
            return 0;
        }
        let terms = u128::from(to.since(from).as_micros());
        let (records, per) = (
            u128::from(self.rate.records),
            u128::from(self.rate.per_micros),
        );
        let start = records * u128::from(from.since(self.created).as_micros());
        terms * u128::from(self.backlog) + floor_sum(terms, per, records, start)
    }
}

/// Euclid's; 1 for two zeros, so that one can always divide by it.
pub(super) fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn micros(at: u64) -> SimTime {
        SimTime::from_micros(at)
    }

    fn per_second(records: u64) -> Rate {
        Rate {
            records,
            per_micros: 1_000_000,
        }
    }

    /// 1,333 records/s over 25 partitions: the billionth record of a partition is due when the fraction says, not a
    /// microsecond off, and nothing has drifted by then.
    #[test]
    fn no_drift_after_a_billion_records() {
        let arrivals = ConstantArrivals::new(per_second(1_333), (1, 25), 0, SimTime::ZERO);
        let due = arrivals.due(999_999_999);
        // 1e9 * 25e6 / 1333 = 18754688672168.04…
        assert_eq!(due, micros(18_754_688_672_169));
        assert_eq!(arrivals.count(due), 1_000_000_000);
        assert_eq!(arrivals.count(micros(due.as_micros() - 1)), 999_999_999);
    }

    #[test]
    fn a_silent_partition_keeps_its_backlog() {
        let silent = ConstantArrivals::new(per_second(0), (1, 3), 2, micros(5));
        assert_eq!(silent.count(micros(4)), 0);
        assert_eq!(silent.count(SimTime::NEVER), 2);
        assert_eq!((silent.due(1), silent.due(2)), (micros(5), SimTime::NEVER));
        assert_eq!(silent.area(SimTime::ZERO, micros(8)), 6);
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let fast = ConstantArrivals::new(per_second(u64::MAX), (1, 1), 0, SimTime::ZERO);
        assert_eq!(fast.count(SimTime::NEVER), u64::MAX);
        let slow = ConstantArrivals::new(
            Rate {
                records: 1,
                per_micros: u64::MAX,
            },
            (1, 1),
            0,
            SimTime::ZERO,
        );
        assert_eq!(slow.due(u64::MAX), SimTime::NEVER);
    }

    proptest! {
        /// The pace says how many records come in any span, but for one.
        #[test]
        fn keeps_its_pace(records in 1_u64..400, per in 1_u64..2_000, created in 0_u64..300, from in 0_u64..900, span in 0_u64..9_000) {
            let arrivals = ConstantArrivals::new(Rate { records, per_micros: per }, (2, 3), 4, micros(created));
            let pace = arrivals.pace(micros(from));
            prop_assert_eq!(pace.is_some(), from >= created);
            if let Some((rate, until)) = pace {
                prop_assert_eq!(until, SimTime::NEVER);
                let come = arrivals.count(micros(from + span)) - arrivals.count(micros(from));
                let floor = span * rate.records / rate.per_micros;
                prop_assert!(come == floor || come == floor + 1);
            }
        }

        /// Against a list of due times made record by record.
        #[test]
        fn agrees_with_the_list_of_all_records(
            records in 0_u64..400, per in 1_u64..2_000, share in 1_u64..7, parts in 1_u64..9,
            backlog in 0_u64..5, created in 0_u64..300, from in 0_u64..900, length in 0_u64..900,
        ) {
            let arrivals = ConstantArrivals::new(Rate { records, per_micros: per }, (share, parts), backlog, micros(created));
            let end = from + length;
            let mut dues = vec![created; backlog as usize];
            if records > 0 {
                let step = |k: u64| created + (k * per * parts).div_ceil(records * share);
                dues.extend((1..).map(step).take_while(|due| *due <= end));
            }
            let count = |at: u64| dues.iter().filter(|due| **due <= at).count() as u64;
            for at in [from, end] {
                prop_assert_eq!(arrivals.count(micros(at)), count(at));
            }
            for (offset, due) in dues.iter().enumerate() {
                prop_assert_eq!(arrivals.due(offset as u64), micros(*due));
            }
            let area: u128 = dues.iter().filter(|due| **due < end).map(|due| u128::from(end - from.max(*due))).sum();
            prop_assert_eq!(arrivals.area(micros(from), micros(end)), area);
        }
    }
}
