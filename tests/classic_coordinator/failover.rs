//! The coordinator goes away and comes back with what its log holds.

use std::sync::Arc;

use rebsim::assignor::AssignorKind::{CooperativeSticky, Range};
use rebsim::protocol::classic::{GroupRecord, MemberRecord};
use rebsim::protocol::config::BrokerConfig;
use rebsim::protocol::effect::{CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, LeaveCause};
use rebsim::timeline::{GroupState, RebalanceReason, RemovalReason};

use crate::group::{Group, Join, broker, id, ms, share, subscription};

// testOnLoadedSchedulesClassicGroupMemberHeartbeats; kafka-semantics 7.1, C14
#[test]
fn a_stable_group_comes_back_as_it_was_with_fresh_sessions_and_no_rebalance() {
    let mut group = Group::stable(&["a", "b"]);
    group.advance(9_000);
    group.facts.clear();
    group.unload();
    assert!(!group.is_armed(&CoordinatorTimer::Session(id("a"))));
    group.advance(60_000);
    group.load();
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Stable, 1)
    );
    assert_eq!(group.coordinator.leader(), Some(&id("a")));
    assert_eq!(group.coordinator.assignment(&id("b")), Some(&share(&[1])));
    assert_eq!(group.session_left("b"), Some(ms(10_000)));
    assert_eq!(group.heartbeat("b"), ErrorCode::None);
    assert_eq!(group.facts, [], "nothing happened to the group");
}

// testClassicGroupOnUnloadedEmptyAndPreparingRebalance, testClassicGroupOnUnloadedCompletingRebalance
#[test]
fn whoever_waits_is_sent_to_look_for_the_coordinator() {
    let mut group = Group::stable(&["a", "b"]);
    let join = group.join(Join::new("b").owned_in(1));
    group.unload();
    let answer = group.joined(join);
    assert_eq!(
        (answer.error, &answer.member_id),
        (ErrorCode::NotCoordinator, &id("b"))
    );

    let mut group = Group::completing(&["a", "b"]);
    group.hold_appends = true;
    let follower = group.sync("b", &[]);
    let leader = group.sync("a", &[]);
    group.unload();
    assert_eq!(group.synced(follower), Err(ErrorCode::NotCoordinator));
    assert_eq!(group.synced(leader), Err(ErrorCode::NotCoordinator));

    let mut group = Group::stable_of(&[Join::new("i-1").instance("i")]);
    group.hold_appends = true;
    let commit = group.commit("i-1", 1);
    let replaced = group.enter(Join::new("i-2").instance("i"));
    group.unload();
    assert_eq!(group.committed(commit), Some(ErrorCode::NotCoordinator));
    assert_eq!(group.joined(replaced).error, ErrorCode::NotCoordinator);
    assert!(
        group.stored.is_empty(),
        "what was not written is not committed"
    );
    group.load();
    assert!(group.has("i-1") && !group.has("i-2"));
}

// kafka-semantics 7.1, C15
#[test]
fn a_rebalance_under_way_is_forgotten_and_its_newcomers_are_unknown() {
    let mut group = Group::stable(&["a", "b"]);
    group.enter(Join::new("c"));
    group.join(Join::new("a").owned_in(1));
    group.join(Join::new("b").owned_in(1));
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::CompletingRebalance, 2)
    );
    group.facts.clear();
    group.unload();
    group.load();
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Stable, 1)
    );
    let lost = CoordinatorFact::MemberRemoved {
        member_id: id("c"),
        why: RemovalReason::CoordinatorChange,
    };
    let state = CoordinatorFact::GroupState {
        from: GroupState::CompletingRebalance,
        to: GroupState::Stable,
        generation: 1,
        reason: None,
        by: None,
    };
    assert_eq!(group.facts, [lost, state]);
    assert_eq!(group.heartbeat_as("c", None, 2), ErrorCode::UnknownMemberId);
    assert_eq!(
        group.heartbeat_as("a", None, 2),
        ErrorCode::IllegalGeneration
    );
    group.join(Join::new("a").owned_in(1));
    group.join(Join::new("b").owned_in(1));
    assert_eq!(group.coordinator.generation(), 2, "numbers repeat");
}

