//! Values with units, as the language writes them: `1m30s`, `1200/s`, `64KiB`, `20%`. Exact: nothing passes through a
//! float on its way to an integer, and a text either means one value or is refused with what to write instead.

use crate::kernel::SimDuration;
use crate::workload::arrivals::Rate;

/// Longest span that the language accepts: 366 days.
pub const LONGEST: SimDuration = SimDuration::from_micros(366 * 86_400_000_000);

/// Highest rate that the language accepts, in records a second.
pub const FASTEST: u64 = 1_000_000_000;

/// Why a text is no value of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// A number stands alone: what to write.
    Bare(String),
    /// The text is none of the kind: what to write.
    Form(String),
    /// Not finite.
    NotFinite,
    /// Below zero.
    Negative,
    /// Beyond the stated limit.
    Limit(String),
}

/// A non-negative decimal number: `digits / 10^scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// All digits.
    pub digits: u128,
    /// How many of them stand behind the point.
    pub scale: u32,
}

impl Decimal {
    /// Reads `12`, `1.5`; no sign, exponent, underscore or leading zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits_only = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !digits_only(whole) || !digits_only(part) || leading_zero || text.len() > 30 {
            return None;
        }
        let part = part.trim_end_matches('0');
        let digits = format!("{whole}{part}").parse().ok()?;
        Some(Self {
            digits,
            scale: u32::try_from(part.len()).ok()?,
        })
    }

    /// This number times `factor`, when it is whole and fits.
    #[must_use]
    pub fn times(self, factor: u128) -> Option<u64> {
        let product = self.digits.checked_mul(factor)?;
        let divisor = 10_u128.checked_pow(self.scale)?;
        (product % divisor == 0)
            .then(|| u64::try_from(product / divisor).ok())
            .flatten()
    }
}

