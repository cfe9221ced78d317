//! The join phase of a group that has members: who is awaited, for how long, and who leads afterwards.

use rebsim::protocol::classic::NEW_MEMBER_JOIN_TIMEOUT;
use rebsim::protocol::effect::{CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, LeaveCause};
use rebsim::timeline::{GroupState, RemovalReason};

use crate::group::{Group, Join, id, ms};

#[test]
fn the_phase_ends_when_the_last_member_has_joined() {
    let mut group = Group::stable(&["a", "b", "c"]);
    let d = group.enter(Join::new("d"));
    group.join(Join::new("c").owned_in(1));
    group.join(Join::new("a").owned_in(1));
    let awaited: Vec<_> = group.coordinator.awaited().cloned().collect();
    assert_eq!(awaited, [id("b")]);
    assert!(group.waits(d));
    let b = group.join(Join::new("b").owned_in(1));
    assert_eq!(
        (group.joined(d).generation, group.joined(b).generation),
        (2, 2)
    );
    assert!(!group.is_armed(&CoordinatorTimer::Join));
}

#[test]
fn the_leader_gets_everybody_in_map_order_and_the_others_get_nobody() {
    let mut group = Group::stable(&["c", "b", "a"]);
    assert_eq!(
        group.coordinator.leader(),
        Some(&id("c")),
        "who came first leads"
    );
    group.enter(Join::new("d"));
    let tokens = ["c", "b", "a"].map(|member| group.join(Join::new(member).owned_in(1)));
    let leader = group.joined(tokens[0]);
    let listed: Vec<_> = leader
        .members
        .iter()
        .map(|member| member.member_id.as_str())
        .collect();
    assert_eq!(listed, ["a", "b", "c", "d"]);
    assert_eq!(leader.members[0].subscription.generation, 1);
    assert!(!leader.skip_assignment);
    assert_eq!(group.joined(tokens[1]).members.len(), 0);
    assert_eq!(group.joined(tokens[1]).leader, id("c"));
}

#[test]
fn a_member_that_joins_during_the_phase_belongs_to_the_same_generation() {
    let mut group = Group::stable(&["a", "b"]);
    group.enter(Join::new("c"));
    group.join(Join::new("a").owned_in(1));
    let d = group.enter(Join::new("d"));
    group.join(Join::new("b").owned_in(1));
    assert_eq!(group.joined(d).generation, 2);
    assert_eq!(group.coordinator.members().count(), 4);
}

// testCompleteJoinRemoveNotYetRejoinedDynamicMembers
#[test]
fn a_dynamic_member_that_missed_the_join_deadline_is_removed() {
    let mut group = Group::stable(&["a", "b"]);
    group.facts.clear();
    let c = group.enter(Join::new("c"));
    group.join(Join::new("a").owned_in(1));
    for _ in 0..11 {
        group.advance(5_000);
        assert_eq!(group.heartbeat("b"), ErrorCode::RebalanceInProgress);
    }
    group.advance(5_000);
    assert_eq!(group.joined(c).generation, 2);
    assert!(!group.has("b") && !group.is_armed(&CoordinatorTimer::Session(id("b"))));
    assert!(group.removed("b", RemovalReason::JoinTimeout));
    assert_eq!(group.heartbeat_as("b", None, 1), ErrorCode::UnknownMemberId);
}

// testStaticMemberFollowerFailToRejoinBeforeRebalanceTimeout
#[test]
fn a_static_member_that_missed_the_join_deadline_is_kept_and_its_session_starts_anew() {
    let joins = [
        Join::new("a"),
        Join::new("i-1").instance("i").session(100_000),
    ];
    let mut group = Group::stable_of(&joins);
    group.enter(Join::new("c"));
    let a = group.join(Join::new("a").owned_in(1));
    group.advance(60_000);
    let listed = &group.joined(a).members;
    assert_eq!(listed.len(), 3);
    assert!(
        listed
            .iter()
            .any(|member| member.instance_id.as_deref() == Some("i"))
    );
    assert_eq!(group.session_left("i-1"), Some(ms(100_000)));
    group.sync("a", &[("a", &[0]), ("i-1", &[1])]);
    assert_eq!(
        group
            .coordinator
            .assignment(&id("i-1"))
            .map(|share| share.len()),
        Some(1)
    );
}

