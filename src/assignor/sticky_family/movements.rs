//! `PartitionMovements`: which partitions moved from whom to whom in this round, so that a move back takes one of them.

use std::collections::BTreeMap;

use crate::assignor::java::{JavaHashMap, JavaTopicPartition, string_hash};
use crate::assignor::layout::{Layout, Slot};

/// `ConsumerPair`: source and destination.
type Pair = (usize, usize);

pub(super) struct Movements {
    /// `partitionMovementsByTopic`: by topic and pair, a `HashSet` of slots.
    by_pair: BTreeMap<(u32, Pair), JavaHashMap<JavaTopicPartition, Slot>>,
    /// `partitionMovements`, by slot.
    pair_of: Vec<Option<Pair>>,
    /// Hash of each topic's name.
    hashes: Vec<i32>,
}

impl Movements {
    pub(super) fn new(layout: &Layout<'_>) -> Self {
        let topics = layout.input.topics.iter();
        Self {
            by_pair: BTreeMap::new(),
            pair_of: vec![None; layout.slots()],
            hashes: topics.map(|topic| string_hash(&topic.name)).collect(),
        }
    }

    /// Source and destination of every slot that moved.
    pub(super) fn pairs(&self) -> &[Option<Pair>] {
        &self.pair_of
    }

    /// `getTheActualPartitionToBeMoved`: when partitions of this topic moved the other way, the first of them in the
    /// set's order, else the one asked for.
    pub(super) fn actual(&self, layout: &Layout<'_>, slot: Slot, from: usize, to: usize) -> Slot {
        let source = self.pair_of[slot as usize].map_or(from, |(source, _)| source);
        self.by_pair
            .get(&(layout.topic_of[slot as usize], (to, source)))
            .and_then(|set| set.values().next().copied())
            .unwrap_or(slot)
    }

    /// `movePartition`: a partition that moved before keeps its first source; back at its source, it never moved.
    pub(super) fn record(&mut self, layout: &Layout<'_>, slot: Slot, from: usize, to: usize) {
        let topic = layout.topic_of[slot as usize];
        let key = JavaTopicPartition {
            topic_hash: self.hashes[topic as usize],
            partition: layout.partition(slot).partition as i32,
        };
        let mut source = from;
        if let Some(pair) = self.pair_of[slot as usize].take() {
            source = pair.0;
            if let Some(set) = self.by_pair.get_mut(&(topic, pair)) {
                set.remove(&key);
                if set.is_empty() {
                    self.by_pair.remove(&(topic, pair));
                }
            }
            if source == to {
                return;
            }
        }
        self.pair_of[slot as usize] = Some((source, to));
        let set = self.by_pair.entry((topic, (source, to))).or_default();
        set.insert(key, slot);
    }
}
