//! From a text to a scenario, with files from the disc and findings for people.

use std::path::Path;

use super::args::{FidelityArg, OverrideArgs};
use super::exit::{Exit, Failure};
use super::source::{Input, Origin, read_file, refusal};
use super::streams::Streams;
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::files::MAX_TRACE_BYTES;
use crate::scenario::node::Span;
use crate::scenario::source::Sources;
use crate::scenario::{
    Grid, LoadError, Loader, Overrides, Rejected, Scenario, examples, fluid, load, load_grid,
    render,
};

/// Reads the scenario of `input` with the changes of the command line.
pub(crate) fn understand(input: &Input, args: &OverrideArgs) -> Result<Scenario, Rejected> {
    let text = match &input.text {
        Ok(text) => text,
        Err(error) => return Err(unread(&input.name, error)),
    };
    let overrides = overrides(args);
    match input.origin {
        Origin::Disc => load(&input.name, text, &mut Disc, &overrides),
        Origin::Example => load(&input.name, text, &mut Shipped, &overrides),
    }
}

/// Reads the scenario of `input` and the cells that a sweep makes of it; what is wrong is told.
pub(crate) fn grid(
    input: &Input,
    args: &OverrideArgs,
    vary: &[String],
    streams: &Streams,
) -> Result<Grid, Failure> {
    let overrides = overrides(args);
    let grid = match (&input.text, input.origin) {
        (Err(error), _) => Err(unread(&input.name, error)),
        (Ok(text), Origin::Disc) => load_grid(&input.name, text, &mut Disc, &overrides, vary),
        (Ok(text), Origin::Example) => load_grid(&input.name, text, &mut Shipped, &overrides, vary),
    };
    let (color, verbose) = (streams.color_err, streams.verbose);
    match grid {
        Ok(grid) => {
            if verbose && !grid.scenario.notes.is_empty() {
                let (notes, sources) = (&grid.scenario.notes, &grid.scenario.sources);
                streams.note(&self::text(notes, sources, true, color));
            }
            Ok(grid)
        }
        Err(rejected) => {
            let (findings, sources) = (&rejected.diagnostics, &rejected.sources);
            streams.error(&self::text(findings, sources, verbose, color));
            Err(Failure::Told(exit(&rejected)))
        }
    }
}

/// Refuses a scenario that the chosen level of detail cannot play; why, is told.
pub(crate) fn refuse_unless_fluid(
    scenario: &Scenario,
    fidelity: FidelityArg,
    streams: &Streams,
) -> Result<(), Failure> {
    refuse(&fluid::refused(scenario), scenario, fidelity, streams)
}

/// The same of the cells of a sweep, whose settings come from its parameters, too.
pub(crate) fn refuse_unless_all_fluid(
    grid: &Grid,
    fidelity: FidelityArg,
    streams: &Streams,
) -> Result<(), Failure> {
    refuse(&grid.not_fluid, &grid.scenario, fidelity, streams)
}

fn refuse(
    found: &[Diagnostic],
    scenario: &Scenario,
    fidelity: FidelityArg,
    streams: &Streams,
) -> Result<(), Failure> {
    if fidelity == FidelityArg::Exact || found.is_empty() {
        return Ok(());
    }
    streams.error(&text(found, &scenario.sources, false, streams.color_err));
    Err(Failure::Told(Exit::Refused))
}

fn overrides(args: &OverrideArgs) -> Overrides {
    Overrides {
        config: args.config.clone(),
        set: args.set.clone(),
        variants: args.variants.clone(),
        strict: args.strict,
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
