//! The coordinator goes away and comes back.

use rebsim::kernel::SimTime;
use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::{ErrorCode, Request, Response};
use rebsim::timeline::{GroupState, RebalanceReason, RemovalReason};

use crate::group::{Beat, Group, id, share};

// testOnLoaded
#[test]
fn the_log_holds_everything_but_timers() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a").rebalance(10_000));
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1));
    group.take_facts();
    group.wait(5_000);
    group.restart();
    assert!(group.take_facts().is_empty());
    assert_eq!(group.state(), GroupState::Reconciling);
    assert_eq!(group.assignment("a"), share(&[0, 1, 2]));
    let fires = |timer: CoordinatorTimer| group.fires(&timer);
    let fresh = Some(SimTime::from_millis(50_000));
    assert_eq!(fires(CoordinatorTimer::Session(id("a"))), fresh);
    assert_eq!(fires(CoordinatorTimer::Session(id("b"))), fresh);
    assert_eq!(
        fires(CoordinatorTimer::RebalanceTimeout(id("a"))),
        Some(SimTime::from_millis(15_000))
    );
    assert_eq!(fires(CoordinatorTimer::RebalanceTimeout(id("b"))), None);
    group.ok(Beat::new("a", 1).owned(&share(&[0, 1, 2])));
    assert_eq!(group.ok(Beat::new("b", 2)).1, Some(share(&[3, 4, 5])));
    assert_eq!(group.bumps(), [0; 0]);
}

// testSubscriptionMetadataRefreshedAfterGroupIsLoaded
#[test]
fn the_first_heartbeat_after_it_looks_at_the_topics() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.take_facts();
    group.grow(7, 3);
    group.hold_appends = true;
    group.send(Request::ConsumerGroupHeartbeat(Beat::new("a", 1).0));
    assert_eq!(group.bumps(), [2]);
    // The bump is lost with its write.
    group.restart();
    group.hold_appends = false;
    assert_eq!(group.ok(Beat::new("a", 1)).0, 2);
    assert_eq!(group.bumps(), [2]);
}

#[test]
fn what_is_not_written_is_lost_and_who_waits_is_sent_elsewhere() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.hold_appends = true;
    let join = group.send(Request::ConsumerGroupHeartbeat(Beat::join("b").0));
    group.take_facts();
    group.restart();
    let answer = match &group.replies[&join] {
        Response::ConsumerGroupHeartbeat(answer) => answer.error,
        other => panic!("{other:?}"),
    };
    assert_eq!(answer, ErrorCode::NotCoordinator);
    assert!(!group.coordinator.contains(&id("b")));
    let facts = group.take_facts();
    let lost = RemovalReason::CoordinatorChange;
    assert!(
        matches!(&facts[0], Fact::MemberRemoved { member_id, why } if *member_id == id("b") && *why == lost)
    );
    assert_eq!(group.state(), GroupState::Stable);
    // The old broker's write is void.
    group.hold_appends = false;
    let (epoch, _) = group.ok(Beat::join("b"));
    assert_eq!(epoch, 2);
}

#[test]
fn a_removal_that_is_not_written_did_not_happen() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.hold_appends = true;
    group.send(Request::ConsumerGroupHeartbeat(Beat::leave("a").0));
    assert_eq!(group.state(), GroupState::Empty);
    group.take_facts();
    group.restart();
    let facts = group.take_facts();
    assert!(matches!(&facts[0], Fact::MemberJoined { member_id, .. } if *member_id == id("a")));
    assert_eq!(group.state(), GroupState::Stable);
    assert_eq!(group.ok(Beat::new("a", 1)), (1, None));
}

#[test]
fn while_it_is_away_nobody_is_served() {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group
        .coordinator
        .on_unloaded(SimTime::ZERO, &mut Vec::new());
    assert_eq!(group.state(), GroupState::Dead);
    let away = ErrorCode::CoordinatorNotAvailable;
    assert_eq!(group.refused(Beat::new("a", 1)), away);
    assert_eq!(group.commit("a", 1, &share(&[0])), away);
    assert_eq!(group.heartbeat("a", 1), away);
}

#[test]
fn the_assignment_interval_is_counted_from_the_last_target_in_the_log() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    group.wait(400);
    group.restart();
    group.ok(Beat::join("b"));
    assert_eq!(group.targets(), [2]);
    group.wait(600);
    group.ok(Beat::new("b", 2));
    assert_eq!(group.targets(), [3]);
}

#[test]
fn a_steady_start_has_everybody_at_the_target() {
    use rebsim::protocol::consumer::SteadyMember;
    let mut group = Group::of("4.4");
    let members = ["a", "b"].map(|name| SteadyMember {
        member_id: id(name),
        instance_id: None,
        rack: None,
        rebalance_timeout: crate::group::ms(60_000),
        topics: std::sync::Arc::from([rebsim::assignor::TopicId(0)]),
        pattern: None,
        server_assignor: None,
        silent_for: rebsim::kernel::SimDuration::ZERO,
    });
    let mut out = Vec::new();
    let (shares, epoch) =
        group
            .coordinator
            .install_stable_consumer(SimTime::ZERO, &members, &group.topics, &mut out);
    assert_eq!(
        (shares, epoch),
        (vec![share(&[0, 1, 2]), share(&[3, 4, 5])], 2)
    );
    assert_eq!(group.state(), GroupState::Stable);
    group.coordinator.check().expect("it is sound");
    assert_eq!(group.ok(Beat::new("a", 2)), (2, None));
    // The next bump need not wait for an interval.
    group.ok(Beat::leave("b"));
    assert_eq!(group.ok(Beat::new("a", 2)).0, 3);
    let reason = group.take_facts().into_iter().find_map(|fact| match fact {
        Fact::GroupState { reason, .. } => reason,
        _ => None,
    });
    assert_eq!(reason, Some(RebalanceReason::Leave));
}

#[test]
fn a_static_member_that_is_away_and_owes_a_revocation_has_its_rebalance_timeout_to_come_back_after_loading()
 {
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a").instance("i").rebalance(10_000));
    group.ok(Beat::join("b"));
    group.ok(Beat::new("a", 1).instance("i"));
    group.ok(Beat::leave_for_now("a", "i"));
    group.restart();
    let timer = CoordinatorTimer::RebalanceTimeout(id("a"));
    assert_eq!(
        group.fires(&timer),
        Some(group.now + crate::group::ms(10_000))
    );
    group.wait(10_000);
    assert!(!group.coordinator.contains(&id("a")));
    assert_eq!(
        group.ok(Beat::new("b", 2)).1,
        Some(share(&[0, 1, 2, 3, 4, 5]))
    );
}
