//! The initial rebalance delay: windows that are extended when they end, never when somebody comes.

use rebsim::protocol::config::BrokerConfig;
use rebsim::protocol::message::{ErrorCode, LeaveCause, RequestToken};
use rebsim::timeline::GroupState;

use crate::group::{Group, Join, broker, ms};

/// Lets the group run until the first JoinGroup is answered; milliseconds since the first member was added.
fn completed_at(group: &mut Group, first: RequestToken) -> u64 {
    let mut millis = 0;
    while group.waits(first) {
        group.advance(1);
        millis += 1;
        assert!(millis < 1_000_000, "never");
    }
    millis
}

/// Members added at these instants, in ms; when generation 1 begins.
fn joins_at(delay: u64, rebalance: u64, instants: &[u64]) -> u64 {
    let mut group = Group::with(BrokerConfig {
        initial_rebalance_delay: ms(delay),
        ..broker()
    });
    let mut first = None;
    let mut now = 0;
    for (n, &at) in instants.iter().enumerate() {
        group.advance(at - now);
        now = at;
        let token = group.enter(Join::new(&format!("m{n}")).rebalance(rebalance));
        first.get_or_insert(token);
    }
    let first = first.expect("somebody joins");
    now + completed_at(&mut group, first)
}

// testDelayInitialRebalanceByGroupInitialRebalanceDelayOnEmptyGroup,
// testResetRebalanceDelayWhenNewMemberJoinsGroupDuringInitialRebalance
#[test]
fn a_window_is_extended_by_a_whole_delay_when_it_ends_and_somebody_was_added_in_it() {
    let cases: [(&[u64], u64); 6] = [
        (&[0], 3_000),
        (&[0, 0], 6_000),
        (&[0, 1_000, 2_900], 6_000),
        (&[0, 2_999], 6_000),
        (&[0, 1_000, 4_000], 9_000),
        (&[0, 1_000, 4_000, 7_000], 12_000),
    ];
    for (joins, expected) in cases {
        assert_eq!(
            joins_at(3_000, 300_000, joins),
            expected,
            "joins at {joins:?}"
        );
    }
}

#[test]
fn a_member_that_comes_after_the_windows_begins_an_ordinary_rebalance() {
    let mut group = Group::new();
    let first = group.enter(Join::new("a"));
    group.advance(3_000);
    assert_eq!(group.joined(first).generation, 1);
    group.advance(500);
    let late = group.enter(Join::new("b"));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    group.join(Join::new("a").owned_in(1));
    assert_eq!(group.joined(late).generation, 2);
}

// testDelayRebalanceUptoRebalanceTimeout
#[test]
fn the_windows_end_with_the_rebalance_timeout_of_the_first_member() {
    let cases: [(u64, &[u64], u64); 4] = [
        (6_000, &[0, 0, 3_001], 6_000),        // Kafka's test: R = 2D
        (7_000, &[0, 0, 3_001, 6_500], 7_000), // the last window is what remains: 1 s
        (3_000, &[0, 1], 3_000),
        (1_000, &[0, 1], 3_000), // never less than one delay
    ];
    for (rebalance, joins, expected) in cases {
        assert_eq!(
            joins_at(3_000, rebalance, joins),
            expected,
            "R = {rebalance}, joins at {joins:?}"
        );
    }
}

#[test]
fn without_a_delay_the_first_member_starts_at_once() {
    let mut group = Group::with(BrokerConfig {
        initial_rebalance_delay: ms(0),
        ..broker()
    });
    let token = group.enter(Join::new("a"));
    group.advance(0);
    assert_eq!(group.joined(token).generation, 1);
}

#[test]
fn the_clock_starts_when_the_member_comes_back_with_its_id() {
    let mut group = Group::new();
    group.join(Join::unknown("a"));
    group.advance(2_000);
    let token = group.join(Join::new("a"));
    assert_eq!(completed_at(&mut group, token), 3_000);
}

#[test]
fn rejoining_and_replacing_do_not_extend_a_window() {
    let mut group = Group::new();
    group.enter(Join::new("i-1").instance("i"));
    group.advance(1_000);
    let replaced = group.enter(Join::new("i-2").instance("i"));
    let again = group.join(Join::new("i-2").instance("i"));
    assert_eq!(completed_at(&mut group, again), 2_000);
    assert!(group.waits(replaced));
}

#[test]
fn the_delay_applies_again_when_the_last_member_has_left() {
    let mut group = Group::stable(&["a"]);
    group.leave("a", LeaveCause::Closed);
    assert_eq!(group.state(), GroupState::Empty);
    let token = group.enter(Join::new("b"));
    assert_eq!(completed_at(&mut group, token), 3_000);
}

#[test]
fn an_addition_in_the_last_window_still_counts_when_the_group_begins_anew() {
    // Kafka clears the mark only when it extends a window: the next initial rebalance finds it and waits twice.
    let mut group = Group::new();
    group.enter(Join::new("a").rebalance(6_000));
    group.enter(Join::new("b").rebalance(6_000));
    group.advance(4_000);
    group.enter(Join::new("c").rebalance(6_000));
    group.advance(2_000);
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    for member in ["a", "b", "c"] {
        group.leave(member, LeaveCause::Closed);
    }
    assert_eq!(group.state(), GroupState::Empty);
    let token = group.enter(Join::new("d"));
    assert_eq!(completed_at(&mut group, token), 6_000);
}

#[test]
fn leaving_does_not_end_the_initial_rebalance_but_an_expiry_does() {
    let mut group = Group::new();
    let a = group.enter(Join::new("a"));
    group.enter(Join::new("b"));
    assert_eq!(group.leave("b", LeaveCause::Closed), ErrorCode::None);
    assert!(
        group.waits(a),
        "maybeCompleteJoinPhase looks at the previous state"
    );
    assert_eq!(completed_at(&mut group, a), 6_000);

    let mut group = Group::with(BrokerConfig {
        initial_rebalance_delay: ms(30_000),
        ..broker()
    });
    let a = group.enter(Join::new("a").rebalance(300_000));
    group.join(Join::unknown("b").session(7_000));
    assert_eq!(completed_at(&mut group, a), 7_000, "that path does not");

    let mut group = Group::with(BrokerConfig {
        initial_rebalance_delay: ms(400_000),
        ..broker()
    });
    group.enter(Join::new("a").rebalance(1_000_000));
    group.advance(100_000);
    let b = group.enter(Join::new("b").rebalance(1_000_000));
    assert_eq!(
        completed_at(&mut group, b),
        200_000,
        "nor that of a new member"
    );
}

#[test]
fn a_group_that_all_have_left_during_the_delay_becomes_empty_in_a_new_generation() {
    let mut group = Group::new();
    group.enter(Join::new("a"));
    group.leave("a", LeaveCause::Closed);
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    group.advance(3_000);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Empty, 1)
    );
}
