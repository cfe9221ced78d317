//! From due to done: latencies of records, and how busy the members are.

use super::decimal::Decimal;
use super::delivery::{Scope, group_label};
use super::name::{Aggregate, Labels};
use super::values::{Value, Values};
use crate::assignor::{ConsumerId, GroupId};
use crate::timeline::{ConsumerTotals, Histogram, Timeline};

const QUANTILES: [(&str, u64); 5] = [
    ("latency_p50_s", 500),
    ("latency_p90_s", 900),
    ("latency_p95_s", 950),
    ("latency_p99_s", 990),
    ("latency_p999_s", 999),
];

/// Adds the values of one group.
pub(super) fn values(timeline: &Timeline, group: GroupId, scopes: &[Scope], values: &mut Values) {
    let sum_of = |indexes: &[usize]| {
        let mut sum = Histogram::default();
        for &index in indexes {
            let totals = &timeline.partitions[index].1;
            sum.merge(&totals.latency);
            sum.merge(&totals.waiting);
        }
        sum
    };
    let of_topic = |labels: &Labels| labels.topic.is_some() && labels.partition.is_none();
    let topics = scopes.iter().filter(|(labels, _)| of_topic(labels));
    let topics: Vec<Histogram> = topics.map(|(_, indexes)| sum_of(indexes)).collect();
    let mut whole = match (topics.as_slice(), scopes) {
        ([], [(_, all), ..]) => sum_of(all),
        _ => Histogram::default(),
    };
    topics.iter().for_each(|topic| whole.merge(topic));
    let mut topics = topics.iter();
    for (labels, indexes) in scopes {
        let own;
        let all = match (labels.partition, indexes.as_slice()) {
            (Some(_), &[index]) if timeline.partitions[index].1.waiting.count() == 0 => {
                &timeline.partitions[index].1.latency
            }
            (Some(_), indexes) => {
                own = sum_of(indexes);
                &own
            }
            (None, _) if labels.topic.is_some() => topics.next().unwrap_or(&whole),
            (None, _) => &whole,
        };
        let quantiles = all.quantiles(QUANTILES.map(|(_, thousandths)| thousandths), 1_000);
        for ((base, _), micros) in QUANTILES.into_iter().zip(quantiles) {
            let value = Value::or_no_data(micros.map(Decimal::seconds));
            values.put(base, labels, value);
        }
        let max = (all.count() > 0).then(|| Decimal::seconds(all.max()));
        values.put("latency_max_s", labels, Value::or_no_data(max));
        let sum = i128::try_from(all.sum()).unwrap_or(i128::MAX);
        let mean = Decimal::ratio(sum, i128::from(all.count()).saturating_mul(1_000_000));
        values.put("latency_mean_s", labels, Value::or_no_data(mean));
    }
    let shares: Vec<Decimal> = members(timeline, group)
        .filter_map(|(_, totals)| utilization(totals))
        .collect();
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    let busiest = shares.iter().max().copied();
    let mean = super::statistics::mean(&shares);
    values.put("utilization", &labels, Value::or_no_data(busiest));
    values.put_as(
        "utilization",
        Aggregate::Mean,
        &labels,
        Value::or_no_data(mean),
    );
}

/// The processes of a group with what they did.
pub(super) fn members(
    timeline: &Timeline,
    group: GroupId,
) -> impl Iterator<Item = (ConsumerId, &ConsumerTotals)> {
    (0..)
        .map(ConsumerId)
        .zip(&timeline.consumers)
        .filter(move |(consumer, _)| timeline.cast.consumers[consumer.index()].group == group)
}

/// Busy share of the running time; `None` when it never ran.
#[must_use]
pub fn utilization(totals: &ConsumerTotals) -> Option<Decimal> {
    Decimal::ratio(i128::from(totals.busy_us), i128::from(totals.alive_us))
}
