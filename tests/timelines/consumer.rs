//! K1 to K5 of the hand timelines: brokers and clients of 4.1, nothing costs anything, heartbeats every 5,000 ms, session 45,000 ms, rebalance timeout
//! 300,000 ms. Asserted to the microsecond. (K12 is the recording `kip848-uniform-cold-start`.)
//!
//! The coordinator's instants are those of the hand timelines. The application's are not: there it applies an assignment where it hears of it,
//! real clients need wake-ups for it, here the ends of a `poll(100 ms)` (correction A3): the first one after the answer begins the reconciliation, a
//! callback runs at the next, `assigned []` after `revoked` at the one after. So a member that gives up acknowledges 300 ms after its heartbeat, one that
//! only gains has its callback 100 ms (without partitions) or 200 ms (with some) after it; and an acknowledgement restarts the phase of the
//! heartbeats. Of simultaneous events messages come first, then clients in the order of the scenario, then coordinators, then the script.

use super::support::*;
use rebsim::kernel::SimTime;
use rebsim::timeline::RemovalReason;

pub(crate) struct Hand<'a> {
    pub(crate) partitions: u32,
    pub(crate) members: &'a str,
    pub(crate) group: &'a str,
    pub(crate) config: &'a str,
    pub(crate) events: &'a str,
    pub(crate) duration: &'a str,
}

/// A from the start, B a second later.
pub(crate) const HAND: Hand<'static> = Hand {
    partitions: 4,
    members: "[{ name: a }, { name: b, at: 1s }]",
    group: "",
    config: "",
    events: "",
    duration: "30s",
};

impl Hand<'_> {
    pub(crate) fn play(&self) -> Story {
        let Self {
            partitions,
            members,
            group,
            config,
            events,
            duration,
        } = self;
        ideal(&format!(
            "version: 1\nname: hand\nduration: {duration}\nbrokers: {{ version: \"4.1\" }}\n\
             topics: {{ t: {{ partitions: {partitions} }} }}\n\
             groups:\n  g:\n    topics: [t]\n    start: cold\n    members: {members}\n{group}    \
             config: {{ group.protocol: consumer{config} }}\nevents: [{events}]\n"
        ))
        .told()
    }
}

/// Who serves a partition from when to when.
pub(crate) fn spans(story: &Story, partition: u32) -> Vec<String> {
    story
        .service(partition)
        .iter()
        .map(|(from, to, who)| match *to {
            SimTime::NEVER => format!("{} {who}", text_of(*from)),
            to => format!("{} {who} {}", text_of(*from), text_of(to)),
        })
        .collect()
}

/// One member alone has everything with the answer to its first heartbeat, and there is no initial delay.
#[test]
fn k1_one_member_starts_alone() {
    let story = Hand {
        members: "[{ name: a }]",
        ..HAND
    }
    .play();
    assert_eq!(story.bumps(), ["0.000 1 join a"]);
    assert_eq!(story.targets(), ["0.000 1 a[0, 1, 2, 3]"]);
    assert_eq!(story.moved("a"), ["0.000 1 STABLE [0, 1, 2, 3]"]);
    assert_eq!(story.called("a", ms(0)), ["0.000 assigned [0, 1, 2, 3]"]);
    let states = [
        "0.000 JOINING",
        "0.000 RECONCILING",
        "0.000 ACKNOWLEDGING",
        "0.000 STABLE",
    ];
    assert_eq!(story.states("a"), states);
    // Clients before 4.2 do not wait in `poll()` before their first answer (C4: `r + 1`), so it costs nothing here.
    for partition in 0..4 {
        assert_eq!(spans(&story, partition), ["0.000 a"]);
    }
}

/// The heartbeats of a member that joined at 0 are at 5,000, 10,000, ...: it hears of growth then. What it adds it acknowledges 200 ms
/// later, which restarts the phase.
#[test]
fn k1_heartbeats_are_in_phase_with_the_last_one_sent() {
    let story = Hand {
        members: "[{ name: a }]",
        events: "{ at: 4999ms, partitions: t, to: 5 }, { at: 7s, partitions: t, to: 6 }, { at: 20199ms, partitions: t, to: 7 }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.bumps()[1..],
        [
            "5000.000 2 metadata_change -",
            "10200.000 3 metadata_change -",
            "20400.000 4 metadata_change -"
        ]
    );
    assert_eq!(
        story.called("a", ms(1)),
        [
            "5200.000 assigned [4]",
            "10400.000 assigned [5]",
            "20600.000 assigned [6]"
        ]
    );
}

