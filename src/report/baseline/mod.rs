//! Against results that were stored before: what has become worse by more than is tolerated, and what was changed in the scenario.
//!
//! Compared are the key metrics that have a better direction, and what a tolerance names besides; over several seeds their medians.

mod render;
mod stored;

#[cfg(test)]
mod tests;

pub(super) use render::sentence;
pub use render::{annotations, markdown, text};
pub use stored::Stored;

use std::collections::BTreeMap;

use super::model::{Report, Variant};
use super::text::KEY;
use crate::metrics::condition::{Condition, Limit};
use crate::metrics::registry::{self, Better, Unit};
use crate::metrics::{Decimal, NOT_DRAINED, Name, Value, statistics};
use crate::timeline::Fidelity;

/// Everything in which results have to agree before they are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Name of the scenario.
    pub scenario: String,
    /// How closely its records were played.
    pub fidelity: Fidelity,
    /// What was played.
    pub cells: Vec<Cell>,
}

/// A variant; of a sweep, a combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its name: that of the variant; of a sweep, the combination in words.
    pub name: String,
    /// The variant.
    pub variant: String,
    /// Every seed.
    pub seeds: Vec<u64>,
}

impl Cell {
    /// A whole variant.
    #[must_use]
    pub fn variant(name: &str, seeds: Vec<u64>) -> Self {
        Self {
            name: name.to_owned(),
            variant: name.to_owned(),
            seeds,
        }
    }
}

/// Results that can be compared.
pub trait Results {
    /// What they are of.
    fn content(&self) -> Content;

    /// A metric of the cell numbered `cell`, under each of its seeds; `None` when these results do not have it.
    fn values(&self, cell: usize, name: &Name) -> Option<Vec<Value>>;
}

impl Results for Report {
    fn content(&self) -> Content {
        let cell = |variant: &Variant| {
            let seeds = variant.runs.iter().map(|run| run.seed);
            Cell::variant(&variant.name, seeds.collect())
        };
        Content {
            scenario: self.scenario.clone(),
            fidelity: self.fidelity,
            cells: self.variants.iter().map(cell).collect(),
        }
    }

    fn values(&self, cell: usize, name: &Name) -> Option<Vec<Value>> {
        Some(self.variants.get(cell)?.values(name))
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
            // Labels have such signs too: `lag_records{group=checkout}=10%`.
            let (metric, amount) = match text.rsplit_once('=') {
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

/// A metric of a cell, before and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The cell.
    pub cell: String,
    /// Its variant.
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

/// Results against those that were stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    /// The stored results, as they are called.
    pub name: String,
    /// Every metric that was compared.
    pub changes: Vec<Change>,
    /// What was changed in the scenario.
    pub edits: Vec<Edit>,
    /// Cells that the stored results do not have.
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

/// Whether results of `now` can be compared with the `stored` ones; to be asked before they are played.
///
/// # Errors
/// When there is nothing to compare: another scenario or mode, other seeds, no cell in common, a metric that was not kept.
pub fn check(now: &Content, stored: &dyn Results, tolerances: &Tolerances) -> Result<(), String> {
    for (_, there) in pairs(now, &stored.content())? {
        let lacks = |name: &&Name| there.is_some_and(|cell| stored.values(cell, name).is_none());
        let mut named = tolerances.named.iter().map(|(name, _)| name);
        if let Some(name) = named.find(lacks) {
            return Err(format!("it has no {name}"));
        }
    }
    Ok(())
}

/// Every cell of `now`, and its number among the stored ones, where it has one.
fn pairs<'c>(now: &'c Content, then: &Content) -> Result<Vec<(&'c Cell, Option<usize>)>, String> {
    const SHOWN: usize = 10;
    if then.scenario != now.scenario {
        return Err(format!(
            "it is of `{}`, not of `{}`",
            then.scenario, now.scenario
        ));
    }
    if then.fidelity != now.fidelity {
        return Err(format!(
            "it is {}, this is {}: their difference says nothing",
            then.fidelity.name(),
            now.fidelity.name()
        ));
    }
    let cells = then.cells.iter().enumerate();
    let numbers: BTreeMap<&str, usize> = cells.map(|(at, cell)| (&*cell.name, at)).collect();
    let mut pairs = Vec::new();
    for cell in &now.cells {
        let there = numbers.get(&*cell.name).copied();
        if let Some(before) = there.map(|at| &then.cells[at])
            && before.seeds != cell.seeds
        {
            let list = |seeds: &[u64]| {
                let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
                seeds.join(", ")
            };
            return Err(format!(
                "{} was played under seeds {}, now {}",
                cell.name,
                list(&before.seeds),
                list(&cell.seeds)
            ));
        }
        pairs.push((cell, there));
    }
    if pairs.iter().all(|(_, there)| there.is_none()) {
        let mut names: Vec<&str> = now.cells.iter().map(|cell| &*cell.name).collect();
        names.truncate(SHOWN);
        return Err(format!("it has none of: {}", names.join("; ")));
    }
    Ok(pairs)
}

/// Compares results with the `stored` ones, which are called `name`, cell by cell.
///
/// # Errors
/// As [`check`].
pub fn compare(
    results: &dyn Results,
    stored: &dyn Results,
    name: &str,
    tolerances: &Tolerances,
    edits: Vec<Edit>,
) -> Result<Against, String> {
    let now = results.content();
    let mut against = Against {
        name: name.to_owned(),
        changes: Vec::new(),
        edits,
        new: Vec::new(),
    };
    let compared = tolerances.compared();
    for (at, (cell, there)) in pairs(&now, &stored.content())?.into_iter().enumerate() {
        let Some(there) = there else {
            against.new.push(cell.name.clone());
            continue;
        };
        let central = |values: Option<Vec<Value>>| statistics::central(&values?);
        for (name, tolerance) in &compared {
            let was = central(stored.values(there, name));
            let is = central(results.values(at, name));
            let Some((was, is)) = was.zip(is) else {
                continue;
            };
            against.changes.push(Change {
                cell: cell.name.clone(),
                variant: cell.variant.clone(),
                outcome: outcome(was, is, *tolerance, name.metric.better),
                name: name.clone(),
                was,
                is,
                tolerance: *tolerance,
            });
        }
    }
    Ok(against)
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
