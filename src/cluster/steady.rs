//! Before time begins: the layout of topics and records, the empty groups, and the steady start — a stable, assigned generation at t = 0 as if
//! it had just synced.

use std::sync::Arc;

use super::client::{App, Client};
use super::coordinators::HostedGroup;
use super::fetch::Readiness;
use super::ground::Topology;
use super::ledger::{Account, Log};
use super::naming::Naming;
use super::script::Step;
use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, GroupId, MemberId, TopicDescription, TopicId, TopicPartition};
use crate::kernel::{Draw, Seed, SimTime, Stream, Timers};
use crate::protocol::classic::{Coordinator, GroupRecord, Member, MemberRecord, select_assignor};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::message::{JoinGroupMember, Subscription};
use crate::scenario::plan::{Consumer, Plan, StartAt, Verb};
use crate::timeline::{Cast, ConsumerFacts, GroupFacts, GroupState, Observation, Partitions};
use crate::workload::arrivals::{LoadFactor, LoadTerm, TopicArrivals, TopicLoad};
use crate::workload::service::ServiceTimes;

/// Partitions of each topic over time, as the script will have it.
fn growth(plan: &Plan, topic: TopicId) -> Vec<(SimTime, u32)> {
    let mut growth = vec![(SimTime::ZERO, plan.topics[topic.index()].partitions)];
    let mut added: Vec<(SimTime, u32)> = plan
        .events
        .iter()
        .filter_map(|event| match event.verb {
            Verb::Partitions(changed, partitions) if changed == topic => {
                Some((event.at, partitions))
            }
            _ => None,
        })
        .collect();
    added.sort_unstable();
    for (at, partitions) in added {
        if growth
            .last()
            .is_some_and(|&(_, before)| partitions > before)
        {
            growth.push((at, partitions));
        }
    }
    growth
}

fn factors(plan: &Plan, topic: TopicId) -> Vec<LoadFactor> {
    let mut factors = Vec::new();
    for event in &plan.events {
        if let Verb::Load(changed, thousandths, length) = event.verb
            && changed == topic
        {
            for round in 0..u64::from(event.repeat.1.max(1)) {
                let from = event.at + event.repeat.0.times(round);
                factors.push(LoadFactor {
                    from,
                    to: from + length,
                    thousandths,
                });
            }
        }
    }
    factors
}

/// Every partition that will ever exist: its place in the flat list and its records.
pub(super) fn lay_out(plan: &Plan, seed: Seed) -> (Topology, Vec<Log>) {
    let mut base = Vec::new();
    let mut logs = Vec::new();
    for (position, topic) in plan.topics.iter().enumerate() {
        base.push(logs.len());
        let id = TopicId(u32::try_from(position).unwrap_or(u32::MAX));
        let (partitions, factors) = (growth(plan, id), factors(plan, id));
        let arrivals = TopicArrivals::new(&TopicLoad {
            topic: &topic.name,
            terms: &topic.load,
            per_partition: topic.per_partition,
            skew: &topic.skew,
            partitions: &partitions,
            factors: &factors,
            backlog: &topic.backlog,
            until: SimTime::ZERO + plan.duration,
        })
        .unwrap_or_else(|refusal| panic!("the scenario accepts only sound loads: {refusal}"));
        for partition in 0..arrivals.partitions() {
            logs.push(Log {
                arrivals: arrivals.partition(seed, partition),
                service: ServiceTimes::new(seed, &topic.name, partition),
                record_size: topic.record_size,
            });
        }
    }
    let partitions = plan.topics.iter().map(|topic| topic.partitions).collect();
    (
        Topology {
            base,
            partitions,
            brokers: plan.brokers.count as usize,
        },
        logs,
    )
}

