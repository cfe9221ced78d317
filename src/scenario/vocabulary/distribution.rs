//! Distributions: what may stand wherever a duration varies.

use super::{optional, record, required};
use crate::scenario::shape::{Record, Rule, Shape};

/// A distribution of durations.
pub(in crate::scenario) static DISTRIBUTION: Shape = Shape::Either {
    scalar: Some(&Shape::Duration),
    list: None,
    map: Some(&Shape::Record(&DISTRIBUTION_MAP)),
};

static DISTRIBUTION_MAP: Record = record(
    "distribution",
    &[
        optional(
            "uniform",
            Shape::List(&Shape::Duration),
            "From the first to the second, both included.",
        ),
        optional(
            "exponential",
            Shape::Duration,
            "Memoryless, with this mean.",
        ),
        optional(
            "lognormal",
            Shape::Record(&LOGNORMAL),
            "Log-normal by median and p99, or mean and cv.",
        ),
        optional(
            "pareto",
            Shape::Record(&PARETO),
            "Pareto by mean and tail index.",
        ),
        optional(
            "quantiles",
            Shape::Record(&QUANTILES),
            "Straight lines through these quantiles.",
        ),
        optional(
            "trace",
            Shape::Text,
            "CSV file whose values are taken in turn.",
        ),
        optional(
            "column",
            Shape::Text,
            "Column of the trace: its name, in a unit that the name ends with (_us, _ms, _s) or ms, s, us alone.",
        ),
    ],
    Rule::OneOf(&[
        &["uniform"],
        &["exponential"],
        &["lognormal"],
        &["pareto"],
        &["quantiles"],
        &["trace", "column"],
    ]),
);

static LOGNORMAL: Record = record(
    "lognormal",
    &[
        optional("median", Shape::Duration, "Half of the values lie below."),
        optional("p99", Shape::Duration, "99 of 100 values lie below."),
        optional("mean", Shape::Duration, "Mean."),
        optional(
            "cv",
            Shape::Number(0.0, 100.0),
            "Standard deviation as a part of the mean.",
        ),
    ],
    Rule::OneOf(&[&["median", "p99"], &["mean", "cv"]]),
);

static PARETO: Record = record(
    "pareto",
    &[
        required("mean", Shape::Duration, "Mean."),
        required("alpha", Shape::Number(1.0, 100.0), "Tail index, above 1."),
    ],
    Rule::Any,
);

static QUANTILES: Record = record(
    "quantiles",
    &[
        optional("min", Shape::Duration, "Least value; default 0s."),
        optional("p1", Shape::Duration, "1 of 100 lies below."),
        optional("p5", Shape::Duration, "5 of 100 lie below."),
        optional("p10", Shape::Duration, "10 of 100 lie below."),
        optional("p25", Shape::Duration, "25 of 100 lie below."),
        optional("p50", Shape::Duration, "50 of 100 lie below."),
        optional("p75", Shape::Duration, "75 of 100 lie below."),
        optional("p90", Shape::Duration, "90 of 100 lie below."),
        optional("p95", Shape::Duration, "95 of 100 lie below."),
        optional("p99", Shape::Duration, "99 of 100 lie below."),
        optional("p999", Shape::Duration, "999 of 1000 lie below."),
        required("max", Shape::Duration, "Largest value."),
    ],
    Rule::Any,
);
