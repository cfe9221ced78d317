//! Consumer groups: what a partition waits for, what an episode is, what Kafka's own names say.

use super::{measure, states, value};
use crate::assignor::ConsumerId;
use crate::metrics::testing::{GROUP, Play};
use crate::timeline::{
    CallbackKind,
    ClientState::{self, Acknowledging, Fenced, Joining, Reconciling},
    GroupState, Observation, RebalanceReason, ReleaseReason, RemovalReason,
};

/// Member 1 joins; member 0 gives it partition 1: told 100 ms later, revoked in 1 s of callback, the rest a heartbeat each.
fn join() -> Play {
    let mut play = Play::steady_consumer_group(&[&[0, 1], &[]], 3_600_000);
    play.timeline.entries.retain(|entry| {
        !matches!(&entry.observation,
            Observation::MemberJoined { consumer, .. } | Observation::MemberEpoch { consumer, .. } | Observation::ConsumerStarted { consumer }
                if *consumer == ConsumerId(1))
    });
    play.at(9_990).start(1);
    play.at(10_000)
        .joins(1, "consumer")
        .bump(2, RebalanceReason::Join, 1)
        .target(2, &[&[0], &[1]])
        .moves(1, 2, &[], &[])
        .state(GroupState::Stable, GroupState::Reconciling, 2);
    play.at(10_100).moves(0, 1, &[0], &[1]);
    play.at(10_200).callback(0, CallbackKind::Revoked, &[1]);
    play.at(11_200).returned(0, CallbackKind::Revoked);
    play.at(11_201).reaches(0, 2, &[0]);
    play.at(13_000)
        .reaches(1, 2, &[1])
        .state(GroupState::Reconciling, GroupState::Stable, 2);
    play.at(13_100)
        .assigned(1, &[1])
        .callback(1, CallbackKind::Assigned, &[1]);
    play.at(13_150).returned(1, CallbackKind::Assigned);
    play.at(13_300).serve(1, &[1]);
    play
}

#[test]
fn a_partition_that_moves_waits_for_callback_heartbeat_and_fetch() {
    let metrics = measure(&join());
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 10_200),
            ("callback", 10_200, 11_200),
            ("reconcile", 11_200, 13_100),
            ("callback", 13_100, 13_150),
            ("fetch", 13_150, 13_300),
            ("serving", 13_300, 3_600_000),
        ]
    );
    assert_eq!(states(&metrics, 0), [("serving", 0, 3_600_000)]);
    assert_eq!(value(&metrics, "downtime_barrier_partition_s"), "0");
    assert_eq!(value(&metrics, "downtime_reconcile_partition_s"), "1.9");
}

#[test]
fn an_episode_lasts_from_the_bump_to_the_last_member() {
    let metrics = measure(&join());
    for (name, expected) in [
        ("protocol", "consumer"),
        ("rebalance", "incremental"),
        ("assignor", "uniform"),
        ("rebalances", "1"),
        ("rebalance_rounds", "1"),
        ("rebalance_s", "3"),
        ("rebalances_by_reason{reason=join}", "1"),
        ("partitions_moved", "1"),
        ("partitions_moved_needlessly", "0"),
        ("partitions_revoked", "1"),
        ("members_touched", "2"),
        ("failed_rebalances", "0"),
        ("fenced_members", "0"),
        ("consumer-group-rebalance-count", "1"),
        ("group-completed-rebalance-count", "0"),
        ("assigned-partitions", "2"),
        ("partition-revoked-latency-max", "1000"),
        ("imbalance", "2"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
    let episode = &metrics.rebalances[0];
    assert_eq!(episode.from_state, GroupState::Stable);
    assert_eq!((episode.generation, episode.members), (2, 2));
    assert_eq!(
        (episode.by, &episode.last_joiner),
        (Some(ConsumerId(1)), &None)
    );
    assert_eq!(episode.last_to_arrive, Some(ConsumerId(1)));
}

#[test]
fn a_crash_is_detected_then_waits_for_a_target_and_for_heartbeats() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 60_000);
    play.at(10_000).crash(1, &[1]);
    play.at(20_000)
        .remove(1, RemovalReason::SessionExpired)
        .bump(2, RebalanceReason::SessionExpired, 1)
        .state(GroupState::Stable, GroupState::Assigning, 2);
    play.at(21_000)
        .target(2, &[&[0, 1]])
        .reaches(0, 2, &[0, 1])
        .state(GroupState::Assigning, GroupState::Stable, 2);
    play.at(21_100).take(0, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 10_000),
            ("detect", 10_000, 20_000),
            ("reconcile", 20_000, 21_100),
            ("serving", 21_100, 60_000),
        ]
    );
    assert_eq!(value(&metrics, "rebalance_s"), "1");
    assert_eq!(
        value(&metrics, "rebalances_by_reason{reason=session_expired}"),
        "1"
    );
    // Kafka counts no bump that a removal made.
    assert_eq!(value(&metrics, "consumer-group-rebalance-count"), "0");
    assert_eq!(metrics.rebalances[0].members, 1);
}

