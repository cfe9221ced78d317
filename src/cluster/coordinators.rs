//! The broker's side of every group: hosts the coordinator machine, its timers and log, the connections of its members
//! and the committed offsets.
//!
//! A connection serves one request at a time (Kafka mutes the channel until the answer is out): what a client sends while its JoinGroup is parked
//! waits behind it.

use super::world::{Class, Event, FIRST_COORDINATOR, World};
use crate::assignor::GroupId;
use crate::protocol::effect::CoordinatorEffect;
use crate::protocol::effect::CoordinatorFact;
use crate::timeline::Observation;
use std::collections::VecDeque;

use std::sync::Arc;

use super::answers::Answer;
use super::ground::Packet;
use super::hosting::Hosting;
use super::ledger::Account;
use crate::assignor::{ConsumerId, MemberId};
use crate::kernel::{Draw, Order, Place, SimDuration, SimTime, Tick, Timers};
use crate::protocol::coordinator::GroupCoordinator;
use crate::protocol::effect::{AppendToken, CoordinatorTimer};
use crate::protocol::message::{Request, RequestToken, Response};

/// One request at the broker.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) token: RequestToken,
    pub(super) packet: Packet,
    /// Time of the answer on its way back.
    pub(super) back: SimDuration,
    /// The broker that it goes to; FindCoordinator goes to any.
    pub(super) broker: u32,
}

/// The broker's end of the connection to its coordinator of one life of a client. It outlasts the client: what waits on it was sent, and is read when
/// its turn comes.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Which life.
    pub(super) incarnation: u32,
    /// The broker that the client takes for its coordinator, or took last.
    pub(super) broker: u32,
    /// The request being served.
    pub(super) serving: Option<RequestToken>,
    /// Behind it.
    pub(super) queue: VecDeque<Inbound>,
    /// Answers keep their order.
    pub(super) last_answer: SimTime,
    /// What was sent up to this went over a connection that is closed now.
    pub(super) lost: RequestToken,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReturnAddress {
    pub(super) consumer: ConsumerId,
    pub(super) incarnation: u32,
    pub(super) back: SimDuration,
    pub(super) purpose: Option<crate::protocol::effect::CommitPurpose>,
}

/// One group on its broker.
#[derive(Debug)]
pub(super) struct HostedGroup {
    pub(super) coordinator: GroupCoordinator,
    pub(super) timers: Timers<CoordinatorTimer>,
    /// What the group did, by flat index of the partition.
    pub(super) accounts: Vec<Account>,
    /// Pairs of clients that may both return records of some partition.
    pub(super) contests: Vec<(ConsumerId, ConsumerId)>,
    /// Who was assigned each partition last, behind those before that may still return records of it; by flat index.
    pub(super) owners: Vec<Vec<ConsumerId>>,
    /// Whose id it is. Asked for every member of every rebalance, and never iterated.
    pub(super) processes: rustc_hash::FxHashMap<MemberId, ConsumerId>,
    /// With more of these ids than that it is time to look whose they are.
    pub(super) room_for_ids: usize,
    /// Members of whom nothing is on the calendar, in the fluid mode.
    pub(super) quiet: Vec<ConsumerId>,
    /// Unanswered requests. Asked for every request, and never iterated.
    pub(super) unanswered: rustc_hash::FxHashMap<RequestToken, ReturnAddress>,
    /// On which broker it is.
    pub(super) hosting: Hosting,
    pub(super) append: Draw,
    /// See [`crate::protocol::config::BrokerConfig::append_lingers`].
    pub(super) append_lingers: bool,
    /// Writes are committed in order.
    pub(super) last_append: SimTime,
    /// Those that are not committed.
    pub(super) pending_appends: VecDeque<AppendToken>,
    /// OffsetFetches that wait for them.
    pub(super) waiting_reads: Vec<(RequestToken, Packet)>,
}

