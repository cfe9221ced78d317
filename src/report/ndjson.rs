//! The timeline, one observation a line: for `jq` and for scripts.
//!
//! Every line is one JSON object that begins with `variant`, `seed`, `t_us` (microseconds since the start) and `event` (the
//! observation in snake case); then follow, as far as the observation has them, `group`, `member` (the process, `<group>/<name>`)
//! and the observation's own fields under the names of [`Observation`]. Topics, groups and processes are named, partitions are
//! `topic-number`, states and reasons are the words of the tables.

mod groups;
mod platform;

use serde_json::{Map, Value, json};

use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::Fidelity;
use crate::timeline::{Cast, Observation, Partitions, Timeline};

/// All observations of a run.
#[must_use]
pub fn events(variant: &str, seed: u64, timeline: &Timeline) -> String {
    let mut text = String::new();
    for entry in &timeline.entries {
        for (_, single) in entry.observation.singly() {
            text.push_str(&event(variant, seed, &timeline.cast, entry.at, &single));
            text.push('\n');
        }
    }
    text
}

/// The first line of a run that is not exact: an event `approximate` at the start that says how it was played. Nothing for one that is.
#[must_use]
pub fn head(variant: &str, seed: u64, fidelity: Fidelity) -> String {
    super::json::fidelity(fidelity).map_or_else(String::new, |fidelity| {
        let line = json!({ "variant": variant, "seed": seed, "t_us": 0, "event": "approximate", "fidelity": fidelity });
        format!("{line}\n")
    })
}

/// One observation, of one partition where it is of single ones, without the line feed.
fn event(variant: &str, seed: u64, cast: &Cast, at: SimTime, observation: &Observation) -> String {
    let mut line = Map::new();
    line.insert("variant".to_owned(), json!(variant));
    line.insert("seed".to_owned(), json!(seed));
    Value::Object(completed(line, cast, at, observation)).to_string()
}

/// The same as data, without variant and seed.
#[must_use]
pub fn object(cast: &Cast, at: SimTime, observation: &Observation) -> Map<String, Value> {
    completed(Map::new(), cast, at, observation)
}

fn completed(
    mut line: Map<String, Value>,
    cast: &Cast,
    at: SimTime,
    observation: &Observation,
) -> Map<String, Value> {
    line.insert("t_us".to_owned(), json!(at.as_micros()));
    let mut said = Said { cast, line };
    said.observation(observation);
    said.line
}

struct Said<'a> {
    cast: &'a Cast,
    line: Map<String, Value>,
}

