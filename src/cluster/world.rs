//! The event loop: takes the next event from the calendar, hands it to the machine it concerns, applies the effects.

use std::sync::Arc;

use super::client::{Answer, App, Client};
use super::coordinators::{Connection, HostedGroup, Inbound, ReturnAddress, not_coordinator};
use super::ground::{Ground, Link, Output, Packet, Topology};
use super::ledger::{Log, UNCHANGED};
use super::naming::Naming;
use super::script::Script;
use super::{Halt, Options};
use crate::assignor::{
    AssignmentInput, AssignorKind, ConsumerId, GroupId, MemberDescription, MemberId,
    TopicDescription, TopicId, TopicPartition, assign,
};
use crate::kernel::{Calendar, Draw, Order, Seed, SimDuration, SimTime, Stream, Ticket};
use crate::protocol::classic::Member;
use crate::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{JoinGroupMember, Request, RequestToken, Response};
use crate::scenario::plan::{Consumer, Plan};
use crate::timeline::{Observation, Partitions, Sample, Timeline};
use crate::workload::distribution::Distribution;

/// Ranks of simultaneous events (`architecture.md` 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Something arrives.
    Message = 1,
    /// A timer fires, a thread goes on.
    Timer = 2,
    /// The grid is sampled.
    Scrape = 3,
    /// The scenario acts.
    Script = 7,
}

/// Everything that can be on the calendar.
#[derive(Debug)]
pub(super) enum Event {
    /// A client may have something to do.
    Wake(ConsumerId),
    /// A request arrives at the broker.
    Arrive {
        consumer: ConsumerId,
        incarnation: u32,
        inbound: Inbound,
    },
    /// An answer arrives at the client.
    Deliver {
        consumer: ConsumerId,
        incarnation: u32,
        token: Option<RequestToken>,
        answer: Answer,
    },
    /// A coordinator's timer comes due.
    CoordinatorTimer {
        group: GroupId,
        timer: CoordinatorTimer,
        ticket: Ticket,
    },
    /// A write of a coordinator is committed.
    Appended { group: GroupId, token: AppendToken },
    /// The script acts.
    Script(super::script::Step),
    /// The grid is sampled.
    Sample,
    /// The measured window ends.
    CloseWindow,
}

impl Event {
    fn kind(&self) -> usize {
        match self {
            Self::Wake(_) => 0,
            Self::Arrive { .. } => 1,
            Self::Deliver { .. } => 2,
            Self::CoordinatorTimer { .. } => 3,
            Self::Appended { .. } => 4,
            Self::Script(_) => 5,
            Self::Sample | Self::CloseWindow => 6,
        }
    }
}

const KINDS: [&str; 7] = [
    "client threads",
    "requests",
    "answers",
    "coordinator timers",
    "coordinator log appends",
    "script",
    "sampling",
];

/// A consumer process of the scenario, running or not.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) group: GroupId,
    /// `<group>/<name>`
    pub(super) name: String,
    pub(super) spec: Arc<Consumer>,
    /// Settings from the next start on.
    pub(super) next_spec: Option<Arc<Consumer>>,
    pub(super) per_record: Arc<Distribution>,
    pub(super) incarnation: u32,
    pub(super) client: Option<Box<Client>>,
    pub(super) connection: Connection,
    pub(super) link: Link,
    pub(super) listener: Draw,
    /// Thousandths of the processing time.
    pub(super) factor: u64,
    /// No message passes before.
    pub(super) cut_until: SimTime,
    /// The calendar entry in force.
    wake: SimTime,
    pub(super) alive_since: SimTime,
    pub(super) totals: crate::timeline::ConsumerTotals,
    /// After its exit it starts again this much later.
    pub(super) restart_after: Option<SimDuration>,
    /// What its assignors remember.
    memory: Vec<(AssignorKind, crate::assignor::AssignorMemory)>,
    /// Topics of which it has metadata.
    known_topics: Vec<TopicId>,
}

