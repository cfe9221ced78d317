//! OffsetCommit: which commits a consumer group accepts (`ConsumerGroup.validateOffsetCommit`).
//!
//! The sender's epoch must be the coordinator's. Since KIP-1251 (4.3) an older one will do for partitions that the member has held since then; before, nobody
//! checks that it holds them. Commits are no sign of life here. Offsets become visible when their write is committed.

use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, reply};
use super::group::GroupMember;
use crate::assignor::TopicPartition;
use crate::protocol::effect::CoordinatorEffect;
use crate::protocol::message::{ErrorCode, OffsetCommitRequest, RequestToken, Response};
use crate::timeline::GroupState;

impl Coordinator {
    /// OffsetCommit; its generation is the member's epoch.
    pub(super) fn on_offset_commit(
        &mut self,
        token: RequestToken,
        request: &OffsetCommitRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        match self.validate_commit(request) {
            Err(error) => reply(token, Response::OffsetCommit(error), out),
            Ok(()) => {
                let then = vec![
                    Deferred::StoreOffsets(token, Arc::clone(&request.offsets)),
                    Deferred::Reply(token, Response::OffsetCommit(ErrorCode::None)),
                ];
                self.append(then, out);
            }
        }
    }

    fn validate_commit(&self, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        if self.state == GroupState::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        if request.generation < 0 && self.group.is_empty() {
            return Ok(()); // Administrators, simple consumers.
        }
        let member = self
            .group
            .member(&request.member_id)
            .ok_or(ErrorCode::UnknownMemberId)?;
        let held_since_then = || {
            self.config.consumer.commits_since_assignment
                && request.generation < member.epoch
                && request
                    .offsets
                    .iter()
                    .all(|(partition, _)| holds_since(member, partition, request.generation))
        };
        if request.generation == member.epoch || held_since_then() {
            Ok(())
        } else if member.classic.is_some() {
            Err(ErrorCode::IllegalGeneration)
        } else {
            Err(ErrorCode::StaleMemberEpoch)
        }
    }
}

/// The member got the partition at that epoch or before, to use it or to give it up by now.
fn holds_since(member: &GroupMember, partition: &TopicPartition, epoch: i32) -> bool {
    let held = member.assigned.get(partition);
    let since = held.or_else(|| member.pending_revocation.get(partition));
    since.is_some_and(|&since| since <= epoch)
}
