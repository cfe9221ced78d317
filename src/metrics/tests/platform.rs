//! Replicas, pods and restarts in numbers, and the loops that feed themselves.

use std::sync::Arc;

use super::{measure, value};
use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::kernel::SimDuration;
use crate::metrics::testing::Play;
use crate::metrics::{Chain, loops::RebalanceLoop};
use crate::timeline::{
    ContainerEnd, GroupState::Stable, Observation, PlatformFact, PodEnd, PodFacts, PodId, PodStart,
    RebalanceReason, RemovalReason, ScaledBy, ScalerFacts, ScalerId, WorkloadFacts, WorkloadId,
};

const SCALER: ScaledBy = ScaledBy::Scaler(ScalerId(0));

/// Two members in two pods of one workload, with one autoscaler.
fn play(end_ms: u64) -> Play {
    let mut play = Play::steady(&[&[0], &[1]], end_ms);
    let cast = &mut play.timeline.cast;
    cast.workloads.push(WorkloadFacts {
        name: "g".to_owned(),
        group: GroupId(0),
    });
    for number in 0..2 {
        cast.pods.push(PodFacts {
            name: format!("g-{number}"),
            workload: WorkloadId(0),
            revision: 1,
            consumers: vec![ConsumerId(number)],
        });
    }
    cast.scalers.push(ScalerFacts {
        name: "by-cpu".to_owned(),
        workload: WorkloadId(0),
        kind: "hpa",
    });
    for pod in [PodId(0), PodId(1)] {
        fact(
            &mut play,
            PlatformFact::PodCreated {
                pod,
                why: PodStart::Initial,
                node: None,
            },
        );
        fact(&mut play, PlatformFact::PodReady { pod, ready: true });
    }
    scale(&mut play, 0, 2, ScaledBy::Script);
    play
}

fn fact(play: &mut Play, fact: PlatformFact) {
    play.put(Observation::Platform(fact));
}

fn scale(play: &mut Play, from: u32, to: u32, by: ScaledBy) {
    fact(
        play,
        PlatformFact::Replicas {
            workload: WorkloadId(0),
            from,
            to,
            by,
        },
    );
}

fn decide(play: &mut Play, value_milli: i64) {
    decide_against(play, value_milli, 80_000);
}

fn decide_against(play: &mut Play, value_milli: i64, target_milli: i64) {
    fact(
        play,
        PlatformFact::Decision {
            scaler: ScalerId(0),
            current: 2,
            desired: 2,
            metric: Arc::from("cpu"),
            value_milli,
            target_milli,
            reason: "ReadyForNewScale",
        },
    );
}

/// A rebalance of no interest in itself, at once.
fn rebalance(play: &mut Play, reason: RebalanceReason) {
    play.prepare(Stable, reason, 1)
        .rejoin(0)
        .rejoin(1)
        .finish(2, &[&[0], &[1]]);
}

#[test]
fn replicas_are_weighted_by_time_and_pods_count_until_they_are_gone() {
    let mut play = play(100_000);
    play.at(20_000);
    scale(&mut play, 2, 1, SCALER);
    let (pod, why) = (PodId(1), PodEnd::ScaledDown);
    fact(&mut play, PlatformFact::PodTerminating { pod, why });
    fact(&mut play, PlatformFact::PodReady { pod, ready: false });
    play.at(30_000);
    fact(&mut play, PlatformFact::PodGone { pod });
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "scale_ups"), "0");
    assert_eq!(value(&metrics, "scale_downs"), "1");
    assert_eq!(value(&metrics, "replicas"), "2");
    assert_eq!(value(&metrics, "replicas_mean"), "1.2");
    assert_eq!(value(&metrics, "replicas_end"), "1");
    assert_eq!(value(&metrics, "replicas_ready_mean"), "1.2");
    assert_eq!(value(&metrics, "pod_seconds"), "130");
}

#[test]
fn restarts_and_memory_kills_are_counted_and_told_of_the_member() {
    let mut play = play(100_000);
    for (at, restart_after) in [(10_000, Some(SimDuration::ZERO)), (40_000, None)] {
        play.at(at).put(Observation::ConsumerCrashed {
            consumer: ConsumerId(1),
        });
        fact(
            &mut play,
            PlatformFact::ContainerEnded {
                pod: PodId(1),
                consumer: ConsumerId(1),
                why: ContainerEnd::OutOfMemory,
                restart_after,
            },
        );
        play.at(at + 5_000).start(1);
    }
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "restarts"), "1");
    assert_eq!(value(&metrics, "oom_kills"), "2");
    let lives = &metrics.lives[1];
    let first = lives.first_end.map(|(at, word)| (at.as_micros(), word));
    assert_eq!(first, Some((10_000_000, "out_of_memory")));
    assert_eq!((lives.starts, lives.last_end), (3, None));
}

#[test]
fn a_reading_above_the_target_counts_until_the_next_one() {
    let mut play = play(100_000);
    for (at, reading) in [(15_000, 79_000), (30_000, 81_000), (45_000, 80_000)] {
        play.at(at);
        decide(&mut play, reading);
    }
    play.at(90_000);
    decide(&mut play, 100_000);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "time_above_target_s"), "25");
}

