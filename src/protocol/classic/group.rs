//! What a classic coordinator keeps about its group and the bookkeeping that goes with it (Kafka's `ClassicGroup`,
//! `ClassicGroupMember`, `ClassicGroupState`).
//!
//! No effects, no timers: those are the rule books'. What must stay true here after every request is
//! [`ClassicGroup::check`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::votes::Votes;
use crate::assignor::java::{JavaHashMap, Place};
use crate::assignor::{AssignorKind, MemberId};
use crate::kernel::SimDuration;
use crate::protocol::message::{ErrorCode, JoinGroupMember, RequestToken, Subscription};
use crate::timeline::{GroupState, Partitions};

/// A member (`ClassicGroupMember`).
#[derive(Clone, Debug)]
pub(super) struct GroupMember {
    pub(super) id: MemberId,
    pub(super) instance_id: Option<Arc<str>>,
    pub(super) session_timeout: SimDuration,
    pub(super) rebalance_timeout: SimDuration,
    pub(super) assignors: Arc<[AssignorKind]>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) assignment: Partitions,
    /// Its JoinGroup, while it is parked.
    pub(super) awaiting_join: Option<RequestToken>,
    /// Its SyncGroup, while it is parked.
    pub(super) awaiting_sync: Option<RequestToken>,
    /// Added in the rebalance under way: nobody heard of it yet and it cannot send heartbeats.
    pub(super) is_new: bool,
}

impl GroupMember {
    /// A parked member counts as alive, except a new one (`hasSatisfiedHeartbeat`).
    pub(super) fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// The metadata are the very same (`matches`): names in order, and bytes.
    pub(super) fn matches(
        &self,
        assignors: &[AssignorKind],
        subscription: &Arc<Subscription>,
    ) -> bool {
        let own = &self.subscription;
        // Only sticky assignors put what they remember into the bytes (`subscriptionUserData`).
        let remembers = |kind: &AssignorKind| match kind {
            AssignorKind::Sticky | AssignorKind::CooperativeSticky => true,
            AssignorKind::Range
            | AssignorKind::RoundRobin
            | AssignorKind::LagAware
            | AssignorKind::Weighted => false,
        };
        let same = || {
            own.topics == subscription.topics
                && own.owned == subscription.owned
                && own.generation == subscription.generation
                && own.rack == subscription.rack
                && (own.sticky_memory == subscription.sticky_memory
                    || !assignors.iter().any(remembers))
        };
        *self.assignors == *assignors && (Arc::ptr_eq(own, subscription) || same())
    }
}

/// A classic group (`ClassicGroup`).
#[derive(Clone, Debug)]
pub(super) struct ClassicGroup {
    state: ClassicGroupState,
    previous_state: ClassicGroupState,
    pub(super) generation: i32,
    pub(super) leader: Option<MemberId>,
    pub(super) protocol: Option<AssignorKind>,
    members: JavaHashMap<MemberId, GroupMember>,
    static_members: BTreeMap<Arc<str>, MemberId>,
    /// Ids that were issued and whose owners have not come back with them (KIP-394).
    pub(super) pending_join: BTreeSet<MemberId>,
    /// Ids that have not sent SyncGroup in this generation. A replaced static member's old id stays in it, as in Kafka.
    pub(super) pending_sync: BTreeSet<MemberId>,
    awaiting_join: usize,
    votes: Votes,
    /// A member was added during the initial-delay window under way.
    pub(super) new_member_added: bool,
}

/// `ClassicGroupState`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClassicGroupState {
    /// No members.
    Empty,
    /// Waiting for members to join.
    PreparingRebalance,
    /// Waiting for the leader's assignment.
    CompletingRebalance,
    /// In steady operation.
    Stable,
    /// Its coordinator is away.
    Dead,
}

impl ClassicGroupState {
    /// As readers know it.
    pub(super) const fn observed(self) -> GroupState {
        match self {
            Self::Empty => GroupState::Empty,
            Self::PreparingRebalance => GroupState::PreparingRebalance,
            Self::CompletingRebalance => GroupState::CompletingRebalance,
            Self::Stable => GroupState::Stable,
            Self::Dead => GroupState::Dead,
        }
    }
}

/// The states from which `to` may be entered (`ClassicGroupState`); `Dead` from any.
fn predecessors(to: ClassicGroupState) -> &'static [ClassicGroupState] {
    use ClassicGroupState::{CompletingRebalance, Dead, Empty, PreparingRebalance, Stable};
    match to {
        Empty | CompletingRebalance => &[PreparingRebalance],
        PreparingRebalance => &[Stable, CompletingRebalance, Empty],
        Stable => &[CompletingRebalance],
        Dead => &[Stable, PreparingRebalance, CompletingRebalance, Empty, Dead],
    }
}

