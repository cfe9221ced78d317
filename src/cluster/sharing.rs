//! What processes share: the cores of a node, the CPU limit of a container, and resources downstream.
//!
//! Once a second it is looked at what each process burnt and called in the second before, and the shares of the next second follow
//! from that: batches that begin from then on feel them. Finer it is not: who begins to burn at once finds its share a second later,
//! and for that second the cores of a node, or the limit of a container, can be promised twice. A process that burnt all it was left (to 5 %), or that is new, counts with what it
//! would burn if nobody held it back, the others with what they burnt; what a node leaves each is the level at which this adds up to its
//! cores ([`fair_level_m`]). Those in one container share its limit by the same rule, and the node sees what that leaves them; a container that still
//! starts counts with its start-up as one more. How many calls are under way at once on average is the time spent in them in that second.

use super::batch::Work;
use super::labour::Labour;
use super::platform::{Levels, Want};
use super::script::Step;
use super::world::{Class, Event, World};
use crate::assignor::ConsumerId;
use crate::kernel::SimDuration;
use crate::scenario::plan::{NodeId, Processing, ResourceId};
use crate::timeline::PodId;
use crate::workload::cpu::fair_level_m;

/// How often shares are looked at.
const PERIOD: SimDuration = SimDuration::from_secs(1);

/// What a process burnt until the shares were last looked at; `None` before that.
pub(super) type Looked = Option<Work>;

impl World<'_> {
    /// Looks at shares from the beginning, if anything is shared.
    pub(super) fn begin_sharing(&mut self) {
        let plan = self.plan;
        let among_all = !plan.resources.is_empty() || !plan.platform.nodes.is_empty();
        if among_all || self.has_shared_limits() {
            self.share();
        }
    }

    /// Does something to what processing costs a process, for batches that begin from now on.
    pub(super) fn change_labour(
        &mut self,
        consumer: ConsumerId,
        change: impl FnOnce(&mut Labour, &Processing),
    ) {
        self.catch_up(consumer);
        let process = &mut self.processes[consumer.index()];
        change(&mut process.labour, &process.spec.processing);
        self.rearm(consumer);
    }

    /// Core-microseconds that processing has burnt up to now in all lives of a process, batches under way pro rata. What the process burns
    /// without processing is not in it, and callbacks burn nothing.
    pub(super) fn cpu_used(&mut self, consumer: ConsumerId) -> u64 {
        self.burnt(consumer).cpu
    }

    fn burnt(&mut self, consumer: ConsumerId) -> Work {
        self.catch_up(consumer);
        let now = self.now();
        let process = &self.processes[consumer.index()];
        let present = process.client.as_ref();
        let present = present.map_or(Work::default(), |client| client.busy.burnt_by(now));
        process.burnt.plus(present)
    }

    /// Shares everything anew, and again a period later.
    pub(super) fn share(&mut self) {
        let all: Vec<ConsumerId> = self.consumers().collect();
        let mut wants = self.wanted_by_boots();
        let mut callers = vec![0_u64; self.plan.resources.len()];
        for &consumer in &all {
            let shared = self.shares_in(consumer);
            if shared.is_nothing() {
                continue;
            }
            let burnt = self.burnt(consumer);
            let process = &mut self.processes[consumer.index()];
            let before = process.looked.replace(burnt);
            if process.client.is_none() {
                process.looked = None;
                continue;
            }
            let since = before.map(|before| burnt.minus(before));
            wants.push(Want {
                node: shared.node,
                container: shared.container,
                cores_m: wants_m(&process.labour, &process.spec.processing, since),
            });
            if let (Some(resource), Some(since)) = (shared.downstream, since) {
                callers[resource.index()] += since.calls * 1_000 / PERIOD.as_micros();
            }
        }
        let containers = self.container_levels(&wants);
        let nodes = self.node_levels(&wants, &containers);
        let resources = self.plan.resources.iter().zip(callers);
        let calls: Vec<SimDuration> = resources
            .map(|(resource, callers)| resource.spec.call(callers))
            .collect();
        for consumer in all {
            let shared = self.shares_in(consumer);
            let node = shared.node.and_then(|node| nodes[node.index()]);
            let container = shared.container.and_then(|pod| containers.get(&pod));
            let level = node.into_iter().chain(container.copied()).min();
            let call = shared.downstream;
            let call = call.map_or(SimDuration::ZERO, |resource| calls[resource.index()]);
            let process = &mut self.processes[consumer.index()];
            let changed = process
                .labour
                .set_surroundings(level, call, &process.spec.processing);
            if changed {
                self.rearm(consumer);
            }
        }
        let next = self.now() + PERIOD;
        self.schedule(next, Class::Script, u32::MAX, Event::Script(Step::Share));
    }

    /// What each node leaves those on it, of whom none gets more than its container leaves it.
    fn node_levels(&self, wants: &[Want], containers: &Levels) -> Vec<Option<u64>> {
        let mut wanted = vec![Vec::new(); self.plan.platform.nodes.len()];
        for want in wants {
            let level = want.container.and_then(|pod| containers.get(&pod));
            let most = level.map_or(want.cores_m, |level| want.cores_m.min(*level));
            if let Some(node) = want.node {
                wanted[node.index()].push(most);
            }
        }
        let nodes = self.plan.platform.nodes.iter().zip(&wanted);
        nodes
            .map(|(node, wanted)| fair_level_m(node.cores_m, wanted))
            .collect()
    }

    fn shares_in(&self, consumer: ConsumerId) -> Shared {
        let process = &self.processes[consumer.index()];
        Shared {
            node: process.node,
            container: self.shares_limit_of(consumer),
            downstream: process.spec.processing.downstream,
        }
    }
}

/// What a process shares with others.
struct Shared {
    node: Option<NodeId>,
    container: Option<PodId>,
    downstream: Option<ResourceId>,
}

impl Shared {
    const fn is_nothing(&self) -> bool {
        self.node.is_none() && self.container.is_none() && self.downstream.is_none()
    }
}

/// What a process wants of the cores that it shares, in thousandths.
fn wants_m(labour: &Labour, processing: &Processing, since: Option<Work>) -> u64 {
    let appetite = labour.appetite_m(processing);
    let Some(since) = since else { return appetite };
    let used = since.cpu * 1_000 / PERIOD.as_micros();
    if used * 100 >= labour.capacity_m * 95 {
        appetite
    } else {
        (used + labour.idle_m()).min(appetite)
    }
}
