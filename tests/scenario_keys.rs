//! No knob is ignored: every key of the language and every modelled key of Kafka's is changed once, and each change shows in
//! what the scenario comes to. The lists are held against the vocabulary's own tables.

#[path = "common/pod_keys.rs"]
mod pod_keys;

use std::collections::BTreeSet;

use rebsim::scenario::kafka::{self, Model};
use rebsim::scenario::shape::{Presence, Record, Shape, Side};
use rebsim::scenario::verbs;
use rebsim::scenario::vocabulary::SCENARIO;
use rebsim::scenario::{LoadError, Loader, Overrides, load, render};

struct OneTrace;

impl Loader for OneTrace {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        match path {
            "t.csv" => Ok("at,rate,ms,other_ms\n1s,5/s,2,3\n".to_owned()),
            "parent.yaml" => Ok("seed: 77\n".to_owned()),
            _ => Err(LoadError::NotFound),
        }
    }
}

const BASE: &str = "
version: 1
name: keys
about: before
seed: 5
duration: 20m
brokers: { racks: [a, b] }
topics: { orders: { partitions: 4, rate: 40/s }, refunds: { partitions: 2 } }
groups: { checkout: { topics: [orders], members: [ { count: 2 }, { name: x } ] } }
";

/// All that the scenario comes to, as text, after these settings.
fn outcome(sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    outcome_of(BASE, &sets)
}

fn outcome_of(base: &str, sets: &[String]) -> String {
    let overrides = Overrides {
        set: sets.to_vec(),
        ..Overrides::default()
    };
    match load("keys.yaml", base, &mut OneTrace, &overrides) {
        Ok(scenario) => {
            let expectations: Vec<(&str, &str)> = scenario
                .expectations
                .iter()
                .map(|expectation| (&*expectation.metric, &*expectation.condition))
                .collect();
            format!(
                "{:?}",
                (
                    scenario.name,
                    scenario.about,
                    scenario.seed,
                    &scenario.plans,
                    expectations
                )
            )
        }
        Err(rejected) => {
            let text = render::text(&rejected.diagnostics, &rejected.sources, false);
            panic!("{sets:?}\n{text}")
        }
    }
}

/// What is changed: the keys that it proves, and the settings before and after.
struct Change {
    keys: Vec<&'static str>,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
}

fn changes() -> Vec<Change> {
    let table = include_str!("scenarios/keys.txt").lines();
    let rows = table.filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [keys, before, after] = parts[..] else {
            panic!("three parts: {line}")
        };
        let settings =
            |part: &'static str| part.split(';').map(str::trim).filter(|set| !set.is_empty());
        Change {
            keys: keys.split(' ').collect(),
            before: settings(before).collect(),
            after: settings(after).collect(),
        }
    })
    .collect()
}

/// Keys for which there is nothing to change: one value only, or (`extends`) not a matter of one document, or (`matrix`) a matter of
/// sweeps, which `scenario::grid` makes of it, or (a target's `type`) said again by the number beside it, and noted where they differ, or (a
/// container's `name`) what autoscalers must call it by, and refused where they do not.
const FIXED: [&str; 5] = [
    "container.name",
    "scenario.version",
    "scenario.extends",
    "scenario.matrix",
    "metric_target.type",
];

#[test]
fn every_key_of_the_language_changes_the_plan() {
    let mut proven = BTreeSet::new();
    for change in changes() {
        let (before, after) = (outcome(&change.before), outcome(&change.after));
        assert!(before != after, "{:?} changes nothing", change.keys);
        proven.extend(change.keys.into_iter().map(str::to_owned));
    }
    let base = pod_keys::base();
    for row in pod_keys::rows() {
        let (before, after) = (
            outcome_of(&base, &row.before),
            outcome_of(&base, &row.after),
        );
        assert!(before != after, "{:?} changes nothing", row.keys);
        proven.extend(row.keys);
    }
    let mut keys = BTreeSet::new();
    collect(&SCENARIO, &mut keys);
    assert!(keys.len() > 120, "{}", keys.len());
    let fixed: BTreeSet<&str> = FIXED.into_iter().collect();
    let unproven: Vec<&String> = keys
        .iter()
        .filter(|key| !proven.contains(key.as_str()) && !fixed.contains(key.as_str()))
        .collect();
    assert!(unproven.is_empty(), "no proof for {unproven:?}");
    for key in proven {
        assert!(keys.contains(&key), "{key} is no key");
    }
}

