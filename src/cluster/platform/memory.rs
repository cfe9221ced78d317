//! Memory of pods: what their consumers hold, and the instant at which it is more than their container may use.
//!
//! A pod is weighed when one of its consumers gets another assignment or begins to restore, and, where memory might ever be short, at every answer
//! to a fetch. In between nothing grows but by restoring: the instant at which that crosses the limit is on the calendar.

use super::World;
use super::pods::Step;
use crate::assignor::ConsumerId;
use crate::kernel::SimTime;
use crate::timeline::{PlatformFact, PodId};
use crate::workload::memory::{Held, MemorySpec};

/// What a container's memory has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// It is on the calendar to be weighed then.
    weighed_at: SimTime,
    /// It needed more than it may use.
    is_exceeded: bool,
}

impl Memory {
    /// Of a container that starts.
    pub(super) const NEW: Self = Self {
        weighed_at: SimTime::NEVER,
        is_exceeded: false,
    };
}

impl World<'_> {
    fn memory_spec(&self, pod: PodId) -> Option<MemorySpec> {
        let workload = self.platform.pods[pod.index()].workload;
        self.plan.platform.workloads[workload.index()].pod.memory
    }

    /// A consumer has another assignment: might what its pod fetches now be too much?
    pub(in crate::cluster) fn review_memory(&mut self, consumer: ConsumerId) {
        let Some(pod) = self.processes[consumer.index()].pod else {
            return;
        };
        let Some(spec) = self.memory_spec(pod) else {
            return;
        };
        let consumers = self.platform.pods[pod.index()].consumers.clone();
        let most: Vec<Held> = consumers
            .iter()
            .map(|consumer| {
                let process = &self.processes[consumer.index()];
                let client = process.client.as_ref();
                Held {
                    partitions: client.map_or(0, |client| client.fetcher.slots.len() as u64),
                    buffered: process.most_buffered(&self.logs),
                    ..Held::default()
                }
            })
            .collect();
        let might = spec.per_buffered_byte > 0 && spec.is_exceeded(&most);
        for other in consumers {
            let client = self.processes[other.index()].client.as_ref();
            if client.is_none_or(|client| client.weighed == might) {
                continue;
            }
            if other != consumer {
                self.catch_up(other);
            }
            if let Some(client) = &mut self.processes[other.index()].client {
                client.weighed = might;
            }
            if other != consumer {
                self.rearm(other);
            }
        }
        self.weigh(consumer);
    }

    /// What a consumer holds has grown, or grows from now on: its pod is killed as soon as that is more than it may use.
    pub(in crate::cluster) fn weigh(&mut self, consumer: ConsumerId) {
        let Some(pod) = self.processes[consumer.index()].pod else {
            return;
        };
        let Some(spec) = self.memory_spec(pod) else {
            return;
        };
        if self.platform.pods[pod.index()].memory.is_exceeded {
            return;
        }
        for other in self.platform.pods[pod.index()].consumers.clone() {
            if other != consumer {
                self.catch_up(other);
            }
        }
        let now = self.now();
        let held = self.held_by(pod);
        if spec.is_exceeded(&held) {
            self.platform.pods[pod.index()].memory.is_exceeded = true;
            let partitions = held.iter().map(|held| held.partitions).sum::<u64>();
            self.tell(PlatformFact::MemoryExceeded {
                consumer,
                needed: spec.needed(&held),
                limit: spec.limit,
                partitions: u32::try_from(partitions).unwrap_or(u32::MAX),
                buffered: held.iter().map(|held| held.buffered).sum(),
                in_full: spec.needed(&held.iter().map(Held::in_full).collect::<Vec<_>>()),
            });
            return self.schedule_pod(pod, now, Step::OutOfMemory);
        }
        let Some(after) = spec.exceeded_after(&held) else {
            return;
        };
        let memory = &mut self.platform.pods[pod.index()].memory;
        if now + after < memory.weighed_at {
            memory.weighed_at = now + after;
            self.schedule_pod(pod, now + after, Step::Weigh(consumer));
        }
    }

    /// What restoring fills may be full now, unless something came in between.
    pub(super) fn on_weigh(&mut self, pod: PodId, consumer: ConsumerId) {
        let now = self.now();
        let memory = &mut self.platform.pods[pod.index()].memory;
        if memory.weighed_at == now {
            memory.weighed_at = SimTime::NEVER;
            self.catch_up(consumer);
            self.weigh(consumer);
        }
    }

    fn held_by(&self, pod: PodId) -> Vec<Held> {
        let now = self.now();
        let consumers = self.platform.pods[pod.index()].consumers.iter();
        consumers
            .map(|consumer| self.processes[consumer.index()].holds(&self.logs, now))
            .collect()
    }

    /// Bytes that a pod needs now.
    pub(super) fn memory_of(&self, pod: PodId) -> u64 {
        let spec = self.memory_spec(pod);
        spec.map_or(0, |spec| spec.needed(&self.held_by(pod)))
    }
}
