//! Heartbeats, expiry and LeaveGroup.

use rebsim::protocol::effect::CoordinatorTimer;
use rebsim::protocol::message::{
    ErrorCode, HeartbeatRequest, LeaveCause, LeaveGroupRequest, Request, Response,
};
use rebsim::timeline::{GroupState, RebalanceReason, RemovalReason};

use crate::group::{Group, Join, id, ms};

// testHeartbeatDuringPreparingRebalance, testHeartbeatDuringCompletingRebalance, testValidHeartbeat,
// testHeartbeatEmptyGroup, testHeartbeatDeadGroup
#[test]
fn a_heartbeat_is_answered_by_the_state_and_restarts_the_session() {
    let mut group = Group::completing(&["a", "b"]);
    let beat = |group: &mut Group, state, answer| {
        assert_eq!(group.state(), state);
        group.advance(1_000);
        assert_eq!(group.heartbeat("b"), answer, "in {}", state.word());
        assert_eq!(group.session_left("b"), Some(ms(10_000)));
    };
    beat(&mut group, GroupState::CompletingRebalance, ErrorCode::None);
    group.sync_all();
    beat(&mut group, GroupState::Stable, ErrorCode::None);
    group.join(Join::new("a"));
    beat(
        &mut group,
        GroupState::PreparingRebalance,
        ErrorCode::RebalanceInProgress,
    );
    group.unload();
    assert_eq!(group.heartbeat("b"), ErrorCode::CoordinatorNotAvailable);
    let mut empty = Group::new();
    assert_eq!(empty.heartbeat("b"), ErrorCode::UnknownMemberId);
}

// testHeartbeatUnknownMemberExistingGroup, testHeartbeatIllegalGeneration, testStaticMemberHeartbeatLeaderWithInvalidMemberId
#[test]
fn a_heartbeat_must_be_of_a_member_of_this_generation() {
    let mut group = Group::stable_of(&[Join::new("i-1").instance("i"), Join::new("b")]);
    for ((member, instance, generation), answer) in [
        (("ghost", None, 1), ErrorCode::UnknownMemberId),
        (("b", Some("nobody"), 1), ErrorCode::UnknownMemberId),
        (("ghost", Some("i"), 1), ErrorCode::FencedInstanceId),
        (("ghost", Some("i"), 9), ErrorCode::FencedInstanceId),
        (("b", None, 0), ErrorCode::IllegalGeneration),
        (("i-1", Some("i"), 1), ErrorCode::None),
        (("i-1", None, 1), ErrorCode::None),
    ] {
        assert_eq!(
            group.heartbeat_as(member, instance, generation),
            answer,
            "{member} {instance:?}"
        );
    }
}

// testClassicGroupMemberSessionTimeout, testClassicGroupMemberHeartbeatMaintainsSession
#[test]
fn a_member_without_a_sign_of_life_for_its_session_timeout_is_removed() {
    let mut group = Group::stable(&["a", "b"]);
    group.facts.clear();
    for _ in 0..3 {
        group.advance(5_000);
        group.heartbeat("a");
        group.heartbeat("b");
    }
    group.advance(5_000);
    group.heartbeat("b");
    group.advance(4_999);
    assert!(group.has("a"));
    group.advance(1);
    assert!(!group.has("a") && group.removed("a", RemovalReason::SessionExpired));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert_eq!(
        group.rebalance_reason(),
        (RebalanceReason::SessionExpired, Some(id("a")))
    );
    assert_eq!(group.coordinator.leader(), Some(&id("b")));
}

#[test]
fn a_join_or_a_late_sync_does_not_restart_the_session() {
    let mut group = Group::stable(&["a", "b"]);
    group.advance(4_000);
    group.join(Join::new("b"));
    group.sync("b", &[]);
    assert_eq!(group.session_left("b"), Some(ms(6_000)));
    group.join(Join::new("b").owned_in(1));
    assert_eq!(group.session_left("b"), Some(ms(6_000)));
}

#[test]
fn a_member_that_waits_for_its_assignment_is_not_expired() {
    let mut group = Group::completing(&["a", "b"]);
    group.sync("b", &[]);
    group.advance(9_000);
    group.heartbeat("a");
    group.advance(9_000);
    group.heartbeat("a");
    assert!(group.has("b"));
    assert_eq!(group.session_left("b"), None);
}