/// Up and down, `times` times, each step with its rebalance; `meanwhile` is done between the second and third.
fn storm(times: u64, meanwhile: impl Fn(&mut Play)) -> Vec<RebalanceLoop> {
    let mut play = play(3_600_000);
    for number in 0..times {
        play.at(number * 360_000 + 60_000);
        decide(&mut play, 125_000);
        scale(&mut play, 2, 3, SCALER);
        rebalance(&mut play, RebalanceReason::Join);
        play.at(number * 360_000 + 300_000);
        if number == 1 {
            meanwhile(&mut play);
        }
        decide_against(&mut play, 57_000, 60_000);
        scale(&mut play, 3, 2, SCALER);
        rebalance(&mut play, RebalanceReason::Leave);
    }
    let metrics = measure(&play);
    assert_eq!(
        value(&metrics, "rebalance_loop"),
        (!metrics.loops.is_empty()).to_string()
    );
    metrics.loops
}

#[test]
fn an_autoscaler_and_its_group_that_drive_each_other_three_times_are_a_loop() {
    let loops = storm(4, |_| {});
    assert_eq!(loops.len(), 1);
    assert_eq!(loops[0].times, 4);
    assert_eq!(loops[0].period(), SimDuration::from_secs(360));
    let Chain::Scaling {
        above_milli,
        below_milli,
        target_milli,
        lower_target_milli,
        ..
    } = loops[0].chain
    else {
        panic!("{:?}", loops[0].chain)
    };
    // Each value against the threshold that it crossed.
    assert_eq!((above_milli, target_milli), (125_000, 80_000));
    assert_eq!((below_milli, lower_target_milli), (57_000, 60_000));
}

#[test]
fn twice_is_no_loop_and_an_outside_event_between_breaks_it() {
    assert_eq!(storm(2, |_| {}), []);
    let loops = storm(4, |play| {
        play.put(Observation::Action {
            event: 0,
            verb: "load",
            consumer: None,
        });
    });
    assert_eq!(loops, []);
}

#[test]
fn a_member_that_falls_out_for_want_of_time_again_and_again_is_a_loop() {
    let mut play = Play::steady(&[&[0], &[1]], 600_000);
    for number in 1..=3 {
        play.at(number * 100_000)
            .remove(1, RemovalReason::PollTimeout);
        rebalance(&mut play, RebalanceReason::PollTimeout);
        play.at(number * 100_000 + 20_000).add(1);
        rebalance(&mut play, RebalanceReason::Join);
    }
    let metrics = measure(&play);
    let reason = RebalanceReason::PollTimeout;
    assert_eq!(metrics.loops.len(), 1);
    let returns = true;
    assert_eq!(metrics.loops[0].chain, Chain::Removal { reason, returns });
    assert_eq!(value(&metrics, "rebalance_loop_period_s"), "100");
    assert_eq!(value(&metrics, "scale_ups"), "no data");
}

#[test]
fn members_that_fall_out_one_after_the_other_and_stay_away_are_not_said_to_come_back() {
    let mut play = Play::steady(&[&[0], &[1], &[], &[]], 600_000);
    for number in 1..=3_u32 {
        let at = u64::from(number) * 100_000;
        play.at(at).remove(number, RemovalReason::SessionExpired);
        rebalance(&mut play, RebalanceReason::SessionExpired);
    }
    let metrics = measure(&play);
    let (reason, returns) = (RebalanceReason::SessionExpired, false);
    assert_eq!(metrics.loops.len(), 1);
    assert_eq!(
        metrics.loops[0].chain,
        Chain::Removal { reason, returns },
        "the next one may have what killed the last"
    );
}

#[test]
fn a_process_that_is_back_before_its_session_expires_has_come_back() {
    let mut play = Play::steady(&[&[0], &[1]], 600_000);
    let id = |number: u64| match number {
        0 => Play::member_id(1),
        _ => MemberId::new(&format!("1-life-{number}")),
    };
    for number in 1..=3 {
        play.at(number * 100_000 - 30_000)
            .start(1)
            .add_as(1, id(number));
        play.at(number * 100_000).put(Observation::MemberRemoved {
            group: GroupId(0),
            consumer: ConsumerId(1),
            member_id: id(number - 1),
            why: RemovalReason::SessionExpired,
        });
        rebalance(&mut play, RebalanceReason::SessionExpired);
    }
    let (reason, returns) = (RebalanceReason::SessionExpired, true);
    let loops = measure(&play).loops;
    assert_eq!(loops.len(), 1);
    assert_eq!(loops[0].chain, Chain::Removal { reason, returns });
}

/// Two members of 40 partitions each that do not fit are killed in turn; two of one rebalance count once.
#[test]
fn members_that_are_killed_for_memory_one_after_the_other_are_a_loop() {
    let kill = |play: &mut Play, number: u32, in_full: u64| {
        fact(
            play,
            PlatformFact::MemoryExceeded {
                consumer: ConsumerId(number),
                needed: 1_001,
                limit: 1_000,
                partitions: 40,
                buffered: 0,
                in_full,
            },
        );
    };
    let loops = |kills: u64| {
        let mut play = play(600_000);
        for number in 0..kills {
            play.at(100_000 * (number + 1));
            rebalance(&mut play, RebalanceReason::SessionExpired);
            kill(&mut play, 0, 1_200 + number);
            kill(&mut play, 1, 1_100);
        }
        let mut loops = measure(&play).loops;
        loops.retain(|known| matches!(known.chain, Chain::Memory { .. }));
        loops
    };
    assert_eq!(loops(2), []);
    let found = loops(4);
    assert_eq!((found.len(), found[0].times), (1, 4));
    assert_eq!(found[0].period(), SimDuration::from_secs(100));
    let (needed, limit) = (1_203, 1_000);
    assert_eq!(found[0].chain, Chain::Memory { needed, limit });
}
