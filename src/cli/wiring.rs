//! What the command line asks of the layers below, in one place: understand, simulate, judge, render.
//!
//! The layers have not landed; until then each of these says so. Nothing else in `cli` names them.

use super::args::{OverrideArgs, PlayFormat};
use super::exit::{Exit, Failure};
use super::results::Files;
use super::source::Input;
use crate::experiment::{Played, Replication};
use crate::kernel::{Seed, SimTime};
use crate::scenario::plan::Plan;

/// A scenario that can be played.
pub(crate) struct Loaded {
    /// Its name.
    pub(crate) name: String,
    /// Its seed.
    pub(crate) seed: Seed,
    /// One plan per variant.
    pub(crate) plans: Vec<Plan>,
    /// Digest of the resolved scenario.
    pub(crate) hash: String,
    /// What is worth knowing, rendered.
    pub(crate) notes: Vec<String>,
}

/// A scenario that cannot: its diagnostics, rendered, and 2 or 3.
pub(crate) struct Rejection {
    /// For stderr.
    pub(crate) text: String,
    /// How the program ends.
    pub(crate) exit: Exit,
}

/// Why a replication did not reach its end.
pub(crate) enum Halted {
    /// It took more control events than allowed.
    EventLimit {
        /// How far it came.
        at: SimTime,
        /// Control events.
        events: u64,
        /// Who caused most of them.
        busiest: Vec<(String, u64)>,
    },
    /// An invariant does not hold.
    Invariant {
        /// When.
        at: SimTime,
        /// Which.
        message: String,
    },
}

/// What is kept of a replication.
pub(crate) struct Outcome {
    /// Some stream was drawn from.
    pub(crate) drew: bool,
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

/// The text of the shipped example of that name.
pub(crate) fn example(_name: &str) -> Option<&'static str> {
    None
}

/// The names of the shipped examples.
pub(crate) fn example_names() -> Vec<&'static str> {
    Vec::new()
}

/// Understands a scenario.
pub(crate) fn load(
    _input: &Input,
    _overrides: &OverrideArgs,
    _color: bool,
) -> Result<Loaded, Rejection> {
    Err(Rejection {
        text: not_built_yet("run").to_string(),
        exit: Exit::Refused,
    })
}

/// Plays one replication.
pub(crate) fn simulate(
    _replication: Replication<'_>,
    _check: bool,
    _limit: u64,
) -> Result<Outcome, Halted> {
    Err(Halted::Invariant {
        at: SimTime::ZERO,
        message: not_built_yet("run").to_string(),
    })
}

/// Judges what was played by the scenario's expectations and the requirements of the command.
pub(crate) fn judge(
    _loaded: &Loaded,
    _played: &[Played<Outcome>],
    _requirements: &[String],
) -> Result<Judged, Failure> {
    Err(not_built_yet("run"))
}

/// The files of the results folder.
pub(crate) fn files(_loaded: &Loaded, _judged: &Judged) -> Files {
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
