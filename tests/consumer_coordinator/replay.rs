//! One run of a recording on its way through the coordinator: what the broker logged is turned back into the requests that it must have got.

mod growth;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rebsim::assignor::{
    AssignorKind, ServerAssignorKind, TopicDescription, TopicId, TopicPartition,
};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::protocol::classic::{GroupRecord, MemberRecord};
use rebsim::protocol::effect::{CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{JoinCause, Subscription};
use rebsim::timeline::Partitions;
use serde_json::{Value, json};

use crate::group::{Beat, Group, broker, classic_join, id, ms};

pub(crate) fn word<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or("")
}

fn instant(event: &Value) -> SimTime {
    let millis = event["t"].as_f64().expect("an event has a time");
    SimTime::from_micros((millis * 1_000.0).round() as u64)
}

/// Times in a log are off by as much.
const ROUNDED: SimDuration = SimDuration::from_millis(1);

/// One run on its way through the coordinator.
pub(crate) struct Run<'a> {
    recording: &'a Value,
    pub(crate) events: Vec<&'a Value>,
    group: Group,
    /// Names of topics, by id.
    topic_names: Vec<String>,
    /// Who has which member id.
    names: BTreeMap<String, String>,
    /// What each classic member owns by its own account, by name.
    owned: BTreeMap<String, Partitions>,
    /// Growth of topics that is still to come: when, the topic, its partitions then.
    growth: VecDeque<(SimTime, usize, u32)>,
    /// The coordinator was told of a growth and has bumped no epoch since.
    has_grown: bool,
    /// `consumer.assignment.interval.ms`
    interval: SimDuration,
    /// What the coordinator told us, as the broker logs it.
    pub(crate) logged: Vec<Value>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(recording: &'a Value, run: &'a Value) -> Self {
        let scenario = &recording["scenario"];
        let mut config = broker(word(recording, "kafka"));
        let settings = &scenario["group_config"];
        let setting = |key: &str| -> Option<SimDuration> {
            Some(ms(settings[key].as_str()?.parse().expect("a number")))
        };
        config.consumer.session_timeout =
            setting("consumer.session.timeout.ms").unwrap_or(ms(45_000));
        config.consumer.heartbeat_interval =
            setting("consumer.heartbeat.interval.ms").unwrap_or(ms(5_000));
        if let Some(interval) = setting("consumer.assignment.interval.ms") {
            config.consumer.assignment_interval = interval;
        }
        let interval = config.consumer.assignment_interval;
        let topics = scenario["topics"].as_object().expect("topics");
        let mut topic_names: Vec<String> = topics.keys().cloned().collect();
        topic_names.sort_unstable();
        let described = topic_names
            .iter()
            .map(|name| TopicDescription {
                name: word(&run["topic_names"], name).to_owned(),
                id: word(&run["topic_ids"], name).parse().expect("a topic id"),
                partitions: topics[name]["partitions"].as_u64().expect("a count") as u32,
                racks: Vec::new(),
            })
            .collect();
        let mut group = Group::with(config);
        group.topics = described;
        let mut events: Vec<&Value> = run["events"].as_array().expect("events").iter().collect();
        events.sort_by_key(|event| instant(event));
        let growth = growth::growth(scenario, &events, &topic_names);
        let mut names = BTreeMap::new();
        for event in events.iter().filter(|event| word(event, "at") == "member") {
            if let Some(member_id) = event["member_id"].as_str() {
                names.insert(member_id.to_owned(), word(event, "who").to_owned());
            }
        }
        Self {
            recording,
            events,
            group,
            topic_names,
            names,
            owned: BTreeMap::new(),
            growth,
            has_grown: false,
            interval,
            logged: Vec::new(),
        }
    }

    fn partition(&self, text: &str) -> TopicPartition {
        let (topic, partition) = text.rsplit_once('-').expect("topic-partition");
        let place = self.topic_names.iter().position(|name| name == topic);
        TopicPartition {
            topic: TopicId(place.expect("a known topic") as u32),
            partition: partition.parse().expect("a number"),
        }
    }

    fn partitions(&self, list: &Value) -> Partitions {
        let list = list.as_array().expect("a list");
        let mut list: Vec<TopicPartition> = list
            .iter()
            .map(|text| self.partition(text.as_str().expect("a partition")))
            .collect();
        list.sort_unstable();
        list.into()
    }

    fn text(&self, partitions: &[TopicPartition]) -> Vec<String> {
        let mut list: Vec<String> = partitions
            .iter()
            .map(|held| {
                format!(
                    "{}-{}",
                    self.topic_names[held.topic.index()],
                    held.partition
                )
            })
            .collect();
        list.sort();
        list
    }

    /// The instance id with which that member joined, if it did with one.
    fn instance(&self, member_id: &str) -> &'a Value {
        let joins = |event: &&&Value| {
            word(event, "what") == "member_joined" && word(event, "member_id") == member_id
        };
        let join = self.events.iter().find(joins);
        join.map_or(&Value::Null, |join| &join["instance_id"])
    }

    /// The scenario's entry of the member with this id, which the coordinator alone may have told.
    fn member(&self, member_id: &str) -> &'a Value {
        let name = self.names.get(member_id).map_or("", String::as_str);
        let members = self.recording["scenario"]["members"]
            .as_array()
            .expect("members");
        let has_instance = |member: &&Value| {
            let instance = &member["config"]["group.instance.id"];
            instance.is_string() && *instance == *self.instance(member_id)
        };
        let named = members.iter().find(|member| word(member, "name") == name);
        let found = named.or_else(|| members.iter().find(has_instance));
        found.unwrap_or_else(|| panic!("nobody is called {member_id}"))
    }

    /// A setting of the member, its own or the group's.
    fn setting(&self, member_id: &str, key: &str) -> Option<&'a str> {
        let own = &self.member(member_id)["config"][key];
        let group = &self.recording["scenario"]["group"]["config"][key];
        if own.is_null() {
            group.as_str()
        } else {
            own.as_str()
        }
    }

    fn subscription(&self, member_id: &str) -> Arc<[TopicId]> {
        match self.member(member_id)["topics"].as_array() {
            None => (0..self.topic_names.len() as u32).map(TopicId).collect(),
            Some(topics) => topics
                .iter()
                .filter_map(|topic| {
                    self.topic_names
                        .iter()
                        .position(|name| topic == name.as_str())
                })
                .map(|place| TopicId(place as u32))
                .collect(),
        }
    }

    fn rebalance_timeout(&self, member_id: &str) -> u64 {
        self.setting(member_id, "max.poll.interval.ms")
            .map_or(300_000, |text| text.parse().expect("a number"))
    }

    fn join(&self, member_id: &str) -> Beat {
        let mut beat = Beat::join(member_id).rebalance(self.rebalance_timeout(member_id));
        beat.0.topics = Some(self.subscription(member_id));
        beat.0.server_assignor = match self.setting(member_id, "group.remote.assignor") {
            Some("uniform") => Some(ServerAssignorKind::Uniform),
            Some("range") => Some(ServerAssignorKind::Range),
            _ => None,
        };
        self.with_instance(member_id, beat)
    }

    fn with_instance(&self, member_id: &str, beat: Beat) -> Beat {
        match self.setting(member_id, "group.instance.id") {
            None => beat,
            Some(instance_id) => beat.instance(instance_id),
        }
    }

    /// A heartbeat of a member that is at its epoch and has done what it was told to.
    fn beat(&mut self, member_id: &str) {
        let epoch = self.group.coordinator.member_epoch(&id(member_id));
        let owned = self.group.assignment(member_id);
        let beat = Beat::new(member_id, epoch.expect("a member")).owned(&owned);
        let beat = self.with_instance(member_id, beat);
        self.group.ok(beat);
    }

    /// A heartbeat that says nothing new.
    fn plain_beat(&mut self, member_id: &str) {
        let epoch = self.group.coordinator.member_epoch(&id(member_id));
        let beat = Beat::new(member_id, epoch.expect("a member"));
        let beat = self.with_instance(member_id, beat);
        self.group.ok(beat);
    }

    /// Plays the input that the broker's next events come of.
    pub(crate) fn play(&mut self, place: usize) {
        let event = self.events[place];
        let member_id = word(event, "member_id").to_owned();
        self.group.now = self.moment(place);
        self.grow(growth::TOLD);
        match word(event, "what") {
            "member_joined" if word(event, "protocol") == "classic" => {
                self.classic_join(&member_id)
            }
            "member_joined" => {
                if !self.group.coordinator.is_consumer()
                    && self.group.now > SimTime::from_millis(5_000)
                {
                    self.install_classic(place);
                }
                let join = self.join(&member_id);
                self.group.ok(join);
            }
            "member_left" => {
                let leave = self.with_instance(&member_id, Beat::leave(&member_id));
                self.group.ok(leave);
            }
            "static_member_temporarily_left" => {
                let leave = Beat::leave_for_now(&member_id, word(event, "instance_id"));
                self.group.ok(leave);
            }
            "member_fenced" => self.group.fire(CoordinatorTimer::Session(id(&member_id))),
            "group_epoch" => self.leave_or_growth(place),
            "target_assignment" => {
                let trigger = self.who_beats(place);
                self.plain_beat(&trigger);
            }
            "member_state" => {
                let join = self.join(&member_id);
                let known = self.group.coordinator.contains(&id(&member_id));
                if known && event["previous_epoch"] != 0 || join.0.instance_id.is_none() {
                    self.beat(&member_id);
                } else {
                    self.group.ok(join);
                }
            }
            other => panic!("{other} is no event of a consumer group"),
        }
    }

    /// When the coordinator handled what that event comes of. A log knows no parts of a millisecond: where the assignment interval ends just then, it
    /// tells by what is made whether it had.
    fn moment(&self, place: usize) -> SimTime {
        let now = instant(self.events[place]);
        let mut before = self.events[..place].iter().rev();
        let target = before.find(|event| word(event, "what") == "target_assignment");
        let due = target.map_or(SimTime::ZERO, |target| instant(target) + self.interval);
        let is_close = !self.interval.is_zero() && due <= now + ROUNDED && now <= due + ROUNDED;
        match word(self.events[place], "what") {
            "target_assignment" if is_close => due,
            _ if is_close => SimTime::from_micros(due.as_micros() - 1),
            _ => now,
        }
    }

    // ---- migrations ----

    fn client_assignors(&self, member_id: &str) -> Arc<[AssignorKind]> {
        match self.setting(member_id, "partition.assignment.strategy") {
            Some(text) if text.ends_with("CooperativeStickyAssignor") => {
                Arc::from([AssignorKind::CooperativeSticky])
            }
            Some(_) | None => Arc::from([AssignorKind::Range]),
        }
    }

    fn classic_subscription(&self, member_id: &str, owned: &Partitions) -> Arc<Subscription> {
        Arc::new(Subscription {
            topics: self.subscription(member_id).to_vec(),
            owned: Arc::clone(owned),
            generation: -1,
            rack: None,
            sticky_memory: None,
        })
    }

    /// The classic group as it stood at that event: the members of the last generation, with what they own by then.
    fn install_classic(&mut self, place: usize) {
        let mut generation = 0;
        let mut members: BTreeMap<String, Partitions> = BTreeMap::new();
        for event in &self.events[..place] {
            match word(event, "what") {
                "assigned" => {
                    generation = generation.max(event["generation"].as_i64().unwrap_or(0) as i32);
                    let member_id = word(event, "member_id").to_owned();
                    let mut owned = members
                        .remove(&member_id)
                        .unwrap_or_else(|| Arc::from([]))
                        .to_vec();
                    owned.extend(self.partitions(&event["partitions"]).iter());
                    members.insert(member_id, owned.into());
                }
                "revoked" => {
                    let gone = self.partitions(&event["partitions"]);
                    for (member_id, owned) in &mut members {
                        if self.names[member_id] == word(event, "who") {
                            *owned = owned
                                .iter()
                                .filter(|held| !gone.contains(held))
                                .copied()
                                .collect();
                        }
                    }
                }
                "leaving" => {
                    let name = word(event, "client");
                    members.retain(|member_id, _| self.names[member_id] != name);
                }
                _ => {}
            }
        }
        let records = members.iter().map(|(member_id, owned)| MemberRecord {
            member_id: id(member_id),
            instance_id: None,
            session_timeout: ms(6_000),
            rebalance_timeout: ms(self.rebalance_timeout(member_id)),
            assignors: self.client_assignors(member_id),
            subscription: self.classic_subscription(member_id, owned),
            assignment: Arc::clone(owned),
        });
        let records: Vec<MemberRecord> = records.collect();
        let record = GroupRecord {
            generation,
            assignor: records[0].assignors.first().copied(),
            leader: None,
            members: records,
        };
        self.owned = members
            .into_iter()
            .map(|(member_id, owned)| (self.names[&member_id].clone(), owned))
            .collect();
        self.group
            .coordinator
            .install_stable(self.group.now, &record, &[], &mut Vec::new());
    }

    fn classic_join(&mut self, member_id: &str) {
        let assignors = self.client_assignors(member_id);
        let name = &self.names[member_id];
        let owned = match &*assignors {
            [AssignorKind::CooperativeSticky] => Arc::clone(&self.owned[name]),
            _ => Arc::from([]),
        };
        let mut join = classic_join(member_id, &owned);
        join.session_timeout = ms(6_000);
        join.rebalance_timeout = ms(self.rebalance_timeout(member_id));
        join.assignors = assignors;
        join.subscription = self.classic_subscription(member_id, &owned);
        join.cause = JoinCause::Rebalancing;
        self.group.join_group(join);
        // That is what it owns after its SyncGroup, when it has given up the rest.
        let share = self.group.assignment(member_id);
        self.owned.insert(self.names[member_id].clone(), share);
    }

    /// What the coordinator did, as the broker logs it.
    pub(crate) fn take_log(&mut self) {
        for fact in self.group.take_facts() {
            let line = match fact {
                CoordinatorFact::GroupEpoch { epoch, .. } => {
                    json!({"what": "group_epoch", "epoch": epoch})
                }
                CoordinatorFact::TargetAssignment {
                    epoch, assignor, ..
                } => {
                    json!({"what": "target_assignment", "epoch": epoch, "assignor": assignor})
                }
                CoordinatorFact::MemberEpoch {
                    member_id,
                    epoch,
                    previous_epoch,
                    state,
                    assigned,
                    pending_revocation,
                } => json!({
                    "what": "member_state", "member_id": member_id.as_str(), "epoch": epoch,
                    "previous_epoch": previous_epoch, "state": state.word(),
                    "assigned": self.text(&assigned), "revoked": self.text(&pending_revocation),
                }),
                _ => continue,
            };
            self.logged.push(line);
        }
    }
}
