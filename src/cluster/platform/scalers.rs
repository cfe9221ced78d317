//! Autoscalers in the loop: when they look, what they may see, and what they want done.

use std::sync::Arc;

use super::{Class, Event, World};
use crate::kernel::{Draw, SimDuration, SimTime, Stream};
use crate::platform::hpa::{
    Hpa, HpaSpec, Outcome, Reading, Reconcile, ResourceName, Source, Target,
};
use crate::platform::keda::{PartitionOffsets, ScaledObject};
use crate::platform::threshold::Threshold;
use crate::scenario::plan::Plan;
use crate::scenario::plan::autoscaler::{Autoscaler, AutoscalerKind, LagKind, OffsetsOf, Series};
use crate::timeline::{PlatformFact, ScaledBy, ScalerFacts, ScalerId, WorkloadId};

/// An autoscaler with its machine.
#[derive(Debug)]
pub(in crate::cluster) struct Hosted {
    target: WorkloadId,
    machine: Machine,
}

#[derive(Debug)]
enum Machine {
    Hpa {
        hpa: Hpa,
        series: Vec<Option<Series>>,
    },
    Keda {
        object: Box<ScaledObject>,
        /// The one that KEDA makes for everything above zero.
        hpa: Hpa,
        offsets: Vec<Option<OffsetsOf>>,
    },
    Threshold {
        rule: Threshold,
        series: Series,
    },
}

impl Machine {
    fn new(autoscaler: &Autoscaler, plan: &Plan) -> Self {
        let controller = plan.platform.kubernetes.hpa;
        match &autoscaler.kind {
            AutoscalerKind::Hpa { spec, series } => Self::Hpa {
                hpa: Hpa::new(spec.clone(), controller),
                series: series.clone(),
            },
            AutoscalerKind::Keda { spec, offsets } => {
                let object = ScaledObject::new(spec.clone(), SimTime::ZERO);
                let workload = &plan.platform.workloads[autoscaler.target.index()];
                // Pods that have run for long have had something to do.
                let has_run = !plan.groups[workload.group.index()].cold && workload.replicas > 0;
                Self::Keda {
                    hpa: Hpa::new(spec.hpa(), controller),
                    object: Box::new(match has_run {
                        true => object.active_at(SimTime::ZERO),
                        false => object,
                    }),
                    offsets: offsets.clone(),
                }
            }
            AutoscalerKind::Threshold { spec, series } => Self::Threshold {
                rule: Threshold::new(*spec),
                series: *series,
            },
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Hpa { .. } => "hpa",
            Self::Keda { .. } => "keda",
            Self::Threshold { .. } => "threshold",
        }
    }

    /// What the HPA of this autoscaler is told.
    fn hpa_spec(&self) -> Option<&HpaSpec> {
        match self {
            Self::Hpa { hpa, .. } | Self::Keda { hpa, .. } => Some(hpa.spec()),
            Self::Threshold { .. } => None,
        }
    }
}

/// What is said of a decision.
struct Said {
    metric: Arc<str>,
    value_milli: i64,
    target_milli: i64,
    reason: &'static str,
}

