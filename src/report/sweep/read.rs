//! Reads back what [`super::files`] wrote: the grid, and the rows of a shard.

use serde_json::Value as Json;

use super::{CellKey, Outline, Row, columns};
use crate::metrics::Name;
use crate::scenario::grid::Refused;

/// The outline in a `grid.json`; what is wrong with it otherwise.
///
/// # Errors
/// When it is none, in words.
pub fn outline(text: &str) -> Result<Outline, String> {
    let value: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value["schema"] != "rebsim/grid/1" {
        return Err(format!(
            "its schema is {}, not rebsim/grid/1",
            value["schema"]
        ));
    }
    let lacks = |key: &str| format!("it has no proper `{key}`");
    let cell = |one: &Json| {
        Some(CellKey {
            variant: one["variant"].as_str()?.to_owned(),
            values: texts(&one["values"])?,
        })
    };
    let refused = |one: &Json| {
        Some(Refused {
            variant: one["variant"].as_str()?.to_owned(),
            values: texts(&one["values"])?,
            why: one["why"].as_str()?.to_owned(),
        })
    };
    let list = |key: &str| value[key].as_array().ok_or_else(|| lacks(key));
    let scenario = value["scenario"]
        .as_str()
        .ok_or_else(|| lacks("scenario"))?;
    let seeds: Option<Vec<u64>> = list("seeds")?.iter().map(Json::as_u64).collect();
    let cells: Option<Vec<CellKey>> = list("cells")?.iter().map(cell).collect();
    let refused: Option<Vec<Refused>> = list("refused")?.iter().map(refused).collect();
    let fidelity = crate::report::json::fidelity_of(&value["fidelity"]);
    Ok(Outline {
        fidelity: fidelity.ok_or_else(|| lacks("fidelity"))?,
        scenario: scenario.to_owned(),
        parameters: texts(&value["parameters"]).ok_or_else(|| lacks("parameters"))?,
        cells: cells.ok_or_else(|| lacks("cells"))?,
        seeds: seeds.ok_or_else(|| lacks("seeds"))?,
        refused: refused.ok_or_else(|| lacks("refused"))?,
    })
}

fn texts(value: &Json) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The rows of the replications numbered `indices`, in this order, of a `cells.csv` or a shard of one.
///
/// # Errors
/// The line at which something else stands, in words.
pub fn cells(text: &str, outline: &Outline, indices: &[usize]) -> Result<Vec<Vec<Row>>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let keys = 3 + outline.parameters.len();
    let head = ["variant", "seed", "group"].map(str::to_owned);
    let metrics = columns();
    let columns = metrics.len();
    let metrics = metrics.iter().map(Name::to_string);
    let mark = crate::report::json::fidelity(outline.fidelity);
    let head: Vec<String> = head
        .into_iter()
        .chain(outline.parameters.iter().cloned())
        .chain(metrics)
        .chain(mark.map(|_| "fidelity".to_owned()))
        .collect();
    let first = records
        .next()
        .transpose()
        .map_err(|error| error.to_string())?;
    if first.is_none_or(|first| first.iter().ne(head.iter().map(String::as_str))) {
        return Err("line 1: other columns than this version writes".to_owned());
    }
    let mut all: Vec<Vec<Row>> = vec![Vec::new(); indices.len()];
    let mut at = 0;
    for record in records {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let is = |index: usize| {
            let (cell, seed) = outline.replication(index);
            let seed = seed.to_string();
            let key = [&cell.variant, &seed].into_iter().chain(&cell.values);
            let there = record.iter().take(2).chain(record.iter().skip(3));
            there.take(keys - 1).eq(key.map(String::as_str))
        };
        while indices.get(at).is_some_and(|index| !is(*index)) {
            at += 1;
        }
        let Some(rows) = all.get_mut(at) else {
            return Err(format!("line {line}: not the row that belongs here"));
        };
        rows.push(Row {
            group: record.get(2).unwrap_or_default().to_owned(),
            figures: record
                .iter()
                .skip(keys)
                .take(columns)
                .map(str::to_owned)
                .collect(),
        });
    }
    match all.iter().position(Vec::is_empty) {
        Some(missing) => {
            let (cell, seed) = outline.replication(indices[missing]);
            Err(format!("no row of {}, seed {seed}", outline.words(cell)))
        }
        None => Ok(all),
    }
}