/// Units of spans in microseconds, the largest first.
pub(super) const DURATION_UNITS: [(&str, u128); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A span of time: `500us`, `2ms`, `1.5s`, `1m30s`; units descend and none comes twice.
///
/// # Errors
/// When it is none, finer than a microsecond or longer than [`LONGEST`].
pub fn duration(text: &str) -> Result<SimDuration, UnitError> {
    sanity(text)?;
    if Decimal::parse(text).is_some() {
        return Err(UnitError::Bare(format!("{text}s or {text}ms")));
    }
    let form = || UnitError::Form("a duration such as 500us, 2ms, 1.5s or 1m30s".to_owned());
    if text.is_empty() {
        return Err(form());
    }
    let mut rest = text;
    let mut total = 0_u64;
    let mut units = DURATION_UNITS.iter();
    while !rest.is_empty() {
        let (number, unit, tail) = number_and_unit(rest);
        let (_, micros) = units.find(|(name, _)| *name == unit).ok_or_else(form)?;
        let number = Decimal::parse(number).ok_or_else(form)?;
        let too_long = || UnitError::Limit("at most 366d".to_owned());
        if number.digits / 10_u128.pow(number.scale) > u128::from(LONGEST.as_micros()) {
            return Err(too_long());
        }
        let span = number
            .times(*micros)
            .ok_or_else(|| UnitError::Form("a whole number of microseconds".to_owned()))?;
        total = total.checked_add(span).ok_or_else(too_long)?;
        if total > LONGEST.as_micros() {
            return Err(too_long());
        }
        rest = tail;
    }
    Ok(SimDuration::from_micros(total))
}

/// A rate: `1200/s`, `0.5/s`, `90/m`, `7/h`.
///
/// # Errors
/// When it is none, or above [`FASTEST`].
pub fn rate(text: &str) -> Result<Rate, UnitError> {
    sanity(text)?;
    if Decimal::parse(text).is_some() {
        return Err(UnitError::Bare(format!("{text}/s")));
    }
    let form = || UnitError::Form("a rate such as 1200/s or 90/m".to_owned());
    let (number, unit) = text.split_once('/').ok_or_else(form)?;
    let number = Decimal::parse(number).ok_or_else(form)?;
    let period: u64 = match unit {
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(form()),
    };
    let divisor = 10_u64
        .checked_pow(number.scale)
        .filter(|_| number.scale <= 6);
    let divisor = divisor.ok_or_else(|| UnitError::Form("at most six decimals".to_owned()))?;
    let limit = || UnitError::Limit("at most 1000000000/s".to_owned());
    let records = u64::try_from(number.digits).map_err(|_| limit())?;
    let per_micros = period * divisor;
    let second = u128::from(per_micros) * u128::from(FASTEST);
    if u128::from(records) * 1_000_000 > second {
        return Err(limit());
    }
    let common = gcd(records, per_micros);
    Ok(Rate {
        records: records / common,
        per_micros: per_micros / common,
    })
}

/// A size in bytes: `512B`, `64KiB`, `1MiB`, `1.5GiB`, `10kB`, `5MB`, `1GB`.
///
/// # Errors
/// When it is none, or no whole number of bytes.
pub fn size(text: &str) -> Result<u64, UnitError> {
    sanity(text)?;
    if Decimal::parse(text).is_some() {
        return Err(UnitError::Bare(format!("{text}B or {text}KiB")));
    }
    let form = || UnitError::Form("a size such as 512B, 64KiB or 1MB".to_owned());
    let (number, unit, rest) = number_and_unit(text);
    let factor: u128 = match unit {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(form()),
    };
    let number = Decimal::parse(number).ok_or_else(form)?;
    if !rest.is_empty() {
        return Err(form());
    }
    number
        .times(factor)
        .ok_or_else(|| UnitError::Form("a whole number of bytes".to_owned()))
}

/// A share as thousandths of a percent: `20%` is 20,000.
///
/// # Errors
/// When it is none, above 100%, or has more than three decimals.
pub fn share(text: &str) -> Result<u64, UnitError> {
    sanity(text)?;
    if let Some(number) = Decimal::parse(text) {
        // Thousandths of a percent, if the number is a part of one: 0.4 is 40 %.
        let part = number
            .times(100_000)
            .filter(|share| (1..=100_000).contains(share));
        return Err(UnitError::Bare(match part {
            Some(part) => format!("{} (or {text}% if you mean that)", share_text(part)),
            None => format!("{text}%"),
        }));
    }
    let number = text.strip_suffix('%').and_then(Decimal::parse);
    let share = number.and_then(|number| number.times(1_000));
    match share {
        Some(share) if share > 100_000 => Err(UnitError::Limit("at most 100%".to_owned())),
        Some(share) => Ok(share),
        None => Err(UnitError::Form("a share such as 20%".to_owned())),
    }
}

/// What the suffixes of a Kubernetes quantity multiply with, in thousandths of thousandths of thousandths (`n`).
const QUANTITY_SUFFIXES: [(&str, u128); 16] = [
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("", 1_000_000_000),
    ("k", 1_000_000_000_000),
    ("M", 1_000_000_000_000_000),
    ("G", 1_000_000_000_000_000_000),
    ("T", 1_000_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000_000_000),
    ("Ki", 1_000_000_000 << 10),
    ("Mi", 1_000_000_000 << 20),
    ("Gi", 1_000_000_000 << 30),
    ("Ti", 1_000_000_000 << 40),
    ("Pi", 1_000_000_000 << 50),
    ("Ei", 1_000_000_000 << 60),
];

/// A Kubernetes quantity in thousandths, rounded up as `Quantity.MilliValue` does: `500m`, `1`, `0.5`, `1e3`, `128974848`,
/// `5k`, `1.5Gi`.
///
/// # Errors
/// When it is none, below zero, or above 2^64 thousandths.
pub fn quantity(text: &str) -> Result<u64, UnitError> {
    sanity(text)?;
    let form = || UnitError::Form("a quantity such as 500m, 2 or 1Gi".to_owned());
    let text = text.strip_prefix('+').unwrap_or(text);
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(at);
    let number = match number.strip_prefix('.') {
        Some(part) => format!("0.{part}"),
        None => number.strip_suffix('.').unwrap_or(number).to_owned(),
    };
    let number = Decimal::parse(&number).ok_or_else(form)?;
    let exponent = suffix
        .strip_prefix(['e', 'E'])
        .filter(|rest| !rest.is_empty());
    let exponent = exponent.map(|rest| rest.parse::<i32>().map_err(|_| form()));
    let factor = match exponent.transpose()? {
        Some(exponent) => u32::try_from(exponent.saturating_add(9))
            .ok()
            .and_then(|power| 10_u128.checked_pow(power))
            .ok_or_else(form)?,
        None => QUANTITY_SUFFIXES
            .iter()
            .find(|(name, _)| *name == suffix)
            .map(|(_, factor)| *factor)
            .ok_or_else(form)?,
    };
    let limit = || UnitError::Limit("at most 16Pi".to_owned());
    let nanos = number.digits.checked_mul(factor).ok_or_else(limit)?;
    let divisor = 10_u128
        .checked_pow(number.scale)
        .and_then(|scale| scale.checked_mul(1_000_000));
    let milli = nanos.div_ceil(divisor.ok_or_else(form)?);
    u64::try_from(milli).map_err(|_| limit())
}

/// A quantity in thousandths back as text.
#[must_use]
pub fn quantity_text(thousandths: u64) -> String {
    match thousandths % 1_000 {
        0 => (thousandths / 1_000).to_string(),
        _ => format!("{thousandths}m"),
    }
}

/// `share` back as text.
#[must_use]
pub fn share_text(share: u64) -> String {
    let text = format!("{}.{:03}", share / 1_000, share % 1_000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}%")
}

/// `rate` back as text in the coarsest unit that keeps it exact.
#[must_use]
pub fn rate_text(rate: Rate) -> String {
    for (unit, period) in [
        ("s", 1_000_000_u128),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
    ] {
        for scale in 0..=6_u32 {
            let digits = u128::from(rate.records) * period * 10_u128.pow(scale);
            if digits % u128::from(rate.per_micros) == 0 {
                let digits = digits / u128::from(rate.per_micros);
                let text = format!("{digits:0width$}", width = scale as usize + 1);
                let (whole, part) = text.split_at(text.len() - scale as usize);
                let point = if part.is_empty() { "" } else { "." };
                return format!("{whole}{point}{part}/{unit}");
            }
        }
    }
    format!("{}/{}us", rate.records, rate.per_micros)
}

/// What every unit refuses alike: not finite, below zero.
fn sanity(text: &str) -> Result<(), UnitError> {
    let lower = text
        .trim_start_matches(['-', '+', '.'])
        .to_ascii_lowercase();
    if lower.starts_with("nan") || lower.starts_with("inf") {
        return Err(UnitError::NotFinite);
    }
    if text
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Err(UnitError::Negative);
    }
    Ok(())
}

