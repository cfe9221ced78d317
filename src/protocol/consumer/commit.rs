//! Commits of a member of the consumer protocol (`CommitRequestManager`).
//!
//! It owns the queue of commits that are to be sent or on their way. None is sent while the coordinator is unknown: they wait, in the order in which they were made, and go
//! when it is found; waiting for it is no failed attempt. `commitSync`, the commit in `close()` and the one before a reconciliation are sent again after what may pass,
//! until their time is over; automatic ones and `commitAsync` are not. Who is out of the group commits without an epoch, and the coordinator decides.

use std::collections::VecDeque;
use std::sync::Arc;

use super::member::Member;
use crate::assignor::TopicPartition;
use crate::kernel::SimTime;
use crate::protocol::backoff::Backoff;
use crate::protocol::config::CLIENT_TICK;
use crate::protocol::effect::{CommitPurpose, MemberEffect, Positions};
use crate::protocol::message::{ErrorCode, OffsetCommitRequest};
use crate::timeline::Observation;

/// Offset after the last record covered, by partition.
type Offsets = Arc<[(TopicPartition, u64)]>;

/// `OffsetCommitRequest.DEFAULT_GENERATION_ID`: of no member.
const NO_EPOCH: i32 = -1;

/// `CommitRequestManager.OffsetCommitRequestState`
#[derive(Debug)]
struct CommitState {
    purpose: CommitPurpose,
    offsets: Offsets,
    /// It is not sent again at or after this instant.
    deadline: SimTime,
    /// Attempts that failed, and when the next may be made.
    tries: Backoff,
    has_failed: bool,
    due: SimTime,
    sent: SimTime,
    in_flight: bool,
    /// The application waits for it, in `commitSync` or `close()`.
    awaited: bool,
}

