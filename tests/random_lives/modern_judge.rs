//! What must hold of consumer groups besides.

use std::collections::{BTreeMap, BTreeSet};

use rebsim::assignor::{ConsumerId, GroupId, MemberId, TopicPartition};
use rebsim::kernel::SimTime;
use rebsim::timeline::{GroupState, Observation, Partitions, Timeline};

/// What the coordinator thinks of one group.
#[derive(Default)]
pub(crate) struct Group {
    /// It is one of the consumer protocol.
    pub(crate) modern: bool,
    /// It is in the midst of a rebalance of the classic protocol.
    rebalancing: bool,
    /// It became a classic group, and the rebalance that this begins is not over: it is in memory only.
    converting: bool,
    /// A topic has grown.
    grown: bool,
    /// What nobody had been assigned waits for the next join. Either it was rebalancing when it was converted, or a topic had grown, and its epoch has not been bumped
    /// since: whose place it was that a static member took counts as known, and the topics' hash is of what they are now, the target of what they were
    /// (`convertToConsumerGroup` holds that every conversion brings a bump). Or its coordinator began anew before the
    /// rebalance was over that its conversion had begun: the log has the group as it was converted, stable. Or it became a classic group without a rebalance, where whoever was on the way to its
    /// target counts as arrived and is not told of the rest. All are so in Kafka too.
    pub(crate) forgetful: bool,
    pub(crate) members: BTreeMap<MemberId, ConsumerId>,
    /// Members that have not been heard since it was converted. A classic group took them for owners of their target, not of what they had (`ClassicGroup.fromConsumerGroup`);
    /// a consumer group, of what they had been assigned last, which who did not come to the rebalance under way has not heard of (`ConsumerGroup.fromClassicGroup`).
    /// Whoever makes it a consumer group again by joining before they do may be given what they still serve, in Kafka too.
    unheard: BTreeSet<ConsumerId>,
    /// What each member has been assigned and does not own yet. The coordinator takes it back at once from who says that it does not own it, which may yet come to own it: a
    /// reconciliation under way goes on when there is another target (`AbstractMembershipManager.maybeAbortReconciliation`), in Kafka too.
    offered: BTreeSet<(TopicPartition, ConsumerId)>,
    taken_back: BTreeSet<(TopicPartition, ConsumerId)>,
    assigned: BTreeMap<ConsumerId, Vec<TopicPartition>>,
    /// Whose place was taken last, until it is said what it has been assigned: only then may the group become a classic one.
    replaced: Option<ConsumerId>,
    /// The last target, and which assignor made it.
    pub(crate) target: Option<(&'static str, Vec<(ConsumerId, Partitions)>)>,
    pub(crate) serving: BTreeMap<TopicPartition, BTreeSet<ConsumerId>>,
}

impl Group {
    fn is_member(&self, consumer: ConsumerId) -> bool {
        self.members.values().any(|&member| member == consumer)
    }

    /// `consumer` is assigned `partitions`, and of what it was offered before only what it `holds` is still meant for it.
    fn offer(
        &mut self,
        consumer: ConsumerId,
        partitions: &[TopicPartition],
        holds: impl Fn(&TopicPartition) -> bool,
    ) {
        let (kept, dropped) = std::mem::take(&mut self.offered)
            .into_iter()
            .partition(|(place, who)| *who != consumer || holds(place));
        self.offered = kept;
        let dropped: BTreeSet<_> = dropped;
        self.taken_back.extend(dropped);
        let before = self.assigned.insert(consumer, partitions.to_vec());
        for &place in partitions {
            self.taken_back.remove(&(place, consumer));
            if before
                .as_ref()
                .is_none_or(|before| !before.contains(&place))
            {
                self.offered.insert((place, consumer));
            }
        }
    }

