//! Rebalance loops in words.

use super::figures::{clock, mebibytes};
use crate::metrics::{Chain, Decimal, RebalanceLoop, RunMetrics};

/// One sentence a loop, each on a line of its own.
#[must_use]
pub fn sentences(metrics: &RunMetrics) -> String {
    let sentence =
        |known: &RebalanceLoop| format!("rebalance loop: {}\n", describe(metrics, known));
    metrics.loops.iter().map(sentence).collect()
}

/// The loops of several variants, each with the variant's name and the `seed` that is shown, in words.
#[must_use]
pub fn of_variants(runs: &[(&str, &RunMetrics)], seed: &str) -> String {
    let mut text = String::new();
    for (name, metrics) in runs {
        for known in &metrics.loops {
            text.push_str(&format!(
                "\n{name}{seed}: rebalance loop: {}\n",
                describe(metrics, known)
            ));
        }
    }
    text
}

fn describe(metrics: &RunMetrics, known: &RebalanceLoop) -> String {
    let period = Decimal::seconds(known.period().as_micros()).fixed(1);
    let times = format!(
        "{} times from {} on, every {period} s, without an outside event",
        known.times,
        clock(known.from)
    );
    match &known.chain {
        Chain::Scaling {
            scaler,
            metric,
            target_milli,
            lower_target_milli,
            above_milli,
            below_milli,
        } => {
            let number = |milli: i64| Decimal::from_millionths(i128::from(milli) * 1_000);
            let (target, lower_target, above, below) = (
                number(*target_milli),
                number(*lower_target_milli),
                number(*above_milli),
                number(*below_milli),
            );
            format!(
                "rebalance → catch-up → {metric} {above} > {target} → `{}` adds pods → rebalance → {metric} {below} < {lower_target} → it removes them; {times}",
                metrics.cast.scalers[scaler.index()].name
            )
        }
        Chain::Memory { needed, limit } => format!(
            "rebalance → partitions for {} > {} → out of memory → rebalance; {times}",
            mebibytes(*needed),
            mebibytes(*limit)
        ),
        Chain::Removal { reason, returns } => {
            let reason = reason.word().replace('_', " ");
            let then = match returns {
                true => "the member comes back",
                false => "another member has its partitions",
            };
            format!("{reason} → rebalance → {then} → {reason}; {times}")
        }
    }
}
