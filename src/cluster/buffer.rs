//! What was fetched and not handed out yet, in order of arrival, and how `poll()` takes it (`FetchBuffer`, `FetchCollector`).
//!
//! Records of a paused partition stay, behind all others, until it goes on: they keep nobody else from being fetched
//! (`AbstractFetch.bufferedNodes`). Nothing here asks a broker for anything.

use super::fetch::Fetcher;
use super::positions::Slot;
use crate::assignor::TopicPartition;

/// Records of one partition, fetched and not handed out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) partition: TopicPartition,
    /// The broker that they came from.
    pub(super) node: usize,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Some of its records have been returned.
    pub(super) begun: bool,
}

/// Records handed to the application by one `poll()`: position of the slot, from, to.
pub(super) type Handed = Vec<(usize, u64, u64)>;

impl Fetcher {
    /// Buffered data of partitions that are no longer owned, or are being given up, is dropped.
    pub(super) fn drop_unowned(&mut self) {
        let (slots, dropped) = (&self.slots, &mut self.dropped);
        self.buffer.retain(|chunk| {
            let kept = slots
                .iter()
                .any(|slot| slot.partition == chunk.partition && !slot.suspended);
            if !kept {
                dropped.push((chunk.partition, chunk.from, chunk.to));
            }
            kept
        });
        self.count_buffered();
    }

    /// Nothing of what `poll()` could return is buffered any more; positions stay.
    pub(super) fn drop_returnable(&mut self) {
        let slots = &self.slots;
        self.buffer.retain(|chunk| !is_returnable(slots, chunk));
        self.count_buffered();
    }

    fn count_buffered(&mut self) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let own = self.buffer.iter().filter(|chunk| chunk.node == index);
            node.buffered = own.count();
        }
    }

    /// Buffered records dropped since the last question.
    pub(super) fn take_dropped(&mut self) -> Vec<(TopicPartition, u64, u64)> {
        std::mem::take(&mut self.dropped)
    }

    /// `collectFetch`: up to `limit` records, chunk by chunk in order of arrival. Chunks of paused partitions go to the end.
    pub(super) fn collect(&mut self, limit: u64, handed: &mut Handed) {
        handed.clear();
        let mut left = limit;
        let mut paused = 0;
        while left > 0 && paused < self.buffer.len() {
            let chunk = self.buffer[0];
            let found = self
                .slots
                .iter()
                .position(|slot| slot.partition == chunk.partition);
            let Some(index) = found else {
                self.remove_first();
                continue;
            };
            if self.slots[index].paused {
                paused += 1;
                self.buffer.rotate_left(1);
                if let Some(last) = self.buffer.back_mut() {
                    last.begun = false; // It is in nobody's way, but in the queue again.
                }
                continue;
            }
            let to = chunk.to.min(chunk.from + left);
            left -= to - chunk.from;
            self.slots[index].position = Some(to);
            handed.push((index, chunk.from, to));
            if to == chunk.to {
                self.slots[index].drained = self.turns.next();
                self.remove_first();
            } else {
                self.buffer[0].from = to;
                self.buffer[0].begun = true;
            }
        }
    }

    fn remove_first(&mut self) {
        if let Some(chunk) = self.buffer.pop_front() {
            self.nodes[chunk.node].buffered -= 1;
        }
    }

    /// True when records of the partition are buffered.
    pub(super) fn is_buffered(&self, partition: TopicPartition) -> bool {
        self.buffer.iter().any(|chunk| chunk.partition == partition)
    }

    /// True while records of a partition led by the broker are buffered that may be fetched, which paused ones may not (`bufferedNodes`).
    pub(super) fn is_undrained(&self, node: usize) -> bool {
        let holds_up = |chunk: &Chunk| {
            let mut slots = self.slots.iter();
            chunk.node == node
                && slots.any(|slot| slot.partition == chunk.partition && slot.may_be_fetched())
        };
        self.nodes[node].buffered > 0 && self.buffer.iter().any(holds_up)
    }

    /// True when there are records that `poll()` may return: of partitions that are owned and not paused.
    pub(super) fn has_returnable(&self) -> bool {
        let slots = &self.slots;
        self.buffer.iter().any(|chunk| is_returnable(slots, chunk))
    }

    /// True when there are records besides those of the partition that `poll()` was returning last (`FetchBuffer.isEmpty`).
    pub(super) fn has_queued(&self) -> bool {
        self.buffer.iter().any(|chunk| !chunk.begun)
    }

    /// True when anything is buffered, of paused partitions too.
    pub(super) fn has_buffered(&self) -> bool {
        !self.buffer.is_empty()
    }
}

fn is_returnable(slots: &[Slot], chunk: &Chunk) -> bool {
    let mut slots = slots.iter();
    slots.any(|slot| slot.partition == chunk.partition && !slot.paused)
}
