//! OffsetCommit: which commits a classic group accepts (`ClassicGroup.validateOffsetCommit`,
//! `OffsetMetadataManager.commitOffset`).
//!
//! Nobody checks that the sender owns the partitions. Offsets become visible when their write is committed.

use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred, reply};
use super::group::ClassicGroupState;
use crate::assignor::java::Place;
use crate::protocol::effect::CoordinatorEffect;
use crate::protocol::message::{ErrorCode, OffsetCommitRequest, RequestToken, Response};
use crate::protocol::rules::Rule;

impl Coordinator {
    /// OffsetCommit.
    pub(super) fn on_offset_commit(
        &mut self,
        token: RequestToken,
        request: &OffsetCommitRequest,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        match self.validate_commit(request) {
            Err(error) => reply(token, Response::OffsetCommit(error), out),
            Ok(sender) => {
                if let Some(place) = sender
                    && self.config.rules.hold(Rule::CommitRestartsSession)
                {
                    self.restart_session(place, out);
                }
                let then = vec![
                    Deferred::StoreOffsets(token, Arc::clone(&request.offsets)),
                    Deferred::Reply(token, Response::OffsetCommit(ErrorCode::None)),
                ];
                self.append(None, then, out);
            }
        }
    }

    /// The member that commits; `None` for one who is no member of an empty group (administrators, simple consumers).
    fn validate_commit(&self, request: &OffsetCommitRequest) -> Result<Option<Place>, ErrorCode> {
        let state = self.group.state();
        match state {
            ClassicGroupState::Dead => return Err(ErrorCode::CoordinatorNotAvailable),
            ClassicGroupState::Empty if request.generation < 0 => return Ok(None),
            ClassicGroupState::Empty
            | ClassicGroupState::PreparingRebalance
            | ClassicGroupState::CompletingRebalance
            | ClassicGroupState::Stable => {}
        }
        let instance_id = request.instance_id.as_deref();
        // Without generation, id and instance this finds nobody either: UNKNOWN_MEMBER_ID.
        let place = self
            .group
            .validate_member(&request.member_id, instance_id)?;
        if request.generation != self.group.generation {
            Err(ErrorCode::IllegalGeneration)
        } else if state == ClassicGroupState::CompletingRebalance {
            Err(ErrorCode::RebalanceInProgress)
        } else {
            Ok(Some(place))
        }
    }
}
