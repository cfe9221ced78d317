//! Names of the layers below that the command line calls; what is not there yet says so.

use super::exit::Failure;

/// The text of the shipped example of that name.
pub(crate) fn example(_name: &str) -> Option<&'static str> {
    None
}

/// The names of the shipped examples.
pub(crate) fn example_names() -> Vec<&'static str> {
    Vec::new()
}

/// The answer of a verb whose layer has not landed.
pub(crate) fn not_built_yet(verb: &str) -> Failure {
    Failure::usage(format!("`rebsim {verb}` is not built yet"), None)
}
