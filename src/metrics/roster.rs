//! The groups as their coordinators describe them at an instant: who is in, who has what, at which epoch.
//!
//! It is a second, smaller reading of the timeline beside [`super::world`], which knows what members do but not what a coordinator
//! answers to `DescribeGroups` and `ConsumerGroupDescribe`.

use std::collections::BTreeMap;

use crate::assignor::{ConsumerId, GroupId, MemberId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{GroupState, Observation, Partitions, Timeline};

/// A member as its coordinator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The process.
    pub consumer: ConsumerId,
    /// What it may use, sorted.
    pub assigned: Vec<TopicPartition>,
    /// What the target says, sorted; of a member of a consumer group.
    pub target: Vec<TopicPartition>,
    /// Its epoch in a consumer group; -2: a static member that said it would be back.
    pub epoch: Option<i32>,
    /// In a consumer group: whether it speaks the consumer protocol.
    pub upgraded: Option<bool>,
}

/// A group as its coordinator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// State.
    pub state: GroupState,
    /// It is a consumer group.
    pub incremental: bool,
    /// Generation, or group epoch.
    pub generation: i32,
    /// Epoch of the target assignment of a consumer group.
    pub target_epoch: Option<i32>,
    /// Name of the assignor in force.
    pub assignor: Option<&'static str>,
    /// The coordinator can be reached.
    pub available: bool,
    /// The broker that has it, or had it last; `None`: the one at the start.
    pub broker: Option<u32>,
    /// Its members by id.
    pub members: BTreeMap<MemberId, Seat>,
}

impl Roster {
    const fn new() -> Self {
        Self {
            state: GroupState::Empty,
            incremental: false,
            generation: 0,
            target_epoch: None,
            assignor: None,
            available: true,
            broker: None,
            members: BTreeMap::new(),
        }
    }

    fn host(&mut self, available: bool, broker: Option<u32>) {
        self.available = available;
        self.broker = broker.or(self.broker);
    }

    fn admit(&mut self, member_id: &MemberId, consumer: ConsumerId, upgraded: Option<bool>) {
        self.members.insert(
            member_id.clone(),
            Seat {
                consumer,
                assigned: Vec::new(),
                target: Vec::new(),
                epoch: None,
                upgraded,
            },
        );
    }

    /// Gives each process its share; one that stands twice (an old identity of it has not expired) gets them in the order listed.
    fn share_out(
        &mut self,
        assignment: &[(ConsumerId, Partitions)],
        place: fn(&mut Seat) -> &mut Vec<TopicPartition>,
    ) {
        let mut shares: BTreeMap<ConsumerId, Vec<&Partitions>> = BTreeMap::new();
        for (consumer, partitions) in assignment.iter().rev() {
            shares.entry(*consumer).or_default().push(partitions);
        }
        for seat in self.members.values_mut() {
            let share = shares.get_mut(&seat.consumer).and_then(Vec::pop);
            *place(seat) = share.map_or_else(Vec::new, |share| sorted(share));
        }
    }
}

fn sorted(partitions: &[TopicPartition]) -> Vec<TopicPartition> {
    let mut list = partitions.to_vec();
    list.sort_unstable();
    list
}

/// All groups after everything that happened up to `until`.
#[must_use]
pub fn rosters(timeline: &Timeline, until: SimTime) -> Vec<Roster> {
    let mut rosters = vec![Roster::new(); timeline.cast.groups.len()];
    for entry in &timeline.entries {
        if entry.at > until {
            break;
        }
        if let Some(group) = group_of(&entry.observation)
            && let Some(roster) = rosters.get_mut(group.index())
        {
            take(roster, &entry.observation);
        }
    }
    rosters
}

/// Whose coordinator says so.
const fn group_of(observation: &Observation) -> Option<GroupId> {
    match observation {
        Observation::GroupState { group, .. }
        | Observation::MemberAdded { group, .. }
        | Observation::MemberJoined { group, .. }
        | Observation::StaticMemberReplaced { group, .. }
        | Observation::MemberRemoved { group, .. }
        | Observation::JoinComplete { group, .. }
        | Observation::AssignmentReceived { group, .. }
        | Observation::GroupEpoch { group, .. }
        | Observation::TargetAssignment { group, .. }
        | Observation::MemberEpoch { group, .. }
        | Observation::StaticMemberAway { group, .. }
        | Observation::CoordinatorAvailable { group, .. } => Some(*group),
        _ => None,
    }
}

fn take(roster: &mut Roster, observation: &Observation) {
    match observation {
        Observation::GroupState { to, generation, .. } => {
            roster.state = *to;
            roster.generation = *generation;
            match to {
                GroupState::PreparingRebalance | GroupState::CompletingRebalance => {
                    becomes_classic(roster);
                }
                GroupState::Assigning | GroupState::Reconciling => roster.incremental = true,
                GroupState::Empty | GroupState::Stable | GroupState::Dead => {}
            }
        }
        Observation::MemberAdded {
            consumer,
            member_id,
            ..
        } => roster.admit(member_id, *consumer, None),
        Observation::MemberJoined {
            consumer,
            member_id,
            protocol,
            ..
        } => {
            roster.incremental = true;
            roster.admit(member_id, *consumer, Some(*protocol == "consumer"));
        }
        Observation::StaticMemberReplaced {
            consumer, old, new, ..
        } => {
            if let Some(mut seat) = roster.members.remove(old) {
                seat.consumer = *consumer;
                roster.members.insert(new.clone(), seat);
            } else {
                let upgraded = roster.incremental.then_some(true);
                roster.admit(new, *consumer, upgraded);
            }
        }
        Observation::MemberRemoved { member_id, .. } => {
            roster.members.remove(member_id);
        }
        Observation::JoinComplete {
            generation,
            assignor,
            ..
        } => {
            becomes_classic(roster);
            roster.generation = *generation;
            roster.assignor = Some(assignor);
        }
        Observation::AssignmentReceived { assignment, .. } => {
            roster.share_out(assignment, |seat| &mut seat.assigned);
        }
        Observation::GroupEpoch { epoch, .. } => {
            roster.incremental = true;
            roster.generation = *epoch;
        }
        Observation::TargetAssignment {
            epoch,
            assignor,
            assignment,
            ..
        } => {
            roster.incremental = true;
            roster.target_epoch = Some(*epoch);
            roster.assignor = Some(assignor);
            roster.share_out(assignment, |seat| &mut seat.target);
        }
        Observation::MemberEpoch {
            member_id,
            epoch,
            assigned,
            ..
        } => {
            if let Some(seat) = roster.members.get_mut(member_id) {
                seat.epoch = Some(*epoch);
                seat.assigned = sorted(assigned);
            }
        }
        Observation::StaticMemberAway { member_id, .. } => {
            if let Some(seat) = roster.members.get_mut(member_id) {
                seat.epoch = Some(-2);
            }
        }
        Observation::CoordinatorAvailable {
            available, broker, ..
        } => roster.host(*available, *broker),
        _ => {}
    }
}

fn becomes_classic(roster: &mut Roster) {
    if roster.incremental {
        roster.incremental = false;
        roster.target_epoch = None;
        for seat in roster.members.values_mut() {
            seat.epoch = None;
            seat.upgraded = None;
            seat.target.clear();
        }
    }
}
