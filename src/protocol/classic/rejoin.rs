//! One join attempt, step by step: `onJoinPrepare` → JoinGroup → SyncGroup → `onJoinComplete`, and `close()`.
//!
//! Kafka runs these steps in `joinGroupIfNeeded`, inside `poll()`; each may end the turn of the loop and be taken up
//! again by the next one. What is waited for is written down in [`Prepare`] and [`Attempt`].

use std::sync::Arc;

use super::member::{Closing, Member, MemberState};
use crate::assignor::{MemberId, TopicPartition};
use crate::kernel::SimTime;
use crate::protocol::config::GroupMembershipOperation;
use crate::protocol::effect::{CommitPurpose, MemberEffect, Positions};
use crate::protocol::message::{
    JoinCause, JoinGroupRequest, LeaveCause, Request, Subscription, SyncGroupRequest,
};
use crate::protocol::rules::Rule;
use crate::timeline::{CallbackKind, Observation, Partitions};

/// Where `onJoinPrepare` stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prepare {
    /// To be run by the next turn.
    Due,
    /// The commit before the rejoin is under way, or to be repeated.
    Committing {
        /// Given up at this instant: the rebalance timeout from the beginning of the phase.
        deadline: SimTime,
        /// An answer is awaited.
        in_flight: bool,
    },
    /// The commit ended, well or not; the callbacks are to be run by the next turn.
    Committed,
    /// A callback runs.
    Running(CallbackKind),
    /// Done: JoinGroup may be sent, repeatedly if need be.
    Done,
}

/// Where the join attempt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// None under way.
    None,
    /// JoinGroup sent.
    Joining,
    /// SyncGroup sent, or the leader computes.
    Syncing,
    /// The assignment came; `onJoinComplete` is to be run by the next turn.
    Complete(Partitions),
    /// A callback of `onJoinComplete` runs, for the assignment of this generation.
    Installing(Partitions, i32),
}

impl Member {
    /// `joinGroupIfNeeded(timer = 0)`
    pub(super) fn join_if_needed(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        match self.attempt.clone() {
            Attempt::Complete(assignment) => self.complete(now, assignment, out),
            Attempt::Joining | Attempt::Syncing | Attempt::Installing(..) => {}
            Attempt::None => {
                if self.rejoin.is_some()
                    && now >= self.retry_at
                    && self.prepare(now, positions, out)
                {
                    self.send_join(out);
                }
            }
        }
    }

    /// `onJoinPrepare`; true when JoinGroup may be sent.
    fn prepare(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) -> bool {
        match self.prepare {
            Prepare::Done => true,
            Prepare::Running(_) => false,
            Prepare::Committed => self.give_up_before_join(out),
            Prepare::Due => {
                let deadline = now + self.config.max_poll_interval;
                let commits = self.config.rules.hold(Rule::CommitBeforeRejoin);
                if commits && self.config.enable_auto_commit {
                    if !self.config.is_cooperative() {
                        out.push(MemberEffect::Suspend(Arc::clone(&self.owned)));
                    }
                    if self.send_rejoin_commit(deadline, positions, out) {
                        return false;
                    }
                }
                self.give_up_before_join(out)
            }
            Prepare::Committing {
                in_flight,
                deadline,
            } => {
                if now >= deadline {
                    self.commit_failed("TimeoutException", out);
                    return self.give_up_before_join(out);
                }
                if in_flight || self.send_rejoin_commit(deadline, positions, out) {
                    return false;
                }
                self.give_up_before_join(out)
            }
        }
    }

    fn send_rejoin_commit(
        &mut self,
        deadline: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) -> bool {
        // A membership that was reset has no generation to commit in: the client refuses by itself and goes on.
        if self.commit_refused().is_some() {
            return false;
        }
        let Some(commit) = self.commit_of(positions) else {
            return false;
        };
        self.prepare = Prepare::Committing {
            deadline,
            in_flight: true,
        };
        out.push(MemberEffect::Commit(CommitPurpose::Rejoin, commit));
        true
    }

