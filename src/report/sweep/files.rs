//! The files of a sweep's results folder, and its document.

use serde_json::{Map, Value as Json, json};

use super::{CellKey, Outline, Row, Sweep, columns, spread};
use crate::metrics::{Name, Value, registry};
use crate::report::csv::cell;
use crate::report::table::{Align, Table};
use crate::report::{json as summary, text};

/// `cells.csv`, or a shard of it: one row a cell, seed and group.
#[must_use]
pub fn cells<'r>(
    outline: &Outline,
    replications: impl Iterator<Item = (usize, &'r [Row])>,
) -> String {
    let metrics: Vec<String> = columns().iter().map(Name::to_string).collect();
    let mark = summary::fidelity(outline.fidelity);
    let metrics = metrics.iter().map(String::as_str);
    let mut table = table(outline, metrics.chain(mark.map(|_| "fidelity")));
    for (index, rows) in replications {
        let (cell, seed) = outline.replication(index);
        for row in rows {
            let mut cells = key(cell, &seed.to_string(), &row.group);
            cells.extend(row.figures.iter().cloned());
            cells.extend(mark.map(str::to_owned));
            table.row(cells);
        }
    }
    table.csv()
}

/// `medians.csv`: one row a cell, group and key metric whose median is a number; an end of the interval may be `not drained`.
#[must_use]
pub fn medians(sweep: &Sweep) -> String {
    let columns = ["metric", "seeds", "median", "low", "high"];
    let mut table = table(&sweep.outline, columns.into_iter());
    let groups = sweep.groups();
    for (index, own) in sweep.outline.cells.iter().enumerate() {
        for group in &groups {
            for (_, base) in text::KEY {
                let name = Name::bare(registry::get(base));
                let values = sweep.values(index, group, &name);
                let Some(spread) = spread(&values).filter(|one| one.central.number().is_some())
                else {
                    continue;
                };
                let unit = name.metric.unit;
                let end = |value| cell(Some(value), unit);
                let interval = spread.interval;
                let mut cells = key(own, "", group);
                cells.extend([
                    base.to_owned(),
                    values.len().to_string(),
                    cell(Some(spread.central), unit),
                    interval.map_or_else(String::new, |(low, _)| end(low)),
                    interval.map_or_else(String::new, |(_, high)| end(high)),
                ]);
                table.row(cells);
            }
        }
    }
    table.csv()
}

fn table<'c>(outline: &'c Outline, columns: impl Iterator<Item = &'c str>) -> Table {
    let parameters = outline.parameters.iter().map(String::as_str);
    let keys = ["variant", "seed", "group"].into_iter().chain(parameters);
    let head: Vec<(&str, Align)> = keys.chain(columns).map(|key| (key, Align::Left)).collect();
    Table::new(&head)
}

fn key(cell: &CellKey, seed: &str, group: &str) -> Vec<String> {
    let key = [&cell.variant, seed, group].map(str::to_owned);
    key.into_iter().chain(cell.values.iter().cloned()).collect()
}

/// `grid.json`: everything but results; [`super::read::outline`] reads it back.
#[must_use]
pub fn grid(outline: &Outline) -> String {
    let value = grid_value(outline);
    format!("{value:#}\n")
}

/// The same as data.
#[must_use]
pub fn grid_value(outline: &Outline) -> Json {
    let cells = outline.cells.iter();
    let refused = outline.refused.iter();
    let mut value = json!({
        "schema": "rebsim/grid/1",
        "scenario": outline.scenario,
        "parameters": outline.parameters,
        "seeds": outline.seeds,
        "cells": cells
            .map(|cell| json!({ "variant": cell.variant, "values": cell.values }))
            .collect::<Vec<_>>(),
        "refused": refused
            .map(|one| json!({ "variant": one.variant, "values": one.values, "why": one.why }))
            .collect::<Vec<_>>(),
    });
    marked(&mut value, outline);
    value
}

/// Says of what is not exact that it is not.
fn marked(value: &mut Json, outline: &Outline) {
    if let Some(fidelity) = summary::fidelity(outline.fidelity) {
        value["fidelity"] = json!(fidelity);
    }
}

/// One document, schema `rebsim/sweep/1`: every cell with its key metrics over seeds, for each group.
#[must_use]
pub fn document(sweep: &Sweep) -> String {
    let outline = &sweep.outline;
    let figure = |value: Value| summary::value(value);
    let all = sweep.groups();
    let cells: Vec<Json> = outline
        .cells
        .iter()
        .enumerate()
        .map(|(index, cell)| {
            let groups = all.iter().map(|group| {
                let metrics = text::KEY.iter().filter_map(|(_, base)| {
                    let name = Name::bare(registry::get(base));
                    let spread = spread(&sweep.values(index, group, &name))?;
                    let ends = spread.interval.map(|(low, high)| [low, high].map(figure));
                    let mut of = json!({ "median": figure(spread.central), "interval": ends });
                    if spread.undrained.0 > 0 {
                        of["not_drained"] = json!(spread.undrained.0);
                    }
                    Some(((*base).to_owned(), of))
                });
                json!({ "group": group, "metrics": metrics.collect::<Map<_, _>>() })
            });
            let pairs = outline.parameters.iter().cloned();
            let parameters: Map<String, Json> = pairs
                .zip(cell.values.iter().map(|value| json!(value)))
                .collect();
            json!({
                "variant": cell.variant,
                "parameters": parameters,
                "groups": groups.collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut document = json!({
        "schema": "rebsim/sweep/1",
        "scenario": outline.scenario,
        "seeds": outline.seeds,
        "interval": super::interval_words(outline.seeds.len()),
        "cells": cells,
        "refused": grid_value(outline)["refused"],
    });
    marked(&mut document, outline);
    format!("{document:#}\n")
}
