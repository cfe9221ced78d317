//! K6 to K11 of the hand timelines: members of the consumer protocol that are away for a while, topics that grow, coordinators that move. What holds of all
//! these timelines stands with K1 to K5.

use super::consumer::{HAND, Hand, spans};
use super::support::*;
use rebsim::kernel::SimTime;
use rebsim::timeline::{Observation, RemovalReason};

const STATIC_B: &str = "[{ name: a }, { name: b, at: 1s, config: { group.instance.id: b } }]";

/// A static member that closes and comes back has the same partitions at once, and no epoch is bumped.
#[test]
fn k6_static_member_comes_back() {
    let story = Hand {
        members: STATIC_B,
        events: "{ at: 22s, stop: g/b }, { at: 30s, start: g/b }",
        duration: "40s",
        ..HAND
    }
    .play();
    assert_eq!(story.away("b"), [ms(22_000)]);
    assert_eq!(story.bumps().len(), 2);
    assert_eq!(story.targets().len(), 2);
    assert_eq!(story.moved("b")[3..], ["30000.000 2 STABLE [2, 3]"]);
    assert_eq!(
        story.called("b", ms(7_000)),
        ["22000.000 revoked [2, 3]", "30000.000 assigned [2, 3]"]
    );
    assert_eq!(
        spans(&story, 2)[1..],
        ["6100.000 b 22000.000", "30000.000 b"]
    );
    assert_eq!(story.called("a", ms(6_000)), [] as [&str; 0]);
}

/// The good-bye of a static member does not touch its session: it ends 45,000 ms after the last heartbeat, at 66,100. Who comes in that instant
/// comes too late: the timer is before the script.
#[test]
fn k6_the_deadline_for_the_return() {
    let returns = |at: &str| {
        Hand {
            members: STATIC_B,
            events: &format!("{{ at: 22s, stop: g/b }}, {{ at: {at}, start: g/b }}"),
            duration: "80s",
            ..HAND
        }
        .play()
    };
    let in_time = returns("66099999us");
    assert_eq!(in_time.bumps().len(), 2);
    assert_eq!(in_time.moved("b")[3..], ["66099.999 2 STABLE [2, 3]"]);
    let late = returns("66100ms");
    assert_eq!(
        late.removed("b"),
        [(ms(66_100), RemovalReason::SessionExpired)]
    );
    assert_eq!(
        late.bumps()[2..],
        ["66100.000 3 session_expired b", "66100.000 4 join b"]
    );
    assert_eq!(late.targets()[2..], ["66100.000 4 a[0, 1] b[2, 3]"]);
    assert_eq!(late.moved("b")[3..], ["66100.000 4 STABLE [2, 3]"]);
}

/// A static member that was killed cannot come back before its session is over: the newcomer fails.
#[test]
fn k7_static_member_restarts_after_a_crash() {
    for at in ["30s", "66099999us"] {
        let story = Hand {
            members: STATIC_B,
            events: &format!("{{ at: 22s, crash: g/b }}, {{ at: {at}, start: g/b }}"),
            duration: "80s",
            ..HAND
        }
        .play();
        let failed = story.failed("b");
        assert_eq!(failed.len(), 1);
        assert!(failed[0].ends_with(" UnreleasedInstanceIdException"));
        assert_eq!(story.bumps()[2..], ["66100.000 3 session_expired b"]);
        assert_eq!(story.targets()[2..], ["70300.000 3 a[0, 1, 2, 3]"]);
    }
}

/// After that it is a new member, and its join computes the target before the survivor's heartbeat does.
#[test]
fn k7_static_member_restarts_after_its_session() {
    let story = Hand {
        members: STATIC_B,
        events: "{ at: 22s, crash: g/b }, { at: 67s, start: g/b }",
        duration: "80s",
        ..HAND
    }
    .play();
    assert_eq!(story.failed("b"), [] as [&str; 0]);
    assert_eq!(
        story.bumps()[2..],
        ["66100.000 3 session_expired b", "67000.000 4 join b"]
    );
    assert_eq!(story.targets()[2..], ["67000.000 4 a[0, 1] b[2, 3]"]);
    assert_eq!(story.moved("b")[3..], ["67000.000 4 STABLE [2, 3]"]);
    assert_eq!(story.moved("a")[3..], ["70300.000 4 STABLE [0, 1]"]);
}

