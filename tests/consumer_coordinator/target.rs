//! When a target is computed and by which assignor.

use rebsim::assignor::ServerAssignorKind;
use rebsim::protocol::effect::CoordinatorFact;
use rebsim::timeline::{GroupState, MemberEpochState};

use crate::group::{Beat, Group, broker, ms, share};

#[test]
fn before_4_3_every_bump_is_followed_by_a_target_in_the_same_heartbeat() {
    let mut group = Group::of("4.2");
    for member in ["a", "b", "c"] {
        group.ok(Beat::join(member));
    }
    assert_eq!(group.targets(), [1, 2, 3]);
}

// kip848-uniform-cold-start
#[test]
fn since_4_3_joins_are_gathered_for_the_assignment_interval() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    group.wait(200);
    // At the old target, with nothing to get and nothing to wait for.
    assert_eq!(group.ok(Beat::join("b")), (2, Some(share(&[]))));
    group.wait(200);
    assert_eq!(group.ok(Beat::join("c")), (2, Some(share(&[]))));
    assert_eq!(group.state(), GroupState::Assigning);
    let stable = |name: &str, held| (name.to_owned(), 2, MemberEpochState::Stable, held, 0);
    assert_eq!(
        group.moves(),
        [stable("a", 6), stable("b", 0), stable("c", 0)]
    );
    group.wait(599);
    group.ok(Beat::new("b", 2));
    assert_eq!(group.targets(), [0; 0], "999 ms after the last one");
    group.wait(1);
    // Whoever triggers it gets it in its own answer.
    assert_eq!(group.ok(Beat::new("a", 2)), (2, Some(share(&[0, 1]))));
    assert_eq!(group.targets(), [4]);
}

#[test]
fn no_timer_computes_a_target() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b"));
    group.take_facts();
    group.wait(30_000);
    assert!(group.facts.is_empty());
    group.ok(Beat::new("b", 2));
    assert_eq!(group.targets(), [3]);
}

#[test]
fn an_interval_of_zero_computes_at_every_bump() {
    let mut config = broker("4.4");
    config.consumer.assignment_interval = ms(0);
    let mut group = Group::with(config);
    for member in ["a", "b", "c"] {
        group.ok(Beat::join(member));
    }
    assert_eq!(group.targets(), [2, 3, 4]);
}

#[test]
fn a_member_that_is_fenced_before_a_target_names_it_leaves_none_behind() {
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b"));
    group.ok(Beat::leave("b"));
    group.wait(1_000);
    group.ok(Beat::new("a", 2));
    assert_eq!(group.targets(), [2, 4]);
    assert_eq!(group.assignment("a").len(), 6);
}

fn assignors(group: &mut Group) -> Vec<&'static str> {
    let name = |fact: CoordinatorFact| match fact {
        CoordinatorFact::TargetAssignment { assignor, .. } => Some(assignor),
        _ => None,
    };
    group.take_facts().into_iter().filter_map(name).collect()
}

// ConsumerGroupTest.testPreferredServerAssignor
#[test]
fn the_assignor_that_most_members_ask_for_is_taken() {
    let (uniform, range) = (ServerAssignorKind::Uniform, ServerAssignorKind::Range);
    let mut group = Group::of("4.1");
    group.ok(Beat::join("a"));
    group.ok(Beat::join("b").assignor(range));
    group.ok(Beat::join("c").assignor(uniform));
    group.ok(Beat::join("d").assignor(uniform));
    group.ok(Beat::join("e").assignor(range));
    group.ok(Beat::join("f").assignor(range));
    // Nobody asks: the broker's first. At a tie one that is asked for the first time, else `uniform`.
    assert_eq!(
        assignors(&mut group),
        ["uniform", "range", "uniform", "uniform", "uniform", "range"]
    );
}

// KAFKA-20434
#[test]
fn since_4_4_another_preferred_assignor_bumps_the_epoch() {
    for (version, bumps) in [("4.3", &[][..]), ("4.4", &[3])] {
        let mut group = Group::of(version);
        group.ok(Beat::join("a").instance("i"));
        group.ok(Beat::leave_for_now("a", "i"));
        group.take_facts();
        let join = Beat::join("b").instance("i");
        group.ok(join.assignor(ServerAssignorKind::Range));
        assert_eq!(group.bumps(), bumps, "{version}");
    }
    // The default is the same, asked for by nobody or by name.
    let mut group = Group::of("4.4");
    group.ok(Beat::join("a").instance("i"));
    group.ok(Beat::leave_for_now("a", "i"));
    group.take_facts();
    let join = Beat::join("b").instance("i");
    group.ok(join.assignor(ServerAssignorKind::Uniform));
    assert_eq!(group.bumps(), [0; 0]);
}

// KAFKA-20442
#[test]
fn who_comes_to_a_group_that_everybody_left_waits_for_no_interval_since_4_4() {
    for (version, answer) in [
        ("4.3", (2, share(&[]))),
        ("4.4", (4, share(&[0, 1, 2, 3, 4, 5]))),
    ] {
        let mut group = Group::of(version);
        group.ok(Beat::join("a"));
        group.wait(200);
        group.ok(Beat::leave("a"));
        assert_eq!(group.bumps(), [2, 3]);
        assert_eq!(group.ok(Beat::join("b")), (answer.0, Some(answer.1)));
        group.wait(800);
        let (epoch, _) = group.ok(Beat::new("b", answer.0));
        assert_eq!((epoch, group.assignment("b").len()), (4, 6));
    }
}
