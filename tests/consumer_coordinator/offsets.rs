//! OffsetCommit in a consumer group.

use rebsim::kernel::SimTime;
use rebsim::protocol::effect::CoordinatorTimer;
use rebsim::protocol::message::{ErrorCode, OffsetCommitRequest, OffsetFetchRequest, Request};

use crate::group::{Beat, Group, id, share};

/// `a` with 0, 1 and 2 at epoch 2 or 3 (since 4.3), one more than its epoch before; `b` waits for the rest.
fn moved_on(version: &str) -> (Group, i32) {
    let mut group = Group::of(version);
    let (epoch, _) = group.ok(Beat::join("a"));
    group.wait(1_000);
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", epoch));
    group.ok(Beat::new("a", epoch).owned(&share(&[0, 1, 2])));
    (group, epoch + 1)
}

// OffsetMetadataManagerTest.testConsumerGroupOffsetCommitWithStaleMemberEpoch
#[test]
fn a_commit_must_be_of_the_members_epoch() {
    let (mut group, epoch) = moved_on("4.1");
    let mine = share(&[0]);
    assert_eq!(group.commit("a", epoch, &mine), ErrorCode::None);
    let stale = ErrorCode::StaleMemberEpoch;
    assert_eq!(group.commit("a", epoch - 1, &mine), stale);
    assert_eq!(group.commit("a", epoch + 1, &mine), stale);
    assert_eq!(group.commit("c", epoch, &mine), ErrorCode::UnknownMemberId);
    assert_eq!(group.stored.len(), 1);
}

// KIP-1251
#[test]
fn since_4_3_an_older_epoch_will_do_for_what_was_held_since_then() {
    let (mut group, epoch) = moved_on("4.3");
    assert_eq!(
        group.commit("a", epoch - 1, &share(&[0, 2])),
        ErrorCode::None
    );
    let stale = ErrorCode::StaleMemberEpoch;
    assert_eq!(group.commit("a", epoch - 2, &share(&[0])), stale);
    assert_eq!(group.commit("a", epoch - 1, &share(&[0, 4])), stale);
    group.ok(Beat::new("b", epoch));
    let late = group.commit("b", epoch - 1, &share(&[4]));
    assert_eq!(late, stale, "it got it in this epoch only");
}

#[test]
fn with_the_right_epoch_nobody_asks_whose_partitions_they_are() {
    for version in ["4.1", "4.4"] {
        let (mut group, epoch) = moved_on(version);
        assert_eq!(group.commit("a", epoch, &share(&[5])), ErrorCode::None);
    }
}

#[test]
fn a_commit_is_no_sign_of_life() {
    let (mut group, epoch) = moved_on("4.1");
    let session = CoordinatorTimer::Session(id("a"));
    let before = group.fires(&session);
    group.wait(5_000);
    group.commit("a", epoch, &share(&[0]));
    assert_eq!(group.fires(&session), before);
    assert!(before > Some(SimTime::ZERO));
}

#[test]
fn offsets_are_visible_when_they_are_written() {
    let (mut group, epoch) = moved_on("4.1");
    group.hold_appends = true;
    let commit = group.send(Request::OffsetCommit(OffsetCommitRequest {
        member_id: id("a"),
        instance_id: None,
        generation: epoch,
        offsets: share(&[0]).iter().map(|&held| (held, 7)).collect(),
    }));
    assert!(group.stored.is_empty() && group.replies.is_empty());
    group.commit_appends();
    assert_eq!(group.stored, [commit]);
    assert!(group.replies.contains_key(&commit));
}

#[test]
fn without_members_anybody_may_commit_without_an_epoch() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    assert_eq!(
        group.commit("", -1, &share(&[0])),
        ErrorCode::UnknownMemberId
    );
    group.ok(Beat::leave("a"));
    assert_eq!(group.commit("", -1, &share(&[0])), ErrorCode::None);
}

// `CurrentAssignmentBuilder.computeNextAssignment`: what is given back counts from the new epoch on.
#[test]
fn what_was_to_be_given_up_and_came_back_is_held_since_then_only() {
    let mut group = Group::of("4.3");
    group.ok(Beat::join("a"));
    group.wait(1_000);
    group.ok(Beat::join("b"));
    assert_eq!(group.ok(Beat::new("a", 2)).1, Some(share(&[0, 1, 2])));
    group.wait(1_000);
    group.ok(Beat::leave("b"));
    let all = share(&[0, 1, 2, 3, 4, 5]);
    let beat = Beat::new("a", 2).owned(&share(&[0, 1, 2]));
    assert_eq!(group.ok(beat), (4, Some(all)));
    assert_eq!(group.commit("a", 2, &share(&[0])), ErrorCode::None);
    let stale = ErrorCode::StaleMemberEpoch;
    assert_eq!(group.commit("a", 2, &share(&[3])), stale);
}

// ConsumerGroupTest.testValidateOffsetFetch
#[test]
fn who_asks_for_offsets_and_says_who_it_is_must_be_of_the_members_epoch() {
    let (group, epoch) = moved_on("4.1");
    let asked = |member: Option<(&str, i32)>| {
        group
            .coordinator
            .validate_offset_fetch(&OffsetFetchRequest {
                member: member.map(|(member_id, epoch)| (id(member_id), epoch)),
                partitions: share(&[0]).to_vec(),
            })
    };
    assert_eq!(
        asked(None),
        Ok(()),
        "administrators and classic clients do not say"
    );
    assert_eq!(asked(Some(("a", epoch))), Ok(()));
    let stale = Err(ErrorCode::StaleMemberEpoch);
    assert_eq!(asked(Some(("a", epoch - 1))), stale);
    assert_eq!(asked(Some(("a", epoch + 1))), stale);
    assert_eq!(asked(Some(("c", epoch))), Err(ErrorCode::UnknownMemberId));
}
