//! Every rule of Kafka that is in the simulator is there because real Kafka obeys it: without it some recording is missed that is
//! matched with it.

use rebsim::cluster::{Halt, Options};
use rebsim::experiment::replay;
use rebsim::import::recording::Recording;
use rebsim::protocol::rules::{Rule, Rules};
use rebsim::report::fidelity::RunFidelity;

use super::recordings::{golden, prepare, read_folder};

/// What is lost without a rule.
pub(crate) struct Loss {
    pub(crate) rule: Rule,
    /// Recordings of which a run is matched with the rule and not without it.
    pub(crate) recordings: Vec<String>,
}

/// Structure, order and every time as recorded.
pub(crate) fn is_matched(run: &RunFidelity) -> bool {
    run.same_structure() && run.coordinator.is_none() && run.late().next().is_none()
}

/// Positions within the mark: at the 95th percentile half a second of load.
fn positions_hold(run: &RunFidelity) -> bool {
    let spread = run
        .positions_s
        .clone()
        .and_then(rebsim::report::fidelity::Spread::of);
    spread.is_none_or(|spread| spread.p95 <= rebsim::report::fidelity::POSITIONS_MARK_S)
}

/// A run under `rules`; `None` when it breaks an invariant or does not end.
fn play(recording: &Recording, run: usize, rules: Rules) -> Option<RunFidelity> {
    let options = Options {
        event_limit: 1_000_000,
        ..replay::options()
    };
    match prepare(recording)?.under(rules).play(run, &options) {
        Ok(played) => Some(played.fidelity),
        Err(Halt::EventLimit { .. } | Halt::Invariant { .. }) => None,
    }
}

/// Every rule with what is lost without it.
pub(crate) fn losses() -> Vec<Loss> {
    let recordings = read_folder(&golden());
    let mut matched = Vec::new();
    for recording in &recordings {
        for run in 0..recording.runs.len() {
            let with_it = play(recording, run, Rules::ALL);
            if let Some(with_it) = with_it.filter(is_matched) {
                matched.push((recording, run, positions_hold(&with_it)));
            }
        }
    }
    let lost = |rule: Rule| {
        let mut names: Vec<String> = Vec::new();
        for &(recording, run, held) in &matched {
            if names.last() == Some(&recording.name) {
                continue;
            }
            let without_it = play(recording, run, Rules::without(rule));
            let still =
                without_it.is_some_and(|run| is_matched(&run) && (!held || positions_hold(&run)));
            if !still {
                names.push(recording.name.clone());
            }
        }
        names
    };
    let losses = Rule::ALL.map(|rule| Loss {
        rule,
        recordings: lost(rule),
    });
    losses.into_iter().collect()
}
