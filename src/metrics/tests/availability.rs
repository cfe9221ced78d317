//! States of partitions, their causes, and how each second of downtime is attributed.

use super::{measure, states, value};
use crate::assignor::ConsumerId;
use crate::metrics::testing::Play;
use crate::timeline::{
    CallbackKind,
    GroupState::{self, CompletingRebalance, PreparingRebalance, Stable},
    Observation, RebalanceReason, ReleaseReason, RemovalReason,
};

#[test]
fn a_steady_group_is_never_down() {
    let metrics = measure(&Play::steady(&[&[0, 1], &[2]], 60_000));
    assert_eq!(states(&metrics, 2), [("serving", 0, 60_000)]);
    assert_eq!(value(&metrics, "downtime_partition_s"), "0");
    assert_eq!(value(&metrics, "longest_downtime_at_s"), "no data");
}

#[test]
fn a_crash_is_detect_until_removal_then_barrier_then_assign_then_fetch() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(20_000).crash(1, &[1]);
    play.at(28_000)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 1);
    play.at(30_000).revoked(0, &[0]).rejoin(0);
    play.complete(2, &[0])
        .state(PreparingRebalance, CompletingRebalance, 2);
    play.at(30_010)
        .assignment(2, &[&[0, 1]])
        .state(CompletingRebalance, Stable, 2);
    play.at(30_020).assigned(0, &[0, 1]);
    play.at(30_050).serve(0, &[0, 1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 20_000),
            ("detect", 20_000, 28_000),
            ("barrier", 28_000, 30_000),
            ("assign", 30_000, 30_020),
            ("fetch", 30_020, 30_050),
            ("serving", 30_050, 60_000),
        ]
    );
    assert_eq!(value(&metrics, "longest_downtime_s"), "10.05");
    assert_eq!(value(&metrics, "longest_downtime_at_s"), "20");
    assert_eq!(value(&metrics, "downtime_partition_s"), "10.1");
    assert_eq!(value(&metrics, "downtime_partition_s{cause=detect}"), "8");
    assert_eq!(value(&metrics, "stop_the_world_s"), "0.05");
    assert_eq!(value(&metrics, "stalled_records"), "10100");
    assert_eq!(value(&metrics, "downtime_share"), "0.084167");
}

#[test]
fn an_eager_rebalance_stops_every_partition_and_callbacks_are_told_apart() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(10_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0);
    play.release(0, &[0], ReleaseReason::PendingRevocation);
    play.at(10_005).callback(0, CallbackKind::Revoked, &[0]);
    play.at(12_000).callback(1, CallbackKind::Revoked, &[1]);
    play.at(15_005).returned(0, CallbackKind::Revoked).rejoin(0);
    play.at(17_000)
        .returned(1, CallbackKind::Revoked)
        .rejoin(1)
        .finish(2, &[&[0], &[1]]);
    play.at(17_001)
        .assigned(0, &[0])
        .callback(0, CallbackKind::Assigned, &[0]);
    play.at(17_003).assigned(1, &[1]);
    play.at(19_501).returned(0, CallbackKind::Assigned);
    play.at(19_503).serve(0, &[0]).serve(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 0)[1..6],
        [
            ("callback", 10_000, 15_005),
            ("barrier", 15_005, 17_000),
            ("assign", 17_000, 17_001),
            ("callback", 17_001, 19_501),
            ("fetch", 19_501, 19_503),
        ]
    );
    assert_eq!(value(&metrics, "stop_the_world_s"), "7.503");
    assert_eq!(value(&metrics, "longest_stop_the_world_s"), "7.503");
}

#[test]
fn a_cooperative_follow_up_is_reconcile_until_its_join_completes() {
    let mut play = Play::steady(&[&[0, 1], &[]], 60_000);
    play.at(10_000)
        .prepare(Stable, RebalanceReason::Join, 1)
        .rejoin(1);
    play.at(12_000).rejoin(0).finish(2, &[&[0], &[]]);
    play.at(12_010).callback(0, CallbackKind::Revoked, &[1]);
    play.at(12_110).returned(0, CallbackKind::Revoked);
    play.at(12_120)
        .prepare(Stable, RebalanceReason::FollowUp, 0)
        .rejoin(0);
    play.at(15_000).rejoin(1).complete(3, &[0, 1]);
    play.state(PreparingRebalance, CompletingRebalance, 3);
    play.at(15_010)
        .assignment(3, &[&[0], &[1]])
        .state(CompletingRebalance, Stable, 3);
    play.at(15_020).take(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(states(&metrics, 0), [("serving", 0, 60_000)]);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 12_010),
            ("callback", 12_010, 12_110),
            ("reconcile", 12_110, 15_000),
            ("assign", 15_000, 15_020),
            ("serving", 15_020, 60_000),
        ]
    );
}

