//! The metrics pipeline: what pods use of processors and memory, as their kubelets and metrics-server get to see it.

use super::{Class, Event, World};
use crate::kernel::{Draw, SimTime, Stream};
use crate::platform::metrics_server::{Counters, KUBELET_PERIOD, MetricsServer};
use crate::platform::pod::CpuSpec;
use crate::timeline::PodId;
use crate::workload::cpu::CORE_M;

use super::pods::{Phase, Pod};

/// After the grid's own entries of the class.
const KUBELET: u32 = 2;
const METRICS_SERVER: u32 = 3;

/// What a container has used of processors until its kubelet last looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    until: SimTime,
    /// What its processes had burnt by processing in all their lives, in core-microseconds.
    processing: u64,
    /// Since its start, in thousandths of a core times microseconds.
    used: u64,
}

impl Usage {
    /// Of a container that starts, when its processes have burnt so much in earlier lives.
    pub(super) const fn since(start: SimTime, processing: u64) -> Self {
        Self {
            until: start,
            processing,
            used: 0,
        }
    }
}

impl World<'_> {
    pub(super) fn start_metrics_pipeline(&mut self) {
        let resolution = self.plan.platform.kubernetes.metrics_resolution;
        self.platform.metrics = Some(MetricsServer::new(resolution));
        let phase = |entity: &str, period: crate::kernel::SimDuration| {
            let mut draw = Draw::new(self.seed, Stream::new(entity, "phase"));
            SimTime::from_micros(draw.below(period.as_micros().max(1)))
        };
        let (look, scrape) = (
            phase("kubelet", KUBELET_PERIOD),
            phase("metrics-server", resolution),
        );
        self.schedule(look, Class::Scrape, KUBELET, Event::KubeletLooks);
        self.schedule(scrape, Class::Scrape, METRICS_SERVER, Event::ScrapeKubelets);
    }

    pub(in crate::cluster) fn on_kubelet_looks(&mut self) {
        let now = self.now();
        let running: Vec<PodId> = self.platform.running().collect();
        let counters: Vec<Counters> = running.into_iter().map(|pod| self.counters(pod)).collect();
        if let Some(server) = &mut self.platform.metrics {
            server.refresh(now, &counters);
        }
        self.schedule(
            now + KUBELET_PERIOD,
            Class::Scrape,
            KUBELET,
            Event::KubeletLooks,
        );
    }

    pub(in crate::cluster) fn on_scrape(&mut self) {
        let now = self.now();
        if let Some(server) = &mut self.platform.metrics {
            server.scrape();
            let next = now + server.resolution();
            self.schedule(next, Class::Scrape, METRICS_SERVER, Event::ScrapeKubelets);
        }
    }

    /// Idling, start-up and processing since the last look, together at most what the limit of the container allows in that time.
    fn counters(&mut self, id: PodId) -> Counters {
        let plan = self.plan;
        let processing = self.cpu_of_consumers(id);
        let memory = self.memory_of(id);
        let now = self.now();
        let pod = &mut self.platform.pods[id.index()];
        let before = pod.usage;
        let passed = now.since(before.until).as_micros();
        let mut used = processing.saturating_sub(before.processing) * CORE_M;
        if let Some(cpu) = plan.platform.workloads[pod.workload.index()].pod.cpu {
            let boots = pod.boots(&cpu).map_or(0, |(cores_m, end)| {
                cores_m.saturating_mul(end.min(now).since(before.until).as_micros())
            });
            used = used.saturating_add(boots) + cpu.idle_m * passed;
            used = used.min(cpu.limit_m.map_or(u64::MAX, |limit| limit * passed));
        }
        pod.usage = Usage {
            until: now,
            processing,
            used: before.used + used,
        };
        Counters {
            pod: u64::from(id.0),
            started: pod.container_since,
            core_micros: pod.usage.used / CORE_M,
            memory,
        }
    }

    /// Core-microseconds that the processes of a pod have burnt by processing, in all their lives.
    pub(super) fn cpu_of_consumers(&mut self, id: PodId) -> u64 {
        let consumers = self.platform.pods[id.index()].consumers.clone();
        consumers
            .into_iter()
            .map(|consumer| self.cpu_used(consumer))
            .sum()
    }
}

impl Pod {
    /// What its present container burns, or has burnt, to start, and until when; nothing of one that ran before the run.
    pub(super) fn boots(&self, cpu: &CpuSpec) -> Option<(u64, SimTime)> {
        let boot = cpu.boot.filter(|_| !self.is_from_before || self.starts > 1);
        boot.map(|(cores_m, length)| (cores_m, self.container_since + length))
    }
}

impl super::Platform {
    /// Pods whose container runs.
    pub(super) fn running(&self) -> impl Iterator<Item = PodId> {
        let workloads = self.workloads.iter();
        let pods = workloads.flat_map(|hosted| hosted.pods.iter().copied());
        pods.filter(|pod| {
            let phase = self.pods[pod.index()].phase;
            matches!(phase, Phase::Starting | Phase::Running)
        })
    }
}