#[test]
fn bumps_while_the_group_reconciles_are_rounds_of_one_episode() {
    let mut play = Play::steady_consumer_group(&[&[0, 1], &[]], 60_000);
    play.at(10_000)
        .bump(2, RebalanceReason::SubscriptionChange, 0)
        .state(GroupState::Stable, GroupState::Assigning, 2);
    play.at(11_000)
        .bump(3, RebalanceReason::MetadataChange, 1)
        .target(3, &[&[1], &[0]])
        .state(GroupState::Assigning, GroupState::Reconciling, 3);
    play.at(12_000)
        .reaches(0, 3, &[1])
        .reaches(1, 3, &[0])
        .state(GroupState::Reconciling, GroupState::Stable, 3);
    // A single bump that everybody has followed at once is an episode of no length.
    play.at(20_000)
        .bump(4, RebalanceReason::MetadataChange, 1)
        .target(4, &[&[1], &[0]])
        .reaches(0, 4, &[1])
        .reaches(1, 4, &[0]);
    play.at(30_000).start(0);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "rebalances"), "2");
    assert_eq!(value(&metrics, "rebalance_rounds"), "3");
    assert_eq!(value(&metrics, "assignments_computed"), "2");
    assert_eq!(value(&metrics, "rebalance_s"), "2");
    assert_eq!(value(&metrics, "rebalance_s_sum"), "2");
    let reasons: Vec<_> = metrics
        .rebalances
        .iter()
        .map(|episode| episode.reasons.clone())
        .collect();
    assert_eq!(
        reasons[0],
        [
            RebalanceReason::SubscriptionChange,
            RebalanceReason::MetadataChange
        ]
    );
    let second = &metrics.rebalances[1];
    assert_eq!(second.end, Some(second.start));
    assert!(second.touched.is_empty(), "nobody has to change anything");
}

#[test]
fn the_first_member_makes_an_episode_and_the_last_one_to_leave_ends_one() {
    let mut play = Play::new(1, 1, 60_000);
    play.start(0);
    play.at(1_000)
        .joins(0, "consumer")
        .bump(2, RebalanceReason::Join, 0)
        .target(2, &[&[0]])
        .reaches(0, 2, &[0])
        .state(GroupState::Empty, GroupState::Stable, 2);
    play.at(1_200).take(0, &[0]);
    play.at(30_000)
        .put(Observation::ConsumerClosing {
            consumer: ConsumerId(0),
        })
        .revoked(0, &[0]);
    play.at(30_001)
        .remove(0, RemovalReason::Leave)
        .state(GroupState::Stable, GroupState::Empty, 3)
        .bump(3, RebalanceReason::Leave, 0);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 0),
        [
            ("absent", 0, 0),
            ("reconcile", 1_000, 1_200),
            ("serving", 1_200, 30_000),
            ("absent", 30_000, 60_000),
        ]
        .map(|(word, from, to)| if from == to {
            (word, 0, 1_000)
        } else {
            (word, from, to)
        })
    );
    let ends: Vec<_> = metrics
        .rebalances
        .iter()
        .map(|episode| (episode.from_state, episode.members, episode.end))
        .collect();
    assert_eq!(metrics.rebalances.len(), 2, "{ends:?}");
    assert_eq!((ends[0].0, ends[0].1), (GroupState::Empty, 1));
    assert_eq!(ends[1].1, 0);
    assert!(ends.iter().all(|end| end.2.is_some()));
    assert_eq!(metrics.rebalances[1].revoked, 1, "what the leaver gave up");
}

