//! Deployments (`pkg/controller/deployment`): what a rollout, a change of size or of template makes of the ReplicaSets.

use super::quantity::IntOrPercent;
use crate::kernel::SimDuration;

/// `apps/v1` DeploymentSpec, without its size and template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeploymentSpec {
    /// `strategy`
    pub strategy: Strategy,
    /// `minReadySeconds`: a pod counts as available when it has been Ready this long.
    pub min_ready: SimDuration,
    /// `progressDeadlineSeconds`: without progress for so long, the rollout counts as failed.
    pub progress_deadline: SimDuration,
}

/// `strategy.type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// New pods come and old ones go step by step.
    RollingUpdate {
        /// `maxSurge`
        max_surge: IntOrPercent,
        /// `maxUnavailable`
        max_unavailable: IntOrPercent,
    },
    /// All old pods go before the first new one comes.
    Recreate,
}
