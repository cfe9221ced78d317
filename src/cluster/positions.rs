//! Where to read from: committed offsets, reset policy, validation with the leader (`OffsetFetcher`, `SubscriptionState`).

use super::fetch::Fetcher;
use super::fetch::Node;

use super::ground::Ground;
use crate::assignor::TopicPartition;
use crate::kernel::SimTime;
use crate::protocol::config::OffsetReset;
use crate::protocol::rules::Rule;
use crate::scenario::plan::StartAt;
use crate::timeline::Observation;

/// How far a newly assigned partition is from being fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The committed offset is to be asked for.
    NeedsOffset,
    /// It has been asked for.
    AskedOffset,
    /// There is none: the log is to be asked by the reset policy.
    NeedsReset,
    /// The offset is known and has to be validated with the leader by the next event of the application (consumer protocol).
    NeedsValidation,
    /// The leader answers at this instant: with the reset offset, or to validate the committed one.
    AskedLeader {
        /// When.
        at: SimTime,
        /// The offset.
        offset: u64,
        /// The offset comes from the reset policy, so it is not known before.
        by_reset: bool,
    },
    /// May be fetched.
    Ready,
    /// The application cannot process it.
    Refused,
}

/// One assigned partition.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) partition: TopicPartition,
    /// Place in the run's flat list of partitions.
    pub(super) index: usize,
    /// Its leader.
    pub(super) node: usize,
    /// Its place in the fetch session with that broker; 0 is none.
    pub(super) turn: u64,
    /// Its place in the client's list: who is drained goes to the end (`SubscriptionState.movePartitionToEnd`).
    pub(super) drained: u64,
    /// Next offset to hand out.
    pub(super) position: Option<u64>,
    pub(super) readiness: Readiness,
    /// The assigned callback has returned.
    pub(super) announced: bool,
    /// Marked pending revocation.
    pub(super) suspended: bool,
    /// Paused by the application.
    pub(super) paused: bool,
    /// Its state is not there yet.
    pub(super) restoring: bool,
    /// When the first fetch round trip is over.
    pub(super) serving_at: SimTime,
    pub(super) serving: bool,
    /// Not yet in a non-empty poll since its assignment.
    pub(super) fresh: bool,
}

impl Slot {
    /// It can be asked for (`SubscriptionState.isFetchable`).
    pub(super) fn may_be_fetched(&self) -> bool {
        self.takes_answers() && !self.paused
    }

    /// What comes of it is kept: who pauses a partition finds it when the partition goes on.
    pub(super) fn takes_answers(&self) -> bool {
        self.readiness == Readiness::Ready && self.announced && !self.suspended && !self.restoring
    }
}

impl Fetcher {
    /// The broker that is asked for what any broker knows (`NetworkClient.leastLoadedNode`): one that is connected and has no fetch parked; else one that is connected, however
    /// long its fetch is parked; a new one only where none is connected. Kafka begins to look at a random one of them, here it is always the first.
    fn least_loaded(&self) -> usize {
        let load = |&node: &usize| {
            let node: &Node = &self.nodes[node];
            (!node.connected, node.is_fetching())
        };
        (0..self.nodes.len()).min_by_key(load).unwrap_or_default()
    }

    /// When a request for metadata that is sent now is answered.
    pub(super) fn metadata_answer(&mut self, ground: &mut Ground<'_>) -> SimTime {
        let node = self.least_loaded();
        ask_leader(&mut self.nodes[node], ground)
    }

    /// No broker looks at a FindCoordinator that is sent now before this instant: where every connection has a parked fetch it waits behind one.
    pub(super) fn lookup_free_at(&self, ground: &Ground<'_>) -> SimTime {
        let node = &self.nodes[self.least_loaded()];
        parked_until(node, ground)
    }

    /// The committed offsets asked for, `None` where there is none. One without leader epoch needs no validation (`SubscriptionState.validatePosition`, KIP-320).
    pub(super) fn on_committed(
        &mut self,
        offsets: &[(TopicPartition, Option<u64>)],
        validated_later: bool,
        ground: &mut Ground<'_>,
    ) {
        let mut asked = LeaderRequests::default();
        let mut known = Vec::with_capacity(offsets.len());
        self.resets_first = !validated_later && offsets.iter().any(|(_, offset)| offset.is_none());
        for &(partition, offset) in offsets {
            let waiting = self.slots.iter_mut().find(|slot| {
                slot.partition == partition && slot.readiness == Readiness::AskedOffset
            });
            let Some(slot) = waiting else { continue };
            match offset {
                Some(offset) if ground.accounts[slot.index].is_without_epoch(offset) => {
                    slot.readiness = Readiness::Ready;
                    known.push(locate(slot, offset, false, ground));
                }
                Some(offset) if validated_later || self.resets_first => {
                    slot.readiness = Readiness::NeedsValidation;
                    known.push(locate(slot, offset, false, ground));
                }
                Some(offset) => {
                    let at = asked.answer(slot.node, &mut self.nodes, ground);
                    slot.readiness = Readiness::AskedLeader {
                        at,
                        offset,
                        by_reset: false,
                    };
                    known.push(locate(slot, offset, false, ground));
                }
                None => slot.readiness = Readiness::NeedsReset,
            }
        }
        positions_known(known, ground);
    }

