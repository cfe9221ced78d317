//! The layout before time begins: every partition that will ever exist with its records, the empty groups, and the names for the readers.

use super::calibration::Calibration;
use super::coordinators::HostedGroup;
use super::ground::Topology;
use super::hosting::Hosting;
use super::ledger::Account;
use super::messages::FEW_IDS;
use super::naming::Naming;
use super::process::Process;
use super::records::Log;
use std::collections::VecDeque;

use crate::assignor::{GroupId, TopicDescription, TopicId};
use crate::kernel::{Draw, Seed, SimDuration, SimTime, Stream, Timers};
use crate::protocol::coordinator::GroupCoordinator;
use crate::scenario::plan::{Consumer, Plan, Verb};
use crate::timeline::{Cast, ConsumerFacts, GroupFacts};
use crate::workload::arrivals::{LoadFactor, LoadTerm, TopicArrivals, TopicLoad};
use crate::workload::failures::{FailureDice, Failures};
use crate::workload::service::ServiceTimes;

/// Partitions of each topic over time, as the script will have it.
fn growth(plan: &Plan, seed: Seed, topic: TopicId) -> Vec<(SimTime, u32)> {
    let mut growth = vec![(SimTime::ZERO, plan.topics[topic.index()].partitions)];
    let mut added = Vec::new();
    for event in &plan.events {
        if let Verb::Partitions(changed, partitions) = event.verb
            && changed == topic
        {
            let instants = super::script::instants(event, seed);
            added.extend(instants.into_iter().map(|at| (at, partitions)));
        }
    }
    added.sort_unstable();
    let end = SimTime::ZERO + plan.duration;
    for (at, partitions) in added {
        let grows = growth
            .last()
            .is_some_and(|&(_, before)| partitions > before);
        if grows && at <= end {
            growth.push((at, partitions));
        }
    }
    growth
}

fn factors(plan: &Plan, seed: Seed, topic: TopicId) -> Vec<LoadFactor> {
    let mut factors = Vec::new();
    for event in &plan.events {
        if let Verb::Load(changed, thousandths, length) = event.verb
            && changed == topic
        {
            for from in super::script::instants(event, seed) {
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
pub(super) fn lay_out(plan: &Plan, seed: Seed, calibration: &Calibration) -> (Topology, Vec<Log>) {
    let mut base = Vec::new();
    let mut logs = Vec::new();
    for (position, topic) in plan.topics.iter().enumerate() {
        base.push(logs.len());
        let id = TopicId(u32::try_from(position).unwrap_or(u32::MAX));
        let (partitions, factors) = (growth(plan, seed, id), factors(plan, seed, id));
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
                failures: FailureDice::new(seed, &topic.name, partition),
                poison: Vec::new(),
                append_delay: calibration.append_delay
                    + if logs.is_empty() {
                        SimDuration::ZERO
                    } else {
                        calibration.append_stagger
                    },
            });
        }
    }
    let partitions = plan.topics.iter().map(|topic| topic.partitions).collect();
    (
        Topology {
            base,
            partitions,
            grown: Vec::new(),
            brokers: plan.brokers.count as usize,
        },
        logs,
    )
}

/// True when arrivals or service times depend on the seed.
pub(super) fn draws(plan: &Plan) -> bool {
    let varies = |consumer: &Consumer| {
        let listener = &consumer.listener;
        let fails = |failures: &Failures| 0 < failures.share && failures.share < Failures::ALL;
        let burns = consumer.processing.cpu_per_record.as_ref();
        burns.is_some_and(|burns| !burns.is_constant())
            || consumer.processing.failures.as_ref().is_some_and(fails)
            || [
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
        || plan.consumers.iter().any(|consumer| varies(consumer))
        || !brokers.append.is_constant()
        || !brokers.latency.is_constant()
        || brokers
            .assignor_cost
            .as_ref()
            .is_some_and(|cost| !cost.is_constant())
        || plan.events.iter().any(super::script::draws)
        || plan.faults.iter().any(super::faults::draws)
}

/// Racks of the replicas of a partition of the topic at `position`, the leader's first; nothing where nobody has a rack.
pub(super) fn racks_of(plan: &Plan, position: usize, partition: u32) -> Option<Vec<String>> {
    let (topic, brokers) = (&plan.topics[position], &plan.brokers);
    if !topic.racks.is_empty() {
        return Some(topic.racks[partition as usize % topic.racks.len()].clone());
    }
    if brokers.racks.is_empty() {
        return None;
    }
    let rack = |replica: usize| {
        let broker = (position + partition as usize + replica) % brokers.count as usize;
        brokers.racks[broker % brokers.racks.len()].clone()
    };
    Some((0..topic.replicas as usize).map(rack).collect())
}

/// Topics as assignors see them.
pub(super) fn describe_topics(plan: &Plan, naming: &Naming) -> Vec<TopicDescription> {
    plan.topics
        .iter()
        .enumerate()
        .map(|(position, topic)| {
            let (name, id) = naming.topic(position, &topic.name);
            let partitions = 0..topic.partitions;
            let racks = partitions.filter_map(|partition| racks_of(plan, position, partition));
            let racks = racks.collect();
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
            coordinator: GroupCoordinator::new(group.config.clone()),
            timers: Timers::default(),
            room_for_ids: FEW_IDS,
            accounts: logs
                .iter()
                .map(|_| Account::new(0, None, plan.measure.into()))
                .collect(),
            contests: Vec::new(),
            owners: vec![Vec::new(); logs.len()],
            processes: Default::default(),
            quiet: Vec::new(),
            unanswered: rustc_hash::FxHashMap::default(),
            hosting: Hosting::new(&group.name, plan.brokers.count),
            append: Draw::new(seed, Stream::new(&group.name, "append")),
            append_lingers: group.config.append_lingers,
            last_append: SimTime::ZERO,
            pending_appends: VecDeque::new(),
            waiting_reads: Vec::new(),
        })
        .collect()
}

/// Names and constants for the readers.
pub(super) fn cast(plan: &Plan, topology: &Topology, processes: &[Process]) -> Cast {
    Cast {
        topics: plan
            .topics
            .iter()
            .zip(&topology.partitions)
            .map(|(topic, &partitions)| (topic.name.clone(), partitions))
            .collect(),
        groups: (0..)
            .zip(&plan.groups)
            .map(|(id, group)| facts_of_group(GroupId(id), &group.name, processes))
            .collect(),
        consumers: processes
            .iter()
            .map(|process| {
                let config = &process.spec.config;
                ConsumerFacts {
                    name: process.name.clone(),
                    group: process.group,
                    topics: process.spec.topics.clone(),
                    heartbeat_interval: config.heartbeat_interval,
                    instance: config.group_instance_id.as_deref().map(str::to_owned),
                    closes_silently: !config.leaves_for_good(),
                    never_leaves: config.stays_silently(),
                }
            })
            .collect(),
        ..Cast::default()
    }
}

fn facts_of_group(id: GroupId, name: &str, processes: &[Process]) -> GroupFacts {
    let members = || processes.iter().filter(|process| process.group == id);
    let mut topics: Vec<TopicId> = members()
        .flat_map(|process| process.spec.topics.iter().copied())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    let is_cooperative = |process: &Process| {
        let spec = process.next_spec.as_ref().unwrap_or(&process.spec);
        spec.config.is_cooperative()
    };
    GroupFacts {
        name: name.to_owned(),
        topics,
        protocol: "classic",
        rebalance: if members().all(is_cooperative) {
            "cooperative"
        } else {
            "eager"
        },
        is_static: members().any(|process| process.spec.config.group_instance_id.is_some()),
    }
}
