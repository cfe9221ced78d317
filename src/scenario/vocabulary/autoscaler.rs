//! Keys of autoscalers: `autoscaling/v2` verbatim, the threshold rule, and the flags of Kubernetes' controllers (KEDA's are in
//! [`super::scaled_object`]). The same tables read the specs of recorded worlds.

use super::scaled_object::SCALED_OBJECT;
use super::{later, optional, record, required};
use crate::scenario::shape::{Manifest, Record, Rule, Shape};

/// Most replicas that a workload may be scaled to.
const REPLICAS_MAX: u64 = 100_000;
pub(super) const REPLICAS: Shape = Shape::Integer(0, REPLICAS_MAX);
pub(super) const SOME_REPLICAS: Shape = Shape::Integer(1, REPLICAS_MAX);

pub(super) const fn manifest(record: Record, others: &'static [&'static str]) -> Manifest {
    Manifest { record, others }
}

/// `autoscalers`, by name.
pub(in crate::scenario) static AUTOSCALER: Record = record(
    "autoscaler",
    &[
        required(
            "target",
            Shape::Name,
            "The Deployment or StatefulSet that it scales.",
        ),
        optional(
            "hpa",
            Shape::Manifest(&HPA),
            "HorizontalPodAutoscaler: the spec of autoscaling/v2, verbatim.",
        ),
        optional(
            "keda",
            Shape::Manifest(&SCALED_OBJECT),
            "KEDA: the spec of a ScaledObject, verbatim.",
        ),
        optional(
            "threshold",
            Shape::Record(&THRESHOLD),
            "A step up above one level, a step down below another.",
        ),
    ],
    Rule::OneOf(&[
        &["target", "hpa"],
        &["target", "keda"],
        &["target", "threshold"],
    ]),
);

/// `kubernetes`
pub(in crate::scenario) static KUBERNETES: Record = record(
    "kubernetes",
    &[
        optional(
            "version",
            Shape::Version,
            "Release, \"1.30\" to \"1.36\"; default \"1.34\".",
        ),
        optional(
            "hpa_sync",
            Shape::Duration,
            "--horizontal-pod-autoscaler-sync-period; default 15s.",
        ),
        optional(
            "tolerance",
            Shape::Number(0.0, 1.0),
            "--horizontal-pod-autoscaler-tolerance; default 0.1.",
        ),
        optional(
            "downscale_stabilization",
            Shape::Duration,
            "--horizontal-pod-autoscaler-downscale-stabilization; default 5m.",
        ),
        optional(
            "metrics_resolution",
            Shape::Duration,
            "--metric-resolution of metrics-server; default 15s, at least 10s.",
        ),
        optional(
            "cpu_initialization",
            Shape::Duration,
            "--horizontal-pod-autoscaler-cpu-initialization-period; default 5m.",
        ),
        optional(
            "initial_readiness_delay",
            Shape::Duration,
            "--horizontal-pod-autoscaler-initial-readiness-delay; default 30s.",
        ),
    ],
    Rule::Any,
);

/// `HorizontalPodAutoscalerSpec`
pub(in crate::scenario) static HPA: Manifest = manifest(
    record(
        "HorizontalPodAutoscaler",
        &[
            optional("minReplicas", SOME_REPLICAS, "Fewest replicas; default 1."),
            required("maxReplicas", SOME_REPLICAS, "Most replicas."),
            optional(
                "metrics",
                Shape::List(&Shape::Manifest(&METRIC)),
                "The highest proposal wins; default CPU at 80 % of the request.",
            ),
            optional(
                "behavior",
                Shape::Manifest(&BEHAVIOR),
                "Windows and policies; what is left out has the API server's defaults.",
            ),
        ],
        Rule::Any,
    ),
    &["scaleTargetRef"],
);

static METRIC: Manifest = manifest(
    record(
        "metric",
        &[
            required(
                "type",
                Shape::Word(&[
                    "Resource",
                    "ContainerResource",
                    "Pods",
                    "External",
                    "Object",
                ]),
                "Which of the sources it is.",
            ),
            optional(
                "resource",
                Shape::Manifest(&RESOURCE),
                "Use of all containers of a pod.",
            ),
            optional(
                "containerResource",
                Shape::Manifest(&CONTAINER_RESOURCE),
                "Use of one container of each pod.",
            ),
            optional(
                "external",
                Shape::Manifest(&EXTERNAL),
                "A number that belongs to no object of the cluster.",
            ),
            later("pods", "A metric that each pod exposes."),
            later("object", "A metric of one object of the cluster."),
        ],
        Rule::Any,
    ),
    &[],
);