fn number_and_unit(text: &str) -> (&str, &str, &str) {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let at = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(at);
    let at = rest.find(is_number).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(at);
    (number, unit, tail)
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_without_its_unit_is_told_both_ways_of_reading_it() {
        let bare = |text: &str| Err(UnitError::Bare(text.to_owned()));
        assert_eq!(share("0.4"), bare("40% (or 0.4% if you mean that)"));
        assert_eq!(share("1"), bare("100% (or 1% if you mean that)"));
        assert_eq!(share("0.125"), bare("12.5% (or 0.125% if you mean that)"));
        assert_eq!(share("0"), bare("0%"));
        assert_eq!(share("20"), bare("20%"));
        assert_eq!(share("40%"), Ok(40_000));
    }

    #[test]
    fn quantities_are_those_of_kubernetes() {
        let same = [
            ("500m", 500),
            ("1", 1_000),
            ("0.5", 500),
            (".5", 500),
            ("2.", 2_000),
            ("+3", 3_000),
            ("1e3", 1_000_000),
            ("1E-2", 10),
            ("5k", 5_000_000),
            ("1Ki", 1_024_000),
            ("1.5Gi", 1_610_612_736_000),
            ("128974848", 128_974_848_000),
            ("1u", 1),
            ("1500u", 2),
        ];
        for (text, milli) in same {
            assert_eq!(quantity(text), Ok(milli), "{text}");
        }
        assert!(matches!(quantity("2E"), Err(UnitError::Limit(_))));
        for text in ["", "m", "1MB", "1.2.3", "1 Gi", "1e", "0x5", "1ki"] {
            let read = quantity(text);
            assert!(matches!(read, Err(UnitError::Form(_))), "{text}: {read:?}");
        }
        assert_eq!(quantity("-1"), Err(UnitError::Negative));
        assert_eq!(quantity_text(1_500), "1500m");
        assert_eq!(quantity_text(16_000), "16");
    }
}
