//! A sweep for people: for each metric a table with parameters down, variants across, and in each cell the median with its interval.

use super::{CellKey, Sweep, interval_words, spread};
use crate::kernel::words::counted;
use crate::metrics::registry::{Better, Unit};
use crate::metrics::{Decimal, NOT_DRAINED, Name, Value};
use crate::report::figures::{self, Style};
use crate::report::model::{Expectation, mark};
use crate::report::sentences::CLEAR;
use crate::report::table::{Align, Table};
use crate::report::verdict;

/// How a page is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Text,
    Markdown,
}

/// The tables of `metrics`, what Kafka refuses, what was required and is not met.
#[must_use]
pub fn text(sweep: &Sweep, metrics: &[Name], judged: &[Expectation], style: Style) -> String {
    page(sweep, metrics, judged, style, Page::Text)
}

/// The same as GitHub-flavoured Markdown.
#[must_use]
pub fn markdown(sweep: &Sweep, metrics: &[Name], judged: &[Expectation]) -> String {
    page(
        sweep,
        metrics,
        judged,
        Style { ascii: false },
        Page::Markdown,
    )
}

fn page(
    sweep: &Sweep,
    metrics: &[Name],
    judged: &[Expectation],
    style: Style,
    kind: Page,
) -> String {
    let outline = &sweep.outline;
    let (cells, seeds) = (outline.cells.len(), outline.seeds.len());
    let (heading, laid): (&str, fn(&Table) -> String) = match kind {
        Page::Text => ("", |table| table.text(0)),
        Page::Markdown => ("## ", Table::markdown),
    };
    let mut page = format!(
        "{heading}{}{}{}{}, {}, {}\n",
        outline.scenario,
        mark(outline.fidelity),
        if kind == Page::Text { "   " } else { "\n\n" },
        counted(cells, "cell"),
        counted(seeds, "seed"),
        counted(outline.replications(), "replication"),
    );
    let groups = sweep.groups();
    for group in &groups {
        for name in metrics {
            let of = match *group {
                "" => String::new(),
                _ if groups.len() == 1 => String::new(),
                group => format!(" of {group}"),
            };
            page.push_str(&format!("\n{}\n\n", title(name, &of, seeds)));
            page.push_str(&laid(&table(sweep, group, name, style)));
            let sentence = extremes(sweep, group, name, style);
            if !sentence.is_empty() {
                page.push_str(&format!("\n{}\n", figures::wrapped(&sentence, 96)));
            }
        }
    }
    if sweep.is_the_same_for_every_seed() {
        page.push_str("\nevery seed gives the same in every cell\n");
    }
    if !outline.refused.is_empty() {
        page.push_str("\nKafka would refuse, so left out:\n");
        for one in outline.left_out() {
            page.push_str(&format!("  {one}\n"));
        }
    }
    if !judged.is_empty() {
        page.push('\n');
        page.push_str(&laid(&unmet(judged, style)));
        let met = judged.iter().filter(|one| one.verdict.met).count();
        let all = counted(judged.len(), "requirement");
        page.push_str(&format!(
            "\n{all}: {met} met, {} not met\n",
            judged.len() - met
        ));
    }
    page
}

/// `downtime_partition_s, in partition-s: median of 20 seeds (95 % interval)`
fn title(name: &Name, of: &str, seeds: usize) -> String {
    let unit = match name.metric.unit {
        Unit::Share => ", in %",
        unit if unit.word().is_empty() => "",
        _ => ", in ",
    };
    let unit = format!("{unit}{}", name.metric.unit.word());
    match seeds {
        1 => format!("{name}{of}{unit}"),
        _ => format!(
            "{name}{of}{unit}: median of {seeds} seeds ({})",
            interval_words(seeds)
        ),
    }
}

