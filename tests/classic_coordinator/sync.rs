//! SyncGroup: the assignment's way through the log, and who does not send it in time.

use std::sync::Arc;

use rebsim::assignor::AssignorKind::{Range, RoundRobin};
use rebsim::protocol::effect::{CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, LeaveCause, Request};
use rebsim::timeline::{GroupState, RebalanceReason, RemovalReason};

use crate::group::{Group, Join, id, ms, share};

// testSyncGroupLeaderAfterFollower
#[test]
fn followers_wait_for_the_leader_and_all_wait_for_the_log() {
    let mut group = Group::completing(&["a", "b", "c"]);
    group.hold_appends = true;
    let b = group.sync("b", &[]);
    let a = group.sync("a", &[("a", &[0]), ("b", &[1, 2])]);
    let c = group.sync("c", &[]);
    assert!([a, b, c].iter().all(|&token| group.waits(token)));
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    group.commit_write();
    assert_eq!(group.state(), GroupState::Stable);
    assert_eq!(group.synced(a), Ok(vec![0]));
    assert_eq!(group.synced(b), Ok(vec![1, 2]));
    // testSyncGroupEmptyAssignment
    assert_eq!(
        group.synced(c),
        Ok(vec![]),
        "a member that the leader left out gets nothing"
    );
}

// testSyncGroupFollowerAfterLeader
#[test]
fn a_follower_that_comes_late_gets_what_is_stored_at_once() {
    let mut group = Group::completing(&["a", "b"]);
    group.sync("a", &[("a", &[0]), ("b", &[1])]);
    assert_eq!(group.state(), GroupState::Stable);
    let b = group.sync("b", &[]);
    assert_eq!(group.synced(b), Ok(vec![1]));
    let again = group.sync("a", &[("a", &[0, 1])]);
    assert_eq!(
        group.synced(again),
        Ok(vec![0]),
        "a second payload is not looked at"
    );
}

