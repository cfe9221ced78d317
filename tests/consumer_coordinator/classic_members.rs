//! Members of a consumer group that speak the classic protocol.

use std::sync::Arc;

use rebsim::assignor::AssignorKind;
use rebsim::kernel::SimTime;
use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, Request};
use rebsim::timeline::{MemberEpochState, RebalanceReason, RemovalReason};

use crate::group::{Beat, Group, classic_join, id, ms, share};

fn nothing() -> rebsim::timeline::Partitions {
    share(&[])
}

/// `a` of the consumer protocol holds everything, at epoch 1; `b` of the classic protocol has joined and synced at epoch 2.
fn mixed(version: &str) -> Group {
    let mut group = Group::of(version);
    group.ok(Beat::join("a"));
    assert_eq!(
        group.join_group(classic_join("b", &nothing())).error,
        ErrorCode::None
    );
    group
}

// testJoiningConsumerGroupWithNewDynamicMember
#[test]
fn a_join_is_answered_at_once_with_the_members_epoch() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    let mut unknown = classic_join("", &nothing());
    unknown.proposed_member_id = id("b");
    let answer = group.join_group(unknown);
    assert_eq!(
        (answer.error, &answer.member_id),
        (ErrorCode::MemberIdRequired, &id("b"))
    );
    group.take_facts();
    let answer = group.join_group(classic_join("b", &nothing()));
    assert_eq!((answer.error, answer.generation), (ErrorCode::None, 2));
    assert_eq!(answer.assignor, Some(AssignorKind::Range));
    // Nobody leads.
    assert!(answer.leader.is_unknown() && answer.members.is_empty());
    let facts = group.take_facts();
    assert!(matches!(
        &facts[0],
        Fact::MemberJoined {
            protocol: "classic",
            ..
        }
    ));
    assert_eq!(group.sync_group("b", 2), Ok(nothing()));
}

// testReconciliationInJoiningConsumerGroupWithEagerProtocol
#[test]
fn it_gets_what_others_give_up_with_its_next_join() {
    let mut group = mixed("4.1");
    assert_eq!(group.sync_group("b", 2), Ok(nothing()));
    assert_eq!(
        group.heartbeat("b", 2),
        ErrorCode::None,
        "still held by the other one"
    );
    group.ok(Beat::new("a", 1));
    assert_eq!(group.heartbeat("b", 2), ErrorCode::None);
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    assert_eq!(group.heartbeat("b", 2), ErrorCode::RebalanceInProgress);
    let answer = group.join_group(classic_join("b", &nothing()));
    assert_eq!(answer.generation, 2);
    assert_eq!(group.sync_group("b", 2), Ok(share(&[3, 4, 5])));
    assert_eq!(group.heartbeat("b", 2), ErrorCode::None);
}

/// Everybody at epoch 2, `b` with 3, 4 and 5; then `c` joins.
fn third_joins(version: &str) -> Group {
    let mut group = mixed(version);
    group.wait(1_000);
    let epoch = group.coordinator.member_epoch(&id("a")).expect("a member");
    group.ok(Beat::new("a", epoch));
    group.ok(Beat::new("a", epoch).owned(&share(&[0, 1, 2])));
    group.join_group(classic_join("b", &nothing()));
    let generation = group.coordinator.member_epoch(&id("b")).expect("a member");
    assert_eq!(
        group.sync_group("b", generation).map(|list| list.len()),
        Ok(3)
    );
    group.ok(Beat::join("c"));
    group.take_facts();
    group
}

// testReconciliationInJoiningConsumerGroupWithCooperativeProtocol
#[test]
fn a_cooperative_member_joins_once_to_give_up_and_once_to_go_on() {
    let mut group = third_joins("4.1");
    assert_eq!(group.heartbeat("b", 2), ErrorCode::RebalanceInProgress);
    let answer = group.join_group(classic_join("b", &share(&[3, 4, 5])));
    assert_eq!((answer.error, answer.generation), (ErrorCode::None, 2));
    let unrevoked = MemberEpochState::UnrevokedPartitions;
    assert_eq!(group.moves(), [("b".to_owned(), 2, unrevoked, 2, 1)]);
    assert_eq!(group.sync_group("b", 2), Ok(share(&[3, 4])));
    assert_eq!(group.heartbeat("b", 2), ErrorCode::RebalanceInProgress);
    let answer = group.join_group(classic_join("b", &share(&[3, 4])));
    assert_eq!(answer.generation, 3);
    assert_eq!(group.sync_group("b", 3), Ok(share(&[3, 4])));
}

