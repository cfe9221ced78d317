//! Observations of the platform: pods, controllers, autoscalers, nodes.

use serde_json::{Value, json};

use super::Said;
use crate::timeline::{NodeId, PlatformFact, PodId, ScalerId, WorkloadId};

impl Said<'_> {
    fn pod(&mut self, name: &str, pod: PodId) -> &mut Self {
        let facts = &self.cast.pods[pod.index()];
        let group = self.cast.workloads[facts.workload.index()].group;
        self.event(name).group(group);
        self.workload(facts.workload).put("pod", json!(facts.name))
    }

    fn workload(&mut self, workload: WorkloadId) -> &mut Self {
        let name = json!(self.cast.workloads[workload.index()].name);
        self.put("workload", name)
    }

    fn of_workload(&mut self, name: &str, workload: WorkloadId) -> &mut Self {
        let group = self.cast.workloads[workload.index()].group;
        self.event(name).group(group).workload(workload)
    }

    fn scaler(&self, scaler: ScalerId) -> Value {
        json!(self.cast.scalers[scaler.index()].name)
    }

    fn node(&self, node: NodeId) -> Value {
        json!(self.cast.nodes[node.index()])
    }

    pub(super) fn platform(&mut self, fact: &PlatformFact) {
        match fact {
            PlatformFact::PodCreated { pod, why, node } => {
                let node = node.map_or(Value::Null, |node| self.node(node));
                self.pod("pod_created", *pod)
                    .put("why", json!(why.word()))
                    .put("node", node);
            }
            PlatformFact::PodReady { pod, ready } => {
                self.pod("pod_ready", *pod).put("ready", json!(ready));
            }
            PlatformFact::PodTerminating { pod, why } => {
                self.pod("pod_terminating", *pod)
                    .put("why", json!(why.word()));
            }
            PlatformFact::PodGone { pod } => {
                self.pod("pod_gone", *pod);
            }
            PlatformFact::ContainerEnded {
                pod,
                consumer,
                why,
                restart_after,
            } => {
                let restart = restart_after.map(|after| after.as_micros());
                self.pod("container_ended", *pod)
                    .member(*consumer)
                    .put("why", json!(why.word()))
                    .put("restart_after_us", json!(restart));
            }
            PlatformFact::MemoryExceeded {
                consumer,
                needed,
                limit,
                partitions,
                buffered,
                in_full,
            } => {
                self.of("memory_exceeded", *consumer)
                    .put("needed_bytes", json!(needed))
                    .put("limit_bytes", json!(limit))
                    .put("partitions", json!(partitions))
                    .put("buffered_bytes", json!(buffered))
                    .put("needed_in_full_bytes", json!(in_full));
            }
            PlatformFact::Replicas {
                workload,
                from,
                to,
                by,
            } => {
                let by = json!(by.name(self.cast));
                self.of_workload("replicas", *workload)
                    .put("from", json!(from))
                    .put("to", json!(to))
                    .put("by", by);
            }
            PlatformFact::Template { workload, revision } => {
                self.of_workload("template", *workload)
                    .put("revision", json!(revision));
            }
            PlatformFact::Decision {
                scaler,
                current,
                desired,
                metric,
                value_milli,
                target_milli,
                reason,
            } => {
                let name = self.scaler(*scaler);
                let workload = self.cast.scalers[scaler.index()].workload;
                self.of_workload("scaler_decision", workload)
                    .put("scaler", name)
                    .put("current", json!(current))
                    .put("desired", json!(desired))
                    .put("metric", json!(&**metric))
                    .put("value_milli", json!(value_milli))
                    .put("target_milli", json!(target_milli))
                    .put("reason", json!(reason));
            }
            PlatformFact::EvictionRefused { pod } => {
                self.pod("eviction_refused", *pod);
            }
            PlatformFact::Node { node, up } => {
                let name = self.node(*node);
                self.event("node").put("node", name).put("up", json!(up));
            }
        }
    }
}
