//! What a paused partition does to the others of its broker, and to what of it was fetched: nothing (`AbstractFetch.bufferedNodes`, `FetchCollector`).

use rebsim::assignor::TopicPartition;
use rebsim::cluster::{Calibration, Fidelity, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{Observation, Timeline};

use super::support::{ideal, ms};

fn play(text: &str, options: &Options) -> Timeline {
    let scenario = load("test.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}\n{text}"));
    simulate(&scenario.plans[0], Seed(1), options).unwrap_or_else(|halt| panic!("{halt:?}"))
}

const CLIENTS: [(&str, &str); 5] = [
    ("3.9", "classic"),
    ("4.4", "classic"),
    ("4.1", "consumer"),
    ("4.2", "consumer"),
    ("4.4", "consumer"),
];

/// One broker, six partitions, a member that has a backlog to work off.
fn backlog((client, protocol): (&str, &str), paused: u32) -> String {
    format!(
        "version: 1\nname: paused\nduration: 100s\nbrokers: {{ count: 1, version: \"4.4\" }}\n\
         topics: {{ orders: {{ partitions: 6, rate: 600/s, backlog: 12000 }} }}\n\
         groups:\n  g:\n    topics: [orders]\n    members: 1\n    client_version: \"{client}\"\n    \
         config: {{ group.protocol: {protocol} }}\n    processing: {{ per_record: 1ms }}\n\
         events: [{{ at: 10s, pause: orders-{paused}, for: 60s }}]\n"
    )
}

/// Records of `partition` processed by `at`.
fn processed(timeline: &Timeline, partition: u32, at: SimTime) -> u64 {
    let mut samples = timeline.samples.iter();
    let is_it = |place: TopicPartition| place.partition == partition;
    let found = samples.find(|sample| sample.at == at && is_it(sample.partition));
    found.expect("a sample").processed
}

/// Whatever of a partition waits in the buffer when its pause begins stays there for a minute. All others go on, be it step by step or not.
#[test]
fn only_what_is_paused_stands_still() {
    let cases = CLIENTS
        .iter()
        .flat_map(|client| [0, 2, 5].map(|paused| (*client, paused)));
    for (client, paused) in cases {
        let text = backlog(client, paused);
        let timeline = play(&text, &Options::default());
        let step_by_step = Options {
            step_by_step: true,
            ..Options::default()
        };
        let steps = play(&text, &step_by_step);
        assert_eq!(timeline.samples, steps.samples, "{client:?}");
        assert_eq!(timeline.entries, steps.entries, "{client:?}");
        for partition in 0..6 {
            let within = processed(&timeline, partition, ms(69_000))
                - processed(&timeline, partition, ms(11_000));
            let what = format!("{client:?}, {paused} is paused: {partition}");
            if partition == paused {
                assert_eq!(within, 0, "{what}");
            } else {
                assert!(within >= 5_800, "{what} {within}");
            }
            let after = processed(&timeline, partition, ms(99_000));
            assert!(after >= 11_000, "{what} {after}");
        }
    }
}

/// The same in the fluid mode.
#[test]
fn only_what_is_paused_stands_still_in_the_fluid_mode() {
    let cases = CLIENTS
        .iter()
        .flat_map(|client| [0, 5].map(|paused| (*client, paused)));
    for (client, paused) in cases {
        let fluid = Options {
            fidelity: Fidelity::Fluid,
            ..Options::default()
        };
        let timeline = play(&backlog(client, paused), &fluid);
        for partition in 0..6 {
            let within = processed(&timeline, partition, ms(69_000))
                - processed(&timeline, partition, ms(11_000));
            let expected = if partition == paused {
                0..=0
            } else {
                5_700..=8_000
            };
            assert!(
                expected.contains(&within),
                "{client:?}, {paused} is paused: {partition} {within}"
            );
        }
    }
}

