//! Groups that change their kind.

use std::sync::Arc;

use rebsim::assignor::AssignorKind;
use rebsim::protocol::config::{BrokerConfig, MigrationPolicy};
use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::{
    ErrorCode, OffsetCommitRequest, Request, RequestToken, Response, SyncGroupRequest,
};
use rebsim::timeline::{GroupState, Partitions, RebalanceReason};

use crate::group::{Beat, Group, broker, classic_join, id, ms, share};

fn sync(member: &str, generation: i32, shares: &[(&str, &[u32])]) -> Request {
    Request::SyncGroup(SyncGroupRequest {
        member_id: id(member),
        instance_id: None,
        generation,
        assignor: AssignorKind::Range,
        assignments: shares
            .iter()
            .map(|&(member, list)| (id(member), share(list)))
            .collect(),
    })
}

/// A classic group under this policy: `b` and `c` have synced generation 1 with three partitions each.
fn classic(policy: MigrationPolicy) -> Group {
    let mut config = broker("4.4");
    config.consumer.migration_policy = policy;
    classic_with(config)
}

fn classic_with(mut config: BrokerConfig) -> Group {
    config.initial_rebalance_delay = ms(0);
    let mut group = Group::with(config);
    let joins: Vec<RequestToken> = ["b", "c"]
        .map(|member| {
            let mut join = classic_join("", &share(&[]));
            join.proposed_member_id = id(member);
            group.join_group(join);
            group.send(Request::JoinGroup(classic_join(member, &share(&[]))))
        })
        .into();
    group.wait(0);
    assert!(joins.iter().all(|join| group.replies.contains_key(join)));
    let leader = match &group.replies[&joins[0]] {
        Response::JoinGroup(answer) => (answer.leader.as_str().to_owned(), answer.generation),
        other => panic!("{other:?}"),
    };
    let (leader, generation) = leader;
    let other = if leader == "b" { "c" } else { "b" };
    group.send(sync(
        &leader,
        generation,
        &[("b", &[0, 1, 2]), ("c", &[3, 4, 5])],
    ));
    group.send(sync(other, generation, &[]));
    assert_eq!((group.state(), generation), (GroupState::Stable, 1));
    group.take_facts();
    group.replies.clear();
    group
}

// testConsumerGroupHeartbeatWithStableClassicGroup
#[test]
fn the_first_heartbeat_makes_a_classic_group_a_consumer_group() {
    let mut group = classic(MigrationPolicy::Bidirectional);
    assert_eq!(group.ok(Beat::join("a")), (2, Some(share(&[]))));
    assert!(group.coordinator.is_consumer());
    assert_eq!(group.assignment("b"), share(&[0, 1, 2]));
    assert_eq!(group.coordinator.member_epoch(&id("b")), Some(1));
    let facts = group.take_facts();
    assert!(matches!(
        &facts[0],
        Fact::MemberJoined {
            protocol: "consumer",
            ..
        }
    ));
    assert!(matches!(
        &facts[1],
        Fact::GroupEpoch {
            epoch: 2,
            reason: RebalanceReason::Join,
            ..
        }
    ));
    let (stable, assigning) = (GroupState::Stable, GroupState::Assigning);
    let join = Some(RebalanceReason::Join);
    assert!(
        matches!(&facts[2], Fact::GroupState { from, to, reason, .. } if *from == stable && *to == assigning && *reason == join)
    );
    assert_eq!(group.heartbeat("b", 1), ErrorCode::RebalanceInProgress);
    let session = CoordinatorTimer::Session(id("b"));
    assert_eq!(group.fires(&session), Some(group.now + ms(10_000)));
}

// testConsumerGroupHeartbeatWithPreparingRebalanceClassicGroup
#[test]
fn who_waits_in_a_join_is_told_to_join_again() {
    let mut group = classic(MigrationPolicy::Upgrade);
    let join = group.send(Request::JoinGroup(classic_join("b", &share(&[0]))));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    group.ok(Beat::join("a"));
    let told = match &group.replies[&join] {
        Response::JoinGroup(answer) => answer.error,
        other => panic!("{other:?}"),
    };
    assert_eq!(told, ErrorCode::RebalanceInProgress);
    assert_eq!(group.fires(&CoordinatorTimer::Join), None);
    assert!(group.coordinator.is_consumer());
}

