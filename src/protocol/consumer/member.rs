//! The member's side of the consumer protocol: Kafka's `ConsumerMembershipManager`, `ConsumerHeartbeatRequestManager` and what
//! `CommitRequestManager` does for them.
//!
//! A pure machine. In Kafka it lives in the background thread of `AsyncKafkaConsumer`, which is always there: whoever drives it says when the
//! application polls ([`Member::on_poll`]), when the thread wakes ([`Member::on_wake`]), hands over answers, and carries out the effects. A
//! callback is run by the application when it next looks for events of the background thread; [`Member::on_callback_done`] says that it
//! has returned.

use std::collections::VecDeque;
use std::sync::Arc;

use super::commit::Commits;
use super::member_assignment::{LocalAssignment, Reconciliation};
use super::member_heartbeat::Sent;
use crate::assignor::{ConsumerId, MemberId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::backoff::{Backoff, Jitter};
use crate::protocol::config::{ConsumerConfig, SubscribedBy};
use crate::protocol::effect::{MemberEffect, Positions};
use crate::protocol::message::{JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH};
use crate::timeline::{CallbackKind, ClientState, Observation, Partitions};

/// Whose end the application's next finished callback is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Of the reconciliation under way, unless it was given up meanwhile.
    Reconciliation,
    /// `onPartitionsLost` after the member was fenced, fell stale or failed.
    Loss,
    /// In `close()`.
    Close,
}

/// One consumer's membership in a consumer group.
#[derive(Debug)]
pub struct Member {
    pub(super) consumer: ConsumerId,
    pub(super) config: Arc<ConsumerConfig>,
    /// What it wants, or what its pattern is going to match.
    topics: Arc<[TopicId]>,
    /// What it says that it subscribes to (`SubscriptionState.subscription`): nothing as long as it has its pattern and no metadata to look through.
    pub(super) subscription: Arc<[TopicId]>,
    /// It has had metadata of the cluster.
    pub(super) has_metadata: bool,

    pub(super) state: ClientState,
    pub(super) member_id: MemberId,
    pub(super) epoch: i32,
    /// What the client may fetch (`SubscriptionState.assignedPartitions`).
    pub(super) owned: Partitions,
    /// What was last reconciled; `None` out of the group.
    pub(super) current: Option<LocalAssignment>,
    /// What the coordinator last said; `None` when it has not.
    pub(super) target: Option<LocalAssignment>,
    pub(super) reconciliation: Option<Reconciliation>,
    /// Callbacks under way or asked for, oldest first.
    pub(super) callbacks: VecDeque<Awaited>,
    /// `subscribe()` was called and no `poll()` since.
    subscribed_anew: bool,
    /// Topics whose names it knows, when the coordinator found them for it.
    known_topics: Vec<TopicId>,
    /// The partitions are lost, and the application has not been told yet.
    pub(super) releasing: bool,
    /// It joins again once that is done.
    pub(super) rejoin_when_released: bool,

    pub(super) coordinator_known: bool,
    pub(super) lookup_in_flight: bool,
    pub(super) lookup_at: SimTime,
    /// When the last lookup found it.
    pub(super) found_at: Option<SimTime>,
    /// Failures in a row of each kind of request.
    pub(super) lookups: Backoff,
    pub(super) heartbeats: Backoff,
    pub(super) jitter: Jitter,

    /// What the coordinator said last; `None` before its first answer.
    pub(super) heartbeat_interval: Option<SimDuration>,
    pub(super) heartbeat_due: SimTime,
    pub(super) heartbeat_in_flight: bool,
    /// Answers still to come to a good-bye, and to what was in flight then: nobody waits for them.
    pub(super) unheeded: u32,
    /// When the last heartbeat was sent, and from when on one that joins is sent again.
    pub(super) heartbeat_sent: SimTime,
    pub(super) joins_from: SimTime,
    pub(super) sent: Sent,
    poll_deadline: SimTime,

    pub(super) next_auto_commit: SimTime,
    pub(super) commits: Commits,
    pub(super) closing: bool,
}