#[test]
fn a_static_member_that_said_it_would_be_back_is_absent_not_missed() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 60_000);
    play.timeline.cast.consumers[1].closes_silently = true;
    play.at(10_000)
        .put(Observation::ConsumerClosing {
            consumer: ConsumerId(1),
        })
        .callback(1, CallbackKind::Revoked, &[1]);
    play.at(10_500).returned(1, CallbackKind::Revoked);
    play.at(10_600).goes_away(1);
    play.at(10_700).put(Observation::ConsumerClosed {
        consumer: ConsumerId(1),
    });
    play.at(15_000).start(1);
    let back = crate::assignor::MemberId::new("1-later");
    play.at(15_100).put(Observation::StaticMemberReplaced {
        group: GROUP,
        consumer: ConsumerId(1),
        instance_id: std::sync::Arc::from("pod"),
        old: Play::member_id(1),
        new: back,
    });
    play.at(15_300).take(1, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1),
        [
            ("serving", 0, 10_000),
            ("callback", 10_000, 10_500),
            // Its word is on its way.
            ("reconcile", 10_500, 10_600),
            ("absent", 10_600, 15_100),
            ("reconcile", 15_100, 15_300),
            ("serving", 15_300, 60_000),
        ]
    );
    assert_eq!(value(&metrics, "rebalances"), "0");
}

#[test]
fn who_closes_and_says_nothing_is_missed_until_its_session_expires() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 60_000);
    let facts = &mut play.timeline.cast.consumers[1];
    (facts.closes_silently, facts.never_leaves) = (true, true);
    play.at(10_000)
        .put(Observation::ConsumerClosing {
            consumer: ConsumerId(1),
        })
        .callback(1, CallbackKind::Revoked, &[1]);
    play.at(10_500)
        .returned(1, CallbackKind::Revoked)
        .put(Observation::ConsumerClosed {
            consumer: ConsumerId(1),
        });
    play.at(55_000)
        .remove(1, RemovalReason::SessionExpired)
        .bump(2, RebalanceReason::SessionExpired, 1)
        .target(2, &[&[0, 1]])
        .reaches(0, 2, &[0, 1]);
    play.at(55_100).take(0, &[1]);
    assert_eq!(
        states(&measure(&play), 1),
        [
            ("serving", 0, 10_000),
            ("callback", 10_000, 10_500),
            ("detect", 10_500, 55_000),
            ("reconcile", 55_000, 55_100),
            ("serving", 55_100, 60_000),
        ]
    );
}

#[test]
fn a_static_member_that_is_past_its_poll_deadline_is_absent_while_its_process_lives() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 60_000);
    play.at(10_000)
        .put(Observation::PollDeadlineExceeded {
            consumer: ConsumerId(1),
        })
        .release(1, &[1], ReleaseReason::PollDeadline);
    play.at(10_001).goes_away(1);
    play.at(55_001)
        .remove(1, RemovalReason::SessionExpired)
        .bump(2, RebalanceReason::SessionExpired, 1)
        .target(2, &[&[0, 1]])
        .reaches(0, 2, &[0, 1]);
    play.at(55_100).take(0, &[1]);
    assert_eq!(
        states(&measure(&play), 1),
        [
            ("serving", 0, 10_000),
            ("detect", 10_000, 10_001),
            ("absent", 10_001, 55_001),
            ("reconcile", 55_001, 55_100),
            ("serving", 55_100, 60_000),
        ]
    );
}

