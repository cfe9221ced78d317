//! A run in which clients run ahead by themselves is the run in which every step of theirs is an event.

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::timeline::{Entry, Observation, Timeline};

use crate::groups::{Case, case};

/// How many random groups are played, unless `ORACLE_CASES` says otherwise.
pub(crate) const CASES: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

pub(crate) fn options(case: &Case) -> Options {
    Options {
        check_invariants: true,
        event_limit: 20_000_000,
        calibration: case.calibration.clone(),
        ..Options::default()
    }
}

pub(crate) fn play(case: &Case, options: &Options) -> Timeline {
    simulate(&case.plan, Seed(case.number), options)
        .unwrap_or_else(|halt| panic!("{halt:?} in group {}:\n{}", case.number, case.text))
}

/// The first thing in which two timelines differ, in words; entries for which `leave_out` holds are not looked at.
pub(crate) fn difference(
    left: &Timeline,
    right: &Timeline,
    leave_out: fn(&Observation) -> bool,
) -> Option<String> {
    let kept = |timeline: &Timeline| -> Vec<_> {
        let all = timeline.entries.iter();
        all.filter(|entry| !leave_out(&entry.observation))
            .cloned()
            .collect()
    };
    let (a, b) = (kept(left), kept(right));
    let samples = (left.samples.iter())
        .zip(right.samples.iter())
        .find(|(a, b)| a != b);
    if let Some(pair) = samples {
        return Some(format!("sample: {pair:#?}"));
    }
    if let Some(place) = a.iter().zip(&b).position(|(a, b)| a != b) {
        let near = place.saturating_sub(12)..place + 6;
        let lines = |entries: &[Entry]| {
            let near = near.start..near.end.min(entries.len());
            let lines = entries[near].iter().map(|entry| format!("  {entry:?}\n"));
            lines.collect::<String>()
        };
        return Some(format!(
            "entry {place}:\n{}against\n{}",
            lines(&a),
            lines(&b)
        ));
    }
    if a.len() != b.len() || left.samples.len() != right.samples.len() {
        return Some("one has more entries or samples".to_owned());
    }
    let totals = left
        .partitions
        .iter()
        .zip(&right.partitions)
        .find(|(a, b)| a != b);
    if let Some(((place, a), (_, b))) = totals {
        let show = |totals: &rebsim::timeline::PartitionTotals| {
            format!(
                "produced {} processed {} duplicated {} lost {} skipped {} lag {} overlap {} latencies {}/{} waiting {}/{} catch-ups {:?}",
                totals.produced,
                totals.processed,
                totals.duplicated,
                totals.lost,
                totals.skipped,
                totals.lag_record_us,
                totals.overlap_us,
                totals.latency.count(),
                totals.latency.sum(),
                totals.waiting.count(),
                totals.waiting.sum(),
                totals.catch_ups
            )
        };
        return Some(format!("{place:?}: {}\nagainst {}", show(a), show(b)));
    }
    if left.consumers != right.consumers {
        return Some(format!(
            "{:?}\nagainst {:?}",
            left.consumers, right.consumers
        ));
    }
    let rest = |timeline: &Timeline| {
        (
            timeline.cast.clone(),
            timeline.measured,
            timeline.horizon,
            timeline.drew,
            timeline.partitions.len(),
        )
    };
    (rest(left) != rest(right)).then(|| "cast, window or horizon".to_owned())
}

/// Runs `check` on every case; all failures are shown by number, the first ones in whole.
pub(crate) fn for_all(check: impl Fn(&Case) -> Option<String>) {
    for_all_of(case, check);
}

/// The same on the cases of another generator.
pub(crate) fn for_all_of(case: fn(u64) -> Case, check: impl Fn(&Case) -> Option<String>) {
    let all = 0..number("ORACLE_CASES").unwrap_or(CASES);
    let (mut failed, mut shown) = (Vec::new(), String::new());
    for number in number("ORACLE_CASE").map_or(all, |number| number..number + 1) {
        let case = case(number);
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&case)));
        if let Some(why) = checked.unwrap_or_else(|_| Some("panicked".to_owned())) {
            if failed.len() < 3 {
                shown.push_str(&format!("---- group {number}\n{}\n{why}\n", case.text));
            }
            failed.push(number);
        }
    }
    assert!(
        failed.is_empty(),
        "{shown}{} groups differ: {failed:?}",
        failed.len()
    );
}

#[test]
fn running_ahead_changes_nothing() {
    for_all(|case| {
        let lazy = play(case, &options(case));
        let steps = play(
            case,
            &Options {
                step_by_step: true,
                ..options(case)
            },
        );
        assert!(steps.control_events >= lazy.control_events);
        difference(&lazy, &steps, |_| false)
    });
}

#[test]
fn being_watched_changes_nothing() {
    for_all(|case| {
        let lazy = play(case, &options(case));
        let watched = play(
            case,
            &Options {
                observe_polls: true,
                ..options(case)
            },
        );
        difference(&lazy, &watched, |observation| {
            matches!(
                observation,
                Observation::Polled { .. }
                    | Observation::BatchStarted { .. }
                    | Observation::PrefetchDropped { .. }
                    | Observation::OffsetsCommitted { .. }
            )
        })
    });
}