impl ClassicGroup {
    /// A group as it is created or loaded: `Empty` or `Stable`, without members yet.
    pub(super) fn new(state: ClassicGroupState, generation: i32) -> Self {
        Self {
            state,
            previous_state: ClassicGroupState::Dead,
            generation,
            leader: None,
            protocol: None,
            members: JavaHashMap::new(),
            static_members: BTreeMap::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            awaiting_join: 0,
            votes: Votes::default(),
            new_member_added: false,
        }
    }

    pub(super) fn state(&self) -> ClassicGroupState {
        self.state
    }

    pub(super) fn previous_state(&self) -> ClassicGroupState {
        self.previous_state
    }

    pub(super) fn can_rebalance(&self) -> bool {
        predecessors(ClassicGroupState::PreparingRebalance).contains(&self.state)
    }

    /// Enters `to`.
    ///
    /// # Panics
    /// When Kafka knows no such transition.
    pub(super) fn transition_to(&mut self, to: ClassicGroupState) {
        assert!(
            predecessors(to).contains(&self.state),
            "a classic group does not go from {} to {}",
            self.state.observed().word(),
            to.observed().word()
        );
        self.previous_state = std::mem::replace(&mut self.state, to);
    }

    // ---- members ----

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn find(&self, id: &MemberId) -> Option<Place> {
        self.members.place(id)
    }

    pub(super) fn member(&self, place: Place) -> &GroupMember {
        self.members.at(place)
    }

    pub(super) fn member_mut(&mut self, place: Place) -> &mut GroupMember {
        self.members.at_mut(place)
    }

    /// The members in the order of Kafka's `HashMap`.
    pub(super) fn members(&self) -> impl Iterator<Item = &GroupMember> {
        self.members.values()
    }

    /// The members' places in the same order.
    pub(super) fn order(&self) -> Vec<Place> {
        self.members.places().collect()
    }

    pub(super) fn is_leader(&self, id: &MemberId) -> bool {
        self.leader.as_ref() == Some(id)
    }

    /// Holder of a `group.instance.id`.
    pub(super) fn static_member(&self, instance_id: &str) -> Option<&MemberId> {
        self.static_members.get(instance_id)
    }

