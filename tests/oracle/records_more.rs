//! What befalls workers and partitions in the slow play, and what it comes to in the end.

use rebsim::assignor::{ConsumerId, TopicPartition};
use rebsim::scenario::plan::{ResetTo, Verb};

use super::{Histogram, Oracle, Outcome, caught_up};
use crate::traffic::micros;

impl Oracle<'_> {
    /// The application begins with what it was handed.
    pub(super) fn start(&mut self, worker: usize, at: u64) {
        let processing = &self.plan.consumers[worker].processing;
        let state = &mut self.workers[worker];
        let factor = if at <= state.slow.1 {
            state.slow.0
        } else {
            1_000
        };
        let per_poll = micros(processing.per_poll.sample(&mut state.listener)) * factor / 1_000;
        let mut clock = at + per_poll;
        state.pauses.push((at, clock));
        for record in &mut state.hands {
            let cost =
                self.traffic[record.place].cost(&processing.per_record, record.offset, factor);
            record.pieces = vec![(clock, clock + cost)];
            clock += cost;
        }
    }

    /// Whatever the process works on, and will work on, ends `length` later.
    pub(super) fn freeze(&mut self, worker: usize, at: u64, length: u64) {
        let state = &mut self.workers[worker];
        let from = at.max(state.frozen_until);
        let more = (at + length).saturating_sub(from);
        state.frozen_until = from + more;
        let shift = |pieces: &mut Vec<(u64, u64)>| {
            let Some((begin, end)) = pieces.pop() else {
                return;
            };
            if end <= at {
                pieces.push((begin, end));
            } else if begin < at {
                pieces.extend([(begin, at), (at + more, end + more)]);
            } else {
                pieces.push((begin + more, end + more));
            }
        };
        shift(&mut state.pauses);
        for record in &mut state.hands {
            shift(&mut record.pieces);
        }
    }

    pub(super) fn gone(&mut self, worker: usize, at: u64, killed: bool) {
        let hands = std::mem::take(&mut self.workers[worker].hands);
        // `wakeup()` also ends a `commitSync` before a batch, which is never begun then.
        let begun = hands.iter().any(|record| !record.pieces.is_empty());
        assert!(killed || !begun, "who closes has ended its batch");
        self.killed_in_hand += if killed { hands.len() as u64 } else { 0 };
        for record in hands {
            self.note_work(worker, &record, at);
        }
        let since = self.workers[worker]
            .alive_since
            .take()
            .expect("who goes was there");
        let alive = self.overlap(since, at);
        let state = &mut self.workers[worker];
        for pause in &mut state.pauses {
            pause.1 = pause.1.min(at);
        }
        state.totals.alive_us += alive;
    }

    pub(super) fn action(&mut self, event: usize, consumer: Option<ConsumerId>, at: u64) {
        match (&self.plan.events[event].verb, consumer) {
            (Verb::Slow(_, factor, length), Some(consumer)) => {
                self.workers[consumer.index()].slow = (*factor, at + micros(*length));
            }
            (Verb::ResetOffsets(_, to), None) => {
                self.reset(*to, at);
            }
            _ => {}
        }
    }

    pub(super) fn reset(&mut self, to: ResetTo, at: u64) {
        for (traffic, ledger) in self.traffic.iter().zip(&mut self.ledgers) {
            if traffic.partition.partition >= self.counts[traffic.partition.topic.index()] {
                continue;
            }
            let offset = match to {
                ResetTo::Earliest => 0,
                ResetTo::Latest => traffic.log_end(at),
                ResetTo::TimestampBefore(span) => {
                    let since = at.saturating_sub(micros(span));
                    traffic.dues.iter().filter(|due| **due < since).count() as u64
                }
            };
            ledger.committed = Some(offset);
            ledger.was_reset = true;
        }
    }

    /// A reader of the partition begins at `offset`; what lies before it and nobody has read is passed over.
    pub(super) fn located(&mut self, partition: TopicPartition, offset: u64, at: u64) {
        let place = self.place(partition);
        let ledger = &mut self.ledgers[place];
        // Where a reader begins that is not at the committed offset, the reset policy has put it.
        let by_reset = ledger.was_reset || ledger.committed != Some(offset);
        let in_range = offset <= self.traffic[place].log_end(at);
        if ledger.position < offset && in_range {
            ledger
                .jumped
                .extend((ledger.position..offset).map(|jumped| (jumped, at, by_reset)));
            ledger.steps.push((at, offset - ledger.position));
            ledger.position = offset;
        }
    }

    fn is_held(&self, place: usize, offset: u64) -> bool {
        let mut hands = self.workers.iter().flat_map(|worker| &worker.hands);
        hands.any(|record| record.place == place && record.offset == offset)
    }

    fn is_processed(&self, place: usize, offset: u64) -> bool {
        let index = usize::try_from(offset).expect("few");
        self.ledgers[place]
            .processed
            .get(index)
            .copied()
            .unwrap_or(false)
    }

    /// The measured window ends now: what waits, what is lost, what was skipped.
    pub(super) fn close_window(&mut self) {
        let to = self.window.1;
        for place in 0..self.ledgers.len() {
            let mut waiting = Histogram::default();
            let ledger = &self.ledgers[place];
            // What is committed and in nobody's hands is lost, so it waits no more.
            let committed = ledger.committed.filter(|_| !ledger.was_reset);
            let is_lost = |offset: u64| {
                committed.is_some_and(|committed| offset < committed)
                    && !self.is_held(place, offset)
            };
            let dues = (0_u64..).zip(&self.traffic[place].dues);
            let dues = dues.skip(usize::try_from(ledger.position).expect("few"));
            for (offset, due) in dues.filter(|(_, due)| **due <= to) {
                if self.inside(*due) && !is_lost(offset) {
                    waiting.record(to - *due);
                }
            }
            let (mut lost, mut skipped) = (0, 0);
            for &(offset, at, by_reset) in &ledger.jumped {
                if self.inside(at)
                    && !self.is_processed(place, offset)
                    && !self.is_held(place, offset)
                {
                    *(if by_reset { &mut skipped } else { &mut lost }) += 1;
                }
            }
            if let (Some(committed), false) = (ledger.committed, ledger.was_reset) {
                let beyond = ledger.position..committed.max(ledger.position);
                lost += beyond
                    .filter(|offset| !self.is_held(place, *offset))
                    .count() as u64;
            }
            let totals = &mut self.ledgers[place].totals;
            (totals.waiting, totals.lost, totals.skipped) = (waiting, lost, skipped);
        }
    }

    pub(super) fn finish(mut self, wrong_samples: Vec<String>) -> Outcome {
        let end = micros(self.plan.duration);
        self.work_until(end);
        for worker in 0..self.workers.len() {
            if let Some(since) = self.workers[worker].alive_since {
                self.workers[worker].totals.alive_us += self.overlap(since, end);
            }
            for record in self.workers[worker].hands.clone() {
                self.note_work(worker, &record, end);
            }
            let pieces = self.workers[worker]
                .worked
                .iter()
                .chain(&self.workers[worker].pauses);
            let busy = pieces
                .map(|&(from, to)| self.overlap(from, to.min(end)))
                .sum();
            self.workers[worker].totals.busy_us = busy;
        }
        let (from, to) = self.window;
        for place in 0..self.ledgers.len() {
            let overlap = self.twice(place);
            let dues = self.traffic[place].dues.clone();
            let ledger = &mut self.ledgers[place];
            ledger.totals.overlap_us = overlap;
            ledger.totals.produced = dues
                .iter()
                .filter(|due| from < **due && **due <= to)
                .count() as u64;
            for (since, _) in std::mem::take(&mut ledger.catching_up) {
                caught_up(ledger, (from, to), since, None);
            }
            ledger.totals.catch_ups.sort_unstable();
            // Lag, moment by moment: it goes up when a record is due and down when the position moves.
            let mut moments: Vec<(u64, i128)> = dues.iter().map(|due| (*due, 1)).collect();
            moments.extend(ledger.steps.iter().map(|&(at, by)| (at, -i128::from(by))));
            moments.sort_by_key(|moment| moment.0);
            let started: u64 = ledger.steps.iter().map(|step| step.1).sum();
            let (mut lag, mut since, mut area) = (-i128::from(ledger.position - started), 0, 0);
            for (at, change) in moments.into_iter().chain([(end, 0)]) {
                area += lag * i128::from(at.min(to).saturating_sub(since.max(from)));
                (lag, since) = (lag + change, at);
            }
            ledger.totals.lag_record_us = u128::try_from(area).expect("a lag is not negative");
        }
        let partitions = self.traffic.iter().map(|traffic| traffic.partition);
        Outcome {
            partitions: partitions
                .zip(self.ledgers.into_iter().map(|ledger| ledger.totals))
                .collect(),
            consumers: self.workers.iter().map(|worker| worker.totals).collect(),
            killed_in_hand: self.killed_in_hand,
            by_zombies: self.by_zombies,
            wrong_samples,
        }
    }

    /// Microseconds of the window in which two processes worked on the partition, between any two edges.
    fn twice(&self, place: usize) -> u64 {
        let work = &self.ledgers[place].work;
        let mut edges: Vec<u64> = work.iter().flat_map(|piece| [piece.0, piece.1]).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut sum = 0;
        let mut first = 0;
        let mut sorted = work.clone();
        sorted.sort_unstable();
        for pair in edges.windows(2) {
            while first < sorted.len() && sorted[first].1 <= pair[0] {
                first += 1;
            }
            let covering = sorted[first..]
                .iter()
                .take_while(|piece| piece.0 <= pair[0]);
            let mut who: Vec<ConsumerId> = covering
                .filter(|piece| pair[1] <= piece.1)
                .map(|piece| piece.2)
                .collect();
            who.sort_unstable();
            who.dedup();
            if who.len() > 1 {
                sum += self.overlap(pair[0], pair[1]);
            }
        }
        sum
    }
}
