//! Who looks at the clock, and when: the heartbeat thread and the monitor it needs, requests that nobody answers, deadlines while nobody knows the coordinator.

use super::hand::*;
use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimDuration;
use rebsim::timeline::{GroupState, Observation, RebalanceReason, RemovalReason};
use rebsim::workload::distribution::Distribution;

/// Nothing costs anything but the leader's assignor.
fn with_assignor(hand: &Hand<'_>, seconds: u64) -> Story {
    let calibration = Calibration {
        assignor_cost: Some(Distribution::Constant(SimDuration::from_secs(seconds))),
        ..Calibration::ideal()
    };
    Story {
        timeline: attempt(&hand.text(), calibration).expect("it ends"),
    }
    .told()
}

/// The leader's assignor runs in the handler of the JoinGroup answer, synchronized on the coordinator (`AbstractCoordinator.JoinGroupResponseHandler`), and the heartbeat
/// thread needs that monitor: no heartbeat for 15 s. At the broker the session of a leader begins with the end of the join phase, and nobody waits for its SyncGroup as a
/// sign of life: 10 s after each join phase its leader is out, and so is the next. The followers hear of that when they are about to give the coordinator up themselves, and the first time
/// they do: they come back 100 ms later (`reconnect.backoff.ms`, then `retry.backoff.ms`).
#[test]
fn a_leader_that_computes_longer_than_its_session_is_missed() {
    let story = with_assignor(&HAND, 15);
    let completed: Vec<_> = story.generations().iter().map(|each| each.0).collect();
    let every_10_s = [6_000, 16_100, 26_100, 36_100, 46_100, 56_100].map(ms);
    assert_eq!(completed, every_10_s);
    assert_eq!(story.entered(GroupState::Stable), []);
    let mut missed: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|who| story.removed(who))
        .collect();
    missed.sort_by_key(|removal| removal.0);
    let expired = [16_000, 26_100, 36_100, 46_100, 56_100].map(ms);
    let expired: Vec<_> = expired
        .map(|at| (at, RemovalReason::SessionExpired))
        .into_iter()
        .collect();
    assert_eq!(missed, expired);
}

/// The same for 6 s: the heartbeat of the leader that was due 3 s after the join phase goes out behind its SyncGroup, nobody is missed.
#[test]
fn a_leader_that_computes_for_less_than_its_session_heartbeats_afterwards() {
    let story = with_assignor(&HAND, 6);
    assert_eq!(story.entered(GroupState::Stable), [ms(12_000)]);
    for who in ["a", "b", "c"] {
        assert_eq!(story.removed(who), []);
    }
}

/// Followers wait for 30 s (`request.timeout.ms`) for the answer to their SyncGroup. Then they close the connection, find the coordinator at once, cannot connect to it yet
/// (`reconnect.backoff.ms`), find it again 100 ms later (`retry.backoff.ms`) and join anew, which begins another rebalance, for they say in which generation they were (KIP-792). The SyncGroup of the leader is refused after 37 s, it joins, leads again, and so on without end. The application
/// sees at the end of a `poll()` of 100 ms that more than 30,000 ms are over.
#[test]
fn followers_do_not_wait_longer_than_the_request_timeout() {
    let hand = Hand {
        config: PATIENT,
        duration: "120s",
        ..HAND
    };
    let story = with_assignor(&hand, 37);
    assert_eq!(story.entered(GroupState::Stable), []);
    assert_eq!(
        story.completed(),
        [
            "6000.000 1 a,b,c",
            "43000.000 2 a,b,c",
            "80000.000 3 a,b,c",
            "117000.000 4 a,b,c"
        ]
    );
    for who in ["b", "c"] {
        assert_eq!(story.removed(who), []);
        let again = &story.joining(who)[2..];
        assert_eq!(again, [ms(36_200), ms(73_200), ms(110_200)], "{who}");
    }
}

/// With more time than the leader needs nobody gives up.
#[test]
fn followers_wait_as_long_as_they_are_told_to() {
    let patience = format!("{PATIENT}, request.timeout.ms: 40000");
    let hand = Hand {
        config: &patience,
        duration: "120s",
        ..HAND
    };
    let story = with_assignor(&hand, 37);
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    assert_eq!(story.entered(GroupState::Stable), [ms(43_000)]);
}

/// A client before 3.4 says nothing of its generation: its JoinGroup is the same as the last, so the coordinator repeats the answer and goes on waiting for the leader.
#[test]
fn before_generations_were_said_who_joins_again_is_told_the_same() {
    let hand = Hand {
        config: PATIENT,
        group: "    client_version: \"3.0\"\n",
        duration: "120s",
        ..HAND
    };
    let story = with_assignor(&hand, 37);
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    assert_eq!(story.joining("b")[2..], [ms(36_200)]);
    assert_eq!(story.entered(GroupState::Stable), [ms(43_000)]);
}

