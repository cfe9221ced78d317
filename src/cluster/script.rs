//! Plays the scenario's events: starts and ends processes, disturbs them, changes topics and brokers.

use std::sync::Arc;

use super::client::{App, Pending};
use super::faults::Stroke;
use super::rolls::Roll;
use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, GroupId, TopicId};
use crate::kernel::{Draw, Seed, SimDuration, SimTime, Stream};
use crate::scenario::plan::{self, Ending, Sequencing, Target, Verb};
use crate::timeline::{Observation, ScaledBy};
use crate::workload::distribution::Distribution;

/// What the script does at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The entry `event` takes effect for the `round`-th time.
    Entry { event: usize, round: u32 },
    /// The entry's verb is done to one of its targets.
    One { event: usize, consumer: ConsumerId },
    /// A process starts.
    Start(ConsumerId),
    /// A frozen process goes on.
    Thaw {
        consumer: ConsumerId,
        incarnation: u32,
    },
    /// Messages pass again.
    Mend { consumer: ConsumerId },
    /// Processing takes its usual time again.
    Recover { consumer: ConsumerId },
    /// Paused partitions go on.
    Resume {
        topic: TopicId,
        partition: Option<u32>,
    },
    /// The coordinator of a group is back, unless something else has befallen it since.
    CoordinatorBack { group: GroupId, change: u32 },
    /// A random fault befalls somebody, or an episode of it ends.
    Fault(Stroke),
    /// Cores and resources are shared anew.
    Share,
    /// Broker number `broker` goes away in a roll.
    RollBroker { event: usize, broker: u32 },
    /// The controller gives this broker back what it led.
    PreferredElection { broker: u32 },
}

/// What the script remembers.
#[derive(Debug, Default)]
pub(super) struct Script {
    rolls: Vec<Roll>,
}

/// True when the entry draws.
pub(super) fn draws(event: &plan::Event) -> bool {
    let random = |target: &Target| matches!(target, Target::Random(_));
    let varies = |distribution: &Distribution| !distribution.is_constant();
    event.jitter.as_ref().is_some_and(varies)
        || match &event.verb {
            Verb::Start(target)
            | Verb::Stop(target, _)
            | Verb::Crash(target, _)
            | Verb::Slow(target, ..) => random(target),
            Verb::Restart { target, down, .. } => random(target) || varies(down),
            Verb::Freeze(target, length)
            | Verb::Stall(target, length)
            | Verb::Disconnect(target, length) => random(target) || varies(length),
            Verb::Pause(..)
            | Verb::Poison(..)
            | Verb::Partitions(..)
            | Verb::Load(..)
            | Verb::Coordinator { .. }
            | Verb::BrokerRoll { .. }
            | Verb::Configure(..)
            | Verb::ConfigurePods(_)
            | Verb::ResetOffsets(..)
            | Verb::Deploy(_)
            | Verb::Rollback(_)
            | Verb::Scale(..)
            | Verb::Drain(_)
            | Verb::KillNode(_) => false,
        }
}

/// An entry draws by its place in the list, so that variants with lists of their own meet the same draws.
pub(super) fn place(pointer: &str) -> &str {
    let from = pointer.rfind("/events/").unwrap_or_default();
    &pointer[from..]
}

/// When an entry takes effect: each time of its own, with its jitter.
pub(super) fn instants(event: &plan::Event, seed: Seed) -> Vec<SimTime> {
    let mut draw = Draw::new(seed, Stream::new(place(&event.pointer), "jitter"));
    (0..u64::from(event.repeat.1.max(1)))
        .map(|round| {
            let jitter = event.jitter.as_ref();
            let jitter = jitter.map_or(SimDuration::ZERO, |jitter| jitter.sample(&mut draw));
            event.at + event.repeat.0.times(round) + jitter
        })
        .collect()
}

