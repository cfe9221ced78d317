//! What the leader of a generation does inside its JoinGroup answer: collect what the members said and what a custom assignor wants to know,
//! run the assignor, note the partitions it assigned by.

use super::world::World;

use super::client::App;
use crate::assignor::{
    AssignmentInput, AssignorKind, ConsumerId, Measure, MemberDescription, TopicDescription,
    TopicId, TopicPartition, assign,
};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::OffsetReset;
use crate::protocol::message::{JoinGroupMember, Subscription};
use crate::timeline::Partitions;
use crate::workload::assignor_cost::{AssignorWork, assignor_cost};

/// How far back [`Measure::Weight`] looks.
const WEIGHT_SPAN: SimDuration = SimDuration::from_secs(60);

/// The topics that the members have subscribed to, in order.
fn topics_of(members: &[JoinGroupMember]) -> Vec<TopicId> {
    let mut topics: Vec<TopicId> = members
        .iter()
        .flat_map(|member| member.subscription.topics.iter().copied())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// The same, each with its partitions in the leader's metadata. One that they lack counts as a topic without any, but as one all the same: who has subscribed to it has not
/// subscribed to the same as others (`AbstractPartitionAssignor.assign`).
fn known_topics(members: &[JoinGroupMember], metadata: &[(TopicId, u32)]) -> Vec<(TopicId, u32)> {
    let partitions = |topic| {
        let known = metadata.iter().find(|(known, _)| *known == topic);
        known.map_or(0, |&(_, partitions)| partitions)
    };
    let topics = topics_of(members).into_iter();
    topics.map(|topic| (topic, partitions(topic))).collect()
}

impl World<'_> {
    /// The topics that the members have subscribed to, each with the partitions that it has now.
    pub(super) fn present_topics(&self, members: &[JoinGroupMember]) -> Vec<(TopicId, u32)> {
        let topics = topics_of(members).into_iter();
        topics
            .map(|topic| (topic, self.topology.partitions_of(topic)))
            .collect()
    }

    /// What the leader knows of topics, and when: it goes by the metadata that it has, which may be `metadata.max.age.ms` old, and have topics of which there is nobody in the group
    /// any more.
    pub(super) fn metadata_of(
        &mut self,
        leader: ConsumerId,
        members: &[JoinGroupMember],
    ) -> (Vec<(TopicId, u32)>, SimTime) {
        let now = self.now();
        let told = self.with_client(leader, now, |client, ground| {
            let at = client.lead_topics(topics_of(members), ground);
            (client.metadata.topics().to_vec(), at)
        });
        told.unwrap_or_default()
    }

    /// The leader runs its assignor.
    pub(super) fn lead(
        &mut self,
        consumer: ConsumerId,
        kind: AssignorKind,
        members: &[JoinGroupMember],
    ) {
        let now = self.now();
        let (known, metadata) = self.metadata_of(consumer, members);
        let topics = known_topics(members, &known);
        let lists = self.assign_for(consumer, kind, members, &topics);
        let cost = self.assignor_cost(consumer, kind, members, &topics);
        let assignments = members
            .iter()
            .map(|member| member.member_id.clone())
            .zip(lists)
            .collect();
        self.with_client(consumer, now, |client, _| {
            client.assigned = Some(assignments);
            client.app = App::Assigning {
                until: metadata.max(now) + cost,
            };
        });
    }

    /// How long the assignor of `consumer` runs: as the plan says, else as measured for an assignor of this kind and release.
    fn assignor_cost(
        &mut self,
        consumer: ConsumerId,
        kind: AssignorKind,
        members: &[JoinGroupMember],
        snapshot: &[(TopicId, u32)],
    ) -> SimDuration {
        let calibrated = self.options.calibration.assignor_cost.as_ref();
        let process = &mut self.processes[consumer.index()];
        if let Some(cost) = self.plan.brokers.assignor_cost.as_ref().or(calibrated) {
            return cost.sample(&mut process.assignor);
        }
        let subscriptions = members
            .iter()
            .map(|member| member.subscription.topics.len());
        let members_count = members.len() as u64;
        assignor_cost(&AssignorWork {
            kind,
            members: members_count,
            topics: (subscriptions.sum::<usize>() as u64).div_ceil(members_count.max(1)),
            partitions: snapshot.iter().map(|&(_, count)| u64::from(count)).sum(),
            owned: members.iter().any(|member| {
                let memory = member.subscription.sticky_memory.as_ref();
                !member.subscription.owned.is_empty()
                    || memory.is_some_and(|(owned, _)| !owned.is_empty())
            }),
            sticky: process.spec.sticky,
        })
    }

    /// What a custom assignor of `consumer` reads of each partition at this instant.
    ///
    /// A partition without a committed offset is behind by nothing under `auto.offset.reset: latest`, else by its whole log
    /// (`LagBasedPartitionAssignor.computePartitionLag`). Nothing is known of the time before the run: for a group that stands at its
    /// very start the first 60 s weigh what the last 60 s would.
    fn loads_for(
        &self,
        consumer: ConsumerId,
        measure: Measure,
        snapshot: &[(TopicId, u32)],
    ) -> Vec<Vec<u64>> {
        let now = self.now();
        let process = &self.processes[consumer.index()];
        let latest = process.spec.config.auto_offset_reset == OffsetReset::Latest;
        let accounts = &self.groups[process.group.index()].accounts;
        let span = if now == SimTime::ZERO {
            (now, now + WEIGHT_SPAN)
        } else {
            let since = now.as_micros().saturating_sub(WEIGHT_SPAN.as_micros());
            (SimTime::from_micros(since), now)
        };
        let load = |topic: TopicId, partition: u32| {
            let index = self.topology.index(TopicPartition { topic, partition });
            let arrivals = &self.logs[index].arrivals;
            match measure {
                Measure::Lag => {
                    let end = arrivals.count(now);
                    let unknown = if latest { end } else { 0 };
                    end.saturating_sub(
                        accounts[index]
                            .committed(&self.logs[index], now)
                            .unwrap_or(unknown),
                    )
                }
                Measure::Weight => arrivals.produced(span.0, span.1),
            }
        };
        snapshot
            .iter()
            .map(|&(topic, partitions)| (0..partitions).map(|number| load(topic, number)).collect())
            .collect()
    }

    /// What the assignor of `consumer` gives each of the members, of `snapshot`: their topics in order, with the partitions that the leader knows.
    pub(super) fn assign_for(
        &mut self,
        consumer: ConsumerId,
        kind: AssignorKind,
        members: &[JoinGroupMember],
        snapshot: &[(TopicId, u32)],
    ) -> Vec<Partitions> {
        let position = |topic: TopicId| {
            snapshot
                .binary_search_by_key(&topic, |&(known, _)| known)
                .ok()
        };
        let topics = snapshot
            .iter()
            .map(|&(topic, partitions)| TopicDescription {
                partitions,
                ..self.topics[topic.index()].clone()
            })
            .collect();
        let place = |partition: &TopicPartition| {
            let position = position(partition.topic)?;
            if snapshot[position].1 == 0 {
                return None; // A topic that is not in the metadata is nobody's (`prepopulateCurrentAssignments`).
            }
            let topic = TopicId(u32::try_from(position).ok()?);
            Some(TopicPartition {
                topic,
                partition: partition.partition,
            })
        };
        let described = members
            .iter()
            .map(|member| {
                let subscription = &member.subscription;
                let (owned, generation) = claim(kind, subscription);
                MemberDescription {
                    id: member.member_id.clone(),
                    instance: member.instance_id.as_deref().map(str::to_owned),
                    rack: subscription.rack.as_deref().map(str::to_owned),
                    topics: subscription
                        .topics
                        .iter()
                        .filter_map(|&topic| Some(TopicId(u32::try_from(position(topic)?).ok()?)))
                        .collect(),
                    owned: owned.iter().filter_map(place).collect(),
                    generation,
                    subscription_generation: subscription.generation,
                }
            })
            .collect();
        let input = AssignmentInput {
            mixed_patterns: false,
            topics,
            members: described,
            loads: kind.measure().map_or_else(Vec::new, |measure| {
                self.loads_for(consumer, measure, snapshot)
            }),
        };
        let memories = &mut self.processes[consumer.index()].memory;
        if !memories.iter().any(|&(known, _)| known == kind) {
            memories.push((kind, crate::assignor::AssignorMemory::default()));
        }
        let mut lists = Vec::new();
        for (known, memory) in memories {
            if *known == kind {
                lists = assign(kind, &input, memory);
            }
        }
        lists
            .into_iter()
            .map(|list| {
                list.into_iter()
                    .map(|placed| TopicPartition {
                        topic: snapshot[placed.topic.index()].0,
                        partition: placed.partition,
                    })
                    .collect()
            })
            .collect()
    }
}

/// What the assignor takes a member to own, and since which generation: what its subscription says, or its user data.
fn claim(kind: AssignorKind, subscription: &Subscription) -> (&[TopicPartition], i32) {
    match (kind, &subscription.sticky_memory) {
        (AssignorKind::Sticky, Some((owned, generation))) => (owned, *generation),
        (AssignorKind::Sticky, None) => (&[], -1),
        (AssignorKind::CooperativeSticky, Some((_, generation))) if subscription.generation < 0 => {
            (&subscription.owned, *generation)
        }
        (
            AssignorKind::CooperativeSticky
            | AssignorKind::Range
            | AssignorKind::RoundRobin
            | AssignorKind::LagAware
            | AssignorKind::Weighted,
            _,
        ) => (&subscription.owned, subscription.generation),
    }
}
