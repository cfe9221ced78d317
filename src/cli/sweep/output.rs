//! What a whole sweep leaves: files for its folder, text for stdout, a verdict.

use serde_json::Value;

use crate::cli::args::{ExportFormat, Gate, SweepFormat, SweepOutput};
use crate::cli::baseline::{self, Baseline, Now};
use crate::cli::exit::Failure;
use crate::cli::export::{self, Export};
use crate::cli::results::{Content, Files};
use crate::cli::streams::Streams;
use crate::cli::surroundings;
use crate::metrics::Name;
use crate::metrics::condition::Condition;
use crate::report::baseline::Against;
use crate::report::figures::Style;
use crate::report::model::Expectation;
use crate::report::sweep::{Outline, Sweep, files, gate, pivot};
use crate::report::{self, annotations, junit};

/// The name of the table of all rows.
pub(super) const CELLS: &str = "cells.csv";

/// The files that shards and the whole have in common, and `own` ones.
pub(super) fn with_common<const N: usize>(
    resolved: &Value,
    outline: &Outline,
    own: [(String, String); N],
) -> Files<'static> {
    let files = [
        ("scenario.json", format!("{resolved:#}\n")),
        ("grid.json", files::grid(outline)),
    ];
    files
        .map(|(name, text)| (name.to_owned(), text))
        .into_iter()
        .chain(own)
        .map(|(name, text)| (name, Content::Text(text)))
        .collect()
}

/// The files of a whole sweep.
pub(super) fn whole(resolved: &Value, sweep: &Sweep) -> Files<'static> {
    let replications = sweep.replications.iter().enumerate();
    let rows = replications.map(|(index, rows)| (index, &rows[..]));
    let own = [
        (CELLS, files::cells(&sweep.outline, rows)),
        ("medians.csv", files::medians(sweep)),
    ];
    let own = own.map(|(name, text)| (name.to_owned(), text));
    with_common(resolved, &sweep.outline, own)
}

/// What is required of a sweep, and who else is told.
pub(super) struct Demands<'a> {
    requirements: Vec<Condition>,
    baseline: Option<Baseline>,
    exports: Vec<Export<'a>>,
}

impl<'a> Demands<'a> {
    /// Understands what `args` ask, before anything is played: `requirements` are what is said with `--fail-on`.
    pub(super) fn read(
        args: &'a Gate,
        requirements: Vec<Condition>,
        now: &Now<'_>,
        streams: &Streams,
    ) -> Result<Self, Failure> {
        Ok(Self {
            requirements,
            baseline: baseline::read(args, now, streams)?,
            exports: export::probe(&args.export, 1)?,
        })
    }
}

/// A sweep with its verdicts.
struct Judged<'a> {
    sweep: &'a Sweep,
    metrics: Vec<Name>,
    requirements: Vec<Expectation>,
    against: Option<Against>,
}

impl Judged<'_> {
    fn page(&self, style: Style) -> String {
        let page = pivot::text(self.sweep, &self.metrics, &self.requirements, style);
        match &self.against {
            Some(against) => format!("{page}\n{}", report::baseline::text(against, style)),
            None => page,
        }
    }

    fn markdown(&self) -> String {
        let against = self.against.as_ref();
        pivot::markdown(self.sweep, &self.metrics, &self.requirements)
            + &against.map_or_else(String::new, report::baseline::markdown)
    }

    fn annotations(&self) -> String {
        let against = self.against.as_ref();
        annotations::unmet(&self.requirements, self.sweep.outline.fidelity)
            + &against.map_or_else(String::new, report::baseline::annotations)
    }

    fn cells(&self) -> String {
        let replications = self.sweep.replications.iter().enumerate();
        let rows = replications.map(|(index, rows)| (index, &rows[..]));
        files::cells(&self.sweep.outline, rows)
    }

    fn exported(&self, format: ExportFormat) -> String {
        match format {
            ExportFormat::Junit => {
                junit::suites(self.sweep, &self.requirements, self.against.as_ref())
            }
            ExportFormat::Json => files::document(self.sweep),
            ExportFormat::Csv => self.cells(),
            ExportFormat::Md => self.markdown(),
        }
    }

    fn is_met(&self) -> bool {
        let mut worse = self.against.iter().flat_map(Against::worse);
        self.requirements.iter().all(|one| one.verdict.met) && worse.next().is_none()
    }
}

/// Prints a whole sweep, exports it, and says whether it is what is demanded.
pub(super) fn show(
    sweep: &Sweep,
    output: &SweepOutput,
    format: SweepFormat,
    demands: Demands<'_>,
    streams: &mut Streams,
) -> Result<(), Failure> {
    let requirements = gate::judge(sweep, &demands.requirements)
        .map_err(|message| Failure::usage(format!("--fail-on: {message}"), None))?;
    let stored = demands.baseline.as_ref();
    let judged = Judged {
        sweep,
        metrics: output.metrics.iter().map(|one| one.0.clone()).collect(),
        requirements,
        against: stored.map(|stored| stored.compare(sweep)).transpose()?,
    };
    let style = Style {
        ascii: streams.ascii,
    };
    let text = match format {
        SweepFormat::Text | SweepFormat::Ndjson => judged.page(style),
        SweepFormat::Md => judged.markdown(),
        SweepFormat::Json => files::document(sweep),
        SweepFormat::Csv => judged.cells(),
        SweepFormat::Github => judged.annotations() + &judged.page(style),
    };
    streams.result(&text)?;
    for mut export in demands.exports {
        export.add(|format| judged.exported(format));
        export.finish(streams)?;
    }
    surroundings::step_summary(&judged.markdown())?;
    match judged.is_met() {
        true => Ok(()),
        false => Err(Failure::Unmet),
    }
}