#[test]
fn a_parent_changes_the_child() {
    let text = format!("extends: parent.yaml{}", BASE.replace("seed: 5\n", ""));
    let scenario = load("keys.yaml", &text, &mut OneTrace, &Overrides::default());
    assert_eq!(scenario.map(|scenario| scenario.seed).ok(), Some(77));
}

fn collect(record: &Record, keys: &mut BTreeSet<String>) {
    for field in record.fields {
        if field.presence != Presence::NotModelled {
            let what = record.what.replace(' ', "_");
            if keys.insert(format!("{what}.{}", field.name)) {
                below(&field.shape, keys);
            }
        }
    }
}

fn below(shape: &Shape, keys: &mut BTreeSet<String>) {
    match shape {
        Shape::Record(record) => collect(record, keys),
        Shape::Manifest(manifest) => collect(&manifest.record, keys),
        Shape::List(inner) | Shape::Named(inner) => below(inner, keys),
        Shape::Either { scalar, list, map } => {
            for shape in [scalar, list, map].into_iter().flatten() {
                below(shape, keys);
            }
        }
        Shape::Duration
        | Shape::Ago
        | Shape::Rate
        | Shape::Size
        | Shape::Share
        | Shape::Flow
        | Shape::Integer(..)
        | Shape::Number(..)
        | Shape::Factor
        | Shape::Boolean
        | Shape::Text
        | Shape::Name
        | Shape::Version
        | Shape::Quantity
        | Shape::IntOrPercent
        | Shape::Word(_)
        | Shape::Kafka(_)
        | Shape::Expectations
        | Shape::Overlay
        | Shape::Matrix => {}
    }
}

#[test]
fn every_verb_is_a_key_of_events() {
    let mut keys = BTreeSet::new();
    collect(&SCENARIO, &mut keys);
    for verb in verbs::modelled() {
        let names = [verb.name].into_iter().chain(verb.needs.iter().copied());
        for name in names
            .chain(verb.takes.iter().copied())
            .chain(verb.timing.iter().copied())
        {
            assert!(keys.contains(&format!("event.{name}")), "{name}");
        }
    }
}

