//! One step of the Deployment controller, on the sizes of its ReplicaSets alone: `rolling.go`, `recreate.go`, `sync.go` and
//! `util/deployment_util.go` of Kubernetes 1.34. Which pods come and go is the ReplicaSets' business.

use super::deployment::Strategy;
use super::quantity::IntOrPercent;

/// A ReplicaSet as its Deployment sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetSize {
    /// `spec.replicas`
    pub replicas: u32,
    /// `status.availableReplicas`
    pub available: u32,
    /// Annotation `deployment.kubernetes.io/desired-replicas`: the Deployment's size when this set was last sized.
    pub desired: u32,
    /// Annotation `deployment.kubernetes.io/max-replicas`: that size and the surge.
    pub most: u32,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new set was resized.
    Up,
    /// Old sets were shrunk.
    Down,
    /// Nothing was to be done, or nothing may be done yet.
    Nothing,
}

/// The Deployment's view of one moment.
#[derive(Debug)]
pub struct Rollout<'s> {
    /// `spec.replicas` of the Deployment.
    pub replicas: u32,
    /// `spec.strategy`
    pub strategy: Strategy,
    /// Its ReplicaSets in order of creation.
    pub sets: &'s mut [SetSize],
    /// The one with the wanted template; `None` while it does not exist.
    pub new: Option<usize>,
}

/// The surge and the unavailable of `replicas` (`ResolveFenceposts`): shares of the one round up, of the other down; when both
/// come to nothing, one may be unavailable.
#[must_use]
pub fn fenceposts(surge: IntOrPercent, unavailable: IntOrPercent, replicas: u32) -> (u32, u32) {
    match (surge.up(replicas), unavailable.down(replicas)) {
        (0, 0) => (0, 1),
        both => both,
    }
}

impl Strategy {
    /// `MaxSurge`
    #[must_use]
    pub fn surge(self, replicas: u32) -> u32 {
        match self {
            Self::RollingUpdate {
                max_surge,
                max_unavailable,
            } => fenceposts(max_surge, max_unavailable, replicas).0,
            Self::Recreate => 0,
        }
    }

    /// `MaxUnavailable`
    #[must_use]
    pub fn unavailable(self, replicas: u32) -> u32 {
        match self {
            Self::RollingUpdate {
                max_surge,
                max_unavailable,
            } => fenceposts(max_surge, max_unavailable, replicas)
                .1
                .min(replicas),
            Self::Recreate => 0,
        }
    }
}

