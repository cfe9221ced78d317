//! A static member that comes back under a new id (`updateStaticMemberThenRebalanceOrCompleteJoin`).
//!
//! While the group is `Stable` and would choose the same assignor, nothing happens to anybody else: the new id is
//! written to the log and the member goes on where it was. A leader that comes back so gets the members again, but must
//! not assign (KIP-814).

use super::coordinator::{Coordinator, Deferred, cancel, observe, reply};
use super::group::ClassicGroupState;
use super::join::{Cause, refuse_join};
use crate::assignor::MemberId;
use crate::protocol::effect::{CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{
    ErrorCode, JoinGroupRequest, JoinGroupResponse, RequestToken, Response,
};
use crate::protocol::rules::Rule;
use crate::timeline::RebalanceReason;

impl Coordinator {
    /// JoinGroup without member id of an instance that has a member: `new` takes the place of `old`.
    pub(super) fn replace_static_member(
        &mut self,
        token: RequestToken,
        request: &JoinGroupRequest,
        old: &MemberId,
        new: MemberId,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let (replaced, place) = self.group.replace_static_member(old, new.clone());
        if let Some(parked) = replaced.awaiting_join {
            refuse_join(parked, ErrorCode::FencedInstanceId, old.clone(), out);
        }
        if let Some(parked) = replaced.awaiting_sync {
            let error = ErrorCode::FencedInstanceId;
            reply(parked, Response::SyncGroup(Err(error)), out);
        }
        if let Some(instance_id) = replaced.instance_id {
            let fact = CoordinatorFact::StaticMemberReplaced {
                instance_id,
                old: old.clone(),
                new: new.clone(),
            };
            observe(fact, out);
        }
        cancel(CoordinatorTimer::Session(old.clone()), out);
        self.restart_session(place, out); // With the session timeout of the old one: the request's counts from the next time on.
        let timeouts = (request.rebalance_timeout, request.session_timeout);
        self.group
            .update_member(place, &request.assignors, &request.subscription, timeouts);
        self.group.park_join(place, token);
        match self.group.state() {
            ClassicGroupState::Stable
                if self.group.select_protocol() == self.group.protocol
                    && self.config.rules.hold(Rule::StaticReplacement) =>
            {
                let record = self.record();
                self.append(Some(record), vec![Deferred::Replacement(new)], out);
            }
            ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                // A leader that is assigning knows the old id only.
                let cause = Cause::join(RebalanceReason::StaticReplacement, new);
                self.prepare_rebalance(cause, out);
            }
            ClassicGroupState::PreparingRebalance => {
                let cause = Cause::join(RebalanceReason::StaticReplacement, new);
                self.rebalance_or_complete(cause, out);
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                unreachable!("it has a static member")
            }
        }
    }

    /// The new id is in the log: the member hears the generation in force. A leader in whose place the group has begun a
    /// rebalance meanwhile stays parked and counts as joined.
    pub(super) fn on_replacement_stored(
        &mut self,
        member_id: &MemberId,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let Some(place) = self.group.find(member_id) else {
            return;
        };
        if self.group.member(place).awaiting_join.is_none() {
            return;
        }
        let leads = self.group.is_leader(member_id);
        if leads && self.group.state() == ClassicGroupState::PreparingRebalance {
            let member_id = member_id.clone();
            observe(CoordinatorFact::MemberRejoined { member_id }, out);
            return;
        }
        let mut response = self.join_response(place, leads);
        if let Response::JoinGroup(JoinGroupResponse {
            skip_assignment, ..
        }) = &mut response
        {
            *skip_assignment = leads;
        }
        if let Some(token) = self.group.take_join(place) {
            reply(token, response, out);
        }
    }
}