/// Parameters down, variants across; without several variants the last parameter across.
fn table(sweep: &Sweep, group: &str, name: &Name, style: Style) -> Table {
    let outline = &sweep.outline;
    let variants = distinct(outline.cells.iter().map(|cell| cell.variant.clone()));
    let by_variant = variants.len() > 1 || outline.parameters.len() < 2;
    let across = |cell: &CellKey| match cell.values.last() {
        Some(last) if !by_variant => last.clone(),
        _ => cell.variant.clone(),
    };
    let down = |cell: &CellKey| {
        let kept = cell.values.len() - usize::from(!by_variant);
        cell.values[..kept].to_vec()
    };
    let columns = distinct(outline.cells.iter().map(across));
    let lines = distinct(outline.cells.iter().map(down));
    let keys = outline.parameters.iter();
    let keys = keys.take(outline.parameters.len() - usize::from(!by_variant));
    let mut head: Vec<(String, Align)> = keys.map(|key| (key.clone(), Align::Right)).collect();
    let prefix = match outline.parameters.last() {
        Some(last) if !by_variant => format!("{last} "),
        _ => String::new(),
    };
    head.extend(
        columns
            .iter()
            .map(|column| (format!("{prefix}{column}"), Align::Right)),
    );
    let head: Vec<(&str, Align)> = head
        .iter()
        .map(|(title, align)| (&**title, *align))
        .collect();
    let mut table = Table::new(&head);
    for line in lines {
        let mut row = line.clone();
        for column in &columns {
            let is_it = |cell: &CellKey| down(cell) == line && across(cell) == *column;
            let at = outline.cells.iter().position(is_it);
            row.push(at.map_or_else(String::new, |at| cell(sweep, at, group, name, style)));
        }
        table.row(row);
    }
    table
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all
}

/// `792.000 (745.000 – 851.000)`, and in how many seeds a lag was not drained
fn cell(sweep: &Sweep, at: usize, group: &str, name: &Name, style: Style) -> String {
    let Some(spread) = spread(&sweep.values(at, group, name)) else {
        return String::new();
    };
    let number = |value| bare(&value, name.metric.unit, style);
    let central = number(spread.central);
    let dash = if style.ascii { "-" } else { "–" };
    let spread_out = spread.interval.map_or_else(String::new, |(low, high)| {
        format!(" ({} {dash} {})", number(low), number(high))
    });
    let undrained = match spread.undrained {
        (0, _) | (_, 1) => String::new(),
        (some, all) => format!(", {NOT_DRAINED} in {some} of {all}"),
    };
    format!("{central}{spread_out}{undrained}")
}

/// A value without its unit, which the title tells.
fn bare(value: &Value, unit: Unit, style: Style) -> String {
    let text = figures::human(value, unit, style);
    let word = if unit == Unit::Share {
        "%"
    } else {
        unit.word()
    };
    let text = text.strip_suffix(word).unwrap_or(&text);
    text.trim_end().to_owned()
}

/// Which cells have the least and the most, by their medians, or that all are alike; nothing when a cell has no number.
fn extremes(sweep: &Sweep, group: &str, name: &Name, style: Style) -> String {
    let outline = &sweep.outline;
    let central = |index: usize| spread(&sweep.values(index, group, name))?.central.number();
    let numbers: Option<Vec<Decimal>> = (0..outline.cells.len()).map(central).collect();
    let Some(numbers) = numbers else {
        return String::new();
    };
    let ranked = |which: &dyn Fn(&Decimal) -> bool| numbers.iter().position(which);
    let (Some(least), Some(most)) = (numbers.iter().min(), numbers.iter().max()) else {
        return String::new();
    };
    let said = |number: &Decimal| figures::human(&Value::Number(*number), name.metric.unit, style);
    if numbers.len() > 1 && said(least) == said(most) {
        let how = if least == most { "" } else { "practically " };
        return format!("{how}the same in every cell: {}", said(least));
    }
    let found = ranked(&|number| number == least).zip(ranked(&|number| number == most));
    let Some((low, high)) = found.filter(|_| least != most) else {
        return String::new();
    };
    let say = |at: usize, number: &Decimal| {
        format!("{} ({})", outline.words(&outline.cells[at]), said(number))
    };
    // A ratio below that would be told as 1.0 times.
    let ratio = most.over(*least).filter(|ratio| *ratio >= CLEAR);
    let times = ratio.map_or_else(String::new, |ratio| {
        format!(", {} times as much", ratio.fixed(1))
    });
    let best = match name.metric.better {
        Better::Lower => "best",
        Better::Higher => "worst",
        Better::Neither => "least",
    };
    let worst = match name.metric.better {
        Better::Lower => "worst",
        Better::Higher => "best",
        Better::Neither => "most",
    };
    format!(
        "{best}: {}; {worst}: {}{times}",
        say(low, least),
        say(high, most)
    )
}

/// Requirements that are not met, cell by cell.
fn unmet(judged: &[Expectation], style: Style) -> Table {
    let head = ["cell", "metric", "actual", "required", "seed"];
    let mut table = Table::new(&head.map(|title| (title, Align::Left)));
    for one in judged.iter().filter(|one| !one.verdict.met) {
        table.row(vec![
            one.variant.clone(),
            one.condition.name.to_string(),
            verdict::actual(one, style),
            verdict::required(one, style),
            one.seed.map_or_else(String::new, |seed| seed.to_string()),
        ]);
    }
    table
}
