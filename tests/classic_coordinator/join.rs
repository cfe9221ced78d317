//! JoinGroup: the decision tables.

use rebsim::assignor::AssignorKind::{CooperativeSticky, Range, RoundRobin};
use rebsim::protocol::classic::NEW_MEMBER_JOIN_TIMEOUT;
use rebsim::protocol::config::BrokerConfig;
use rebsim::protocol::message::{ErrorCode, JoinCause, LeaveCause};
use rebsim::timeline::{GroupState, RebalanceReason};

use crate::group::{Group, Join, broker, id, ms};

#[test]
fn a_group_goes_from_the_first_join_to_stable_and_back_to_empty() {
    let mut group = Group::stable(&["a", "b", "c"]);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Stable, 1)
    );
    let joining = group.enter(Join::new("d"));
    assert_eq!(group.heartbeat("a"), ErrorCode::RebalanceInProgress);
    for member in ["a", "b", "c"] {
        assert!(group.waits(joining));
        group.join(Join::new(member).owned_in(1));
    }
    assert_eq!(group.joined(joining).generation, 2);
    group.sync_all();
    assert_eq!(group.state(), GroupState::Stable);
    group.leave("a", LeaveCause::Closed);
    group.advance(10_000);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Empty, 3)
    );
}

// GroupCoordinatorServiceTest.testJoinGroupInvalidSessionTimeout
#[test]
fn a_session_timeout_outside_the_brokers_bounds_is_refused() {
    let mut group = Group::new();
    for (session, error) in [
        (5_999, ErrorCode::InvalidSessionTimeout),
        (6_000, ErrorCode::MemberIdRequired),
        (1_800_000, ErrorCode::MemberIdRequired),
        (1_800_001, ErrorCode::InvalidSessionTimeout),
    ] {
        let token = group.join(Join::unknown(&format!("m{session}")).session(session));
        assert_eq!(group.joined(token).error, error, "session of {session} ms");
    }
}

#[test]
fn a_dead_group_sends_everybody_to_look_for_the_coordinator() {
    let mut group = Group::stable(&["a"]);
    group.unload();
    assert_eq!(group.state(), GroupState::Dead);
    for join in [
        Join::unknown("x"),
        Join::new("a"),
        Join::unknown("y").instance("i"),
    ] {
        let token = group.join(join);
        assert_eq!(
            group.joined(token).error,
            ErrorCode::CoordinatorNotAvailable
        );
    }
}

// testJoinGroupInconsistentGroupProtocol, testJoinGroupSecondJoinInconsistentProtocol,
// testJoinGroupWithEmptyGroupProtocol
#[test]
fn a_joiner_must_share_an_assignor_that_all_members_support() {
    let mut group = Group::new();
    let none = group.join(Join::unknown("x").assignors(&[]));
    assert_eq!(
        group.joined(none).error,
        ErrorCode::InconsistentGroupProtocol
    );
    group.enter(Join::new("a").assignors(&[Range, CooperativeSticky]));
    group.enter(Join::new("b").assignors(&[Range]));
    for (assignors, fits) in [
        ([CooperativeSticky].as_slice(), false),
        (&[RoundRobin], false),
        (&[CooperativeSticky, Range], true),
    ] {
        let newcomer = group.join(Join::unknown("y").assignors(assignors));
        let error = group.joined(newcomer).error;
        assert_eq!(error == ErrorCode::MemberIdRequired, fits, "{assignors:?}");
        assert_eq!(
            error == ErrorCode::InconsistentGroupProtocol,
            !fits,
            "{assignors:?}"
        );
    }
    let member = group.join(Join::new("a").assignors(&[CooperativeSticky]));
    assert_eq!(
        group.joined(member).error,
        ErrorCode::InconsistentGroupProtocol
    );
}

#[test]
fn a_dynamic_newcomer_is_given_an_id_and_changes_nothing_until_it_comes_back_with_it() {
    let mut group = Group::stable(&["a"]);
    let token = group.join(Join::unknown("b").session(7_000));
    let answer = group.joined(token);
    assert_eq!(
        (answer.error, &answer.member_id),
        (ErrorCode::MemberIdRequired, &id("b"))
    );
    assert_eq!(group.state(), GroupState::Stable);
    assert!(!group.has("b") && group.coordinator.is_pending(&id("b")));
    assert_eq!(group.session_left("b"), Some(ms(7_000)));
    let back = group.join(Join::new("b"));
    assert!(group.waits(back) && group.has("b") && !group.coordinator.is_pending(&id("b")));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert_eq!(group.session_left("b"), Some(NEW_MEMBER_JOIN_TIMEOUT));
}

