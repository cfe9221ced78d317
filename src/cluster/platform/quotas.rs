//! What those who run in one container may burn together: its CPU limit is one quota of the cgroup (`environment-models.md` 5.5), not a part for
//! each. [`super::super::sharing`] asks once a second who wants how much and gives each its level.

use std::collections::BTreeMap;

use super::World;
use crate::assignor::ConsumerId;
use crate::timeline::{NodeId, PodId};
use crate::workload::cpu::fair_level_m;

/// What somebody wants to burn, in thousandths of a core, and where.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Want {
    pub(in crate::cluster) node: Option<NodeId>,
    /// The pod whose container's limit it shares with others.
    pub(in crate::cluster) container: Option<PodId>,
    pub(in crate::cluster) cores_m: u64,
}

/// The most that containers leave each who runs in them, where that is less than they want.
pub(in crate::cluster) type Levels = BTreeMap<PodId, u64>;

impl World<'_> {
    /// True when in some container several share a limit.
    pub(in crate::cluster) fn has_shared_limits(&self) -> bool {
        let mut workloads = self.plan.platform.workloads.iter();
        workloads.any(|workload| workload.shares_its_limit())
    }

    /// The pod whose limit a consumer shares with others.
    pub(in crate::cluster) fn shares_limit_of(&self, consumer: ConsumerId) -> Option<PodId> {
        let pod = self.processes[consumer.index()].pod?;
        let workload = self.platform.pods[pod.index()].workload;
        let shares = self.plan.platform.workloads[workload.index()].shares_its_limit();
        shares.then_some(pod)
    }

    /// What containers that start want besides their consumers.
    pub(in crate::cluster) fn wanted_by_boots(&self) -> Vec<Want> {
        let now = self.now();
        let wanted = self.platform.running().filter_map(|id| {
            let pod = &self.platform.pods[id.index()];
            let workload = &self.plan.platform.workloads[pod.workload.index()];
            let (cores_m, end) = pod.boots(&workload.pod.cpu?)?;
            (now < end).then(|| Want {
                node: pod.node,
                container: workload.shares_its_limit().then_some(id),
                cores_m,
            })
        });
        wanted.collect()
    }

    /// What each container leaves those in it.
    pub(in crate::cluster) fn container_levels(&self, wants: &[Want]) -> Levels {
        let mut wanted: BTreeMap<PodId, Vec<u64>> = BTreeMap::new();
        for want in wants {
            if let Some(pod) = want.container {
                wanted.entry(pod).or_default().push(want.cores_m);
            }
        }
        let levels = wanted.into_iter().filter_map(|(pod, wanted)| {
            let workload = self.platform.pods[pod.index()].workload;
            let limit = self.plan.platform.workloads[workload.index()].pod.cpu?;
            Some((pod, fair_level_m(limit.limit_m?, &wanted)?))
        });
        levels.collect()
    }
}
