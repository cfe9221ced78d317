//! Stalls cut into legs: they tile what the metrics count as down, each begins with an event, and the way back ends outside.

use proptest::prelude::*;

use super::measure;
use super::random::{KINDS, MEMBERS, PARTITIONS, perform};
use crate::assignor::{ConsumerId, MemberId};
use crate::kernel::SimTime;
use crate::metrics::barrier::Wait;
use crate::metrics::stall::{Loss, Need, Stall, origin, stalls};
use crate::metrics::testing::{GROUP, Play, partition, partitions};
use crate::metrics::{Cause, RunMetrics};
use crate::timeline::{
    CallbackKind, ContainerEnd, GroupState, MemberEpochState, Observation, PlatformFact, PodEnd,
    PodFacts, PodId, RebalanceReason, RemovalReason, ScaledBy, ScalerId, WorkloadId,
};

/// What is wrong with the legs of a partition, against the spans of the metrics.
fn fault(play: &Play, metrics: &RunMetrics, number: u32) -> Option<String> {
    let found = stalls(&play.timeline, GROUP, partition(number))?;
    let mut legs = found.iter().flat_map(|stall| &stall.legs);
    let mut leg = legs.next();
    for span in metrics.availability.spans.iter() {
        if span.partition != partition(number) {
            continue;
        }
        let Some(cause) = span.state.cause() else {
            continue;
        };
        let mut at = span.from;
        while at < span.to {
            let Some(part) = leg else {
                return Some(format!("no leg from {at}, {span:?}"));
            };
            if part.from != at || part.to > span.to || part.cause != cause || part.to <= part.from {
                return Some(format!("{part:?} in {span:?}"));
            }
            if part.began.is_none() && part.from > SimTime::ZERO {
                return Some(format!("{part:?} begins without an event"));
            }
            let instant = part.began.map(|index| play.timeline.entries[index].at);
            if instant.is_some_and(|instant| instant != part.from) {
                return Some(format!("{part:?} begins with an event of {instant:?}"));
            }
            at = part.to;
            leg = legs.next();
        }
    }
    leg.map(|part| format!("{part:?} is in no span"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn legs_tile_what_is_down_and_each_begins_with_an_event(
        steps in prop::collection::vec((0_u64..3_000, 0_u8..KINDS, 0..MEMBERS, 0..PARTITIONS), 0..80),
    ) {
        let play = perform(&steps);
        let metrics = measure(&play);
        for number in 0..PARTITIONS {
            prop_assert_eq!(fault(&play, &metrics, number), None);
            for stall in stalls(&play.timeline, GROUP, partition(number)).expect("it is subscribed to") {
                prop_assert_eq!(stall.causes().iter().sum::<u64>(), stall.micros());
                for leg in &stall.legs {
                    let Some(began) = leg.began else { continue };
                    let way = origin(&play.timeline, began);
                    prop_assert_eq!(way.last(), Some(&began));
                    for pair in way.windows(2) {
                        let at = |index: usize| play.timeline.entries[index].at;
                        prop_assert!(at(pair[0]) <= at(pair[1]), "{:?}", way);
                    }
                }
            }
        }
    }
}

fn of(play: &Play, number: u32) -> Vec<Stall> {
    stalls(&play.timeline, GROUP, partition(number)).expect("it is subscribed to")
}

/// Legs as (cause, need, member, from ms, to ms).
fn legs(stall: &Stall) -> Vec<(Cause, Need, Option<u32>, u64, u64)> {
    let millis = |at: SimTime| at.as_micros() / 1_000;
    stall
        .legs
        .iter()
        .map(|leg| {
            let who = leg.who.map(|who| who.0);
            (leg.cause, leg.need, who, millis(leg.from), millis(leg.to))
        })
        .collect()
}

/// Member 1 of an eager group is killed; member 0 hears of the rebalance late and has a slow callback.
fn crash() -> Play {
    use GroupState::Stable;
    let mut play = Play::steady(&[&[0], &[1]], 100_000);
    play.at(10_000)
        .put(Observation::Action {
            event: 3,
            verb: "crash",
            consumer: Some(ConsumerId(1)),
        })
        .crash(1, &[1]);
    play.at(55_000)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 1);
    play.at(57_000).put(Observation::RejoinRequested {
        consumer: ConsumerId(0),
        reason: "group is already rebalancing",
    });
    play.at(58_000).callback(0, CallbackKind::Revoked, &[0]);
    play.at(60_000)
        .returned(0, CallbackKind::Revoked)
        .put(Observation::Joining {
            consumer: ConsumerId(0),
        });
    play.at(60_001).rejoin(0).finish(2, &[&[0, 1]]);
    play.at(60_003)
        .assigned(0, &[0, 1])
        .callback(0, CallbackKind::Assigned, &[0, 1]);
    play.at(61_000).returned(0, CallbackKind::Assigned);
    play.at(61_005).serve(0, &[0, 1]);
    play
}

#[test]
fn a_crash_is_told_from_the_script_to_the_first_fetch() {
    let play = crash();
    let found = of(&play, 1);
    assert_eq!(found.len(), 1);
    assert_eq!(
        legs(&found[0]),
        [
            (
                Cause::Detect,
                Need::Session(Loss::Gone),
                Some(1),
                10_000,
                55_000
            ),
            (
                Cause::Barrier,
                Need::Join(Wait::Heartbeat),
                Some(0),
                55_000,
                57_000
            ),
            (
                Cause::Barrier,
                Need::Join(Wait::Batch),
                Some(0),
                57_000,
                58_000
            ),
            (
                Cause::Barrier,
                Need::Join(Wait::Callback),
                Some(0),
                58_000,
                60_000
            ),
            (
                Cause::Barrier,
                Need::Join(Wait::Join),
                Some(0),
                60_000,
                60_001
            ),
            (Cause::Assign, Need::Delivery, Some(0), 60_001, 60_003),
            (
                Cause::Callback,
                Need::Callback(CallbackKind::Assigned),
                Some(0),
                60_003,
                61_000
            ),
            (Cause::Fetch, Need::Position, Some(0), 61_000, 61_005),
        ]
    );
    let way = |index: Option<usize>| -> Vec<&'static str> {
        let links = origin(&play.timeline, index.expect("it began with an event"));
        links
            .into_iter()
            .map(|link| match &play.timeline.entries[link].observation {
                Observation::Action { verb, .. } => verb,
                Observation::ConsumerCrashed { .. } => "killed",
                Observation::MemberRemoved { .. } => "removed",
                Observation::GroupState { .. } => "state",
                Observation::RejoinRequested { .. } => "told",
                Observation::CallbackStarted { .. } => "callback",
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(way(found[0].legs[0].began), ["crash", "killed"]);
    let heard = ["crash", "killed", "removed", "state"];
    assert_eq!(way(found[0].legs[1].began), heard);
    // The survivor's own partition was revoked because of the same crash.
    let other = of(&play, 0);
    let full = ["crash", "killed", "removed", "state", "told", "callback"];
    assert_eq!(way(other[0].legs[0].began), full);
    assert_eq!(other[0].causes().iter().sum::<u64>(), 3_005_000);
}

#[test]
fn who_is_gone_is_told_since_when() {
    let mut play = Play::steady(&[&[0], &[1]], 100_000);
    play.at(1_000).crash(1, &[1]);
    play.at(5_000)
        .prepare(GroupState::Stable, RebalanceReason::Rejoin, 0)
        .callback(0, CallbackKind::Revoked, &[0])
        .returned(0, CallbackKind::Revoked)
        .rejoin(0);
    play.at(46_000)
        .remove(1, RemovalReason::SessionExpired)
        .finish(2, &[&[0, 1]]);
    play.at(47_000).take(0, &[0, 1]);
    let found = of(&play, 0);
    let waits = &found[0].legs[0];
    assert_eq!(waits.need, Need::Join(Wait::Session));
    assert_eq!(waits.who, Some(ConsumerId(1)));
    let since = waits.since.expect("it is gone since some event");
    assert_eq!(play.timeline.entries[since].at, SimTime::from_millis(1_000));
    assert_eq!(
        found[0].legs.last().map(|leg| leg.need),
        Some(Need::Delivery),
        "everything after it is told of the one that goes on"
    );
}

#[test]
fn the_session_of_a_killed_member_is_waited_for_also_when_its_process_runs_again() {
    let mut play = Play::steady(&[&[0], &[1]], 100_000);
    play.at(1_000).crash(1, &[1]);
    play.at(5_000)
        .start(1)
        .add_as(1, MemberId::new("1-again"))
        .prepare(GroupState::Stable, RebalanceReason::Join, 1)
        .rejoin(1);
    play.at(6_000).revoked(0, &[0]).rejoin(0);
    play.at(46_000)
        .remove(1, RemovalReason::SessionExpired)
        .finish(2, &[&[0], &[1]]);
    play.at(47_000).take(0, &[0]).take(1, &[1]);
    let found = of(&play, 0);
    let waits = &found[0].legs[0];
    assert_eq!(
        (waits.need, waits.who),
        (Need::Join(Wait::Session), Some(ConsumerId(1)))
    );
    let since = waits.since.expect("it is gone since some event");
    assert_eq!(play.timeline.entries[since].at, SimTime::from_millis(1_000));
    assert_eq!(found[0].legs[1].need, Need::Delivery);
}

#[test]
fn who_comes_later_is_not_waited_for_before() {
    let mut play = Play::steady(&[&[0], &[1]], 100_000);
    play.at(1_000)
        .revoked(0, &[0])
        .prepare(GroupState::Stable, RebalanceReason::MetadataChange, 0)
        .rejoin(0);
    play.at(3_000).start(1).add_as(1, MemberId::new("1-again"));
    play.at(4_000).rejoin(1);
    play.at(9_000)
        .remove(1, RemovalReason::SessionExpired)
        .finish(2, &[&[0], &[1]])
        .take(0, &[0]);
    let found = of(&play, 0);
    assert_eq!(
        legs(&found[0]),
        [
            (
                Cause::Barrier,
                Need::Join(Wait::Heartbeat),
                Some(1),
                1_000,
                3_000
            ),
            (
                Cause::Barrier,
                Need::Join(Wait::Session),
                Some(1),
                3_000,
                9_000
            ),
        ]
    );
}

#[test]
fn the_leader_that_is_waited_for_is_that_of_the_generation_not_of_the_next_one() {
    use GroupState::{CompletingRebalance, PreparingRebalance, Stable};
    let mut play = Play::steady(&[&[0], &[1]], 100_000);
    play.at(1_000)
        .revoked(0, &[0])
        .revoked(1, &[1])
        .prepare(Stable, RebalanceReason::MetadataChange, 1)
        .rejoin(0)
        .rejoin(1);
    play.at(2_000).crash(0, &[]);
    play.at(5_000)
        .complete(2, &[0, 1])
        .state(PreparingRebalance, CompletingRebalance, 2);
    play.at(45_000)
        .remove(0, RemovalReason::SessionExpired)
        .prepare(CompletingRebalance, RebalanceReason::SessionExpired, 0)
        .rejoin(1)
        .complete(3, &[1])
        .state(PreparingRebalance, CompletingRebalance, 3);
    play.at(46_000)
        .assignment(3, &[&[], &[0, 1]])
        .state(CompletingRebalance, Stable, 3)
        .take(1, &[0, 1]);
    let found = of(&play, 1);
    let assign: Vec<_> = legs(&found[0])
        .into_iter()
        .filter(|leg| leg.0 == Cause::Assign)
        .collect();
    assert_eq!(
        assign,
        [
            (
                Cause::Assign,
                Need::Session(Loss::Gone),
                Some(0),
                5_000,
                45_000
            ),
            (Cause::Assign, Need::Leader, Some(1), 45_000, 46_000),
        ]
    );
}

#[test]
fn a_group_in_which_a_member_is_not_let_in_waits_until_the_rebalance_timeout() {
    let mut play = Play::steady(&[&[0], &[1]], 400_000);
    play.at(1_000)
        .revoked(0, &[0])
        .prepare(GroupState::Stable, RebalanceReason::MetadataChange, 0)
        .rejoin(0);
    play.at(2_000).remove(1, RemovalReason::GroupFull);
    play.at(301_000).finish(2, &[&[0, 1]]).take(0, &[0, 1]);
    let found = of(&play, 0);
    assert_eq!(
        legs(&found[0])[1],
        (Cause::Barrier, Need::RebalanceTimeout, None, 2_000, 301_000)
    );
}

#[test]
fn what_was_given_to_a_member_that_died_before_it_heard_of_it_waits_for_its_session() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 200_000);
    play.at(1_000).crash(0, &[0]);
    play.at(46_000)
        .remove(0, RemovalReason::SessionExpired)
        .bump(2, RebalanceReason::SessionExpired, 0)
        .target(2, &[&[], &[0, 1]])
        .reaches(1, 2, &[0, 1]);
    play.at(46_001).crash(1, &[1]);
    // Both processes run again as new members; the coordinator still keeps all for the second one's life before.
    let again = MemberId::new("1-again");
    play.at(50_000)
        .start(1)
        .joins_as(1, again.clone(), "consumer")
        .put(Observation::MemberEpoch {
            group: GROUP,
            consumer: ConsumerId(1),
            member_id: again,
            epoch: 3,
            previous_epoch: 0,
            state: MemberEpochState::Stable,
            assigned: partitions(&[]),
            pending_revocation: partitions(&[]),
        });
    play.at(60_000)
        .start(0)
        .joins_as(0, MemberId::new("0-again"), "consumer")
        .bump(3, RebalanceReason::Join, 0)
        .target(3, &[&[0, 1], &[]]);
    play.at(91_000).remove(1, RemovalReason::SessionExpired);
    play.at(92_000).take(0, &[0]);
    let found = of(&play, 0);
    assert!(
        legs(&found[0]).contains(&(
            Cause::Reconcile,
            Need::Session(Loss::Gone),
            Some(1),
            60_000,
            91_000
        )),
        "{:?}",
        legs(&found[0])
    );
}

#[test]
fn a_pod_that_goes_is_told_from_the_autoscaler_on() {
    let mut play = Play::steady(&[&[0], &[1]], 100_000);
    play.timeline.cast.pods = vec![PodFacts {
        name: "checkout-b".into(),
        workload: WorkloadId(0),
        revision: 1,
        consumers: vec![ConsumerId(1)],
    }];
    let scaler = ScalerId(0);
    play.at(20_000)
        .put(Observation::Platform(PlatformFact::Decision {
            scaler,
            current: 2,
            desired: 1,
            metric: "cpu".into(),
            value_milli: 100,
            target_milli: 800,
            reason: "",
        }))
        .put(Observation::Platform(PlatformFact::Replicas {
            workload: WorkloadId(0),
            from: 2,
            to: 1,
            by: ScaledBy::Scaler(scaler),
        }));
    play.at(20_500)
        .put(Observation::Platform(PlatformFact::PodTerminating {
            pod: PodId(0),
            why: PodEnd::ScaledDown,
        }));
    play.at(21_000)
        .put(Observation::ConsumerClosing {
            consumer: ConsumerId(1),
        })
        .callback(1, CallbackKind::Revoked, &[1]);
    play.at(22_000)
        .returned(1, CallbackKind::Revoked)
        .remove(1, RemovalReason::Leave)
        .prepare(GroupState::Stable, RebalanceReason::Leave, 1)
        .put(Observation::ConsumerClosed {
            consumer: ConsumerId(1),
        })
        .put(Observation::Platform(PlatformFact::ContainerEnded {
            pod: PodId(0),
            consumer: ConsumerId(1),
            why: ContainerEnd::Terminated,
            restart_after: None,
        }));
    play.at(23_000).rejoin(0).finish(2, &[&[0, 1]]);
    play.at(24_000).take(0, &[0, 1]);
    let found = of(&play, 1);
    let began = found[0].legs[0].began.expect("it began with an event");
    let first = origin(&play.timeline, began)[0];
    assert!(
        matches!(
            play.timeline.entries[first].observation,
            Observation::Platform(PlatformFact::Decision { .. })
        ),
        "{:?}",
        play.timeline.entries[first]
    );
    assert_eq!(found[0].legs.len(), 3, "{:?}", legs(&found[0]));
}

#[test]
fn a_partition_that_nobody_subscribes_to_has_no_stalls_to_tell() {
    let play = Play::steady(&[&[0]], 1_000);
    assert_eq!(stalls(&play.timeline, GROUP, partition(7)), None);
    assert_eq!(
        stalls(&play.timeline, GROUP, partition(0)),
        Some(Vec::new())
    );
}
