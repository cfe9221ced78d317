//! Keys of a topic.

use super::{optional, record, required};
use crate::scenario::shape::{Record, Rule, Shape};

pub(super) static TOPIC: Record = record(
    "topic",
    &[
        required(
            "partitions",
            Shape::Integer(1, 200_000),
            "Number of partitions.",
        ),
        optional(
            "rate",
            Shape::Rate,
            "Load of the whole topic, evenly spaced records, spread by `skew`.",
        ),
        optional("rate_per_partition", Shape::Rate, "Load of each partition."),
        optional(
            "load",
            Shape::List(&Shape::Record(&LOAD)),
            "Terms of the topic's load, added up.",
        ),
        optional(
            "skew",
            SKEW,
            "How the load falls on the partitions; default even.",
        ),
        optional(
            "record_size",
            Shape::Size,
            "Size of a record; default 1KiB.",
        ),
        optional(
            "backlog",
            BACKLOG,
            "Records already waiting at 0: a total spread evenly, a list by partition, or { per_partition }.",
        ),
        optional(
            "replicas",
            Shape::Integer(1, 1_000),
            "Replicas of each partition: the leader and the brokers after it; default 1.",
        ),
        optional(
            "racks",
            Shape::List(&Shape::List(&Shape::Name)),
            "Racks of the replicas, partition by partition, the leader's first; partitions that are added take them in turn. Default as `replicas` and \
             the brokers' racks say.",
        ),
    ],
    Rule::AtMostOne(&["rate", "rate_per_partition", "load"]),
);

const BACKLOG: Shape = Shape::Either {
    scalar: Some(&Shape::Integer(0, 1_000_000_000_000)),
    list: Some(&Shape::List(&Shape::Integer(0, 1_000_000_000_000))),
    map: Some(&Shape::Record(&BACKLOG_MAP)),
};

static BACKLOG_MAP: Record = record(
    "backlog",
    &[required(
        "per_partition",
        Shape::Integer(0, 1_000_000_000_000),
        "Records waiting in each partition.",
    )],
    Rule::Any,
);

const SKEW: Shape = Shape::Either {
    scalar: Some(&Shape::Word(&["even"])),
    list: None,
    map: Some(&Shape::Record(&SKEW_MAP)),
};

static SKEW_MAP: Record = record(
    "skew",
    &[
        optional(
            "zipf",
            Shape::Record(&ZIPF),
            "Keys with Zipf popularity, hashed to partitions.",
        ),
        optional(
            "weights",
            Shape::List(&Shape::Number(0.0, 1e9)),
            "In proportion to these, one for each partition.",
        ),
        optional(
            "hot",
            Shape::Record(&HOT),
            "Some partitions get a share among themselves, the others the rest.",
        ),
    ],
    Rule::OneOf(&[&["zipf"], &["weights"], &["hot"]]),
);

static ZIPF: Record = record(
    "zipf",
    &[
        required("keys", Shape::Integer(1, 10_000_000), "Number of keys."),
        required("exponent", Shape::Number(0.0, 10.0), "Exponent."),
    ],
    Rule::Any,
);

static HOT: Record = record(
    "hot",
    &[
        required(
            "partitions",
            Shape::List(&Shape::Integer(0, 199_999)),
            "The hot partitions.",
        ),
        required("share", Shape::Share, "Their share of the load."),
    ],
    Rule::Any,
);

static LOAD: Record = record(
    "load term",
    &[
        optional("constant", Shape::Rate, "Evenly spaced."),
        optional("poisson", Shape::Rate, "Poisson."),
        optional("diurnal", Shape::Record(&DIURNAL), "A day's wave."),
        optional(
            "bursts",
            Shape::Record(&BURSTS),
            "A low and a high phase that last exponential times.",
        ),
        optional(
            "steps",
            Shape::List(&Shape::Record(&STEP)),
            "A rate from each instant on.",
        ),
        optional(
            "ramp",
            Shape::Record(&RAMP),
            "From one rate to another, linearly.",
        ),
        optional(
            "spike",
            Shape::Record(&SPIKE),
            "Everything else times a factor for a while.",
        ),
        optional(
            "trace",
            Shape::Text,
            "CSV or JSON file of instants and rates.",
        ),
    ],
    Rule::OneOf(&[
        &["constant"],
        &["poisson"],
        &["diurnal"],
        &["bursts"],
        &["steps"],
        &["ramp"],
        &["spike"],
        &["trace"],
    ]),
);

static DIURNAL: Record = record(
    "diurnal",
    &[
        required("mean", Shape::Rate, "Mean rate."),
        required("amplitude", Shape::Rate, "Amplitude, at most the mean."),
        optional(
            "peak",
            Shape::Duration,
            "When the rate is highest; default 12h.",
        ),
    ],
    Rule::Any,
);

static BURSTS: Record = record(
    "bursts",
    &[
        required("low", Shape::Rate, "Rate in the low phase."),
        required("high", Shape::Rate, "Rate in the high phase."),
        required("low_for", Shape::Duration, "Mean length of the low phase."),
        required(
            "high_for",
            Shape::Duration,
            "Mean length of the high phase.",
        ),
    ],
    Rule::Any,
);

static STEP: Record = record(
    "step",
    &[
        required("at", Shape::Duration, "From here on."),
        required("rate", Shape::Rate, "At this rate."),
    ],
    Rule::Any,
);

static RAMP: Record = record(
    "ramp",
    &[
        required("from", Shape::Rate, "Rate up to `start`."),
        required("to", Shape::Rate, "Rate from `end` on."),
        optional("start", Shape::Duration, "Begin of the change; default 0s."),
        required("end", Shape::Duration, "End of the change."),
    ],
    Rule::Any,
);

static SPIKE: Record = record(
    "spike",
    &[
        required("at", Shape::Duration, "Begin."),
        required("for", Shape::Duration, "Length."),
        required("factor", Shape::Factor, "Factor."),
    ],
    Rule::Any,
);
