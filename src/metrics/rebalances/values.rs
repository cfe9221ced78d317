//! What the episodes of a group come to in numbers.

use std::sync::Arc;

use super::GroupEpisodes;
use crate::assignor::GroupId;
use crate::metrics::decimal::Decimal;
use crate::metrics::delivery::{group_label, measured, window_us};
use crate::metrics::episode::Episode;
use crate::metrics::name::{Aggregate, Labels};
use crate::metrics::told::Told;
use crate::metrics::values::{Value, Values};
use crate::timeline::{ClientState, Observation, RebalanceReason, Timeline};

/// Adds the values of one group.
pub(in crate::metrics) fn values(
    timeline: &Told<'_>,
    group: GroupId,
    folded: &GroupEpisodes,
    values: &mut Values,
) {
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    let episodes: Vec<&Episode> = folded
        .episodes
        .iter()
        .filter(|episode| measured(timeline, episode.start))
        .collect();
    let sum = |count: fn(&Episode) -> u64| -> u64 { episodes.iter().map(|e| count(e)).sum() };
    let number = episodes.len() as u64;
    values.put("rebalances", &labels, Value::count(number));
    let rate = Decimal::ratio(
        i128::from(number) * MICROS_PER_HOUR,
        i128::from(window_us(timeline)),
    );
    values.put("rebalance_rate_per_hour", &labels, Value::or_no_data(rate));
    let counts: [(&str, u64); 7] = [
        ("rebalance_rounds", sum(|e| u64::from(e.rounds))),
        ("assignments_computed", sum(|e| u64::from(e.assignments))),
        ("failed_rebalances", sum(|e| u64::from(e.failed))),
        ("members_touched", sum(|e| e.touched.len() as u64)),
        ("partitions_moved", sum(|e| u64::from(e.moved))),
        (
            "partitions_moved_needlessly",
            sum(|e| u64::from(e.moved_needlessly)),
        ),
        ("partitions_revoked", folded.revoked(timeline)),
    ];
    for (base, count) in counts {
        values.put(base, &labels, Value::count(count));
    }
    values.put("rebalances_by_reason", &labels, Value::count(number));
    for reason in RebalanceReason::ALL {
        let began = episodes
            .iter()
            .filter(|episode| episode.reason() == Some(*reason));
        let labels = Arc::new(Labels {
            reason: Some(reason.word().to_owned()),
            ..Labels::clone(&labels)
        });
        values.put(
            "rebalances_by_reason",
            &labels,
            Value::count(began.count() as u64),
        );
    }
    let lengths = episodes
        .iter()
        .map(|episode| episode.micros(timeline.horizon));
    let total: u64 = lengths.clone().sum();
    values.put(
        "rebalance_s",
        &labels,
        Value::seconds(lengths.max().unwrap_or(0)),
    );
    values.put_as(
        "rebalance_s",
        Aggregate::Sum,
        &labels,
        Value::seconds(total),
    );
    let mean = Decimal::ratio(i128::from(total), i128::from(number) * 1_000_000);
    values.put_as(
        "rebalance_s",
        Aggregate::Mean,
        &labels,
        Value::or_no_data(mean),
    );
    let fenced = timeline.events.iter().filter(|entry| {
        let consumer = match &entry.observation {
            Observation::ConsumerFailed { consumer, error }
                if matches!(
                    *error,
                    "FencedInstanceIdException" | "UnreleasedInstanceIdException"
                ) =>
            {
                consumer
            }
            Observation::ClientTransition {
                consumer,
                to: ClientState::Fenced,
                ..
            } => consumer,
            _ => return false,
        };
        measured(timeline, entry.at) && timeline.cast.consumers[consumer.index()].group == group
    });
    values.put(
        "fenced_members",
        &labels,
        Value::count(fenced.count() as u64),
    );
}

const MICROS_PER_HOUR: i128 = 3_600_000_000;

impl GroupEpisodes {
    /// Partitions revoked within the window, inside episodes or not.
    fn revoked(&self, timeline: &Timeline) -> u64 {
        self.revocations
            .iter()
            .filter(|(at, _)| measured(timeline, *at))
            .map(|(_, count)| u64::from(*count))
            .sum()
    }
}
