//! Requirements and what became of them, for people.

use super::figures::{self, Style};
use super::model::{Expectation, Run, Skipped};
use super::table::{Align, Table};
use super::text::of_group;
use crate::kernel::words::counted;
use crate::metrics::condition::Comparison;
use crate::metrics::{Decimal, Episode, Value};

/// Met or not.
pub(super) const fn mark(met: bool, style: Style) -> &'static str {
    match (met, style.ascii) {
        (true, false) => "✓",
        (false, false) => "✗",
        (true, true) => "ok",
        (false, true) => "FAIL",
    }
}

/// By how much it was missed, in words.
pub(super) fn missed(expectation: &Expectation, style: Style) -> String {
    let verdict = &expectation.verdict;
    let Some(room) = verdict.room.filter(|_| !verdict.met) else {
        return String::new();
    };
    let by = Decimal::from_millionths(room.millionths().abs());
    let by = figures::human(
        &Value::Number(by),
        expectation.condition.name.metric.unit,
        style,
    );
    match expectation.condition.comparison {
        Comparison::Less | Comparison::AtMost => format!("over by {by}"),
        Comparison::More | Comparison::AtLeast => format!("under by {by}"),
        Comparison::Equal => format!("off by {by}"),
        Comparison::NotEqual => String::new(),
    }
}

/// What was measured.
pub(super) fn actual(expectation: &Expectation, style: Style) -> String {
    let unit = expectation.condition.name.metric.unit;
    figures::human(&expectation.verdict.actual, unit, style)
}

/// What is required; beside a share of another variant, what that comes to.
pub(super) fn required(expectation: &Expectation, style: Style) -> String {
    let condition = &expectation.condition;
    let mut required = condition.requirement();
    if let (Some(_), Some(limit)) = (condition.other_variant(), expectation.verdict.limit) {
        let limit = figures::human(&Value::Number(limit), condition.name.metric.unit, style);
        required.push_str(&format!(" ({limit})"));
    }
    required
}

pub(super) fn row(expectation: &Expectation, style: Style) -> Vec<String> {
    vec![
        mark(expectation.verdict.met, style).to_owned(),
        expectation.condition.name.to_string(),
        actual(expectation, style),
        required(expectation, style),
        missed(expectation, style),
        expectation.origin.place(),
    ]
}

/// One line a requirement; the longest downtime is told where it is missed.
#[must_use]
pub fn lines(expectations: &[&Expectation], run: &Run, style: Style) -> String {
    const PLAIN: (&str, Align) = ("", Align::Left);
    let head = [PLAIN, PLAIN, ("", Align::Right), PLAIN, PLAIN, PLAIN];
    let mut table = Table::new(&head);
    for expectation in expectations {
        table.row(row(expectation, style));
    }
    let mut text = String::new();
    for (line, expectation) in table.text(2).lines().zip(expectations) {
        text.push_str(line);
        text.push('\n');
        let is_longest = expectation.condition.name.metric.base == "longest_downtime_s";
        if is_longest && !expectation.verdict.met {
            text.push_str(&where_it_was(run));
        }
    }
    text
}

fn where_it_was(run: &Run) -> String {
    let metrics = &run.metrics;
    let Some(downtime) = metrics.availability.longest(|_, _| true) else {
        return String::new();
    };
    let during = metrics.rebalances.iter().find(|episode| {
        episode.group == downtime.group
            && episode.start < downtime.to
            && episode.end.is_none_or(|end| end >= downtime.from)
    });
    let rebalance = during.map_or_else(String::new, |episode| {
        let of_group = metrics.rebalances.iter();
        let of_group = of_group.filter(|known| known.group == downtime.group);
        let number = episode.number;
        let is_measured = |known: &Episode| metrics.is_measured(known.start);
        if !is_measured(episode) {
            return format!(" (rebalance {number} of the run, begun before the measured time)");
        }
        match of_group.clone().all(is_measured) {
            true => format!(" (rebalance {number} of {})", of_group.count()),
            false => format!(" (rebalance {number} of the run)"),
        }
    });
    format!(
        "      {}{} was down from {} to {}{rebalance}\n",
        metrics.partition_name(downtime.partition),
        of_group(metrics, downtime.group),
        figures::clock(downtime.from),
        figures::clock(downtime.to),
    )
}

/// One line a requirement and variant.
#[must_use]
pub fn by_variant(expectations: &[Expectation], style: Style) -> String {
    const PLAIN: (&str, Align) = ("", Align::Left);
    let head = [PLAIN, PLAIN, PLAIN, ("", Align::Right), PLAIN, PLAIN, PLAIN];
    let mut table = Table::new(&head);
    for expectation in expectations {
        let mut cells = row(expectation, style);
        cells.insert(1, expectation.variant.clone());
        table.row(cells);
    }
    table.text(2)
}

/// `3 expectations: 1 met, 2 not met`; nothing without any.
#[must_use]
pub fn tally(expectations: &[Expectation]) -> String {
    if expectations.is_empty() {
        return String::new();
    }
    let all = expectations.len();
    let met = expectations
        .iter()
        .filter(|expectation| expectation.verdict.met)
        .count();
    let not_met = all - met;
    let all = counted(all, "expectation");
    format!("{all}: {met} met, {not_met} not met")
}

/// `1 expectation not judged: variant b is not played`; nothing when all were.
#[must_use]
pub fn not_judged(skipped: &[Skipped]) -> Option<String> {
    let mut missing: Vec<&str> = skipped.iter().map(|one| &*one.missing).collect();
    missing.sort_unstable();
    missing.dedup();
    let all = counted(skipped.len(), "expectation");
    let names = match &missing[..] {
        [] => return None,
        [one] => format!("variant {one} is"),
        several => format!("variants {} are", several.join(", ")),
    };
    Some(format!("{all} not judged: {names} not played"))
}
