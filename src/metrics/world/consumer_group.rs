//! Taking in what happens in consumer groups: the coordinator names targets and moves members towards them one by one.

use super::World;
use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::timeline::{ClientState, Observation, Partitions};

impl World {
    pub(super) fn apply_in_consumer_group(&mut self, observation: &Observation) {
        match observation {
            Observation::MemberJoined {
                group,
                consumer,
                member_id,
                protocol,
            } => {
                self.becomes_incremental(*group);
                let life = self.life(*consumer);
                self.groups[group.index()].admit(member_id, life);
                let speaks_consumer = *protocol == "consumer";
                self.set(*consumer, |process| {
                    process.says_when_it_leaves = speaks_consumer;
                });
            }
            Observation::GroupEpoch { group, epoch, .. } => {
                self.becomes_incremental(*group);
                self.groups[group.index()].generation = *epoch;
            }
            Observation::TargetAssignment {
                group,
                assignor,
                assignment,
                ..
            } => {
                self.becomes_incremental(*group);
                self.groups[group.index()].assignor = Some(assignor);
                self.on_assignment(*group, assignment);
            }
            Observation::MemberEpoch {
                group,
                consumer,
                member_id,
                assigned,
                ..
            } => {
                self.becomes_incremental(*group);
                self.on_member_epoch(*group, *consumer, member_id, assigned);
            }
            Observation::StaticMemberAway {
                group, member_id, ..
            } => {
                self.becomes_incremental(*group);
                let known = &mut self.groups[group.index()];
                if let Some(life) = known.members.get(member_id).copied() {
                    known.away.insert(life);
                    self.touch(life.consumer);
                }
            }
            Observation::ClientTransition { consumer, to, .. } => {
                let joins = *to == ClientState::Joining;
                self.set(*consumer, |process| {
                    process.says_when_it_leaves = true;
                    process.past_deadline &= !joins;
                });
            }
            _ => {}
        }
    }

    fn becomes_incremental(&mut self, group: GroupId) {
        if !self.groups[group.index()].incremental {
            self.groups[group.index()].incremental = true;
            let slots = self.slots_of(group);
            self.dirty.extend(slots);
        }
    }

    /// The share of a process is that of its present life, also where the target was computed for the one before.
    fn on_member_epoch(
        &mut self,
        group: GroupId,
        consumer: ConsumerId,
        member_id: &MemberId,
        assigned: &Partitions,
    ) {
        let Some(life) = self.groups[group.index()].members.get(member_id).copied() else {
            return;
        };
        for partition in assigned.iter() {
            let Some(index) = self.slot(group, *partition) else {
                continue;
            };
            let target = self.slots[index].target;
            if target.is_some_and(|target| target.consumer == consumer && target != life) {
                self.retarget(index, Some(life));
            }
        }
        self.touch(consumer);
    }
}
