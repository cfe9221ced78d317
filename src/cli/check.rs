//! `rebsim check`: diagnostics and a tally, no simulation.

use super::args::Check;
use super::exit::Failure;
use super::streams::Streams;
use super::wiring;

/// `rebsim check`
pub(crate) fn check(_args: &Check, _streams: &mut Streams) -> Result<(), Failure> {
    Err(wiring::not_built_yet("check"))
}
