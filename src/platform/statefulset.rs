//! StatefulSets (`pkg/controller/statefulset` of Kubernetes 1.34): which ordinals are created and deleted, and of which template
//! they are.

use super::pod::{Counts, Effect, Phase, PodUid, PodView, Reconciled, next_available};
use super::quantity::IntOrPercent;
use crate::kernel::{SimDuration, SimTime};

/// `apps/v1` StatefulSetSpec, without its size and template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatefulSetSpec {
    /// `podManagementPolicy`
    pub policy: PodManagement,
    /// `updateStrategy`
    pub strategy: UpdateStrategy,
    /// `minReadySeconds`: a pod counts as available when it has been Ready this long.
    pub min_ready: SimDuration,
    /// `ordinals.start`
    pub first_ordinal: u32,
}

/// `podManagementPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodManagement {
    /// One after the other.
    OrderedReady,
    /// All at once when the size changes.
    Parallel,
}

/// `updateStrategy.type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// Pods of an older template are replaced, from the highest ordinal down.
    RollingUpdate {
        /// `partition`: so many of the lowest ordinals keep the older template.
        partition: u32,
        /// `maxUnavailable`; `None`: one, by the rule of releases without the feature `MaxUnavailableStatefulSet`.
        max_unavailable: Option<IntOrPercent>,
    },
    /// Pods of an older template stay until somebody deletes them.
    OnDelete,
}

/// The controller of one StatefulSet.
#[derive(Clone, Debug)]
pub struct StatefulSet {
    spec: StatefulSetSpec,
    replicas: u32,
    /// Templates by revision, the wanted one last.
    revisions: Vec<u32>,
    templates: u32,
    /// `status.currentRevision`
    current: Option<u32>,
    counts: Counts,
}

/// The pod of an ordinal: one that is there, or one of this template that is to be.
#[derive(Clone, Copy, Debug)]
enum Slot<'p> {
    There(&'p PodView),
    Missing { template: u32 },
}

impl Slot<'_> {
    const fn template(&self) -> u32 {
        match self {
            Self::There(pod) => pod.template,
            Self::Missing { template } => *template,
        }
    }

    const fn is_deleting(&self) -> bool {
        match self {
            Self::There(pod) => pod.is_deleting,
            Self::Missing { .. } => false,
        }
    }
}

/// What the controller sees at one instant.
struct Look<'p> {
    now: SimTime,
    /// Of the ordinals that there are to be, in order.
    slots: Vec<Slot<'p>>,
    /// Pods beyond, the highest ordinal first.
    condemned: Vec<&'p PodView>,
    effects: Vec<Effect>,
}

/// `getStatefulSetMaxUnavailable`: shares round down, and one may always be.
#[must_use]
pub fn max_unavailable(limit: IntOrPercent, replicas: u32) -> u32 {
    limit.down(replicas).max(1)
}

impl StatefulSet {
    /// A StatefulSet of `replicas` pods of template 0.
    #[must_use]
    pub fn new(spec: StatefulSetSpec, replicas: u32) -> Self {
        Self {
            spec,
            replicas,
            revisions: vec![0],
            templates: 1,
            current: None,
            counts: Counts::default(),
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
    pub fn deploy(&mut self) -> u32 {
        let template = self.templates;
        self.want(template);
        template
    }

    /// Gives it the template of the revision before the latest (`kubectl rollout undo`); its number, or `None`, and nothing happens, when
    /// there is none.
    pub fn rollback(&mut self) -> Option<u32> {
        let before = self.revisions.len().checked_sub(2)?;
        let template = self.revisions[before];
        self.want(template);
        Some(template)
    }

    /// Gives it the template numbered `template`, which becomes its latest revision.
    pub fn want(&mut self, template: u32) {
        self.revisions.retain(|other| *other != template);
        self.revisions.push(template);
        self.templates = self.templates.max(template.saturating_add(1));
    }

    /// `status`, as of the last [`StatefulSet::reconcile`]; pods on their way out count where Kubernetes counts them.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The template that it wants.
    fn wanted(&self) -> u32 {
        self.revisions.last().copied().unwrap_or(0)
    }

    /// Looks at `pods` (all that it ever asked for and that are not gone) and says what is to be done (`updateStatefulSet`). To be called
    /// whenever a pod, the size or the template changes, and at the instant that the last call gave.
    pub fn reconcile(&mut self, now: SimTime, pods: &[PodView]) -> Reconciled {
        let current = *self
            .current
            .get_or_insert(self.revisions.last().copied().unwrap_or(0));
        let mut look = self.look(now, pods, current);
        self.act(&mut look);
        self.count(&look);
        let all = [self.counts.updated, self.counts.ready, self.counts.replicas];
        let rolls = matches!(self.spec.strategy, UpdateStrategy::RollingUpdate { .. });
        if rolls && all == [self.replicas; 3] {
            self.current = Some(self.wanted());
        }
        Reconciled {
            effects: look.effects,
            next: next_available(pods, now, self.spec.min_ready),
        }
    }

    fn look<'p>(&self, now: SimTime, pods: &'p [PodView], current: u32) -> Look<'p> {
        let first = self.spec.first_ordinal;
        let old = match self.spec.strategy {
            UpdateStrategy::RollingUpdate { partition, .. } => partition,
            UpdateStrategy::OnDelete => 0,
        };
        let missing = |index| Slot::Missing {
            template: if index < old { current } else { self.wanted() },
        };
        let mut slots: Vec<Slot<'p>> = (0..self.replicas).map(missing).collect();
        let mut condemned: Vec<&PodView> = Vec::new();
        for pod in pods {
            let index = pod.ordinal.checked_sub(first).map(|index| index as usize);
            match index.and_then(|index| slots.get_mut(index)) {
                Some(slot) => *slot = Slot::There(pod),
                None => condemned.push(pod),
            }
        }
        condemned.sort_by_key(|pod| std::cmp::Reverse(pod.ordinal));
        Look {
            now,
            slots,
            condemned,
            effects: Vec::new(),
        }
    }

