//! Random faults: crashes with repair, standstills, noisy neighbours, each from streams of its own.
//!
//! The n-th fault of an entity is word n of (seed, `<fault>/<entity>`), whatever became of the ones before: another fault, another member or
//! what the protocol does in between moves nobody's dice. Who comes to a node in the middle of a noisy episode notices the next one. A crash that finds nobody alive does nothing, and nobody repairs it.

use super::script::Step;
use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::{Draw, SimDuration, SimTime, Stream};
use crate::scenario::plan::{Fault, FaultKind, FaultTarget, Target};
use crate::timeline::Observation;
use crate::workload::distribution::Distribution;

/// Whose times a fault has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// This process.
    Process(ConsumerId),
    /// One of the group's living, by lot.
    Anybody(GroupId),
    /// What runs on the fault's node.
    Node,
}

/// One stroke of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroke {
    /// Position in the scenario's `faults`.
    fault: usize,
    victim: Victim,
    round: u64,
    /// It begins, or its episode ends.
    begins: bool,
}

/// True when the fault draws.
pub(super) fn draws(fault: &Fault) -> bool {
    let by_lot = matches!(fault.target, FaultTarget::Members(Target::Random(_)));
    let ranges = matches!(fault.kind, FaultKind::Noise { leaves: (from, to), .. } if from < to);
    let mut distributions = fault.kind.distributions();
    by_lot || ranges || distributions.any(|distribution| !distribution.is_constant())
}