    /// Something shows that it is a consumer group. If it was a classic one in the midst of a rebalance until now, it takes its members for owners of what the rebalance
    /// left them: nothing, where it had begun before the leader's assignment came (`resetAndPropagateAssignmentWithError`). And whose application is `stalled` has not seen what the last
    /// assignment took away from it.
    fn forget_who_was_called(&mut self, stalled: &BTreeSet<ConsumerId>) {
        if self.modern {
            return;
        }
        let members = self.members.values().copied();
        if self.rebalancing {
            self.unheard = members.collect();
        } else {
            let stalled = members.filter(|member| stalled.contains(member));
            self.unheard.extend(stalled);
        }
    }
}

/// Follows the groups through a run.
#[derive(Default)]
pub(crate) struct Watch {
    /// `group.consumer.migration.policy` lets consumer groups become classic ones.
    may_downgrade: bool,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    /// Who spoke the classic protocol last.
    pub(crate) classic: BTreeSet<ConsumerId>,
    /// Whose application stands still.
    stalled: BTreeSet<ConsumerId>,
}

impl Watch {
    /// The whole run, or the first instant at which two members of a consumer group serve a partition of which neither is a zombie: who is no member any
    /// more, and has not heard of it.
    pub(crate) fn over(timeline: &Timeline, may_downgrade: bool) -> Result<Self, String> {
        let mut watch = Self {
            may_downgrade,
            ..Self::default()
        };
        for entry in &timeline.entries {
            watch.follow(entry.at, &entry.observation, timeline)?;
        }
        Ok(watch)
    }