// testConsumerGroupHeartbeatWithCompletingRebalanceClassicGroup
#[test]
fn who_waits_in_a_sync_is_told_so_too_and_what_is_being_written_is_answered() {
    let mut group = classic(MigrationPolicy::Upgrade);
    group.hold_appends = true;
    let commit = group.send(Request::OffsetCommit(OffsetCommitRequest {
        member_id: id("b"),
        instance_id: None,
        generation: 1,
        offsets: Arc::from([]),
    }));
    let joins =
        ["b", "c"].map(|member| group.send(Request::JoinGroup(classic_join(member, &share(&[0])))));
    assert!(joins.iter().all(|join| group.replies.contains_key(join)));
    let parked = ["b", "c"].map(|member| group.send(sync(member, 2, &[])));
    group.send(Request::ConsumerGroupHeartbeat(Beat::join("a").0));
    for token in parked {
        let told = Response::SyncGroup(Err(ErrorCode::RebalanceInProgress));
        assert_eq!(group.replies.get(&token), Some(&told));
    }
    assert_eq!(group.fires(&CoordinatorTimer::Sync), None);
    assert!(!group.replies.contains_key(&commit));
    group.commit_appends();
    assert!(group.replies.contains_key(&commit) && group.stored == [commit]);
}

#[test]
fn the_policy_must_allow_it() {
    for policy in [MigrationPolicy::Disabled, MigrationPolicy::Downgrade] {
        let mut group = classic(policy);
        assert_eq!(group.refused(Beat::join("a")), ErrorCode::GroupIdNotFound);
        assert_eq!(group.state(), GroupState::Stable);
        assert_eq!(group.heartbeat("b", 1), ErrorCode::None);
    }
    let mut group = classic(MigrationPolicy::Upgrade);
    let error = group.refused(Beat::new("a", 1));
    assert_eq!(
        error,
        ErrorCode::GroupIdNotFound,
        "nobody but who joins converts"
    );
}

#[test]
fn a_group_that_would_be_too_large_stays_as_it_is() {
    for (max_size, error) in [
        (1, ErrorCode::GroupIdNotFound),
        (2, ErrorCode::GroupMaxSizeReached),
    ] {
        let mut config = broker("4.4");
        config.consumer.max_size = max_size;
        let mut group = classic_with(config);
        assert_eq!(group.refused(Beat::join("a")), error);
        assert!(!group.coordinator.is_consumer());
        assert_eq!(group.heartbeat("b", 1), ErrorCode::None);
    }
}

/// The group of [`classic`] with `a` of the consumer protocol and everybody at epoch 2: two partitions each.
fn mixed(policy: MigrationPolicy) -> Group {
    let mut group = classic(policy);
    group.ok(Beat::join("a"));
    for member in ["b", "c"] {
        let answer = group.join_group(classic_join(member, &share(&[])));
        assert_eq!(answer.generation, 2);
        assert_eq!(group.sync_group(member, 2).map(|list| list.len()), Ok(2));
    }
    assert_eq!(
        group.ok(Beat::new("a", 2)).1.map(|list| list.len()),
        Some(2)
    );
    assert_eq!(group.state(), GroupState::Stable);
    group.take_facts();
    group
}

// testLastConsumerProtocolMemberLeavingConsumerGroup
#[test]
fn when_the_last_of_its_kind_leaves_the_group_is_classic_again_and_rebalances() {
    let mut group = mixed(MigrationPolicy::Bidirectional);
    let targets: Vec<Partitions> = ["b", "c"].map(|member| group.assignment(member)).into();
    group.ok(Beat::leave("a"));
    assert!(!group.coordinator.is_consumer());
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert_eq!(group.coordinator.generation(), 2, "the epoch, not bumped");
    let facts = group.take_facts();
    assert!(matches!(&facts[0], Fact::MemberRemoved { .. }));
    let leave = Some(RebalanceReason::Leave);
    assert!(
        matches!(&facts[1], Fact::GroupState { to: GroupState::PreparingRebalance, reason, .. } if *reason == leave)
    );
    assert_eq!(targets, ["b", "c"].map(|member| group.assignment(member)));
    assert_eq!(group.heartbeat("b", 2), ErrorCode::RebalanceInProgress);
    let session = CoordinatorTimer::Session(id("b"));
    assert_eq!(group.fires(&session), Some(group.now + ms(10_000)));
    let joins =
        ["b", "c"].map(|member| group.send(Request::JoinGroup(classic_join(member, &share(&[])))));
    assert!(joins.iter().all(|join| group.replies.contains_key(join)));
    assert_eq!(group.coordinator.generation(), 3);
}

// testLastConsumerProtocolMemberSessionTimeoutInConsumerGroup
#[test]
fn when_its_session_is_over_too() {
    let mut group = mixed(MigrationPolicy::Bidirectional);
    group.fire(CoordinatorTimer::Session(id("a")));
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert!(!group.coordinator.is_consumer());
}