    /// `validateMember`: is the sender who it says it is?
    pub(super) fn validate_member(
        &self,
        id: &MemberId,
        instance_id: Option<&str>,
    ) -> Result<Place, ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if holder != id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        self.members.place(id).ok_or(ErrorCode::UnknownMemberId)
    }

    /// `ClassicGroup.add`: takes a member in; the first one leads.
    pub(super) fn add(&mut self, member: GroupMember) -> Place {
        if let Some(instance_id) = &member.instance_id {
            let before = self
                .static_members
                .insert(Arc::clone(instance_id), member.id.clone());
            assert!(before.is_none(), "{instance_id} is held by one member");
        }
        if self.leader.is_none() {
            self.leader = Some(member.id.clone());
        }
        self.votes.add(&member.assignors);
        self.awaiting_join += usize::from(member.awaiting_join.is_some());
        self.pending_join.remove(&member.id);
        self.insert(member)
    }

    fn insert(&mut self, member: GroupMember) -> Place {
        let id = member.id.clone();
        let before = self.members.insert(id.clone(), member);
        assert!(before.is_none(), "{id} is a member already");
        self.members.place(&id).expect("it was put in just now")
    }

    /// `ClassicGroup.remove`: forgets a member or an issued id. Does the leader go, the first in map order leads.
    pub(super) fn remove(&mut self, id: &MemberId) -> Option<GroupMember> {
        let removed = self.members.remove(id);
        if let Some(member) = &removed {
            self.votes.remove(&member.assignors);
            self.awaiting_join -= usize::from(member.awaiting_join.is_some());
            if let Some(instance_id) = &member.instance_id {
                self.static_members.remove(instance_id);
            }
        }
        if self.is_leader(id) {
            self.leader = self.members.values().next().map(|first| first.id.clone());
        }
        self.pending_join.remove(id);
        self.pending_sync.remove(id);
        removed
    }

    /// `replaceStaticMember`: the same member under a new id; answers of parked requests are the caller's.
    pub(super) fn replace_static_member(
        &mut self,
        old: &MemberId,
        new: MemberId,
    ) -> (GroupMember, Place) {
        let replaced = self
            .members
            .remove(old)
            .expect("an instance id maps to a member");
        self.awaiting_join -= usize::from(replaced.awaiting_join.is_some());
        if let Some(instance_id) = &replaced.instance_id {
            self.static_members
                .insert(Arc::clone(instance_id), new.clone());
        }
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        let successor = GroupMember {
            id: new,
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            ..replaced.clone()
        };
        let place = self.insert(successor);
        (replaced, place)
    }

    /// `updateMember`, without the future: what a JoinGroup says about its sender.
    pub(super) fn update_member(
        &mut self,
        place: Place,
        assignors: &Arc<[AssignorKind]>,
        subscription: &Arc<Subscription>,
        (rebalance_timeout, session_timeout): (SimDuration, SimDuration),
    ) {
        let member = self.members.at_mut(place);
        self.votes.remove(&member.assignors);
        self.votes.add(assignors);
        member.assignors = Arc::clone(assignors);
        member.subscription = Arc::clone(subscription);
        member.rebalance_timeout = rebalance_timeout;
        member.session_timeout = session_timeout;
    }

    // ---- the join phase ----

    pub(super) fn awaiting_join(&self) -> usize {
        self.awaiting_join
    }

    /// Parks a JoinGroup. An earlier one of the same member is forgotten without an answer, as in Kafka.
    pub(super) fn park_join(&mut self, place: Place, token: RequestToken) {
        let before = self.members.at_mut(place).awaiting_join.replace(token);
        self.awaiting_join += usize::from(before.is_none());
    }

    /// Takes a parked JoinGroup, to answer it.
    pub(super) fn take_join(&mut self, place: Place) -> Option<RequestToken> {
        let token = self.members.at_mut(place).awaiting_join.take();
        self.awaiting_join -= usize::from(token.is_some());
        token
    }

    /// `hasAllMembersJoined`
    pub(super) fn has_all_members_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_join.is_empty()
    }

    /// `maybeElectNewJoinedLeader`: a leader that has not joined hands over to the first in map order that has.
    /// False when nobody can lead.
    pub(super) fn elect_joined_leader(&mut self) -> bool {
        let Some(leader) = &self.leader else {
            return false;
        };
        let leader = self.members.place(leader).expect("the leader is a member");
        if self.members.at(leader).awaiting_join.is_some() {
            return true;
        }
        let joined = self
            .members
            .values()
            .find(|member| member.awaiting_join.is_some());
        let Some(joined) = joined.map(|member| member.id.clone()) else {
            return false;
        };
        self.leader = Some(joined);
        true
    }

    /// `initNextGeneration`: `CompletingRebalance`, or `Empty` without members.
    pub(super) fn init_next_generation(&mut self) {
        self.generation += 1;
        self.protocol = self.select_protocol();
        self.transition_to(if self.is_empty() {
            ClassicGroupState::Empty
        } else {
            ClassicGroupState::CompletingRebalance
        });
        self.pending_sync.clear();
    }

    /// `selectProtocol`; `None` without members.
    pub(super) fn select_protocol(&self) -> Option<AssignorKind> {
        self.votes.select()
    }

    /// `supportsProtocols`
    pub(super) fn supports_protocols(&self, assignors: &[AssignorKind]) -> bool {
        if self.state == ClassicGroupState::Empty {
            !assignors.is_empty()
        } else {
            self.votes.supports(assignors)
        }
    }

    /// The longest `max.poll.interval.ms` of the members now (`rebalanceTimeoutMs`).
    pub(super) fn rebalance_timeout(&self) -> SimDuration {
        self.members
            .values()
            .map(|member| member.rebalance_timeout)
            .max()
            .unwrap_or(SimDuration::ZERO)
    }

    /// The list that the leader gets (`currentClassicGroupMembers`).
    pub(super) fn members_for_leader(&self) -> Vec<JoinGroupMember> {
        self.members
            .values()
            .map(|member| JoinGroupMember {
                member_id: member.id.clone(),
                instance_id: member.instance_id.clone(),
                subscription: Arc::clone(&member.subscription),
            })
            .collect()
    }

    // ---- what must hold ----

    /// What must hold between two inputs; the first thing that does not, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        let parked = self
            .members
            .values()
            .filter(|member| member.awaiting_join.is_some())
            .count();
        if parked != self.awaiting_join {
            return Err(format!(
                "{parked} joins are parked, counted {}",
                self.awaiting_join
            ));
        }
        if self
            .leader
            .as_ref()
            .is_some_and(|leader| self.find(leader).is_none())
        {
            return Err(format!("leader {:?} is not a member", self.leader));
        }
        if self.leader.is_none() != self.is_empty() {
            return Err(format!("{} members, leader {:?}", self.len(), self.leader));
        }
        if let Some(both) = self.pending_join.iter().find(|id| self.find(id).is_some()) {
            return Err(format!("{both} is pending and a member"));
        }
        let statics = self
            .members
            .values()
            .filter(|member| member.instance_id.is_some())
            .count();
        if statics != self.static_members.len() {
            return Err(format!(
                "{statics} static members, {} instance ids",
                self.static_members.len()
            ));
        }
        let empty = matches!(self.state, ClassicGroupState::Empty);
        if empty && !self.is_empty() {
            return Err(format!("Empty with {} members", self.len()));
        }
        let settled = matches!(
            self.state,
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable
        );
        if settled && (self.is_empty() || self.protocol.is_none()) {
            return Err(format!(
                "{} without members or assignor",
                self.state.observed().word()
            ));
        }
        Ok(())
    }
}
