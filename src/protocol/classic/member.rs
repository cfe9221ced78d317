//! The member's side of the classic protocol: Kafka's `AbstractCoordinator` and `ConsumerCoordinator`.
//!
//! A pure machine. It owns the membership (member id, generation, rejoin pending or not), the join attempt under way and
//! the timers of the heartbeat thread. It does not own threads, the network or the records: whoever drives it says when
//! `poll()` runs ([`Member::on_poll`]), when the heartbeat thread looks about itself ([`Member::on_pass`]), and carries out the effects. The steps
//! of one join attempt are in [`super::rejoin`], the answers in [`super::answers`], the heartbeat thread in [`super::heartbeat`], commits in
//! [`super::commit`].

use std::sync::Arc;

use super::commit::Commits;
use super::rejoin::{Attempt, Prepare};
use crate::assignor::{AssignorKind, ConsumerId, MemberId, TopicId};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::backoff::{Backoff, Jitter};
use crate::protocol::config::{ConsumerConfig, GroupMembershipOperation};
use crate::protocol::effect::{MemberEffect, Positions};
use crate::protocol::message::{JoinCause, LeaveCause, LeaveGroupRequest, Request};
use crate::protocol::rules::Rule;
use crate::timeline::{Observation, Partitions};

/// `AbstractCoordinator.MemberState`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// Not part of a group.
    Unjoined,
    /// JoinGroup is on its way.
    PreparingRebalance,
    /// Joined; SyncGroup is on its way.
    CompletingRebalance,
    /// Has an assignment and heartbeats.
    Stable,
}

/// Where `close()` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    Callback,
    Done,
}

/// One consumer's membership in a classic group.
#[derive(Debug)]
pub struct Member {
    pub(super) consumer: ConsumerId,
    pub(super) config: Arc<ConsumerConfig>,
    pub(super) topics: Vec<TopicId>,

    pub(super) state: MemberState,
    pub(super) member_id: MemberId,
    pub(super) generation: i32,
    pub(super) assignor: Option<AssignorKind>,
    pub(super) owned: Partitions,
    /// What the `sticky` assignor remembers of its last assignment.
    pub(super) sticky_memory: Option<(Partitions, i32)>,

    /// `Some` while a rejoin is due: why.
    pub(super) rejoin: Option<JoinCause>,
    pub(super) prepare: Prepare,
    /// The membership was reset while `onJoinPrepare` was under way.
    pub(super) prepares_again: bool,
    pub(super) attempt: Attempt,
    /// A failed attempt is repeated no earlier than this.
    pub(super) retry_at: SimTime,
    /// Failed lookups within one `poll()`, and failed heartbeats in a row.
    pub(super) lookups: Backoff,
    pub(super) heartbeats: Backoff,
    pub(super) jitter: Jitter,

    pub(super) coordinator_known: bool,
    pub(super) lookup_in_flight: bool,

    pub(super) heartbeat_enabled: bool,
    pub(super) heartbeat_due: SimTime,
    /// Heartbeats on their way.
    pub(super) heartbeats_in_flight: u32,
    /// The heartbeat thread asks for the coordinator, when nobody knows it, no sooner than this.
    pub(super) search_due: SimTime,
    pub(super) session_deadline: SimTime,
    pub(super) poll_deadline: SimTime,

    pub(super) next_auto_commit: SimTime,
    pub(super) commits: Commits,

    /// Partition counts that it last assigned by, until it completes a join as a follower (`ConsumerCoordinator.assignmentSnapshot`).
    pub(super) leader_snapshot: Option<Vec<(TopicId, u32)>>,
    /// Topics with their partitions as the application knew them when it last looked (`ConsumerCoordinator.metadataSnapshot`).
    pub(super) metadata: Vec<(TopicId, u32)>,
    /// The topics of the whole group, while it leads it (`SubscriptionState.groupSubscription`).
    pub(super) group_topics: Vec<TopicId>,
    pub(super) fatal: Option<&'static str>,
    pub(super) closing: Closing,
}

