//! Requirements on numbers: `"< 5s"`, `"<= 50% of eager"`, `"median < 200ms"`, or all in one string with the name before.
//!
//! A condition is parsed and checked against the table of metrics without a run; judging one gives a [`Verdict`]. `not drained` and
//! `no data` meet no condition.

mod parse;

use std::fmt;

use super::decimal::Decimal;
use super::name::{Name, NameError};
use super::registry::Unit;
use super::statistics;
use super::values::Value;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Comparison {
    /// Two-character operators before those that begin like them.
    const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::More),
    ];

    /// The operator.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    fn holds(self, actual: Decimal, limit: Decimal) -> bool {
        match self {
            Self::Less => actual < limit,
            Self::AtMost => actual <= limit,
            Self::Equal => actual == limit,
            Self::NotEqual => actual != limit,
            Self::AtLeast => actual >= limit,
            Self::More => actual > limit,
        }
    }
}

/// Which of several seeds must meet the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverSeeds {
    /// Every one.
    Every,
    /// Their median.
    Median,
    /// Their 95th percentile (nearest rank).
    P95,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A number in the metric's unit.
    Number(Decimal),
    /// `true` or `false`.
    Flag(bool),
    /// A word.
    Word(String),
    /// The same metric of another variant, times a factor.
    Variant {
        /// One for `"< eager"`, a half for `"<= 50% of eager"`.
        factor: Decimal,
        /// Name of the variant.
        variant: String,
    },
}

/// A requirement on one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Whose value; `None`: of each variant.
    pub variant: Option<String>,
    /// Which value.
    pub name: Name,
    /// Over seeds.
    pub over_seeds: OverSeeds,
    /// Compared how.
    pub comparison: Comparison,
    /// With what.
    pub limit: Limit,
}

/// Why a condition was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl std::error::Error for ConditionError {}

impl From<NameError> for ConditionError {
    fn from(error: NameError) -> Self {
        Self {
            message: error.message,
            help: error.help,
        }
    }
}

impl Condition {
    /// The other variant that the limit refers to.
    #[must_use]
    pub fn other_variant(&self) -> Option<&str> {
        match &self.limit {
            Limit::Variant { variant, .. } => Some(variant),
            Limit::Number(_) | Limit::Flag(_) | Limit::Word(_) => None,
        }
    }

    /// The comparison and its limit, as written back.
    #[must_use]
    pub fn requirement(&self) -> String {
        let prefix = match self.over_seeds {
            OverSeeds::Every => "",
            OverSeeds::Median => "median ",
            OverSeeds::P95 => "p95 ",
        };
        let limit = match &self.limit {
            Limit::Number(number) => with_unit(*number, self.name.metric.unit),
            Limit::Flag(flag) => flag.to_string(),
            Limit::Word(word) => word.clone(),
            Limit::Variant { factor, variant } if *factor == Decimal::whole(1) => variant.clone(),
            Limit::Variant { factor, variant } => {
                format!("{}% of {variant}", factor.times(Decimal::whole(100)))
            }
        };
        format!("{prefix}{} {limit}", self.comparison.sign())
    }

    /// Judges the values of one variant, one a seed, against the limit; `other` holds the same metric of the variant that the limit
    /// names, one a seed, in the same order of seeds.
    #[must_use]
    pub fn judge(&self, values: &[Value], other: &[Value]) -> Verdict {
        match self.over_seeds {
            OverSeeds::Every => self.judge_every(values, other),
            OverSeeds::Median => self.judge_quantile(values, other, 50),
            OverSeeds::P95 => self.judge_quantile(values, other, 95),
        }
    }

    fn judge_quantile(&self, values: &[Value], other: &[Value], percent: u64) -> Verdict {
        let at = |values: &[Value]| statistics::quantile_of(values, percent, 100);
        self.judge_one(at(values), at(other), None)
    }

    /// Every seed must meet it: the first that does not, or else the one with the least room.
    fn judge_every(&self, values: &[Value], other: &[Value]) -> Verdict {
        let verdicts = values.iter().enumerate().map(|(seed, value)| {
            self.judge_one(Some(*value), other.get(seed).copied(), Some(seed))
        });
        verdicts
            .min_by_key(|verdict| (verdict.met, verdict.room.is_some(), verdict.room))
            .unwrap_or_else(|| self.judge_one(None, None, None))
    }

    fn judge_one(
        &self,
        actual: Option<Value>,
        other: Option<Value>,
        seed: Option<usize>,
    ) -> Verdict {
        let actual = actual.unwrap_or(Value::Word(super::NO_DATA));
        let mut verdict = Verdict {
            met: false,
            actual,
            limit: None,
            room: None,
            seed,
        };
        match &self.limit {
            Limit::Flag(flag) => {
                verdict.met = (actual == Value::Flag(*flag))
                    == (self.comparison == Comparison::Equal)
                    && matches!(actual, Value::Flag(_));
            }
            Limit::Word(word) => {
                let equal = matches!(actual, Value::Word(known) if known == word);
                let missing = [super::NO_DATA, super::NOT_DRAINED];
                let is_word = matches!(actual, Value::Word(known) if !missing.contains(&known));
                verdict.met = is_word && equal == (self.comparison == Comparison::Equal);
            }
            Limit::Number(limit) => verdict.limit = Some(*limit),
            Limit::Variant { factor, .. } => {
                verdict.limit = other
                    .and_then(|value| value.number())
                    .map(|value| value.times(*factor));
            }
        }
        if let (Some(actual), Some(limit)) = (actual.number(), verdict.limit) {
            verdict.met = self.comparison.holds(actual, limit);
            verdict.room = Some(match self.comparison {
                Comparison::Less | Comparison::AtMost => limit - actual,
                Comparison::More | Comparison::AtLeast => actual - limit,
                Comparison::Equal | Comparison::NotEqual => {
                    Decimal::from_millionths((limit - actual).millionths().abs())
                }
            });
        }
        verdict
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variant) = &self.variant {
            write!(f, "{variant}.")?;
        }
        write!(f, "{} {}", self.name, self.requirement())
    }
}

/// What became of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub met: bool,
    /// The value that decided.
    pub actual: Value,
    /// The limit in the metric's unit; `None` for words and flags, or when the other variant has no number.
    pub limit: Option<Decimal>,
    /// Distance to the limit in the metric's unit: room left when positive, missed by so much when negative; for `==` and `!=` the
    /// bare distance.
    pub room: Option<Decimal>,
    /// Position of the deciding seed; `None` for a median or percentile.
    pub seed: Option<usize>,
}

/// A number as a condition would say it.
#[must_use]
pub fn with_unit(number: Decimal, unit: Unit) -> String {
    match unit {
        Unit::Seconds => format!("{number}s"),
        Unit::Milliseconds => format!("{number}ms"),
        Unit::Share => format!("{}%", number.times(Decimal::whole(100))),
        Unit::RecordsPerSecond => format!("{number}/s"),
        Unit::PerHour => format!("{number}/h"),
        Unit::PartitionSeconds
        | Unit::Records
        | Unit::Count
        | Unit::Ratio
        | Unit::Flag
        | Unit::Word => number.to_string(),
    }
}
