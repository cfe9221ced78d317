//! No knob is ignored: every key of the language and every modelled key of Kafka's is changed alone, and each change shows in what happens:
//! in the timeline, in the grid or in the totals of a run, names left aside.

#[path = "knobs/platform.rs"]
mod platform;

use std::fmt;

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::scenario::kafka::{self, Model};
use rebsim::scenario::shape::Side;
use rebsim::scenario::{LoadError, Loader, Overrides, Scenario, load};

struct Traces;

impl Loader for Traces {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        match path {
            "t.csv" => Ok("at,rate,ms,other_ms\n1s,5/s,2,3\n".to_owned()),
            _ => Err(LoadError::NotFound),
        }
    }
}

/// A run in which something happens: a crash, a restart, growth, an absent coordinator, a stall longer than the poll interval.
const BASE: &str = "
version: 1
name: knobs
seed: 5
duration: 4m
brokers: { racks: [a, b] }
topics: { orders: { partitions: 4, rate: 40/s }, refunds: { partitions: 2, rate: 1/s } }
groups:
  checkout:
    topics: [orders]
    processing: { per_record: 3ms }
    config: { session.timeout.ms: 9000, max.poll.interval.ms: 20000, metadata.max.age.ms: 25000 }
    members: [ { count: 2 }, { name: x } ]
events:
  - { at: 10s, crash: checkout/1 }
  - { at: 25s, start: checkout/1 }
  - { at: 40s, partitions: orders, to: 6 }
  - { at: 75s, stall: checkout/x, for: 30s }
  - { at: 125s, coordinator: move, unavailable: 4s }
  - { at: 150s, stop: checkout }
  - { at: 165s, start: checkout }
";

/// `base` with these settings.
fn scenario(base: &str, sets: &[impl AsRef<str> + fmt::Debug]) -> Scenario {
    let overrides = Overrides {
        set: sets.iter().map(|set| set.as_ref().to_owned()).collect(),
        ..Overrides::default()
    };
    load("knobs.yaml", base, &mut Traces, &overrides)
        .unwrap_or_else(|rejected| panic!("{sets:?}\n{rejected}"))
}

/// What happens in `base` after these settings.
fn outcome_of(base: &str, sets: &[impl AsRef<str> + fmt::Debug]) -> String {
    let scenario = scenario(base, sets);
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    let run = simulate(&scenario.plans[0], Seed(scenario.seed), &options)
        .unwrap_or_else(|halt| panic!("{sets:?}: {halt:?}"));
    format!(
        "{:?}{:?}{:?}{:?}",
        run.entries, run.samples, run.partitions, run.consumers
    )
}

fn outcome(sets: &[&str]) -> String {
    outcome_of(BASE, sets)
}

/// Keys that are not about what happens: names and questions; what is expected; what sweeps cross; the overlay of a variant (its keys are others'); a host, which has no model
/// of its own before processors have one and is refused or noted until then; settings of consumer groups, whose members do not play yet.
const WORDS: [&str; 8] = [
    "brokers.group_config",
    "scenario.name",
    "scenario.about",
    "member_entry.name",
    "member_entry.host",
    "scenario.variants",
    "scenario.matrix",
    "scenario.expect",
];

/// What must be so besides for the key to matter: (key, settings of both runs).
const GIVEN: &[(&str, &[&str])] = &[
    ("scenario.brokers", &["groups.checkout.config=null"]),
    ("group.client_version", &["groups.checkout.config=null"]),
    ("brokers.config", &["groups.checkout.members.0.count=7"]),
    (
        "brokers.racks",
        &[
            "groups.checkout.members.1.rack=b",
            "brokers.cross_rack_latency=5ms",
        ],
    ),
    (
        "brokers.cross_rack_latency",
        &["groups.checkout.members.1.rack=b"],
    ),
    ("member_entry.rack", &["brokers.cross_rack_latency=5ms"]),
    (
        "topic.record_size",
        &["groups.checkout.config={fetch.min.bytes: 51200, fetch.max.wait.ms: 20000}"],
    ),
    (
        "topic.racks",
        &[
            "groups.checkout.members.0.rack=b",
            "groups.checkout.members.1.rack=a",
        ],
    ),
    (
        "topic.replicas",
        &[
            "groups.checkout.members.0.rack=b",
            "groups.checkout.members.1.rack=a",
        ],
    ),
    ("commit.or_after", &["topics.orders.rate=4/s"]),
    ("event.crash", &["seed=8"]),
    (
        "event.config",
        &[
            "groups.checkout.processing={per_record: 200ms}",
            "groups.checkout.members.1.at=2m",
        ],
    ),
    ("event.reset_offsets", EMPTY_AT_1M),
    ("to.timestamp", EMPTY_AT_1M),
];

