//! Distributions of durations: which is meant. Whether it makes sense is for its own constructor to say.

use crate::kernel::SimDuration;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::shape::{Item, Typed};
use crate::workload::Refusal;
use crate::workload::distribution::Distribution;

use super::Builder;

/// Quantile keys, ascending, and their shares.
const QUANTILES: [(&str, f64); 12] = [
    ("min", 0.0),
    ("p1", 0.01),
    ("p5", 0.05),
    ("p10", 0.1),
    ("p25", 0.25),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
    ("max", 1.0),
];

const NOTHING: Distribution = Distribution::Constant(SimDuration::ZERO);

impl Builder<'_, '_> {
    /// The distribution at `item`.
    pub(super) fn distribution(&mut self, item: &Item) -> Distribution {
        if let Some(span) = item.duration() {
            return Distribution::Constant(span);
        }
        let Some(pair) = item.pairs().iter().find(|pair| pair.key != "column") else {
            return NOTHING;
        };
        let made = match pair.key.as_str() {
            "trace" => self.trace_of_durations(&pair.item, item.get("column")),
            kind => made(kind, &pair.item),
        };
        match made {
            Some(Ok(distribution)) => distribution,
            Some(Err(refusal)) => {
                self.refuse(&pair.item, &refusal);
                NOTHING
            }
            None => NOTHING,
        }
    }

    /// The distribution at `item`, or nothing at all.
    pub(super) fn distribution_or_zero(&mut self, item: Option<&Item>) -> Distribution {
        item.map_or(NOTHING, |item| self.distribution(item))
    }

    /// The fixed duration at `item`, where no draw is possible.
    pub(super) fn fixed(&mut self, item: Option<&Item>, default: SimDuration) -> SimDuration {
        let Some(item) = item else { return default };
        if let Typed::Map(_) = item.value {
            let message = "only a fixed duration can stand here";
            self.error(Code::Workload, item, message);
        }
        item.duration().unwrap_or(default)
    }

    /// Reports what the workload refuses.
    pub(super) fn refuse(&mut self, item: &Item, refusal: &Refusal) {
        let finding = Diagnostic::error(Code::Workload, item.span, &*refusal.reason);
        self.report(finding.help(&*refusal.fix));
    }
}

/// The distribution of a kind; `None` when a part of it has been reported already.
fn made(kind: &str, of: &Item) -> Option<Result<Distribution, Refusal>> {
    let span = |key: &str| of.get(key).and_then(Item::duration);
    let number = |key: &str| of.get(key).and_then(Item::number);
    Some(match kind {
        "uniform" => {
            let ends: Option<Vec<SimDuration>> = of.items().iter().map(Item::duration).collect();
            match ends?[..] {
                [min, max] => Distribution::uniform(min, max),
                [] | [_] | [_, _, _, ..] => Err(Refusal {
                    reason: "`uniform` takes two durations".to_owned(),
                    fix: "write [least, largest]".to_owned(),
                }),
            }
        }
        "exponential" => Distribution::exponential(of.duration()?),
        "lognormal" if of.pair("median").is_some() => {
            Distribution::lognormal(span("median")?, span("p99")?)
        }
        "lognormal" => Distribution::lognormal_of_mean(span("mean")?, number("cv")?),
        "pareto" => Distribution::pareto(span("mean")?, number("alpha")?),
        "quantiles" => {
            of.get("max")?;
            let mut points = Vec::new();
            for (name, share) in QUANTILES {
                if let Some(at) = of.get(name) {
                    points.push((share, at.duration()?));
                }
            }
            Distribution::quantiles(points)
        }
        _ => return None,
    })
}
