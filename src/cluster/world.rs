//! The event loop: takes the next event from the calendar, hands it to the machine it concerns, applies the effects.

use std::collections::VecDeque;
use std::sync::Arc;

use super::process::Process;

use super::answers::Answer;
use super::coordinators::{HostedGroup, Inbound};
use super::ground::{Output, Topology};
use super::naming::Naming;
use super::records::Log;
use super::script::Script;
use super::standstill::Standstill;
use super::window::Window;
use super::{Fidelity, Halt, Options};
use crate::assignor::{ConsumerId, GroupId, TopicDescription};
use crate::kernel::{Calendar, Order, Place, Seed, SimDuration, SimTime};
use crate::platform::hpa::Reconcile;
use crate::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorTimer};
use crate::protocol::message::RequestToken;
use crate::scenario::plan::Plan;
use crate::timeline::{NodeId, Observation, PodId, ScalerId, Timeline, WorkloadId};

/// Ranks of simultaneous events (`architecture.md` 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// A process is killed or a pod changes: what would happen to it at this instant does not happen.
    Death = 0,
    /// Something arrives.
    Message = 1,
    /// A timer fires, a thread goes on.
    Timer = 2,
    /// The grid is sampled.
    Scrape = 3,
    /// KEDA looks.
    Keda = 4,
    /// A HorizontalPodAutoscaler, or another autoscaler, looks.
    Autoscaler = 5,
    /// The controllers of workloads look at their pods.
    Controller = 6,
    /// The scenario acts.
    Script = 7,
    /// A look at everything, when all else that happens at the instant has happened.
    Snapshot = 8,
}

/// Entity of the first coordinator's entries: after all clients, also those that are still to come.
pub(super) const FIRST_COORDINATOR: u32 = 1 << 31;

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
        place: Place,
    },
    /// A write of a coordinator is committed.
    Appended { group: GroupId, token: AppendToken },
    /// The writes before an OffsetFetch are committed.
    OffsetsRead { group: GroupId, token: RequestToken },
    /// The script acts.
    Script(super::script::Step),
    /// Something happens to a pod, unless its container has been started again since.
    Pod {
        pod: PodId,
        starts: u32,
        step: super::platform::PodStep,
    },
    /// The controller of a workload looks at its pods.
    Reconcile(WorkloadId),
    /// Something happens to a node.
    Node {
        node: NodeId,
        step: super::platform::NodeStep,
    },
    /// An autoscaler looks.
    Scaler(ScalerId),
    /// KEDA polls the triggers of an autoscaler.
    KedaPoll(ScalerId),
    /// The kubelets look at their containers.
    KubeletLooks,
    /// metrics-server asks the kubelets.
    ScrapeKubelets,
    /// The grid is sampled.
    Sample,
    /// A sample beside the grid is taken.
    SampleBetween,
    /// The measured window ends.
    CloseWindow,
    /// Somebody wants to know how things stand at this instant.
    Snapshot,
}

impl Event {
    fn kind(&self) -> usize {
        match self {
            Self::Wake(_) => 0,
            Self::Arrive { .. } => 1,
            Self::Deliver { .. } => 2,
            Self::CoordinatorTimer { .. } => 3,
            Self::Appended { .. } | Self::OffsetsRead { .. } => 4,
            Self::Script(_) => 5,
            Self::Pod { .. } | Self::Reconcile(_) | Self::Node { .. } => 6,
            Self::Scaler(_) | Self::KedaPoll(_) => 7,
            Self::Sample
            | Self::SampleBetween
            | Self::CloseWindow
            | Self::Snapshot
            | Self::KubeletLooks
            | Self::ScrapeKubelets => 8,
        }
    }
}