impl Member {
    /// A consumer that has subscribed to `topics` at `now` and not polled yet. It makes its own id (KIP-1082).
    #[must_use]
    pub fn new(
        now: SimTime,
        consumer: ConsumerId,
        config: Arc<ConsumerConfig>,
        topics: &[TopicId],
        member_id: MemberId,
    ) -> Self {
        Self {
            consumer,
            topics: topics.into(),
            subscription: match config.subscribed_by {
                SubscribedBy::Names => topics.into(),
                SubscribedBy::Pattern | SubscribedBy::SubscriptionPattern(_) => Arc::from([]),
            },
            has_metadata: false,
            state: ClientState::Unsubscribed,
            member_id,
            epoch: JOIN_EPOCH,
            owned: Arc::from([]),
            current: None,
            target: None,
            reconciliation: None,
            callbacks: VecDeque::new(),
            subscribed_anew: true,
            known_topics: Vec::new(),
            releasing: false,
            rejoin_when_released: false,
            coordinator_known: false,
            lookup_in_flight: false,
            lookup_at: SimTime::ZERO,
            found_at: None,
            lookups: Backoff::default(),
            heartbeats: Backoff::default(),
            jitter: Jitter::default(),
            heartbeat_interval: None,
            heartbeat_due: now,
            heartbeat_in_flight: false,
            unheeded: 0,
            heartbeat_sent: SimTime::ZERO,
            joins_from: SimTime::ZERO,
            sent: Sent::default(),
            poll_deadline: now + config.max_poll_interval,
            next_auto_commit: now + config.auto_commit_interval,
            commits: Commits::default(),
            closing: false,
            config,
        }
    }

    /// Waits before retries are longer or shorter by these factors from now on.
    pub fn wait_by(&mut self, jitter: Jitter) {
        self.jitter = jitter;
    }

