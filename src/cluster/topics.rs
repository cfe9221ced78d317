//! What befalls topics: more partitions, committed offsets that are reset.

use super::Fidelity;
use super::world::World;
use crate::assignor::{GroupId, TopicId, TopicPartition};
use crate::kernel::SimTime;
use crate::scenario::plan::ResetTo;
use crate::timeline::{GroupState, Observation};

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
        self.topology.grown.push((self.now(), topic, before));
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
