//! Terms of a topic's load, and the files that traces are read from.

use crate::kernel::{SimDuration, SimTime};
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::shape::Item;
use crate::scenario::units;
use crate::workload::arrivals::{LoadTerm, Rate};
use crate::workload::distribution::Distribution;

use super::Builder;

const NOTHING: Rate = Rate {
    records: 0,
    per_micros: 1,
};

impl Builder<'_, '_> {
    /// One term; `None` when the entry holds none.
    pub(super) fn term(&mut self, item: &Item) -> Option<LoadTerm> {
        let pair = item.pairs().first()?;
        let of = &pair.item;
        let rate = |key: &str| of.get(key).and_then(Item::rate).unwrap_or(NOTHING);
        let span = |key: &str| duration_or(of.get(key), SimDuration::ZERO);
        Some(match pair.key.as_str() {
            "constant" => LoadTerm::Constant(of.rate().unwrap_or(NOTHING)),
            "poisson" => LoadTerm::Poisson(of.rate().unwrap_or(NOTHING)),
            "diurnal" => {
                let (mean, amplitude) = (rate("mean"), rate("amplitude"));
                if let Some(at) = of.get("amplitude").filter(|_| above(amplitude, mean)) {
                    self.error(
                        Code::BadDistribution,
                        at,
                        "`amplitude` is above `mean`: rates would be negative",
                    );
                }
                let noon = SimDuration::from_secs(43_200);
                LoadTerm::Diurnal {
                    mean,
                    amplitude,
                    peak: duration_or(of.get("peak"), noon),
                }
            }
            "bursts" => {
                for key in ["low_for", "high_for"] {
                    let zero = |at: &&Item| at.duration().is_some_and(SimDuration::is_zero);
                    if let Some(at) = of.get(key).filter(zero) {
                        self.error(Code::BadDistribution, at, "must be longer than nothing");
                    }
                }
                LoadTerm::Bursts {
                    low: rate("low"),
                    high: rate("high"),
                    low_for: span("low_for"),
                    high_for: span("high_for"),
                }
            }
            "steps" => LoadTerm::Steps(self.steps(of)),
            "ramp" => {
                if let Some(at) = of
                    .get("end")
                    .filter(|at| at.duration().is_some_and(|end| end <= span("start")))
                {
                    self.error(Code::BadDistribution, at, "`end` is not after `start`");
                }
                LoadTerm::Ramp {
                    from: rate("from"),
                    to: rate("to"),
                    start: SimTime::ZERO + span("start"),
                    end: SimTime::ZERO + span("end"),
                }
            }
            "spike" => LoadTerm::Spike {
                at: of
                    .get("at")
                    .map_or(SimTime::ZERO, |at| self.instant(at, "the spike")),
                length: span("for"),
                factor_thousandths: of.get("factor").and_then(Item::factor).unwrap_or(1_000),
            },
            "trace" => LoadTerm::Trace(self.trace_of_rates(of)),
            _ => return None,
        })
    }

    fn steps(&mut self, item: &Item) -> Vec<(SimTime, Rate)> {
        let mut steps: Vec<(SimTime, Rate)> = Vec::new();
        for step in item.items() {
            let at = step.get("at").filter(|at| !at.is_wrong());
            let (Some(at), Some(rate)) = (at, step.get("rate").and_then(Item::rate)) else {
                continue;
            };
            let instant = self.instant(at, "the step");
            if steps.last().is_some_and(|(before, _)| *before >= instant) {
                self.error(
                    Code::BadDistribution,
                    at,
                    "steps must follow each other in time",
                );
            }
            steps.push((instant, rate));
        }
        steps
    }

    /// `at,rate` lines of a CSV file: a duration and a rate of the language in each.
    fn trace_of_rates(&mut self, item: &Item) -> Vec<(SimTime, Rate)> {
        let mut steps: Vec<(SimTime, Rate)> = Vec::new();
        for (line, fields) in self.rows(item, &["at", "rate"]) {
            let at = units::duration(&fields[0]).ok();
            let rate = units::rate(&fields[1]).ok();
            let (Some(at), Some(rate)) = (at, rate) else {
                let wanted = "a duration and a rate such as `30s,1200/s`";
                self.bad_trace(item, &format!("line {line} is not {wanted}"));
                return steps;
            };
            let at = SimTime::ZERO + at;
            if steps.last().is_some_and(|(before, _)| *before >= at) {
                self.bad_trace(
                    item,
                    &format!("line {line} does not come after the line before"),
                );
                return steps;
            }
            steps.push((at, rate));
        }
        steps
    }

    /// The values of one column of a CSV file.
    pub(super) fn trace_of_durations(
        &mut self,
        item: &Item,
        column: Option<&Item>,
    ) -> Distribution {
        let Some(name) = column.and_then(Item::text) else {
            return Distribution::Constant(SimDuration::ZERO);
        };
        let unit = name.rsplit('_').next().unwrap_or(name);
        if !matches!(unit, "us" | "ms" | "s") {
            let at = column.unwrap_or(item);
            self.report(
                Diagnostic::error(
                    Code::BadTrace,
                    at.span,
                    format!("column `{name}` does not say its unit"),
                )
                .help("let its name be or end with us, ms or s: ms, service_ms"),
            );
            return Distribution::Constant(SimDuration::ZERO);
        }
        let mut values = Vec::new();
        for (line, fields) in self.rows(item, &[name]) {
            match units::duration(&format!("{}{unit}", fields[0])) {
                Ok(value) => values.push(value),
                Err(_) => {
                    self.bad_trace(
                        item,
                        &format!("line {line}: `{}` is no duration in {unit}", fields[0]),
                    );
                    break;
                }
            }
        }
        Distribution::Trace(values)
    }

    /// The wanted columns of a CSV file, with line numbers; at least one row, or a finding.
    fn rows(&mut self, item: &Item, columns: &[&str]) -> Vec<(usize, Vec<String>)> {
        let path = item.text().unwrap_or("");
        let text = match self.files.read(path, item.span) {
            Ok(text) => text,
            Err(finding) => {
                self.report(*finding);
                return Vec::new();
            }
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        let heads = reader.headers().cloned().unwrap_or_default();
        let find = |name: &&str| heads.iter().position(|head| head == *name);
        let positions: Vec<Option<usize>> = columns.iter().map(find).collect();
        if let Some(missing) = positions.iter().position(Option::is_none) {
            self.bad_trace(
                item,
                &format!("no column `{}` in its first line", columns[missing]),
            );
            return Vec::new();
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let Ok(record) = record else {
                self.bad_trace(
                    item,
                    &format!("line {} has other columns than the first", rows.len() + 2),
                );
                return Vec::new();
            };
            let line = record
                .position()
                .map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
            let field =
                |at: &Option<usize>| at.and_then(|at| record.get(at)).unwrap_or("").to_owned();
            rows.push((line, positions.iter().map(field).collect()));
        }
        if rows.is_empty() {
            self.bad_trace(item, "no values");
        }
        rows
    }

    fn bad_trace(&mut self, item: &Item, what: &str) {
        let message = format!("trace `{}`: {what}", item.text().unwrap_or(""));
        self.error(Code::BadTrace, item, message);
    }
}

fn above(a: Rate, b: Rate) -> bool {
    let cross = |a: Rate, b: Rate| u128::from(a.records) * u128::from(b.per_micros);
    cross(a, b) > cross(b, a)
}
