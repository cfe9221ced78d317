//! Against results that were stored before: what has become worse by more than is tolerated, and what was changed in the scenario.
//!
//! Compared are the key metrics that have a better direction, and what a tolerance names besides; over several seeds their medians.

mod render;

#[cfg(test)]
mod tests;

pub(super) use render::sentence;
pub use render::{annotations, markdown, text};

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model::{Report, Variant};
use super::text::KEY;
use crate::metrics::condition::{Condition, Limit};
use crate::metrics::registry::{self, Better, Unit};
use crate::metrics::{Decimal, NO_DATA, NOT_DRAINED, Name, Value, statistics};

/// What was measured under each seed, by name.
type Seeds = Vec<(u64, BTreeMap<String, Value>)>;

/// What a results folder says was measured: by variant, then seed, then name.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Name of the scenario.
    pub scenario: String,
    /// How closely its records were played.
    fidelity: Option<String>,
    variants: BTreeMap<String, Seeds>,
}

impl Stored {
    /// Reads a `summary.json`.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if json["schema"] != "rebsim/summary/1" {
            return Err(format!(
                "its schema is {}, not rebsim/summary/1",
                json["schema"]
            ));
        }
        let scenario = json["scenario"].as_str().ok_or("it names no scenario")?;
        let mut variants = BTreeMap::new();
        for variant in json["variants"].as_array().into_iter().flatten() {
            let name = variant["name"].as_str().ok_or("a variant has no name")?;
            let mut seeds = Vec::new();
            for one in variant["seeds"].as_array().into_iter().flatten() {
                let seed = one["seed"].as_u64().ok_or("a run has no seed")?;
                let metrics = one["metrics"].as_object().ok_or("a run has no metrics")?;
                let metrics = metrics
                    .iter()
                    .map(|(name, value)| (name.clone(), measured(value)));
                seeds.push((seed, metrics.collect()));
            }
            variants.insert(name.to_owned(), seeds);
        }
        Ok(Self {
            scenario: scenario.to_owned(),
            fidelity: json["fidelity"].as_str().map(str::to_owned),
            variants,
        })
    }
}

/// A number with its six decimals; words but that for an undrained lag say nothing here.
fn measured(value: &Json) -> Value {
    match value {
        Json::Bool(flag) => Value::Flag(*flag),
        Json::String(word) if word == NOT_DRAINED => Value::Word(NOT_DRAINED),
        Json::Number(number) => {
            let whole = number.as_i64().map(|number| number.to_string());
            let text = whole.or_else(|| Some(format!("{:.6}", number.as_f64()?)));
            Value::or_no_data(text.and_then(|text| Decimal::parse(&text)))
        }
        Json::Null | Json::String(_) | Json::Array(_) | Json::Object(_) => Value::Word(NO_DATA),
    }
}

/// By how much a metric may be worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// A part of what it was.
    Share(Decimal),
    /// So much in its unit.
    Amount(Decimal),
}

