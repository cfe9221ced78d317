//! SyncGroup, the leader's assignment on its way through the log, and the deadline of the sync phase
//! (`classicGroupSyncToClassicGroup`, `expirePendingSync`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, arm, cancel, observe, reply};
use super::group::ClassicGroupState;
use super::join::Cause;
use crate::assignor::MemberId;
use crate::assignor::java::Place;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{ErrorCode, RequestToken, Response, SyncGroupRequest};
use crate::timeline::{Partitions, RebalanceReason, RemovalReason};

impl Coordinator {
    /// SyncGroup.
    pub(super) fn on_sync_group(
        &mut self,
        token: RequestToken,
        request: SyncGroupRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let place = match self.validate_sync(&request) {
            Ok(place) => place,
            Err(error) => return reply(token, Response::SyncGroup(Err(error)), out),
        };
        match self.group.state() {
            ClassicGroupState::PreparingRebalance => {
                let error = ErrorCode::RebalanceInProgress;
                reply(token, Response::SyncGroup(Err(error)), out);
            }
            ClassicGroupState::CompletingRebalance => {
                // An earlier SyncGroup of the same member is forgotten without an answer, as in Kafka.
                self.group.member_mut(place).awaiting_sync = Some(token);
                self.synced(&request.member_id, out);
                if self.group.is_leader(&request.member_id) {
                    self.receive_assignment(request, out);
                }
            }
            ClassicGroupState::Stable => {
                self.synced(&request.member_id, out);
                let assignment = Arc::clone(&self.group.member(place).assignment);
                reply(token, Response::SyncGroup(Ok(assignment)), out);
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                unreachable!("refused by validate_sync")
            }
        }
    }

    /// `validateSyncGroup`, and that an empty group knows nobody.
    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<Place, ErrorCode> {
        match self.group.state() {
            ClassicGroupState::Dead => return Err(ErrorCode::CoordinatorNotAvailable),
            ClassicGroupState::Empty => return Err(ErrorCode::UnknownMemberId),
            ClassicGroupState::PreparingRebalance
            | ClassicGroupState::CompletingRebalance
            | ClassicGroupState::Stable => {}
        }
        let instance_id = request.instance_id.as_deref();
        let place = self
            .group
            .validate_member(&request.member_id, instance_id)?;
        if request.generation != self.group.generation {
            Err(ErrorCode::IllegalGeneration)
        } else if self.group.protocol != Some(request.assignor) {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else {
            Ok(place)
        }
    }

    /// The leader's assignment: members that it left out get nothing; it takes effect once it is in the log.
    fn receive_assignment(&mut self, request: SyncGroupRequest, out: &mut Vec<CoordinatorEffect>) {
        let mut by_member: BTreeMap<MemberId, Partitions> =
            request.assignments.into_iter().collect();
        let shares: Vec<(MemberId, Partitions)> = self
            .group
            .members()
            .map(|member| {
                let share = by_member.remove(&member.id);
                (member.id.clone(), share.unwrap_or_else(|| Arc::from([])))
            })
            .collect();
        let fact = CoordinatorFact::AssignmentReceived {
            generation: request.generation,
            leader: request.member_id,
            assignment: shares.clone(),
        };
        observe(fact, out);
        let record = self.record_with(&shares);
        let generation = request.generation;
        let then = vec![Deferred::Assignment { generation, shares }];
        self.append(Some(record), then, out);
    }

    /// The assignment is in the log. A group that has moved on in the meantime takes no notice.
    pub(super) fn on_assignment_stored(
        &mut self,
        generation: i32,
        shares: Vec<(MemberId, Partitions)>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        if self.group.state() != ClassicGroupState::CompletingRebalance
            || self.group.generation != generation
        {
            return;
        }
        for (member_id, share) in shares {
            // The members are those of the generation: whoever comes or goes begins a rebalance.
            let place = self
                .group
                .find(&member_id)
                .expect("membership is fixed while a generation completes");
            let answer = Ok(Arc::clone(&share));
            self.group.member_mut(place).assignment = share;
            self.answer_sync(place, answer, out);
        }
        self.enter(ClassicGroupState::Stable, None, out);
    }

    /// Takes the assignments back and answers whoever waits for one (`resetAndPropagateAssignmentWithError`).
    pub(super) fn reset_assignments(&mut self, error: ErrorCode, out: &mut Vec<CoordinatorEffect>) {
        let nothing: Partitions = Arc::from([]);
        for place in self.group.order() {
            self.group.member_mut(place).assignment = Arc::clone(&nothing);
            self.answer_sync(place, Err(error), out);
        }
    }

    /// Answers a parked SyncGroup, if there is one; its member must show signs of life from now on.
    fn answer_sync(
        &mut self,
        place: Place,
        answer: Result<Partitions, ErrorCode>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        if let Some(token) = self.group.member_mut(place).awaiting_sync.take() {
            reply(token, Response::SyncGroup(answer), out);
            self.restart_session(place, out);
        }
    }

    /// The member has sent its SyncGroup; after the last one nobody is waited for.
    fn synced(&mut self, member_id: &MemberId, out: &mut Vec<CoordinatorEffect>) {
        self.group.pending_sync.remove(member_id);
        if self.group.pending_sync.is_empty() {
            self.cancel_sync(out);
        }
    }

    /// Every member is to send SyncGroup within the rebalance timeout.
    pub(super) fn arm_sync(&mut self, out: &mut Vec<CoordinatorEffect>) {
        self.sync_timer = Some(self.group.generation);
        let deadline = self.group.rebalance_timeout();
        arm(CoordinatorTimer::Sync, deadline, out);
    }

    /// Nobody is to send SyncGroup any more.
    pub(super) fn cancel_sync(&mut self, out: &mut Vec<CoordinatorEffect>) {
        self.group.pending_sync.clear();
        if self.sync_timer.take().is_some() {
            cancel(CoordinatorTimer::Sync, out);
        }
    }

    /// Who has not sent SyncGroup in time is out, static members too, and the group begins anew.
    pub(super) fn on_sync_timer(&mut self, out: &mut Vec<CoordinatorEffect>) {
        let generation = self.sync_timer.take().expect("only a timer in force fires");
        let settled = matches!(
            self.group.state(),
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable
        );
        assert!(
            settled && generation == self.group.generation,
            "a new rebalance disarms the sync timer"
        );
        let missing = std::mem::take(&mut self.group.pending_sync);
        for member_id in &missing {
            self.remove_member(member_id, RemovalReason::SyncTimeout, out);
        }
        let mut missing = missing.into_iter();
        let by = match (missing.next(), missing.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) | (None, _) => None,
        };
        let cause = Cause::removal(RebalanceReason::RebalanceTimeout, by);
        self.prepare_rebalance(cause, out);
    }
}
