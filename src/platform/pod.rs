//! What a pod is: how long it takes to start, what its end does to the consumers in it, what it uses.

use crate::kernel::SimDuration;
use crate::workload::distribution::Distribution;

/// The template of a workload's pods.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSpec {
    /// `terminationGracePeriodSeconds`
    pub grace: SimDuration,
    /// From the pod's creation until its consumers subscribe: scheduling, image, container, runtime. Of a restarted
    /// container: from its start.
    pub startup: Distribution,
    /// From the end of the start-up until the pod is Ready.
    pub ready_after: Distribution,
    /// How long the `preStop` hook takes, before SIGTERM.
    pub pre_stop: SimDuration,
    /// What the application does on SIGTERM.
    pub shutdown: Shutdown,
    /// Processor; `None`: the pod's consumers run as if each had a machine of its own.
    pub cpu: Option<CpuSpec>,
    /// Memory; `None`: it never runs out.
    pub memory: Option<MemorySpec>,
}

/// What the application does on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// `close()`: commit, callbacks, leave unless static.
    Graceful,
    /// The same, but no leave is sent (`internal.leave.group.on.close: false`, as Kafka Streams has it).
    GracefulWithoutLeave,
    /// It ends at once, as if killed: no commit, no leave.
    Kill,
}

/// Processor of a pod, in thousandths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSpec {
    /// `resources.requests.cpu`: what an autoscaler's utilization is a share of, and the pod's part when cores are short.
    pub request_m: u64,
    /// `resources.limits.cpu`; `None`: none.
    pub limit_m: Option<u64>,
    /// Used when there is nothing to process.
    pub idle_m: u64,
    /// Used on top while it starts: how much, for how long from the container's start.
    pub boot: Option<(u64, SimDuration)>,
}

/// Memory of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySpec {
    /// `resources.limits.memory` in bytes: above it the container is killed.
    pub limit: u64,
    /// Used without any partition, in bytes.
    pub base: u64,
    /// For each partition that its consumers hold, in bytes.
    pub per_partition: u64,
    /// For each byte of fetched records that wait for processing, in thousandths of a byte.
    pub per_buffered_byte: u64,
}
