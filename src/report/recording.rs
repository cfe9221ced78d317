//! A timeline in the format of the recordings of real Kafka: one event a line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{CallbackKind, GroupState, Observation, RemovalReason, Timeline};

fn ms(at: SimTime) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "recordings last minutes")]
    let millis = at.as_micros() as f64 / 1_000.0;
    json!(millis)
}

/// The events of `timeline` as values of the recording's format, in order. There every start is an action of the script, also the first of a member.
#[must_use]
pub fn events(timeline: &Timeline) -> Vec<Value> {
    let names = Names(timeline);
    let mut events = Vec::new();
    let mut acted = None;
    let mut logs = Logs::default();
    for entry in &timeline.entries {
        let mut tell = |event: Option<Value>| {
            if let Some(Value::Object(mut event)) = event {
                event.insert("t".to_owned(), ms(entry.at));
                events.push(Value::Object(event));
            }
        };
        match &entry.observation {
            Observation::Action { consumer, .. } => acted = *consumer,
            Observation::ConsumerStarted { consumer } if acted.take() != Some(*consumer) => {
                tell(Some(action(&names, "start", Some(*consumer))));
            }
            _ => {}
        }
        logs.note(&entry.observation);
        for event in logs.removal(&names, &entry.observation) {
            tell(Some(event));
        }
        let described = coordinator(&names, &entry.observation)
            .or_else(|| consumer_group(&names, &entry.observation))
            .or_else(|| member(&names, &entry.observation));
        tell(described.filter(|_| logs.has(&entry.observation)));
    }
    events
}

/// Which protocol is spoken where: brokers and clients log other things in each.
#[derive(Default)]
struct Logs {
    /// Groups that are consumer groups now.
    consumer_groups: BTreeSet<GroupId>,
    /// Processes whose client is of the consumer protocol now.
    consumer_clients: BTreeSet<ConsumerId>,
    /// Epoch of each member of a consumer group.
    epochs: BTreeMap<ConsumerId, i32>,
}

impl Logs {
    fn note(&mut self, observation: &Observation) {
        match observation {
            Observation::MemberJoined { group, .. }
            | Observation::GroupEpoch { group, .. }
            | Observation::TargetAssignment { group, .. } => {
                self.consumer_groups.insert(*group);
            }
            Observation::MemberEpoch {
                group,
                consumer,
                epoch,
                ..
            } => {
                self.consumer_groups.insert(*group);
                self.epochs.insert(*consumer, *epoch);
            }
            Observation::GroupState {
                group,
                to: GroupState::PreparingRebalance,
                ..
            }
            | Observation::JoinComplete { group, .. } => {
                self.consumer_groups.remove(group);
            }
            Observation::ClientTransition { consumer, .. } => {
                self.consumer_clients.insert(*consumer);
            }
            Observation::Joining { consumer } => {
                self.consumer_clients.remove(consumer);
            }
            _ => {}
        }
    }

    /// False for what is not logged in the protocol that is spoken there.
    fn has(&self, observation: &Observation) -> bool {
        match observation {
            // A group may be converted by the very member that takes another's place.
            Observation::StaticMemberReplaced {
                group, consumer, ..
            } => !self.consumer_groups.contains(group) && !self.consumer_clients.contains(consumer),
            Observation::PollDeadlineExceeded { consumer } => {
                !self.consumer_clients.contains(consumer)
            }
            // Of a member that has left, the log has no epoch that a recording could read.
            Observation::ClientTransition { epoch, .. } => *epoch >= 0,
            _ => true,
        }
    }

