//! The steady start: a stable, assigned generation at t = 0, that has been there for so long that nobody's clocks are in step any more ([`super::phases`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::client::{App, Client};
use super::ground::Output;
use super::ledger::Account;
use super::membership::Membership;
use super::metadata::Metadata;
use super::positions::Readiness;
use super::reconnects::Reconnects;
use super::script::Step;
use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::classic::{GroupRecord, Member, MemberRecord, select_assignor};
use crate::protocol::config::GroupProtocol;
use crate::protocol::consumer::{self, SteadyMember};
use crate::protocol::message::{JoinGroupMember, Subscription};
use crate::scenario::plan::StartAt;
use crate::timeline::{GroupState, MemberEpochState, Observation, Partitions, PodId};

impl World<'_> {
    /// Everything that is on the calendar before time begins.
    pub(super) fn set_the_stage(&mut self) {
        self.found_nodes();
        self.found_workloads();
        self.found_scalers();
        self.first_samples();
        self.schedule_script();
        self.schedule_faults();
        self.begin_sharing();
        for group in 0..self.plan.groups.len() {
            let group = GroupId(u32::try_from(group).unwrap_or(u32::MAX));
            self.commit_starting_offsets(group);
            if !self.plan.groups[group.index()].cold {
                self.start_steady(group);
            }
        }
        for id in self.consumers() {
            let process = &self.processes[id.index()];
            let cold = self.plan.groups[process.group.index()].cold;
            if process.pod.is_some() {
                continue;
            }
            let at = match process.spec.start {
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
            .processes
            .iter()
            .find(|process| process.group == group)
            .map_or(StartAt::Reset, |process| process.spec.start_at);
        for topic in self.topics_of(group) {
            for partition in 0..self.topology.partitions_of(topic) {
                let index = self.topology.index(TopicPartition { topic, partition });
                let waiting = self.logs[index].arrivals.count(SimTime::ZERO);
                let offset = match start_at {
                    StartAt::Committed(offset) => Some(offset),
                    StartAt::Reset | StartAt::TimestampBefore(_) => steady.then_some(0),
                };
                let account = &mut self.groups[group.index()].accounts[index];
                *account = Account::new(offset.unwrap_or(0).min(waiting), offset, self.window);
                if start_at == StartAt::Committed(0) {
                    account.begin_without_epoch(0); // Before the first record there is none that could have been consumed.
                }
            }
        }
    }

    fn start_steady(&mut self, group: GroupId) {
        let is_initial = |id: &ConsumerId| {
            let process = &self.processes[id.index()];
            let waits = |pod: PodId| self.platform.pods[pod.index()].waits_for_room();
            process.group == group
                && process.spec.start.is_none()
                && !process.pod.is_some_and(waits)
        };
        let mut holders = BTreeSet::new();
        let is_first = |id: &ConsumerId| {
            let config = &self.processes[id.index()].spec.config;
            let instance_id = config.group_instance_id.as_ref();
            instance_id.is_none_or(|instance_id| holders.insert(Arc::clone(instance_id)))
        };
        let (initial, twins): (Vec<ConsumerId>, Vec<ConsumerId>) =
            self.consumers().filter(is_initial).partition(is_first);
        self.install_steady(group, &initial);
        // A `group.instance.id` has one holder. Others who have it cannot be in the group: they start now, and one fences the other.
        for twin in twins {
            self.start(twin);
        }
    }

    fn install_steady(&mut self, group: GroupId, initial: &[ConsumerId]) {
        let protocol = |id: &ConsumerId| self.processes[id.index()].spec.config.group_protocol;
        if initial
            .iter()
            .any(|id| protocol(id) == GroupProtocol::Consumer)
        {
            return self.start_steady_consumer_group(group, initial);
        }
        let lists = initial
            .iter()
            .map(|id| &self.processes[id.index()].spec.config.assignors);
        let Some(kind) = select_assignor(lists) else {
            return;
        };
        let members: Vec<JoinGroupMember> = initial
            .iter()
            .map(|&consumer| self.introduce(consumer))
            .collect();
        let snapshot = self.present_topics(&members);
        let lists = self.assign_for(initial[0], kind, &members, &snapshot);
        let record = GroupRecord {
            generation: 1,
            assignor: Some(kind),
            leader: Some(members[0].member_id.clone()),
            members: initial
                .iter()
                .zip(members.iter().zip(&lists))
                .map(|(consumer, (member, list))| {
                    let config = &self.processes[consumer.index()].spec.config;
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
        let silences: Vec<SimDuration> = initial
            .iter()
            .zip(&lists)
            .map(|(&consumer, list)| self.silence(consumer, !list.is_empty()))
            .collect();
        self.with_coordinator(group, |host, now, out| {
            host.coordinator
                .install_stable(now, &record, &silences, out);
        });
        self.observe_steady(group, kind.name(), initial, &record);
        for (position, &consumer) in initial.iter().enumerate() {
            let leads = (position == 0).then(|| snapshot.clone());
            self.start_member(consumer, &record, position, leads);
        }
    }

    /// A consumer group at its target.
    fn start_steady_consumer_group(&mut self, group: GroupId, initial: &[ConsumerId]) {
        let broker = &self.plan.groups[group.index()].config.consumer;
        let interval = broker.heartbeat_interval;
        let members: Vec<SteadyMember> = initial
            .iter()
            .map(|&consumer| {
                let member_id = self.next_member_id(consumer);
                let spec = Arc::clone(&self.processes[consumer.index()].spec);
                SteadyMember {
                    member_id,
                    instance_id: spec.config.group_instance_id.clone(),
                    rack: spec.config.client_rack.clone(),
                    rebalance_timeout: spec.config.max_poll_interval,
                    topics: spec.topics.as_slice().into(),
                    pattern: spec.config.subscribed_by.for_coordinator().cloned(),
                    server_assignor: spec.config.group_remote_assignor,
                    silent_for: self.heartbeat_phase(consumer).of(interval),
                }
            })
            .collect();
        let topics = self.topics.clone();
        let mut installed = (Vec::new(), 0);
        self.with_coordinator(group, |host, now, out| {
            installed = host
                .coordinator
                .install_stable_consumer(now, &members, &topics, out);
        });
        let (shares, epoch) = installed;
        for (&consumer, member) in initial.iter().zip(&members) {
            self.observe(Observation::ConsumerStarted { consumer });
            self.observe(Observation::MemberJoined {
                group,
                consumer,
                member_id: member.member_id.clone(),
                protocol: "consumer",
            });
        }
        self.observe(Observation::GroupState {
            group,
            from: GroupState::Empty,
            to: GroupState::Stable,
            generation: epoch,
            reason: None,
            by: None,
        });
        let assignor = members[0].server_assignor.unwrap_or(broker.assignors[0]);
        self.observe(Observation::TargetAssignment {
            group,
            epoch,
            assignor: assignor.name(),
            assignment: initial
                .iter()
                .zip(&shares)
                .map(|(&consumer, share)| (consumer, Arc::clone(share)))
                .collect(),
        });
        for ((&consumer, member), share) in initial.iter().zip(&members).zip(&shares) {
            self.observe(Observation::MemberEpoch {
                group,
                consumer,
                member_id: member.member_id.clone(),
                epoch,
                previous_epoch: epoch,
                state: MemberEpochState::Stable,
                assigned: Arc::clone(share),
                pending_revocation: Arc::from([]),
            });
            let spec = Arc::clone(&self.processes[consumer.index()].spec);
            let config = Arc::clone(&spec.config);
            let mut membership = consumer::Member::new(
                SimTime::ZERO,
                consumer,
                config,
                &spec.topics,
                member.member_id.clone(),
            );
            membership.install_stable(SimTime::ZERO, epoch, Arc::clone(share), interval);
            let membership = Membership::Consumer(Box::new(membership));
            self.start_client(consumer, membership, share);
        }
    }

    /// How long its coordinator has not heard of a classic member: since its last heartbeat, or the automatic commit after it, if it has something to commit.
    fn silence(&self, consumer: ConsumerId, owns: bool) -> SimDuration {
        let config = &self.processes[consumer.index()].spec.config;
        let heartbeat = self.heartbeat_phase(consumer).of(config.heartbeat_interval);
        if owns && config.enable_auto_commit {
            let commit = self.commit_phase(consumer);
            heartbeat.min(commit.of(config.auto_commit_interval))
        } else {
            heartbeat
        }
    }

    /// The member as it would have introduced itself to the leader.
    fn introduce(&mut self, consumer: ConsumerId) -> JoinGroupMember {
        let member_id = self.next_member_id(consumer);
        let spec = Arc::clone(&self.processes[consumer.index()].spec);
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
            leader: record.leader.clone().unwrap_or_else(MemberId::unknown),
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
        let config = Arc::clone(&process.spec.config);
        let mut member = Member::new(now, consumer, config, process.spec.topics.clone());
        let MemberRecord {
            member_id,
            assignment,
            ..
        } = &record.members[position];
        let owned: Partitions = Arc::clone(assignment);
        if let Some(leads) = &snapshot {
            member.on_elected(leads.iter().map(|&(topic, _)| topic).collect());
        }
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
        let member = Membership::Classic(Box::new(member));
        self.start_client(consumer, member, &owned);
    }

    /// The process runs, with all that it owns located and announced.
    fn start_client(&mut self, consumer: ConsumerId, mut member: Membership, owned: &Partitions) {
        let now = SimTime::ZERO;
        let phases = self.phases(consumer);
        self.drew_phases |= self.has_phases(self.processes[consumer.index()].group);
        let construction = self.options.calibration.construction_of(&member);
        self.processes[consumer.index()].begin_life();
        member.wait_by(self.jitter(consumer, "backoff"));
        let mut reconnects = Reconnects::new(self.jitter(consumer, "reconnect"));
        let process = &mut self.processes[consumer.index()];
        let hosting = &self.groups[process.group.index()].hosting;
        process.connection.broker = hosting.leader().unwrap_or_default();
        reconnects.find(process.connection.broker);
        let metadata = Metadata::of(member.metadata_topics(), &self.topology);
        let brokers = self.topology.brokers;
        let mut client = Client::new(member, metadata, reconnects, now, brokers, construction);
        client.set_clocks(now, &phases, &process.spec);
        // Nothing has changed since the leader assigned, so there is nothing to be done about it.
        client.look_at_metadata(&mut Vec::new());
        process.client = Some(Box::new(client));
        let committed: Vec<u64> = owned
            .iter()
            .map(|&partition| {
                let account = &self.groups[self.processes[consumer.index()].group.index()].accounts
                    [self.topology.index(partition)];
                account
                    .committed(&self.logs[self.topology.index(partition)], now)
                    .unwrap_or(0)
            })
            .collect();
        self.with_client(consumer, now, |client, ground| {
            client.fetcher.install(owned, ground);
            client.restores.begin_with(owned);
            ground.out.push(Output::Installed);
            for (&partition, offset) in owned.iter().zip(committed) {
                ground.observe(Observation::Assigned {
                    consumer,
                    partitions: Arc::from([partition]),
                });
                ground.observe(Observation::PositionKnown {
                    consumer,
                    offsets: Arc::from([(partition, offset)]),
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
