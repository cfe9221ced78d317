//! From a fact of the platform back to the one before it: pods to their controllers, controllers to autoscalers and the script.

use super::origin::Reader;
use crate::assignor::ConsumerId;
use crate::timeline::{
    ContainerEnd, Observation, PlatformFact, PodEnd, PodId, PodStart, Timeline, WorkloadId,
};

/// True when the consumer runs in the pod.
pub(super) fn runs(timeline: &Timeline, pod: PodId, consumer: ConsumerId) -> bool {
    let pod = timeline.cast.pods.get(pod.index());
    pod.is_some_and(|pod| pod.consumers.contains(&consumer))
}

/// What the fact at the entry `index` follows from.
pub(super) fn before(reader: Reader<'_>, index: usize, fact: &PlatformFact) -> Option<usize> {
    match fact {
        PlatformFact::PodCreated { pod, why, .. } => match why {
            PodStart::Initial => None,
            PodStart::ScaledUp => replicas(reader, index, *pod),
            PodStart::Rollout => template(reader, index, *pod),
            PodStart::Replacement => lost(reader, index),
        },
        PlatformFact::PodTerminating { pod, why } => match why {
            PodEnd::ScaledDown => replicas(reader, index, *pod),
            PodEnd::Rollout => template(reader, index, *pod),
            PodEnd::Evicted => action(reader, index, &["drain"]),
            PodEnd::NodeLost => lost(reader, index),
        },
        PlatformFact::ContainerEnded { pod, consumer, why, .. } => match why {
            ContainerEnd::Exited => reader.last(index, |other| {
                matches!(other, Observation::Action { consumer: Some(who), .. }
                    | Observation::Fault { consumer: Some(who), .. } if who == consumer)
            }),
            ContainerEnd::OutOfMemory => reader.last(index, |other| {
                matches!(other, Observation::Platform(PlatformFact::MemoryExceeded { consumer: who, .. }) if who == consumer)
            }),
            ContainerEnd::Terminated | ContainerEnd::GraceOver => reader.last(index, |other| {
                matches!(other, Observation::Platform(PlatformFact::PodTerminating { pod: which, .. }) if which == pod)
            }),
            ContainerEnd::NodeLost => lost(reader, index),
        },
        PlatformFact::Replicas { by, .. } => reader.of_replicas(index, *by),
        PlatformFact::Template { .. } => action(reader, index, &["deploy", "rollback"]),
        PlatformFact::Node { .. } => action(reader, index, &["kill_node"]),
        PlatformFact::MemoryExceeded { consumer, .. } => assignment(reader, index, *consumer),
        PlatformFact::PodReady { .. }
        | PlatformFact::PodGone { .. }
        | PlatformFact::Decision { .. }
        | PlatformFact::EvictionRefused { .. } => None,
    }
}

fn workload(timeline: &Timeline, pod: PodId) -> Option<WorkloadId> {
    Some(timeline.cast.pods.get(pod.index())?.workload)
}

fn replicas(reader: Reader<'_>, index: usize, pod: PodId) -> Option<usize> {
    let wanted = workload(reader.timeline, pod)?;
    reader.last(index, |other| {
        matches!(other, Observation::Platform(PlatformFact::Replicas { workload, .. }) if *workload == wanted)
    })
}

fn template(reader: Reader<'_>, index: usize, pod: PodId) -> Option<usize> {
    let wanted = workload(reader.timeline, pod)?;
    reader.last(index, |other| {
        matches!(other, Observation::Platform(PlatformFact::Template { workload, .. }) if *workload == wanted)
    })
}

/// The node that went away, or the drain that evicts.
fn lost(reader: Reader<'_>, index: usize) -> Option<usize> {
    reader.last(index, |other| {
        matches!(
            other,
            Observation::Platform(PlatformFact::Node { up: false, .. })
        ) || matches!(other, Observation::Action { verb, .. } if *verb == "drain")
    })
}

fn action(reader: Reader<'_>, index: usize, verbs: &[&str]) -> Option<usize> {
    reader.near(
        index,
        |other| matches!(other, Observation::Action { verb, .. } if verbs.contains(verb)),
    )
}

/// What gave a consumer the partitions that do not fit: the rebalance before, of whatever origin.
fn assignment(reader: Reader<'_>, index: usize, consumer: ConsumerId) -> Option<usize> {
    let own = reader.timeline.cast.consumers.get(consumer.index())?.group;
    reader.last(index, |other| match other {
        Observation::GroupState {
            group,
            reason: Some(_),
            ..
        }
        | Observation::GroupEpoch { group, .. } => *group == own,
        _ => false,
    })
}
