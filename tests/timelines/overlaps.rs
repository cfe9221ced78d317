//! Troubles that overlap: found by random lives, held here by name.

use super::hand::*;
use super::support::*;
use rebsim::timeline::{GroupState, Observation, RemovalReason};

/// The LeaveGroup waits behind the parked JoinGroup on its connection and is served when all that comes of the answered one is done: generation 1, then the empty generation 2.
#[test]
fn a_close_while_the_join_is_parked_leaves_when_the_join_ends() {
    let story = Hand {
        members: "[{ name: a }]",
        events: "{ at: 2251ms, stop: g/a }",
        ..HAND
    }
    .play();
    assert_eq!(story.removed("a"), [(ms(3_000), RemovalReason::Leave)]);
    assert_eq!(story.entered(GroupState::Empty), [ms(3_000)]);
}

#[test]
fn a_crash_ends_a_freeze() {
    let text = Hand {
        group: "    processing: { per_record: 30ms }\n",
        events: "{ at: 12s, freeze: g/b, for: 20s }, { at: 13s, crash: g/b }",
        ..HAND
    }
    .text();
    let story = ideal(&text.replace("partitions: 6", "partitions: 6, rate: 60/s"));
    let busy = story.timeline.consumers[story.who("b").index()].busy_us;
    assert!(busy > 0 && busy < 12_000_000, "{busy}");
}

#[test]
fn the_longer_of_two_cuts_counts() {
    let story = Hand {
        events: "{ at: 19s, disconnect: g/b, for: 9s }, { at: 20s, disconnect: g/b, for: 1s }",
        ..HAND
    }
    .play();
    let mended = story.when(|seen| {
        matches!(
            seen,
            Observation::ConsumerConnected {
                connected: true,
                ..
            }
        )
    });
    assert_eq!(mended, [ms(28_000)]);
}

/// A frozen process is reached again, or one that cannot be reached goes on: it serves when neither holds any more.
#[test]
fn who_is_frozen_and_cut_off_serves_when_both_are_over() {
    let cases = [("5s", "2s", 25_000), ("5s", "6s", 27_000)];
    for (frozen, cut, resumes) in cases {
        let events = &format!(
            "{{ at: 20s, freeze: g/b, for: {frozen} }}, {{ at: 21s, disconnect: g/b, for: {cut} }}"
        );
        let story = Hand { events, ..HAND }.play();
        let b = story.who("b");
        let served = story
            .when(|seen| matches!(seen, Observation::Serving { consumer, .. } if *consumer == b));
        let served: Vec<_> = served.into_iter().filter(|&at| at > ms(20_000)).collect();
        assert_eq!(
            served,
            [ms(resumes)],
            "frozen for {frozen}, cut off for {cut}"
        );
    }
}

/// A cut concerns whatever process bears the name: one that is restarted meanwhile is cut off until the same instant.
#[test]
fn who_is_restarted_while_cut_off_is_cut_off() {
    let events =
        "{ at: 20s, disconnect: g/b, for: 20s }, { at: 22s, restart: g/b, how: crash, down: 1s }";
    let story = Hand { events, ..HAND }.play();
    let b = story.who("b");
    let told = |is: bool| {
        story.when(|seen| {
            matches!(seen, Observation::ConsumerConnected { consumer, connected }
                if *consumer == b && *connected == is)
        })
    };
    assert_eq!(told(false), [ms(20_000), ms(23_000)]);
    assert_eq!(told(true), [ms(40_000)]);
    let joining = story.when(
        |seen| matches!(seen, Observation::MemberIdIssued { consumer, .. } if *consumer == b),
    );
    assert!(joining.last() >= Some(&ms(40_000)), "{joining:?}");
}

/// The stall lasts until 25,000 whether or not the process stands still meanwhile; a freeze that outlasts it holds it up.
#[test]
fn a_stall_ends_at_its_own_instant() {
    for (freeze, resumed) in [("4s", 25_000), ("8s", 28_000)] {
        let events = &format!(
            "{{ at: 15s, stall: g/b, for: 10s }}, {{ at: 20s, freeze: g/b, for: {freeze} }}"
        );
        let story = Hand { events, ..HAND }.play();
        let seen = story.when(|seen| matches!(seen, Observation::ConsumerResumed { .. }));
        assert_eq!(seen, [ms(resumed)], "frozen for {freeze}");
    }
}

/// Removed at 28,000, which no write to the log says; the coordinator that begins anew at 29,500 (before the others heartbeat and rejoin, at 30,000) has it as a member.
#[test]
fn a_failover_brings_back_who_was_removed_since_the_last_write() {
    let story = Hand {
        events: "{ at: 20s, crash: g/b }, { at: 29s, coordinator: move, unavailable: 500ms }",
        ..HAND
    }
    .play();
    let b = story.who("b");
    let added = story
        .when(|seen| matches!(seen, Observation::MemberAdded { consumer, .. } if *consumer == b));
    assert_eq!(added, [ms(0), ms(29_500)]);
    let expired = RemovalReason::SessionExpired;
    assert_eq!(
        story.removed("b"),
        [(ms(28_000), expired), (ms(39_500), expired)]
    );
}

/// A static leader that comes back takes the partitions that it then finds for those that were assigned: what was added while it was away stays without an owner (until the
/// next rebalance). So it is in Kafka (`onLeaderElected` with `skipAssignment`).
#[test]
fn growth_while_a_static_leader_is_away_is_overlooked() {
    let story = Hand {
        members: "[{ name: a, config: { group.instance.id: a } }]",
        config: "metadata.max.age.ms: 5000",
        events: "{ at: 20s, stop: g/a }, { at: 21s, partitions: t, to: 8 }, { at: 24s, start: g/a }",
        ..HAND
    }
    .play();
    assert_eq!(story.completed().len(), 1);
    assert_eq!(story.service(6), []);
    assert_eq!(
        story.service(0).last().map(|span| span.1),
        Some(rebsim::kernel::SimTime::NEVER)
    );
}
