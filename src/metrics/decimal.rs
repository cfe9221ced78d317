//! Exact decimals: every number of a result is a whole count of millionths, so that it prints the same everywhere.
//!
//! Seconds keep their microseconds, counts stay whole, ratios are rounded once (half away from zero) to six decimals. No
//! floating point takes part.

use std::fmt;

/// Millionths in one.
const ONE: i128 = 1_000_000;

/// A number with six decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A whole number.
    #[must_use]
    pub fn whole(count: u64) -> Self {
        Self(i128::from(count) * ONE)
    }

    /// `millionths` / 1,000,000: a span in microseconds as seconds.
    #[must_use]
    pub const fn from_millionths(millionths: i128) -> Self {
        Self(millionths)
    }

    /// Microseconds as seconds.
    #[must_use]
    pub fn seconds(micros: u64) -> Self {
        Self(i128::from(micros))
    }

    /// Units times microseconds as units times seconds; stops at the largest number.
    #[must_use]
    pub fn unit_seconds(unit_micros: u128) -> Self {
        Self(i128::try_from(unit_micros).unwrap_or(i128::MAX))
    }

    /// Microseconds as milliseconds.
    #[must_use]
    pub fn milliseconds(micros: u64) -> Self {
        Self(i128::from(micros) * 1_000)
    }

    /// `numerator` / `denominator`, rounded half away from zero; `None` when the denominator is zero.
    #[must_use]
    pub fn ratio(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let (numerator, denominator) = if denominator < 0 {
            (-numerator, -denominator)
        } else {
            (numerator, denominator)
        };
        let whole = numerator / denominator;
        let rest = numerator % denominator;
        Some(Self(
            whole.saturating_mul(ONE) + divide_rounding(rest.saturating_mul(ONE), denominator),
        ))
    }

    /// This number divided by `other`; `None` when that is zero.
    #[must_use]
    pub fn over(self, other: Self) -> Option<Self> {
        Self::ratio(self.0, other.0)
    }

    /// This number times `other`, rounded to six decimals.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self(divide_rounding(self.0.saturating_mul(other.0), ONE))
    }

    /// The number of millionths.
    #[must_use]
    pub const fn millionths(self) -> i128 {
        self.0
    }

    /// True when nothing follows the decimal point.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 % ONE == 0
    }

    /// The nearest double, for readers that know no decimals (JSON).
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "fifteen digits survive, and results have no more that matter"
    )]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// The text with exactly `decimals` (0 to 6) decimals, rounded half away from zero.
    #[must_use]
    pub fn fixed(self, decimals: u32) -> String {
        let decimals = decimals.min(6);
        let unit = 10_i128.pow(6 - decimals);
        let rounded = divide_rounding(self.0, unit);
        let scale = 10_u128.pow(decimals);
        let sign = if rounded < 0 { "-" } else { "" };
        let size = rounded.unsigned_abs();
        if decimals == 0 {
            format!("{sign}{size}")
        } else {
            format!(
                "{sign}{}.{:0width$}",
                size / scale,
                size % scale,
                width = decimals as usize
            )
        }
    }

    /// Reads `12`, `-3.5`, `0.000001`; refuses more than six decimals, exponents and everything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let pointless = digits.contains('.') && fraction.is_empty();
        if whole.is_empty() || pointless || fraction.len() > 6 || whole.len() > 18 {
            return None;
        }
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let millionths =
            whole.parse::<i128>().ok()? * ONE + format!("{fraction:0<6}").parse::<i128>().ok()?;
        Some(Self(if negative { -millionths } else { millionths }))
    }
}

/// `numerator` / `denominator` (positive), rounded half away from zero.
fn divide_rounding(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    if numerator >= 0 {
        numerator.saturating_add(half) / denominator
    } else {
        numerator.saturating_sub(half) / denominator
    }
}

impl std::ops::Add for Decimal {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Decimal {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Decimal {
    /// As few decimals as the number needs: `5`, `6.1`, `0.000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.fixed(6);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_without_noise() {
        assert_eq!(Decimal::whole(375).to_string(), "375");
        assert_eq!(Decimal::seconds(6_100_000).to_string(), "6.1");
        assert_eq!(Decimal::seconds(1).to_string(), "0.000001");
        assert_eq!(Decimal::seconds(12_000_500).fixed(6), "12.000500");
        assert_eq!(Decimal::from_millionths(-1_500_000).fixed(0), "-2");
        assert_eq!(Decimal::from_millionths(-400).fixed(3), "0.000");
    }

    #[test]
    fn ratios_round_half_away_from_zero() {
        let ratio = |a, b| Decimal::ratio(a, b).expect("not zero").millionths();
        assert_eq!(ratio(1, 3), 333_333);
        assert_eq!(ratio(2, 3), 666_667);
        assert_eq!(ratio(-2, 3), -666_667);
        assert_eq!(ratio(1, -2), -500_000);
        assert_eq!(Decimal::ratio(1, 0), None);
    }

    #[test]
    fn what_is_printed_reads_back() {
        for millionths in [0, 1, -1, 999_999, 1_000_000, 123_456_789_012, -50_000_001] {
            let number = Decimal::from_millionths(millionths);
            assert_eq!(Decimal::parse(&number.to_string()), Some(number));
        }
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "1e3",
            "0x1",
            "1_000",
            "NaN",
            "inf",
            "1.1234567",
            "--1",
            "+1",
        ] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }
}
