//! What coordinators do to groups and their members, a line each: both protocols.

use serde_json::{Value, json};

use super::Said;
use crate::timeline::Observation;

impl Said<'_> {
    pub(super) fn coordinator(&mut self, observation: &Observation) {
        match observation {
            Observation::GroupState {
                group,
                from,
                to,
                generation,
                reason,
                by,
            } => {
                let by = by.map_or(Value::Null, |consumer| self.member_name(consumer));
                self.event("group_state")
                    .group(*group)
                    .put("from", json!(from.word()));
                self.put("to", json!(to.word()))
                    .put("generation", json!(generation));
                self.put("reason", json!(reason.map(|reason| reason.word())))
                    .put("by", by);
            }
            Observation::JoinComplete {
                group,
                generation,
                members,
                assignor,
                ..
            } => {
                let members = members
                    .iter()
                    .map(|member| self.member_name(*member))
                    .collect();
                self.event("join_complete")
                    .group(*group)
                    .put("generation", json!(generation));
                self.put("members", members)
                    .put("assignor", json!(assignor));
            }
            Observation::AssignmentReceived {
                group,
                generation,
                leader,
                assignment,
            } => {
                let assignment = self.shares(assignment);
                self.event("assignment_received").group(*group);
                self.put("generation", json!(generation))
                    .put("leader", json!(leader.as_str()));
                self.put("assignment", assignment);
            }
            Observation::CoordinatorAvailable {
                group,
                available,
                broker,
            } => {
                self.event("coordinator_available").group(*group);
                self.put("available", json!(available))
                    .put("broker", json!(broker));
            }
            _ => {}
        }
    }

    pub(super) fn membership(&mut self, observation: &Observation) {
        match observation {
            Observation::MemberIdIssued {
                group,
                consumer,
                member_id,
                state,
            } => {
                self.event("member_id_issued")
                    .group(*group)
                    .member(*consumer);
                self.put("member_id", json!(member_id.as_str()))
                    .put("state", json!(state.word()));
            }
            Observation::MemberAdded {
                group,
                consumer,
                member_id,
                state,
            } => {
                self.event("member_added").group(*group).member(*consumer);
                self.put("member_id", json!(member_id.as_str()))
                    .put("state", json!(state.word()));
            }
            Observation::StaticMemberReplaced {
                group,
                consumer,
                instance_id,
                old,
                new,
            } => {
                self.event("static_member_replaced")
                    .group(*group)
                    .member(*consumer);
                self.put("instance_id", json!(**instance_id));
                self.put("old", json!(old.as_str()))
                    .put("new", json!(new.as_str()));
            }
            Observation::MemberRemoved {
                group,
                consumer,
                member_id,
                why,
            } => {
                self.event("member_removed").group(*group).member(*consumer);
                self.put("member_id", json!(member_id.as_str()))
                    .put("why", json!(why.word()));
            }
            Observation::MemberRejoined { group, consumer } => {
                self.event("member_rejoined")
                    .group(*group)
                    .member(*consumer);
            }
            _ => {}
        }
    }

    pub(super) fn consumer_group(&mut self, observation: &Observation) {
        match observation {
            Observation::MemberJoined {
                group,
                consumer,
                member_id,
                protocol,
            } => {
                self.event("member_joined").group(*group).member(*consumer);
                self.put("member_id", json!(member_id.as_str()))
                    .put("protocol", json!(protocol));
            }
            Observation::GroupEpoch {
                group,
                epoch,
                reason,
                by,
            } => {
                let by = by.map_or(Value::Null, |consumer| self.member_name(consumer));
                self.event("group_epoch").group(*group);
                self.put("epoch", json!(epoch))
                    .put("reason", json!(reason.word()))
                    .put("by", by);
            }
            Observation::TargetAssignment {
                group,
                epoch,
                assignor,
                assignment,
            } => {
                let assignment = self.shares(assignment);
                self.event("target_assignment").group(*group);
                self.put("epoch", json!(epoch))
                    .put("assignor", json!(assignor))
                    .put("assignment", assignment);
            }
            Observation::MemberEpoch {
                group,
                consumer,
                member_id,
                epoch,
                previous_epoch,
                state,
                assigned,
                pending_revocation,
            } => {
                let assigned = self.partition_names(assigned);
                let pending_revocation = self.partition_names(pending_revocation);
                self.event("member_epoch").group(*group).member(*consumer);
                self.put("member_id", json!(member_id.as_str()))
                    .put("epoch", json!(epoch))
                    .put("previous_epoch", json!(previous_epoch))
                    .put("state", json!(state.word()));
                self.put("assigned", assigned)
                    .put("pending_revocation", pending_revocation);
            }
            Observation::StaticMemberAway {
                group,
                consumer,
                member_id,
                instance_id,
            } => {
                self.event("static_member_away")
                    .group(*group)
                    .member(*consumer);
                self.put("member_id", json!(member_id.as_str()))
                    .put("instance_id", json!(**instance_id));
            }
            Observation::ClientTransition {
                consumer,
                from,
                to,
                epoch,
            } => {
                self.of("client_transition", *consumer)
                    .put("from", json!(from.word()));
                self.put("to", json!(to.word())).put("epoch", json!(epoch));
            }
            _ => {}
        }
    }
}
