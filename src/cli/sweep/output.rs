//! What a whole sweep leaves: files for its folder, text for stdout, a verdict.

use std::path::Path;

use serde_json::Value;

use crate::cli::args::{SweepFormat, SweepOutput};
use crate::cli::exit::Failure;
use crate::cli::results::{Files, Written};
use crate::cli::streams::Streams;
use crate::cli::surroundings;
use crate::metrics::Name;
use crate::metrics::condition::Condition;
use crate::report::figures::Style;
use crate::report::sweep::{Outline, Sweep, files, gate, pivot};

/// The files that shards and the whole have in common.
pub(super) fn common(
    resolved: &Value,
    outline: &Outline,
) -> impl Iterator<Item = (String, String)> {
    let files = [
        ("scenario.json", format!("{resolved:#}\n")),
        ("grid.json", files::grid(outline)),
    ];
    files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
}

/// The files of a whole sweep.
pub(super) fn whole(resolved: &Value, sweep: &Sweep) -> Files {
    let replications = sweep.replications.iter().enumerate();
    let rows = replications.map(|(index, rows)| (index, &rows[..]));
    let own = [
        ("cells.csv", files::cells(&sweep.outline, rows)),
        ("medians.csv", files::medians(sweep)),
    ];
    let own = own.into_iter().map(|(name, text)| (name.to_owned(), text));
    common(resolved, &sweep.outline).chain(own).collect()
}

/// Prints a whole sweep and says whether it meets its requirements.
pub(super) fn show(
    sweep: &Sweep,
    output: &SweepOutput,
    requirements: &[Condition],
    streams: &mut Streams,
) -> Result<(), Failure> {
    let judged = gate::judge(sweep, requirements)
        .map_err(|message| Failure::usage(format!("--fail-on: {message}"), None))?;
    let names: Vec<Name> = output
        .metrics
        .iter()
        .map(|metric| metric.0.clone())
        .collect();
    let style = Style {
        ascii: streams.ascii,
    };
    let text = match output.format {
        SweepFormat::Text | SweepFormat::Ndjson => pivot::text(sweep, &names, &judged, style),
        SweepFormat::Md => pivot::markdown(sweep, &names, &judged),
        SweepFormat::Json => files::document(sweep),
        SweepFormat::Csv => {
            let replications = sweep.replications.iter().enumerate();
            files::cells(
                &sweep.outline,
                replications.map(|(index, rows)| (index, &rows[..])),
            )
        }
    };
    streams.result(&text)?;
    surroundings::step_summary(&pivot::markdown(sweep, &names, &judged))?;
    match judged.iter().all(|one| one.verdict.met) {
        true => Ok(()),
        false => Err(Failure::Unmet),
    }
}

/// What became of the folder, on stderr.
pub(super) fn tell(folder: &Path, written: &Written, streams: &Streams) -> Result<(), Failure> {
    crate::cli::output::tell(folder, written, streams)
}
