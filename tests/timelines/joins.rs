//! C1 to C5: members come and go while all are well.

use super::hand::*;
use super::support::*;
use rebsim::timeline::{CallbackKind, RebalanceReason, RemovalReason};

#[test]
fn c1_three_members_start_together() {
    let story = HAND.play();
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    for who in ["a", "b", "c"] {
        assert_eq!(story.called(who, ms(0)).len(), 1, "{who} is assigned once");
        assert_eq!(story.callbacks(who)[0].0, ms(6_000));
    }
}

#[test]
fn c1_one_member_starts_alone() {
    let story = Hand {
        members: "[{ name: a }]",
        ..HAND
    }
    .play();
    assert_eq!(story.completed(), ["3000.000 1 a"]);
}

#[test]
fn c1_heartbeats_of_all_are_in_phase_from_the_join() {
    let story = Hand {
        members: "[{ name: a }, { name: b }, { name: c }, { name: x, at: 8s }]",
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "9000.000 2 a,b,c,x"]
    );
    for who in ["a", "b", "c"] {
        assert_eq!(story.joining(who)[2..], [ms(9_000)]);
    }
}

#[test]
fn c1_windows_are_whole_delays() {
    let story = Hand {
        members: "[{ name: a }, { name: b, at: 1s }, { name: c, at: 2900ms }]",
        ..HAND
    }
    .play();
    assert_eq!(story.completed(), ["6000.000 1 a,b,c"]);
    let story = Hand {
        members: "[{ name: a }, { name: b, at: 3500ms }]",
        ..HAND
    }
    .play();
    assert_eq!(story.completed(), ["3000.000 1 a", "6000.000 2 a,b"]);
}

/// A member that starts in the instant in which the window ends comes too late: the timer is before the script.
#[test]
fn c1_tie_a_start_at_the_end_of_the_window() {
    let story = Hand {
        members: "[{ name: a }, { name: b, at: 3s }]",
        ..HAND
    }
    .play();
    assert_eq!(story.completed(), ["3000.000 1 a", "6000.000 2 a,b"]);
}

#[test]
fn c2_eager_join() {
    let story = Hand { members: "[{ name: a }, { name: b }, { name: c }, { name: x, at: 10s }, { name: y, at: 13s }]", ..HAND }.play();
    assert_eq!(
        story.prepared()[1],
        (ms(10_000), Some(RebalanceReason::Join))
    );
    // y shows that the heartbeats after the rebalance are at 15,000.
    assert_eq!(
        story.completed(),
        [
            "6000.000 1 a,b,c",
            "12000.000 2 a,b,c,x",
            "15000.000 3 a,b,c,x,y"
        ]
    );
    for (who, own) in [("a", "[0, 1]"), ("b", "[2, 3]"), ("c", "[4, 5]")] {
        assert_eq!(
            story.called(who, ms(10_000))[0],
            format!("12000.000 revoked {own}")
        );
        assert!(story.called(who, ms(10_000))[1].starts_with("12000.000 assigned ["));
    }
    assert!(story.called("x", ms(0))[0].starts_with("12000.000 assigned ["));
}

#[test]
fn c3_eager_join_waits_for_the_member_that_is_busy() {
    let story = Hand {
        members: AND_X,
        events: "{ at: 11s, stall: g/b, for: 4500ms }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed(),
        ["6000.000 1 a,b,c", "15500.000 2 a,b,c,x"]
    );
    for who in ["a", "c"] {
        let calls = story.callbacks(who);
        assert_eq!(
            (calls[1].0, calls[1].1),
            (ms(12_000), CallbackKind::Revoked)
        );
        assert_eq!(
            (calls[2].0, calls[2].1),
            (ms(15_500), CallbackKind::Assigned)
        );
    }
    let calls = story.callbacks("b");
    assert_eq!(
        (calls[1].0, calls[1].1),
        (ms(15_500), CallbackKind::Revoked)
    );
    assert_eq!(
        (calls[2].0, calls[2].1),
        (ms(15_500), CallbackKind::Assigned)
    );
}

