//! From a text to a scenario, with files from the disc and findings for people.

use std::path::Path;

use super::args::{FidelityArg, OverrideArgs};
use super::exit::{Exit, Failure};
use super::source::{Input, Origin, read_file, refusal};
use super::streams::Streams;
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::files::MAX_TRACE_BYTES;
use crate::scenario::source::Sources;
use crate::scenario::{
    Grid, LoadError, Loader, Overrides, Rejected, Scenario, examples, fluid, load, load_grid,
    render,
};

/// Reads the scenario of `input` with the changes of the command line.
pub(crate) fn understand(input: &Input, args: &OverrideArgs) -> Result<Scenario, Rejected> {
    loaded(input, args, load)
}

/// The same, with a look at every combination of its matrix, if it has one.
pub(crate) fn with_matrix(input: &Input, args: &OverrideArgs) -> Result<Scenario, Rejected> {
    let scenario = understand(input, args)?;
    if !scenario.has_matrix {
        return Ok(scenario);
    }
    let grid = loaded(input, args, |name, text, loader, overrides| {
        load_grid(name, text, loader, overrides, &[])
    });
    grid.map(|grid| grid.scenario)
}

/// The same; what is wrong is told.
pub(crate) fn understood(
    input: &Input,
    args: &OverrideArgs,
    streams: &Streams,
) -> Result<Scenario, Failure> {
    understand(input, args).map_err(|rejected| told(&rejected, streams))
}

/// Reads the scenario of `input` and the cells that a sweep makes of it; what is wrong is told.
pub(crate) fn grid(
    input: &Input,
    args: &OverrideArgs,
    vary: &[String],
    streams: &Streams,
) -> Result<Grid, Failure> {
    let grid = loaded(input, args, |name, text, loader, overrides| {
        load_grid(name, text, loader, overrides, vary)
    });
    let grid = grid.map_err(|rejected| told(&rejected, streams))?;
    let (notes, sources) = (&grid.scenario.notes, &grid.scenario.sources);
    if streams.verbose && !notes.is_empty() {
        streams.note(&text(notes, sources, true, streams.color_err));
    }
    Ok(grid)
}

/// What `load` makes of the text of `input`, with files from where it came from.
fn loaded<T>(
    input: &Input,
    args: &OverrideArgs,
    load: impl FnOnce(&str, &str, &mut dyn Loader, &Overrides) -> Result<T, Rejected>,
) -> Result<T, Rejected> {
    let text = input.text.as_ref();
    let text = text.map_err(|error| Rejected::unloaded(&input.name, error))?;
    let loader: &mut dyn Loader = match input.origin {
        Origin::Disc => &mut Disc,
        Origin::Example => &mut Shipped,
    };
    load(&input.name, text, loader, &overrides(args))
}

/// Says what is wrong with a scenario.
pub(crate) fn told(rejected: &Rejected, streams: &Streams) -> Failure {
    let (findings, sources) = (&rejected.diagnostics, &rejected.sources);
    streams.error(&text(findings, sources, streams.verbose, streams.color_err));
    Failure::Told(exit(rejected))
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
