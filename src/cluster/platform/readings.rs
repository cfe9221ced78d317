//! What autoscalers may see: the target and its pods as the API shows them, the metrics API, lags, and offsets as the brokers answer.

use super::World;
use crate::assignor::{TopicId, TopicPartition};
use crate::kernel::SimTime;
use crate::platform::api_time::ApiTime;
use crate::platform::hpa::{
    HpaSpec, Observed, PodPhase, PodSeen, Reading, ReadyCondition, ResourceName, Source,
};
use crate::platform::keda::{PartitionOffsets, ScaledObject, Seen};
use crate::scenario::plan::autoscaler::{LagKind, OffsetsOf, Series};
use crate::timeline::{PodId, WorkloadId};

/// Seconds before the run at which the pods of a steady start were started and became ready.
const STARTED_BEFORE: i64 = 3_600;
const READY_BEFORE: i64 = 3_580;

impl World<'_> {
    pub(super) fn seen(&self, target: WorkloadId) -> Seen {
        let ready = self.in_status(target);
        let ready = ready.filter(|pod| self.platform.pods[pod.index()].ready_since.is_some());
        Seen {
            current: self.current(target),
            ready: i32::try_from(ready.count()).unwrap_or(i32::MAX),
        }
    }

    pub(super) fn observed(&self, target: WorkloadId, readings: Vec<Reading>) -> Observed {
        let pods = &self.platform.workloads[target.index()].pods;
        let counted = self.in_status(target).count();
        Observed {
            spec_replicas: self.current(target),
            status_replicas: i32::try_from(counted).unwrap_or(i32::MAX),
            pods: pods.iter().map(|pod| self.pod_seen(*pod)).collect(),
            readings,
        }
    }

    /// The pods that count in the status of a workload.
    fn in_status(&self, target: WorkloadId) -> impl Iterator<Item = PodId> {
        let hosted = &self.platform.workloads[target.index()];
        let pods = hosted.pods.iter().copied();
        pods.filter(|pod| {
            hosted.counts_terminating() || self.platform.pods[pod.index()].is_active()
        })
    }

    fn pod_seen(&self, id: PodId) -> PodSeen {
        let pod = &self.platform.pods[id.index()];
        let moment = |at: SimTime, before: i64| {
            if at == SimTime::ZERO && pod.is_from_before {
                ApiTime::from_secs(-before)
            } else {
                ApiTime::of(at)
            }
        };
        // Conditions and start time come from the kubelet.
        PodSeen {
            name: pod.name.clone(),
            phase: match pod.taken_up {
                None => PodPhase::Pending,
                Some(_) => PodPhase::Running,
            },
            ready: pod.taken_up.map(|_| ReadyCondition {
                is_true: pod.ready_since.is_some(),
                since: moment(pod.ready_changed, READY_BEFORE),
            }),
            started: pod.taken_up.map(|at| moment(at, STARTED_BEFORE)),
            is_deleting: pod.deleting.is_some(),
        }
    }

    pub(super) fn hpa_readings(
        &mut self,
        target: WorkloadId,
        spec: &HpaSpec,
        series: &[Option<Series>],
    ) -> Vec<Reading> {
        let metrics = spec.metrics.iter().zip(series);
        metrics
            .map(|(metric, series)| match series {
                Some(series) => {
                    let records = self.level(*series).saturating_mul(1_000);
                    Reading::External(vec![i64::try_from(records).unwrap_or(i64::MAX)])
                }
                None => self.pod_reading(target, &metric.source),
            })
            .collect()
    }

    pub(super) fn keda_readings(
        &mut self,
        target: WorkloadId,
        object: &mut ScaledObject,
        spec: &HpaSpec,
        offsets: &[Option<OffsetsOf>],
    ) -> Vec<Reading> {
        let order = object.spec().metric_order();
        let seen = self.seen(target);
        order
            .into_iter()
            .zip(&spec.metrics)
            .map(|(trigger, metric)| {
                let answer = offsets[trigger].as_ref();
                let answer = answer.and_then(|of| self.offsets(of));
                let reading = object.metric(trigger, seen, answer.as_deref());
                reading.unwrap_or_else(|| self.pod_reading(target, &metric.source))
            })
            .collect()
    }

    /// What the metrics API says of the pods of a workload.
    fn pod_reading(&self, target: WorkloadId, source: &Source) -> Reading {
        let pods = &self.platform.workloads[target.index()].pods;
        let server = self.platform.metrics.as_ref();
        let spec = &self.plan.platform.workloads[target.index()].pod;
        let resource = match source {
            Source::Resource(resource) | Source::ContainerResource(resource, _) => Some(*resource),
            Source::Pods(_) | Source::External { .. } => None,
        };
        let sample = |pod: &PodId| match resource? {
            ResourceName::Cpu => server?.cpu(u64::from(pod.0)),
            ResourceName::Memory => server?.memory(u64::from(pod.0)),
        };
        let alone = matches!(source, Source::ContainerResource(..));
        // In thousandths.
        let request = resource.and_then(|resource| {
            let request = spec.request(resource, alone)?;
            Some(match resource {
                ResourceName::Cpu => request,
                ResourceName::Memory => request.saturating_mul(1_000),
            })
        });
        Reading::PerPod {
            samples: pods.iter().map(sample).collect(),
            request: request.and_then(|request| i64::try_from(request).ok()),
        }
    }

    /// A lag now.
    pub(super) fn level(&mut self, series: Series) -> u64 {
        if series.lag == LagKind::Processed {
            self.catch_up_everybody();
        }
        let now = self.now();
        let topics = match series.topic {
            Some(topic) => vec![topic],
            None => self.topics_of(series.group),
        };
        let mut sum = 0;
        for topic in topics {
            for index in self.indexes(topic, series.partition) {
                let end = self.logs[index].arrivals.count(now);
                let account = &mut self.groups[series.group.index()].accounts[index];
                let position = match series.lag {
                    LagKind::Processed => account.position(&mut self.logs[index], now),
                    LagKind::Committed => account.committed(&self.logs[index], now).unwrap_or(0),
                };
                sum += end.saturating_sub(position);
            }
        }
        sum
    }

    /// Places of the partitions of a topic, or of one of them.
    fn indexes(&self, topic: TopicId, only: Option<u32>) -> Vec<usize> {
        (0..self.topology.partitions_of(topic))
            .filter(|partition| only.is_none_or(|only| only == *partition))
            .map(|partition| self.topology.index(TopicPartition { topic, partition }))
            .collect()
    }

    /// What the brokers answer to somebody who asks for offsets; nothing while the group's coordinator is away.
    pub(super) fn offsets(&self, of: &OffsetsOf) -> Option<Vec<PartitionOffsets>> {
        let host = &self.groups[of.group.index()];
        if !host.hosting.is_active() {
            return None;
        }
        let now = self.now();
        let mut offsets = Vec::new();
        for &topic in &of.topics {
            for (partition, index) in (0..).zip(self.indexes(topic, None)) {
                offsets.push(PartitionOffsets {
                    topic: topic.0,
                    partition,
                    committed: host.accounts[index].committed(&self.logs[index], now),
                    end: self.logs[index].arrivals.count(now),
                });
            }
        }
        Some(offsets)
    }
}