    /// The partitions whose committed offset is to be asked for now; they count as asked.
    pub(super) fn ask_offsets(&mut self) -> Vec<TopicPartition> {
        let mut asked = Vec::new();
        for slot in &mut self.slots {
            if slot.readiness == Readiness::NeedsOffset && slot.announced {
                slot.readiness = Readiness::AskedOffset;
                asked.push(slot.partition);
            }
        }
        asked
    }

    /// The partitions whose committed offset has been asked for.
    pub(super) fn asked_offsets(&self) -> Vec<TopicPartition> {
        let asked = |slot: &&Slot| slot.readiness == Readiness::AskedOffset;
        let slots = self.slots.iter().filter(asked);
        slots.map(|slot| slot.partition).collect()
    }

    /// True when a committed offset is to be asked for.
    pub(super) fn needs_offsets(&self) -> bool {
        let needs = |slot: &Slot| slot.readiness == Readiness::NeedsOffset && slot.announced;
        !self.settled && self.slots.iter().any(needs)
    }

    /// What was asked is to be asked again: it was refused, or the coordinator's connection broke.
    pub(super) fn forget_asked_offsets(&mut self) {
        for slot in &mut self.slots {
            if slot.readiness == Readiness::AskedOffset {
                slot.readiness = Readiness::NeedsOffset;
                self.settled = false;
            }
        }
    }

    /// `OffsetsRequestManager.validatePositionsIfNeeded`: asks the leaders; one without connection is first connected to.
    pub(super) fn validate_positions(&mut self, ground: &mut Ground<'_>) {
        let connected = |node: &Node| node.connected;
        let unconnected = self.validate_where(connected, ground);
        for node in unconnected {
            self.nodes[node].connected = true;
        }
    }

    /// The same of a classic client, which asks with the next `updateFetchPositions` where this one has asked for offsets by the reset policy: partitions without a committed offset are
    /// fetched first.
    pub(super) fn validate_after_resets(&mut self, ground: &mut Ground<'_>) {
        if !std::mem::take(&mut self.resets_first) {
            self.validate_where(|_| true, ground);
        }
    }

    /// Asks the leaders that `may_be_asked`, and returns the others.
    fn validate_where(
        &mut self,
        may_be_asked: impl Fn(&Node) -> bool,
        ground: &mut Ground<'_>,
    ) -> Vec<usize> {
        let mut asked = LeaderRequests::default();
        let mut others = Vec::new();
        for slot in &mut self.slots {
            let (Readiness::NeedsValidation, Some(offset)) = (slot.readiness, slot.position) else {
                continue;
            };
            if may_be_asked(&self.nodes[slot.node]) {
                slot.readiness = Readiness::AskedLeader {
                    at: asked.answer(slot.node, &mut self.nodes, ground),
                    offset,
                    by_reset: false,
                };
            } else {
                others.push(slot.node);
            }
        }
        others
    }

    /// The next instant at which a leader answers for a position.
    pub(super) fn next_leader_answer(&self) -> SimTime {
        if self.settled {
            return SimTime::NEVER;
        }
        let answer = |slot: &Slot| match slot.readiness {
            Readiness::AskedLeader { at, .. } => at,
            Readiness::NeedsOffset
            | Readiness::AskedOffset
            | Readiness::NeedsReset
            | Readiness::NeedsValidation
            | Readiness::Ready
            | Readiness::Refused => SimTime::NEVER,
        };
        self.slots
            .iter()
            .map(answer)
            .min()
            .unwrap_or(SimTime::NEVER)
    }

    /// True without partitions, or when a position is not known or not validated (`hasAllFetchPositions`).
    pub(super) fn lacks_positions(&self) -> bool {
        let located = |slot: &Slot| match slot.readiness {
            Readiness::Ready | Readiness::Refused => true,
            Readiness::NeedsOffset
            | Readiness::AskedOffset
            | Readiness::NeedsReset
            | Readiness::NeedsValidation
            | Readiness::AskedLeader { .. } => false,
        };
        self.slots.is_empty() || !self.slots.iter().all(located)
    }

    /// True when any partition may be fetched (`hasFetchablePartitions`).
    pub(super) fn may_fetch(&self) -> bool {
        self.slots.iter().any(Slot::may_be_fetched)
    }

    /// True while a committed offset or one by the reset policy is outstanding.
    pub(super) fn awaits_positions(&self) -> bool {
        !self.settled
            && self.slots.iter().any(|slot| {
                let outstanding = match slot.readiness {
                    Readiness::AskedOffset | Readiness::NeedsReset => true,
                    Readiness::AskedLeader { by_reset, .. } => by_reset,
                    Readiness::NeedsOffset
                    | Readiness::NeedsValidation
                    | Readiness::Ready
                    | Readiness::Refused => false,
                };
                outstanding && !slot.suspended
            })
    }

