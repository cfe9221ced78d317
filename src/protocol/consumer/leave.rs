//! Who goes: good-byes, sessions and deadlines that pass (`consumerGroupLeave`, `consumerGroupFenceMember`).
//!
//! Whoever goes for good takes its target along, its partitions are free, and the group's epoch goes up. No target is computed: that is left to
//! the next heartbeat. A static member that says it may come back (-2) keeps what it has, and its session goes on as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::classic_members::Downgrade;
use super::coordinator::{Coordinator, observe};
use super::group::{Change, GroupMember, Held, Target};
use crate::assignor::MemberId;
use crate::kernel::SimDuration;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ErrorCode, LeaveCause,
    STATIC_LEAVE_EPOCH,
};
use crate::timeline::{RebalanceReason, RemovalReason};

impl Coordinator {
    /// A heartbeat with epoch -1 or -2.
    pub(super) fn on_leave(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) -> Result<ConsumerGroupHeartbeatResponse, ErrorCode> {
        let member = match &request.instance_id {
            None => self
                .group
                .member(&request.member_id)
                .ok_or(ErrorCode::UnknownMemberId)?,
            Some(instance_id) => self.holder_of(instance_id, &request.member_id)?,
        };
        let member = Arc::clone(member);
        if request.member_epoch == STATIC_LEAVE_EPOCH {
            self.leave_for_now(&member, out);
        } else {
            let (why, reason) = named(request.leave_cause);
            self.fence(&member.id, why, reason, out);
        }
        Ok(ConsumerGroupHeartbeatResponse {
            error: ErrorCode::None,
            member_epoch: request.member_epoch,
            heartbeat_interval: SimDuration::ZERO,
            assignment: None,
        })
    }

    /// `consumerGroupStaticMemberGroupLeave`
    fn leave_for_now(&mut self, member: &GroupMember, out: &mut Vec<CoordinatorEffect>) {
        // Under the next id they were held from the beginning (`resetAssignedPartitionsEpochsToZero`).
        let from_the_beginning: Held = member.assigned.keys().map(|&held| (held, 0)).collect();
        let away = GroupMember {
            epoch: STATIC_LEAVE_EPOCH,
            assigned: Arc::new(from_the_beginning),
            pending_revocation: Arc::default(),
            ..member.clone()
        };
        self.record(Change::Assignment(Arc::new(away)));
        if let Some(instance_id) = &member.instance_id {
            let fact = CoordinatorFact::StaticMemberAway {
                member_id: member.id.clone(),
                instance_id: Arc::clone(instance_id),
            };
            observe(fact, out);
        }
        self.observe_state(None, out);
    }

    /// The member is out. Is it the last of the consumer protocol, and the rest may go back to the classic one, that is left to whoever holds both.
    pub(super) fn fence(
        &mut self,
        member_id: &MemberId,
        why: RemovalReason,
        reason: RebalanceReason,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let downgrades = self.may_downgrade_without(member_id);
        self.cancel_timers(member_id, out);
        self.record(Change::Removed(member_id.clone()));
        let fact = CoordinatorFact::MemberRemoved {
            member_id: member_id.clone(),
            why,
        };
        observe(fact, out);
        if downgrades {
            self.drop_changes();
            self.downgrade = Some(Downgrade {
                reason: Some((reason, member_id.clone())),
                joined: None,
                answer: None,
            });
            return;
        }
        let metadata = self.current_metadata();
        self.bump(metadata, reason, Some(member_id.clone()), out);
        if self.group.is_empty() && self.config.consumer.empty_groups_start_over {
            let target = Target {
                epoch: self.group.epoch,
                computed_at: None,
                shares: BTreeMap::new(),
            };
            self.record(Change::Target(Arc::new(target)));
        }
    }

    /// A timer fired: somebody was silent for too long.
    pub(super) fn on_expired(&mut self, timer: CoordinatorTimer, out: &mut Vec<CoordinatorEffect>) {
        let late = RebalanceReason::RebalanceTimeout;
        let (member_id, why, reason) = match timer {
            CoordinatorTimer::Session(id) => (
                id,
                RemovalReason::SessionExpired,
                RebalanceReason::SessionExpired,
            ),
            CoordinatorTimer::RebalanceTimeout(id) => {
                let epoch = self.revoking_at.remove(&id);
                if epoch != self.group.member(&id).map(|member| member.epoch) {
                    return;
                }
                (id, RemovalReason::RebalanceTimeout, late)
            }
            CoordinatorTimer::ClassicJoin(id) => (id, RemovalReason::JoinTimeout, late),
            CoordinatorTimer::ClassicSync(id) => (id, RemovalReason::SyncTimeout, late),
            CoordinatorTimer::Patterns => return self.on_patterns_resolved(out),
            // Timers of classic groups.
            CoordinatorTimer::Join | CoordinatorTimer::Sync => return,
        };
        if self.contains(&member_id) {
            self.fence(&member_id, why, reason, out);
            if self.downgrade.is_none() {
                self.finish(Vec::new(), out);
            }
        }
    }
}

/// What a member's own leave is called.
pub(super) fn named(cause: LeaveCause) -> (RemovalReason, RebalanceReason) {
    match cause {
        LeaveCause::Closed => (RemovalReason::Leave, RebalanceReason::Leave),
        LeaveCause::PollTimeout => (RemovalReason::PollTimeout, RebalanceReason::PollTimeout),
    }
}
