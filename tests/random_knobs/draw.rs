//! A shipped scenario and knobs that the language takes.

use std::fs;

use rebsim::cluster::Fidelity;
use rebsim::kernel::{Draw, Seed, Stream};
use rebsim::scenario::kafka::{self, Kind, Model};
use rebsim::scenario::shape::Side;
use rebsim::scenario::{LoadError, Loader, Overrides, Scenario, load};
use serde_json::Value;

/// Scenarios whose size is their point.
const LARGE: [&str; 2] = ["metadata-1000-partitions", "big-server"];

/// A knob and where it is turned to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Knob {
    /// `--config`
    Config(String),
    /// `--set`
    Set(String),
}

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Of the shipped scenario.
    pub(crate) name: String,
    pub(crate) variant: String,
    pub(crate) seed: u64,
    pub(crate) fidelity: Fidelity,
    pub(crate) knobs: Vec<Knob>,
}

/// A shipped scenario as it is without knobs.
pub(crate) struct Shipped {
    name: String,
    scenario: Scenario,
}

struct Folder;

impl Loader for Folder {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        fs::read_to_string(path).map_err(|_| LoadError::NotFound)
    }
}

fn path(name: &str) -> String {
    format!("{}/scenarios/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

/// All shipped scenarios of a size that can be played often, by name.
pub(crate) fn shipped() -> Vec<Shipped> {
    let folder = format!("{}/scenarios", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder of scenarios is there")
        .filter_map(|entry| {
            let name = entry.expect("it can be listed").file_name();
            let name = name.to_str()?.strip_suffix(".yaml")?.to_owned();
            (!LARGE.contains(&&*name)).then_some(name)
        })
        .collect();
    names.sort();
    let read = |name: String| {
        let scenario = read(&name, &Overrides::default()).expect("a shipped scenario is accepted");
        Shipped { name, scenario }
    };
    names.into_iter().map(read).collect()
}

fn read(name: &str, overrides: &Overrides) -> Option<Scenario> {
    let path = path(name);
    let text = fs::read_to_string(&path).expect("a scenario can be read");
    load(&path, &text, &mut Folder, overrides).ok()
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "7",
    "50",
    "100",
    "500",
    "1000",
    "3000",
    "6000",
    "10000",
    "45000",
    "300000",
    "1800000",
    "2147483647",
];
const SPANS: &[&str] = &[
    "0us",
    "1us",
    "500us",
    "5ms",
    "1s",
    "10s",
    "{ uniform: [100us, 20ms] }",
    "{ exponential: 3ms }",
    "{ lognormal: { median: 1ms, p99: 300ms } }",
];
const TIMES: &[&str] = &["0ms", "1ms", "100ms", "1s", "20s", "1m"];

/// Paths below a group, and what they may be.
const OF_A_GROUP: &[(&str, &[&str])] = &[
    (
        "processing.per_record",
        &["0us", "1us", "1ms", "100ms", "3s", "{ exponential: 3ms }"],
    ),
    (
        "processing.per_poll",
        &["0ms", "1ms", "2s", "{ exponential: 3ms }"],
    ),
    (
        "processing.poll_timeout",
        &["0ms", "1ms", "100ms", "1s", "30s"],
    ),
    ("processing.workers", &["1", "4"]),
    (
        "commit",
        &[
            "none",
            "auto",
            "{ after_batch: sync }",
            "{ after_batch: async }",
            "{ every_records: 7 }",
            "{ every: 1s }",
            "{ before_processing: sync }",
        ],
    ),
    ("start", &["cold", "steady"]),
    ("start_at", &["earliest", "latest"]),
    ("listener.on_revoked.flush", TIMES),
    ("listener.on_assigned.work", TIMES),
    ("listener.on_assigned.restore", TIMES),
    ("static_membership", &["true", "false"]),
    ("members", &["0", "1", "3", "9"]),
];
const OF_A_TOPIC: &[(&str, &[&str])] = &[
    ("partitions", &["1", "2", "7", "40"]),
    ("rate", &["0/s", "1/s", "700/s", "20000/s"]),
    ("backlog", &["0", "1", "5000", "1000000"]),
    ("record_size", &["1B", "100B", "1MB"]),
    (
        "load",
        &[
            "[ { poisson: 300/s } ]",
            "[ { constant: 200/s }, { spike: { at: 20s, for: 10s, factor: 5 } } ]",
        ],
    ),
];
const OF_A_WORKLOAD: &[(&str, &[&str])] = &[
    ("spec.replicas", &["0", "1", "2", "5", "12"]),
    ("consumers_per_pod", &["1", "2", "3"]),
    ("pod.startup", SPANS),
    ("pod.ready_after", TIMES),
    (
        "pod.cpu",
        &["{ request: 100m, limit: 100m }", "{ request: 1, limit: 1 }"],
    ),
    (
        "spec.template.spec.terminationGracePeriodSeconds",
        &["0", "1", "30"],
    ),
];
const OF_AN_AUTOSCALER: &[(&str, &[&str])] = &[
    ("hpa.minReplicas", &["1", "3"]),
    ("hpa.maxReplicas", &["3", "8"]),
    ("keda.minReplicaCount", &["0", "1", "3"]),
    ("keda.maxReplicaCount", &["3", "8"]),
    ("keda.pollingInterval", &["1", "30"]),
    ("keda.cooldownPeriod", &["0", "300"]),
    ("threshold.every", &["1s", "1m"]),
];
const OF_THE_WHOLE: &[(&str, &[&str])] = &[
    ("brokers.latency", SPANS),
    ("brokers.append", SPANS),
    ("brokers.assignor_cost", SPANS),
    ("brokers.count", &["1", "2", "3", "7"]),
    (
        "brokers.version",
        &[
            "\"2.3\"", "\"3.0\"", "\"3.9\"", "\"4.0\"", "\"4.1\"", "\"4.2\"", "\"4.4\"",
        ],
    ),
    ("duration", &["1s", "37s", "2m", "5m"]),
];

struct Dice(Draw);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.below(bound as u64)).expect("an index")
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len())].clone())
    }

    fn text(&mut self, all: &[&str]) -> String {
        self.one_of(all).unwrap_or_default().to_owned()
    }
}

