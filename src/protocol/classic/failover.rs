//! The coordinator goes away and comes back with what its log holds (`onUnloaded`, `replay(GroupMetadataKey…)`,
//! `onLoaded`).
//!
//! The log holds the last generation whose assignment was written, or that the group became empty, and static
//! replacements since; never a rebalance under way. Writes that are not committed when the coordinator goes are lost.
//! Going and coming itself changes no state that readers see: they are told what is different afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, arm, observe, reply};
use super::group::{ClassicGroup, ClassicGroupState, GroupMember};
use super::join::Cause;
use crate::assignor::MemberId;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::ErrorCode;
use crate::protocol::record::{GroupRecord, MemberRecord};
use crate::timeline::{Partitions, RebalanceReason, RemovalReason};

impl Coordinator {
    /// The group that a steady start begins with: `Stable` in the generation of `record`, as if it had just synced.
    /// The members are put into the map in the record's order; without a leader named the first one leads. Session
    /// timers are armed, each from when its member was last heard of: `silences` before `now`, in the record's order, just now
    /// where there is none. Nothing is observed, because nothing happened.
    ///
    /// # Panics
    /// When the group is not new, or the record has no members, no assignor, or a leader that is no member.
    pub fn install_stable(
        &mut self,
        now: SimTime,
        record: &GroupRecord,
        silences: &[SimDuration],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        let fresh = self.group.state() == ClassicGroupState::Empty && self.group.generation == 0;
        assert!(fresh, "a steady start is a start");
        assert!(!record.members.is_empty(), "a stable group has members");
        self.group = load(record);
        self.persisted = self.record();
        let ids = record.members.iter().map(|member| &member.member_id);
        let silences: BTreeMap<_, _> = ids.zip(silences).collect();
        for place in self.group.order() {
            let member = self.group.member(place);
            let silence = silences
                .get(&member.id)
                .map_or(SimDuration::ZERO, |&&span| span);
            let timer = CoordinatorTimer::Session(member.id.clone());
            arm(timer, member.session_timeout - silence, out);
        }
        if let Err(broken) = self.check() {
            panic!("a steady start must be a sound one: {broken}");
        }
    }

    /// The coordinator goes away: everybody who waits is sent elsewhere, all timers die. `Dead` until it is loaded.
    pub fn on_unloaded(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        self.now = now;
        if self.group.state() == ClassicGroupState::Dead {
            return;
        }
        for deferred in self.abandon_appends() {
            if let Deferred::Reply(to, response) = deferred {
                reply(to, response.not_coordinator(), out);
            }
        }
        self.turn_away(ErrorCode::NotCoordinator, out);
        self.group.transition_to(ClassicGroupState::Dead);
    }

    /// The coordinator is back, here or on another broker, with what the log holds and fresh session timers.
    pub fn on_loaded(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        self.now = now;
        if self.group.state() != ClassicGroupState::Dead {
            return;
        }
        let before = std::mem::replace(&mut self.group, load(&self.persisted));
        for member in before.members() {
            if !self.contains(&member.id) {
                let fact = CoordinatorFact::MemberRemoved {
                    member_id: member.id.clone(),
                    why: RemovalReason::CoordinatorChange,
                };
                observe(fact, out);
            }
        }
        for member in self.group.members() {
            if before.find(&member.id).is_none() {
                // Removed after the last write to the log: for the new coordinator it is there.
                let fact = CoordinatorFact::MemberAdded {
                    member_id: member.id.clone(),
                    state: self.group.state().observed(),
                };
                observe(fact, out);
            }
        }
        if before.previous_state() != self.group.state() {
            self.observe_state_after(before.previous_state(), None, out);
        }
        self.restart_sessions(out);
        if self.group.len() > self.config.max_size as usize {
            // Give them a chance to commit before some are refused.
            let cause = Cause::removal(RebalanceReason::Rejoin, None);
            self.prepare_rebalance(cause, out);
        }
    }

    /// The group as it would be written to the log now.
    pub(super) fn record(&self) -> GroupRecord {
        GroupRecord {
            generation: self.group.generation,
            assignor: self.group.protocol,
            leader: self.group.leader.clone(),
            members: self
                .group
                .members()
                .map(|member| MemberRecord {
                    member_id: member.id.clone(),
                    instance_id: member.instance_id.clone(),
                    session_timeout: member.session_timeout,
                    rebalance_timeout: member.rebalance_timeout,
                    assignors: self.group.protocol.into_iter().collect(),
                    subscription: Arc::clone(&member.subscription),
                    assignment: Arc::clone(&member.assignment),
                })
                .collect(),
        }
    }

    /// The same with `shares`, which are in map order too, as the assignment.
    pub(super) fn record_with(&self, shares: &[(MemberId, Partitions)]) -> GroupRecord {
        let mut record = self.record();
        for (member, (_, share)) in record.members.iter_mut().zip(shares) {
            member.assignment = Arc::clone(share);
        }
        record
    }

    pub(super) fn restart_sessions(&self, out: &mut Vec<CoordinatorEffect>) {
        for place in self.group.order() {
            self.restart_session(place, out);
        }
    }
}

/// `replay(GroupMetadataKey, GroupMetadataValue)`: the group in memory that a record stands for.
pub(super) fn load(record: &GroupRecord) -> ClassicGroup {
    let state = if record.members.is_empty() {
        ClassicGroupState::Empty
    } else {
        ClassicGroupState::Stable
    };
    let mut group = ClassicGroup::new(state, record.generation);
    group.protocol = record.assignor;
    group.leader = record.leader.clone();
    for member in &record.members {
        group.add(GroupMember {
            id: member.member_id.clone(),
            instance_id: member.instance_id.clone(),
            session_timeout: member.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
            assignors: Arc::clone(&member.assignors),
            subscription: Arc::clone(&member.subscription),
            assignment: Arc::clone(&member.assignment),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
        });
    }
    group
}
