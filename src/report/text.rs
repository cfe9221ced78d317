//! For people at a terminal: the summary of one run, and variants side by side.

use super::figures::{self, Style};
use super::model::{Expectation, Report, Run, Variant, mark};
use super::table::{Align, Table};
use super::{blind, deaths, gantt, kills, loops, sentences, stuck, verdict};
use crate::assignor::GroupId;
use crate::kernel::SimTime;
use crate::kernel::words::counted;
use crate::metrics::registry;
use crate::metrics::{Cause, Decimal, NO_DATA, Name, RunMetrics, Value};

/// The rows of summaries: title, name.
pub(super) const KEY: [(&str, &str); 25] = [
    ("longest downtime", "longest_downtime_s"),
    ("downtime", "downtime_partition_s"),
    ("whole group down", "stop_the_world_s"),
    ("records due while down", "stalled_records"),
    ("rebalances", "rebalances"),
    ("rounds", "rebalance_rounds"),
    ("longest rebalance", "rebalance_s"),
    ("partitions moved", "partitions_moved"),
    ("needlessly", "partitions_moved_needlessly"),
    ("largest lag, records", "lag_records"),
    ("largest lag, age", "lag_s"),
    ("lag drained after", "drain_s"),
    ("latency p50", "latency_p50_s"),
    ("latency p99", "latency_p99_s"),
    ("records processed", "records_processed"),
    ("records duplicated", "records_duplicated"),
    ("records lost", "records_lost"),
    ("records waiting at the end", "records_waiting"),
    ("busiest member", "utilization"),
    ("members dead of an error", "failed_members"),
    ("most replicas", "replicas"),
    ("scaled up", "scale_ups"),
    ("scaled down", "scale_downs"),
    ("containers restarted", "restarts"),
    ("of these for memory", "oom_kills"),
];

/// Rows that are left out when they are zero, or nothing, everywhere.
const ONLY_WHEN_THERE: [&str; 11] = [
    "partitions_moved_needlessly",
    "records_duplicated",
    "records_waiting",
    "rebalance_rounds",
    "stalled_records",
    "failed_members",
    "replicas",
    "scale_ups",
    "scale_downs",
    "restarts",
    "oom_kills",
];

/// Columns of the pictures of lag.
const SPARK_WIDTH: usize = 60;

fn is_nothing(value: Value) -> bool {
    value == Value::count(0) || value == Value::Word(NO_DATA)
}

/// The summary of every run of the report: requirements first.
#[must_use]
pub fn summary(report: &Report, style: Style) -> String {
    let mut text = String::new();
    for variant in &report.variants {
        for run in &variant.runs {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&run_summary(report, variant, run, style));
        }
    }
    let tally = verdict::tally(&report.expectations);
    if !tally.is_empty() {
        text.push_str(&format!("\n{tally}\n"));
    }
    text
}

fn run_summary(report: &Report, variant: &Variant, run: &Run, style: Style) -> String {
    let metrics = &run.metrics;
    let simulated = metrics.horizon.since(SimTime::ZERO);
    let seed = run.seed;
    let mut text = format!(
        "{} / {}   seed {seed}, {simulated} simulated{}\n\n",
        report.scenario,
        variant.name,
        mark(report.fidelity)
    );
    let own: Vec<&Expectation> = report
        .expectations
        .iter()
        .filter(|known| known.variant == variant.name)
        .filter(|known| known.seed.is_none_or(|decided| decided == seed))
        .collect();
    if !own.is_empty() {
        text.push_str(&verdict::lines(&own, run, style));
        text.push('\n');
    }
    text.push_str(&key_table(metrics, style).text(2));
    text.push_str(&causes(metrics, style));
    text.push_str(&last_joiners(metrics));
    text.push_str(&last_to_arrive(metrics));
    text.push_str(&deaths::sentence(metrics));
    text.push_str(&kills::sentence(metrics));
    text.push_str(&stuck::sentences(metrics));
    text.push_str(&blind::sentences(metrics));
    text.push_str(&loops::sentences(metrics));
    text.push_str(&lag_pictures(&[(&variant.name, metrics)], None, style));
    text
}

