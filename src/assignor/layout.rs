//! An [`AssignmentInput`] laid out for the assignors: partitions numbered densely, members and topics in Java's order.

use super::java::{JavaHashMap, JavaString, compare_strings, sort_by_text};
use super::{AssignmentInput, MemberDescription, TopicId, TopicPartition};

/// Dense number of a partition: ascending by (topic name, partition) over the topics that can be assigned.
pub(super) type Slot = u32;

/// What all assignors need to know of an input. Members are named by their position in the input.
pub(super) struct Layout<'a> {
    pub(super) input: &'a AssignmentInput,
    /// The members as Kafka's `HashMap` of subscriptions iterates them.
    pub(super) members: Vec<usize>,
    /// The topics that exist and that somebody subscribes to, as `partitionsPerTopic` iterates them.
    pub(super) topics: Vec<usize>,
    /// The same topics by name.
    pub(super) topics_by_name: Vec<usize>,
    /// Slot of each topic's partition 0, by topic of the input; `None`: cannot be assigned.
    first: Vec<Option<Slot>>,
    /// Topic of each slot.
    pub(super) topic_of: Vec<u32>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(input: &'a AssignmentInput) -> Self {
        let members = hash_order(input, 0..input.members.len());
        let topics = assignable_topics(input, &members);
        let mut topics_by_name = topics.clone();
        topics_by_name
            .sort_by(|&a, &b| compare_strings(&input.topics[a].name, &input.topics[b].name));
        let mut first = vec![None; input.topics.len()];
        let mut topic_of = Vec::new();
        for &topic in &topics_by_name {
            first[topic] = Some(topic_of.len() as Slot);
            let end = topic_of.len() + input.topics[topic].partitions as usize;
            topic_of.resize(end, topic as u32);
        }
        Self {
            input,
            members,
            topics,
            topics_by_name,
            first,
            topic_of,
        }
    }

    pub(super) fn member(&self, member: usize) -> &'a MemberDescription {
        &self.input.members[member]
    }

    /// Number of partitions that can be assigned.
    pub(super) fn slots(&self) -> usize {
        self.topic_of.len()
    }

    /// True when the topic exists and somebody subscribes to it.
    pub(super) fn is_assignable(&self, topic: TopicId) -> bool {
        self.first[topic.index()].is_some()
    }

    /// The slots of a topic, empty when it cannot be assigned.
    pub(super) fn slots_of(&self, topic: usize) -> std::ops::Range<Slot> {
        match self.first[topic] {
            Some(first) => first..first + self.input.topics[topic].partitions,
            None => 0..0,
        }
    }

    /// The slot of a partition; `None` when it does not exist or nobody subscribes to it.
    pub(super) fn slot(&self, partition: TopicPartition) -> Option<Slot> {
        let topic = partition.topic.index();
        let first = self.first[topic]?;
        (partition.partition < self.input.topics[topic].partitions)
            .then_some(first + partition.partition)
    }

    /// The partition of a slot.
    pub(super) fn partition(&self, slot: Slot) -> TopicPartition {
        let topic = self.topic_of[slot as usize];
        TopicPartition {
            topic: TopicId(topic),
            partition: slot - self.slots_of(topic as usize).start,
        }
    }

    /// What the input says of a slot's load; 0 when it says nothing.
    pub(super) fn load(&self, slot: Slot) -> u64 {
        let TopicPartition { topic, partition } = self.partition(slot);
        let loads = self.input.loads.get(topic.index());
        loads
            .and_then(|loads| loads.get(partition as usize))
            .map_or(0, |&load| load)
    }

    /// Lists of slots as lists of partitions.
    pub(super) fn named(&self, lists: Vec<Vec<Slot>>) -> Vec<Vec<TopicPartition>> {
        lists
            .into_iter()
            .map(|list| list.into_iter().map(|slot| self.partition(slot)).collect())
            .collect()
    }

    /// The members as a `HashMap` iterates them that was filled by iterating the `HashMap` of subscriptions.
    pub(super) fn members_copied(&self) -> Vec<usize> {
        hash_order(self.input, self.members.iter().copied())
    }

    /// For each member its place in the natural order of the member ids (`String.compareTo`).
    pub(super) fn id_ranks(&self) -> Vec<u32> {
        let mut order: Vec<usize> = (0..self.input.members.len()).collect();
        sort_by_text(&mut order, |member| self.member(member).id.as_str());
        let mut ranks = vec![0; order.len()];
        for (rank, member) in order.into_iter().enumerate() {
            ranks[member] = rank as u32;
        }
        ranks
    }

    /// The members sorted as `MemberInfo.compareTo` (and the server's `RangeAssignor.sortMemberIds`) sorts them: static
    /// ones by instance id, then the others by member id.
    pub(super) fn members_by_key(&self) -> Vec<usize> {
        let members = self.members.iter().copied();
        let (mut sorted, mut others): (Vec<usize>, Vec<usize>) =
            members.partition(|&member| self.member(member).instance.is_some());
        sort_by_text(&mut sorted, |member| {
            self.member(member).instance.as_deref().unwrap_or_default()
        });
        sort_by_text(&mut others, |member| self.member(member).id.as_str());
        sorted.append(&mut others);
        sorted
    }

    /// An empty list for each member, with room for a share as large as the others'.
    pub(super) fn empty_lists(&self) -> Vec<Vec<Slot>> {
        let members = self.input.members.len();
        let share = self.slots().div_ceil(members.max(1));
        let lists = (0..members).map(|_| Vec::with_capacity(share));
        lists.collect()
    }

    /// For each topic of the input its subscribers, in the order of `members`, each once.
    pub(super) fn subscribers(&self, members: &[usize]) -> Vec<Vec<usize>> {
        let mut subscribers: Vec<Vec<usize>> = vec![Vec::new(); self.input.topics.len()];
        for &member in members {
            for topic in &self.member(member).topics {
                let list = &mut subscribers[topic.index()];
                if list.last() != Some(&member) {
                    list.push(member);
                }
            }
        }
        subscribers
    }
}

fn hash_order(input: &AssignmentInput, members: impl Iterator<Item = usize>) -> Vec<usize> {
    let map: JavaHashMap<JavaString<'_>, usize> = members
        .map(|member| (JavaString(input.members[member].id.as_str()), member))
        .collect();
    map.values().copied().collect()
}

/// `AbstractPartitionAssignor.assign`: all subscribed topics go into a `HashSet`; those that exist go, in its order,
/// into the `HashMap` `partitionsPerTopic`.
fn assignable_topics(input: &AssignmentInput, members: &[usize]) -> Vec<usize> {
    let mut subscribed = JavaHashMap::new();
    let mut seen = vec![false; input.topics.len()];
    for &member in members {
        for topic in &input.members[member].topics {
            let topic = topic.index();
            if !std::mem::replace(&mut seen[topic], true) {
                subscribed.insert(JavaString(&input.topics[topic].name), topic);
            }
        }
    }
    let known: JavaHashMap<JavaString<'_>, usize> = subscribed
        .iter()
        .filter(|&(_, &topic)| input.topics[topic].partitions > 0)
        .map(|(&name, &topic)| (name, topic))
        .collect();
    known.values().copied().collect()
}
