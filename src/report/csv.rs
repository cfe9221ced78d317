//! The tables of a results folder: tidy CSV, one observation a row, key columns first, empty cells where there is nothing.

mod platform;
mod rows;

pub use platform::{members, scaling};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::model::{Report, Run};
use super::table::{Align, Table};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::registry::{Label, METRICS, Metric, Unit};
use crate::metrics::{Aggregate, Cause, Decimal, Labels, NO_DATA, Name, RunMetrics, Value};
use crate::timeline::RebalanceReason;
use rows::Rows;

/// The first columns of every table.
const KEY: [&str; 3] = ["variant", "seed", "group"];

/// A cell: seconds with six decimals, counts whole, `no data` empty.
#[must_use]
pub fn cell(value: Option<Value>, unit: Unit) -> String {
    match value {
        None | Some(Value::Word(NO_DATA)) => String::new(),
        Some(Value::Number(number)) => match unit {
            Unit::Records | Unit::Count if number.is_whole() => number.fixed(0),
            Unit::Seconds
            | Unit::PartitionSeconds
            | Unit::Milliseconds
            | Unit::Records
            | Unit::Count
            | Unit::RecordsPerSecond
            | Unit::PerHour
            | Unit::Share
            | Unit::Ratio
            | Unit::Flag
            | Unit::Word => number.fixed(6),
        },
        Some(Value::Flag(flag)) => flag.to_string(),
        Some(Value::Word(word)) => word.to_owned(),
    }
}

fn seconds(at: SimTime) -> String {
    Decimal::seconds(at.as_micros()).fixed(6)
}

fn table(columns: &[&str]) -> Table {
    let head: Vec<(&str, Align)> = KEY
        .iter()
        .chain(columns)
        .map(|title| (*title, Align::Left))
        .collect();
    Table::new(&head)
}

/// The first three cells of every row.
fn key(variant: &str, run: &Run, group: &str) -> Vec<String> {
    vec![variant.to_owned(), run.seed.to_string(), group.to_owned()]
}

/// Every run of a report, with the name of its variant.
fn runs(report: &Report) -> impl Iterator<Item = (&str, &Run)> {
    let of = |variant: &'_ super::model::Variant| variant.runs.len();
    report
        .variants
        .iter()
        .filter(move |variant| of(variant) > 0)
        .flat_map(|variant| variant.runs.iter().map(|run| (variant.name.as_str(), run)))
}

fn group_name(metrics: &RunMetrics, group: GroupId) -> &str {
    &metrics.cast.groups[group.index()].name
}

fn member_name(metrics: &RunMetrics, consumer: Option<ConsumerId>) -> String {
    consumer.map_or_else(String::new, |consumer| {
        metrics.cast.consumers[consumer.index()].name.clone()
    })
}

fn partition_cells(metrics: &RunMetrics, partition: TopicPartition) -> [String; 2] {
    [
        metrics.cast.topics[partition.topic.index()].0.clone(),
        partition.partition.to_string(),
    ]
}

/// The names of the table of metrics that carry no other label than the group: bare, aggregates, reasons.
pub(super) fn names(filter: impl Fn(&Metric) -> bool) -> Vec<Name> {
    let mut names = Vec::new();
    for metric in METRICS.iter().filter(|metric| filter(metric)) {
        let aggregates = metric.aggregates.iter().copied().map(Some);
        for aggregate in std::iter::once(None::<Aggregate>).chain(aggregates) {
            let labels = Arc::default();
            names.push(Name {
                metric,
                aggregate,
                labels,
            });
        }
        if metric.labels.contains(&Label::Reason) {
            names.extend(RebalanceReason::ALL.iter().map(|reason| {
                let reason = Some(reason.word().to_owned());
                Name::bare(metric).with(Labels {
                    reason,
                    ..Labels::default()
                })
            }));
        }
    }
    names
}