    fn follow(
        &mut self,
        at: SimTime,
        seen: &Observation,
        timeline: &Timeline,
    ) -> Result<(), String> {
        self.follow_conversions(seen);
        self.follow_members(seen);
        match seen {
            Observation::Serving { consumer, log_ends } => {
                let id = timeline.cast.consumers[consumer.index()].group;
                for (partition, _) in log_ends.iter() {
                    let group = self.of(id);
                    let others = group.serving.entry(*partition).or_default();
                    others.insert(*consumer);
                    let servers: Vec<ConsumerId> = others.iter().copied().collect();
                    let rightful: Vec<&str> = servers
                        .into_iter()
                        .filter(|server| {
                            let is_taken_back = group.taken_back.contains(&(*partition, *server));
                            group.is_member(*server)
                                && !group.unheard.contains(server)
                                && !is_taken_back
                        })
                        .map(|server| timeline.cast.consumers[server.index()].name.as_str())
                        .collect();
                    if group.modern && rightful.len() > 1 {
                        return Err(format!("owners: {at}: {rightful:?} serve {partition:?}"));
                    }
                }
            }
            Observation::Assigned {
                consumer,
                partitions,
            } => {
                let id = timeline.cast.consumers[consumer.index()].group;
                let offered = &mut self.of(id).offered;
                offered.retain(|(place, who)| who != consumer || !partitions.contains(place));
            }
            Observation::MemberEpoch {
                group,
                consumer,
                assigned,
                pending_revocation,
                ..
            } => {
                let held = |place: &TopicPartition| {
                    assigned.contains(place) || pending_revocation.contains(place)
                };
                self.of(*group).offer(*consumer, assigned, held);
            }
            Observation::Released {
                consumer, log_ends, ..
            } => {
                let id = timeline.cast.consumers[consumer.index()].group;
                for (partition, _) in log_ends.iter() {
                    let servers = self.of(id).serving.entry(*partition).or_default();
                    servers.remove(consumer);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Who is in each group, and what is meant for whom.
    fn follow_members(&mut self, seen: &Observation) {
        match seen {
            Observation::TargetAssignment {
                group,
                assignor,
                assignment,
                ..
            } => {
                let group = self.of(*group);
                group.modern = true;
                group.target = Some((assignor, assignment.to_vec()));
            }
            Observation::MemberAdded {
                group,
                consumer,
                member_id,
                ..
            }
            | Observation::MemberJoined {
                group,
                consumer,
                member_id,
                ..
            } => {
                self.of(*group).members.insert(member_id.clone(), *consumer);
            }
            Observation::StaticMemberReplaced {
                group,
                consumer,
                old,
                new,
                ..
            } => {
                let replaced = self.of(*group);
                replaced.replaced = Some(*consumer);
                replaced.members.remove(old);
                replaced.members.insert(new.clone(), *consumer);
                self.follow_last_replacement(*group);
            }
            Observation::MemberRemoved {
                group, member_id, ..
            } => {
                self.of(*group).members.remove(member_id);
            }
            _ => {}
        }
    }

    /// Which protocol is spoken, and what conversions between the two forget.
    fn follow_conversions(&mut self, seen: &Observation) {
        match seen {
            Observation::PartitionsAdded { .. } => {
                for group in self.groups.values_mut() {
                    group.grown = true;
                }
            }
            Observation::Synced { consumer, .. } => {
                for group in self.groups.values_mut() {
                    group.unheard.remove(consumer);
                }
            }
            Observation::Joining { consumer } => {
                self.classic.insert(*consumer);
            }
            Observation::ClientTransition { consumer, .. } => {
                self.classic.remove(consumer);
            }
            Observation::JoinComplete { group, .. } => {
                let group = self.of(*group);
                // From now on the target is what the leader assigns, also when the group is converted and nothing bumps its epoch.
                group.target = None;
                (group.modern, group.converting, group.forgetful) = (false, false, false);
                group.unheard.clear();
            }
            Observation::GroupState { group, to, .. } => {
                let group = self.of(*group);
                group.rebalancing = matches!(
                    to,
                    GroupState::PreparingRebalance | GroupState::CompletingRebalance
                );
                if group.modern && group.rebalancing {
                    group.modern = false;
                    group.converting = true;
                    group.unheard = group.members.values().copied().collect();
                }
            }
            Observation::ConsumerStalled { consumer }
            | Observation::ConsumerFrozen { consumer } => {
                self.stalled.insert(*consumer);
            }
            Observation::ConsumerResumed { consumer }
            | Observation::ConsumerThawed { consumer }
            | Observation::ConsumerStarted { consumer } => {
                self.stalled.remove(consumer);
            }
            Observation::GroupEpoch { group, .. } => {
                let stalled = self.stalled.clone();
                let group = self.of(*group);
                group.forget_who_was_called(&stalled);
                (group.modern, group.converting, group.forgetful) = (true, false, false);
            }
            Observation::CoordinatorAvailable {
                group,
                available: false,
                ..
            } => {
                let group = self.of(*group);
                group.forgetful |= group.converting;
            }
            Observation::MemberEpoch {
                group: id,
                consumer,
                ..
            } => {
                let stalled = self.stalled.clone();
                let group = self.of(*id);
                group.forget_who_was_called(&stalled);
                group.unheard.remove(consumer);
                group.forgetful |= !group.modern && (group.rebalancing || group.grown);
                group.modern = true;
                let is_replaced = group.replaced.take() == Some(*consumer);
                if is_replaced {
                    self.follow_last_replacement(*id);
                }
            }
            _ => {}
        }
    }

    /// When the last member that spoke the consumer protocol comes back and speaks the classic one, it becomes a classic group without a rebalance.
    fn follow_last_replacement(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let members: BTreeSet<ConsumerId> = group.members.values().copied().collect();
        if group.modern && self.may_downgrade && members.is_subset(&self.classic) {
            (group.modern, group.forgetful) = (false, true);
            group.unheard = members;
        }
    }

    fn of(&mut self, group: GroupId) -> &mut Group {
        self.groups.entry(group).or_default()
    }
}

/// The last target of `group` gives every partition of `places` to one member, evenly where all subscribe to the same.
pub(crate) fn target_fault(
    group: &Group,
    timeline: &Timeline,
    places: &BTreeSet<TopicPartition>,
    is_starved: impl Fn(TopicPartition) -> bool,
) -> Option<String> {
    let (assignor, shares) = group.target.as_ref()?;
    let given: Vec<TopicPartition> = shares
        .iter()
        .flat_map(|(_, share)| share.iter().copied())
        .collect();
    let distinct: BTreeSet<TopicPartition> = given.iter().copied().collect();
    if given.len() != distinct.len() || distinct != *places {
        return Some(format!("target: {given:?} of {places:?}"));
    }
    for (consumer, share) in shares {
        for place in share.iter() {
            let servers = group.serving.get(place);
            let is_served = servers.is_some_and(|servers| servers.contains(consumer));
            if !is_served && !is_starved(*place) {
                return Some(format!(
                    "target: {place:?} is meant for {consumer:?}, served by {servers:?}"
                ));
            }
        }
    }
    let topics: BTreeSet<_> = shares
        .iter()
        .map(|(consumer, _)| timeline.cast.consumers[consumer.index()].topics.clone())
        .collect();
    if topics.len() != 1 {
        return None;
    }
    let uneven = |counts: Vec<usize>| {
        counts
            .iter()
            .max()
            .zip(counts.iter().min())
            .is_some_and(|(most, least)| most - least > 1)
    };
    let whole = uneven(shares.iter().map(|(_, share)| share.len()).collect());
    let by_topic = places.iter().map(|place| place.topic).any(|topic| {
        let of_topic =
            |share: &Partitions| share.iter().filter(|place| place.topic == topic).count();
        uneven(shares.iter().map(|(_, share)| of_topic(share)).collect())
    });
    let fault = match *assignor {
        "uniform" => whole,
        "range" => by_topic,
        other => return Some(format!("target: by {other}")),
    };
    fault.then(|| format!("target: {assignor} is uneven: {shares:?}"))
}