    /// What brokers and clients log of the end of a membership. That a client of the classic protocol leaves is told when the coordinator
    /// hears of it.
    fn removal(&self, names: &Names<'_>, observation: &Observation) -> Vec<Value> {
        let Observation::MemberRemoved {
            group,
            consumer,
            member_id,
            why,
        } = observation
        else {
            return Vec::new();
        };
        let told = |what: &str| json!({ "what": what, "member_id": member_id.as_str(), "at": "coordinator" });
        let fenced = |reason: String| {
            let mut event = told("member_fenced");
            event["reason"] = json!(reason);
            vec![event]
        };
        let in_consumer_group = self.consumer_groups.contains(group);
        let speaks_consumer = self.consumer_clients.contains(consumer);
        match why {
            RemovalReason::Leave | RemovalReason::PollTimeout if speaks_consumer => {
                vec![told("member_left")]
            }
            RemovalReason::Leave => vec![json!({
                "what": "leaving", "reason": "the consumer is being closed", "client": names.member(*consumer), "at": "client",
            })],
            RemovalReason::SessionExpired if in_consumer_group => {
                fenced("member session expired".to_owned())
            }
            RemovalReason::SessionExpired => vec![told("member_failed")],
            RemovalReason::RebalanceTimeout
            | RemovalReason::JoinTimeout
            | RemovalReason::SyncTimeout
                if in_consumer_group =>
            {
                let epoch = self.epochs.get(consumer).copied().unwrap_or_default();
                fenced(format!("it failed to transition from epoch {epoch}"))
            }
            RemovalReason::PollTimeout
            | RemovalReason::RebalanceTimeout
            | RemovalReason::JoinTimeout
            | RemovalReason::SyncTimeout
            | RemovalReason::CoordinatorChange
            | RemovalReason::GroupFull => Vec::new(),
        }
    }
}

struct Names<'t>(&'t Timeline);

impl Names<'_> {
    fn member(&self, consumer: ConsumerId) -> &str {
        let name = self
            .0
            .cast
            .consumers
            .get(consumer.index())
            .map_or("", |facts| &facts.name);
        name.split_once('/').map_or(name, |(_, own)| own)
    }

    fn partition(&self, partition: TopicPartition) -> String {
        format!(
            "{}-{}",
            self.0.cast.topics[partition.topic.index()].0,
            partition.partition
        )
    }

    fn partitions(&self, list: &[TopicPartition]) -> Vec<String> {
        list.iter()
            .map(|&partition| self.partition(partition))
            .collect()
    }
}

fn action(names: &Names<'_>, verb: &str, consumer: Option<ConsumerId>) -> Value {
    let who = consumer.map_or("", |consumer| names.member(consumer));
    json!({ "what": "action", "do": verb, "who": who, "at": "member" })
}

fn coordinator(names: &Names<'_>, observation: &Observation) -> Option<Value> {
    Some(match observation {
        Observation::GroupState {
            to: GroupState::PreparingRebalance,
            generation,
            reason,
            ..
        } => json!({
            "what": "preparing_rebalance", "state": "PreparingRebalance", "generation": generation,
            "reason": reason.map(crate::timeline::RebalanceReason::word), "at": "coordinator",
        }),
        Observation::MemberIdIssued {
            member_id, state, ..
        } => json!({
            "what": "member_id_issued", "state": state.word(), "member_id": member_id.as_str(), "at": "coordinator",
        }),
        Observation::MemberAdded {
            consumer,
            member_id,
            state,
            ..
        } => match &names.0.cast.consumers[consumer.index()].instance {
            None => json!({
                "what": "member_added", "member_id": member_id.as_str(), "state": state.word(), "at": "coordinator",
            }),
            Some(instance) => json!({
                "what": "static_member_added", "instance_id": instance, "member_id": member_id.as_str(),
                "state": state.word(), "at": "coordinator",
            }),
        },
        Observation::StaticMemberReplaced {
            instance_id, old, ..
        } => json!({
            "what": "static_member_replaced", "instance_id": &**instance_id, "state": "Stable",
            "old_member_id": old.as_str(), "at": "coordinator",
        }),
        Observation::JoinComplete {
            generation,
            members,
            ..
        } => json!({
            "what": "join_complete", "generation": generation, "members": members.len(), "at": "coordinator",
        }),
        Observation::AssignmentReceived {
            generation, leader, ..
        } => json!({
            "what": "assignment_received", "leader": leader.as_str(), "generation": generation, "at": "coordinator",
        }),
        _ => return None,
    })
}

