//! ConsumerGroupHeartbeat: what is refused, what is written, what is answered and observed.

use std::sync::Arc;

use rebsim::assignor::ServerAssignorKind;
use rebsim::kernel::SimTime;
use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, LEAVE_EPOCH, Request, STATIC_LEAVE_EPOCH};
use rebsim::timeline::{GroupState, MemberEpochState, RebalanceReason};

use crate::group::{Beat, Group, broker, id, ms, share};

// testConsumerHeartbeatRequestValidation
#[test]
fn a_heartbeat_must_say_what_its_epoch_asks_for() {
    let mut group = Group::of("4.4");
    let mut without_timeout = Beat::join("a");
    without_timeout.0.rebalance_timeout = None;
    let mut without_topics = Beat::join("a");
    without_topics.0.topics = None;
    let mut without_owned = Beat::join("a");
    without_owned.0.owned = None;
    let mut nowhere = Beat::join("a");
    nowhere.0.rack = Some(Arc::from(""));
    let ill_formed = [
        without_timeout,
        without_topics,
        without_owned,
        nowhere,
        Beat::join("a").owned(&share(&[1])),
        Beat::join("a").instance(""),
        Beat::join(""),
        Beat::new("", 3),
        Beat::new("", LEAVE_EPOCH),
        Beat::new("a", STATIC_LEAVE_EPOCH),
        Beat::new("a", -3),
    ];
    for beat in ill_formed {
        let said = format!("{:?}", beat.0);
        assert_eq!(group.refused(beat), ErrorCode::InvalidRequest, "{said}");
    }
    assert_eq!(group.state(), GroupState::Empty);
    assert!(group.facts.is_empty() && group.appended == 0);
}

// testJoinEmptyConsumerGroup with no topics; `pattern` without metadata does so (p-k848-pattern, recorded on 4.4.0)
#[test]
fn who_subscribes_to_nothing_is_a_member_without_partitions_until_it_names_topics() {
    let mut group = Group::of("4.4");
    assert_eq!(group.ok(Beat::join("a").topics(&[])), (1, Some(share(&[]))));
    assert_eq!(group.state(), GroupState::Stable);
    let bumps = |group: &Group| {
        let is_bump = |fact: &&Fact| matches!(fact, Fact::GroupEpoch { .. });
        group.facts.iter().filter(is_bump).count()
    };
    assert_eq!(
        bumps(&group),
        0,
        "a group is made with epoch 1, and nothing changed"
    );
    let (epoch, assigned) = group.ok(Beat::new("a", 1).topics(&[0]));
    assert_eq!((epoch, bumps(&group)), (2, 1));
    assert_eq!(assigned, Some(share(&[0, 1, 2, 3, 4, 5])));
}

#[test]
fn an_assignor_that_the_broker_does_not_have_is_refused() {
    let mut config = broker("4.4");
    config.consumer.assignors = Arc::from([ServerAssignorKind::Range]);
    let mut group = Group::with(config);
    let beat = Beat::join("a").assignor(ServerAssignorKind::Uniform);
    assert_eq!(group.refused(beat), ErrorCode::UnsupportedAssignor);
    group.ok(Beat::join("a").assignor(ServerAssignorKind::Range));
}

#[test]
fn only_a_join_makes_a_group() {
    let mut group = Group::of("4.4");
    assert_eq!(group.refused(Beat::new("a", 3)), ErrorCode::GroupIdNotFound);
    assert_eq!(group.refused(Beat::leave("a")), ErrorCode::GroupIdNotFound);
    group.ok(Beat::join("a"));
    group.ok(Beat::leave("a"));
    assert_eq!(group.refused(Beat::new("a", 3)), ErrorCode::UnknownMemberId);
}

// testConsumerGroupMembers over group.consumer.max.size
#[test]
fn a_full_group_takes_in_nobody_else() {
    let mut config = broker("4.4");
    config.consumer.max_size = 1;
    let mut group = Group::with(config);
    group.ok(Beat::join("a"));
    assert_eq!(
        group.refused(Beat::join("b")),
        ErrorCode::GroupMaxSizeReached
    );
    group.ok(Beat::new("a", 2));
}

