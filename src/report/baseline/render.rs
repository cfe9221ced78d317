//! What has become worse, for people and for GitHub.

use super::{Against, Change, Edit, Outcome};
use crate::metrics::{Decimal, Value};
use crate::report::figures::{self, Style};
use crate::report::table::{Align, Table};
use crate::report::verdict;
use crate::scenario::render::escape;

/// At most so many annotations of a level are shown for one step.
const SHOWN: usize = 10;

/// As many cells as are named that have no stored results.
const NEW: usize = 5;

/// As many edits as are listed.
const EDITS: usize = 20;

/// The table of what is not the same, and what was changed in the scenario.
#[must_use]
pub fn text(against: &Against, style: Style) -> String {
    let mut text = format!("{}\n", headline(against));
    let table = table(against, style);
    if !table.is_empty() {
        text.push('\n');
        text.push_str(&table.text(2));
    }
    if !against.edits.is_empty() && !table.is_empty() {
        text.push_str("\nchanged in the scenario since:\n");
        for edit in edits(against, style) {
            text.push_str(&format!("  {edit}\n"));
        }
    }
    text
}

/// Every edit in words, as many as are listed.
fn edits(against: &Against, style: Style) -> Vec<String> {
    let (shown, rest) = against.edits.split_at(against.edits.len().min(EDITS));
    let mut lines: Vec<String> = shown.iter().map(|edit| words(edit, style)).collect();
    if !rest.is_empty() {
        lines.push(format!("and {} more", rest.len()));
    }
    lines
}

/// The same as GitHub-flavoured Markdown.
#[must_use]
pub fn markdown(against: &Against) -> String {
    let style = Style { ascii: false };
    let mut text = format!("\n### {}\n", headline(against));
    let table = table(against, style);
    if !table.is_empty() {
        text.push_str(&format!("\n{}", table.markdown()));
    }
    if !against.edits.is_empty() && !table.is_empty() {
        text.push_str("\nChanged in the scenario since:\n\n");
        for edit in edits(against, style) {
            text.push_str(&format!("- `{}`\n", edit.replace('`', "'")));
        }
    }
    text
}

/// One `::error` line for each of the first ten that are worse, beside the line of the scenario that was changed.
#[must_use]
pub fn annotations(against: &Against) -> String {
    let style = Style { ascii: false };
    let one = |change: &Change| {
        let reason = against
            .reasons(change)
            .find_map(|edit| Some((edit, edit.place.as_ref()?)));
        let place = reason.map_or_else(String::new, |(_, (file, line))| {
            format!("file={},line={line},", escape(file, true))
        });
        let why = reason.map_or_else(String::new, |(edit, _)| {
            format!("; changed: {}", words(edit, style))
        });
        let title = format!("{}.{} worse than before", change.cell, change.name);
        let message = format!("{}{why}", sentence(change, style));
        format!(
            "::error {place}title={}::{}\n",
            escape(&title, true),
            escape(&message, false)
        )
    };
    against.worse().take(SHOWN).map(one).collect()
}

fn headline(against: &Against) -> String {
    let of = |outcome| {
        against
            .changes
            .iter()
            .filter(|one| one.outcome == outcome)
            .count()
    };
    let mut line = format!(
        "against {}: {} worse, {} better, {} the same",
        against.name,
        of(Outcome::Worse),
        of(Outcome::Better),
        of(Outcome::Same)
    );
    match &against.new[..] {
        [] => {}
        few if few.len() <= NEW => {
            line.push_str(&format!("; not stored there: {}", few.join("; ")));
        }
        many => line.push_str(&format!("; not stored there: {} cells", many.len())),
    }
    line
}

/// `eager: longest_downtime_s was 10.2 s, is 45.2 s: worse by 35.0 s (344.1 %), tolerated 5 %`
pub(in crate::report) fn sentence(change: &Change, style: Style) -> String {
    let unit = change.name.metric.unit;
    format!(
        "{}: {} was {}, is {}: {}, tolerated {}",
        change.cell,
        change.name,
        figures::human(&change.was, unit, style),
        figures::human(&change.is, unit, style),
        by(change, style),
        change.tolerance.words(unit),
    )
}

/// `worse by 35.0 s (344.1 %)`
fn by(change: &Change, style: Style) -> String {
    let word = match change.outcome {
        Outcome::Same => "the same",
        Outcome::Better => "better",
        Outcome::Worse => "worse",
    };
    let (Some(was), Some(is)) = (change.was.number(), change.is.number()) else {
        return word.to_owned();
    };
    let difference = Decimal::from_millionths((is - was).millionths().abs());
    let amount = figures::human(&Value::Number(difference), change.name.metric.unit, style);
    let share = difference.over(was).map_or_else(String::new, |share| {
        format!(" ({} %)", share.times(Decimal::whole(100)).fixed(1))
    });
    format!("{word} by {amount}{share}")
}

fn table(against: &Against, style: Style) -> Table {
    let mut changes = against.changes.iter();
    let subject = match changes.all(|change| change.cell == change.variant) {
        true => "variant",
        false => "cell",
    };
    let mut table = Table::new(&[
        ("", Align::Left),
        (subject, Align::Left),
        ("metric", Align::Left),
        ("was", Align::Right),
        ("is", Align::Right),
        ("", Align::Left),
        ("tolerated", Align::Left),
        ("where", Align::Left),
    ]);
    for change in &against.changes {
        let mark = match change.outcome {
            Outcome::Same => continue,
            Outcome::Better => verdict::mark(true, style),
            Outcome::Worse => verdict::mark(false, style),
        };
        let unit = change.name.metric.unit;
        let place = against.reasons(change).find_map(|edit| edit.place.as_ref());
        table.row(vec![
            mark.to_owned(),
            change.cell.clone(),
            change.name.to_string(),
            figures::human(&change.was, unit, style),
            figures::human(&change.is, unit, style),
            by(change, style),
            change.tolerance.words(unit),
            place.map_or_else(String::new, |(file, line)| format!("{file}:{line}")),
        ]);
    }
    table
}

/// `half.yaml:7 /groups/g/config/session.timeout.ms: 6000 → 45000`
fn words(edit: &Edit, style: Style) -> String {
    let place = edit.place.as_ref();
    let place = place.map_or_else(String::new, |(file, line)| format!("{file}:{line} "));
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let arrow = if style.ascii { "->" } else { "→" };
    let (was, is) = (value(&edit.was), value(&edit.is));
    format!("{place}{}: {was} {arrow} {is}", edit.pointer)
}
