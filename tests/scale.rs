//! What a run costs in control events does not depend on how many records flow.

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{Entry, Observation, PartitionTotals, Timeline};

/// Ten minutes of the benchmark's day.
fn play_day(variant: &str, rate: &str) -> Timeline {
    let overrides = Overrides {
        set: vec![
            "duration=10m".to_owned(),
            // Else a heartbeat near the end falls within the run at one rate and not at the other.
            "groups.g.start=in_step".to_owned(),
            format!("topics.orders.rate_per_partition={rate}"),
        ],
        variants: vec![variant.to_owned()],
        ..Overrides::default()
    };
    let text = include_str!("../benches/day.yaml");
    let scenario = load("day.yaml", text, &mut NoFiles, &overrides).expect("the scenario is valid");
    simulate(&scenario.plans[0], Seed(1), &Options::default()).expect("it ends")
}

/// Control events and records.
fn cost(rate: &str) -> (u64, u64) {
    let timeline = play_day("batches", rate);
    let processed = timeline
        .partitions
        .iter()
        .map(|(_, totals)| totals.processed);
    (timeline.control_events, processed.sum())
}

#[test]
fn a_hundred_times_the_records_are_the_same_number_of_control_events() {
    let (events, records) = cost("100/s");
    let (events_of_many, many_records) = cost("10000/s");
    assert!(
        many_records > 99 * records,
        "{many_records} against {records}"
    );
    assert_eq!(events_of_many, events);
}

#[test]
fn the_polls_of_a_quiet_day_are_played_many_at_once_in_the_consumer_protocol_too() {
    for release in ["4.1", "4.4"] {
        let set = vec![
            "duration=10m".to_owned(),
            format!("groups.g.client_version=\"{release}\""),
        ];
        let overrides = Overrides {
            set,
            config: vec!["group.protocol=consumer".to_owned()],
            variants: vec!["batches".to_owned()],
            ..Overrides::default()
        };
        let text = include_str!("../benches/day.yaml");
        let scenario = load("day.yaml", text, &mut NoFiles, &overrides);
        let scenario = scenario.expect("the scenario is valid");
        let timeline = simulate(&scenario.plans[0], Seed(1), &Options::default());
        let timeline = timeline.expect("it ends");
        let polls: u64 = timeline.consumers.iter().map(|totals| totals.polls).sum();
        let stepped = polls - timeline.polls_played;
        assert!(polls > 100_000, "{polls}");
        assert!(100 * stepped < 5 * polls, "{release}: {stepped} of {polls}");
    }
}

#[test]
fn the_polls_of_a_quiet_day_are_played_many_at_once() {
    for variant in ["batches", "long-poll"] {
        for rate in ["100/s", "53.32/s"] {
            let timeline = play_day(variant, rate);
            let polls: u64 = timeline.consumers.iter().map(|totals| totals.polls).sum();
            let stepped = polls - timeline.polls_played;
            assert!(
                100 * stepped < 3 * polls,
                "{variant}, {rate}: {stepped} of {polls}"
            );
        }
    }
}

/// Some minutes of the day in `variant`, with `more` changed: run lazily and step by step.
fn same_as_step_by_step(variant: &str, more: &[&str]) {
    let (lazy, steps) = both_ways(variant, more, &[]);
    assert_eq!(lazy.entries, steps.entries);
    assert_eq!(lazy.samples, steps.samples);
    assert_eq!(lazy.partitions, steps.partitions);
    assert_eq!(lazy.consumers, steps.consumers);
}

/// A run with settings of the clients, lazily and step by step.
fn both_ways(variant: &str, more: &[&str], config: &[&str]) -> (Timeline, Timeline) {
    let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
    let overrides = Overrides {
        set: owned(more),
        config: owned(config),
        variants: owned(&[variant]),
        ..Overrides::default()
    };
    let text = include_str!("../benches/day.yaml");
    let scenario = load("day.yaml", text, &mut NoFiles, &overrides).expect("the scenario is valid");
    let play = |step_by_step| {
        let options = Options {
            step_by_step,
            ..Options::default()
        };
        simulate(&scenario.plans[0], Seed(1), &options).expect("it ends")
    };
    (play(false), play(true))
}

