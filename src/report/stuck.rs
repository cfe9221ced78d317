//! Pods that could not go and pods that could not come, in words.

use super::figures::clock;
use crate::kernel::SimTime;
use crate::metrics::RunMetrics;
use crate::timeline::{PlatformFact, PodId};

/// As many are named.
const NAMED: usize = 3;

/// One line for evictions that a disruption budget refused, one for pods that no node had room for.
#[must_use]
pub fn sentences(metrics: &RunMetrics) -> String {
    let refused = refused(metrics);
    format!("{refused}{}", pending(metrics))
}

/// Those of several variants, each with the variant's name and the `seed` that is shown, in words.
#[must_use]
pub fn of_variants(runs: &[(&str, &RunMetrics)], seed: &str) -> String {
    let lines = |(name, metrics): &(&str, &RunMetrics)| {
        let text = sentences(metrics);
        let lines = text.lines().map(|line| format!("\n{name}{seed}: {line}\n"));
        lines.collect::<String>()
    };
    runs.iter().map(lines).collect()
}

fn refused(metrics: &RunMetrics) -> String {
    let mut refusals: Vec<(SimTime, PodId)> = Vec::new();
    let mut staying: Vec<PodId> = Vec::new();
    for (at, fact) in &metrics.platform {
        match fact {
            PlatformFact::EvictionRefused { pod } if metrics.is_measured(*at) => {
                refusals.push((*at, *pod));
                if !staying.contains(pod) {
                    staying.push(*pod);
                }
            }
            PlatformFact::PodTerminating { pod, .. } | PlatformFact::PodGone { pod }
                if *at <= metrics.measured.1 =>
            {
                staying.retain(|known| known != pod);
            }
            _ => {}
        }
    }
    let (Some((first, _)), Some((last, _))) = (refusals.first(), refusals.last()) else {
        return String::new();
    };
    let when = match refusals.len() {
        1 => format!("once, at {}", clock(*first)),
        count if first == last => format!("{count} times, at {}", clock(*first)),
        count => format!("{count} times, from {} to {}", clock(*first), clock(*last)),
    };
    let fate = match staying.len() {
        0 => "every pod went in the end".to_owned(),
        _ => format!("never evicted: {}", named(metrics, &staying)),
    };
    format!("a disruption budget refused evictions {when}; {fate}\n")
}

fn pending(metrics: &RunMetrics) -> String {
    let pods = metrics.pending_pods();
    let Some((_, first)) = pods.first() else {
        return String::new();
    };
    let all: Vec<PodId> = pods.iter().map(|(pod, _)| *pod).collect();
    let names = named(metrics, &all);
    let at = clock(*first);
    match all.len() {
        1 => format!(
            "Pending: {names} found no node with room at {at} and is not ready at the end\n"
        ),
        _ => format!(
            "Pending: {names} found no node with room, the first at {at}, and are not ready at the end\n"
        ),
    }
}

/// `app-1, app-2, app-3 and 4 more`
fn named(metrics: &RunMetrics, pods: &[PodId]) -> String {
    let names = pods.iter().take(NAMED);
    let names: Vec<&str> = names
        .map(|pod| metrics.cast.pods[pod.index()].name.as_str())
        .collect();
    match pods.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
