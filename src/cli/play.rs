//! `rebsim run` and `rebsim compare`: play, judge, write down, print.

use super::args::Play;
use super::exit::Failure;
use super::streams::Streams;
use super::wiring;

/// `rebsim run`
pub(crate) fn run(_args: &Play, _streams: &mut Streams) -> Result<(), Failure> {
    Err(wiring::not_built_yet("run"))
}

/// `rebsim compare`
pub(crate) fn compare(_args: &Play, _streams: &mut Streams) -> Result<(), Failure> {
    Err(wiring::not_built_yet("compare"))
}