impl Member {
    /// A consumer that has subscribed to `topics` at `now` and not polled yet.
    #[must_use]
    pub fn new(
        now: SimTime,
        consumer: ConsumerId,
        config: Arc<ConsumerConfig>,
        topics: Vec<TopicId>,
    ) -> Self {
        Self {
            consumer,
            topics,
            state: MemberState::Unjoined,
            member_id: MemberId::unknown(),
            generation: -1,
            assignor: None,
            owned: Arc::from([]),
            sticky_memory: None,
            rejoin: Some(JoinCause::New),
            prepare: Prepare::Due,
            prepares_again: false,
            attempt: Attempt::None,
            retry_at: SimTime::ZERO,
            lookups: Backoff::default(),
            heartbeats: Backoff::default(),
            jitter: Jitter::default(),
            coordinator_known: false,
            lookup_in_flight: false,
            heartbeat_enabled: false,
            heartbeat_due: SimTime::NEVER,
            heartbeats_in_flight: 0,
            search_due: SimTime::ZERO,
            session_deadline: SimTime::NEVER,
            poll_deadline: now + config.max_poll_interval,
            next_auto_commit: now + config.auto_commit_interval,
            commits: Commits::default(),
            leader_snapshot: None,
            metadata: Vec::new(),
            group_topics: Vec::new(),
            fatal: None,
            closing: Closing::No,
            config,
        }
    }

    /// Waits before retries are longer or shorter by these factors from now on.
    pub fn wait_by(&mut self, jitter: Jitter) {
        self.jitter = jitter;
    }

    /// The application calls `poll()`: the coordinator is looked for at once, whatever the last call was waiting for, and the waits begin anew
    /// (`ensureCoordinatorReady` counts the tries of one call).
    pub fn on_call(&mut self) {
        self.lookups.succeed();
        if !self.coordinator_known {
            self.retry_at = SimTime::ZERO;
        }
    }

    /// A member that has just synced `generation` with `owned` at `now` (steady start).
    pub fn install_stable(
        &mut self,
        now: SimTime,
        member_id: MemberId,
        generation: i32,
        assignor: AssignorKind,
        owned: Partitions,
        leader_snapshot: Option<Vec<(TopicId, u32)>>,
    ) {
        self.coordinator_known = true;
        self.state = MemberState::Stable;
        self.member_id = member_id;
        self.generation = generation;
        self.assignor = Some(assignor);
        self.sticky_memory = Some((Arc::clone(&owned), generation));
        self.owned = owned;
        self.rejoin = None;
        self.leader_snapshot = leader_snapshot;
        self.reset_timeouts(now);
        self.heartbeat_enabled = true;
        self.next_auto_commit = now + self.config.auto_commit_interval;
    }

    /// The state of the membership.
    #[must_use]
    pub fn state(&self) -> MemberState {
        self.state
    }

    /// The member id; unknown when there is none.
    #[must_use]
    pub fn member_id(&self) -> &MemberId {
        &self.member_id
    }

    /// The generation; -1 when there is none.
    #[must_use]
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// The partitions owned.
    #[must_use]
    pub fn owned(&self) -> &Partitions {
        &self.owned
    }

    /// True while a rejoin is due or a join attempt is under way.
    #[must_use]
    pub fn is_rejoining(&self) -> bool {
        self.rejoin.is_some() || self.attempt != Attempt::None
    }

