//! From text to conditions.

use super::{Comparison, Condition, ConditionError, Limit, OverSeeds};
use crate::metrics::decimal::Decimal;
use crate::metrics::name::Name;
use crate::metrics::registry::{self, Metric, Unit};

fn refuse<T>(message: String, help: &str) -> Result<T, ConditionError> {
    Err(ConditionError {
        message,
        help: help.to_owned(),
    })
}

const SHAPE: &str = "write a comparison and a limit: \"< 5s\", \"== 0\", \"<= 50% of eager\"";

impl Condition {
    /// Reads `text` as a condition on `metric`, which may begin with the name of a variant and a point.
    ///
    /// # Errors
    /// When the metric does not exist, or the text is no condition in its unit.
    pub fn parse(metric: &str, text: &str) -> Result<Self, ConditionError> {
        let (variant, name) = parse_subject(metric)?;
        let text = text.trim();
        let (over_seeds, text) = parse_prefix(text);
        let Some((comparison, rest)) = Comparison::ALL.iter().find_map(|(sign, comparison)| {
            text.strip_prefix(sign)
                .map(|rest| (*comparison, rest.trim()))
        }) else {
            return refuse(format!("`{text}` begins with no comparison"), SHAPE);
        };
        let limit = parse_limit(rest, &name)?;
        let ordered = matches!(limit, Limit::Number(_) | Limit::Variant { .. });
        if !ordered && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return refuse(
                format!(
                    "words and flags are not compared with `{}`",
                    comparison.sign()
                ),
                "write == or !=",
            );
        }
        if !ordered && over_seeds != OverSeeds::Every {
            return refuse(
                format!("`{}` has no median", name.metric.base),
                "leave out median and p95",
            );
        }
        let condition = Self {
            variant,
            name,
            over_seeds,
            comparison,
            limit,
        };
        condition.refuse_itself()?;
        Ok(condition)
    }

    /// A variant that is compared with itself is told nothing about.
    ///
    /// # Errors
    /// When that is so.
    pub fn refuse_itself(&self) -> Result<(), ConditionError> {
        match (&self.variant, self.other_variant()) {
            (Some(own), Some(other)) if own == other => refuse(
                format!("nothing to judge: `{own}` is compared with itself"),
                "name another variant, or a number",
            ),
            _ => Ok(()),
        }
    }

    /// Reads a condition in one string: `eager.downtime_partition_s <= 50% of static`, `median lag_records < 1000`.
    ///
    /// # Errors
    /// As [`Condition::parse`].
    pub fn parse_whole(text: &str) -> Result<Self, ConditionError> {
        let text = text.trim();
        let outside_labels = |at: &usize| {
            let before = &text[..*at];
            before.matches('{').count() == before.matches('}').count()
        };
        let at = text
            .char_indices()
            .filter(|(_, character)| matches!(character, '<' | '>' | '=' | '!'))
            .map(|(at, _)| at)
            .find(outside_labels);
        let Some(at) = at else {
            return refuse(
                format!("`{text}` has no comparison"),
                "write for instance 'longest_downtime_s < 5s'",
            );
        };
        let (subject, condition) = text.split_at(at);
        let (before, subject) = parse_prefix(subject.trim());
        let (after, subject) = parse_suffix(subject);
        let mut parsed = Self::parse(subject, condition)?;
        for over_seeds in [before, after] {
            if over_seeds != OverSeeds::Every {
                parsed.over_seeds = over_seeds;
            }
        }
        Ok(parsed)
    }
}

/// `[variant.]name`
fn parse_subject(text: &str) -> Result<(Option<String>, Name), ConditionError> {
    let text = text.trim();
    let column_end = text.find('{').unwrap_or(text.len());
    let Some(point) = text[..column_end].find('.') else {
        return Ok((None, Name::parse(text)?));
    };
    let (variant, name) = (&text[..point], &text[point + 1..]);
    if !is_variant(variant) {
        return refuse(
            format!("`{variant}` is no name of a variant"),
            "variants are called with a-z, 0-9 and -",
        );
    }
    Ok((Some(variant.to_owned()), Name::parse(name)?))
}

fn is_variant(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(known)
}

fn parse_prefix(text: &str) -> (OverSeeds, &str) {
    for (word, over_seeds) in [("median", OverSeeds::Median), ("p95", OverSeeds::P95)] {
        if let Some(rest) = text.strip_prefix(word)
            && rest.starts_with([' ', '<', '>', '=', '!'])
        {
            return (over_seeds, rest.trim_start());
        }
    }
    (OverSeeds::Every, text)
}

/// `name median`, as a condition is written back.
fn parse_suffix(text: &str) -> (OverSeeds, &str) {
    for (word, over_seeds) in [(" median", OverSeeds::Median), (" p95", OverSeeds::P95)] {
        if let Some(rest) = text.strip_suffix(word) {
            return (over_seeds, rest.trim_end());
        }
    }
    (OverSeeds::Every, text)
}

