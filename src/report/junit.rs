//! JUnit's XML, as CI systems read it: one suite a scenario and variant, one case a requirement; a regression is a case too.

use super::baseline::{Against, Change, Outcome};
use super::figures::Style;
use super::model::{Expectation, Report, mark};
use super::verdict;

/// The suites of one report.
#[must_use]
pub fn suites(report: &Report, against: Option<&Against>) -> String {
    let changes = || against.into_iter().flat_map(|against| &against.changes);
    let suite = |variant: &str| {
        let required = report.expectations.iter();
        let required = required.filter(|one| one.variant == variant);
        let compared = changes().filter(|one| one.variant == variant);
        let cases: Vec<Case> = required
            .map(expectation)
            .chain(compared.map(change))
            .collect();
        let failures = cases.iter().filter(|case| case.failure.is_some()).count();
        let mut text = format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\">\n",
            escaped(&format!(
                "{} / {variant}{}",
                report.scenario,
                mark(report.fidelity)
            )),
            cases.len(),
        );
        let class = escaped(&format!("{}.{variant}", report.scenario));
        for case in cases {
            let name = escaped(&case.name);
            match case.failure {
                None => {
                    text.push_str(&format!(
                        "    <testcase classname=\"{class}\" name=\"{name}\"/>\n"
                    ));
                }
                Some(why) => text.push_str(&format!(
                    "    <testcase classname=\"{class}\" name=\"{name}\">\n      <failure message=\"{why}\">{why}</failure>\n    </testcase>\n",
                    why = escaped(&why),
                )),
            }
        }
        text + "  </testsuite>\n"
    };
    let variants = report.variants.iter();
    variants.map(|variant| suite(&variant.name)).collect()
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
