//! Fetching: the connection to each broker, what is asked for and what is on its way (`AbstractFetch`, `Fetcher`, `FetchRequestManager`).
//! What has come is in [`super::buffer`], from where to read in [`super::positions`].
//!
//! One fetch at a time is in flight to a broker, and since Kafka 4.0 none is sent while any buffered partition led by that
//! broker is undrained (KAFKA-17182; `coop-load-saturated` shows it; clients before ask for what they have nothing of), unless that partition is
//! paused. Other requests on the same connection are answered after the
//! parked fetch. An answer's content is known when it is sent, because arrivals are: nothing here is an event.

use super::buffer::Chunk;
use super::positions::Readiness;
use super::positions::Slot;
use super::turns::Turns;
use std::collections::VecDeque;
use std::sync::Arc;

use super::cycles::Phase;
use super::ground::Ground;
use crate::assignor::TopicPartition;
use crate::kernel::SimTime;
use crate::protocol::config::{CLIENT_TICK, ConsumerConfig};
use crate::protocol::effect::Positions;
use crate::timeline::Partitions;

/// The connection to one broker.
#[derive(Debug)]
pub(super) struct Node {
    /// When the answer to the fetch in flight arrives; never without one.
    pub(super) answered: SimTime,
    /// What it brings.
    pub(super) chunks: Vec<Chunk>,
    /// The positions of these partitions lie beyond the log (`OFFSET_OUT_OF_RANGE`).
    pub(super) out_of_range: Vec<TopicPartition>,
    /// The broker answers no request of this connection before.
    pub(super) free_at: SimTime,
    /// How many of the buffered chunks came from it.
    pub(super) buffered: usize,
    /// A request has gone this way before.
    pub(super) connected: bool,
    /// A fetch has, so that the broker keeps a fetch session for this client.
    has_session: bool,
    /// When the time of the fetch in flight is over (`request.timeout.ms`).
    expires: SimTime,
    /// That is before its answer could be here: what comes at `answered` is the end of the connection.
    fails: bool,
    /// The answer in flight is not weighed yet.
    pub(super) unweighed: bool,
}

impl Node {
    fn new() -> Self {
        Self {
            answered: SimTime::NEVER,
            chunks: Vec::new(),
            out_of_range: Vec::new(),
            free_at: SimTime::ZERO,
            buffered: 0,
            connected: false,
            has_session: false,
            expires: SimTime::NEVER,
            fails: false,
            unweighed: false,
        }
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.answered != SimTime::NEVER
    }

    /// The fetch in flight was sent at `sent`: its time counts from then.
    pub(super) fn count_from(&mut self, sent: SimTime, config: &ConsumerConfig) {
        self.expires = sent + config.request_timeout + CLIENT_TICK;
    }

    /// An answer that would come too late does not come at all: the client closes the connection, and builds up another one after a back-off.
    fn expire(&mut self, config: &ConsumerConfig) {
        if self.is_fetching() && self.expires < self.answered {
            self.answered = self.expires;
            self.free_at = self.expires + config.reconnect_backoff;
            self.fails = true;
            self.chunks.clear();
            self.out_of_range.clear();
        }
    }
}

/// Everything fetched or to be fetched by one client.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) slots: Vec<Slot>,
    pub(super) nodes: Vec<Node>,
    pub(super) buffer: VecDeque<Chunk>,
    /// Buffered records that were dropped and not told of: from, to.
    pub(super) dropped: Vec<(TopicPartition, u64, u64)>,
    /// Order of partitions, in sessions and in the client.
    pub(super) turns: Turns,
    /// Positions of slots, for whoever needs a list of them at the moment.
    order: Vec<usize>,
    /// Room for the fetches on their way by the instant of their answers, while nobody uses it.
    pub(super) phases: Vec<Phase>,
    /// All slots are ready and serving: nothing but records moves.
    pub(super) settled: bool,
    /// Offsets by the reset policy are asked for in this turn, validations in the next.
    pub(super) resets_first: bool,
    /// Something was received that is not weighed yet.
    pub(super) unweighed: bool,
}