// testStaticMemberJoinAsFirstMember
#[test]
fn a_static_newcomer_is_added_at_once() {
    let mut group = Group::new();
    let token = group.join(Join::unknown("i-1").instance("i"));
    assert!(group.waits(token) && group.has("i-1"));
    group.advance(3_000);
    let answer = group.joined(token);
    assert_eq!((answer.error, answer.generation), (ErrorCode::None, 1));
    assert_eq!((&answer.leader, answer.members.len()), (&id("i-1"), 1));
}

// testJoinGroupUnknownMemberNewGroup, testJoinGroupExistingMemberInEmptyState,
// testStaticMemberJoinWithUnknownInstanceIdAndKnownMemberId, testStaticMemberRejoinAsLeaderWithMismatchedInstanceId
#[test]
fn who_names_an_id_must_be_who_it_says_it_is() {
    let mut empty = Group::new();
    let token = empty.join(Join::new("ghost"));
    assert_eq!(empty.joined(token).error, ErrorCode::UnknownMemberId);
    let statics = [
        Join::new("i-1").instance("i"),
        Join::new("j-1").instance("j"),
    ];
    let mut group = Group::stable_of(&statics);
    for (join, error) in [
        (Join::new("ghost"), ErrorCode::UnknownMemberId),
        (
            Join::new("i-1").instance("nobody"),
            ErrorCode::UnknownMemberId,
        ),
        (Join::new("i-1").instance("j"), ErrorCode::FencedInstanceId),
        (
            Join::new("ghost").instance("i"),
            ErrorCode::FencedInstanceId,
        ),
    ] {
        let token = group.join(join);
        assert_eq!(group.joined(token).error, error);
        assert_eq!(group.state(), GroupState::Stable);
    }
}

// testJoinGroupExistingPendingMemberWithGroupInstanceIdThrowsException
#[test]
fn an_issued_id_does_not_become_a_static_member() {
    let mut group = Group::stable(&["a"]);
    group.join(Join::unknown("b"));
    let token = group.join(Join::new("b").instance("i"));
    assert_eq!(group.joined(token).error, ErrorCode::UnknownMemberId);
    assert!(group.coordinator.is_pending(&id("b")));
}

#[test]
fn while_a_generation_completes_the_same_metadata_are_answered_at_once_and_others_begin_anew() {
    let mut group = Group::completing(&["a", "b"]);
    let follower = group.join(Join::new("b"));
    assert_eq!(
        (
            group.joined(follower).generation,
            group.joined(follower).members.len()
        ),
        (1, 0)
    );
    let leader = group.join(Join::new("a"));
    assert_eq!(
        (
            group.joined(leader).generation,
            group.joined(leader).members.len()
        ),
        (1, 2)
    );
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    // testJoinGroupExistingMemberUpdatedMetadataTriggersRebalance
    let changed = group.join(Join::new("b").owned_in(1));
    assert!(group.waits(changed));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}

// testJoinGroupFromUnchangedFollowerDoesNotRebalance, testJoinGroupExistingMemberDoesNotTriggerRebalanceInStableState
#[test]
fn a_follower_with_the_same_metadata_does_not_disturb_a_stable_group() {
    let mut group = Group::stable(&["a", "b"]);
    let token = group.join(Join::new("b"));
    let answer = group.joined(token);
    assert_eq!(
        (answer.error, answer.generation, answer.members.len()),
        (ErrorCode::None, 1, 0)
    );
    assert_eq!((&answer.leader, answer.assignor), (&id("a"), Some(Range)));
    assert_eq!(group.state(), GroupState::Stable);
}

// testJoinGroupAsExistingMemberWithUpdatedMetadataTriggersRebalanceInStableState
#[test]
fn a_follower_with_other_metadata_begins_a_rebalance() {
    let mut group = Group::stable(&["a", "b"]);
    let token = group.join(Join::new("b").owned_in(1));
    assert!(group.waits(token));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}

#[test]
fn the_order_of_the_assignors_is_part_of_the_metadata() {
    let both = |member| Join::new(member).assignors(&[Range, CooperativeSticky]);
    let mut group = Group::stable_of(&[both("a"), both("b")]);
    let same = group.join(both("b"));
    assert!(!group.waits(same));
    let swapped = group.join(Join::new("b").assignors(&[CooperativeSticky, Range]));
    assert!(group.waits(swapped));
}

// testJoinGroupFromUnchangedLeaderShouldRebalance, testJoinGroupAsExistingLeaderTriggersRebalanceInStableState
#[test]
fn a_leader_that_joins_again_always_begins_a_rebalance() {
    let mut group = Group::stable(&["a", "b"]);
    let token = group.join(Join::new("a"));
    assert!(group.waits(token));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}

