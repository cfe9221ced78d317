//! What the coordinator of a consumer group keeps, and how a write to its log changes it (Kafka's `ConsumerGroup`, `ModernGroup`,
//! `ConsumerGroupMember` and the `replay` methods of `GroupMetadataManager`).
//!
//! A group changes by [`Change`]s alone. The coordinator applies them when it makes them, and a second time to what the log holds when
//! they are committed; after a failover it goes on from there. No effects, no timers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::table::MemberTable;
use crate::assignor::{AssignorKind, MemberId, ServerAssignorKind, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::SubscriptionPattern;
use crate::protocol::message::{STATIC_LEAVE_EPOCH, Subscription};
use crate::timeline::{GroupState, MemberEpochState, Partitions};

/// Partitions with the epoch in which the member got each (KIP-1251), in order of topics, then partitions.
pub(super) type Held = BTreeMap<TopicPartition, i32>;

/// Numbers of partitions of the subscribed topics that exist.
pub(super) type Metadata = Arc<BTreeMap<TopicId, u32>>;

/// What a member of the classic protocol said of itself (`ClassicMemberMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClassicMember {
    pub(super) session_timeout: SimDuration,
    pub(super) assignors: Arc<[AssignorKind]>,
    pub(super) subscription: Arc<Subscription>,
}

/// A member (`ConsumerGroupMember`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupMember {
    pub(super) id: MemberId,
    pub(super) instance_id: Option<Arc<str>>,
    pub(super) rack: Option<Arc<str>>,
    pub(super) rebalance_timeout: SimDuration,
    /// Subscribed topics, a set: as said, or what its regular expression is resolved to so far.
    pub(super) topics: Arc<[TopicId]>,
    /// `subscribedTopicRegex`
    pub(super) pattern: Option<Arc<SubscriptionPattern>>,
    pub(super) server_assignor: Option<ServerAssignorKind>,
    pub(super) epoch: i32,
    pub(super) previous_epoch: i32,
    pub(super) state: MemberEpochState,
    pub(super) assigned: Arc<Held>,
    pub(super) pending_revocation: Arc<Held>,
    /// `None`: it speaks the consumer protocol.
    pub(super) classic: Option<ClassicMember>,
}

impl GroupMember {
    /// A member that has just come.
    pub(super) fn new(id: MemberId) -> Self {
        Self {
            id,
            instance_id: None,
            rack: None,
            rebalance_timeout: SimDuration::ZERO,
            topics: Arc::from([]),
            pattern: None,
            server_assignor: None,
            epoch: 0,
            previous_epoch: 0,
            state: MemberEpochState::Stable,
            assigned: Arc::default(),
            pending_revocation: Arc::default(),
            classic: None,
        }
    }

    /// `isReconciledTo`
    pub(super) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberEpochState::Stable && self.epoch == target_epoch
    }

    /// A static member that left and may come back.
    pub(super) fn is_away(&self) -> bool {
        self.epoch == STATIC_LEAVE_EPOCH
    }

    /// What it may use, for answers and facts.
    pub(super) fn share(&self) -> Partitions {
        self.assigned.keys().copied().collect()
    }

    /// True when the other subscription names the same topics.
    pub(super) fn subscribes_to(&self, topics: &[TopicId]) -> bool {
        let covers = |a: &[TopicId], b: &[TopicId]| b.iter().all(|topic| a.contains(topic));
        covers(&self.topics, topics) && covers(topics, &self.topics)
    }

    fn holds(&self) -> impl Iterator<Item = TopicPartition> {
        self.assigned
            .keys()
            .chain(self.pending_revocation.keys())
            .copied()
    }
}

/// A record for the log.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// What a member says of itself (`ConsumerGroupMemberMetadata`).
    Subscription(Arc<GroupMember>),
    /// How far a member is (`ConsumerGroupCurrentMemberAssignment`).
    Assignment(Arc<GroupMember>),
    /// A member is gone, and its target.
    Removed(MemberId),
    /// A static member has a new id; its target goes with it.
    Replaced(MemberId, Arc<GroupMember>),
    /// A regular expression is resolved, then (`ConsumerGroupRegularExpression`).
    Resolved(Arc<SubscriptionPattern>, SimTime),
    /// The group's epoch, and the metadata for which it is (`ConsumerGroupMetadata`).
    Epoch(i32, Metadata),
    /// A new target (`ConsumerGroupTargetAssignmentMetadata`, `…Member`).
    Target(Arc<Target>),
}

/// A target assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) epoch: i32,
    /// When it was computed; `None`: it was not.
    pub(super) computed_at: Option<SimTime>,
    pub(super) shares: BTreeMap<MemberId, Partitions>,
}

