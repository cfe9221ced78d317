//! Consumer processes: how they start, run ahead by themselves between control events, show what they do, and end.

use super::reconnects::Reconnects;
use super::world::Class;
use super::world::Event;
use super::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::Answer;
use super::batch::Work;
use super::client::Client;
use super::coordinators::{Connection, Inbound};
use super::ground::{Ground, Link, Output};
use super::labour::Labour;
use super::membership::Membership;
use super::metadata::Metadata;
use super::sharing::Looked;
use super::{Fidelity, Options};
use crate::assignor::{AssignorKind, ConsumerId, GroupId, TopicPartition};
use crate::kernel::{Draw, Seed, SimDuration, SimTime, Stream};
use crate::protocol::config::{ConsumerConfig, GroupProtocol};
use crate::protocol::message::RequestToken;
use crate::protocol::{classic, consumer};
use crate::scenario::plan::{Brokers, Consumer, NodeId, Plan};
use crate::timeline::{Observation, PodId};

/// A consumer process of the scenario, running or not.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) group: GroupId,
    /// `<group>/<name>`
    pub(super) name: String,
    pub(super) spec: Arc<Consumer>,
    /// Settings from the next start on.
    pub(super) next_spec: Option<Arc<Consumer>>,
    pub(super) labour: Labour,
    /// What processing burnt in its earlier lives.
    pub(super) burnt: Work,
    /// See [`super::sharing`].
    pub(super) looked: Looked,
    /// The node that it runs on, if that has one.
    pub(super) node: Option<NodeId>,
    /// The fault and round of the noise that it has.
    pub(super) noise_of: Option<(usize, u64)>,
    /// See [`super::restores`].
    pub(super) disk: BTreeMap<TopicPartition, u64>,
    pub(super) incarnation: u32,
    pub(super) client: Option<Box<Client>>,
    pub(super) connection: Connection,
    /// Those of earlier lives on which requests wait.
    pub(super) former_connections: Vec<Connection>,
    pub(super) link: Link,
    pub(super) listener: Draw,
    /// How long its assignor runs, when it leads.
    pub(super) assignor: Draw,
    /// The slow-down in force ends then.
    pub(super) slow_until: SimTime,
    /// No message passes before.
    pub(super) cut_until: SimTime,
    /// The calendar entry in force.
    pub(super) wake: SimTime,
    pub(super) alive_since: SimTime,
    pub(super) totals: crate::timeline::ConsumerTotals,
    /// After its exit it starts again this much later.
    pub(super) restart_after: Option<SimDuration>,
    /// What its assignors remember.
    pub(super) memory: Vec<(AssignorKind, crate::assignor::AssignorMemory)>,
    /// The pod that it runs in.
    pub(super) pod: Option<PodId>,
    /// It is in [`World::touched`].
    pub(super) touched: bool,
}

impl Process {
    pub(super) fn new(plan: &Plan, seed: Seed, spec: Arc<Consumer>, options: &Options) -> Self {
        let call = spec.processing.downstream;
        let call = call.map_or(SimDuration::ZERO, |resource| {
            plan.resources[resource.index()].spec.call(0)
        });
        let name = format!("{}/{}", plan.groups[spec.group.index()].name, spec.name);
        let latency = options
            .calibration
            .latency
            .clone()
            .unwrap_or_else(|| plan.brokers.latency.clone());
        Self {
            group: spec.group,
            next_spec: None,
            labour: Labour::new(&spec.processing, spec.cpu, call),
            burnt: Work::default(),
            looked: None,
            node: (0..)
                .zip(&plan.platform.nodes)
                .find(|(_, node)| Some(&node.name) == spec.host.as_ref())
                .map(|(position, _)| NodeId(position)),
            noise_of: None,
            disk: BTreeMap::new(),
            incarnation: 0,
            client: None,
            connection: Connection::default(),
            former_connections: Vec::new(),
            link: Link::new(
                latency,
                Draw::new(seed, Stream::new(&name, "latency")),
                cross_rack(&plan.brokers, &spec.config),
            ),
            listener: Draw::new(seed, Stream::new(&name, "listener")),
            assignor: Draw::new(seed, Stream::new(&name, "assignor")),
            slow_until: SimTime::ZERO,
            cut_until: SimTime::ZERO,
            wake: SimTime::NEVER,
            alive_since: SimTime::ZERO,
            totals: crate::timeline::ConsumerTotals::default(),
            restart_after: None,
            memory: Vec::new(),
            pod: None,
            touched: false,
            name,
            spec,
        }
    }

