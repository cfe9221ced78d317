//! A static member that comes back under a new id.

use rebsim::assignor::AssignorKind::{CooperativeSticky, Range, RoundRobin};
use rebsim::protocol::effect::{CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, LeaveCause};
use rebsim::timeline::{GroupState, RebalanceReason};

use crate::group::{Group, Join, id, ms, share};

/// `i` leads, `j` follows.
fn statics() -> [Join; 2] {
    [
        Join::new("i-1").instance("i"),
        Join::new("j-1").instance("j"),
    ]
}

// testStaticMemberRejoinAsFollowerWithUnknownMemberId, testReplaceStaticMemberInStableStateSucceeds
#[test]
fn a_follower_that_returns_to_a_stable_group_disturbs_nobody() {
    let mut group = Group::stable_of(&statics());
    group.hold_appends = true;
    group.facts.clear();
    let back = group.join(Join::unknown("j-2").instance("j"));
    assert!(group.waits(back), "the new id is written first");
    assert!(group.has("j-2") && !group.has("j-1"));
    group.commit_write();
    let answer = group.joined(back).clone();
    assert_eq!(
        (answer.error, answer.generation, answer.skip_assignment),
        (ErrorCode::None, 1, false)
    );
    assert_eq!(
        (answer.member_id, answer.leader, answer.members.len()),
        (id("j-2"), id("i-1"), 0)
    );
    assert_eq!(group.state(), GroupState::Stable);
    let replaced = CoordinatorFact::StaticMemberReplaced {
        instance_id: "j".into(),
        old: id("j-1"),
        new: id("j-2"),
    };
    assert_eq!(group.facts, [replaced]);
    let sync = group.sync("j-2", &[]);
    assert_eq!(group.synced(sync), Ok(vec![1]), "what it had before");
    assert_eq!(
        group.heartbeat_as("j-1", Some("j"), 1),
        ErrorCode::FencedInstanceId
    );
}

// testStaticMemberRejoinWithLeaderIdAndUnknownMemberId; KIP-814
#[test]
fn a_leader_that_returns_to_a_stable_group_leads_on_but_must_not_assign() {
    let mut group = Group::stable_of(&statics());
    let back = group.enter(Join::new("i-2").instance("i"));
    let answer = group.joined(back);
    assert_eq!((&answer.leader, answer.skip_assignment), (&id("i-2"), true));
    let listed: Vec<_> = answer
        .members
        .iter()
        .map(|member| member.member_id.as_str())
        .collect();
    assert_eq!(
        listed,
        ["j-1", "i-2"],
        "one bucket: the new id comes after who was there"
    );
    assert_eq!(group.coordinator.leader(), Some(&id("i-2")));
    let sync = group.sync("i-2", &[]);
    assert_eq!(group.synced(sync), Ok(vec![0]));
    assert_eq!(group.state(), GroupState::Stable);
}

#[test]
fn the_first_session_of_the_new_id_has_the_old_timeout() {
    let mut group = Group::stable_of(&statics());
    group.advance(4_000);
    group.hold_appends = true;
    group.join(Join::unknown("j-2").instance("j").session(50_000));
    assert_eq!(group.session_left("j-2"), Some(ms(10_000)));
    assert!(!group.is_armed(&CoordinatorTimer::Session(id("j-1"))));
    group.commit_write();
    group.heartbeat("j-2");
    assert_eq!(group.session_left("j-2"), Some(ms(50_000)));
}

// testStaticMemberRejoinWithUnknownMemberIdAndChangeOfProtocolWhileSelectProtocolUnchanged, ...WithSelectedProtocolChanged
#[test]
fn only_an_assignor_that_would_change_makes_a_return_a_rebalance() {
    let both = [Range, CooperativeSticky];
    let joins = statics().map(|join| join.assignors(&both));
    let mut group = Group::stable_of(&joins);
    let same = group.enter(
        Join::new("j-2")
            .instance("j")
            .assignors(&[Range, RoundRobin]),
    );
    assert_eq!(group.joined(same).generation, 1);
    group.facts.clear();
    group.hold_appends = true;
    let other = group.enter(
        Join::new("j-3")
            .instance("j")
            .assignors(&[Range])
            .owned_in(7),
    );
    assert!(!group.appends.is_empty() && group.waits(other));
    group.commit_write();
    assert_eq!(
        group.state(),
        GroupState::Stable,
        "topics and lists may change as long as range stays"
    );

    let joins = statics().map(|join| join.assignors(&both));
    let mut group = Group::stable_of(&joins);
    group.facts.clear();
    let changed = group.enter(
        Join::new("j-2")
            .instance("j")
            .assignors(&[CooperativeSticky]),
    );
    assert!(group.waits(changed));
    assert_eq!(
        group.rebalance_reason(),
        (RebalanceReason::StaticReplacement, Some(id("j-2")))
    );
    group.join(Join::new("i-1").instance("i").assignors(&both));
    assert_eq!(group.joined(changed).assignor, Some(CooperativeSticky));
}

