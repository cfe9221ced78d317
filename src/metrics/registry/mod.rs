//! The one table of metrics: base name, unit, aggregates, labels, definition, and which direction is better.
//!
//! Names are parsed against it, values are combined over groups by it, `docs/metrics.md` is printed from it.

mod document;
mod table;

pub use document::document;
pub use table::METRICS;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::name::Aggregate;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Seconds summed over partitions.
    PartitionSeconds,
    /// Records.
    Records,
    /// Records a second.
    RecordsPerSecond,
    /// Milliseconds: only under Kafka's own names.
    Milliseconds,
    /// A whole number of things.
    Count,
    /// Things an hour.
    PerHour,
    /// A part of one; conditions may say `20%`.
    Share,
    /// One thing divided by another.
    Ratio,
    /// `true` or `false`.
    Flag,
    /// A word.
    Word,
}

impl Unit {
    /// The unit as people write it; nothing for pure numbers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::PartitionSeconds => "partition-s",
            Self::Records => "records",
            Self::RecordsPerSecond => "records/s",
            Self::Milliseconds => "ms",
            Self::PerHour => "/h",
            Self::Count | Self::Share | Self::Ratio | Self::Flag | Self::Word => "",
        }
    }
}

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// It depends.
    Neither,
}

/// How the values of several groups become the value without a group label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// Added up: counts.
    Sum,
    /// The worst (for what has no better direction: the largest).
    Worst,
    /// One word when all agree, else `mixed`.
    Same,
}

/// Labels that a name may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// `group.id`
    Group,
    /// Topic name.
    Topic,
    /// Partition number.
    Partition,
    /// Reason of a rebalance.
    Reason,
}

impl Label {
    /// The label's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Topic => "topic",
            Self::Partition => "partition",
            Self::Reason => "reason",
        }
    }
}

/// Section of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What the group is.
    Setting,
    /// States of partitions.
    Availability,
    /// Lag.
    Lag,
    /// Latency and throughput.
    Latency,
    /// What was delivered.
    Delivery,
    /// Rebalances.
    Rebalances,
    /// Pods and autoscalers.
    Platform,
    /// Kafka's own names.
    Kafka,
}

impl Section {
    /// Every section, in order.
    pub const ALL: [Self; 8] = [
        Self::Setting,
        Self::Availability,
        Self::Lag,
        Self::Latency,
        Self::Delivery,
        Self::Rebalances,
        Self::Platform,
        Self::Kafka,
    ];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Setting => "Setting",
            Self::Availability => "Availability",
            Self::Lag => "Lag",
            Self::Latency => "Latency and throughput",
            Self::Delivery => "Delivery",
            Self::Rebalances => "Rebalances",
            Self::Platform => "Pods and autoscalers",
            Self::Kafka => "Kafka's own names",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, the unit at the end.
    pub base: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// How groups are combined.
    pub across: Across,
    /// What the bare base is among the aggregates, where one fits.
    pub bare: Option<Aggregate>,
    /// The other aggregates.
    pub aggregates: &'static [Aggregate],
    /// Labels that it may carry.
    pub labels: &'static [Label],
    /// The words that it may be, where it is one.
    pub words: &'static [&'static str],
    /// Where it is documented.
    pub section: Section,
    /// What it means, exactly.
    pub definition: &'static str,
}

/// The place in the table of the metric called `base`.
#[must_use]
pub fn place(base: &str) -> Option<usize> {
    static PLACES: LazyLock<BTreeMap<&str, usize>> =
        LazyLock::new(|| METRICS.iter().map(|metric| metric.base).zip(0..).collect());
    PLACES.get(base).copied()
}

/// The metric called `base`.
#[must_use]
pub fn find(base: &str) -> Option<&'static Metric> {
    place(base).map(|place| &METRICS[place])
}

/// The metric called `base`, for callers that name one of the table.
///
/// # Panics
/// When there is none: a slip in the code, not in its input.
#[must_use]
pub fn get(base: &str) -> &'static Metric {
    find(base).unwrap_or_else(|| panic!("`{base}` is missing in the table of metrics"))
}

