//! No knob is ignored by the model: what `scenario_keys.rs` shows for plans holds for results. Every change listed there is
//! played before and after, and the metrics of the two runs differ; where a key needs a stage of its own, it is set up here.

use std::collections::BTreeSet;

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::evaluate;
use rebsim::scenario::kafka::{self, Model};
use rebsim::scenario::shape::Side;
use rebsim::scenario::{LoadError, Loader, Overrides, load, render};

struct OneTrace;

impl Loader for OneTrace {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        match path {
            "t.csv" => Ok("at,rate,ms,other_ms\n1s,5/s,2,3\n".to_owned()),
            _ => Err(LoadError::NotFound),
        }
    }
}

/// A life with a restart, a crash, growth, a coordinator that goes away, a poll interval that is exceeded, and an end and a
/// beginning of the whole group.
const BASE: &str = "
version: 1
name: knobs
seed: 5
duration: 12m
topics: { orders: { partitions: 4, rate: 40/s }, refunds: { partitions: 2, rate: 4/s } }
groups: { checkout: { topics: [orders], members: [ { count: 2 }, { name: x } ], processing: { per_record: 5ms } } }
brokers: { racks: [a, b] }
events:
  - { at: 62s, restart: checkout/2, down: 10s }
  - { at: 122s, crash: checkout/0 }
  - { at: 200s, partitions: orders, to: 6 }
  - { at: 251s, start: checkout/0 }
  - { at: 300s, coordinator: restart }
  - { at: 310s, stall: checkout/1, for: 310s }
  - { at: 640s, stop: checkout }
  - { at: 650s, start: checkout }
";

/// All metrics of the base variant after these settings.
fn outcome(sets: &[&str]) -> String {
    let overrides = Overrides {
        set: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Overrides::default()
    };
    let scenario = load("knobs.yaml", BASE, &mut OneTrace, &overrides).unwrap_or_else(|rejected| {
        let text = render::text(&rejected.diagnostics, &rejected.sources, false);
        panic!("{sets:?}\n{text}")
    });
    let plan = &scenario.plans[0];
    match simulate(plan, Seed(scenario.seed), &Options::default()) {
        Ok(timeline) => format!("{:?}", evaluate(&timeline).values),
        Err(halt) => panic!("{sets:?} halts: {halt:?}"),
    }
}

fn settings(part: &str) -> Vec<&str> {
    let all = part.split(';').map(str::trim);
    all.filter(|set| !set.is_empty()).collect()
}

/// Changes that need another stage than [`BASE`]: keys, settings before, settings after.
const STAGED: &[[&str; 3]] = &[
    [
        "scenario.seed",
        "topics.orders.rate=null; topics.orders.load=[{poisson: 40/s}]",
        "topics.orders.rate=null; topics.orders.load=[{poisson: 40/s}]; seed=6",
    ],
    ["brokers.config", "", "brokers.config={group.max.size: 2}"],
    [
        "brokers.racks",
        "groups.checkout.config={client.rack: a}; brokers.cross_rack_latency=5ms",
        "groups.checkout.config={client.rack: a}; brokers.cross_rack_latency=5ms; brokers.racks=[a]",
    ],
    [
        "brokers.cross_rack_latency",
        "groups.checkout.config={client.rack: a}",
        "groups.checkout.config={client.rack: a}; brokers.cross_rack_latency=5ms",
    ],
    [
        "topic.replicas",
        "groups.checkout.members=[{name: k, rack: c}, {name: l, rack: b}, {name: m, rack: a}]; brokers.racks=[a, b, c]; brokers.cross_rack_latency=5ms; events=[]",
        "groups.checkout.members=[{name: k, rack: c}, {name: l, rack: b}, {name: m, rack: a}]; brokers.racks=[a, b, c]; brokers.cross_rack_latency=5ms; events=[]; topics.orders.replicas=2",
    ],
    [
        "member_entry.rack",
        "brokers.cross_rack_latency=5ms",
        "brokers.cross_rack_latency=5ms; groups.checkout.members.1.rack=a",
    ],
    [
        "member_entry.name",
        "events=[{at: 1m, stop: checkout/2}]; groups.checkout.config={partition.assignment.strategy: sticky}",
        "events=[{at: 1m, stop: checkout/2}]; groups.checkout.members.1.name=a",
    ],
    [
        "member_entry.listener",
        "events=[{at: 1m, stall: checkout/2, for: 310s}]",
        "events=[{at: 1m, stall: checkout/2, for: 310s}]; groups.checkout.members.1.listener={on_lost: {work: 1ms}}",
    ],
    [
        "scenario.events event.at event.start",
        "events=[{at: 1m, stop: checkout/0}, {at: 3m, start: checkout/0}]",
        "events=[{at: 1m, stop: checkout/0}, {at: 4m, start: checkout/0}]",
    ],
    [
        "event.crash",
        "events=[]",
        "events=[{at: 1m, crash: checkout/0}]",
    ],
    [
        "event.disconnect",
        "events=[]",
        "events=[{at: 1m, disconnect: checkout, for: 1s}]",
    ],
    [
        "event.broker",
        "events=[{at: 61500ms, stop: checkout/0}]",
        "events=[{at: 61500ms, stop: checkout/0}, {at: 62s, broker: roll, spacing: 300ms}]",
    ],
    [
        "event.config event.set",
        "events=[{at: 1m, config: checkout, set: {auto.commit.interval.ms: 1000}}, {at: 2m, restart: checkout, down: 9s}]",
        "events=[{at: 1m, config: checkout, set: {auto.commit.interval.ms: 9000}}, {at: 2m, restart: checkout, down: 9s}]",
    ],
    [
        "event.reset_offsets",
        "events=[{at: 1m, stop: checkout}, {at: 2m, reset_offsets: checkout, to: latest}, {at: 3m, start: checkout}]",
        "events=[{at: 1m, stop: checkout}, {at: 2m, reset_offsets: checkout, to: earliest}, {at: 3m, start: checkout}]",
    ],
    [
        "to.timestamp",
        "events=[{at: 1m, stop: checkout}, {at: 2m, reset_offsets: checkout, to: {timestamp: -80s}}, {at: 3m, start: checkout}]",
        "events=[{at: 1m, stop: checkout}, {at: 2m, reset_offsets: checkout, to: {timestamp: -90s}}, {at: 3m, start: checkout}]",
    ],
    [
        "event.times",
        "events=[{at: 1m, freeze: checkout/0, for: 9s, every: 1m, times: 2}]",
        "events=[{at: 1m, freeze: checkout/0, for: 9s, every: 1m, times: 3}]",
    ],
];

