//! C13 to C16: growth of topics, failover, the end of a group.

use super::hand::*;
use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimDuration;
use rebsim::timeline::{CallbackKind, GroupState, Observation, RebalanceReason, RemovalReason};
use rebsim::workload::distribution::Distribution;

/// The leader's metadata are from its start at 6,000, so it looks again at 306,000. The others heartbeat at 306,000 as well: a leader that is first in the scenario has its
/// JoinGroup at the coordinator before they send, and they learn at once; from a leader that is last they learn a heartbeat later, at 309,000.
#[test]
fn c13_partitions_are_added() {
    let grow = "{ at: 50s, partitions: t, to: 9 }";
    let first = Hand {
        members: FROM_6,
        events: grow,
        duration: "310s",
        ..HAND
    }
    .play();
    assert_eq!(
        first.prepared()[1],
        (ms(306_000), Some(RebalanceReason::MetadataChange))
    );
    assert_eq!(
        first.completed(),
        ["12000.000 1 a,b,c", "306000.000 2 a,b,c"]
    );
    // The first to join leads: here the last in the scenario.
    let late = "[{ name: a, at: 7s }, { name: b, at: 7s }, { name: c, at: 6s }]";
    let last = Hand {
        members: late,
        events: grow,
        duration: "310s",
        ..HAND
    }
    .play();
    assert_eq!(
        last.prepared()[1],
        (ms(306_000), Some(RebalanceReason::MetadataChange))
    );
    assert_eq!(
        last.completed(),
        ["12000.000 1 a,b,c", "309000.000 2 a,b,c"]
    );
    for story in [&first, &last] {
        for who in ["a", "b", "c"] {
            let kinds: Vec<_> = story.callbacks(who).iter().map(|call| call.1).collect();
            assert_eq!(
                kinds,
                [
                    CallbackKind::Assigned,
                    CallbackKind::Revoked,
                    CallbackKind::Assigned
                ]
            );
            assert_eq!(story.callbacks(who)[2].2.len(), 3);
        }
    }
}

/// A leader assigns by the metadata that it has (`ConsumerPartitionAssignor.assign` is given `Metadata.fetch`). Partitions were added at 9,000; x joins at 10,000, and
/// nobody is given the new ones before the leader has looked again at 300,000, as a real leader.
#[test]
fn c13_a_leader_does_not_see_what_was_added_since_it_last_looked() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 9s, partitions: t, to: 9 }",
        duration: "310s",
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed(),
        [
            "6000.000 1 a,b,c",
            "12000.000 2 a,b,c,x",
            "300000.000 3 a,b,c,x"
        ]
    );
    let spans = story.service(8);
    assert!(!spans.is_empty() && spans.iter().all(|span| span.0 >= ms(300_000)));
}

/// While the application is elsewhere the heartbeat thread looks at the network, and so keeps the metadata fresh (`NetworkClient.poll`): they are from 30,000 when the leader's
/// application comes back at 31,000, and show at 35,000 what was added at 30,500.
#[test]
fn c13_metadata_stay_fresh_in_a_long_batch() {
    let story = Hand {
        config: "metadata.max.age.ms: 5000",
        events: "{ at: 11s, stall: g/a, for: 20s }, { at: 30500ms, partitions: t, to: 9 }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.prepared()[1],
        (ms(35_000), Some(RebalanceReason::MetadataChange))
    );
}

/// Cooperative: the new partitions belong to nobody, so one round suffices and nothing is paused.
#[test]
fn c13_partitions_are_added_cooperatively() {
    let story = Hand {
        members: FROM_6,
        config: COOPERATIVE,
        events: "{ at: 50s, partitions: t, to: 9 }",
        duration: "310s",
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed(),
        ["12000.000 1 a,b,c", "306000.000 2 a,b,c"]
    );
    for who in ["a", "b", "c"] {
        let calls = story.callbacks(who);
        assert_eq!(calls.len(), 2);
        assert_eq!(
            (calls[1].0, calls[1].1, calls[1].2.len()),
            (ms(306_000), CallbackKind::Assigned, 1)
        );
    }
    for partition in 0..6 {
        assert_eq!(story.gaps(partition), []);
    }
}

/// 2,000 ms without a coordinator, and longer than the session: nobody is missed, nobody rejoins.
#[test]
fn c14_failover_of_a_stable_group() {
    for away in ["2s", "15s"] {
        let events = &format!("{{ at: 20s, coordinator: move, unavailable: {away} }}");
        let story = Hand { events, ..HAND }.play();
        assert_eq!(story.completed(), ["6000.000 1 a,b,c"], "away {away}");
        for who in ["a", "b", "c"] {
            assert_eq!(story.called(who, ms(7_000)), [""; 0]);
            assert_eq!(story.removed(who), []);
        }
    }
}

