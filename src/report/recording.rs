//! A timeline in the format of the recordings of real Kafka: one event a line.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::assignor::{ConsumerId, TopicPartition};
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
    for entry in &timeline.entries {
        let mut tell = |event: Option<Map<String, Value>>| {
            if let Some(mut event) = event {
                event.insert("t".to_owned(), ms(entry.at));
                events.push(Value::Object(event));
            }
        };
        match &entry.observation {
            Observation::Action { consumer, .. } => acted = *consumer,
            Observation::ConsumerStarted { consumer } if acted.take() != Some(*consumer) => {
                tell(fields(action(&names, "start", Some(*consumer))));
            }
            _ => {}
        }
        tell(describe(timeline, &entry.observation));
    }
    events
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

fn fields(pairs: Value) -> Option<Map<String, Value>> {
    match pairs {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

fn action(names: &Names<'_>, verb: &str, consumer: Option<ConsumerId>) -> Value {
    let who = consumer.map_or("", |consumer| names.member(consumer));
    json!({ "what": "action", "do": verb, "who": who, "at": "member" })
}

fn describe(timeline: &Timeline, observation: &Observation) -> Option<Map<String, Value>> {
    let names = Names(timeline);
    coordinator(&names, observation)
        .or_else(|| member(&names, observation))
        .and_then(fields)
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
        Observation::MemberRemoved {
            member_id,
            why: RemovalReason::SessionExpired,
            ..
        } => json!({
            "what": "member_failed", "member_id": member_id.as_str(), "at": "coordinator",
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
