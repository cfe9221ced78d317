//! From a text to a scenario, with files from the disc and findings for people.

use std::path::Path;

use super::args::OverrideArgs;
use super::exit::Exit;
use super::source::{Input, Origin, read_file, refusal};
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::files::MAX_TRACE_BYTES;
use crate::scenario::node::Span;
use crate::scenario::source::Sources;
use crate::scenario::{LoadError, Loader, Overrides, Rejected, Scenario, examples, load, render};

/// Reads the scenario of `input` with the changes of the command line.
pub(crate) fn understand(input: &Input, args: &OverrideArgs) -> Result<Scenario, Rejected> {
    let text = match &input.text {
        Ok(text) => text,
        Err(error) => return Err(unread(&input.name, error)),
    };
    let overrides = Overrides {
        config: args.config.clone(),
        set: args.set.clone(),
        variants: args.variants.clone(),
        strict: args.strict,
    };
    match input.origin {
        Origin::Disc => load(&input.name, text, &mut Disc, &overrides),
        Origin::Example => load(&input.name, text, &mut Shipped, &overrides),
    }
}

/// A text that could not even be read.
fn unread(name: &str, error: &LoadError) -> Rejected {
    let mut sources = Sources::default();
    let source = sources.add(name, "");
    let span = Span {
        source,
        start: 0,
        end: 0,
    };
    Rejected {
        diagnostics: vec![error.at(name, span)],
        sources,
    }
}

/// How the program ends when it is refused.
pub(crate) fn exit(rejected: &Rejected) -> Exit {
    if rejected.is_unreadable() {
        Exit::File
    } else {
        Exit::Refused
    }
}

/// Findings for people; notes only when they are wanted.
pub(crate) fn text(findings: &[Diagnostic], sources: &Sources, notes: bool, color: bool) -> String {
    render::text(&shown(findings, notes), sources, color)
}

/// Errors, and notes when they are wanted.
pub(crate) fn shown(findings: &[Diagnostic], notes: bool) -> Vec<Diagnostic> {
    findings
        .iter()
        .filter(|finding| notes || finding.severity == Severity::Error)
        .cloned()
        .collect()
}

/// Files of the machine.
struct Disc;

impl Loader for Disc {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        read_file(Path::new(path), MAX_TRACE_BYTES).map_err(|error| refusal(&error))
    }
}

/// The shipped examples name each other only.
struct Shipped;

impl Loader for Shipped {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        path.strip_suffix(".yaml")
            .and_then(examples::find)
            .map(|example| example.text.to_owned())
            .ok_or(LoadError::NotFound)
    }
}
