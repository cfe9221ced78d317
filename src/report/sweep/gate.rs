//! Requirements on a sweep: each is judged in every cell, over its seeds; one that compares with another variant, against the cell of that
//! variant with the same parameters.

use super::{CellKey, Sweep, columns};
use crate::metrics::condition::Condition;
use crate::metrics::registry::Unit;
use crate::metrics::{Labels, Name};
use crate::report::model::{Expectation, Origin};

/// Whether a sweep keeps what `condition` asks about.
///
/// # Errors
/// What it does not keep, in words.
pub fn check(condition: &Condition) -> Result<(), String> {
    let name = &condition.name;
    if name.metric.unit == Unit::Word {
        return Err(format!(
            "{name} is a word, and a sweep judges numbers and flags"
        ));
    }
    if columns().contains(&column(name)) {
        return Ok(());
    }
    Err(format!("a sweep keeps {} by group only", name.column()))
}

/// The column in which a name is found.
pub(super) fn column(name: &Name) -> Name {
    let labels = Labels {
        group: None,
        ..Labels::clone(&name.labels)
    };
    name.clone().with(labels)
}

/// Judges every condition in every cell that it concerns.
///
/// # Errors
/// When a condition concerns no cell at all.
pub fn judge(sweep: &Sweep, conditions: &[Condition]) -> Result<Vec<Expectation>, String> {
    let groups = sweep.groups();
    let mut all = Vec::new();
    for condition in conditions {
        let group = condition.name.labels.group.as_deref();
        let group = group.unwrap_or(groups.first().copied().unwrap_or(""));
        if !groups.contains(&group) {
            return Err(format!("no group `{group}` in {}", groups.join(", ")));
        }
        let before = all.len();
        for (index, cell) in sweep.outline.cells.iter().enumerate() {
            all.extend(in_cell(sweep, condition, group, index, cell));
        }
        if all.len() == before {
            return Err(format!("`{condition}` concerns no cell of this sweep"));
        }
    }
    Ok(all)
}

fn in_cell(
    sweep: &Sweep,
    condition: &Condition,
    group: &str,
    index: usize,
    cell: &CellKey,
) -> Option<Expectation> {
    let outline = &sweep.outline;
    let other = condition.other_variant();
    let is_meant = match &condition.variant {
        Some(name) => *name == cell.variant,
        None => other != Some(&cell.variant),
    };
    if !is_meant {
        return None;
    }
    let name = column(&condition.name);
    let other = match other {
        None => Vec::new(),
        Some(variant) => {
            let is_twin = |key: &CellKey| key.variant == variant && key.values == cell.values;
            let twin = outline.cells.iter().position(is_twin)?;
            sweep.values(twin, group, &name)
        }
    };
    let verdict = condition.judge(&sweep.values(index, group, &name), &other);
    Some(Expectation {
        variant: outline.words(cell),
        condition: condition.clone(),
        verdict,
        seed: verdict.seed.map(|at| outline.seeds[at]),
        origin: Origin::CommandLine,
    })
}
