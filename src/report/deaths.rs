//! Who died of an error, in words.

use super::figures::clock;
use super::model::Variant;
use crate::metrics::{Failure, RunMetrics};

/// The deaths up to the end of the measured time, those before it began among them: who is dead then is missing.
pub(super) fn known(metrics: &RunMetrics) -> Vec<&Failure> {
    let failures = metrics.failures.iter();
    failures
        .filter(|failure| failure.at <= metrics.measured.1)
        .collect()
}

/// How many members have died and were not started again by the end of the measured time.
pub(super) fn missing(metrics: &RunMetrics) -> usize {
    let failures = known(metrics).into_iter();
    failures
        .filter(|failure| stays_dead(metrics, failure))
        .count()
}

fn stays_dead(metrics: &RunMetrics, failure: &Failure) -> bool {
    failure.again.is_none_or(|at| at > metrics.measured.1)
}

/// One line for all of them; nothing when nobody died.
#[must_use]
pub fn sentence(metrics: &RunMetrics) -> String {
    let failures = known(metrics);
    let Some(first) = failures.first() else {
        return String::new();
    };
    let mut members: Vec<_> = failures.iter().map(|failure| failure.consumer).collect();
    members.sort_unstable();
    members.dedup();
    let name = &metrics.cast.consumers[first.consumer.index()].name;
    let (error, at) = (first.error, clock(first.at));
    let (deaths, gone) = (failures.len(), missing(metrics));
    let fate = match (members.len(), gone) {
        (1, 0) => " and was started again".to_owned(),
        (1, _) => " and was not started again".to_owned(),
        (_, 0) => "; all were started again".to_owned(),
        (all, gone) if all == gone => "; none of them was started again".to_owned(),
        (_, 1) => "; 1 of them was not started again".to_owned(),
        (_, gone) => format!("; {gone} of them were not started again"),
    };
    match (members.len(), deaths) {
        (1, 1) => format!("{name} died of {error} at {at}{fate}\n"),
        (1, deaths) => format!("{name} died {deaths} times, first of {error} at {at},{fate}\n"),
        (count, deaths) => {
            let times = match deaths == count {
                true => String::new(),
                false => format!(" {deaths} times in all"),
            };
            format!("{count} members died{times}: {name} first, of {error} at {at}{fate}\n")
        }
    }
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

/// What has to be said beside praise of a variant: that members of it are missing; nothing when none is.
pub(super) fn but(variant: &Variant) -> Option<String> {
    let missing = variant.runs.iter().map(|run| missing(&run.metrics));
    let most = missing.clone().max().filter(|most| *most > 0)?;
    let seeds = match variant.runs.len() {
        1 => String::new(),
        all => {
            let with = missing.filter(|count| *count > 0).count();
            format!(" under {with} of {all} seeds")
        }
    };
    let who = match (most, variant.runs.len()) {
        (1, _) => "a member".to_owned(),
        (most, 1) => format!("{most} members"),
        (most, _) => format!("up to {most} members"),
    };
    Some(format!(
        "But in {} {who} died of an error and stayed away{seeds}.",
        variant.name
    ))
}
