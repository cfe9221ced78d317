//! Types one scalar by its shape, and says what to write when that fails.

use crate::kernel::SimDuration;
use crate::platform::quantity::IntOrPercent;

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::near::did_you_mean;
use super::node::Span;
use super::shape::{Shape, Typed};
use super::units::{self, Decimal, UnitError};

/// Why a scalar was refused, before its place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Kind.
    pub code: Code,
    /// In one line.
    pub message: String,
    /// What to write.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without advice.
    #[must_use]
    pub fn new(code: Code, message: String) -> Self {
        Self {
            code,
            message,
            help: None,
        }
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// This problem at a place.
    #[must_use]
    pub fn at(self, span: Span) -> Diagnostic {
        Diagnostic::error(self.code, span, self.message).maybe_help(self.help)
    }
}

/// Reads `text` as a scalar of `shape`; `quoted` is false for a plain scalar.
///
/// # Errors
/// When it is none.
pub fn read(text: &str, quoted: bool, shape: &Shape) -> Result<Typed, Problem> {
    let value = typed(text, quoted, shape);
    value.map_err(|problem| match meant(text, quoted, shape, &problem) {
        Some(spelling) => problem.help(format!("write {spelling}")),
        None => problem,
    })
}

/// Units as others spell them, and as they are spelt here.
const SPELLINGS: [(&str, &str); 28] = [
    ("Ki", "KiB"),
    ("Mi", "MiB"),
    ("Gi", "GiB"),
    ("KB", "kB"),
    ("K", "kB"),
    ("k", "kB"),
    ("M", "MB"),
    ("G", "GB"),
    ("kb", "kB"),
    ("mb", "MB"),
    ("gb", "GB"),
    ("KiB", "Ki"),
    ("MiB", "Mi"),
    ("GiB", "Gi"),
    ("kB", "k"),
    ("KB", "k"),
    ("MB", "M"),
    ("GB", "G"),
    ("/sec", "/s"),
    ("/second", "/s"),
    ("/min", "/m"),
    ("/minute", "/m"),
    ("/hour", "/h"),
    ("sec", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("minutes", "m"),
    ("hours", "h"),
];

/// What `text` would be in a spelling that may stand there.
fn meant(text: &str, quoted: bool, shape: &Shape, problem: &Problem) -> Option<String> {
    if problem.code != Code::BadUnit {
        return None;
    }
    let text = text.replace(' ', "");
    let known = |text: &String| typed(text, quoted, shape).is_ok();
    let ends = SPELLINGS.iter().filter_map(|(theirs, ours)| {
        let number = text.strip_suffix(theirs)?;
        Some(format!("{number}{ours}"))
    });
    [text.clone()].into_iter().chain(ends).find(known)
}

fn typed(text: &str, quoted: bool, shape: &Shape) -> Result<Typed, Problem> {
    let unit = |error| unit_problem(text, error);
    match shape {
        Shape::Duration => units::duration(text).map(Typed::Duration).map_err(unit),
        Shape::Ago => ago(text),
        Shape::Rate => units::rate(text).map(Typed::Rate).map_err(unit),
        Shape::Size => units::size(text).map(Typed::Size).map_err(unit),
        Shape::Share => units::share(text).map(Typed::Share).map_err(unit),
        Shape::Flow => match text.strip_suffix("/s").map(units::size) {
            Some(Ok(bytes)) => Ok(Typed::Flow(bytes)),
            Some(Err(_)) | None => units::rate(text).map(Typed::Rate).map_err(unit),
        },
        Shape::Integer(least, most) => {
            unquoted(text, quoted)?;
            integer(text, *least, *most).map(Typed::Integer)
        }
        Shape::Number(least, most) => {
            unquoted(text, quoted)?;
            number(text, *least, *most)
        }
        Shape::Factor => {
            unquoted(text, quoted)?;
            factor(text)
        }
        Shape::Quantity => units::quantity(text).map(Typed::Quantity).map_err(unit),
        Shape::IntOrPercent => int_or_percent(text, quoted),
        Shape::Boolean => boolean(text, quoted).map(Typed::Boolean),
        Shape::Text => Ok(Typed::Text(text.to_owned())),
        Shape::Name => name(text),
        Shape::Version => Ok(Typed::Text(text.to_owned())),
        Shape::Word(words) => word(text, words),
        Shape::List(_)
        | Shape::Record(_)
        | Shape::Named(_)
        | Shape::Either { .. }
        | Shape::Kafka(_)
        | Shape::Manifest(_)
        | Shape::Expectations
        | Shape::Overlay
        | Shape::Matrix => Err(Problem::new(
            Code::WrongKind,
            format!("`{text}` stands where a list or map belongs"),
        )),
    }
}

fn int_or_percent(text: &str, quoted: bool) -> Result<Typed, Problem> {
    let most = u64::from(u32::MAX >> 1);
    let number = |text| integer(text, 0, most).map(|number| u32::try_from(number).unwrap_or(0));
    let value = match text.strip_suffix('%') {
        Some(percent) => IntOrPercent::Percent(number(percent)?),
        None => {
            unquoted(text, quoted)?;
            IntOrPercent::Count(number(text)?)
        }
    };
    Ok(Typed::IntOrPercent(value))
}

fn unit_problem(text: &str, error: UnitError) -> Problem {
    match error {
        UnitError::Bare(write) => Problem::new(Code::NoUnit, format!("`{text}` has no unit"))
            .help(format!("write {write}")),
        UnitError::Form(wanted) => Problem::new(Code::BadUnit, format!("`{text}` is not {wanted}"))
            .help(format!("write {wanted}")),
        UnitError::NotFinite => not_finite(text),
        UnitError::Negative => negative(text),
        UnitError::Limit(limit) => {
            Problem::new(Code::Limit, format!("`{text}` is beyond the limit")).help(limit)
        }
    }
}

fn not_finite(text: &str) -> Problem {
    Problem::new(Code::NotFinite, format!("`{text}` is not a finite number"))
}

fn negative(text: &str) -> Problem {
    Problem::new(Code::Limit, format!("`{text}` is below zero"))
}

fn unquoted(text: &str, quoted: bool) -> Result<(), Problem> {
    if quoted {
        let problem = Problem::new(
            Code::NotANumber,
            format!("\"{text}\" is a text, not a number"),
        );
        return Err(problem.help("write it without quotes"));
    }
    Ok(())
}

/// A whole number in limits, written in decimal digits alone.
///
/// # Errors
/// When it is none.
pub fn integer(text: &str, least: u64, most: u64) -> Result<u64, Problem> {
    if let Err(UnitError::NotFinite) = units::duration(text) {
        return Err(not_finite(text));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let problem = Problem::new(Code::NotANumber, format!("`{text}` is not a whole number"));
        return Err(problem.help(spelling(text)));
    }
    if digits.len() > 1 && digits.starts_with('0') {
        let problem = Problem::new(Code::NotANumber, format!("`{text}` has a leading zero"));
        return Err(problem.help(format!("write {}", digits.trim_start_matches('0'))));
    }
    let beyond = || {
        Problem::new(Code::Limit, format!("`{text}` is beyond the limits")).help(
            match least == most {
                true => format!("write {least}"),
                false => format!("from {least} to {most}"),
            },
        )
    };
    if text.starts_with('-') {
        return Err(beyond());
    }
    match digits.parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(beyond()),
    }
}

