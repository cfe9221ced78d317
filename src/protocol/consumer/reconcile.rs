//! One member's next step towards its target (`CurrentAssignmentBuilder`, `GroupMetadataManager.maybeReconcile`).
//!
//! First it gives up what its target does not have, and keeps its epoch until it says that it has; then it gets what is free and goes to
//! the target's epoch. Kafka's fourth state, `UNKNOWN`, exists only after a broker was downgraded and is not modelled.

use std::sync::Arc;

use super::group::{GroupMember, Held};
use crate::assignor::{TopicId, TopicPartition};
use crate::protocol::config::ConsumerGroupConfig;
use crate::timeline::MemberEpochState;

/// What a step is made of.
pub(super) struct Step<'a> {
    pub(super) member: &'a GroupMember,
    pub(super) target_epoch: i32,
    pub(super) target: &'a [TopicPartition],
    /// The partitions that the member says it owns; `None`: as before.
    pub(super) owned: Option<&'a [TopicPartition]>,
    /// The heartbeat changed the subscription.
    pub(super) subscription_changed: bool,
    pub(super) config: &'a ConsumerGroupConfig,
}

impl Step<'_> {
    /// The member after the step; `None` when nothing changes. `is_free` tells whether nobody holds a partition.
    pub(super) fn take(&self, is_free: impl Fn(TopicPartition) -> bool) -> Option<GroupMember> {
        let member = self.member;
        let next = match member.state {
            MemberEpochState::Stable if member.epoch == self.target_epoch => {
                self.forget_unsubscribed()
            }
            MemberEpochState::Stable | MemberEpochState::UnreleasedPartitions => {
                Some(self.next(member.epoch, is_free))
            }
            MemberEpochState::UnrevokedPartitions if self.owns(&member.pending_revocation) => {
                self.forget_unsubscribed()
            }
            MemberEpochState::UnrevokedPartitions => {
                let epoch = if self.config.keeps_epoch_after_revocation {
                    member.epoch
                } else {
                    (member.epoch + 1).min(self.target_epoch)
                };
                Some(self.next(epoch, is_free))
            }
        };
        next.filter(|next| next != member)
    }

    /// `computeNextAssignment`
    fn next(&self, epoch: i32, is_free: impl Fn(TopicPartition) -> bool) -> GroupMember {
        let member = self.member;
        let target = |partition: TopicPartition| {
            self.target.binary_search(&partition).is_ok() && self.may_have(partition.topic)
        };
        let (keep, revoke): (Held, Held) = member
            .assigned
            .iter()
            .partition(|&(&partition, _)| target(partition));
        if !revoke.is_empty() && self.owns(&revoke) {
            return self.moved_to(epoch, MemberEpochState::UnrevokedPartitions, keep, revoke);
        }
        let mut assigned = keep;
        let mut unreleased = false;
        for &partition in self.target {
            if assigned.contains_key(&partition) || !self.may_have(partition.topic) {
                continue;
            }
            let own = member
                .pending_revocation
                .get(&partition)
                .filter(|_| self.config.own_revocations_are_free);
            match own {
                Some(&since) => {
                    assigned.insert(partition, since);
                }
                None if is_free(partition) => {
                    assigned.insert(partition, self.target_epoch);
                }
                None => unreleased = true,
            }
        }
        let state = if unreleased {
            MemberEpochState::UnreleasedPartitions
        } else {
            MemberEpochState::Stable
        };
        self.moved_to(self.target_epoch, state, assigned, Held::new())
    }

    /// `updateCurrentAssignment` (KAFKA-19431): partitions of topics that the member has just left are to be given up, whatever the target
    /// says.
    fn forget_unsubscribed(&self) -> Option<GroupMember> {
        let member = self.member;
        if !self.subscription_changed || !self.config.revokes_unsubscribed {
            return None;
        }
        let (keep, left): (Held, Held) = member
            .assigned
            .iter()
            .partition(|(partition, _)| self.may_have(partition.topic));
        if left.is_empty() {
            return None;
        }
        let mut revoke = Held::clone(&member.pending_revocation);
        revoke.extend(left);
        Some(if self.owns(&revoke) {
            self.moved_to(
                member.epoch,
                MemberEpochState::UnrevokedPartitions,
                keep,
                revoke,
            )
        } else {
            let pending = Held::clone(&member.pending_revocation);
            self.moved_to(member.epoch, member.state, keep, pending)
        })
    }

    fn moved_to(
        &self,
        epoch: i32,
        state: MemberEpochState,
        assigned: Held,
        pending_revocation: Held,
    ) -> GroupMember {
        GroupMember {
            epoch,
            previous_epoch: self.member.epoch,
            state,
            assigned: Arc::new(assigned),
            pending_revocation: Arc::new(pending_revocation),
            ..self.member.clone()
        }
    }

    /// `ownsRevokedPartitions`: who does not say what it owns owns what it did.
    fn owns(&self, partitions: &Held) -> bool {
        self.owned.is_none_or(|owned| {
            owned
                .iter()
                .any(|partition| partitions.contains_key(partition))
        })
    }

    /// A topic that the member does not subscribe to is nothing for it any more.
    fn may_have(&self, topic: TopicId) -> bool {
        !self.config.revokes_unsubscribed || self.member.topics.contains(&topic)
    }
}