/// A second member owns what the first gives up a heartbeat interval after it joined; what stays is never paused.
#[test]
fn k2_join() {
    let story = HAND.play();
    assert_eq!(story.bumps(), ["0.000 1 join a", "1000.000 2 join b"]);
    assert_eq!(
        story.targets(),
        ["0.000 1 a[0, 1, 2, 3]", "1000.000 2 a[0, 1] b[2, 3]"]
    );
    assert_eq!(
        story.moved("a")[1..],
        [
            "5000.000 1 UNREVOKED_PARTITIONS [0, 1] without [2, 3]",
            "5300.000 2 STABLE [0, 1]"
        ]
    );
    // The second is B's acknowledgement.
    assert_eq!(
        story.moved("b"),
        [
            "1000.000 2 UNRELEASED_PARTITIONS []",
            "1000.000 2 UNRELEASED_PARTITIONS []",
            "6000.000 2 STABLE [2, 3]"
        ]
    );
    assert_eq!(
        story.called("a", ms(1)),
        ["5200.000 revoked [2, 3]", "5300.000 assigned []"]
    );
    assert_eq!(
        story.called("b", ms(0)),
        ["1000.000 assigned []", "6100.000 assigned [2, 3]"]
    );
    for partition in 0..2 {
        assert_eq!(spans(&story, partition), ["0.000 a"], "never paused");
    }
    // No longer returned from the wake-up that begins the reconciliation (KAFKA-16460). Nothing was consumed, so that the committed offsets name no leader epoch and B fetches at once.
    for partition in 2..4 {
        assert_eq!(spans(&story, partition), ["0.000 a 5100.000", "6100.000 b"]);
    }
}

/// Of what somebody has consumed from, the position is validated by the next event of the application, and fetched from by the one after: another 200 ms (A18).
#[test]
fn k2_join_where_records_were_consumed() {
    let story = ideal(
        "version: 1\nname: hand\nduration: 30s\nbrokers: { version: \"4.1\" }\n\
         topics: { t: { partitions: 4, rate: 4/s } }\n\
         groups:\n  g:\n    topics: [t]\n    start: cold\n    members: [{ name: a }, { name: b, at: 1s }]\n    \
         config: { group.protocol: consumer }\n",
    );
    let told = story.called("b", ms(1_001));
    assert_eq!(told, ["6100.000 assigned [2, 3]"]);
    for partition in 2..4 {
        assert_eq!(spans(&story, partition)[1..], ["6300.000 b"]);
    }
}

/// The shorter the wake-ups, the nearer the hand timeline: with 1 ms A acknowledges at 5,003 (by hand: 5,000), B owns at 6,001 (6,000).
#[test]
fn k2_with_short_wake_ups() {
    let story = Hand {
        group: "    processing: { poll_timeout: 1ms }\n",
        ..HAND
    }
    .play();
    assert_eq!(story.moved("a")[2], "5003.000 2 STABLE [0, 1]");
    assert_eq!(story.moved("b")[2], "6000.000 2 STABLE [2, 3]");
    assert_eq!(story.called("b", ms(2_000)), ["6001.000 assigned [2, 3]"]);
}

/// The loser is busy: the winner owns at the first of its heartbeats that is not before the loser's acknowledgement.
#[test]
fn k3_join_with_a_busy_owner() {
    // It polls again at, it acknowledges at, the other one receives at. In the second line the acknowledgement and the heartbeat are at one instant:
    // clients act in the order of the scenario, so the acknowledgement is first.
    for (polls, acknowledges, receives) in [
        (5_500, 5_700, 6_000),
        (5_800, 6_000, 6_000),
        (5_900, 6_100, 11_000),
        (7_500, 7_700, 11_000),
        (10_900, 11_100, 16_000),
    ] {
        let story = Hand {
            events: &format!("{{ at: 4s, stall: g/a, for: {}ms }}", polls - 4_000),
            ..HAND
        }
        .play();
        assert_eq!(
            story.moved("a")[1..],
            [
                "5000.000 1 UNREVOKED_PARTITIONS [0, 1] without [2, 3]".to_owned(),
                format!("{acknowledges}.000 2 STABLE [0, 1]")
            ]
        );
        assert_eq!(
            story.moved("b")[2..],
            [format!("{receives}.000 2 STABLE [2, 3]")]
        );
        for partition in 2..4 {
            let service = spans(&story, partition);
            assert_eq!(service[0], format!("0.000 a {polls}.000"));
            assert_eq!(service[1], format!("{}.000 b", receives + 100));
        }
    }
}

