//! Autoscalers that never saw what they were to act on, in words.

use crate::metrics::RunMetrics;
use crate::timeline::{PlatformFact, ScalerId};

/// The reasons of a reconcile that got none of its metrics begin so (`FailedGetResourceMetric`, …).
const FAILED: &str = "FailedGet";

/// One line for each autoscaler whose every look failed; nothing when there is none.
#[must_use]
pub fn sentences(metrics: &RunMetrics) -> String {
    let mut text = String::new();
    for (scaler, facts) in (0..).map(ScalerId).zip(&metrics.cast.scalers) {
        let decisions = metrics.platform.iter();
        let reasons: Vec<&str> = decisions
            .filter_map(|(_, fact)| match fact {
                PlatformFact::Decision {
                    scaler: who,
                    reason,
                    ..
                } if *who == scaler => Some(*reason),
                _ => None,
            })
            .collect();
        let failed = |reason: &&str| reason.starts_with(FAILED);
        let Some(last) = reasons.last().filter(|_| reasons.iter().all(failed)) else {
            continue;
        };
        let (name, looks) = (&facts.name, reasons.len());
        text.push_str(&format!(
            "autoscaler {name} never got its metric: {last} at every look ({looks})\n"
        ));
    }
    text
}

/// Those of several variants, each with the variant's name.
#[must_use]
pub fn of_variants(runs: &[(&str, &RunMetrics)], seed: &str) -> String {
    let lines = |(name, metrics): &(&str, &RunMetrics)| {
        let text = sentences(metrics);
        let lines = text.lines().map(|line| format!("\n{name}{seed}: {line}\n"));
        lines.collect::<String>()
    };
    runs.iter().map(lines).collect()
}
