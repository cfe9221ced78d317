//! For people at a terminal.

use super::figures::{self, Style};
use super::table::{Align, Table};
use crate::metrics::{Cause, RunMetrics};

/// What a run is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the variant; empty when there is none.
    pub variant: String,
    /// The seed.
    pub seed: u64,
}

/// The rows of the summary: title, name.
const KEY: [(&str, &str); 12] = [
    ("longest downtime", "longest_downtime_s"),
    ("downtime", "downtime_partition_s"),
    ("whole group down", "stop_the_world_s"),
    ("rebalances", "rebalances"),
    ("rounds", "rebalance_rounds"),
    ("longest rebalance", "rebalance_s"),
    ("partitions moved", "partitions_moved"),
    ("of those needlessly", "partitions_moved_needlessly"),
    ("records processed", "records_processed"),
    ("records duplicated", "records_duplicated"),
    ("records lost", "records_lost"),
    ("records waiting at the end", "records_waiting"),
];

/// The summary of one run.
#[must_use]
pub fn run(title: &Title, metrics: &RunMetrics, style: Style) -> String {
    let mut text = heading(title, metrics);
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    for (title, name) in KEY {
        let Some(value) = metrics.value(name) else {
            continue;
        };
        let unit = crate::metrics::registry::get(name).unit;
        let note = match name {
            "longest_downtime_s" => longest(metrics),
            _ => String::new(),
        };
        table.row(vec![
            title.to_owned(),
            figures::human(&value, unit, style),
            note,
        ]);
    }
    text.push_str(&table.text(2));
    text.push_str(&causes(metrics, style));
    text
}

fn heading(title: &Title, metrics: &RunMetrics) -> String {
    let name = if title.variant.is_empty() {
        title.scenario.clone()
    } else {
        format!("{} / {}", title.scenario, title.variant)
    };
    let simulated = metrics.horizon.since(crate::kernel::SimTime::ZERO);
    format!("{name}   seed {}, {simulated} simulated\n\n", title.seed)
}

/// Where and when the longest downtime was.
fn longest(metrics: &RunMetrics) -> String {
    metrics
        .availability
        .longest(|_, _| true)
        .map_or_else(String::new, |downtime| {
            format!(
                "{} from {} to {}",
                metrics.partition_name(downtime.partition),
                figures::clock(downtime.from),
                figures::clock(downtime.to),
            )
        })
}

/// Downtime by cause, the largest first, zeros left out.
fn causes(metrics: &RunMetrics, style: Style) -> String {
    let mut shares: Vec<(Cause, crate::metrics::Value)> = Cause::ALL
        .into_iter()
        .filter_map(|cause| Some((cause, metrics.value(cause.metric())?)))
        .filter(|(_, value)| value.number().is_some_and(|number| number.millionths() > 0))
        .collect();
    shares.sort_by_key(|(cause, value)| (std::cmp::Reverse(value.number()), *cause));
    if shares.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = shares
        .iter()
        .map(|(cause, value)| {
            let unit = crate::metrics::registry::get(cause.metric()).unit;
            format!("{} {}", cause.word(), figures::human(value, unit, style))
        })
        .collect();
    let dot = if style.ascii { ", " } else { " · " };
    format!("\nwhere the downtime went: {}\n", parts.join(dot))
}