impl World<'_> {
    /// The autoscalers and when each first looks: at a phase of its own, as nobody orders them in a real cluster.
    pub(in crate::cluster) fn found_scalers(&mut self) {
        let plan = self.plan;
        let kubernetes = &plan.platform.kubernetes;
        let autoscalers = (0..).map(ScalerId).zip(&plan.platform.autoscalers);
        for (id, autoscaler) in autoscalers {
            let machine = Machine::new(autoscaler, plan);
            let seed = self.seed;
            let phase = |purpose: &str, period: SimDuration| {
                let stream = Stream::new(&autoscaler.name, purpose);
                let micros = Draw::new(seed, stream).below(period.as_micros().max(1));
                SimTime::from_micros(micros)
            };
            let sync = phase("sync", kubernetes.hpa.sync_period);
            match &autoscaler.kind {
                AutoscalerKind::Hpa { .. } => {
                    self.schedule(sync, Class::Autoscaler, id.0, Event::Scaler(id));
                }
                AutoscalerKind::Keda { spec, .. } => {
                    self.schedule(sync, Class::Autoscaler, id.0, Event::Scaler(id));
                    let poll = phase("poll", spec.polling_interval);
                    self.schedule(poll, Class::Keda, id.0, Event::KedaPoll(id));
                }
                AutoscalerKind::Threshold { spec, .. } => {
                    let first = SimTime::ZERO + spec.every;
                    self.schedule(first, Class::Autoscaler, id.0, Event::Scaler(id));
                }
            }
            self.platform.scalers.push(Hosted {
                target: autoscaler.target,
                machine,
            });
        }
        let measures_pods = |hosted: &Hosted| {
            let spec = hosted.machine.hpa_spec();
            spec.is_some_and(|spec| {
                let external = |source: &Source| matches!(source, Source::External { .. });
                spec.metrics.iter().any(|metric| !external(&metric.source))
            })
        };
        if self.platform.scalers.iter().any(measures_pods) {
            self.start_metrics_pipeline();
        }
    }

    /// An autoscaler looks.
    pub(in crate::cluster) fn on_scaler(&mut self, id: ScalerId) {
        // The machine is elsewhere while the world is shown to it.
        let mut hosted = self.platform.scalers.remove(id.index());
        let next = match &mut hosted.machine {
            Machine::Hpa { hpa, series } => {
                let readings = self.hpa_readings(hosted.target, hpa.spec(), series);
                self.reconcile_hpa(id, hosted.target, hpa, readings)
            }
            Machine::Keda {
                object,
                hpa,
                offsets,
            } => {
                let readings = self.keda_readings(hosted.target, object, hpa.spec(), offsets);
                self.reconcile_hpa(id, hosted.target, hpa, readings)
            }
            Machine::Threshold { rule, series } => {
                self.look_at_threshold(id, hosted.target, rule, *series)
            }
        };
        self.platform.scalers.insert(id.index(), hosted);
        self.schedule(next, Class::Autoscaler, id.0, Event::Scaler(id));
    }

    fn reconcile_hpa(
        &mut self,
        id: ScalerId,
        target: WorkloadId,
        hpa: &mut Hpa,
        readings: Vec<Reading>,
    ) -> SimTime {
        let now = self.now();
        let observed = self.observed(target, readings);
        let outcome = hpa.reconcile(now, &observed);
        let status = i64::from(observed.status_replicas.max(1));
        let said = say(hpa.spec(), &outcome, status);
        self.decided(id, target, observed.spec_replicas, outcome.desired, said);
        if self.options.record_autoscalers {
            let reconcile = Reconcile {
                at: now,
                observed,
                outcome,
            };
            self.platform.reconciles.push((id, reconcile));
        }
        hpa.next_sync(now)
    }

    fn look_at_threshold(
        &mut self,
        id: ScalerId,
        target: WorkloadId,
        rule: &mut Threshold,
        series: Series,
    ) -> SimTime {
        let now = self.now();
        let value = self.level(series);
        let current = self.current(target);
        let look = rule.look(now, value, current);
        let spec = rule.spec();
        let limit = if value < spec.below {
            spec.below
        } else {
            spec.above
        };
        let milli = |records: u64| i64::try_from(records.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let said = Said {
            metric: Arc::from(name_of(series)),
            value_milli: milli(value),
            target_milli: milli(limit),
            reason: look.reason.name(),
        };
        self.decided(id, target, current, look.scale_to.unwrap_or(current), said);
        now + spec.every
    }

    /// KEDA polls the triggers of a ScaledObject.
    pub(in crate::cluster) fn on_keda_poll(&mut self, id: ScalerId) {
        let now = self.now();
        let mut hosted = self.platform.scalers.remove(id.index());
        if let Machine::Keda {
            object, offsets, ..
        } = &mut hosted.machine
        {
            let answers: Vec<Option<Vec<PartitionOffsets>>> = offsets
                .iter()
                .map(|of| self.offsets(of.as_ref()?))
                .collect();
            let answers: Vec<Option<&[PartitionOffsets]>> =
                answers.iter().map(Option::as_deref).collect();
            let seen = self.seen(hosted.target);
            let poll = object.poll(now, seen, &answers);
            if let Some(to) = poll.scale_to {
                let lag = answers.iter().flatten().copied().flatten().copied();
                let lag: u64 = lag.map(lag_of).sum();
                let said = Said {
                    metric: Arc::from("committed_lag_records"),
                    value_milli: i64::try_from(lag.saturating_mul(1_000)).unwrap_or(i64::MAX),
                    target_milli: 0,
                    reason: poll.reason.name(),
                };
                self.decided(id, hosted.target, seen.current, to, said);
            }
            let next = now + object.spec().polling_interval;
            self.schedule(next, Class::Keda, id.0, Event::KedaPoll(id));
        }
        self.platform.scalers.insert(id.index(), hosted);
    }

    /// A decision is told and carried out.
    fn decided(&mut self, id: ScalerId, target: WorkloadId, current: i32, to: i32, said: Said) {
        let count = |replicas: i32| u32::try_from(replicas).unwrap_or(0);
        self.tell(PlatformFact::Decision {
            scaler: id,
            current: count(current),
            desired: count(to),
            metric: said.metric,
            value_milli: said.value_milli,
            target_milli: said.target_milli,
            reason: said.reason,
        });
        self.scale_workload(target, count(to), ScaledBy::Scaler(id));
    }

    /// `spec.replicas`
    pub(super) fn current(&self, target: WorkloadId) -> i32 {
        let replicas = self.platform.workloads[target.index()].replicas();
        i32::try_from(replicas).unwrap_or(i32::MAX)
    }
}