impl Positions for Fetcher {
    fn consumed(&self) -> Arc<[(TopicPartition, u64)]> {
        self.slots
            .iter()
            .filter_map(|slot| Some((slot.partition, slot.position?)))
            .collect()
    }
}

impl Fetcher {
    pub(super) fn new(brokers: usize) -> Self {
        Self {
            slots: Vec::new(),
            nodes: (0..brokers).map(|_| Node::new()).collect(),
            buffer: VecDeque::new(),
            dropped: Vec::new(),
            turns: Turns::default(),
            order: Vec::new(),
            phases: Vec::new(),
            settled: true,
            resets_first: false,
            unweighed: false,
        }
    }

    /// True when every partition is ready and serving.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    pub(super) fn unsettle(&mut self) {
        self.settled = false;
    }

    /// `assignFromSubscribed`: kept partitions keep position and buffered data, others go, new ones start without a position.
    pub(super) fn install(&mut self, assigned: &Partitions, ground: &Ground<'_>) {
        let turns = &mut self.turns;
        self.slots.retain_mut(|slot| {
            let kept = assigned.contains(&slot.partition);
            slot.drained = 0; // The client lists what it has been assigned anew, in order.
            if !kept {
                turns.leave(slot);
            }
            kept
        });
        for &partition in assigned.iter() {
            if !self.slots.iter().any(|slot| slot.partition == partition) {
                let refused = ground.spec.processing.refuses.contains(&partition.topic);
                self.slots.push(Slot {
                    partition,
                    turn: self.turns.come_back(partition),
                    drained: 0,
                    index: ground.index(partition),
                    node: ground.leader(partition),
                    position: None,
                    readiness: if refused {
                        Readiness::Refused
                    } else {
                        Readiness::NeedsOffset
                    },
                    announced: false,
                    suspended: false,
                    paused: ground.paused[ground.index(partition)],
                    restoring: false,
                    serving_at: SimTime::NEVER,
                    serving: false,
                    fresh: true,
                });
            }
        }
        self.slots.sort_by_key(|slot| slot.partition);
        self.settled = false;
        self.drop_unowned();
    }

    /// Sends a fetch to every broker that has none in flight and no undrained data here (`prepareFetchRequests`).
    pub(super) fn send_fetches(&mut self, ground: &mut Ground<'_>) {
        self.serve_paused(ground.now);
        let is_asked = |slot: &Slot| self.nodes[slot.node].is_fetching();
        if self.slots.iter().all(is_asked) {
            return;
        }
        let when_drained = ground.spec.config.waits_for_the_buffer();
        for node in 0..self.nodes.len() {
            if self.nodes[node].is_fetching() || (when_drained && self.is_undrained(node)) {
                continue;
            }
            if self.slots.iter().any(|slot| self.is_wanted(slot, node)) {
                self.send_fetch(node, ground);
            }
        }
    }

    /// What the application has paused is not fetched for its own wish, not for want of an owner: it is served as soon as it might be asked for.
    fn serve_paused(&mut self, now: SimTime) {
        if self.settled {
            return;
        }
        let paused = self.slots.iter_mut().filter(|slot| slot.paused);
        for slot in paused.filter(|slot| slot.takes_answers()) {
            slot.serving_at = slot.serving_at.min(now);
        }
    }

    /// True when a fetch to the broker asks for that partition: it may be fetched, and nothing of it is buffered (`fetchablePartitions`).
    fn is_wanted(&self, slot: &Slot, node: usize) -> bool {
        slot.node == node
            && slot.may_be_fetched()
            && (self.nodes[node].buffered == 0 || !self.is_buffered(slot.partition))
    }

    fn send_fetch(&mut self, node: usize, ground: &mut Ground<'_>) {
        let config = &ground.spec.config;
        let (up, down) = ground.data_latency(node);
        let arrives = (ground.now + up)
            .max(self.nodes[node].free_at)
            .max(ground.cut_until);
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let slots = self.slots.iter().enumerate();
        let wanted = slots.filter(|(_, slot)| self.is_wanted(slot, node));
        order.extend(wanted.map(|(index, _)| index));
        let mut out_of_range = Vec::new();
        let deadline = arrives + config.fetch_max_wait;
        let mut ready = SimTime::NEVER;
        let round_trip = arrives + down;
        for &index in &order {
            let slot = &mut self.slots[index];
            if slot.serving_at == SimTime::NEVER {
                slot.serving_at = round_trip;
            }
            let position = slot.position.unwrap_or_default();
            if position > 0 && ground.readable_at(slot.index, position - 1) > arrives {
                out_of_range.push(slot.partition);
            }
            if config.fetch_min_bytes <= 1 {
                ready = ready.min(ground.readable_at(slot.index, position));
            }
        }
        if config.fetch_min_bytes > 1 {
            ready = self.enough_at(&order, arrives, deadline, ground);
        }
        if !out_of_range.is_empty() {
            ready = arrives; // An error is answered at once.
            self.settled = false;
        }
        let ready = ready.max(arrives).min(deadline);
        let mut chunks = std::mem::take(&mut self.nodes[node].chunks);
        let mut bytes_left = config.fetch_max_bytes;
        let is_full = !std::mem::replace(&mut self.nodes[node].has_session, true);
        self.turns.ask(node, &mut self.slots, &mut order);
        for &index in &order {
            let slot = &mut self.slots[index];
            let from = slot.position.unwrap_or_default();
            let size = ground.record_size(slot.index);
            // The first batch of an answer is always returned, however large (KIP-74).
            let room = config.max_partition_fetch_bytes.min(bytes_left);
            let mut to = ground.readable(slot.index, ready);
            if to.saturating_sub(from).saturating_mul(size) > room {
                let at_most = (room / size).max(u64::from(chunks.is_empty()));
                to = to.min(from.saturating_add(at_most));
            }
            if from < to {
                bytes_left = bytes_left.saturating_sub((to - from) * size);
                if !is_full {
                    slot.turn = self.turns.next();
                }
                chunks.push(Chunk {
                    partition: slot.partition,
                    node,
                    from,
                    to,
                    begun: false,
                });
            }
        }
        let records = chunks.iter().map(|chunk| chunk.to - chunk.from).sum();
        let sent = ready + ground.calibration.record_transfer.times(records);
        self.order = order;
        let node = &mut self.nodes[node];
        node.connected = true;
        node.unweighed = true;
        node.free_at = sent;
        node.answered = sent + down;
        if chunks.is_empty() && out_of_range.is_empty() && node.answered <= ground.now {
            // Who waits for nothing, where messages take no time, asks again in the next pass of its loop, and that takes some.
            node.answered = ground.now + CLIENT_TICK;
        }
        node.chunks = chunks;
        node.out_of_range = out_of_range;
        node.count_from(ground.now, config);
        node.expire(config);
        self.settled &= !node.fails;
    }

    /// Bytes of a partition that an answer to a fetch could hold at `at`.
    fn waiting_bytes(slot: &Slot, at: SimTime, ground: &Ground<'_>) -> u64 {
        let position = slot.position.unwrap_or_default();
        let waiting = ground.readable(slot.index, at).saturating_sub(position);
        let bytes = waiting.saturating_mul(ground.record_size(slot.index));
        bytes.min(ground.spec.config.max_partition_fetch_bytes)
    }

    /// When `fetch.min.bytes` are there, at the latest at `deadline`: the earliest instant, by bisection.
    fn enough_at(
        &self,
        asked: &[usize],
        from: SimTime,
        deadline: SimTime,
        ground: &Ground<'_>,
    ) -> SimTime {
        let wanted = ground.spec.config.fetch_min_bytes;
        let enough = |at: SimTime| {
            let waiting = |&index: &usize| Self::waiting_bytes(&self.slots[index], at, ground);
            asked.iter().map(waiting).fold(0, u64::saturating_add) >= wanted
        };
        if !enough(deadline) {
            return deadline;
        }
        let (mut low, mut high) = (from.as_micros(), deadline.as_micros());
        while low < high {
            let middle = low + (high - low) / 2;
            if enough(SimTime::from_micros(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        SimTime::from_micros(high)
    }

    /// The next instant at which the answer to a fetch arrives.
    pub(super) fn next_answer(&self) -> SimTime {
        let answers = self.nodes.iter().map(|node| node.answered);
        answers.min().unwrap_or(SimTime::NEVER)
    }

    /// The next answer that a waiting `poll()` looks at: what leaders say of positions only when the coordinator is known
    /// (`ensureCoordinatorReady` comes first).
    pub(super) fn next_arrival_in_poll(&self, coordinator_known: bool) -> SimTime {
        if coordinator_known {
            self.next_arrival()
        } else {
            self.next_answer()
        }
    }

    /// The next instant at which any answer of a broker arrives.
    pub(super) fn next_arrival(&self) -> SimTime {
        self.next_answer().min(self.next_leader_answer())
    }

    /// The next instant at which a partition begins to be served.
    pub(super) fn next_serving(&self) -> SimTime {
        if self.settled {
            return SimTime::NEVER;
        }
        self.slots
            .iter()
            .filter(|slot| !slot.serving && !slot.suspended)
            .map(|slot| slot.serving_at)
            .min()
            .unwrap_or(SimTime::NEVER)
    }

    /// When the last of the answers on their way arrives.
    pub(super) fn last_answer(&self) -> SimTime {
        let fetching = self.nodes.iter().filter(|node| node.is_fetching());
        let answers = fetching.map(|node| node.answered);
        answers.max().unwrap_or(SimTime::ZERO)
    }

    /// Puts answers that have arrived by `now` into the buffer, those of partitions that were paused meanwhile, too.
    pub(super) fn receive(&mut self, now: SimTime) {
        loop {
            let nodes = self.nodes.iter_mut().enumerate();
            let first = nodes.min_by_key(|(_, node)| node.answered);
            let Some((number, node)) = first.filter(|(_, node)| node.answered <= now) else {
                return;
            };
            node.answered = SimTime::NEVER;
            if std::mem::take(&mut node.fails) {
                // `FetchSessionHandler.handleError`: the next request makes a session anew.
                node.has_session = false;
                self.turns.end_session(number, &mut self.slots);
            }
            self.unweighed |= std::mem::take(&mut node.unweighed);
            for partition in node.out_of_range.drain(..) {
                let asked = |slot: &&mut Slot| slot.partition == partition && slot.takes_answers();
                if let Some(slot) = self.slots.iter_mut().find(asked) {
                    slot.readiness = Readiness::NeedsReset;
                    self.settled = false;
                }
            }
            for chunk in node.chunks.drain(..) {
                let current = self.slots.iter().any(|slot| {
                    slot.partition == chunk.partition
                        && slot.takes_answers()
                        && slot.position == Some(chunk.from)
                });
                if current {
                    node.buffered += 1;
                    self.buffer.push_back(chunk);
                }
            }
        }
    }

    /// Partitions whose first round trip is over begin to be served: at once if the process `is_reached` and goes on, else when it does.
    pub(super) fn begin_serving(&mut self, is_reached: bool, ground: &mut Ground<'_>) {
        if self.settled {
            return;
        }
        let now = ground.now;
        let begins = |slot: &Slot| !slot.serving && !slot.suspended && slot.serving_at <= now;
        if is_reached {
            ground.serving(self.slots.iter().filter(|slot| begins(slot)));
        }
        for slot in self.slots.iter_mut().filter(|slot| begins(slot)) {
            slot.serving = true;
        }
        let ready = self.slots.iter().all(|slot| {
            slot.readiness == Readiness::Refused
                || (slot.serving && slot.readiness == Readiness::Ready)
        });
        let in_order = |node: &Node| node.out_of_range.is_empty() && !node.fails;
        self.settled = ready && self.nodes.iter().all(in_order);
    }

    /// No answer arrives before `until`; some then come too late.
    pub(super) fn postpone(&mut self, until: SimTime, config: &ConsumerConfig) {
        for node in &mut self.nodes {
            if node.is_fetching() {
                node.answered = node.answered.max(until);
                node.expire(config);
                self.settled &= !node.fails;
            }
        }
    }

    /// The application pauses or resumes the partition at `index`.
    pub(super) fn set_paused(&mut self, index: usize, paused: bool) {
        for slot in self.slots.iter_mut().filter(|slot| slot.index == index) {
            slot.paused = paused;
        }
    }
}