/// A batch longer than the poll interval: the member leaves with the first regular heartbeat after the deadline (A4; by hand: at it), and comes back under its
/// id when it polls again.
#[test]
fn k8_batch_longer_than_the_poll_interval() {
    let story = Hand {
        events: "{ at: 20s, stall: g/b, for: 401s }",
        duration: "440s",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(321_100), RemovalReason::PollTimeout)]
    );
    assert_eq!(
        story.bumps()[2..],
        ["321100.000 3 poll_timeout b", "421000.000 4 join b"]
    );
    assert_eq!(
        story.targets()[2..],
        ["325300.000 3 a[0, 1, 2, 3]", "421000.000 4 a[0, 1] b[2, 3]"]
    );
    assert_eq!(
        story.called("b", ms(7_000)),
        [
            "421000.000 lost [2, 3]",
            "421100.000 assigned []",
            "426200.000 assigned [2, 3]"
        ]
    );
    assert_eq!(
        story.states("b")[7..11],
        [
            "321100.000 PREPARE_LEAVING",
            "321100.000 LEAVING",
            "321100.000 STALE",
            "421000.000 JOINING"
        ]
    );
    let who = story.who("b");
    let mut ids = story.find(|seen| match seen {
        Observation::MemberJoined {
            consumer,
            member_id,
            ..
        } if *consumer == who => Some(member_id.clone()),
        _ => None,
    });
    assert_eq!(ids.len(), 2);
    assert_eq!(ids.remove(0).1, ids.remove(0).1, "the same id (C3.8)");
    assert_eq!(
        spans(&story, 2)[1..],
        [
            "6100.000 b 321100.000",
            "325500.000 a 425600.000",
            "426200.000 b"
        ]
    );
}

/// The same of a static member: its share stays reserved until a session after its last regular heartbeat, at 316,100.
#[test]
fn k8_batch_longer_than_the_poll_interval_of_a_static_member() {
    let stalls = |length: &str| {
        Hand {
            members: STATIC_B,
            events: &format!("{{ at: 20s, stall: g/b, for: {length} }}"),
            duration: "440s",
            ..HAND
        }
        .play()
    };
    let long = stalls("401s");
    assert_eq!(long.away("b"), [ms(321_100)]);
    assert_eq!(
        long.bumps()[2..],
        ["361100.000 3 session_expired b", "421000.000 4 join b"]
    );
    assert_eq!(long.targets()[2], "365300.000 3 a[0, 1, 2, 3]");
    let short = stalls("320s");
    assert_eq!(short.away("b"), [ms(321_100)]);
    assert_eq!(short.bumps().len(), 2, "nobody notices");
    assert_eq!(short.moved("b")[3..], ["340000.000 2 STABLE [2, 3]"]);
    assert_eq!(
        short.called("b", ms(7_000)),
        ["340000.000 lost [2, 3]", "340100.000 assigned [2, 3]"]
    );
}

/// Growth is seen by the broker at the next heartbeat of anybody, and each has its share at its own.
#[test]
fn k9_partitions_are_added() {
    let story = Hand {
        events: "{ at: 33s, partitions: t, to: 8 }",
        duration: "60s",
        ..HAND
    }
    .play();
    assert_eq!(story.bumps()[2..], ["35300.000 3 metadata_change -"]);
    assert_eq!(
        story.targets()[2..],
        ["35300.000 3 a[0, 1, 6, 7] b[2, 3, 4, 5]"]
    );
    assert_eq!(story.moved("a")[3..], ["35300.000 3 STABLE [0, 1, 6, 7]"]);
    assert_eq!(story.moved("b")[3..], ["36100.000 3 STABLE [2, 3, 4, 5]"]);
    assert_eq!(story.called("a", ms(6_000)), ["35500.000 assigned [6, 7]"]);
    assert_eq!(story.called("b", ms(7_000)), ["36300.000 assigned [4, 5]"]);
    for partition in 0..2 {
        assert_eq!(spans(&story, partition), ["0.000 a"]);
        assert_eq!(spans(&story, partition + 2)[1..], ["6100.000 b"]);
    }
}

/// The coordinator moves and loads for 2,000 ms: no epoch is bumped, and every session begins anew when it has loaded the group. The new one is found at once, by A with its
/// commit at 35,200; heartbeats that are answered COORDINATOR_LOAD_IN_PROGRESS follow each other by 100, 200, 400, 800 and then 1,000 ms (KIP-580): A's, from the one at
/// 35,300 on, are at 36,800 and 37,800.
#[test]
fn k10_failover() {
    let events = "{ at: 35s, coordinator: move, unavailable: 2s }";
    let story = Hand {
        events: &format!("{events}, {{ at: 36500ms, crash: g/b }}"),
        duration: "100s",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(82_000), RemovalReason::SessionExpired)]
    );
    assert_eq!(story.bumps()[2..], ["82000.000 3 session_expired b"]);
    assert_eq!(story.targets()[2..], ["82800.000 3 a[0, 1, 2, 3]"]);
    let sooner = Hand {
        events: "{ at: 35s, coordinator: move, unavailable: 1699ms }, { at: 36500ms, crash: g/b }",
        duration: "100s",
        ..HAND
    }
    .play();
    assert_eq!(sooner.bumps()[2..], ["81699.000 3 session_expired b"]);
    assert_eq!(sooner.targets()[2..], ["81800.000 3 a[0, 1, 2, 3]"]);
    let calm = Hand {
        events,
        duration: "100s",
        ..HAND
    }
    .play();
    assert_eq!(calm.bumps().len(), 2);
    assert_eq!(calm.called("a", ms(6_000)), [] as [&str; 0]);
    assert_eq!(calm.called("b", ms(7_000)), [] as [&str; 0]);
}