/// Every requirement; of every run every flat metric under the name that `expect` knows, and who served what.
#[must_use]
pub fn everything(report: &Report, style: Style) -> String {
    let mut text = String::new();
    if !report.expectations.is_empty() {
        text.push('\n');
        text.push_str(&verdict::by_variant(&report.expectations, style));
    }
    for variant in &report.variants {
        for run in &variant.runs {
            let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
            for (name, value) in &run.metrics.values {
                let value = figures::human(value, name.metric.unit, style);
                table.row(vec![name.to_string(), value]);
            }
            text.push_str(&format!("\n{}, seed {}\n\n", variant.name, run.seed));
            text.push_str(&table.text(2));
            text.push_str(&owners(&run.metrics, style));
        }
    }
    text
}

/// Who owned what over time, group by group; nothing where the series were not kept.
fn owners(metrics: &RunMetrics, style: Style) -> String {
    let mut text = String::new();
    for (group, facts) in (0..).map(GroupId).zip(&metrics.cast.groups) {
        let window = (SimTime::ZERO, metrics.horizon);
        let picture = gantt::picture(metrics, group, window, SPARK_WIDTH, style);
        if !picture.is_empty() {
            text.push_str(&format!(
                "\nwho served the partitions of {}\n\n{picture}",
                facts.name
            ));
        }
    }
    text
}

/// The key metrics of one run with a remark where one helps.
#[must_use]
pub fn key_table(metrics: &RunMetrics, style: Style) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    for (title, base) in KEY {
        let metric = registry::get(base);
        let Some(value) = metrics.lookup(&Name::bare(metric)) else {
            continue;
        };
        if ONLY_WHEN_THERE.contains(&base) && is_nothing(value) {
            continue;
        }
        let note = match base {
            "longest_downtime_s" => longest(metrics),
            "lag_records" => peak_moment(metrics, "lag_records_peak_at_s"),
            "lag_s" => peak_moment(metrics, "lag_peak_at_s"),
            "rebalances" => reasons(metrics),
            _ => String::new(),
        };
        table.row(vec![
            titled(title, base, metrics.cast.groups.len()),
            figures::human(&value, metric.unit, style),
            note,
        ]);
    }
    table
}

/// What a row is called. Of several groups it says what became of theirs, unless that goes without saying: some are times or levels
/// added up, some those of the group that is worst off.
fn titled(title: &str, base: &str, groups: usize) -> String {
    let how = match base {
        "stop_the_world_s" | "replicas" => ", summed over groups",
        "lag_records" | "lag_s" | "latency_p50_s" | "latency_p99_s" => ", of the worst group",
        _ => "",
    };
    match groups {
        0 | 1 => title.to_owned(),
        _ => format!("{title}{how}"),
    }
}

/// ` of checkout`; nothing where there is one group.
pub(super) fn of_group(metrics: &RunMetrics, group: GroupId) -> String {
    match metrics.cast.groups.as_slice() {
        [_] => String::new(),
        groups => format!(" of {}", groups[group.index()].name),
    }
}

/// Where and when the longest downtime was.
fn longest(metrics: &RunMetrics) -> String {
    let longest = metrics.availability.longest(|_, _| true);
    longest.map_or_else(String::new, |downtime| {
        format!(
            "{}{} from {} to {}",
            metrics.partition_name(downtime.partition),
            of_group(metrics, downtime.group),
            figures::clock(downtime.from),
            figures::clock(downtime.to),
        )
    })
}

fn peak_moment(metrics: &RunMetrics, name: &str) -> String {
    let at = metrics.value(name).and_then(|value| value.number());
    let micros = at.and_then(|at| u64::try_from(at.millionths()).ok());
    micros.map_or_else(String::new, |micros| {
        format!("at {}", figures::clock(SimTime::from_micros(micros)))
    })
}

/// What began the rebalances, the most frequent first.
fn reasons(metrics: &RunMetrics) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for episode in metrics.measured_rebalances() {
        let word = episode.reason().map_or("unknown", |reason| reason.word());
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), *word));
    let parts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{} {count}", word.replace('_', " ")))
        .collect();
    parts.join(", ")
}

