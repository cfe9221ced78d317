//! Keys of a node.

use super::{optional, record, required};
use crate::scenario::shape::{Record, Rule, Shape};

pub(super) static NODE: Record = record(
    "node",
    &[
        required(
            "cores",
            Shape::Quantity,
            "Cores that its pods share: 16 or 3500m.",
        ),
        optional(
            "rack",
            Shape::Name,
            "Rack: client.rack of the consumers that run here.",
        ),
    ],
    Rule::Any,
);