impl Tolerance {
    fn of(self, was: Decimal) -> Decimal {
        match self {
            Self::Share(share) => Decimal::from_millionths(was.millionths().abs()).times(share),
            Self::Amount(amount) => amount,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn words(self, unit: Unit) -> String {
        match self {
            Self::Share(share) => format!("{} %", share.times(Decimal::whole(100))),
            Self::Amount(amount) => crate::metrics::condition::with_unit(amount, unit),
        }
    }
}

/// By how much metrics may be worse: all, and single ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerances {
    all: Tolerance,
    named: Vec<(Name, Tolerance)>,
}

/// Of what is not named: 5 %.
const USUAL: Decimal = Decimal::from_millionths(50_000);

impl Tolerances {
    /// Reads `10%`, `METRIC=10%` and `METRIC=0.5s`; the last one of a metric wins.
    ///
    /// # Errors
    /// What is wrong with one of them: no such metric, no such amount.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut tolerances = Self {
            all: Tolerance::Share(USUAL),
            named: Vec::new(),
        };
        for text in texts {
            let (metric, amount) = match text.split_once('=') {
                Some((metric, amount)) => (Some(metric.trim()), amount.trim()),
                None => (None, text.trim()),
            };
            let share = amount.strip_suffix('%').map(|percent| percent.trim_end());
            let share = share
                .and_then(Decimal::parse)
                .filter(|share| *share >= Decimal::ZERO);
            let share = share.and_then(|share| share.over(Decimal::whole(100)));
            let Some(metric) = metric else {
                let share =
                    share.ok_or(format!("`{text}` is no share; write 10% or METRIC=0.5s"))?;
                tolerances.all = Tolerance::Share(share);
                continue;
            };
            let name = Name::parse(metric).map_err(|e| format!("{}; {}", e.message, e.help))?;
            if matches!(name.metric.unit, Unit::Flag | Unit::Word) {
                return Err(format!("{name} is no number"));
            }
            let tolerance = match share {
                Some(share) => Tolerance::Share(share),
                None => Tolerance::Amount(amount_of(metric, amount)?),
            };
            tolerances.named.retain(|(known, _)| *known != name);
            tolerances.named.push((name, tolerance));
        }
        Ok(tolerances)
    }

    /// Every metric that is compared.
    fn compared(&self) -> Vec<(Name, Tolerance)> {
        let key = KEY.iter().map(|(_, base)| Name::bare(registry::get(base)));
        let key = key.filter(|name| name.metric.better != Better::Neither);
        let unnamed = key.filter(|name| self.named.iter().all(|(known, _)| known != name));
        let unnamed = unnamed.map(|name| (name, self.all));
        unnamed.chain(self.named.iter().cloned()).collect()
    }
}

/// An amount in the unit of a metric, read as conditions are.
fn amount_of(metric: &str, amount: &str) -> Result<Decimal, String> {
    let condition = Condition::parse(metric, &format!("<= {amount}"));
    match condition.map_err(|error| error.to_string())?.limit {
        Limit::Number(amount) if amount >= Decimal::ZERO => Ok(amount),
        Limit::Number(_) | Limit::Flag(_) | Limit::Word(_) | Limit::Variant { .. } => {
            Err(format!("`{amount}` is no amount of {metric}"))
        }
    }
}

/// What has become of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Within what is tolerated.
    Same,
    /// Better by more than that.
    Better,
    /// Worse by more than that; for what has no better direction: other.
    Worse,
}

/// A metric of a variant, before and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The variant.
    pub variant: String,
    /// The metric.
    pub name: Name,
    /// What it was.
    pub was: Value,
    /// What it is.
    pub is: Value,
    /// What is tolerated.
    pub tolerance: Tolerance,
    /// What has become of it.
    pub outcome: Outcome,
}

/// A place of the scenario that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// JSON pointer in the resolved scenario.
    pub pointer: String,
    /// What stood there; `None` when nothing did.
    pub was: Option<String>,
    /// What stands there; `None` when nothing does.
    pub is: Option<String>,
    /// File and line of what stands there.
    pub place: Option<(String, u32)>,
}

impl Edit {
    /// Whether the edit concerns `variant`.
    #[must_use]
    pub fn concerns(&self, variant: &str) -> bool {
        let rest = self.pointer.strip_prefix("/variants/");
        rest.is_none_or(|rest| rest.split('/').next() == Some(variant))
    }
}

/// A report against what was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    /// The stored results, as they are called.
    pub name: String,
    /// Every metric that was compared.
    pub changes: Vec<Change>,
    /// What was changed in the scenario.
    pub edits: Vec<Edit>,
    /// Variants that the stored results do not have.
    pub new: Vec<String>,
}

impl Against {
    /// What has become worse.
    pub fn worse(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(|change| change.outcome == Outcome::Worse)
    }

