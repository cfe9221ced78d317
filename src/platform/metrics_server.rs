//! From what pods really use to what an autoscaler is told: kubelet snapshots, metrics-server's pair of scrapes, and the usage
//! between the two (`metrics-server` `pkg/storage/pod.go: Store, GetMetrics`, `types.go: resourceUsage`).
//!
//! The caller asks the pods at the instants when the kubelet would and hands their integrals in; one container a pod.

use std::collections::BTreeMap;

use super::api_time::ApiTime;
use super::hpa::Sample;
use crate::kernel::{SimDuration, SimTime};

/// How often the kubelet (cAdvisor) looks at its containers.
pub const KUBELET_PERIOD: SimDuration = SimDuration::from_secs(10);

/// A container younger than this has no usage from one scrape alone (`freshContainerMinMetricsResolution`).
pub const FRESH_CONTAINER: SimDuration = SimDuration::from_secs(10);

/// A running container's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The pod, by a number of its own.
    pub pod: u64,
    /// Start of the container that runs now; a restart makes it later.
    pub started: SimTime,
    /// Processor used since then, in microseconds of one core.
    pub core_micros: u64,
    /// Memory in use (working set), in bytes.
    pub memory: u64,
}

/// `MetricsPoint`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    at: SimTime,
    started: SimTime,
    core_micros: u64,
    memory: u64,
}

/// The kubelets and the metrics-server of a cluster.
#[derive(Clone, Debug)]
pub struct MetricsServer {
    resolution: SimDuration,
    kubelets: BTreeMap<u64, Point>,
    last: BTreeMap<u64, Point>,
    previous: BTreeMap<u64, Point>,
}

impl MetricsServer {
    /// One that has seen nothing and scrapes every `resolution` (`--metric-resolution`).
    #[must_use]
    pub const fn new(resolution: SimDuration) -> Self {
        Self {
            resolution,
            kubelets: BTreeMap::new(),
            last: BTreeMap::new(),
            previous: BTreeMap::new(),
        }
    }

    /// Between scrapes.
    #[must_use]
    pub const fn resolution(&self) -> SimDuration {
        self.resolution
    }

    /// The kubelets look at `now`: `running` is every container that runs. What is not among them is gone.
    pub fn refresh(&mut self, now: SimTime, running: &[Counters]) {
        let points = running.iter().map(|counters| {
            let point = Point {
                at: now,
                started: counters.started,
                core_micros: counters.core_micros,
                memory: counters.memory,
            };
            (counters.pod, point)
        });
        self.kubelets = points.collect();
    }

    /// metrics-server scrapes the kubelets: their last snapshots become its last points.
    pub fn scrape(&mut self) {
        let mut previous = BTreeMap::new();
        for (pod, new) in &self.kubelets {
            if let Some(point) = self.before(*pod, *new) {
                previous.insert(*pod, point);
            }
        }
        self.last.clone_from(&self.kubelets);
        self.previous = previous;
    }

    /// The point that `new` is to be compared with.
    fn before(&self, pod: u64, new: Point) -> Option<Point> {
        let age = new.at.since(new.started);
        if age >= FRESH_CONTAINER && age < self.resolution {
            return Some(Point {
                at: new.started,
                core_micros: 0,
                ..new
            });
        }
        let last = self.last.get(&pod).filter(|last| new.started < last.at)?;
        if new.at > last.at {
            return Some(*last);
        }
        let previous = self.previous.get(&pod)?;
        (previous.at < new.at).then_some(*previous)
    }

    /// Use of CPU in milli-cores; `None`: the pod is missing from the metrics API.
    #[must_use]
    pub fn cpu(&self, pod: u64) -> Option<Sample> {
        let (last, previous) = self.pair(pod)?;
        let window = last.at.since(previous.at);
        let used = u128::from(last.core_micros.checked_sub(previous.core_micros)?);
        // Nano-cores are cut to whole ones; the reader of the quantity rounds milli-cores up.
        let nanos = used * 1_000_000_000 / u128::from(window.as_micros().max(1));
        let value = i64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(i64::MAX);
        Some(Sample {
            value,
            at: ApiTime::of(last.at),
            window,
        })
    }

    /// Memory in milli-bytes, at the last scrape.
    #[must_use]
    pub fn memory(&self, pod: u64) -> Option<Sample> {
        let (last, previous) = self.pair(pod)?;
        let bytes = i64::try_from(last.memory).unwrap_or(i64::MAX);
        Some(Sample {
            value: bytes.saturating_mul(1_000),
            at: ApiTime::of(last.at),
            window: last.at.since(previous.at),
        })
    }

    fn pair(&self, pod: u64) -> Option<(Point, Point)> {
        Some((*self.last.get(&pod)?, *self.previous.get(&pod)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime::from_millis(seconds * 1_000)
    }

    fn using(started: u64, core_seconds: u64) -> Counters {
        Counters {
            pod: 1,
            started: at(started),
            core_micros: core_seconds * 1_000_000,
            memory: 5,
        }
    }

    fn server() -> MetricsServer {
        MetricsServer::new(SimDuration::from_secs(15))
    }

    #[test]
    fn usage_is_what_was_used_between_the_snapshots_of_two_scrapes() {
        let mut server = server();
        server.refresh(at(100), &[using(0, 50)]);
        server.scrape();
        assert_eq!(
            (server.cpu(1), server.memory(1)),
            (None, None),
            "one point is none"
        );
        server.refresh(at(120), &[using(0, 55)]);
        server.scrape();
        let sample = Sample {
            value: 250,
            at: ApiTime::from_secs(120),
            window: SimDuration::from_secs(20),
        };
        assert_eq!(server.cpu(1), Some(sample));
        assert_eq!(server.memory(1).map(|sample| sample.value), Some(5_000));
        assert_eq!(server.cpu(2), None);
    }

    #[test]
    fn a_snapshot_scraped_twice_keeps_the_pair_and_a_pod_that_is_gone_loses_it() {
        let mut server = server();
        for (time, used) in [(100, 50), (110, 60)] {
            server.refresh(at(time), &[using(0, used)]);
            server.scrape();
        }
        let before = server.cpu(1);
        assert_eq!(before.map(|sample| sample.value), Some(1_000));
        server.scrape();
        assert_eq!(server.cpu(1), before, "nothing new came from the kubelet");
        server.refresh(at(120), &[]);
        server.scrape();
        assert_eq!(server.cpu(1), None);
    }

    #[test]
    fn a_new_container_needs_one_scrape_when_it_is_old_enough_and_two_otherwise() {
        for (age, value) in [(9, None), (10, Some(800)), (14, Some(572)), (15, None)] {
            let mut server = server();
            server.refresh(at(1_000 + age), &[using(1_000, 8)]);
            server.scrape();
            let found = server.cpu(1).map(|sample| sample.value);
            assert_eq!(found, value, "{age} s, milli-cores rounded up");
        }
    }

    #[test]
    fn a_restarted_container_loses_its_previous_point() {
        let mut server = server();
        for (time, used) in [(100, 50), (110, 60)] {
            server.refresh(at(time), &[using(0, used)]);
            server.scrape();
        }
        server.refresh(at(120), &[using(115, 1)]);
        server.scrape();
        assert_eq!(server.cpu(1), None);
        server.refresh(at(130), &[using(115, 3)]);
        server.scrape();
        assert_eq!(server.cpu(1).map(|sample| sample.value), Some(200));
    }
}