impl CommitState {
    /// When it may be sent: in `close()` without regard to back-offs (`drainPendingOffsetCommitRequests`).
    fn due(&self, closed: bool) -> SimTime {
        match (closed, self.has_failed) {
            (true, true) => self.sent + CLIENT_TICK,
            (true, false) => SimTime::ZERO,
            (false, _) => self.due,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Commits {
    queue: VecDeque<CommitState>,
    /// `AutoCommitState.hasInflightCommit`: an automatic commit, or the one before a reconciliation, is in the queue.
    automatic_in_flight: bool,
    /// `signalClose`
    closed: bool,
}

impl Commits {
    pub(super) fn is_automatic_in_flight(&self) -> bool {
        self.automatic_in_flight
    }

    /// Something is to be sent as soon as there is a coordinator.
    pub(super) fn wait_for_coordinator(&self) -> bool {
        self.queue.iter().any(|commit| !commit.in_flight)
    }

    pub(super) fn are_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    fn put(&mut self, purpose: CommitPurpose, offsets: Offsets, deadline: SimTime) {
        self.queue.push_back(CommitState {
            purpose,
            offsets,
            deadline,
            tries: Backoff::default(),
            has_failed: false,
            due: SimTime::ZERO,
            sent: SimTime::ZERO,
            in_flight: false,
            awaited: matches!(purpose, CommitPurpose::Sync | CommitPurpose::Close),
        });
    }

    fn place(&self, is_it: impl FnMut(&CommitState) -> bool) -> Option<usize> {
        self.queue.iter().position(is_it)
    }
}

impl Member {
    /// `updateTimerAndMaybeCommit`: the timer restarts whether or not there is something to commit, but not while a commit is on its way or waits for the coordinator.
    pub(super) fn maybe_auto_commit(&mut self, now: SimTime, positions: &dyn Positions) {
        let is_due = self.config.enable_auto_commit && now >= self.next_auto_commit;
        if !is_due || self.commits.automatic_in_flight {
            return;
        }
        self.next_auto_commit = now + self.config.auto_commit_interval;
        self.put_automatic(CommitPurpose::Periodic, SimTime::NEVER, positions);
    }

    /// `maybeAutoCommitSyncBeforeRebalance`; false when there is nothing to commit.
    pub(super) fn commit_before_reconciliation(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
    ) -> bool {
        let deadline = now + self.config.max_poll_interval;
        self.config.enable_auto_commit
            && self.put_automatic(CommitPurpose::Rejoin, deadline, positions)
    }

    /// `requestAutoCommit`
    fn put_automatic(
        &mut self,
        purpose: CommitPurpose,
        deadline: SimTime,
        positions: &dyn Positions,
    ) -> bool {
        let offsets = positions.consumed();
        let any = !offsets.is_empty();
        if any {
            self.commits.put(purpose, offsets, deadline);
            self.commits.automatic_in_flight = true;
        }
        any
    }

    /// `autoCommitOnClose`; false when there is nothing to commit. Nobody waits any longer for what was to be committed before.
    pub(super) fn commit_on_close(&mut self, deadline: SimTime, positions: &dyn Positions) -> bool {
        for commit in &mut self.commits.queue {
            commit.awaited = false;
        }
        let offsets = positions.consumed();
        let commits = self.config.enable_auto_commit && !offsets.is_empty();
        if commits {
            self.commits.put(CommitPurpose::Close, offsets, deadline);
        }
        commits
    }

    /// The application calls `commitSync` and waits in it until [`MemberEffect::CommitReturned`], `default.api.timeout.ms` at most.
    pub fn commit_sync(
        &mut self,
        now: SimTime,
        offsets: Offsets,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        let deadline = now + self.config.default_api_timeout;
        self.commits.put(CommitPurpose::Sync, offsets, deadline);
        self.on_wake(now, positions, out);
    }

    /// The application calls `commitAsync`.
    pub fn commit_async(
        &mut self,
        now: SimTime,
        offsets: Offsets,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        self.commits
            .put(CommitPurpose::Async, offsets, SimTime::NEVER);
        self.on_wake(now, positions, out);
    }

    /// When a commit is sent or given up without an answer arriving; never when none is under way.
    pub(super) fn commit_due(&self) -> SimTime {
        let due = |commit: &CommitState| {
            let given_up = if commit.awaited {
                commit.deadline
            } else {
                SimTime::NEVER
            };
            if commit.in_flight || !self.coordinator_known {
                given_up
            } else if commit.has_failed {
                commit.due(self.commits.closed).min(commit.deadline)
            } else {
                commit.due(self.commits.closed)
            }
        };
        let next = self.commits.queue.iter().map(due).min();
        next.unwrap_or(SimTime::NEVER)
    }

    /// `CommitRequestManager.poll`, and what `CompletableEventReaper` does with those who wait too long.
    pub(super) fn run_commits(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        let late = |commit: &CommitState| commit.awaited && commit.deadline <= now;
        while let Some(place) = self.commits.place(late) {
            self.give_up_waiting(place, out);
        }
        if !self.coordinator_known {
            if self.commits.closed {
                // "Coordinator unknown and consumer is closing"
                while let Some(place) = self.commits.place(|commit| !commit.in_flight) {
                    self.end_commit(place, Some("CommitFailedException"), out);
                }
            }
            return;
        }
        let expired =
            |commit: &CommitState| commit.has_failed && !commit.in_flight && commit.deadline <= now;
        while let Some(place) = self.commits.place(expired) {
            self.end_commit(place, Some("TimeoutException"), out);
        }
        let closed = self.commits.closed;
        let sendable = |commit: &CommitState| !commit.in_flight && commit.due(closed) <= now;
        while let Some(place) = self.commits.place(sendable) {
            self.send_commit(place, now, positions, out);
        }
    }

    fn send_commit(
        &mut self,
        place: usize,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        let epoch = if self.epoch > 0 { self.epoch } else { NO_EPOCH };
        let commit = &mut self.commits.queue[place];
        if commit.has_failed && commit.purpose == CommitPurpose::Rejoin {
            // "Make sure the auto-commit is retried with the latest offsets"
            commit.offsets = positions.consumed();
            if commit.offsets.is_empty() {
                return self.end_commit(place, None, out);
            }
        }
        commit.in_flight = true;
        commit.sent = now;
        let request = OffsetCommitRequest {
            member_id: self.member_id.clone(),
            instance_id: self.config.group_instance_id.clone(),
            generation: epoch,
            offsets: Arc::clone(&commit.offsets),
        };
        out.push(MemberEffect::Commit(commit.purpose, request));
    }

    /// The application waits no longer. What was not sent yet will be, when the coordinator is found.
    fn give_up_waiting(&mut self, place: usize, out: &mut Vec<MemberEffect>) {
        let commit = &mut self.commits.queue[place];
        commit.awaited = false;
        let purpose = commit.purpose;
        self.commit_returned(purpose, Some("TimeoutException"), out);
    }

    /// A commit of this member ended. One that is tried again has not failed.
    pub fn on_commit(
        &mut self,
        now: SimTime,
        purpose: CommitPurpose,
        error: ErrorCode,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        if error.means_elsewhere() {
            self.lose_coordinator(now);
        }
        // The connection keeps its order.
        let is_it = |commit: &CommitState| commit.in_flight && commit.purpose == purpose;
        if let Some(place) = self.commits.place(is_it) {
            self.on_attempt(place, now, error, out);
        }
        self.on_wake(now, positions, out);
    }

    /// The connection to the coordinator broke: no answer comes any more (`DisconnectException`, which may pass).
    pub(super) fn lose_commits(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        while let Some(place) = self.commits.place(|commit| commit.in_flight) {
            self.on_attempt(place, now, ErrorCode::CoordinatorNotAvailable, out);
        }
    }

    /// `OffsetCommitRequestState.onResponse`, and what those who made the commit make of it.
    fn on_attempt(
        &mut self,
        place: usize,
        now: SimTime,
        error: ErrorCode,
        out: &mut Vec<MemberEffect>,
    ) {
        let purpose = self.commits.queue[place].purpose;
        // `isStaleEpochErrorAndValidEpochAvailable`
        let is_stale = error == ErrorCode::StaleMemberEpoch && self.epoch > 0;
        let repeats = match purpose {
            CommitPurpose::Rejoin => error.is_retriable() || is_stale,
            CommitPurpose::Close | CommitPurpose::Sync => error.is_retriable(),
            CommitPurpose::Periodic | CommitPurpose::Async => false,
        };
        if !repeats {
            let failed = (error != ErrorCode::None).then(|| error.name());
            return self.end_commit(place, failed, out);
        }
        if self.commits.queue[place].deadline <= now {
            return self.end_commit(place, Some("TimeoutException"), out);
        }
        let Some(mut commit) = self.commits.queue.remove(place) else {
            return;
        };
        commit.in_flight = false;
        commit.has_failed = true;
        commit.due = now + commit.tries.fail(&self.config, &mut self.jitter);
        self.commits.queue.push_back(commit);
    }

    /// The commit is through, or has failed for good.
    fn end_commit(
        &mut self,
        place: usize,
        error: Option<&'static str>,
        out: &mut Vec<MemberEffect>,
    ) {
        let Some(commit) = self.commits.queue.remove(place) else {
            return;
        };
        match commit.purpose {
            // Who waited for it was told already.
            CommitPurpose::Sync | CommitPurpose::Close if !commit.awaited => return,
            CommitPurpose::Sync | CommitPurpose::Close | CommitPurpose::Async => {}
            CommitPurpose::Periodic | CommitPurpose::Rejoin => {
                self.commits.automatic_in_flight = false;
            }
        }
        self.commit_returned(commit.purpose, error, out);
    }

    /// Tells whoever made the commit how it ended.
    fn commit_returned(
        &mut self,
        purpose: CommitPurpose,
        error: Option<&'static str>,
        out: &mut Vec<MemberEffect>,
    ) {
        if let Some(error) = error {
            out.push(MemberEffect::Observe(Observation::CommitFailed {
                consumer: self.consumer,
                error,
            }));
        }
        match purpose {
            CommitPurpose::Periodic | CommitPurpose::Async => {}
            CommitPurpose::Rejoin => self.reconcile_after_commit(out),
            CommitPurpose::Close => self.close_after_commit(out),
            CommitPurpose::Sync => {
                let failed = error.is_some();
                out.push(MemberEffect::CommitReturned { failed });
            }
        }
    }
}
