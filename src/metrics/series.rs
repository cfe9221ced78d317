//! A level over time, known at instants: each value holds until the next.

use std::sync::Arc;

use super::decimal::Decimal;
use super::name::{Aggregate, Labels};
use super::values::{Value, Values};
use crate::kernel::SimTime;

/// What a level's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole things.
    Count,
    /// Microseconds.
    Span,
}

impl Kind {
    fn decimal(self, value: u64) -> Decimal {
        match self {
            Self::Count => Decimal::whole(value),
            Self::Span => Decimal::seconds(value),
        }
    }

    /// Value times microseconds, as the value's unit times seconds.
    fn area(self, area: u128) -> Decimal {
        match self {
            Self::Count => Decimal::unit_seconds(area),
            Self::Span => Decimal::unit_seconds(area / 1_000_000),
        }
    }
}

/// Summary of a level within the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) peak: u64,
    pub(super) peak_at: SimTime,
    /// Time-weighted.
    quantiles: [u64; 3],
    end: u64,
    /// Value times microseconds, and microseconds.
    area: u128,
    length: u64,
}

/// For how many microseconds of the window a value holds that was read at `at` and again at `next`, and whether it is the one at the window's
/// end. `None`: a value that was replaced at once, or lies outside, was never there; one at the very end was.
pub(super) fn holds(at: SimTime, next: SimTime, window: (SimTime, SimTime)) -> Option<(u64, bool)> {
    let micros = next.min(window.1).since(at.max(window.0)).as_micros();
    let is_last = at <= window.1 && next >= window.1;
    (at <= window.1 && (micros > 0 || is_last)).then_some((micros, is_last))
}

/// Summarises a level within `window`; `None` when nothing is known of it there. Its points at the instants `between` (in order) tell how
/// high it rises and how it ends; a mean or a quantile over time would be theirs too long, and is of the other points alone.
pub(super) fn summarise(
    points: &[(SimTime, u64)],
    between: &[SimTime],
    window: (SimTime, SimTime),
) -> Option<Summary> {
    let (peak, peak_at, end) = highest_and_last(points, window)?;
    let mut between = between.iter().peekable();
    let on_grid = points.iter().filter(move |(at, _)| {
        while between.next_if(|instant| *instant < at).is_some() {}
        between.peek() != Some(&at)
    });
    let grid = levels(on_grid.copied(), window);
    let (quantiles, area, length) = grid.or_else(|| levels(points.iter().copied(), window))?;
    Some(Summary {
        peak,
        peak_at,
        quantiles,
        end,
        area,
        length,
    })
}

/// The highest value within the window, since when it held there, and the value at its end.
fn highest_and_last(
    points: &[(SimTime, u64)],
    window: (SimTime, SimTime),
) -> Option<(u64, SimTime, u64)> {
    let mut peak: Option<(u64, SimTime)> = None;
    let mut end = None;
    let nexts = points.iter().map(|(at, _)| *at).skip(1).chain([window.1]);
    for (&(at, value), next) in points.iter().zip(nexts) {
        let Some((_, is_last)) = holds(at, next, window) else {
            continue;
        };
        if peak.is_none_or(|(highest, _)| value > highest) {
            peak = Some((value, at.max(window.0)));
        }
        if is_last {
            end = Some(value);
        }
    }
    let (peak, peak_at) = peak?;
    Some((peak, peak_at, end.unwrap_or(peak)))
}

