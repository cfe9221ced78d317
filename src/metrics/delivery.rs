//! What was delivered: counts that the data plane kept record by record, summed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decimal::Decimal;
use super::name::Labels;
use super::told::Told;
use super::values::{Value, Values};
use crate::assignor::{GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{Observation, PartitionTotals, Reading, Timeline};

/// True when `at` lies within the measured window, its edges included.
pub(super) fn measured(timeline: &Timeline, at: SimTime) -> bool {
    timeline.measured.0 <= at && at <= timeline.measured.1
}

/// True when what happens at `at` belongs to the measured window: its first instant belongs to what was before, unless the run begins there.
pub(super) fn holds(timeline: &Timeline, at: SimTime) -> bool {
    let (from, to) = timeline.measured;
    (from < at || from == SimTime::ZERO) && at <= to
}

/// Length of the measured window in microseconds.
pub(super) fn window_us(timeline: &Timeline) -> u64 {
    timeline.measured.1.since(timeline.measured.0).as_micros()
}

/// Whose values are worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breadth {
    /// Those of groups, topics and partitions.
    Everything,
    /// Those of groups alone.
    Groups,
}

/// Some partitions of a group under the labels of what they are together, by their place in [`Timeline::partitions`].
pub(super) type Scope = (Arc<Labels>, Vec<usize>);

/// The partitions of a group in the three scopes: all, each topic, each alone; or all of them only.
pub(super) fn scopes(timeline: &Timeline, group: GroupId, breadth: Breadth) -> Vec<Scope> {
    let whole = group_label(&timeline.cast.groups[group.index()].name);
    if breadth == Breadth::Groups {
        let places = 0..timeline.partitions.len();
        let own = places.filter(|&index| timeline.partitions[index].0.0 == group);
        return vec![(whole, own.collect())];
    }
    let mut all = Vec::new();
    let mut topics: Vec<Scope> = Vec::new();
    let mut single = Vec::new();
    for (index, ((owner, partition), _)) in timeline.partitions.iter().enumerate() {
        if *owner != group {
            continue;
        }
        let topic = Labels {
            topic: Some(timeline.cast.topics[partition.topic.index()].0.clone()),
            ..Labels::clone(&whole)
        };
        all.push(index);
        match topics.last_mut() {
            Some((labels, indexes)) if **labels == topic => indexes.push(index),
            _ => topics.push((Arc::new(topic.clone()), vec![index])),
        }
        let labels = Labels {
            partition: Some(partition.partition),
            ..topic
        };
        single.push((Arc::new(labels), vec![index]));
    }
    let mut scopes = vec![(whole, all)];
    scopes.append(&mut topics);
    scopes.append(&mut single);
    scopes
}

/// A count of the totals.
type Counter = fn(&PartitionTotals) -> u64;

const COUNTS: [(&str, Counter); 5] = [
    ("records_produced", |totals| totals.produced),
    ("records_processed", |totals| totals.processed),
    ("records_duplicated", |totals| totals.duplicated),
    ("records_lost", |totals| totals.lost),
    ("records_skipped", |totals| totals.skipped),
];

/// Adds the values of one group.
pub(super) fn values(timeline: &Told<'_>, group: GroupId, scopes: &[Scope], values: &mut Values) {
    let left = lag_at_the_end(timeline, group);
    for (labels, indexes) in scopes {
        let waiting = indexes.iter().map(|index| {
            let (place, totals) = &timeline.partitions[*index];
            let left = left.get(&place.1).copied().unwrap_or(0);
            totals.waiting.count().max(left)
        });
        values.put("records_waiting", labels, Value::count(waiting.sum()));
        let sum = |counter: Counter| -> u64 {
            indexes
                .iter()
                .map(|index| counter(&timeline.partitions[*index].1))
                .sum()
        };
        for (base, counter) in COUNTS {
            values.put(base, labels, Value::count(sum(counter)));
        }
        let processed = i128::from(sum(|totals| totals.processed));
        let rate = Decimal::ratio(processed * 1_000_000, i128::from(window_us(timeline)));
        values.put("throughput_records_per_s", labels, Value::or_no_data(rate));
        let overlap = sum(|totals| totals.overlap_us);
        values.put("overlap_partition_s", labels, Value::seconds(overlap));
    }
    let failed = timeline.events.iter().filter(|entry| {
        let Observation::CommitFailed { consumer, .. } = &entry.observation else {
            return false;
        };
        measured(timeline, entry.at) && timeline.cast.consumers[consumer.index()].group == group
    });
    let name = &timeline.cast.groups[group.index()].name;
    let labels = group_label(name);
    values.put(
        "commits_failed",
        &labels,
        Value::count(failed.count() as u64),
    );
}

/// The lags of the partitions of a group at the end of a window that does not begin with the run: the records that wait there may have been due
/// before it, and those are not among the ones that its histograms hold.
fn lag_at_the_end(timeline: &Timeline, group: GroupId) -> BTreeMap<TopicPartition, u64> {
    let (from, to) = timeline.measured;
    if from == SimTime::ZERO {
        return BTreeMap::new();
    }
    let readings = timeline.samples.readings();
    let read = readings.partition_point(|reading| reading.at() <= to);
    let last = readings[..read].last().into_iter();
    last.flat_map(Reading::samples)
        .filter(|sample| sample.group == group)
        .map(|sample| {
            let lag = sample.log_end.saturating_sub(sample.processed);
            (sample.partition, lag)
        })
        .collect()
}

/// The label of a group alone.
pub(super) fn group_label(name: &str) -> Arc<Labels> {
    Arc::new(Labels {
        group: Some(name.to_owned()),
        ..Labels::default()
    })
}
