//! Where coordinators live: who is found when, who answers what, where they go when brokers restart, and what an OffsetFetch waits for.

use super::hand::*;
use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::kernel::SimTime;
use rebsim::timeline::{Observation, RemovalReason};

/// Commits that failed from `from` on, as `at who ERROR`.
fn refusals(story: &Story, from: SimTime) -> Vec<String> {
    let failed = story.find(|seen| match seen {
        Observation::CommitFailed { consumer, error } => Some((*consumer, *error)),
        _ => None,
    });
    let failed = failed.into_iter().filter(|(at, _)| *at >= from);
    let text =
        |(at, (consumer, error))| format!("{} {} {error}", text_of(at), story.name(consumer));
    failed.map(text).collect()
}

/// Where the coordinator went, as `at broker`; nowhere: no broker had it.
fn moves(story: &Story) -> Vec<String> {
    let left = story.find(|seen| match seen {
        Observation::CoordinatorAvailable {
            available: false,
            broker,
            ..
        } => Some(*broker),
        _ => None,
    });
    let place = |broker: Option<u32>| broker.map_or("nowhere".to_owned(), |id| id.to_string());
    let text = |(at, broker)| format!("{} {}", text_of(at), place(broker));
    left.into_iter().map(text).collect()
}

/// The old broker says NOT_COORDINATOR once; the next one is found at once and says COORDINATOR_LOAD_IN_PROGRESS until 21,550 (`CoordinatorRuntime`). Commits are tried
/// again every 100 ms.
#[test]
fn a_coordinator_that_moves_is_found_at_once_and_loads() {
    let hand = Hand {
        members: "[{ name: a }]",
        config: "auto.commit.interval.ms: 1000, auto.offset.reset: earliest",
        events: "{ at: 20050ms, coordinator: move, unavailable: 1500ms }",
        ..HAND
    };
    let text = hand
        .text()
        .replace("partitions: 6", "partitions: 6, rate: 60/s");
    let story = ideal(&text).told();
    let refused = refusals(&story, ms(20_000));
    let errors: Vec<&str> = refused
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(errors[0], "NOT_COORDINATOR", "{refused:?}");
    assert!(errors.len() > 1, "{refused:?}");
    assert!(
        errors[1..]
            .iter()
            .all(|error| *error == "COORDINATOR_LOAD_IN_PROGRESS"),
        "{refused:?}"
    );
    assert_eq!(moves(&story), ["20050.000 1"]);
}

/// `poll()` looks for the coordinator before it returns records. One that moves costs one lookup, one that is away all of them.
#[test]
fn records_do_not_wait_for_a_coordinator_that_loads() {
    let longest = |verb: &str| {
        let text = format!(
            "version: 1\nname: wait\nduration: 60s\ntopics: {{ t: {{ partitions: 1, rate: 100/s }} }}\n\
             groups: {{ g: {{ topics: [t], members: 1, processing: {{ per_record: 1ms }} }} }}\n\
             events: [{{ at: 20s, coordinator: {verb}, unavailable: 8s }}]\n"
        );
        let timeline = attempt(&text, Calibration::of_scenario()).expect("it ends");
        let longest = timeline
            .partitions
            .iter()
            .map(|(_, totals)| totals.latency.max());
        longest.max().unwrap_or_default()
    };
    let (moved, away) = (longest("move"), longest("restart"));
    assert!(moved < 20_000, "{moved} us");
    assert!(away > 80_000, "{away} us");
}

/// A JoinGroup at a coordinator that loads is tried again every 100 ms without a lookup, and its LeaveGroup is lost: who left while it loaded is missed 10,000 ms after
/// sessions began anew (`LeaveGroupResponseHandler` gives up). With automatic commits `close()` would wait until it can commit, and leave then.
#[test]
fn requests_to_a_coordinator_that_loads() {
    let story = Hand {
        members: "[{ name: a }, { name: b }, { name: c }, { name: x, at: 24550ms }]",
        config: "enable.auto.commit: false",
        events: "{ at: 20s, coordinator: move, unavailable: 5s }, { at: 24s, stop: g/b }",
        ..HAND
    }
    .play();
    let tried = story.joining("x");
    let wanted = [24_550, 24_650, 24_750, 24_850, 24_950, 25_050].map(ms);
    assert_eq!(tried[..6], wanted);
    assert_eq!(
        story.removed("b"),
        [(ms(35_000), RemovalReason::SessionExpired)]
    );
}