/// Downtime by cause, the largest first, zeros left out.
fn causes(metrics: &RunMetrics, style: Style) -> String {
    let mut shares: Vec<(Cause, Value)> = Cause::ALL
        .into_iter()
        .filter_map(|cause| Some((cause, metrics.value(cause.metric())?)))
        .filter(|(_, value)| value.number().is_some_and(|number| number > Decimal::ZERO))
        .collect();
    shares.sort_by_key(|(cause, value)| (std::cmp::Reverse(value.number()), *cause));
    if shares.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = shares
        .iter()
        .map(|(cause, value)| {
            let unit = registry::get(cause.metric()).unit;
            format!("{} {}", cause.word(), figures::human(value, unit, style))
        })
        .collect();
    let dot = if style.ascii { ", " } else { " · " };
    format!("\nwhere the downtime went: {}\n", parts.join(dot))
}

/// Who kept the longest join phase waiting.
fn last_joiners(metrics: &RunMetrics) -> String {
    let slowest = metrics
        .measured_rebalances()
        .filter_map(|episode| Some((episode, episode.last_joiner.as_ref()?)))
        .filter(|(_, last)| last.micros() > 0)
        .min_by_key(|(episode, last)| (std::cmp::Reverse(last.micros()), episode.start));
    slowest.map_or_else(String::new, |(episode, last)| {
        let member = &metrics.cast.consumers[last.consumer.index()].name;
        let came = match last.removed {
            None => format!("{member} joined last"),
            Some(why) => format!("{member} was removed ({})", why.word().replace('_', " ")),
        };
        format!(
            "longest wait for joins: {} s in rebalance {}{} at {}; {came}, mostly {}\n",
            Decimal::seconds(last.micros()).fixed(3),
            episode.number,
            of_group(metrics, episode.group),
            figures::clock(episode.start),
            last.why().words(),
        )
    })
}

/// The longest time until the members of a consumer group had all reached its newest epoch.
fn last_to_arrive(metrics: &RunMetrics) -> String {
    let slowest = metrics
        .measured_rebalances()
        .filter_map(|episode| Some((episode, episode.last_to_arrive?)))
        .filter(|(episode, _)| episode.micros(metrics.horizon) > 0)
        .min_by_key(|(episode, _)| {
            (
                std::cmp::Reverse(episode.micros(metrics.horizon)),
                episode.start,
            )
        });
    slowest.map_or_else(String::new, |(episode, last)| {
        format!(
            "longest reconciliation: {} s in rebalance {}{} at {}; {} reached epoch {} last\n",
            Decimal::seconds(episode.micros(metrics.horizon)).fixed(3),
            episode.number,
            of_group(metrics, episode.group),
            figures::clock(episode.start),
            metrics.cast.consumers[last.index()].name,
            episode.generation,
        )
    })
}

