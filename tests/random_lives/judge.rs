//! What must hold of a run, whatever befell its groups.

use std::collections::{BTreeMap, BTreeSet};

use rebsim::assignor::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition};
use rebsim::cluster::{Calibration, Halt, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::metrics::stall::stalls;
use rebsim::metrics::{Value, evaluate};
use rebsim::scenario::{NoFiles, Overrides, load, render};
use rebsim::timeline::{GroupState, Observation, Timeline};

use super::modern_judge::{Watch, target_fault};
use super::script::Script;

/// What is wrong with the run of `script`; `None`: nothing.
pub(crate) fn wrong(script: &Script) -> Option<String> {
    let text = script.text();
    let scenario = match load("random.yaml", &text, &mut NoFiles, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(rejected) => {
            return Some(format!(
                "refused: {}",
                render::text(&rejected.diagnostics, &rejected.sources, false)
            ));
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
        Err(panic) => Some(format!("panic: {}", words_of(&*panic))),
        Ok(Err(halt @ (Halt::EventLimit { .. } | Halt::Invariant { .. }))) => {
            Some(format!("{halt:?}"))
        }
        Ok(Ok(timeline)) => first_fault(&timeline, script),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

fn first_fault(timeline: &Timeline, script: &Script) -> Option<String> {
    let watch = match Watch::over(timeline) {
        Ok(watch) => watch,
        Err(fault) => return Some(fault),
    };
    forward(timeline, script)
        .or_else(|| at_rest(timeline, &watch))
        .or_else(|| delivered(timeline))
        .or_else(|| causes_add_up(timeline))
        .or_else(|| stalls_are_explained(timeline))
}

/// Time never falls, and nobody's client dies; except that a coordinator that begins anew knows no assignor of a member but the one in force (the log has no
/// more), so a newcomer that does not support that one is refused, and that a SyncGroup that finds it loading is refused with an error that its client does not expect
/// (`SyncGroupResponseHandler`), in Kafka too.
fn forward(timeline: &Timeline, script: &Script) -> Option<String> {
    let falls = timeline
        .entries
        .windows(2)
        .find(|two| two[1].at < two[0].at);
    if let Some(two) = falls {
        return Some(format!("time falls from {} to {}", two[0].at, two[1].at));
    }
    let began_anew = timeline
        .entries
        .iter()
        .any(|entry| matches!(entry.observation, Observation::CoordinatorAvailable { .. }));
    timeline
        .entries
        .iter()
        .find_map(|entry| match &entry.observation {
            Observation::ConsumerFailed { error, .. }
                if began_anew && *error == "InconsistentGroupProtocolException" =>
            {
                None
            }
            Observation::ConsumerFailed {
                consumer,
                error: "KafkaException",
            } if loads_at(timeline, *consumer, entry.at) => None,
            Observation::ConsumerFailed { error, .. } if script.may_fail_with(error) => None,
            Observation::ConsumerFailed { consumer, error } => Some(format!(
                "{}: {} failed with {error}",
                entry.at,
                timeline.cast.consumers[consumer.index()].name
            )),
            _ => None,
        })
}

/// True while the coordinator of the group of `consumer` is not available.
fn loads_at(timeline: &Timeline, consumer: ConsumerId, at: SimTime) -> bool {
    let of = timeline.cast.consumers[consumer.index()].group;
    let mut past = timeline.entries.iter().rev().filter(|entry| entry.at <= at);
    past.find_map(|entry| match entry.observation {
        Observation::CoordinatorAvailable {
            group, available, ..
        } if group == of => Some(!available),
        _ => None,
    })
    .unwrap_or(false)
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
        let alone = |consumer| end.classic.contains(consumer);
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
        let members: Vec<ConsumerId> = end
            .members
            .get(&group)
            .into_iter()
            .flat_map(BTreeMap::values)
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
            let servers: Vec<&str> = end
                .serving
                .get(&(group, place))
                .into_iter()
                .flatten()
                .map(|consumer| timeline.cast.consumers[consumer.index()].name.as_str())
                .collect();
            if servers.is_empty() && end.is_forgotten(group, place) {
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
    modern.and_then(|group| target_fault(group, timeline, &places))
}

/// Where everything stands when the run ends.
#[derive(Default)]
struct End {
    living: BTreeSet<ConsumerId>,
    states: BTreeMap<GroupId, GroupState>,
    members: BTreeMap<GroupId, BTreeMap<MemberId, ConsumerId>>,
    /// Partitions from here on are not seen by the leader, which came back as a static member after they were added: it takes what there is for what
    /// was assigned (`ConsumerCoordinator.onLeaderElected` with `skipAssignment`), and only growth from then on makes it rejoin. So it is in Kafka.
    overlooked: BTreeMap<(GroupId, TopicId), u32>,
    grown: Vec<(TopicId, u32)>,
    serving: BTreeMap<(GroupId, TopicPartition), BTreeSet<ConsumerId>>,
    /// What the leader of a classic group has handed out last.
    handed_out: BTreeMap<GroupId, BTreeSet<TopicPartition>>,
    /// Instances of which a new process has taken the place since then.
    replaced: BTreeMap<GroupId, BTreeSet<ConsumerId>>,
    /// Who gave up each partition last.
    given_up_by: BTreeMap<(GroupId, TopicPartition), ConsumerId>,
    /// Who spoke the classic protocol last.
    classic: BTreeSet<ConsumerId>,
}

impl End {
    /// The partition was to move: it is not in the last assignment, and who held it was to join again when it had given it up, so that it be handed out
    /// (`ConsumerCoordinator.onJoinComplete`, cooperative). It was restarted instead, and as a static member it got the same assignment again without a rebalance
    /// (`GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin`: stable, and the assignor stays). Nobody knows of it until somebody else joins, in
    /// Kafka too.
    fn is_forgotten(&self, group: GroupId, place: TopicPartition) -> bool {
        let handed_out = self.handed_out.get(&group);
        let holder = self.given_up_by.get(&(group, place));
        let replaced = self.replaced.get(&group);
        handed_out.is_some_and(|places| !places.contains(&place))
            && holder.is_some_and(|holder| replaced.is_some_and(|set| set.contains(holder)))
    }

    fn of(timeline: &Timeline) -> Self {
        let mut end = Self::default();
        for entry in &timeline.entries {
            match &entry.observation {
                Observation::ConsumerStarted { consumer } => {
                    end.living.insert(*consumer);
                }
                Observation::ConsumerCrashed { consumer }
                | Observation::ConsumerClosed { consumer } => {
                    end.living.remove(consumer);
                }
                Observation::Joining { consumer } => {
                    end.classic.insert(*consumer);
                }
                Observation::ClientTransition { consumer, .. } => {
                    end.classic.remove(consumer);
                }
                Observation::GroupState { group, to, .. } => {
                    end.states.insert(*group, *to);
                }
                Observation::MemberAdded {
                    group,
                    consumer,
                    member_id,
                    ..
                }
                | Observation::MemberJoined {
                    group,
                    consumer,
                    member_id,
                    ..
                } => {
                    end.members
                        .entry(*group)
                        .or_default()
                        .insert(member_id.clone(), *consumer);
                }
                Observation::StaticMemberReplaced {
                    group,
                    consumer,
                    old,
                    new,
                    ..
                } => {
                    for &(topic, before) in &end.grown {
                        end.overlooked.entry((*group, topic)).or_insert(before);
                    }
                    end.replaced.entry(*group).or_default().insert(*consumer);
                    let members = end.members.entry(*group).or_default();
                    members.remove(old);
                    members.insert(new.clone(), *consumer);
                }
                Observation::AssignmentReceived {
                    group, assignment, ..
                } => {
                    let places = assignment.iter().flat_map(|(_, share)| share.iter());
                    end.handed_out.insert(*group, places.copied().collect());
                    end.replaced.remove(group);
                }
                Observation::PartitionsAdded { topic, before, .. } => {
                    end.grown.push((*topic, *before));
                }
                Observation::MemberRemoved {
                    group, member_id, ..
                } => {
                    end.members.entry(*group).or_default().remove(member_id);
                }
                Observation::Serving { consumer, log_ends } => {
                    let group = timeline.cast.consumers[consumer.index()].group;
                    for (partition, _) in log_ends.iter() {
                        end.serve(group, *partition, *consumer);
                    }
                }
                Observation::Released {
                    consumer, log_ends, ..
                } => {
                    let group = timeline.cast.consumers[consumer.index()].group;
                    for (partition, _) in log_ends.iter() {
                        end.give_up(group, *partition, *consumer);
                    }
                }
                _ => {}
            }
        }
        end
    }

    fn serve(&mut self, group: GroupId, place: TopicPartition, consumer: ConsumerId) {
        let servers = self.serving.entry((group, place)).or_default();
        servers.insert(consumer);
    }

    fn give_up(&mut self, group: GroupId, place: TopicPartition, consumer: ConsumerId) {
        self.given_up_by.insert((group, place), consumer);
        let servers = self.serving.entry((group, place)).or_default();
        servers.remove(&consumer);
    }
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
