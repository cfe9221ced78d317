//! What the command line asks of metrics and report, in one place: judge and render.
//!
//! They have not landed; until then each of these says so. Nothing else in `cli` names them.

use super::args::PlayFormat;
use super::exit::Failure;
use super::results::Files;
use crate::experiment::Played;
use crate::kernel::Seed;
use crate::scenario::Scenario;
use crate::timeline::Timeline;

/// What is kept of a replication.
pub(crate) struct Outcome {
    /// Some stream was drawn from.
    pub(crate) drew: bool,
}

impl Outcome {
    /// What is kept of a timeline; its series only if they are wanted.
    pub(crate) fn of(timeline: &Timeline, _series: bool) -> Self {
        Self {
            drew: timeline.drew,
        }
    }
}

/// How text for people is to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// With colour.
    pub(crate) color: bool,
    /// In plain characters.
    pub(crate) ascii: bool,
    /// Variants side by side.
    pub(crate) side_by_side: bool,
    /// With everything.
    pub(crate) verbose: bool,
}

/// A judged experiment.
pub(crate) struct Judged {
    /// The first replication that does not meet something: variant and seed.
    pub(crate) unmet: Option<(String, Seed)>,
}

/// Judges what was played by the scenario's expectations and the requirements of the command.
pub(crate) fn judge(
    _scenario: &Scenario,
    _played: &[Played<Outcome>],
    _requirements: &[String],
) -> Result<Judged, Failure> {
    Err(not_built_yet("run"))
}

/// The files of the results folder.
pub(crate) fn files(_scenario: &Scenario, _judged: &Judged) -> Files {
    Files::new()
}

/// What goes to stdout.
pub(crate) fn render(_judged: &Judged, _format: PlayFormat, _look: Look) -> String {
    String::new()
}

/// The answer of a verb whose layer has not landed.
pub(crate) fn not_built_yet(verb: &str) -> Failure {
    Failure::usage(format!("`rebsim {verb}` is not built yet"), None)
}
