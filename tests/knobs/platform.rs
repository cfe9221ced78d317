//! No knob of pods, nodes and autoscalers is ignored: each key is changed alone, and the change shows in what happens: in the timeline,
//! in the grid or in the totals of a run. The rows are held against the vocabulary in `scenario_keys.rs`.

#[path = "../common/pod_keys.rs"]
mod pod_keys;

use super::{outcome_of, scenario};

/// How many notes these settings call forth.
fn notes(base: &str, sets: &[String]) -> usize {
    scenario(base, sets).notes.len()
}

/// Keys that change what a controller thinks and nothing that it does: the language says so in a note.
const NOTED: [&str; 1] = ["deployment_spec.progressDeadlineSeconds"];

/// A share of the rows, so that the shares can run side by side.
fn each_changes_what_happens(share: usize) {
    let base = pod_keys::base();
    let rows = pod_keys::rows();
    assert!(rows.len() > 90, "{} rows", rows.len());
    let mut ignored = Vec::new();
    for row in rows.iter().skip(share).step_by(SHARES) {
        let differs = outcome_of(&base, &row.before) != outcome_of(&base, &row.after);
        if row.keys.iter().any(|key| NOTED.contains(&&**key)) {
            assert!(!differs, "{:?} is noted as doing nothing", row.keys);
            assert!(notes(&base, &row.after) > notes(&base, &row.before));
        } else if !differs {
            ignored.push(format!("{} | {:?}", row.keys.join(" "), row.after));
        }
    }
    assert!(
        ignored.is_empty(),
        "these change nothing:\n{}",
        ignored.join("\n")
    );
}

const SHARES: usize = 3;

#[test]
fn every_key_of_the_first_share_changes_what_happens() {
    each_changes_what_happens(0);
}

#[test]
fn every_key_of_the_second_share_changes_what_happens() {
    each_changes_what_happens(1);
}

#[test]
fn every_key_of_the_third_share_changes_what_happens() {
    each_changes_what_happens(2);
}