// testLastConsumerProtocolMemberRebalanceTimeoutInConsumerGroup
#[test]
fn and_when_it_does_not_give_up_partitions_in_time() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a").rebalance(10_000));
    group.join_group(classic_join("b", &share(&[])));
    group.ok(Beat::new("a", 1));
    group.take_facts();
    group.wait(9_000);
    group.heartbeat("b", 2);
    group.wait(1_000);
    assert!(!group.coordinator.is_consumer());
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    assert_eq!(group.coordinator.members(), [id("b")]);
}

#[test]
fn without_leave_of_the_policy_it_stays_a_consumer_group() {
    let mut group = mixed(MigrationPolicy::Upgrade);
    group.ok(Beat::leave("a"));
    assert!(group.coordinator.is_consumer());
    assert_eq!(group.bumps(), [3]);
}

#[test]
fn the_answer_to_the_leave_waits_for_the_new_group() {
    let mut group = mixed(MigrationPolicy::Bidirectional);
    group.hold_appends = true;
    let before = group.send(Request::Heartbeat(
        rebsim::protocol::message::HeartbeatRequest {
            member_id: id("b"),
            instance_id: None,
            generation: 2,
        },
    ));
    assert!(
        group.replies.contains_key(&before),
        "nothing is being written"
    );
    let leave = group.send(Request::ConsumerGroupHeartbeat(Beat::leave("a").0));
    assert!(!group.replies.contains_key(&leave));
    group.commit_appends();
    assert!(group.replies.contains_key(&leave));
}

// testLastStaticConsumerProtocolMemberReplacedByClassicProtocolMember
#[test]
fn when_a_classic_member_takes_the_last_ones_place_nobody_need_rebalance() {
    let mut group = classic(MigrationPolicy::Bidirectional);
    group.ok(Beat::join("a").instance("i"));
    for member in ["b", "c"] {
        group.join_group(classic_join(member, &share(&[])));
        group.sync_group(member, 2).expect("in its generation");
    }
    group.ok(Beat::new("a", 2).instance("i"));
    let had = group.assignment("a");
    let mut join = classic_join("", &share(&[]));
    join.instance_id = Some(Arc::from("i"));
    join.proposed_member_id = id("d");
    let answer = group.join_group(join);
    assert_eq!((answer.error, answer.generation), (ErrorCode::None, 2));
    assert!(!group.coordinator.is_consumer());
    assert_eq!(group.state(), GroupState::Stable);
    assert_eq!(group.assignment("d"), had);
    assert_eq!(group.heartbeat("b", 2), ErrorCode::None);
}

// testConsumerGroupHeartbeatFromExistingClassicStaticMember
#[test]
fn a_static_member_can_come_back_by_the_other_protocol() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    let mut join = classic_join("", &share(&[]));
    join.instance_id = Some(Arc::from("i"));
    join.proposed_member_id = id("b");
    group.join_group(join);
    let (_, given) = group.ok(Beat::join("c").instance("i"));
    assert!(given.is_some() && !group.coordinator.contains(&id("b")));
    assert_eq!(
        group.heartbeat("c", 2),
        ErrorCode::UnknownMemberId,
        "it is no classic member"
    );
}

// testConsumerGroupHeartbeatWithEmptyClassicGroup, testClassicGroupJoinWithEmptyConsumerGroup
#[test]
fn an_empty_group_becomes_what_its_next_member_is_whatever_the_policy() {
    let mut group = classic(MigrationPolicy::Disabled);
    group.leave_group("b");
    group.leave_group("c");
    assert_eq!(group.state(), GroupState::Empty);
    assert_eq!(group.ok(Beat::join("a")).0, 2, "a new group");
    assert!(group.coordinator.is_consumer());
    group.ok(Beat::leave("a"));
    let mut join = classic_join("", &share(&[]));
    join.proposed_member_id = id("b");
    let answer = group.join_group(join);
    assert_eq!(answer.error, ErrorCode::MemberIdRequired);
    assert!(!group.coordinator.is_consumer());
    assert_eq!(group.coordinator.generation(), 0, "a new group");
}

// KAFKA-20640
#[test]
fn since_4_4_a_consumer_group_takes_in_no_classic_member_without_leave_of_the_policy() {
    for (version, error) in [
        ("4.3", ErrorCode::MemberIdRequired),
        ("4.4", ErrorCode::InconsistentGroupProtocol),
    ] {
        for (policy, error) in [
            (MigrationPolicy::Disabled, error),
            (MigrationPolicy::Upgrade, ErrorCode::MemberIdRequired),
        ] {
            let mut config = broker(version);
            config.consumer.migration_policy = policy;
            let mut group = Group::with(config);
            group.ok(Beat::join("a"));
            let mut join = classic_join("", &share(&[]));
            join.proposed_member_id = id("b");
            assert_eq!(group.join_group(join).error, error);
        }
    }
}