/// `summary.csv`: one row a run and group; with several groups one more with an empty group for all of them.
#[must_use]
pub fn summary(report: &Report) -> String {
    let names = names(|_| true);
    let titles: Vec<String> = names.iter().map(Name::to_string).collect();
    // A last column says so where results are not exact.
    let fidelity = super::json::fidelity(report.fidelity);
    let mark = fidelity.map(|_| "fidelity");
    let titles: Vec<&str> = titles.iter().map(String::as_str).chain(mark).collect();
    let mut table = table(&titles);
    for (variant, run) in runs(report) {
        for (group, cells) in by_group(&run.metrics, &names) {
            let mut row = key(variant, run, &group);
            row.extend(cells);
            row.extend(fidelity.map(str::to_owned));
            table.row(row);
        }
    }
    table.csv()
}

/// What tells the names of one group apart.
fn column(name: &Name) -> (&'static str, Option<Aggregate>, Option<&str>) {
    (
        name.metric.base,
        name.aggregate,
        name.labels.reason.as_deref(),
    )
}

/// The cells of `names` for each group; with several groups first those over all of them, under an empty name.
pub(super) fn by_group(metrics: &RunMetrics, names: &[Name]) -> Vec<(String, Vec<String>)> {
    let groups = metrics.cast.groups.iter().map(|group| group.name.as_str());
    let all = (metrics.cast.groups.len() > 1).then_some("");
    let all_values = || metrics.values.iter().chain(metrics.details.list());
    let of = |group: &str| {
        let wanted = (!group.is_empty()).then_some(group);
        let own = all_values().filter(|(name, _)| {
            let labels = &name.labels;
            labels.group.as_deref() == wanted && labels.topic.is_none()
        });
        let known: BTreeMap<_, Value> = own.map(|(name, value)| (column(name), *value)).collect();
        let cells = names.iter().map(|name| {
            let value = known.get(&column(name)).copied();
            cell(value, name.metric.unit)
        });
        (group.to_owned(), cells.collect())
    };
    all.into_iter().chain(groups).map(of).collect()
}

/// `partitions.csv`: the metrics that partitions have, one row a run, group and partition.
#[must_use]
pub fn partitions(report: &Report) -> String {
    let names = names(|metric| metric.labels.contains(&Label::Partition));
    let titles: Vec<String> = names.iter().map(Name::to_string).collect();
    let columns: Vec<&str> = ["topic", "partition"]
        .into_iter()
        .chain(titles.iter().map(String::as_str))
        .collect();
    let mut table = table(&columns);
    for (variant, run) in runs(report) {
        let values = run.metrics.partition_values();
        for ((group, partition), _) in &run.metrics.availability.partitions {
            let mut row = key(variant, run, group_name(&run.metrics, *group));
            row.extend(partition_cells(&run.metrics, *partition));
            let known = values.get(&(*group, *partition));
            row.extend(names.iter().map(|name| {
                let value = known.and_then(|values| values.get(name.column().as_str()));
                cell(value.copied(), name.metric.unit)
            }));
            table.row(row);
        }
    }
    table.csv()
}

/// `rebalances.csv`: one row an episode.
#[must_use]
pub fn rebalances(report: &Report) -> String {
    let mut table = table(&[
        "id",
        "reason",
        "reasons",
        "by",
        "from_state",
        "start_s",
        "end_s",
        "rebalance_s",
        "rounds",
        "generation",
        "members",
        "members_touched",
        "partitions_moved",
        "partitions_moved_needlessly",
        "partitions_revoked",
        "failed_rebalances",
        "last_member",
        "last_why",
        "last_removed",
        "barrier_s",
    ]);
    for (variant, run) in runs(report) {
        let metrics = &run.metrics;
        for episode in &metrics.rebalances {
            let reasons: Vec<&str> = episode.reasons.iter().map(|reason| reason.word()).collect();
            let last = episode.last_joiner.as_ref();
            let mut row = key(variant, run, group_name(metrics, episode.group));
            row.extend([
                episode.number.to_string(),
                reasons.first().copied().unwrap_or_default().to_owned(),
                reasons.join(" "),
                member_name(metrics, episode.by),
                episode.from_state.word().to_owned(),
                seconds(episode.start),
                episode.end.map_or_else(String::new, seconds),
                Decimal::seconds(episode.micros(metrics.horizon)).fixed(6),
                episode.rounds.to_string(),
                episode.generation.to_string(),
                episode.members.to_string(),
                episode.touched.len().to_string(),
                episode.moved.to_string(),
                episode.moved_needlessly.to_string(),
                episode.revoked.to_string(),
                episode.failed.to_string(),
                member_name(
                    metrics,
                    last.map(|last| last.consumer).or(episode.last_to_arrive),
                ),
                last.map_or_else(String::new, |last| last.why().words().to_owned()),
                last.and_then(|last| last.removed)
                    .map_or_else(String::new, |why| why.word().to_owned()),
                last.map_or_else(String::new, |last| Decimal::seconds(last.micros()).fixed(6)),
            ]);
            table.row(row);
        }
    }
    table.csv()
}