/// Members that stall, freeze or are slow, and exceed their poll interval between two heartbeats; a partition that is paused. What two members work on at a time
/// aside.
#[test]
fn so_does_a_client_of_the_consumer_protocol() {
    let events = "events=[{at: 20s, stall: g/2, for: 20s}, {at: 50s, pause: orders-1, for: 40s}, {at: 61s, crash: g/3}, {at: 90s, start: g/3}, \
                  {at: 100s, slow: g/5, factor: 1000, for: 33s}, {at: 150s, freeze: g/7, for: 9s}]";
    for release in ["4.1", "4.4"] {
        let version = format!("groups.g.client_version=\"{release}\"");
        let (lazy, steps) = both_ways(
            "batches",
            &["duration=200s", &version, events],
            &["group.protocol=consumer", "max.poll.interval.ms=7000"],
        );
        let gone =
            |entry: &&Entry| matches!(entry.observation, Observation::PollDeadlineExceeded { .. });
        assert_eq!(lazy.entries, steps.entries);
        assert_eq!(lazy.samples, steps.samples);
        assert_eq!(lazy.consumers, steps.consumers);
        for (one, other) in lazy.partitions.iter().zip(&steps.partitions) {
            let overlap_us = other.1.overlap_us;
            let one = PartitionTotals {
                overlap_us,
                ..one.1.clone()
            };
            assert!(one == other.1, "{release}: {:?}", other.0);
        }
        let gone = lazy.entries.iter().filter(gone).count();
        assert!(gone >= 1, "{release}: {gone}");
    }
}

#[test]
fn a_client_that_runs_ahead_gives_what_one_does_that_takes_each_step_on_the_calendar() {
    let disturbed = "events=[{at: 61s, crash: g/3}, {at: 90s, start: g/3}, {at: 200s, slow: g/5, factor: 9, for: 33s}, {at: 250s, freeze: g/7, for: 4s}]";
    for variant in ["batches", "long-poll"] {
        same_as_step_by_step(variant, &["duration=5m"]);
        same_as_step_by_step(variant, &["duration=6m", disturbed]);
        let window = "measure={from: 1m, to: 190s}";
        same_as_step_by_step(variant, &["duration=5m", disturbed, window]);
        let several = [
            "duration=4m",
            "groups.g.members=4",
            "topics.orders.rate_per_partition=40/s",
        ];
        same_as_step_by_step(variant, &several);
        let uneven = [
            "duration=3m",
            "groups.g.members=7",
            "topics.orders.rate_per_partition=53.32/s",
            "brokers.count=3",
            "events=[{at: 61s, load: orders, factor: 2, for: 20s}, {at: 100s, freeze: g/2, for: 3s}]",
        ];
        same_as_step_by_step(variant, &uneven);
    }
}

/// What came during a freeze is read a moment after it ends (consumer protocol). Each of 25 members is frozen for a length of its own, so that answers
/// come at every tenth of a millisecond of the 100 ms after a freeze.
#[test]
fn so_does_a_client_to_which_something_comes_just_after_a_freeze() {
    for longer in 0..40_u64 {
        let freeze = |member: u64| {
            let (at, us) = (5_000 + 130 * member, 20_000 + 2_500 * longer + 100 * member);
            format!("{{at: {at}ms, freeze: g/{member}, for: {us}us}}")
        };
        let events: Vec<String> = (0..25).map(freeze).collect();
        let events = format!("events=[{}]", events.join(", "));
        let (lazy, steps) = both_ways(
            "batches",
            &["duration=9s", &events],
            &["group.protocol=consumer"],
        );
        assert_eq!(lazy.entries, steps.entries, "{longer}");
        assert_eq!(lazy.samples, steps.samples, "{longer}");
        assert_eq!(lazy.partitions, steps.partitions, "{longer}");
        assert_eq!(lazy.consumers, steps.consumers, "{longer}");
    }
}
