//! The metrics pipeline: what pods use of processors and memory, as their kubelets and metrics-server get to see it.

use super::{Class, Event, World};
use crate::kernel::{Draw, SimTime, Stream};
use crate::platform::metrics_server::{Counters, KUBELET_PERIOD, MetricsServer};
use crate::timeline::PodId;

use super::pods::Phase;

/// After the grid's own entries of the class.
const KUBELET: u32 = 2;
const METRICS_SERVER: u32 = 3;

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

    fn counters(&mut self, id: PodId) -> Counters {
        let used = self.cpu_of_consumers(id);
        let memory = self.memory_of(id);
        let now = self.now();
        let pod = &self.platform.pods[id.index()];
        let spec = &self.plan.platform.workloads[pod.workload.index()].pod;
        let uptime = now.since(pod.container_since);
        let milli_micros = |cores_m: u64, micros: u64| cores_m * micros / 1_000;
        let own = spec.cpu.map_or(0, |cpu| {
            let boot = cpu.boot.filter(|_| !pod.is_from_before || pod.starts > 1);
            let boot = boot.map_or(0, |(cores_m, length)| {
                milli_micros(cores_m, uptime.min(length).as_micros())
            });
            milli_micros(cpu.idle_m, uptime.as_micros()) + boot
        });
        Counters {
            pod: u64::from(id.0),
            started: pod.container_since,
            core_micros: used.saturating_sub(pod.used_before) + own,
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

impl super::Platform {
    /// Pods whose container runs.
    fn running(&self) -> impl Iterator<Item = PodId> {
        let workloads = self.workloads.iter();
        let pods = workloads.flat_map(|hosted| hosted.pods.iter().copied());
        pods.filter(|pod| {
            let phase = self.pods[pod.index()].phase;
            matches!(phase, Phase::Starting | Phase::Running)
        })
    }
}
