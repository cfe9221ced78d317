//! Episodes and rounds, who moved, and who kept a join phase waiting.

use super::{measure, value};
use crate::assignor::{ConsumerId, MemberId};
use crate::metrics::barrier::Wait;
use crate::metrics::testing::Play;
use crate::timeline::{
    CallbackKind,
    GroupState::{CompletingRebalance, Empty, PreparingRebalance, Stable},
    Observation, RebalanceReason, RemovalReason,
};

#[test]
fn a_follow_up_round_belongs_to_its_episode() {
    let mut play = Play::steady(&[&[0, 1], &[]], 3_600_000);
    play.at(10_000)
        .prepare(Stable, RebalanceReason::Join, 1)
        .rejoin(1);
    play.at(12_000).rejoin(0).finish(2, &[&[0], &[]]);
    play.at(12_010).revoked(0, &[1]);
    play.at(12_120)
        .prepare(Stable, RebalanceReason::FollowUp, 0)
        .rejoin(0);
    play.at(15_000).rejoin(1).finish(3, &[&[0], &[1]]);
    play.at(15_020).take(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "rebalances"), "1");
    assert_eq!(value(&metrics, "rebalance_rounds"), "2");
    assert_eq!(value(&metrics, "assignments_computed"), "2");
    assert_eq!(value(&metrics, "rebalance_s"), "5");
    assert_eq!(value(&metrics, "partitions_moved"), "1");
    assert_eq!(value(&metrics, "partitions_moved_needlessly"), "0");
    assert_eq!(value(&metrics, "partitions_revoked"), "1");
    assert_eq!(value(&metrics, "members_touched"), "2");
    assert_eq!(value(&metrics, "rebalances_by_reason{reason=join}"), "1");
    assert_eq!(
        value(&metrics, "rebalances_by_reason{reason=follow_up}"),
        "0"
    );
    assert_eq!(value(&metrics, "rebalance_rate_per_hour"), "1");
    let episode = &metrics.rebalances[0];
    assert_eq!(
        episode.reasons,
        [RebalanceReason::Join, RebalanceReason::FollowUp]
    );
    assert_eq!((episode.generation, episode.members), (3, 2));
}

#[test]
fn two_rebalances_are_two_episodes_and_what_a_leaver_gave_up_counts_to_its_own() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(10_000).revoked(1, &[1]);
    play.at(10_001)
        .remove(1, RemovalReason::Leave)
        .prepare(Stable, RebalanceReason::Leave, 1);
    play.at(12_000)
        .revoked(0, &[0])
        .rejoin(0)
        .finish(2, &[&[0, 1]])
        .take(0, &[0, 1]);
    play.at(20_000)
        .start(1)
        .add(1)
        .prepare(Stable, RebalanceReason::Join, 1)
        .rejoin(1);
    play.at(21_000)
        .revoked(0, &[0, 1])
        .rejoin(0)
        .finish(3, &[&[0], &[1]]);
    play.take(0, &[0]).take(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "rebalances"), "2");
    assert_eq!(value(&metrics, "rebalance_s_sum"), "2.999");
    assert_eq!(value(&metrics, "rebalance_s_mean"), "1.4995");
    let revoked: Vec<u32> = metrics
        .rebalances
        .iter()
        .map(|episode| episode.revoked)
        .collect();
    assert_eq!(revoked, [2, 2]);
    let moved: Vec<u32> = metrics
        .rebalances
        .iter()
        .map(|episode| episode.moved)
        .collect();
    assert_eq!(moved, [1, 1]);
    assert!(
        metrics
            .rebalances
            .iter()
            .all(|episode| episode.touched.len() == 2)
    );
}

#[test]
fn a_sync_phase_that_is_broken_off_is_a_failed_rebalance() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(10_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0)
        .rejoin(0)
        .rejoin(1);
    play.complete(2, &[0, 1])
        .state(PreparingRebalance, CompletingRebalance, 2);
    play.at(11_000)
        .prepare(CompletingRebalance, RebalanceReason::SessionExpired, 1);
    play.at(12_000).rejoin(0).finish(3, &[&[0, 1]]);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "rebalances"), "1");
    assert_eq!(value(&metrics, "failed_rebalances"), "1");
    assert_eq!(value(&metrics, "rebalance_rounds"), "2");
}