impl Rollout<'_> {
    /// True when a set in use was last sized for another size of the Deployment (`isScalingEvent`).
    #[must_use]
    pub fn is_scaling(&self) -> bool {
        let mut active = self.sets.iter().filter(|set| set.replicas > 0);
        active.any(|set| set.desired != self.replicas)
    }

    /// The size that the new set is to have at once (`NewRSNewReplicas`).
    #[must_use]
    pub fn new_size(&self, now: u32) -> u32 {
        let room = match self.strategy {
            // Not `MaxSurge`, which would come to the same.
            Strategy::RollingUpdate { max_surge, .. } => self
                .replicas
                .saturating_add(max_surge.up(self.replicas))
                .saturating_sub(self.total()),
            Strategy::Recreate => self.replicas,
        };
        now + room.min(self.replicas.saturating_sub(now))
    }

    /// One step of a rolling update (`rolloutRolling`); the new set exists.
    pub fn roll(&mut self) -> Step {
        let Some(new) = self.new else {
            return Step::Nothing;
        };
        let size = self.sets[new].replicas;
        let to = if size > self.replicas {
            self.replicas
        } else {
            self.new_size(size)
        };
        if self.resize(new, to) {
            return Step::Up;
        }
        if self.shrink_old(new) {
            return Step::Down;
        }
        Step::Nothing
    }

    /// `reconcileOldReplicaSets`
    fn shrink_old(&mut self, new: usize) -> bool {
        let old: Vec<usize> = self.active_old();
        let least = self.replicas - self.strategy.unavailable(self.replicas);
        let starting = i64::from(self.sets[new].replicas) - i64::from(self.sets[new].available);
        let budget = i64::from(self.total()) - i64::from(least) - starting;
        if old.is_empty() || budget <= 0 {
            return false;
        }
        let unhealthy = |set: &SetSize| i64::from(set.replicas) - i64::from(set.available);
        // A set that reports more pods than it asks for has not caught up yet: the controller gives up until it has.
        let stale = |index: &usize| unhealthy(&self.sets[*index]) < 0;
        let reached = old.iter().position(stale).unwrap_or(old.len());
        let cleaned = self.shrink(&old[..reached], budget, unhealthy);
        if reached < old.len() && cleaned < budget {
            return false;
        }
        // What has just been shrunk still reports the pods that were available before.
        let reporting = old.iter().chain([&new]);
        let available: i64 = reporting
            .map(|index| i64::from(self.sets[*index].available))
            .sum();
        let spare = available - i64::from(least);
        let scaled = self.shrink(&old, spare, |set| i64::from(set.replicas));
        cleaned + scaled > 0
    }

    /// Takes up to `most` pods from `sets`, the oldest first, from each what `part` allows; how many in all.
    fn shrink(&mut self, sets: &[usize], most: i64, part: impl Fn(&SetSize) -> i64) -> i64 {
        let mut taken = 0;
        for &index in sets {
            let set = self.sets[index];
            let share = part(&set).min(most - taken);
            if share <= 0 {
                continue;
            }
            let to = u32::try_from(i64::from(set.replicas) - share).unwrap_or(0);
            self.resize(index, to);
            taken += share;
        }
        taken
    }

    /// One step of a re-creation (`rolloutRecreate`); `old_pods`: a pod of an old set still exists.
    pub fn recreate(&mut self, old_pods: bool) -> Step {
        let old = self.active_old();
        for &index in &old {
            self.resize(index, 0);
        }
        if !old.is_empty() {
            return Step::Down;
        }
        match self.new.filter(|_| !old_pods) {
            Some(new) if self.resize(new, self.replicas) => Step::Up,
            Some(_) | None => Step::Nothing,
        }
    }

    /// What a change of the Deployment's size does (`scale`): the one set in use takes it, several share it. True when anything
    /// changed, be it an annotation.
    pub fn scale(&mut self) -> bool {
        if let Some(index) = self.active_or_latest() {
            return self.resize(index, self.replicas);
        }
        if self.new.is_some_and(|new| self.is_saturated(new)) {
            let mut changed = false;
            for index in self.active_old() {
                changed |= self.resize(index, 0);
            }
            return changed;
        }
        match self.strategy {
            Strategy::RollingUpdate { .. } => self.scale_proportionally(),
            Strategy::Recreate => false,
        }
    }

    /// The set in use when there is only one, and the newest when there is none (`FindActiveOrLatest`).
    fn active_or_latest(&self) -> Option<usize> {
        let mut active = (0..self.sets.len()).filter(|index| self.sets[*index].replicas > 0);
        match (active.next(), active.next()) {
            (None, _) => self.new.or(self.sets.len().checked_sub(1)),
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => None,
        }
    }

    /// `IsSaturated`
    fn is_saturated(&self, new: usize) -> bool {
        let set = self.sets[new];
        [set.replicas, set.desired, set.available] == [self.replicas; 3]
    }

    fn scale_proportionally(&mut self) -> bool {
        let allowed = match self.replicas {
            0 => 0,
            replicas => i64::from(replicas) + i64::from(self.strategy.surge(replicas)),
        };
        let missing = allowed - i64::from(self.total());
        let mut active: Vec<usize> = (0..self.sets.len())
            .filter(|index| self.sets[*index].replicas > 0)
            .collect();
        // From the largest to the smallest; of equals, the newer grow and the older shrink first.
        active.sort_by_key(|index| {
            let place = i64::try_from(*index).unwrap_or(i64::MAX);
            let place = if missing > 0 { -place } else { place };
            (std::cmp::Reverse(self.sets[*index].replicas), place)
        });
        let mut added = 0;
        let mut sizes = Vec::with_capacity(active.len());
        for &index in &active {
            let part = self.proportion(index, missing, added);
            added += part;
            sizes.push(i64::from(self.sets[index].replicas) + part);
        }
        if let Some(largest) = sizes.first_mut() {
            *largest = (*largest + missing - added).max(0);
        }
        let mut changed = false;
        for (index, size) in active.into_iter().zip(sizes) {
            changed |= self.annotate_and_resize(index, u32::try_from(size).unwrap_or(0));
        }
        changed
    }

    /// How many of the `missing` pods (below zero: of those too many) the set gets, when `added` are given already
    /// (`GetReplicaSetProportion`).
    fn proportion(&self, index: usize, missing: i64, added: i64) -> i64 {
        if missing == added {
            return 0;
        }
        let set = self.sets[index];
        let size = i64::from(set.replicas);
        let fraction = if self.replicas == 0 {
            -size
        } else if set.most == 0 {
            0
        } else {
            let most = i64::from(self.replicas) + i64::from(self.strategy.surge(self.replicas));
            let before = i64::from(set.most);
            // Rounded to the nearest, halves up, as `RoundToInt32` does for what is above zero.
            (2 * size * most + before) / (2 * before) - size
        };
        if missing > 0 {
            fraction.min(missing - added)
        } else {
            fraction.max(missing - added)
        }
    }

    /// All pods that the sets ask for.
    fn total(&self) -> u32 {
        self.sets.iter().map(|set| set.replicas).sum()
    }

    /// Old sets in use, the oldest first.
    fn active_old(&self) -> Vec<usize> {
        (0..self.sets.len())
            .filter(|index| Some(*index) != self.new && self.sets[*index].replicas > 0)
            .collect()
    }

    /// `scaleReplicaSetAndRecordEvent`: leaves a set of the right size as it is.
    fn resize(&mut self, index: usize, to: u32) -> bool {
        self.sets[index].replicas != to && self.annotate_and_resize(index, to)
    }

    /// `scaleReplicaSet`
    fn annotate_and_resize(&mut self, index: usize, to: u32) -> bool {
        let before = self.sets[index];
        self.sets[index] = SetSize {
            replicas: to,
            available: before.available,
            desired: self.replicas,
            most: self
                .replicas
                .saturating_add(self.strategy.surge(self.replicas)),
        };
        self.sets[index] != before
    }
}
