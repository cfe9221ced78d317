//! Nodes in the loop: where pods go, drains within budgets, and the loss of a node.

use super::{Class, Event, World};
use crate::kernel::SimTime;
use crate::platform::disruption::{Budget, Drain};
use crate::platform::node::{self, Loss, Room};
use crate::platform::pod::{PodUid, PodView};
use crate::timeline::{ContainerEnd, NodeId, PlatformFact, PodEnd, PodId, WorkloadId};

/// What is known of a node.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Hosted {
    /// It takes no more pods.
    is_cordoned: bool,
    /// It is lost.
    is_lost: bool,
    /// The control plane knows that it is lost.
    is_noticed: bool,
    drain: Option<Drain>,
}

/// What happens to a node at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Step {
    /// A drain asks for evictions.
    Drain,
    /// It has not answered for so long that its pods are called not ready, and it gets no more of them.
    Unready,
    /// Its pods are given up.
    GiveUp,
}

impl World<'_> {
    pub(in crate::cluster) fn found_nodes(&mut self) {
        let platform = &self.plan.platform;
        self.platform.nodes = platform.nodes.iter().map(|_| Hosted::default()).collect();
        let budgets = platform.budgets.iter();
        self.platform.budgets = budgets.map(|budget| Budget::new(budget.spec)).collect();
    }

    /// The node of a new pod of a workload; `None`: the scenario has no nodes, or none has room.
    pub(super) fn place(&self, workload: WorkloadId) -> Option<NodeId> {
        let platform = &self.plan.platform;
        let request = |workload: WorkloadId| {
            let pod = &platform.workloads[workload.index()].pod;
            pod.cpu.and_then(|cpu| cpu.request_m).unwrap_or(0)
        };
        let mut rooms: Vec<Room> = platform
            .nodes
            .iter()
            .zip(&self.platform.nodes)
            .map(|(spec, hosted)| Room {
                free_m: spec.cores_m,
                pods: 0,
                is_open: !hosted.is_cordoned && !hosted.is_noticed,
            })
            .collect();
        for pod in self.platform.pods.iter().filter(|pod| pod.exists()) {
            if let Some(node) = pod.node {
                let room = &mut rooms[node.index()];
                room.free_m = room.free_m.saturating_sub(request(pod.workload));
                room.pods += 1;
            }
        }
        let place = node::place(&rooms, request(workload))?;
        Some(NodeId(u32::try_from(place).unwrap_or(u32::MAX)))
    }

    fn pods_on(&self, node: NodeId) -> Vec<PodId> {
        let pods = (0..).map(PodId).zip(&self.platform.pods);
        pods.filter(|(_, pod)| pod.node == Some(node) && pod.exists())
            .map(|(id, _)| id)
            .collect()
    }

    fn schedule_node(&mut self, node: NodeId, at: SimTime, step: Step) {
        self.schedule(at, Class::Controller, node.0, Event::Node { node, step });
    }

    pub(in crate::cluster) fn on_node(&mut self, node: NodeId, step: Step) {
        match step {
            Step::Drain => self.evict(node),
            Step::Unready => {
                self.platform.nodes[node.index()].is_noticed = true;
                for pod in self.pods_on(node) {
                    self.set_ready(pod, false);
                }
            }
            Step::GiveUp => {
                for pod in self.pods_on(node) {
                    self.give_up(pod);
                }
            }
        }
    }

    /// `kubectl drain`: the node takes no more pods, and those on it are evicted as fast as their budgets allow.
    pub(in crate::cluster) fn drain(&mut self, node: NodeId) {
        let uids = self.pods_on(node).into_iter();
        let uids = uids
            .map(|pod| self.platform.pods[pod.index()].uid)
            .collect();
        let hosted = &mut self.platform.nodes[node.index()];
        hosted.is_cordoned = true;
        hosted.drain = Some(Drain::new(uids));
        self.evict(node);
    }

    fn evict(&mut self, node: NodeId) {
        let now = self.now();
        let Some(mut drain) = self.platform.nodes[node.index()].drain.take() else {
            return;
        };
        let next = drain.attempt(now, |uid| self.ask_for_eviction(uid));
        if let Some(next) = next {
            self.platform.nodes[node.index()].drain = Some(drain);
            self.schedule_node(node, next, Step::Drain);
        }
    }

    /// The Eviction API: true when the pod goes, false when a budget forbids it, nothing when it is gone already.
    fn ask_for_eviction(&mut self, uid: PodUid) -> Option<bool> {
        let now = self.now();
        let id = self.platform.find(uid)?;
        let workload = self.platform.pods[id.index()].workload;
        let views: Vec<PodView> = self.views(workload);
        let view = *views.iter().find(|view| view.uid == uid)?;
        let expected = self.platform.workloads[workload.index()].replicas();
        let budgets = self.plan.platform.budgets.iter();
        for (index, _) in budgets
            .enumerate()
            .filter(|(_, budget)| budget.workload == workload)
        {
            let budget = &mut self.platform.budgets[index];
            if !budget.evict(now, expected, &views, &view) {
                self.tell(PlatformFact::EvictionRefused { pod: id });
                return Some(false);
            }
        }
        self.delete_pod(id, PodEnd::Evicted);
        Some(true)
    }

    /// The node stops at once; the control plane learns it from the silence.
    pub(in crate::cluster) fn lose_node(&mut self, node: NodeId) {
        let now = self.now();
        let hosted = &mut self.platform.nodes[node.index()];
        if hosted.is_lost {
            return;
        }
        hosted.is_lost = true;
        self.tell(PlatformFact::Node { node, up: false });
        for pod in self.pods_on(node) {
            self.kill_container(pod, ContainerEnd::NodeLost);
            self.strand(pod);
        }
        let loss = Loss::of(now, self.plan.platform.kubernetes.minor);
        self.schedule_node(node, loss.not_ready, Step::Unready);
        self.schedule_node(node, loss.deleted, Step::GiveUp);
    }
}

impl super::Platform {
    /// True when the node of a pod is lost, whether anybody knows or not.
    pub(super) fn is_on_lost_node(&self, pod: PodId) -> bool {
        let node = self.pods[pod.index()].node;
        node.is_some_and(|node| self.nodes[node.index()].is_lost)
    }

    /// The pod with this uid that is not gone.
    pub(super) fn find(&self, uid: PodUid) -> Option<PodId> {
        let place = self
            .pods
            .iter()
            .position(|pod| pod.uid == uid && pod.exists())?;
        Some(PodId(u32::try_from(place).unwrap_or(u32::MAX)))
    }
}
