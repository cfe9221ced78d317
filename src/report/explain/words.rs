//! Events and needs in words: who, and what happened or is waited for.

use crate::assignor::{ConsumerId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::barrier::Wait;
use crate::metrics::stall::{Leg, Loss, Need};
use crate::timeline::{
    CallbackKind, Cast, Observation, PlatformFact, ReleaseReason, RemovalReason, ScaledBy,
};

/// An instant to the microsecond: `9m51.223561s`.
#[must_use]
pub fn instant(at: SimTime) -> String {
    let micros = at.as_micros();
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}.{micros:06}s"),
        (0, _) => format!("{minutes}m{seconds:02}.{micros:06}s"),
        _ => format!("{hours}h{minutes:02}m{seconds:02}.{micros:06}s"),
    }
}

/// A length to the microsecond: `7.500200 s`.
#[must_use]
pub fn length(micros: u64) -> String {
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

/// `topic-partition`
#[must_use]
pub fn partition(cast: &Cast, partition: TopicPartition) -> String {
    let topic = cast.topics.get(partition.topic.index());
    let topic = topic.map_or("?", |topic| &*topic.0);
    format!("{topic}-{}", partition.partition)
}

/// `<group>/<name>`
#[must_use]
pub fn member(cast: &Cast, consumer: ConsumerId) -> &str {
    let facts = cast.consumers.get(consumer.index());
    facts.map_or("a member", |facts| &facts.name)
}

/// The callback's name in `ConsumerRebalanceListener`.
const fn callback(kind: CallbackKind) -> &'static str {
    match kind {
        CallbackKind::Revoked => "onPartitionsRevoked",
        CallbackKind::Lost => "onPartitionsLost",
        CallbackKind::Assigned => "onPartitionsAssigned",
    }
}

const fn removal(why: RemovalReason) -> &'static str {
    match why {
        RemovalReason::Leave => "left the group",
        RemovalReason::PollTimeout => "left the group: max.poll.interval.ms was exceeded",
        RemovalReason::SessionExpired => "is removed: its session expired",
        RemovalReason::JoinTimeout => "is removed: it did not join in time",
        RemovalReason::SyncTimeout => "is removed: it did not send SyncGroup in time",
        RemovalReason::CoordinatorChange => "is unknown to the new coordinator",
        RemovalReason::RebalanceTimeout => "is removed: it did not give up partitions in time",
        RemovalReason::GroupFull => "is removed: the group is full",
    }
}

