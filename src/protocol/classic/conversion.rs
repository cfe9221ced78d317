//! A classic group that makes way for a group of the other kind, and one that comes of such a group: this protocol's half of it
//! (`convertToConsumerGroup`, `convertToClassicGroup`).
//!
//! A conversion counts as written at once: a coordinator that goes away in the millisecond that its append takes comes back with the new group.

use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, cancel, observe, reply};
use super::failover::load;
use super::group::ClassicGroupState;
use super::join::{Cause, refuse_join};
use crate::assignor::MemberId;
use crate::kernel::SimTime;
use crate::protocol::config::BrokerConfig;
use crate::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{ErrorCode, RequestToken, Response};
use crate::protocol::record::GroupRecord;
use crate::timeline::{GroupState, RebalanceReason};

/// What remains of a classic group.
#[derive(Clone, Debug)]
pub struct Dissolved {
    /// The group, every member with all its assignors.
    pub record: GroupRecord,
    /// Writes that it has issued.
    pub appends_issued: u64,
    /// What was to leave with those that are not committed yet.
    pub left_over: Vec<(AppendToken, Vec<CoordinatorEffect>)>,
}

/// What a classic group takes over besides its members.
#[derive(Clone, Debug)]
pub struct Downgrade {
    /// The state observed last.
    pub state: GroupState,
    /// Writes issued so far.
    pub appends_issued: u64,
    /// Why it begins a rebalance and whose doing it is; `None`: it need not.
    pub reason: Option<(RebalanceReason, MemberId)>,
    /// The answer that waits until the group is written.
    pub answer: Option<(RequestToken, Response)>,
}

impl Coordinator {
    /// Writes are numbered on from there: others have been issued for the group before.
    pub fn go_on_from(&mut self, appends_issued: u64) {
        self.appends_issued = appends_issued;
    }

    /// The group is taken away from this machine: who waits in JoinGroup or SyncGroup is told `error`, all timers die.
    pub fn dissolve(
        &mut self,
        now: SimTime,
        error: ErrorCode,
        out: &mut Vec<CoordinatorEffect>,
    ) -> Dissolved {
        self.now = now;
        let mut record = self.record();
        for (member, known) in record.members.iter_mut().zip(self.group.members()) {
            member.assignors = Arc::clone(&known.assignors);
        }
        let left_over = std::mem::take(&mut self.appends)
            .into_iter()
            .map(|(token, append)| {
                (
                    token,
                    append.then.into_iter().filter_map(left_over).collect(),
                )
            })
            .collect();
        self.turn_away(error, out);
        Dissolved {
            record,
            appends_issued: self.appends_issued,
            left_over,
        }
    }

    /// The coordinator of a group that was a consumer group and is `Stable` with every member at its target.
    #[must_use]
    pub fn downgrade(
        config: BrokerConfig,
        now: SimTime,
        record: &GroupRecord,
        taken_over: Downgrade,
        out: &mut Vec<CoordinatorEffect>,
    ) -> Self {
        let mut machine = Self::new(config);
        machine.now = now;
        machine.go_on_from(taken_over.appends_issued);
        machine.group = load(record);
        machine.group.protocol = machine.group.select_protocol();
        let stable = ClassicGroupState::Stable.observed();
        if taken_over.state != stable {
            let fact = CoordinatorFact::GroupState {
                from: taken_over.state,
                to: stable,
                generation: record.generation,
                reason: None,
                by: None,
            };
            observe(fact, out);
        }
        machine.state_since = now;
        machine.persisted = machine.record();
        machine.restart_sessions(out);
        let then = taken_over
            .answer
            .map(|(to, response)| Deferred::Reply(to, response));
        machine.append(None, then.into_iter().collect(), out);
        if let Some((reason, by)) = taken_over.reason {
            machine.prepare_rebalance(Cause::removal(reason, Some(by)), out);
        }
        machine
    }

    /// Tells everybody who waits in JoinGroup or SyncGroup `error` (`completeAllJoinFutures`, `completeAllSyncFutures`).
    pub fn interrupt(&mut self, error: ErrorCode, out: &mut Vec<CoordinatorEffect>) {
        for place in self.group.order() {
            let member_id = self.group.member(place).id.clone();
            if let Some(token) = self.group.take_join(place) {
                refuse_join(token, error, member_id, out);
            }
            if let Some(token) = self.group.member_mut(place).awaiting_sync.take() {
                reply(token, Response::SyncGroup(Err(error)), out);
            }
        }
    }

    /// Tells everybody who waits in JoinGroup or SyncGroup `error`; all timers die.
    pub(super) fn turn_away(&mut self, error: ErrorCode, out: &mut Vec<CoordinatorEffect>) {
        for place in self.group.order() {
            let member_id = self.group.member(place).id.clone();
            cancel(CoordinatorTimer::Session(member_id), out);
        }
        self.interrupt(error, out);
        for member_id in std::mem::take(&mut self.group.pending_join) {
            cancel(CoordinatorTimer::Session(member_id), out);
        }
        if self.join_timer.take().is_some() {
            cancel(CoordinatorTimer::Join, out);
        }
        self.cancel_sync(out);
    }
}

/// What waits for a write of a group that is gone: answers and commits, no matter of membership.
fn left_over(deferred: Deferred) -> Option<CoordinatorEffect> {
    match deferred {
        Deferred::Reply(to, response) => Some(CoordinatorEffect::Reply { to, response }),
        Deferred::StoreOffsets(to, offsets) => {
            Some(CoordinatorEffect::StoreOffsets { to, offsets })
        }
        Deferred::Assignment { .. } | Deferred::Replacement(_) => None,
    }
}
