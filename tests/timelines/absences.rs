//! C6 to C12: members die, are stuck, or stay away for a while.

use super::hand::*;
use super::support::*;
use rebsim::timeline::{GroupState, Observation, RebalanceReason, RemovalReason};

#[test]
fn c6_crash() {
    let story = Hand {
        events: "{ at: 20s, crash: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(28_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(story.completed(), ["6000.000 1 a,b,c", "30000.000 2 a,c"]);
}

/// 10 records/s on each of two partitions of b, which dies at 20,050. It commits every 5,000 ms after the join, so last at 16,000. There `poll()` returns the records due
/// then before it looks after anything else, so the commit, in the next `poll()`, has them: those due after 16,000 until 20,000 are processed again, 40 of each partition.
#[test]
fn c6_what_was_done_since_the_last_commit_is_done_again() {
    let text = Hand {
        group: "    processing: { per_record: 0us }\n",
        events: "{ at: 20050ms, crash: g/b }",
        ..HAND
    }
    .text();
    let story = ideal(&text.replace("partitions: 6", "partitions: 6, rate: 60/s")).told();
    let given = story.callbacks("b")[0].2.clone();
    for ((_, place), totals) in &story.timeline.partitions {
        let expected = if given.contains(&place.partition) {
            40
        } else {
            0
        };
        assert_eq!(totals.duplicated, expected, "partition {}", place.partition);
    }
}

#[test]
fn c7_crash_while_a_join_is_under_way() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 10500ms, crash: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(story.joining("a")[2..], [ms(12_000)]);
    assert_eq!(story.joining("c")[2..], [ms(12_000)]);
    assert_eq!(
        story.removed("b"),
        [(ms(19_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(story.completed(), ["6000.000 1 a,b,c", "19000.000 2 a,c,x"]);
}

/// A member closes while its JoinGroup waits: the broker reads no other request from that connection before it has answered (`SocketServer`, muted channels), so
/// LeaveGroup waits, too, and is read when the join is over. `close()` waits for both answers (`AbstractCoordinator.close`, `awaitPendingRequests`), so the process goes
/// only then. A real 4.4 broker and client do the same. c holds up the join until 15,500.
#[test]
fn c7_leave_of_a_member_that_has_joined() {
    for (verb, fourth) in [
        ("stop: g/b", None),
        ("restart: g/b, down: 1s", Some(" 4 a,b,c,x")),
    ] {
        let events = format!("{{ at: 11s, stall: g/c, for: 4500ms }}, {{ at: 13s, {verb} }}");
        let story = Hand {
            members: AND_X,
            events: &events,
            ..HAND
        }
        .play();
        assert_eq!(
            story.removed("b"),
            [(ms(15_500), RemovalReason::Leave)],
            "{verb}"
        );
        let completed = story.completed();
        assert_eq!(completed[1], "15500.000 2 a,b,c,x");
        assert!(completed[2].ends_with(" 3 a,c,x"));
        assert_eq!(completed.len(), 3 + usize::from(fourth.is_some()));
        assert!(fourth.is_none_or(|fourth| completed[3].ends_with(fourth)));
        assert_eq!(
            story.closed("b"),
            [ms(15_500)],
            "close() waits for both answers"
        );
    }
}

/// After 30 s `close()` waits no longer (its default timeout, `request.timeout.ms`). The process is gone, maybe up again, and the broker reads the LeaveGroup when the JoinGroup
/// is answered all the same: TCP gives what came before the end. c holds up the join until 50,000.
#[test]
fn c7_close_has_thirty_seconds() {
    for (verb, second) in [
        ("stop: g/b", " 2 a,b,c,x"),
        ("restart: g/b, down: 1s", " 2 a,b,b,c,x"),
    ] {
        let events = format!("{{ at: 11s, stall: g/c, for: 39s }}, {{ at: 13s, {verb} }}");
        let story = Hand {
            members: AND_X,
            events: &events,
            ..HAND
        }
        .play();
        assert_eq!(story.closed("b"), [ms(43_000)], "{verb}");
        assert_eq!(
            story.removed("b"),
            [(ms(50_000), RemovalReason::Leave)],
            "{verb}"
        );
        let completed = story.completed();
        assert!(completed[1].ends_with(second), "{completed:?}");
    }
}

/// The crash comes after the JoinGroup: c holds up the join until 15,500, b dies at 13,000, is given partitions all the same, and is missed S later. The others
/// heartbeat 3,000, 6,000, 9,000 and 12,000 after the join.
#[test]
fn c7_crash_of_a_member_that_has_joined() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 11s, stall: g/c, for: 4500ms }, { at: 13s, crash: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(25_500), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        story.completed(),
        [
            "6000.000 1 a,b,c",
            "15500.000 2 a,b,c,x",
            "27500.000 3 a,c,x"
        ]
    );
    let given: Vec<usize> = story
        .find(|seen| match seen {
            Observation::AssignmentReceived {
                assignment,
                generation: 2,
                ..
            } => assignment
                .iter()
                .find(|(consumer, _)| *consumer == story.who("b"))
                .map(|(_, list)| list.len()),
            _ => None,
        })
        .into_iter()
        .map(|(_, count)| count)
        .collect();
    assert!(given[0] > 0);
}

/// The same with the leader: nobody assigns, everybody waits in SyncGroup until the leader's session ends, and by their own count the coordinator's, whose connection they close. They
/// find it at once, cannot connect yet (`reconnect.backoff.ms`), and 100 ms later the group rejoins.
#[test]
fn c7_crash_of_the_leader_that_has_joined() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 11s, stall: g/c, for: 4500ms }, { at: 13s, crash: g/a }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("a"),
        [(ms(25_500), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        story.completed(),
        [
            "6000.000 1 a,b,c",
            "15500.000 2 a,b,c,x",
            "25600.000 3 b,c,x"
        ]
    );
    assert_eq!(story.entered(GroupState::Stable), [ms(6_000), ms(25_600)]);
}

/// The last `poll()` begins at 9,000: it had returned at 9,000 when the script acted.
#[test]
fn c8_stuck_member_leaves_at_its_own_poll_deadline() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 9s, stall: g/b, for: 400s }",
        duration: "350s",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(309_000), RemovalReason::PollTimeout)]
    );
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "309000.000 2 a,c,x"]
    );
}

