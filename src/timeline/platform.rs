//! Facts about what starts and stops consumers: pods, the controllers above them, autoscalers, nodes.

use std::sync::Arc;

use super::words::{ContainerEnd, PodEnd, PodStart};
use crate::assignor::ConsumerId;
use crate::kernel::SimDuration;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in its table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A pod, in order of creation.
    PodId;
    /// A Deployment or StatefulSet, in the scenario's order: Deployments first.
    WorkloadId;
    /// An autoscaler, in the scenario's order.
    ScalerId;
    /// A node, in the scenario's order.
    NodeId;
}

/// Who wants another number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScaledBy {
    /// An entry of the scenario.
    Script,
    /// An autoscaler.
    Scaler(ScalerId),
}

impl ScaledBy {
    /// The autoscaler's name, or `script`.
    #[must_use]
    pub fn name(self, cast: &super::Cast) -> &str {
        match self {
            Self::Script => "script",
            Self::Scaler(scaler) => &cast.scalers[scaler.index()].name,
        }
    }
}

/// Something that happened on the platform.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformFact {
    /// A pod was created.
    PodCreated {
        /// The pod.
        pod: PodId,
        /// Why.
        why: PodStart,
        /// Where it was placed; `None`: the scenario has no nodes.
        node: Option<NodeId>,
    },
    /// A pod became ready or stopped being so.
    PodReady {
        /// The pod.
        pod: PodId,
        /// Which.
        ready: bool,
    },
    /// A pod is to go: its grace period begins.
    PodTerminating {
        /// The pod.
        pod: PodId,
        /// Why.
        why: PodEnd,
    },
    /// A pod is gone.
    PodGone {
        /// The pod.
        pod: PodId,
    },
    /// A container of a pod ended before or after its pod was told to go.
    ContainerEnded {
        /// The pod.
        pod: PodId,
        /// The consumer that ran in it.
        consumer: ConsumerId,
        /// Why.
        why: ContainerEnd,
        /// It starts again after this much back-off; `None`: never.
        restart_after: Option<SimDuration>,
    },
    /// A consumer's process needs more memory than the limit of its container.
    MemoryExceeded {
        /// The consumer.
        consumer: ConsumerId,
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
        /// Partitions held.
        partitions: u32,
        /// Bytes fetched and not processed.
        buffered: u64,
        /// Bytes that it would need with the state of all its partitions restored.
        in_full: u64,
    },
    /// A workload is to have another number of replicas.
    Replicas {
        /// The workload.
        workload: WorkloadId,
        /// Before.
        from: u32,
        /// After.
        to: u32,
        /// Whose doing it was.
        by: ScaledBy,
    },
    /// A workload got another template (a deploy or a rollback): its pods are replaced.
    Template {
        /// The workload.
        workload: WorkloadId,
        /// Revision from now on.
        revision: u32,
    },
    /// An autoscaler looked and came to a conclusion.
    Decision {
        /// The autoscaler.
        scaler: ScalerId,
        /// Replicas that are wanted now.
        current: u32,
        /// Replicas that it wants.
        desired: u32,
        /// Name of the metric that decided; empty when none could be read.
        metric: Arc<str>,
        /// Its value in thousandths.
        value_milli: i64,
        /// Its target in thousandths.
        target_milli: i64,
        /// What limits or keeps it, in Kubernetes' own words: `ScaleDownStabilized`, `ScaleUpLimit`, …
        reason: &'static str,
    },
    /// An eviction was refused: the disruption budget allows none now.
    EvictionRefused {
        /// The pod.
        pod: PodId,
    },
    /// A node was lost, or came back.
    Node {
        /// The node.
        node: NodeId,
        /// Whether it runs.
        up: bool,
    },
}

/// Constant facts of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadFacts {
    /// Its name.
    pub name: String,
    /// The group that its pods' consumers belong to.
    pub group: crate::assignor::GroupId,
}

/// Constant facts of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its workload.
    pub workload: WorkloadId,
    /// Revision of the template that it was made from.
    pub revision: u32,
    /// Its consumers.
    pub consumers: Vec<ConsumerId>,
}

/// Constant facts of an autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalerFacts {
    /// Its name.
    pub name: String,
    /// What it scales.
    pub workload: WorkloadId,
    /// `hpa`, `keda` or `threshold`.
    pub kind: &'static str,
}
