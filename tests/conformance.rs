//! Recordings of real Kafka, played in the simulator: structure, order, times and positions within the marks.
//!
//! `REBSIM_GOLDEN_TRACES` names another folder of recordings. The summary is printed.

#[path = "conformance/document.rs"]
mod document;
#[path = "conformance/mutations.rs"]
mod mutations;
#[path = "conformance/recordings.rs"]
mod recordings;
#[path = "conformance/scoring.rs"]
mod scoring;
#[path = "conformance/verb.rs"]
mod verb;

use std::io::Write;

use rebsim::report::fidelity::{Summary, table, text};

use recordings::{golden, play_all, read, read_folder};

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
    let needless: Vec<_> = losses
        .iter()
        .filter(|loss| loss.recordings.is_empty())
        .map(|loss| loss.rule.words())
        .collect();
    assert!(needless.is_empty(), "no recording misses {needless:?}");
}
