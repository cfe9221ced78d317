//! How unevenly partitions and load are spread over the members, by the assignment in force, over time.

use super::decimal::Decimal;
use super::delivery::group_label;
use super::name::Aggregate;
use super::rebalances::InForce;
use super::values::{Value, Values};
use crate::assignor::{GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{PartitionTotals, Timeline};

/// Adds the values of one group.
pub(super) fn values(
    timeline: &Timeline,
    group: GroupId,
    in_force: &[InForce],
    values: &mut Values,
) {
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    let first = timeline
        .partitions
        .partition_point(|(known, _)| known.0 < group);
    let of_group = &timeline.partitions[first..];
    let load = |partition: TopicPartition| {
        // Mostly it stands where it would if this were the only topic.
        let at = partition.partition as usize;
        let guess = of_group
            .get(at)
            .filter(|(known, _)| *known == (group, partition));
        let found = guess.or_else(|| {
            let by_key = |known: &((GroupId, TopicPartition), PartitionTotals)| known.0;
            let at = of_group.binary_search_by_key(&(group, partition), by_key);
            at.ok().and_then(|at| of_group.get(at))
        });
        found.map_or(0, |(_, totals)| totals.produced)
    };
    let mut put = |base: &str, weight: &dyn Fn(TopicPartition) -> u64| {
        let (peak, mean) = over_time(timeline, in_force, weight);
        values.put(base, &labels, Value::or_no_data(peak));
        values.put_as(base, Aggregate::Mean, &labels, Value::or_no_data(mean));
    };
    put("imbalance", &|_| 1);
    put("imbalance_load", &load);
}

/// Peak and time-weighted mean of (largest member / mean member); nothing where nobody owns anything.
fn over_time(
    timeline: &Timeline,
    in_force: &[InForce],
    weight: &dyn Fn(TopicPartition) -> u64,
) -> (Option<Decimal>, Option<Decimal>) {
    let mut peak = None;
    let mut area = 0_i128;
    let mut length = 0_i128;
    for (index, known) in in_force.iter().enumerate() {
        let next = in_force
            .get(index + 1)
            .map_or(timeline.horizon, |next| next.since);
        let from: SimTime = known.since.max(timeline.measured.0);
        let to = next.min(timeline.measured.1);
        let Some(ratio) = ratio(known, weight).filter(|_| from < to) else {
            continue;
        };
        let micros = i128::from(to.since(from).as_micros());
        peak = peak.max(Some(ratio));
        area += ratio.millionths() * micros;
        length += micros;
    }
    (peak, Decimal::ratio(area, length * 1_000_000))
}

fn ratio(known: &InForce, weight: &dyn Fn(TopicPartition) -> u64) -> Option<Decimal> {
    let sums: Vec<u64> = known
        .assignment
        .iter()
        .map(|(_, partitions)| partitions.iter().map(|partition| weight(*partition)).sum())
        .collect();
    let total: u64 = sums.iter().sum();
    let largest = sums.iter().max()?;
    Decimal::ratio(i128::from(*largest) * sums.len() as i128, i128::from(total))
}