/// A consumer group (`ConsumerGroup`).
#[derive(Clone, Debug)]
pub(super) struct ConsumerGroup {
    pub(super) epoch: i32,
    pub(super) metadata: Metadata,
    pub(super) target: Target,
    members: BTreeMap<MemberId, Arc<GroupMember>>,
    static_members: BTreeMap<Arc<str>, MemberId>,
    /// Who holds each partition that is not free, to use it or to give it up (`currentPartitionEpoch`).
    holders: BTreeMap<TopicPartition, MemberId>,
    table: MemberTable,
    /// How many members subscribe to each regular expression.
    patterns: BTreeMap<Arc<SubscriptionPattern>, usize>,
    /// Those of them that are resolved, and when each was.
    resolved: BTreeMap<Arc<SubscriptionPattern>, SimTime>,
    /// Members that have not reached the target.
    unreconciled: usize,
    /// How many members ask for each assignor, in the order of [`ServerAssignorKind::ALL`].
    asking: [usize; ServerAssignorKind::ALL.len()],
}

impl ConsumerGroup {
    /// A group that nobody has joined. Its target is of its epoch, and empty.
    pub(super) fn new(epoch: i32) -> Self {
        Self {
            epoch,
            metadata: Metadata::default(),
            target: Target {
                epoch,
                ..Target::default()
            },
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            holders: BTreeMap::new(),
            table: MemberTable::default(),
            patterns: BTreeMap::new(),
            resolved: BTreeMap::new(),
            unreconciled: 0,
            asking: [0; ServerAssignorKind::ALL.len()],
        }
    }

    // ---- members ----

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn member(&self, id: &MemberId) -> Option<&Arc<GroupMember>> {
        self.members.get(id)
    }

    /// The members in order of their ids.
    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<GroupMember>> {
        self.members.values()
    }

    /// The member that holds an instance id.
    pub(super) fn static_member(&self, instance_id: &str) -> Option<&Arc<GroupMember>> {
        self.members.get(self.static_members.get(instance_id)?)
    }

    /// The members in the order of Kafka's map.
    pub(super) fn order(&self) -> Vec<MemberId> {
        self.table.iter().cloned().collect()
    }

    /// Members that speak the classic protocol.
    pub(super) fn classic_members(&self) -> usize {
        self.members()
            .filter(|member| member.classic.is_some())
            .count()
    }

    /// How many members ask for an assignor.
    pub(super) fn asking(&self, kind: ServerAssignorKind) -> usize {
        self.asking[kind as usize]
    }

    /// The regular expressions that members subscribe to.
    pub(super) fn patterns(&self) -> impl ExactSizeIterator<Item = &Arc<SubscriptionPattern>> {
        self.patterns.keys()
    }

    /// The regular expressions that are resolved, and when each was.
    pub(super) fn resolved(&self) -> &BTreeMap<Arc<SubscriptionPattern>, SimTime> {
        &self.resolved
    }

    // ---- partitions ----

    /// True when nobody holds the partition.
    pub(super) fn is_free(&self, partition: TopicPartition) -> bool {
        !self.holders.contains_key(&partition)
    }

    /// What the member is to get.
    pub(super) fn target_of(&self, id: &MemberId) -> &[TopicPartition] {
        self.target
            .shares
            .get(id)
            .map_or(&[], |share| share.as_ref())
    }

    /// What the member may use, for answers and facts: where that is all of its target, the same list.
    pub(super) fn share_of(&self, member: &GroupMember) -> Partitions {
        let target = self.target.shares.get(&member.id);
        let is_all = |target: &&Partitions| target.iter().eq(member.assigned.keys());
        target
            .filter(is_all)
            .map_or_else(|| member.share(), Arc::clone)
    }

    /// The state that follows from members and epochs (`maybeUpdateGroupState`).
    pub(super) fn state(&self) -> GroupState {
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.target.epoch {
            GroupState::Assigning
        } else if self.unreconciled > 0 {
            GroupState::Reconciling
        } else {
            GroupState::Stable
        }
    }