// testValidLeaveGroup
#[test]
fn a_member_that_leaves_is_removed_and_a_rebalance_begins() {
    for (cause, removal, reason) in [
        (
            LeaveCause::Closed,
            RemovalReason::Leave,
            RebalanceReason::Leave,
        ),
        (
            LeaveCause::PollTimeout,
            RemovalReason::PollTimeout,
            RebalanceReason::PollTimeout,
        ),
    ] {
        let mut group = Group::stable(&["a", "b"]);
        group.facts.clear();
        assert_eq!(group.leave("b", cause), ErrorCode::None);
        assert!(!group.has("b") && group.removed("b", removal));
        assert!(!group.is_armed(&CoordinatorTimer::Session(id("b"))));
        assert_eq!(group.rebalance_reason(), (reason, Some(id("b"))));
        assert_eq!(group.state(), GroupState::PreparingRebalance);
    }
}

#[test]
fn the_last_member_that_leaves_empties_the_group_at_the_same_instant() {
    let mut group = Group::stable(&["a"]);
    group.hold_appends = true;
    let leave = Request::LeaveGroup(LeaveGroupRequest {
        member_id: id("a"),
        instance_id: None,
        cause: LeaveCause::Closed,
    });
    let token = group.send(leave);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Empty, 2)
    );
    assert!(group.waits(token), "the answer waits for the log");
    group.commit_write();
    assert_eq!(group.replies[&token], Response::LeaveGroup(ErrorCode::None));
}

#[test]
fn an_answer_does_not_overtake_the_writes_before_it() {
    let mut group = Group::stable(&["a", "b"]);
    group.hold_appends = true;
    let commit = group.commit("a", 1);
    let beat = group.send(Request::Heartbeat(HeartbeatRequest {
        member_id: id("b"),
        instance_id: None,
        generation: 1,
    }));
    assert!(group.waits(commit) && group.waits(beat));
    assert_eq!(
        group.heartbeat("ghost"),
        ErrorCode::UnknownMemberId,
        "a refusal does"
    );
    group.commit_write();
    assert_eq!(group.committed(commit), Some(ErrorCode::None));
    assert_eq!(group.replies[&beat], Response::Heartbeat(ErrorCode::None));
}

#[test]
fn a_member_that_leaves_while_its_join_is_parked_is_told_to_join_anew() {
    let mut group = Group::stable(&["a", "b", "c"]);
    let parked = group.join(Join::new("b").owned_in(1));
    let last = group.join(Join::new("a").owned_in(1));
    group.leave("b", LeaveCause::PollTimeout);
    assert_eq!(group.joined(parked).error, ErrorCode::UnknownMemberId);
    assert!(group.waits(last));
    group.leave("c", LeaveCause::Closed);
    assert_eq!(
        group.joined(last).generation,
        2,
        "who leaves is not awaited"
    );
}

// testLeaveGroupUnknownMemberIdExistingGroup, testLeaveGroupWithFencedInstanceId,
// testLeaveGroupStaticMemberWithUnknownMemberId, testLeaveDeadGroup
#[test]
fn who_leaves_must_be_who_it_says_it_is() {
    let mut group = Group::stable_of(&[Join::new("i-1").instance("i"), Join::new("b")]);
    for ((member, instance), answer) in [
        (("ghost", None), ErrorCode::UnknownMemberId),
        (("", None), ErrorCode::UnknownMemberId),
        (("", Some("nobody")), ErrorCode::UnknownMemberId),
        (("b", Some("i")), ErrorCode::FencedInstanceId),
    ] {
        assert_eq!(group.leave_as(member, instance, LeaveCause::Closed), answer);
        assert_eq!(group.state(), GroupState::Stable);
    }
    assert_eq!(
        group.leave_as("", Some("i"), LeaveCause::Closed),
        ErrorCode::None
    );
    assert!(
        !group.has("i-1"),
        "an administrator removes it by its instance id"
    );
    group.unload();
    assert_eq!(
        group.leave("b", LeaveCause::Closed),
        ErrorCode::CoordinatorNotAvailable
    );
    let mut empty = Group::new();
    assert_eq!(
        empty.leave("b", LeaveCause::Closed),
        ErrorCode::UnknownMemberId
    );
}

#[test]
fn an_issued_id_expires_without_a_trace() {
    let mut group = Group::stable(&["a"]);
    group.facts.clear();
    group.join(Join::unknown("ghost").session(6_000));
    group.advance(5_000);
    group.heartbeat("a");
    group.advance(1_000);
    assert!(!group.coordinator.is_pending(&id("ghost")));
    assert_eq!(group.state(), GroupState::Stable);
    let late = group.join(Join::new("ghost"));
    assert_eq!(group.joined(late).error, ErrorCode::UnknownMemberId);
}
