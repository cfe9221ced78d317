//! The platform in the loop: pods start, end and restart consumers; controllers keep pods; autoscalers keep the number of them.
//!
//! `pods` is the life of a pod (the kubelet's part), `members` the processes in it, `workloads` hosts the controller of each Deployment and StatefulSet, `scalers` the
//! autoscalers, `readings` and `pipeline` what these may see, `memory` what containers hold, `quotas` what they may burn, `nodes` places pods and drains or loses nodes. The machines themselves are in [`crate::platform`].

mod members;
mod memory;
mod nodes;
mod pipeline;
mod pods;
mod quotas;
mod readings;
mod scalers;
mod workloads;

use super::world::{Class, Event, World};
use crate::platform::disruption::Budget;
use crate::platform::hpa::Reconcile;
use crate::platform::metrics_server::MetricsServer;
use crate::scenario::plan::Plan;
use crate::timeline::{Cast, Observation, PlatformFact, PodFacts, ScalerId, WorkloadFacts};

pub(super) use nodes::Step as NodeStep;
use pods::Pod;
pub(super) use pods::Step as PodStep;
pub(super) use quotas::{Levels, Want};

/// Everything that stands above the processes.
#[derive(Debug, Default)]
pub(super) struct Platform {
    /// Pods that ever were, in order of creation.
    pub(super) pods: Vec<Pod>,
    /// Deployments and StatefulSets, as in the plan.
    workloads: Vec<workloads::Hosted>,
    /// Autoscalers, as in the plan.
    scalers: Vec<scalers::Hosted>,
    /// Nodes, as in the plan.
    nodes: Vec<nodes::Hosted>,
    /// PodDisruptionBudgets, as in the plan.
    budgets: Vec<Budget>,
    /// Kubelets and metrics-server, when an autoscaler asks for them.
    metrics: Option<MetricsServer>,
    /// Every reconcile of an HPA, when the run is asked to keep them.
    pub(super) reconciles: Vec<(ScalerId, Reconcile)>,
}

impl World<'_> {
    pub(super) fn tell(&mut self, fact: PlatformFact) {
        self.observe(Observation::Platform(fact));
    }
}

impl Platform {
    /// Names and constants for the readers.
    pub(super) fn introduce(&self, plan: &Plan, cast: &mut Cast) {
        let platform = &plan.platform;
        let workloads = platform.workloads.iter();
        cast.workloads = workloads
            .map(|workload| WorkloadFacts {
                name: workload.name.clone(),
                group: workload.group,
            })
            .collect();
        cast.pods = self
            .pods
            .iter()
            .map(|pod| PodFacts {
                name: pod.name.clone(),
                workload: pod.workload,
                revision: pod.template + 1,
                consumers: pod.consumers.clone(),
            })
            .collect();
        cast.scalers = self.scaler_facts(&platform.autoscalers);
        cast.nodes = platform
            .nodes
            .iter()
            .map(|node| node.name.clone())
            .collect();
    }
}
