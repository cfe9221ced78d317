//! OffsetCommit: the acceptance table.

use rebsim::protocol::message::{ErrorCode, LeaveCause};
use rebsim::timeline::GroupState;

use crate::group::{Group, Join, ms, share};

#[test]
fn a_commit_is_stored_and_answered_when_it_is_written() {
    let mut group = Group::stable(&["a"]);
    group.hold_appends = true;
    let token = group.commit("a", 1);
    assert!(group.waits(token) && group.stored.is_empty());
    group.commit_write();
    assert_eq!(group.committed(token), Some(ErrorCode::None));
    assert_eq!(group.stored, [(token, vec![(share(&[0])[0], 7)])]);
}

// ClassicGroupTest.testValidateOffsetCommit
#[test]
fn a_commit_must_be_of_a_member_of_this_generation() {
    let mut group = Group::stable_of(&[Join::new("i-1").instance("i"), Join::new("b")]);
    for ((member, instance, generation), answer) in [
        (("", None, -1), ErrorCode::UnknownMemberId), // an administrator, while there are members
        (("", None, 1), ErrorCode::UnknownMemberId),
        (("ghost", None, 1), ErrorCode::UnknownMemberId),
        (("b", Some("nobody"), 1), ErrorCode::UnknownMemberId),
        (("ghost", Some("i"), 1), ErrorCode::FencedInstanceId),
        (("b", None, 0), ErrorCode::IllegalGeneration),
        (("b", None, -1), ErrorCode::IllegalGeneration),
        (("i-1", Some("i"), 1), ErrorCode::None),
    ] {
        let token = group.commit_as(member, instance, generation);
        assert_eq!(
            group.committed(token),
            Some(answer),
            "{member} {instance:?} {generation}"
        );
    }
}

#[test]
fn the_state_decides_what_else_is_refused() {
    let mut group = Group::new();
    let administrator = group.commit("", -1);
    assert_eq!(
        group.committed(administrator),
        Some(ErrorCode::None),
        "of an empty group"
    );
    let stranger = group.commit("a", 0);
    assert_eq!(group.committed(stranger), Some(ErrorCode::UnknownMemberId));

    let mut group = Group::completing(&["a", "b"]);
    let completing = group.commit("a", 1);
    assert_eq!(
        group.committed(completing),
        Some(ErrorCode::RebalanceInProgress)
    );
    let old = group.commit("a", 0);
    assert_eq!(group.committed(old), Some(ErrorCode::IllegalGeneration));
    group.sync_all();
    group.join(Join::new("b").owned_in(1));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    let preparing = group.commit("a", 1);
    assert_eq!(
        group.committed(preparing),
        Some(ErrorCode::None),
        "until the join phase is over"
    );
    group.join(Join::new("a").owned_in(1));
    let after = group.commit("a", 1);
    assert_eq!(group.committed(after), Some(ErrorCode::IllegalGeneration));

    group.leave("a", LeaveCause::Closed);
    let left = group.commit("a", 2);
    assert_eq!(group.committed(left), Some(ErrorCode::UnknownMemberId));
    group.unload();
    let dead = group.commit("b", 2);
    assert_eq!(
        group.committed(dead),
        Some(ErrorCode::CoordinatorNotAvailable)
    );
}

// OffsetMetadataManagerTest.testGenericGroupOffsetCommitMaintainsSession; seen in recordings as well: a static member
// that closes is expired one session timeout after its last commit.
#[test]
fn a_commit_that_is_accepted_restarts_the_session() {
    let mut group = Group::stable(&["a", "b"]);
    group.advance(4_000);
    group.commit("b", 1);
    assert_eq!(group.session_left("b"), Some(ms(10_000)));
    group.advance(4_000);
    group.commit("b", 0);
    assert_eq!(
        group.session_left("b"),
        Some(ms(6_000)),
        "a refused one does not"
    );
    group.join(Join::new("a"));
    group.commit("b", 1);
    assert_eq!(
        group.session_left("b"),
        Some(ms(10_000)),
        "also while a rebalance is prepared"
    );
    group.join(Join::new("b"));
    group.advance(1_000);
    group.commit("b", 2);
    assert_eq!(
        group.session_left("b"),
        Some(ms(9_000)),
        "not while a generation completes"
    );
}