const KINDS: [&str; 9] = [
    "client threads",
    "requests",
    "answers",
    "coordinator timers",
    "coordinator log appends",
    "script",
    "pods and their controllers",
    "autoscalers",
    "sampling",
];

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
    /// When each broker is up again that went down, or was last.
    pub(super) brokers_back: Vec<SimTime>,
    /// Room for what a client does, and a coordinator, while nobody uses it.
    pub(super) outputs: Vec<Output>,
    pub(super) effects: Vec<CoordinatorEffect>,
    pub(super) naming: Naming,
    pub(super) script: Script,
    pub(super) platform: super::platform::Platform,
    pub(super) topics: Vec<TopicDescription>,
    pub(super) paused: Vec<bool>,
    /// Until when, by flat index.
    pub(super) paused_until: Vec<SimTime>,
    /// Some record cannot be processed.
    pub(super) poisoned: bool,
    pub(super) tokens: u64,
    pub(super) polls_played: u64,
    pub(super) standstill: Standstill,
    /// Clients that are to be put on the calendar when the event is over, in the fluid mode.
    pub(super) touched: Vec<ConsumerId>,
    /// Nobody falls quiet before, in the fluid mode.
    pub(super) restless_until: SimTime,
    /// Depth of effects of coordinators being applied.
    pub(super) applying: u32,
    /// Requests whose turn has come, to be served when these are through.
    pub(super) unmuted: VecDeque<(ConsumerId, u32, Inbound)>,
    counts: [u64; KINDS.len()],
    /// Times that a client was woken or a timer looked at too early, and nothing happened that concerns anybody else.
    pub(super) idle_wakes: u64,
    /// Members of a steady group began at phases of their own.
    pub(super) drew_phases: bool,
    /// The last place in the order of this instant that was reached.
    pub(super) reached: Order,
    /// Measured window.
    pub(super) window: Window,
    pub(super) grid: SimDuration,
    /// Points of the grid that are over.
    pub(super) grid_points: u64,
    /// From when on a sample may be taken beside the grid again.
    pub(super) between_from: SimTime,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a Plan, seed: Seed, options: &'a Options) -> Self {
        let naming = Naming::new(seed, options.names.clone());
        let (topology, logs) = super::layout::lay_out(plan, seed, &options.calibration);
        let topics = super::layout::describe_topics(plan, &naming);
        let groups = super::layout::found_groups(plan, seed, &logs);
        let processes: Vec<Process> = plan
            .consumers
            .iter()
            .map(|spec| Process::new(plan, seed, Arc::clone(spec), options))
            .collect();
        let seconds = plan.duration.as_micros().div_ceil(600 * 1_000_000).max(1);
        Self {
            paused: vec![false; logs.len()],
            paused_until: vec![SimTime::ZERO; logs.len()],
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
            brokers_back: vec![SimTime::ZERO; plan.brokers.count as usize],
            naming,
            script: Script::default(),
            platform: super::platform::Platform::default(),
            topics,
            poisoned: false,
            tokens: 0,
            outputs: Vec::new(),
            effects: Vec::new(),
            polls_played: 0,
            standstill: Standstill::default(),
            touched: Vec::new(),
            restless_until: SimTime::ZERO,
            applying: 0,
            unmuted: VecDeque::new(),
            counts: [0; KINDS.len()],
            idle_wakes: 0,
            drew_phases: false,
            reached: Order {
                at: SimTime::ZERO,
                class: 0,
                entity: 0,
            },
            window: plan.measure.into(),
            grid: SimDuration::from_secs(seconds),
            grid_points: 0,
            between_from: SimTime::ZERO,
        }
    }

    pub(super) fn now(&self) -> SimTime {
        self.calendar.now()
    }

    /// All processes, running or not.
    pub(super) fn consumers(&self) -> impl Iterator<Item = ConsumerId> + use<> {
        (0..u32::try_from(self.processes.len()).unwrap_or(u32::MAX)).map(ConsumerId)
    }

    pub(super) fn observe(&mut self, observation: Observation) {
        self.sample_where_lag_ends(&observation);
        self.timeline.observe(self.calendar.now(), observation);
    }

    pub(super) fn run(mut self) -> Result<(Timeline, Vec<(ScalerId, Reconcile)>), Halt> {
        self.set_the_stage();
        let is_fluid = self.options.fidelity == Fidelity::Fluid;
        if is_fluid {
            self.settle_clients();
        }
        let horizon = SimTime::ZERO + self.plan.duration;
        while let Some(next) = self.calendar.peek() {
            if next.at > horizon {
                break;
            }
            if self.calendar.taken() >= self.options.event_limit {
                return Err(self.out_of_events());
            }
            let Some((order, event)) = self.calendar.take() else {
                break;
            };
            // Events that come of an event at no distance in time may stand before it in the order; the place reached stays.
            self.reached = self.reached.max(order);
            self.counts[event.kind()] += 1;
            self.handle(event);
            self.continue_rolls();
            if is_fluid {
                self.settle_clients();
            }
            if self.standstill.reached().is_some() {
                return Err(self.out_of_events());
            }
            if self.options.check_invariants {
                self.check_invariants().map_err(|message| Halt::Invariant {
                    at: self.now(),
                    message,
                })?;
            }
        }
        let reconciles = std::mem::take(&mut self.platform.reconciles);
        Ok((self.finish(horizon), reconciles))
    }

    fn out_of_events(&self) -> Halt {
        let mut busiest: Vec<(String, u64)> = KINDS
            .iter()
            .zip(self.counts)
            .map(|(kind, count)| ((*kind).to_owned(), count))
            .collect();
        let still = self.standstill.reached();
        busiest.extend(
            still.map(|(_, steps)| ("steps of one client at one instant".to_owned(), steps)),
        );
        busiest.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        busiest.retain(|&(_, count)| count > 0);
        Halt::EventLimit {
            at: still.map_or(self.now(), |(at, _)| at),
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
                place,
            } => self.on_coordinator_timer(group, timer, place),
            Event::Appended { group, token } => self.on_appended(group, token),
            Event::OffsetsRead { group, token } => self.on_offsets_read(group, token),
            Event::Script(step) => self.on_script(step),
            Event::Pod { pod, starts, step } => self.on_pod(pod, starts, step),
            Event::Reconcile(workload) => self.on_reconcile(workload),
            Event::Node { node, step } => self.on_node(node, step),
            Event::Scaler(scaler) => self.on_scaler(scaler),
            Event::KedaPoll(scaler) => self.on_keda_poll(scaler),
            Event::KubeletLooks => self.on_kubelet_looks(),
            Event::ScrapeKubelets => self.on_scrape(),
            Event::Sample => self.sample(),
            Event::SampleBetween => self.sample_between(),
            Event::CloseWindow => self.close_window(),
            Event::Snapshot => self.snapshot(),
        }
    }
}