/// A fetch for both partitions is parked when the first is paused at 9,900. It brings the record of 10,000, which stays; the next fetch, for the other partition alone, is
/// parked until 10,500. Back at 10,150 the record is returned without another fetch.
#[test]
fn what_comes_while_its_partition_is_paused_is_returned_afterwards() {
    for client in CLIENTS {
        let (version, protocol) = client;
        let text = format!(
            "version: 1\nname: paused\nduration: 20s\nbrokers: {{ count: 1, version: \"4.4\" }}\n\
             topics: {{ orders: {{ partitions: 2, rate: 1/s, skew: {{ weights: [1, 0] }} }} }}\n\
             groups:\n  g:\n    topics: [orders]\n    members: 1\n    client_version: \"{version}\"\n    \
             config: {{ group.protocol: {protocol} }}\n\
             events: [{{ at: 9900ms, pause: orders-0, for: 250ms }}]\n"
        );
        let options = Options {
            observe_polls: true,
            calibration: Calibration::ideal(),
            ..Options::default()
        };
        let timeline = play(&text, &options);
        let after = timeline.entries.iter().filter(|entry| entry.at > ms(9_500));
        let mut polled = after.filter_map(|entry| match &entry.observation {
            Observation::Polled { offsets, .. } => Some((entry.at, offsets[0].1)),
            _ => None,
        });
        let (at, offset) = polled.next().expect("records go on");
        assert_eq!(offset, 9, "{client:?}");
        assert!(
            (ms(10_150)..=ms(10_300)).contains(&at),
            "{client:?}: {at:?}"
        );
    }
}

/// Records of a paused partition in the buffer wake every wait: `poll()` goes round and round, and both callbacks are called in the instant in which the heartbeat of 15,000
/// says what to give up. Without them a `poll()` of two seconds ends first (4.1), or looks about itself every 100 ms (4.4).
#[test]
fn a_poll_that_cannot_return_what_it_has_goes_round() {
    let called = |version: &str, events: &str| {
        let text = format!(
            "version: 1\nname: paused\nduration: 40s\nbrokers: {{ count: 1, version: \"{version}\" }}\n\
             topics: {{ orders: {{ partitions: 2, rate: 1/s, skew: {{ weights: [1, 0] }} }} }}\n\
             groups:\n  g:\n    topics: [orders]\n    members: [{{ name: a }}, {{ name: b, at: 12s }}]\n    \
             config: {{ group.protocol: consumer }}\n    processing: {{ poll_timeout: 2s }}\n\
             events: [{events}]\n"
        );
        ideal(&text).told().called("a", ms(1))
    };
    let paused = "{ at: 9900ms, pause: orders-0, for: 30s }";
    for (version, without) in [
        ("4.1", ["16000.000 revoked [1]", "16500.000 assigned []"]),
        ("4.4", ["15100.000 revoked [1]", "15200.000 assigned []"]),
    ] {
        assert_eq!(called(version, ""), without, "{version}");
        assert_eq!(
            called(version, paused),
            ["15000.000 revoked [1]", "15000.000 assigned []"],
            "{version}"
        );
    }
}

/// Who takes over what the application has paused serves it as soon as it might fetch it: it waits for the application's word alone.
#[test]
fn what_is_paused_is_served_by_its_new_owner() {
    for (client, protocol) in CLIENTS {
        let text = format!(
            "version: 1\nname: paused\nduration: 100s\nbrokers: {{ count: 1, version: \"4.4\" }}\n\
             topics: {{ orders: {{ partitions: 6, rate: 60/s }} }}\n\
             groups:\n  g:\n    topics: [orders]\n    members: [{{ name: a }}, {{ name: b, at: 40s }}]\n    \
             client_version: \"{client}\"\n    config: {{ group.protocol: {protocol} }}\n    \
             processing: {{ per_record: 1ms }}\n\
             events: [{{ at: 30s, pause: orders, for: 50s }}]\n"
        );
        let timeline = play(&text, &Options::default());
        for partition in 0..6 {
            let told = timeline
                .entries
                .iter()
                .filter(|entry| entry.at < ms(79_000));
            let names = |list: &[(TopicPartition, u64)]| {
                list.iter().any(|(one, _)| one.partition == partition)
            };
            let last = told.rev().find_map(|entry| match &entry.observation {
                Observation::Serving { log_ends, .. } => names(log_ends).then_some(true),
                Observation::Released { log_ends, .. } => names(log_ends).then_some(false),
                _ => None,
            });
            assert_eq!(last, Some(true), "{client} {protocol}: {partition}");
        }
    }
}