/// The rank of what a verb does among simultaneous events.
fn class(verb: &Verb) -> Class {
    match verb {
        Verb::Crash(..)
        | Verb::Restart {
            how: Ending::Crash, ..
        } => Class::Death,
        Verb::Restart {
            how: Ending::Close, ..
        }
        | Verb::Start(_)
        | Verb::Stop(..)
        | Verb::Freeze(..)
        | Verb::Stall(..)
        | Verb::Slow(..)
        | Verb::Disconnect(..)
        | Verb::Pause(..)
        | Verb::Poison(..)
        | Verb::Partitions(..)
        | Verb::Load(..)
        | Verb::Coordinator { .. }
        | Verb::BrokerRoll { .. }
        | Verb::Configure(..)
        | Verb::ConfigurePods(_)
        | Verb::ResetOffsets(..)
        | Verb::Deploy(_)
        | Verb::Rollback(_)
        | Verb::Scale(..)
        | Verb::Drain(_)
        | Verb::KillNode(_) => Class::Script,
    }
}

impl World<'_> {
    pub(super) fn schedule_script(&mut self) {
        let plan = self.plan;
        for (index, event) in plan.events.iter().enumerate() {
            for (round, at) in (0..).zip(instants(event, self.seed)) {
                let step = Step::Entry {
                    event: index,
                    round,
                };
                let entity = u32::try_from(index).unwrap_or(u32::MAX);
                self.schedule(at, class(&event.verb), entity, Event::Script(step));
            }
        }
    }

    pub(super) fn on_script(&mut self, step: Step) {
        match step {
            Step::Entry { event, round } => self.on_entry(event, round),
            Step::One { event, consumer } => self.on_one(event, consumer),
            Step::Start(consumer) => self.start(consumer),
            Step::Thaw {
                consumer,
                incarnation,
            } => self.thaw(consumer, incarnation),
            Step::Mend { consumer } => self.mend(consumer),
            Step::Recover { consumer } => {
                // A later slow-down may outlast this one.
                if self.processes[consumer.index()].slow_until <= self.now() {
                    self.set_factor(consumer, None);
                }
            }
            Step::Resume { topic, partition } => self.set_paused(topic, partition, None),
            Step::CoordinatorBack { group, change } => self.load_coordinator(group, change),
            Step::Fault(stroke) => self.strike(stroke),
            Step::Share => self.share(),
            Step::RollBroker { event, broker } => self.roll_broker(event, broker),
            Step::PreferredElection { broker } => self.elect_preferred(broker),
        }
    }

    pub(super) fn acted(&mut self, event: usize, verb: &'static str, consumer: Option<ConsumerId>) {
        let event = u32::try_from(event).unwrap_or(u32::MAX);
        self.observe(Observation::Action {
            event,
            verb,
            consumer,
        });
    }

    fn on_entry(&mut self, event: usize, round: u32) {
        let plan = self.plan;
        match &plan.events[event].verb {
            Verb::Start(target)
            | Verb::Freeze(target, _)
            | Verb::Stall(target, _)
            | Verb::Slow(target, ..)
            | Verb::Disconnect(target, _) => {
                for consumer in self.targets(event, round, target) {
                    self.on_one(event, consumer);
                }
            }
            Verb::Stop(target, sequencing)
            | Verb::Crash(target, sequencing)
            | Verb::Restart {
                target, sequencing, ..
            } => {
                let targets = self.targets(event, round, target);
                self.in_sequence(event, *sequencing, targets);
            }
            Verb::Pause(topic, partition, length) => {
                self.acted(event, "pause", None);
                let until = self.now() + *length;
                self.set_paused(*topic, *partition, Some(until));
                let step = Step::Resume {
                    topic: *topic,
                    partition: *partition,
                };
                self.schedule(self.now() + *length, Class::Script, 0, Event::Script(step));
            }
            Verb::Poison(topic, partition) => {
                self.acted(event, "poison", None);
                self.poison(*topic, *partition);
            }
            Verb::Partitions(topic, partitions) => self.grow(event, *topic, *partitions),
            // The arrivals have known it from the beginning.
            Verb::Load(..) => self.acted(event, "load", None),
            Verb::Coordinator { unavailable, moved } => {
                self.acted(event, "coordinator", None);
                self.disturb_coordinators(*unavailable, *moved);
            }
            Verb::BrokerRoll { .. } => self.roll_broker(event, 0),
            Verb::Configure(_, settings) => {
                self.acted(event, "config", None);
                for (consumer, config) in settings {
                    let process = &mut self.processes[consumer.index()];
                    let mut spec = (*process.spec).clone();
                    spec.config = Arc::new(config.clone());
                    process.next_spec = Some(Arc::new(spec));
                }
            }
            Verb::ConfigurePods(settings) => {
                self.acted(event, "config", None);
                for (workload, config) in settings {
                    self.configure_pods(*workload, config);
                }
            }
            Verb::ResetOffsets(group, to) => self.reset_offsets(event, *group, *to),
            Verb::Deploy(workload) => {
                self.acted(event, "deploy", None);
                self.deploy(*workload, false);
            }
            Verb::Rollback(workload) => {
                self.acted(event, "rollback", None);
                self.deploy(*workload, true);
            }
            Verb::Scale(workload, to) => {
                self.acted(event, "scale", None);
                self.scale_workload(*workload, *to, ScaledBy::Script);
            }
            Verb::Drain(node) => {
                self.acted(event, "drain", None);
                self.drain(*node);
            }
            Verb::KillNode(node) => {
                self.acted(event, "kill_node", None);
                self.lose_node(*node);
            }
        }
    }

    fn in_sequence(&mut self, event: usize, sequencing: Sequencing, targets: Vec<ConsumerId>) {
        match sequencing {
            Sequencing::Together => {
                for consumer in targets {
                    self.on_one(event, consumer);
                }
            }
            Sequencing::Spacing(spacing) => {
                for (place, consumer) in (0..).zip(targets) {
                    let at = self.now() + spacing.times(place);
                    let step = Step::One { event, consumer };
                    let class = class(&self.plan.events[event].verb);
                    self.schedule(at, class, consumer.0, Event::Script(step));
                }
            }
            Sequencing::WhenStable => {
                let mut waiting = targets;
                waiting.reverse();
                self.script.rolls.push(Roll {
                    event,
                    current: None,
                    waiting,
                    holdout: 0,
                });
            }
        }
    }

    /// Lets the next target of a roll have its turn when the one before is back and the group stable.
    pub(super) fn continue_rolls(&mut self) {
        for index in 0..self.script.rolls.len() {
            let roll = &self.script.rolls[index];
            let (event, holdout) = (roll.event, roll.holdout);
            if let Some(turn) = &roll.current {
                if !self.has_returned(event, turn) {
                    continue;
                }
                let consumer = turn.consumer;
                let group = self.processes[consumer.index()].group;
                if let Some(holdout) = self.holdout(group, holdout) {
                    self.script.rolls[index].holdout = holdout;
                    continue;
                }
            }
            let next = self.script.rolls[index].waiting.pop();
            self.script.rolls[index].current = next.map(|consumer| self.turn(consumer));
            if let Some(consumer) = next {
                let step = Step::One { event, consumer };
                let class = class(&self.plan.events[event].verb);
                // Who is killed is killed before anything else happens at an instant, so at the next one.
                let pause = u64::from(class == Class::Death);
                let at = self.now() + SimDuration::from_micros(pause);
                self.schedule(at, class, consumer.0, Event::Script(step));
            }
        }
        self.script.rolls.retain(|roll| roll.current.is_some());
    }

    /// A running process of the group that does not serve all that it owns, by its place in the list; the search begins at `first`.
    fn holdout(&self, group: GroupId, first: usize) -> Option<usize> {
        (first..self.processes.len())
            .chain(0..first)
            .find(|&place| {
                let process = &self.processes[place];
                process.group == group
                    && process.client.as_ref().is_some_and(|client| {
                        client.member.is_rejoining()
                            || !client.fetcher.is_settled()
                            || matches!(client.app, App::Starting { .. } | App::Callback { .. })
                    })
            })
    }

    fn on_one(&mut self, event: usize, consumer: ConsumerId) {
        let plan = self.plan;
        let entry = &plan.events[event];
        let alive = self.processes[consumer.index()].client.is_some();
        let length = |world: &Self, distribution: &Distribution| {
            let name = format!(
                "{}#{}",
                place(&entry.pointer),
                world.processes[consumer.index()].name
            );
            distribution.sample(&mut Draw::new(world.seed, Stream::new(&name, "length")))
        };
        match &entry.verb {
            Verb::Start(_) => {
                self.acted(event, "start", Some(consumer));
                let process = &mut self.processes[consumer.index()];
                if process
                    .client
                    .as_ref()
                    .is_some_and(|client| client.is_ending())
                {
                    // A supervisor starts no second process beside one that is closing.
                    process.restart_after.get_or_insert(SimDuration::ZERO);
                }
                self.start(consumer);
            }
            Verb::Stop(..) => {
                self.acted(event, "stop", Some(consumer));
                self.stop(consumer);
            }
            Verb::Crash(..) => {
                self.acted(event, "crash", Some(consumer));
                self.kill(consumer);
            }
            Verb::Restart { how, down, .. } => {
                self.acted(event, "restart", Some(consumer));
                let down = length(self, down);
                self.processes[consumer.index()].restart_after = Some(down);
                match how {
                    _ if !alive => self.after_exit(consumer),
                    Ending::Close => self.stop(consumer),
                    Ending::Crash => self.kill(consumer),
                }
            }
            Verb::Freeze(_, span) => {
                self.acted(event, "freeze", Some(consumer));
                let span = length(self, span);
                self.freeze(consumer, span);
            }
            Verb::Stall(_, span) => {
                self.acted(event, "stall", Some(consumer));
                let until = self.now() + length(self, span);
                self.disturb(consumer, |client| {
                    client.pending.push(Pending::Stall { until })
                });
            }
            Verb::Slow(_, factor, span) => {
                self.acted(event, "slow", Some(consumer));
                self.set_factor(consumer, Some(*factor));
                self.processes[consumer.index()].slow_until = self.now() + *span;
                let step = Step::Recover { consumer };
                self.schedule(
                    self.now() + *span,
                    Class::Script,
                    consumer.0,
                    Event::Script(step),
                );
            }
            Verb::Disconnect(_, span) => {
                self.acted(event, "disconnect", Some(consumer));
                let span = length(self, span);
                self.disconnect(consumer, span);
            }
            Verb::Pause(..)
            | Verb::Poison(..)
            | Verb::Partitions(..)
            | Verb::Load(..)
            | Verb::Coordinator { .. }
            | Verb::BrokerRoll { .. }
            | Verb::Configure(..)
            | Verb::ConfigurePods(_)
            | Verb::ResetOffsets(..)
            | Verb::Deploy(_)
            | Verb::Rollback(_)
            | Verb::Scale(..)
            | Verb::Drain(_)
            | Verb::KillNode(_) => {}
        }
    }

    /// Batches that begin from now on take `factor` thousandths of their time.
    fn set_factor(&mut self, consumer: ConsumerId, thousandths: Option<u64>) {
        self.change_labour(consumer, |labour, processing| {
            labour.set_slow(thousandths, processing);
        });
    }

    /// Does something to a running client, after what it did by itself up to now.
    pub(super) fn disturb(
        &mut self,
        consumer: ConsumerId,
        act: impl FnOnce(&mut super::client::Client),
    ) {
        let now = self.now();
        self.catch_up(consumer);
        if let Some(client) = &mut self.processes[consumer.index()].client {
            client.clock = now;
            act(client);
        }
        self.rearm(consumer);
    }

    /// `close()`: at once when it waits in `poll()` or in a `commitSync` that gets nowhere (`wakeup()`), else when the batch is done; a harness waits for the return of `poll()`.
    pub(super) fn stop(&mut self, consumer: ConsumerId) {
        let harness = self.options.harness;
        self.disturb(consumer, |client| client.pending.push(Pending::Close));
        let now = self.now();
        self.with_client(consumer, now, |client, ground| {
            if client.is_woken_by_wakeup() && !harness && client.frozen_until <= now {
                client.close(ground);
            }
        });
        self.rearm(consumer);
    }

    pub(super) fn kill(&mut self, consumer: ConsumerId) {
        if self.options.harness {
            self.disturb(consumer, |client| client.pending.push(Pending::Crash));
        } else {
            self.crash(consumer);
        }
    }
}