/// Nobody is there before the second minute.
const EMPTY_AT_1M: &[&str] = &[
    "groups.checkout.members.0.at=2m",
    "groups.checkout.members.1.at=2m",
];

fn given(key: &str) -> Vec<&'static str> {
    GIVEN
        .iter()
        .filter(|(name, _)| *name == key)
        .flat_map(|(_, sets)| sets.iter().copied())
        .collect()
}

#[test]
fn every_key_of_the_language_changes_what_happens() {
    let table = include_str!("scenarios/keys.txt").lines();
    let mut ignored = Vec::new();
    for line in table.filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [keys, before, after] = parts[..] else {
            panic!("three parts: {line}")
        };
        let key = keys.split(' ').next().unwrap_or_default();
        if WORDS.contains(&key) {
            continue;
        }
        let settings = |part: &'static str| {
            let own = part.split(';').map(str::trim).filter(|set| !set.is_empty());
            given(key).into_iter().chain(own).collect::<Vec<&str>>()
        };
        if outcome(&settings(before)) == outcome(&settings(after)) {
            ignored.push(line);
        }
    }
    assert!(
        ignored.is_empty(),
        "these change nothing:\n{}",
        ignored.join("\n")
    );
}

/// Consumer keys: the key, its value, and what must be so besides.
const CONSUMER: &[(&str, &str, &[&str])] = &[
    ("auto.commit.interval.ms", "1000", &[]),
    (
        "auto.offset.reset",
        "earliest",
        &["groups.checkout.start=cold", "topics.orders.backlog=100"],
    ),
    ("client.rack", "b", &["brokers.cross_rack_latency=5ms"]),
    (
        "default.api.timeout.ms",
        "500",
        &["groups.checkout.commit={after_batch: sync}"],
    ),
    ("enable.auto.commit", "false", &[]),
    ("fetch.max.bytes", "1000", &["topics.orders.backlog=1000"]),
    ("fetch.max.wait.ms", "100", &["topics.orders.rate=1/s"]),
    ("fetch.min.bytes", "20000", &[]),
    ("group.instance.id", "one", &[]),
    ("heartbeat.interval.ms", "1000", &[]),
    (
        "internal.leave.group.on.close",
        "false",
        &[
            "groups.checkout.client_version=4.1",
            "events=[{at: 20s, stop: checkout/x}]",
        ],
    ),
    (
        "max.partition.fetch.bytes",
        "1000",
        &["topics.orders.backlog=1000"],
    ),
    ("max.poll.interval.ms", "8000", &[]),
    ("max.poll.records", "10", &["topics.orders.backlog=1000"]),
    ("metadata.max.age.ms", "1000", &[]),
    ("partition.assignment.strategy", "[sticky]", &[]),
    (
        "request.timeout.ms",
        "2000",
        &[
            "brokers.assignor_cost=5s",
            "events=[{at: 20s, restart: checkout/1, down: 5s}]",
        ],
    ),
    ("reconnect.backoff.max.ms", "0", FOLLOWERS_GIVE_UP),
    ("reconnect.backoff.ms", "300", FOLLOWERS_GIVE_UP),
    ("retry.backoff.max.ms", "300", START_WITHOUT_COORDINATOR),
    ("retry.backoff.ms", "40", START_WITHOUT_COORDINATOR),
    (
        "session.timeout.ms",
        "7000",
        &["events=[{at: 20s, crash: checkout/x}]"],
    ),
];

/// The leader computes for so long that the others close their connection and look for the coordinator again, which they find at once.
const FOLLOWERS_GIVE_UP: &[&str] = &[
    "brokers.assignor_cost=5s",
    "groups.checkout.config.request.timeout.ms=2000",
    "events=[{at: 20s, restart: checkout/1, down: 5s}]",
];

/// The last member starts while the coordinator is away, and looks for it several times in one `poll()`.
const START_WITHOUT_COORDINATOR: &[&str] = &[
    "groups.checkout.processing.poll_timeout=5s",
    "events=[{at: 20s, coordinator: restart, unavailable: 4s}, {at: 21s, restart: checkout/x, down: 1s}]",
];

/// Keys that matter in consumer groups: proven by what the plan holds until their members play.
const OF_CONSUMER_GROUPS: [&str; 2] = ["group.protocol", "group.remote.assignor"];

