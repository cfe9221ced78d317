//! The coordinator goes away and comes back with what its log holds (`onUnloaded`, `replay`, `onLoaded`), and the group that a steady start begins
//! with.
//!
//! The log holds everything but timers. Writes that are not committed when the coordinator goes are lost. Going and coming itself bumps nothing; the
//! next heartbeat looks at the topics anew.

use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, observe, reply};
use super::group::{Change, ConsumerGroup, GroupMember, Held, Target};
use crate::assignor::{MemberId, ServerAssignorKind, TopicDescription, TopicId};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::SubscriptionPattern;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::timeline::{GroupState, MemberEpochState, Partitions, RemovalReason};

/// A member with which a steady start begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteadyMember {
    /// Its id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// `client.rack`
    pub rack: Option<Arc<str>>,
    /// `max.poll.interval.ms`
    pub rebalance_timeout: SimDuration,
    /// Subscribed topics.
    pub topics: Arc<[TopicId]>,
    /// Its regular expression, resolved long ago.
    pub pattern: Option<Arc<SubscriptionPattern>>,
    /// `group.remote.assignor`
    pub server_assignor: Option<ServerAssignorKind>,
    /// Nothing was heard of it since then, so much before the start.
    pub silent_for: SimDuration,
}

impl Coordinator {
    /// The group that a steady start begins with: everybody at the target, at the first epoch, as if it had always been so; the next bump computes a
    /// target at once. Sessions are armed, each from when its member was last heard of; nothing is observed, because nothing happened. Gives each member's share, in the order of `members`, and
    /// the epoch.
    ///
    /// # Panics
    /// When the group is not new, or `members` is empty or names somebody twice.
    pub fn install_stable(
        &mut self,
        now: SimTime,
        members: &[SteadyMember],
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) -> (Vec<Partitions>, i32) {
        self.now = now;
        let epoch = self.config.consumer.first_epoch;
        let fresh = self.group.is_empty() && self.group.epoch == epoch - 1;
        assert!(fresh, "a steady start is a start");
        assert!(!members.is_empty(), "a stable group has members");
        self.on_topics_changed(now, topics);
        self.refresh_due = false;
        for member in members {
            assert!(
                !self.contains(&member.member_id),
                "a member is named once, {} too",
                member.member_id
            );
            let member = GroupMember {
                instance_id: member.instance_id.clone(),
                rack: member.rack.clone(),
                rebalance_timeout: member.rebalance_timeout,
                topics: Arc::clone(&member.topics),
                pattern: member.pattern.clone(),
                server_assignor: member.server_assignor,
                epoch,
                previous_epoch: epoch,
                ..GroupMember::new(member.member_id.clone())
            };
            self.record(Change::Subscription(Arc::new(member)));
        }
        let patterns: Vec<_> = self.group.patterns().cloned().collect();
        for pattern in patterns {
            self.record(Change::Resolved(pattern, now));
        }
        let metadata = self.current_metadata();
        self.record(Change::Epoch(epoch, metadata));
        let last = Arc::clone(
            self.group
                .member(&members[members.len() - 1].member_id)
                .expect("it was put in just now"),
        );
        let kind = self.preferred_assignor(&last);
        let shares = self.assign(kind, &self.group.order(), topics);
        let target = Target {
            epoch,
            computed_at: None,
            shares,
        };
        self.record(Change::Target(Arc::new(target)));
        let mut lists = Vec::new();
        for member in members {
            let member_id = &member.member_id;
            let share: Partitions = self.group.target_of(member_id).into();
            let assigned: Held = share.iter().map(|&held| (held, epoch)).collect();
            let known = self
                .group
                .member(member_id)
                .expect("it was put in just now");
            let known = GroupMember {
                assigned: Arc::new(assigned),
                ..GroupMember::clone(known)
            };
            self.record(Change::Assignment(Arc::new(known)));
            let session = self.config.consumer.session_timeout - member.silent_for;
            self.restart_session(member_id, session, out);
            lists.push(share);
        }
        self.drop_changes();
        self.persisted = self.group.clone();
        self.state = self.group.state();
        self.state_since = now;
        if let Err(broken) = self.check() {
            panic!("a steady start must be a sound one: {broken}");
        }
        (lists, epoch)
    }