// testMemberJoinsEmptyConsumerGroup; KAFKA-20268
#[test]
fn the_first_member_gets_everything_at_the_first_epoch() {
    for (version, epoch) in [("4.0", 1), ("4.1", 1), ("4.2", 1), ("4.3", 2), ("4.4", 2)] {
        let mut group = Group::of(version);
        let (given, assignment) = group.ok(Beat::join("a"));
        assert_eq!(
            (given, assignment),
            (epoch, Some(share(&[0, 1, 2, 3, 4, 5])))
        );
        assert_eq!(group.state(), GroupState::Stable);
    }
}

// testNewJoiningMemberTriggersNewTargetAssignment
#[test]
fn a_new_member_gets_what_is_free_and_waits_for_the_rest() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    assert_eq!(group.ok(Beat::join("b")), (2, Some(share(&[]))));
    assert_eq!(group.state(), GroupState::Reconciling);
    // It must give something up first, and hears of nothing else.
    assert_eq!(group.ok(Beat::new("a", 1)), (1, Some(share(&[0, 1, 2]))));
    assert_eq!(group.ok(Beat::new("b", 2)), (2, None));
    assert_eq!(group.ok(Beat::new("a", 1)), (1, None));
    assert_eq!(
        group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2]))),
        (2, None)
    );
    assert_eq!(group.ok(Beat::new("b", 2)), (2, Some(share(&[3, 4, 5]))));
    assert_eq!(group.state(), GroupState::Stable);
}

#[test]
fn the_facts_come_in_kafkas_order() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    let all = share(&[0, 1, 2, 3, 4, 5]);
    let state = |from, to, reason: Option<RebalanceReason>| Fact::GroupState {
        from,
        to,
        generation: 2,
        reason,
        by: reason.map(|_| id("a")),
    };
    assert_eq!(
        group.take_facts(),
        [
            Fact::MemberJoined {
                member_id: id("a"),
                protocol: "consumer"
            },
            Fact::GroupEpoch {
                epoch: 2,
                reason: RebalanceReason::Join,
                by: Some(id("a"))
            },
            state(
                GroupState::Empty,
                GroupState::Assigning,
                Some(RebalanceReason::Join)
            ),
            Fact::TargetAssignment {
                epoch: 2,
                assignor: "uniform",
                assignment: vec![(id("a"), all.clone())],
            },
            state(GroupState::Assigning, GroupState::Reconciling, None),
            Fact::MemberEpoch {
                member_id: id("a"),
                epoch: 2,
                previous_epoch: 0,
                state: MemberEpochState::Stable,
                assigned: all,
                pending_revocation: share(&[]),
            },
            state(GroupState::Reconciling, GroupState::Stable, None),
        ]
    );
}

// testConsumerGroupHeartbeatFullResponse
#[test]
fn the_assignment_is_said_when_it_changed_and_to_who_says_everything() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    let all = share(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(group.ok(Beat::new("a", 2)), (2, None));
    assert_eq!(group.ok(Beat::new("a", 2).owned(&all)), (2, None));
    let full = Beat::new("a", 2).owned(&all).topics(&[0]).rebalance(60_000);
    assert_eq!(group.ok(full), (2, Some(all)));
}

#[test]
fn a_heartbeat_that_changes_nothing_writes_nothing() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    let before = group.appended;
    group.take_facts();
    group.ok(Beat::new("a", 2));
    let full = Beat::new("a", 2)
        .owned(&share(&[0]))
        .topics(&[0])
        .rebalance(60_000);
    group.ok(full);
    assert_eq!((group.appended, group.take_facts().len()), (before, 0));
}

#[test]
fn what_changes_is_observed_at_once_and_answered_when_it_is_written() {
    let mut group = Group::of("4.4");
    group.hold_appends = true;
    let join = group.send(Request::ConsumerGroupHeartbeat(Beat::join("a").0));
    assert_eq!(group.state(), GroupState::Stable);
    // Nothing to write, but something before it is not written yet.
    let plain = group.send(Request::ConsumerGroupHeartbeat(Beat::new("a", 2).0));
    assert!(group.replies.is_empty() && group.appends.len() == 1);
    // Who is refused does not wait.
    assert_eq!(
        group.refused(Beat::new("a", 9)),
        ErrorCode::FencedMemberEpoch
    );
    group.commit_appends();
    let answered: Vec<_> = group.replies.keys().copied().collect();
    assert_eq!(answered, [join, plain]);
    let direct = group.send(Request::ConsumerGroupHeartbeat(Beat::new("a", 2).0));
    assert!(group.replies.contains_key(&direct));
}

