//! Events in words: who, and what happened.

use std::borrow::Cow;

use super::words::{callback, member, partition};
use crate::assignor::{ConsumerId, TopicPartition};
use crate::kernel::words::counted;
use crate::report::figures::mebibytes;
use crate::timeline::{
    Cast, Observation, PlatformFact, PodId, ReleaseReason, RemovalReason, ScaledBy, ScalerId,
    WorkloadId,
};

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

/// The partitions of a list of offsets.
fn named(cast: &Cast, offsets: &[(TopicPartition, u64)]) -> String {
    let partitions: Vec<TopicPartition> = offsets.iter().map(|(one, _)| *one).collect();
    listed(cast, &partitions)
}

/// What an observation tells of one partition, where it tells of single ones.
pub(super) fn told_of(
    partition: TopicPartition,
    observation: &Observation,
) -> Cow<'_, Observation> {
    let mut singly = observation.singly().into_iter();
    let own = singly.find(|(known, _)| *known == Some(partition));
    own.map_or(Cow::Borrowed(observation), |(_, single)| single)
}

/// Who, and what happened.
pub(super) fn event(cast: &Cast, observation: &Observation) -> (String, String) {
    match observation {
        Observation::GroupState { .. }
        | Observation::MemberIdIssued { .. }
        | Observation::MemberAdded { .. }
        | Observation::MemberJoined { .. }
        | Observation::StaticMemberReplaced { .. }
        | Observation::MemberRemoved { .. }
        | Observation::MemberRejoined { .. }
        | Observation::JoinComplete { .. }
        | Observation::AssignmentReceived { .. }
        | Observation::GroupEpoch { .. }
        | Observation::TargetAssignment { .. }
        | Observation::MemberEpoch { .. }
        | Observation::StaticMemberAway { .. }
        | Observation::CoordinatorAvailable { .. }
        | Observation::OffsetsCommitted { .. } => {
            ("coordinator".to_owned(), coordinator(cast, observation))
        }
        Observation::ConsumerStarted { .. }
        | Observation::ConsumerCrashed { .. }
        | Observation::ConsumerFrozen { .. }
        | Observation::ConsumerThawed { .. }
        | Observation::ConsumerConnected { .. }
        | Observation::ConsumerStalled { .. }
        | Observation::ConsumerResumed { .. }
        | Observation::ConsumerClosing { .. }
        | Observation::ConsumerClosed { .. }
        | Observation::ConsumerFailed { .. }
        | Observation::PollDeadlineExceeded { .. }
        | Observation::RejoinRequested { .. }
        | Observation::Joining { .. }
        | Observation::Joined { .. }
        | Observation::Synced { .. }
        | Observation::ClientTransition { .. } => process(cast, observation),
        Observation::CallbackStarted { .. }
        | Observation::CallbackEnded { .. }
        | Observation::CommitFailed { .. }
        | Observation::Assigned { .. }
        | Observation::PositionKnown { .. }
        | Observation::Serving { .. }
        | Observation::Released { .. }
        | Observation::RestoreStarted { .. }
        | Observation::RestoreEnded { .. }
        | Observation::FirstBatch { .. }
        | Observation::Polled { .. }
        | Observation::BatchStarted { .. }
        | Observation::PrefetchDropped { .. } => with_partitions(cast, observation),
        Observation::Action { verb, consumer, .. } => {
            let whom = consumer.map_or_else(String::new, |who| format!(" {}", member(cast, who)));
            ("script".to_owned(), format!("{verb}{whom}"))
        }
        Observation::Fault { verb, consumer, .. } => {
            let whom = consumer.map_or_else(String::new, |who| format!(" {}", member(cast, who)));
            ("fault".to_owned(), format!("{verb}{whom}"))
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

/// What a coordinator did: with its groups and their members.
fn coordinator(cast: &Cast, observation: &Observation) -> String {
    let of = |consumer: &ConsumerId| member(cast, *consumer).to_owned();
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
                |reason| format!("{}{}", reason.word().replace('_', " "), whose(cast, *by)),
            );
            format!("{} to {}: {why}", from.word(), to.word())
        }
        Observation::MemberIdIssued { consumer, .. } => {
            format!("{} is given a member id", of(consumer))
        }
        Observation::MemberAdded { consumer, .. } | Observation::MemberJoined { consumer, .. } => {
            format!("{} is a new member", of(consumer))
        }
        Observation::StaticMemberReplaced {
            consumer,
            instance_id,
            ..
        } => format!("{} takes the place of {instance_id}", of(consumer)),
        Observation::MemberRemoved { consumer, why, .. } => {
            format!("{} {}", of(consumer), removal(*why))
        }
        Observation::MemberRejoined { consumer, .. } => {
            format!("{} has joined", of(consumer))
        }
        Observation::JoinComplete { generation, .. } => {
            format!("all have joined generation {generation}")
        }
        Observation::AssignmentReceived { generation, .. } => {
            format!("the leader's assignment of generation {generation} has come")
        }
        _ => assigned(cast, observation),
    }
}

