//! Subscriptions by regular expression.

use rebsim::protocol::effect::{CoordinatorFact as Fact, CoordinatorTimer};
use rebsim::protocol::message::ErrorCode;
use rebsim::timeline::{GroupState, Partitions, RebalanceReason};

use crate::group::{Beat, Group, of_topic, share};

const ORDERS: (&str, &[u32]) = ("ord.*", &[0]);
const ALL: (&str, &[u32]) = (".*", &[0, 1]);

fn join(member_id: &str, (text, topics): (&str, &[u32])) -> Beat {
    Beat::join(member_id).pattern(text, topics)
}

fn nothing() -> Option<Partitions> {
    Some(share(&[]))
}

fn epochs(facts: &[Fact]) -> Vec<(i32, RebalanceReason)> {
    let epochs = facts.iter().filter_map(|fact| match fact {
        Fact::GroupEpoch { epoch, reason, .. } => Some((*epoch, *reason)),
        _ => None,
    });
    epochs.collect()
}

// testConsumerGroupMemberJoinsWithNewRegex
#[test]
fn who_brings_an_expression_hears_of_its_partitions_with_its_second_heartbeat() {
    let mut group = Group::of("4.1");
    assert_eq!(group.ok(join("a", ORDERS)), (1, nothing()));
    // Another thread is at it; as soon as it is done the epoch goes up.
    assert_eq!(group.fires(&CoordinatorTimer::Patterns), Some(group.now));
    group.wait(0);
    assert_eq!(
        epochs(&group.take_facts()),
        [
            (1, RebalanceReason::Join),
            (2, RebalanceReason::SubscriptionChange)
        ]
    );
    assert_eq!(
        group.ok(Beat::new("a", 1)),
        (2, Some(share(&[0, 1, 2, 3, 4, 5])))
    );
}

// testConsumerGroupMemberJoinsWithRegexThatIsAlreadyResolved (in our words)
#[test]
fn who_brings_an_expression_that_is_resolved_gets_its_topics_at_once() {
    let mut group = Group::of("4.1");
    group.ok(join("a", ORDERS));
    group.wait(0);
    group.take_facts();
    assert_eq!(group.ok(join("b", ORDERS)).0, 3);
    assert_eq!(epochs(&group.take_facts()), [(3, RebalanceReason::Join)]);
    assert_eq!(group.assignment("b"), share(&[3, 4, 5]));
}

#[test]
fn topics_are_looked_through_again_only_ten_seconds_after_the_last_time() {
    let mut group = Group::of("4.1");
    group.ok(join("a", ORDERS));
    group.wait(0);
    group.ok(Beat::new("a", 1));
    group.wait(5_000);
    assert_eq!(group.ok(join("b", ALL)).1, nothing());
    assert_eq!(group.fires(&CoordinatorTimer::Patterns), None);
    group.wait(5_000);
    // Ten seconds to the millisecond are not more than ten.
    group.ok(Beat::new("a", 2));
    assert_eq!(group.fires(&CoordinatorTimer::Patterns), None);
    group.wait(1);
    group.take_facts();
    let epoch = group.ok(Beat::new("a", 2)).0;
    group.wait(0);
    assert_eq!(
        epochs(&group.take_facts()),
        [(3, RebalanceReason::SubscriptionChange)]
    );
    assert_eq!(
        group.ok(Beat::new("b", epoch)).1,
        Some(of_topic(1, &[0, 1, 2]))
    );
}

#[test]
fn an_expression_is_forgotten_with_its_last_subscriber() {
    let mut group = Group::of("4.1");
    group.ok(join("a", ORDERS));
    group.wait(0);
    group.ok(Beat::leave("a"));
    // Nothing is resolved, so nothing was refreshed lately either.
    assert_eq!(group.ok(join("b", ORDERS)).1, nothing());
    assert_eq!(group.fires(&CoordinatorTimer::Patterns), Some(group.now));
}

#[test]
fn a_coordinator_that_comes_back_knows_what_was_resolved_and_looks_for_what_was_not() {
    let mut group = Group::of("4.1");
    group.ok(join("a", ORDERS));
    group.wait(0);
    group.ok(Beat::new("a", 1));
    group.restart();
    assert_eq!(group.ok(Beat::new("a", 2)), (2, None));
    assert_eq!(group.ok(join("b", ORDERS)).0, 3, "still resolved");

    let mut group = Group::of("4.1");
    group.ok(join("a", ORDERS));
    group.restart();
    group.ok(Beat::new("a", 1));
    assert_eq!(group.fires(&CoordinatorTimer::Patterns), Some(group.now));
}

#[test]
fn a_join_without_topics_and_without_an_expression_is_no_request() {
    let mut group = Group::of("4.1");
    let mut beat = Beat::join("a");
    beat.0.topics = None;
    assert_eq!(group.refused(beat), ErrorCode::InvalidRequest);
}

// KAFKA-20268: `ModernGroup` begins with epoch 1, the hash of no topics is that of a new group, and an expression that is not resolved bumps nothing.
#[test]
fn since_4_3_a_new_group_stays_at_epoch_1_until_its_expression_is_resolved() {
    for version in ["4.3", "4.4"] {
        let mut group = Group::of(version);
        assert_eq!(group.ok(join("a", ORDERS)), (1, nothing()));
        assert_eq!(group.state(), GroupState::Stable);
        assert_eq!(epochs(&group.take_facts()), []);
        group.wait(0);
        let resolved = [(2, RebalanceReason::SubscriptionChange)];
        assert_eq!(epochs(&group.take_facts()), resolved);
        let all = share(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(group.ok(Beat::new("a", 1)), (2, Some(all)));
    }
}

// KAFKA-18961
#[test]
fn since_4_1_what_is_resolved_is_so_anew_from_time_to_time_and_who_comes_then_waits() {
    for (version, again) in [("4.0", false), ("4.1", true)] {
        let mut group = Group::of(version);
        group.ok(join("a", ORDERS));
        group.wait(0);
        let (epoch, _) = group.ok(Beat::new("a", 1));
        for _ in 0..20 {
            group.wait(30_000);
            group.ok(Beat::new("a", epoch));
            assert_eq!(group.fires(&CoordinatorTimer::Patterns), None);
        }
        group.wait(1);
        group.take_facts();
        group.ok(Beat::new("a", epoch));
        let timer = group.fires(&CoordinatorTimer::Patterns);
        assert_eq!(timer, again.then_some(group.now));
        group.wait(9_000);
        assert_eq!(epochs(&group.take_facts()), [], "nothing new is found");
        group.ok(join("b", ALL));
        let timer = group.fires(&CoordinatorTimer::Patterns);
        assert_eq!(timer, (!again).then_some(group.now));
    }
}
