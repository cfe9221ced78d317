//! `rebsim assign`: cases in, assignments out, one line each.

use super::args::Assign;
use super::exit::Failure;
use super::streams::Streams;
use super::wiring;

/// `rebsim assign`
pub(crate) fn assign(_args: &Assign, _streams: &mut Streams) -> Result<(), Failure> {
    Err(wiring::not_built_yet("assign"))
}