#[test]
fn every_modelled_kafka_key_changes_the_plan() {
    let values = [
        ("auto.commit.interval.ms", "1000"),
        ("auto.offset.reset", "earliest"),
        ("client.rack", "a"),
        ("default.api.timeout.ms", "1000"),
        ("enable.auto.commit", "false"),
        ("fetch.max.bytes", "1000"),
        ("fetch.max.wait.ms", "100"),
        ("fetch.min.bytes", "1000"),
        ("heartbeat.interval.ms", "1000"),
        ("max.partition.fetch.bytes", "1000"),
        ("max.poll.interval.ms", "1000"),
        ("max.poll.records", "10"),
        ("metadata.max.age.ms", "1000"),
        ("partition.assignment.strategy", "[sticky]"),
        ("reconnect.backoff.max.ms", "500"),
        ("reconnect.backoff.ms", "100"),
        ("request.timeout.ms", "15000"),
        ("retry.backoff.max.ms", "2000"),
        ("retry.backoff.ms", "200"),
        ("session.timeout.ms", "20000"),
    ];
    let before = outcome(&[]);
    for (key, value) in values {
        let set = format!("groups.checkout.config={{{key}: {value}}}");
        assert!(outcome(&[&set]) != before, "{key}");
    }
    let consumer = "groups.checkout.config={group.protocol: consumer}";
    let remote = "groups.checkout.config={group.protocol: consumer, group.remote.assignor: range}";
    assert!(outcome(&[consumer]) != before && outcome(&[consumer]) != outcome(&[remote]));
    // Read until 4.1.
    let old = "groups.checkout.client_version=4.1";
    let stays = "groups.checkout.config={internal.leave.group.on.close: false}";
    assert!(outcome(&[old, stays]) != outcome(&[old]));
    // An id belongs to one member.
    let own = "groups.checkout.members.1.config={group.instance.id: one}";
    assert!(outcome(&[own]) != before);
    let brokers = [
        ("auto.leader.rebalance.enable", "false"),
        ("group.consumer.assignment.interval.ms", "0"),
        ("group.consumer.assignors", "[range, uniform]"),
        ("group.consumer.heartbeat.interval.ms", "6000"),
        ("group.consumer.max.size", "10"),
        ("group.consumer.migration.policy", "disabled"),
        ("group.consumer.session.timeout.ms", "50000"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.max.session.timeout.ms", "50000"),
        ("group.max.size", "10"),
        ("group.min.session.timeout.ms", "1000"),
        ("leader.imbalance.check.interval.seconds", "60"),
    ];
    for (key, value) in brokers {
        let set = format!("brokers.config={{{key}: {value}}}");
        assert!(outcome(&[&set]) != before, "{key}");
    }
    let groups = [
        ("consumer.assignment.interval.ms", "0"),
        ("consumer.heartbeat.interval.ms", "6000"),
        ("consumer.session.timeout.ms", "50000"),
    ];
    for (key, value) in groups {
        let set = format!("brokers.group_config={{checkout: {{{key}: {value}}}}}");
        assert!(outcome(&[&set]) != before, "{key}");
    }
    let bounds = bounds_widen_what_is_accepted();
    let proven = values.iter().chain(&brokers).chain(&groups);
    let proven: BTreeSet<&str> = proven
        .map(|(key, _)| *key)
        .chain(bounds)
        .chain([
            "group.instance.id",
            "group.protocol",
            "group.remote.assignor",
            "internal.leave.group.on.close",
            // Excludes only: see tests/broken.
            "group.coordinator.rebalance.protocols",
        ])
        .collect();
    for side in [Side::Consumer, Side::Broker, Side::Group] {
        for key in kafka::keys(side)
            .iter()
            .filter(|key| key.model == Model::Modelled)
        {
            assert!(proven.contains(key.name), "no proof for {}", key.name);
        }
    }
}

/// Each bound of the brokers lets a group have what it could not have before; their keys.
fn bounds_widen_what_is_accepted() -> Vec<&'static str> {
    let bounds = [
        ("group.consumer.max.assignment.interval.ms", "16000"),
        ("group.consumer.max.heartbeat.interval.ms", "16000"),
        ("group.consumer.max.session.timeout.ms", "61000"),
        ("group.consumer.min.heartbeat.interval.ms", "4000"),
        ("group.consumer.min.session.timeout.ms", "20000"),
    ];
    let accepted = |sets: Vec<String>| {
        let overrides = Overrides {
            set: sets,
            ..Overrides::default()
        };
        load("keys.yaml", BASE, &mut OneTrace, &overrides).is_ok()
    };
    for (key, value) in bounds {
        let (_, name) = key.split_at("group.consumer.max.".len());
        let own = format!("brokers.group_config={{checkout: {{consumer.{name}: {value}}}}}");
        assert!(!accepted(vec![own.clone()]), "{key}");
        let set = format!("brokers.config={{{key}: {value}}}");
        assert!(accepted(vec![own, set]), "{key}");
    }
    // Nothing is lower than the lowest assignment interval, so that it can only exclude.
    let least = "group.consumer.min.assignment.interval.ms";
    assert!(!accepted(vec![format!("brokers.config={{{least}: 1001}}")]));
    let bounds = bounds.iter().map(|(key, _)| *key);
    bounds.chain([least]).collect()
}

#[test]
fn kafka_keys_are_listed_once_and_in_order() {
    for side in [Side::Consumer, Side::Broker, Side::Group] {
        let names: BTreeSet<&str> = kafka::keys(side).iter().map(|key| key.name).collect();
        assert_eq!(names.len(), kafka::keys(side).len());
    }
}