    /// A life begins, with a connection of its own.
    pub(super) fn begin_life(&mut self) {
        self.incarnation += 1;
        let fresh = Connection {
            incarnation: self.incarnation,
            broker: self.connection.broker,
            ..Connection::default()
        };
        let former = std::mem::replace(&mut self.connection, fresh);
        if former.serving.is_some() {
            self.former_connections.push(former);
        }
    }

    /// The broker's end of the connection of this life or of an earlier one.
    pub(super) fn connection_of(&mut self, incarnation: u32) -> &mut Connection {
        if incarnation == self.connection.incarnation {
            return &mut self.connection;
        }
        let former = &mut self.former_connections;
        let is_it = |connection: &Connection| connection.incarnation == incarnation;
        let place = former.iter().position(is_it).unwrap_or_else(|| {
            // What was on its way when that life ended comes now.
            former.push(Connection {
                incarnation,
                ..Connection::default()
            });
            former.len() - 1
        });
        &mut former[place]
    }

    /// The broker has lost all connections.
    pub(super) fn disconnect(&mut self) {
        self.connection.serving = None;
        self.connection.queue.clear();
        self.former_connections.clear();
    }
}

/// What each broker's distance adds one way to the latency of a client.
pub(super) fn cross_rack(brokers: &Brokers, config: &ConsumerConfig) -> Vec<SimDuration> {
    let racks = &brokers.racks;
    let distance = |broker: usize| match &config.client_rack {
        Some(rack) if !racks.is_empty() && racks[broker % racks.len()] != **rack => {
            brokers.cross_rack_latency
        }
        Some(_) | None => SimDuration::ZERO,
    };
    (0..brokers.count as usize).map(distance).collect()
}

