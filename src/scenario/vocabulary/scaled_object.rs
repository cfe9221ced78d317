//! Keys of KEDA's ScaledObject, verbatim.

use super::autoscaler::{BEHAVIOR, REPLICAS, SOME_REPLICAS, manifest};
use super::{later, optional, record, required};
use crate::scenario::shape::{Manifest, Rule, Shape};

/// A week: seconds that an interval may have.
const SECONDS: Shape = Shape::Integer(0, 604_800);

/// `ScaledObjectSpec`
pub(super) static SCALED_OBJECT: Manifest = manifest(
    record(
        "ScaledObject",
        &[
            optional(
                "pollingInterval",
                Shape::Integer(1, 604_800),
                "Seconds between looks at the triggers; default 30.",
            ),
            optional(
                "cooldownPeriod",
                SECONDS,
                "Seconds from the last activity to zero replicas; default 300.",
            ),
            optional(
                "initialCooldownPeriod",
                SECONDS,
                "The same from the creation, before any activity; default 0. Pods that a steady start finds were active until then.",
            ),
            optional(
                "idleReplicaCount",
                REPLICAS,
                "Replicas while nothing is active, below minReplicaCount.",
            ),
            optional("minReplicaCount", REPLICAS, "Fewest replicas; default 0."),
            optional(
                "maxReplicaCount",
                SOME_REPLICAS,
                "Most replicas; default 100.",
            ),
            optional(
                "fallback",
                Shape::Manifest(&FALLBACK),
                "What to report when a trigger keeps failing.",
            ),
            optional(
                "advanced",
                Shape::Manifest(&ADVANCED),
                "What the generated HPA gets.",
            ),
            required(
                "triggers",
                Shape::List(&Shape::Manifest(&TRIGGER)),
                "What it watches.",
            ),
        ],
        Rule::Any,
    ),
    &["scaleTargetRef"],
);

static FALLBACK: Manifest = manifest(
    record(
        "fallback",
        &[
            required(
                "failureThreshold",
                Shape::Integer(0, 1_000_000),
                "More failures in a row than this.",
            ),
            required("replicas", REPLICAS, "Replicas to report."),
            optional(
                "behavior",
                Shape::Word(&[
                    "static",
                    "currentReplicas",
                    "currentReplicasIfHigher",
                    "currentReplicasIfLower",
                ]),
                "Which replicas; default static.",
            ),
        ],
        Rule::Any,
    ),
    &[],
);

static ADVANCED: Manifest = manifest(
    record(
        "advanced configuration",
        &[
            optional(
                "horizontalPodAutoscalerConfig",
                Shape::Manifest(&HPA_CONFIG),
                "What the generated HPA gets.",
            ),
            later("scalingModifiers", "A formula over several triggers."),
        ],
        Rule::Any,
    ),
    &["restoreToOriginalReplicaCount"],
);

static HPA_CONFIG: Manifest = manifest(
    record(
        "HPA configuration",
        &[optional(
            "behavior",
            Shape::Manifest(&BEHAVIOR),
            "Of the generated HPA.",
        )],
        Rule::Any,
    ),
    &["name"],
);

static TRIGGER: Manifest = manifest(
    record(
        "trigger",
        &[
            required("type", Shape::Text, "kafka, apache-kafka, cpu or memory."),
            optional(
                "metricType",
                Shape::Word(&["AverageValue", "Value", "Utilization"]),
                "Kind of the target; default AverageValue (Utilization for cpu and memory).",
            ),
            optional(
                "useCachedMetrics",
                Shape::Boolean,
                "The HPA reads what KEDA read at its last look; default false.",
            ),
            required(
                "metadata",
                Shape::Manifest(&METADATA),
                "What the trigger's type needs.",
            ),
        ],
        Rule::Any,
    ),
    &["name", "authenticationRef"],
);

static METADATA: Manifest = manifest(
    record(
        "trigger's metadata",
        &[
            optional(
                "consumerGroup",
                Shape::Name,
                "The group; default the target's.",
            ),
            optional(
                "topic",
                Shape::Name,
                "The topic; default all that the group has.",
            ),
            optional("partitionLimitation", Shape::Text, "Partitions: 1,2,10-12."),
            optional(
                "lagThreshold",
                Shape::Text,
                "Lag for each replica; default 10.",
            ),
            optional(
                "activationLagThreshold",
                Shape::Text,
                "Lag above which it is active; default 0.",
            ),
            optional(
                "offsetResetPolicy",
                Shape::Word(&["latest", "earliest"]),
                "What a partition without committed offset counts as; default latest.",
            ),
            optional(
                "allowIdleConsumers",
                Shape::Text,
                "More replicas than partitions; default false.",
            ),
            optional(
                "scaleToZeroOnInvalidOffset",
                Shape::Text,
                "A partition without committed offset counts as nothing; default false.",
            ),
            optional(
                "excludePersistentLag",
                Shape::Text,
                "A partition whose committed offset stands still counts as nothing; default false.",
            ),
            optional(
                "limitToPartitionsWithLag",
                Shape::Text,
                "At most as many replicas as partitions with lag; default false.",
            ),
            optional(
                "ensureEvenDistributionOfPartitions",
                Shape::Text,
                "Only numbers of replicas that divide the partitions; default false.",
            ),
            optional("value", Shape::Quantity, "Of cpu and memory: the target."),
            optional(
                "containerName",
                Shape::Name,
                "Of cpu and memory: one container alone.",
            ),
        ],
        Rule::Any,
    ),
    &["type", "version", "tls", "sasl"],
);
