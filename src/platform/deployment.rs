//! Deployments (`pkg/controller/deployment`): what a rollout, a change of size or of template makes of the ReplicaSets, and these
//! of the pods. The arithmetic of one step is in [`super::deployment_step`], the choice of pods in [`super::replica_set`].
//!
//! Controllers answer within milliseconds; here a whole chain of steps happens at one instant, each on what the one before left.

use super::deployment_step::{Rollout, SetSize, Step};
use super::pod::{Counts, Effect, PodUid, PodView, Reconciled, next_available};
use super::quantity::IntOrPercent;
use super::replica_set::victims;
use crate::kernel::{SimDuration, SimTime};

/// Old ReplicaSets that are kept for a rollback (`revisionHistoryLimit`).
const HISTORY: usize = 10;
/// How long after the deadline the controller looks (`requeueStuckDeployment`).
const DEADLINE_SLACK: SimDuration = SimDuration::from_secs(1);

/// `apps/v1` DeploymentSpec, without its size and template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeploymentSpec {
    /// `strategy`
    pub strategy: Strategy,
    /// `minReadySeconds`: a pod counts as available when it has been Ready this long.
    pub min_ready: SimDuration,
    /// `progressDeadlineSeconds`: without progress for so long, the rollout counts as failed; [`SimDuration::MAX`]: never.
    pub progress_deadline: SimDuration,
}

/// `strategy.type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// New pods come and old ones go step by step.
    RollingUpdate {
        /// `maxSurge`
        max_surge: IntOrPercent,
        /// `maxUnavailable`
        max_unavailable: IntOrPercent,
    },
    /// All old pods go before the first new one comes.
    Recreate,
}

/// Condition `Progressing`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A rollout is under way; its last progress was then (`ReplicaSetUpdated`, `NewReplicaSetCreated`).
    Since(SimTime),
    /// The rollout is complete (`NewReplicaSetAvailable`).
    Complete,
    /// No progress within the deadline (`ProgressDeadlineExceeded`). Nothing is rolled back.
    DeadlineExceeded,
}

#[derive(Clone, Copy, Debug)]
struct ReplicaSet {
    template: u32,
    /// Annotation `deployment.kubernetes.io/revision`
    revision: u64,
    size: SetSize,
}

/// The controller of one Deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    spec: DeploymentSpec,
    replicas: u32,
    /// The wanted template, and how many there have been.
    template: u32,
    templates: u32,
    /// In order of creation.
    sets: Vec<ReplicaSet>,
    counts: Counts,
    progress: Progress,
}

/// The pods of one set while the controller works.
#[derive(Default)]
struct Crew<'p> {
    active: Vec<&'p PodView>,
    /// To be created.
    fresh: u32,
}

impl Deployment {
    /// A Deployment of `replicas` pods of template 0. Pods of template 0 that the first [`Deployment::reconcile`] sees are its own.
    #[must_use]
    pub const fn new(spec: DeploymentSpec, replicas: u32) -> Self {
        Self {
            spec,
            replicas,
            template: 0,
            templates: 1,
            sets: Vec::new(),
            counts: Counts {
                replicas: 0,
                updated: 0,
                ready: 0,
                available: 0,
            },
            progress: Progress::Since(SimTime::ZERO),
        }
    }

    /// `spec.replicas`
    #[must_use]
    pub const fn replicas(&self) -> u32 {
        self.replicas
    }

    /// Sets `spec.replicas`.
    pub const fn scale(&mut self, replicas: u32) {
        self.replicas = replicas;
    }

    /// Gives it a new pod template; its number.
    pub const fn deploy(&mut self) -> u32 {
        self.template = self.templates;
        self.templates += 1;
        self.template
    }

    /// Gives it the template of the revision before the latest (`kubectl rollout undo`); its number, or `None`, and nothing happens, when
    /// there is none or it is the wanted one already.
    pub fn rollback(&mut self) -> Option<u32> {
        let mut sets: Vec<&ReplicaSet> = self.sets.iter().collect();
        sets.sort_by_key(|set| set.revision);
        let before = sets.len().checked_sub(2).map(|index| sets[index].template);
        let before = before.filter(|template| *template != self.template)?;
        self.template = before;
        Some(before)
    }

    /// `status`, as of the last [`Deployment::reconcile`].
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Condition `Progressing`, as of the last [`Deployment::reconcile`].
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Looks at `pods` (all that it ever asked for and that are not gone) and says what is to be done. To be called whenever a pod, the size or
    /// the template changes, and at the instant that the last call gave; another call at once finds nothing to do.
    pub fn reconcile(&mut self, now: SimTime, pods: &[PodView]) -> Reconciled {
        let mut crews: Vec<Crew<'_>> = Vec::new();
        let mut deleted: Vec<PodUid> = Vec::new();
        loop {
            self.man(&mut crews, pods, &mut deleted, now);
            if !self.step(pods, now) {
                break;
            }
        }
        let deadline = self.judge(&crews, now);
        let kept = crews.iter().flat_map(|crew| crew.active.iter().copied());
        let next = next_available(kept, now, self.spec.min_ready);
        let mut effects: Vec<Effect> = Vec::new();
        for (set, crew) in self.sets.iter().zip(&crews) {
            let create = Effect::Create {
                template: set.template,
                ordinal: 0,
            };
            effects.extend((0..crew.fresh).map(|_| create));
        }
        effects.extend(deleted.into_iter().map(Effect::Delete));
        self.forget();
        Reconciled {
            effects,
            next: next.into_iter().chain(deadline).min(),
        }
    }

