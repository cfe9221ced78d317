//! `docs/metrics.md`, printed from the table.

use super::{Across, Better, METRICS, Metric, Section};
use crate::metrics::name::Aggregate;

const HEAD: &str = "# Metrics

This page is printed from the table in `src/metrics/registry/table.rs` (a test compares them). The names are the same in
`expect:`, `--fail-on`, `summary.json`, `summary.csv` and the printed tables.

## Names

`[variant.]base[_aggregate][{label=value,…}]`. The unit stands at the end of the base. The bare base is the worst case: the
peak of a level, the longest of durations, the total of counts. Without the label `group` the value is over all groups: the
sum of counts, the worst of the rest. `not drained` and `no data` are values, not numbers; a condition on them fails.

`downtime_partition_s{cause=detect}` is another way to write `downtime_detect_partition_s`; an aggregate that the bare base
already is may be written out (`rebalance_s_max` is `rebalance_s`).

Over several seeds `not drained` ranks above every number: a median or percentile is a number where that rank has one, and
`not drained` where it has not; beside it stands in how many seeds it was not drained. `no data` under one seed leaves no median.

## What is exact and what is on the grid

Downtime, causes, rebalances and counts come from the run's observations and are exact to the microsecond. `lag_records_mean`,
`lag_records_integral`, latencies, counts of records and `catch_up_s` come from sums that the run keeps record by record: exact
too, but latency quantiles are the lower bounds of histogram buckets, less than 0.1 % below the true value (the maximum and the
mean are exact). Peaks of a lag, and its value at the end, are read off samples: on a grid of duration/600 rounded up to a whole
second, at both edges of the measured time, and where an outage ends, that is where somebody serves a partition again or goes on
after a standstill (a tenth of a grid step apart at least). Quantiles over time, and means and integrals of `lag_s` and
`committed_lag_records`, are of the grid alone, each value held until the next; `drain_s` is exact where a downtime's end of
catching up lies between the samples. A record counts from the microsecond after it is due.

All is measured between `measure.from` and `measure.to`. A span that crosses an edge counts with the part inside; a
rebalance counts when it begins inside, with its whole length. Latencies are of records *due* inside; `records_waiting` are all that
wait at `measure.to`, whenever they were due; what is committed and in nobody's hands is lost and waits no more.

`partitions_revoked` counts what left a member inside, in a rebalance or not. A row of `rebalances.csv` has what left members between its
begin and its end, within the measured time or not, and what the member that caused it had given up before, since the last one ended. So
the rows need not add up to the sum: what is given up outside a rebalance and causes none is in no row, and a rebalance that an edge cuts
is in its row whole.
";

/// The whole page.
#[must_use]
pub fn document() -> String {
    let mut page = HEAD.to_owned();
    for section in Section::ALL {
        page.push_str(&format!("\n## {}\n\n", section.title()));
        page.push_str("| name | unit | better | also | labels | over groups | meaning |\n");
        page.push_str("|---|---|---|---|---|---|---|\n");
        for metric in METRICS.iter().filter(|metric| metric.section == section) {
            page.push_str(&row(metric));
        }
    }
    page
}

fn row(metric: &Metric) -> String {
    let better = match metric.better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "",
    };
    let across = match metric.across {
        Across::Sum => "sum",
        Across::Worst => "worst",
        Across::Same => "the word, or `mixed`",
    };
    let aggregates: Vec<String> = metric
        .aggregates
        .iter()
        .map(|aggregate: &Aggregate| format!("`_{}`", aggregate.word()))
        .collect();
    let labels: Vec<&str> = metric.labels.iter().map(|label| label.word()).collect();
    format!(
        "| `{}` | {} | {better} | {} | {} | {across} | {} |\n",
        metric.base,
        metric.unit.word(),
        aggregates.join(" "),
        labels.join(", "),
        metric.definition,
    )
}
