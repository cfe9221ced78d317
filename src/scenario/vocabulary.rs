//! The vocabulary of the language, as tables: every key, what it holds, what it means, and whether a model stands behind it.
//! Events are in [`super::verbs`], Kafka's own keys in [`super::kafka`].

pub(super) mod autoscaler;
pub(super) mod distribution;
mod group;
mod node;
mod pod;
mod scaled_object;
mod surroundings;
mod topic;
mod workload;

use autoscaler::{AUTOSCALER, KUBERNETES};
use distribution::DISTRIBUTION;
use group::GROUP;
use node::NODE;
use surroundings::{FAULT, RESOURCE};
use topic::TOPIC;
use workload::{BUDGET, DEPLOYMENT, STATEFULSET};

use super::shape::Presence::{NotModelled, Optional, Required};
use super::shape::{Field, Presence, Record, Rule, Shape, Side};
use super::verbs::EVENT;

pub(super) const fn field(
    name: &'static str,
    presence: Presence,
    shape: Shape,
    doc: &'static str,
) -> Field {
    Field {
        name,
        shape,
        doc,
        presence,
    }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    field(name, Optional, shape, doc)
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    field(name, Required, shape, doc)
}

const fn later(name: &'static str, doc: &'static str) -> Field {
    field(name, NotModelled, Shape::Text, doc)
}

const fn record(what: &'static str, fields: &'static [Field], rule: Rule) -> Record {
    Record { what, fields, rule }
}
/// The whole document.
pub static SCENARIO: Record = record(
    "scenario",
    &[
        required("version", Shape::Integer(1, 1), "Version of the language."),
        required(
            "name",
            Shape::Name,
            "Name of the scenario; results are filed under it.",
        ),
        optional(
            "about",
            Shape::Text,
            "The question that the scenario answers.",
        ),
        optional(
            "extends",
            Shape::Text,
            "Path of one parent file, relative to this file: maps merge, lists replace, null removes.",
        ),
        optional(
            "seed",
            Shape::Integer(0, u64::MAX),
            "Root of all randomness; default 1.",
        ),
        required("duration", Shape::Duration, "Length of a replication."),
        optional(
            "measure",
            Shape::Record(&MEASURE),
            "Measured window; default the whole run.",
        ),
        optional("brokers", Shape::Record(&BROKERS), "The Kafka cluster."),
        required(
            "topics",
            Shape::Named(&Shape::Record(&TOPIC)),
            "Topics by name.",
        ),
        required(
            "groups",
            Shape::Named(&Shape::Record(&GROUP)),
            "Consumer groups by group.id.",
        ),
        optional(
            "deployments",
            Shape::Named(&Shape::Record(&DEPLOYMENT)),
            "Kubernetes Deployments that make the members.",
        ),
        optional(
            "statefulsets",
            Shape::Named(&Shape::Record(&STATEFULSET)),
            "Kubernetes StatefulSets that make the members.",
        ),
        optional(
            "autoscalers",
            Shape::Named(&Shape::Record(&AUTOSCALER)),
            "HorizontalPodAutoscaler, KEDA or threshold rules, by name.",
        ),
        optional(
            "disruption_budgets",
            Shape::Named(&Shape::Record(&BUDGET)),
            "Kubernetes PodDisruptionBudgets.",
        ),
        optional(
            "kubernetes",
            Shape::Record(&KUBERNETES),
            "Release and controller flags of Kubernetes.",
        ),
        optional(
            "nodes",
            Shape::Named(&Shape::Record(&NODE)),
            "Servers whose cores consumers share.",
        ),
        optional(
            "resources",
            Shape::Named(&Shape::Record(&RESOURCE)),
            "Shared downstream resources by name.",
        ),
        optional(
            "faults",
            Shape::List(&Shape::Record(&FAULT)),
            "Random faults from streams of their own; one kind an entry.",
        ),
        optional(
            "events",
            Shape::List(&Shape::Record(&EVENT)),
            "What happens, in any order; one verb an entry.",
        ),
        later("alerts", "Alert rules evaluated over the run."),
        optional(
            "variants",
            Shape::Named(&Shape::Overlay),
            "Named overlays of the document; every one is played.",
        ),
        optional(
            "matrix",
            Shape::Matrix,
            "Parameters (Kafka keys, dotted paths, `variant`) to lists that `rebsim sweep` crosses; less `exclude`, plus `include`.",
        ),
        optional(
            "expect",
            Shape::Expectations,
            "Metric to condition, for every variant or under a variant's name.",
        ),
    ],
    Rule::Any,
);

static MEASURE: Record = record(
    "measure",
    &[
        optional(
            "from",
            Shape::Duration,
            "Begin of the measured window; default 0s.",
        ),
        optional(
            "to",
            Shape::Duration,
            "End of the measured window; default the end.",
        ),
    ],
    Rule::Any,
);

static BROKERS: Record = record(
    "brokers",
    &[
        optional(
            "version",
            Shape::Version,
            "Kafka release whose behaviour and defaults apply; default the newest.",
        ),
        optional(
            "count",
            Shape::Integer(1, 1_000),
            "Brokers; default 3. The leader of partition p of the k-th topic is broker (k + p) mod count.",
        ),
        optional(
            "config",
            Shape::Kafka(Side::Broker),
            "Broker keys, verbatim.",
        ),
        optional(
            "latency",
            DISTRIBUTION,
            "One way, client to broker; default 500us.",
        ),
        optional(
            "racks",
            Shape::List(&Shape::Name),
            "Racks, dealt to the brokers in turn.",
        ),
        optional(
            "cross_rack_latency",
            Shape::Duration,
            "Added one way between racks; default 0s.",
        ),
        optional(
            "append",
            DISTRIBUTION,
            "Coordinator log append; default 2ms.",
        ),
        optional(
            "assignor_cost",
            DISTRIBUTION,
            "Time that the assignor takes; default the measured cost curve.",
        ),
        optional(
            "group_config",
            Shape::Named(&Shape::Kafka(Side::Group)),
            "Dynamic group configs, verbatim, by group.",
        ),
    ],
    Rule::Any,
);