// testStaticMemberLeaderFailToRejoinBeforeRebalanceTimeout, ClassicGroupTest.testElectNewJoinedLeader
#[test]
fn a_leader_that_missed_the_join_deadline_hands_over_to_the_first_in_map_order_that_joined() {
    let joins = [
        Join::new("i-1").instance("i").session(100_000),
        Join::new("c"),
        Join::new("b"),
    ];
    let mut group = Group::stable_of(&joins);
    assert_eq!(group.coordinator.leader(), Some(&id("i-1")));
    group.join(Join::new("c").owned_in(1));
    group.join(Join::new("b").owned_in(1));
    group.advance(60_000);
    assert_eq!(group.coordinator.leader(), Some(&id("b")));
    assert!(group.has("i-1"));
}

// testCompleteJoinPhaseNoMembersRejoinedExtendsJoinPhase, testGroupStuckInRebalanceTimeoutDueToNonjoinedStaticMember
#[test]
fn when_only_absent_static_members_are_left_the_phase_is_extended_until_their_sessions_expire() {
    let joins = [
        Join::new("i-1").instance("i").session(150_000),
        Join::new("b"),
    ];
    let mut group = Group::stable_of(&joins);
    let left = group.leave("b", LeaveCause::Closed);
    assert_eq!(
        (left, group.state()),
        (ErrorCode::None, GroupState::PreparingRebalance)
    );
    group.advance(60_000);
    group.advance(60_000);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::PreparingRebalance, 1)
    );
    assert!(group.is_armed(&CoordinatorTimer::Join));
    group.advance(30_000);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Empty, 2)
    );
    assert!(!group.is_armed(&CoordinatorTimer::Join));
}

// testSecondMemberPartiallyJoinAndTimeout, testJoinGroupCompletionWhenPendingMemberTimesOut
#[test]
fn an_issued_id_that_never_comes_back_holds_the_phase_up_until_its_session_timeout() {
    let mut group = Group::stable(&["a", "b"]);
    group.join(Join::unknown("ghost").session(8_000));
    group.join(Join::new("b").owned_in(1));
    let a = group.join(Join::new("a").owned_in(1));
    group.advance(7_999);
    assert!(group.waits(a));
    let awaited: Vec<_> = group.coordinator.awaited().cloned().collect();
    assert_eq!(awaited, [id("ghost")]);
    group.advance(1);
    assert_eq!(group.joined(a).generation, 2);
    assert!(
        !group
            .facts
            .iter()
            .any(|fact| matches!(fact, CoordinatorFact::MemberRemoved { .. }))
    );
}

// testJoinGroupCompletionWhenPendingMemberJoins
#[test]
fn an_issued_id_that_comes_back_completes_the_phase() {
    let mut group = Group::stable(&["a", "b"]);
    group.join(Join::unknown("c"));
    group.join(Join::new("b").owned_in(1));
    let a = group.join(Join::new("a").owned_in(1));
    assert!(group.waits(a));
    let c = group.join(Join::new("c"));
    assert_eq!(
        (group.joined(a).generation, group.joined(c).generation),
        (2, 2)
    );
}

// testPendingMembersLeaveGroup
#[test]
fn an_issued_id_that_leaves_completes_the_phase_or_begins_one() {
    let mut group = Group::stable(&["a", "b"]);
    group.join(Join::unknown("c"));
    group.join(Join::new("b").owned_in(1));
    let a = group.join(Join::new("a").owned_in(1));
    assert_eq!(group.leave("c", LeaveCause::Closed), ErrorCode::None);
    assert_eq!(group.joined(a).generation, 2);
    group.sync_all();
    group.join(Join::unknown("d"));
    group.leave("d", LeaveCause::Closed);
    assert_eq!(
        group.state(),
        GroupState::PreparingRebalance,
        "Kafka does not ask who it was"
    );
}