    /// The callbacks of `onJoinPrepare`; true when there is none to wait for.
    fn give_up_before_join(&mut self, out: &mut Vec<MemberEffect>) -> bool {
        let was_member = self.generation >= 0 && !self.member_id.is_unknown();
        let (kind, partitions) = if !was_member {
            // Lost only if something is owned; at a first join nothing is called.
            (CallbackKind::Lost, Arc::clone(&self.owned))
        } else if self.config.is_cooperative() {
            let unsubscribed: Partitions = self
                .owned
                .iter()
                .copied()
                .filter(|owned| !self.topics.contains(&owned.topic))
                .collect();
            (CallbackKind::Revoked, unsubscribed)
        } else {
            (CallbackKind::Revoked, Arc::clone(&self.owned))
        };
        // EAGER calls onPartitionsRevoked also with nothing, when a generation was held.
        let with_nothing = self.config.rules.hold(Rule::RevokedWithNothing)
            && was_member
            && kind == CallbackKind::Revoked
            && !self.config.is_cooperative();
        let called = with_nothing || !partitions.is_empty();
        if !called {
            self.prepared();
            return true;
        }
        self.prepare = Prepare::Running(kind);
        out.push(MemberEffect::Callback(kind, partitions));
        false
    }

    /// `onJoinPrepare` is over: whoever led its group wants to know of its own topics alone.
    fn prepared(&mut self) {
        self.prepare = Prepare::Done;
        self.group_topics.clear();
    }

    /// A listener's callback returned.
    pub fn on_callback_done(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        if self.closing == Closing::Callback {
            self.closed(out);
            return;
        }
        if let Prepare::Running(kind) = self.prepare {
            let kept: Partitions = if kind == CallbackKind::Revoked && self.config.is_cooperative()
            {
                self.owned
                    .iter()
                    .copied()
                    .filter(|owned| self.topics.contains(&owned.topic))
                    .collect()
            } else {
                Arc::from([])
            };
            self.install(kept, out);
            self.prepared();
            return;
        }
        let attempt = std::mem::replace(&mut self.attempt, Attempt::None);
        match attempt {
            Attempt::Installing(assignment, generation) if self.owned != assignment => {
                // The revoked callback of a cooperative member returned.
                if self.config.rules.hold(Rule::FollowUpRound) {
                    self.request_rejoin(
                        JoinCause::FollowUp,
                        "need to revoke partitions and re-join",
                        out,
                    );
                }
                self.install_and_call(now, assignment, generation, out);
            }
            Attempt::Installing(..) => {}
            other => self.attempt = other,
        }
    }

    fn install(&mut self, owned: Partitions, out: &mut Vec<MemberEffect>) {
        self.owned = Arc::clone(&owned);
        out.push(MemberEffect::Install(owned));
    }

    fn send_join(&mut self, out: &mut Vec<MemberEffect>) {
        let cause = self.rejoin.unwrap_or(JoinCause::Rebalancing);
        self.state = MemberState::PreparingRebalance;
        if self.config.rules.hold(Rule::NoHeartbeatsWhileJoining) {
            self.heartbeat_enabled = false;
        }
        self.attempt = Attempt::Joining;
        if std::mem::take(&mut self.prepares_again) {
            self.prepare = Prepare::Due;
        }
        out.push(MemberEffect::Observe(Observation::Joining {
            consumer: self.consumer,
        }));
        out.push(MemberEffect::Send(Request::JoinGroup(JoinGroupRequest {
            member_id: self.member_id.clone(),
            proposed_member_id: MemberId::unknown(),
            instance_id: self.config.group_instance_id.clone(),
            session_timeout: self.config.session_timeout,
            rebalance_timeout: self.config.max_poll_interval,
            assignors: Arc::clone(&self.config.assignors),
            subscription: Arc::new(Subscription {
                topics: self.topics.clone(),
                owned: if self.config.rules.hold(Rule::OwnedPartitionsSaid) {
                    Arc::clone(&self.owned)
                } else {
                    Arc::from([])
                },
                generation: if self.config.says_generation {
                    self.generation
                } else {
                    -1
                },
                rack: self.config.client_rack.clone(),
                sticky_memory: self.sticky_memory.clone(),
            }),
            cause,
        })));
    }

    /// The leader's assignor has finished: `assignments` go out with SyncGroup, and it remembers what it knew of topics (`assignmentSnapshot`).
    pub fn on_assigned_by_leader(
        &mut self,
        assignments: Vec<(MemberId, Partitions)>,
        out: &mut Vec<MemberEffect>,
    ) {
        if self.state == MemberState::CompletingRebalance {
            self.on_watching();
            self.send_sync(assignments, out);
        }
    }