/// The wait ends R after the rebalance began, without the member that is busy; it learns so from its next request.
#[test]
fn c3_upper_bound_is_the_rebalance_timeout() {
    let story = Hand {
        members: AND_X,
        config: "max.poll.interval.ms: 20000",
        events: "{ at: 11s, stall: g/b, for: 19500ms }",
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed()[..2],
        ["6000.000 1 a,b,c", "30000.000 2 a,c,x"]
    );
    assert_eq!(
        story.removed("b"),
        [(ms(30_000), RemovalReason::JoinTimeout)]
    );
    let calls = story.callbacks("b");
    // It polls at 30,500 and commits before it rejoins: UNKNOWN_MEMBER_ID, so what it owned is lost, not revoked.
    assert_eq!((calls[1].0, calls[1].1), (ms(30_500), CallbackKind::Lost));
    assert_eq!(story.completed()[2..], ["33000.000 3 a,b,c,x"]);
}

#[test]
fn c4_cooperative_join() {
    let story = Hand {
        partitions: 8,
        members: AND_X,
        config: COOPERATIVE,
        ..HAND
    }
    .play();
    assert_eq!(
        story.completed(),
        [
            "6000.000 1 a,b,c",
            "12000.000 2 a,b,c,x",
            "15000.000 3 a,b,c,x"
        ]
    );
    let revoked: Vec<(&str, _)> = ["a", "b", "c"]
        .into_iter()
        .flat_map(|who| {
            story
                .callbacks(who)
                .into_iter()
                .map(move |call| (who, call))
        })
        .filter(|(_, call)| call.1 == CallbackKind::Revoked)
        .collect();
    assert_eq!(
        revoked.len(),
        2,
        "8 over 3 is 3, 3, 2: two members give up one"
    );
    let mut moved = Vec::new();
    for (who, (at, _, numbers)) in revoked {
        assert_eq!((at, numbers.len()), (ms(12_000), 1), "{who}");
        // Heartbeat at 12,000, revoke, rejoin at once.
        assert_eq!(story.joining(who)[2..], [ms(12_000), ms(12_000)], "{who}");
        moved.extend(numbers);
    }
    moved.sort_unstable();
    let calls = story.callbacks("x");
    assert_eq!(calls[0], (ms(12_000), CallbackKind::Assigned, vec![]));
    assert_eq!(
        calls[1],
        (ms(15_000), CallbackKind::Assigned, moved.clone())
    );
    for partition in 0..8 {
        let gaps: Vec<_> = story.gaps(partition);
        if moved.contains(&partition) {
            assert_eq!(gaps.len(), 1);
            assert_eq!(gaps[0].0, ms(12_000));
            assert!(gaps[0].1 >= ms(15_000));
        } else {
            assert_eq!(gaps, [], "partition {partition} is never paused");
        }
    }
}

#[test]
fn c5_leave() {
    for (config, eager) in [("", true), (COOPERATIVE, false)] {
        let story = Hand {
            config,
            events: "{ at: 20s, stop: g/b }",
            ..HAND
        }
        .play();
        assert_eq!(
            story.prepared()[1],
            (ms(20_000), Some(RebalanceReason::Leave))
        );
        assert_eq!(story.removed("b"), [(ms(20_000), RemovalReason::Leave)]);
        assert_eq!(
            story.completed(),
            ["6000.000 1 a,b,c", "21000.000 2 a,c"],
            "one round, eager: {eager}"
        );
        let given = story.callbacks("b")[0].2.clone();
        for who in ["a", "c"] {
            let calls = story.callbacks(who);
            let kinds: Vec<_> = calls[1..].iter().map(|call| (call.0, call.1)).collect();
            let expected = [
                (ms(21_000), CallbackKind::Revoked),
                (ms(21_000), CallbackKind::Assigned),
            ];
            assert_eq!(kinds, expected[usize::from(!eager)..], "{who}");
        }
        for partition in given {
            let service = story.service(partition);
            assert_eq!(service[0].1, ms(20_000));
            assert!(
                ["a", "c"]
                    .iter()
                    .any(|who| story.holds(who, ms(21_000)).contains(&partition))
            );
        }
    }
}