fn told(group: &Group, join: RequestToken) -> ErrorCode {
    match &group.replies[&join] {
        Response::JoinGroup(answer) => answer.error,
        other => panic!("{other:?}"),
    }
}

// `GroupMetadataManager.convertToConsumerGroup` sends away who waits, then `ConsumerGroup.fromClassicGroup` asks for the name of a protocol that is none yet.
#[test]
fn a_group_that_has_chosen_no_assignor_yet_fails_to_be_converted_and_begins_again() {
    let mut group = Group::of("4.4");
    let mut join = classic_join("", &share(&[]));
    join.proposed_member_id = id("b");
    group.join_group(join);
    let join = group.send(Request::JoinGroup(classic_join("b", &share(&[]))));
    assert!(!group.replies.contains_key(&join));
    let error = group.refused(Beat::join("a"));
    assert_eq!(error, ErrorCode::UnknownServerError);
    assert_eq!(told(&group, join), ErrorCode::RebalanceInProgress);
    assert!(!group.coordinator.is_consumer());
    assert_eq!(group.state(), GroupState::PreparingRebalance);
    let join = group.send(Request::JoinGroup(classic_join("b", &share(&[]))));
    group.wait(3_000);
    assert_eq!(told(&group, join), ErrorCode::None);
    assert_eq!(group.ok(Beat::join("a")).0, 2);
}

#[test]
fn who_waits_is_sent_away_also_when_there_is_no_room_for_who_comes() {
    let mut config = broker("4.4");
    config.consumer.max_size = 2;
    let mut group = classic_with(config);
    let join = group.send(Request::JoinGroup(classic_join("b", &share(&[0]))));
    let full = ErrorCode::GroupMaxSizeReached;
    assert_eq!(group.refused(Beat::join("a")), full);
    assert_eq!(told(&group, join), ErrorCode::RebalanceInProgress);
    assert_eq!(group.state(), GroupState::PreparingRebalance);
}

// KAFKA-20273
#[test]
fn since_4_3_a_group_goes_back_with_a_rebalance_if_its_target_is_old() {
    for (version, state) in [
        ("4.2", GroupState::Stable),
        ("4.3", GroupState::PreparingRebalance),
    ] {
        let mut group = classic_with(broker(version));
        group.ok(Beat::join("a").instance("i"));
        for member in ["b", "c"] {
            group.join_group(classic_join(member, &share(&[])));
            group.sync_group(member, 2).expect("in its generation");
        }
        group.ok(Beat::new("a", 2).instance("i"));
        group.leave_group("c");
        let mut join = classic_join("", &share(&[]));
        join.instance_id = Some(Arc::from("i"));
        join.proposed_member_id = id("d");
        assert_eq!(group.join_group(join).error, ErrorCode::None);
        assert_eq!(
            (group.coordinator.is_consumer(), group.state()),
            (false, state)
        );
    }
}

/// The members' ids fall into one bin of Java's map and one slot of Kafka's, so that their order decides. The log's replay fills Kafka's map in the order in which the
/// first one had them, newest first; so the older one comes first in the end (`GroupMetadataManager.convertToConsumerGroup`, `createConsumerGroupRecords`).
#[test]
fn members_of_a_converted_group_are_in_the_order_of_its_replay() {
    let mut config = broker("4.1");
    config.initial_rebalance_delay = ms(0);
    let mut group = Group::with(config);
    let ids = ["b14", "c24"];
    let joins = ids.map(|member| {
        let mut join = classic_join("", &share(&[]));
        join.proposed_member_id = id(member);
        group.join_group(join);
        group.send(Request::JoinGroup(classic_join(member, &share(&[]))))
    });
    group.wait(0);
    assert!(
        joins
            .iter()
            .all(|&join| told(&group, join) == ErrorCode::None)
    );
    let shares: [(&str, &[u32]); 2] = [("b14", &[0, 1, 2]), ("c24", &[3, 4, 5])];
    for member in ids {
        group.send(sync(member, 1, &shares));
    }
    group.ok(Beat::join("a"));
    group.take_facts();
    group.ok(Beat::join("d"));
    let target = group.take_facts().into_iter().find_map(|fact| match fact {
        Fact::TargetAssignment { assignment, .. } => Some(assignment),
        _ => None,
    });
    let lengths: Vec<(String, usize)> = target
        .expect("a target")
        .iter()
        .map(|(member, share)| (member.as_str().to_owned(), share.len()))
        .collect();
    let of = |member: &str| {
        lengths
            .iter()
            .find(|(id, _)| id == member)
            .map(|(_, len)| *len)
    };
    assert_eq!((of("b14"), of("c24")), (Some(2), Some(1)), "{lengths:?}");
}