static RESOURCE: Manifest = manifest(
    record(
        "resource metric",
        &[
            required("name", Shape::Word(&["cpu", "memory"]), "What is used."),
            required("target", Shape::Manifest(&TARGET), "What it should be."),
        ],
        Rule::Any,
    ),
    &[],
);

static CONTAINER_RESOURCE: Manifest = manifest(
    record(
        "container resource metric",
        &[
            required("name", Shape::Word(&["cpu", "memory"]), "What is used."),
            required("container", Shape::Name, "Name of the container."),
            required("target", Shape::Manifest(&TARGET), "What it should be."),
        ],
        Rule::Any,
    ),
    &[],
);

static EXTERNAL: Manifest = manifest(
    record(
        "external metric",
        &[
            required("metric", Shape::Manifest(&IDENTIFIER), "Which series."),
            required("target", Shape::Manifest(&TARGET), "What it should be."),
        ],
        Rule::Any,
    ),
    &[],
);

static IDENTIFIER: Manifest = manifest(
    record(
        "metric identifier",
        &[
            required(
                "name",
                Shape::Text,
                "A level of metrics.md: lag_records or committed_lag_records.",
            ),
            optional(
                "selector",
                Shape::Manifest(&SELECTOR),
                "Labels of the series.",
            ),
        ],
        Rule::Any,
    ),
    &[],
);

static SELECTOR: Manifest = manifest(
    record(
        "selector",
        &[
            optional(
                "matchLabels",
                Shape::Named(&Shape::Text),
                "group, topic, partition.",
            ),
            later("matchExpressions", "Labels by expression."),
        ],
        Rule::Any,
    ),
    &[],
);

static TARGET: Manifest = manifest(
    record(
        "metric target",
        &[
            required(
                "type",
                Shape::Word(&["Utilization", "AverageValue", "Value"]),
                "Which of the numbers it is.",
            ),
            optional(
                "averageUtilization",
                Shape::Integer(1, 1_000_000),
                "Percent of the request, on average.",
            ),
            optional("averageValue", Shape::Quantity, "For each pod, on average."),
            optional("value", Shape::Quantity, "Altogether."),
        ],
        Rule::Any,
    ),
    &[],
);

pub(super) static BEHAVIOR: Manifest = manifest(
    record(
        "behavior",
        &[
            optional("scaleUp", Shape::Manifest(&RULES), "How it may grow."),
            optional("scaleDown", Shape::Manifest(&RULES), "How it may shrink."),
        ],
        Rule::Any,
    ),
    &[],
);

static RULES: Manifest = manifest(
    record(
        "scaling rules",
        &[
            optional(
                "stabilizationWindowSeconds",
                Shape::Integer(0, 3_600),
                "Recommendations of so long count; default 0 up, the controller's flag down.",
            ),
            optional(
                "selectPolicy",
                Shape::Word(&["Max", "Min", "Disabled"]),
                "Which policy counts; default Max.",
            ),
            optional(
                "policies",
                Shape::List(&Shape::Manifest(&POLICY)),
                "Default 4 pods or 100 % each 15 s up, 100 % each 15 s down.",
            ),
            optional(
                "tolerance",
                Shape::Quantity,
                "In place of the controller's; since Kubernetes 1.35 (KEP-4951).",
            ),
        ],
        Rule::Any,
    ),
    &[],
);

static POLICY: Manifest = manifest(
    record(
        "scaling policy",
        &[
            required(
                "type",
                Shape::Word(&["Pods", "Percent"]),
                "What the value counts.",
            ),
            required("value", Shape::Integer(1, 1_000_000), "At most so many …"),
            required(
                "periodSeconds",
                Shape::Integer(1, 1_800),
                "… in so many seconds.",
            ),
        ],
        Rule::Any,
    ),
    &[],
);

static THRESHOLD: Record = record(
    "threshold",
    &[
        optional("every", Shape::Duration, "Between looks; default 60s."),
        optional(
            "metric",
            Shape::Text,
            "lag_records (default) or committed_lag_records, of the target's group or with labels.",
        ),
        required(
            "above",
            Shape::Integer(0, i64::MAX.unsigned_abs()),
            "More than this: a step up.",
        ),
        required(
            "below",
            Shape::Integer(0, i64::MAX.unsigned_abs()),
            "Less than this: a step down.",
        ),
        optional("step", SOME_REPLICAS, "Replicas a step; default 1."),
        optional("min", REPLICAS, "Fewest replicas; default 1."),
        required("max", SOME_REPLICAS, "Most replicas."),
        optional(
            "cooldown",
            Shape::Duration,
            "After a step nothing happens for so long; default 0s.",
        ),
    ],
    Rule::Any,
);