#[test]
fn a_graceful_leave_of_a_dynamic_member_is_barrier_from_its_revocation() {
    let mut play = Play::steady(&[&[0], &[1]], 30_000);
    play.at(10_000).put(Observation::ConsumerClosing {
        consumer: ConsumerId(1),
    });
    play.at(10_001).callback(1, CallbackKind::Revoked, &[1]);
    play.at(10_101).returned(1, CallbackKind::Revoked);
    play.at(10_102).put(Observation::ConsumerClosed {
        consumer: ConsumerId(1),
    });
    play.at(10_103)
        .remove(1, RemovalReason::Leave)
        .prepare(Stable, RebalanceReason::Leave, 1);
    play.at(12_000).rejoin(0).finish(2, &[&[0, 1]]);
    play.at(12_010).take(0, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 10_001),
            ("callback", 10_001, 10_101),
            ("barrier", 10_101, 12_000),
            ("assign", 12_000, 12_010),
            ("serving", 12_010, 30_000),
        ]
    );
}

/// SIGKILL after the grace period, in the revoked callback of `close()`: no leave is sent, so the coordinator has to find out.
#[test]
fn a_member_that_is_killed_in_its_close_is_detect_until_it_is_removed() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(10_000).put(Observation::ConsumerClosing {
        consumer: ConsumerId(1),
    });
    play.at(10_001).callback(1, CallbackKind::Revoked, &[1]);
    play.at(14_000).crash(1, &[1]);
    play.at(17_000).start(1);
    play.at(19_000)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 1);
    play.at(20_000).rejoin(0).finish(2, &[&[0, 1]]);
    play.at(20_010).take(0, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 10_001),
            ("callback", 10_001, 14_000),
            ("detect", 14_000, 19_000),
            ("barrier", 19_000, 20_000),
            ("assign", 20_000, 20_010),
            ("serving", 20_010, 60_000),
        ]
    );
}

#[test]
fn a_static_member_that_is_away_is_detect_until_it_is_replaced() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.timeline.cast.consumers[1].closes_silently = true;
    play.at(20_000).put(Observation::ConsumerClosing {
        consumer: ConsumerId(1),
    });
    play.release(1, &[1], ReleaseReason::Gone);
    play.at(20_100).put(Observation::ConsumerClosed {
        consumer: ConsumerId(1),
    });
    play.at(24_000).start(1);
    play.at(24_010).put(Observation::StaticMemberReplaced {
        group: crate::metrics::testing::GROUP,
        consumer: ConsumerId(1),
        instance_id: "g-1".into(),
        old: Play::member_id(1),
        new: crate::assignor::MemberId::new("1-new"),
    });
    play.at(24_020).assigned(1, &[1]);
    play.at(24_030).serve(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1)[1..3],
        [("detect", 20_000, 24_010), ("assign", 24_010, 24_020)]
    );
    assert_eq!(value(&metrics, "rebalances"), "0");
}

#[test]
fn a_frozen_owner_is_detect_for_the_length_of_the_freeze() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(20_000)
        .put(Observation::ConsumerFrozen {
            consumer: ConsumerId(1),
        })
        .release(1, &[1], ReleaseReason::Frozen);
    play.at(23_000)
        .put(Observation::ConsumerThawed {
            consumer: ConsumerId(1),
        })
        .serve(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 20_000),
            ("detect", 20_000, 23_000),
            ("serving", 23_000, 60_000)
        ]
    );
}

#[test]
fn a_zombie_never_serves() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(20_000)
        .put(Observation::ConsumerFrozen {
            consumer: ConsumerId(1),
        })
        .release(1, &[1], ReleaseReason::Frozen);
    play.at(30_000)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 1);
    // It wakes up, processes on, and only then learns that it is out.
    play.at(31_000)
        .put(Observation::ConsumerThawed {
            consumer: ConsumerId(1),
        })
        .serve(1, &[1]);
    play.at(32_000)
        .callback(1, CallbackKind::Lost, &[1])
        .returned(1, CallbackKind::Lost);
    play.at(33_000)
        .rejoin(0)
        .finish(2, &[&[0, 1]])
        .take(0, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1)[1..],
        [
            ("detect", 20_000, 30_000),
            ("barrier", 30_000, 33_000),
            ("serving", 33_000, 60_000)
        ]
    );
}

