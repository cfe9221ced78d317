//! A group of members of the classic protocol as a log holds it: what a coordinator comes back with, and what goes from one kind of group to the other.

use std::sync::Arc;

use super::message::Subscription;
use crate::assignor::{AssignorKind, MemberId};
use crate::kernel::SimDuration;
use crate::timeline::Partitions;

/// A group as the log holds it (`GroupMetadataValue`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// The generation.
    pub generation: i32,
    /// The assignor in force.
    pub assignor: Option<AssignorKind>,
    /// The leader's id.
    pub leader: Option<MemberId>,
    /// The members in the coordinator's map order.
    pub members: Vec<MemberRecord>,
}

/// A member as the log holds it (`GroupMetadataValue.MemberMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its id.
    pub member_id: MemberId,
    /// `group.instance.id`
    pub instance_id: Option<Arc<str>>,
    /// `session.timeout.ms`
    pub session_timeout: SimDuration,
    /// `max.poll.interval.ms`
    pub rebalance_timeout: SimDuration,
    /// Its assignors. The log keeps only the one in force; a steady start and a group that changes its kind know them all.
    pub assignors: Arc<[AssignorKind]>,
    /// Its metadata.
    pub subscription: Arc<Subscription>,
    /// Its share.
    pub assignment: Partitions,
}

impl GroupRecord {
    /// A group without members.
    #[must_use]
    pub fn empty(generation: i32) -> Self {
        Self {
            generation,
            assignor: None,
            leader: None,
            members: Vec::new(),
        }
    }
}
