//! `rebsim show`: the groups at an instant.

use super::args::{LookFormat, Show};
use super::exit::Failure;
use super::explain::group_named;
use super::streams::Streams;
use super::subject;
use crate::assignor::GroupId;
use crate::cluster;
use crate::kernel::SimTime;
use crate::metrics::roster::{Roster, rosters};
use crate::report::describe::{self, Described};
use crate::report::explain::instant;
use crate::scenario::plan::Plan;
use crate::timeline::Sample;

/// `rebsim show`
pub(crate) fn show(args: &Show, streams: &mut Streams) -> Result<(), Failure> {
    refuse_tables_of_a_document(args)?;
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
    let of = |group: GroupId| {
        let samples = timeline.snapshot.iter();
        samples.filter(move |sample| sample.group == group).copied()
    };
    let offsets: Vec<Vec<Sample>> = order.iter().map(|group| of(*group).collect()).collect();
    let groups = order
        .iter()
        .zip(&offsets)
        .map(|(group, offsets)| Described {
            plan,
            cast: &timeline.cast,
            group: *group,
            roster: &rosters[group.index()],
            offsets,
            coordinator: coordinator(plan, &rosters[group.index()], *group),
        });
    let groups: Vec<Described<'_>> = groups.collect();
    for described in &groups {
        tell(*described, at, streams);
    }
    match args.format {
        LookFormat::Json => streams.result(&describe::document(plan, subject.seed.0, at, &groups)),
        LookFormat::Text => groups.iter().try_for_each(|described| {
            let table = match (args.state, args.members) {
                (true, _) => describe::state,
                (false, true) => describe::members,
                (false, false) => describe::offsets,
            };
            let text = table(*described, streams.verbose);
            streams.result(&text)
        }),
    }
}

/// A document has everything: no table of it can be chosen.
fn refuse_tables_of_a_document(args: &Show) -> Result<(), Failure> {
    if args.format == LookFormat::Json && (args.members || args.state) {
        return Err(Failure::usage(
            "--members and --state choose a table, and --format json has them all",
            Some("leave them out, or choose of the document: jq '.groups[].members'".to_owned()),
        ));
    }
    Ok(())
}

/// What the command says beside its tables.
fn tell(described: Described<'_>, at: SimTime, streams: &Streams) {
    if !described.roster.available {
        let name = &described.plan.groups[described.group.index()].name;
        let at = instant(at);
        streams.note(&format!(
            "the coordinator of {name} is away at {at}: Kafka would not answer; this is what it knew"
        ));
    }
    if let Some(warning) = describe::warning(described) {
        streams.note(&warning);
    }
}

/// The broker that coordinates the group, or did last.
fn coordinator(plan: &Plan, roster: &Roster, group: GroupId) -> u32 {
    let name = &plan.groups[group.index()].name;
    let home = cluster::coordinator_of(name, plan.brokers.count);
    roster.broker.unwrap_or(home)
}
