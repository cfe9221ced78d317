//! What the leader of a classic group knows of its group's topics, of which it need not have subscribed to all.

use super::hand::*;
use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimDuration;
use rebsim::timeline::{Observation, RebalanceReason};
use rebsim::workload::distribution::Distribution;

/// A group of which the members have subscribed to `t`, `u` or both; messages take 10 ms.
fn story(members: &str, age: &str, events: &str) -> Story {
    story_of(members, age, "", events)
}

/// The same with more keys of the group.
fn story_of(members: &str, age: &str, group: &str, events: &str) -> Story {
    let text = Hand {
        members,
        config: &format!("metadata.max.age.ms: {age}"),
        group,
        events,
        ..HAND
    }
    .text()
    .replace(
        "{ t: { partitions: 6 } }",
        "{ t: { partitions: 6 }, u: { partitions: 2 } }",
    )
    .replace("topics: [t]\n", "topics: [t, u]\n");
    let calibration = Calibration {
        latency: Some(Distribution::Constant(SimDuration::from_millis(10))),
        ..Calibration::ideal()
    };
    let timeline = attempt(&text, calibration).expect("it ends");
    Story { timeline }.told()
}

/// From JoinGroup's answer to the assignment at the coordinator, ms, at each rebalance.
fn assigned_after(story: &Story) -> Vec<u64> {
    let ends = |wanted: fn(&Observation) -> bool| story.when(wanted);
    let joined = ends(|seen| matches!(seen, Observation::JoinComplete { .. }));
    let received = ends(|seen| matches!(seen, Observation::AssignmentReceived { .. }));
    let spans = joined.iter().zip(&received);
    spans
        .map(|(from, to)| to.since(*from).as_micros() / 1_000)
        .collect()
}

const AND_LATER: &str = "{ name: c, topics: [t], at: 20s }]";

/// Wherever the group has a topic that the leader has not subscribed to, it asks for metadata before it assigns, each time: there and back on top of the way of JoinGroup's answer and
/// of SyncGroup (`SubscriptionState.groupSubscribe`). At the second rebalance the broker answers the fetch that is parked on the connection first.
#[test]
fn a_leader_asks_for_metadata_of_topics_that_are_not_its_own() {
    let narrow = format!("[{{ name: a, topics: [t] }}, {{ name: b }}, {AND_LATER}");
    assert_eq!(assigned_after(&story(&narrow, "300000", "")), [40, 120]);
    let wide = format!("[{{ name: a }}, {{ name: b, topics: [u] }}, {AND_LATER}");
    assert_eq!(assigned_after(&story(&wide, "300000", "")), [20, 20]);
}

/// The last member with topic `u` leaves. The leader assigns by the metadata that it has, `u` among them; the next ones are without it, and have the group rebalance
/// once more (`ConsumerCoordinator.rejoinNeededOrPending`). Who has subscribed to `u` itself goes on watching it.
#[test]
fn a_topic_that_nobody_wants_any_more_brings_another_rebalance() {
    let stop = "{ at: 22s, stop: g/b }";
    for (own, another) in [("[t]", true), ("[t, u]", false)] {
        let members = format!("[{{ name: a, topics: {own} }}, {{ name: b }}]");
        let reasons: Vec<_> = story(&members, "5000", stop)
            .prepared()
            .into_iter()
            .filter_map(|(_, reason)| reason)
            .collect();
        assert_eq!(
            reasons.contains(&RebalanceReason::MetadataChange),
            another,
            "{own}: {reasons:?}"
        );
    }
}

/// Metadata that come while a callback before the join runs, which the heartbeat thread takes in, count when the application looks, and it looks by what it wants to know of then: its own
/// topics, as it has just given up the group's (`onJoinPrepare`, `maybeUpdateSubscriptionMetadata`). So the leader has nothing to miss in the next. Recorded in
/// `metadata-that-come-in-a-callback`.
#[test]
fn metadata_that_come_in_a_callback_are_of_the_topics_wanted_after_it() {
    let members = "[{ name: a, topics: [t] }, { name: b }]";
    for (work, another) in [("10ms", true), ("3s", false)] {
        let listener = format!("    listener: {{ on_revoked: {{ flush: {work} }} }}\n");
        let reasons: Vec<_> = story_of(members, "2000", &listener, "{ at: 22s, stop: g/b }")
            .prepared()
            .into_iter()
            .filter_map(|(at, reason)| reason.filter(|_| at >= ms(22_000)))
            .collect();
        let changed = reasons.contains(&RebalanceReason::MetadataChange);
        assert_eq!(changed, another, "{work}: {reasons:?}");
    }
}

