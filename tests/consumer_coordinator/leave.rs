//! Who goes, by itself or for being late.

use rebsim::kernel::SimTime;
use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, LEAVE_EPOCH, LeaveCause};
use rebsim::timeline::{GroupState, RebalanceReason, RemovalReason};

use crate::group::{Beat, Group, id, share};

fn removal(group: &mut Group) -> Vec<(RemovalReason, RebalanceReason)> {
    let facts = group.take_facts();
    let why = facts.iter().filter_map(|fact| match fact {
        Fact::MemberRemoved { why, .. } => Some(*why),
        _ => None,
    });
    let reasons = facts.iter().filter_map(|fact| match fact {
        Fact::GroupEpoch { reason, .. } => Some(*reason),
        _ => None,
    });
    why.zip(reasons).collect()
}

/// `a` and `b` with three partitions each, at epoch 2.
fn two_members() -> Group {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1));
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    group.ok(Beat::new("b", 2));
    group.take_facts();
    group
}

// testLeavingMemberBumpsGroupEpoch
#[test]
fn a_leave_bumps_the_epoch_and_leaves_the_target_to_the_next_heartbeat() {
    let mut group = two_members();
    let answer = group.beat(Beat::leave("b"));
    assert_eq!(
        (answer.error, answer.member_epoch),
        (ErrorCode::None, LEAVE_EPOCH)
    );
    assert_eq!(group.state(), GroupState::Assigning);
    let reasons = (RemovalReason::Leave, RebalanceReason::Leave);
    assert_eq!(removal(&mut group), [reasons]);
    let all = share(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(group.ok(Beat::new("a", 2)), (3, Some(all)));
    assert_eq!(group.targets(), [3]);
}

#[test]
fn a_member_that_does_not_poll_leaves_for_that_reason() {
    let mut group = two_members();
    let mut leave = Beat::leave("b");
    leave.0.leave_cause = LeaveCause::PollTimeout;
    group.ok(leave);
    let reasons = (RemovalReason::PollTimeout, RebalanceReason::PollTimeout);
    assert_eq!(removal(&mut group), [reasons]);
}

#[test]
fn a_stranger_cannot_leave() {
    let mut group = two_members();
    assert_eq!(group.refused(Beat::leave("c")), ErrorCode::UnknownMemberId);
    let instance = Beat::leave("a").instance("i");
    assert_eq!(group.refused(instance), ErrorCode::UnknownMemberId);
    assert!(group.facts.is_empty());
}

#[test]
fn the_last_one_leaves_an_empty_group_whose_epochs_go_on() {
    let mut group = two_members();
    group.ok(Beat::leave("a"));
    group.ok(Beat::leave("b"));
    assert_eq!(group.state(), GroupState::Empty);
    assert_eq!(group.bumps(), [3, 4]);
    assert_eq!(group.ok(Beat::join("c")).0, 5);
}

// testSessionTimeoutExpiration
#[test]
fn a_member_that_is_silent_for_the_session_is_out() {
    let mut group = two_members();
    group.wait(10_000);
    group.ok(Beat::new("a", 2));
    group.wait_until(SimTime::from_millis(44_999));
    assert!(group.facts.is_empty());
    group.wait(1);
    let reasons = (
        RemovalReason::SessionExpired,
        RebalanceReason::SessionExpired,
    );
    assert_eq!(removal(&mut group), [reasons]);
    assert!(!group.coordinator.contains(&id("b")));
    assert_eq!(group.refused(Beat::new("b", 2)), ErrorCode::UnknownMemberId);
    assert_eq!(
        group.ok(Beat::new("a", 2)).1.map(|list| list.len()),
        Some(6)
    );
}

// testRebalanceTimeoutExpiration
#[test]
fn a_member_that_does_not_give_up_partitions_in_time_is_out() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a").rebalance(10_000));
    group.ok(Beat::join("b"));
    group.wait(1_000);
    group.ok(Beat::new("a", 1));
    for _ in 0..9 {
        // Alive, but it still owns what it should not.
        group.wait(1_000);
        group.ok(Beat::new("a", 1));
    }
    group.take_facts();
    group.wait(999);
    assert!(group.facts.is_empty());
    group.wait(1);
    let reasons = (
        RemovalReason::RebalanceTimeout,
        RebalanceReason::RebalanceTimeout,
    );
    assert_eq!(removal(&mut group), [reasons]);
    assert_eq!(
        group.ok(Beat::new("b", 2)).1.map(|list| list.len()),
        Some(6)
    );
}

// testRebalanceTimeoutLifecycle
#[test]
fn the_rebalance_timer_runs_only_while_there_is_something_to_give_up() {
    let mut group = Group::of("4.1");
    let timer = |member: &str| CoordinatorTimer::RebalanceTimeout(id(member));
    group.ok(Beat::join("a").rebalance(10_000));
    group.ok(Beat::join("b"));
    assert_eq!(
        (group.fires(&timer("a")), group.fires(&timer("b"))),
        (None, None)
    );
    group.ok(Beat::new("a", 1));
    assert_eq!(group.fires(&timer("a")), Some(SimTime::from_millis(10_000)));
    group.wait(5_000);
    group.ok(Beat::new("a", 1));
    assert_eq!(group.fires(&timer("a")), Some(SimTime::from_millis(10_000)));
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    assert_eq!(group.fires(&timer("a")), None);
}

#[test]
fn a_member_that_waits_for_others_has_no_deadline() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b").rebalance(10_000));
    for _ in 0..10 {
        group.wait(20_000);
        group.ok(Beat::new("b", 2));
        group.ok(Beat::new("a", 1).rebalance(1_000_000));
    }
    assert!(group.coordinator.contains(&id("b")));
}