    pub(super) fn send_sync(
        &mut self,
        assignments: Vec<(MemberId, Partitions)>,
        out: &mut Vec<MemberEffect>,
    ) {
        let Some(assignor) = self.assignor else {
            return;
        };
        self.attempt = Attempt::Syncing;
        out.push(MemberEffect::Send(Request::SyncGroup(SyncGroupRequest {
            member_id: self.member_id.clone(),
            instance_id: self.config.group_instance_id.clone(),
            generation: self.generation,
            assignor,
            assignments,
        })));
    }

    /// `onJoinComplete`
    fn complete(&mut self, now: SimTime, assignment: Partitions, out: &mut Vec<MemberEffect>) {
        // Who led a group once, lost its membership and follows now still looks whether what it assigned by has changed, and if so joins once more when this join is done.
        self.compare_metadata(out);
        if !self.is_leader() {
            self.leader_snapshot = None;
        }
        if assignment
            .iter()
            .any(|assigned| !self.topics.contains(&assigned.topic))
        {
            self.attempt = Attempt::None;
            self.prepare = Prepare::Due;
            self.request_rejoin(
                JoinCause::Subscription,
                "assignment does not match the subscription",
                out,
            );
            return;
        }
        let revoked: Partitions = if self.config.is_cooperative() {
            self.owned
                .iter()
                .copied()
                .filter(|owned| !assignment.contains(owned))
                .collect()
        } else {
            Arc::from([])
        };
        if revoked.is_empty() {
            self.install_and_call(now, assignment, self.generation, out);
        } else {
            self.attempt = Attempt::Installing(assignment, self.generation);
            out.push(MemberEffect::Callback(CallbackKind::Revoked, revoked));
        }
    }

    fn install_and_call(
        &mut self,
        now: SimTime,
        assignment: Partitions,
        generation: i32,
        out: &mut Vec<MemberEffect>,
    ) {
        let added: Vec<TopicPartition> = assignment
            .iter()
            .copied()
            .filter(|assigned| !self.owned.contains(assigned))
            .collect();
        self.sticky_memory = Some((Arc::clone(&assignment), generation));
        self.next_auto_commit = now + self.config.auto_commit_interval;
        self.prepare = Prepare::Due;
        self.prepares_again = false;
        self.attempt = Attempt::Installing(Arc::clone(&assignment), generation);
        self.install(assignment, out);
        out.push(MemberEffect::Callback(CallbackKind::Assigned, added.into()));
    }

    /// `ConsumerCoordinator.close`: commit, callback, leave. It waits no longer than `deadline` for the coordinator and for the answer, and so does who has said
    /// `commitAsync` and waits for the coordinator still: if it is found, it can be told good-bye.
    pub fn close(
        &mut self,
        now: SimTime,
        deadline: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.rejoin = None;
        let offsets = positions.consumed();
        let commits = self.config.enable_auto_commit && !offsets.is_empty();
        if commits || self.waits_to_commit() {
            let offsets = commits.then_some(offsets);
            self.begin_commit(now, CommitPurpose::Close, offsets, deadline, out);
        } else {
            self.forget_commit();
            self.close_after_commit(out);
        }
    }

    pub(super) fn close_after_commit(&mut self, out: &mut Vec<MemberEffect>) {
        self.heartbeat_enabled = false;
        if self.owned.is_empty() {
            self.closed(out);
            return;
        }
        // onLeavePrepare: revoked while the membership stands, lost otherwise.
        let kind = if self.state == MemberState::Stable && self.generation >= 0 {
            CallbackKind::Revoked
        } else {
            CallbackKind::Lost
        };
        self.closing = Closing::Callback;
        out.push(MemberEffect::Callback(kind, Arc::clone(&self.owned)));
    }

    fn closed(&mut self, out: &mut Vec<MemberEffect>) {
        self.closing = Closing::Done;
        self.install(Arc::from([]), out);
        if self.config.on_close != GroupMembershipOperation::RemainInGroup {
            self.leave(LeaveCause::Closed, out);
        }
        self.reset_membership(true);
        out.push(MemberEffect::Closed);
    }
}