    // ---- changes ----

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Subscription(member) | Change::Assignment(member) => self.put(member),
            Change::Removed(id) => {
                self.remove(id);
                self.target.shares.remove(id);
            }
            Change::Replaced(old, new) => {
                let share = self.target.shares.remove(old);
                self.remove(old);
                self.put(new);
                self.table.put(&new.id); // What it says of itself and how far it is are two records.
                self.target
                    .shares
                    .extend(share.map(|share| (new.id.clone(), share)));
            }
            Change::Resolved(pattern, at) => self.resolve(pattern, *at),
            Change::Epoch(epoch, metadata) => {
                self.epoch = *epoch;
                self.metadata = Arc::clone(metadata);
            }
            Change::Target(target) => {
                self.target = Target::clone(target);
                self.unreconciled = self.count_unreconciled();
            }
        }
    }

    fn put(&mut self, member: &Arc<GroupMember>) {
        self.table.put(&member.id);
        if let Some(pattern) = &member.pattern {
            *self.patterns.entry(Arc::clone(pattern)).or_default() += 1;
        }
        if let Some(kind) = member.server_assignor {
            self.asking[kind as usize] += 1;
        }
        self.unreconciled += usize::from(!member.is_reconciled_to(self.target.epoch));
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(Arc::clone(instance_id), member.id.clone());
        }
        let before = self.members.insert(member.id.clone(), Arc::clone(member));
        let held = before.as_ref().map(|before| {
            self.discount(before);
            (&before.assigned, &before.pending_revocation)
        });
        if held == Some((&member.assigned, &member.pending_revocation)) {
            return;
        }
        if let Some(before) = &before {
            self.free(before);
        }
        for partition in member.holds() {
            let before = self.holders.insert(partition, member.id.clone());
            assert!(
                before.is_none(),
                "{partition:?} goes to {} while {before:?} holds it",
                member.id
            );
        }
    }

    fn remove(&mut self, id: &MemberId) {
        self.table.remove(id);
        if let Some(member) = self.members.remove(id) {
            self.discount(&member);
            self.free(&member);
            if let Some(instance_id) = &member.instance_id {
                self.static_members.remove(instance_id);
            }
        }
    }

    /// Nobody holds what the member held.
    fn free(&mut self, member: &GroupMember) {
        for partition in member.holds() {
            self.holders.remove(&partition);
        }
    }

    /// The member counts no more as it was.
    fn discount(&mut self, member: &GroupMember) {
        if let Some(kind) = member.server_assignor {
            self.asking[kind as usize] -= 1;
        }
        self.unreconciled -= usize::from(!member.is_reconciled_to(self.target.epoch));
        if let Some(pattern) = &member.pattern
            && let Some(count) = self.patterns.get_mut(pattern)
        {
            *count -= 1;
            if *count == 0 {
                self.patterns.remove(pattern);
                self.resolved.remove(pattern);
            }
        }
    }

    fn resolve(&mut self, pattern: &Arc<SubscriptionPattern>, at: SimTime) {
        self.resolved.insert(Arc::clone(pattern), at);
        for member in self.members.values_mut() {
            if member.pattern.as_ref() == Some(pattern) {
                Arc::make_mut(member).topics = Arc::clone(&pattern.topics);
            }
        }
    }

    fn count_unreconciled(&self) -> usize {
        self.members()
            .filter(|member| !member.is_reconciled_to(self.target.epoch))
            .count()
    }

    /// The map of members as the log's replay fills it: what each of a converted group says of itself first, then how far each is; then who came
    /// with the conversion.
    pub(super) fn refill_table(&mut self, order: &[MemberId], newcomers: &[MemberId]) {
        self.table = MemberTable::default();
        let twice = |ids: &[MemberId]| ids.iter().chain(ids).cloned().collect::<Vec<_>>();
        for id in twice(order).iter().chain(&twice(newcomers)) {
            self.table.put(id);
        }
    }

    // ---- what must hold ----

    /// What must hold between two inputs; the first thing that does not, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.target.epoch > self.epoch {
            return Err(format!(
                "target epoch {} after group epoch {}",
                self.target.epoch, self.epoch
            ));
        }
        let unreconciled = self.count_unreconciled();
        if unreconciled != self.unreconciled {
            return Err(format!(
                "{unreconciled} members are not at the target, counted {}",
                self.unreconciled
            ));
        }
        if self.table.iter().count() != self.members.len() {
            return Err(format!(
                "{} members, {:?} in the table",
                self.members.len(),
                self.order()
            ));
        }
        let mut held = 0;
        for member in self.members() {
            self.check_member(member)?;
            held += member.holds().count();
        }
        if held != self.holders.len() {
            return Err(format!(
                "{held} partitions are held, counted {}",
                self.holders.len()
            ));
        }
        let stranger = |id: &&MemberId| !self.members.contains_key(*id);
        if let Some(id) = self.static_members.values().find(stranger) {
            return Err(format!("{id} holds an instance id and is no member"));
        }
        self.check_target()
    }

    fn check_member(&self, member: &GroupMember) -> Result<(), String> {
        let id = &member.id;
        if member.epoch > self.target.epoch {
            return Err(format!(
                "{id} is at epoch {}, the target at {}",
                member.epoch, self.target.epoch
            ));
        }
        let unrevoked = member.state == MemberEpochState::UnrevokedPartitions;
        if unrevoked == member.pending_revocation.is_empty() && !member.is_away() {
            return Err(format!(
                "{id} is {} and has {} partitions to give up",
                member.state.word(),
                member.pending_revocation.len()
            ));
        }
        if let Some(partition) = member
            .holds()
            .find(|partition| self.holders.get(partition) != Some(id))
        {
            return Err(format!("{id} holds {partition:?}, which is not its own"));
        }
        Ok(())
    }

    fn check_target(&self) -> Result<(), String> {
        let mut given: BTreeMap<TopicPartition, &MemberId> = BTreeMap::new();
        for (id, share) in &self.target.shares {
            if !self.members.contains_key(id) {
                return Err(format!("the target names {id}, who is no member"));
            }
            for &partition in share.iter() {
                if let Some(other) = given.insert(partition, id) {
                    return Err(format!(
                        "the target gives {partition:?} to {other} and {id}"
                    ));
                }
            }
        }
        let current = self.epoch == self.target.epoch && self.target.computed_at.is_some();
        if !current || self.is_empty() {
            return Ok(());
        }
        for (&topic, &partitions) in self.metadata.iter() {
            for partition in 0..partitions {
                let partition = TopicPartition { topic, partition };
                if !given.contains_key(&partition) {
                    return Err(format!("the target leaves out {partition:?}"));
                }
            }
        }
        Ok(())
    }
}