/// What is called so in the scenario.
fn names(scenario: &Scenario, section: &str) -> Vec<String> {
    let section = scenario.resolved.get(section).and_then(Value::as_object);
    section
        .map(|section| section.keys().cloned().collect())
        .unwrap_or_default()
}

fn words(name: &str) -> &'static [&'static str] {
    match name {
        "group.protocol" => &["classic", "consumer"],
        "partition.assignment.strategy" => &[
            "range",
            "roundrobin",
            "sticky",
            "cooperative-sticky",
            "[range,cooperative-sticky]",
        ],
        "auto.offset.reset" => &["latest", "earliest", "none", "by_duration:PT1M"],
        "group.remote.assignor" => &["uniform", "range"],
        "group.consumer.assignors" => &["uniform", "range", "[range,uniform]"],
        "group.coordinator.rebalance.protocols" => &["classic", "[classic,consumer]"],
        "group.instance.id" | "client.rack" => &["a", "7"],
        _ => &[],
    }
}

/// A Kafka setting with a value of its kind.
fn setting(side: Side, dice: &mut Dice) -> Option<String> {
    let keys: Vec<&kafka::Key> = kafka::keys(side)
        .iter()
        .filter(|key| key.model == Model::Modelled)
        .collect();
    let key = dice.one_of(&keys)?;
    let value = match key.kind {
        Kind::Integer(..) => dice.text(NUMBERS),
        Kind::Boolean => dice.text(&["true", "false"]),
        Kind::Word(words) => dice.text(words),
        Kind::Double => "1".to_owned(),
        Kind::Text | Kind::List => dice.one_of(words(key.name))?.to_owned(),
    };
    Some(format!("{}={value}", key.name))
}

