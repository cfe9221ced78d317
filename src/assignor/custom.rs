//! Assignors that are **not Kafka's**: greedy rules over what each partition weighs, which comes in as data.
//!
//! Both are memoryless and eager: what members own does not matter, so partitions move whenever the weights change order.
//! Racks are not looked at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::layout::{Layout, Slot};

/// `x-lag-aware`: topic after topic, the partitions by lag, largest first (of equals the lowest number), each to the subscriber with the
/// fewest partitions of the topic so far, of equals to the one with the least lag of the topic, of equals to the lowest member id.
///
/// Source: the rule of `com.github.grantneale.kafka.LagBasedPartitionAssignor.assignTopic`, a public assignor. The order of topics is its
/// hash map's there and by name here; it decides nothing but the order within a member's list.
pub(super) fn lag_aware(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let by_id = members_by_id(layout);
    let subscribers = layout.subscribers(&by_id);
    let ranks = layout.id_ranks();
    let mut lists = vec![Vec::new(); layout.input.members.len()];
    for &topic in &layout.topics_by_name {
        let start = subscribers[topic].iter();
        let mut waiting: BinaryHeap<Reverse<(u32, u128, u32)>> = start
            .map(|&member| Reverse((0, 0, ranks[member])))
            .collect();
        for slot in heaviest_first(layout, layout.slots_of(topic)) {
            let Some(Reverse((count, lag, rank))) = waiting.pop() else {
                break;
            };
            lists[by_id[rank as usize]].push(slot);
            let lag = lag + u128::from(layout.load(slot));
            waiting.push(Reverse((count + 1, lag, rank)));
        }
    }
    lists
}

/// `x-weighted`: the partitions of all topics by weight, heaviest first (of equals by topic name and number), each to the subscriber
/// with the least weight so far, of equals to the one with the fewest partitions, of equals to the lowest member id.
///
/// Source: "longest processing time first"; with equal subscriptions nobody gets more than 4/3 - 1/(3 members) times what the best
/// assignment gives its busiest member (Graham 1969).
pub(super) fn weighted(layout: &Layout<'_>) -> Vec<Vec<Slot>> {
    let by_id = members_by_id(layout);
    let subscribers = layout.subscribers(&by_id);
    let ranks = layout.id_ranks();
    let mut pools = Pools::new(layout, &subscribers, &ranks);
    let mut lists = vec![Vec::new(); layout.input.members.len()];
    for slot in heaviest_first(layout, 0..layout.slots() as Slot) {
        let topic = layout.topic_of[slot as usize] as usize;
        if let Some(rank) = pools.give(topic, layout.load(slot)) {
            lists[by_id[rank as usize]].push(slot);
        }
    }
    lists
}

/// Weight so far, partitions so far, place of the id: the least comes next.
type Standing = (u128, u32, u32);

/// Where the members stand, once for each set of subscribers.
struct Pools {
    pools: Vec<BTreeSet<Standing>>,
    /// Pool of each topic of the input.
    of_topic: Vec<usize>,
    /// Pools that a member stands in, by place of its id.
    of_member: Vec<Vec<usize>>,
}

impl Pools {
    fn new(layout: &Layout<'_>, subscribers: &[Vec<usize>], ranks: &[u32]) -> Self {
        let mut known: BTreeMap<&[usize], usize> = BTreeMap::new();
        let mut pools: Vec<BTreeSet<Standing>> = Vec::new();
        let mut of_topic = vec![0; layout.input.topics.len()];
        let mut of_member = vec![Vec::new(); ranks.len()];
        for &topic in &layout.topics_by_name {
            let members = subscribers[topic].as_slice();
            of_topic[topic] = *known.entry(members).or_insert_with(|| {
                let pool = pools.len();
                for &member in members {
                    of_member[ranks[member] as usize].push(pool);
                }
                let standings = members.iter().map(|&member| (0, 0, ranks[member]));
                pools.push(standings.collect());
                pool
            });
        }
        Self {
            pools,
            of_topic,
            of_member,
        }
    }

    /// Who gets a partition of `topic` that weighs `weight`, as the place of its id.
    fn give(&mut self, topic: usize, weight: u64) -> Option<u32> {
        let next = *self.pools[self.of_topic[topic]].first()?;
        let (sum, count, rank) = next;
        for &pool in &self.of_member[rank as usize] {
            self.pools[pool].remove(&next);
            self.pools[pool].insert((sum + u128::from(weight), count + 1, rank));
        }
        Some(rank)
    }
}

/// The members by `String.compareTo` of their ids.
fn members_by_id(layout: &Layout<'_>) -> Vec<usize> {
    let ranks = layout.id_ranks();
    let mut members: Vec<usize> = (0..ranks.len()).collect();
    members.sort_unstable_by_key(|&member| ranks[member]);
    members
}

/// Of equals the lowest slot, so by topic name and number.
fn heaviest_first(layout: &Layout<'_>, slots: std::ops::Range<Slot>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = slots.collect();
    slots.sort_by_key(|&slot| (Reverse(layout.load(slot)), slot));
    slots
}
