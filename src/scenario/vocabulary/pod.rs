//! Keys of a workload's `pod`: what no manifest says.

use super::distribution::DISTRIBUTION;
use super::{optional, record, required};
use crate::scenario::shape::{Record, Rule, Shape};

pub(super) static POD: Record = record(
    "pod",
    &[
        optional(
            "startup",
            DISTRIBUTION,
            "From the pod's creation until its consumers subscribe: scheduling, image, container, runtime; default 10500ms.",
        ),
        optional(
            "ready_after",
            DISTRIBUTION,
            "From then until the pod is Ready; default 0s.",
        ),
        optional(
            "shutdown",
            Shape::Word(&["graceful", "graceful_without_leave", "kill"]),
            "On SIGTERM: close() as the group has it (default: leave), close() and remain in the group, or end at once.",
        ),
        optional(
            "pre_stop",
            Shape::Duration,
            "How long the preStop hook takes, before SIGTERM; default 0s.",
        ),
        optional(
            "cpu",
            Shape::Record(&CPU),
            "Processor; default one without limit.",
        ),
        optional(
            "memory",
            Shape::Record(&MEMORY),
            "Memory; default without limit.",
        ),
    ],
    Rule::Any,
);

static CPU: Record = record(
    "cpu",
    &[
        optional(
            "request",
            Shape::Quantity,
            "resources.requests.cpu, the base of an autoscaler's utilization: 500m; default what the manifest's containers ask for.",
        ),
        optional(
            "limit",
            Shape::Quantity,
            "resources.limits.cpu; default that of the manifest's first container, if any.",
        ),
        optional(
            "idle",
            Shape::Quantity,
            "Used when there is nothing to process; default 0.",
        ),
        optional(
            "boot",
            Shape::Record(&BOOT),
            "Used on top while the container starts.",
        ),
    ],
    Rule::Any,
);

static BOOT: Record = record(
    "boot",
    &[
        required("cores", Shape::Quantity, "How much."),
        required("for", Shape::Duration, "From the container's start."),
    ],
    Rule::Any,
);

static MEMORY: Record = record(
    "memory",
    &[
        optional(
            "limit",
            Shape::Size,
            "resources.limits.memory: above it the container is killed; default that of the manifest's first container.",
        ),
        optional(
            "base",
            Shape::Size,
            "Used without any partition; default 0B.",
        ),
        optional(
            "per_partition",
            Shape::Size,
            "For each partition that is held, as far as its state is restored; default 0B.",
        ),
        optional(
            "per_buffered_byte",
            Shape::Factor,
            "For each fetched byte that is not processed yet, in bytes; default 1.",
        ),
    ],
    Rule::Any,
);