fn spelling(text: &str) -> String {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = plain.strip_prefix("0x")
        && let Ok(number) = u64::from_str_radix(hex, 16)
    {
        return format!("write {number}");
    }
    if plain != text && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("write {plain}");
    }
    "write decimal digits only".to_owned()
}

fn number(text: &str, least: f64, most: f64) -> Result<Typed, Problem> {
    if let Err(UnitError::NotFinite) = units::duration(text) {
        return Err(not_finite(text));
    }
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let number = Decimal::parse(magnitude).and_then(|_| text.parse::<f64>().ok());
    let Some(number) = number else {
        let problem = Problem::new(Code::NotANumber, format!("`{text}` is not a number"));
        return Err(problem.help("write decimal digits and at most one point"));
    };
    if number < least || number > most {
        let problem = Problem::new(Code::Limit, format!("`{text}` is beyond the limits"));
        return Err(problem.help(format!("from {least} to {most}")));
    }
    Ok(Typed::Number(number))
}

fn factor(text: &str) -> Result<Typed, Problem> {
    if let Err(UnitError::NotFinite) = units::duration(text) {
        return Err(not_finite(text));
    }
    if text.starts_with('-') {
        return Err(negative(text));
    }
    let form = || {
        Problem::new(Code::NotANumber, format!("`{text}` is not a factor"))
            .help("write a number with at most three decimals")
    };
    let factor = Decimal::parse(text).ok_or_else(form)?;
    let thousandths = factor.times(1_000).ok_or_else(form)?;
    if thousandths > 1_000_000 {
        let problem = Problem::new(Code::Limit, format!("`{text}` is beyond the limit"));
        return Err(problem.help("at most 1000"));
    }
    Ok(Typed::Factor(thousandths))
}

