//! Members with an instance id.

use rebsim::kernel::SimTime;
use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, STATIC_LEAVE_EPOCH};
use rebsim::timeline::{GroupState, RemovalReason};

use crate::group::{Beat, Group, id, share};

/// `a` with 0, 1 and 2 and the static `b` with the rest, at epoch 2.
fn two_members() -> Group {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b").instance("i"));
    group.ok(Beat::new("a", 1));
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    group.ok(Beat::new("b", 2).instance("i"));
    group.take_facts();
    group
}

// testNoGroupEpochBumpWhenStaticMemberTemporarilyLeaves
#[test]
fn who_leaves_for_now_keeps_its_share_and_bumps_nothing() {
    let mut group = two_members();
    let answer = group.beat(Beat::leave_for_now("b", "i"));
    assert_eq!(answer.member_epoch, STATIC_LEAVE_EPOCH);
    assert_eq!(group.assignment("b"), share(&[3, 4, 5]));
    assert_eq!(group.state(), GroupState::Reconciling);
    let facts = group.take_facts();
    assert!(matches!(
        &facts[..],
        [
            Fact::StaticMemberAway { .. },
            Fact::GroupState { reason: None, .. }
        ]
    ));
    assert_eq!(group.ok(Beat::new("a", 2)), (2, None));
}

// testStaticMemberGetsBackAssignmentUponRejoin
#[test]
fn who_comes_back_under_a_new_id_has_all_that_it_had() {
    let mut group = two_members();
    group.ok(Beat::leave_for_now("b", "i"));
    group.take_facts();
    assert_eq!(
        group.ok(Beat::join("c").instance("i")),
        (2, Some(share(&[3, 4, 5])))
    );
    assert_eq!(group.state(), GroupState::Stable);
    let facts = group.take_facts();
    assert!(
        matches!(&facts[0], Fact::StaticMemberReplaced { old, new, .. } if *old == id("b") && *new == id("c"))
    );
    assert!(matches!(
        &facts[1],
        Fact::MemberEpoch {
            epoch: 2,
            previous_epoch: 0,
            ..
        }
    ));
    assert_eq!(group.refused(Beat::new("b", 2)), ErrorCode::UnknownMemberId);
    let fenced = Beat::new("b", 2).instance("i");
    assert_eq!(group.refused(fenced), ErrorCode::FencedInstanceId);
}

#[test]
fn who_comes_back_under_the_old_id_does_too() {
    let mut group = two_members();
    group.ok(Beat::leave_for_now("b", "i"));
    assert_eq!(
        group.ok(Beat::join("b").instance("i")),
        (2, Some(share(&[3, 4, 5])))
    );
    assert_eq!(group.bumps(), [0; 0]);
}

// testStaticMemberRejoinsWithNewSubscribedTopics
#[test]
fn who_comes_back_with_other_topics_bumps_the_epoch() {
    let mut group = two_members();
    group.ok(Beat::leave_for_now("b", "i"));
    let (epoch, assignment) = group.ok(Beat::join("c").instance("i").topics(&[0, 1]));
    // One of the nine is for the other one now; this one says that it owns nothing any more.
    assert_eq!((epoch, assignment.map(|list| list.len())), (3, Some(5)));
    assert_eq!(group.bumps(), [3]);
}

// testShouldThrownUnreleasedInstanceIdExceptionWhenNewMemberJoinsWithInUseInstanceId
#[test]
fn an_instance_id_in_use_is_not_given_to_another() {
    let mut group = two_members();
    let twin = Beat::join("c").instance("i");
    assert_eq!(group.refused(twin.clone()), ErrorCode::UnreleasedInstanceId);
    // After a crash too, until the session is over.
    group.wait(40_000);
    group.ok(Beat::new("a", 2));
    assert_eq!(group.refused(twin.clone()), ErrorCode::UnreleasedInstanceId);
    group.wait(5_000);
    let (epoch, assignment) = group.ok(twin);
    assert_eq!((epoch, assignment.map(|list| list.len())), (4, Some(3)));
}

// testSessionTimeoutExpirationStaticMember
#[test]
fn leaving_for_now_does_not_touch_the_session() {
    let mut group = two_members();
    let session = CoordinatorTimer::Session(id("b"));
    group.wait(10_000);
    group.ok(Beat::leave_for_now("b", "i"));
    assert_eq!(group.fires(&session), Some(SimTime::from_millis(45_000)));
    group.ok(Beat::new("a", 2));
    group.take_facts();
    group.wait(35_000);
    let facts = group.take_facts();
    let expired = RemovalReason::SessionExpired;
    assert!(matches!(&facts[0], Fact::MemberRemoved { why, .. } if *why == expired));
    assert_eq!(group.ok(Beat::new("a", 2)).0, 3);
}

#[test]
fn leaving_for_good_is_leaving() {
    let mut group = two_members();
    group.ok(Beat::leave("b").instance("i"));
    assert_eq!(group.bumps(), [3]);
    assert_eq!(group.ok(Beat::join("c").instance("i")).0, 4);
}

#[test]
fn what_it_still_had_to_give_up_is_free_when_it_leaves_for_now() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a").instance("i").rebalance(10_000));
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1).instance("i"));
    group.ok(Beat::leave_for_now("a", "i"));
    assert_eq!(group.ok(Beat::new("b", 2)), (2, Some(share(&[3, 4, 5]))));
    // The rebalance timer finds it at another epoch.
    group.wait(10_000);
    assert!(group.coordinator.contains(&id("a")));
    let (epoch, back) = group.ok(Beat::join("c").instance("i"));
    assert_eq!((epoch, back), (2, Some(share(&[0, 1, 2]))));
}

// testStaticMemberRejoins… : the instance id of somebody else
#[test]
fn nobody_leaves_under_the_instance_id_of_another() {
    let mut group = two_members();
    let error = group.refused(Beat::leave_for_now("a", "i"));
    assert_eq!(error, ErrorCode::FencedInstanceId);
    let error = group.refused(Beat::leave_for_now("a", "j"));
    assert_eq!(error, ErrorCode::UnknownMemberId);
}
