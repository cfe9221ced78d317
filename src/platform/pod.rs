//! What a pod is: how long it takes to start, what its end does to the consumers in it, what it uses; and what its controller
//! sees of it and asks for.

use super::hpa::ResourceName;
use crate::kernel::{SimDuration, SimTime};
use crate::workload::distribution::Distribution;
pub use crate::workload::memory::MemorySpec;

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
    /// Names of its containers, as its manifest lists them; the consumers run in the first. Empty: nobody says.
    pub containers: Vec<String>,
}

impl PodSpec {
    /// What the pod asks for of a resource, or the container of its consumers alone: thousandths of a core, bytes; `None`: not all of them say.
    #[must_use]
    pub fn request(&self, resource: ResourceName, alone: bool) -> Option<u64> {
        match (resource, alone) {
            (ResourceName::Cpu, false) => self.cpu?.request_m,
            (ResourceName::Cpu, true) => self.cpu?.container_request_m,
            (ResourceName::Memory, false) => self.memory?.request,
            (ResourceName::Memory, true) => self.memory?.container_request,
        }
    }
}

/// What the application does on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// `close()`: commit, callbacks, and of the membership what the group's `group_membership_operation` says: by default it leaves, unless it is static.
    Graceful,
    /// The same, but it remains in the group (`CloseOptions`, as Kafka Streams has it).
    GracefulWithoutLeave,
    /// It ends at once, as if killed: no commit, no leave.
    Kill,
}

/// Processor of a pod, in thousandths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSpec {
    /// `resources.requests.cpu` of all containers together: what an autoscaler's utilization is a share of, and what its node sets aside. `None`: not
    /// all of them have one.
    pub request_m: Option<u64>,
    /// That of the container that the consumers run in alone.
    pub container_request_m: Option<u64>,
    /// `resources.limits.cpu` of the container that the consumers run in; `None`: none.
    pub limit_m: Option<u64>,
    /// Used when there is nothing to process.
    pub idle_m: u64,
    /// Used on top while it starts: how much, for how long from the container's start.
    pub boot: Option<(u64, SimDuration)>,
}

/// `metadata.uid`: no two pods of a run have the same. Whoever makes pods draws it from the seed, for it breaks ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodUid(pub u64);

/// `status.phase`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all of its containers have been started yet.
    Pending,
    /// Its node does not answer.
    Unknown,
    /// Its containers have been started. A container that waits for its restart counts as started.
    Running,
    /// It has ended and will not be restarted.
    Failed,
    /// It has ended well and will not be restarted.
    Succeeded,
}

/// What controllers see of a pod. A pod is in the table from its creation until it is completely gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodView {
    /// Who it is.
    pub uid: PodUid,
    /// Number of the template that it was made from, as [`Effect::Create`] said.
    pub template: u32,
    /// Its number in a StatefulSet, as [`Effect::Create`] said; 0 in a Deployment.
    pub ordinal: u32,
    /// `metadata.creationTimestamp`
    pub created: SimTime,
    /// `status.phase`
    pub phase: Phase,
    /// Position of the node that it was placed on; `None`: not yet. Without nodes every pod has a machine of its own, with a number of
    /// its own.
    pub node: Option<u32>,
    /// Condition `Ready`: since when ([`SimTime::ZERO`]: since before the run); `None`: it is not.
    pub ready_since: Option<SimTime>,
    /// `metadata.deletionTimestamp` is set: it is on its way out.
    pub is_deleting: bool,
    /// Restarts of its container.
    pub restarts: u32,
}

impl PodView {
    /// True for one that counts for its ReplicaSet (`IsPodActive`).
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !self.is_deleting && !self.has_ended()
    }

    /// True for one whose containers have ended for good.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Failed | Phase::Succeeded)
    }

    /// True when it has been Ready for `min_ready` (`IsPodAvailable`).
    #[must_use]
    pub fn is_available(&self, now: SimTime, min_ready: SimDuration) -> bool {
        self.available_from(min_ready).is_some_and(|at| at <= now)
    }

    /// When it is available, provided that it stays Ready. Who was Ready when the run began has been so for long.
    #[must_use]
    pub fn available_from(&self, min_ready: SimDuration) -> Option<SimTime> {
        let from = |since| match since {
            SimTime::ZERO => SimTime::ZERO,
            since => since + min_ready,
        };
        self.ready_since.map(from)
    }
}

/// The earliest instant after `now` at which one of `pods` becomes available by itself.
#[must_use]
pub fn next_available<'p>(
    pods: impl IntoIterator<Item = &'p PodView>,
    now: SimTime,
    min_ready: SimDuration,
) -> Option<SimTime> {
    pods.into_iter()
        .filter(|pod| pod.is_active())
        .filter_map(|pod| pod.available_from(min_ready))
        .filter(|at| *at > now)
        .min()
}

/// What a controller wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A pod is created.
    Create {
        /// Number of its template: 0 is the first, each deploy adds one.
        template: u32,
        /// Its number in a StatefulSet; 0 in a Deployment.
        ordinal: u32,
    },
    /// A pod is deleted: its termination begins.
    Delete(PodUid),
}

/// What a look of a controller at its pods came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// What is to be done, in this order.
    pub effects: Vec<Effect>,
    /// When to look again even if nothing happens; `None`: not before something does.
    pub next: Option<SimTime>,
}

/// What a controller reports of its pods (`status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that are there; of a Deployment, those on their way out do not count.
    pub replicas: u32,
    /// Those of the wanted template.
    pub updated: u32,
    /// Those that are Ready.
    pub ready: u32,
    /// Those that have been so long enough.
    pub available: u32,
}
