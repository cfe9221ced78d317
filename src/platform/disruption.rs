//! PodDisruptionBudgets and drains (`pkg/controller/disruption`, the Eviction API).

use super::pod::{Phase, PodUid, PodView};
use super::quantity::IntOrPercent;
use crate::kernel::{SimDuration, SimTime};

/// `policy/v1` PodDisruptionBudgetSpec, without its selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSpec {
    /// How many pods must stay, or may go.
    pub limit: BudgetLimit,
    /// `unhealthyPodEvictionPolicy`
    pub unhealthy: UnhealthyEviction,
}

/// `minAvailable` or `maxUnavailable`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetLimit {
    /// At least so many stay healthy.
    MinAvailable(IntOrPercent),
    /// At most so many of those expected are not healthy.
    MaxUnavailable(IntOrPercent),
}

/// `unhealthyPodEvictionPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnhealthyEviction {
    /// A running pod that is not Ready may go only while enough others are healthy.
    IfHealthyBudget,
    /// A running pod that is not Ready may always go.
    AlwaysAllow,
}

/// How long an approved eviction may wait for its deletion before it is forgotten (`DeletionTimeout`).
const FORGOTTEN: SimDuration = SimDuration::from_secs(120);
/// How often a drain asks again for a pod that it was refused (`kubectl drain`).
const RETRY: SimDuration = SimDuration::from_secs(5);

/// `status` of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetStatus {
    /// `desiredHealthy`
    pub desired: u32,
    /// `currentHealthy`
    pub healthy: u32,
    /// `disruptionsAllowed`
    pub allowed: u32,
}

/// A budget at work.
#[derive(Clone, Debug)]
pub struct Budget {
    spec: BudgetSpec,
    /// Approved evictions whose pods may not be marked yet.
    approved: Vec<(PodUid, SimTime)>,
}

impl Budget {
    /// A budget that has approved nothing yet.
    #[must_use]
    pub const fn new(spec: BudgetSpec) -> Self {
        Self {
            spec,
            approved: Vec::new(),
        }
    }

    /// What it allows (`updatePdbStatus`), when its controllers are to keep `expected` pods and these are there.
    #[must_use]
    pub fn status(&self, now: SimTime, expected: u32, pods: &[PodView]) -> BudgetStatus {
        let (desired, expected) = match self.spec.limit {
            BudgetLimit::MinAvailable(IntOrPercent::Count(count)) => {
                (count, u32::try_from(pods.len()).unwrap_or(u32::MAX))
            }
            BudgetLimit::MinAvailable(share) => (share.up(expected), expected),
            BudgetLimit::MaxUnavailable(limit) => {
                (expected.saturating_sub(limit.up(expected)), expected)
            }
        };
        let counts = |pod: &&PodView| {
            let approved = self
                .approved
                .iter()
                .any(|(uid, at)| *uid == pod.uid && *at + FORGOTTEN > now);
            !pod.is_deleting && !approved && pod.ready_since.is_some()
        };
        let healthy = pods.iter().filter(counts).count();
        let healthy = u32::try_from(healthy).unwrap_or(u32::MAX);
        let allowed = match expected {
            0 => 0,
            _ => healthy.saturating_sub(desired),
        };
        BudgetStatus {
            desired,
            healthy,
            allowed,
        }
    }

    /// A request to evict `pod`, one of `pods` (the Eviction API); true when it is approved and the pod is to be deleted.
    pub fn evict(&mut self, now: SimTime, expected: u32, pods: &[PodView], pod: &PodView) -> bool {
        if is_free(pod) {
            return true;
        }
        let status = self.status(now, expected, pods);
        if pod.ready_since.is_none() {
            let enough = status.healthy >= status.desired && status.desired > 0;
            if self.spec.unhealthy == UnhealthyEviction::AlwaysAllow || enough {
                return true;
            }
        }
        if status.allowed == 0 {
            return false;
        }
        self.approved.retain(|(_, at)| *at + FORGOTTEN > now);
        self.approved.push((pod.uid, now));
        true
    }
}

/// True for a pod that no budget protects (`canIgnorePDB`).
#[must_use]
pub const fn is_free(pod: &PodView) -> bool {
    pod.is_deleting || pod.has_ended() || matches!(pod.phase, Phase::Pending)
}

/// A node that is being drained: every pod is asked for, and those that were refused again and again.
#[derive(Clone, Debug)]
pub struct Drain {
    remaining: Vec<PodUid>,
}

impl Drain {
    /// Of the pods that are on the node now; it takes no more (cordon).
    #[must_use]
    pub fn new(mut pods: Vec<PodUid>) -> Self {
        pods.sort_unstable();
        pods.dedup();
        Self { remaining: pods }
    }

