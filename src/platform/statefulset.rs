//! StatefulSets (`pkg/controller/statefulset`): which ordinals are created and deleted, and of which template they are.

use super::quantity::IntOrPercent;
use crate::kernel::SimDuration;

/// `apps/v1` StatefulSetSpec, without its size and template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatefulSetSpec {
    /// `podManagementPolicy`
    pub policy: PodManagement,
    /// `updateStrategy`
    pub strategy: UpdateStrategy,
    /// `minReadySeconds`: a pod counts as available when it has been Ready this long.
    pub min_ready: SimDuration,
    /// `ordinals.start`
    pub first_ordinal: u32,
}

/// `podManagementPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodManagement {
    /// One after the other.
    OrderedReady,
    /// All at once when the size changes.
    Parallel,
}

/// `updateStrategy.type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// Pods of an older template are replaced, from the highest ordinal down.
    RollingUpdate {
        /// `partition`: ordinals below keep the older template.
        partition: u32,
        /// `maxUnavailable`; `None`: one, by the rule of releases without the feature `MaxUnavailableStatefulSet`.
        max_unavailable: Option<IntOrPercent>,
    },
    /// Pods of an older template stay until somebody deletes them.
    OnDelete,
}
