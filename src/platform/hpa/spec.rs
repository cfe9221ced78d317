//! What an autoscaler is told: `autoscaling/v2` HorizontalPodAutoscalerSpec, completed by the API server's defaults, and the
//! flags of the controller.

use crate::kernel::SimDuration;

/// `HorizontalPodAutoscalerSpec` after `SetDefaults_HorizontalPodAutoscaler`.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// `minReplicas`; 1 when left out.
    pub min_replicas: i32,
    /// `maxReplicas`
    pub max_replicas: i32,
    /// `metrics`; CPU at 80 % of its request when left out.
    pub metrics: Vec<Metric>,
    /// `behavior`, each part that was left out filled in; `None` when all of it was.
    pub behavior: Option<Behavior>,
}

/// One entry of `metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What is measured.
    pub source: Source,
    /// What it should be.
    pub target: Target,
}

impl Metric {
    /// The metric that the API server puts in when none is given (`DefaultCPUUtilization`).
    pub const DEFAULT: Self = Self {
        source: Source::Resource(ResourceName::Cpu),
        target: Target::Utilization(80),
    };
}

/// What a metric measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `Resource`: all containers of a pod together.
    Resource(ResourceName),
    /// `ContainerResource`: the container of that name in each pod.
    ContainerResource(ResourceName, String),
    /// `Pods`: a metric of each pod, by its name.
    Pods(String),
    /// `External`: a metric that belongs to no object of the cluster.
    External {
        /// `metric.name`
        metric: String,
        /// `metric.selector.matchLabels`, in order of the keys.
        selector: Vec<(String, String)>,
    },
}

/// A resource whose use is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceName {
    /// `cpu`, in thousandths of a core.
    Cpu,
    /// `memory`, in thousandths of a byte.
    Memory,
}

/// What a metric should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `averageUtilization`: percent of the request.
    Utilization(i32),
    /// `averageValue`: for each pod, in thousandths.
    AverageValue(i64),
    /// `value`: altogether, in thousandths (External only).
    Value(i64),
}

/// `behavior` after `SetDefaults_HorizontalPodAutoscalerBehavior`.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// `scaleUp`
    pub scale_up: Rules,
    /// `scaleDown`
    pub scale_down: Rules,
}

/// `HPAScalingRules`
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// `stabilizationWindowSeconds`; `None` (down only): the controller's flag.
    pub window: Option<SimDuration>,
    /// `selectPolicy`
    pub select: SelectPolicy,
    /// `policies`
    pub policies: Vec<Policy>,
    /// `tolerance` (KEP-4951); `None`: the controller's flag.
    pub tolerance: Option<f64>,
}

impl Rules {
    /// What the API server fills in for `scaleUp`: 4 pods or 100 % each 15 s, no window.
    #[must_use]
    pub fn scale_up() -> Self {
        let period = SimDuration::from_secs(15);
        let pods = Policy {
            kind: PolicyKind::Pods,
            value: 4,
            period,
        };
        let percent = Policy {
            kind: PolicyKind::Percent,
            value: 100,
            period,
        };
        Self {
            window: Some(SimDuration::ZERO),
            select: SelectPolicy::Max,
            policies: vec![pods, percent],
            tolerance: None,
        }
    }

    /// What the API server fills in for `scaleDown`: 100 % each 15 s, the controller's window.
    #[must_use]
    pub fn scale_down() -> Self {
        Self {
            window: None,
            select: SelectPolicy::Max,
            policies: vec![Policy {
                kind: PolicyKind::Percent,
                value: 100,
                period: SimDuration::from_secs(15),
            }],
            tolerance: None,
        }
    }

    /// `getLongestPolicyPeriod`
    #[must_use]
    pub fn longest_period(&self) -> SimDuration {
        let periods = self.policies.iter().map(|policy| policy.period);
        periods.max().unwrap_or(SimDuration::ZERO)
    }
}

/// `selectPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The policy that allows the largest change.
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// `HPAScalingPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `type`
    pub kind: PolicyKind,
    /// `value`
    pub value: i32,
    /// `periodSeconds`
    pub period: SimDuration,
}

/// What a policy's value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the replicas at the begin of the period.
    Percent,
}

/// Flags of the controller manager (`--horizontal-pod-autoscaler-*`) and what its release does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controller {
    /// `sync-period`
    pub sync_period: SimDuration,
    /// `tolerance`
    pub tolerance: f64,
    /// `downscale-stabilization`
    pub downscale_stabilization: SimDuration,
    /// `cpu-initialization-period`
    pub cpu_initialization: SimDuration,
    /// `initial-readiness-delay`
    pub initial_readiness_delay: SimDuration,
    /// How its release compares a ratio with the tolerance.
    pub comparison: Tolerance,
}

impl Controller {
    /// `RecommendedDefaultHPAControllerConfiguration`, of a release since 1.33.
    pub const DEFAULT: Self = Self {
        sync_period: SimDuration::from_secs(15),
        tolerance: 0.1,
        downscale_stabilization: SimDuration::from_secs(300),
        cpu_initialization: SimDuration::from_secs(300),
        initial_readiness_delay: SimDuration::from_secs(30),
        comparison: Tolerance::Bounds,
    };
}

/// How a ratio is compared with the tolerance: the two differ at the edges by the rounding of doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// Since 1.33: `1 - down <= ratio && ratio <= 1 + up` (`Tolerances.isWithin`).
    Bounds,
    /// Before: `|1 - ratio| <= tolerance`.
    Difference,
}

impl Tolerance {
    /// That of the release 1.`minor`.
    #[must_use]
    pub const fn of(minor: u32) -> Self {
        if minor < 33 {
            Self::Difference
        } else {
            Self::Bounds
        }
    }
}
