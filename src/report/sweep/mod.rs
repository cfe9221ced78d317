//! Sweeps as tables. A replication is kept as the cells of its rows, as text: the same whether it was played just now, read from a journal
//! or merged from a shard, and so is everything that is made of it.

mod baseline;
pub mod files;
pub mod gate;
pub mod pivot;
pub mod read;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use super::csv;
use crate::metrics::registry::Unit;
use crate::metrics::{Decimal, NO_DATA, NOT_DRAINED, Name, RunMetrics, Value, statistics};
use crate::scenario::Grid;
use crate::scenario::grid::Refused;
use crate::timeline::Fidelity;

/// What was swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Name of the scenario.
    pub scenario: String,
    /// Keys of the parameters.
    pub parameters: Vec<String>,
    /// Every combination that is played.
    pub cells: Vec<CellKey>,
    /// Every seed.
    pub seeds: Vec<u64>,
    /// Combinations that Kafka would refuse.
    pub refused: Vec<Refused>,
    /// How closely records are played.
    pub fidelity: Fidelity,
}

/// One combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellKey {
    /// Name of the variant.
    pub variant: String,
    /// Value of each parameter; empty where it stays what the scenario says.
    pub values: Vec<String>,
}

/// What was measured of one group in one replication, as cells of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of the group; empty over all of several.
    pub group: String,
    /// A cell for each of [`columns`].
    pub figures: Vec<String>,
}

/// A sweep that has been played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// What was swept.
    pub outline: Outline,
    /// The rows of every replication, by cell, then seed.
    pub replications: Vec<Vec<Row>>,
}

/// The metrics in tables of sweeps.
#[must_use]
pub fn columns() -> &'static [Name] {
    static COLUMNS: OnceLock<Vec<Name>> = OnceLock::new();
    COLUMNS.get_or_init(|| csv::names(|_| true))
}

/// The rows of one replication.
#[must_use]
pub fn rows(metrics: &RunMetrics) -> Vec<Row> {
    let groups = csv::by_group(metrics, columns()).into_iter();
    let rows = groups.map(|(group, figures)| Row { group, figures });
    rows.collect()
}

impl Outline {
    /// What `grid` comes to under `seeds`.
    #[must_use]
    pub fn of(grid: &Grid, seeds: &[u64], fidelity: Fidelity) -> Self {
        let key = |cell: &crate::scenario::grid::Cell| CellKey {
            variant: cell.plan.variant.clone(),
            values: cell.values.clone(),
        };
        Self {
            scenario: grid.scenario.name.clone(),
            parameters: grid.parameters.clone(),
            cells: grid.cells.iter().map(key).collect(),
            seeds: seeds.to_vec(),
            refused: grid.refused.clone(),
            fidelity,
        }
    }

    /// Replications of the whole sweep.
    #[must_use]
    pub const fn replications(&self) -> usize {
        self.cells.len() * self.seeds.len()
    }

    /// Cell and seed of the replication numbered `index`.
    #[must_use]
    pub fn replication(&self, index: usize) -> (&CellKey, u64) {
        let seeds = self.seeds.len();
        (&self.cells[index / seeds], self.seeds[index % seeds])
    }

    /// A combination in words: `eager, session.timeout.ms 6000`.
    #[must_use]
    pub fn words(&self, cell: &CellKey) -> String {
        let pairs = self.parameters.iter().zip(&cell.values);
        let set = pairs.filter(|(_, value)| !value.is_empty());
        let words = set.map(|(key, value)| format!("{key} {value}"));
        let words = std::iter::once(cell.variant.clone()).chain(words);
        words.collect::<Vec<_>>().join(", ")
    }

    /// Every combination that Kafka would refuse, and why.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        self.refused.iter().map(|one| {
            let key = CellKey {
                variant: one.variant.clone(),
                values: one.values.clone(),
            };
            format!("{}: {}", self.words(&key), one.why)
        })
    }
}

/// What a cell of a table says of a metric in `unit`; words but those for missing numbers are told by no table of sweeps.
#[must_use]
pub fn value(cell: &str, unit: Unit) -> Value {
    match (cell, unit) {
        ("true", Unit::Flag) => Value::Flag(true),
        ("false", Unit::Flag) => Value::Flag(false),
        (NOT_DRAINED, _) => Value::Word(NOT_DRAINED),
        _ => Value::or_no_data(Decimal::parse(cell)),
    }
}

impl Sweep {
    /// The groups of the sweep, in order of appearance; an empty name first when there are several.
    #[must_use]
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for row in self.replications.iter().flatten() {
            if !groups.contains(&&*row.group) {
                groups.push(&row.group);
            }
        }
        groups
    }

    /// The value of a metric in the cell numbered `cell`, for `group`, under each seed.
    #[must_use]
    pub fn values(&self, cell: usize, group: &str, name: &Name) -> Vec<Value> {
        let column = columns().iter().position(|known| known == name);
        let seeds = self.outline.seeds.len();
        let replications = &self.replications[cell * seeds..(cell + 1) * seeds];
        let of = |rows: &Vec<Row>| {
            let row = rows.iter().find(|row| row.group == group);
            let text = row.zip(column).and_then(|(row, at)| row.figures.get(at));
            text.map_or(Value::Word(NO_DATA), |text| value(text, name.metric.unit))
        };
        replications.iter().map(of).collect()
    }

    /// True when no seed differs from another in any cell, and there are several.
    #[must_use]
    pub fn is_the_same_for_every_seed(&self) -> bool {
        let seeds = self.outline.seeds.len();
        let mut cells = self.replications.chunks(seeds.max(1));
        seeds > 1 && cells.all(|cell| cell.iter().all(|rows| *rows == cell[0]))
    }
}

/// A metric of a cell over its seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The value of the only seed, else the median; a word when one seed has a value without a rank.
    pub central: Value,
    /// The 95 % interval of the median; with fewer than six seeds smallest and largest; `None` with one seed or without ranks.
    pub interval: Option<(Value, Value)>,
    /// Seeds under which a lag was not drained, and all.
    pub undrained: (usize, usize),
}

/// The spread of `values`, one a seed; `None` without any.
#[must_use]
pub fn spread(values: &[Value]) -> Option<Spread> {
    let undrained = (statistics::undrained(values), values.len());
    let ranked = statistics::ranked(values).ok();
    let spreads = |ranked: &Vec<Value>| ranked.len() > 1 && undrained.0 < undrained.1;
    let interval = ranked.filter(spreads).and_then(|ranked| {
        let extremes = || Some((*ranked.first()?, *ranked.last()?));
        statistics::interval_of(&ranked).or_else(extremes)
    });
    Some(Spread {
        central: statistics::central(values)?,
        interval,
        undrained,
    })
}

/// What the interval beside a median of so many seeds is.
#[must_use]
pub const fn interval_words(seeds: usize) -> &'static str {
    match seeds {
        0 | 1 => "",
        2..=5 => "smallest to largest",
        _ => "95 % interval",
    }
}