    /// The coordinator goes away: everybody who waits is sent elsewhere, all timers die. `Dead` until it is loaded.
    pub fn on_unloaded(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        self.now = now;
        if self.state == GroupState::Dead {
            return;
        }
        for append in std::mem::take(&mut self.appends).into_values() {
            for deferred in append.then {
                match deferred {
                    Deferred::Reply(to, response)
                    | Deferred::ClassicJoined(to, response, ..)
                    | Deferred::ClassicSynced(to, response, _) => {
                        reply(to, response.not_coordinator(), out);
                    }
                    Deferred::StoreOffsets(..) => {}
                }
            }
        }
        self.disarm_all(out);
        self.state = GroupState::Dead;
        self.state_since = now;
    }

    /// The coordinator is back, here or on another broker, with what the log holds and fresh session timers.
    pub fn on_loaded(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        self.now = now;
        if self.state != GroupState::Dead {
            return;
        }
        let before = std::mem::replace(&mut self.group, self.persisted.clone());
        self.tell_differences(&before, out);
        self.state = before.state();
        self.state_since = now;
        self.observe_state(None, out);
        self.refresh_due = true;
        let members: Vec<Arc<GroupMember>> = self.group.members().cloned().collect();
        for member in members {
            // Also a member of the classic protocol has the group's session timeout until its next sign of life.
            self.restart_session(&member.id, self.config.consumer.session_timeout, out);
            if member.state == MemberEpochState::UnrevokedPartitions {
                self.revoking_at.insert(member.id.clone(), member.epoch);
                let timer = CoordinatorTimer::RebalanceTimeout(member.id.clone());
                self.arm(timer, member.rebalance_timeout, out);
            }
        }
    }

    /// What is different for the new coordinator: who came or went, or was moved on, in writes that are lost.
    fn tell_differences(&self, before: &ConsumerGroup, out: &mut Vec<CoordinatorEffect>) {
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
            let known = before.member(&member.id);
            if known.is_none() {
                let fact = CoordinatorFact::MemberJoined {
                    member_id: member.id.clone(),
                    protocol: match member.classic {
                        Some(_) => "classic",
                        None => "consumer",
                    },
                };
                observe(fact, out);
            }
            let place = |member: &Arc<GroupMember>| {
                let GroupMember {
                    epoch,
                    state,
                    ref assigned,
                    ref pending_revocation,
                    ..
                } = **member;
                (epoch, state, assigned.clone(), pending_revocation.clone())
            };
            if known.map(place) != Some(place(member)) {
                observe(member_epoch(&self.group, member), out);
            }
        }
    }

    /// Everybody's timers.
    pub(super) fn disarm_all(&mut self, out: &mut Vec<CoordinatorEffect>) {
        let members: Vec<MemberId> = self.members().cloned().collect();
        for member_id in members {
            self.cancel_timers(&member_id, out);
        }
        for timer in std::mem::take(&mut self.timers) {
            out.push(CoordinatorEffect::Cancel(timer));
        }
        self.revoking_at.clear();
    }
}

/// How far the member is.
pub(super) fn member_epoch(group: &ConsumerGroup, member: &GroupMember) -> CoordinatorFact {
    CoordinatorFact::MemberEpoch {
        member_id: member.id.clone(),
        epoch: member.epoch,
        previous_epoch: member.previous_epoch,
        state: member.state,
        assigned: group.share_of(member),
        pending_revocation: match member.pending_revocation.is_empty() {
            true => Partitions::default(),
            false => member.pending_revocation.keys().copied().collect(),
        },
    }
}
