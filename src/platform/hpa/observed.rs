//! What a reconcile sees and what it says.

use super::spec::Source;
use crate::kernel::{SimDuration, SimTime};
use crate::platform::api_time::ApiTime;

/// What the controller reads at the start of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// `spec.replicas` of the target's scale.
    pub spec_replicas: i32,
    /// `status.replicas` of the target's scale: pods that are there, ready or not; of a Deployment without those that terminate.
    pub status_replicas: i32,
    /// Every pod that the selector matches, terminating ones too.
    pub pods: Vec<PodSeen>,
    /// By metric of the spec.
    pub readings: Vec<Reading>,
}

/// A pod as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSeen {
    /// Name.
    pub name: String,
    /// `status.phase`
    pub phase: PodPhase,
    /// The condition `Ready`; `None`: not there yet.
    pub ready: Option<ReadyCondition>,
    /// `status.startTime`; `None`: no kubelet has taken it yet.
    pub started: Option<ApiTime>,
    /// True when it has a deletion timestamp.
    pub is_deleting: bool,
}

/// `status.phase`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodPhase {
    /// Not all containers run yet.
    Pending,
    /// All containers have been started.
    Running,
    /// All ended well.
    Succeeded,
    /// One ended badly and none will run again.
    Failed,
    /// Its node does not answer.
    Unknown,
}

/// The condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyCondition {
    /// Its status.
    pub is_true: bool,
    /// `lastTransitionTime`
    pub since: ApiTime,
}

/// What a metric's API answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// For Resource, ContainerResource and Pods metrics.
    PerPod {
        /// By pod of [`Observed::pods`]; `None`: no sample of that pod.
        samples: Vec<Option<Sample>>,
        /// `resources.requests` of each pod, in thousandths; `None`: the template has none.
        request: Option<i64>,
    },
    /// For External metrics: one value a series, in thousandths. None at all is an error, as in the API.
    External(Vec<i64>),
}

/// `PodMetric`: use of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Value in thousandths: milli-cores, or milli-bytes.
    pub value: i64,
    /// End of the window over which it was measured.
    pub at: ApiTime,
    /// Length of that window.
    pub window: SimDuration,
}

/// What one metric asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// The metric's value as its target is written: percent, or thousandths (for External `AverageValue`: of all pods
    /// together).
    pub value: i64,
    /// Value to target, by which it was decided.
    pub ratio: f64,
}

/// Why a metric says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `no metrics returned from … metrics API`
    NoMetrics,
    /// `no pods returned by selector while calculating replica count`
    NoPods,
    /// `did not receive metrics for … ready pods`
    NoReadyPods,
    /// `missing request for …`
    NoRequest,
    /// `no metrics returned matched known pods`: requests of nothing.
    NoRequests,
    /// The target's kind does not go with the source.
    NoTarget,
}

/// What a reconcile came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the target's `spec.replicas` is to be; the same as before when nothing is written.
    pub desired: i32,
    /// Conditions after the reconcile.
    pub conditions: Conditions,
    /// Position of the metric that won; `None`: none was looked at, or the reconcile failed.
    pub winner: Option<usize>,
    /// By metric of the spec; empty when none was looked at.
    pub proposals: Vec<Result<Proposal, Failure>>,
    /// How many metrics failed; the reconcile reports an error when any did.
    pub failures: usize,
    /// The highest proposal.
    pub recommendation: Option<i32>,
    /// That, stabilized.
    pub stabilized: Option<i32>,
    /// What kept it from that.
    pub limit: Option<Limit>,
    /// False when no metric decided: the replicas were out of bounds, zero, or the metrics failed.
    pub is_computed: bool,
}

impl Outcome {
    pub(super) const fn unchanged(current: i32) -> Self {
        Self {
            desired: current,
            conditions: Conditions {
                able_to_scale: None,
                scaling_active: None,
                scaling_limited: None,
            },
            winner: None,
            proposals: Vec::new(),
            failures: 0,
            recommendation: None,
            stabilized: None,
            limit: None,
            is_computed: false,
        }
    }

    /// What the winning metric proposed.
    #[must_use]
    pub fn winning(&self) -> Option<Proposal> {
        let proposal = self.proposals.get(self.winner?)?;
        proposal.ok()
    }
}

