//! Keys of Deployments, StatefulSets and disruption budgets: Kubernetes' own under `spec`, the model's beside it.

use super::pod::POD;
use super::{optional, record, required};
use crate::scenario::shape::{Manifest, Record, Rule, Shape};

pub(super) static DEPLOYMENT: Record = record(
    "deployment",
    &[
        required(
            "group",
            Shape::Name,
            "The group whose members its pods are.",
        ),
        optional(
            "consumers_per_pod",
            Shape::Integer(1, 1_000),
            "Consumers in each pod; default 1.",
        ),
        optional(
            "spec",
            Shape::Manifest(&DEPLOYMENT_SPEC),
            "DeploymentSpec of apps/v1, verbatim.",
        ),
        optional("pod", Shape::Record(&POD), "How its pods behave."),
    ],
    Rule::Any,
);

pub(super) static STATEFULSET: Record = record(
    "statefulset",
    &[
        required(
            "group",
            Shape::Name,
            "The group whose members its pods are.",
        ),
        optional(
            "consumers_per_pod",
            Shape::Integer(1, 1_000),
            "Consumers in each pod; default 1.",
        ),
        optional(
            "spec",
            Shape::Manifest(&STATEFULSET_SPEC),
            "StatefulSetSpec of apps/v1, verbatim.",
        ),
        optional("pod", Shape::Record(&POD), "How its pods behave."),
    ],
    Rule::Any,
);

/// Seconds and counts of Kubernetes are of 32 bits with sign.
const INT32: Shape = Shape::Integer(0, 2_147_483_647);
const REPLICAS: Shape = Shape::Integer(0, 100_000);

static DEPLOYMENT_SPEC: Manifest = Manifest {
    record: record(
        "deployment spec",
        &[
            optional("replicas", REPLICAS, "Pods; default 1."),
            optional(
                "minReadySeconds",
                INT32,
                "How long a pod is Ready before it counts as available; default 0.",
            ),
            optional(
                "progressDeadlineSeconds",
                INT32,
                "Without progress for so long, a rollout counts as failed, which nothing looks at; default 600.",
            ),
            optional(
                "strategy",
                Shape::Manifest(&STRATEGY),
                "How pods are replaced.",
            ),
            optional("template", Shape::Manifest(&TEMPLATE), "What the pods are."),
        ],
        Rule::Any,
    ),
    others: &[],
};

static STRATEGY: Manifest = Manifest {
    record: record(
        "deployment strategy",
        &[
            optional(
                "type",
                Shape::Word(&["RollingUpdate", "Recreate"]),
                "RollingUpdate (default) or Recreate.",
            ),
            optional(
                "rollingUpdate",
                Shape::Manifest(&ROLLING_DEPLOYMENT),
                "How many pods more and fewer there may be.",
            ),
        ],
        Rule::Any,
    ),
    others: &[],
};

static ROLLING_DEPLOYMENT: Manifest = Manifest {
    record: record(
        "deployment rollingUpdate",
        &[
            optional(
                "maxSurge",
                Shape::IntOrPercent,
                "Pods above the replicas, shares rounded up; default 25%.",
            ),
            optional(
                "maxUnavailable",
                Shape::IntOrPercent,
                "Pods of the replicas that may be missing, shares rounded down; default 25%.",
            ),
        ],
        Rule::Any,
    ),
    others: &[],
};

static STATEFULSET_SPEC: Manifest = Manifest {
    record: record(
        "statefulset spec",
        &[
            optional("replicas", REPLICAS, "Pods; default 1."),
            optional(
                "minReadySeconds",
                INT32,
                "How long a pod is Ready before it counts as available; default 0.",
            ),
            optional(
                "podManagementPolicy",
                Shape::Word(&["OrderedReady", "Parallel"]),
                "OrderedReady (default): one pod after the other. Parallel: all at once when the size changes.",
            ),
            optional(
                "updateStrategy",
                Shape::Manifest(&UPDATE_STRATEGY),
                "How pods are replaced.",
            ),
            optional(
                "ordinals",
                Shape::Manifest(&ORDINALS),
                "Which ordinals its pods have.",
            ),
            optional("template", Shape::Manifest(&TEMPLATE), "What the pods are."),
        ],
        Rule::Any,
    ),
    others: &[],
};

