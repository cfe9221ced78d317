//! Hand-made timelines: one sentence, one rule.

mod availability;
mod catch_up;
mod condition;
mod consumer_group;
mod document;
mod flow;
mod platform;
mod random;
mod rebalances;
mod stall;

use super::testing::Play;
use super::{Cause, RunMetrics, State, evaluate};

/// States of a partition as `(state or cause, from ms, to ms)`.
pub(super) fn states(metrics: &RunMetrics, number: u32) -> Vec<(&'static str, u64, u64)> {
    metrics
        .availability
        .spans
        .iter()
        .filter(|span| span.partition.partition == number)
        .map(|span| {
            let word = span
                .state
                .cause()
                .map_or(State::Serving.word(), Cause::word);
            (
                word,
                span.from.as_micros() / 1_000,
                span.to.as_micros() / 1_000,
            )
        })
        .collect()
}

pub(super) fn measure(play: &Play) -> RunMetrics {
    evaluate(&play.timeline)
}

/// The printed value of a name.
pub(super) fn value(metrics: &RunMetrics, name: &str) -> String {
    metrics
        .value(name)
        .unwrap_or_else(|| panic!("{name} has no value"))
        .to_string()
}
