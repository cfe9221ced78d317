//! The chain of causes of one stall: each event that mattered with its instant, and between two events what was waited for. For people,
//! and as one document for scripts.
//!
//! It computes nothing: legs and origins come from [`crate::metrics::stall`]. Settings that bound a leg are shown with their values.

mod events;
mod json;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use json::{document, served};
pub use words::{instant, length, member, partition};

use super::figures::Style;
use crate::assignor::ConsumerId;
use crate::kernel::SimDuration;
use crate::metrics::Cause;
use crate::metrics::barrier::Wait;
use crate::metrics::stall::{Leg, Loss, Need, Stall, origin};
use crate::scenario::plan::{Consumer, Plan};
use crate::timeline::{Observation, PlatformFact, PodId, ScaledBy, ScalerId, Timeline, WorkloadId};

/// A replication that has been played.
#[derive(Clone, Copy, Debug)]
pub struct Played<'a> {
    /// What was played.
    pub plan: &'a Plan,
    /// Under which seed.
    pub seed: u64,
    /// What it left.
    pub timeline: &'a Timeline,
    /// Where in a text an entry of the scenario stands, by its JSON pointer.
    pub places: &'a BTreeMap<String, String>,
}

/// The chain of a stall.
#[must_use]
pub fn chain(played: Played<'_>, stall: &Stall, style: Style) -> String {
    let mut text = head(played, stall);
    text.push('\n');
    text.push_str(&events_and_legs(played, stall));
    text.push('\n');
    text.push_str(&sums(stall, style));
    text
}

fn head(played: Played<'_>, stall: &Stall) -> String {
    let cast = &played.timeline.cast;
    let end = match stall.ended {
        Some(_) => format!("to {}", instant(stall.to)),
        None => format!("to the end of the run at {}", instant(stall.to)),
    };
    let group = &cast.groups[stall.group.index()].name;
    let mut text = format!(
        "{} was down {}, from {} {end}\n{} / {}, seed {}, group {group}\n",
        partition(cast, stall.partition),
        length(stall.micros()),
        instant(stall.from),
        played.plan.scenario,
        played.plan.variant,
        played.seed,
    );
    let counted = counted(played, stall);
    if counted != stall.micros() {
        text.push_str(&format!(
            "of these {} lie in the measured time\n",
            length(counted)
        ));
    }
    text
}

/// Microseconds of the stall that lie in the measured time.
fn counted(played: Played<'_>, stall: &Stall) -> u64 {
    let (from, to) = played.timeline.measured;
    stall.to.min(to).since(stall.from.max(from)).as_micros()
}

/// True for what comes from outside the group.
fn is_outside(observation: &Observation) -> bool {
    matches!(
        observation,
        Observation::Action { .. }
            | Observation::Fault { .. }
            | Observation::Platform(PlatformFact::Decision { .. } | PlatformFact::Replicas { .. })
    )
}

/// The events to be told, by their place in the timeline: the whole way to the first leg, and what of the ways to the others is new.
fn told(timeline: &Timeline, stall: &Stall) -> BTreeSet<usize> {
    let mut told = BTreeSet::new();
    let mut first = None;
    let began = stall.legs.iter().filter_map(|leg| leg.began);
    for index in began.chain(stall.ended) {
        let way = origin(timeline, index);
        let since = *first.get_or_insert(way[0]);
        // Backwards, for what made a process that was long there is no part of the story.
        for link in way.into_iter().rev() {
            let observation = &timeline.entries[link].observation;
            if link < since && matches!(observation, Observation::ConsumerStarted { .. }) {
                break;
            }
            if link >= since || is_outside(observation) {
                told.insert(link);
            }
        }
    }
    told
}

