//! The processes of a pod: which consumers it runs, with which settings, on which node.

use std::sync::Arc;

use super::super::process::{Process, cross_rack};
use super::World;
use crate::assignor::ConsumerId;
use crate::platform::node::NodeSpec;
use crate::platform::pod::Shutdown;
use crate::protocol::config::{ConsumerConfig, GroupMembershipOperation};
use crate::scenario::plan::Consumer;
use crate::timeline::{NodeId, WorkloadId};
use crate::workload::cpu::CpuBudget;

impl World<'_> {
    /// The process is to run on this node.
    pub(super) fn move_to(&mut self, consumer: ConsumerId, node: Option<NodeId>) {
        let Some(node) = node else { return };
        let process = &mut self.processes[consumer.index()];
        process.node = Some(node);
        let mut consumer = (**process.next_spec.as_ref().unwrap_or(&process.spec)).clone();
        settle(&mut consumer, &self.plan.platform.nodes[node.index()]);
        let brokers = &self.plan.brokers;
        process
            .link
            .set_cross_rack(cross_rack(brokers, &consumer.config));
        process.next_spec = Some(Arc::new(consumer));
    }

    /// The processes that a pod of this name runs: those of the last pod of that name, or new ones.
    pub(super) fn processes_of_pod(
        &mut self,
        workload: WorkloadId,
        name: &str,
        node: Option<NodeId>,
    ) -> Vec<ConsumerId> {
        let plan = self.plan;
        let known = self.platform.pods.iter().rev();
        let mut known = known.filter(|pod| pod.workload == workload && pod.name == name);
        if let Some(known) = known.next() {
            let consumers = known.consumers.clone();
            for (index, &consumer) in (0..).zip(&consumers) {
                let next = self.member_of_pod(workload, name, index);
                self.processes[consumer.index()].next_spec = Some(Arc::new(next));
                self.move_to(consumer, node);
            }
            return consumers;
        }
        let spec = &plan.platform.workloads[workload.index()];
        (0..spec.consumers_per_pod)
            .map(|index| {
                let id = ConsumerId(u32::try_from(self.processes.len()).unwrap_or(u32::MAX));
                let mut consumer = self.member_of_pod(workload, name, index);
                if let Some(node) = node {
                    settle(&mut consumer, &plan.platform.nodes[node.index()]);
                }
                let process = Process::new(plan, self.seed, Arc::new(consumer), self.options);
                self.processes.push(process);
                self.schedule_faults_of(id);
                id
            })
            .collect()
    }

    /// Consumer `index` of the pod called `name`, wherever that may run.
    fn member_of_pod(&self, workload: WorkloadId, name: &str, index: u32) -> Consumer {
        let spec = &self.plan.platform.workloads[workload.index()];
        let mut consumer = spec.member.clone();
        if let Some(config) = self.platform.config_of(workload) {
            consumer.config = Arc::new(config.clone());
        }
        consumer.name = spec.member_name(name, index);
        if spec.pod.shutdown == Shutdown::GracefulWithoutLeave {
            Arc::make_mut(&mut consumer.config).on_close = GroupMembershipOperation::RemainInGroup;
        }
        if spec.static_membership {
            let id = Arc::from(&*consumer.name);
            Arc::make_mut(&mut consumer.config).group_instance_id = Some(id);
        }
        if let Some(cpu) = spec.pod.cpu {
            // The limit is one of all that run in the container (`quotas`); what it idles counts with each in part.
            consumer.cpu = CpuBudget {
                limit_m: cpu.limit_m,
                idle_m: cpu.idle_m / u64::from(spec.consumers_per_pod.max(1)),
            };
        }
        consumer
    }

    /// Containers of this workload that start from now on have these settings; those that run keep theirs.
    pub(in crate::cluster) fn configure_pods(
        &mut self,
        workload: WorkloadId,
        config: &ConsumerConfig,
    ) {
        self.platform.configure(workload, config);
        let pods = self.platform.pods.iter();
        let pods = pods.filter(|pod| pod.workload == workload && pod.exists());
        let pods: Vec<_> = pods
            .map(|pod| (pod.name.clone(), pod.node, pod.consumers.clone()))
            .collect();
        for (name, node, consumers) in pods {
            for (index, consumer) in (0..).zip(consumers) {
                let mut next = self.member_of_pod(workload, &name, index);
                if let Some(node) = node {
                    settle(&mut next, &self.plan.platform.nodes[node.index()]);
                }
                self.processes[consumer.index()].next_spec = Some(Arc::new(next));
            }
        }
    }
}

/// The consumer is one that runs on `node`.
fn settle(consumer: &mut Consumer, node: &NodeSpec) {
    consumer.host = Some(node.name.clone());
    if let Some(rack) = &node.rack {
        Arc::make_mut(&mut consumer.config).client_rack = Some(Arc::from(rack.as_str()));
    }
}