    fn act(&self, look: &mut Look<'_>) {
        let in_order = self.spec.policy == PodManagement::OrderedReady;
        let first_unavailable = self.first_unavailable(look);
        for index in 0..look.slots.len() {
            let waits = self.keep(look, index);
            if waits && in_order {
                return;
            }
        }
        for index in 0..look.condemned.len() {
            let pod = look.condemned[index];
            let sound = pod.phase == Phase::Running && self.is_available(pod, look.now);
            if !pod.is_deleting && (!in_order || sound || first_unavailable == Some(pod.uid)) {
                look.effects.push(Effect::Delete(pod.uid));
            }
            if in_order {
                return;
            }
        }
        self.update(look);
    }

    /// What the ordinal at `index` needs (`processReplica`); true when those after it have to wait.
    fn keep(&self, look: &mut Look<'_>, index: usize) -> bool {
        match look.slots[index] {
            Slot::Missing { template } => {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                let ordinal = self.spec.first_ordinal.saturating_add(index);
                look.effects.push(Effect::Create { template, ordinal });
                true
            }
            Slot::There(pod) if pod.has_ended() => {
                if !pod.is_deleting {
                    look.effects.push(Effect::Delete(pod.uid));
                }
                true
            }
            Slot::There(pod) => {
                let sound = pod.phase == Phase::Running && self.is_available(pod, look.now);
                pod.is_deleting || !sound
            }
        }
    }

    /// Replaces pods of an older template.
    fn update(&self, look: &mut Look<'_>) {
        let UpdateStrategy::RollingUpdate {
            partition,
            max_unavailable: limit,
        } = self.spec.strategy
        else {
            return;
        };
        let wanted = self.wanted();
        let unavailable = |slot: &Slot<'_>| self.is_unavailable(slot, look.now);
        let mut room = match limit {
            Some(limit) => {
                let out = look.slots.iter().filter(|slot| unavailable(slot)).count();
                (max_unavailable(limit, self.replicas) as usize).saturating_sub(out)
            }
            None => 1,
        };
        let mut gone: Vec<Effect> = Vec::new();
        for slot in look.slots.iter().skip(partition as usize).rev() {
            if room == 0 {
                break;
            }
            if slot.template() != wanted && !slot.is_deleting() {
                // One that is being created at this instant has the template that it is to have.
                if let Slot::There(pod) = slot {
                    gone.push(Effect::Delete(pod.uid));
                    room -= 1;
                }
            } else if limit.is_none() && unavailable(slot) {
                break;
            }
        }
        look.effects.append(&mut gone);
    }

    fn is_available(&self, pod: &PodView, now: SimTime) -> bool {
        pod.is_available(now, self.spec.min_ready)
    }

    /// `isUnavailable`. The phase does not count: what has failed may still be called Ready.
    fn is_unavailable(&self, slot: &Slot<'_>, now: SimTime) -> bool {
        match slot {
            Slot::There(pod) => pod.is_deleting || !self.is_available(pod, now),
            Slot::Missing { .. } => true,
        }
    }

    /// The first unavailable pod by ordinal, one that is to be kept before one that is to go; `None` too when that one does not exist yet.
    fn first_unavailable(&self, look: &Look<'_>) -> Option<PodUid> {
        let condemned = look.condemned.iter().rev().map(|pod| Slot::There(pod));
        let mut slots = look.slots.iter().copied().chain(condemned);
        match slots.find(|slot| self.is_unavailable(slot, look.now))? {
            Slot::There(pod) => Some(pod.uid),
            Slot::Missing { .. } => None,
        }
    }

    /// `computeReplicaStatus`
    fn count(&mut self, look: &Look<'_>) {
        let wanted = self.wanted();
        let kept = look.slots.iter().filter_map(|slot| match slot {
            Slot::There(pod) => Some(*pod),
            Slot::Missing { .. } => None,
        });
        let mut counts = Counts::default();
        for pod in kept.chain(look.condemned.iter().copied()) {
            let ready = pod.phase == Phase::Running && pod.ready_since.is_some();
            counts.replicas += 1;
            counts.updated += u32::from(!pod.is_deleting && pod.template == wanted);
            counts.ready += u32::from(ready);
            counts.available += u32::from(ready && self.is_available(pod, look.now));
        }
        self.counts = counts;
    }
}
