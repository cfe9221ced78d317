//! Who was killed for want of memory, one after the other, in words.

use super::figures::{clock, mebibytes};
use crate::kernel::SimTime;
use crate::kernel::words::counted;
use crate::metrics::RunMetrics;
use crate::timeline::PlatformFact;

/// As many are told one by one.
const TOLD: usize = 5;

/// One line, in the order of events, of those within the measured time; nothing when nobody was.
#[must_use]
pub fn sentence(metrics: &RunMetrics) -> String {
    let facts = metrics
        .platform
        .iter()
        .filter(|(at, _)| metrics.is_measured(*at));
    let kills: Vec<(SimTime, String)> = facts
        .filter_map(|(at, fact)| match fact {
            PlatformFact::MemoryExceeded {
                consumer,
                limit,
                partitions,
                in_full,
                ..
            } => {
                let name = &metrics.cast.consumers[consumer.index()].name;
                let (full, limit) = (mebibytes(*in_full), mebibytes(*limit));
                let what = format!(
                    "{name} ({}: {full} > {limit})",
                    counted(partitions, "partition")
                );
                Some((*at, what))
            }
            _ => None,
        })
        .collect();
    if kills.is_empty() {
        return String::new();
    }
    let told: Vec<String> = kills
        .iter()
        .take(TOLD)
        .map(|(at, what)| format!("{what} at {}", clock(*at)))
        .collect();
    let more = match kills.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("out of memory in turn: {}{more}\n", told.join(", then "))
}

/// Those of several variants, each with the variant's name and the `seed` that is shown, in words.
#[must_use]
pub fn of_variants(runs: &[(&str, &RunMetrics)], seed: &str) -> String {
    let line = |(name, metrics): &(&str, &RunMetrics)| match sentence(metrics) {
        text if text.is_empty() => text,
        text => format!("\n{name}{seed}: {text}"),
    };
    runs.iter().map(line).collect()
}
