//! The order of partitions in fetch sessions (KIP-227), which is that of their records in answers and so that in which `poll()` hands them out.
//!
//! Kafka's classes: `FetchSessionHandler` in the client, `FetchSession` and `IncrementalFetchContext` in the broker. A broker serves the
//! partitions of a session in order until the answer is full. Those of which it sends records go to the end, except by the first answer, which makes the
//! session. Partitions that a request does not ask for are forgotten; new ones come last, in the order in which the client lists them. A partition that
//! was given up and is back before the next request has kept its place: the broker has not heard of it.

use super::positions::Slot;
use crate::assignor::TopicPartition;

/// Places are numbers that only grow; 0 is none.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: u64,
    /// What is not assigned any more and still in the session with the broker: partition, broker, place.
    left: Vec<(TopicPartition, usize, u64)>,
}

impl Turns {
    /// The place behind all others.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The partition of the slot is not assigned any more.
    pub(super) fn leave(&mut self, slot: &Slot) {
        if slot.turn > 0 {
            self.left.push((slot.partition, slot.node, slot.turn));
        }
    }

    /// The place of a partition that is assigned now.
    pub(super) fn come_back(&mut self, partition: TopicPartition) -> u64 {
        let place = self.left.iter().position(|left| left.0 == partition);
        place.map_or(0, |place| self.left.swap_remove(place).2)
    }

    /// The connection to the broker broke, and the session is over: the next request lists everything, in the order of the client.
    pub(super) fn end_session(&mut self, node: usize, slots: &mut [Slot]) {
        self.left.retain(|left| left.1 != node);
        for slot in slots.iter_mut().filter(|slot| slot.node == node) {
            slot.turn = 0;
        }
    }

    /// A request asks the broker for the slots at these positions, which are put in the order of its session.
    pub(super) fn ask(&mut self, node: usize, slots: &mut [Slot], asked: &mut [usize]) {
        self.left.retain(|left| left.1 != node);
        let mut listed = asked.iter().peekable();
        for (index, slot) in slots.iter_mut().enumerate() {
            if listed.next_if_eq(&&index).is_none() && slot.node == node {
                slot.turn = 0;
            }
        }
        if asked.iter().any(|&index| slots[index].turn == 0) {
            asked.sort_by_key(|&index| slots[index].drained);
            for &index in &*asked {
                if slots[index].turn == 0 {
                    slots[index].turn = self.next();
                }
            }
        }
        asked.sort_unstable_by_key(|&index| slots[index].turn); // No two have the same.
    }
}
