//! How long a client-side assignor computes: a curve through measurements of Kafka's own classes.
//!
//! Measured: Kafka's `ClientSideAssignorBenchmark` (JMH) cells on the sources of October 2024, OpenJDK 17, warm, one core
//! at about 2.6 GHz, homogeneous subscriptions, no racks. Two terms carry the shape: one for every (member, topic)
//! pair of a subscription, one for every partition; the curve meets every measured cell within a factor of 1.5 (test).
//! Heterogeneous subscriptions (5 to 6 times slower in the server's assignors), racks and a cold JVM are not in it; a
//! scenario that needs them gives `assignor_cost` itself.

use libm::log2;

use crate::assignor::AssignorKind;
use crate::kernel::SimDuration;

/// Which sticky algorithm the leader's client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StickyGeneration {
    /// Before KAFKA-9987 (2.6): every member against every partition, over and over.
    Before26,
    /// Since: one constrained pass for equal subscriptions.
    Since26,
}

/// What an assignor has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignorWork {
    /// Which one.
    pub kind: AssignorKind,
    /// Members of the group.
    pub members: u64,
    /// Topics that each subscribes to.
    pub topics: u64,
    /// Partitions of all topics together.
    pub partitions: u64,
    /// True when members claim partitions that they own already (anything but a first assignment).
    pub owned: bool,
    /// Which sticky algorithm.
    pub sticky: StickyGeneration,
}

/// The time of one call of `assign`, rounded up to a microsecond.
#[must_use]
pub fn assignor_cost(work: &AssignorWork) -> SimDuration {
    let subscriptions = work.members as f64 * work.topics as f64;
    let partitions = work.partitions as f64;
    let nanos = match (work.kind, work.sticky) {
        (AssignorKind::Range, _) if work.owned => 230.0 * subscriptions + 500.0 * partitions,
        (AssignorKind::Range, _) => 190.0 * subscriptions + 300.0 * partitions,
        // Nobody measured it; it makes one pass over the partitions, like a first sticky assignment.
        (AssignorKind::RoundRobin, _) => first_sticky(subscriptions, partitions),
        // Not Kafka's, and nobody measured them; they sort the partitions, so they take what a sticky assignor takes that sorts. Reading
        // the offsets is part of that: no request of theirs is simulated.
        (AssignorKind::LagAware | AssignorKind::Weighted, _) => sorting(subscriptions, partitions),
        // apache/kafka PR 8668: two minutes for 2,000 members and 4,000 partitions of two topics.
        (AssignorKind::Sticky | AssignorKind::CooperativeSticky, StickyGeneration::Before26) => {
            15_000.0 * work.members as f64 * partitions
        }
        (AssignorKind::Sticky | AssignorKind::CooperativeSticky, StickyGeneration::Since26) => {
            if work.owned {
                sorting(subscriptions, partitions)
            } else {
                first_sticky(subscriptions, partitions)
            }
        }
    };
    SimDuration::from_micros(((nanos / 1_000.0) as u64).saturating_add(1))
}

fn first_sticky(subscriptions: f64, partitions: f64) -> f64 {
    25.0 * subscriptions + 100.0 * partitions
}

fn sorting(subscriptions: f64, partitions: f64) -> f64 {
    31.0 * subscriptions + 60.0 * partitions * log2(partitions.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(kind: AssignorKind, members: u64, topics: u64, owned: bool) -> f64 {
        let work = AssignorWork {
            kind,
            members,
            topics,
            partitions: members * 10,
            owned,
            sticky: StickyGeneration::Since26,
        };
        assignor_cost(&work).as_micros() as f64 / 1_000.0
    }

    /// Milliseconds measured at ten partitions a member: (members, topics, owned, cooperative-sticky, range).
    #[test]
    fn meets_the_measured_cells_within_a_factor_of_one_and_a_half() {
        for (members, topics, owned, sticky, range) in [
            (100, 10, false, 0.086, 0.40),
            (1_000, 100, false, 3.3, 22.0),
            (1_000, 1_000, false, 26.0, 180.0),
            (10_000, 100, false, 38.0, 288.0),
            (1_000, 10, true, 6.5, 8.0),
            (1_000, 100, true, 12.2, 27.0),
            (1_000, 1_000, true, 39.0, 238.0),
            (10_000, 100, true, 158.0, 379.0),
        ] {
            for (kind, measured) in [
                (AssignorKind::CooperativeSticky, sticky),
                (AssignorKind::Range, range),
            ] {
                let ratio = cost(kind, members, topics, owned) / measured;
                assert!(
                    (1.0 / 1.5..1.5).contains(&ratio),
                    "{kind:?} {members} x {topics}: {ratio}"
                );
            }
        }
    }

    /// V15: two minutes before KAFKA-9987; afterwards a hundred times the partitions in seconds.
    #[test]
    fn v15_the_old_sticky_algorithm_takes_minutes() {
        let mut work = AssignorWork {
            kind: AssignorKind::Sticky,
            members: 2_000,
            topics: 2,
            partitions: 4_000,
            owned: true,
            sticky: StickyGeneration::Before26,
        };
        assert_eq!(assignor_cost(&work).as_micros() / 1_000_000, 120);
        (work.topics, work.partitions, work.sticky) = (200, 400_000, StickyGeneration::Since26);
        assert!(assignor_cost(&work) < SimDuration::from_secs(5));
    }
}