/// True when arrivals or service times depend on the seed.
pub(super) fn draws_records(plan: &Plan) -> bool {
    let varies = |consumer: &Consumer| {
        let listener = &consumer.listener;
        [
            &consumer.processing.per_record,
            &consumer.processing.per_poll,
            &listener.on_revoked.duration,
            &listener.on_assigned.duration,
            &listener.on_lost.duration,
        ]
        .iter()
        .any(|distribution| !distribution.is_constant())
    };
    let random_load = plan.topics.iter().any(|topic| {
        topic
            .load
            .iter()
            .any(|term| matches!(term, LoadTerm::Poisson(_) | LoadTerm::Bursts { .. }))
    });
    let brokers = &plan.brokers;
    random_load
        || plan.consumers.iter().any(varies)
        || !brokers.append.is_constant()
        || !brokers.latency.is_constant()
        || plan.events.iter().any(super::script::draws)
}

/// Topics as assignors see them.
pub(super) fn describe_topics(plan: &Plan, naming: &Naming) -> Vec<TopicDescription> {
    let brokers = &plan.brokers;
    let rack = |broker: usize| brokers.racks[broker % brokers.racks.len()].clone();
    plan.topics
        .iter()
        .enumerate()
        .map(|(position, topic)| {
            let (name, id) = naming.topic(position, &topic.name);
            let racks = if brokers.racks.is_empty() {
                Vec::new()
            } else {
                (0..topic.partitions as usize)
                    .map(|partition| {
                        (0..topic.replicas as usize)
                            .map(|replica| {
                                rack((position + partition + replica) % brokers.count as usize)
                            })
                            .collect()
                    })
                    .collect()
            };
            TopicDescription {
                name,
                id,
                partitions: topic.partitions,
                racks,
            }
        })
        .collect()
}

/// The groups before anybody has joined.
pub(super) fn found_groups(plan: &Plan, seed: Seed, logs: &[Log]) -> Vec<HostedGroup> {
    plan.groups
        .iter()
        .map(|group| HostedGroup {
            coordinator: Coordinator::new(plan.brokers.config.clone()),
            timers: Timers::default(),
            accounts: logs
                .iter()
                .map(|_| Account::new(0, None, plan.measure))
                .collect(),
            processes: std::collections::BTreeMap::new(),
            unanswered: std::collections::BTreeMap::new(),
            available: true,
            append: Draw::new(seed, Stream::new(&group.name, "append")),
            last_append: SimTime::ZERO,
        })
        .collect()
}

/// The settings of a process after the last `config` event that concerns it.
fn settings_at_end<'a>(plan: &'a Plan, consumer: &'a Consumer) -> &'a ConsumerConfig {
    let is_it = |id: &ConsumerId| std::ptr::eq(&raw const plan.consumers[id.index()], consumer);
    let configured = plan
        .events
        .iter()
        .rev()
        .find_map(|event| match &event.verb {
            Verb::Configure(_, settings) => settings.iter().rev().find(|(id, _)| is_it(id)),
            _ => None,
        });
    configured.map_or(&consumer.config, |(_, config)| config)
}

/// Names and constants for the readers.
pub(super) fn cast(plan: &Plan, topology: &Topology) -> Cast {
    Cast {
        topics: plan
            .topics
            .iter()
            .zip(&topology.partitions)
            .map(|(topic, &partitions)| (topic.name.clone(), partitions))
            .collect(),
        groups: plan
            .groups
            .iter()
            .enumerate()
            .map(|(position, group)| {
                let members = plan
                    .consumers
                    .iter()
                    .filter(|consumer| consumer.group.index() == position);
                let mut topics: Vec<TopicId> = members
                    .clone()
                    .flat_map(|consumer| consumer.topics.iter().copied())
                    .collect();
                topics.sort_unstable();
                topics.dedup();
                GroupFacts {
                    name: group.name.clone(),
                    topics,
                    protocol: "classic",
                    rebalance: if members
                        .clone()
                        .all(|consumer| settings_at_end(plan, consumer).is_cooperative())
                    {
                        "cooperative"
                    } else {
                        "eager"
                    },
                    is_static: members
                        .clone()
                        .any(|consumer| consumer.config.group_instance_id.is_some()),
                }
            })
            .collect(),
        consumers: plan
            .consumers
            .iter()
            .map(|consumer| ConsumerFacts {
                name: format!(
                    "{}/{}",
                    plan.groups[consumer.group.index()].name,
                    consumer.name
                ),
                group: consumer.group,
                topics: consumer.topics.clone(),
                heartbeat_interval: consumer.config.heartbeat_interval,
                instance: consumer
                    .config
                    .group_instance_id
                    .as_deref()
                    .map(str::to_owned),
            })
            .collect(),
    }
}

