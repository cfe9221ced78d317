//! Keys of what surrounds processes: resources, random faults, failing records, state to restore.

use super::distribution::DISTRIBUTION;
use super::{optional, record, required};
use crate::scenario::shape::{Record, Rule, Shape};

pub(super) static RESOURCE: Record = record(
    "resource",
    &[
        required(
            "capacity",
            Shape::Rate,
            "Calls that it serves. Who calls it is looked at once a second, and batches under way stay as they are: a sudden crowd gets more for its first seconds.",
        ),
        required(
            "latency",
            Shape::Duration,
            "Of a call while there is capacity.",
        ),
        optional(
            "contention",
            Shape::Share,
            "What each caller beyond capacity x latency takes from the throughput of all; default 0%.",
        ),
    ],
    Rule::Any,
);

pub(super) static FAULT: Record = record(
    "fault",
    &[
        optional(
            "crash",
            Shape::Text,
            "Members that are killed, each at times of its own: group, group/2, group/name, group/random.",
        ),
        optional(
            "mtbf",
            Shape::Duration,
            "Mean time between failures: from a start to the next crash, memoryless.",
        ),
        optional(
            "repair",
            DISTRIBUTION,
            "From a crash to the start; without, nobody starts it again (a pod's container is restarted by its kubelet, with back-off).",
        ),
        optional(
            "freeze",
            Shape::Text,
            "Members that stand still, each at times of its own: garbage collection, swapping.",
        ),
        optional(
            "noisy",
            Shape::Text,
            "A node, or members each for itself, where others burn CPU now and then.",
        ),
        optional(
            "every",
            DISTRIBUTION,
            "From the begin of one to the begin of the next.",
        ),
        optional("for", DISTRIBUTION, "How long."),
        optional(
            "leaves",
            LEAVES,
            "What a noisy neighbour leaves of the CPU: 0.5, or a range of which each episode draws: [0.5, 1].",
        ),
    ],
    Rule::OneOf(&[
        &["crash", "mtbf"],
        &["crash", "mtbf", "repair"],
        &["freeze", "every", "for"],
        &["noisy", "every", "for", "leaves"],
    ]),
);

const LEAVES: Shape = Shape::Either {
    scalar: Some(&Shape::Factor),
    list: Some(&Shape::List(&Shape::Factor)),
    map: None,
};

pub(super) static FAILURES: Record = record(
    "failures",
    &[
        required("share", Shape::Share, "The part of all attempts that fail."),
        required(
            "retries",
            Shape::Integer(0, 1_000_000),
            "Attempts after the first; then the record is given up.",
        ),
        optional(
            "backoff",
            Shape::Duration,
            "From an attempt that failed to the next; default 0s.",
        ),
    ],
    Rule::Any,
);

pub(super) const RESTORE: Shape = Shape::Either {
    scalar: Some(&Shape::Duration),
    list: None,
    map: Some(&Shape::Record(&RESTORE_MAP)),
};

static RESTORE_MAP: Record = record(
    "restore",
    &[
        optional(
            "bytes_per_partition",
            Shape::Size,
            "State of each partition.",
        ),
        optional(
            "records",
            Shape::Integer(0, 1_000_000_000_000),
            "Records of state of each partition.",
        ),
        optional(
            "rate",
            Shape::Flow,
            "How fast a member reads state: 50MB/s, or 150000/s of records.",
        ),
    ],
    Rule::OneOf(&[&["bytes_per_partition", "rate"], &["records", "rate"]]),
);
