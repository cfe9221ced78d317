//! Whose heartbeat counts: who is a member, and at which epoch (`getOrMaybeSubscribe…ConsumerGroupMember`,
//! `throwIfConsumerGroupMemberEpochIsInvalid`).

use std::sync::Arc;

use super::coordinator::Coordinator;
use super::group::GroupMember;
use crate::assignor::{MemberId, TopicPartition};
use crate::protocol::message::{ConsumerGroupHeartbeatRequest, ErrorCode, JOIN_EPOCH};

/// Who sent a request.
pub(super) struct Sender {
    /// The member as it was; with `replaces`, the copy that goes by the new id.
    pub(super) before: Arc<GroupMember>,
    /// Nobody knew it.
    pub(super) is_new: bool,
    /// It takes the place of this static member.
    pub(super) replaces: Option<MemberId>,
}

impl Sender {
    pub(super) fn known(member: &Arc<GroupMember>) -> Self {
        Self {
            before: Arc::clone(member),
            is_new: false,
            replaces: None,
        }
    }

    pub(super) fn newcomer(id: &MemberId) -> Self {
        Self {
            before: Arc::new(GroupMember::new(id.clone())),
            is_new: true,
            replaces: None,
        }
    }

    /// `old` under the id `id`: all that it had, but as one who has just come.
    pub(super) fn successor(old: &GroupMember, id: &MemberId) -> Self {
        let copy = GroupMember {
            id: id.clone(),
            epoch: 0,
            previous_epoch: 0,
            ..old.clone()
        };
        Self {
            before: Arc::new(copy),
            is_new: false,
            replaces: Some(old.id.clone()),
        }
    }
}

impl Coordinator {
    /// Who sent a heartbeat of the consumer protocol that does not say good-bye.
    pub(super) fn sender_of(
        &self,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<Sender, ErrorCode> {
        let joins = request.member_epoch == JOIN_EPOCH;
        match &request.instance_id {
            None => match self.group.member(&request.member_id) {
                Some(member) if joins && self.config.consumer.known_members_rejoin => {
                    Ok(Sender::known(member))
                }
                Some(member) => accept(member, request),
                None if joins => Ok(Sender::newcomer(&request.member_id)),
                None => Err(ErrorCode::UnknownMemberId),
            },
            Some(instance_id) if joins => match self.group.static_member(instance_id) {
                None => Ok(Sender::newcomer(&request.member_id)),
                Some(holder) if holder.classic.is_some() || holder.is_away() => {
                    Ok(Sender::successor(holder, &request.member_id))
                }
                Some(_) => Err(ErrorCode::UnreleasedInstanceId),
            },
            Some(instance_id) => {
                let holder = self.holder_of(instance_id, &request.member_id)?;
                accept(holder, request)
            }
        }
    }

    /// The static member of an instance id, if it goes by this member id.
    pub(super) fn holder_of(
        &self,
        instance_id: &str,
        member_id: &MemberId,
    ) -> Result<&Arc<GroupMember>, ErrorCode> {
        match self.group.static_member(instance_id) {
            None => Err(ErrorCode::UnknownMemberId),
            Some(holder) if holder.id != *member_id => Err(ErrorCode::FencedInstanceId),
            Some(holder) => Ok(holder),
        }
    }
}

fn accept(
    member: &Arc<GroupMember>,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<Sender, ErrorCode> {
    let owned = request.owned.as_deref();
    check_epoch(member, request.member_epoch, owned).map(|()| Sender::known(member))
}

/// A member may be one step behind when the answer that told it was lost; it shows so by what it owns.
fn check_epoch(
    member: &GroupMember,
    received: i32,
    owned: Option<&[TopicPartition]>,
) -> Result<(), ErrorCode> {
    let answer_was_lost = || {
        received == member.previous_epoch
            && owned.is_some_and(|owned| {
                owned
                    .iter()
                    .all(|partition| member.assigned.contains_key(partition))
            })
    };
    if received == member.epoch || received < member.epoch && answer_was_lost() {
        Ok(())
    } else {
        Err(ErrorCode::FencedMemberEpoch)
    }
}
