//! A steady group has run for long: its members' heartbeats, commits and refreshes are not in step. What an event costs depends on where they are,
//! so it differs from seed to seed, and its mean is what averages over uniform phases say.

use rebsim::cluster::{Calibration, Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::evaluate_without_series;
use rebsim::scenario::plan::Plan;
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{Observation, Timeline};

/// Four members of two partitions each; one stops, or dies.
const GROUP: &str = "
version: 1
name: phases
duration: 40s
topics: { orders: { partitions: 8, rate: 20/s } }
groups:
  g:
    topics: [orders]
    config: { partition.assignment.strategy: range, session.timeout.ms: 10000, enable.auto.commit: false }
    members: 4
    commit: none
";

fn plan(tail: &str, sets: &[&str]) -> Plan {
    configured(tail, sets, &[])
}

/// With Kafka keys of the group.
fn configured(tail: &str, sets: &[&str], keys: &[&str]) -> Plan {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let overrides = Overrides {
        set: owned(sets),
        config: owned(keys),
        ..Overrides::default()
    };
    let text = format!("{GROUP}{tail}");
    let scenario = load("phases.yaml", &text, &mut NoFiles, &overrides)
        .unwrap_or_else(|rejected| panic!("{sets:?}\n{rejected}"));
    scenario.plans.into_iter().next().expect("one plan")
}

fn play(plan: &Plan, seed: u64, calibration: Calibration) -> Timeline {
    let options = Options {
        check_invariants: true,
        calibration,
        ..Options::default()
    };
    simulate(plan, Seed(seed), &options).expect("a run that ends")
}

/// Partition-seconds in which somebody was waited for.
fn barrier(plan: &Plan, seed: u64) -> f64 {
    let run = play(plan, seed, Calibration::of_scenario());
    let metrics = evaluate_without_series(&run);
    let value = metrics.value("downtime_barrier_partition_s");
    value
        .and_then(|value| value.number())
        .expect("a number")
        .to_f64()
}

/// Seconds from the death of a member until its coordinator noticed.
fn noticed_after(plan: &Plan, seed: u64) -> f64 {
    let run = play(plan, seed, Calibration::of_scenario());
    let at = |wanted: fn(&Observation) -> bool| {
        let mut entries = run.entries.iter();
        let entry = entries.find(|entry| wanted(&entry.observation));
        entry.expect("it is observed").at.as_micros()
    };
    let died = at(|what| matches!(what, Observation::ConsumerCrashed { .. }));
    let noticed = at(|what| matches!(what, Observation::MemberRemoved { .. }));
    (noticed - died) as f64 / 1e6
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn near(found: f64, wanted: f64, part: f64) {
    assert!(
        (found - wanted).abs() <= wanted * part,
        "{found} instead of {wanted}"
    );
}

/// The three others hear of the stop at their next heartbeats, uniform over the next 3 s. The last of three comes after 3/4 of that on the average: so
/// long the partitions of who stopped wait, and those of each other one half of 3 s less. Two partitions each: 2 x (2.25 + 3 x 0.75) s.
#[test]
fn what_a_stop_costs_an_eager_group_is_a_matter_of_phases() {
    let stop = "events: [ { at: 12s, stop: g/0 } ]";
    let plan = plan(stop, &[]);
    let costs: Vec<f64> = (1..=200).map(|seed| barrier(&plan, seed)).collect();
    let (least, most) = costs
        .iter()
        .fold((f64::MAX, 0.0_f64), |(least, most), &cost| {
            (least.min(cost), most.max(cost))
        });
    assert!(least < 5.0 && most > 14.0, "{least} to {most}");
    near(mean(&costs), 9.0, 0.1);
}

#[test]
fn when_it_happens_makes_no_difference_on_the_average() {
    let mean_at = |at: &str| {
        let plan = plan(&format!("events: [ {{ at: {at}, stop: g/0 }} ]"), &[]);
        let costs: Vec<f64> = (1..=100).map(|seed| barrier(&plan, seed)).collect();
        mean(&costs)
    };
    near(mean_at("12500ms"), mean_at("12s"), 0.15);
}

#[test]
fn in_step_everybody_hears_of_it_at_once_or_after_a_whole_interval() {
    let cost = |at: &str, seed| {
        let stop = format!("events: [ {{ at: {at}, stop: g/0 }} ]");
        barrier(&plan(&stop, &["groups.g.start=in_step"]), seed)
    };
    assert_eq!(cost("12s", 1), cost("12s", 2));
    assert!(cost("12s", 1) < 0.1);
    assert!(cost("12100ms", 1) > 5.0);
}

#[test]
fn a_session_counts_from_the_last_heartbeat_which_is_a_uniform_fraction_of_its_interval_old() {
    // Before the first heartbeat of the run, and after many.
    for at in ["10ms", "15s"] {
        let plan = plan(&format!("events: [ {{ at: {at}, crash: g/1 }} ]"), &[]);
        let spans: Vec<f64> = (1..=100).map(|seed| noticed_after(&plan, seed)).collect();
        assert!(
            spans.iter().all(|span| (6.9..10.2).contains(span)),
            "{spans:?}"
        );
        near(mean(&spans), 8.5, 0.03);
    }
    let protocol = "groups.g.config={group.protocol: consumer, enable.auto.commit: false}";
    for at in ["10ms", "15s"] {
        let crash = format!("events: [ {{ at: {at}, crash: g/1 }} ]");
        let plan = plan(&crash, &[protocol, "duration=90s"]);
        let spans: Vec<f64> = (1..=40).map(|seed| noticed_after(&plan, seed)).collect();
        assert!(
            spans.iter().all(|span| (39.9..45.2).contains(span)),
            "{spans:?}"
        );
        near(mean(&spans), 42.5, 0.02);
    }
}

#[test]
fn a_commit_is_a_sign_of_life_too() {
    let keys = ["enable.auto.commit=true", "auto.commit.interval.ms=1000"];
    let crash = "events: [ { at: 10ms, crash: g/1 } ]";
    let plan = configured(crash, &["groups.g.commit=auto"], &keys);
    for seed in 1..=20 {
        assert!(noticed_after(&plan, seed) > 8.9);
    }
}

#[test]
fn one_seed_is_one_fraction_whatever_the_interval() {
    let crash = "events: [ { at: 10ms, crash: g/1 } ]";
    let long = plan(crash, &[]);
    let short = configured(crash, &[], &["heartbeat.interval.ms=1000"]);
    for seed in 1..=5 {
        let left = |plan: &Plan| 10.0 - (noticed_after(plan, seed) + 0.01);
        let difference = left(&long) - 3.0 * left(&short);
        assert!(difference.abs() < 0.005, "{difference} under seed {seed}");
    }
}

#[test]
fn only_a_steady_start_draws_phases() {
    let drew = |sets: &[&str], calibration| play(&plan("", sets), 1, calibration).drew;
    assert!(drew(&[], Calibration::of_scenario()));
    assert!(!drew(
        &["groups.g.start=in_step"],
        Calibration::of_scenario()
    ));
    assert!(!drew(&["groups.g.start=cold"], Calibration::of_scenario()));
    assert!(!drew(&[], Calibration::ideal()));
}