#[test]
fn an_eager_member_has_nothing_any_more_and_joins_once() {
    let mut group = third_joins("4.1");
    let answer = group.join_group(classic_join("b", &nothing()));
    assert_eq!(answer.generation, 3);
    assert_eq!(group.sync_group("b", 3), Ok(share(&[3, 4])));
}

// KAFKA-20272
#[test]
fn since_4_3_only_a_new_target_calls_it_to_join() {
    let mut group = third_joins("4.4");
    // The group's epoch is bumped, but the last target is young.
    assert_eq!(group.coordinator.generation(), 4);
    assert_eq!(group.heartbeat("b", 3), ErrorCode::None);
    let early = group.join_group(classic_join("b", &share(&[3, 4, 5])));
    assert_eq!(early.generation, 3);
    assert_eq!(group.sync_group("b", 3), Ok(share(&[3, 4, 5])));
    group.wait(1_000);
    assert_eq!(
        group.heartbeat("b", 3),
        ErrorCode::None,
        "it computes no target itself"
    );
    group.ok(Beat::new("c", 3));
    assert_eq!(group.targets(), [4]);
    assert_eq!(group.heartbeat("b", 3), ErrorCode::RebalanceInProgress);
    assert_eq!(
        group.sync_group("b", 3),
        Err(ErrorCode::RebalanceInProgress)
    );
}