fn listed(cast: &Cast, partitions: &[TopicPartition]) -> String {
    const SHOWN: usize = 4;
    let mut names: Vec<String> = partitions
        .iter()
        .take(SHOWN)
        .map(|one| partition(cast, *one))
        .collect();
    if partitions.len() > SHOWN {
        names.push(format!("{} more", partitions.len() - SHOWN));
    }
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// Who, and what happened.
#[must_use]
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each observation, each a phrase"
)]
pub(super) fn event(cast: &Cast, observation: &Observation) -> (String, String) {
    let of = |consumer: &ConsumerId| member(cast, *consumer).to_owned();
    let coordinator = |what: String| ("coordinator".to_owned(), what);
    let whose = |by: &Option<ConsumerId>| match by {
        Some(by) => format!(" of {}", member(cast, *by)),
        None => String::new(),
    };
    match observation {
        Observation::GroupState {
            from,
            to,
            generation,
            reason,
            by,
            ..
        } => {
            let why = reason.map_or_else(
                || format!("generation {generation}"),
                |reason| format!("{}{}", reason.word().replace('_', " "), whose(by)),
            );
            coordinator(format!("{} to {}: {why}", from.word(), to.word()))
        }
        Observation::MemberIdIssued { consumer, .. } => {
            coordinator(format!("{} is given a member id", of(consumer)))
        }
        Observation::MemberAdded { consumer, .. } | Observation::MemberJoined { consumer, .. } => {
            coordinator(format!("{} is a new member", of(consumer)))
        }
        Observation::StaticMemberReplaced {
            consumer,
            instance_id,
            ..
        } => coordinator(format!("{} takes the place of {instance_id}", of(consumer))),
        Observation::MemberRemoved { consumer, why, .. } => {
            coordinator(format!("{} {}", of(consumer), removal(*why)))
        }
        Observation::MemberRejoined { consumer, .. } => {
            coordinator(format!("{} has joined", of(consumer)))
        }
        Observation::JoinComplete { generation, .. } => {
            coordinator(format!("all have joined generation {generation}"))
        }
        Observation::AssignmentReceived { generation, .. } => coordinator(format!(
            "the leader's assignment of generation {generation} has come"
        )),
        Observation::GroupEpoch {
            epoch, reason, by, ..
        } => coordinator(format!(
            "group epoch {epoch}: {}{}",
            reason.word().replace('_', " "),
            whose(by)
        )),
        Observation::TargetAssignment { epoch, .. } => {
            coordinator(format!("target of epoch {epoch} computed"))
        }
        Observation::MemberEpoch {
            consumer,
            epoch,
            assigned,
            pending_revocation,
            ..
        } => {
            let gives = if pending_revocation.is_empty() {
                String::new()
            } else {
                format!(", has to give up {}", listed(cast, pending_revocation))
            };
            coordinator(format!(
                "{} at epoch {epoch} may use {}{gives}",
                of(consumer),
                listed(cast, assigned)
            ))
        }
        Observation::StaticMemberAway { consumer, .. } => {
            coordinator(format!("{} is away and keeps its share", of(consumer)))
        }
        Observation::CoordinatorAvailable { available, .. } => {
            coordinator(if *available { "is back" } else { "is away" }.to_owned())
        }
        Observation::ConsumerStarted { consumer } => (of(consumer), "starts".to_owned()),
        Observation::ConsumerCrashed { consumer } => (of(consumer), "is killed".to_owned()),
        Observation::ConsumerFrozen { consumer } => (of(consumer), "stands still".to_owned()),
        Observation::ConsumerThawed { consumer } => (of(consumer), "goes on".to_owned()),
        Observation::ConsumerConnected {
            consumer,
            connected,
        } => (
            of(consumer),
            if *connected {
                "is connected again"
            } else {
                "is cut off"
            }
            .to_owned(),
        ),
        Observation::ConsumerStalled { consumer } => {
            (of(consumer), "its poll loop stands still".to_owned())
        }
        Observation::ConsumerResumed { consumer } => {
            (of(consumer), "its poll loop goes on".to_owned())
        }
        Observation::ConsumerClosing { consumer } => (of(consumer), "calls close()".to_owned()),
        Observation::ConsumerClosed { consumer } => (of(consumer), "has exited".to_owned()),
        Observation::ConsumerFailed { consumer, error } => {
            (of(consumer), format!("poll() throws {error}"))
        }
        Observation::PollDeadlineExceeded { consumer } => {
            (of(consumer), "exceeds max.poll.interval.ms".to_owned())
        }
        Observation::RejoinRequested { consumer, reason } => {
            (of(consumer), format!("will rejoin: {reason}"))
        }
        Observation::Joining { consumer } => (of(consumer), "sends JoinGroup".to_owned()),
        Observation::Joined {
            consumer,
            generation,
        } => (of(consumer), format!("has joined generation {generation}")),
        Observation::Synced { consumer, .. } => (of(consumer), "has its assignment".to_owned()),
        Observation::ClientTransition { consumer, to, .. } => {
            (of(consumer), format!("goes to {}", to.word()))
        }
        Observation::CallbackStarted {
            consumer,
            kind,
            partitions,
            ..
        } => (
            of(consumer),
            format!("enters {} ({})", callback(*kind), listed(cast, partitions)),
        ),
        Observation::CallbackEnded { consumer, kind } => {
            (of(consumer), format!("{} returns", callback(*kind)))
        }
        Observation::CommitFailed { consumer, error } => {
            (of(consumer), format!("commit fails: {error}"))
        }
        Observation::Assigned {
            consumer,
            partition: one,
        } => (of(consumer), format!("has {}", partition(cast, *one))),
        Observation::PositionKnown {
            consumer,
            partition: one,
            offset,
        } => (
            of(consumer),
            format!("reads {} from offset {offset}", partition(cast, *one)),
        ),
        Observation::Serving {
            consumer,
            partition: one,
            ..
        } => (of(consumer), format!("serves {}", partition(cast, *one))),
        Observation::Released {
            consumer,
            partition: one,
            why,
            ..
        } => (
            of(consumer),
            format!("{} {}", release(*why), partition(cast, *one)),
        ),
        Observation::RestoreStarted { consumer, .. } => (of(consumer), "restores state".to_owned()),
        Observation::RestoreEnded { consumer, .. } => {
            (of(consumer), "has restored its state".to_owned())
        }
        Observation::FirstBatch { consumer, .. } | Observation::Polled { consumer, .. } => {
            (of(consumer), "poll() returns records".to_owned())
        }
        Observation::BatchStarted { consumer } => (of(consumer), "begins a batch".to_owned()),
        Observation::PrefetchDropped { consumer, .. } => {
            (of(consumer), "drops what it had fetched".to_owned())
        }
        Observation::OffsetsCommitted { .. } => coordinator("offsets are committed".to_owned()),
        Observation::Action { verb, consumer, .. } => {
            let whom = consumer.map_or_else(String::new, |who| format!(" {}", member(cast, who)));
            ("script".to_owned(), format!("{verb}{whom}"))
        }
        Observation::PartitionsAdded {
            topic,
            before,
            partitions,
        } => {
            let name = cast
                .topics
                .get(topic.index())
                .map_or("?", |topic| &*topic.0);
            (
                name.to_owned(),
                format!("grows from {before} to {partitions} partitions"),
            )
        }
        Observation::Platform(fact) => platform(cast, fact),
    }
}

