//! `rebsim check`: diagnostics and a tally, no simulation.

use super::args::Check;
use super::exit::Failure;
use super::source;
use super::streams::Streams;
use super::wiring;

/// `rebsim check`
pub(crate) fn check(args: &Check, streams: &mut Streams) -> Result<(), Failure> {
    let inputs = source::gather(&args.paths, streams)?;
    if inputs.is_empty() {
        return Err(Failure::Nothing("no scenario to check".to_owned()));
    }
    Err(wiring::not_built_yet("check"))
}
