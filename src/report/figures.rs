//! Numbers for people: grouped digits, few decimals, clock times.

use crate::kernel::SimTime;
use crate::metrics::lag::Series;
use crate::metrics::registry::Unit;
use crate::metrics::{Decimal, NOT_DRAINED, Value, statistics};

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Plain characters only.
    pub ascii: bool,
}

/// A value with its unit.
#[must_use]
pub fn human(value: &Value, unit: Unit, style: Style) -> String {
    let Some(number) = value.number() else {
        return value.to_string();
    };
    let text = match unit {
        Unit::Share => {
            let percent = number.times(Decimal::whole(100));
            return format!("{} %", grouped(&percent.fixed(1), style));
        }
        Unit::Seconds | Unit::PartitionSeconds | Unit::Milliseconds | Unit::Ratio => {
            number.fixed(3)
        }
        Unit::RecordsPerSecond | Unit::PerHour => number.fixed(1),
        Unit::Records | Unit::Count => number.fixed(if number.is_whole() { 0 } else { 1 }),
        Unit::Flag | Unit::Word => number.to_string(),
    };
    let text = grouped(&text, style);
    match unit {
        Unit::Seconds => format!("{text} s"),
        Unit::PartitionSeconds => format!("{text} partition-s"),
        Unit::Milliseconds => format!("{text} ms"),
        Unit::RecordsPerSecond => format!("{text} records/s"),
        Unit::PerHour => format!("{text} /h"),
        Unit::Records | Unit::Count | Unit::Share | Unit::Ratio | Unit::Flag | Unit::Word => text,
    }
}

/// Bytes in mebibytes, as limits of containers are given: `1200.0 MiB`.
#[must_use]
pub fn mebibytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// Groups of three digits before the point, set apart by a narrow blank (a comma in plain characters).
#[must_use]
pub fn grouped(text: &str, style: Style) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (digits, String::new()),
    };
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(if style.ascii { ',' } else { ' ' });
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

/// An instant as a clock of the run: `3m06.100s`, `12.000s`, `1h02m03.000s`.
#[must_use]
pub fn clock(at: SimTime) -> String {
    let millis = (at.as_micros() + 500) / 1_000;
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}.{millis:03}s"),
        (0, _) => format!("{minutes}m{seconds:02}.{millis:03}s"),
        _ => format!("{hours}h{minutes:02}m{seconds:02}.{millis:03}s"),
    }
}

/// One value for one a seed, and what several spread over: `11.5 s (9.7 – 13.0)`. Beside them, in how many a lag was not drained.
#[must_use]
pub fn over_seeds(values: &[Value], unit: Unit, style: Style) -> String {
    let Some(central) = statistics::central(values) else {
        return String::new();
    };
    let mut text = human(&central, unit, style);
    let all = values.len();
    if all < 2 || statistics::ranked(values).is_err() {
        return text;
    }
    let undrained = statistics::undrained(values);
    let is_undrained = central.number().is_none();
    if is_undrained {
        text.push_str(&format!(" in {undrained} of {all}"));
    }
    if undrained < all {
        text.push_str(&range(values, unit, style));
    }
    if undrained > 0 && !is_undrained {
        text.push_str(&format!(", {NOT_DRAINED} in {undrained} of {all}"));
    }
    text
}

/// ` (5 % to 95 %)` of several values, without their unit.
fn range(values: &[Value], unit: Unit, style: Style) -> String {
    let at = |percent| {
        let value = statistics::quantile_of(values, percent, 100);
        let text = value.map_or_else(String::new, |value| human(&value, unit, style));
        let word = unit.word();
        text.strip_suffix(word)
            .unwrap_or(&text)
            .trim_end()
            .to_owned()
    };
    let dash = if style.ascii { "-" } else { "–" };
    format!(" ({} {dash} {})", at(5), at(95))
}