/// Heartbeats of a follower wait behind its SyncGroup, and so does their answer: with a session of 6 s it gives the coordinator up after 6 s, and is back
/// 100 ms later.
#[test]
fn a_follower_with_a_short_session_gives_the_coordinator_up() {
    let hand = Hand {
        members: "[{ name: a }, { name: b, config: { session.timeout.ms: 6000, heartbeat.interval.ms: 2000 } }, { name: c }]",
        duration: "40s",
        ..HAND
    };
    let story = with_assignor(&hand, 8);
    assert_eq!(story.entered(GroupState::Stable), []);
    assert_eq!(story.joining("b")[2..5], [12_100, 20_100, 28_100].map(ms));
    let completed: Vec<_> = story.generations().iter().map(|each| each.0).collect();
    assert_eq!(completed, [6_000, 14_000, 22_000, 30_000, 38_000].map(ms));
}

/// b is cut off for 60 s from 20,000. Its last heartbeat was answered at 18,000, so it gives the coordinator up at 28,000; the lookup is answered when the cut is over. No answer to what it
/// sent into the cut counts any more: it hears that it is out by a heartbeat after that.
#[test]
fn a_session_without_an_answer_is_the_end_of_the_connection() {
    let story = Hand {
        events: "{ at: 20s, disconnect: g/b, for: 15s }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(28_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(story.called("b", ms(7_000))[0], "35000.000 lost [2, 3]");
}

const PATIENT: &str = "session.timeout.ms: 45000";

/// The application of b stands still from 20,000 to 60,000, with 30 s to poll. Nobody looks at that while the coordinator is looked for (`HeartbeatThread.run`): b leaves when
/// it is found, and not at all when the application is back before.
#[test]
fn the_poll_deadline_waits_for_the_coordinator() {
    for (away, leaves) in [("20s", Some(ms(55_200))), ("30s", None)] {
        let events = format!(
            "{{ at: 20s, stall: g/b, for: 40s }}, {{ at: 35s, coordinator: restart, unavailable: {away} }}"
        );
        let story = Hand {
            config: "max.poll.interval.ms: 30000",
            events: &events,
            duration: "100s",
            ..HAND
        }
        .play();
        let seen = story.when(|seen| matches!(seen, Observation::PollDeadlineExceeded { .. }));
        assert_eq!(seen, leaves.into_iter().collect::<Vec<_>>(), "away {away}");
    }
}

/// What breaks between two heartbeats does not move the next: x joins at 25,000, and the others learn of it where they would have without the outage.
#[test]
fn heartbeats_keep_their_phase_through_a_short_outage() {
    let story = Hand {
        members: "[{ name: a }, { name: b }, { name: c }, { name: x, at: 25s }]",
        events: "{ at: 21500ms, coordinator: restart, unavailable: 1s }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "27000.000 2 a,b,c,x"]
    );
}

/// A broken connection makes a client doubt what it knows of the cluster (`NetworkClient.processDisconnection`): the leader sees as soon as a fetch lets them through what
/// was added, not after five minutes.
#[test]
fn a_broken_connection_asks_for_metadata() {
    let story = Hand {
        events: "{ at: 20s, partitions: t, to: 9 }, { at: 21500ms, coordinator: restart, unavailable: 1s }",
        ..HAND
    }
    .play();
    let (at, why) = story.prepared()[1];
    assert_eq!(why, Some(RebalanceReason::MetadataChange));
    assert_eq!(at, ms(23_000));
}

/// `onPartitionsRevoked` takes longer than the poll interval, so that the membership is forgotten while it runs, EAGER: `onJoinPrepare` goes on to its end, JoinGroup follows, and by then there is nothing to lose.
#[test]
fn what_is_being_revoked_is_not_lost_as_well() {
    let story = Hand {
        members: AND_X,
        config: "max.poll.interval.ms: 30000",
        group: SLOW_TO_REVOKE,
        duration: "85s",
        ..HAND
    }
    .play();
    let exceeded = story.when(|seen| matches!(seen, Observation::PollDeadlineExceeded { .. }));
    assert_eq!(exceeded[..3], [ms(42_000); 3]);
    for who in ["a", "b", "c"] {
        assert_eq!(
            story.removed(who)[0],
            (ms(40_000), RemovalReason::JoinTimeout)
        );
        let called = story.called(who, ms(10_000));
        assert!(called[0].starts_with("12000.000 revoked"), "{called:?}");
        assert!(called[1].contains("assigned"), "{called:?}");
        assert!(story.joining(who).contains(&ms(52_000)));
    }
}

/// The same COOPERATIVE: `onJoinComplete` goes on to its end, with the assignment of the generation that it was called for; that is lost at once.
#[test]
fn what_was_assigned_to_who_is_out_is_lost() {
    let story = Hand {
        members: AND_X,
        config: "max.poll.interval.ms: 30000, partition.assignment.strategy: cooperative-sticky",
        group: SLOW_TO_REVOKE,
        duration: "85s",
        ..HAND
    }
    .play();
    let mut gave = 0;
    for who in ["a", "b", "c"] {
        let called = story.called(who, ms(10_000));
        if !called[0].contains("revoked") {
            continue;
        }
        gave += 1;
        assert!(called[0].starts_with("12000.000 revoked"), "{called:?}");
        assert_eq!(called[1], "52000.000 assigned []");
        assert!(called[2].starts_with("52000.000 lost"), "{called:?}");
    }
    assert_eq!(gave, 1, "one partition moves");
}

const SLOW_TO_REVOKE: &str =
    "    listener: { on_revoked: { flush: 40s }, on_lost: { work: 10s } }\n";