impl World<'_> {
    pub(super) fn schedule_faults(&mut self) {
        let plan = self.plan;
        for (fault, spec) in plan.faults.iter().enumerate() {
            let victims: Vec<Victim> = match &spec.target {
                FaultTarget::Group(group) => self
                    .consumers()
                    .filter(|id| {
                        // Those in pods are seen to as the pods are made.
                        let process = &self.processes[id.index()];
                        process.group == *group && process.pod.is_none()
                    })
                    .map(Victim::Process)
                    .collect(),
                FaultTarget::Members(Target::Consumers(list)) => {
                    list.iter().copied().map(Victim::Process).collect()
                }
                FaultTarget::Members(Target::Random(group)) => vec![Victim::Anybody(*group)],
                // The language says `Group` instead.
                FaultTarget::Members(
                    Target::Living(_) | Target::LivingAt(..) | Target::Named(..),
                ) => Vec::new(),
                FaultTarget::Node(_) => vec![Victim::Node],
            };
            for victim in victims {
                let stroke = Stroke {
                    fault,
                    victim,
                    round: 0,
                    begins: true,
                };
                self.schedule_stroke(stroke, SimTime::ZERO);
            }
        }
    }

    /// A process has come while the run goes on: what befalls its group befalls it from now on.
    pub(super) fn schedule_faults_of(&mut self, consumer: ConsumerId) {
        let group = self.processes[consumer.index()].group;
        for (fault, spec) in self.plan.faults.iter().enumerate() {
            if spec.target == FaultTarget::Group(group) {
                let stroke = Stroke {
                    fault,
                    victim: Victim::Process(consumer),
                    round: 0,
                    begins: true,
                };
                self.schedule_stroke(stroke, self.now());
            }
        }
    }

    /// The stroke comes this long after what was before it.
    fn schedule_stroke(&mut self, stroke: Stroke, since: SimTime) {
        let (apart, class) = match &self.plan.faults[stroke.fault].kind {
            FaultKind::Crash { uptime, .. } => (uptime, Class::Death),
            FaultKind::Freeze { every, .. } | FaultKind::Noise { every, .. } => {
                (every, Class::Script)
            }
        };
        // Two at one instant would be one.
        let apart = self
            .fault_time(&stroke, "every", apart)
            .max(SimDuration::from_micros(1));
        self.schedule_step(stroke, since + apart, class);
    }

    fn schedule_step(&mut self, stroke: Stroke, at: SimTime, class: Class) {
        let entity = match stroke.victim {
            Victim::Process(consumer) => consumer.0,
            Victim::Anybody(_) | Victim::Node => u32::try_from(stroke.fault).unwrap_or(u32::MAX),
        };
        self.schedule(at, class, entity, Event::Script(Step::Fault(stroke)));
    }

    fn fault_draw(&self, stroke: &Stroke, purpose: &str) -> Draw {
        let fault = &self.plan.faults[stroke.fault].stream;
        let entity = match stroke.victim {
            Victim::Process(consumer) => &*self.processes[consumer.index()].name,
            Victim::Anybody(_) | Victim::Node => "all",
        };
        let mut draw = Draw::new(
            self.seed,
            Stream::new(&format!("{fault}/{entity}"), purpose),
        );
        draw.seek(stroke.round);
        draw
    }

    fn fault_time(
        &self,
        stroke: &Stroke,
        purpose: &str,
        distribution: &Distribution,
    ) -> SimDuration {
        distribution.sample(&mut self.fault_draw(stroke, purpose))
    }

    pub(super) fn strike(&mut self, stroke: Stroke) {
        let plan = self.plan;
        let (now, fault) = (self.now(), &plan.faults[stroke.fault]);
        let next = Stroke {
            round: stroke.round + 1,
            ..stroke
        };
        match &fault.kind {
            FaultKind::Crash { repair, .. } => {
                let down = repair
                    .as_ref()
                    .map(|repair| self.fault_time(&stroke, "repair", repair));
                for consumer in self.victims(&stroke) {
                    self.befell(&stroke, Some(consumer));
                    self.processes[consumer.index()].restart_after = down;
                    self.crash(consumer);
                }
                self.schedule_stroke(next, now + down.unwrap_or(SimDuration::ZERO));
            }
            FaultKind::Freeze { length, .. } => {
                let span = self.fault_time(&stroke, "for", length);
                for consumer in self.victims(&stroke) {
                    self.befell(&stroke, Some(consumer));
                    self.freeze(consumer, span);
                }
                self.schedule_stroke(next, now);
            }
            FaultKind::Noise {
                length,
                leaves: (from, to),
                ..
            } => {
                if !stroke.begins {
                    return self.set_noise(&stroke, None);
                }
                let left = from + self.fault_draw(&stroke, "leaves").below(to - from + 1);
                self.befell(&stroke, None);
                self.set_noise(&stroke, Some(left));
                let span = self.fault_time(&stroke, "for", length);
                let end = Stroke {
                    begins: false,
                    ..stroke
                };
                self.schedule_step(end, now + span, Class::Script);
                self.schedule_stroke(next, now);
            }
        }
    }

    /// The living whom it befalls.
    fn victims(&self, stroke: &Stroke) -> Vec<ConsumerId> {
        let lives = |id: &ConsumerId| self.processes[id.index()].client.is_some();
        match stroke.victim {
            Victim::Process(consumer) => [consumer].into_iter().filter(lives).collect(),
            Victim::Anybody(group) => {
                let living: Vec<ConsumerId> = self
                    .consumers()
                    .filter(|id| self.processes[id.index()].group == group && lives(id))
                    .collect();
                if living.is_empty() {
                    return living;
                }
                let chosen = self.fault_draw(stroke, "target").below(living.len() as u64);
                vec![living[usize::try_from(chosen).unwrap_or_default()]]
            }
            Victim::Node => Vec::new(),
        }
    }

    /// Who has the noise: a process, or all that run on the node, dead ones too.
    fn set_noise(&mut self, stroke: &Stroke, leaves: Option<u64>) {
        let on_node = match &self.plan.faults[stroke.fault].target {
            FaultTarget::Node(node) => Some(*node),
            FaultTarget::Group(_) | FaultTarget::Members(_) => None,
        };
        for consumer in self.consumers() {
            let process = &mut self.processes[consumer.index()];
            let concerned = match stroke.victim {
                Victim::Process(one) => one == consumer,
                Victim::Anybody(group) => process.group == group,
                Victim::Node => process.node.is_some() && process.node == on_node,
            };
            if !concerned {
                continue;
            }
            // The last episode to begin is the one that lasts.
            let source = (stroke.fault, stroke.round);
            match leaves {
                Some(_) => process.noise_of = Some(source),
                None if process.noise_of != Some(source) => continue,
                None => process.noise_of = None,
            }
            self.change_labour(consumer, |labour, processing| {
                labour.set_noise(leaves, processing);
            });
        }
    }

    fn befell(&mut self, stroke: &Stroke, consumer: Option<ConsumerId>) {
        let fault = &self.plan.faults[stroke.fault];
        self.observe(Observation::Fault {
            fault: u32::try_from(stroke.fault).unwrap_or(u32::MAX),
            verb: fault.verb,
            consumer,
        });
    }
}