fn parse_limit(text: &str, name: &Name) -> Result<Limit, ConditionError> {
    let unit = name.metric.unit;
    if text.is_empty() {
        return refuse("the limit is missing".to_owned(), SHAPE);
    }
    if unit == Unit::Word {
        return parse_word(text.trim_matches('"'), name.metric).map(Limit::Word);
    }
    if unit == Unit::Flag {
        return match text {
            "true" => Ok(Limit::Flag(true)),
            "false" => Ok(Limit::Flag(false)),
            _ => refuse(
                format!("`{text}` is neither true nor false"),
                "write == true",
            ),
        };
    }
    if let Some((share, variant)) = text.split_once(" of ") {
        return parse_share_of(share.trim(), variant.trim());
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        if is_variant(text) {
            let factor = Decimal::whole(1);
            let variant = text.to_owned();
            return Ok(Limit::Variant { factor, variant });
        }
        return refuse(format!("`{text}` is neither a number nor a variant"), SHAPE);
    }
    parse_number(text, name.metric.base, unit).map(Limit::Number)
}

/// One of the words that the metric may be: any other would never be met, or always.
fn parse_word(text: &str, metric: &Metric) -> Result<String, ConditionError> {
    if metric.words.contains(&text) {
        return Ok(text.to_owned());
    }
    let nearest = registry::nearest_of(text, metric.words.iter().copied());
    let (base, all) = (metric.base, metric.words.join(", "));
    Err(ConditionError {
        message: format!("`{base}` is never `{text}`"),
        help: format!("did you mean `{nearest}`? it is one of {all}"),
    })
}

fn parse_share_of(share: &str, variant: &str) -> Result<Limit, ConditionError> {
    let factor = share
        .strip_suffix('%')
        .and_then(|percent| Decimal::parse(percent.trim()))
        .map(|percent| percent.times(Decimal::from_millionths(10_000)))
        .filter(|factor| *factor >= Decimal::ZERO);
    let Some(factor) = factor else {
        return refuse(
            format!("`{share}` is no percentage"),
            "write for instance 50% of eager",
        );
    };
    if !is_variant(variant) {
        return refuse(
            format!("`{variant}` is no name of a variant"),
            "variants are called with a-z, 0-9 and -",
        );
    }
    let variant = variant.to_owned();
    Ok(Limit::Variant { factor, variant })
}

/// What a unit's suffix is worth, in millionths of the metric's unit.
fn suffixes(unit: Unit) -> &'static [(&'static str, i128)] {
    match unit {
        Unit::Seconds | Unit::PartitionSeconds => &[
            ("us", 1),
            ("ms", 1_000),
            ("s", 1_000_000),
            ("m", 60_000_000),
            ("h", 3_600_000_000),
            ("d", 86_400_000_000),
        ],
        Unit::Milliseconds => &[
            ("us", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
        ],
        Unit::Share => &[("%", 10_000)],
        Unit::RecordsPerSecond => &[("/s", 1_000_000)],
        Unit::PerHour => &[("/h", 1_000_000)],
        Unit::Records | Unit::Count | Unit::Ratio | Unit::Flag | Unit::Word => &[],
    }
}

/// A number, bare in the metric's unit or with one or more units (`1m30s`).
fn parse_number(text: &str, base: &str, unit: Unit) -> Result<Decimal, ConditionError> {
    if let Some(number) = Decimal::parse(text) {
        let is_percent = unit == Unit::Share && number > Decimal::whole(1);
        return match is_percent {
            true => refuse(
                format!("{text} is more than all: `{base}` is a share, from 0 to 1"),
                &format!("write {text}%"),
            ),
            false => Ok(number),
        };
    }
    let suffixes = suffixes(unit);
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut total = 0_i128;
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        let worth = suffixes.iter().find(|(suffix, _)| *suffix == word.trim());
        let (Some(number), Some((_, worth))) = (Decimal::parse(number), worth) else {
            return Err(unit_error(text, base, unit));
        };
        total += number.times(Decimal::from_millionths(*worth)).millionths();
        rest = tail;
    }
    Ok(Decimal::from_millionths(if negative {
        -total
    } else {
        total
    }))
}

fn unit_error(text: &str, base: &str, unit: Unit) -> ConditionError {
    let words: Vec<&str> = suffixes(unit).iter().map(|(suffix, _)| *suffix).collect();
    let unit_word = if unit.word().is_empty() {
        "plain"
    } else {
        unit.word()
    };
    ConditionError {
        message: format!("`{text}` is no number that `{base}` ({unit_word}) can be compared with"),
        help: if words.is_empty() {
            "write a plain number".to_owned()
        } else {
            format!("write a plain number, or one with {}", words.join(", "))
        },
    }
}