/// What a coordinator did: with assignments and epochs.
fn assigned(cast: &Cast, observation: &Observation) -> String {
    let of = |consumer: &ConsumerId| member(cast, *consumer).to_owned();
    match observation {
        Observation::GroupEpoch {
            epoch, reason, by, ..
        } => format!(
            "group epoch {epoch}: {}{}",
            reason.word().replace('_', " "),
            whose(cast, *by)
        ),
        Observation::TargetAssignment { epoch, .. } => {
            format!("target of epoch {epoch} computed")
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
            format!(
                "{} at epoch {epoch} may use {}{gives}",
                of(consumer),
                listed(cast, assigned)
            )
        }
        Observation::StaticMemberAway { consumer, .. } => {
            format!("{} is away and keeps its share", of(consumer))
        }
        Observation::CoordinatorAvailable {
            available, broker, ..
        } => match (available, broker) {
            (true, _) => "is back".to_owned(),
            (false, Some(broker)) => format!("is away: broker {broker} loads the group"),
            (false, None) => "is away: no broker has the group".to_owned(),
        },
        Observation::OffsetsCommitted { .. } => "offsets are committed".to_owned(),
        _ => String::new(),
    }
}

/// What a process did, or what befell it.
fn process(cast: &Cast, observation: &Observation) -> (String, String) {
    let of = |consumer: &ConsumerId| member(cast, *consumer).to_owned();
    match observation {
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
        _ => (String::new(), String::new()),
    }
}

/// What a process did with partitions and records.
fn with_partitions(cast: &Cast, observation: &Observation) -> (String, String) {
    let of = |consumer: &ConsumerId| member(cast, *consumer).to_owned();
    match observation {
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
            partitions,
        } => (of(consumer), format!("has {}", listed(cast, partitions))),
        Observation::PositionKnown { consumer, offsets } => {
            let reads = offsets
                .iter()
                .map(|(one, offset)| format!("{} from offset {offset}", partition(cast, *one)));
            let reads: Vec<String> = reads.collect();
            (of(consumer), format!("reads {}", reads.join(", ")))
        }
        Observation::Serving { consumer, log_ends } => {
            (of(consumer), format!("serves {}", named(cast, log_ends)))
        }
        Observation::Released {
            consumer,
            why,
            log_ends,
        } => (
            of(consumer),
            format!("{} {}", release(*why), named(cast, log_ends)),
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
        _ => (String::new(), String::new()),
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
    match fact {
        PlatformFact::PodCreated {
            pod: which, why, ..
        } => (
            pod(cast, *which),
            format!("pod is created: {}", spaced(why.word())),
        ),
        PlatformFact::PodReady { pod: which, ready } => (
            pod(cast, *which),
            if *ready {
                "pod is ready"
            } else {
                "pod is not ready"
            }
            .to_owned(),
        ),
        PlatformFact::PodTerminating { pod: which, why } => (
            pod(cast, *which),
            format!("pod is to go: {}", spaced(why.word())),
        ),
        PlatformFact::PodGone { pod: which } => (pod(cast, *which), "pod is gone".to_owned()),
        PlatformFact::ContainerEnded {
            pod: which, why, ..
        } => (
            pod(cast, *which),
            format!("container ends: {}", spaced(why.word())),
        ),
        PlatformFact::MemoryExceeded {
            consumer,
            needed,
            limit,
            partitions,
            in_full,
            ..
        } => (
            member(cast, *consumer).to_owned(),
            memory(*needed, *limit, *partitions, *in_full),
        ),
        PlatformFact::Replicas {
            workload: which,
            from,
            to,
            by,
        } => {
            let by = match by {
                ScaledBy::Script => "the script".to_owned(),
                ScaledBy::Scaler(which) => scaler(cast, *which),
            };
            (
                workload(cast, *which),
                format!("{from} to {to} replicas, by {by}"),
            )
        }
        PlatformFact::Template {
            workload: which,
            revision,
        } => (
            workload(cast, *which),
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
            scaler(cast, *which),
            format!("wants {desired} replicas instead of {current}: {metric}, {reason}"),
        ),
        PlatformFact::EvictionRefused { pod: which } => (
            pod(cast, *which),
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

fn pod(cast: &Cast, pod: PodId) -> String {
    let facts = cast.pods.get(pod.index());
    facts.map_or("a pod", |facts| &*facts.name).to_owned()
}

fn workload(cast: &Cast, workload: WorkloadId) -> String {
    let facts = cast.workloads.get(workload.index());
    facts.map_or("a workload", |facts| &*facts.name).to_owned()
}

fn scaler(cast: &Cast, scaler: ScalerId) -> String {
    let facts = cast.scalers.get(scaler.index());
    facts
        .map_or("an autoscaler", |facts| &*facts.name)
        .to_owned()
}

fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

/// ` of` whom.
fn whose(cast: &Cast, by: Option<ConsumerId>) -> String {
    by.map_or_else(String::new, |by| format!(" of {}", member(cast, by)))
}

fn memory(needed: u64, limit: u64, partitions: u32, in_full: u64) -> String {
    let restored = match in_full > needed {
        true => format!(", {} with all their state", mebibytes(in_full)),
        false => String::new(),
    };
    format!(
        "needs {} for {}{restored}; its limit is {}",
        mebibytes(needed),
        counted(partitions, "partition"),
        mebibytes(limit)
    )
}
