//! ReplicaSets: which pods go when there are too many (`ActivePodsWithRanks`, `getPodsToDelete`).
//!
//! Ages count in powers of two of nanoseconds, so that pods of about the same age are told apart by their uids alone. That makes no
//! total order (two of exactly one age are compared by what comes next), so the pods are sorted by insertion, as Go does with few.

use super::pod::{Phase, PodUid, PodView};
use crate::kernel::SimTime;

/// A pod and how many active pods of its Deployment share its node.
type Ranked<'p> = (&'p PodView, usize);

/// Which `count` of `pods` (all active, all of one set) go first; `related` are the active pods of all sets of the Deployment.
#[must_use]
pub fn victims(pods: &[&PodView], related: &[&PodView], count: usize, now: SimTime) -> Vec<PodUid> {
    let mut sorted: Vec<Ranked<'_>> = Vec::with_capacity(pods.len());
    for &pod in pods {
        let rank = related
            .iter()
            .filter(|other| other.node == pod.node)
            .count();
        let mut place = sorted.len();
        while place > 0 && goes_before((pod, rank), sorted[place - 1], now) {
            place -= 1;
        }
        sorted.insert(place, (pod, rank));
    }
    sorted.iter().take(count).map(|(pod, _)| pod.uid).collect()
}

/// `ActivePodsWithRanks.Less`, and of pods that it does not tell apart the one with the lower uid.
fn goes_before(one: Ranked<'_>, other: Ranked<'_>, now: SimTime) -> bool {
    let ((one, rank), (other, other_rank)) = (one, other);
    if one.node.is_some() != other.node.is_some() {
        return one.node.is_none();
    }
    if phase(one) != phase(other) {
        return phase(one) < phase(other);
    }
    if one.ready_since.is_some() != other.ready_since.is_some() {
        return one.ready_since.is_none();
    }
    if rank != other_rank {
        return rank > other_rank;
    }
    if let (Some(since), Some(other_since)) = (one.ready_since, other.ready_since)
        && since != other_since
    {
        return is_younger((since, one.uid), (other_since, other.uid), now);
    }
    if one.restarts != other.restarts {
        return one.restarts > other.restarts;
    }
    is_younger((one.created, one.uid), (other.created, other.uid), now)
}

/// `podPhaseToOrdinal`
const fn phase(pod: &PodView) -> u8 {
    match pod.phase {
        Phase::Pending => 0,
        Phase::Unknown => 1,
        Phase::Running | Phase::Failed | Phase::Succeeded => 2,
    }
}

/// By the power of two of the age, then by uid.
fn is_younger(one: (SimTime, PodUid), other: (SimTime, PodUid), now: SimTime) -> bool {
    let (age, other_age) = (age_rank(one.0, now), age_rank(other.0, now));
    (age, one.1) < (other_age, other.1)
}

/// `floor(log2)` of the age in nanoseconds; -1 when it has none (`logarithmicRankDiff`).
#[must_use]
pub fn age_rank(since: SimTime, now: SimTime) -> i64 {
    let nanos = u128::from(now.as_micros().saturating_sub(since.as_micros())) * 1_000;
    nanos.checked_ilog2().map_or(-1, i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SimTime = SimTime::from_millis(10_000_000);

    fn pod(uid: u64) -> PodView {
        PodView {
            uid: PodUid(uid),
            template: 0,
            ordinal: 0,
            created: SimTime::ZERO,
            phase: Phase::Running,
            node: Some(u32::try_from(uid).unwrap_or(0)),
            ready_since: Some(SimTime::ZERO),
            is_deleting: false,
            restarts: 0,
        }
    }

    fn aged(uid: u64, seconds: u64) -> PodView {
        PodView {
            ready_since: Some(SimTime::from_millis(10_000_000 - seconds * 1_000)),
            ..pod(uid)
        }
    }

    fn order(pods: &[PodView]) -> Vec<u64> {
        let list: Vec<&PodView> = pods.iter().collect();
        let all = victims(&list, &list, list.len(), NOW);
        all.iter().map(|uid| uid.0).collect()
    }

    #[test]
    fn ages_fall_into_the_buckets_of_the_reference() {
        let rank = |seconds: u64| age_rank(SimTime::from_millis(10_000_000 - seconds * 1_000), NOW);
        let ages = [10, 60, 100, 130, 3_600, 4_000, 7_200];
        assert_eq!(ages.map(rank), [33, 35, 36, 36, 41, 41, 42]);
        assert_eq!(age_rank(NOW, NOW), -1);
    }

    #[test]
    fn each_difference_decides_before_the_next() {
        let unscheduled = PodView {
            node: None,
            ..pod(9)
        };
        let pending = PodView {
            phase: Phase::Pending,
            ..pod(8)
        };
        let unknown = PodView {
            phase: Phase::Unknown,
            ..pod(7)
        };
        let unready = PodView {
            ready_since: None,
            ..pod(6)
        };
        let young = aged(5, 10);
        let old = aged(1, 7_200);
        let pods = [old, young, unready, unknown, pending, unscheduled];
        assert_eq!(order(&pods), [9, 8, 7, 6, 5, 1]);
    }

    #[test]
    fn shared_nodes_come_before_age_and_restarts_after_it() {
        let twins = [
            PodView {
                node: Some(9),
                ..aged(1, 7_200)
            },
            PodView {
                node: Some(9),
                ..aged(2, 7_200)
            },
        ];
        assert_eq!(order(&[aged(3, 10), twins[0], twins[1]])[2], 3);
        let crashed = PodView {
            restarts: 4,
            ..pod(5)
        };
        assert_eq!(order(&[pod(4), crashed]), [5, 4]);
        // Of about one age, the uid alone decides.
        assert_eq!(order(&[aged(2, 100), aged(1, 130)]), [1, 2]);
        assert_eq!(order(&[aged(2, 60), aged(1, 130)]), [2, 1]);
    }

    #[test]
    fn orders_that_go_round_do_no_harm() {
        // 3 goes before 1 (restarts), 1 before 2 and 2 before 3 (uids).
        let since = |pod: PodView, seconds: u64| PodView {
            ready_since: Some(SimTime::from_millis(10_000_000 - seconds * 1_000)),
            ..pod
        };
        let three = PodView {
            restarts: 1,
            ..pod(3)
        };
        let ring = [since(pod(1), 100), since(pod(2), 110), since(three, 100)];
        let mut uids = order(&ring);
        uids.sort_unstable();
        assert_eq!(uids, [1, 2, 3]);
    }
}
