//! The life of a pod, as its kubelet leads it: start-up, readiness, restarts with back-off, the grace period.
//!
//! All consumers of a pod run in one container: when one of them ends by itself, the container has ended and the others go with it.

use super::memory::Memory;
use super::pipeline::Usage;
use super::{Class, Event, World};
use crate::assignor::ConsumerId;
use crate::kernel::{Draw, SimDuration, SimTime, Stream};
use crate::platform::backoff::{Backoff, BackoffSpec};
use crate::platform::pod::{PodUid, Shutdown};
use crate::platform::termination::Termination;
use crate::timeline::{ContainerEnd, NodeId, PlatformFact, PodEnd, PodId, PodStart, WorkloadId};

/// A pod, present or gone.
#[derive(Debug)]
pub(in crate::cluster) struct Pod {
    pub(super) workload: WorkloadId,
    pub(super) name: String,
    /// Number of its template.
    pub(super) template: u32,
    /// Number in its StatefulSet; 0 in a Deployment.
    pub(super) ordinal: u32,
    pub(super) node: Option<NodeId>,
    /// Pseudo-random, as a UID.
    pub(super) uid: PodUid,
    pub(super) created: SimTime,
    pub(super) consumers: Vec<ConsumerId>,
    pub(super) phase: Phase,
    /// Since when the kubelet of its node sees to it (`status.startTime`); `None`: it has no node, or that was lost already.
    pub(super) taken_up: Option<SimTime>,
    /// When its container was last started.
    pub(super) container_since: SimTime,
    /// Since when it is ready.
    pub(super) ready_since: Option<SimTime>,
    /// Last time that it became ready or stopped being so; at first when it was taken up.
    pub(super) ready_changed: SimTime,
    /// Since when it is to go, and why.
    pub(super) deleting: Option<(SimTime, PodEnd)>,
    /// Starts of its container; what was on the calendar for an earlier one is void.
    pub(super) starts: u32,
    /// It was there, and ready, before the run began.
    pub(super) is_from_before: bool,
    /// What its container has used of processors.
    pub(super) usage: Usage,
    pub(super) memory: Memory,
    backoff: Backoff,
    times: Draw,
}

/// A pod that a controller asks for.
pub(in crate::cluster) struct Made {
    pub(super) workload: WorkloadId,
    pub(super) template: u32,
    pub(super) ordinal: u32,
    pub(super) uid: PodUid,
    pub(super) name: String,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Phase {
    /// No node has room for it.
    Unscheduled,
    /// From its creation, or the start of its container, until its consumers subscribe.
    Starting,
    /// Its consumers run.
    Running,
    /// Its container ended and waits for its next start.
    BackOff,
    /// Its container has ended and what follows is being seen to, or its node is lost and nobody sees to it.
    Stranded,
    /// It is no more.
    Gone,
}

/// What happens to a pod at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Step {
    /// Its start-up is over.
    Up,
    /// Its probes have succeeded.
    Ready,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
    /// Its container starts again.
    Restart,
    /// Its consumers hold more than fits into memory.
    OutOfMemory,
    /// What this consumer restores may no longer fit.
    Weigh(ConsumerId),
}

impl Pod {
    /// True until it is gone.
    pub(super) fn exists(&self) -> bool {
        self.phase != Phase::Gone
    }

    /// Why it was deleted.
    pub(super) fn end(&self) -> Option<PodEnd> {
        self.deleting.map(|(_, why)| why)
    }

    /// True while no node has room for it.
    pub(in crate::cluster) fn waits_for_room(&self) -> bool {
        self.phase == Phase::Unscheduled
    }

    /// True when it counts for its controller: there and not to go.
    pub(super) fn is_active(&self) -> bool {
        self.exists() && self.deleting.is_none()
    }
}

