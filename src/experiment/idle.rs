//! Events that did nothing: what a script asked for and the run had no use for. Reads a timeline, knows no file.

use crate::assignor::ConsumerId;
use crate::scenario::plan::{Plan, Verb};
use crate::timeline::{Observation, Timeline};

/// An event that did nothing in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// JSON pointer of the event in the resolved scenario.
    pub pointer: String,
    /// Why, in words that go on from "did nothing: ".
    pub why: &'static str,
}

/// The events of `plan` that did nothing in the run that `timeline` is of, in the scenario's order.
#[must_use]
pub fn idle(plan: &Plan, timeline: &Timeline) -> Vec<Idle> {
    let events = plan.events.iter().enumerate();
    let idle = events.filter_map(|(index, event)| {
        let why = why_idle(plan, timeline, index)?;
        let pointer = event.pointer.clone();
        Some(Idle { pointer, why })
    });
    idle.collect()
}

/// What the event `index` did: the position of each action among the entries, its verb, its process.
fn actions(
    timeline: &Timeline,
    index: usize,
) -> impl Iterator<Item = (usize, &'static str, Option<ConsumerId>)> {
    let entries = timeline.entries.iter().enumerate();
    entries.filter_map(move |(at, entry)| {
        let Observation::Action {
            event,
            verb,
            consumer,
        } = entry.observation
        else {
            return None;
        };
        (event as usize == index).then_some((at, verb, consumer))
    })
}

fn why_idle(plan: &Plan, timeline: &Timeline, index: usize) -> Option<&'static str> {
    let event = &plan.events[index];
    let mut actions = actions(timeline, index).peekable();
    let Some(&(first, _, _)) = actions.peek() else {
        return match (&event.verb, &event.jitter) {
            (_, Some(_)) => {
                Some("its `jitter` carries it past the end, or there was nobody to do it to")
            }
            (verb, None) => verb.target().map(|_| "there was nobody to do it to"),
        };
    };
    match &event.verb {
        Verb::ResetOffsets(..) => actions
            .all(|(_, verb, _)| verb == "reset_offsets refused")
            .then_some(
                "the group was not empty, and Kafka resets the offsets of empty groups alone",
            ),
        Verb::Start(_) => actions
            .all(|(at, _, consumer)| {
                consumer.is_some_and(|consumer| !starts_at(timeline, at, consumer))
            })
            .then_some("whom it starts was running already"),
        Verb::Configure(_, settings) => {
            let meant = |consumer| settings.iter().any(|(other, _)| *other == consumer);
            (!starts_after(timeline, first, meant)).then_some(NO_START)
        }
        Verb::ConfigurePods(settings) => {
            let groups = settings
                .iter()
                .map(|(workload, _)| plan.platform.workloads[workload.0 as usize].group);
            let groups: Vec<_> = groups.collect();
            let meant = |consumer: ConsumerId| {
                let facts = timeline.cast.consumers.get(consumer.index());
                facts.is_some_and(|facts| groups.contains(&facts.group))
            };
            (!starts_after(timeline, first, meant)).then_some(NO_START)
        }
        Verb::Stop(..)
        | Verb::Crash(..)
        | Verb::Restart { .. }
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
        | Verb::Deploy(_)
        | Verb::Rollback(_)
        | Verb::Scale(..)
        | Verb::Drain(_)
        | Verb::KillNode(_) => None,
    }
}

const NO_START: &str = "nobody of the group starts after it, and settings are read at a start";

/// True when the process starts at the instant of the entry, after it.
fn starts_at(timeline: &Timeline, entry: usize, wanted: ConsumerId) -> bool {
    let at = timeline.entries[entry].at;
    let now = timeline.entries[entry..]
        .iter()
        .take_while(|entry| entry.at == at);
    let mut seen = now.map(|entry| &entry.observation);
    seen.any(
        |seen| matches!(seen, Observation::ConsumerStarted { consumer } if *consumer == wanted),
    )
}

/// True when some process that is `meant` starts after the entry.
fn starts_after(timeline: &Timeline, entry: usize, meant: impl Fn(ConsumerId) -> bool) -> bool {
    timeline.entries[entry..].iter().any(|entry| {
        matches!(entry.observation, Observation::ConsumerStarted { consumer } if meant(consumer))
    })
}
