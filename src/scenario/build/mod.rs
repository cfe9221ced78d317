//! From a checked document to a [`Plan`]: defaults, references between places, and everything that only shows when two
//! places are looked at together. Reports all it finds; a plan comes out only of a document without errors.

pub(super) mod autoscalers;
mod brokers;
mod commits;
mod config;
mod consumer_groups;
mod containers;
mod distribution;
mod events;
mod expect;
mod groups;
mod load;
mod nodes;
mod pods;
mod racks;
mod settings;
mod subscription;
mod surroundings;
mod topics;
mod workloads;

use std::collections::BTreeSet;

use crate::assignor::GroupId;
use crate::kernel::{SimDuration, SimTime};

use super::check::duration_or;
use super::code::Code;
use super::diagnostic::Diagnostic;
use super::files::Files;
use super::load::Expectation;
use super::plan::Plan;
use super::shape::Item;
use super::units;

use consumer_groups::Bounds;

/// What a variant's document came to.
#[derive(Debug)]
pub(super) struct Built {
    /// The plan; meaningful only without errors.
    pub(super) plan: Plan,
    /// What is expected of it.
    pub(super) expectations: Vec<Expectation>,
    /// What takes part.
    pub(super) used: Used,
}

/// Things of a document that something else in it refers to, by name.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Topics that somebody subscribes to.
    pub(super) topics: BTreeSet<String>,
    /// Resources that somebody calls.
    pub(super) resources: BTreeSet<String>,
}

/// What is left of what all variants together may hold, so that a small file cannot fill the memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Members.
    pub(super) members: usize,
    /// Partitions.
    pub(super) partitions: usize,
}

impl Room {
    /// All of it: a million members, four million partitions.
    pub(super) const WHOLE: Self = Self {
        members: 1_000_000,
        partitions: 4_000_000,
    };
}

/// State of the work on one variant.
pub(super) struct Builder<'b, 'l> {
    /// Findings.
    pub(super) found: &'b mut Vec<Diagnostic>,
    /// Where traces come from.
    pub(super) files: &'b mut Files<'l>,
    /// What may still be made.
    pub(super) room: &'b mut Room,
    /// What takes part so far.
    pub(super) used: Used,
    /// Length of the replication.
    pub(super) duration: SimDuration,
    /// Groups whose members were not understood: nothing can be said about them.
    pub(super) vague: BTreeSet<GroupId>,
    /// False when `topics` was not understood: any name may be that of one.
    pub(super) topics_known: bool,
    /// False when `resources` was not understood.
    pub(super) resources_known: bool,
    /// What the brokers leave to single groups.
    bounds: Bounds,
    /// Why the brokers would not take in a member of the consumer protocol.
    refuses_consumer: Option<String>,
}

/// Builds the plan of `variant` from the checked document `root`.
pub(super) fn build(
    root: &Item,
    variant: &str,
    variants: &[String],
    found: &mut Vec<Diagnostic>,
    files: &mut Files<'_>,
    room: &mut Room,
) -> Built {
    let duration = duration_or(root.get("duration"), units::LONGEST);
    let mut builder = Builder {
        found,
        files,
        room,
        used: Used::default(),
        duration,
        vague: BTreeSet::new(),
        topics_known: root.get("topics").is_some_and(|topics| !topics.is_wrong()),
        resources_known: root
            .get("resources")
            .is_none_or(|resources| !resources.is_wrong()),
        bounds: Bounds::DEFAULT,
        refuses_consumer: None,
    };
    if duration.is_zero()
        && let Some(item) = root.get("duration")
    {
        builder.error(Code::Limit, item, "`duration` must be longer than nothing");
    }
    let measure = builder.measure(root);
    let (brokers, profile) = builder.brokers(root.get("brokers"));
    let topics = builder.topics(root.get("topics"), &brokers);
    let group_config = root
        .get("brokers")
        .and_then(|brokers| brokers.get("group_config"));
    let resources = builder.resources(root.get("resources"));
    let world = groups::World {
        topics: &topics,
        brokers: &brokers,
        resources: &resources,
    };
    let (groups, consumers, mut drafts) =
        builder.groups(root.get("groups"), group_config, world, profile);
    let kubernetes = builder.kubernetes(root.get("kubernetes"));
    let platform = builder.platform(root, kubernetes, (world, profile), &mut drafts);
    let mut plan = Plan {
        scenario: root
            .get("name")
            .and_then(Item::text)
            .unwrap_or("")
            .to_owned(),
        variant: variant.to_owned(),
        duration,
        measure,
        brokers,
        topics,
        groups,
        consumers,
        platform,
        resources,
        faults: Vec::new(),
        events: Vec::new(),
    };
    plan.faults = builder.faults(root.get("faults"), &plan);
    plan.platform.autoscalers = builder.autoscalers(root.get("autoscalers"), &plan);
    plan.events = builder.events(root.get("events"), &plan, &drafts);
    let most = builder.growth(root.get("events"), &plan);
    builder.idle_starts(root.get("groups"), &plan, &most);
    builder.skews(root.get("topics"), &plan.topics, &most);
    builder.racks(root, &plan, variants.len() < 2);
    let expectations = builder.expectations(root.get("expect"), &plan, variants);
    Built {
        plan,
        expectations,
        used: builder.used,
    }
}

impl Builder<'_, '_> {
    /// Reports an error at `item`.
    pub(super) fn error(&mut self, code: Code, item: &Item, message: impl Into<String>) {
        self.report(Diagnostic::error(code, item.span, message));
    }

    /// Reports a finding.
    pub(super) fn report(&mut self, finding: Diagnostic) {
        self.found.push(finding);
    }

    /// The instant at `item`, which must lie before the end.
    pub(super) fn instant(&mut self, item: &Item, what: &str) -> SimTime {
        let Some(at) = item.duration() else {
            return SimTime::ZERO;
        };
        if at >= self.duration {
            let message = format!(
                "{what} at {at} comes after the end, which is at {}",
                self.duration
            );
            self.report(
                Diagnostic::error(Code::AfterEnd, item.span, message)
                    .help("let it come earlier, or make `duration` longer"),
            );
        }
        SimTime::from_micros(at.as_micros())
    }

    fn measure(&mut self, root: &Item) -> (SimTime, SimTime) {
        let window = root.get("measure");
        let instant = |key, default| {
            let span = duration_or(window.and_then(|window| window.get(key)), default);
            SimTime::from_micros(span.as_micros())
        };
        let (from, to) = (
            instant("from", SimDuration::ZERO),
            instant("to", self.duration),
        );
        if let Some(window) = window {
            let end = SimTime::from_micros(self.duration.as_micros());
            let last = window.get("to").or(window.get("from")).unwrap_or(window);
            if to > end {
                self.error(
                    Code::AfterEnd,
                    last,
                    format!("the measured window ends after the end, {}", self.duration),
                );
            } else if from >= to {
                self.error(Code::Window, last, "the measured window is empty");
            }
        }
        (from, to)
    }
}