fn events_and_legs(played: Played<'_>, stall: &Stall) -> String {
    let timeline = played.timeline;
    let told = told(timeline, stall);
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut legs = stall.legs.iter().peekable();
    let unfounded = legs.next_if(|leg| leg.began.is_none());
    if let Some(leg) = unfounded {
        let begins = "the run begins".to_owned();
        rows.push([instant(leg.from), String::new(), begins, String::new()]);
        rows.push(leg_row(played, stall, leg));
    }
    for index in told {
        let entry = &timeline.entries[index];
        // A leg comes after all that is told of the instant at which it begins.
        while let Some(leg) = legs.next_if(|leg| leg.from < entry.at) {
            rows.push(leg_row(played, stall, leg));
        }
        let observation = events::told_of(stall.partition, &entry.observation);
        let (who, what) = events::event(&timeline.cast, &observation);
        rows.push([instant(entry.at), who, what, place(played, &observation)]);
    }
    rows.extend(legs.map(|leg| leg_row(played, stall, leg)));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let (times, names) = (width(0), width(1));
    let mut text = String::new();
    for [time, who, what, place] in &rows {
        let line = if time.is_empty() {
            format!("{time:>times$}    {what}  {place}")
        } else {
            format!("{time:>times$}  {who:<names$}  {what}  {place}")
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Where the scenario says so.
fn place(played: Played<'_>, observation: &Observation) -> String {
    let pointer = pointer(played, observation);
    match pointer.map(|pointer| (played.places.get(&pointer), pointer)) {
        Some((Some(place), pointer)) => format!("{place} ({pointer})"),
        Some((None, pointer)) => pointer,
        None => String::new(),
    }
}

/// The entry of the scenario whose doing it was.
fn pointer(played: Played<'_>, observation: &Observation) -> Option<String> {
    match observation {
        Observation::Action { event, .. } => {
            let event = played.plan.events.get(*event as usize);
            event.map(|event| event.pointer.clone())
        }
        Observation::Fault { fault, .. } => {
            let fault = played.plan.faults.get(*fault as usize);
            fault.map(|fault| fault.pointer.clone())
        }
        Observation::Platform(fact) => platform_pointer(played, fact),
        _ => None,
    }
}

/// The autoscaler or workload whose doing it was.
fn platform_pointer(played: Played<'_>, fact: &PlatformFact) -> Option<String> {
    let platform = &played.plan.platform;
    let scaler = |id: &ScalerId| Some(platform.autoscalers.get(id.index())?.pointer.clone());
    let workload = |id: WorkloadId| Some(platform.workloads.get(id.index())?.pointer.clone());
    let of_pod = |pod: &PodId| workload(played.timeline.cast.pods.get(pod.index())?.workload);
    match fact {
        PlatformFact::Decision { scaler: id, .. }
        | PlatformFact::Replicas {
            by: ScaledBy::Scaler(id),
            ..
        } => scaler(id),
        PlatformFact::Replicas {
            workload: id,
            by: ScaledBy::Script,
            ..
        }
        | PlatformFact::Template { workload: id, .. } => workload(*id),
        PlatformFact::PodCreated { pod, .. }
        | PlatformFact::PodTerminating { pod, .. }
        | PlatformFact::ContainerEnded { pod, .. } => of_pod(pod),
        PlatformFact::MemoryExceeded { consumer, .. } => {
            let mut pods = played.timeline.cast.pods.iter();
            let pod = pods.find(|pod| pod.consumers.contains(consumer))?;
            workload(pod.workload)
        }
        PlatformFact::PodReady { .. }
        | PlatformFact::PodGone { .. }
        | PlatformFact::EvictionRefused { .. }
        | PlatformFact::Node { .. } => None,
    }
}

fn leg_row(played: Played<'_>, stall: &Stall, leg: &Leg) -> [String; 4] {
    let cast = &played.timeline.cast;
    let mut what = format!(
        "{}  {}: {}",
        length(leg.micros()),
        leg.cause.word(),
        words::need(cast, leg)
    );
    if let Some(since) = leg.since.filter(|since| Some(*since) != leg.began) {
        what.push_str(&since_when(played, since));
    }
    let setting = setting(played, stall, leg);
    let setting = setting.map_or_else(String::new, |(key, value)| format!("{key}={value}"));
    [String::new(), String::new(), what, setting]
}

/// Since when the awaited member is gone or stands still, and whose doing that was.
fn since_when(played: Played<'_>, since: usize) -> String {
    let timeline = played.timeline;
    let entry = &timeline.entries[since];
    let mut text = format!(" (since {}", instant(entry.at));
    let first = origin(timeline, since)[0];
    let cause = &timeline.entries[first].observation;
    if first != since && is_outside(cause) {
        let (who, what) = events::event(&timeline.cast, cause);
        text.push_str(&format!("; {who}: {what}"));
        let place = place(played, cause);
        if !place.is_empty() {
            text.push_str(&format!(", {place}"));
        }
    }
    text.push(')');
    text
}

/// The member as the scenario has it; nobody in particular: one of the group. What pods bring is made from their template.
fn member_of<'p>(plan: &'p Plan, stall: &Stall, who: Option<ConsumerId>) -> Option<&'p Consumer> {
    let anybody = || {
        let mut members = plan.consumers.iter();
        members.find(|member| member.group == stall.group)
    };
    let own = match who {
        Some(who) => plan.consumers.get(who.index()),
        None => anybody(),
    };
    let own = own.map(|member| &**member);
    own.or_else(|| Some(&plan.platform.maker_of(stall.group)?.member))
}

/// The setting that says how long a leg may take, with its value as Kafka takes it: that of the member that is waited for.
fn setting(played: Played<'_>, stall: &Stall, leg: &Leg) -> Option<(&'static str, u64)> {
    let group = played.plan.groups.get(stall.group.index())?;
    let config = &member_of(played.plan, stall, leg.who)?.config;
    let broker = &group.config;
    let (key, span) = match leg.need {
        Need::Session(Loss::PollDeadline) => ("max.poll.interval.ms", config.max_poll_interval),
        Need::Session(_) | Need::Join(Wait::Session) | Need::Return => match leg.incremental {
            true => (
                "group.consumer.session.timeout.ms",
                broker.consumer.session_timeout,
            ),
            false => ("session.timeout.ms", config.session_timeout),
        },
        Need::Heartbeat | Need::Acknowledge => (
            "group.consumer.heartbeat.interval.ms",
            broker.consumer.heartbeat_interval,
        ),
        Need::Join(Wait::Heartbeat) => ("heartbeat.interval.ms", config.heartbeat_interval),
        Need::Join(Wait::Batch) => {
            return Some(("max.poll.records", u64::from(config.max_poll_records)));
        }
        Need::Join(Wait::Timer) => (
            "group.initial.rebalance.delay.ms",
            broker.initial_rebalance_delay,
        ),
        // That of the generation is the longest of its members'.
        Need::RebalanceTimeout => (
            "max.poll.interval.ms",
            longest_rebalance(played.plan, stall),
        ),
        Need::Round => ("metadata.max.age.ms", config.metadata_max_age),
        Need::Target if is_held_back(played, stall, leg, broker.consumer.assignment_interval) => (
            "group.consumer.assignment.interval.ms",
            broker.consumer.assignment_interval,
        ),
        // Whoever sends the next heartbeat makes the coordinator compute it.
        Need::Target => (
            "group.consumer.heartbeat.interval.ms",
            broker.consumer.heartbeat_interval,
        ),
        Need::Callback(_)
        | Need::Commit
        | Need::Busy(_)
        | Need::Restore
        | Need::Position
        | Need::Fetch
        | Need::Leader
        | Need::Stored
        | Need::Delivery
        | Need::Release
        | Need::Rejoin
        | Need::Join(Wait::Callback | Wait::Stall | Wait::Join)
        | Need::Leave
        | Need::Member
        | Need::Admission => return None,
    };
    Some((key, span.as_micros() / 1_000))
}

/// `max.poll.interval.ms`, which is the rebalance timeout: the longest of the group's members.
fn longest_rebalance(plan: &Plan, stall: &Stall) -> SimDuration {
    let members = plan.consumers.iter();
    let own = members.filter(|member| member.group == stall.group);
    let longest = own.map(|member| member.config.max_poll_interval).max();
    let made = plan.platform.maker_of(stall.group);
    let made = made.map(|maker| maker.member.config.max_poll_interval);
    longest.max(made).unwrap_or_default()
}

/// True when the time between two assignments, rather than the wait for a heartbeat, is the larger part of a wait for a target.
fn is_held_back(played: Played<'_>, stall: &Stall, leg: &Leg, interval: SimDuration) -> bool {
    let began = leg.began.unwrap_or_default();
    let mut before = played.timeline.entries[..began].iter().rev();
    let last = before.find(|entry| {
        matches!(&entry.observation, Observation::TargetAssignment { group, .. } if *group == stall.group)
    });
    let over = last.map_or(leg.from, |entry| entry.at + interval);
    over > leg.from && over.since(leg.from) >= leg.to.since(over.min(leg.to))
}

/// Where the time went: by cause, the largest first, and within a cause by need.
fn sums(stall: &Stall, style: Style) -> String {
    let causes = stall.causes();
    let mut parts: Vec<(Cause, u64)> = Cause::ALL
        .into_iter()
        .map(|cause| (cause, causes[cause as usize]))
        .filter(|(_, micros)| *micros > 0)
        .collect();
    parts.sort_by_key(|(cause, micros)| (std::cmp::Reverse(*micros), *cause));
    let dot = if style.ascii { ", " } else { " · " };
    let words: Vec<String> = parts
        .iter()
        .map(|(cause, micros)| format!("{} {}", cause.word(), length(*micros)))
        .collect();
    let mut text = format!(
        "where the time went: {} = {}\n",
        words.join(dot),
        length(stall.micros())
    );
    for (cause, _) in parts {
        let mut needs: Vec<(&str, u64)> = Vec::new();
        for leg in stall.legs.iter().filter(|leg| leg.cause == cause) {
            let words = leg.need.words();
            match needs.iter_mut().find(|(known, _)| *known == words) {
                Some((_, micros)) => *micros += leg.micros(),
                None => needs.push((words, leg.micros())),
            }
        }
        if needs.len() > 1 {
            needs.sort_by_key(|(words, micros)| (std::cmp::Reverse(*micros), *words));
            let words: Vec<String> = needs
                .iter()
                .map(|(words, micros)| format!("{words} {}", length(*micros)))
                .collect();
            text.push_str(&format!("  {}: {}\n", cause.word(), words.join(dot)));
        }
    }
    text
}