/// Sessions start anew with the coordinator: b dies with the old one at 20,000 and is missed 10,000 ms after the new one began at 22,000, not after its heartbeat at 18,000.
#[test]
fn c14_sessions_start_anew() {
    let story = Hand {
        events: "{ at: 20s, crash: g/b }, { at: 20s, coordinator: move, unavailable: 2s }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.removed("b"),
        [(ms(32_000), RemovalReason::SessionExpired)]
    );
}

/// The coordinator dies at 13,000 while b (busy until 15,500) is waited for. The new one knows generation 1 alone: a, b and c are its members, x is not. Parked JoinGroups
/// fail; a and c rejoin with the ids they have, x with an id that nobody knows and then as a newcomer. Generation 2 comes once more: that is, for the first time that counts.
#[test]
fn c15_failover_while_members_join() {
    let story = Hand { members: AND_X, events: "{ at: 11s, stall: g/b, for: 4500ms }, { at: 13s, coordinator: move, unavailable: 500ms }", ..HAND }.play();
    assert_eq!(story.completed()[0], "6000.000 1 a,b,c");
    assert_eq!(story.generations()[1].1, 2);
    assert_eq!(story.generations()[1].2, ["a", "b", "c", "x"]);
    let ids = |who: &str| {
        let consumer = story.who(who);
        story.find(|seen| match seen {
            Observation::MemberAdded {
                consumer: added,
                member_id,
                ..
            } if *added == consumer => Some(member_id.clone()),
            _ => None,
        })
    };
    for who in ["a", "b", "c"] {
        assert_eq!(ids(who).len(), 1, "{who} goes on under its id");
    }
    let of_x = ids("x");
    assert_eq!(of_x.len(), 2);
    assert_ne!(of_x[0].1, of_x[1].1);
    // They look for the coordinator every 100 ms; at 13,500 the script brings it back after they asked.
    for who in ["a", "c"] {
        assert_eq!(story.joining(who).last(), Some(&ms(13_600)));
    }
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "15500.000 2 a,b,c,x"]
    );
}

/// The same between join and assignment: the leader's assignor takes 1,000 ms from 12,000, and the coordinator dies at 12,500. Generation 2 was announced and is announced again. b and c
/// know that they are members, x is none any more.
#[test]
fn c15_failover_while_the_leader_assigns() {
    let calibration = Calibration {
        assignor_cost: Some(Distribution::Constant(SimDuration::from_secs(1))),
        ..Calibration::ideal()
    };
    let hand = Hand {
        members: AND_X,
        events: "{ at: 12500ms, coordinator: move, unavailable: 100ms }",
        ..HAND
    };
    let story = Story {
        timeline: attempt(&hand.text(), calibration).expect("it ends"),
    }
    .told();
    assert_eq!(
        story.completed()[..2],
        ["6000.000 1 a,b,c", "12000.000 2 a,b,c,x"]
    );
    let again = &story.generations()[2];
    assert_eq!((again.1, again.2.join(",")), (2, "a,b,c,x".to_owned()));
    assert_eq!(
        story.removed("x"),
        [(ms(12_600), RemovalReason::CoordinatorChange)]
    );
    assert_eq!(
        story.entered(GroupState::Stable).len(),
        3,
        "{:?}",
        story.entered(GroupState::Stable)
    );
}

/// The last member leaves: the next generation, without members, at once. The next to join waits the initial delay again.
#[test]
fn c16_last_member_leaves() {
    let story = Hand {
        members: "[{ name: a }]",
        events: "{ at: 20s, stop: g/a }, { at: 30s, start: g/a }",
        ..HAND
    }
    .play();
    assert_eq!(story.entered(GroupState::Empty), [ms(20_000)]);
    let emptied = story.find(|seen| match seen {
        Observation::GroupState {
            to: GroupState::Empty,
            generation,
            ..
        } => Some(*generation),
        _ => None,
    });
    assert_eq!(emptied, [(ms(20_000), 2)]);
    assert_eq!(
        story.generations().last(),
        Some(&(ms(33_000), 3, vec!["a".to_owned()]))
    );
}

/// Thousands of commits wait on one connection while the coordinator goes away: all are refused, in both protocols.
#[test]
fn commits_that_queue_are_refused_one_after_the_other() {
    for protocol in ["classic", "consumer"] {
        let text = format!(
            "version: 1\nname: queue\nduration: 60s\nbrokers: {{ append: 5ms }}\ntopics: {{ t: {{ partitions: 1, backlog: 20000 }} }}\n\
             groups:\n  g:\n    topics: [t]\n    start: cold\n    commit: {{ after_batch: async }}\n    members: [{{ name: a }}]\n    processing: {{ per_record: 1us }}\n    \
             config: {{ group.protocol: {protocol}, max.poll.records: 1, auto.offset.reset: earliest }}\n\
             events: [{{ at: 10s, coordinator: move, unavailable: 5s }}]\n"
        );
        let timeline = attempt(&text, Calibration::of_scenario()).expect("it ends");
        let story = Story { timeline };
        let refused = story.when(|seen| matches!(seen, Observation::CommitFailed { .. }));
        assert!(refused.len() > 1_000, "{protocol}: {}", refused.len());
    }
}