impl Said<'_> {
    fn put(&mut self, field: &str, value: Value) -> &mut Self {
        self.line.insert(field.to_owned(), value);
        self
    }

    fn event(&mut self, name: &str) -> &mut Self {
        self.put("event", json!(name))
    }

    fn group(&mut self, group: GroupId) -> &mut Self {
        let name = self.cast.groups[group.index()].name.as_str();
        self.put("group", json!(name))
    }

    fn member(&mut self, consumer: ConsumerId) -> &mut Self {
        let name = self.member_name(consumer);
        self.put("member", name)
    }

    fn member_name(&self, consumer: ConsumerId) -> Value {
        json!(self.cast.consumers[consumer.index()].name)
    }

    fn partition_name(&self, partition: TopicPartition) -> String {
        let topic = &self.cast.topics[partition.topic.index()].0;
        format!("{topic}-{}", partition.partition)
    }

    fn partition_names(&self, partitions: &[TopicPartition]) -> Value {
        partitions
            .iter()
            .map(|partition| self.partition_name(*partition))
            .collect()
    }

    /// First and `last` offset by partition.
    fn ranges(&self, offsets: &[(TopicPartition, u64, u64)], last: &str) -> Value {
        let range = |(partition, from, to): &(TopicPartition, u64, u64)| json!({ "partition": self.partition_name(*partition), "first": from, last: to });
        offsets.iter().map(range).collect()
    }

    /// Committed offset by partition.
    fn committed(&self, offsets: &[(TopicPartition, u64)]) -> Value {
        let place = |(partition, offset): &(TopicPartition, u64)| json!({ "partition": self.partition_name(*partition), "offset": offset });
        offsets.iter().map(place).collect()
    }

    /// Partitions by process.
    fn shares(&self, assignment: &[(ConsumerId, Partitions)]) -> Value {
        let share = |(consumer, partitions): &(ConsumerId, Partitions)| json!({ "member": self.member_name(*consumer), "partitions": self.partition_names(partitions) });
        assignment.iter().map(share).collect()
    }

    /// A process alone.
    fn of(&mut self, name: &str, consumer: ConsumerId) -> &mut Self {
        self.event(name).member(consumer)
    }

    /// A partition of a process.
    fn partition(
        &mut self,
        name: &str,
        consumer: ConsumerId,
        partition: TopicPartition,
    ) -> &mut Self {
        let partition = self.partition_name(partition);
        self.of(name, consumer).put("partition", json!(partition))
    }

    fn observation(&mut self, observation: &Observation) {
        match observation {
            Observation::MemberIdIssued { .. }
            | Observation::MemberAdded { .. }
            | Observation::StaticMemberReplaced { .. }
            | Observation::MemberRemoved { .. }
            | Observation::MemberRejoined { .. } => self.membership(observation),
            Observation::MemberJoined { .. }
            | Observation::GroupEpoch { .. }
            | Observation::TargetAssignment { .. }
            | Observation::MemberEpoch { .. }
            | Observation::StaticMemberAway { .. }
            | Observation::ClientTransition { .. } => self.consumer_group(observation),
            Observation::GroupState { .. }
            | Observation::JoinComplete { .. }
            | Observation::AssignmentReceived { .. }
            | Observation::CoordinatorAvailable { .. } => self.coordinator(observation),
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
            | Observation::PollDeadlineExceeded { .. } => self.process(observation),
            Observation::RejoinRequested { .. }
            | Observation::Joining { .. }
            | Observation::Joined { .. }
            | Observation::Synced { .. }
            | Observation::CallbackStarted { .. }
            | Observation::CallbackEnded { .. }
            | Observation::CommitFailed { .. } => self.member_protocol(observation),
            Observation::Assigned { .. }
            | Observation::PositionKnown { .. }
            | Observation::Serving { .. }
            | Observation::Released { .. }
            | Observation::RestoreStarted { .. }
            | Observation::RestoreEnded { .. }
            | Observation::FirstBatch { .. }
            | Observation::Polled { .. }
            | Observation::BatchStarted { .. }
            | Observation::PrefetchDropped { .. }
            | Observation::OffsetsCommitted { .. } => self.of_partition(observation),
            Observation::Action { .. }
            | Observation::Fault { .. }
            | Observation::PartitionsAdded { .. } => {
                self.script(observation);
            }
            Observation::Platform(fact) => self.platform(fact),
        }
    }

    fn script(&mut self, observation: &Observation) {
        match observation {
            Observation::Action {
                event,
                verb,
                consumer,
            } => {
                let member = consumer.map_or(Value::Null, |consumer| self.member_name(consumer));
                self.event("action").put("member", member);
                self.put("entry", json!(event)).put("verb", json!(verb));
            }
            Observation::Fault {
                fault,
                verb,
                consumer,
            } => {
                let member = consumer.map_or(Value::Null, |consumer| self.member_name(consumer));
                self.event("fault").put("member", member);
                self.put("entry", json!(fault)).put("verb", json!(verb));
            }
            Observation::PartitionsAdded {
                topic,
                before,
                partitions,
            } => {
                let topic = json!(self.cast.topics[topic.index()].0);
                self.event("partitions_added").put("topic", topic);
                self.put("before", json!(before))
                    .put("partitions", json!(partitions));
            }
            _ => {}
        }
    }

    fn process(&mut self, observation: &Observation) {
        match observation {
            Observation::ConsumerStarted { consumer } => {
                self.of("consumer_started", *consumer);
            }
            Observation::ConsumerCrashed { consumer } => {
                self.of("consumer_crashed", *consumer);
            }
            Observation::ConsumerFrozen { consumer } => {
                self.of("consumer_frozen", *consumer);
            }
            Observation::ConsumerThawed { consumer } => {
                self.of("consumer_thawed", *consumer);
            }
            Observation::ConsumerConnected {
                consumer,
                connected,
            } => {
                self.of("consumer_connected", *consumer)
                    .put("connected", json!(connected));
            }
            Observation::ConsumerStalled { consumer } => {
                self.of("consumer_stalled", *consumer);
            }
            Observation::ConsumerResumed { consumer } => {
                self.of("consumer_resumed", *consumer);
            }
            Observation::ConsumerClosing { consumer } => {
                self.of("consumer_closing", *consumer);
            }
            Observation::ConsumerClosed { consumer } => {
                self.of("consumer_closed", *consumer);
            }
            Observation::ConsumerFailed { consumer, error } => {
                self.of("consumer_failed", *consumer)
                    .put("error", json!(error));
            }
            Observation::PollDeadlineExceeded { consumer } => {
                self.of("poll_deadline_exceeded", *consumer);
            }
            _ => {}
        }
    }

    fn member_protocol(&mut self, observation: &Observation) {
        match observation {
            Observation::RejoinRequested { consumer, reason } => {
                self.of("rejoin_requested", *consumer)
                    .put("reason", json!(reason));
            }
            Observation::Joining { consumer } => {
                self.of("joining", *consumer);
            }
            Observation::Joined {
                consumer,
                generation,
            } => {
                self.of("joined", *consumer)
                    .put("generation", json!(generation));
            }
            Observation::Synced {
                consumer,
                generation,
            } => {
                self.of("synced", *consumer)
                    .put("generation", json!(generation));
            }
            Observation::CallbackStarted {
                consumer,
                kind,
                partitions,
                generation,
                member_id,
            } => {
                let partitions = self.partition_names(partitions);
                self.of("callback_started", *consumer)
                    .put("kind", json!(kind.word()));
                self.put("partitions", partitions)
                    .put("generation", json!(generation));
                self.put("member_id", json!(member_id.as_str()));
            }
            Observation::CallbackEnded { consumer, kind } => {
                self.of("callback_ended", *consumer)
                    .put("kind", json!(kind.word()));
            }
            Observation::CommitFailed { consumer, error } => {
                self.of("commit_failed", *consumer)
                    .put("error", json!(error));
            }
            _ => {}
        }
    }

    fn of_partition(&mut self, observation: &Observation) {
        match observation {
            Observation::Assigned {
                consumer,
                partitions,
            } => {
                for partition in partitions.iter() {
                    self.partition("assigned", *consumer, *partition);
                }
            }
            Observation::PositionKnown { consumer, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.partition("position_known", *consumer, *partition)
                        .put("offset", json!(offset));
                }
            }
            Observation::Serving { consumer, log_ends } => {
                for (partition, log_end) in log_ends.iter() {
                    self.partition("serving", *consumer, *partition)
                        .put("log_end", json!(log_end));
                }
            }
            Observation::Released {
                consumer,
                why,
                log_ends,
            } => {
                for (partition, log_end) in log_ends.iter() {
                    self.partition("released", *consumer, *partition)
                        .put("why", json!(why.word()));
                    self.put("log_end", json!(log_end));
                }
            }
            Observation::RestoreStarted {
                consumer,
                partition,
            } => {
                self.partition("restore_started", *consumer, *partition);
            }
            Observation::RestoreEnded {
                consumer,
                partition,
            } => {
                self.partition("restore_ended", *consumer, *partition);
            }
            Observation::FirstBatch { consumer, offsets } => {
                let offsets = self.ranges(offsets, "last");
                self.of("first_batch", *consumer).put("offsets", offsets);
            }
            Observation::Polled { consumer, offsets } => {
                let offsets = self.ranges(offsets, "end");
                self.of("polled", *consumer).put("offsets", offsets);
            }
            Observation::PrefetchDropped { consumer, offsets } => {
                let offsets = self.ranges(offsets, "end");
                self.of("prefetch_dropped", *consumer)
                    .put("offsets", offsets);
            }
            Observation::BatchStarted { consumer } => {
                self.of("batch_started", *consumer);
            }
            Observation::OffsetsCommitted { group, offsets } => {
                let offsets = self.committed(offsets);
                let line = self.event("offsets_committed").group(*group);
                line.put("offsets", offsets);
            }
            _ => {}
        }
    }
}
