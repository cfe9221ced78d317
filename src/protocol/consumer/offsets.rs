//! Which commits and which questions for committed offsets a consumer group accepts (`ConsumerGroup.validateOffsetCommit`, `validateOffsetFetch`).
//!
//! The sender's epoch must be the coordinator's. Since KIP-1251 (4.3) an older one will do for partitions that the member has held since then; before, nobody
//! checks that it holds them. Commits are no sign of life here. Offsets become visible when their write is committed. Who asks for them must be of the coordinator's epoch,
//! too, if it says who it is.

use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, reply};
use super::group::GroupMember;
use crate::assignor::TopicPartition;
use crate::protocol::effect::CoordinatorEffect;
use crate::protocol::message::{
    ErrorCode, OffsetCommitRequest, OffsetFetchRequest, RequestToken, Response,
};
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
        } else {
            Err(not_of_this_epoch(member))
        }
    }

    /// OffsetFetch. The epoch counts as it is now, whether or not it is written already: consumers ask for stable offsets.
    pub(in crate::protocol) fn validate_fetch(
        &self,
        request: &OffsetFetchRequest,
    ) -> Result<(), ErrorCode> {
        let Some((member_id, epoch)) = &request.member else {
            return Ok(());
        };
        let member = self
            .group
            .member(member_id)
            .ok_or(ErrorCode::UnknownMemberId)?;
        if member.epoch == *epoch {
            Ok(())
        } else {
            Err(not_of_this_epoch(member))
        }
    }
}

/// `ConsumerGroup.validateMemberEpoch`
fn not_of_this_epoch(member: &GroupMember) -> ErrorCode {
    if member.classic.is_some() {
        ErrorCode::IllegalGeneration
    } else {
        ErrorCode::StaleMemberEpoch
    }
}

/// The member got the partition at that epoch or before, to use it or to give it up by now.
fn holds_since(member: &GroupMember, partition: &TopicPartition, epoch: i32) -> bool {
    let held = member.assigned.get(partition);
    let since = held.or_else(|| member.pending_revocation.get(partition));
    since.is_some_and(|&since| since <= epoch)
}