impl World<'_> {
    /// Runs `act` on the client of a process and applies what comes of it.
    pub(super) fn with_client<T>(
        &mut self,
        consumer: ConsumerId,
        at: SimTime,
        act: impl FnOnce(&mut Client, &mut Ground<'_>) -> T,
    ) -> Option<T> {
        let process = &mut self.processes[consumer.index()];
        let mut client = process.client.take()?;
        let mut out = std::mem::take(&mut self.outputs);
        let mut ground = Ground {
            now: at,
            consumer,
            spec: &process.spec,
            labour: &process.labour,
            calibration: &self.options.calibration,
            topology: &self.topology,
            paused: &self.paused,
            logs: &mut self.logs,
            accounts: &mut self.groups[process.group.index()].accounts,
            link: &mut process.link,
            cut_until: process.cut_until,
            listener: &mut process.listener,
            disk: &mut process.disk,
            poisoned: self.poisoned,
            harness: self.options.harness,
            observe_polls: self.options.observe_polls,
            step_by_step: self.options.step_by_step,
            window: self.window,
            tokens: &mut self.tokens,
            polls_played: &mut self.polls_played,
            standstill: &mut self.standstill,
            out: &mut out,
        };
        let result = act(&mut client, &mut ground);
        let at = ground.now;
        process.client = Some(client);
        if !out.is_empty() {
            assert!(
                at == self.calendar.now(),
                "a client showed itself between two control events"
            );
            self.apply_outputs(consumer, &mut out);
        }
        self.outputs = out;
        Some(result)
    }

    /// Lets a client do what it does by itself before this instant, or up to and including it, and then runs `act` on it. Also says whether
    /// anybody else was concerned by what it did.
    fn advance<T>(
        &mut self,
        consumer: ConsumerId,
        inclusive: bool,
        act: impl FnOnce(&mut Client, &mut Ground<'_>) -> T,
    ) -> (bool, Option<T>) {
        let now = self.now();
        if self.options.fidelity == Fidelity::Fluid {
            self.disturb_rest(consumer);
            self.rearm(consumer);
        }
        let (mut act, mut shown) = (Some(act), false);
        loop {
            let client = self.processes[consumer.index()].client.as_ref();
            let clock = client.map_or(SimTime::NEVER, |client| client.clock);
            let result = self.with_client(consumer, clock, |client, ground| {
                if client.walk(now, inclusive, ground) {
                    return None;
                }
                ground.now = now;
                act.take().map(|act| act(client, ground))
            });
            match result {
                Some(None) if self.standstill.reached().is_some() => return (true, None),
                Some(None) => shown = true,
                Some(result) => return (shown, result),
                None => return (shown, None),
            }
        }
    }

    /// Lets a client do what it has done by itself by now, at this instant only if its turn has come (see [`Class`]), and then runs `act` on it.
    fn catch_up_and<T>(
        &mut self,
        consumer: ConsumerId,
        act: impl FnOnce(&mut Client, &mut Ground<'_>) -> T,
    ) -> Option<T> {
        let its_turn = (Class::Timer as u8, consumer.0);
        let inclusive = its_turn < (self.reached.class, self.reached.entity);
        self.advance(consumer, inclusive, act).1
    }

    /// Lets a client do what it has done by itself by now.
    pub(super) fn catch_up(&mut self, consumer: ConsumerId) {
        self.catch_up_and(consumer, |_, _| ());
    }

    /// Hands an answer that has just arrived to a client.
    pub(super) fn hand_over(
        &mut self,
        consumer: ConsumerId,
        token: Option<RequestToken>,
        answer: Answer,
    ) {
        let is_fluid = self.options.fidelity == Fidelity::Fluid;
        let next = self.catch_up_and(consumer, |client, ground| {
            client.clock = ground.now;
            if client.requests.expect(token) {
                client.on_answer(answer, ground);
            }
            let is_unseen = ground.out.is_empty() && !is_fluid;
            is_unseen.then(|| client.next_control(ground))
        });
        match next.flatten() {
            Some(next) => self.wake_at(consumer, next),
            None => self.rearm(consumer),
        }
    }

    pub(super) fn on_wake(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        if process.wake != now {
            self.idle_wakes += 1;
            return;
        }
        process.wake = SimTime::NEVER;
        let next = |client: &mut Client, ground: &mut Ground<'_>| client.next_control(ground);
        let (shown, next) = self.advance(consumer, true, next);
        self.idle_wakes += u64::from(!shown);
        if self.options.fidelity == Fidelity::Fluid {
            return self.rearm(consumer);
        }
        if let Some(next) = next {
            self.wake_at(consumer, next);
        }
    }

    /// Puts the client on the calendar at its next control instant.
    pub(super) fn rearm(&mut self, consumer: ConsumerId) {
        if self.options.fidelity == Fidelity::Fluid {
            let process = &mut self.processes[consumer.index()];
            if !std::mem::replace(&mut process.touched, true) {
                self.touched.push(consumer);
            }
            return;
        }
        let now = self.now();
        let next = self.with_client(consumer, now, |client, ground| client.next_control(ground));
        if let Some(next) = next {
            self.wake_at(consumer, next);
        }
    }

    /// Puts the client on the calendar, unless it stands there already or earlier.
    pub(super) fn wake_at(&mut self, consumer: ConsumerId, next: SimTime) {
        let process = &mut self.processes[consumer.index()];
        if next < process.wake {
            process.wake = next;
            self.schedule(next, Class::Timer, consumer.0, Event::Wake(consumer));
        }
    }

    fn apply_outputs(&mut self, consumer: ConsumerId, outputs: &mut Vec<Output>) {
        for output in outputs.drain(..) {
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
                            broker: process.connection.broker,
                        },
                    };
                    let at = arrives.max(process.cut_until);
                    self.schedule(at, Class::Message, consumer.0, event);
                }
                Output::Observe(observation) => self.observe(observation),
                Output::HungUp(sent) => self.on_hung_up(consumer, sent),
                Output::Assign(kind, members) => self.lead(consumer, kind, &members),
                Output::Watch(members) => {
                    self.metadata_of(consumer, &members);
                    if let Some(client) = &mut self.processes[consumer.index()].client {
                        client.member.on_watching();
                    }
                }
                Output::Installed => {
                    self.review_contests(consumer);
                    self.review_memory(consumer);
                }
                Output::Weigh => self.weigh(consumer),
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
            process.spec = spec;
        }
        process.begin_life();
        process.alive_since = now;
        process.wake = SimTime::NEVER;
        process.memory.clear();
        let mut member = self.new_member(consumer);
        member.wait_by(self.jitter(consumer, "backoff"));
        let reconnects = Reconnects::new(self.jitter(consumer, "reconnect"));
        let process = &mut self.processes[consumer.index()];
        let construction = self.options.calibration.construction_of(&member);
        let metadata = Metadata::of(&process.spec.topics, &self.topology);
        let brokers = self.topology.brokers;
        let mut client = Client::new(member, metadata, reconnects, now, brokers, construction);
        client.commits.go_on(0, now + process.spec.commit.period());
        process.client = Some(Box::new(client));
        self.observe(Observation::ConsumerStarted { consumer });
        self.start_cut_off(consumer);
        self.rearm(consumer);
    }

    /// A membership that has just begun, in the protocol that the process speaks.
    fn new_member(&mut self, consumer: ConsumerId) -> Membership {
        let now = self.now();
        let process = &self.processes[consumer.index()];
        let config = Arc::clone(&process.spec.config);
        match config.group_protocol {
            GroupProtocol::Classic => {
                let topics = process.spec.topics.clone();
                Membership::Classic(Box::new(classic::Member::new(
                    now, consumer, config, topics,
                )))
            }
            GroupProtocol::Consumer => {
                let member_id = self.next_member_id(consumer);
                let topics = &self.processes[consumer.index()].spec.topics;
                let member = consumer::Member::new(now, consumer, config, topics, member_id);
                Membership::Consumer(Box::new(member))
            }
        }
    }

    /// A process is killed. What would end at this very instant is unfinished.
    pub(super) fn crash(&mut self, consumer: ConsumerId) {
        if self.processes[consumer.index()].client.is_none() {
            return;
        }
        self.catch_up(consumer);
        self.observe(Observation::ConsumerCrashed { consumer });
        let before = self.now().as_micros().saturating_sub(1);
        self.bury(consumer, SimTime::from_micros(before));
        self.after_exit(consumer);
    }

    /// What a process held is gone with it; what it ended by `finished` counts.
    fn bury(&mut self, consumer: ConsumerId, finished: SimTime) {
        let now = self.now();
        let process = &self.processes[consumer.index()];
        let accounts = &mut self.groups[process.group.index()].accounts;
        for &place in process
            .client
            .iter()
            .flat_map(|client| &client.batch.partitions)
        {
            let account = &mut accounts[place];
            if account.occupies(consumer) {
                account.settle(&mut self.logs[place], finished);
                account.cut(consumer, now);
            }
        }
        self.with_client(consumer, now, |client, ground| {
            client.leave_on_disk(ground);
            client.release_serving(crate::timeline::ReleaseReason::Gone, None, ground);
        });
        let window = self.window;
        let process = &mut self.processes[consumer.index()];
        if let Some(client) = process.client.take() {
            process.totals.busy_us += client.busy.by(now, window);
            process.totals.polls += client.busy.polls();
            process.burnt = process.burnt.plus(client.busy.burnt_by(now));
            process.totals.alive_us += window.share(process.alive_since, now);
        }
        self.review_contests(consumer);
    }

    pub(super) fn on_exit(&mut self, consumer: ConsumerId) {
        self.bury(consumer, self.now());
        self.after_exit(consumer);
    }

    pub(super) fn after_exit(&mut self, consumer: ConsumerId) {
        let process = &mut self.processes[consumer.index()];
        let restart_after = process.restart_after.take();
        if let Some(pod) = process.pod {
            return self.on_exit_in_pod(pod, consumer, restart_after);
        }
        if let Some(down) = restart_after {
            let step = super::script::Step::Start(consumer);
            self.schedule(
                self.now() + down,
                Class::Script,
                consumer.0,
                Event::Script(step),
            );
        }
    }
}