impl World<'_> {
    pub(super) fn with_coordinator(
        &mut self,
        group: GroupId,
        act: impl FnOnce(&mut HostedGroup, SimTime, &mut Vec<CoordinatorEffect>),
    ) {
        let mut out = std::mem::take(&mut self.effects);
        let now = self.now();
        act(&mut self.groups[group.index()], now, &mut out);
        self.apply_effects(group, out);
    }

    /// A request of a member, or its commit, is served.
    pub(super) fn serve_group(&mut self, group: GroupId, token: RequestToken, request: Request) {
        let mut out = std::mem::take(&mut self.effects);
        let now = self.now();
        let coordinator = &mut self.groups[group.index()].coordinator;
        coordinator.on_request(now, token, request, &self.topics, &mut out);
        self.apply_effects(group, out);
    }

    /// A write is committed.
    pub(super) fn on_appended(&mut self, group: GroupId, token: AppendToken) {
        let pending = &mut self.groups[group.index()].pending_appends;
        if pending.front() == Some(&token) {
            pending.pop_front(); // Else a failover has made it void.
        }
        self.with_coordinator(group, |host, now, out| {
            host.coordinator.on_appended(now, token, out)
        });
    }

    fn apply_effects(&mut self, group: GroupId, mut out: Vec<CoordinatorEffect>) {
        self.applying += 1;
        for effect in out.drain(..) {
            self.apply_effect(group, effect);
        }
        self.applying -= 1;
        self.effects = out;
        self.serve_unmuted();
    }

    fn apply_effect(&mut self, group: GroupId, effect: CoordinatorEffect) {
        let entity = FIRST_COORDINATOR + group.0;
        let now = self.now();
        let host = &mut self.groups[group.index()];
        match effect {
            CoordinatorEffect::Reply { to, response } => {
                let purpose = host.unanswered.get(&to).and_then(|address| address.purpose);
                let answer = match (response, purpose) {
                    (Response::OffsetCommit(error), Some(purpose)) => {
                        Answer::Commit(purpose, error)
                    }
                    (response, _) => Answer::Group(response),
                };
                self.answer(group, to, answer);
            }
            CoordinatorEffect::Arm { timer, after } => {
                let (due, place) = (now + after, self.calendar.place());
                if host.timers.arm(&timer, due, place) {
                    self.schedule_timer(group, timer, due, place);
                }
            }
            CoordinatorEffect::Cancel(timer) => host.timers.cancel(&timer),
            CoordinatorEffect::Append(token) => {
                let append = self
                    .options
                    .calibration
                    .append
                    .as_ref()
                    .unwrap_or(&self.plan.brokers.append);
                let linger = if host.append_lingers {
                    self.options.calibration.append_linger
                } else {
                    SimDuration::ZERO
                };
                let at = (now + append.sample(&mut host.append) + linger).max(host.last_append);
                host.last_append = at;
                host.pending_appends.push_back(token);
                self.schedule(at, Class::Message, entity, Event::Appended { group, token });
            }
            CoordinatorEffect::StoreOffsets { offsets, .. } => {
                for &(partition, offset) in offsets.iter() {
                    host.accounts[self.topology.index(partition)].commit(offset);
                }
                if self.options.observe_polls {
                    self.observe(Observation::OffsetsCommitted { group, offsets });
                }
            }
            CoordinatorEffect::Observe(fact) => self.observe_fact(group, fact),
        }
    }

    pub(super) fn schedule_timer(
        &mut self,
        group: GroupId,
        timer: CoordinatorTimer,
        due: SimTime,
        place: Place,
    ) {
        let order = Order {
            at: due,
            class: Class::Timer as u8,
            entity: FIRST_COORDINATOR + group.0,
        };
        let event = Event::CoordinatorTimer {
            group,
            timer,
            place,
        };
        self.calendar.schedule_at(order, place, event);
    }

    pub(super) fn on_coordinator_timer(
        &mut self,
        group: GroupId,
        timer: CoordinatorTimer,
        place: Place,
    ) {
        match self.groups[group.index()].timers.tick(&timer, place) {
            Tick::Fires => self.with_coordinator(group, |host, now, out| {
                host.coordinator.on_timer(now, timer, out)
            }),
            Tick::Later(due, place) => {
                self.idle_wakes += 1;
                self.schedule_timer(group, timer, due, place);
            }
            Tick::Stale => self.idle_wakes += 1,
        }
    }

    fn observe_fact(&mut self, group: GroupId, fact: CoordinatorFact) {
        let processes = &self.groups[group.index()].processes;
        let of = |id: &MemberId| processes.get(id).copied().unwrap_or(ConsumerId(u32::MAX));
        let observation = match fact {
            CoordinatorFact::GroupState {
                from,
                to,
                generation,
                reason,
                by,
            } => Observation::GroupState {
                group,
                from,
                to,
                generation,
                reason,
                by: by.as_ref().map(of),
            },
            CoordinatorFact::MemberIdIssued { member_id, state } => Observation::MemberIdIssued {
                group,
                consumer: of(&member_id),
                member_id,
                state,
            },
            CoordinatorFact::MemberAdded { member_id, state } => Observation::MemberAdded {
                group,
                consumer: of(&member_id),
                member_id,
                state,
            },
            CoordinatorFact::MemberJoined { .. }
            | CoordinatorFact::GroupEpoch { .. }
            | CoordinatorFact::TargetAssignment { .. }
            | CoordinatorFact::MemberEpoch { .. }
            | CoordinatorFact::StaticMemberAway { .. } => {
                return self.observe_consumer_fact(group, fact);
            }
            CoordinatorFact::StaticMemberReplaced {
                instance_id,
                old,
                new,
            } => Observation::StaticMemberReplaced {
                group,
                consumer: of(&new),
                instance_id,
                old,
                new,
            },
            CoordinatorFact::MemberRemoved { member_id, why } => Observation::MemberRemoved {
                group,
                consumer: of(&member_id),
                member_id,
                why,
            },
            CoordinatorFact::MemberRejoined { member_id } => Observation::MemberRejoined {
                group,
                consumer: of(&member_id),
            },
            CoordinatorFact::JoinComplete {
                generation,
                members,
                leader,
                assignor,
            } => Observation::JoinComplete {
                group,
                generation,
                members: members.iter().map(of).collect(),
                leader,
                assignor,
            },
            CoordinatorFact::AssignmentReceived {
                generation,
                leader,
                assignment,
            } => Observation::AssignmentReceived {
                group,
                generation,
                leader,
                assignment: assignment
                    .iter()
                    .map(|(id, list)| (of(id), Arc::clone(list)))
                    .collect(),
            },
        };
        self.observe(observation);
    }

    /// Facts of consumer groups.
    fn observe_consumer_fact(&mut self, group: GroupId, fact: CoordinatorFact) {
        let processes = &self.groups[group.index()].processes;
        let of = |id: &MemberId| processes.get(id).copied().unwrap_or(ConsumerId(u32::MAX));
        let observation = match fact {
            CoordinatorFact::MemberJoined {
                member_id,
                protocol,
            } => Observation::MemberJoined {
                group,
                consumer: of(&member_id),
                member_id,
                protocol,
            },
            CoordinatorFact::GroupEpoch { epoch, reason, by } => Observation::GroupEpoch {
                group,
                epoch,
                reason,
                by: by.as_ref().map(of),
            },
            CoordinatorFact::TargetAssignment {
                epoch,
                assignor,
                assignment,
            } => Observation::TargetAssignment {
                group,
                epoch,
                assignor,
                assignment: assignment
                    .iter()
                    .map(|(id, list)| (of(id), Arc::clone(list)))
                    .collect(),
            },
            CoordinatorFact::MemberEpoch {
                member_id,
                epoch,
                previous_epoch,
                state,
                assigned,
                pending_revocation,
            } => Observation::MemberEpoch {
                group,
                consumer: of(&member_id),
                member_id,
                epoch,
                previous_epoch,
                state,
                assigned,
                pending_revocation,
            },
            CoordinatorFact::StaticMemberAway {
                member_id,
                instance_id,
            } => Observation::StaticMemberAway {
                group,
                consumer: of(&member_id),
                member_id,
                instance_id,
            },
            CoordinatorFact::GroupState { .. }
            | CoordinatorFact::MemberIdIssued { .. }
            | CoordinatorFact::MemberAdded { .. }
            | CoordinatorFact::StaticMemberReplaced { .. }
            | CoordinatorFact::MemberRemoved { .. }
            | CoordinatorFact::MemberRejoined { .. }
            | CoordinatorFact::JoinComplete { .. }
            | CoordinatorFact::AssignmentReceived { .. } => return,
        };
        self.observe(observation);
    }
}
