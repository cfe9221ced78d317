//! Terms of a topic's load, and the files that traces are read from.

use crate::kernel::{SimDuration, SimTime};
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::shape::Item;
use crate::scenario::units;
use crate::workload::Refusal;
use crate::workload::arrivals::{LoadTerm, Rate};
use crate::workload::distribution::Distribution;

use super::Builder;

impl Builder<'_, '_> {
    /// One term; `None` when it has been reported.
    pub(super) fn term(&mut self, item: &Item) -> Option<LoadTerm> {
        let pair = item.pairs().first()?;
        let term = match pair.key.as_str() {
            "trace" => LoadTerm::Trace(self.trace_of_rates(&pair.item)?),
            kind => term(kind, &pair.item)?,
        };
        if let Err(refusal) = term.check() {
            self.refuse(&pair.item, &refusal);
            return None;
        }
        let begin = match &term {
            LoadTerm::Spike { .. } | LoadTerm::Ramp { .. } => {
                pair.item.get("at").or(pair.item.get("start"))
            }
            LoadTerm::Constant(_)
            | LoadTerm::Poisson(_)
            | LoadTerm::Diurnal { .. }
            | LoadTerm::Bursts { .. }
            | LoadTerm::Steps(_)
            | LoadTerm::Trace(_) => pair.item.items().last().and_then(|step| step.get("at")),
        };
        if let Some(begin) = begin {
            self.instant(begin, "a change of the load");
        }
        Some(term)
    }

    /// `at,rate` lines of a CSV file: a duration and a rate of the language in each.
    fn trace_of_rates(&mut self, item: &Item) -> Option<Vec<(SimTime, Rate)>> {
        let mut rows = Vec::new();
        for (line, fields) in self.rows(item, &["at", "rate"])? {
            let (at, rate) = (units::duration(&fields[0]), units::rate(&fields[1]));
            let (Ok(at), Ok(rate)) = (at, rate) else {
                let wanted = "a duration and a rate such as `30s,1200/s`";
                self.bad_trace(item, &format!("line {line} is not {wanted}"));
                return None;
            };
            rows.push((SimTime::ZERO + at, rate));
        }
        Some(rows)
    }

    /// The values of one column of a CSV file.
    pub(super) fn trace_of_durations(
        &mut self,
        item: &Item,
        column: Option<&Item>,
    ) -> Option<Result<Distribution, Refusal>> {
        let name = column?.text()?;
        let unit = name.rsplit('_').next().unwrap_or(name);
        if !matches!(unit, "us" | "ms" | "s") {
            let message = format!("column `{name}` does not say its unit");
            self.report(
                Diagnostic::error(Code::BadTrace, column?.span, message)
                    .help("let its name be or end with us, ms or s: ms, service_ms"),
            );
            return None;
        }
        let mut values = Vec::new();
        for (line, fields) in self.rows(item, &[name])? {
            let Ok(value) = units::duration(&format!("{}{unit}", fields[0])) else {
                let message = format!("line {line}: `{}` is no duration in {unit}", fields[0]);
                self.bad_trace(item, &message);
                return None;
            };
            values.push(value);
        }
        Some(Distribution::trace(values))
    }

    /// The wanted columns of a CSV file, with line numbers; at least one row, or a finding.
    fn rows(&mut self, item: &Item, columns: &[&str]) -> Option<Vec<(usize, Vec<String>)>> {
        let path = item.text().unwrap_or("");
        let text = match self.files.read(path, item.span) {
            Ok(text) => text,
            Err(finding) => {
                self.report(*finding);
                return None;
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
            return None;
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let Ok(record) = record else {
                self.bad_trace(
                    item,
                    &format!("line {} has other columns than the first", rows.len() + 2),
                );
                return None;
            };
            let line = record
                .position()
                .map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
            let field =
                |at: &Option<usize>| at.and_then(|at| record.get(at)).unwrap_or("").to_owned();
            rows.push((line, positions.iter().map(field).collect()));
        }
        Some(rows)
    }

    fn bad_trace(&mut self, item: &Item, what: &str) {
        let message = format!("trace `{}`: {what}", item.text().unwrap_or(""));
        self.error(Code::BadTrace, item, message);
    }
}

/// The term of a kind; `None` when a part of it has been reported already.
fn term(kind: &str, of: &Item) -> Option<LoadTerm> {
    let rate = |key: &str| of.get(key).and_then(Item::rate);
    let span = |key: &str| of.get(key).and_then(Item::duration);
    let at = |key: &str| Some(SimTime::ZERO + span(key)?);
    let or = |key: &str, default| match of.pair(key) {
        Some(_) => span(key),
        None => Some(default),
    };
    Some(match kind {
        "constant" => LoadTerm::Constant(of.rate()?),
        "poisson" => LoadTerm::Poisson(of.rate()?),
        "diurnal" => LoadTerm::Diurnal {
            mean: rate("mean")?,
            amplitude: rate("amplitude")?,
            peak: or("peak", SimDuration::from_secs(43_200))?,
        },
        "bursts" => LoadTerm::Bursts {
            low: rate("low")?,
            high: rate("high")?,
            low_for: span("low_for")?,
            high_for: span("high_for")?,
        },
        "steps" => {
            let step = |step: &Item| {
                let at = SimTime::ZERO + step.get("at")?.duration()?;
                Some((at, step.get("rate")?.rate()?))
            };
            LoadTerm::Steps(of.items().iter().map(step).collect::<Option<_>>()?)
        }
        "ramp" => LoadTerm::Ramp {
            from: rate("from")?,
            to: rate("to")?,
            start: SimTime::ZERO + or("start", SimDuration::ZERO)?,
            end: at("end")?,
        },
        "spike" => LoadTerm::Spike {
            at: at("at")?,
            length: span("for")?,
            factor_thousandths: of.get("factor")?.factor()?,
        },
        _ => return None,
    })
}