#[test]
fn a_leave_for_want_of_polls_is_a_poll_timeout_and_a_late_member_fails_the_rebalance() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 60_000);
    play.at(10_000)
        .put(Observation::PollDeadlineExceeded {
            consumer: ConsumerId(1),
        })
        .release(1, &[1], ReleaseReason::PollDeadline);
    play.at(10_001)
        .remove(1, RemovalReason::Leave)
        .bump(2, RebalanceReason::Leave, 1)
        .state(GroupState::Stable, GroupState::Assigning, 2);
    play.at(12_000)
        .target(2, &[&[0, 1]])
        .state(GroupState::Assigning, GroupState::Reconciling, 2);
    play.at(20_000)
        .remove(0, RemovalReason::RebalanceTimeout)
        .bump(3, RebalanceReason::RebalanceTimeout, 0)
        .state(GroupState::Reconciling, GroupState::Empty, 3);
    play.at(21_000).transition(0, ClientState::Stable, Fenced);
    play.at(21_001).transition(0, Fenced, Joining);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "rebalances"), "1");
    assert_eq!(
        metrics.rebalances[0].reasons,
        [
            RebalanceReason::PollTimeout,
            RebalanceReason::RebalanceTimeout
        ]
    );
    assert_eq!(value(&metrics, "failed_rebalances"), "1");
    assert_eq!(value(&metrics, "fenced_members"), "1");
}

#[test]
fn a_client_counts_the_time_in_which_it_applies_assignments() {
    let mut play = Play::steady_consumer_group(&[&[0], &[1]], 3_600_000);
    for (ms, from, to) in [
        (1_000, ClientState::Stable, Reconciling),
        (1_250, Reconciling, Acknowledging),
        (1_251, Acknowledging, ClientState::Stable),
        (5_000, ClientState::Stable, Reconciling),
        (5_750, Reconciling, ClientState::Stable),
        (9_000, ClientState::Stable, Reconciling),
        (9_500, Reconciling, Fenced),
        (9_501, Fenced, Joining),
        (9_600, Joining, Reconciling),
        (9_700, Reconciling, Acknowledging),
        (9_800, ClientState::Stable, Fenced),
    ] {
        play.at(ms).transition(0, from, to);
    }
    let metrics = measure(&play);
    for (name, expected) in [
        ("rebalance-total", "3"),
        ("rebalance-latency-max", "750"),
        ("rebalance-latency-total", "1100"),
        ("rebalance-rate-per-hour", "3"),
        ("failed-rebalance-total", "1"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
}

#[test]
fn a_classic_group_that_becomes_a_consumer_group_waits_for_nobody_any_more() {
    let mut play = Play::steady(&[&[0, 1], &[]], 60_000);
    play.at(10_000)
        .joins(1, "consumer")
        .bump(2, RebalanceReason::Join, 1)
        .target(2, &[&[0], &[1]])
        .state(GroupState::Stable, GroupState::Reconciling, 2);
    // A classic member hears of it, gives up, joins again: no joint generation, nobody to wait for.
    play.at(11_000).put(Observation::RejoinRequested {
        consumer: ConsumerId(0),
        reason: "group is already rebalancing",
    });
    play.revoked(0, &[1]);
    play.at(11_010).joins(0, "classic").reaches(0, 2, &[0]);
    play.at(12_000)
        .reaches(1, 2, &[1])
        .state(GroupState::Reconciling, GroupState::Stable, 2);
    play.at(12_200).take(1, &[1]);
    // Its last member of the consumer protocol leaves: a classic group again.
    play.at(30_000).remove(1, RemovalReason::Leave).prepare(
        GroupState::Stable,
        RebalanceReason::Leave,
        1,
    );
    play.at(33_000)
        .rejoin(0)
        .finish(4, &[&[0, 1]])
        .take(0, &[1]);
    let metrics = measure(&play);
    assert_eq!(
        states(&metrics, 1)[1..3],
        [("reconcile", 11_000, 12_200), ("serving", 12_200, 30_000)]
    );
    assert_eq!(
        states(&metrics, 1)[3],
        ("barrier", 30_000, 33_000),
        "classic again"
    );
    assert_eq!(value(&metrics, "rebalances"), "2");
    assert_eq!(value(&metrics, "rebalance_s_sum"), "5");
}