fn below(
    scenario: &Scenario,
    section: &str,
    paths: &[(&str, &[&str])],
    dice: &mut Dice,
) -> Option<Knob> {
    let name = dice.one_of(&names(scenario, section))?;
    let (path, values) = dice.one_of(paths)?;
    Some(Knob::Set(format!(
        "{section}.{name}.{path}={}",
        dice.text(values)
    )))
}

/// Something that befalls a group, or one of the things around it.
fn event(scenario: &Scenario, dice: &mut Dice) -> Option<String> {
    let group = dice.one_of(&names(scenario, "groups"))?;
    let topic = dice.one_of(&names(scenario, "topics"))?;
    let workload = dice.one_of(&names(scenario, "deployments"));
    let whom = dice.text(&["", "/random", "/0", "/1"]);
    let span = dice.text(&["0s", "1s", "20s", "50s"]);
    let verb = match dice.below(17) {
        0 => format!("crash: {group}{whom}"),
        1 => format!("stop: {group}{whom}"),
        2 => format!("start: {group}{whom}"),
        3 => format!("restart: {group}{whom}, down: {span}"),
        4 => format!("restart: {group}{whom}, how: crash, down: {span}"),
        5 => format!("freeze: {group}{whom}, for: {span}"),
        6 => format!("stall: {group}{whom}, for: {span}"),
        7 => format!("slow: {group}{whom}, factor: 7, for: {span}"),
        8 => format!("disconnect: {group}{whom}, for: {span}"),
        9 => format!("pause: {topic}, for: {span}"),
        10 => format!("poison: {topic}"),
        11 => format!("partitions: {topic}, to: 60"),
        12 => format!("load: {topic}, factor: 3, for: {span}"),
        13 => format!(
            "coordinator: {}, unavailable: {span}",
            dice.text(&["restart", "move"])
        ),
        14 => format!("broker: roll, down: {span}"),
        15 => format!(
            "reset_offsets: {group}, to: {}",
            dice.text(&["earliest", "latest"])
        ),
        _ => match workload {
            Some(name) if dice.below(2) == 0 => format!("deploy: {name}"),
            Some(name) => format!("scale: {name}, to: {}", dice.text(&["0", "2", "9"])),
            None => format!("crash: {group}"),
        },
    };
    let at = dice.text(&["0s", "1s", "7s", "19s", "31s", "45s"]);
    Some(format!("{{ at: {at}, {verb} }}"))
}

fn fault(scenario: &Scenario, dice: &mut Dice) -> Option<String> {
    let group = dice.one_of(&names(scenario, "groups"))?;
    let mtbf = dice.text(&["2s", "30s", "10m"]);
    let cut = dice.text(&["freeze", "disconnect", "stall"]);
    Some(match dice.below(3) {
        0 => format!("{{ crash: {group}, mtbf: {mtbf}, repair: {{ exponential: 9s }} }}"),
        1 => format!("{{ slow: {group}, factor: 3, every: {{ exponential: {mtbf} }}, for: 5s }}"),
        _ => format!(
            "{{ {cut}: {group}, every: {{ exponential: {mtbf} }}, for: {{ lognormal: {{ median: 300ms, p99: 20s }} }} }}"
        ),
    })
}

