//! `rebsim check`: diagnostics and a tally, no simulation.

use serde_json::{Value, json};

use super::args::{Check, CheckFormat};
use super::exit::{Exit, Failure};
use super::source::{self, Input};
use super::streams::Streams;
use super::understand;
use crate::kernel::words::counted;
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::source::Sources;
use crate::scenario::{Rejected, Scenario, canonical_hash, render};

/// `rebsim check`
pub(crate) fn check(args: &Check, streams: &mut Streams) -> Result<(), Failure> {
    let inputs = source::gather(&args.paths, streams)?;
    if inputs.is_empty() {
        return Err(Failure::Nothing("no scenario to check".to_owned()));
    }
    let checked: Vec<Checked> = inputs
        .iter()
        .map(|input| Checked {
            input,
            outcome: understand::with_matrix(input, &args.overrides),
        })
        .collect();
    if args.resolved {
        return resolved(&checked, streams);
    }
    let text = match format(args) {
        CheckFormat::Text => text(&checked, streams),
        CheckFormat::Json => document(&checked),
        CheckFormat::Github => annotations(&checked, streams.verbose),
    };
    streams.result(&text)?;
    worst(&checked).map_or(Ok(()), |exit| Err(Failure::Told(exit)))
}

/// As asked, else as the surroundings want it.
fn format(args: &Check) -> CheckFormat {
    args.format.unwrap_or_else(|| {
        if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
            CheckFormat::Github
        } else {
            CheckFormat::Text
        }
    })
}

/// A text and what it turned out to be.
struct Checked<'a> {
    input: &'a Input,
    outcome: Result<Scenario, Rejected>,
}

impl Checked<'_> {
    fn findings(&self) -> (&[Diagnostic], &Sources) {
        match &self.outcome {
            Ok(scenario) => (&scenario.notes, &scenario.sources),
            Err(rejected) => (&rejected.diagnostics, &rejected.sources),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        let (findings, _) = self.findings();
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

/// How the program ends, if not well: 3 only when nothing but reading failed.
fn worst(checked: &[Checked<'_>]) -> Option<Exit> {
    let exits = checked
        .iter()
        .filter_map(|checked| checked.outcome.as_ref().err())
        .map(understand::exit);
    exits.reduce(|one, other| if one == Exit::Refused { one } else { other })
}

fn text(checked: &[Checked<'_>], streams: &Streams) -> String {
    let mut text = String::new();
    for one in checked {
        let (findings, sources) = one.findings();
        if understand::shown(findings, streams.verbose).is_empty() {
            let notes = match one.count(Severity::Note) {
                0 => String::new(),
                notes => format!(", {} (-v shows them)", counted(notes, "note")),
            };
            text.push_str(&format!("{}: ok{notes}\n", one.input.name));
        } else {
            let (notes, color) = (streams.verbose, streams.color_out);
            text.push_str(&understand::text(findings, sources, notes, color));
        }
    }
    if checked.len() > 1 {
        text.push_str(&tally(checked));
    }
    text
}

/// `::error …` lines and the tally.
fn annotations(checked: &[Checked<'_>], notes: bool) -> String {
    let mut text = String::new();
    for one in checked {
        let (findings, sources) = one.findings();
        text.push_str(&render::github(
            &understand::shown(findings, notes),
            sources,
        ));
    }
    text.push_str(&tally(checked));
    text
}

fn tally(checked: &[Checked<'_>]) -> String {
    let sum = |severity| -> usize { checked.iter().map(|one| one.count(severity)).sum() };
    format!(
        "{}, {} in {}\n",
        counted(sum(Severity::Error), "error"),
        counted(sum(Severity::Note), "note"),
        counted(checked.len(), "file"),
    )
}

/// One document, schema `rebsim/check/1`.
fn document(checked: &[Checked<'_>]) -> String {
    let files: Vec<Value> = checked
        .iter()
        .map(|one| {
            let (findings, sources) = one.findings();
            let scenario = one.outcome.as_ref().ok();
            json!({
                "file": one.input.name,
                "ok": scenario.is_some(),
                "name": scenario.map(|scenario| &scenario.name),
                "scenario_sha256": scenario.map(|scenario| canonical_hash(&scenario.resolved)),
                "diagnostics": render::json(findings, sources),
            })
        })
        .collect();
    let document = json!({ "schema": "rebsim/check/1", "files": files });
    format!("{document:#}\n")
}

/// The one scenario with parents and overrides laid over each other; what a variant changes stays beside it.
fn resolved(checked: &[Checked<'_>], streams: &mut Streams) -> Result<(), Failure> {
    let [one] = checked else {
        return Err(Failure::usage(
            "--resolved prints one scenario",
            Some("name one file".to_owned()),
        ));
    };
    match &one.outcome {
        Ok(scenario) => streams.result(&format!("{:#}\n", scenario.resolved)),
        Err(rejected) => {
            let findings = &rejected.diagnostics;
            let (notes, color) = (streams.verbose, streams.color_err);
            streams.error(&understand::text(findings, &rejected.sources, notes, color));
            Err(Failure::Told(understand::exit(rejected)))
        }
    }
}