/// `ownership.csv`: one row for each stretch of time in which a partition was in one state, with its server or its cause.
///
/// # Errors
/// When `out` takes no more.
pub fn ownership(report: &Report, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut rows = Rows::new(
        out,
        &[
            "topic",
            "partition",
            "member",
            "from_s",
            "to_s",
            "state",
            "cause",
        ],
    )?;
    for (variant, run) in runs(report) {
        let cast = &run.metrics.cast;
        for span in run.metrics.availability.spans.iter() {
            let member = span.member.map(|who| &*cast.consumers[who.index()].name);
            rows.text(variant)
                .whole(run.seed)
                .text(group_name(&run.metrics, span.group))
                .text(&cast.topics[span.partition.topic.index()].0)
                .whole(span.partition.partition.into())
                .text(member.unwrap_or_default())
                .instant(span.from)
                .instant(span.to)
                .text(span.state.word())
                .text(span.state.cause().map_or("", Cause::word))
                .end()?;
        }
    }
    Ok(())
}

/// `lag.csv`: one row for each sample of the grid; a partition without a committed offset has no lag behind it.
///
/// # Errors
/// When `out` takes no more.
pub fn lag(report: &Report, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut rows = Rows::new(
        out,
        &[
            "t_s",
            "topic",
            "partition",
            "lag_records",
            "committed_lag_records",
            "lag_s",
        ],
    )?;
    for (variant, run) in runs(report) {
        let cast = &run.metrics.cast;
        for sample in run.metrics.samples.iter() {
            let age = sample
                .oldest_due
                .map_or(0, |due| sample.at.since(due).as_micros());
            rows.text(variant)
                .whole(run.seed)
                .text(group_name(&run.metrics, sample.group))
                .instant(sample.at)
                .text(&cast.topics[sample.partition.topic.index()].0)
                .whole(sample.partition.partition.into())
                .whole(sample.log_end.saturating_sub(sample.processed));
            match sample.committed {
                Some(offset) => rows.whole(sample.log_end.saturating_sub(offset)),
                None => rows.text(""),
            };
            rows.seconds(age).end()?;
        }
    }
    Ok(())
}

/// `expectations.csv`: one row a requirement and variant; `met` is `skipped` where nothing was judged.
#[must_use]
pub fn expectations(report: &Report) -> String {
    let mut table = table(&[
        "metric",
        "condition",
        "actual",
        "limit",
        "room",
        "met",
        "pointer",
    ]);
    for expectation in report.expectations_by_pointer() {
        let name = &expectation.condition.name;
        let unit = name.metric.unit;
        let number = |decimal: Option<Decimal>| cell(decimal.map(Value::Number), unit);
        let actual = match expectation.verdict.actual {
            Value::Word(word) => word.to_owned(),
            value => cell(Some(value), unit),
        };
        table.row(vec![
            expectation.variant.clone(),
            expectation
                .seed
                .map_or_else(String::new, |seed| seed.to_string()),
            name.labels.group.clone().unwrap_or_default(),
            name.to_string(),
            expectation.condition.requirement(),
            actual,
            number(expectation.verdict.limit),
            number(expectation.verdict.room),
            expectation.verdict.met.to_string(),
            expectation.origin.pointer().to_owned(),
        ]);
    }
    for skipped in report.skipped_by_pointer() {
        let (condition, name) = (&skipped.condition, &skipped.condition.name);
        table.row(vec![
            condition.variant.clone().unwrap_or_default(),
            String::new(),
            name.labels.group.clone().unwrap_or_default(),
            name.to_string(),
            condition.requirement(),
            String::new(),
            String::new(),
            String::new(),
            "skipped".to_owned(),
            skipped.origin.pointer().to_owned(),
        ]);
    }
    table.csv()
}
