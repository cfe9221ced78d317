//! Recordings of real Kafka, played in the simulator: structure, order, times and positions within the marks.
//!
//! `REBSIM_GOLDEN_TRACES` names another folder of recordings. The summary is printed.

#[path = "conformance/document.rs"]
mod document;
#[path = "conformance/mutations.rs"]
mod mutations;
#[path = "conformance/recordings.rs"]
mod recordings;
#[path = "conformance/repeats.rs"]
mod repeats;
#[path = "conformance/same_ids.rs"]
mod same_ids;
#[path = "conformance/scoring.rs"]
mod scoring;
#[path = "conformance/verb.rs"]
mod verb;

use std::io::Write;

use rebsim::report::fidelity::{Spread, Summary, TimedEvent, table, text};

use recordings::{folder, golden, judged, play_all, play_consumer, read, read_folder};

/// Every recording of the folder that can be played, judged as `rebsim replay` judges.
#[test]
fn the_recordings_are_matched() {
    let folder = std::env::var_os("REBSIM_GOLDEN_TRACES").map_or_else(golden, Into::into);
    let recordings = read_folder(&folder);
    let (runs, not_modelled) = play_all(&recordings);
    let summary = Summary::of(&runs, not_modelled);
    let mut out = std::io::stdout();
    writeln!(out, "{}\n{}", table(&runs).text(0), summary.line()).expect("stdout is open");
    let different: Vec<_> = runs
        .into_iter()
        .filter(|run| !run.same_structure() || run.late().next().is_some())
        .collect();
    assert!(summary.is_within_marks(), "{}", text(&different));
}

/// The consumer protocol: times within the marks; structure and order not yet, so they are held where they are. A real client of it decides by races of
/// less than a millisecond, twice or more in every run, whether an assignment is taken up 100 ms sooner or later (`docs/fidelity.md`).
#[test]
fn the_recordings_of_the_consumer_protocol_are_matched_in_time() {
    for (release, structure, order) in [("4.4.0", 113, 57), ("4.1.1", 47, 23)] {
        let runs = judged(play_consumer(release).1);
        let summary = Summary::of(&runs, 0);
        writeln!(std::io::stdout(), "{release}: {}", summary.line()).expect("stdout is open");
        let tally = summary.consumer;
        assert!(tally.late * 10 <= tally.events, "{}", summary.line());
        assert!(
            tally.structure >= structure && tally.coordinator >= order,
            "{}",
            summary.line()
        );
        let times = summary.consumer_ms.expect("there are events");
        assert!(times.p50 < 30.0, "{}", summary.line());
        assert!(summary.first_batches_missing <= 1, "{}", summary.line());
    }
}

/// Recorded later, on a busier machine, for what no other recording shows: structure and order, and times where nobody works off a batch meanwhile.
#[test]
fn what_was_recorded_since_has_the_same_structure() {
    let (runs, not_modelled) = play_all(&read_folder(&folder("traces-own")));
    assert_eq!((runs.len(), not_modelled), (59, 0));
    for run in &runs {
        let report = text(std::slice::from_ref(run));
        let same = run.same_structure() && run.coordinator.is_none();
        // Whose assignor outlasts its session, or the followers' requests, never gives anybody anything.
        let assigns = !run.trace.starts_with("slow-assignor");
        assert!(same && assigns != run.times.is_empty(), "{report}");
        let is_in_time = [
            "close-within-a-join",
            "coordinator-moves-range",
            "coordinator-moves-static",
        ];
        if is_in_time.iter().any(|trace| run.trace.starts_with(trace)) {
            assert!(run.late().next().is_none(), "{report}");
        }
        // The heartbeat thread is there as soon as the freeze is over: a step of its own later it would be 100 ms.
        if run.trace.starts_with("frozen-in-a-poll") {
            let losses = run.times.iter().filter(|event| event.what == "lost");
            let is_near = |event: &TimedEvent| event.error_ms().abs() < 50.0;
            assert_eq!(losses.clone().count(), 2, "{report}");
            assert!(losses.clone().all(is_near), "{report}");
        }
        // Its automatic commit is refused before it is known to be out of the group, which would take one without an epoch.
        if run.trace == "frozen-in-an-empty-group" {
            let offsets = &run.first_batches.errors_s;
            assert!(offsets.iter().all(|error| error.abs() < 0.5), "{report}");
        }
        // Too slow for their load, these members have one partition after the other: in another order positions are off by 6 s and more.
        if run.trace.starts_with("fetch-order") {
            let positions = run.positions_s.clone().and_then(Spread::of);
            let positions = positions.expect("deliveries were recorded");
            assert!(positions.p95 < 1.0 && positions.max < 1.5, "{report}");
        }
    }
}

/// A recording of which every run must match, with every event within tolerance.
fn matches_wholly(name: &str) {
    let recordings = [read(&golden().join(format!("{name}.json")))];
    let (runs, _) = play_all(&recordings);
    assert_eq!(runs.len(), 3, "{name} has three runs");
    for run in &runs {
        let report = text(std::slice::from_ref(run));
        assert!(
            run.same_structure() && run.coordinator.is_none(),
            "{report}"
        );
        assert!(
            run.times.len() > 4 && run.late().next().is_none(),
            "{report}"
        );
        assert_eq!(
            run.first_batches.missing + run.first_batches.late,
            0,
            "{report}"
        );
    }
}

#[test]
fn range_join_leave() {
    matches_wholly("range-join-leave");
}

#[test]
fn coop_join_leave() {
    matches_wholly("coop-join-leave");
}

#[test]
fn range_crash() {
    matches_wholly("range-crash");
}

/// Without any one rule some recording is missed, and `docs/fidelity.md` says which; what else it says is so, too.
#[test]
fn every_rule_is_needed_and_the_document_is_true() {
    let (runs, _) = play_all(&read_folder(&golden()));
    let losses = mutations::losses();
    document::check(&runs, &losses);
    document::check_consumer(["4.4.0", "4.1.1"].map(|release| {
        let (recordings, played) = play_consumer(release);
        (release, repeats::met(&recordings, &played), judged(played))
    }));
    let needless: Vec<_> = losses
        .iter()
        .filter(|loss| loss.recordings.is_empty())
        .map(|loss| loss.rule.words())
        .collect();
    assert!(needless.is_empty(), "no recording misses {needless:?}");
}