/// A static member does not say good-bye: heartbeats stop at 309,000, the last one was at 306,000, its session would end at 316,000; the join timer fires first, at
/// 310,000. At that instant the 300 s of the new member end as well, and that timer was armed first: x is removed, its JoinGroup answered
/// UNKNOWN_MEMBER_ID. Messages pass timers, so x has joined anew when the join timer fires. The static member is kept.
#[test]
fn c8_stuck_static_member_is_waited_for_until_the_join_timer() {
    let story = Hand {
        members: "[{ name: a }, { name: b, config: { group.instance.id: b } }, { name: c }, { name: x, at: 10s }]",
        events: "{ at: 9s, stall: g/b, for: 400s }",
        duration: "311s",
        ..HAND
    }
    .play();
    assert_eq!(
        story.when(|seen| matches!(seen, Observation::PollDeadlineExceeded { .. })),
        [ms(309_000)]
    );
    assert_eq!(story.removed("b"), []);
    assert_eq!(
        story.removed("x"),
        [(ms(310_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        story.joining("x"),
        [ms(10_000), ms(10_000), ms(310_000), ms(310_000)]
    );
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "310000.000 2 a,b,c,x"]
    );
}

/// Down at 20,000, up again at 24,000: nobody notices.
#[test]
fn c9_static_member_restarts_within_its_session() {
    for config in ["", "enable.auto.commit: false"] {
        let story = Hand {
            members: STATIC_B,
            config,
            events: "{ at: 20s, stop: g/b }, { at: 24s, start: g/b }",
            ..HAND
        }
        .play();
        assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
        assert_eq!(
            story.when(|seen| matches!(seen, Observation::StaticMemberReplaced { .. })),
            [ms(24_000)]
        );
        let owned = story.callbacks("b")[0].2.clone();
        assert_eq!(
            story.called("b", ms(7_000)),
            [
                format!("20000.000 revoked {owned:?}"),
                format!("24000.000 assigned {owned:?}")
            ]
        );
        for who in ["a", "c"] {
            assert_eq!(story.called(who, ms(7_000)), [""; 0]);
        }
    }
}

/// How long it may stay away: S from the last sign of life. That is the commit of `close()` when it commits (real Kafka, against the hand timeline, which counts
/// from the last heartbeat), else the heartbeat at 18,000. Seen from a restart one millisecond before and one after.
#[test]
fn c9_the_deadline_for_the_return() {
    for (config, deadline) in [("", 30_000), ("enable.auto.commit: false", 28_000)] {
        for (up, seamless) in [(deadline - 1, true), (deadline + 1, false)] {
            let events = &format!("{{ at: 20s, stop: g/b }}, {{ at: {up}ms, start: g/b }}");
            let story = Hand {
                members: STATIC_B,
                config,
                events,
                ..HAND
            }
            .play();
            let expected: &[_] = if seamless {
                &[]
            } else {
                &[(ms(deadline), RemovalReason::SessionExpired)]
            };
            assert_eq!(story.removed("b"), expected);
            assert_eq!(story.completed().len() == 1, seamless);
        }
    }
}

/// Without the commit of `close()` the hand timeline holds: expiry at 28,000, the others learn at 30,000. Their heartbeats at 33,000 precede the return at
/// 33,000 (timers before the script), so they learn of it at 36,000.
#[test]
fn c10_static_member_comes_back_too_late() {
    let story = Hand {
        members: STATIC_B,
        config: "enable.auto.commit: false",
        events: "{ at: 20s, stop: g/b }, { at: 33s, start: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(28_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "30000.000 2 a,c", "36000.000 3 a,b,c"]
    );
}

/// With the commit the session ends at 30,000, where the others heartbeat too: the messages arrive before the coordinator's timer fires, so they learn at 33,000.
/// Generation 2 is complete in that instant before the script brings the member back; again they learn a heartbeat later.
#[test]
fn c10_with_the_commit_of_close_the_session_ends_later() {
    let story = Hand {
        members: STATIC_B,
        events: "{ at: 20s, stop: g/b }, { at: 33s, start: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(30_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "33000.000 2 a,c", "36000.000 3 a,b,c"]
    );
}

/// One record for b alone: the `poll()` that begins at 20,000 returns it at 20,050, and the next one comes at 421,000. `range` gives b partition 1, and partition 0 when
/// it is the only static member (those come first).
fn long_batch(instance: &str, weights: &str) -> Story {
    ideal(&format!(
        "version: 1\nname: hand\nduration: 430s\n\
         topics: {{ t: {{ partitions: 3, load: [{{ steps: [{{ at: 19050ms, rate: 1/s }}, {{ at: 20500ms, rate: 0/s }}] }}], skew: {{ weights: {weights} }} }} }}\n\
         groups:\n  g:\n    topics: [t]\n    start: cold\n    commit: {{ after_batch: sync }}\n    processing: {{ per_record: 400950ms }}\n\
         \x20   config: {{ session.timeout.ms: 10000, partition.assignment.strategy: range }}\n    members: [{{ name: a }}, {{ name: b{instance} }}, {{ name: c }}]\n"
    ))
    .told()
}

#[test]
fn c11_batch_longer_than_the_poll_interval() {
    let story = long_batch("", "[0, 1, 0]");
    assert_eq!(
        story.removed("b")[0],
        (ms(320_000), RemovalReason::PollTimeout)
    );
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "321000.000 2 a,c", "423000.000 3 a,b,c"]
    );
    assert_eq!(
        story.prepared().last(),
        Some(&(ms(421_000), Some(RebalanceReason::Join)))
    );
    let failed = story.find(|seen| match seen {
        Observation::CommitFailed { error, .. } => Some(*error),
        _ => None,
    });
    assert_eq!(failed, [(ms(421_000), "CommitFailedException")]);
    assert_eq!(
        story.called("b", ms(20_000)),
        ["421000.000 lost [1]", "423000.000 assigned [1]"]
    );
    // MEMBER_ID_REQUIRED, and once more with the id.
    assert_eq!(story.joining("b")[2..], [ms(421_000), ms(421_000)]);
}

#[test]
fn c12_batch_longer_than_the_poll_interval_of_a_static_member() {
    let story = long_batch(", config: { group.instance.id: b }", "[1, 0, 0]");
    assert_eq!(
        story.when(|seen| matches!(seen, Observation::PollDeadlineExceeded { .. })),
        [ms(320_000)]
    );
    assert_eq!(
        story.removed("b"),
        [(ms(328_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        story.completed()[..2],
        ["6000.000 1 a,b,c", "330000.000 2 a,c"]
    );
}

/// `close()` waits for 30 s at most, here for the answer to its commit: it says good-bye to nobody then, and has long been missed.
#[test]
fn close_has_thirty_seconds() {
    let story = Hand {
        events: "{ at: 20s, disconnect: g/b, for: 60s }, { at: 20s, stop: g/b }",
        duration: "90s",
        ..HAND
    }
    .play();
    let who = story.who("b");
    let closed = story
        .when(|seen| matches!(seen, Observation::ConsumerClosed { consumer } if *consumer == who));
    let removed = story.removed("b");
    assert_eq!(closed, [ms(50_000)]);
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].1, RemovalReason::SessionExpired);
}
