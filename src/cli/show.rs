//! `rebsim show`: the groups at an instant.

use super::args::Show;
use super::exit::Failure;
use super::explain::group_named;
use super::streams::Streams;
use super::subject;
use crate::assignor::GroupId;
use crate::cluster;
use crate::kernel::SimTime;
use crate::metrics::roster::rosters;
use crate::report::describe::{self, Described};
use crate::report::explain::instant;
use crate::scenario::plan::{Plan, Verb};
use crate::timeline::{Observation, Sample, Timeline};

/// `rebsim show`
pub(crate) fn show(args: &Show, streams: &mut Streams) -> Result<(), Failure> {
    let subject = subject::open(&args.results, &args.which, streams)?;
    let plan = subject.plan()?;
    let at = subject.instant(plan, args.at)?;
    let (timeline, _) = subject.play(plan, Some(at))?;
    let only = args
        .group
        .as_ref()
        .map(|name| group_named(&timeline.cast, name))
        .transpose()?;
    let mut order: Vec<GroupId> = (0..).map(GroupId).take(plan.groups.len()).collect();
    order.retain(|group| only.is_none_or(|only| only == *group));
    order.sort_by_key(|group| &plan.groups[group.index()].name);
    let rosters = rosters(&timeline, at);
    for group in order {
        let offsets: Vec<Sample> = timeline
            .snapshot
            .iter()
            .filter(|sample| sample.group == group)
            .copied()
            .collect();
        let described = Described {
            plan,
            cast: &timeline.cast,
            group,
            roster: &rosters[group.index()],
            offsets: &offsets,
            coordinator: coordinator(plan, &timeline, group, at),
        };
        if !described.roster.available {
            let name = &plan.groups[group.index()].name;
            let at = instant(at);
            streams.note(&format!(
                "the coordinator of {name} is away at {at}: Kafka would not answer; this is what it knew"
            ));
        }
        if let Some(warning) = describe::warning(described) {
            streams.note(&warning);
        }
        let text = if args.state {
            describe::state(described, streams.verbose)
        } else if args.members {
            describe::members(described, streams.verbose)
        } else {
            describe::offsets(described, streams.verbose)
        };
        streams.result(&text)?;
    }
    Ok(())
}

/// The broker that coordinates the group, unless the script has moved it somewhere.
fn coordinator(plan: &Plan, timeline: &Timeline, group: GroupId, at: SimTime) -> Option<u32> {
    let moved = timeline.entries.iter().take_while(|entry| entry.at <= at);
    let mut actions = moved.filter_map(|entry| match entry.observation {
        Observation::Action { event, .. } => plan.events.get(event as usize),
        _ => None,
    });
    let moves = actions.any(|event| {
        matches!(
            event.verb,
            Verb::Coordinator { moved: true, .. } | Verb::BrokerRoll { .. }
        )
    });
    let broker = cluster::coordinator_of(&plan.groups[group.index()].name, plan.brokers.count);
    (!moves).then_some(broker)
}
