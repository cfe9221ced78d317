//! What becomes of an assignment on the client: reconciled step by step (`maybeReconcile`, `revokeAndAssign`), or lost.

use std::sync::Arc;

use super::member::{Awaited, Member};
use crate::assignor::TopicPartition;
use crate::kernel::SimTime;
use crate::protocol::effect::{MemberEffect, Positions};
use crate::protocol::message::JOIN_EPOCH;
use crate::timeline::{CallbackKind, ClientState, Partitions};

/// `AbstractMembershipManager.LocalAssignment`: partitions, and how often they were changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalAssignment {
    pub(super) local_epoch: u64,
    pub(super) partitions: Partitions,
}

/// One reconciliation under way. A newer target that comes meanwhile has its turn after it.
#[derive(Clone, Debug)]
pub(super) struct Reconciliation {
    goal: LocalAssignment,
    revoked: Partitions,
    added: Partitions,
    stage: Stage,
    /// The member has joined anew since: what is under way is void.
    pub(super) rejoined_meanwhile: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Offsets are being committed ([`super::commit`]).
    Committing,
    Revoking,
    Assigning,
}

impl Member {
    /// The coordinator says what the member may use (`processAssignmentReceived`).
    pub(super) fn on_assignment(&mut self, partitions: &Partitions, out: &mut Vec<MemberEffect>) {
        let known = self
            .target
            .as_ref()
            .is_some_and(|target| target.partitions == *partitions);
        if !known {
            let before = self.target.as_ref().or(self.current.as_ref());
            self.target = Some(LocalAssignment {
                local_epoch: before.map_or(0, |before| before.local_epoch + 1),
                partitions: Arc::clone(partitions),
            });
        }
        if self.target != self.current {
            self.transition(ClientState::Reconciling, out);
        } else if matches!(self.state, ClientState::Reconciling | ClientState::Joining) {
            self.transition(ClientState::Stable, out);
        }
    }

    /// Begins to reconcile what is not yet (`maybeReconcile`). Only an event of the application says that offsets can be committed; without one nothing is committed,
    /// and since 4.3 nothing is given up either.
    pub(super) fn maybe_reconcile(
        &mut self,
        can_commit: bool,
        now: SimTime,
        positions: &dyn Positions,
        out: &mut Vec<MemberEffect>,
    ) {
        let busy = self.reconciliation.is_some() || self.closing;
        if self.state != ClientState::Reconciling || busy {
            return;
        }
        let Some(target) = self
            .target
            .clone()
            .filter(|target| self.current.as_ref() != Some(target))
        else {
            return;
        };
        let goal = LocalAssignment {
            partitions: self.resolvable(&target.partitions),
            ..target
        };
        if goal.partitions.len() < target.partitions.len() {
            out.push(MemberEffect::RequestMetadata);
        }
        if let Some(current) = &self.current
            && current.partitions == goal.partitions
        {
            if current.local_epoch == goal.local_epoch {
                return; // What can be named of it is acknowledged. (Before 4.4 that is done in every round.)
            }
            self.current = Some(goal);
            self.transition(ClientState::Acknowledging, out);
            return;
        }
        let difference = |from: &Partitions, without: &Partitions| -> Partitions {
            let kept = |partition: &&TopicPartition| !without.contains(partition);
            from.iter().filter(kept).copied().collect()
        };
        let revoked = difference(&self.owned, &goal.partitions);
        let added = difference(&goal.partitions, &self.owned);
        let waits = !self.config.async_client.reconciles_in_background && !revoked.is_empty();
        if !can_commit && (self.config.enable_auto_commit || waits) {
            return;
        }
        if !revoked.is_empty() {
            // Before the commit, so that nothing is returned that it does not cover (KAFKA-16460).
            out.push(MemberEffect::Suspend(Arc::clone(&revoked)));
        }
        self.reconciliation = Some(Reconciliation {
            goal,
            revoked,
            added,
            stage: Stage::Committing,
            rejoined_meanwhile: false,
        });
        if self.commit_before_reconciliation(now, positions) {
            self.run_commits(now, positions, out);
        } else {
            self.revoke(out);
        }
    }