fn lag_of(offsets: PartitionOffsets) -> u64 {
    offsets.end.saturating_sub(offsets.committed.unwrap_or(0))
}

fn name_of(series: Series) -> &'static str {
    match series.lag {
        LagKind::Processed => "lag_records",
        LagKind::Committed => "committed_lag_records",
    }
}

/// What users read of a reconcile: the metric that won, and the reason that explains the size.
fn say(spec: &HpaSpec, outcome: &Outcome, status: i64) -> Said {
    let conditions = &outcome.conditions;
    let limited = conditions.scaling_limited.filter(|limit| limit.is_true);
    let reason = match (limited, conditions.scaling_active, conditions.able_to_scale) {
        (_, Some(active), _) if !active.is_true => active.reason.name(),
        (Some(limited), _, _) if outcome.is_computed => limited.reason.name(),
        (_, _, Some(able)) => able.reason.name(),
        (Some(limited), _, None) => limited.reason.name(),
        (None, _, None) => "",
    };
    let winner = outcome.winner.map(|index| &spec.metrics[index]);
    let (Some(metric), Some(proposal)) = (winner, outcome.winning()) else {
        return Said {
            metric: Arc::from(""),
            value_milli: 0,
            target_milli: 0,
            reason,
        };
    };
    let name = match &metric.source {
        Source::Resource(ResourceName::Cpu) => "cpu_percent",
        Source::Resource(ResourceName::Memory) => "memory_percent",
        Source::ContainerResource(_, name) | Source::Pods(name) => name,
        Source::External { metric, .. } => metric,
    };
    let (value_milli, target_milli) = match metric.target {
        Target::Utilization(percent) => (
            proposal.value.saturating_mul(1_000),
            i64::from(percent) * 1_000,
        ),
        Target::AverageValue(target) => match metric.source {
            // Of all pods together.
            Source::External { .. } => (proposal.value / status, target),
            _ => (proposal.value, target),
        },
        Target::Value(target) => (proposal.value, target),
    };
    Said {
        metric: Arc::from(name),
        value_milli,
        target_milli,
        reason,
    }
}

impl super::Platform {
    /// Names and constants of the autoscalers.
    pub(super) fn scaler_facts(&self, autoscalers: &[Autoscaler]) -> Vec<ScalerFacts> {
        let scalers = self.scalers.iter().zip(autoscalers);
        scalers
            .map(|(hosted, autoscaler)| ScalerFacts {
                name: autoscaler.name.clone(),
                workload: hosted.target,
                kind: hosted.machine.word(),
            })
            .collect()
    }
}