    /// True when it leads its generation.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        !self.group_topics.is_empty()
    }

    /// True when it knows where its coordinator is.
    #[must_use]
    pub fn knows_coordinator(&self) -> bool {
        self.coordinator_known
    }

    /// The next instant at which [`Member::on_poll`] has something to do by itself, without an answer arriving.
    #[must_use]
    pub fn poll_due(&self) -> SimTime {
        if self.fatal.is_some() {
            return SimTime::ZERO;
        }
        if self.has_to_hear_of_commits() {
            return SimTime::ZERO;
        }
        if !self.coordinator_known {
            return if self.lookup_in_flight {
                SimTime::NEVER
            } else {
                self.retry_at
            };
        }
        if self.is_rejoining() {
            return match (&self.prepare, &self.attempt) {
                (_, Attempt::Complete(_)) => SimTime::ZERO,
                (
                    Prepare::Committing {
                        deadline,
                        in_flight: true,
                    },
                    Attempt::None,
                ) => *deadline,
                (Prepare::Running(_), _) | (_, Attempt::Joining | Attempt::Syncing) => {
                    SimTime::NEVER
                }
                (_, Attempt::Installing(..)) => SimTime::NEVER,
                (_, Attempt::None) => self.retry_at,
            };
        }
        if self.config.enable_auto_commit {
            self.next_auto_commit
        } else {
            SimTime::NEVER
        }
    }

    /// Automatic commits took place; the next is due at `due`.
    pub fn commits_passed(&mut self, due: SimTime) {
        self.next_auto_commit = due;
    }

    /// `ConsumerCoordinator.poll`: one turn of the loop inside `poll()`.
    pub fn on_poll(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        if let Some(error) = self.fatal {
            out.push(MemberEffect::Throw(error));
            return;
        }
        self.hear_of_commits(now);
        if !self.coordinator_known {
            self.find_coordinator(now, out);
            return;
        }
        self.join_if_needed(now, positions, out);
        if !self.is_rejoining() {
            self.maybe_auto_commit(now, positions, out);
        }
    }

    pub(super) fn find_coordinator(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        if !self.lookup_in_flight && now >= self.retry_at {
            self.lookup_in_flight = true;
            out.push(MemberEffect::FindCoordinator);
        }
    }

    /// `maybeLeaveGroup`: only dynamic members say good-bye.
    pub(super) fn leave(&mut self, cause: LeaveCause, out: &mut Vec<MemberEffect>) {
        let joined = self.state != MemberState::Unjoined && !self.member_id.is_unknown();
        let leaves_for_good = cause == LeaveCause::Closed
            && self.config.on_close == GroupMembershipOperation::LeaveGroup;
        let stays = self.config.group_instance_id.is_some()
            && !leaves_for_good
            && self.config.rules.hold(Rule::StaticMembersStay);
        if joined && self.coordinator_known && !stays {
            out.push(MemberEffect::Send(Request::LeaveGroup(LeaveGroupRequest {
                member_id: self.member_id.clone(),
                instance_id: self.config.group_instance_id.clone(),
                cause,
            })));
        }
    }

    /// `resetStateAndGeneration`: out of the group; what is owned will be lost at the next `poll()`, unless it is being given up just now.
    pub(super) fn reset_membership(&mut self, forget_member_id: bool) {
        self.state = MemberState::Unjoined;
        self.generation = -1;
        if forget_member_id {
            self.member_id = MemberId::unknown();
        }
        self.heartbeat_enabled = false;
        match self.prepare {
            Prepare::Due | Prepare::Done => self.prepare = Prepare::Due,
            // What is under way goes on to its end, JoinGroup included; who tries once more begins anew (`needsJoinPrepare`).
            Prepare::Committing { .. } | Prepare::Committed | Prepare::Running(_) => {
                self.prepares_again = true;
            }
        }
        match self.attempt {
            // `onJoinComplete` is not interrupted either.
            Attempt::Installing(..) => {}
            Attempt::None | Attempt::Joining | Attempt::Syncing | Attempt::Complete(_) => {
                self.attempt = Attempt::None;
            }
        }
        self.retry_at = SimTime::ZERO;
    }

    pub(super) fn lose_coordinator(&mut self, now: SimTime) {
        self.coordinator_known = false;
        self.lookup_in_flight = false;
        self.retry_at = self.retry_at.max(now);
    }

    pub(super) fn request_rejoin(
        &mut self,
        cause: JoinCause,
        reason: &'static str,
        out: &mut Vec<MemberEffect>,
    ) {
        self.rejoin = Some(cause);
        out.push(MemberEffect::Observe(Observation::RejoinRequested {
            consumer: self.consumer,
            reason,
        }));
    }

    /// The topics of which it wants metadata: its own, and those of its group while it leads it (`SubscriptionState.metadataTopics`).
    #[must_use]
    pub fn metadata_topics(&self) -> &[TopicId] {
        if self.group_topics.is_empty() {
            &self.topics
        } else {
            &self.group_topics
        }
    }

    /// It leads a group of these topics, its own among them, until it joins anew (`ConsumerCoordinator.updateGroupSubscription`).
    pub fn on_elected(&mut self, topics: Vec<TopicId>) {
        self.group_topics = topics;
    }

    /// New cluster metadata, the topics with their partitions: the leader rejoins when they are others than it assigned by, be it that partitions or a topic have come, be it that a
    /// topic is nobody's any more (`assignmentSnapshot.matches`).
    pub fn on_metadata(&mut self, known: Vec<(TopicId, u32)>, out: &mut Vec<MemberEffect>) {
        self.metadata = known;
        self.compare_metadata(out);
    }

    /// `rejoinNeededOrPending`: asks for a rejoin where metadata are others than those assigned by.
    pub(super) fn compare_metadata(&mut self, out: &mut Vec<MemberEffect>) {
        let snapshot = self.leader_snapshot.as_ref();
        let changed = snapshot.is_some_and(|snapshot| *snapshot != self.metadata);
        let watches = self.config.rules.hold(Rule::LeaderWatchesMetadata);
        if changed && watches && self.rejoin.is_none() {
            self.request_rejoin(JoinCause::Metadata, "cached metadata has changed", out);
        }
    }

    /// A leader that has assigned, or must not, watches for changes of what it knows of topics now.
    pub fn on_watching(&mut self) {
        self.leader_snapshot = Some(self.metadata.clone());
    }

    /// How long a join, a commit and the heartbeat thread wait before they try again: always the same (`joinGroupIfNeeded`, `HeartbeatThread.run`).
    pub(super) fn backoff(&self) -> SimDuration {
        self.config.retry_backoff.min(self.config.retry_backoff_max)
    }
}