#[test]
fn before_4_3_the_groups_epoch_calls_it() {
    let mut group = third_joins("4.2");
    group.join_group(classic_join("b", &nothing()));
    group.sync_group("b", 3).expect("it is at the target");
    group.ok(Beat::leave("c"));
    assert_eq!(group.targets(), [0; 0]);
    assert_eq!(group.heartbeat("b", 3), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_join_computes_a_target_like_a_heartbeat() {
    let mut group = third_joins("4.4");
    group.wait(1_000);
    group.join_group(classic_join("b", &share(&[3, 4, 5])));
    assert_eq!(group.targets(), [4]);
}

// testClassicGroupHeartbeatToConsumerWithUnknownMember and its kin, testClassicGroupSyncToConsumerGroupWith…
#[test]
fn who_is_not_at_its_generation_is_refused() {
    let mut group = mixed("4.1");
    let (illegal, unknown) = (ErrorCode::IllegalGeneration, ErrorCode::UnknownMemberId);
    assert_eq!(group.heartbeat("b", 1), illegal);
    assert_eq!(group.sync_group("b", 3), Err(illegal));
    assert_eq!(group.commit("b", 1, &share(&[0])), illegal);
    assert_eq!(group.commit("b", 2, &share(&[0])), ErrorCode::None);
    for stranger in ["c", "a"] {
        assert_eq!(group.heartbeat(stranger, 1), unknown);
        assert_eq!(group.sync_group(stranger, 1), Err(unknown));
        assert_eq!(group.leave_group(stranger), unknown);
    }
}

// testJoiningConsumerGroupThrowsExceptionIfProtocolIsNotSupported
#[test]
fn members_of_the_classic_protocol_must_have_an_assignor_in_common() {
    let mut group = mixed("4.1");
    let mut other = classic_join("c", &nothing());
    other.assignors = Arc::from([AssignorKind::Sticky]);
    let refused = group.join_group(other.clone()).error;
    assert_eq!(refused, ErrorCode::InconsistentGroupProtocol);
    other.assignors = Arc::from([AssignorKind::Sticky, AssignorKind::Range]);
    let answer = group.join_group(other);
    // Its own first one, whatever the others have.
    assert_eq!(
        (answer.error, answer.assignor),
        (ErrorCode::None, Some(AssignorKind::Sticky))
    );
}

// testConsumerGroupMemberUsingClassicProtocolFencedWhenSessionTimeout
#[test]
fn its_session_is_its_own() {
    let mut group = mixed("4.1");
    let session = CoordinatorTimer::Session(id("b"));
    assert_eq!(group.fires(&session), Some(SimTime::from_millis(10_000)));
    group.sync_group("b", 2).expect("in its generation");
    group.wait(4_000);
    group.heartbeat("b", 2);
    assert_eq!(group.fires(&session), Some(SimTime::from_millis(14_000)));
    group.take_facts();
    group.wait(10_000);
    let facts = group.take_facts();
    let expired = RemovalReason::SessionExpired;
    assert!(matches!(&facts[0], Fact::MemberRemoved { why, .. } if *why == expired));
}

// testConsumerGroupMemberUsingClassicProtocolFencedWhenJoinTimeout
#[test]
fn who_is_called_and_does_not_join_in_time_is_out() {
    let mut group = third_joins("4.1");
    assert_eq!(group.heartbeat("b", 2), ErrorCode::RebalanceInProgress);
    let called_at = group.now;
    for _ in 0..11 {
        group.wait(5_000);
        group.ok(Beat::new("a", 2));
        group.ok(Beat::new("c", 3));
        assert_eq!(group.heartbeat("b", 2), ErrorCode::RebalanceInProgress);
    }
    group.take_facts();
    group.wait_until(called_at + ms(60_000));
    let facts = group.take_facts();
    let late = RemovalReason::JoinTimeout;
    assert!(
        facts
            .iter()
            .any(|fact| matches!(fact, Fact::MemberRemoved { why, .. } if *why == late))
    );
}

#[test]
fn who_joins_and_does_not_sync_in_time_is_out() {
    let mut group = mixed("4.1");
    for _ in 0..11 {
        group.wait(5_000);
        group.heartbeat("b", 2);
        group.ok(Beat::new("a", 1).rebalance(1_000_000));
    }
    group.take_facts();
    group.wait_until(SimTime::from_millis(60_000));
    let facts = group.take_facts();
    let late = RemovalReason::SyncTimeout;
    assert!(matches!(&facts[0], Fact::MemberRemoved { why, .. } if *why == late));
    let timeout = RebalanceReason::RebalanceTimeout;
    assert!(matches!(&facts[1], Fact::GroupEpoch { reason, .. } if *reason == timeout));
}

// testConsumerGroupMemberUsingClassicProtocolBatchLeaveGroup
#[test]
fn its_leave_bumps_and_computes_nothing() {
    let mut group = third_joins("4.1");
    assert_eq!(group.leave_group("b"), ErrorCode::None);
    assert_eq!(group.targets(), [0; 0]);
    group.ok(Beat::new("a", 2));
    assert_eq!(group.targets(), [4]);
}

#[test]
fn a_join_is_answered_and_timed_when_it_is_written() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.hold_appends = true;
    let join = group.send(Request::JoinGroup(classic_join("b", &nothing())));
    group.wait(3);
    let sync = CoordinatorTimer::ClassicSync(id("b"));
    assert!(!group.replies.contains_key(&join) && group.fires(&sync).is_none());
    group.commit_appends();
    assert!(group.replies.contains_key(&join));
    assert_eq!(group.fires(&sync), Some(SimTime::from_millis(60_003)));
}

// testJoiningConsumerGroupWithNewStaticMember, testJoiningConsumerGroupReplacingExistingStaticMember
#[test]
fn a_static_member_takes_its_own_place_again() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    let join = |member: &str, proposed: &str| {
        let mut join = classic_join(member, &share(&[]));
        join.instance_id = Some(Arc::from("i"));
        join.proposed_member_id = id(proposed);
        join
    };
    assert_eq!(group.join_group(join("", "b")).member_id, id("b"));
    assert_eq!(group.bumps(), [1, 2]);
    assert_eq!(group.join_group(join("", "c")).member_id, id("c"));
    let facts = group.take_facts();
    assert!(matches!(&facts[0], Fact::StaticMemberReplaced { .. }));
    assert_eq!(group.bumps(), [0; 0]);
    let fenced = group.join_group(join("b", "")).error;
    assert_eq!(fenced, ErrorCode::FencedInstanceId);
    let mut stranger = join("b", "");
    stranger.instance_id = Some(Arc::from("j"));
    assert_eq!(group.join_group(stranger).error, ErrorCode::UnknownMemberId);
}