#[test]
fn a_member_past_its_poll_deadline_is_detect_until_it_is_out() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(20_000)
        .put(Observation::PollDeadlineExceeded {
            consumer: ConsumerId(1),
        })
        .release(1, &[1], ReleaseReason::PollDeadline);
    play.at(20_002)
        .remove(1, RemovalReason::PollTimeout)
        .prepare(Stable, RebalanceReason::PollTimeout, 1);
    play.at(21_000)
        .rejoin(0)
        .finish(2, &[&[0, 1]])
        .take(0, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1)[1..],
        [
            ("detect", 20_000, 20_002),
            ("barrier", 20_002, 21_000),
            ("serving", 21_000, 60_000)
        ]
    );
}

#[test]
fn a_new_partition_waits_for_a_target_and_an_empty_group_is_absent() {
    let mut play = Play::steady(&[&[0]], 60_000);
    play.timeline.cast.topics[0].1 = 2;
    play.at(10_000).put(Observation::PartitionsAdded {
        topic: crate::assignor::TopicId(0),
        before: 1,
        partitions: 2,
    });
    play.at(20_000).crash(0, &[0]);
    play.at(30_000)
        .remove(0, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 0)
        .complete(2, &[])
        .state(PreparingRebalance, GroupState::Empty, 2);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [("reconcile", 10_000, 20_000), ("absent", 20_000, 60_000)]
    );
    assert_eq!(
        states(&metrics, 0)[1..],
        [("detect", 20_000, 30_000), ("absent", 30_000, 60_000)]
    );
}

#[test]
fn the_window_cuts_downtimes_and_what_was_stalled() {
    let mut play = Play::steady(&[&[0]], 60_000);
    play.timeline.measured.0 = crate::kernel::SimTime::from_millis(12_000);
    play.timeline.measured.1 = crate::kernel::SimTime::from_millis(14_000);
    for ms in [12_000, 14_000] {
        play.timeline.samples.push(crate::timeline::Sample {
            at: crate::kernel::SimTime::from_millis(ms),
            group: crate::metrics::testing::GROUP,
            partition: crate::metrics::testing::partition(0),
            log_end: ms,
            processed: 10_000,
            committed: Some(10_000),
            oldest_due: None,
        });
    }
    play.at(10_000).put(Observation::ConsumerFrozen {
        consumer: ConsumerId(0),
    });
    play.release(0, &[0], ReleaseReason::Frozen);
    play.at(15_000)
        .put(Observation::ConsumerThawed {
            consumer: ConsumerId(0),
        })
        .serve(0, &[0]);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "downtime_partition_s"), "2");
    assert_eq!(value(&metrics, "stalled_records"), "2000");
    assert_eq!(value(&metrics, "downtime_share"), "1");
}

#[test]
fn the_leave_of_a_member_that_is_cut_off_never_arrives() {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    let cut = |connected| Observation::ConsumerConnected {
        consumer: ConsumerId(1),
        connected,
    };
    play.at(5_000)
        .put(cut(false))
        .release(1, &[1], ReleaseReason::Disconnected);
    play.at(10_000)
        .put(Observation::ConsumerClosing {
            consumer: ConsumerId(1),
        })
        .callback(1, CallbackKind::Revoked, &[1]);
    play.at(11_000)
        .returned(1, CallbackKind::Revoked)
        .put(Observation::ConsumerClosed {
            consumer: ConsumerId(1),
        });
    play.at(50_000)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(GroupState::Stable, RebalanceReason::SessionExpired, 1);
    play.at(52_000)
        .revoked(0, &[0])
        .rejoin(0)
        .finish(2, &[&[0, 1]])
        .take(0, &[0, 1]);
    assert_eq!(
        states(&measure(&play), 1),
        [
            ("serving", 0, 5_000),
            ("detect", 5_000, 50_000),
            ("barrier", 50_000, 52_000),
            ("serving", 52_000, 60_000),
        ]
    );
}