/// The name of the table nearest to `text`.
#[must_use]
pub fn nearest(text: &str) -> &'static str {
    let near = nearest_of(text, METRICS.iter().map(|metric| metric.base));
    // Who leaves the unit out, or the half of a name, means the first that begins so, however long it is.
    let begins = |metric: &&Metric| {
        let rest = metric.base.strip_prefix(text);
        rest.is_some_and(|rest| rest.starts_with('_'))
    };
    let whole = METRICS.iter().find(begins);
    whole.map_or(near, |metric| metric.base)
}

/// That of `words` nearest to `text`; of equals the first, nothing without any.
#[must_use]
pub fn nearest_of<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> &'w str {
    words
        .min_by_key(|word| distance(word, text))
        .unwrap_or_default()
}

/// Edits (insert, remove, replace) between two texts, after Wagner and Fischer 1974.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignor::{AssignorKind, ServerAssignorKind};
    use crate::metrics::name::Name;

    #[test]
    fn every_name_of_the_table_reads_back_as_itself() {
        for metric in METRICS {
            let name = Name::parse(metric.base).expect("in the table");
            assert_eq!(name.to_string(), metric.base);
            for aggregate in metric.aggregates {
                let text = format!("{}_{}", metric.base, aggregate.word());
                assert_eq!(Name::parse(&text).expect("in the table").to_string(), text);
            }
        }
    }

    #[test]
    fn every_name_stands_once() {
        let mut columns: Vec<String> = METRICS
            .iter()
            .flat_map(|metric| {
                std::iter::once(metric.base.to_owned()).chain(
                    metric
                        .aggregates
                        .iter()
                        .map(|aggregate| format!("{}_{}", metric.base, aggregate.word())),
                )
            })
            .collect();
        let all = columns.len();
        columns.sort();
        columns.dedup();
        assert_eq!(columns.len(), all);
    }

    #[test]
    fn aliases_become_the_canonical_name() {
        for (alias, canonical) in [
            ("rebalance_s_max", "rebalance_s"),
            ("lag_records_max", "lag_records"),
            (
                "downtime_partition_s{cause=detect}",
                "downtime_detect_partition_s",
            ),
            (
                "lag_records{ topic = \"orders\" , group=\"checkout\"}",
                "lag_records{group=checkout,topic=orders}",
            ),
        ] {
            assert_eq!(Name::parse(alias).expect(alias).to_string(), canonical);
        }
    }

    #[test]
    fn every_assignor_is_a_word_that_may_stand_in_a_condition() {
        let own = AssignorKind::ALL.map(AssignorKind::name);
        let of_brokers = ServerAssignorKind::ALL.map(ServerAssignorKind::name);
        let words = get("assignor").words;
        for name in own.iter().chain(&of_brokers) {
            assert!(words.contains(name), "{name}");
        }
        for metric in METRICS {
            assert_eq!(metric.unit == Unit::Word, !metric.words.is_empty());
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        for (written, meant) in [("downtime", "downtime_partition_s"), ("lag", "lag_records")] {
            let error = Name::parse(written).expect_err("unknown");
            let wanted = format!("did you mean `{meant}`?");
            assert!(error.help.contains(&wanted), "{}", error.help);
        }
        let error = Name::parse("longest_downtme_s").expect_err("unknown");
        assert!(
            error.help.contains("`longest_downtime_s`"),
            "{}",
            error.help
        );
        let error = Name::parse("rebalances_p95").expect_err("no such aggregate");
        assert_eq!(error.message, "`rebalances` has no aggregate `p95`");
        let error = Name::parse("rebalances{topic=orders}").expect_err("no such label");
        assert!(
            error.message.contains("no label `topic`"),
            "{}",
            error.message
        );
        let error =
            Name::parse("rebalances_by_reason{reason=sesion_expired}").expect_err("unknown");
        assert_eq!(
            error.message,
            "`sesion_expired` is no reason of a rebalance"
        );
        assert!(
            error.help.contains("did you mean `session_expired`?"),
            "{}",
            error.help
        );
        let error = Name::parse("downtime_slow_partition_s").expect_err("no such cause");
        assert!(error.help.contains("did you mean"), "{}", error.help);
    }
}
