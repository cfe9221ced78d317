//! What a paused partition does to the others of its broker, and to what of it was fetched: nothing (`AbstractFetch.bufferedNodes`, `FetchCollector`).

use rebsim::assignor::TopicPartition;
use rebsim::cluster::{Calibration, Fidelity, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{Observation, Timeline};

use super::support::ms;

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
fn backlog((client, protocol): (&str, &str)) -> String {
    format!(
        "version: 1\nname: paused\nduration: 100s\nbrokers: {{ count: 1, version: \"4.4\" }}\n\
         topics: {{ orders: {{ partitions: 6, rate: 600/s, backlog: 12000 }} }}\n\
         groups:\n  g:\n    topics: [orders]\n    members: 1\n    client_version: \"{client}\"\n    \
         config: {{ group.protocol: {protocol} }}\n    processing: {{ per_record: 1ms }}\n\
         events: [{{ at: 10s, pause: orders-0, for: 60s }}]\n"
    )
}

/// Records of `partition` processed by `at`.
fn processed(timeline: &Timeline, partition: u32, at: SimTime) -> u64 {
    let mut samples = timeline.samples.iter();
    let is_it = |place: TopicPartition| place.partition == partition;
    let found = samples.find(|sample| sample.at == at && is_it(sample.partition));
    found.expect("a sample").processed
}

/// Of the records that wait in the buffer when the pause begins those of orders/0 stay there for a minute. All others go on, be it step by step or not.
#[test]
fn only_what_is_paused_stands_still() {
    for client in CLIENTS {
        let text = backlog(client);
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
            if partition == 0 {
                assert_eq!(within, 0, "{client:?}");
            } else {
                assert!(within >= 5_800, "{client:?}: {partition} {within}");
            }
            let after = processed(&timeline, partition, ms(99_000));
            assert!(after >= 11_000, "{client:?}: {partition} {after}");
        }
    }
}

/// The same in the fluid mode.
#[test]
fn only_what_is_paused_stands_still_in_the_fluid_mode() {
    for client in CLIENTS {
        let fluid = Options {
            fidelity: Fidelity::Fluid,
            ..Options::default()
        };
        let timeline = play(&backlog(client), &fluid);
        for partition in 0..6 {
            let within = processed(&timeline, partition, ms(69_000))
                - processed(&timeline, partition, ms(11_000));
            let expected = if partition == 0 { 0..=0 } else { 5_700..=8_000 };
            assert!(
                expected.contains(&within),
                "{client:?}: {partition} {within}"
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
