//! Deployments and StatefulSets in the loop: hosts their controllers, shows them their pods, carries out what they want.

use super::{Class, Event, World};
use crate::kernel::{Draw, SimTime, Stream};
use crate::platform::deployment::Deployment;
use crate::platform::pod::{Effect, Phase as PodPhase, PodUid, PodView, Reconciled};
use crate::platform::pod_name;
use crate::platform::statefulset::StatefulSet;
use crate::protocol::config::ConsumerConfig;
use crate::scenario::plan::platform::{Controller, Workload};
use crate::timeline::{PlatformFact, PodEnd, PodId, PodStart, ScaledBy, WorkloadId};

use super::pods::{Made, Phase, Pod};

/// A workload with its controller.
#[derive(Debug)]
pub(in crate::cluster) struct Hosted {
    machine: Machine,
    /// Template that its pods are to have.
    template: u32,
    /// Settings that its consumers get in place of those of the plan.
    config: Option<ConsumerConfig>,
    /// Pods ever made of each template, or of each ordinal.
    made: std::collections::BTreeMap<u32, u32>,
    /// Its pods that are not gone, in order of creation.
    pub(super) pods: Vec<PodId>,
    /// A look is on the calendar for this instant.
    is_due: bool,
    /// It was made larger and has not all its pods yet.
    grows: bool,
}

#[derive(Debug)]
enum Machine {
    Deployment(Deployment),
    StatefulSet(StatefulSet),
}

impl Machine {
    fn replicas(&self) -> u32 {
        match self {
            Self::Deployment(machine) => machine.replicas(),
            Self::StatefulSet(machine) => machine.replicas(),
        }
    }

    fn scale(&mut self, to: u32) {
        match self {
            Self::Deployment(machine) => machine.scale(to),
            Self::StatefulSet(machine) => machine.scale(to),
        }
    }

    fn deploy(&mut self) -> u32 {
        match self {
            Self::Deployment(machine) => machine.deploy(),
            Self::StatefulSet(machine) => machine.deploy(),
        }
    }

    fn rollback(&mut self) -> Option<u32> {
        match self {
            Self::Deployment(machine) => machine.rollback(),
            Self::StatefulSet(machine) => machine.rollback(),
        }
    }

    fn reconcile(&mut self, now: SimTime, pods: &[PodView]) -> Reconciled {
        match self {
            Self::Deployment(machine) => machine.reconcile(now, pods),
            Self::StatefulSet(machine) => machine.reconcile(now, pods),
        }
    }
}

impl Hosted {
    fn new(workload: &Workload) -> Self {
        Self {
            machine: match workload.controller {
                Controller::Deployment(spec) => {
                    Machine::Deployment(Deployment::new(spec, workload.replicas))
                }
                Controller::StatefulSet(spec) => {
                    Machine::StatefulSet(StatefulSet::new(spec, workload.replicas))
                }
            },
            template: 0,
            config: None,
            made: std::collections::BTreeMap::new(),
            pods: Vec::new(),
            is_due: false,
            grows: false,
        }
    }

    /// `spec.replicas`
    pub(super) fn replicas(&self) -> u32 {
        self.machine.replicas()
    }

    /// True when a pod on its way out still counts in the status: a StatefulSet counts every pod that there is (`computeReplicaStatus`), the
    /// ReplicaSets of a Deployment only active ones (`FilterActivePods`).
    pub(super) const fn counts_terminating(&self) -> bool {
        match self.machine {
            Machine::StatefulSet(_) => true,
            Machine::Deployment(_) => false,
        }
    }
}

