//! JUnit's XML, as CI systems read it: one suite a scenario and variant, one case a requirement; a regression is a case too.

use super::baseline::{Against, Cell, Change, Content, Outcome, Results};
use super::figures::Style;
use super::model::{Expectation, Report, Skipped, mark};
use super::verdict;

/// The suites of `results`: one for each of its cells, with what was required of them and how they stand against stored ones.
#[must_use]
pub fn suites(
    results: &dyn Results,
    expectations: &[Expectation],
    against: Option<&Against>,
) -> String {
    let content = results.content();
    let changes = || against.into_iter().flat_map(|against| &against.changes);
    let suite = |cell: &Cell| {
        let required = expectations.iter().filter(|one| one.variant == cell.name);
        let compared = changes().filter(|one| one.cell == cell.name);
        let cases: Vec<Case> = required
            .map(expectation)
            .chain(compared.map(change))
            .collect();
        suite(&content, &cell.name, cases)
    };
    content.cells.iter().map(suite).collect()
}

fn suite(content: &Content, cell: &str, cases: Vec<Case>) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let (scenario, mark) = (&content.scenario, mark(content.fidelity));
    let mut text = format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\">\n",
        escaped(&format!("{scenario} / {cell}{mark}")),
        cases.len(),
    );
    let class = escaped(&format!("{scenario}.{cell}"));
    for case in cases {
        let name = escaped(&case.name);
        let head = format!("    <testcase classname=\"{class}\" name=\"{name}\"");
        text.push_str(&match case.failure.as_deref().map(escaped) {
            None => format!("{head}/>\n"),
            Some(why) => format!(
                "{head}>\n      <failure message=\"{why}\">{why}</failure>\n    </testcase>\n"
            ),
        });
    }
    text + "  </testsuite>\n"
}

/// The suites of variants that were not played and of which something is required: every case is skipped.
#[must_use]
pub fn skipped(report: &Report) -> String {
    let mut missing: Vec<&str> = report.skipped.iter().map(|one| &*one.missing).collect();
    missing.sort_unstable();
    missing.dedup();
    let suite = |variant: &str| {
        let (scenario, mark) = (&report.scenario, mark(report.fidelity));
        let own = report.skipped_by_pointer().into_iter();
        let own: Vec<&Skipped> = own.filter(|one| one.missing == variant).collect();
        let class = escaped(&format!("{scenario}.{variant}"));
        let cases = own.iter().map(|one| {
            let condition = &one.condition;
            let name = escaped(&format!("{} {}", condition.name, condition.requirement()));
            format!(
                "    <testcase classname=\"{class}\" name=\"{name}\">\n      <skipped message=\"variant {} is not played\"/>\n    </testcase>\n",
                escaped(variant)
            )
        });
        let cases: String = cases.collect();
        let (name, count) = (escaped(&format!("{scenario} / {variant}{mark}")), own.len());
        format!(
            "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"0\" errors=\"0\" skipped=\"{count}\">\n{cases}  </testsuite>\n"
        )
    };
    missing.into_iter().map(suite).collect()
}

/// A whole document of these suites.
#[must_use]
pub fn document(suites: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rebsim\">\n{}</testsuites>\n",
        suites.concat()
    )
}

struct Case {
    name: String,
    failure: Option<String>,
}

const STYLE: Style = Style { ascii: false };

fn expectation(one: &Expectation) -> Case {
    let condition = &one.condition;
    Case {
        name: format!("{} {}", condition.name, condition.requirement()),
        failure: (!one.verdict.met).then(|| {
            let cells = verdict::row(one, STYLE);
            let words = cells.iter().filter(|cell| !cell.is_empty());
            words.cloned().collect::<Vec<_>>().join("  ")
        }),
    }
}

fn change(one: &Change) -> Case {
    Case {
        name: format!("{} against the baseline", one.name),
        failure: (one.outcome == Outcome::Worse).then(|| super::baseline::sentence(one, STYLE)),
    }
}

/// Text in XML 1.0: markup escaped, characters that it cannot hold replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(letter),
            _ if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                safe.push('\u{fffd}');
            }
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_xml_cannot_hold_are_escaped() {
        let text = escaped("a < \"b\" & c\u{0}>");
        assert_eq!(text, "a &lt; &quot;b&quot; &amp; c\u{fffd}&gt;");
    }
}