#[test]
fn another_subscription_bumps_the_epoch() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.take_facts();
    let (epoch, assignment) = group.ok(Beat::new("a", 1).topics(&[1, 0]));
    assert_eq!((epoch, assignment.map(|list| list.len())), (2, Some(9)));
    let reason = group.take_facts().into_iter().find_map(|fact| match fact {
        Fact::GroupEpoch { reason, by, .. } => Some((reason, by)),
        _ => None,
    });
    let expected = (RebalanceReason::SubscriptionChange, Some(id("a")));
    assert_eq!(reason, Some(expected));
    // The same topics in another order are the same.
    group.ok(Beat::new("a", 2).topics(&[0, 1]));
    assert_eq!(group.bumps(), [0; 0]);
}

#[test]
fn other_settings_of_a_member_are_written_and_bump_nothing() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.take_facts();
    let before = group.appended;
    group.ok(Beat::new("a", 1).rebalance(1_000));
    group.ok(Beat::new("a", 1).assignor(ServerAssignorKind::Range));
    let mut moved = Beat::new("a", 1);
    moved.0.rack = Some(Arc::from("rack0"));
    group.ok(moved);
    assert_eq!((group.appended, group.take_facts().len()), (before + 3, 0));
}

// testSubscriptionMetadataRefreshedAgainAfterWriteFailure and friends; testOnNewMetadataImage
#[test]
fn the_next_heartbeat_of_anybody_sees_new_partitions() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1));
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    group.ok(Beat::new("b", 2));
    group.take_facts();
    group.grow(8, 3);
    assert!(group.facts.is_empty(), "a broker does not push");
    assert_eq!(group.ok(Beat::new("b", 2)), (3, Some(share(&[3, 4, 5, 7]))));
    let bump = group.take_facts().into_iter().find_map(|fact| match fact {
        Fact::GroupEpoch { epoch, reason, by } => Some((epoch, reason, by)),
        _ => None,
    });
    assert_eq!(bump, Some((3, RebalanceReason::MetadataChange, None)));
    assert_eq!(group.ok(Beat::new("a", 2)), (3, Some(share(&[0, 1, 2, 6]))));
    assert_eq!(group.bumps(), [0; 0]);
}

#[test]
fn topics_that_nobody_subscribes_to_do_not_matter() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.take_facts();
    group.grow(6, 9);
    group.ok(Beat::new("a", 1));
    assert_eq!(group.bumps(), [0; 0]);
}

// testSessionTimeoutLifecycle
#[test]
fn every_accepted_heartbeat_restarts_the_session() {
    let mut group = Group::of("4.4");
    let session = CoordinatorTimer::Session(id("a"));
    group.ok(Beat::join("a"));
    assert_eq!(group.fires(&session), Some(SimTime::from_millis(45_000)));
    group.wait(5_000);
    group.ok(Beat::new("a", 2));
    assert_eq!(group.fires(&session), Some(SimTime::from_millis(50_000)));
    group.wait(5_000);
    group.refused(Beat::new("a", 9));
    assert_eq!(group.fires(&session), Some(SimTime::from_millis(50_000)));
    group.ok(Beat::leave("a"));
    assert_eq!(group.fires(&session), None);
}

#[test]
fn the_answer_names_the_heartbeat_interval_of_the_group() {
    let mut config = broker("4.4");
    config.consumer.heartbeat_interval = ms(1_234);
    let mut group = Group::with(config);
    assert_eq!(group.beat(Beat::join("a")).heartbeat_interval, ms(1_234));
}

// KAFKA-20601
#[test]
fn since_4_4_a_static_member_may_come_back_to_a_full_group() {
    for (version, error) in [
        ("4.3", ErrorCode::GroupMaxSizeReached),
        ("4.4", ErrorCode::None),
    ] {
        let mut config = broker(version);
        config.consumer.max_size = 1;
        let mut group = Group::with(config);
        group.ok(Beat::join("a").instance("i"));
        group.ok(Beat::leave_for_now("a", "i"));
        let full = ErrorCode::GroupMaxSizeReached;
        assert_eq!(group.refused(Beat::join("b").instance("j")), full);
        let answer = group.beat(Beat::join("b").instance("i"));
        assert_eq!(answer.error, error, "{version}");
    }
}
