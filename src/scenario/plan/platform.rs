//! Orchestration in the plan: workloads whose pods make the members of groups, and what acts on them.

use super::Consumer;
use super::autoscaler::Autoscaler;
use crate::assignor::GroupId;
use crate::kernel::SimDuration;
use crate::platform::deployment::DeploymentSpec;
use crate::platform::disruption::BudgetSpec;
use crate::platform::hpa;
use crate::platform::node::NodeSpec;
use crate::platform::pod::PodSpec;
use crate::platform::statefulset::StatefulSetSpec;
pub use crate::timeline::{NodeId, WorkloadId};

/// All of it; empty when nobody but the script starts and stops members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Platform {
    /// The Kubernetes release and the flags of its controllers.
    pub kubernetes: Kubernetes,
    /// Deployments, then StatefulSets, each by name; [`WorkloadId`] is the position.
    pub workloads: Vec<Workload>,
    /// Autoscalers by name.
    pub autoscalers: Vec<Autoscaler>,
    /// PodDisruptionBudgets by name.
    pub budgets: Vec<Budget>,
    /// Nodes by name; [`NodeId`] is the position. Empty: pods run each on a machine of its own.
    pub nodes: Vec<NodeSpec>,
}

impl Platform {
    /// The workload whose pods make the members of a group.
    #[must_use]
    pub fn maker_of(&self, group: GroupId) -> Option<&Workload> {
        self.workloads
            .iter()
            .find(|workload| workload.group == group)
    }
}

/// `kubernetes`: release and controller flags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kubernetes {
    /// Minor release: 34 is 1.34.
    pub minor: u32,
    /// Flags of the HPA controller.
    pub hpa: hpa::Controller,
    /// `--metric-resolution` of metrics-server.
    pub metrics_resolution: SimDuration,
}

impl Default for Kubernetes {
    /// 1.34, the release of the recorded controllers.
    fn default() -> Self {
        Self {
            minor: 34,
            hpa: hpa::Controller::DEFAULT,
            metrics_resolution: SimDuration::from_secs(15),
        }
    }
}

/// A Deployment or StatefulSet.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Name, the only one among Deployments and StatefulSets.
    pub name: String,
    /// The group whose members its pods are.
    pub group: GroupId,
    /// Consumers in each pod.
    pub consumers_per_pod: u32,
    /// `spec.replicas` at the start.
    pub replicas: u32,
    /// Who keeps the pods.
    pub controller: Controller,
    /// What its pods are.
    pub pod: PodSpec,
    /// The model of every consumer that a pod starts. Its `name` is empty: a consumer is called like its pod (with
    /// several to a pod `<pod>-<i>`, as in [`Workload::member_name`]).
    pub member: Consumer,
    /// True: `group.instance.id` is that name (`static_membership: true`).
    pub static_membership: bool,
    /// JSON pointer of the entry in the resolved scenario.
    pub pointer: String,
}

impl Workload {
    /// The name of consumer `index` of the pod called `pod`, also its static identity.
    #[must_use]
    pub fn member_name(&self, pod: &str, index: u32) -> String {
        if self.consumers_per_pod == 1 {
            pod.to_owned()
        } else {
            format!("{pod}-{index}")
        }
    }

    /// True when the CPU limit of its container is one of several who burn: its consumers, or these and its start-up.
    #[must_use]
    pub fn shares_its_limit(&self) -> bool {
        let cpu = self.pod.cpu.filter(|cpu| cpu.limit_m.is_some());
        cpu.is_some_and(|cpu| self.consumers_per_pod > 1 || cpu.boot.is_some())
    }
}

/// Who keeps a workload's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// A Deployment.
    Deployment(DeploymentSpec),
    /// A StatefulSet.
    StatefulSet(StatefulSetSpec),
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Name.
    pub name: String,
    /// Whose pods it protects.
    pub workload: WorkloadId,
    /// Limit and policy.
    pub spec: BudgetSpec,
}
