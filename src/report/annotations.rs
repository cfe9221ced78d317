//! Requirements that were missed, as workflow commands of GitHub Actions: each shows up beside the line that requires it.

use super::figures::Style;
use super::model::{Expectation, Origin, Report, mark};
use super::verdict;
use crate::scenario::render::escape;
use crate::timeline::Fidelity;

/// At most so many annotations of a level are shown for one step.
const SHOWN: usize = 10;

const STYLE: Style = Style { ascii: false };

/// One `::error` line for each of the first ten missed requirements.
#[must_use]
pub fn render(report: &Report) -> String {
    unmet(&report.expectations, report.fidelity)
}

/// The same of the requirements on results that were played so closely.
#[must_use]
pub fn unmet(expectations: &[Expectation], fidelity: Fidelity) -> String {
    let unmet = expectations.iter().filter(|one| !one.verdict.met);
    let annotation = |one| annotation(one, mark(fidelity));
    unmet.take(SHOWN).map(annotation).collect()
}

fn annotation(expectation: &Expectation, mark: &str) -> String {
    let condition = &expectation.condition;
    let (variant, name) = (&expectation.variant, condition.name.to_string());
    let place = match &expectation.origin {
        Origin::Scenario { file, line, .. } => {
            format!("file={},line={line},", escape(file, true))
        }
        Origin::CommandLine => String::new(),
    };
    let actual = verdict::actual(expectation, STYLE);
    let (required, missed) = (condition.requirement(), verdict::missed(expectation, STYLE));
    let message = format!("{variant}: {name} is {actual}, required {required} {missed}");
    let message = format!("{}{mark}", message.trim_end());
    format!(
        "::error {place}title={}::{}\n",
        escape(&format!("{variant}.{name} not met"), true),
        escape(&message, false),
    )
}
