//! What surrounds processes: resources that they share, and what befalls them by chance.

use super::{NodeId, Target};
use crate::assignor::GroupId;
use crate::workload::distribution::Distribution;
use crate::workload::downstream::ResourceSpec;

/// Position of a resource in `Plan::resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub u32);

impl ResourceId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A shared downstream resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Name.
    pub name: String,
    /// What it can do.
    pub spec: ResourceSpec,
}

/// A source of random faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What it is called in the scenario: `crash`, `freeze`, `noisy`.
    pub verb: &'static str,
    /// Whom it befalls.
    pub target: FaultTarget,
    /// What it does.
    pub kind: FaultKind,
    /// Name of its streams: what it does, to whom, and which of several alike it is. Other faults do not move it.
    pub stream: String,
    /// JSON pointer of the entry in the resolved scenario.
    pub pointer: String,
}

/// Whom a fault befalls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultTarget {
    /// Each member of a group by itself, also those that pods bring while the run goes on.
    Group(GroupId),
    /// Each of these by itself; or each time one of a group's living.
    Members(Target),
    /// All that runs on a node.
    Node(NodeId),
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Kills, and starts again after the repair.
    Crash {
        /// From start or repair to the next crash.
        uptime: Distribution,
        /// From crash to start; `None`: nobody starts it again.
        repair: Option<Distribution>,
    },
    /// The whole process stands still.
    Freeze {
        /// From the begin of one to the begin of the next.
        every: Distribution,
        /// How long.
        length: Distribution,
    },
    /// Others burn CPU beside it.
    Noise {
        /// From the begin of one episode to the begin of the next.
        every: Distribution,
        /// How long.
        length: Distribution,
        /// Thousandths of the CPU that are left: from, to, every value equally likely.
        leaves: (u64, u64),
    },
}

impl FaultKind {
    /// Everything that is drawn.
    pub fn distributions(&self) -> impl Iterator<Item = &Distribution> {
        let (first, second) = match self {
            Self::Crash { uptime, repair } => (uptime, repair.as_ref()),
            Self::Freeze { every, length } | Self::Noise { every, length, .. } => {
                (every, Some(length))
            }
        };
        std::iter::once(first).chain(second)
    }
}