const fn release(why: ReleaseReason) -> &'static str {
    match why {
        ReleaseReason::PendingRevocation => "commits before it gives up",
        ReleaseReason::Revoked => "gives up",
        ReleaseReason::Lost => "has lost",
        ReleaseReason::Gone => "is gone with",
        ReleaseReason::Frozen => "stands still with",
        ReleaseReason::Disconnected => "is cut off with",
        ReleaseReason::PollDeadline => "did not poll in time, with",
    }
}

fn platform(cast: &Cast, fact: &PlatformFact) -> (String, String) {
    let pod = |pod: &crate::timeline::PodId| {
        let facts = cast.pods.get(pod.index());
        facts.map_or("a pod", |facts| &*facts.name).to_owned()
    };
    let workload = |workload: &crate::timeline::WorkloadId| {
        let facts = cast.workloads.get(workload.index());
        facts.map_or("a workload", |facts| &*facts.name).to_owned()
    };
    let scaler = |scaler: &crate::timeline::ScalerId| {
        let facts = cast.scalers.get(scaler.index());
        facts
            .map_or("an autoscaler", |facts| &*facts.name)
            .to_owned()
    };
    match fact {
        PlatformFact::PodCreated {
            pod: which, why, ..
        } => (
            pod(which),
            format!("pod is created: {}", spaced(why.word())),
        ),
        PlatformFact::PodReady { pod: which, ready } => (
            pod(which),
            if *ready {
                "pod is ready"
            } else {
                "pod is not ready"
            }
            .to_owned(),
        ),
        PlatformFact::PodTerminating { pod: which, why } => {
            (pod(which), format!("pod is to go: {}", spaced(why.word())))
        }
        PlatformFact::PodGone { pod: which } => (pod(which), "pod is gone".to_owned()),
        PlatformFact::ContainerEnded {
            pod: which, why, ..
        } => (
            pod(which),
            format!("container ends: {}", spaced(why.word())),
        ),
        PlatformFact::MemoryExceeded {
            consumer,
            needed,
            limit,
            ..
        } => (
            member(cast, *consumer).to_owned(),
            format!("needs {needed} bytes, its limit is {limit}"),
        ),
        PlatformFact::Replicas {
            workload: which,
            from,
            to,
            by,
        } => {
            let by = match by {
                ScaledBy::Script => "the script".to_owned(),
                ScaledBy::Scaler(which) => scaler(which),
            };
            (workload(which), format!("{from} to {to} replicas, by {by}"))
        }
        PlatformFact::Template {
            workload: which,
            revision,
        } => (
            workload(which),
            format!("has a new template, revision {revision}"),
        ),
        PlatformFact::Decision {
            scaler: which,
            current,
            desired,
            metric,
            reason,
            ..
        } => (
            scaler(which),
            format!("wants {desired} replicas instead of {current}: {metric}, {reason}"),
        ),
        PlatformFact::EvictionRefused { pod: which } => (
            pod(which),
            "eviction is refused: no disruption allowed".to_owned(),
        ),
        PlatformFact::Node { node, up } => {
            let name = cast.nodes.get(node.index());
            (
                name.map_or("a node", |name| &**name).to_owned(),
                if *up { "is back" } else { "is lost" }.to_owned(),
            )
        }
    }
}

fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

/// What a leg waits for.
#[must_use]
pub(super) fn need(cast: &Cast, leg: &Leg) -> String {
    let who = leg.who.map_or("a member", |who| member(cast, who));
    match leg.need {
        Need::Session(loss) => {
            let how = match loss {
                Loss::Gone => "is gone",
                Loss::Silent => "closes and says nothing",
                Loss::Frozen => "stands still",
                Loss::Disconnected => "is cut off",
                Loss::PollDeadline => "is past its poll deadline",
            };
            format!("{who} {how}, and its coordinator does not know")
        }
        Need::Callback(kind) => format!("{who} is in {}", callback(kind)),
        Need::Commit => format!("{who} commits before it gives the partition up"),
        Need::Busy(kind) => format!("{who} is in {} for other partitions", callback(kind)),
        Need::Restore => format!("{who} restores state"),
        Need::Position => format!("{who} looks up its offset"),
        Need::Fetch => format!("the first fetch of {who} is under way"),
        Need::Leader => format!("{who}, the leader, assigns and sends SyncGroup"),
        Need::Stored => "the coordinator stores the assignment".to_owned(),
        Need::Delivery => format!("the assignment is on its way to {who}"),
        Need::Release => format!("{who} has not given it up"),
        Need::Acknowledge => format!("{who} has given it up and has not said so"),
        Need::Heartbeat => format!("{who} has not heard of it: its next heartbeat is not due"),
        Need::Target => "the coordinator has no target for it".to_owned(),
        Need::Rejoin => format!("{who} has to join again"),
        Need::Round => "the group has not noticed it".to_owned(),
        Need::Join(wait) => match wait {
            Wait::Heartbeat => {
                format!("{who} has not heard of the rebalance: its next heartbeat is not due")
            }
            Wait::Batch => format!("{who} is in a batch"),
            Wait::Callback => format!("{who} is in a callback"),
            Wait::Stall => format!("{who} stands still"),
            Wait::Session => format!("{who} is gone, and its session has to expire"),
            Wait::Join => format!("the JoinGroup of {who} is under way"),
            Wait::Timer => "everybody has joined; the coordinator waits for more".to_owned(),
        },
        Need::Leave => format!("the LeaveGroup of {who} is under way"),
        Need::Return => format!("{who} said that it would be back"),
        Need::Member => "nobody runs who subscribes to it".to_owned(),
        Need::Admission => "who runs has not been let into the group".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_lengths_are_exact() {
        let at = SimTime::from_micros(3_725_000_001);
        assert_eq!(instant(at), "1h02m05.000001s");
        assert_eq!(instant(SimTime::from_micros(61_000_000)), "1m01.000000s");
        assert_eq!(instant(SimTime::from_micros(5)), "0.000005s");
        assert_eq!(length(14_108_219), "14.108219 s");
    }
}