static UPDATE_STRATEGY: Manifest = Manifest {
    record: record(
        "statefulset updateStrategy",
        &[
            optional(
                "type",
                Shape::Word(&["RollingUpdate", "OnDelete"]),
                "RollingUpdate (default), or OnDelete: pods are replaced when they are deleted.",
            ),
            optional(
                "rollingUpdate",
                Shape::Manifest(&ROLLING_STATEFULSET),
                "Which pods are replaced, and how many at a time.",
            ),
        ],
        Rule::Any,
    ),
    others: &[],
};

static ROLLING_STATEFULSET: Manifest = Manifest {
    record: record(
        "statefulset rollingUpdate",
        &[
            optional(
                "partition",
                INT32,
                "So many of the lowest ordinals keep the older template; default 0.",
            ),
            optional(
                "maxUnavailable",
                Shape::IntOrPercent,
                "Pods that may be missing while others are replaced; default 1. Kubernetes 1.35.",
            ),
        ],
        Rule::Any,
    ),
    others: &[],
};

static ORDINALS: Manifest = Manifest {
    record: record(
        "statefulset ordinals",
        &[optional("start", INT32, "The first ordinal; default 0.")],
        Rule::Any,
    ),
    others: &[],
};

static TEMPLATE: Manifest = Manifest {
    record: record(
        "pod template",
        &[optional(
            "spec",
            Shape::Manifest(&POD_SPEC),
            "PodSpec of core/v1.",
        )],
        Rule::Any,
    ),
    others: &[],
};

static POD_SPEC: Manifest = Manifest {
    record: record(
        "pod spec",
        &[
            optional(
                "terminationGracePeriodSeconds",
                INT32,
                "From a pod's deletion to SIGKILL; default 30.",
            ),
            optional(
                "containers",
                Shape::List(&Shape::Manifest(&CONTAINER)),
                "Its containers. The consumers run in the first; of the others only the requests count.",
            ),
        ],
        Rule::Any,
    ),
    others: &[],
};

static CONTAINER: Manifest = Manifest {
    record: record(
        "container",
        &[
            required(
                "name",
                Shape::Text,
                "Its name, by which autoscalers know it.",
            ),
            optional(
                "resources",
                Shape::Manifest(&RESOURCES),
                "What it asks for and may use, where `pod` does not say so.",
            ),
        ],
        Rule::Any,
    ),
    others: &[],
};

static RESOURCES: Manifest = Manifest {
    record: record(
        "container resources",
        &[
            optional(
                "requests",
                Shape::Manifest(&REQUESTS),
                "What autoscalers take shares of, and nodes set aside; default the limits.",
            ),
            optional("limits", Shape::Manifest(&LIMITS), "What it may use."),
        ],
        Rule::Any,
    ),
    others: &[],
};

static REQUESTS: Manifest = Manifest {
    record: record(
        "container requests",
        &[
            optional("cpu", Shape::Quantity, "Cores: 500m."),
            optional("memory", Shape::Quantity, "Bytes: 512Mi."),
        ],
        Rule::Any,
    ),
    others: &[],
};

static LIMITS: Manifest = Manifest {
    record: record(
        "container limits",
        &[
            optional("cpu", Shape::Quantity, "Cores: 500m; default none."),
            optional("memory", Shape::Quantity, "Bytes: 512Mi; default none."),
        ],
        Rule::Any,
    ),
    others: &[],
};

pub(super) static BUDGET: Record = record(
    "disruption budget",
    &[
        required(
            "target",
            Shape::Name,
            "The Deployment or StatefulSet whose pods it protects.",
        ),
        required(
            "spec",
            Shape::Manifest(&BUDGET_SPEC),
            "PodDisruptionBudgetSpec of policy/v1, verbatim.",
        ),
    ],
    Rule::Any,
);

static BUDGET_SPEC: Manifest = Manifest {
    record: record(
        "disruption budget spec",
        &[
            optional(
                "minAvailable",
                Shape::IntOrPercent,
                "Pods that stay healthy, shares rounded up.",
            ),
            optional(
                "maxUnavailable",
                Shape::IntOrPercent,
                "Pods that may be missing, shares rounded up.",
            ),
            optional(
                "unhealthyPodEvictionPolicy",
                Shape::Word(&["IfHealthyBudget", "AlwaysAllow"]),
                "Whether a pod that is not Ready may go while too few are healthy; default IfHealthyBudget.",
            ),
        ],
        Rule::AtMostOne(&["minAvailable", "maxUnavailable"]),
    ),
    others: &[],
};
