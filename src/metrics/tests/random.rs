//! Random timelines: whatever happens in whatever order, states partition time and causes add up.

use std::sync::Arc;

use proptest::prelude::*;

use super::measure;
use crate::assignor::{ConsumerId, GroupId, MemberId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::testing::{GROUP, Play};
use crate::metrics::{RunMetrics, State};
use crate::timeline::{
    CallbackKind, ClientState, GroupState, Observation, RebalanceReason, ReleaseReason,
    RemovalReason,
};

pub(super) const MEMBERS: u32 = 3;
pub(super) const PARTITIONS: u32 = 4;
const END_MS: u64 = 100_000;
/// Kinds of steps, those of the classic protocol first.
pub(super) const KINDS: u8 = 36;

/// Something that happens `wait` milliseconds after the last thing: (wait, what, to whom, which partition).
pub(super) type Step = (u64, u8, u32, u32);

fn consumer(member: u32) -> ConsumerId {
    ConsumerId(member)
}

/// Any order of observations, sensible or not: the fold must stand them all.
pub(super) fn perform(steps: &[Step]) -> Play {
    let mut play = Play::steady(&[&[0, 1], &[2], &[3]], END_MS);
    let mut state = GroupState::Stable;
    let mut generation = 1;
    let mut now = 0;
    for (wait, what, member, number) in steps {
        now = (now + wait).min(END_MS);
        play.at(now);
        let (member, number) = (*member, *number);
        let process = consumer(member);
        let mut reach = |play: &mut Play, generation, to: GroupState| {
            play.state(state, to, generation);
            state = to;
        };
        match what {
            0 => drop(play.crash(member, &[number])),
            1 => drop(
                play.put(Observation::ConsumerFrozen { consumer: process })
                    .release(member, &[number], ReleaseReason::Frozen),
            ),
            2 => drop(
                play.put(Observation::ConsumerThawed { consumer: process })
                    .serve(member, &[number]),
            ),
            3 => drop(play.remove(member, RemovalReason::SessionExpired)),
            4 => drop(play.start(member).add(member)),
            5 => drop(play.callback(member, CallbackKind::Revoked, &[number])),
            6 => drop(play.returned(member, CallbackKind::Revoked)),
            7 => drop(play.take(member, &[number])),
            8 => drop(play.assigned(member, &[number])),
            9 => drop(play.rejoin(member)),
            10 => {
                play.prepare(state, RebalanceReason::Join, member);
                state = GroupState::PreparingRebalance;
            }
            11 => {
                generation += 1;
                play.complete(generation, &[0, 1, 2]);
                reach(&mut play, generation, GroupState::CompletingRebalance);
            }
            12 => {
                let owned: [&[u32]; 3] = [
                    &[number],
                    &[(number + 1) % PARTITIONS],
                    &[(number + 2) % PARTITIONS],
                ];
                play.assignment(generation, &owned);
                reach(&mut play, generation, GroupState::Stable);
            }
            13 => reach(&mut play, generation, GroupState::Empty),
            14 => drop(play.put(Observation::ConsumerClosing { consumer: process })),
            15 => drop(play.put(Observation::ConsumerClosed { consumer: process })),
            16 => drop(play.release(member, &[number], ReleaseReason::PendingRevocation)),
            17 => drop(play.put(Observation::PollDeadlineExceeded { consumer: process })),
            18 => drop(play.put(Observation::ConsumerConnected {
                consumer: process,
                connected: number % 2 == 0,
            })),
            19 => drop(play.put(Observation::RejoinRequested {
                consumer: process,
                reason: "test",
            })),
            20..=22 => {
                generation += 1;
                let reason = RebalanceReason::ALL[*wait as usize % RebalanceReason::ALL.len()];
                play.bump(generation, reason, member);
            }
            23 => reach(&mut play, generation, GroupState::Assigning),
            24 => reach(&mut play, generation, GroupState::Reconciling),
            25 => reach(&mut play, generation, GroupState::Stable),
            _ => in_consumer_group(&mut play, *what, (member, number), generation),
        }
    }
    play
}

/// What happens in consumer groups.
fn in_consumer_group(play: &mut Play, what: u8, (member, number): (u32, u32), generation: i32) {
    let next = (number + 1) % PARTITIONS;
    match what {
        26 => drop(play.joins(member, "consumer")),
        27 => drop(play.start(member).joins_as(
            member,
            MemberId::new(&format!("{member}-{number}")),
            if number == 0 { "classic" } else { "consumer" },
        )),
        28 | 29 => drop(play.target(generation, &[&[number], &[next], &[]])),
        30 => drop(play.moves(member, generation, &[number], &[next])),
        31 => drop(play.reaches(member, generation, &[number])),
        32 => drop(play.goes_away(member)),
        33 => drop(play.remove(member, RemovalReason::RebalanceTimeout)),
        34 => drop(play.put(Observation::StaticMemberReplaced {
            group: GROUP,
            consumer: consumer(member),
            instance_id: Arc::from("pod"),
            old: Play::member_id(number % MEMBERS),
            new: Play::member_id(member),
        })),
        _ => {
            let state = |number: u32| ClientState::ALL[number as usize % ClientState::ALL.len()];
            play.transition(member, state(number), state(number + member));
        }
    }
}

fn total(metrics: &RunMetrics, name: &str) -> i128 {
    metrics
        .value(name)
        .and_then(|value| value.number())
        .expect("a number")
        .millionths()
}

/// The intervals without service of a partition within the window, told by its states.
fn downtimes(metrics: &RunMetrics, place: (GroupId, TopicPartition)) -> Vec<(SimTime, SimTime)> {
    let (low, high) = metrics.measured;
    let mut all: Vec<(SimTime, SimTime)> = Vec::new();
    let spans = metrics.availability.spans.of(place);
    for span in spans.filter(|span| span.state != State::Serving) {
        let (from, to) = (span.from.max(low), span.to.min(high));
        match all.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => all.push((from, to)),
        }
    }
    all.retain(|(from, to)| from < to);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn states_partition_time_and_causes_add_up(
        steps in prop::collection::vec((0_u64..3_000, 0_u8..KINDS, 0..MEMBERS, 0..PARTITIONS), 0..80),
        window in (0..END_MS, 1..END_MS),
    ) {
        let mut play = perform(&steps);
        let (from, length) = window;
        let to = (from + length).min(END_MS);
        play.timeline.measured = (SimTime::from_millis(from), SimTime::from_millis(to));
        let metrics = measure(&play);

        for number in 0..PARTITIONS {
            let spans: Vec<_> = metrics.availability.spans.iter()
                .filter(|span| span.partition.partition == number)
                .collect();
            prop_assert_eq!(spans[0].from, SimTime::ZERO);
            prop_assert_eq!(spans[spans.len() - 1].to, SimTime::from_millis(END_MS));
            for pair in spans.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
                prop_assert!((pair[0].state, pair[0].member) != (pair[1].state, pair[1].member));
            }
            for span in spans {
                prop_assert!(span.from < span.to);
                prop_assert_eq!(span.member.is_some(), span.state == State::Serving);
            }
        }
        for (place, sums) in &metrics.availability.partitions {
            prop_assert_eq!(sums.causes.iter().sum::<u64>(), sums.down_us);
            let downtimes = downtimes(&metrics, *place);
            let lengths = downtimes.iter().map(|(from, to)| to.since(*from).as_micros());
            prop_assert_eq!(lengths.clone().sum::<u64>(), sums.down_us);
            let longest = downtimes.iter().rev().max_by_key(|(from, to)| to.since(*from).as_micros());
            prop_assert_eq!(longest.copied(), sums.longest.as_ref().map(|longest| (longest.from, longest.to)));
            if let Some(longest) = &sums.longest {
                prop_assert_eq!(longest.causes.iter().sum::<u64>(), longest.micros());
                prop_assert!(longest.stalled <= sums.stalled);
            }
            prop_assert_eq!(sums.existed_us, (to - from) * 1_000);
        }
        let causes: i128 = crate::metrics::Cause::ALL.iter().map(|cause| total(&metrics, cause.metric())).sum();
        prop_assert_eq!(causes, total(&metrics, "downtime_partition_s"));
        prop_assert!(total(&metrics, "stop_the_world_s") * i128::from(PARTITIONS) <= total(&metrics, "downtime_partition_s"));
        prop_assert!(total(&metrics, "longest_stop_the_world_s") <= total(&metrics, "longest_downtime_s"));
        let without = crate::metrics::evaluate_without_series(&play.timeline);
        let groups = crate::metrics::evaluate_groups(&play.timeline);
        prop_assert_eq!(&without.values, &groups.values);
        let mut of_groups = without.details.clone();
        of_groups.split_off(|name| name.labels.topic.is_some());
        prop_assert!(!of_groups.list().is_empty());
        prop_assert_eq!(&of_groups, &groups.details);
        prop_assert_eq!(metrics.without_series(), without);
    }

    #[test]
    fn episodes_follow_each_other(
        steps in prop::collection::vec((0_u64..3_000, 0_u8..KINDS, 0..MEMBERS, 0..PARTITIONS), 0..80),
    ) {
        let metrics = measure(&perform(&steps));
        for (index, episode) in metrics.rebalances.iter().enumerate() {
            prop_assert_eq!(episode.number as usize, index + 1);
            prop_assert!(episode.end.is_none_or(|end| end >= episode.start));
            prop_assert!(episode.moved_needlessly <= episode.moved);
            if let Some(next) = metrics.rebalances.get(index + 1) {
                prop_assert!(episode.end.is_some_and(|end| end <= next.start));
            }
            if let Some(last) = &episode.last_joiner {
                prop_assert!(last.micros() <= episode.micros(metrics.horizon));
            }
        }
    }
}