/// What is logged of consumer groups, by brokers and clients.
fn consumer_group(names: &Names<'_>, observation: &Observation) -> Option<Value> {
    Some(match observation {
        Observation::MemberJoined {
            consumer,
            member_id,
            protocol,
            ..
        } => {
            let mut event = json!({
                "what": "member_joined", "member_id": member_id.as_str(), "protocol": protocol, "at": "coordinator",
            });
            if let Some(instance) = &names.0.cast.consumers[consumer.index()].instance {
                event["instance_id"] = json!(instance);
            }
            event
        }
        Observation::GroupEpoch { epoch, .. } => {
            json!({ "what": "group_epoch", "epoch": epoch, "at": "coordinator" })
        }
        Observation::TargetAssignment {
            epoch, assignor, ..
        } => json!({
            "what": "target_assignment", "epoch": epoch, "assignor": assignor, "at": "coordinator",
        }),
        Observation::MemberEpoch {
            member_id,
            epoch,
            previous_epoch,
            state,
            assigned,
            pending_revocation,
            ..
        } => json!({
            "what": "member_state", "member_id": member_id.as_str(), "epoch": epoch, "previous_epoch": previous_epoch,
            "state": state.word(), "assigned": names.partitions(assigned), "revoked": names.partitions(pending_revocation),
            "at": "coordinator",
        }),
        Observation::StaticMemberAway {
            member_id,
            instance_id,
            ..
        } => json!({
            "what": "static_member_temporarily_left", "member_id": member_id.as_str(), "instance_id": &**instance_id,
            "at": "coordinator",
        }),
        Observation::ClientTransition {
            consumer,
            from,
            to,
            epoch,
        } => json!({
            "what": "member_transition", "epoch": epoch, "frm": from.word(), "to": to.word(),
            "client": names.member(*consumer), "at": "client",
        }),
        _ => return None,
    })
}

fn member(names: &Names<'_>, observation: &Observation) -> Option<Value> {
    let who = |consumer: &ConsumerId, what: &str| json!({ "what": what, "who": names.member(*consumer), "at": "member" });
    let client = |consumer: &ConsumerId, what: &str| json!({ "what": what, "client": names.member(*consumer), "at": "client" });
    Some(match observation {
        Observation::ConsumerStarted { consumer } => who(consumer, "start"),
        Observation::ConsumerCrashed { consumer } => who(consumer, "crashed"),
        Observation::ConsumerStalled { consumer } => who(consumer, "stalling"),
        Observation::ConsumerResumed { consumer } => who(consumer, "resumed"),
        Observation::ConsumerClosing { consumer } => who(consumer, "closing"),
        Observation::ConsumerClosed { consumer } => who(consumer, "closed"),
        Observation::ConsumerFailed { consumer, error } => {
            let mut event = who(consumer, "error");
            event["error"] = json!(error);
            event
        }
        Observation::PollDeadlineExceeded { consumer } => client(consumer, "poll_timeout_expired"),
        Observation::RejoinRequested { consumer, reason } => {
            let mut event = client(consumer, "rejoin_requested");
            event["reason"] = json!(reason);
            event
        }
        Observation::Joining { consumer } => client(consumer, "joining"),
        Observation::Joined {
            consumer,
            generation,
        } => {
            let mut event = client(consumer, "joined");
            event["generation"] = json!(generation);
            event
        }
        Observation::Synced {
            consumer,
            generation,
        } => {
            let mut event = client(consumer, "synced");
            event["generation"] = json!(generation);
            event
        }
        Observation::CallbackStarted {
            consumer,
            kind,
            partitions,
            generation,
            member_id,
        } => {
            let mut event = who(consumer, kind.word());
            event["partitions"] = json!(names.partitions(partitions));
            if *kind == CallbackKind::Assigned {
                event["generation"] = json!(generation);
                event["member_id"] = json!(member_id.as_str());
            }
            event
        }
        Observation::FirstBatch { consumer, offsets } => {
            let mut event = who(consumer, "first_batch");
            let offsets: BTreeMap<String, [u64; 2]> = offsets
                .iter()
                .map(|&(partition, first, last)| (names.partition(partition), [first, last]))
                .collect();
            event["offsets"] = json!(offsets);
            event
        }
        Observation::Action { verb, consumer, .. } => action(names, verb, *consumer),
        _ => return None,
    })
}