/// Lag over time of each variant (of its groups together), on one scale; under which seed, where there are several.
#[must_use]
pub fn lag_pictures(runs: &[(&str, &RunMetrics)], seed: Option<u64>, style: Style) -> String {
    let several = runs
        .iter()
        .any(|(_, metrics)| metrics.cast.groups.len() > 1);
    let (whose, of) = match several {
        true => (" of all groups", " of one group"),
        false => ("", ""),
    };
    let seed = seed.map_or_else(String::new, |seed| format!(" (seed {seed})"));
    let title = format!("{:<5}", format!("lag{whose}{seed} "));
    let mut rows: Vec<(&str, Vec<u64>, String)> = Vec::new();
    for (name, metrics) in runs {
        let bins = figures::bins(&metrics.lag, metrics.horizon, SPARK_WIDTH);
        let peak = metrics
            .value("lag_records")
            .map_or_else(String::new, |value| {
                let number = figures::human(&value, registry::get("lag_records").unit, style);
                format!(
                    "peak{of} {number} {}",
                    peak_moment(metrics, "lag_records_peak_at_s")
                )
            });
        rows.push((name, bins, peak));
    }
    let highest = rows
        .iter()
        .flat_map(|row| &row.1)
        .max()
        .copied()
        .unwrap_or(0);
    if highest == 0 {
        return String::new();
    }
    let width = rows
        .iter()
        .map(|row| row.0.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = "\n".to_owned();
    for (index, (name, bins, peak)) in rows.iter().enumerate() {
        let title = match index {
            0 => title.clone(),
            _ => " ".repeat(title.len()),
        };
        let blanks = " ".repeat(width - name.chars().count());
        let picture = figures::sparkline(bins, highest, style);
        text.push_str(&format!(
            "{title}{name}{blanks}  {picture}  {}\n",
            peak.trim_end()
        ));
    }
    text
}

/// Variants side by side: a table, one true sentence, pictures of lag, and what was required and is not met.
#[must_use]
pub fn compare(report: &Report, style: Style) -> String {
    let Some(first) = report
        .variants
        .first()
        .and_then(|variant| variant.runs.first())
    else {
        return String::new();
    };
    let simulated = first.metrics.horizon.since(SimTime::ZERO);
    let variants = counted(report.variants.len(), "variant");
    let seeds = match report.seeds() {
        1 => format!("seed {}", first.seed),
        count => format!("{count} seeds, median (5 % to 95 %)"),
    };
    let mut text = format!(
        "{}   {variants}, {seeds}, {simulated} simulated{}\n\n",
        report.scenario,
        mark(report.fidelity)
    );
    text.push_str(&compare_table(report, style).text(0));
    for sentence in sentences::closing(report, style) {
        text.push_str(&format!("\n{}\n", figures::wrapped(&sentence, 96)));
    }
    // Of several seeds the first is shown.
    let seed = (report.seeds() > 1).then_some(first.seed);
    let shown = seed.map_or_else(String::new, |seed| format!(" (seed {seed})"));
    let runs: Vec<(&str, &RunMetrics)> = report
        .variants
        .iter()
        .filter_map(|variant| Some((variant.name.as_str(), &variant.runs.first()?.metrics)))
        .collect();
    text.push_str(&deaths::of_variants(&runs, &shown));
    text.push_str(&kills::of_variants(&runs, &shown));
    text.push_str(&stuck::of_variants(&runs, &shown));
    text.push_str(&blind::of_variants(&runs, &shown));
    text.push_str(&loops::of_variants(&runs, &shown));
    text.push_str(&lag_pictures(&runs, seed, style));
    let unmet: Vec<Expectation> = report.unmet().cloned().collect();
    if !unmet.is_empty() {
        text.push('\n');
        text.push_str(&verdict::by_variant(&unmet, style));
    }
    if !report.expectations.is_empty() {
        text.push_str(&format!("\n{}\n", verdict::tally(&report.expectations)));
    }
    text
}

/// The key metrics with a column for each variant; rows that are zero or without data everywhere are left out.
#[must_use]
pub fn compare_table(report: &Report, style: Style) -> Table {
    let mut head = vec![("", Align::Left)];
    head.extend(
        report
            .variants
            .iter()
            .map(|variant| (variant.name.as_str(), Align::Right)),
    );
    let mut table = Table::new(&head);
    let runs = report.variants.iter().flat_map(|variant| &variant.runs);
    let groups = runs.map(|run| run.metrics.cast.groups.len()).max();
    let groups = groups.unwrap_or(0);
    for (title, base) in KEY {
        let metric = registry::get(base);
        let name = Name::bare(metric);
        let values: Vec<Option<Value>> = report
            .variants
            .iter()
            .map(|variant| variant.central(&name))
            .collect();
        let idle = |value: &Option<Value>| value.is_none_or(is_nothing);
        if ONLY_WHEN_THERE.contains(&base) && values.iter().all(idle) {
            continue;
        }
        let mut row = vec![titled(title, base, groups)];
        row.extend(
            report
                .variants
                .iter()
                .map(|variant| figures::over_seeds(&variant.values(&name), metric.unit, style)),
        );
        table.row(row);
    }
    table
}
