//! Whose heartbeat counts.

use rebsim::protocol::message::ErrorCode;

use crate::group::{Beat, Group, share};

/// `a` at epoch 2 after 1, with 0, 1 and 2; `b` at 2 with the rest.
fn two_members() -> Group {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1));
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    group.ok(Beat::new("b", 2));
    group
}

// testConsumerGroupMemberEpochValidation
#[test]
fn a_member_must_be_at_its_epoch() {
    let mut group = two_members();
    let fenced = ErrorCode::FencedMemberEpoch;
    assert_eq!(group.refused(Beat::new("a", 3)), fenced);
    assert_eq!(group.refused(Beat::new("a", 1)), fenced);
    assert_eq!(group.refused(Beat::new("c", 2)), ErrorCode::UnknownMemberId);
    assert_eq!(group.ok(Beat::new("a", 2)), (2, None));
}

#[test]
fn who_did_not_hear_the_last_answer_shows_it_by_what_it_owns() {
    let mut group = two_members();
    let fenced = ErrorCode::FencedMemberEpoch;
    assert_eq!(group.ok(Beat::new("a", 1).owned(&share(&[0, 1]))).0, 2);
    let too_much = share(&[0, 1, 3]);
    assert_eq!(group.refused(Beat::new("a", 1).owned(&too_much)), fenced);
}

#[test]
fn a_join_can_be_sent_twice_until_the_member_has_moved_on() {
    let mut group = Group::of("4.1");
    let first = group.ok(Beat::join("a"));
    assert_eq!(group.ok(Beat::join("a")), first);
    assert_eq!(group.bumps(), [1]);
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1));
    assert_eq!(
        group.refused(Beat::join("a")),
        ErrorCode::FencedMemberEpoch,
        "its epoch before was 1 by now"
    );
}

// testConsumerGroupMemberEpochValidationForStaticMember
#[test]
fn a_static_member_must_be_the_one_and_at_its_epoch() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a").instance("i"));
    let beat = |member: &str, epoch| Beat::new(member, epoch).instance("i");
    assert_eq!(group.refused(beat("b", 1)), ErrorCode::FencedInstanceId);
    assert_eq!(group.refused(beat("a", 2)), ErrorCode::FencedMemberEpoch);
    let other = Beat::new("a", 1).instance("j");
    assert_eq!(group.refused(other), ErrorCode::UnknownMemberId);
    assert_eq!(group.ok(beat("a", 1)), (1, None));
}

// KAFKA-19233: testConsumerGroupMemberRejoinWithEpochZero… (in our words)
#[test]
fn since_4_2_a_member_that_is_known_may_join_anew() {
    for (version, taken_back) in [("4.1", false), ("4.2", true)] {
        let mut group = Group::of(version);
        group.ok(Beat::join("a"));
        group.ok(Beat::join("b"));
        group.ok(Beat::new("a", 1));
        if taken_back {
            // It owns nothing any more, and so has given up what it had to.
            assert_eq!(group.ok(Beat::join("a")), (2, Some(share(&[0, 1, 2]))));
            assert_eq!(group.bumps(), [1, 2], "nothing has changed for the group");
        } else {
            let fenced = ErrorCode::FencedMemberEpoch;
            assert_eq!(group.refused(Beat::join("a")), fenced);
        }
    }
}