/// Every assignor gives a group with an uneven load another course, those that are not Kafka's too.
#[test]
fn every_custom_assignor_changes_what_happens() {
    let outcomes = ["range", "roundrobin", "x-lag-aware", "x-weighted"].map(|name| {
        let assignor = format!("groups.checkout.config={{partition.assignment.strategy: {name}}}");
        let uneven = "topics.orders.skew={hot: {partitions: [0, 2], share: 80%}}";
        outcome(&[&*assignor, uneven, "topics.orders.backlog=500"])
    });
    for (position, own) in outcomes.iter().enumerate() {
        assert!(!outcomes[..position].contains(own), "number {position}");
    }
}

#[test]
fn every_modelled_consumer_key_changes_what_happens() {
    let mut ignored = Vec::new();
    for &(key, value, given) in CONSUMER {
        let after = format!("groups.checkout.members.1.config={{{key}: {value}}}");
        let sets: Vec<&str> = given.iter().copied().chain([&*after]).collect();
        if outcome(given) == outcome(&sets) {
            ignored.push(key);
        }
    }
    assert!(ignored.is_empty(), "these change nothing: {ignored:?}");
    let modelled = kafka::keys(Side::Consumer)
        .iter()
        .filter(|key| matches!(key.model, Model::Modelled));
    for key in modelled {
        let proven = CONSUMER.iter().any(|(name, ..)| *name == key.name);
        assert!(
            proven || OF_CONSUMER_GROUPS.contains(&key.name),
            "no proof for {}",
            key.name
        );
    }
}

#[test]
fn every_modelled_broker_key_changes_what_happens() {
    let cold = "groups.checkout.start=cold";
    let changed = [
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.max.size", "2"),
    ];
    for (key, value) in changed {
        let after = format!("brokers.config={{{key}: {value}}}");
        assert!(
            outcome(&[cold]) != outcome(&[cold, &after]),
            "{key} changes nothing"
        );
    }
    // A broker that has restarted is given back what it led, every so often, or not at all.
    let roll = "events=[{at: 10s, broker: roll, spacing: 100s}]";
    let of_leaders = [
        ("leader.imbalance.check.interval.seconds", "60"),
        ("auto.leader.rebalance.enable", "false"),
    ];
    let [sooner, never] =
        of_leaders.map(|(key, value)| format!("brokers.config={{{key}: {value}}}"));
    assert!(outcome(&[roll]) != outcome(&[roll, &sooner]));
    assert!(outcome(&[roll, &sooner]) != outcome(&[roll, &sooner, &never]));
    // Bounds: what they exclude is refused before anything happens.
    let bounds = [
        ("group.max.session.timeout.ms", "8000"),
        ("group.min.session.timeout.ms", "9500"),
        ("group.consumer.max.assignment.interval.ms", "900"),
        ("group.consumer.max.heartbeat.interval.ms", "4000"),
        ("group.consumer.max.session.timeout.ms", "44000"),
        ("group.consumer.min.assignment.interval.ms", "1100"),
        ("group.consumer.min.heartbeat.interval.ms", "6000"),
        ("group.consumer.min.session.timeout.ms", "46000"),
        ("group.consumer.assignors", "[uniform]"),
        ("group.coordinator.rebalance.protocols", "[classic]"),
    ];
    let other = "groups.audit={topics: [orders], members: 1, config: {group.protocol: consumer, group.remote.assignor: range}}";
    assert!(!outcome(&[other]).is_empty());
    for (key, value) in bounds {
        let overrides = Overrides {
            set: vec![
                other.to_owned(),
                format!("brokers.config={{{key}: {value}}}"),
            ],
            ..Overrides::default()
        };
        let refused = load("knobs.yaml", BASE, &mut Traces, &overrides);
        assert!(refused.is_err(), "{key} excludes nothing");
    }
    let proven = changed.iter().chain(&bounds).chain(&of_leaders);
    let proven = proven.map(|(key, _)| *key);
    let mut modelled: Vec<&str> = kafka::keys(Side::Broker)
        .iter()
        .filter(|key| matches!(key.model, Model::Modelled))
        .map(|key| key.name)
        .collect();
    modelled.retain(|key| !proven.clone().any(|name| name == *key));
    // These matter in consumer groups only: proven by what the plan holds until their members play.
    let of_consumer_groups = [
        "assignment.interval.ms",
        "heartbeat.interval.ms",
        "session.timeout.ms",
        "max.size",
        "migration.policy",
    ];
    modelled.retain(|key| {
        let name = key.strip_prefix("group.consumer.").unwrap_or("");
        !of_consumer_groups.contains(&name)
    });
    assert!(modelled.is_empty(), "no proof for {modelled:?}");
}
