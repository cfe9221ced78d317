//! The coordinator of one consumer group: its inputs, its outbox, its timers and its log (Kafka's `GroupMetadataManager` as far as
//! consumer groups go).
//!
//! A pure machine, like its classic sibling. What an input changes is in force at once and observed at once; the answer waits until the
//! records are committed. An input that changes nothing writes nothing, and its answer waits for the writes before it. The rules are in
//! the files beside this one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::classic_members::Downgrade;
use super::group::{Change, ConsumerGroup};
use crate::assignor::{MemberId, TopicDescription, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::BrokerConfig;
use crate::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{Request, RequestToken, Response};
use crate::timeline::{GroupState, Partitions, RebalanceReason};

/// The coordinator of one consumer group.
#[derive(Clone, Debug)]
pub struct Coordinator {
    pub(super) config: BrokerConfig,
    pub(super) group: ConsumerGroup,
    /// The group as the committed part of the log has it.
    pub(super) persisted: ConsumerGroup,
    pub(super) now: SimTime,
    /// The state observed last; `Dead` while the coordinator is away.
    pub(super) state: GroupState,
    pub(super) state_since: SimTime,
    /// Numbers of partitions in the last metadata image, by topic.
    pub(super) image: Vec<u32>,
    /// The image may differ from the metadata that the group's epoch is for (`metadataRefreshDeadline`).
    pub(super) refresh_due: bool,
    /// What the input under way has changed.
    changes: Vec<Change>,
    pub(super) appends: BTreeMap<AppendToken, PendingAppend>,
    pub(super) appends_issued: u64,
    /// Timers in force, other than sessions: every member has one of those.
    pub(super) timers: BTreeSet<CoordinatorTimer>,
    /// The epoch that a member must have left when its rebalance timer fires.
    pub(super) revoking_at: BTreeMap<MemberId, i32>,
    /// The group is to go back to the classic protocol.
    pub(super) downgrade: Option<Downgrade>,
}

/// A write that is not committed yet.
#[derive(Clone, Debug)]
pub(super) struct PendingAppend {
    changes: Vec<Change>,
    pub(super) then: Vec<Deferred>,
}

/// What waits for a write.
#[derive(Clone, Debug)]
pub(super) enum Deferred {
    /// An answer.
    Reply(RequestToken, Response),
    /// Committed offsets that become visible.
    StoreOffsets(RequestToken, Arc<[(TopicPartition, u64)]>),
    /// The answer to a JoinGroup; from then on its sender has a session, and is to send SyncGroup in time.
    ClassicJoined(RequestToken, Response, MemberId, SimDuration),
    /// The answer to a SyncGroup; its sender has a session again.
    ClassicSynced(RequestToken, Response, MemberId),
}

impl Coordinator {
    /// The coordinator of a group that nobody has joined yet.
    #[must_use]
    pub fn new(config: BrokerConfig) -> Self {
        // The first bump takes it to `first_epoch`. Since KAFKA-20268 that is 2: epoch 1 has an empty target, for members that come
        // before a target is computed.
        let group = ConsumerGroup::new(config.consumer.first_epoch - 1);
        Self {
            config,
            persisted: group.clone(),
            group,
            now: SimTime::ZERO,
            state: GroupState::Empty,
            state_since: SimTime::ZERO,
            image: Vec::new(),
            refresh_due: true,
            changes: Vec::new(),
            appends: BTreeMap::new(),
            appends_issued: 0,
            timers: BTreeSet::new(),
            revoking_at: BTreeMap::new(),
            downgrade: None,
        }
    }

    /// A request has arrived; its answer goes to `token`, at once or later. A [`crate::assignor::TopicId`] is a position in `topics`.
    pub fn on_request(
        &mut self,
        now: SimTime,
        token: RequestToken,
        request: Request,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        if self.image.is_empty() {
            self.see(topics);
        }
        match request {
            Request::ConsumerGroupHeartbeat(request) => {
                self.on_consumer_heartbeat(token, &request, topics, out);
            }
            Request::JoinGroup(request) => self.on_join_group(token, &request, topics, out),
            Request::SyncGroup(request) => self.on_sync_group(token, &request, out),
            Request::Heartbeat(request) => self.on_classic_heartbeat(token, &request, out),
            Request::LeaveGroup(request) => self.on_leave_group(token, &request, out),
            Request::OffsetCommit(request) => self.on_offset_commit(token, &request, out),
        }
    }

    /// A timer fired. Only for timers in force: neither replaced nor cancelled since.
    pub fn on_timer(
        &mut self,
        now: SimTime,
        timer: CoordinatorTimer,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        self.timers.remove(&timer);
        self.on_expired(timer, out);
    }

    /// A write is committed. One that a failover has made void is ignored.
    pub fn on_appended(
        &mut self,
        now: SimTime,
        token: AppendToken,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        let Some(append) = self.appends.remove(&token) else {
            return;
        };
        for change in &append.changes {
            self.persisted.apply(change);
        }
        for deferred in append.then {
            self.carry_out(deferred, out);
        }
    }

    /// The broker has a new metadata image (`onNewMetadataImage`). Whoever sends the next heartbeat makes the group look at it.
    pub fn on_topics_changed(&mut self, now: SimTime, topics: &[TopicDescription]) {
        self.now = now;
        self.see(topics);
        self.refresh_due = true;
    }

    fn see(&mut self, topics: &[TopicDescription]) {
        self.image = topics.iter().map(|topic| topic.partitions).collect();
    }

    // ---- what readers and checks ask ----

    /// The group's state; `Dead` while the coordinator is away.
    #[must_use]
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// When the group entered that state.
    #[must_use]
    pub fn state_since(&self) -> SimTime {
        self.state_since
    }

    /// The group's epoch.
    #[must_use]
    pub fn epoch(&self) -> i32 {
        self.group.epoch
    }

    /// The epoch of the target assignment.
    #[must_use]
    pub fn target_epoch(&self) -> i32 {
        self.group.target.epoch
    }

    /// True for a member.
    #[must_use]
    pub fn contains(&self, member_id: &MemberId) -> bool {
        self.group.member(member_id).is_some()
    }

    /// True when nobody is a member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// Member ids in their own order.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        self.group.members().map(|member| &member.id)
    }

    /// A member's epoch.
    #[must_use]
    pub fn member_epoch(&self, member_id: &MemberId) -> Option<i32> {
        Some(self.group.member(member_id)?.epoch)
    }

    /// What the member may use.
    #[must_use]
    pub fn assignment(&self, member_id: &MemberId) -> Option<Partitions> {
        Some(self.group.member(member_id)?.share())
    }

    /// What the member is to get; empty until a target names it.
    #[must_use]
    pub fn target(&self, member_id: &MemberId) -> &[TopicPartition] {
        self.group.target_of(member_id)
    }

    /// Members that have not reached the target.
    pub fn awaited(&self) -> impl Iterator<Item = &MemberId> {
        let target = self.group.target.epoch;
        self.group
            .members()
            .filter(move |member| !member.is_reconciled_to(target))
            .map(|member| &member.id)
    }

    /// What must hold between two inputs.
    ///
    /// # Errors
    /// The first thing that does not, in words.
    pub fn check(&self) -> Result<(), String> {
        self.group.check()?;
        if !self.changes.is_empty() {
            return Err(format!("{} changes are not written", self.changes.len()));
        }
        let away = self.state == GroupState::Dead;
        if !away && self.state != self.group.state() {
            let derived = self.group.state().word();
            return Err(format!("{} was observed, not {derived}", self.state.word()));
        }
        Ok(())
    }

    // ---- the outbox, for the rule books ----

    /// Changes the group; the input's write will say so.
    pub(super) fn record(&mut self, change: Change) {
        self.group.apply(&change);
        self.changes.push(change);
    }

    /// Observes the state that follows from the changes so far, if it is another one.
    pub(super) fn observe_state(
        &mut self,
        why: Option<(RebalanceReason, Option<MemberId>)>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let (from, to) = (self.state, self.group.state());
        if from == to {
            return;
        }
        self.state = to;
        self.state_since = self.now;
        let begins = to != GroupState::Empty
            && !matches!(from, GroupState::Assigning | GroupState::Reconciling);
        let (reason, by) = why
            .filter(|_| begins)
            .map_or((None, None), |(reason, by)| (Some(reason), by));
        let fact = CoordinatorFact::GroupState {
            from,
            to,
            generation: self.group.epoch,
            reason,
            by,
        };
        observe(fact, out);
    }

    /// Writes what the input has changed, if anything, and lets `then` wait for it, or for the writes before.
    pub(super) fn finish(&mut self, then: Vec<Deferred>, out: &mut Vec<CoordinatorEffect>) {
        if !self.changes.is_empty() {
            self.append(then, out);
        } else if let Some(mut last) = self.appends.last_entry() {
            last.get_mut().then.extend(then);
        } else {
            for deferred in then {
                self.carry_out(deferred, out);
            }
        }
    }

    /// Writes what the input has changed, or that something else is in the log now.
    pub(super) fn append(&mut self, then: Vec<Deferred>, out: &mut Vec<CoordinatorEffect>) {
        let changes = std::mem::take(&mut self.changes);
        self.appends_issued += 1;
        let token = AppendToken(self.appends_issued);
        self.appends.insert(token, PendingAppend { changes, then });
        out.push(CoordinatorEffect::Append(token));
    }

    /// Forgets what the input has changed without writing it.
    pub(super) fn drop_changes(&mut self) {
        self.changes.clear();
    }

    fn carry_out(&mut self, deferred: Deferred, out: &mut Vec<CoordinatorEffect>) {
        match deferred {
            Deferred::Reply(to, response) => reply(to, response, out),
            Deferred::StoreOffsets(to, offsets) => {
                out.push(CoordinatorEffect::StoreOffsets { to, offsets });
            }
            Deferred::ClassicJoined(to, response, member_id, rebalance_timeout) => {
                self.on_join_stored(&member_id, rebalance_timeout, out);
                reply(to, response, out);
            }
            Deferred::ClassicSynced(to, response, member_id) => {
                self.on_sync_stored(&member_id, out);
                reply(to, response, out);
            }
        }
    }

    /// Arms a timer other than a session.
    pub(super) fn arm(
        &mut self,
        timer: CoordinatorTimer,
        after: SimDuration,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.timers.insert(timer.clone());
        out.push(CoordinatorEffect::Arm { timer, after });
    }

    /// Disarms a timer other than a session, if it is armed.
    pub(super) fn cancel(&mut self, timer: CoordinatorTimer, out: &mut Vec<CoordinatorEffect>) {
        if self.timers.remove(&timer) {
            out.push(CoordinatorEffect::Cancel(timer));
        }
    }

    /// The member has this long to show another sign of life.
    pub(super) fn restart_session(
        &self,
        member_id: &MemberId,
        after: SimDuration,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let timer = CoordinatorTimer::Session(member_id.clone());
        out.push(CoordinatorEffect::Arm { timer, after });
    }

    /// All timers of somebody who is no member any more (`cancelTimers`).
    pub(super) fn cancel_timers(&mut self, member_id: &MemberId, out: &mut Vec<CoordinatorEffect>) {
        out.push(CoordinatorEffect::Cancel(CoordinatorTimer::Session(
            member_id.clone(),
        )));
        self.revoking_at.remove(member_id);
        self.cancel(CoordinatorTimer::RebalanceTimeout(member_id.clone()), out);
        self.cancel(CoordinatorTimer::ClassicJoin(member_id.clone()), out);
        self.cancel(CoordinatorTimer::ClassicSync(member_id.clone()), out);
    }
}

/// Answers a request.
pub(super) fn reply(to: RequestToken, response: Response, out: &mut Vec<CoordinatorEffect>) {
    out.push(CoordinatorEffect::Reply { to, response });
}

/// Tells the readers.
pub(super) fn observe(fact: CoordinatorFact, out: &mut Vec<CoordinatorEffect>) {
    out.push(CoordinatorEffect::Observe(fact));
}
