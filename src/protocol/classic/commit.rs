//! Commits of a member of the classic protocol (`ConsumerCoordinator.commitOffsetsSync`, `commitOffsetsAsync`, `OffsetCommitResponseHandler`).
//!
//! It owns `commitSync` of the application and of `close()`: a loop in which the coordinator is looked for, the commit sent, and sent again after what may pass, until its
//! time is over. The application stands still meanwhile; whoever drives the member says when time has passed ([`Member::on_commit_due`]). The commit before a
//! rejoin is repeated by [`super::rejoin`], and automatic ones by the next `poll()`.

use std::sync::Arc;

use super::member::{Member, MemberState};
use super::rejoin::Prepare;
use crate::assignor::TopicPartition;
use crate::kernel::SimTime;
use crate::protocol::backoff::Backoff;
use crate::protocol::effect::{CommitPurpose, MemberEffect, Positions};
use crate::protocol::message::{ErrorCode, JoinCause, OffsetCommitRequest, elsewhere};
use crate::timeline::Observation;

/// Offset after the last record covered, by partition.
type Offsets = Arc<[(TopicPartition, u64)]>;

/// What is waited for besides the answers that come by themselves.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// `commitSync` under way.
    sync: Option<SyncCommit>,
    /// Answers still to come to `commitSync`s that have been given up.
    unheeded: u32,
    /// `commitAsync`s that wait for the coordinator (`pendingAsyncCommits`).
    pending: Vec<Offsets>,
    /// Automatic ones on their way.
    periodic: u32,
    /// One of them failed with what may pass, and the application has not been told yet.
    periodic_failed: bool,
}

/// One run of `commitOffsetsSync`.
#[derive(Debug)]
struct SyncCommit {
    purpose: CommitPurpose,
    /// `None`: only the coordinator is waited for.
    offsets: Option<Offsets>,
    deadline: SimTime,
    retries: Backoff,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It looks for the coordinator (`ensureCoordinatorReady`).
    Looking,
    /// An answer is awaited.
    InFlight,
    /// It failed with what may pass, and is tried again then.
    Sleeping(SimTime),
}

impl Member {
    /// `maybeAutoCommitOffsetsAsync`: the timer restarts whether or not there is something to commit.
    pub(super) fn maybe_auto_commit(
        &mut self,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        if !self.config.enable_auto_commit || now < self.next_auto_commit {
            return;
        }
        self.next_auto_commit = now + self.config.auto_commit_interval;
        if let Some(commit) = self.commit_of(positions) {
            self.commits.periodic += 1;
            out.push(MemberEffect::Commit(CommitPurpose::Periodic, commit));
        }
    }

    /// `invokeCompletedOffsetCommitCallbacks`: the application, in `poll()`, hears that an automatic commit failed, and will try again soon.
    pub(super) fn hear_of_commits(&mut self, now: SimTime) {
        if std::mem::take(&mut self.commits.periodic_failed) {
            self.next_auto_commit = now + self.backoff();
        }
    }

    /// True when it is still to hear of one.
    pub(super) fn has_to_hear_of_commits(&self) -> bool {
        self.commits.periodic_failed
    }

    /// The commit of all positions in the name of this membership; `None` when there is no position.
    pub(super) fn commit_of(&self, positions: &dyn Positions) -> Option<OffsetCommitRequest> {
        let offsets = positions.consumed();
        (!offsets.is_empty()).then(|| self.commit_request(offsets))
    }

    fn commit_request(&self, offsets: Offsets) -> OffsetCommitRequest {
        OffsetCommitRequest {
            member_id: self.member_id.clone(),
            instance_id: self.config.group_instance_id.clone(),
            generation: self.generation,
            offsets,
        }
    }