impl World<'_> {
    /// The workloads with their first pods.
    pub(in crate::cluster) fn found_workloads(&mut self) {
        for (id, workload) in (0..).map(WorkloadId).zip(&self.plan.platform.workloads) {
            self.platform.workloads.push(Hosted::new(workload));
            self.tell(PlatformFact::Replicas {
                workload: id,
                from: 0,
                to: workload.replicas,
                by: ScaledBy::Script,
            });
            while self.reconcile(id, Some(PodStart::Initial)) {}
        }
    }

    /// Something that concerns a workload happened: its controller looks at it.
    pub(super) fn touch(&mut self, workload: WorkloadId) {
        let hosted = &mut self.platform.workloads[workload.index()];
        if !hosted.is_due {
            hosted.is_due = true;
            let now = self.now();
            self.schedule(
                now,
                Class::Controller,
                workload.0,
                Event::Reconcile(workload),
            );
        }
    }

    pub(in crate::cluster) fn on_reconcile(&mut self, workload: WorkloadId) {
        self.reconcile(workload, None);
    }

    /// One pass of the controller; true when it did anything.
    fn reconcile(&mut self, workload: WorkloadId, beginning: Option<PodStart>) -> bool {
        let now = self.now();
        let views = self.views(workload);
        let hosted = &mut self.platform.workloads[workload.index()];
        hosted.is_due = false;
        let Reconciled { effects, next } = hosted.machine.reconcile(now, &views);
        let rolls = views
            .iter()
            .any(|pod| pod.is_active() && pod.template != hosted.template);
        let why = match beginning {
            Some(why) => why,
            None if rolls => PodStart::Rollout,
            None if hosted.grows => PodStart::ScaledUp,
            None => PodStart::Replacement,
        };
        let acts = !effects.is_empty();
        if acts && beginning.is_none() {
            // A pass of the controller is followed by another until it has nothing to do.
            self.touch(workload);
        }
        for effect in effects {
            match effect {
                Effect::Create { template, ordinal } => {
                    self.make_pod(workload, template, ordinal, why);
                }
                Effect::Delete(uid) => self.unmake_pod(workload, uid),
            }
        }
        let hosted = &mut self.platform.workloads[workload.index()];
        let active = hosted.pods.iter();
        let active = active.filter(|pod| self.platform.pods[pod.index()].is_active());
        if active.count() >= hosted.machine.replicas() as usize {
            hosted.grows = false;
        }
        if let Some(next) = next.filter(|next| *next > now) {
            self.schedule(
                next,
                Class::Controller,
                workload.0,
                Event::Reconcile(workload),
            );
        }
        acts
    }

    fn make_pod(&mut self, workload: WorkloadId, template: u32, ordinal: u32, why: PodStart) {
        let spec = &self.plan.platform.workloads[workload.index()];
        let hosted = &mut self.platform.workloads[workload.index()];
        let kind = match spec.controller {
            Controller::Deployment(_) => template,
            Controller::StatefulSet(_) => ordinal,
        };
        let made = hosted.made.entry(kind).or_default();
        *made += 1;
        // Uids are drawn by workload, kind and number, so that no other pod moves their dice.
        let group = &self.plan.groups[spec.group.index()].name;
        let entity = format!("{group}/{}/{kind}/{made}", spec.name);
        let mut draw = Draw::new(self.seed, Stream::new(&entity, "uid"));
        let (uid, name, why) = match spec.controller {
            Controller::Deployment(_) => loop {
                let uid = PodUid(draw.word());
                let name = pod_name::of_deployment(&spec.name, template, uid);
                if self.platform.pods.iter().all(|pod| pod.name != name) {
                    break (uid, name, why);
                }
            },
            Controller::StatefulSet(_) => {
                let name = pod_name::of_statefulset(&spec.name, ordinal);
                let why = match why {
                    PodStart::Initial => PodStart::Initial,
                    PodStart::ScaledUp | PodStart::Rollout | PodStart::Replacement => {
                        self.platform.last_end(workload, ordinal)
                    }
                };
                (PodUid(draw.word()), name, why)
            }
        };
        let made = Made {
            workload,
            template,
            ordinal,
            uid,
            name,
        };
        let pod = self.create_pod(made, why);
        self.platform.workloads[workload.index()].pods.push(pod);
    }

    fn unmake_pod(&mut self, workload: WorkloadId, uid: PodUid) {
        let hosted = &self.platform.workloads[workload.index()];
        let found = hosted.pods.iter().copied();
        let mut found = found.filter(|pod| self.platform.pods[pod.index()].uid == uid);
        let Some(pod) = found.next() else { return };
        let why = if self.platform.pods[pod.index()].template == hosted.template {
            PodEnd::ScaledDown
        } else {
            PodEnd::Rollout
        };
        self.delete_pod(pod, why);
    }

    /// What controllers see of a workload's pods.
    pub(super) fn views(&self, workload: WorkloadId) -> Vec<PodView> {
        let pods = self.platform.workloads[workload.index()].pods.iter();
        pods.map(|pod| self.view(*pod)).collect()
    }

    /// What controllers see of a pod.
    fn view(&self, id: PodId) -> PodView {
        let pod = &self.platform.pods[id.index()];
        PodView {
            uid: pod.uid,
            template: pod.template,
            ordinal: pod.ordinal,
            created: pod.created,
            phase: match pod.taken_up {
                None => PodPhase::Pending,
                Some(_) => PodPhase::Running,
            },
            node: match (pod.phase, pod.node) {
                (Phase::Unscheduled, _) => None,
                (_, Some(node)) => Some(node.0),
                (_, None) => Some(id.0),
            },
            ready_since: pod.ready_since,
            is_deleting: pod.deleting.is_some(),
            restarts: pod.starts - 1,
        }
    }

    /// A workload is to have another number of replicas.
    pub(in crate::cluster) fn scale_workload(
        &mut self,
        workload: WorkloadId,
        to: u32,
        by: ScaledBy,
    ) {
        let hosted = &mut self.platform.workloads[workload.index()];
        let from = hosted.machine.replicas();
        if from == to {
            return;
        }
        hosted.machine.scale(to);
        hosted.grows = to > from;
        self.tell(PlatformFact::Replicas {
            workload,
            from,
            to,
            by,
        });
        self.touch(workload);
    }

    /// A workload gets a new template, or that of the revision before.
    pub(in crate::cluster) fn deploy(&mut self, workload: WorkloadId, back: bool) {
        let hosted = &mut self.platform.workloads[workload.index()];
        let template = if back {
            hosted.machine.rollback()
        } else {
            Some(hosted.machine.deploy())
        };
        let Some(template) = template else { return };
        hosted.template = template;
        self.tell(PlatformFact::Template {
            workload,
            revision: template + 1,
        });
        self.touch(workload);
    }
}

