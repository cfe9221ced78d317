//! How a run ends.

use std::collections::{BTreeMap, BTreeSet};

use rebsim::assignor::{ConsumerId, GroupId, TopicId, TopicPartition};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::timeline::{GroupState, Observation, Sample, Timeline};

/// Where everything stands when the run ends.
#[derive(Default)]
pub(crate) struct End {
    pub(crate) living: BTreeSet<ConsumerId>,
    pub(crate) states: BTreeMap<GroupId, GroupState>,
    /// Partitions from here on are not seen by the leader, which came back as a static member after they were added: it takes what there is for what
    /// was assigned (`ConsumerCoordinator.onLeaderElected` with `skipAssignment`), and only growth from then on makes it rejoin. So it is in Kafka.
    pub(crate) overlooked: BTreeMap<(GroupId, TopicId), u32>,
    grown: Vec<(TopicId, u32)>,
    /// What the leader of a classic group has handed out last.
    handed_out: BTreeMap<GroupId, BTreeSet<TopicPartition>>,
    /// Instances of which a new process has taken the place since then.
    replaced: BTreeMap<GroupId, BTreeSet<ConsumerId>>,
    /// Who gave up each partition last.
    given_up_by: BTreeMap<(GroupId, TopicPartition), ConsumerId>,
    /// Groups that somebody could not convert, because no assignor was chosen yet. The joins that waited were answered, and forgotten, before that turned out
    /// (`completeAllJoinFutures` in `convertToConsumerGroup`): who had sent them is a new member without a session and is removed five minutes after it came, in Kafka too.
    pub(crate) unconverted: BTreeSet<GroupId>,
    /// When the leader of each classic group joined again for its metadata.
    metadata_rounds: BTreeMap<GroupId, Vec<SimTime>>,
    /// Who was the last to know from where to read each partition.
    readers: BTreeMap<(GroupId, TopicPartition), ConsumerId>,
}

/// Records of one partition that are more than any group of the scripts that keeps up has waiting.
const MUCH_BEHIND: u64 = 100;

impl End {
    /// The partition was to move: it is not in the last assignment, and who held it was to join again when it had given it up, so that it be handed out
    /// (`ConsumerCoordinator.onJoinComplete`, cooperative). It was restarted instead, and as a static member it got the same assignment again without a rebalance
    /// (`GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin`: stable, and the assignor stays). Nobody knows of it until somebody else joins, in
    /// Kafka too.
    pub(crate) fn is_forgotten(&self, group: GroupId, place: TopicPartition) -> bool {
        let handed_out = self.handed_out.get(&group);
        let holder = self.given_up_by.get(&(group, place));
        let replaced = self.replaced.get(&group);
        handed_out.is_some_and(|places| !places.contains(&place))
            && holder.is_some_and(|holder| replaced.is_some_and(|set| set.contains(holder)))
    }

    /// The leader did not know of the topic when it assigned last, as its metadata were on their way, and was to join once more for that. It was restarted instead, has its place back
    /// without a rebalance, and watches by what it knows then: with the topic, so that nothing changes for it any more, in Kafka too.
    pub(crate) fn is_unknown(&self, group: GroupId, topic: TopicId) -> bool {
        let handed_out = self.handed_out.get(&group);
        handed_out.is_some_and(|places| places.iter().all(|place| place.topic != topic))
            && self.replaced.contains_key(&group)
    }

    /// Its owner knows where to read it and has not come to fetch it: it fetches from a broker only when it has worked off all that it has from there (KAFKA-17182), and
    /// of another partition there is too much for that.
    pub(crate) fn is_starved(
        &self,
        timeline: &Timeline,
        group: GroupId,
        place: TopicPartition,
    ) -> bool {
        let reader = self.readers.get(&(group, place));
        let is_behind = |sample: Sample| {
            let waiting = sample.log_end - sample.processed;
            sample.group == group && sample.partition != place && waiting > MUCH_BEHIND
        };
        let last = timeline.samples.readings().last();
        reader.is_some_and(|reader| self.living.contains(reader))
            && last.is_some_and(|last| last.samples().any(is_behind))
    }

    /// Some group has rebalanced again and again until now because its leader lacked topics when it assigned: each time metadata of its own topics were on their way, and it waits for
    /// no others (`ensureFreshMetadata`); those that it lacks come right after and have it join, which forgets what the group wants (`resetGroupSubscription`). Metadata stand behind a
    /// parked fetch, so where heartbeats, `metadata.max.age.ms` and `fetch.max.wait.ms` go in step this lasts until they have drifted apart, in Kafka too.
    pub(crate) fn has_a_leader_without_topics(&self, timeline: &Timeline) -> bool {
        let until = timeline.measured.1;
        let is_late = |&at: &SimTime| until.since(at) < SimDuration::from_secs(40);
        let goes_on = |rounds: &Vec<SimTime>| rounds.iter().rev().nth(2).is_some_and(is_late);
        self.metadata_rounds.values().any(goes_on)
    }

    pub(crate) fn of(timeline: &Timeline) -> Self {
        let mut end = Self::default();
        for entry in &timeline.entries {
            end.follow_processes(entry.at, &entry.observation, timeline);
            end.follow_groups(&entry.observation);
        }
        end
    }

    fn follow_processes(&mut self, at: SimTime, seen: &Observation, timeline: &Timeline) {
        let group_of = |consumer: ConsumerId| timeline.cast.consumers[consumer.index()].group;
        match seen {
            Observation::ConsumerStarted { consumer } => {
                self.living.insert(*consumer);
            }
            Observation::ConsumerCrashed { consumer }
            | Observation::ConsumerClosed { consumer } => {
                self.living.remove(consumer);
            }
            Observation::ConsumerFailed {
                consumer,
                error: "UnknownServerException",
            } => {
                self.unconverted.insert(group_of(*consumer));
            }
            Observation::RejoinRequested {
                consumer,
                reason: "cached metadata has changed",
            } => {
                let rounds = self.metadata_rounds.entry(group_of(*consumer));
                rounds.or_default().push(at);
            }
            Observation::PositionKnown { consumer, offsets } => {
                let group = group_of(*consumer);
                let places = offsets
                    .iter()
                    .map(|&(place, _)| ((group, place), *consumer));
                self.readers.extend(places);
            }
            Observation::Released {
                consumer, log_ends, ..
            } => {
                for (partition, _) in log_ends.iter() {
                    let place = (group_of(*consumer), *partition);
                    self.given_up_by.insert(place, *consumer);
                }
            }
            _ => {}
        }
    }

    fn follow_groups(&mut self, seen: &Observation) {
        match seen {
            Observation::GroupState { group, to, .. } => {
                self.states.insert(*group, *to);
            }
            Observation::StaticMemberReplaced {
                group, consumer, ..
            } => {
                for &(topic, before) in &self.grown {
                    self.overlooked.entry((*group, topic)).or_insert(before);
                }
                self.replaced.entry(*group).or_default().insert(*consumer);
            }
            Observation::AssignmentReceived {
                group, assignment, ..
            } => {
                let places = assignment.iter().flat_map(|(_, share)| share.iter());
                self.handed_out.insert(*group, places.copied().collect());
                self.replaced.remove(group);
            }
            Observation::PartitionsAdded { topic, before, .. } => {
                self.grown.push((*topic, *before));
            }
            _ => {}
        }
    }
}