/// `true` or `false`, plain.
///
/// # Errors
/// For anything else, `yes` and `no` included.
pub fn boolean(text: &str, quoted: bool) -> Result<bool, Problem> {
    match (text, quoted) {
        ("true", false) => Ok(true),
        ("false", false) => Ok(false),
        _ => {
            let problem = Problem::new(
                Code::NotABoolean,
                format!("`{text}` is neither true nor false"),
            );
            Err(problem.help("write true or false, without quotes"))
        }
    }
}

fn ago(text: &str) -> Result<Typed, Problem> {
    let Some(span) = text.strip_prefix('-') else {
        let problem = Problem::new(Code::BadUnit, format!("`{text}` does not lie in the past"));
        return Err(problem.help(format!("write -{text}")));
    };
    let span: SimDuration = units::duration(span).map_err(|error| unit_problem(text, error))?;
    Ok(Typed::Ago(span))
}

fn name(text: &str) -> Result<Typed, Problem> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = !text.is_empty() && text.len() <= 249 && text != "." && text != "..";
    if fits && text.chars().all(legal) {
        return Ok(Typed::Text(text.to_owned()));
    }
    let problem = Problem::new(Code::BadName, format!("`{text}` is not a legal name"));
    Err(problem.help("letters, digits, `.`, `_` and `-`, at most 249 of them"))
}

/// Words of others for words of the language.
const SYNONYMS: [(&str, &str); 9] = [
    ("kill", "crash"),
    ("sigkill", "crash"),
    ("sigkill", "kill"),
    ("crash", "kill"),
    ("sigterm", "close"),
    ("sigterm", "graceful"),
    ("stop", "close"),
    ("close", "graceful"),
    ("dead_letter", "skip"),
];

fn word(text: &str, words: &[&str]) -> Result<Typed, Problem> {
    if words.contains(&text) {
        return Ok(Typed::Text(text.to_owned()));
    }
    let problem = Problem::new(
        Code::UnknownWord,
        format!("`{text}` is none of: {}", words.join(", ")),
    );
    let synonym = SYNONYMS
        .iter()
        .find(|(theirs, ours)| theirs.eq_ignore_ascii_case(text) && words.contains(ours));
    if let Some((_, ours)) = synonym {
        return Err(problem.help(format!("did you mean `{ours}`?")));
    }
    Err(match did_you_mean(text, words.iter().copied()) {
        Some(help) => problem.help(help),
        None => problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(text: &str, shape: &Shape) -> Option<String> {
        read(text, false, shape)
            .err()
            .and_then(|problem| problem.help)
    }

    #[test]
    fn units_in_the_spelling_of_others_are_told_in_ours() {
        for (text, shape, expected) in [
            ("1Gi", Shape::Size, "write 1GiB"),
            ("1KB", Shape::Size, "write 1kB"),
            ("64 KiB", Shape::Size, "write 64KiB"),
            ("1GiB", Shape::Quantity, "write 1Gi"),
            ("60/min", Shape::Rate, "write 60/m"),
            ("5 min", Shape::Duration, "write 5m"),
        ] {
            assert_eq!(help(text, &shape).as_deref(), Some(expected), "{text}");
        }
        let unknown = help("5 apples", &Shape::Size);
        assert!(unknown.is_some_and(|help| help.contains("a size such as")));
    }

    #[test]
    fn words_of_others_are_told_in_ours() {
        let how = Shape::Word(&["close", "crash"]);
        assert_eq!(help("kill", &how).as_deref(), Some("did you mean `crash`?"));
        let shutdown = Shape::Word(&["graceful", "kill"]);
        let expected = Some("did you mean `kill`?");
        assert_eq!(help("sigkill", &shutdown).as_deref(), expected);
        assert_eq!(help("2", &Shape::Integer(1, 1)).as_deref(), Some("write 1"));
    }
}
