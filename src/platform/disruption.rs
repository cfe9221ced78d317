//! PodDisruptionBudgets and drains (`pkg/controller/disruption`, the Eviction API).

use super::quantity::IntOrPercent;

/// `policy/v1` PodDisruptionBudgetSpec, without its selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSpec {
    /// How many pods must stay, or may go.
    pub limit: BudgetLimit,
    /// `unhealthyPodEvictionPolicy`
    pub unhealthy: UnhealthyEviction,
}

/// `minAvailable` or `maxUnavailable`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetLimit {
    /// At least so many stay healthy.
    MinAvailable(IntOrPercent),
    /// At most so many of those expected are not healthy.
    MaxUnavailable(IntOrPercent),
}

/// `unhealthyPodEvictionPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnhealthyEviction {
    /// A running pod that is not Ready may go only while enough others are healthy.
    IfHealthyBudget,
    /// A running pod that is not Ready may always go.
    AlwaysAllow,
}
