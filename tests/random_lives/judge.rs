//! What must hold of a run, whatever befell its groups.

use std::collections::{BTreeMap, BTreeSet};

use rebsim::assignor::{ConsumerId, GroupId, TopicPartition};
use rebsim::cluster::{Calibration, Halt, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::metrics::stall::stalls;
use rebsim::metrics::{Value, evaluate};
use rebsim::scenario::{NoFiles, Overrides, load, render};
use rebsim::timeline::{GroupState, Observation, Sample, Timeline};

use super::end::End;
use super::modern_judge::{Watch, target_fault};
use super::past::Past;
use super::script::Script;

/// What is wrong with the run of `script`; `None`: nothing.
pub(crate) fn wrong(script: &Script) -> Option<String> {
    let (fault, leaders_without_topics) = played(script);
    let rests_later = || leaders_without_topics && played(&script.longer()).0.is_none();
    fault.filter(|_| !rests_later())
}

/// What is wrong with the run of `script`, and whether some group goes on rebalancing at its end because of what its leader lacks.
fn played(script: &Script) -> (Option<String>, bool) {
    let text = script.text();
    let scenario = match load("random.yaml", &text, &mut NoFiles, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(rejected) => {
            let why = render::text(&rejected.diagnostics, &rejected.sources, false);
            return (Some(format!("refused: {why}")), false);
        }
    };
    let options = Options {
        check_invariants: true,
        event_limit: 2_000_000,
        calibration: if script.ideal {
            Calibration::ideal()
        } else {
            Calibration::of_scenario()
        },
        ..Options::default()
    };
    let run =
        std::panic::catch_unwind(|| simulate(&scenario.plans[0], Seed(script.seed), &options));
    match run {
        Err(panic) => (Some(format!("panic: {}", words_of(&*panic))), false),
        Ok(Err(halt @ (Halt::EventLimit { .. } | Halt::Invariant { .. }))) => {
            (Some(format!("{halt:?}")), false)
        }
        Ok(Ok(timeline)) => (
            first_fault(&timeline, script),
            End::of(&timeline).has_a_leader_without_topics(&timeline),
        ),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

fn first_fault(timeline: &Timeline, script: &Script) -> Option<String> {
    let watch = match Watch::over(timeline, script.may_downgrade()) {
        Ok(watch) => watch,
        Err(fault) => return Some(fault),
    };
    forward(timeline, script)
        .or_else(|| serves_away(timeline))
        .or_else(|| positions_fault(timeline, script))
        .or_else(|| at_rest(timeline, &watch).filter(|_| !script.floods_with_commits()))
        .or_else(|| delivered(timeline))
        .or_else(|| causes_add_up(timeline))
        .or_else(|| stalls_are_explained(timeline))
}

/// Time never falls, and nobody's client dies of what it would survive in Kafka.
fn forward(timeline: &Timeline, script: &Script) -> Option<String> {
    let entries = &timeline.entries;
    let falls = entries.windows(2).find(|two| two[1].at < two[0].at);
    if let Some(two) = falls {
        return Some(format!("time falls from {} to {}", two[0].at, two[1].at));
    }
    entries
        .iter()
        .enumerate()
        .find_map(|(place, entry)| match &entry.observation {
            Observation::ConsumerFailed { consumer, error } => {
                let past = Past::before(timeline, place, *consumer);
                let rightly = script.may_fail_with(error) || past.may_fail_with(error);
                let name = &timeline.cast.consumers[consumer.index()].name;
                (!rightly).then(|| format!("{}: {name} failed with {error}", entry.at))
            }
            _ => None,
        })
}

/// Nobody begins to serve while it stands still or is cut off. (At the last instant of that it may do so first and be let go then.)
fn serves_away(timeline: &Timeline) -> Option<String> {
    let (mut frozen, mut cut) = (BTreeSet::new(), BTreeSet::new());
    for instant in timeline.entries.chunk_by(|one, next| one.at == next.at) {
        let mut serving = BTreeSet::new();
        for entry in instant {
            match &entry.observation {
                Observation::ConsumerFrozen { consumer } => {
                    frozen.insert(*consumer);
                }
                Observation::ConsumerThawed { consumer } => {
                    frozen.remove(consumer);
                }
                Observation::ConsumerConnected {
                    consumer,
                    connected: false,
                } => {
                    cut.insert(*consumer);
                }
                Observation::ConsumerConnected { consumer, .. } => {
                    cut.remove(consumer);
                }
                Observation::ConsumerStarted { consumer } => {
                    frozen.remove(consumer);
                    cut.remove(consumer); // Said again of one that is cut off as the one before it was.
                }
                Observation::Serving { consumer, .. } => {
                    serving.insert(*consumer);
                }
                Observation::Released { consumer, .. } => {
                    serving.remove(consumer);
                }
                _ => {}
            }
        }
        let away = |consumer: &&ConsumerId| frozen.contains(consumer) || cut.contains(consumer);
        if let Some(consumer) = serving.iter().find(away) {
            let (at, name) = (
                instant[0].at,
                &timeline.cast.consumers[consumer.index()].name,
            );
            let why = if frozen.contains(consumer) {
                "stands still"
            } else {
                "is cut off"
            };
            return Some(format!("serving: {at}: {name} serves and {why}"));
        }
    }
    None
}

/// What is processed has been produced and what is committed has been processed, and nothing of that becomes less. A client of the consumer protocol may commit what its `poll()` is
/// just returning, where it takes up a new assignment at that instant, and one that has left goes back to what it knew where nobody else is left
/// (`ConsumerGroup.validateOffsetCommit`), in Kafka too.
fn positions_fault(timeline: &Timeline, script: &Script) -> Option<String> {
    let mut before: BTreeMap<_, Sample> = BTreeMap::new();
    for now in timeline.samples.iter() {
        let last = before.insert((now.group, now.partition), now);
        let last = last.unwrap_or(now);
        let falls = last.processed > now.processed || last.log_end > now.log_end;
        let is_ahead = now
            .committed
            .is_some_and(|committed| committed > now.processed);
        let commits_fault = is_ahead || last.committed > now.committed;
        if now.processed > now.log_end || falls || (commits_fault && !script.modern) {
            return Some(format!("positions: {last:?}, then {now:?}"));
        }
    }
    None
}

/// The end: each group stable with exactly its living in it, each partition served by exactly one of them.
fn at_rest(timeline: &Timeline, watch: &Watch) -> Option<String> {
    let end = End::of(timeline);
    for (index, facts) in timeline.cast.groups.iter().enumerate() {
        let group = GroupId(u32::try_from(index).expect("few groups"));
        let living: BTreeSet<ConsumerId> = end
            .living
            .iter()
            .copied()
            .filter(|consumer| timeline.cast.consumers[consumer.index()].group == group)
            .collect();
        let alone = |consumer| watch.classic.contains(consumer);
        let modern = watch.groups.get(&group).is_some_and(|group| group.modern);
        if modern && !living.is_empty() && living.iter().all(alone) {
            // Classic members alone in a consumer group that may not be converted, or that was when the last other one was replaced: their heartbeats
            // compute no target, nobody leads, and no rebalance is begun (`convertToClassicGroup` with a `joiningMember`). What is missing waits for
            // the next one to join, in Kafka too.
            continue;
        }
        let state = end.states.get(&group).copied().unwrap_or(GroupState::Empty);
        let rightly = if living.is_empty() {
            GroupState::Empty
        } else {
            GroupState::Stable
        };
        if state == GroupState::PreparingRebalance
            && living.is_empty()
            && end.unconverted.contains(&group)
        {
            continue;
        }
        if state != rightly {
            return Some(format!(
                "group {} with {} living members is {state:?} at the end",
                facts.name,
                living.len()
            ));
        }
        let forgetful = watch
            .groups
            .get(&group)
            .is_some_and(|group| group.forgetful);
        if living.is_empty() || forgetful {
            continue;
        }
        let members: Vec<ConsumerId> = watch
            .groups
            .get(&group)
            .into_iter()
            .flat_map(|group| group.members.values())
            .copied()
            .collect();
        if members.len() != living.len() || !members.iter().all(|member| living.contains(member)) {
            return Some(format!(
                "members of {} at the end: {members:?}, living: {living:?}",
                facts.name
            ));
        }
        if let Some(fault) = served_once(timeline, &end, group, &living, watch) {
            return Some(fault);
        }
    }
    None
}

fn served_once(
    timeline: &Timeline,
    end: &End,
    group: GroupId,
    living: &BTreeSet<ConsumerId>,
    watch: &Watch,
) -> Option<String> {
    let modern = watch.groups.get(&group).filter(|group| group.modern);
    let mut places = BTreeSet::new();
    let topics: BTreeSet<_> = living
        .iter()
        .flat_map(|consumer| {
            timeline.cast.consumers[consumer.index()]
                .topics
                .iter()
                .copied()
        })
        .collect();
    for topic in topics {
        let (name, partitions) = &timeline.cast.topics[topic.index()];
        for partition in 0..*partitions {
            let known = end.overlooked.get(&(group, topic));
            if modern.is_none() && known.is_some_and(|&known| partition >= known) {
                continue;
            }
            let place = TopicPartition { topic, partition };
            places.insert(place);
            let servers: Vec<&str> = watch
                .groups
                .get(&group)
                .and_then(|group| group.serving.get(&place))
                .into_iter()
                .flatten()
                .map(|consumer| timeline.cast.consumers[consumer.index()].name.as_str())
                .collect();
            if servers.is_empty()
                && (end.is_forgotten(group, place)
                    || end.is_unknown(group, topic)
                    || end.is_starved(timeline, group, place))
            {
                continue;
            }
            if servers.len() != 1 {
                return Some(format!(
                    "{name}-{partition} of {} is served by {servers:?} at the end",
                    timeline.cast.groups[group.index()].name
                ));
            }
        }
    }
    let is_starved = |place| end.is_starved(timeline, group, place);
    modern.and_then(|group| target_fault(group, timeline, &places, is_starved))
}

/// With commits after processing and `earliest`, nothing is lost and nothing jumped over.
fn delivered(timeline: &Timeline) -> Option<String> {
    timeline
        .partitions
        .iter()
        .find_map(|((group, place), totals)| {
            let fault = totals.lost > 0
                || totals.skipped > 0
                || totals.processed > totals.produced + waiting_at_start(timeline);
            fault.then(|| {
                format!(
                    "{}, {}-{}: {} lost, {} skipped, {} processed of {}",
                    timeline.cast.groups[group.index()].name,
                    timeline.cast.topics[place.topic.index()].0,
                    place.partition,
                    totals.lost,
                    totals.skipped,
                    totals.processed,
                    totals.produced
                )
            })
        })
}

/// A backlog is not produced within the window.
fn waiting_at_start(timeline: &Timeline) -> u64 {
    if timeline.measured.0 == SimTime::ZERO {
        500
    } else {
        u64::MAX
    }
}

const CAUSES: [&str; 8] = [
    "detect",
    "barrier",
    "callback",
    "assign",
    "reconcile",
    "fetch",
    "restore",
    "absent",
];

/// The parts of the downtime are the downtime, for the run and for each group.
fn causes_add_up(timeline: &Timeline) -> Option<String> {
    let metrics = evaluate(timeline);
    let number = |name: &str| match metrics.value(name) {
        Some(Value::Number(number)) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    };
    let micros = |name: &str| micros(&number(name));
    let labels = timeline
        .cast
        .groups
        .iter()
        .map(|facts| format!("{{group={}}}", facts.name));
    for label in std::iter::once(String::new()).chain(labels) {
        let whole = micros(&format!("downtime_partition_s{label}"));
        let parts: u64 = CAUSES
            .iter()
            .map(|cause| micros(&format!("downtime_{cause}_partition_s{label}")))
            .sum();
        if whole != parts {
            return Some(format!(
                "downtime{label} is {whole} us, its causes come to {parts} us"
            ));
        }
    }
    None
}

/// Every span in which a partition is down is cut into legs of its cause, each of which began with an event.
fn stalls_are_explained(timeline: &Timeline) -> Option<String> {
    let metrics = evaluate(timeline);
    for ((group, partition), _) in &metrics.availability.partitions {
        let found = stalls(timeline, *group, *partition)?;
        let mut legs = found.iter().flat_map(|stall| &stall.legs);
        let spans = metrics.availability.spans.of((*group, *partition));
        let down = spans.filter(|span| span.state.cause().is_some());
        for span in down {
            let mut at = span.from;
            while at < span.to {
                let leg = legs.next();
                let fits = leg.is_some_and(|leg| {
                    leg.from == at
                        && leg.from < leg.to
                        && leg.to <= span.to
                        && Some(leg.cause) == span.state.cause()
                        && (leg.began.is_some() || leg.from == SimTime::ZERO)
                });
                let Some(leg) = leg.filter(|_| fits) else {
                    return Some(format!("unexplained: {span:?}, {leg:?}"));
                };
                at = leg.to;
            }
        }
        if let Some(leg) = legs.next() {
            return Some(format!("unexplained: {leg:?} is in no span"));
        }
    }
    None
}

/// Microseconds of a text like `12.3456`.
fn micros(seconds: &str) -> u64 {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let part = format!("{part:0<6}");
    assert!(part.len() == 6, "{seconds} has more than microseconds");
    whole.parse::<u64>().expect("a number") * 1_000_000 + part.parse::<u64>().expect("a number")
}