#[test]
fn a_sync_must_be_of_a_member_of_this_generation_and_its_assignor() {
    let mut group = Group::stable_of(&[Join::new("i-1").instance("i"), Join::new("b")]);
    let sync = group.sync_request("b", &[]);
    let cases = [
        (("ghost", None, 1, Range), ErrorCode::UnknownMemberId), // testSyncGroupFromUnknownMember
        (("ghost", Some("i"), 1, Range), ErrorCode::FencedInstanceId), // testStaticMemberSyncAsLeaderWithInvalidMemberId
        (("b", Some("nobody"), 1, Range), ErrorCode::UnknownMemberId),
        (("b", None, 0, Range), ErrorCode::IllegalGeneration), // testSyncGroupFromIllegalGeneration
        (("b", None, 2, Range), ErrorCode::IllegalGeneration),
        (
            ("b", None, 1, RoundRobin),
            ErrorCode::InconsistentGroupProtocol,
        ),
        (("b", None, 2, RoundRobin), ErrorCode::IllegalGeneration),
    ];
    for ((member, instance, generation, assignor), error) in cases {
        let mut request = sync.clone();
        request.member_id = id(member);
        request.instance_id = instance.map(Arc::from);
        request.generation = generation;
        request.assignor = assignor;
        let token = group.send(Request::SyncGroup(request));
        assert_eq!(
            group.synced(token),
            Err(error),
            "{member} {instance:?} {generation} {assignor:?}"
        );
    }
    group.join(Join::new("i-1").instance("i"));
    let rebalancing = group.sync("b", &[]);
    assert_eq!(
        group.synced(rebalancing),
        Err(ErrorCode::RebalanceInProgress)
    );
    group.unload();
    let dead = group.send(Request::SyncGroup(sync.clone()));
    assert_eq!(group.synced(dead), Err(ErrorCode::CoordinatorNotAvailable));
    let mut empty = Group::new();
    let token = empty.send(Request::SyncGroup(sync));
    assert_eq!(empty.synced(token), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn the_session_starts_anew_with_the_answer_to_a_parked_sync_but_not_with_a_late_one() {
    let mut group = Group::completing(&["a", "b", "c"]);
    group.advance(4_000);
    group.sync("b", &[]);
    group.advance(2_000);
    assert_eq!(group.session_left("b"), Some(ms(4_000)));
    group.sync("a", &[]);
    assert_eq!(group.session_left("a"), Some(ms(10_000)));
    assert_eq!(group.session_left("b"), Some(ms(10_000)));
    group.sync("c", &[]);
    assert_eq!(group.session_left("c"), Some(ms(4_000)));
}

// testLeaderFailureInSyncGroup
#[test]
fn a_leader_that_fails_while_the_others_wait_costs_them_a_rebalance() {
    let mut group = Group::completing(&["a", "b"]);
    let b = group.sync("b", &[]);
    group.advance(10_000);
    assert!(!group.has("a"), "its session has expired");
    assert_eq!(group.synced(b), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(group.session_left("b"), Some(ms(10_000)));
    assert_eq!(group.coordinator.leader(), Some(&id("b")));
    let again = group.join(Join::new("b"));
    assert_eq!(group.joined(again).generation, 2);
}

#[test]
fn a_rebalance_that_begins_while_the_assignment_is_being_written_makes_it_void() {
    let mut group = Group::completing(&["a", "b"]);
    group.hold_appends = true;
    let b = group.sync("b", &[]);
    let a = group.sync("a", &[("a", &[0]), ("b", &[1])]);
    group.enter(Join::new("c"));
    assert_eq!(group.synced(a), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(group.synced(b), Err(ErrorCode::RebalanceInProgress));
    group.commit_write();
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    group.join(Join::new("a").owned_in(1));
    group.join(Join::new("b").owned_in(1));
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    assert_eq!(group.coordinator.assignment(&id("b")), Some(&share(&[])));
}

#[test]
fn an_assignment_of_an_earlier_generation_is_not_taken_for_that_of_this_one() {
    let mut group = Group::completing(&["a"]);
    group.hold_appends = true;
    let first = group.sync("a", &[("a", &[0])]);
    group.join(Join::new("a").owned_in(1));
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::CompletingRebalance, 2)
    );
    group.commit_write();
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    assert_eq!(group.synced(first), Err(ErrorCode::RebalanceInProgress));
}

// testRebalanceTimesOutWhenSyncRequestIsNotReceivedFromFollowers
#[test]
fn followers_that_do_not_sync_in_time_are_removed_and_a_rebalance_begins() {
    let long = |member| Join::new(member).session(100_000);
    let mut group = Group::new();
    for join in [long("a"), long("b"), long("i-1").instance("i")] {
        group.enter(join);
    }
    group.advance(6_000);
    group.facts.clear();
    group.sync("a", &[]);
    assert_eq!(group.state(), GroupState::Stable);
    assert!(group.is_armed(&CoordinatorTimer::Sync));
    group.advance(60_000);
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert_eq!(
        group.rebalance_reason(),
        (RebalanceReason::RebalanceTimeout, None)
    );
    for member in ["b", "i-1"] {
        assert!(!group.has(member) && group.removed(member, RemovalReason::SyncTimeout));
        assert!(!group.is_armed(&CoordinatorTimer::Session(id(member))));
    }
}

// testRebalanceTimesOutWhenSyncRequestIsNotReceivedFromLeaders
#[test]
fn a_leader_that_does_not_sync_in_time_is_removed_and_the_others_begin_anew() {
    let long = |member| Join::new(member).session(100_000);
    let mut group = Group::new();
    for join in [long("a"), long("b"), long("c")] {
        group.enter(join);
    }
    group.advance(6_000);
    group.facts.clear();
    let b = group.sync("b", &[]);
    let c = group.sync("c", &[]);
    group.advance(60_000);
    assert_eq!(group.synced(b), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(group.synced(c), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(
        group.rebalance_reason(),
        (RebalanceReason::RebalanceTimeout, Some(id("a")))
    );
    assert_eq!(group.coordinator.leader(), Some(&id("b")));
}

// testRebalanceDoesNotTimeOutWhenAllSyncAreReceived
#[test]
fn when_all_have_synced_the_deadline_is_off() {
    let mut group = Group::stable(&["a", "b"]);
    assert!(!group.is_armed(&CoordinatorTimer::Sync));
    for _ in 0..10 {
        group.advance(9_000);
        assert_eq!(group.heartbeat("a"), ErrorCode::None);
        assert_eq!(group.heartbeat("b"), ErrorCode::None);
    }
    assert_eq!(group.state(), GroupState::Stable);
}

#[test]
fn a_new_rebalance_takes_the_sync_deadline_off() {
    let mut group = Group::completing(&["a", "b"]);
    assert!(group.is_armed(&CoordinatorTimer::Sync));
    group.enter(Join::new("c"));
    assert!(!group.is_armed(&CoordinatorTimer::Sync));
}

#[test]
fn a_static_member_replaced_before_it_synced_leaves_its_old_id_awaited() {
    // replaceStaticMember does not touch pendingSyncMembers: R later Kafka removes nobody and rebalances.
    let long = |member| Join::new(member).session(100_000);
    let mut group = Group::new();
    group.enter(long("a"));
    group.enter(long("i-1").instance("i"));
    group.advance(6_000);
    group.sync("a", &[]);
    group.enter(long("i-2").instance("i"));
    let token = group.sync("i-2", &[]);
    assert_eq!(group.synced(token), Ok(vec![]));
    group.facts.clear();
    group.advance(60_000);
    assert_eq!(
        group.rebalance_reason(),
        (RebalanceReason::RebalanceTimeout, Some(id("i-1")))
    );
    assert!(group.has("i-2"));
    assert!(
        !group
            .facts
            .iter()
            .any(|fact| matches!(fact, CoordinatorFact::MemberRemoved { .. }))
    );
}

#[test]
fn a_member_that_leaves_while_it_waits_for_its_assignment_is_not_answered() {
    let mut group = Group::completing(&["a", "b"]);
    let b = group.sync("b", &[]);
    group.leave("b", LeaveCause::Closed);
    assert!(group.waits(b), "Kafka forgets it");
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}
