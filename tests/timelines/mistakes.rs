//! What simulators and articles get wrong about the classic protocol, one sentence a test. What the hand timelines hold already (heartbeat notice, barrier, static
//! close, growth, failover) is not repeated.

use super::hand::*;
use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimDuration;
use rebsim::timeline::{CallbackKind, Observation, RemovalReason};
use rebsim::workload::distribution::Distribution;

/// Two members with nothing configured, steady; the second dies at 1,500.
fn defaults(version: &str) -> Story {
    ideal(&format!(
        "version: 1\nname: defaults\nduration: 60s\nbrokers: {{ version: \"{version}\" }}\ntopics: {{ t: {{ partitions: 4 }} }}\n\
         groups: {{ g: {{ topics: [t], members: [{{ name: a }}, {{ name: b }}] }} }}\nevents: [{{ at: 1500ms, crash: g/b }}]\n"
    ))
    .told()
}

#[test]
fn the_default_session_timeout_is_45_s_since_3_0_and_was_10_s_before() {
    for (version, expiry) in [("2.3", 10_000), ("3.0", 45_000), ("4.1", 45_000)] {
        let story = defaults(version);
        assert_eq!(
            story.removed("b"),
            [(ms(expiry), RemovalReason::SessionExpired)],
            "{version}"
        );
    }
}

#[test]
fn the_default_list_of_assignors_is_eager_range() {
    let story = ideal(
        "version: 1\nname: defaults\nduration: 30s\ntopics: { t: { partitions: 4 } }\n\
         groups: { g: { topics: [t], members: [{ name: a }, { name: x, at: 10s }] } }\n",
    );
    let assignors = story.find(|seen| match seen {
        Observation::JoinComplete { assignor, .. } => Some(*assignor),
        _ => None,
    });
    assert!(assignors.iter().all(|(_, name)| *name == "range"));
    let kinds: Vec<_> = story.called("a", ms(10_000));
    assert_eq!(
        kinds,
        [
            "12000.000 revoked [0, 1, 2, 3]",
            "12000.000 assigned [0, 1]"
        ]
    );
}

/// The rebalance timeout is `max.poll.interval.ms`, and for the group the longest of its members'.
#[test]
fn the_rebalance_timeout_of_a_group_is_the_longest_poll_interval_of_its_members() {
    let story = Hand {
        members: "[{ name: a, config: { max.poll.interval.ms: 40000 } }, { name: b }, { name: c }, { name: x, at: 10s }]",
        config: "max.poll.interval.ms: 20000",
        events: "{ at: 11s, stall: g/a, for: 60s }",
        duration: "55s",
        ..HAND
    }
    .play();
    // R is 40,000 from 10,000 on; a itself gives up 40,000 after its poll() of 11,000.
    assert_eq!(
        story.removed("a"),
        [(ms(50_000), RemovalReason::JoinTimeout)]
    );
    assert_eq!(story.completed()[1], "50000.000 2 b,c,x");
}

#[test]
fn a_crashed_static_member_that_is_back_within_its_session_is_not_noticed() {
    let story = Hand {
        members: "[{ name: a }, { name: b, config: { group.instance.id: b } }, { name: c }]",
        events: "{ at: 20s, crash: g/b }, { at: 24s, start: g/b }",
        ..HAND
    }
    .play();
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    assert_eq!(story.removed("b"), []);
    assert_eq!(story.called("b", ms(20_000)).len(), 1);
}

/// D = 3,000 and R = 4,000: members keep coming in every window, yet the wait ends R after the first.
#[test]
fn the_initial_delay_is_bounded_by_the_rebalance_timeout_of_the_first_member() {
    let story = Hand {
        members: "[{ name: a }, { name: b, at: 2s }, { name: c, at: 3500ms }]",
        config: "max.poll.interval.ms: 4000",
        ..HAND
    }
    .play();
    assert_eq!(story.completed()[0], "4000.000 1 a,b,c");
}

#[test]
fn the_broker_does_not_see_that_a_connection_is_cut() {
    let story = Hand {
        events: "{ at: 19s, disconnect: g/b, for: 6s }",
        ..HAND
    }
    .play();
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    assert_eq!(story.removed("b"), []);
}

/// a joins at 12,000 and sends nothing until b comes at 40,000: 28,000 ms in a session of 10,000.
#[test]
fn a_member_that_waits_for_others_to_join_is_not_missed() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 11s, stall: g/b, for: 29s }",
        ..HAND
    }
    .play();
    assert_eq!(story.completed()[1], "40000.000 2 a,b,c,x");
    for who in ["a", "b", "c", "x"] {
        assert_eq!(story.removed(who), []);
    }
}

/// The assignor takes 7,000 ms: heartbeats at 9,000 and 12,000 (4,500 and more before the end) are answered as if nothing were the matter.
#[test]
fn a_heartbeat_between_join_and_assignment_does_not_make_anybody_rejoin() {
    let calibration = Calibration {
        assignor_cost: Some(Distribution::Constant(SimDuration::from_secs(7))),
        ..Calibration::ideal()
    };
    let story = Story {
        timeline: attempt(&HAND.text(), calibration).expect("it ends"),
    };
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    for who in ["a", "b", "c"] {
        assert_eq!(story.joining(who).len(), 2);
        assert_eq!(story.callbacks(who)[0].0, ms(13_000));
    }
}

#[test]
fn a_commit_before_the_own_rejoin_is_accepted() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 11s, stall: g/b, for: 4500ms }",
        ..HAND
    }
    .play();
    let failed = story.when(|seen| matches!(seen, Observation::CommitFailed { .. }));
    assert_eq!(failed, []);
}

/// Eager members look up the offset even of what comes back to them; cooperative ones keep the position of what they keep.
#[test]
fn after_an_eager_rebalance_every_position_is_looked_up() {
    for (config, eager) in [("", true), (COOPERATIVE, false)] {
        let story = Hand {
            members: "[{ name: a }, { name: x, at: 10s }]",
            config,
            ..HAND
        }
        .play();
        let a = story.who("a");
        let looked_up = story.find(|seen| match seen {
            Observation::PositionKnown { consumer, offsets } if *consumer == a => {
                Some(offsets.len())
            }
            _ => None,
        });
        let again = looked_up.iter().filter(|(at, _)| *at >= ms(10_000));
        let again: usize = again.map(|(_, partitions)| partitions).sum();
        assert_eq!(again, if eager { 3 } else { 0 });
    }
}

/// A member whose poll interval has passed is gone at once when dynamic; the poll timeout says nothing of a static one, whose session must end first.
#[test]
fn a_static_member_that_exceeds_its_poll_interval_is_missed_a_session_later() {
    let hand = Hand {
        config: "max.poll.interval.ms: 20000",
        events: "{ at: 20s, stall: g/b, for: 39s }",
        ..HAND
    };
    let dynamic = hand.play();
    assert_eq!(
        dynamic.removed("b")[0],
        (ms(40_000), RemovalReason::PollTimeout)
    );
    let members = "[{ name: a }, { name: b, config: { group.instance.id: b } }, { name: c }]";
    let story = Hand { members, ..hand }.play();
    // Its last heartbeat was at 39,000.
    assert_eq!(
        story.removed("b")[0],
        (ms(49_000), RemovalReason::SessionExpired)
    );
    let lost: Vec<_> = story
        .callbacks("b")
        .into_iter()
        .filter(|call| call.1 == CallbackKind::Lost)
        .collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].0, ms(59_000));
}