/// Nobody has a coordinator whose only broker restarts: nothing is found before it is back.
#[test]
fn a_coordinator_that_restarts_is_nowhere() {
    let story = Hand {
        members: "[{ name: a }, { name: x, at: 24550ms }]",
        events: "{ at: 20s, coordinator: restart, unavailable: 5s }",
        ..HAND
    }
    .play();
    assert_eq!(moves(&story), ["20000.000 nowhere"]);
    assert!(story.joining("x")[0] >= ms(25_000));
}

/// A second failure while the first is not over: the first one's end ends nothing.
#[test]
fn a_load_that_is_overtaken_ends_nothing() {
    let story = Hand {
        events: "{ at: 20s, coordinator: move, unavailable: 5s }, { at: 24s, coordinator: move, unavailable: 5s }",
        ..HAND
    }
    .play();
    let back = story.when(|seen| {
        matches!(
            seen,
            Observation::CoordinatorAvailable {
                available: true,
                ..
            }
        )
    });
    assert_eq!(back, [ms(29_000)]);
    assert_eq!(moves(&story), ["20000.000 1", "24000.000 2"]);
}

/// `hash % 50 % 3` is 0 for the group `g`, 1 for `orders` and 2 for `i`. Brokers restart at 10, 20 and 30 s: whose broker goes away finds the first replica that is up, in order from its
/// home (`electAnyLeader`), and goes on living there; whoever is not at home goes there again with the controller's look at 300 s
/// (`maybeBalancePartitionLeaders`).
#[test]
fn coordinators_live_where_a_roll_puts_them() {
    let wanted: [(&str, &[&str], &[&str]); 3] = [
        ("g", &["10000.000 1", "20000.000 0"], &[]),
        ("orders", &["20000.000 2", "30000.000 1"], &[]),
        ("i", &["30000.000 0"], &["300000.000 2"]),
    ];
    for (group, by_roll, by_controller) in wanted {
        let played = |brokers: &str| {
            let text = format!(
                "version: 1\nname: roll\nduration: 400s\nbrokers: {brokers}\ntopics: {{ t: {{ partitions: 3, rate: 30/s }} }}\n\
                 groups: {{ {group}: {{ topics: [t], members: 3 }} }}\nevents: [{{ at: 10s, broker: roll, spacing: 10s }}]\n"
            );
            let story = ideal(&text).told();
            assert_eq!(story.prepared(), [], "{group}");
            moves(&story)
        };
        assert_eq!(played("{}"), [by_roll, by_controller].concat(), "{group}");
        let never = "{ config: { auto.leader.rebalance.enable: false } }";
        assert_eq!(played(never), by_roll, "{group}");
    }
}

/// Nobody leads the partition when the controller looks at 300 s: it cannot be given back, is out of balance still when it looks again, and goes home then
/// (`maybeBalancePartitionLeaders` goes through `imbalancedPartitions` each time).
#[test]
fn a_group_without_a_leader_is_taken_home_by_the_next_look() {
    let text = "version: 1\nname: roll\nduration: 700s\ntopics: { t: { partitions: 3, rate: 30/s } }\n\
                groups: { i: { topics: [t], members: 3 } }\nevents:\n  - { at: 10s, broker: roll, spacing: 10s }\n  \
                - { at: 298s, coordinator: restart, unavailable: 5s }\n";
    let story = ideal(text).told();
    assert_eq!(
        moves(&story),
        ["30000.000 0", "298000.000 nowhere", "600000.000 2"]
    );
}

/// The coordinator goes from broker 0 to broker 1, which dies before the member has noticed: its connection to broker 0 stands, and that one says that it is no coordinator any more.
#[test]
fn who_asks_another_broker_is_told_so_though_the_coordinators_is_gone() {
    let hand = Hand {
        members: "[{ name: a }]",
        config: "auto.commit.interval.ms: 1000, auto.offset.reset: earliest",
        events: "{ at: 20050ms, coordinator: move, unavailable: 50ms }, { at: 20150ms, coordinator: restart, unavailable: 5s }",
        ..HAND
    };
    let text = hand
        .text()
        .replace("partitions: 6", "partitions: 6, rate: 60/s");
    let refused = refusals(&ideal(&text).told(), ms(20_000));
    assert!(refused[0].ends_with("a NOT_COORDINATOR"), "{refused:?}");
}

