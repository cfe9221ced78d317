//! What befalls brokers and topics: coordinators that go away and come back, rolling restarts, more partitions, offsets that are reset.

use super::script::Step;

use super::Fidelity;
use super::answers::Answer;
use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, GroupId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::scenario::plan::{ResetTo, Verb};
use crate::timeline::{GroupState, Observation};

/// The broker that coordinates a group among `brokers`: the partition of the group in `__consumer_offsets` is `abs(hash(group.id)) % 50`
/// (`Utils.abs`, `offsets.topic.num.partitions`); its leader is broker (partition mod count).
#[must_use]
pub fn coordinator_of(group: &str, brokers: u32) -> u32 {
    let hash = crate::assignor::java::string_hash(group);
    let partition = (hash & i32::MAX) % 50;
    u32::try_from(partition).unwrap_or_default() % brokers.max(1)
}

impl World<'_> {
    pub(super) fn grow(&mut self, event: usize, topic: TopicId, partitions: u32) {
        self.acted(event, "partitions", None);
        let before = self.topology.partitions_of(topic);
        if partitions <= before {
            return;
        }
        if self.options.fidelity == Fidelity::Fluid {
            self.keep_everybody_awake();
        }
        self.topology.partitions[topic.index()] = partitions;
        self.topics[topic.index()].partitions = partitions;
        let racks = (before..partitions)
            .filter_map(|partition| super::layout::racks_of(self.plan, topic.index(), partition));
        self.topics[topic.index()].racks.extend(racks);
        self.observe(Observation::PartitionsAdded {
            topic,
            before,
            partitions,
        });
        let now = self.now();
        for host in &mut self.groups {
            host.coordinator.on_topics_changed(now, &self.topics);
        }
    }

    pub(super) fn unload_coordinator(
        &mut self,
        group: GroupId,
        unavailable: SimDuration,
        moved: bool,
    ) {
        let now = self.now();
        self.groups[group.index()].available = false;
        self.observe(Observation::CoordinatorAvailable {
            group,
            available: false,
        });
        if moved {
            self.with_coordinator(group, |host, now, out| {
                host.coordinator.on_unloaded(now, out)
            });
        } else {
            // The broker is gone: its connections break, nobody is answered.
            let mut unsaid = Vec::new();
            self.groups[group.index()]
                .coordinator
                .on_unloaded(now, &mut unsaid);
            self.groups[group.index()].timers.clear();
            self.groups[group.index()].unanswered.clear();
            for index in 0..self.processes.len() {
                if self.processes[index].group == group {
                    self.disconnect_from_coordinator(ConsumerId(
                        u32::try_from(index).unwrap_or(u32::MAX),
                    ));
                }
            }
        }
        let step = Step::CoordinatorBack { group };
        self.schedule(
            now + unavailable,
            Class::Script,
            group.0,
            Event::Script(step),
        );
    }

    fn disconnect_from_coordinator(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        process.disconnect();
        let incarnation = process.incarnation;
        let event = Event::Deliver {
            consumer,
            incarnation,
            token: None,
            answer: Answer::Disconnected,
        };
        self.schedule(now, Class::Message, consumer.0, event);
    }

    pub(super) fn load_coordinator(&mut self, group: GroupId) {
        self.groups[group.index()].available = true;
        self.observe(Observation::CoordinatorAvailable {
            group,
            available: true,
        });
        self.with_coordinator(group, |host, now, out| host.coordinator.on_loaded(now, out));
    }

    fn coordinator_broker(&self, group: GroupId) -> u32 {
        coordinator_of(
            &self.plan.groups[group.index()].name,
            self.plan.brokers.count,
        )
    }

    /// A broker restarts. Its coordinators move to another broker at once (controlled shutdown); with a single broker they are away
    /// until it is back.
    pub(super) fn roll_broker(&mut self, event: usize, broker: u32) {
        let Verb::BrokerRoll { down, spacing } = self.plan.events[event].verb else {
            return;
        };
        self.acted(event, "broker", None);
        let alone = self.plan.brokers.count == 1;
        for group in 0..self.groups.len() {
            let group = GroupId(u32::try_from(group).unwrap_or(u32::MAX));
            if self.coordinator_broker(group) == broker {
                let away = if alone { down } else { SimDuration::ZERO };
                self.unload_coordinator(group, away, !alone);
            }
        }
        if broker + 1 < self.plan.brokers.count {
            let step = Step::RollBroker {
                event,
                broker: broker + 1,
            };
            self.schedule(
                self.now() + spacing,
                Class::Script,
                broker + 1,
                Event::Script(step),
            );
        }
    }

    /// `kafka-consumer-groups --reset-offsets`: refused unless the group is empty.
    pub(super) fn reset_offsets(&mut self, event: usize, group: GroupId, to: ResetTo) {
        if self.groups[group.index()].coordinator.state() != GroupState::Empty {
            return self.acted(event, "reset_offsets refused", None);
        }
        self.acted(event, "reset_offsets", None);
        let now = self.now();
        for topic in self.topics_of(group) {
            for partition in 0..self.topology.partitions_of(topic) {
                let index = self.topology.index(TopicPartition { topic, partition });
                let arrivals = &self.logs[index].arrivals;
                let offset = match to {
                    ResetTo::Earliest => 0,
                    ResetTo::Latest => arrivals.count(now),
                    ResetTo::TimestampBefore(span) => {
                        let instant = now.as_micros().saturating_sub(span.as_micros());
                        instant
                            .checked_sub(1)
                            .map_or(0, |before| arrivals.count(SimTime::from_micros(before)))
                    }
                };
                self.groups[group.index()].accounts[index].reset_to(offset);
            }
        }
    }
}