    /// The edits that concern `change`.
    pub fn reasons(&self, change: &Change) -> impl Iterator<Item = &Edit> {
        self.edits
            .iter()
            .filter(|edit| edit.concerns(&change.variant))
    }
}

/// Compares `report` with what was `stored`, variant by variant.
///
/// # Errors
/// When there is nothing to compare: another scenario, no variant in common, other seeds.
pub fn compare(
    report: &Report,
    stored: &Stored,
    name: &str,
    tolerances: &Tolerances,
    edits: Vec<Edit>,
) -> Result<Against, String> {
    if stored.scenario != report.scenario {
        return Err(format!(
            "it is of `{}`, not of `{}`",
            stored.scenario, report.scenario
        ));
    }
    if stored.fidelity.as_deref() != super::json::fidelity(report.fidelity) {
        let was = stored.fidelity.as_deref().unwrap_or("exact");
        let is = report.fidelity.name();
        return Err(format!(
            "it is {was}, this is {is}: their difference says nothing"
        ));
    }
    let mut against = Against {
        name: name.to_owned(),
        changes: Vec::new(),
        edits,
        new: Vec::new(),
    };
    for variant in &report.variants {
        let Some(before) = stored.variants.get(&variant.name) else {
            against.new.push(variant.name.clone());
            continue;
        };
        let seeds = |list: &mut dyn Iterator<Item = u64>| {
            list.map(|seed| seed.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let was = seeds(&mut before.iter().map(|(seed, _)| *seed));
        let is = seeds(&mut variant.runs.iter().map(|run| run.seed));
        if was != is {
            return Err(format!(
                "{} was played under seeds {was}, now {is}",
                variant.name
            ));
        }
        for (name, tolerance) in tolerances.compared() {
            against
                .changes
                .extend(change(variant, before, name, tolerance));
        }
    }
    if against.new.len() == report.variants.len() {
        return Err(format!(
            "it has none of the variants {}",
            against.new.join(", ")
        ));
    }
    Ok(against)
}

fn change(
    variant: &Variant,
    before: &[(u64, BTreeMap<String, Value>)],
    name: Name,
    tolerance: Tolerance,
) -> Option<Change> {
    let column = name.to_string();
    let stored = before
        .iter()
        .map(|(_, metrics)| metrics.get(&column).copied());
    let was = central(&stored.collect::<Option<Vec<_>>>()?)?;
    let is = variant.central(&name)?;
    Some(Change {
        variant: variant.name.clone(),
        outcome: outcome(was, is, tolerance, name.metric.better),
        name,
        was,
        is,
        tolerance,
    })
}

/// The median; the first word, when one is none.
fn central(values: &[Value]) -> Option<Value> {
    let numbers: Option<Vec<Decimal>> = values.iter().map(Value::number).collect();
    match numbers {
        Some(numbers) => statistics::quantile(&numbers, 1, 2).map(Value::Number),
        None => values
            .iter()
            .find(|value| value.number().is_none())
            .copied(),
    }
}

fn outcome(was: Value, is: Value, tolerance: Tolerance, better: Better) -> Outcome {
    match (was.number(), is.number()) {
        (Some(was), Some(is)) => {
            let (more, allowed) = (is - was, tolerance.of(was));
            let less = was - is;
            match better {
                Better::Lower if more > allowed => Outcome::Worse,
                Better::Higher if less > allowed => Outcome::Worse,
                Better::Lower if less > allowed => Outcome::Better,
                Better::Higher if more > allowed => Outcome::Better,
                Better::Neither if more > allowed || less > allowed => Outcome::Worse,
                Better::Lower | Better::Higher | Better::Neither => Outcome::Same,
            }
        }
        (Some(_), None) => Outcome::Worse,
        (None, Some(_)) if was == Value::Word(NOT_DRAINED) => Outcome::Better,
        (None, Some(_) | None) => Outcome::Same,
    }
}
