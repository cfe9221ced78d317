//! Pods that become Ready and go after fixed times, under a controller that is asked whenever something happens.

use rebsim::kernel::{SimDuration, SimTime};
use rebsim::platform::deployment::Deployment;
use rebsim::platform::pod::{Effect, Phase, PodUid, PodView, Reconciled};
use rebsim::platform::statefulset::StatefulSet;

pub(crate) trait Controller {
    fn look(&mut self, now: SimTime, pods: &[PodView]) -> Reconciled;
}

impl Controller for Deployment {
    fn look(&mut self, now: SimTime, pods: &[PodView]) -> Reconciled {
        self.reconcile(now, pods)
    }
}

impl Controller for StatefulSet {
    fn look(&mut self, now: SimTime, pods: &[PodView]) -> Reconciled {
        self.reconcile(now, pods)
    }
}

pub(crate) struct World<C> {
    pub(crate) now: SimTime,
    pub(crate) controller: C,
    pub(crate) pods: Vec<PodView>,
    /// When each pod is Ready, and when it is gone.
    due: Vec<(PodUid, SimTime, bool)>,
    ready_in: SimDuration,
    gone_in: SimDuration,
    again: Option<SimTime>,
    made: u64,
    /// Ordinals and times of all deletions.
    pub(crate) deletions: Vec<(u32, SimTime)>,
}

pub(crate) fn secs(seconds: u64) -> SimTime {
    SimTime::from_millis(seconds * 1_000)
}

impl<C: Controller> World<C> {
    /// `replicas` pods of template 0 that have been Ready for long.
    pub(crate) fn steady(controller: C, replicas: u32, ready_in: u64, gone_in: u64) -> Self {
        let mut world = Self {
            now: SimTime::ZERO,
            controller,
            pods: Vec::new(),
            due: Vec::new(),
            ready_in: SimDuration::from_secs(ready_in),
            gone_in: SimDuration::from_secs(gone_in),
            again: None,
            made: 0,
            deletions: Vec::new(),
        };
        for ordinal in 0..replicas {
            world.create(0, ordinal);
        }
        for pod in &mut world.pods {
            pod.ready_since = Some(SimTime::ZERO);
            pod.phase = Phase::Running;
        }
        world.due.clear();
        world
    }

    fn create(&mut self, template: u32, ordinal: u32) {
        self.made += 1;
        // Spread, so that ties are not broken in order of creation.
        let uid = PodUid(self.made.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        self.pods.push(PodView {
            uid,
            template,
            ordinal,
            created: self.now,
            phase: Phase::Pending,
            node: u32::try_from(self.made).ok(),
            ready_since: None,
            is_deleting: false,
            restarts: 0,
        });
        self.due.push((uid, self.now + self.ready_in, true));
    }

    /// Lets the controller look until it has nothing more to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            let reconciled = self.controller.look(self.now, &self.pods);
            self.again = reconciled.next;
            if reconciled.effects.is_empty() {
                return;
            }
            for effect in reconciled.effects {
                self.carry_out(effect);
            }
        }
        panic!("the controller never rests");
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Create { template, ordinal } => self.create(template, ordinal),
            Effect::Delete(uid) => {
                let pod = self.pods.iter_mut().find(|pod| pod.uid == uid);
                let pod = pod.expect("it deletes pods that there are");
                assert!(!pod.is_deleting, "deleted twice");
                pod.is_deleting = true;
                self.deletions.push((pod.ordinal, self.now));
                self.due.push((uid, self.now + self.gone_in, false));
            }
        }
    }

    /// Goes on until `end`; `watch` sees the world whenever it has settled.
    pub(crate) fn run(&mut self, end: SimTime, mut watch: impl FnMut(&Self)) {
        self.settle();
        watch(self);
        loop {
            let due = self.due.iter().map(|(_, at, _)| *at);
            let next = due.chain(self.again.filter(|at| *at > self.now)).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                break;
            };
            self.now = at;
            let (now, due): (Vec<_>, Vec<_>) =
                self.due.iter().partition(|(_, time, _)| *time <= at);
            self.due = due;
            for (uid, _, ready) in now {
                if !ready {
                    self.pods.retain(|pod| pod.uid != uid);
                } else if let Some(pod) = self.pods.iter_mut().find(|pod| pod.uid == uid) {
                    pod.phase = Phase::Running;
                    pod.ready_since = (!pod.is_deleting).then_some(at);
                }
            }
            self.settle();
            watch(self);
        }
        self.now = end;
    }

    pub(crate) fn active(&self, template: u32) -> usize {
        let of = |pod: &&PodView| pod.template == template && pod.is_active();
        self.pods.iter().filter(of).count()
    }
}