    /// What the ReplicaSets do: as many pods as each is to have. Pods that are not there yet go first.
    fn man<'p>(
        &mut self,
        crews: &mut Vec<Crew<'p>>,
        pods: &'p [PodView],
        deleted: &mut Vec<PodUid>,
        now: SimTime,
    ) {
        for set in &self.sets[crews.len()..] {
            let own = |pod: &&PodView| pod.template == set.template && pod.is_active();
            crews.push(Crew {
                active: pods.iter().filter(own).collect(),
                fresh: 0,
            });
        }
        for index in 0..self.sets.len() {
            let wanted = self.sets[index].size.replicas as usize;
            let there = crews[index].active.len();
            crews[index].fresh = u32::try_from(wanted.saturating_sub(there)).unwrap_or(u32::MAX);
            if there > wanted {
                let related: Vec<&PodView> = crews
                    .iter()
                    .flat_map(|crew| crew.active.iter().copied())
                    .collect();
                let active = &crews[index].active;
                let gone = victims(active, &related, there - wanted, now);
                crews[index].active.retain(|pod| !gone.contains(&pod.uid));
                deleted.extend(gone);
            }
            let min_ready = self.spec.min_ready;
            let available = crews[index]
                .active
                .iter()
                .filter(|pod| pod.is_available(now, min_ready));
            self.sets[index].size.available = u32::try_from(available.count()).unwrap_or(u32::MAX);
        }
    }

    /// One turn of the controller (`syncDeployment`); false when there was nothing to do.
    fn step(&mut self, pods: &[PodView], now: SimTime) -> bool {
        let mut sizes: Vec<SetSize> = self.sets.iter().map(|set| set.size).collect();
        let new = self.newest();
        let mut rollout = Rollout {
            replicas: self.replicas,
            strategy: self.spec.strategy,
            sets: &mut sizes,
            new,
        };
        let wanted = self.template;
        let old_pods = pods
            .iter()
            .any(|pod| pod.template != wanted && !pod.has_ended());
        let is_scaling = rollout.is_scaling();
        let step = match self.spec.strategy {
            _ if is_scaling => match rollout.scale() {
                true => Step::Up,
                false => Step::Nothing,
            },
            Strategy::RollingUpdate { .. } => rollout.roll(),
            Strategy::Recreate => rollout.recreate(old_pods),
        };
        let size = rollout.new_size(0);
        for (set, size) in self.sets.iter_mut().zip(sizes) {
            set.size = size;
        }
        let waits = self.spec.strategy == Strategy::Recreate && (old_pods || step != Step::Nothing);
        if new.is_none() && !is_scaling && !waits {
            self.create(size, now);
            return true;
        }
        step != Step::Nothing
    }

    /// The set of the wanted template.
    fn newest(&self) -> Option<usize> {
        let wanted = self.template;
        self.sets.iter().position(|set| set.template == wanted)
    }

    fn create(&mut self, replicas: u32, now: SimTime) {
        let surge = self.spec.strategy.surge(self.replicas);
        self.sets.push(ReplicaSet {
            template: self.template,
            revision: 0,
            size: SetSize {
                replicas,
                available: 0,
                desired: self.replicas,
                most: self.replicas.saturating_add(surge),
            },
        });
        self.progress = Progress::Since(now);
    }

    /// The status and the condition (`syncRolloutStatus`); when the deadline is to be looked at.
    fn judge(&mut self, crews: &[Crew<'_>], now: SimTime) -> Option<SimTime> {
        let min_ready = self.spec.min_ready;
        let (new, before) = (self.newest(), self.counts);
        let mut counts = Counts::default();
        for (index, crew) in crews.iter().enumerate() {
            let there = u32::try_from(crew.active.len()).unwrap_or(u32::MAX) + crew.fresh;
            counts.replicas += there;
            counts.updated += if Some(index) == new { there } else { 0 };
            for pod in &crew.active {
                counts.ready += u32::from(pod.ready_since.is_some());
                counts.available += u32::from(pod.is_available(now, min_ready));
            }
        }
        self.counts = counts;
        let settled = counts.replicas == counts.updated && self.progress == Progress::Complete;
        let complete = [counts.updated, counts.replicas, counts.available] == [self.replicas; 3];
        let old = |counts: Counts| counts.replicas.saturating_sub(counts.updated);
        let progressed = counts.updated > before.updated
            || old(counts) < old(before)
            || counts.ready > before.ready
            || counts.available > before.available;
        if settled || complete {
            self.progress = Progress::Complete;
        } else if progressed {
            self.progress = Progress::Since(now);
        }
        let deadline = self.spec.progress_deadline;
        match self.progress {
            Progress::Since(since) if deadline < SimDuration::MAX => {
                let end = since + deadline;
                if end < now {
                    self.progress = Progress::DeadlineExceeded;
                    return None;
                }
                Some(end + DEADLINE_SLACK)
            }
            Progress::Since(_) | Progress::Complete | Progress::DeadlineExceeded => None,
        }
    }

    /// Numbers the wanted set's revision, and of a complete rollout forgets the oldest sets (`cleanupDeployment`).
    fn forget(&mut self) {
        let Some(new) = self.newest() else { return };
        let mut others = self.sets.iter().enumerate();
        let latest = others.by_ref().filter(|(index, _)| *index != new);
        let latest = latest.map(|(_, set)| set.revision).max().unwrap_or(0);
        let revision = &mut self.sets[new].revision;
        *revision = (*revision).max(latest + 1);
        while self.progress == Progress::Complete && self.sets.len() > HISTORY + 1 {
            let old =
                (0..self.sets.len()).filter(|index| self.sets[*index].template != self.template);
            let Some(oldest) = old.min_by_key(|index| self.sets[*index].revision) else {
                return;
            };
            self.sets.remove(oldest);
        }
    }
}