/// What metadata say is as old as the broker's answer, however late the client comes to read it: here its heartbeat thread does, which looks about itself every 100 ms while a callback
/// runs. Partitions that were added between the two show with the next ones, 2 s later.
#[test]
fn metadata_say_what_there_was_when_they_were_answered() {
    let text = Hand {
        members: "[{ name: a }]",
        config: "metadata.max.age.ms: 2000",
        group: "    listener: { on_assigned: { work: 2s } }\n",
        events: "{ at: 4050ms, partitions: t, to: 9 }",
        ..HAND
    }
    .text();
    let timeline = attempt(&text, Calibration::loopback()).expect("it ends");
    let story = Story { timeline }.told();
    let (at, reason) = story.prepared()[1];
    assert_eq!(reason, Some(RebalanceReason::MetadataChange));
    assert!(at > ms(6_000), "{at}");
}

/// Metadata of its own topics that are due when the leader is elected were asked for a moment before: it assigns by those, though its group has another topic, and the next ones, with
/// that, have the group rebalance (`Metadata.update` by an earlier `requestVersion`). Here they fell due while its application was away and a join was under way, when nobody looks at the network.
#[test]
fn a_leader_may_assign_by_metadata_without_a_topic_of_its_group() {
    let members = "[{ name: a, topics: [t] }, { name: b }, { name: c, topics: [t], at: 20s }]";
    let stalls = "{ at: 20500ms, stall: g/b, for: 4s }, { at: 21500ms, stall: g/a, for: 9s }";
    let story = story(members, "5000", stalls);
    let reasons: Vec<_> = story
        .prepared()
        .into_iter()
        .map(|(_, reason)| reason)
        .collect();
    assert!(
        reasons.contains(&Some(RebalanceReason::MetadataChange)),
        "{reasons:?}"
    );
}

/// A leader that was sent away compares its metadata with those that it assigned by until it has completed a join as a follower: it looks as soon as SyncGroup is answered, before
/// `onJoinComplete` forgets them, and joins once more (`rejoinNeededOrPending`). Recorded in `follower-that-led-before-a-growth`.
#[test]
fn who_led_before_a_growth_joins_twice_when_it_comes_back_as_a_follower() {
    for (grows, times) in [("", 0), (", { at: 15s, partitions: t, to: 9 }", 1)] {
        let story = Hand {
            config: "metadata.max.age.ms: 5000, max.poll.interval.ms: 20000",
            events: &format!("{{ at: 11s, stall: g/a, for: 40s }}{grows}"),
            duration: "90s",
            ..HAND
        }
        .play();
        let back = story
            .prepared()
            .into_iter()
            .filter(|(at, _)| *at >= ms(51_000));
        let again = back.filter(|(_, reason)| *reason == Some(RebalanceReason::MetadataChange));
        assert_eq!(again.count(), times);
    }
}

/// A static leader that is restarted while a topic grows has its place back without a rebalance, and watches from then on by what it knows already (`skipAssignment`, KIP-814): the new
/// partitions are nobody's until the group rebalances for something else. A dynamic leader's leave and join bring that about. Recorded in `static-leader-restarts-during-growth`.
#[test]
fn partitions_that_come_while_a_static_leader_restarts_stay_without_owners() {
    let is_static = ", config: { group.instance.id: ";
    for (a, b, owned) in [("a", "b", 6), ("", "", 9)] {
        let member = |name: &str, instance: &str| match instance {
            "" => format!("{{ name: {name} }}"),
            id => format!("{{ name: {name}{is_static}{id} }} }}"),
        };
        let members = format!("[{}, {}]", member("a", a), member("b", b));
        let story = Hand {
            members: &members,
            config: "metadata.max.age.ms: 2000, session.timeout.ms: 20000",
            events: "{ at: 15s, restart: g/a, down: 5s }, { at: 17s, partitions: t, to: 9 }",
            ..HAND
        }
        .play();
        let given =
            story
                .timeline
                .entries
                .iter()
                .rev()
                .find_map(|entry| match &entry.observation {
                    Observation::AssignmentReceived { assignment, .. } => {
                        Some(assignment.iter().map(|(_, list)| list.len()).sum::<usize>())
                    }
                    _ => None,
                });
        assert_eq!(given, Some(owned));
    }
}