impl World<'_> {
    /// Everything that is on the calendar before time begins.
    pub(super) fn set_the_stage(&mut self) {
        self.first_samples();
        self.schedule_script();
        for group in 0..self.plan.groups.len() {
            let group = GroupId(u32::try_from(group).unwrap_or(u32::MAX));
            self.commit_starting_offsets(group);
            if !self.plan.groups[group.index()].cold {
                self.start_steady(group);
            }
        }
        for (position, consumer) in self.plan.consumers.iter().enumerate() {
            let id = ConsumerId(u32::try_from(position).unwrap_or(u32::MAX));
            let cold = self.plan.groups[consumer.group.index()].cold;
            let at = match consumer.start {
                Some(at) => at,
                None if cold => SimTime::ZERO,
                None => continue,
            };
            self.schedule(at, Class::Script, id.0, Event::Script(Step::Start(id)));
        }
    }

    /// Offsets that count as committed at the start: what `start_at` says, and with a steady start the log end less the backlog.
    fn commit_starting_offsets(&mut self, group: GroupId) {
        let steady = !self.plan.groups[group.index()].cold;
        let start_at = self
            .plan
            .consumers
            .iter()
            .find(|consumer| consumer.group == group)
            .map_or(StartAt::Reset, |consumer| consumer.start_at);
        for topic in self.topics_of(group) {
            for partition in 0..self.topology.partitions_of(topic) {
                let index = self.topology.index(TopicPartition { topic, partition });
                let waiting = self.logs[index].arrivals.count(SimTime::ZERO);
                let offset = match start_at {
                    StartAt::Committed(offset) => Some(offset.min(waiting)),
                    StartAt::Reset | StartAt::TimestampBefore(_) => steady.then_some(0),
                };
                let account = &mut self.groups[group.index()].accounts[index];
                *account = Account::new(offset.unwrap_or(0), offset, self.plan.measure);
            }
        }
    }

    fn start_steady(&mut self, group: GroupId) {
        let initial: Vec<ConsumerId> = (0..self.plan.consumers.len())
            .filter(|&position| {
                let consumer = &self.plan.consumers[position];
                consumer.group == group && consumer.start.is_none()
            })
            .map(|position| ConsumerId(u32::try_from(position).unwrap_or(u32::MAX)))
            .collect();
        let lists = initial
            .iter()
            .map(|id| &self.plan.consumers[id.index()].config.assignors);
        let Some(kind) = select_assignor(lists) else {
            return;
        };
        let members: Vec<JoinGroupMember> = initial
            .iter()
            .map(|&consumer| self.introduce(consumer))
            .collect();
        let snapshot = self.snapshot_of(&members);
        let lists = self.assign_for(initial[0], kind, &members, &snapshot);
        let record = GroupRecord {
            generation: 1,
            assignor: Some(kind),
            leader: Some(members[0].member_id.clone()),
            members: initial
                .iter()
                .zip(members.iter().zip(&lists))
                .map(|(consumer, (member, list))| {
                    let config = &self.plan.consumers[consumer.index()].config;
                    MemberRecord {
                        member_id: member.member_id.clone(),
                        instance_id: member.instance_id.clone(),
                        session_timeout: config.session_timeout,
                        rebalance_timeout: config.max_poll_interval,
                        assignors: Arc::clone(&config.assignors),
                        subscription: Arc::clone(&member.subscription),
                        assignment: Arc::clone(list),
                    }
                })
                .collect(),
        };
        self.with_coordinator(group, |host, now, out| {
            host.coordinator.install_stable(now, &record, out)
        });
        self.observe_steady(group, kind.name(), &initial, &record);
        for (position, &consumer) in initial.iter().enumerate() {
            let leads = (position == 0).then(|| snapshot.clone());
            self.start_member(consumer, &record, position, leads);
        }
    }

    /// The member as it would have introduced itself to the leader.
    fn introduce(&mut self, consumer: ConsumerId) -> JoinGroupMember {
        let member_id = self.next_member_id(consumer);
        let spec = &self.plan.consumers[consumer.index()];
        JoinGroupMember {
            member_id,
            instance_id: spec.config.group_instance_id.clone(),
            subscription: Arc::new(Subscription {
                topics: spec.topics.clone(),
                owned: Arc::from([]),
                generation: -1,
                rack: spec.config.client_rack.clone(),
                sticky_memory: None,
            }),
        }
    }

    fn observe_steady(
        &mut self,
        group: GroupId,
        assignor: &'static str,
        initial: &[ConsumerId],
        record: &GroupRecord,
    ) {
        for (&consumer, member) in initial.iter().zip(&record.members) {
            self.observe(Observation::ConsumerStarted { consumer });
            self.observe(Observation::MemberAdded {
                group,
                consumer,
                member_id: member.member_id.clone(),
                state: GroupState::Stable,
            });
        }
        self.observe(Observation::GroupState {
            group,
            from: GroupState::Empty,
            to: GroupState::Stable,
            generation: record.generation,
            reason: None,
            by: None,
        });
        self.observe(Observation::JoinComplete {
            group,
            generation: record.generation,
            members: initial.into(),
            assignor,
        });
        self.observe(Observation::AssignmentReceived {
            group,
            generation: record.generation,
            leader: record.leader.clone().unwrap_or_else(MemberId::unknown),
            assignment: initial
                .iter()
                .zip(&record.members)
                .map(|(&consumer, member)| (consumer, Arc::clone(&member.assignment)))
                .collect(),
        });
    }

    fn start_member(
        &mut self,
        consumer: ConsumerId,
        record: &GroupRecord,
        position: usize,
        snapshot: Option<Vec<(TopicId, u32)>>,
    ) {
        let now = SimTime::ZERO;
        let process = &mut self.processes[consumer.index()];
        process.incarnation = 1;
        let config = Arc::new(process.spec.config.clone());
        let mut member = Member::new(
            now,
            consumer,
            config,
            process.spec.topics.clone(),
            MemberId::unknown(),
        );
        let MemberRecord {
            member_id,
            assignment,
            ..
        } = &record.members[position];
        let owned: Partitions = Arc::clone(assignment);
        if let Some(kind) = record.assignor {
            member.install_stable(
                now,
                member_id.clone(),
                record.generation,
                kind,
                Arc::clone(&owned),
                snapshot,
            );
        }
        let mut client = Client::new(
            member,
            now,
            self.topology.brokers,
            self.options.calibration.construction,
        );
        client.first_lookup = false;
        client.metadata_due = now + process.spec.config.metadata_max_age;
        process.client = Some(Box::new(client));
        let committed: Vec<u64> = owned
            .iter()
            .map(|&partition| {
                let account = &self.groups[self.processes[consumer.index()].group.index()].accounts
                    [self.topology.index(partition)];
                account.committed().unwrap_or(0)
            })
            .collect();
        self.with_client(consumer, now, |client, ground| {
            client.fetcher.install(&owned, ground);
            for (&partition, offset) in owned.iter().zip(committed) {
                ground.observe(Observation::Assigned {
                    consumer,
                    partition,
                });
                ground.observe(Observation::PositionKnown {
                    consumer,
                    partition,
                    offset,
                });
                let slot = client
                    .fetcher
                    .slots
                    .iter_mut()
                    .find(|slot| slot.partition == partition);
                let Some(slot) = slot else { continue };
                slot.announced = true;
                slot.fresh = false;
                slot.position = Some(offset);
                if slot.readiness != Readiness::Refused {
                    slot.readiness = Readiness::Ready;
                    slot.serving_at = now;
                }
            }
            client.app = App::Starting { until: now };
        });
        self.rearm(consumer);
    }
}