impl super::Platform {
    /// Why a StatefulSet makes a pod of this ordinal now: what became of the last one of that name.
    fn last_end(&self, workload: WorkloadId, ordinal: u32) -> PodStart {
        let mut earlier = self.pods.iter().rev();
        let earlier = earlier.find(|pod| pod.workload == workload && pod.ordinal == ordinal);
        match earlier.and_then(Pod::end) {
            None | Some(PodEnd::ScaledDown) => PodStart::ScaledUp,
            Some(PodEnd::Rollout) => PodStart::Rollout,
            Some(PodEnd::Evicted | PodEnd::NodeLost) => PodStart::Replacement,
        }
    }

    /// Settings of the consumers in its pods, when they are others than those of the plan.
    pub(super) fn config_of(&self, workload: WorkloadId) -> Option<&ConsumerConfig> {
        self.workloads.get(workload.index())?.config.as_ref()
    }

    pub(super) fn configure(&mut self, workload: WorkloadId, config: &ConsumerConfig) {
        self.workloads[workload.index()].config = Some(config.clone());
    }

    /// A pod is gone: its workload does not see it any more.
    pub(super) fn forget(&mut self, pod: PodId) {
        debug_assert!(self.pods[pod.index()].phase == Phase::Gone);
        let workload = self.pods[pod.index()].workload;
        let hosted = &mut self.workloads[workload.index()];
        hosted.pods.retain(|known| *known != pod);
    }
}