/// N members that start together are N epochs and N targets: the first has everything at first and gives up the rest at its next heartbeat; the
/// others, whose heartbeats are at the same instant, have their shares with the one after.
#[test]
fn k11_members_start_together() {
    let story = Hand {
        partitions: 6,
        members: "[{ name: a }, { name: b }, { name: c }]",
        ..HAND
    }
    .play();
    assert_eq!(
        story.bumps(),
        ["0.000 1 join a", "0.000 2 join b", "0.000 3 join c"]
    );
    assert_eq!(
        story.targets(),
        [
            "0.000 1 a[0, 1, 2, 3, 4, 5]",
            "0.000 2 a[0, 1, 2] b[3, 4, 5]",
            "0.000 3 a[0, 1] b[3, 4] c[2, 5]"
        ]
    );
    assert_eq!(
        story.moved("a"),
        [
            "0.000 1 STABLE [0, 1, 2, 3, 4, 5]",
            "5000.000 1 UNREVOKED_PARTITIONS [0, 1] without [2, 3, 4, 5]",
            "5300.000 3 STABLE [0, 1]"
        ]
    );
    assert_eq!(
        story.moved("b")[2..],
        [
            "5000.000 3 UNRELEASED_PARTITIONS []",
            "10000.000 3 STABLE [3, 4]"
        ]
    );
    assert_eq!(story.moved("c")[2..], ["10000.000 3 STABLE [2, 5]"]);
}

/// Who heartbeats after the first member's acknowledgement has its share in the same round, who does so before it in the next.
#[test]
fn k11_members_start_one_after_the_other() {
    let story = Hand {
        partitions: 6,
        members: "[{ name: a }, { name: b, at: 400ms }, { name: c, at: 200ms }]",
        ..HAND
    }
    .play();
    assert_eq!(story.moved("a")[2], "5300.000 3 STABLE [0, 1]");
    assert_eq!(story.moved("b")[2..], ["5400.000 3 STABLE [2, 5]"]);
    assert_eq!(
        story.moved("c")[2..],
        [
            "5200.000 3 UNRELEASED_PARTITIONS []",
            "10200.000 3 STABLE [3, 4]"
        ]
    );
}

/// b is cut off at 20 s for a minute and told to stop `at`; when it has closed.
fn stopped_while_cut_off(at: &str) -> (Story, Vec<SimTime>) {
    let events = format!("{{ at: 20s, disconnect: g/b, for: 60s }}, {{ at: {at}, stop: g/b }}");
    let story = Hand {
        events: &events,
        duration: "100s",
        ..HAND
    }
    .play();
    let who = story.who("b");
    let closed = story
        .when(|seen| matches!(seen, Observation::ConsumerClosed { consumer } if *consumer == who));
    (story, closed)
}

/// Who is thrown out while it closes does not come back.
#[test]
fn who_is_fenced_in_close_closes() {
    let (story, closed) = stopped_while_cut_off("55s");
    assert_eq!(
        story.called("b", ms(20_000)),
        ["80000.000 revoked [2, 3]"],
        "the close waits for its commit, which is refused when the network is mended, just before a heartbeat is"
    );
    // The heartbeat and the commit of 21,100 are not waited for any longer than 30,000 ms (`request.timeout.ms`), and the connection is given up.
    let failed = story.find(|seen| match seen {
        Observation::CommitFailed { consumer, error } if *consumer == story.who("b") => {
            Some(*error)
        }
        _ => None,
    });
    assert_eq!(failed[0], (ms(51_101), "COORDINATOR_NOT_AVAILABLE"));
    assert_eq!(closed.len(), 1);
    assert_eq!(story.bumps()[2..], ["61100.000 3 session_expired b"]);
    assert_eq!(story.states("b").last().unwrap(), "80000.000 FENCED");
}

/// `close()` waits for 30 s at most, here for the answer to its commit; there is no coordinator to take leave of then, and the session ends by itself.
#[test]
fn close_has_thirty_seconds() {
    let (story, closed) = stopped_while_cut_off("30s");
    assert_eq!(
        story.called("b", ms(20_000)),
        ["60000.000 revoked [2, 3]"],
        "its partitions are not lost yet as far as it knows"
    );
    assert_eq!(closed, [ms(60_000)]);
    assert_eq!(story.bumps()[2..], ["61100.000 3 session_expired b"]);
}