impl World<'_> {
    /// Makes a pod. In a steady run those of the beginning are ready from before it.
    pub(in crate::cluster) fn create_pod(&mut self, made: Made, why: PodStart) -> PodId {
        let Made {
            workload,
            template,
            ordinal,
            uid,
            name,
        } = made;
        let plan = self.plan;
        let spec = &plan.platform.workloads[workload.index()];
        let now = self.now();
        let pod = PodId(u32::try_from(self.platform.pods.len()).unwrap_or(u32::MAX));
        let node = self.place(workload);
        let consumers = self.processes_of_pod(workload, &name, node);
        for &consumer in &consumers {
            self.processes[consumer.index()].pod = Some(pod);
        }
        let entity = format!("{}/{name}", plan.groups[spec.group.index()].name);
        let waits = node.is_none() && !plan.platform.nodes.is_empty();
        let ready_from_before =
            why == PodStart::Initial && !plan.groups[spec.group.index()].cold && !waits;
        self.platform.pods.push(Pod {
            workload,
            template,
            ordinal,
            node,
            uid,
            created: now,
            consumers,
            phase: match ready_from_before {
                true => Phase::Running,
                false if waits => Phase::Unscheduled,
                false => Phase::Starting,
            },
            taken_up: ready_from_before.then_some(now),
            container_since: now,
            ready_since: ready_from_before.then_some(now),
            ready_changed: now,
            deleting: None,
            starts: 1,
            is_from_before: ready_from_before,
            usage: Usage::since(now, 0),
            memory: Memory::NEW,
            backoff: Backoff::new(BackoffSpec::DEFAULT),
            times: Draw::new(self.seed, Stream::new(&entity, "pod")),
            name,
        });
        self.tell(PlatformFact::PodCreated { pod, why, node });
        if ready_from_before {
            self.tell(PlatformFact::PodReady { pod, ready: true });
        } else if !waits {
            self.take_up(pod);
        }
        pod
    }

    /// The kubelet of its node sees to a pod, unless that node is lost and the scheduler did not know: then nobody does.
    fn take_up(&mut self, pod: PodId) {
        let now = self.now();
        let is_lost = self.platform.is_on_lost_node(pod);
        let known = &mut self.platform.pods[pod.index()];
        if is_lost {
            known.phase = Phase::Stranded;
            return;
        }
        (known.taken_up, known.ready_changed) = (Some(now), now);
        self.start_container(pod);
    }

    /// Pods that no node had room for are tried again, in order of their creation.
    fn place_waiting(&mut self) {
        let pods = (0..).map(PodId).zip(&self.platform.pods);
        let waiting = pods.filter(|(_, pod)| pod.phase == Phase::Unscheduled);
        let waiting: Vec<PodId> = waiting.map(|(id, _)| id).collect();
        for pod in waiting {
            let workload = self.platform.pods[pod.index()].workload;
            let Some(node) = self.place(workload) else {
                continue;
            };
            self.platform.pods[pod.index()].node = Some(node);
            for consumer in self.platform.pods[pod.index()].consumers.clone() {
                self.move_to(consumer, Some(node));
            }
            self.take_up(pod);
        }
    }

    pub(super) fn schedule_pod(&mut self, pod: PodId, at: SimTime, step: Step) {
        let starts = self.platform.pods[pod.index()].starts;
        let event = Event::Pod { pod, starts, step };
        self.schedule(at, Class::Death, pod.0, event);
    }

    /// The container starts; its consumers subscribe when the start-up is over.
    fn start_container(&mut self, pod: PodId) {
        let now = self.now();
        let used = self.cpu_of_consumers(pod);
        let spec = &self.plan.platform.workloads[self.platform.pods[pod.index()].workload.index()];
        let known = &mut self.platform.pods[pod.index()];
        known.usage = Usage::since(now, used);
        known.memory = Memory::NEW;
        known.phase = Phase::Starting;
        known.container_since = now;
        let startup = spec.pod.startup.sample(&mut known.times);
        self.schedule_pod(pod, now + startup, Step::Up);
    }

    pub(in crate::cluster) fn on_pod(&mut self, pod: PodId, starts: u32, step: Step) {
        let known = &self.platform.pods[pod.index()];
        let is_void =
            known.starts != starts || matches!(known.phase, Phase::Gone | Phase::Stranded);
        if is_void && step != Step::Kill && step != Step::Terminate {
            return;
        }
        match step {
            Step::Up => self.on_pod_up(pod),
            Step::Ready => self.set_ready(pod, true),
            Step::Terminate => self.on_terminate(pod),
            Step::Kill => self.kill_container(pod, ContainerEnd::GraceOver),
            Step::Restart => {
                self.platform.pods[pod.index()].starts += 1;
                self.start_container(pod);
            }
            Step::OutOfMemory => self.kill_container(pod, ContainerEnd::OutOfMemory),
            Step::Weigh(consumer) => self.on_weigh(pod, consumer),
        }
    }

    fn on_pod_up(&mut self, pod: PodId) {
        let now = self.now();
        let spec = &self.plan.platform.workloads[self.platform.pods[pod.index()].workload.index()];
        let known = &mut self.platform.pods[pod.index()];
        known.phase = Phase::Running;
        let ready_after = spec.pod.ready_after.sample(&mut known.times);
        for consumer in known.consumers.clone() {
            self.start(consumer);
        }
        self.schedule_pod(pod, now + ready_after, Step::Ready);
    }

    pub(super) fn set_ready(&mut self, pod: PodId, ready: bool) {
        let now = self.now();
        let known = &mut self.platform.pods[pod.index()];
        if known.ready_since.is_some() == ready {
            return;
        }
        known.ready_since = ready.then_some(now);
        known.ready_changed = now;
        let workload = known.workload;
        self.tell(PlatformFact::PodReady { pod, ready });
        self.touch(workload);
    }

    /// A pod is to go: its grace period begins, and it stays ready until its containers stop. One that does not run yet, or not again, goes at
    /// once; one on a lost node stays, for nobody says that its containers have stopped.
    pub(in crate::cluster) fn delete_pod(&mut self, pod: PodId, why: PodEnd) {
        let now = self.now();
        let known = &mut self.platform.pods[pod.index()];
        if !known.is_active() {
            return;
        }
        known.deleting = Some((now, why));
        let (phase, workload) = (known.phase, known.workload);
        self.tell(PlatformFact::PodTerminating { pod, why });
        self.touch(workload);
        if phase == Phase::Stranded && self.platform.is_on_lost_node(pod) {
            return;
        }
        if phase != Phase::Running {
            return self.pod_is_gone(pod);
        }
        let spec = &self.plan.platform.workloads[workload.index()].pod;
        let end = Termination::of(now, spec.grace, spec.pre_stop);
        self.schedule_pod(pod, end.sigterm, Step::Terminate);
        self.schedule_pod(pod, end.sigkill, Step::Kill);
    }

    fn on_terminate(&mut self, pod: PodId) {
        let known = &self.platform.pods[pod.index()];
        if known.phase != Phase::Running {
            return;
        }
        let shutdown = self.plan.platform.workloads[known.workload.index()]
            .pod
            .shutdown;
        match shutdown {
            Shutdown::Graceful | Shutdown::GracefulWithoutLeave => {
                for consumer in known.consumers.clone() {
                    self.stop(consumer);
                }
            }
            Shutdown::Kill => self.kill_container(pod, ContainerEnd::Terminated),
        }
    }

    /// The container is killed with everything in it.
    pub(super) fn kill_container(&mut self, pod: PodId, why: ContainerEnd) {
        let known = &self.platform.pods[pod.index()];
        if known.phase != Phase::Running {
            return;
        }
        let running = known.consumers.clone().into_iter();
        let running: Vec<ConsumerId> = running
            .filter(|consumer| self.processes[consumer.index()].client.is_some())
            .collect();
        self.platform.pods[pod.index()].phase = Phase::Stranded;
        for &consumer in &running {
            self.crash(consumer);
        }
        self.end_container(pod, &running, why, None);
    }

    /// A process of a pod ended by itself, or was closed or killed.
    pub(in crate::cluster) fn on_exit_in_pod(
        &mut self,
        pod: PodId,
        consumer: ConsumerId,
        restart_after: Option<SimDuration>,
    ) {
        let known = &self.platform.pods[pod.index()];
        if known.phase != Phase::Running {
            return; // Part of an end under way.
        }
        let others = known.consumers.iter().copied();
        let others: Vec<ConsumerId> = others
            .filter(|other| self.processes[other.index()].client.is_some())
            .collect();
        if known.deleting.is_some() {
            let why = ContainerEnd::Terminated;
            self.tell(PlatformFact::ContainerEnded {
                pod,
                consumer,
                why,
                restart_after: None,
            });
            if others.is_empty() {
                self.pod_is_gone(pod);
            }
            return;
        }
        self.platform.pods[pod.index()].phase = Phase::Stranded;
        for &other in &others {
            self.crash(other);
        }
        let mut all = vec![consumer];
        all.extend(others);
        self.end_container(pod, &all, ContainerEnd::Exited, restart_after);
    }

    /// What the kubelet does about an ended container: it starts it again after a back-off, unless the pod is to go or its node is lost.
    fn end_container(
        &mut self,
        pod: PodId,
        consumers: &[ConsumerId],
        why: ContainerEnd,
        restart_after: Option<SimDuration>,
    ) {
        let now = self.now();
        let known = &mut self.platform.pods[pod.index()];
        let restarts = known.deleting.is_none() && why != ContainerEnd::NodeLost;
        let after = restarts.then(|| {
            let again = known.backoff.ended(now);
            restart_after.unwrap_or(again.since(now))
        });
        for &consumer in consumers {
            self.tell(PlatformFact::ContainerEnded {
                pod,
                consumer,
                why,
                restart_after: after,
            });
        }
        if why == ContainerEnd::NodeLost {
            return;
        }
        self.set_ready(pod, false);
        match after {
            Some(after) => {
                self.platform.pods[pod.index()].phase = Phase::BackOff;
                self.schedule_pod(pod, now + after, Step::Restart);
            }
            None => self.pod_is_gone(pod),
        }
    }

    /// The pod is gone.
    pub(super) fn pod_is_gone(&mut self, pod: PodId) {
        self.set_ready(pod, false);
        let known = &mut self.platform.pods[pod.index()];
        known.phase = Phase::Gone;
        let workload = known.workload;
        self.platform.forget(pod);
        self.tell(PlatformFact::PodGone { pod });
        self.touch(workload);
        self.place_waiting();
    }

    /// The node under a pod is lost: whatever it was about to do does not happen.
    pub(super) fn strand(&mut self, pod: PodId) {
        let known = &mut self.platform.pods[pod.index()];
        if known.exists() {
            known.phase = Phase::Stranded;
        }
    }

    /// A pod on a lost node is marked for deletion, and stays so for ever.
    pub(super) fn give_up(&mut self, pod: PodId) {
        let now = self.now();
        let why = PodEnd::NodeLost;
        let known = &mut self.platform.pods[pod.index()];
        if known.is_active() {
            known.deleting = Some((now, why));
            let workload = known.workload;
            self.tell(PlatformFact::PodTerminating { pod, why });
            self.touch(workload);
        }
    }
}
