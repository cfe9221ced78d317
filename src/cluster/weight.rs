//! What a client holds in memory: partitions, their state as it is restored, what is fetched and not processed yet.
//!
//! An answer to a fetch weighs from its arrival, a batch until all of its records are processed. Between two answers this does not grow but by
//! restoring, which is known in closed form; so whoever might ever be short is looked at when answers come, and nobody else is.

use super::client::Client;
use super::fetch::Fetcher;
use super::ground::{Ground, Output};
use super::process::Process;
use super::records::Log;
use crate::kernel::SimTime;
use crate::workload::memory::Held;

impl Client {
    /// The next answer to be weighed.
    pub(super) fn next_weighing(&self, now: SimTime) -> SimTime {
        if self.weighed {
            self.fetcher.next_unweighed(now)
        } else {
            SimTime::NEVER
        }
    }

    /// Answers that have come make it heavier; true when there are any.
    pub(super) fn weigh(&mut self, ground: &mut Ground<'_>) -> bool {
        let grows = self.next_weighing(ground.now) <= ground.now;
        if grows {
            self.fetcher.is_weighed(ground.now);
            ground.out.push(Output::Weigh);
        }
        grows
    }
}

impl Process {
    /// What it holds at `now`, to which its client must have come.
    pub(super) fn holds(&self, logs: &[Log], now: SimTime) -> Held {
        let Some(client) = &self.client else {
            return Held::default();
        };
        let slots = &client.fetcher.slots;
        let restore = self.spec.listener.restore;
        let whole = restore.map_or_else(Default::default, |restore| restore.whole());
        let held = slots.iter().map(|slot| slot.partition);
        let (missing, filling, stands_still) = client.restores.missing(held, whole, now);
        Held {
            partitions: slots.len() as u64,
            buffered: client.fetcher.bytes(logs, now) + client.bytes_at_work(now),
            whole,
            missing,
            filling,
            stands_still,
        }
    }

    /// The most bytes that it can ever have fetched and not processed with the partitions that it holds now: an answer's worth of each, and a
    /// batch.
    pub(super) fn most_buffered(&self, logs: &[Log]) -> u64 {
        let Some(client) = &self.client else { return 0 };
        let config = &self.spec.config;
        let (mut all, mut largest) = (0_u64, 0);
        for slot in &client.fetcher.slots {
            let size = logs[slot.index].record_size.max(1);
            largest = size.max(largest);
            all = all.saturating_add(config.max_partition_fetch_bytes.max(size));
        }
        let batch = u64::from(config.max_poll_records).saturating_mul(largest);
        all.saturating_add(batch)
    }
}

impl Fetcher {
    /// When the next answer that is not weighed yet arrives; `now` when one has been received.
    fn next_unweighed(&self, now: SimTime) -> SimTime {
        if self.unweighed {
            return now;
        }
        let unweighed = self.nodes.iter().filter(|node| node.unweighed);
        let answers = unweighed.map(|node| node.answered);
        answers.min().unwrap_or(SimTime::NEVER)
    }

    /// All that has arrived by `now` is weighed.
    fn is_weighed(&mut self, now: SimTime) {
        self.unweighed = false;
        for node in &mut self.nodes {
            node.unweighed &= node.answered > now;
        }
    }

    /// Bytes that have come by `now` and are not handed out.
    fn bytes(&self, logs: &[Log], now: SimTime) -> u64 {
        let come = self.nodes.iter().filter(|node| node.answered <= now);
        let come = come.flat_map(|node| &node.chunks);
        self.buffer
            .iter()
            .chain(come)
            .map(|chunk| {
                let mut slots = self.slots.iter();
                let slot = slots.find(|slot| slot.partition == chunk.partition);
                let size = slot.map_or(0, |slot| logs[slot.index].record_size.max(1));
                size * (chunk.to - chunk.from)
            })
            .sum()
    }
}