/// A member that does not acknowledge within its own poll interval is fenced, and the others share everything.
#[test]
fn k3_upper_bound_is_the_rebalance_timeout() {
    let story = Hand {
        group: "    listener: { on_revoked: { flush: 12s } }\n",
        config: ", max.poll.interval.ms: 10000",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("a"),
        [(ms(15_000), RemovalReason::RebalanceTimeout)]
    );
    assert_eq!(
        story.bumps()[2..],
        ["15000.000 3 rebalance_timeout a", "17300.000 4 join a"]
    );
    // The heartbeat that A sends at 15,000, too, is a client's and so before the coordinator's timer; but it owns what it was told to give up still.
    assert_eq!(story.targets()[2], "16000.000 3 b[0, 1, 2, 3]");
    assert_eq!(story.moved("b")[2], "16000.000 3 STABLE [0, 1, 2, 3]");
    // The callback ends after the poll deadline, at 15,200: the round that it brings about goes on to what is assigned, and then leaves. The `poll()` in which it gave up
    // waits as long as was left of it before the callback, all of its timeout; then the next takes the rest up, and it loses what it has not given up.
    assert_eq!(
        story.called("a", ms(1)),
        [
            "5200.000 revoked [2, 3]",
            "17300.000 assigned []",
            "17300.000 lost [0, 1]",
            "17400.000 assigned []"
        ]
    );
    assert_eq!(
        story.states("a")[4..8],
        [
            "5000.000 RECONCILING",
            "17200.000 PREPARE_LEAVING",
            "17200.000 LEAVING",
            "17200.000 STALE"
        ]
    );
}

/// A leave bumps the epoch, the next heartbeat of a survivor computes the target, and the share comes with it.
#[test]
fn k4_leave() {
    let story = Hand {
        events: "{ at: 22s, stop: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(story.removed("b"), [(ms(22_000), RemovalReason::Leave)]);
    assert_eq!(story.bumps()[2..], ["22000.000 3 leave b"]);
    // A's acknowledgement at 5,300 made that the phase of its heartbeats (by hand: 5,000).
    assert_eq!(story.targets()[2..], ["25300.000 3 a[0, 1, 2, 3]"]);
    assert_eq!(story.called("b", ms(7_000)), ["22000.000 revoked [2, 3]"]);
    assert_eq!(
        story.states("b")[7..],
        [
            "22000.000 PREPARE_LEAVING",
            "22000.000 LEAVING",
            "22000.000 UNSUBSCRIBED"
        ]
    );
    assert_eq!(story.called("a", ms(6_000)), ["25500.000 assigned [2, 3]"]);
    for partition in 0..2 {
        assert_eq!(spans(&story, partition), ["0.000 a"]);
    }
    // The fetch that was parked at the leader of partitions 0 and 3 (`fetch.max.wait.ms` 500) ends in that instant.
    for partition in 2..4 {
        assert_eq!(
            spans(&story, partition)[1..],
            ["6100.000 b 22000.000", "25500.000 a"]
        );
    }
}

/// Of several survivors the first to heartbeat computes the target; each has its share at its own next heartbeat.
#[test]
fn k4_leave_with_two_survivors() {
    let story = Hand {
        partitions: 6,
        members: "[{ name: a }, { name: b, at: 1s }, { name: c, at: 2s }]",
        events: "{ at: 22s, stop: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(story.bumps()[3..], ["22000.000 4 leave b"]);
    // C had its share at 7,000 and acknowledged at 7,100.
    assert_eq!(story.targets()[3..], ["22100.000 4 a[0, 1, 4] c[2, 3, 5]"]);
    assert_eq!(
        story.moved("c").last().unwrap(),
        "22100.000 4 STABLE [2, 3, 5]"
    );
    assert_eq!(
        story.moved("a").last().unwrap(),
        "25300.000 4 STABLE [0, 1, 4]"
    );
}

/// A crash is noticed a session after the last heartbeat; who is left has the share at its next one.
#[test]
fn k5_crash() {
    let story = Hand {
        events: "{ at: 22s, crash: g/b }",
        duration: "80s",
        ..HAND
    }
    .play();
    // The last heartbeat is at 21,100, for B acknowledged at 6,100 (by hand: 21,000). Its commit, at 21,100 too, would not count.
    assert_eq!(
        story.removed("b"),
        [(ms(66_100), RemovalReason::SessionExpired)]
    );
    assert_eq!(story.bumps()[2..], ["66100.000 3 session_expired b"]);
    assert_eq!(story.targets()[2..], ["70300.000 3 a[0, 1, 2, 3]"]);
    assert_eq!(story.called("a", ms(6_000)), ["70500.000 assigned [2, 3]"]);
    assert_eq!(
        spans(&story, 2)[1..],
        ["6100.000 b 22000.000", "70500.000 a"]
    );
}