#[test]
fn issued_ids_do_not_survive() {
    let mut group = Group::stable(&["a"]);
    group.join(Join::unknown("b"));
    group.unload();
    group.load();
    assert!(!group.is_armed(&CoordinatorTimer::Session(id("b"))));
    let token = group.join(Join::new("b"));
    assert_eq!(group.joined(token).error, ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_left_comes_back_with_the_log_if_nothing_was_written_since() {
    let mut group = Group::stable(&["a", "b"]);
    group.leave("b", LeaveCause::Closed);
    group.unload();
    group.load();
    assert!(group.has("b"));
    group.advance(5_000);
    group.heartbeat("a");
    group.advance(5_000);
    assert!(!group.has("b"), "until its session expires");
}

#[test]
fn that_the_group_became_empty_is_in_the_log() {
    let mut group = Group::stable(&["a"]);
    group.hold_appends = true;
    group.advance(10_000);
    assert_eq!(group.state(), GroupState::Empty);
    group.unload();
    group.load();
    assert!(group.has("a"), "not before it is written");
    group.hold_appends = false;
    group.advance(10_000);
    group.unload();
    group.load();
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Empty, 2)
    );
}

#[test]
fn a_new_id_of_a_static_member_is_in_the_log() {
    let mut group = Group::stable_of(&[Join::new("i-1").instance("i"), Join::new("b")]);
    group.enter(Join::new("i-2").instance("i"));
    group.unload();
    group.load();
    assert!(group.has("i-2"));
    assert_eq!(group.coordinator.leader(), Some(&id("i-2")));
    assert_eq!(
        group.heartbeat_as("i-1", Some("i"), 1),
        ErrorCode::FencedInstanceId
    );
}

// testReplayGroupMetadataRecords
#[test]
fn the_log_keeps_the_assignor_in_force_only() {
    let both = |member| Join::new(member).assignors(&[Range, CooperativeSticky]);
    let mut group = Group::stable_of(&[both("a"), both("b")]);
    group.unload();
    group.load();
    let follower = group.join(both("b"));
    assert!(
        group.waits(follower),
        "its list is longer than what the log has of it"
    );
}

// testOnLoadedExceedGroupMaxSizeTriggersRebalance
#[test]
fn a_group_over_its_size_is_rebalanced_when_it_is_loaded() {
    let mut group = Group::with(BrokerConfig {
        max_size: 1,
        ..broker()
    });
    install(&mut group, &["a", "b"]);
    group.unload();
    group.load();
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert_eq!(group.rebalance_reason(), (RebalanceReason::Rejoin, None));
}

#[test]
fn going_twice_and_coming_twice_is_going_and_coming() {
    let mut group = Group::stable(&["a"]);
    group.unload();
    group.unload();
    group.load();
    group.load();
    assert_eq!(group.state(), GroupState::Stable);
}

fn install(group: &mut Group, members: &[&str]) {
    let members = members
        .iter()
        .zip(0..)
        .map(|(member, n)| MemberRecord {
            member_id: id(member),
            instance_id: None,
            session_timeout: ms(10_000),
            rebalance_timeout: ms(60_000),
            assignors: Arc::from([Range, CooperativeSticky]),
            subscription: subscription(0),
            assignment: share(&[n]),
        })
        .collect();
    group.install(&GroupRecord {
        generation: 1,
        assignor: Some(Range),
        leader: None,
        members,
    });
}

#[test]
fn a_steady_start_is_a_stable_generation_with_nobody_waiting() {
    let mut group = Group::new();
    install(&mut group, &["c", "a", "b"]);
    assert_eq!(
        (group.state(), group.coordinator.generation()),
        (GroupState::Stable, 1)
    );
    assert_eq!(group.coordinator.leader(), Some(&id("c")));
    assert_eq!(group.facts, []);
    for (member, partition) in [("c", 0), ("a", 1), ("b", 2)] {
        assert_eq!(group.session_left(member), Some(ms(10_000)));
        let sync = group.sync(member, &[]);
        assert_eq!(group.synced(sync), Ok(vec![partition]));
    }
    let token = group.join(
        Join::new("a")
            .assignors(&[Range, CooperativeSticky])
            .owned_in(0),
    );
    assert_eq!(group.joined(token).generation, 1, "the lists are whole");
    group.unload();
    group.load();
    assert_eq!(group.coordinator.members().count(), 3, "it is in the log");
}