#[test]
fn a_rebalance_is_called_after_what_its_first_joiner_says() {
    for (cause, reason) in [
        (JoinCause::FollowUp, RebalanceReason::FollowUp),
        (JoinCause::Metadata, RebalanceReason::MetadataChange),
        (JoinCause::Subscription, RebalanceReason::SubscriptionChange),
        (JoinCause::Rebalancing, RebalanceReason::Rejoin),
        (JoinCause::Error, RebalanceReason::Rejoin),
        (JoinCause::New, RebalanceReason::Rejoin),
    ] {
        let mut group = Group::stable(&["a", "b"]);
        group.facts.clear();
        group.join(Join::new("b").owned_in(1).cause(cause));
        assert_eq!(
            group.rebalance_reason(),
            (reason, Some(id("b"))),
            "{cause:?}"
        );
    }
    for (cause, reason) in [
        (JoinCause::New, RebalanceReason::Join),
        (JoinCause::Error, RebalanceReason::Rejoin),
    ] {
        let mut group = Group::stable(&["a"]);
        group.facts.clear();
        group.enter(Join::new("c").cause(cause));
        assert_eq!(
            group.rebalance_reason(),
            (reason, Some(id("c"))),
            "{cause:?}"
        );
    }
}

#[test]
fn a_repeated_join_takes_the_place_of_the_parked_one() {
    let mut group = Group::stable(&["a", "b"]);
    let first = group.join(Join::new("b").owned_in(1));
    let second = group.join(Join::new("b").owned_in(1));
    group.join(Join::new("a").owned_in(1));
    assert!(group.waits(first), "Kafka forgets it");
    assert_eq!(group.joined(second).generation, 2);
}

// ---- group.max.size ----

fn at_most(max_size: u32) -> BrokerConfig {
    BrokerConfig {
        max_size,
        ..broker()
    }
}

// testDynamicMembersJoinGroupWithMaxSizeAndRequiredKnownMember
#[test]
fn a_full_group_refuses_newcomers_and_keeps_its_members() {
    let mut group = Group::with(at_most(2));
    for member in ["a", "b", "c"] {
        let token = group.join(Join::unknown(member));
        assert_eq!(
            group.joined(token).error,
            ErrorCode::MemberIdRequired,
            "an empty group takes all"
        );
    }
    let tokens = ["a", "b", "c"].map(|member| group.join(Join::new(member)));
    assert_eq!(
        group.joined(tokens[2]).error,
        ErrorCode::GroupMaxSizeReached
    );
    assert!(!group.coordinator.is_pending(&id("c")));
    // testDynamicMembersCanRejoinGroupWithMaxSizeWhileRebalancing
    let again = group.join(Join::new("a"));
    assert!(group.waits(again));
    group.advance(6_000);
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    let answered = group.join(Join::new("a"));
    assert_eq!(group.joined(answered).error, ErrorCode::None);
    for join in [
        Join::new("c"),
        Join::unknown("d"),
        Join::unknown("s-1").instance("s"),
    ] {
        let refused = group.join(join);
        assert_eq!(group.joined(refused).error, ErrorCode::GroupMaxSizeReached);
    }
    group.sync_all();
    let refused = group.join(Join::unknown("d"));
    assert_eq!(group.joined(refused).error, ErrorCode::GroupMaxSizeReached);
}

// testLastJoiningMembersAreKickedOutWhenRejoiningGroupWithMaxSize
#[test]
fn who_comes_last_to_a_rebalance_of_a_full_group_is_thrown_out_and_nobody_asks_whether_all_are_there()
 {
    let mut group = Group::with(at_most(2));
    let joins = ["a", "b"].map(|member| group.enter(Join::new(member)));
    group.advance(6_000);
    group.sync_all();
    group.leave("b", LeaveCause::Closed);
    group.join(Join::new("a").owned_in(1));
    group.sync_all();
    assert_eq!(group.joined(joins[0]).generation, 1);
    group.enter(Join::new("b"));
    let newcomer = group.enter(Join::new("c"));
    let late = group.join(Join::new("a").owned_in(2));
    assert_eq!(group.joined(late).error, ErrorCode::GroupMaxSizeReached);
    assert!(!group.has("a"));
    assert!(
        group.waits(newcomer),
        "all are there, but nothing looks before the join timer"
    );
    group.advance(60_000);
    assert_eq!(group.joined(newcomer).generation, 3);
    assert_eq!(
        group.coordinator.leader(),
        Some(&id("b")),
        "the leader that was thrown out"
    );
}

#[test]
fn a_full_stable_group_refuses_even_the_static_member_that_returns() {
    let statics = [
        Join::new("i-1").instance("i"),
        Join::new("j-1").instance("j"),
    ];
    let mut group = Group::with(at_most(2));
    for join in statics {
        group.enter(join);
    }
    group.advance(6_000);
    group.sync_all();
    let back = group.join(Join::unknown("i-2").instance("i"));
    assert_eq!(group.joined(back).error, ErrorCode::GroupMaxSizeReached);
    assert!(group.has("i-1"));
}
