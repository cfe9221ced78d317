//! The same as [`super::text`] as GitHub-flavoured Markdown: for pull requests and job summaries.

use super::figures::Style;
use super::model::{Report, mark};
use super::table::{Align, Table};
use super::{sentences, text, verdict};

const STYLE: Style = Style { ascii: false };

/// Variants side by side, requirements below; with one variant its key metrics.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut page = format!("## {}{}\n\n", report.scenario, mark(report.fidelity));
    let runs = report.variants.len() * report.seeds();
    if runs == 1 {
        for variant in &report.variants {
            for run in &variant.runs {
                page.push_str(&format!(
                    "Variant `{}`, seed {}.\n\n",
                    variant.name, run.seed
                ));
                page.push_str(&text::key_table(&run.metrics, STYLE).markdown());
            }
        }
    } else {
        if report.seeds() > 1 {
            page.push_str(&format!(
                "{} seeds: median (5 % to 95 %).\n\n",
                report.seeds()
            ));
        }
        page.push_str(&text::compare_table(report, STYLE).markdown());
        for sentence in sentences::closing(report, STYLE) {
            page.push_str(&format!("\n{sentence}\n"));
        }
    }
    if !report.expectations.is_empty() {
        page.push_str(&format!("\n{}\n\n", verdict::tally(&report.expectations)));
        page.push_str(&requirements(report).markdown());
    }
    page
}

fn requirements(report: &Report) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("variant", Align::Left),
        ("metric", Align::Left),
        ("actual", Align::Right),
        ("required", Align::Left),
        ("missed", Align::Left),
    ]);
    for expectation in &report.expectations {
        let mut cells = verdict::row(expectation, STYLE);
        cells.insert(1, expectation.variant.clone());
        cells.truncate(6);
        table.row(cells);
    }
    table
}
