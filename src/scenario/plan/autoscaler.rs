//! Autoscalers in the plan: machines' specs, and which series of the simulator their metrics are.

use super::WorkloadId;
use crate::assignor::{GroupId, TopicId};
use crate::platform::hpa::HpaSpec;
use crate::platform::keda::ScaledObjectSpec;
use crate::platform::threshold::ThresholdSpec;

/// An autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaler {
    /// Name.
    pub name: String,
    /// What it scales; no two autoscalers have the same target.
    pub target: WorkloadId,
    /// Which machine it is.
    pub kind: AutoscalerKind,
    /// JSON pointer of the entry in the resolved scenario.
    pub pointer: String,
}

/// The machine of an autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub enum AutoscalerKind {
    /// `HorizontalPodAutoscaler`
    Hpa {
        /// Its spec.
        spec: HpaSpec,
        /// By metric of the spec: the series of an External metric, `None` of any other.
        series: Vec<Option<Series>>,
    },
    /// `ScaledObject`
    Keda {
        /// Its spec.
        spec: ScaledObjectSpec,
        /// By trigger: whose committed offsets and log ends a Kafka trigger asks for, `None` of any other.
        offsets: Vec<Option<OffsetsOf>>,
    },
    /// The threshold rule.
    Threshold {
        /// The rule.
        spec: ThresholdSpec,
        /// What it looks at.
        series: Series,
    },
}

/// A level of `metrics.md` 3 at an instant, summed over all partitions that the labels leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// Which of the two lags.
    pub lag: LagKind,
    /// Of this group.
    pub group: GroupId,
    /// Of this topic alone.
    pub topic: Option<TopicId>,
    /// Of the partition of this number alone.
    pub partition: Option<u32>,
}

/// The two lags of `metrics.md` 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LagKind {
    /// `lag_records`: log end − processed position.
    Processed,
    /// `committed_lag_records`: log end − committed offset.
    Committed,
}

/// Whose offsets a Kafka trigger asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetsOf {
    /// The group whose committed offsets count.
    pub group: GroupId,
    /// The topics: the one that is named, or all that the group subscribes to.
    pub topics: Vec<TopicId>,
}
