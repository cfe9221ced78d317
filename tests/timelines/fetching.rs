//! What is fetched when, as far as it shows in a whole run.

use super::support::*;
use rebsim::cluster::{Calibration, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::Observation;

/// Records of a backlog that one member processes in 60 s at 1 ms each, beside a partition to which nobody writes. Both are led by one broker, which holds a fetch for nothing but the quiet one
/// for 5 s.
fn processed_beside_a_quiet_partition(client: &str) -> u64 {
    let story = ideal(&format!(
        "version: 1\nname: quiet\nduration: 60s\nbrokers: {{ count: 1 }}\n\
         topics: {{ busy: {{ partitions: 1, backlog: 100000 }}, quiet: {{ partitions: 1 }} }}\n\
         groups:\n  g:\n    topics: [busy, quiet]\n    client_version: \"{client}\"\n    members: [{{ name: a }}]\n    \
         processing: {{ per_record: 1ms }}\n    config: {{ fetch.max.wait.ms: 5000 }}\n"
    ));
    let totals = story.timeline.partitions.iter().map(|(_, totals)| totals);
    totals
        .map(|totals| totals.processed + totals.duplicated)
        .sum()
}

/// Since 4.0 no fetch is sent while records of the broker are buffered (KAFKA-17182). Before, the quiet partition is asked for while the busy one is worked off, and that one's
/// next fetch has to wait for the answer: 5 s for each megabyte.
#[test]
fn before_4_0_a_quiet_partition_holds_a_busy_one_up() {
    let [before, since] = ["3.9", "4.0"].map(processed_beside_a_quiet_partition);
    assert!(since > 55_000, "{since}");
    assert!(before < 20_000, "{before}");
}

/// A fetch takes no longer than `request.timeout.ms`: the connection is closed then, with what would have come (`NetworkClient.handleTimedOutRequests`). Who lets the broker wait longer than that
/// for `fetch.min.bytes` never gets any record, and asks again and again.
#[test]
fn who_lets_the_broker_wait_longer_than_for_an_answer_gets_nothing() {
    let processed = |protocol: &str, timeout: u32| {
        let story = ideal(&format!(
            "version: 1\nname: patience\nduration: 120s\ntopics: {{ t: {{ partitions: 1, rate: 10/s }} }}\n\
             groups:\n  g:\n    topics: [t]\n    members: 1\n    config: {{ group.protocol: {protocol}, fetch.min.bytes: 50000000,\n      \
             fetch.max.wait.ms: 35000, request.timeout.ms: {timeout}, default.api.timeout.ms: 60000 }}\n"
        ));
        let totals = story.timeline.partitions.iter();
        totals.map(|(_, totals)| totals.processed).sum::<u64>()
    };
    for protocol in ["classic", "consumer"] {
        assert_eq!(processed(protocol, 30_000), 0, "{protocol}");
        assert!(processed(protocol, 40_000) > 900, "{protocol}");
    }
}

/// The topics of which each `poll()` returned records, in that order.
fn polled(text: &str) -> Vec<(SimTime, Vec<u32>)> {
    let scenario = load("test.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}\n{text}"));
    let options = Options {
        observe_polls: true,
        calibration: Calibration::loopback(),
        ..Options::default()
    };
    let timeline = simulate(&scenario.plans[0], Seed(scenario.seed), &options);
    let timeline = timeline.unwrap_or_else(|halt| panic!("{halt:?}\n{text}"));
    let topics = |observation: &Observation| match observation {
        Observation::Polled { offsets, .. } => {
            Some(offsets.iter().map(|(at, ..)| at.topic.0).collect())
        }
        _ => None,
    };
    let entries = timeline.entries.iter();
    entries
        .filter_map(|entry| Some((entry.at, topics(&entry.observation)?)))
        .collect()
}

/// A broker serves the partitions of a fetch session in order, and those of which it sends records go to the end (KIP-227). So after a standstill from 9,000 to 12,000 the record that
/// one partition gets every ten seconds comes before those that the other gets every second, although it was asked for after it.
#[test]
fn who_had_no_records_for_long_comes_first() {
    for protocol in ["classic", "consumer"] {
        let polls = polled(&format!(
            "version: 1\nname: order\nduration: 20s\nbrokers: {{ count: 1 }}\n\
             topics: {{ often: {{ partitions: 1, rate: 1/s }}, seldom: {{ partitions: 1, rate: 0.1/s }} }}\n\
             groups:\n  g:\n    topics: [often, seldom]\n    members: [{{ name: a }}]\n    \
             config: {{ group.protocol: {protocol} }}\n\
             events: [{{ at: 9s, stall: g/a, for: 3s }}]\n"
        ));
        let mut polls = polls.into_iter().filter(|(at, _)| *at >= ms(9_500));
        let together = polls.find(|(_, topics)| topics.len() > 1);
        let order = together.map(|(_, topics)| topics);
        assert_eq!(order, Some(vec![1, 0]), "{protocol}");
    }
}

/// Who has fetched a partition and consumed nothing of it commits its position without a leader epoch, as the reset policy gave it. Such an offset needs no validation
/// (`SubscriptionState.validatePosition`, KIP-320): after an eager rebalance its partition is asked for at once, and that request makes the broker forget the one whose position is validated meanwhile.
#[test]
fn a_partition_of_which_nothing_was_consumed_is_asked_for_first_after_a_rebalance() {
    let polls = polled(
        "version: 1\nname: epoch\nduration: 20s\nbrokers: { count: 1 }\n\
         topics: { first: { partitions: 1, backlog: 5000 }, second: { partitions: 1, backlog: 5000 } }\n\
         groups:\n  g:\n    topics: [first, second]\n    start: cold\n    members: [{ name: a }, { name: b, at: 9s }]\n    \
         processing: { per_record: 10ms }\n    config: { max.poll.records: 20, auto.offset.reset: earliest }\n",
    );
    let topics: Vec<u32> = polls
        .iter()
        .flat_map(|(_, topics)| topics.clone())
        .collect();
    assert_eq!(topics.first(), Some(&0), "{polls:?}");
    assert_eq!(topics.last(), Some(&1), "{polls:?}");
}

/// Offsets by the reset policy are asked for as soon as the coordinator has none, committed ones are validated with the next `updateFetchPositions`: so after an eager rebalance the records of
/// partitions that were added come first (69 of 69 assignments of both kinds, recorded with random scripts).
#[test]
fn partitions_without_a_committed_offset_are_fetched_before_those_with_one() {
    let text = "version: 1\nname: added\nduration: 40s\nbrokers: { count: 1 }\n\
         topics: { t: { partitions: 2, rate_per_partition: 20/s } }\n\
         groups:\n  g:\n    topics: [t]\n    members: [{ name: a }]\n    \
         config: { group.protocol: classic, metadata.max.age.ms: 5000, auto.offset.reset: earliest }\n\
         events: [{ at: 10100ms, partitions: t, to: 3 }]\n";
    let story = ideal(text);
    let serving = story.find(|seen| match seen {
        Observation::Serving { log_ends, .. } => {
            let partitions = log_ends.iter().map(|(place, _)| place.partition);
            Some(partitions.collect::<Vec<_>>())
        }
        _ => None,
    });
    let mut after = serving.into_iter().filter(|(at, _)| *at > ms(10_100));
    assert_eq!(
        after.next().map(|(_, partitions)| partitions),
        Some(vec![2])
    );
}
