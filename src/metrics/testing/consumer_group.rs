//! What happens in consumer groups, for hand-made timelines.

use std::sync::Arc;

use super::{GROUP, Play, partitions};
use crate::assignor::{ConsumerId, MemberId};
use crate::timeline::{
    ClientState, GroupState, MemberEpochState, Observation, Partitions, RebalanceReason,
};

impl Play {
    /// A steady start of a consumer group: member i owns `owned[i]`.
    pub(crate) fn steady_consumer_group(owned: &[&[u32]], end_ms: u64) -> Self {
        let count = owned.iter().map(|list| list.len()).sum::<usize>();
        let count = u32::try_from(count).expect("small");
        let members = u32::try_from(owned.len()).expect("small");
        let mut play = Self::new(members, count, end_ms);
        for member in 0..members {
            play.start(member).joins(member, "consumer");
        }
        play.target(1, owned);
        play.state(GroupState::Empty, GroupState::Stable, 1);
        for (member, list) in (0..).zip(owned) {
            play.reaches(member, 1, list);
            play.take(member, list);
        }
        play
    }

    /// The coordinator takes a member in.
    pub(crate) fn joins(&mut self, member: u32, protocol: &'static str) -> &mut Self {
        self.joins_as(member, Self::member_id(member), protocol)
    }

    pub(crate) fn joins_as(
        &mut self,
        member: u32,
        member_id: MemberId,
        protocol: &'static str,
    ) -> &mut Self {
        self.put(Observation::MemberJoined {
            group: GROUP,
            consumer: ConsumerId(member),
            member_id,
            protocol,
        })
    }

    /// The group epoch is bumped.
    pub(crate) fn bump(&mut self, epoch: i32, reason: RebalanceReason, by: u32) -> &mut Self {
        self.put(Observation::GroupEpoch {
            group: GROUP,
            epoch,
            reason,
            by: Some(ConsumerId(by)),
        })
    }

    /// A target is computed.
    pub(crate) fn target(&mut self, epoch: i32, owned: &[&[u32]]) -> &mut Self {
        let assignment: Arc<[(ConsumerId, Partitions)]> = (0..)
            .zip(owned)
            .map(|(member, list)| (ConsumerId(member), partitions(list)))
            .collect();
        self.put(Observation::TargetAssignment {
            group: GROUP,
            epoch,
            assignor: "uniform",
            assignment,
        })
    }

    /// A member is at an epoch with this to have and this to give up.
    pub(crate) fn moves(
        &mut self,
        member: u32,
        epoch: i32,
        assigned: &[u32],
        pending_revocation: &[u32],
    ) -> &mut Self {
        let state = if pending_revocation.is_empty() {
            MemberEpochState::Stable
        } else {
            MemberEpochState::UnrevokedPartitions
        };
        self.put(Observation::MemberEpoch {
            group: GROUP,
            consumer: ConsumerId(member),
            member_id: Self::member_id(member),
            epoch,
            previous_epoch: epoch - 1,
            state,
            assigned: partitions(assigned),
            pending_revocation: partitions(pending_revocation),
        })
    }

    /// A member is at an epoch and at its target.
    pub(crate) fn reaches(&mut self, member: u32, epoch: i32, assigned: &[u32]) -> &mut Self {
        self.moves(member, epoch, assigned, &[])
    }

    /// A static member leaves for a while.
    pub(crate) fn goes_away(&mut self, member: u32) -> &mut Self {
        self.put(Observation::StaticMemberAway {
            group: GROUP,
            consumer: ConsumerId(member),
            member_id: Self::member_id(member),
            instance_id: Arc::from("pod"),
        })
    }

    pub(crate) fn transition(
        &mut self,
        member: u32,
        from: ClientState,
        to: ClientState,
    ) -> &mut Self {
        self.put(Observation::ClientTransition {
            consumer: ConsumerId(member),
            from,
            to,
            epoch: 1,
        })
    }
}