/// The highest sum of several levels in each of `width` equal parts of the run; a part without a point repeats the one before.
#[must_use]
pub fn bins(levels: &[Series], horizon: SimTime, width: usize) -> Vec<u64> {
    let mut bins = vec![0; width];
    for level in levels {
        let mut own: Vec<Option<u64>> = vec![None; width];
        for (at, value) in level {
            let part =
                u128::from(at.as_micros()) * width as u128 / u128::from(horizon.as_micros().max(1));
            let part = usize::try_from(part)
                .unwrap_or(usize::MAX)
                .min(width.saturating_sub(1));
            if let Some(known) = own.get_mut(part) {
                *known = (*known).max(Some(*value));
            }
        }
        let mut last = 0;
        for (bin, value) in bins.iter_mut().zip(own) {
            last = value.unwrap_or(last);
            *bin += last;
        }
    }
    bins
}

/// A line of small columns, `highest` the tallest.
#[must_use]
pub fn sparkline(bins: &[u64], highest: u64, style: Style) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];
    let marks = if style.ascii { PLAIN } else { BLOCKS };
    let last = marks.len() as u128 - 1;
    bins.iter()
        .map(|bin| {
            let height = (u128::from(*bin) * last).div_ceil(u128::from(highest.max(1)));
            marks[usize::try_from(height.min(last)).unwrap_or(0)]
        })
        .collect()
}

/// Words in lines of at most `width` characters.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > width {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let unicode = Style { ascii: false };
        let ascii = Style { ascii: true };
        let seconds = Value::seconds(1_234_567_890);
        assert_eq!(human(&seconds, Unit::Seconds, unicode), "1 234.568 s");
        assert_eq!(human(&seconds, Unit::Seconds, ascii), "1,234.568 s");
        assert_eq!(
            human(&Value::count(500_000), Unit::Records, ascii),
            "500,000"
        );
        assert_eq!(
            human(&Value::seconds(123_400), Unit::Share, ascii),
            "12.3 %"
        );
        assert_eq!(
            human(&Value::Word("no data"), Unit::Seconds, ascii),
            "no data"
        );
    }

    #[test]
    fn what_was_not_drained_is_counted_beside_the_median() {
        let ascii = Style { ascii: true };
        let text = |seconds: &[u64], undrained: usize| {
            let mut values: Vec<Value> = seconds
                .iter()
                .map(|second| Value::seconds(second * 1_000_000))
                .collect();
            values.extend(vec![Value::Word(NOT_DRAINED); undrained]);
            over_seeds(&values, Unit::Seconds, ascii)
        };
        assert_eq!(text(&[9, 11, 10], 0), "10.000 s (9.000 - 11.000)");
        assert_eq!(
            text(&[9, 11, 10], 1),
            "10.500 s (9.000 - not drained), not drained in 1 of 4"
        );
        assert_eq!(text(&[9], 2), "not drained in 2 of 3 (9.000 - not drained)");
        assert_eq!(text(&[], 3), "not drained in 3 of 3");
        assert_eq!(
            (text(&[9], 0), text(&[], 1)),
            ("9.000 s".into(), NOT_DRAINED.into())
        );
        let missing = [Value::seconds(1), Value::Word("no data")];
        assert_eq!(over_seeds(&missing, Unit::Seconds, ascii), "no data");
    }

    #[test]
    fn clocks_carry() {
        assert_eq!(clock(SimTime::from_micros(59_999_600)), "1m00.000s");
        assert_eq!(clock(SimTime::from_millis(3_723_004)), "1h02m03.004s");
        assert_eq!(clock(SimTime::from_millis(12_000)), "12.000s");
    }

    #[test]
    fn pictures_show_the_highest_of_each_part() {
        let level = |list: &[(u64, u64)]| -> Series {
            list.iter()
                .map(|(ms, value)| (SimTime::from_millis(*ms), *value))
                .collect()
        };
        let levels = [
            level(&[(0, 1), (10, 8), (30, 2)]),
            level(&[(0, 0), (39, 6), (40, 1)]),
        ];
        let bins = bins(&levels, SimTime::from_millis(40), 4);
        assert_eq!(bins, [1, 8, 8, 8]);
        assert_eq!(sparkline(&[0, 1, 4, 8], 8, Style { ascii: false }), "▁▂▅█");
        assert_eq!(sparkline(&[0, 1, 4, 8], 8, Style { ascii: true }), "_.=#");
    }

    #[test]
    fn sentences_wrap_between_words() {
        assert_eq!(wrapped("one two three four", 9), "one two\nthree\nfour");
    }
}