    /// `updateFetchPositions` after the committed offsets: resets, validations, and their answers. Returns an exception when the policy is `none`.
    pub(super) fn update_positions(&mut self, ground: &mut Ground<'_>) -> Option<&'static str> {
        if self.settled {
            return None;
        }
        let mut known = Vec::new();
        let error = self.reset_and_validate(&mut known, ground);
        positions_known(known, ground);
        error
    }

    fn reset_and_validate(
        &mut self,
        known: &mut Vec<(TopicPartition, u64)>,
        ground: &mut Ground<'_>,
    ) -> Option<&'static str> {
        let mut asked = LeaderRequests::default();
        for slot in &mut self.slots {
            match slot.readiness {
                Readiness::NeedsReset => {
                    let Some(offset) = reset_offset(slot, ground) else {
                        // Who has a position was told that it is out of range (`FetchCollector.handleInitializeErrors`).
                        return Some(match slot.position {
                            Some(_) => "OffsetOutOfRangeException",
                            None => "NoOffsetForPartitionException",
                        });
                    };
                    let at = asked.answer(slot.node, &mut self.nodes, ground);
                    slot.readiness = Readiness::AskedLeader {
                        at,
                        offset,
                        by_reset: true,
                    };
                }
                Readiness::AskedLeader { .. }
                | Readiness::NeedsValidation
                | Readiness::NeedsOffset
                | Readiness::AskedOffset
                | Readiness::Ready
                | Readiness::Refused => {}
            }
            if let Readiness::AskedLeader {
                at,
                offset,
                by_reset,
            } = slot.readiness
                && at <= ground.now
            {
                if by_reset {
                    known.push(locate(slot, offset, true, ground));
                }
                slot.readiness = Readiness::Ready;
            }
        }
        None
    }
}

/// Requests to leaders sent at one instant: one to each broker, for all partitions concerned.
#[derive(Default)]
struct LeaderRequests {
    sent: Vec<(usize, SimTime)>,
}

impl LeaderRequests {
    pub(super) fn answer(
        &mut self,
        node: usize,
        nodes: &mut [Node],
        ground: &mut Ground<'_>,
    ) -> SimTime {
        if let Some(&(_, at)) = self.sent.iter().find(|&&(known, _)| known == node) {
            return at;
        }
        let at = ask_leader(&mut nodes[node], ground);
        self.sent.push((node, at));
        at
    }
}

/// The position is known; it is to be told of.
#[must_use]
fn locate(
    slot: &mut Slot,
    offset: u64,
    by_reset: bool,
    ground: &mut Ground<'_>,
) -> (TopicPartition, u64) {
    slot.position = Some(offset);
    ground.located(slot.index, offset, by_reset);
    (slot.partition, offset)
}

/// Tells of positions that have become known at once.
fn positions_known(offsets: Vec<(TopicPartition, u64)>, ground: &mut Ground<'_>) {
    if !offsets.is_empty() {
        ground.observe(Observation::PositionKnown {
            consumer: ground.consumer,
            offsets: offsets.into(),
        });
    }
}

/// Where the reset policy says to begin; `None`: it says to throw.
fn reset_offset(slot: &Slot, ground: &Ground<'_>) -> Option<u64> {
    let end = ground.readable(slot.index, ground.now);
    let since = |span| ground.first_due_since(slot.index, span).min(end);
    match (ground.spec.start_at, ground.spec.config.auto_offset_reset) {
        (StartAt::TimestampBefore(span), _)
        | (StartAt::Reset | StartAt::Committed(_), OffsetReset::ByDuration(span)) => {
            Some(since(span))
        }
        // Only partitions that are there from the start have that offset committed, and it may lie beyond the log.
        (StartAt::Reset | StartAt::Committed(_), OffsetReset::Earliest) => Some(0),
        (StartAt::Reset | StartAt::Committed(_), OffsetReset::Latest) => Some(end),
        (StartAt::Reset | StartAt::Committed(_), OffsetReset::None) => None,
    }
}

/// A request other than a fetch on this connection: when its answer arrives.
pub(super) fn ask_leader(node: &mut Node, ground: &mut Ground<'_>) -> SimTime {
    node.connected = true;
    let (up, down) = ground.control_latency();
    let parked = parked_until(node, ground).max(ground.cut_until);
    let answered = (ground.now + up).max(parked) + ground.calibration.request_service;
    node.free_at = node.free_at.max(answered);
    answered + down
}

/// The broker looks at no request on this connection before: it takes one after the other (`SocketServer` mutes the channel meanwhile).
fn parked_until(node: &Node, ground: &Ground<'_>) -> SimTime {
    if ground.spec.config.rules.hold(Rule::AnswersBehindFetch) {
        node.free_at
    } else {
        ground.now
    }
}