    /// The commit before the reconciliation is through, or given up: that goes on.
    pub(super) fn reconcile_after_commit(&mut self, out: &mut Vec<MemberEffect>) {
        let stage = self
            .reconciliation
            .as_ref()
            .map(|under_way| under_way.stage);
        if stage == Some(Stage::Committing) {
            self.revoke(out);
        }
    }

    /// True when the reconciliation under way is void (`maybeAbortReconciliation`); it is given up.
    fn abort_if_void(&mut self) -> bool {
        let void = self.state != ClientState::Reconciling
            || self
                .reconciliation
                .as_ref()
                .is_none_or(|reconciliation| reconciliation.rejoined_meanwhile);
        if void {
            self.reconciliation = None;
        }
        void
    }

    fn revoke(&mut self, out: &mut Vec<MemberEffect>) {
        if self.abort_if_void() {
            return;
        }
        let Some(reconciliation) = &mut self.reconciliation else {
            return;
        };
        if reconciliation.revoked.is_empty() {
            return self.assign(out);
        }
        reconciliation.stage = Stage::Revoking;
        let revoked = Arc::clone(&reconciliation.revoked);
        self.callbacks.push_back(Awaited::Reconciliation);
        out.push(MemberEffect::Callback(CallbackKind::Revoked, revoked));
    }

    fn assign(&mut self, out: &mut Vec<MemberEffect>) {
        let Some(reconciliation) = &mut self.reconciliation else {
            return;
        };
        reconciliation.stage = Stage::Assigning;
        let added = Arc::clone(&reconciliation.added);
        self.owned = Arc::clone(&reconciliation.goal.partitions);
        out.push(MemberEffect::Install(Arc::clone(&self.owned)));
        self.callbacks.push_back(Awaited::Reconciliation);
        out.push(MemberEffect::Callback(CallbackKind::Assigned, added));
    }

    /// A callback of the reconciliation returned.
    pub(super) fn on_reconciliation_callback(&mut self, now: SimTime, out: &mut Vec<MemberEffect>) {
        if self.abort_if_void() {
            return;
        }
        let Some(reconciliation) = &self.reconciliation else {
            return;
        };
        match reconciliation.stage {
            Stage::Committing => {}
            Stage::Revoking => self.assign(out),
            Stage::Assigning => {
                self.current = Some(reconciliation.goal.clone());
                self.reconciliation = None;
                self.next_auto_commit = now + self.config.auto_commit_interval;
                self.transition(ClientState::Acknowledging, out);
            }
        }
    }

    /// The coordinator knows the member no more, or under another epoch (`transitionToFenced`). Who has left or failed heeds no answer, so that it is not told here.
    pub(super) fn fence(&mut self, out: &mut Vec<MemberEffect>) {
        self.transition(ClientState::Fenced, out);
        self.epoch = JOIN_EPOCH;
        self.rejoin_when_released = true;
        self.lose_partitions(out);
    }

    /// The partitions are lost: the application is told, if there are any. In `close()` it takes up nothing of the background thread: its own callback
    /// there tells it (`runRebalanceCallbacksOnClose`), and nobody joins again.
    pub(super) fn lose_partitions(&mut self, out: &mut Vec<MemberEffect>) {
        if self.closing {
            out.push(MemberEffect::Suspend(Arc::clone(&self.owned)));
            return;
        }
        if self.owned.is_empty() {
            return self.released(out);
        }
        self.releasing = true;
        out.push(MemberEffect::Suspend(Arc::clone(&self.owned)));
        self.callbacks.push_back(Awaited::Loss);
        let lost = Arc::clone(&self.owned);
        out.push(MemberEffect::Callback(CallbackKind::Lost, lost));
    }

    /// The application knows of the loss; who was fenced, or polls again, joins.
    pub(super) fn released(&mut self, out: &mut Vec<MemberEffect>) {
        self.releasing = false;
        self.forget_assignment(out);
        let rejoins = std::mem::take(&mut self.rejoin_when_released);
        if rejoins && matches!(self.state, ClientState::Fenced | ClientState::Stale) {
            self.transition_to_joining(out);
        }
    }

    /// `clearAssignment`
    pub(super) fn forget_assignment(&mut self, out: &mut Vec<MemberEffect>) {
        if !self.owned.is_empty() {
            self.owned = Arc::from([]);
            out.push(MemberEffect::Install(Arc::clone(&self.owned)));
        }
        self.current = None;
        self.target = None;
    }
}