/// How long which values held: their quantiles, the sum of value times microseconds, and of microseconds.
fn levels(
    points: impl Iterator<Item = (SimTime, u64)> + Clone,
    window: (SimTime, SimTime),
) -> Option<([u64; 3], u128, u64)> {
    let mut held: Vec<(u64, u64)> = Vec::with_capacity(points.size_hint().1.unwrap_or(0));
    let mut area = 0_u128;
    let mut length = 0;
    let mut nexts = points.clone().map(|(at, _)| at).skip(1);
    for (at, value) in points {
        let next = nexts.next().unwrap_or(window.1);
        let Some((micros, _)) = holds(at, next, window) else {
            continue;
        };
        held.push((value, micros));
        area += u128::from(value) * u128::from(micros);
        length += micros;
    }
    held.sort_unstable_by_key(|(value, _)| *value);
    let (highest, _) = *held.last()?;
    let quantile = |percent: u64| {
        let rank = u128::from(length) * u128::from(percent);
        let mut seen = 0_u128;
        for (value, micros) in &held {
            seen += u128::from(*micros) * 100;
            if seen >= rank {
                return *value;
            }
        }
        highest
    };
    Some(([50, 95, 99].map(quantile), area, length))
}

/// Adds a level's values: bare peak, quantiles over time, end, mean and integral. The last two come from `area`, in value times
/// microseconds over the whole window, where that is known exactly.
pub(super) fn put(
    values: &mut Values,
    base: &str,
    labels: &Arc<Labels>,
    kind: Kind,
    summary: Option<&Summary>,
    exact: Option<(u128, u64)>,
) {
    let number = |value: Option<u64>| Value::or_no_data(value.map(|value| kind.decimal(value)));
    values.put(base, labels, number(summary.map(|summary| summary.peak)));
    for (index, aggregate) in [Aggregate::P50, Aggregate::P95, Aggregate::P99]
        .into_iter()
        .enumerate()
    {
        let value = number(summary.map(|summary| summary.quantiles[index]));
        values.put_as(base, aggregate, labels, value);
    }
    values.put_as(
        base,
        Aggregate::End,
        labels,
        number(summary.map(|summary| summary.end)),
    );
    let area = exact.or_else(|| summary.map(|summary| (summary.area, summary.length)));
    let integral = area.map(|(area, _)| kind.area(area));
    let mean = integral.zip(area).and_then(|(integral, (_, length))| {
        Decimal::ratio(integral.millionths(), i128::from(length))
    });
    values.put_as(base, Aggregate::Mean, labels, Value::or_no_data(mean));
    values.put_as(
        base,
        Aggregate::Integral,
        labels,
        Value::or_no_data(integral),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(list: &[(u64, u64)]) -> Vec<(SimTime, u64)> {
        list.iter()
            .map(|(ms, value)| (SimTime::from_millis(*ms), *value))
            .collect()
    }

    fn window(from: u64, to: u64) -> (SimTime, SimTime) {
        (SimTime::from_millis(from), SimTime::from_millis(to))
    }

    #[test]
    fn values_weigh_by_the_time_for_which_they_held() {
        let level = points(&[(0, 10), (94_000, 30), (98_500, 70)]);
        let summary = summarise(&level, &[], window(0, 100_000)).expect("known");
        assert_eq!(
            (summary.peak, summary.peak_at),
            (70, SimTime::from_millis(98_500))
        );
        assert_eq!(summary.quantiles, [10, 30, 70]);
        assert_eq!(summary.end, 70);
        assert_eq!(
            summary.area,
            1_000_000 * 940 + 1_000 * (4_500 * 30 + 1_500 * 70)
        );
    }

    #[test]
    fn the_window_cuts_and_what_held_before_it_counts() {
        let level = points(&[(0, 5), (10, 1), (20, 9), (30, 2)]);
        let summary = summarise(&level, &[], window(15, 20)).expect("known");
        assert_eq!(
            (summary.peak, summary.peak_at),
            (9, SimTime::from_millis(20))
        );
        assert_eq!(summary.end, 9, "the sample at the very end belongs to it");
        assert_eq!(summary.area, 5_000);
        assert_eq!(summarise(&[], &[], window(0, 10)), None);
        assert_eq!(summarise(&points(&[(30, 2)]), &[], window(0, 20)), None);
    }

    #[test]
    fn a_peak_is_told_when_it_was_first_reached() {
        let level = points(&[(0, 1), (10, 7), (20, 3), (30, 7)]);
        let summary = summarise(&level, &[], window(0, 40)).expect("known");
        assert_eq!(summary.peak_at, SimTime::from_millis(10));
    }
}