    /// Why a commit cannot even be sent now (`ConsumerCoordinator.sendOffsetCommitRequest`); `None`: it can.
    pub(super) fn commit_refused(&self) -> Option<&'static str> {
        match self.state {
            MemberState::Stable => None,
            MemberState::PreparingRebalance | MemberState::CompletingRebalance => {
                Some("RebalanceInProgressException")
            }
            MemberState::Unjoined => Some("CommitFailedException"),
        }
    }

    /// The application calls `commitSync` and waits in it until [`MemberEffect::CommitReturned`], `default.api.timeout.ms` at most.
    pub fn commit_sync(&mut self, now: SimTime, offsets: Offsets, out: &mut Vec<MemberEffect>) {
        let deadline = now + self.config.default_api_timeout;
        self.begin_commit(now, CommitPurpose::Sync, Some(offsets), deadline, out);
    }

    /// The application calls `commitAsync`. Without a coordinator the commit waits for the answer of one lookup, and fails with it.
    pub fn commit_async(&mut self, now: SimTime, offsets: Offsets, out: &mut Vec<MemberEffect>) {
        if self.coordinator_known {
            return self.send_async(offsets, out);
        }
        self.commits.pending.push(offsets);
        self.on_call();
        self.find_coordinator(now, out);
    }

    fn send_async(&mut self, offsets: Offsets, out: &mut Vec<MemberEffect>) {
        match self.commit_refused() {
            Some(error) => self.commit_failed(error, out),
            None => {
                let commit = self.commit_request(offsets);
                out.push(MemberEffect::Commit(CommitPurpose::Async, commit));
            }
        }
    }

    /// `commitOffsetsSync`; without offsets it only waits for the coordinator.
    pub(super) fn begin_commit(
        &mut self,
        now: SimTime,
        purpose: CommitPurpose,
        offsets: Option<Offsets>,
        deadline: SimTime,
        out: &mut Vec<MemberEffect>,
    ) {
        self.forget_commit();
        self.commits.sync = Some(SyncCommit {
            purpose,
            offsets,
            deadline,
            retries: Backoff::default(),
            stage: Stage::Looking,
        });
        self.on_call();
        self.look(now, out);
    }

    /// `commitSync` is left without its end (`WakeupException`).
    pub(super) fn forget_commit(&mut self) {
        if let Some(commit) = self.commits.sync.take() {
            self.commits.unheeded += u32::from(commit.stage == Stage::InFlight);
        }
    }

    /// True when a `commitAsync` waits for the coordinator.
    pub(super) fn waits_to_commit(&self) -> bool {
        !self.commits.pending.is_empty()
    }

    /// True while `commitSync` waits for something else than its answer: for the coordinator, or to be tried again.
    fn is_commit_held_up(&self) -> bool {
        let sync = self.commits.sync.as_ref();
        sync.is_some_and(|commit| commit.stage != Stage::InFlight)
    }

    /// When `commitSync` goes on by itself, or is given up; never when none is under way.
    #[must_use]
    pub fn commit_due(&self) -> SimTime {
        let Some(commit) = &self.commits.sync else {
            return SimTime::NEVER;
        };
        let next = match commit.stage {
            Stage::InFlight => SimTime::NEVER,
            Stage::Sleeping(until) => until,
            Stage::Looking if self.lookup_in_flight => SimTime::NEVER,
            Stage::Looking => self.retry_at,
        };
        next.min(commit.deadline)
    }

    /// Time has passed for `commitSync`.
    pub fn on_commit_due(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        let Some(commit) = &mut self.commits.sync else {
            return;
        };
        if commit.deadline <= now {
            let in_flight = commit.stage == Stage::InFlight;
            let closes = commit.purpose == CommitPurpose::Close;
            self.commits.unheeded += u32::from(in_flight);
            if in_flight && closes {
                // `request.timeout.ms`, 30 s as well: who does not answer for so long is no coordinator any more.
                self.lose_coordinator(now);
            }
            return self.end_commit(Some("TimeoutException"), out);
        }
        match commit.stage {
            Stage::InFlight => {}
            Stage::Sleeping(until) if now < until => {}
            Stage::Sleeping(_) => {
                commit.stage = Stage::Looking;
                self.on_call();
                self.look(now, out);
            }
            Stage::Looking => self.look(now, out),
        }
    }

    /// Sends what is to be committed if there is a coordinator, and looks for it if not.
    fn look(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        if !self.coordinator_known {
            return self.find_coordinator(now, out);
        }
        let refused = self.commit_refused();
        let Some(commit) = &mut self.commits.sync else {
            return;
        };
        let Some(offsets) = commit.offsets.clone() else {
            return self.end_commit(None, out);
        };
        if refused.is_some() {
            return self.end_commit(refused, out);
        }
        commit.stage = Stage::InFlight;
        let purpose = commit.purpose;
        let request = self.commit_request(offsets);
        out.push(MemberEffect::Commit(purpose, request));
    }

    /// `commitOffsetsSync` returns, or throws.
    fn end_commit(&mut self, error: Option<&'static str>, out: &mut Vec<MemberEffect>) {
        let Some(commit) = self.commits.sync.take() else {
            return;
        };
        if let (Some(error), Some(_)) = (error, &commit.offsets) {
            self.commit_failed(error, out);
        }
        if commit.purpose == CommitPurpose::Close {
            self.close_after_commit(out);
        } else {
            let failed = error.is_some();
            out.push(MemberEffect::CommitReturned { failed });
        }
    }

    /// The coordinator was found, or not.
    pub(super) fn commit_after_lookup(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        for offsets in std::mem::take(&mut self.commits.pending) {
            if self.coordinator_known {
                self.send_async(offsets, out);
            } else {
                self.commit_failed(ErrorCode::CoordinatorNotAvailable.name(), out);
            }
        }
        let looks = |commit: &SyncCommit| commit.stage == Stage::Looking;
        if self.coordinator_known && self.commits.sync.as_ref().is_some_and(looks) {
            self.look(now, out);
        }
    }

    /// The connection to the coordinator broke: no answer comes any more (`DisconnectException`, which may pass).
    pub(super) fn lose_commits(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        self.commits.unheeded = 0;
        for _ in std::mem::take(&mut self.commits.pending) {
            self.commit_failed(ErrorCode::CoordinatorNotAvailable.name(), out);
        }
        for _ in 0..std::mem::take(&mut self.commits.periodic) {
            self.commit_failed("DisconnectException", out);
            self.commits.periodic_failed = true;
        }
        self.try_again(now);
    }

    /// The commit on its way has failed with what may pass.
    fn try_again(&mut self, now: SimTime) {
        if let Some(commit) = &mut self.commits.sync
            && commit.stage == Stage::InFlight
        {
            let wait = commit.retries.fail(&self.config, &mut self.jitter);
            commit.stage = Stage::Sleeping(now + wait);
        }
    }

    pub(super) fn commit_failed(&self, error: &'static str, out: &mut Vec<MemberEffect>) {
        out.push(MemberEffect::Observe(Observation::CommitFailed {
            consumer: self.consumer,
            error,
        }));
    }

    /// A commit of this member ended. One that is tried again has not failed.
    pub fn on_commit(
        &mut self,
        now: SimTime,
        purpose: CommitPurpose,
        error: ErrorCode,
        out: &mut Vec<MemberEffect>,
    ) {
        let retriable = error.is_retriable();
        self.mind_error(now, error, out);
        let failed = (error != ErrorCode::None).then(|| error.name());
        match purpose {
            CommitPurpose::Periodic | CommitPurpose::Async => {
                if let Some(error) = failed {
                    self.commit_failed(error, out);
                }
                if purpose == CommitPurpose::Periodic {
                    self.commits.periodic = self.commits.periodic.saturating_sub(1);
                    self.commits.periodic_failed |= retriable;
                }
            }
            CommitPurpose::Rejoin => self.on_rejoin_commit(now, failed, retriable, out),
            CommitPurpose::Sync | CommitPurpose::Close if self.commits.unheeded > 0 => {
                self.commits.unheeded -= 1;
            }
            CommitPurpose::Sync | CommitPurpose::Close if retriable => self.try_again(now),
            CommitPurpose::Sync | CommitPurpose::Close => {
                if !self.is_commit_held_up() {
                    self.end_commit(failed, out);
                }
            }
        }
    }

    /// What an error says of the membership, whatever the commit was for.
    fn mind_error(&mut self, now: SimTime, error: ErrorCode, out: &mut Vec<MemberEffect>) {
        match error {
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration
                if self.state == MemberState::Stable =>
            {
                self.reset_membership(error == ErrorCode::UnknownMemberId);
                self.request_rejoin(JoinCause::Error, "commit refused", out);
            }
            ErrorCode::RebalanceInProgress
                if self.state == MemberState::Stable && self.rejoin.is_none() =>
            {
                self.request_rejoin(JoinCause::Rebalancing, "commit refused", out);
            }
            ErrorCode::FencedInstanceId => self.fail("FencedInstanceIdException"),
            elsewhere!() => self.lose_coordinator(now),
            // The first three say nothing new to a member in another state, the rest nothing of the membership.
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::RebalanceInProgress
            | ErrorCode::None
            | ErrorCode::UnknownServerError
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::InvalidRequest
            | ErrorCode::GroupIdNotFound
            | ErrorCode::MemberIdRequired
            | ErrorCode::GroupMaxSizeReached
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::UnreleasedInstanceId
            | ErrorCode::UnsupportedAssignor
            | ErrorCode::StaleMemberEpoch => {}
        }
    }

    /// The commit before a rejoin ended, or is to be sent again.
    fn on_rejoin_commit(
        &mut self,
        now: SimTime,
        failed: Option<&'static str>,
        retriable: bool,
        out: &mut Vec<MemberEffect>,
    ) {
        match self.prepare {
            Prepare::Committing { deadline, .. } if retriable && now < deadline => {
                self.prepare = Prepare::Committing {
                    deadline,
                    in_flight: false,
                };
                self.retry_at = now + self.backoff();
                return;
            }
            Prepare::Committing { .. } => self.prepare = Prepare::Committed,
            Prepare::Due | Prepare::Committed | Prepare::Running(_) | Prepare::Done => {}
        }
        if let Some(error) = failed {
            self.commit_failed(error, out);
        }
    }
}