/// Keys that are no matter of the model: words about the scenario, and the name of a host, which Kafka only prints.
const WORDS: [&str; 5] = [
    "scenario.name",
    "scenario.about",
    "scenario.variants",
    "scenario.expect",
    "member_entry.host",
];

#[test]
fn every_key_of_the_language_changes_the_results() {
    let staged: BTreeSet<&str> = STAGED.iter().flat_map(|row| row[0].split(' ')).collect();
    let table = include_str!("scenarios/keys.txt").lines();
    let listed = table.filter(|line| !line.starts_with('#')).map(|line| {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        [parts[0], parts[1], parts[2]]
    });
    let plain = listed.filter(|row| {
        let mut keys = row[0].split(' ');
        keys.all(|key| !staged.contains(key) && !WORDS.contains(&key))
    });
    let idle: Vec<&str> = plain
        .chain(STAGED.iter().copied())
        .filter(|row| outcome(&settings(row[1])) == outcome(&settings(row[2])))
        .map(|row| row[0])
        .collect();
    assert!(idle.is_empty(), "these change nothing: {idle:?}");
}

/// A Kafka key with a value, and the stage on which it shows.
const KAFKA: &[[&str; 3]] = &[
    ["auto.commit.interval.ms", "1000", ""],
    ["auto.offset.reset", "earliest", ""],
    ["client.rack", "a", "brokers.cross_rack_latency=5ms"],
    ["enable.auto.commit", "false", ""],
    ["fetch.max.bytes", "1000", "topics.orders.backlog=900"],
    ["fetch.max.wait.ms", "100", ""],
    ["fetch.min.bytes", "100000", ""],
    ["heartbeat.interval.ms", "1000", ""],
    [
        "max.partition.fetch.bytes",
        "1000",
        "topics.orders.backlog=900",
    ],
    ["max.poll.interval.ms", "200000", ""],
    ["max.poll.records", "2", ""],
    ["metadata.max.age.ms", "1000", ""],
    ["partition.assignment.strategy", "sticky", ""],
    ["retry.backoff.ms", "1000", ""],
    ["session.timeout.ms", "20000", ""],
    ["group.initial.rebalance.delay.ms", "0", ""],
    ["group.max.size", "2", ""],
];

/// What cannot be changed alone: an id belongs to one member; the other protocol, and sessions out of bounds, are refused.
const ELSEWHERE: [&str; 4] = [
    "group.instance.id",
    "group.protocol",
    "group.max.session.timeout.ms",
    "group.min.session.timeout.ms",
];

#[test]
fn every_modelled_kafka_key_changes_the_results() {
    for &[key, value, stage] in KAFKA {
        let side = if kafka::key(Side::Consumer, key).is_some() {
            "groups.checkout.config"
        } else {
            "brokers.config"
        };
        let set = format!("{side}={{{key}: {value}}}");
        let before = settings(stage);
        let after = [&before[..], &[&set]].concat();
        assert!(outcome(&before) != outcome(&after), "{key}");
    }
    let own = "groups.checkout.members.1.config={group.instance.id: one}";
    assert!(outcome(&[]) != outcome(&[own]), "group.instance.id");
    let proven: BTreeSet<&str> = KAFKA.iter().map(|row| row[0]).chain(ELSEWHERE).collect();
    for side in [Side::Consumer, Side::Broker, Side::Group] {
        let modelled = kafka::keys(side)
            .iter()
            .filter(|key| key.model == Model::Modelled);
        for key in modelled {
            assert!(proven.contains(key.name), "no proof for {}", key.name);
        }
    }
}