/// OffsetFetch asks for stable offsets: its answer waits for the writes before it (`waitForPendingWrites`) and has what they committed. Records come, and are
/// committed, at every half second; each write takes 400 ms, and the OffsetFetch of b comes behind those of 26,000.
#[test]
fn an_offset_fetch_waits_for_the_writes_before_it() {
    let text = "version: 1\nname: behind\nduration: 60s\nbrokers: { append: 400ms, latency: 0ms }\ntopics: { t: { partitions: 4, rate: 8/s } }\n\
         groups:\n  g:\n    topics: [t]\n    commit: { after_batch: async }\n    config: { group.protocol: consumer }\n    \
         members: [{ name: a }, { name: c }, { name: d }, { name: b, at: 20s }]\n";
    let story = Story {
        timeline: attempt(text, Calibration::of_scenario()).expect("it ends"),
    }
    .told();
    let b = story.who("b");
    let known = story
        .when(|seen| matches!(seen, Observation::PositionKnown { consumer, .. } if *consumer == b));
    assert_eq!(known, [ms(26_400)]);
}

/// The coordinator moves 100 ms after a member was assigned something, whose callback takes 500 ms, and loads for a second. The OffsetFetch goes to the old one, then to the new one,
/// and is tried again until that has loaded: by a classic client every 100 ms at least, by the other after 100, 200, 400 and 800 ms.
#[test]
fn an_offset_fetch_is_tried_again_while_the_coordinator_loads() {
    for (protocol, at_most) in [("classic", 150_000), ("consumer", 800_000)] {
        let played = |events: &str| {
            ideal(&format!(
                "version: 1\nname: again\nduration: 30s\ntopics: {{ t: {{ partitions: 1, rate: 10/s }} }}\n\
                 groups:\n  g:\n    topics: [t]\n    start: cold\n    members: [{{ name: a }}]\n    \
                 listener: {{ on_assigned: {{ work: 500ms }} }}\n    config: {{ group.protocol: {protocol} }}\nevents: [{events}]\n"
            ))
            .told()
        };
        let known =
            |story: &Story| story.when(|seen| matches!(seen, Observation::PositionKnown { .. }))[0];
        let calm = played("");
        let assigned = calm.when(|seen| matches!(seen, Observation::Assigned { .. }))[0];
        assert!(known(&calm).since(assigned).as_micros() >= 500_000);
        let moves = assigned.as_micros() / 1_000 + 100;
        let event = format!("{{ at: {moves}ms, coordinator: move, unavailable: 1s }}");
        let story = played(&event);
        let loaded = ms(moves + 1_000);
        assert!(known(&story) >= loaded, "{protocol}");
        let late = known(&story).since(loaded).as_micros();
        assert!(late <= at_most, "{protocol}: {late} us");
        assert!(!story.service(0).is_empty(), "{protocol}");
    }
}

/// A broker takes the requests of one connection one after the other, and the client has a fetch parked on each of its connections (`NetworkClient.leastLoadedNode` prefers them to new ones): who
/// has lost its coordinator waits for the end of a fetch before anybody looks at its FindCoordinator. The heartbeat of 21,000 is refused, and a learns of b with the first that is not: 100 ms later, or when
/// the fetch is over. Nobody writes, so that one lasts for `fetch.max.wait.ms`, and they follow each other from 6,000 on. Recorded: tests/golden/traces-own/coordinator-moves-*.
#[test]
fn who_looks_for_the_coordinator_waits_behind_a_parked_fetch() {
    for (wait, rejoins) in [
        (10, 21_100),
        (500, 21_500),
        (1_000, 22_000),
        (5_000, 23_000),
    ] {
        let config = format!("fetch.max.wait.ms: {wait}");
        let story = Hand {
            members: "[{ name: a }, { name: b, at: 20100ms }]",
            config: &config,
            events: "{ at: 20s, coordinator: move, unavailable: 0ms }",
            ..HAND
        }
        .play();
        let later: Vec<SimTime> = story
            .joining("a")
            .into_iter()
            .filter(|at| *at > ms(20_000))
            .collect();
        assert_eq!(later, [ms(rejoins)], "fetch.max.wait.ms {wait}");
    }
}