// testReplaceStaticMemberInCompletingRebalanceStateTriggersRebalance
#[test]
fn a_return_while_a_generation_completes_begins_a_rebalance() {
    let mut group = Group::new();
    for join in statics() {
        group.enter(join);
    }
    group.advance(6_000);
    let leader = group.sync("j-1", &[]);
    let back = group.enter(Join::new("j-2").instance("j"));
    // testStaticMemberFenceDuplicateSyncingFollowerAfterMemberIdChanged
    assert_eq!(group.synced(leader), Err(ErrorCode::FencedInstanceId));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    let leader = group.join(Join::new("i-1").instance("i"));
    assert_eq!(
        (
            group.joined(leader).generation,
            group.joined(back).generation
        ),
        (2, 2)
    );
}

// testStaticMemberFenceDuplicateRejoinedFollower
#[test]
fn a_return_during_the_join_phase_fences_the_parked_twin_and_counts_as_joined() {
    let mut group = Group::stable_of(&statics());
    let twin = group.join(Join::new("j-1").instance("j").owned_in(1));
    let back = group.enter(Join::new("j-2").instance("j"));
    let fenced = group.joined(twin);
    assert_eq!(
        (fenced.error, &fenced.member_id),
        (ErrorCode::FencedInstanceId, &id("j-1"))
    );
    assert!(group.waits(back));
    let leader = group.join(Join::new("i-1").instance("i"));
    assert_eq!(
        (
            group.joined(leader).generation,
            group.joined(back).generation
        ),
        (2, 2)
    );
}

// testStaticMemberRejoinWithKnownMemberId
#[test]
fn a_static_member_that_names_its_id_is_a_member_like_any_other() {
    let mut group = Group::stable_of(&statics());
    let follower = group.join(Join::new("j-1").instance("j"));
    assert_eq!(group.joined(follower).generation, 1);
    // testStaticMemberRejoinWithLeaderIdAndKnownMemberId
    let leader = group.join(Join::new("i-1").instance("i"));
    assert!(group.waits(leader));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}

#[test]
fn a_rebalance_that_begins_before_the_new_id_is_written_leaves_the_leader_parked() {
    // Kafka wants to hand the leader the members, which a rebalancing group refuses: the JoinGroup stays parked.
    let mut group = Group::stable_of(&statics());
    group.hold_appends = true;
    let back = group.enter(Join::new("i-2").instance("i"));
    let newcomer = group.enter(Join::new("c"));
    group.facts.clear();
    group.commit_write();
    assert!(group.waits(back));
    assert_eq!(
        group.facts,
        [CoordinatorFact::MemberRejoined {
            member_id: id("i-2")
        }]
    );
    group.join(Join::new("j-1").instance("j"));
    assert_eq!(
        (
            group.joined(back).generation,
            group.joined(newcomer).generation
        ),
        (2, 2)
    );
}

#[test]
fn a_rebalance_that_begins_before_the_new_id_is_written_sends_a_follower_round_once_more() {
    let mut group = Group::stable_of(&statics());
    group.hold_appends = true;
    let back = group.enter(Join::new("j-2").instance("j"));
    group.enter(Join::new("c"));
    group.commit_write();
    assert_eq!(group.joined(back).generation, 1);
    let sync = group.sync("j-2", &[]);
    assert_eq!(group.synced(sync), Err(ErrorCode::RebalanceInProgress));
    assert!(
        group
            .coordinator
            .awaited()
            .any(|member| *member == id("j-2"))
    );
}

#[test]
fn a_new_id_that_is_gone_before_it_is_written_is_not_answered_twice() {
    let mut group = Group::stable_of(&statics());
    group.hold_appends = true;
    let back = group.enter(Join::new("j-2").instance("j"));
    let again = group.enter(Join::new("j-3").instance("j"));
    assert_eq!(group.joined(back).error, ErrorCode::FencedInstanceId);
    group.commit_write();
    assert!(group.waits(again));
    group.commit_write();
    assert_eq!(group.joined(again).generation, 1);
    assert_eq!(group.coordinator.assignment(&id("j-3")), Some(&share(&[1])));
}

#[test]
fn an_instance_whose_member_has_left_is_a_newcomer() {
    let mut group = Group::stable_of(&statics());
    group.leave_as("j-1", Some("j"), LeaveCause::Closed);
    group.join(Join::new("i-1").instance("i"));
    group.sync_all();
    let back = group.enter(Join::new("j-2").instance("j"));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert!(group.waits(back));
}
