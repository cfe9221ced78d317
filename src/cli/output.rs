//! The output of `run` and `compare`: text for stdout, files for the results folder. Which renderer makes what, and no more.

use std::path::Path;

use super::args::{ExportFormat, PlayFormat};
use super::exit::Failure;
use super::results::{Content, Files, MANIFEST, Written};
use super::streams::Streams;
use crate::experiment::idle::Idle;
use crate::metrics::RunMetrics;
use crate::report::baseline::{self, Against};
use crate::report::figures::Style;
use crate::report::model::Report;
use crate::report::{annotations, csv, json, junit, markdown, text};
use crate::scenario::Scenario;

/// What is kept of a replication.
pub(crate) struct Outcome {
    /// What was measured.
    pub(crate) metrics: RunMetrics,
    /// Its timeline, one observation a line; only if that is what goes to stdout.
    pub(crate) events: Option<String>,
    /// Events of its script that did nothing.
    pub(crate) idle: Vec<Idle>,
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
    /// With every metric.
    pub(crate) verbose: bool,
}

/// The files of the results folder.
pub(crate) fn files<'a>(scenario: &Scenario, report: &'a Report) -> Files<'a> {
    let mut resolved = serde_json::to_string_pretty(&scenario.resolved).unwrap_or_default();
    resolved.push('\n');
    let mut small = vec![
        ("scenario.json", resolved),
        ("summary.json", json::render(report)),
        ("summary.csv", csv::summary(report)),
        ("expectations.csv", csv::expectations(report)),
        ("rebalances.csv", csv::rebalances(report)),
        ("partitions.csv", csv::partitions(report)),
        ("members.csv", csv::members(report)),
    ];
    if report.has_pods() {
        small.push(("scaling.csv", csv::scaling(report)));
    }
    let small = small
        .into_iter()
        .map(|(name, text)| (name, Content::Text(text)));
    let large: [(&str, Content<'a>); 2] = [
        (
            "ownership.csv",
            Content::Rows(Box::new(|out| csv::ownership(report, out))),
        ),
        (
            "lag.csv",
            Content::Rows(Box::new(|out| csv::lag(report, out))),
        ),
    ];
    small
        .chain(large)
        .map(|(name, content)| (name.to_owned(), content))
        .collect()
}

/// What goes to stdout; `events` are the timelines of all replications.
pub(crate) fn render(
    report: &Report,
    against: Option<&Against>,
    events: &str,
    format: PlayFormat,
    look: Look,
) -> String {
    match format {
        PlayFormat::Text => people(report, against, look),
        PlayFormat::Json => json::render(report),
        PlayFormat::Ndjson => events.to_owned(),
        PlayFormat::Csv => csv::summary(report),
        PlayFormat::Md => page(report, against),
        PlayFormat::Github => {
            let worse = against.map_or_else(String::new, baseline::annotations);
            annotations::render(report) + &worse + &people(report, against, look)
        }
    }
}

/// What goes into a file by `--export`.
pub(crate) fn exported(report: &Report, against: Option<&Against>, format: ExportFormat) -> String {
    match format {
        ExportFormat::Junit => {
            junit::suites(report, &report.expectations, against) + &junit::skipped(report)
        }
        ExportFormat::Json => json::render(report),
        ExportFormat::Csv => csv::summary(report),
        ExportFormat::Md => page(report, against),
    }
}

/// The Markdown page of one scenario.
pub(crate) fn page(report: &Report, against: Option<&Against>) -> String {
    markdown::render(report) + &against.map_or_else(String::new, baseline::markdown)
}

/// What became of a results folder, on stderr.
pub(crate) fn tell(folder: &Path, written: &Written, streams: &Streams) -> Result<(), Failure> {
    let folder = folder.display();
    match written {
        Written::New => streams.note(&format!("results: {folder}")),
        Written::Unchanged => streams.note(&format!("results: {folder} (unchanged)")),
        Written::Told => {
            streams.note(&format!(
                "results: {folder} (unchanged; {MANIFEST} written anew)"
            ));
        }
        Written::Replaced(file) => {
            streams.note(&format!("results: {folder} (replaced; {file} differed)"));
        }
        Written::Refused(file) => {
            return Err(Failure::usage(
                format!("{folder} holds other results of the same inputs: {file} differs"),
                Some("another version wrote them, or something is not deterministic; --force replaces them".to_owned()),
            ));
        }
    }
    Ok(())
}

fn people(report: &Report, against: Option<&Against>, look: Look) -> String {
    let style = Style { ascii: look.ascii };
    let mut page = if look.side_by_side || report.seeds() > 1 {
        text::compare(report, style)
    } else {
        text::summary(report, style)
    };
    if look.verbose {
        page.push_str(&text::everything(report, style));
    }
    if let Some(against) = against {
        page.push_str(&format!("\n{}", baseline::text(against, style)));
    }
    if look.color { colored(&page) } else { page }
}

/// The marks of requirements in green and red.
fn colored(page: &str) -> String {
    const MARKS: [(&str, &str); 4] = [
        ("✓ ", "\u{1b}[32m✓\u{1b}[0m "),
        ("✗ ", "\u{1b}[31m✗\u{1b}[0m "),
        ("ok ", "\u{1b}[32mok\u{1b}[0m "),
        ("FAIL ", "\u{1b}[31mFAIL\u{1b}[0m "),
    ];
    let mut text = String::new();
    for line in page.split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let (indent, rest) = line.split_at(blanks);
        let marked = MARKS
            .iter()
            .find_map(|(plain, bright)| Some(bright.to_string() + rest.strip_prefix(plain)?));
        text.push_str(indent);
        text.push_str(marked.as_deref().unwrap_or(rest));
    }
    text
}