/// One reconcile, as it was: what a run keeps of it, and what a recorded world is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconcile {
    /// When.
    pub at: SimTime,
    /// What it saw.
    pub observed: Observed,
    /// What it came to.
    pub outcome: Outcome,
}

/// What stopped a change short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `maxReplicas`
    MaxReplicas,
    /// `minReplicas`
    MinReplicas,
    /// At most double the replicas, or 4, in one reconcile (without `behavior`).
    Doubling,
    /// A policy of `behavior.scaleUp`, by its position; `None`: `selectPolicy: Disabled`.
    ScaleUpPolicy(Option<usize>),
    /// A policy of `behavior.scaleDown`, by its position; `None`: `selectPolicy: Disabled`.
    ScaleDownPolicy(Option<usize>),
}

/// `status.conditions`; one that was never set is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `AbleToScale`
    pub able_to_scale: Option<Condition<Able>>,
    /// `ScalingActive`
    pub scaling_active: Option<Condition<Active>>,
    /// `ScalingLimited`
    pub scaling_limited: Option<Condition<Limited>>,
}

impl Conditions {
    pub(super) const fn limited(is_limited: bool, reason: Limited) -> Condition<Limited> {
        Condition {
            is_true: is_limited,
            reason,
        }
    }
}

/// Status and reason of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<R> {
    /// Status.
    pub is_true: bool,
    /// Reason.
    pub reason: R,
}

impl<R> Condition<R> {
    pub(super) const fn yes(reason: R) -> Self {
        Self {
            is_true: true,
            reason,
        }
    }

    pub(super) const fn no(reason: R) -> Self {
        Self {
            is_true: false,
            reason,
        }
    }
}

/// Reasons of `AbleToScale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Able {
    /// The scale was read; no metric was come to.
    SucceededGetScale,
    /// The target was changed.
    SucceededRescale,
    /// The recommendation stands as it is.
    ReadyForNewScale,
    /// A recommendation to grow waits for the window.
    ScaleUpStabilized,
    /// A recommendation to shrink waits for the window.
    ScaleDownStabilized,
}

/// Reasons of `ScalingActive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// At least one metric counts.
    ValidMetricFound,
    /// The target has no replicas.
    ScalingDisabled,
    /// A Resource metric failed.
    FailedGetResourceMetric,
    /// A ContainerResource metric failed.
    FailedGetContainerResourceMetric,
    /// A Pods metric failed.
    FailedGetPodsMetric,
    /// An External metric failed.
    FailedGetExternalMetric,
}

impl Active {
    pub(super) const fn failed(source: &Source) -> Self {
        match source {
            Source::Resource(_) => Self::FailedGetResourceMetric,
            Source::ContainerResource(..) => Self::FailedGetContainerResourceMetric,
            Source::Pods(_) => Self::FailedGetPodsMetric,
            Source::External { .. } => Self::FailedGetExternalMetric,
        }
    }
}

/// Reasons of `ScalingLimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Not limited.
    DesiredWithinRange,
    /// By how fast it may grow.
    ScaleUpLimit,
    /// By how fast it may shrink.
    ScaleDownLimit,
    /// By `maxReplicas`.
    TooManyReplicas,
    /// By `minReplicas`.
    TooFewReplicas,
}

impl Able {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SucceededGetScale => "SucceededGetScale",
            Self::SucceededRescale => "SucceededRescale",
            Self::ReadyForNewScale => "ReadyForNewScale",
            Self::ScaleUpStabilized => "ScaleUpStabilized",
            Self::ScaleDownStabilized => "ScaleDownStabilized",
        }
    }
}

impl Active {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ValidMetricFound => "ValidMetricFound",
            Self::ScalingDisabled => "ScalingDisabled",
            Self::FailedGetResourceMetric => "FailedGetResourceMetric",
            Self::FailedGetContainerResourceMetric => "FailedGetContainerResourceMetric",
            Self::FailedGetPodsMetric => "FailedGetPodsMetric",
            Self::FailedGetExternalMetric => "FailedGetExternalMetric",
        }
    }
}

impl Limited {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "DesiredWithinRange",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
            Self::TooManyReplicas => "TooManyReplicas",
            Self::TooFewReplicas => "TooFewReplicas",
        }
    }
}