// testClassicGroupMemberSessionTimeoutDuringRebalance; kafka-semantics 7.1, C7
#[test]
fn a_member_whose_session_expires_during_the_phase_is_not_awaited_any_longer() {
    let mut group = Group::stable(&["a", "b"]);
    group.advance(4_000);
    let c = group.enter(Join::new("c"));
    group.join(Join::new("a").owned_in(1));
    group.advance(5_999);
    assert!(group.waits(c));
    group.advance(1);
    assert_eq!(group.joined(c).generation, 2);
    assert!(!group.has("b"));
}

#[test]
fn a_parked_member_is_not_expired_and_its_session_starts_with_the_answer() {
    let mut group = Group::stable(&["a", "b", "c"]);
    let a = group.join(Join::new("a").owned_in(1));
    for _ in 0..5 {
        group.advance(9_000);
        group.heartbeat("b");
        group.heartbeat("c");
    }
    assert!(group.waits(a) && group.has("a"));
    assert_eq!(group.session_left("a"), None, "it fired and had no effect");
    group.join(Join::new("b").owned_in(1));
    group.join(Join::new("c").owned_in(1));
    assert_eq!(group.joined(a).generation, 2);
    assert_eq!(group.session_left("a"), Some(ms(10_000)));
}

// testNewMemberJoinExpiration
#[test]
fn a_new_member_that_is_parked_too_long_is_told_to_join_anew() {
    let mut group = Group::stable_of(&[
        Join::new("a").rebalance(1_000_000).session(1_000_000),
        Join::new("b").rebalance(1_000_000).session(1_000_000),
    ]);
    group.facts.clear();
    let c = group.enter(Join::new("c"));
    group.advance(NEW_MEMBER_JOIN_TIMEOUT.as_micros() / 1_000 - 1);
    assert!(group.waits(c));
    group.advance(1);
    let answer = group.joined(c);
    assert_eq!(
        (answer.error, answer.member_id.is_unknown()),
        (ErrorCode::UnknownMemberId, true)
    );
    assert!(!group.has("c") && group.removed("c", RemovalReason::SessionExpired));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}

// testNewMemberTimeoutCompletion, testNewMemberFailureAfterJoinGroupCompletion
#[test]
fn once_answered_a_new_member_has_its_own_session_timeout() {
    let mut group = Group::new();
    let joins = [
        Join::new("a").session(305_000),
        Join::new("b").session(7_000),
    ];
    let tokens = joins.map(|join| group.enter(join));
    group.advance(6_000);
    assert_eq!(group.joined(tokens[0]).error, ErrorCode::None);
    assert_eq!(group.session_left("a"), Some(ms(305_000)));
    assert_eq!(group.session_left("b"), Some(ms(7_000)));
}

#[test]
fn the_deadline_is_the_longest_poll_interval_when_the_phase_begins() {
    let joins = [
        Join::new("a").rebalance(20_000),
        Join::new("b").session(50_000).rebalance(30_000),
    ];
    let mut group = Group::stable_of(&joins);
    let a = group.join(Join::new("a").owned_in(1).rebalance(20_000));
    group.enter(Join::new("c").rebalance(500_000)); // does not move the timer that is armed
    group.advance(29_999);
    assert!(group.waits(a));
    group.advance(1);
    assert_eq!(group.joined(a).generation, 2);
}

#[test]
fn a_removed_leader_is_followed_by_the_first_in_map_order_whether_it_has_joined_or_not() {
    let mut group = Group::stable(&["d", "c", "b"]);
    group.join(Join::new("c").owned_in(1));
    group.leave("d", LeaveCause::Closed);
    assert_eq!(group.coordinator.leader(), Some(&id("b")));
    group.join(Join::new("b").owned_in(1));
    assert_eq!(group.coordinator.generation(), 2);
    assert_eq!(group.coordinator.leader(), Some(&id("b")));
}
