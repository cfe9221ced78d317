//! The table: every row has a ratio and a target, and says whether it is met.

use std::fmt::Write;

/// How a row came out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// There is no target: the row is there to compare.
    Compared,
    /// The rival is not on this machine.
    Skipped,
}

/// One row.
pub struct Row {
    pub section: &'static str,
    pub what: String,
    pub ours: String,
    /// Whom it is compared with, and what that one needs.
    pub rival: String,
    /// Ours to the rival, as "3.1 x": above one is in our favour.
    pub ratio: String,
    pub target: String,
    pub verdict: Verdict,
}

impl Row {
    /// `ours` and the rival in the same unit, less is better; `target` an upper bound for ours.
    pub fn new(section: &'static str, what: impl Into<String>, ours: f64, unit: &str) -> Self {
        Self {
            section,
            what: what.into(),
            ours: figure(ours, unit),
            rival: "-".to_owned(),
            ratio: "-".to_owned(),
            target: "-".to_owned(),
            verdict: Verdict::Compared,
        }
    }

    pub fn against(mut self, who: &str, ours: f64, theirs: Option<f64>, unit: &str) -> Self {
        match theirs {
            Some(theirs) => {
                self.rival = format!("{who}: {}", figure(theirs, unit));
                self.ratio = format!("{} x", digits(theirs / ours));
            }
            None => {
                self.rival = format!("{who}: not on this machine");
                self.verdict = Verdict::Skipped;
            }
        }
        self
    }

    pub fn at_most(mut self, ours: f64, target: f64, unit: &str) -> Self {
        self.target = format!("at most {}", figure(target, unit));
        self.judged(ours <= target, target / ours)
    }

    pub fn at_least(mut self, ours: f64, target: f64, unit: &str) -> Self {
        self.target = format!("at least {}", figure(target, unit));
        self.judged(ours >= target, ours / target)
    }

    fn judged(mut self, is_met: bool, ratio: f64) -> Self {
        if self.verdict != Verdict::Skipped {
            self.verdict = if is_met {
                Verdict::Met
            } else {
                Verdict::Missed
            };
        }
        if self.ratio == "-" {
            self.ratio = format!("{} x target", digits(ratio));
        }
        self
    }
}

/// Three digits that mean something.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

fn figure(value: f64, unit: &str) -> String {
    format!("{} {unit}", digits(value))
}

/// The table as Markdown.
pub fn render(rows: &[Row]) -> String {
    let mut text = String::from(
        "| | what | rebsim | against | ratio | target | |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let verdict = match row.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::Compared => "",
            Verdict::Skipped => "skipped",
        };
        let line = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {verdict} |",
            row.section, row.what, row.ours, row.rival, row.ratio, row.target
        );
        line.expect("a string takes all that is written to it");
    }
    text
}