/// See the module.
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) seed: Seed,
    pub(super) options: &'a Options,
    pub(super) calendar: Calendar<Event>,
    pub(super) timeline: Timeline,
    pub(super) topology: Topology,
    pub(super) logs: Vec<Log>,
    pub(super) groups: Vec<HostedGroup>,
    pub(super) processes: Vec<Process>,
    pub(super) naming: Naming,
    pub(super) script: Script,
    pub(super) topics: Vec<TopicDescription>,
    pub(super) paused: Vec<bool>,
    tokens: u64,
    counts: [u64; KINDS.len()],
    grid: SimDuration,
    /// Entity of the coordinators' entries: after all clients.
    entity_of_groups: u32,
}

impl Process {
    pub(super) fn new(plan: &Plan, seed: Seed, spec: &Consumer, options: &Options) -> Self {
        let name = format!("{}/{}", plan.groups[spec.group.index()].name, spec.name);
        let latency = options
            .calibration
            .latency
            .clone()
            .unwrap_or_else(|| plan.brokers.latency.clone());
        let racks = &plan.brokers.racks;
        let cross_rack = (0..plan.brokers.count as usize)
            .map(
                |broker| match (&spec.config.client_rack, racks.is_empty()) {
                    (Some(rack), false) if racks[broker % racks.len()] != **rack => {
                        plan.brokers.cross_rack_latency
                    }
                    _ => SimDuration::ZERO,
                },
            )
            .collect();
        Self {
            group: spec.group,
            spec: Arc::new(spec.clone()),
            next_spec: None,
            per_record: Arc::new(spec.processing.per_record.clone()),
            incarnation: 0,
            client: None,
            connection: Connection::default(),
            link: Link::new(
                latency,
                Draw::new(seed, Stream::new(&name, "latency")),
                cross_rack,
            ),
            listener: Draw::new(seed, Stream::new(&name, "listener")),
            factor: UNCHANGED,
            cut_until: SimTime::ZERO,
            wake: SimTime::NEVER,
            alive_since: SimTime::ZERO,
            totals: crate::timeline::ConsumerTotals::default(),
            restart_after: None,
            memory: Vec::new(),
            known_topics: spec.topics.clone(),
            name,
        }
    }
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a Plan, seed: Seed, options: &'a Options) -> Self {
        let naming = Naming::new(seed, options.names.clone());
        let (topology, logs) = super::steady::lay_out(plan, seed);
        let topics = super::steady::describe_topics(plan, &naming);
        let groups = super::steady::found_groups(plan, seed, &logs);
        let processes: Vec<Process> = plan
            .consumers
            .iter()
            .map(|spec| Process::new(plan, seed, spec, options))
            .collect();
        let seconds = plan.duration.as_micros().div_ceil(600 * 1_000_000).max(1);
        Self {
            paused: vec![false; logs.len()],
            entity_of_groups: u32::try_from(processes.len()).unwrap_or(u32::MAX),
            plan,
            seed,
            options,
            calendar: Calendar::default(),
            timeline: Timeline {
                measured: plan.measure,
                ..Timeline::default()
            },
            topology,
            logs,
            groups,
            processes,
            naming,
            script: Script::default(),
            topics,
            tokens: 0,
            counts: [0; KINDS.len()],
            grid: SimDuration::from_secs(seconds),
        }
    }

    pub(super) fn now(&self) -> SimTime {
        self.calendar.now()
    }

    pub(super) fn observe(&mut self, observation: Observation) {
        self.timeline.observe(self.calendar.now(), observation);
    }

    pub(super) fn run(mut self) -> Result<Timeline, Halt> {
        self.set_the_stage();
        let horizon = SimTime::ZERO + self.plan.duration;
        while let Some(next) = self.calendar.peek() {
            if next.at > horizon {
                break;
            }
            if self.calendar.taken() >= self.options.event_limit {
                return Err(self.out_of_events());
            }
            let Some((_, event)) = self.calendar.take() else {
                break;
            };
            self.counts[event.kind()] += 1;
            self.handle(event);
            self.continue_rolls();
            if self.options.check_invariants {
                self.check_invariants().map_err(|message| Halt::Invariant {
                    at: self.now(),
                    message,
                })?;
            }
        }
        Ok(self.finish(horizon))
    }

    fn out_of_events(&self) -> Halt {
        let mut busiest: Vec<(String, u64)> = KINDS
            .iter()
            .zip(self.counts)
            .map(|(kind, count)| ((*kind).to_owned(), count))
            .collect();
        busiest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        busiest.retain(|&(_, count)| count > 0);
        Halt::EventLimit {
            at: self.now(),
            events: self.calendar.taken(),
            busiest,
        }
    }

    pub(super) fn schedule(&mut self, at: SimTime, class: Class, entity: u32, event: Event) {
        self.calendar.schedule(
            Order {
                at,
                class: class as u8,
                entity,
            },
            event,
        );
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wake(consumer) => self.on_wake(consumer),
            Event::Arrive {
                consumer,
                incarnation,
                inbound,
            } => {
                self.on_arrival(consumer, incarnation, inbound);
            }
            Event::Deliver {
                consumer,
                incarnation,
                token,
                answer,
            } => {
                self.on_delivery(consumer, incarnation, token, answer);
            }
            Event::CoordinatorTimer {
                group,
                timer,
                ticket,
            } => {
                if self.groups[group.index()].timers.fire(&timer, ticket) {
                    self.with_coordinator(group, |host, now, out| {
                        host.coordinator.on_timer(now, timer, out)
                    });
                }
            }
            Event::Appended { group, token } => {
                self.with_coordinator(group, |host, now, out| {
                    host.coordinator.on_appended(now, token, out)
                });
            }
            Event::Script(step) => self.on_script(step),
            Event::Sample => self.sample(),
            Event::CloseWindow => self.close_window(),
        }
    }

    // ---- clients ----

    /// Runs `act` on the client of a process and applies what comes of it.
    pub(super) fn with_client<T>(
        &mut self,
        consumer: ConsumerId,
        at: SimTime,
        act: impl FnOnce(&mut Client, &mut Ground<'_>) -> T,
    ) -> Option<T> {
        let mut out = Vec::new();
        let process = &mut self.processes[consumer.index()];
        let mut client = process.client.take()?;
        let mut ground = Ground {
            now: at,
            consumer,
            spec: &process.spec,
            per_record: &process.per_record,
            calibration: &self.options.calibration,
            topology: &self.topology,
            paused: &self.paused,
            logs: &mut self.logs,
            accounts: &mut self.groups[process.group.index()].accounts,
            link: &mut process.link,
            cut_until: process.cut_until,
            listener: &mut process.listener,
            factor: process.factor,
            harness: self.options.harness,
            window: self.plan.measure,
            tokens: &mut self.tokens,
            out: &mut out,
        };
        let result = act(&mut client, &mut ground);
        process.client = Some(client);
        if !out.is_empty() {
            assert!(
                at == self.calendar.now(),
                "a client showed itself between two control events"
            );
            self.apply_outputs(consumer, out);
        }
        Some(result)
    }

    /// Lets a client do what it does by itself before `until`, or up to and including it.
    pub(super) fn advance(&mut self, consumer: ConsumerId, until: SimTime, inclusive: bool) {
        loop {
            let now = self.processes[consumer.index()]
                .client
                .as_ref()
                .map_or(SimTime::NEVER, |client| client.clock);
            let next = self.with_client(consumer, now, |client, ground| client.next_step(ground));
            match next {
                Some(next) if next < until || (inclusive && next == until) => {
                    self.with_client(consumer, next, |client, ground| {
                        client.clock = next;
                        client.step(ground);
                    });
                }
                _ => return,
            }
        }
    }

    fn on_wake(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        if process.wake != now {
            return;
        }
        process.wake = SimTime::NEVER;
        self.advance(consumer, now, true);
        self.rearm(consumer);
    }

    /// Puts the client on the calendar at its next control instant, unless it stands there already or earlier.
    pub(super) fn rearm(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let next = self.with_client(consumer, now, |client, ground| client.next_control(ground));
        let Some(next) = next else { return };
        let process = &mut self.processes[consumer.index()];
        if next < process.wake {
            process.wake = next;
            self.schedule(next, Class::Timer, consumer.0, Event::Wake(consumer));
        }
    }

    fn apply_outputs(&mut self, consumer: ConsumerId, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send {
                    token,
                    packet,
                    arrives,
                    back,
                } => {
                    let process = &self.processes[consumer.index()];
                    let event = Event::Arrive {
                        consumer,
                        incarnation: process.incarnation,
                        inbound: Inbound {
                            token,
                            packet,
                            back,
                        },
                    };
                    let at = arrives.max(process.cut_until);
                    self.schedule(at, Class::Message, consumer.0, event);
                }
                Output::Observe(observation) => self.observe(observation),
                Output::Assign(kind, members) => self.lead(consumer, kind, &members),
                Output::Watch(members) => {
                    let snapshot = self.snapshot_of(&members);
                    if let Some(client) = &mut self.processes[consumer.index()].client {
                        client.member.on_watching(snapshot);
                    }
                }
                Output::Exited => self.on_exit(consumer),
                Output::Crashed => self.crash(consumer),
            }
        }
    }

    /// A process starts.
    pub(super) fn start(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        if process.client.is_some() {
            return;
        }
        if let Some(spec) = process.next_spec.take() {
            process.per_record = Arc::new(spec.processing.per_record.clone());
            process.spec = spec;
        }
        process.incarnation += 1;
        process.connection = Connection::default();
        process.alive_since = now;
        process.wake = SimTime::NEVER;
        process.memory.clear();
        process.known_topics = process.spec.topics.clone();
        let member = Member::new(
            now,
            consumer,
            Arc::new(process.spec.config.clone()),
            process.spec.topics.clone(),
            MemberId::unknown(),
        );
        let client = Client::new(
            member,
            now,
            self.topology.brokers,
            self.options.calibration.construction,
        );
        process.client = Some(Box::new(client));
        self.observe(Observation::ConsumerStarted { consumer });
        self.rearm(consumer);
    }

    /// A process is killed.
    pub(super) fn crash(&mut self, consumer: ConsumerId) {
        if self.processes[consumer.index()].client.is_none() {
            return;
        }
        self.advance(consumer, self.now(), false);
        self.observe(Observation::ConsumerCrashed { consumer });
        self.bury(consumer);
        self.after_exit(consumer);
    }

    /// What a process held is gone with it.
    fn bury(&mut self, consumer: ConsumerId) {
        let now = self.now();
        self.with_client(consumer, now, |client, ground| {
            client.release_serving(crate::timeline::ReleaseReason::Gone, None, ground);
        });
        let group = self.processes[consumer.index()].group;
        let accounts = &mut self.groups[group.index()].accounts;
        for (account, log) in accounts.iter_mut().zip(&mut self.logs) {
            account.cut(log, consumer, now);
        }
        let window = self.plan.measure;
        let process = &mut self.processes[consumer.index()];
        if let Some(client) = process.client.take() {
            let inside =
                |from: SimTime, to: SimTime| to.min(window.1).since(from.max(window.0)).as_micros();
            process.totals.busy_us += client.busy_us - inside(now, client.busy_until.max(now));
            process.totals.polls += client.polls;
            process.totals.records += client.records;
            process.totals.alive_us += inside(process.alive_since, now);
        }
    }

    fn on_exit(&mut self, consumer: ConsumerId) {
        self.bury(consumer);
        self.after_exit(consumer);
    }

    pub(super) fn after_exit(&mut self, consumer: ConsumerId) {
        if let Some(down) = self.processes[consumer.index()].restart_after.take() {
            let step = super::script::Step::Start(consumer);
            self.schedule(
                self.now() + down,
                Class::Script,
                consumer.0,
                Event::Script(step),
            );
        }
    }

    // ---- the leader ----

    pub(super) fn snapshot_of(&self, members: &[JoinGroupMember]) -> Vec<(TopicId, u32)> {
        let mut topics: Vec<TopicId> = members
            .iter()
            .flat_map(|member| member.subscription.topics.iter().copied())
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
            .into_iter()
            .map(|topic| (topic, self.topology.partitions_of(topic)))
            .collect()
    }

    /// The leader runs its assignor. If it lacks metadata of a topic of the group, or a refresh of its is in flight, it waits for that first.
    fn lead(&mut self, consumer: ConsumerId, kind: AssignorKind, members: &[JoinGroupMember]) {
        let now = self.now();
        let snapshot = self.snapshot_of(members);
        let lists = self.assign_for(consumer, kind, members, &snapshot);
        let partitions: u64 = snapshot.iter().map(|&(_, count)| u64::from(count)).sum();
        let cost = self.assignor_cost(kind, members.len(), partitions);
        let process = &mut self.processes[consumer.index()];
        let unknown = snapshot
            .iter()
            .any(|(topic, _)| !process.known_topics.contains(topic));
        process
            .known_topics
            .extend(snapshot.iter().map(|&(topic, _)| topic));
        let assignments = members
            .iter()
            .map(|member| member.member_id.clone())
            .zip(lists)
            .collect();
        self.with_client(consumer, now, |client, ground| {
            let metadata = match client.metadata_answer {
                Some(at) => at,
                None if unknown => client.fetcher.metadata_answer(ground),
                None => now,
            };
            client.assigned = Some((assignments, snapshot));
            client.app = App::Assigning {
                until: metadata.max(now) + cost,
            };
        });
    }

    fn assignor_cost(&self, kind: AssignorKind, members: usize, partitions: u64) -> SimDuration {
        let _ = (kind, members, partitions);
        match self.options.calibration.assignor_cost.as_ref().or(self
            .plan
            .brokers
            .assignor_cost
            .as_ref())
        {
            Some(cost) => cost.mean(),
            None => SimDuration::from_micros(500),
        }
    }

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
            let topic = TopicId(u32::try_from(position(partition.topic)?).ok()?);
            Some(TopicPartition {
                topic,
                partition: partition.partition,
            })
        };
        let described = members
            .iter()
            .map(|member| {
                let subscription = &member.subscription;
                let (owned, generation) = match (kind, &subscription.sticky_memory) {
                    (AssignorKind::Sticky, Some((owned, generation))) => (owned, *generation),
                    (AssignorKind::CooperativeSticky, Some((_, generation)))
                        if subscription.generation < 0 =>
                    {
                        (&subscription.owned, *generation)
                    }
                    _ => (&subscription.owned, subscription.generation),
                };
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
            topics,
            members: described,
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

    // ---- messages ----

    fn on_arrival(&mut self, consumer: ConsumerId, incarnation: u32, inbound: Inbound) {
        let process = &mut self.processes[consumer.index()];
        let group = process.group;
        if matches!(inbound.packet, Packet::FindCoordinator) {
            let answer = Answer::Coordinator(self.groups[group.index()].available);
            let at = self.now() + inbound.back;
            let event = Event::Deliver {
                consumer,
                incarnation,
                token: Some(inbound.token),
                answer,
            };
            return self.schedule(at, Class::Message, consumer.0, event);
        }
        if incarnation == process.incarnation && process.connection.serving.is_some() {
            process.connection.queue.push_back(inbound);
            return;
        }
        self.serve(consumer, incarnation, inbound);
    }

    fn serve(&mut self, consumer: ConsumerId, incarnation: u32, inbound: Inbound) {
        let process = &mut self.processes[consumer.index()];
        let group = process.group;
        if incarnation == process.incarnation {
            process.connection.serving = Some(inbound.token);
        }
        let Inbound {
            token,
            packet,
            back,
        } = inbound;
        let purpose = match &packet {
            Packet::Commit(purpose, _) => Some(*purpose),
            Packet::Group(_) | Packet::OffsetFetch(_) | Packet::FindCoordinator => None,
        };
        let host = &mut self.groups[group.index()];
        host.unanswered.insert(
            token,
            ReturnAddress {
                consumer,
                incarnation,
                back,
                purpose,
            },
        );
        if !host.available {
            return self.answer(group, token, not_coordinator(&packet));
        }
        match packet {
            Packet::Group(mut request) => {
                if let Request::JoinGroup(join) = &mut request
                    && join.member_id.is_unknown()
                {
                    join.proposed_member_id = self.next_member_id(consumer);
                }
                self.with_coordinator(group, |host, now, out| {
                    host.coordinator.on_request(now, token, request, out);
                });
            }
            Packet::Commit(_, commit) => self.with_coordinator(group, |host, now, out| {
                host.coordinator
                    .on_request(now, token, Request::OffsetCommit(commit), out);
            }),
            Packet::OffsetFetch(partitions) => {
                let host = &self.groups[group.index()];
                let offsets = partitions
                    .iter()
                    .map(|&partition| {
                        (
                            partition,
                            host.accounts[self.topology.index(partition)].committed(),
                        )
                    })
                    .collect();
                self.answer(group, token, Answer::Offsets(offsets));
            }
            Packet::FindCoordinator => {}
        }
    }

    pub(super) fn next_member_id(&mut self, consumer: ConsumerId) -> MemberId {
        let process = &self.processes[consumer.index()];
        let prefix = process
            .spec
            .config
            .group_instance_id
            .as_deref()
            .unwrap_or(&process.spec.name);
        let id = self.naming.member(&process.name, prefix);
        self.groups[process.group.index()]
            .processes
            .insert(id.clone(), consumer);
        id
    }

    /// The answer to `token` leaves; the connection goes on with what waits behind it.
    fn answer(&mut self, group: GroupId, token: RequestToken, answer: Answer) {
        let Some(address) = self.groups[group.index()].unanswered.remove(&token) else {
            return;
        };
        let ReturnAddress {
            consumer,
            incarnation,
            back,
            ..
        } = address;
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        let current = process.incarnation == incarnation;
        let mut at = now + back;
        if current {
            at = at.max(process.connection.last_answer);
            process.connection.last_answer = at;
        }
        let event = Event::Deliver {
            consumer,
            incarnation,
            token: Some(token),
            answer,
        };
        self.schedule(at, Class::Message, consumer.0, event);
        let process = &mut self.processes[consumer.index()];
        if current && process.connection.serving == Some(token) {
            process.connection.serving = None;
            if let Some(next) = process.connection.queue.pop_front() {
                self.serve(consumer, incarnation, next);
            }
        }
    }

    fn on_delivery(
        &mut self,
        consumer: ConsumerId,
        incarnation: u32,
        token: Option<RequestToken>,
        answer: Answer,
    ) {
        let now = self.now();
        let process = &self.processes[consumer.index()];
        if process.incarnation != incarnation || process.client.is_none() {
            return;
        }
        if process.cut_until > now {
            let event = Event::Deliver {
                consumer,
                incarnation,
                token,
                answer,
            };
            let at = process.cut_until;
            return self.schedule(at, Class::Message, consumer.0, event);
        }
        self.advance(consumer, now, false);
        self.with_client(consumer, now, |client, ground| {
            client.clock = now;
            if client.expects(token) {
                client.on_answer(answer, ground);
            }
        });
        self.rearm(consumer);
    }

    // ---- coordinators ----

    pub(super) fn with_coordinator(
        &mut self,
        group: GroupId,
        act: impl FnOnce(&mut HostedGroup, SimTime, &mut Vec<CoordinatorEffect>),
    ) {
        let mut out = Vec::new();
        let now = self.now();
        act(&mut self.groups[group.index()], now, &mut out);
        for effect in out {
            self.apply_effect(group, effect);
        }
    }

    fn apply_effect(&mut self, group: GroupId, effect: CoordinatorEffect) {
        let entity = self.entity_of_groups + group.0;
        let now = self.now();
        let host = &mut self.groups[group.index()];
        match effect {
            CoordinatorEffect::Reply { to, response } => {
                let purpose = host.unanswered.get(&to).and_then(|address| address.purpose);
                let answer = match (response, purpose) {
                    (Response::OffsetCommit(error), Some(purpose)) => {
                        Answer::Commit(purpose, error)
                    }
                    (response, _) => Answer::Group(response),
                };
                self.answer(group, to, answer);
            }
            CoordinatorEffect::Arm { timer, after } => {
                let ticket = host.timers.arm(timer.clone());
                let event = Event::CoordinatorTimer {
                    group,
                    timer,
                    ticket,
                };
                self.schedule(now + after, Class::Timer, entity, event);
            }
            CoordinatorEffect::Cancel(timer) => host.timers.cancel(&timer),
            CoordinatorEffect::Append(token) => {
                let append = self
                    .options
                    .calibration
                    .append
                    .as_ref()
                    .unwrap_or(&self.plan.brokers.append);
                let at = (now + append.sample(&mut host.append)).max(host.last_append);
                host.last_append = at;
                self.schedule(at, Class::Message, entity, Event::Appended { group, token });
            }
            CoordinatorEffect::StoreOffsets { offsets, .. } => {
                for &(partition, offset) in offsets.iter() {
                    host.accounts[self.topology.index(partition)].commit(offset);
                }
            }
            CoordinatorEffect::Observe(fact) => self.observe_fact(group, fact),
        }
    }

    fn observe_fact(&mut self, group: GroupId, fact: CoordinatorFact) {
        let processes = &self.groups[group.index()].processes;
        let of = |id: &MemberId| processes.get(id).copied().unwrap_or(ConsumerId(u32::MAX));
        let observation = match fact {
            CoordinatorFact::GroupState {
                from,
                to,
                generation,
                reason,
                by,
            } => Observation::GroupState {
                group,
                from,
                to,
                generation,
                reason,
                by: by.as_ref().map(of),
            },
            CoordinatorFact::MemberIdIssued { member_id, state } => Observation::MemberIdIssued {
                group,
                consumer: of(&member_id),
                member_id,
                state,
            },
            CoordinatorFact::MemberAdded { member_id, state } => Observation::MemberAdded {
                group,
                consumer: of(&member_id),
                member_id,
                state,
            },
            CoordinatorFact::StaticMemberReplaced {
                instance_id,
                old,
                new,
            } => Observation::StaticMemberReplaced {
                group,
                consumer: of(&new),
                instance_id,
                old,
                new,
            },
            CoordinatorFact::MemberRemoved { member_id, why } => Observation::MemberRemoved {
                group,
                consumer: of(&member_id),
                member_id,
                why,
            },
            CoordinatorFact::MemberRejoined { member_id } => Observation::MemberRejoined {
                group,
                consumer: of(&member_id),
            },
            CoordinatorFact::JoinComplete {
                generation,
                members,
                assignor,
            } => Observation::JoinComplete {
                group,
                generation,
                members: members.iter().map(of).collect(),
                assignor,
            },
            CoordinatorFact::AssignmentReceived {
                generation,
                leader,
                assignment,
            } => Observation::AssignmentReceived {
                group,
                generation,
                leader,
                assignment: assignment
                    .iter()
                    .map(|(id, list)| (of(id), Arc::clone(list)))
                    .collect(),
            },
        };
        self.observe(observation);
    }

    // ---- the grid ----

    pub(super) fn first_samples(&mut self) {
        self.schedule(SimTime::ZERO, Class::Scrape, 0, Event::Sample);
        self.schedule(self.plan.measure.1, Class::Scrape, 1, Event::CloseWindow);
    }

    fn settle_everything(&mut self) {
        let now = self.now();
        for consumer in 0..self.processes.len() {
            let consumer = ConsumerId(u32::try_from(consumer).unwrap_or(u32::MAX));
            self.advance(consumer, now, true);
        }
        for group in &mut self.groups {
            for (account, log) in group.accounts.iter_mut().zip(&mut self.logs) {
                account.settle(log, now);
            }
        }
    }

    fn sample(&mut self) {
        self.settle_everything();
        let at = self.now();
        for group in 0..self.groups.len() {
            for topic in self.topics_of(GroupId(u32::try_from(group).unwrap_or(u32::MAX))) {
                for partition in 0..self.topology.partitions_of(topic) {
                    let partition = TopicPartition { topic, partition };
                    let index = self.topology.index(partition);
                    let (account, log) = (&self.groups[group].accounts[index], &self.logs[index]);
                    self.timeline.samples.push(Sample {
                        at,
                        group: GroupId(u32::try_from(group).unwrap_or(u32::MAX)),
                        partition,
                        log_end: log.arrivals.count(at),
                        processed: account.done(),
                        committed: account.committed(),
                        oldest_due: account.oldest_due(log, at),
                    });
                }
            }
        }
        if at < SimTime::ZERO + self.plan.duration {
            let next = (at + self.grid).min(SimTime::ZERO + self.plan.duration);
            self.schedule(next, Class::Scrape, 0, Event::Sample);
        }
    }

    fn close_window(&mut self) {
        self.settle_everything();
        for group in &mut self.groups {
            for (account, log) in group.accounts.iter_mut().zip(&mut self.logs) {
                account.close_window(log);
            }
        }
    }

    /// Topics that any member of the group subscribes to.
    pub(super) fn topics_of(&self, group: GroupId) -> Vec<TopicId> {
        let mut topics: Vec<TopicId> = self
            .plan
            .consumers
            .iter()
            .filter(|consumer| consumer.group == group)
            .flat_map(|consumer| consumer.topics.iter().copied())
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    fn finish(mut self, horizon: SimTime) -> Timeline {
        let window = self.plan.measure;
        for process in &mut self.processes {
            if let Some(client) = &process.client {
                let inside = |from: SimTime, to: SimTime| {
                    to.min(window.1).since(from.max(window.0)).as_micros()
                };
                process.totals.busy_us +=
                    client.busy_us - inside(horizon, client.busy_until.max(horizon));
                process.totals.polls += client.polls;
                process.totals.records += client.records;
                process.totals.alive_us += inside(process.alive_since, horizon);
            }
        }
        let drew = self
            .processes
            .iter()
            .any(|process| process.link.has_drawn())
            || super::steady::draws_records(self.plan);
        let mut timeline = self.timeline;
        timeline.horizon = horizon;
        timeline.control_events = self.calendar.taken();
        timeline.drew = drew;
        timeline.consumers = self
            .processes
            .iter()
            .map(|process| process.totals)
            .collect();
        timeline.cast = super::steady::cast(self.plan, &self.topology);
        for (group, host) in self.groups.into_iter().enumerate() {
            let group = GroupId(u32::try_from(group).unwrap_or(u32::MAX));
            let topics = &timeline.cast.groups[group.index()].topics;
            let mut accounts: Vec<Option<super::ledger::Account>> =
                host.accounts.into_iter().map(Some).collect();
            for &topic in topics {
                for partition in 0..self.topology.partitions_of(topic) {
                    let partition = TopicPartition { topic, partition };
                    let index = self.topology.index(partition);
                    if let Some(account) = accounts[index].take() {
                        let totals = account.close(&mut self.logs[index], horizon);
                        timeline.partitions.push(((group, partition), totals));
                    }
                }
            }
        }
        timeline
    }
}
