//! Numbers for people: grouped digits, few decimals, clock times.

use crate::kernel::SimTime;
use crate::metrics::registry::Unit;
use crate::metrics::{Decimal, Value};

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
    fn clocks_carry() {
        assert_eq!(clock(SimTime::from_micros(59_999_600)), "1m00.000s");
        assert_eq!(clock(SimTime::from_millis(3_723_004)), "1h02m03.004s");
        assert_eq!(clock(SimTime::from_millis(12_000)), "12.000s");
    }
}
