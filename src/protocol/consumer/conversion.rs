//! A consumer group that comes of a classic one, and one that becomes a classic one (`ConsumerGroup.fromClassicGroup`,
//! `ClassicGroup.fromConsumerGroup`): this protocol's half of it.
//!
//! A conversion counts as written at once: a coordinator that goes away in the millisecond that its append takes comes back with the new group.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::coordinator::{Coordinator, Deferred};
use super::group::{Change, ClassicMember, GroupMember, Held, Target};
use crate::assignor::{MemberId, TopicDescription};
use crate::kernel::SimTime;
use crate::protocol::config::BrokerConfig;
use crate::protocol::effect::{AppendToken, CoordinatorEffect};
use crate::protocol::message::{RequestToken, Response};
use crate::protocol::record::{GroupRecord, MemberRecord};
use crate::timeline::{GroupState, Partitions, RebalanceReason};

/// A classic group that becomes a consumer group.
#[derive(Clone, Debug)]
pub struct Upgraded {
    /// The group.
    pub record: GroupRecord,
    /// The state observed last, and since when.
    pub state: (GroupState, SimTime),
    /// Writes that it has issued: this machine's go on from there.
    pub appends_issued: u64,
}

/// A consumer group that becomes a classic group.
#[derive(Clone, Debug)]
pub struct Downgraded {
    /// The group, its epoch as the generation, its members in the order of Kafka's map; who leads and by which assignor is still open.
    pub record: GroupRecord,
    /// The state observed last.
    pub state: GroupState,
    /// Writes that it has issued.
    pub appends_issued: u64,
    /// What was to leave with its writes that are not committed yet.
    pub left_over: Vec<(AppendToken, Vec<CoordinatorEffect>)>,
    /// Why the classic group begins a rebalance, and whose doing it is; `None`: it need not.
    pub reason: Option<(RebalanceReason, MemberId)>,
    /// The answer that waits until all this is written.
    pub answer: Option<(RequestToken, Response)>,
}

impl Coordinator {
    /// The coordinator of a group that was classic: every member is at its share and at the epoch that was the generation. Sessions are armed.
    #[must_use]
    pub fn upgrade(
        config: BrokerConfig,
        now: SimTime,
        classic: &Upgraded,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) -> Self {
        let mut machine = Self::new(config);
        machine.on_topics_changed(now, topics);
        let members = &classic.record.members;
        let epoch = classic.record.generation;
        let exists = |topic: usize| topics.get(topic).map_or(0, |topic| topic.partitions) > 0;
        let mut shares: BTreeMap<MemberId, Partitions> = BTreeMap::new();
        let mut converted = Vec::new();
        for member in members {
            let mut share = member.assignment.to_vec();
            share.retain(|partition| exists(partition.topic.index()));
            share.sort_unstable();
            let assigned: Held = share.iter().map(|&held| (held, epoch)).collect();
            shares.insert(member.member_id.clone(), share.into());
            converted.push(GroupMember {
                instance_id: member.instance_id.clone(),
                rack: member.subscription.rack.clone(),
                rebalance_timeout: member.rebalance_timeout,
                topics: member.subscription.topics.as_slice().into(),
                epoch,
                previous_epoch: epoch,
                assigned: Arc::new(assigned),
                classic: Some(ClassicMember {
                    session_timeout: member.session_timeout,
                    assignors: Arc::clone(&member.assignors),
                    subscription: Arc::clone(&member.subscription),
                }),
                ..GroupMember::new(member.member_id.clone())
            });
        }
        machine.record(Change::Target(Arc::new(Target {
            epoch,
            computed_at: None,
            shares,
        })));
        for member in converted {
            machine.record(Change::Assignment(Arc::new(member)));
        }
        let metadata = if machine.config.consumer.upgraded_groups_know_topics {
            machine.current_metadata()
        } else {
            Arc::default()
        };
        machine.record(Change::Epoch(epoch, metadata));
        for member in members {
            machine.restart_session(&member.member_id, member.session_timeout, out);
        }
        machine.drop_changes();
        machine.persisted = machine.group.clone();
        (machine.state, machine.state_since) = classic.state;
        machine.appends_issued = classic.appends_issued;
        machine
    }

    /// The members in the order of Kafka's map.
    #[must_use]
    pub fn map_order(&self) -> Vec<MemberId> {
        self.group.order()
    }

    /// The log's replay fills the map of an upgraded group anew, in the order in which the first map had it (`converted`); then comes who joined with
    /// the upgrade.
    pub fn settle_upgrade(&mut self, mut converted: Vec<MemberId>) {
        converted.retain(|id| self.contains(id));
        let newcomers: Vec<MemberId> = self
            .members()
            .filter(|id| !converted.contains(id))
            .cloned()
            .collect();
        self.group.refill_table(&converted, &newcomers);
    }

    /// What is left of the group, if it is to go back to the classic protocol. This machine is done then.
    pub fn take_downgraded(&mut self, out: &mut Vec<CoordinatorEffect>) -> Option<Downgraded> {
        let downgrade = self.downgrade.take()?;
        self.disarm_all(out);
        let left_over = self.dissolve();
        let mut order = self.group.order();
        order.retain(|id| Some(id) != downgrade.joined.as_ref());
        order.extend(downgrade.joined);
        let members = order.iter().filter_map(|id| self.converted(id));
        let record = GroupRecord {
            generation: self.group.epoch,
            assignor: None,
            leader: None,
            members: members.collect(),
        };
        Some(Downgraded {
            record,
            state: self.state,
            appends_issued: self.appends_issued,
            left_over,
            reason: downgrade.reason,
            answer: downgrade.answer,
        })
    }

    /// What was to leave with writes that are not committed yet: the group is taken away from this machine.
    pub fn dissolve(&mut self) -> Vec<(AppendToken, Vec<CoordinatorEffect>)> {
        std::mem::take(&mut self.appends)
            .into_iter()
            .map(|(token, append)| (token, append.then.into_iter().map(left_over).collect()))
            .collect()
    }

    /// Writes that it has issued.
    #[must_use]
    pub fn appends_issued(&self) -> u64 {
        self.appends_issued
    }

    /// Writes are numbered on from there: others have been issued for the group before.
    pub fn go_on_from(&mut self, appends_issued: u64) {
        self.appends_issued = appends_issued;
    }

    fn converted(&self, id: &MemberId) -> Option<MemberRecord> {
        let member = self.group.member(id)?;
        let classic = member.classic.as_ref()?;
        Some(MemberRecord {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            session_timeout: classic.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
            assignors: Arc::clone(&classic.assignors),
            subscription: Arc::clone(&classic.subscription),
            assignment: self.group.target_of(id).into(),
        })
    }
}

/// What waits for a write of a group that is gone: answers and commits, no matter of membership.
fn left_over(deferred: Deferred) -> CoordinatorEffect {
    match deferred {
        Deferred::Reply(to, response)
        | Deferred::ClassicJoined(to, response, ..)
        | Deferred::ClassicSynced(to, response, _) => CoordinatorEffect::Reply { to, response },
        Deferred::StoreOffsets(to, offsets) => CoordinatorEffect::StoreOffsets { to, offsets },
    }
}