    /// A member that has just acknowledged `owned` at `epoch` at `now` (steady start).
    pub fn install_stable(
        &mut self,
        now: SimTime,
        epoch: i32,
        owned: Partitions,
        heartbeat_interval: SimDuration,
    ) {
        let assignment = LocalAssignment {
            local_epoch: 0,
            partitions: Arc::clone(&owned),
        };
        self.state = ClientState::Stable;
        self.epoch = epoch;
        self.owned = owned;
        self.current = Some(assignment.clone());
        self.target = Some(assignment.clone());
        self.has_metadata = true;
        self.look_for_pattern();
        self.sent = Sent::everything(Arc::clone(&self.subscription), assignment);
        self.subscribed_anew = false;
        self.on_metadata();
        self.coordinator_known = true;
        self.heartbeat_interval = Some(heartbeat_interval);
        self.heartbeat_due = now + heartbeat_interval;
        self.poll_deadline = now + self.config.max_poll_interval;
        self.next_auto_commit = now + self.config.auto_commit_interval;
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> ClientState {
        self.state
    }

    /// The member id.
    #[must_use]
    pub fn member_id(&self) -> &MemberId {
        &self.member_id
    }

    /// The member epoch: 0 while it joins, negative once it has left.
    #[must_use]
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// The partitions that the client has, those marked for revocation included.
    #[must_use]
    pub fn owned(&self) -> &Partitions {
        &self.owned
    }

    /// True when it knows where its coordinator is.
    #[must_use]
    pub fn knows_coordinator(&self) -> bool {
        self.coordinator_known
    }

    /// True when it has joined and has nothing to reconcile, to acknowledge, or to say of what it subscribes to.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let has_looked = match self.config.subscribed_by {
            SubscribedBy::Pattern => self.subscription == self.topics,
            SubscribedBy::Names | SubscribedBy::SubscriptionPattern(_) => true,
        };
        self.state == ClientState::Stable && has_looked && !self.has_other_subscription()
    }

    /// What the coordinator said of how often to heartbeat; `None` before its first answer.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Option<SimDuration> {
        self.heartbeat_interval
    }

    /// Heartbeats were sent and answered that changed nothing: the next heartbeat is due at `due`.
    pub fn heartbeats_passed(&mut self, due: SimTime) {
        self.heartbeat_due = due;
    }

    /// Automatic commits took place; the next is due at `due`.
    pub fn commits_passed(&mut self, due: SimTime) {
        self.next_auto_commit = due;
    }

    /// When `max.poll.interval.ms` is exceeded: the first round of the thread from then on notices. Never while no round looks: out of the group, or without a
    /// coordinator.
    #[must_use]
    pub fn poll_deadline(&self) -> SimTime {
        if self.is_silent() || !self.coordinator_known {
            SimTime::NEVER
        } else {
            self.poll_deadline
        }
    }

    /// No call of [`Member::on_poll`] before this instant does anything but move the poll deadline.
    #[must_use]
    pub fn poll_due(&self) -> SimTime {
        if !self.is_settled() {
            return SimTime::ZERO;
        }
        if self.config.enable_auto_commit && !self.commits.is_automatic_in_flight() {
            self.next_auto_commit
        } else {
            SimTime::NEVER
        }
    }

    /// True while it has not heard how often it is to heartbeat: the timer stands at nothing.
    #[must_use]
    pub fn awaits_first_answer(&self) -> bool {
        self.heartbeat_interval.is_none() && self.state != ClientState::Fatal
    }

    /// How long the application may wait for records before it looks whether there is something to do, as of `since` (`maximumTimeToWait` of the heartbeat and of the
    /// commit manager); nothing when something is due.
    #[must_use]
    pub fn longest_wait(&self, since: SimTime) -> SimDuration {
        if matches!(self.state, ClientState::Unsubscribed | ClientState::Fatal) {
            return SimDuration::MAX;
        }
        let backs_off = self.config.async_client.renews_event_within_poll;
        let membership = if self.poll_deadline <= since {
            SimDuration::ZERO
        } else if backs_off && (!self.coordinator_known || self.is_silent()) {
            self.config.retry_backoff
        } else if self.heartbeats_now() && !self.heartbeat_in_flight {
            SimDuration::ZERO
        } else {
            let half = self.poll_deadline.since(since).as_micros() / 2;
            self.heartbeat_due
                .since(since)
                .min(SimDuration::from_micros(half))
        };
        if !self.config.enable_auto_commit {
            return membership;
        }
        let commit = if backs_off && !self.coordinator_known {
            self.config.retry_backoff
        } else {
            self.next_auto_commit.since(since)
        };
        membership.min(commit)
    }

    /// True when, from `since` on, [`Member::longest_wait`] does not depend on when `poll()` was called last, as long as there is no more
    /// than `gap` between two calls.
    #[must_use]
    pub fn waits_whatever_the_polls(&self, since: SimTime, gap: SimDuration) -> bool {
        let left = self.config.max_poll_interval.as_micros();
        let half = left.saturating_sub(gap.as_micros()) / 2;
        self.heartbeat_due.since(since).as_micros() <= half
    }

    /// `poll()` was entered (`ApplicationEventProcessor`, `AsyncPollEvent` or `PollEvent`): a reconciliation may begin, offsets may be committed, and who
    /// has subscribed or was stale joins.
    pub fn on_poll(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.maybe_reconcile(true, now, positions, out);
        self.maybe_auto_commit(now, positions);
        self.look_for_pattern();
        if std::mem::take(&mut self.subscribed_anew) && self.state == ClientState::Unsubscribed {
            self.transition_to_joining(out);
        }
        if self.poll_deadline <= now && self.state == ClientState::Stale {
            if self.releasing {
                self.rejoin_when_released = true;
            } else {
                self.transition_to_joining(out);
            }
        }
        self.poll_deadline = now + self.config.max_poll_interval;
        self.on_wake(now, positions, out);
    }

    /// The topics that it has subscribed to, by name or by pattern.
    #[must_use]
    pub fn topics(&self) -> &[TopicId] {
        &self.topics
    }

    /// Looks through the topics of the metadata for its pattern, once it has some (`ApplicationEventProcessor.maybeUpdatePatternSubscription`). Who has joined meanwhile,
    /// subscribed to nothing, says so with the heartbeat that is due next.
    fn look_for_pattern(&mut self) {
        if self.has_metadata && matches!(self.config.subscribed_by, SubscribedBy::Pattern) {
            self.subscription = Arc::clone(&self.topics);
        }
    }

    /// New cluster metadata: the names of the topics that it is to get are known.
    pub fn on_metadata(&mut self) {
        if let Some(target) = &self.target {
            self.known_topics = target.partitions.iter().map(|one| one.topic).collect();
            self.known_topics.dedup();
        }
    }

    /// What of `partitions` it can name (`findResolvableAssignmentAndTriggerMetadataUpdate`).
    pub(super) fn resolvable(&self, partitions: &Partitions) -> Partitions {
        if self.config.subscribed_by.for_coordinator().is_none() {
            return Arc::clone(partitions);
        }
        let known = |one: &&TopicPartition| {
            self.known_topics.contains(&one.topic)
                || self.owned.iter().any(|own| own.topic == one.topic)
        };
        partitions.iter().filter(known).copied().collect()
    }

    /// The application has run the oldest callback that it was asked for.
    pub fn on_callback_done(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        match self.callbacks.pop_front() {
            Some(Awaited::Reconciliation) => self.on_reconciliation_callback(now, out),
            Some(Awaited::Loss) => self.released(out),
            Some(Awaited::Close) => self.leave_on_close(out),
            None => {}
        }
        self.on_wake(now, positions, out);
    }

    /// `AsyncKafkaConsumer.close`: commit, callback, leave. It waits no longer than `deadline` for the coordinator and the answer to the commit.
    pub fn close(
        &mut self,
        now: SimTime,
        deadline: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.closing = true;
        self.callbacks.clear();
        self.reconciliation = None;
        if self.commit_on_close(deadline, positions) {
            self.on_wake(now, positions, out);
        } else {
            self.commits.close();
            self.run_commits(now, positions, out);
            self.close_after_commit(out);
        }
    }

    /// The commit of `close()` is through, or given up: whatever is still to be committed is sent now or never, and nobody looks for the coordinator any more
    /// (`CommitOnCloseEvent`, `StopFindCoordinatorOnCloseEvent`).
    pub(super) fn close_after_commit(&mut self, out: &mut Vec<MemberEffect>) {
        self.commits.close();
        if !self.closing || !self.callbacks.is_empty() {
            return;
        }
        if self.owned.is_empty() {
            return self.leave_on_close(out);
        }
        self.callbacks.push_back(Awaited::Close);
        // Not lost, whether it is a member still or not: the epoch that is asked is that of the group's metadata, which keep the last one that it had
        // (`runRebalanceCallbacksOnClose`, `updateGroupMetadata`).
        let revoked = MemberEffect::Callback(CallbackKind::Revoked, Arc::clone(&self.owned));
        out.push(revoked);
    }

    fn leave_on_close(&mut self, out: &mut Vec<MemberEffect>) {
        self.forget_assignment(out);
        if !self.config.stays_silently() {
            self.leave_group(out);
        }
        out.push(MemberEffect::Closed);
    }

    /// The epoch that says good-bye (`leaveGroupEpoch`): a static member may come back, unless it closes for good.
    pub(super) fn leave_epoch(&self) -> i32 {
        let for_good = self.closing && self.config.leaves_for_good();
        if self.config.group_instance_id.is_some() && !for_good {
            STATIC_LEAVE_EPOCH
        } else {
            LEAVE_EPOCH
        }
    }

    pub(super) fn transition(&mut self, to: ClientState, out: &mut Vec<MemberEffect>) {
        out.push(MemberEffect::Observe(Observation::ClientTransition {
            consumer: self.consumer,
            from: self.state,
            to,
            epoch: self.epoch,
        }));
        self.state = to;
    }

    pub(super) fn transition_to_joining(&mut self, out: &mut Vec<MemberEffect>) {
        if self.state == ClientState::Fatal {
            return;
        }
        if let Some(reconciliation) = &mut self.reconciliation {
            reconciliation.rejoined_meanwhile = true;
        }
        self.epoch = JOIN_EPOCH;
        self.transition(ClientState::Joining, out);
        self.target = None;
    }

    pub(super) fn lose_coordinator(&mut self, now: SimTime) {
        self.coordinator_known = false;
        self.lookup_in_flight = false;
        let allowed = self.found_at.take().map_or(SimTime::ZERO, |found| {
            // One lookup follows another that succeeded by a back-off, too (`RequestState.onSuccessfulAttempt`).
            if now < found + self.config.retry_backoff.times(2) {
                found + Backoff::default().fail(&self.config, &mut self.jitter)
            } else {
                now
            }
        });
        self.lookup_at = self.lookup_at.max(now).max(allowed);
    }
}
