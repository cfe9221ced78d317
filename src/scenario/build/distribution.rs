//! Distributions of durations.

use crate::kernel::SimDuration;
use crate::scenario::code::Code;
use crate::scenario::shape::{Item, Typed};
use crate::workload::distribution::Distribution;

use super::Builder;

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

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

impl Builder<'_, '_> {
    /// The distribution at `item`.
    pub(super) fn distribution(&mut self, item: &Item) -> Distribution {
        let nothing = Distribution::Constant(SimDuration::ZERO);
        if let Some(span) = item.duration() {
            return Distribution::Constant(span);
        }
        let Some(pair) = item.pairs().iter().find(|pair| pair.key != "column") else {
            return nothing;
        };
        let of = &pair.item;
        match pair.key.as_str() {
            "uniform" => self.uniform(of),
            "exponential" => Distribution::Exponential {
                mean: self.positive(of),
            },
            "lognormal" => self.lognormal(of),
            "pareto" => self.pareto(of),
            "quantiles" => self.quantiles(of),
            "trace" => self.trace_of_durations(of, item.get("column")),
            _ => nothing,
        }
    }

    /// The distribution at `item`, or nothing at all.
    pub(super) fn distribution_or_zero(&mut self, item: Option<&Item>) -> Distribution {
        item.map_or(Distribution::Constant(SimDuration::ZERO), |item| {
            self.distribution(item)
        })
    }

    /// The fixed duration at `item`, where no draw is possible.
    pub(super) fn fixed(&mut self, item: Option<&Item>, default: SimDuration) -> SimDuration {
        let Some(item) = item else { return default };
        if let Typed::Map(_) = item.value {
            self.error(
                Code::BadDistribution,
                item,
                "only a fixed duration can stand here",
            );
        }
        item.duration().unwrap_or(default)
    }

    fn positive(&mut self, item: &Item) -> SimDuration {
        if item.duration().is_some_and(SimDuration::is_zero) {
            self.error(Code::BadDistribution, item, "must be longer than nothing");
        }
        item.duration().unwrap_or(SimDuration::from_micros(1))
    }

    fn uniform(&mut self, item: &Item) -> Distribution {
        if item.is_wrong() || item.items().iter().any(Item::is_wrong) {
            return Distribution::Constant(SimDuration::ZERO);
        }
        let ends: Vec<SimDuration> = item.items().iter().filter_map(Item::duration).collect();
        match ends[..] {
            [min, max] if min <= max => Distribution::Uniform { min, max },
            [_, _] => {
                self.error(
                    Code::BadDistribution,
                    item,
                    "`uniform` runs backwards: [least, largest]",
                );
                Distribution::Constant(SimDuration::ZERO)
            }
            _ => {
                self.error(
                    Code::BadDistribution,
                    item,
                    "`uniform` takes two durations: [least, largest]",
                );
                Distribution::Constant(SimDuration::ZERO)
            }
        }
    }

    fn lognormal(&mut self, item: &Item) -> Distribution {
        let zero = Distribution::Constant(SimDuration::ZERO);
        if let (Some(median), Some(p99)) = (item.get("median"), item.get("p99")) {
            let (low, high) = (self.positive(median), self.positive(p99));
            if high < low && !p99.is_wrong() {
                self.error(Code::BadDistribution, p99, "p99 lies below the median");
                return zero;
            }
            let sigma = libm::log(float(high) / float(low)) / Z99;
            return Distribution::LogNormal {
                median_micros: float(low),
                sigma,
            };
        }
        let (Some(mean), Some(cv)) = (item.get("mean"), item.get("cv")) else {
            return zero;
        };
        let spread = cv.number().unwrap_or(0.0);
        let square = spread * spread + 1.0;
        let median = float(self.positive(mean)) / libm::sqrt(square);
        Distribution::LogNormal {
            median_micros: median.max(1.0),
            sigma: libm::sqrt(libm::log(square)),
        }
    }

    fn pareto(&mut self, item: &Item) -> Distribution {
        let (Some(mean), Some(index)) = (item.get("mean"), item.get("alpha")) else {
            return Distribution::Constant(SimDuration::ZERO);
        };
        let alpha = index.number().unwrap_or(2.0);
        if alpha <= 1.0 {
            self.error(
                Code::BadDistribution,
                index,
                "`alpha` must be above 1, or there is no mean",
            );
        }
        Distribution::Pareto {
            mean: self.positive(mean),
            alpha,
        }
    }

    fn quantiles(&mut self, item: &Item) -> Distribution {
        let mut points = Vec::new();
        if item.get("min").is_none() {
            points.push((0.0, SimDuration::ZERO));
        }
        for (name, share) in QUANTILES {
            let Some(at) = item.get(name) else { continue };
            let Some(value) = at.duration() else { continue };
            if points.last().is_some_and(|(_, before)| value < *before) {
                let message = format!("`{name}` lies below the quantile before it");
                self.error(Code::BadDistribution, at, message);
            }
            points.push((share, value));
        }
        Distribution::Quantiles(points)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "spans of the language are below 2^53 us"
)]
fn float(span: SimDuration) -> f64 {
    span.as_micros() as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a median is not negative and at most the mean, which fits"
)]
fn whole(micros: f64) -> u64 {
    libm::round(micros) as u64
}