    /// Asks `evict` for every pod that is left, in order of uid: it answers whether that was approved, or `None` when the pod is gone already.
    /// Returns when to ask again; `None` when none is left.
    pub fn attempt(
        &mut self,
        now: SimTime,
        mut evict: impl FnMut(PodUid) -> Option<bool>,
    ) -> Option<SimTime> {
        self.remaining.retain(|uid| evict(*uid) == Some(false));
        (!self.remaining.is_empty()).then(|| now + RETRY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SimTime = SimTime::from_millis(1_000_000);

    fn pods(ready: u64, unready: u64) -> Vec<PodView> {
        let pod = |uid| PodView {
            uid: PodUid(uid),
            template: 0,
            ordinal: 0,
            created: SimTime::ZERO,
            phase: Phase::Running,
            node: Some(0),
            ready_since: (uid < ready).then_some(SimTime::ZERO),
            is_deleting: false,
            restarts: 0,
        };
        (0..ready + unready).map(pod).collect()
    }

    fn budget(limit: BudgetLimit, unhealthy: UnhealthyEviction) -> Budget {
        Budget::new(BudgetSpec { limit, unhealthy })
    }

    fn figures(limit: BudgetLimit, ready: u64, unready: u64) -> (u32, u32) {
        let pods = pods(ready, unready);
        let expected = u32::try_from(pods.len()).unwrap_or(0);
        let budget = budget(limit, UnhealthyEviction::IfHealthyBudget);
        let status = budget.status(NOW, expected, &pods);
        (status.desired, status.allowed)
    }

    #[test]
    fn pdb_1_half_of_seven_must_stay() {
        let limit = BudgetLimit::MinAvailable(IntOrPercent::Percent(50));
        assert_eq!(figures(limit, 7, 0), (4, 3));
    }

    #[test]
    fn pdb_2_half_of_seven_may_go() {
        let limit = BudgetLimit::MaxUnavailable(IntOrPercent::Percent(50));
        assert_eq!(figures(limit, 7, 0), (3, 4));
    }

    #[test]
    fn pdb_3_a_tenth_of_ten() {
        let limit = BudgetLimit::MaxUnavailable(IntOrPercent::Percent(10));
        assert_eq!(figures(limit, 10, 0), (9, 1));
    }

    #[test]
    fn pdb_4_one_is_out_already_so_the_drain_waits() {
        let limit = BudgetLimit::MaxUnavailable(IntOrPercent::Count(1));
        assert_eq!(figures(limit, 11, 1), (11, 0));
        let pods = pods(11, 1);
        let mut budget = budget(limit, UnhealthyEviction::IfHealthyBudget);
        let mut drain = Drain::new(vec![PodUid(0)]);
        let mut ask = |now| drain.attempt(now, |_| Some(budget.evict(now, 12, &pods, &pods[0])));
        assert_eq!(ask(NOW), Some(NOW + RETRY));
        // The one that is not Ready is free to go, for the eleven that are suffice.
        assert!(budget.evict(NOW, 12, &pods, &pods[11]));
    }

    #[test]
    fn each_approval_uses_one_up_until_it_is_forgotten() {
        let pods = pods(4, 0);
        let limit = BudgetLimit::MinAvailable(IntOrPercent::Count(3));
        let mut budget = budget(limit, UnhealthyEviction::IfHealthyBudget);
        assert!(budget.evict(NOW, 4, &pods, &pods[0]));
        assert!(!budget.evict(NOW, 4, &pods, &pods[1]));
        assert!(budget.evict(NOW + FORGOTTEN, 4, &pods, &pods[1]));
    }

    #[test]
    fn pods_that_are_not_ready_are_bound_to_the_policy() {
        let pods = pods(2, 1);
        let limit = BudgetLimit::MinAvailable(IntOrPercent::Count(3));
        let asked = |policy| budget(limit, policy).evict(NOW, 3, &pods, &pods[2]);
        assert!(!asked(UnhealthyEviction::IfHealthyBudget));
        assert!(asked(UnhealthyEviction::AlwaysAllow));
    }

    #[test]
    fn a_drain_ends_when_nobody_is_left() {
        let mut drain = Drain::new(vec![PodUid(2), PodUid(1), PodUid(3)]);
        let mut asked = Vec::new();
        let again = drain.attempt(NOW, |uid| {
            asked.push(uid.0);
            (uid.0 != 3).then_some(uid.0 != 2)
        });
        assert_eq!((again, asked), (Some(NOW + RETRY), vec![1, 2, 3]));
        assert_eq!(drain.attempt(NOW + RETRY, |_| Some(true)), None);
    }
}