#[test]
fn a_group_that_everybody_leaves_makes_a_generation_of_nobody() {
    let mut play = Play::steady(&[&[0]], 60_000);
    play.at(10_000)
        .revoked(0, &[0])
        .remove(0, RemovalReason::Leave)
        .prepare(Stable, RebalanceReason::Leave, 0)
        .state(PreparingRebalance, Empty, 2);
    play.at(20_000)
        .start(0)
        .add(0)
        .prepare(Empty, RebalanceReason::Join, 0)
        .rejoin(0);
    play.at(23_000).finish(3, &[&[0]]).take(0, &[0]);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "rebalances"), "2");
    assert_eq!(value(&metrics, "rebalance_rounds"), "2");
    let made: Vec<(u32, i32)> = metrics
        .rebalances
        .iter()
        .map(|episode| (episode.rounds, episode.generation))
        .collect();
    assert_eq!(made, [(1, 2), (1, 3)]);
}

#[test]
fn the_member_that_came_last_is_named_with_what_it_did() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    let asks = |consumer| Observation::RejoinRequested {
        consumer: ConsumerId(consumer),
        reason: "group is rebalancing",
    };
    play.at(10_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0)
        .rejoin(0);
    play.at(12_000).put(asks(1));
    play.at(15_500).callback(1, CallbackKind::Revoked, &[1]);
    play.at(16_000).returned(1, CallbackKind::Revoked);
    play.put(Observation::Joining {
        consumer: ConsumerId(1),
    });
    play.at(16_001).rejoin(1).finish(2, &[&[0], &[1]]);
    let metrics = measure(&play);
    let last = metrics.rebalances[0]
        .last_joiner
        .as_ref()
        .expect("somebody came last");
    assert_eq!(last.consumer, ConsumerId(1));
    assert_eq!(last.why(), Wait::Batch);
    assert_eq!(
        last.waits[..6],
        [2_000_000, 3_500_000, 500_000, 0, 0, 1_000]
    );
    assert_eq!(last.micros(), 6_001_000);
}

#[test]
fn a_dead_member_is_waited_for_until_its_session_expires() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(9_000).crash(1, &[1]);
    play.at(10_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0)
        .rejoin(0);
    play.at(19_000)
        .remove(1, RemovalReason::SessionExpired)
        .finish(2, &[&[0, 1]]);
    let metrics = measure(&play);
    let last = metrics.rebalances[0]
        .last_joiner
        .as_ref()
        .expect("somebody came last");
    assert_eq!(last.removed, Some(RemovalReason::SessionExpired));
    assert_eq!((last.why(), last.micros()), (Wait::Session, 9_000_000));
}

#[test]
fn a_killed_member_is_waited_for_also_when_its_process_runs_again_as_a_new_one() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(9_000).crash(1, &[1]);
    play.at(20_000)
        .start(1)
        .add_as(1, MemberId::new("1-again"))
        .prepare(Stable, RebalanceReason::Join, 1)
        .rejoin(1);
    play.at(23_000).rejoin(0);
    play.at(45_000)
        .remove(1, RemovalReason::SessionExpired)
        .finish(2, &[&[0, 1]]);
    let metrics = measure(&play);
    let last = metrics.rebalances[0]
        .last_joiner
        .as_ref()
        .expect("somebody came last");
    assert_eq!(last.consumer, ConsumerId(1));
    assert_eq!(last.removed, Some(RemovalReason::SessionExpired));
    assert_eq!((last.why(), last.micros()), (Wait::Session, 25_000_000));
}

#[test]
fn an_episode_that_the_end_cuts_counts_up_to_there() {
    let mut play = Play::steady(&[&[0]], 60_000);
    play.at(50_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0);
    let metrics = measure(&play);
    assert_eq!(metrics.rebalances[0].end, None);
    assert_eq!(value(&metrics, "rebalance_s"), "10");
}

#[test]
fn imbalance_is_weighted_by_time() {
    let mut play = Play::steady(&[&[0, 1, 2], &[3]], 40_000);
    play.at(10_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0);
    play.finish(2, &[&[0, 1], &[2, 3]]);
    for (number, totals) in (1_u64..).zip(&mut play.timeline.partitions) {
        totals.1.produced = number;
    }
    let metrics = measure(&play);
    // 3 of 4 on one of two members: 1.5; then 1.
    assert_eq!(value(&metrics, "imbalance"), "1.5");
    assert_eq!(value(&metrics, "imbalance_mean"), "1.125");
    // Loads 6 and 4, then 3 and 7.
    assert_eq!(value(&metrics, "imbalance_load"), "1.4");
    assert_eq!(value(&metrics, "imbalance_load_mean"), "1.35");
}