/// A knob of any kind; `None`: the scenario has nothing of the kind.
fn knob(scenario: &Scenario, dice: &mut Dice) -> Option<Knob> {
    let list = |one: Option<String>, more: Option<String>| {
        let all: Vec<String> = one.into_iter().chain(more).collect();
        all.join(", ")
    };
    match dice.below(24) {
        0..=8 => setting(Side::Consumer, dice).map(Knob::Config),
        9 => setting(Side::Broker, dice).map(|text| Knob::Set(format!("brokers.config.{text}"))),
        10 | 11 => {
            let (path, values) = dice.one_of(OF_THE_WHOLE)?;
            Some(Knob::Set(format!("{path}={}", dice.text(values))))
        }
        12..=15 => below(scenario, "groups", OF_A_GROUP, dice),
        16 | 17 => below(scenario, "topics", OF_A_TOPIC, dice),
        18 => below(scenario, "deployments", OF_A_WORKLOAD, dice),
        19 => below(scenario, "statefulsets", OF_A_WORKLOAD, dice),
        20 => below(scenario, "autoscalers", OF_AN_AUTOSCALER, dice),
        21 => {
            let faults = list(fault(scenario, dice), None);
            Some(Knob::Set(format!("faults=[ {faults} ]")))
        }
        _ => {
            let events = list(event(scenario, dice), event(scenario, dice));
            Some(Knob::Set(format!("events=[ {events} ]")))
        }
    }
}

impl Case {
    /// The case of that number. Most are short, so that there can be many.
    pub(crate) fn draw(number: u64, scenarios: &[Shipped]) -> Self {
        let mut dice = Dice(Draw::new(Seed(number), Stream::new("knobs", "cases")));
        let place = dice.below(scenarios.len());
        let shipped = &scenarios[place];
        let mut case = Self {
            name: shipped.name.clone(),
            variant: String::new(),
            seed: dice.0.below(1_000),
            fidelity: Fidelity::Exact,
            knobs: Vec::new(),
        };
        if dice.below(3) == 0 {
            case.fidelity = Fidelity::Fluid;
        }
        let variants: Vec<&str> = shipped
            .scenario
            .plans
            .iter()
            .map(|plan| &*plan.variant)
            .collect();
        case.variant = dice.text(&variants);
        let short = format!("duration={}", dice.text(&["37s", "2m", "2m", "5m"]));
        case.add(&[Knob::Set(short.clone())]);
        if case.knobs.is_empty() {
            // What happens later goes.
            case.add(&[Knob::Set("events=[]".to_owned()), Knob::Set(short)]);
        }
        let wanted = 1 + dice.below(8);
        for _ in 0..wanted {
            let knob = knob(&shipped.scenario, &mut dice);
            case.add(knob.as_slice());
        }
        case
    }

    /// Turns the knobs if the language takes them.
    fn add(&mut self, knobs: &[Knob]) {
        let before = self.knobs.len();
        self.knobs.extend_from_slice(knobs);
        if self.scenario().is_none() {
            self.knobs.truncate(before);
        }
    }

    pub(crate) fn without(&self, place: usize) -> Self {
        let mut fewer = self.clone();
        fewer.knobs.remove(place);
        fewer
    }

    /// What it comes to; `None` when it is refused.
    pub(crate) fn scenario(&self) -> Option<Scenario> {
        let mut overrides = Overrides::default();
        if self.variant != "base" {
            overrides.variants.push(self.variant.clone());
        }
        for knob in &self.knobs {
            match knob {
                Knob::Config(text) => overrides.config.push(text.clone()),
                Knob::Set(text) => overrides.set.push(text.clone()),
            }
        }
        read(&self.name, &overrides)
    }

    /// How to play it by hand.
    pub(crate) fn command(&self) -> String {
        let mut text = format!("rebsim run scenarios/{}.yaml --no-out -q", self.name);
        if self.variant != "base" {
            text += &format!(" --variant {}", self.variant);
        }
        text += &format!(" --seed {}", self.seed);
        if self.fidelity == Fidelity::Fluid {
            text += " --fidelity fluid";
        }
        for knob in &self.knobs {
            text += &match knob {
                Knob::Config(knob) => format!(" --config '{knob}'"),
                Knob::Set(knob) => format!(" --set '{knob}'"),
            };
        }
        text
    }
}
