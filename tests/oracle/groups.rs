//! Random groups: a scenario text for every number. Instants and costs are round on purpose, so that things coincide.

use std::fmt::Write as _;

use rebsim::cluster::Calibration;
use rebsim::kernel::{Draw, Seed, Stream};
use rebsim::scenario::plan::Plan;
use rebsim::scenario::{NoFiles, Overrides, load};

/// One random group with its scenario.
pub(crate) struct Case {
    pub(crate) number: u64,
    pub(crate) text: String,
    pub(crate) plan: Plan,
    pub(crate) calibration: Calibration,
    pub(crate) commit: &'static str,
    /// The mean load exceeds what all members together can process.
    pub(crate) overloaded: bool,
}

/// The plan of a scenario text that must be good.
pub(crate) fn plan_of(text: &str) -> Plan {
    let scenario = load("random.yaml", text, &mut NoFiles, &Overrides::default());
    let scenario = scenario.unwrap_or_else(|rejected| {
        panic!("the generator writes good scenarios only: {rejected}\n{text}")
    });
    scenario.plans.into_iter().next().expect("one plan")
}

/// The commit modes as a scenario writes them.
pub(crate) const COMMITS: [&str; 10] = [
    "auto",
    "after_batch",
    "{ after_batch: async }",
    "{ every: 2s }",
    "{ every: 700ms, style: async }",
    "{ after_records: 50, or_after: 3s, style: async }",
    "{ after_records: 30, or_after: 1s, style: sync }",
    "before_processing",
    "{ before_processing: async }",
    "none",
];

pub(crate) struct Dice(pub(crate) Draw);

impl Dice {
    pub(crate) fn up_to(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.0.below(to - from + 1)
    }

    pub(crate) fn one_in(&mut self, sides: u64) -> bool {
        self.0.below(sides) == 0
    }

    pub(crate) fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.0.below(list.len() as u64)).expect("a short list")]
    }
}

/// The group of this number.
pub(crate) fn case(number: u64) -> Case {
    let mut dice = Dice(Draw::new(Seed(number), Stream::new("oracle", "groups")));
    let seconds = dice.between(20, 50);
    let members = dice.between(1, 4);
    let overloaded = dice.up_to(5) < 2;
    let commit = COMMITS[usize::try_from(number % COMMITS.len() as u64).expect("small")];
    let mut text = format!("version: 1\nname: random-{number}\nduration: {seconds}s\n");
    if dice.one_in(2) {
        let (from, to) = (dice.up_to(8), seconds - dice.up_to(8));
        let _ = writeln!(text, "measure: {{ from: {from}s, to: {to}s }}");
    }
    brokers(&mut dice, &mut text);
    let topics = 1 + u64::from(dice.one_in(4));
    let mut rate = 0;
    text.push_str("topics:\n");
    for topic in 0..topics {
        rate += topic_text(&mut dice, topic, seconds, &mut text);
    }
    group(
        &mut dice, topics, members, rate, overloaded, commit, &mut text,
    );
    events(&mut dice, seconds, members, &mut text);
    let calibration = match dice.up_to(4) {
        0 => Calibration::ideal(),
        1 => Calibration::loopback(),
        _ => Calibration::of_scenario(),
    };
    let plan = plan_of(&text);
    Case {
        number,
        text,
        plan,
        calibration,
        commit,
        overloaded,
    }
}

fn brokers(dice: &mut Dice, text: &mut String) {
    let count = dice.between(1, 3);
    let latency = dice.of(&["500us", "1ms", "5ms", "{ uniform: [300us, 4ms] }"]);
    let append = dice.of(&["2ms", "0s", "{ exponential: 3ms }"]);
    let delay = dice.of(&[0, 0, 3_000]);
    let _ = writeln!(
        text,
        "brokers: {{ count: {count}, latency: {latency}, append: {append}, config: {{ group.initial.rebalance.delay.ms: {delay} }} }}"
    );
}

/// Writes a topic and returns its mean rate per second.
fn topic_text(dice: &mut Dice, topic: u64, seconds: u64, text: &mut String) -> u64 {
    let partitions = dice.between(1, 6);
    let rate = dice.of(&[1, 5, 20, 40, 50, 100, 117, 200]);
    let step = seconds / 3;
    let load = match dice.up_to(6) {
        0 | 1 => format!("rate: {rate}/s"),
        2 => format!("load: [ {{ poisson: {rate}/s }} ]"),
        3 => format!(
            "load: [ {{ steps: [ {{ at: 0s, rate: {rate}/s }}, {{ at: {step}s, rate: 1/s }}, {{ at: {}s, rate: {}/s }} ] }} ]",
            2 * step,
            2 * rate
        ),
        4 => format!(
            "load: [ {{ constant: {rate}/s }}, {{ spike: {{ at: {step}s, for: 5s, factor: 3 }} }} ]"
        ),
        _ => format!("load: [ {{ constant: {rate}/s }}, {{ poisson: 3/s }} ]"),
    };
    let size = dice.of(&["100B", "1KiB", "1KiB", "40KiB"]);
    let backlog = match dice.up_to(4) {
        0 => format!(", backlog: {}", dice.up_to(200)),
        _ => String::new(),
    };
    let skew = match dice.up_to(4) {
        0 if partitions > 1 => ", skew: { hot: { partitions: [0], share: 60% } }",
        _ => "",
    };
    let _ = writeln!(
        text,
        "  t{topic}: {{ partitions: {partitions}, {load}, record_size: {size}{backlog}{skew} }}"
    );
    rate
}

fn group(
    dice: &mut Dice,
    topics: u64,
    members: u64,
    rate: u64,
    overloaded: bool,
    commit: &str,
    text: &mut String,
) {
    let load = if overloaded {
        dice.between(12, 30)
    } else {
        dice.between(2, 9)
    };
    // Microseconds a record so that the members together are busy to `load` tenths.
    let exact = members * 100_000 * load / rate;
    let cost = match dice.up_to(2) {
        0 if exact > 2_000 => exact / 1_000 * 1_000,
        _ => exact.max(1),
    };
    let per_record = match dice.up_to(5) {
        0 => format!("{{ exponential: {cost}us }}"),
        1 => format!("{{ uniform: [{}us, {}us] }}", cost / 2, cost + cost / 2),
        2 => format!(
            "{{ lognormal: {{ median: {cost}us, p99: {}us }} }}",
            4 * cost
        ),
        _ => format!("{cost}us"),
    };
    let per_poll = dice.of(&["0s", "0s", "1ms", "{ exponential: 2ms }"]);
    let names = (0..topics)
        .map(|topic| format!("t{topic}"))
        .collect::<Vec<_>>()
        .join(", ");
    let _ = writeln!(
        text,
        "groups:\n  g:\n    topics: [{names}]\n    members: {members}"
    );
    if dice.one_in(2) {
        text.push_str("    start: cold\n");
    }
    if dice.one_in(3) {
        text.push_str("    static_membership: true\n");
    }
    if dice.one_in(6) {
        let offset = dice.of(&[0, 3, 30, 300]);
        let _ = writeln!(text, "    start_at: {{ committed: {offset} }}");
    }
    let timeout = dice.of(&["100ms", "100ms", "1s", "37ms"]);
    let _ = writeln!(
        text,
        "    processing: {{ per_record: {per_record}, per_poll: {per_poll}, poll_timeout: {timeout} }}\n    commit: {commit}"
    );
    if dice.one_in(3) {
        let flush = dice.of(&["0s", "10ms", "700ms"]);
        let style = dice.of(&["sync", "async"]);
        let _ = writeln!(
            text,
            "    listener: {{ on_revoked: {{ flush: {flush}, commit: {style} }}, on_assigned: {{ work: {flush} }} }}"
        );
    }
    config(dice, commit, text);
}

fn config(dice: &mut Dice, commit: &str, text: &mut String) {
    let assignor = dice.of(&[
        "range",
        "roundrobin",
        "sticky",
        "cooperative-sticky",
        "cooperative-sticky",
    ]);
    let session = dice.of(&[6_000, 8_000, 10_000]);
    let heartbeat = dice.of(&[1_000, 2_000, 3_000]);
    let interval = dice.of(&[3_000, 7_000, 300_000]);
    let records = dice.of(&[1, 7, 20, 100, 500]);
    let reset = dice.of(&["earliest", "latest"]);
    let _ = write!(
        text,
        "    config: {{ partition.assignment.strategy: {assignor}, session.timeout.ms: {session}, heartbeat.interval.ms: {heartbeat}, \
         max.poll.interval.ms: {interval}, max.poll.records: {records}, auto.offset.reset: {reset}"
    );
    if commit == "auto" {
        let every = dice.of(&[1_000, 5_000]);
        let _ = write!(text, ", auto.commit.interval.ms: {every}");
    }
    if dice.one_in(3) {
        let (bytes, wait) = (
            dice.of(&[2_000, 20_000, 1_000_000]),
            dice.of(&[100, 500, 1_300]),
        );
        let _ = write!(
            text,
            ", fetch.min.bytes: {bytes}, fetch.max.wait.ms: {wait}"
        );
    }
    if dice.one_in(4) {
        let (all, one) = (dice.of(&[3_000, 50_000]), dice.of(&[2_000, 40_000]));
        let _ = write!(
            text,
            ", fetch.max.bytes: {all}, max.partition.fetch.bytes: {one}"
        );
    }
    if dice.one_in(3) {
        text.push_str(", metadata.max.age.ms: 2000");
    }
    text.push_str(" }\n");
}

fn events(dice: &mut Dice, seconds: u64, members: u64, text: &mut String) {
    text.push_str("events:\n");
    let mut at = dice.between(1, 4) * 1_000;
    let end = seconds * 1_000;
    let mut grown = 7;
    let mut grown_at = 0;
    while at < end {
        let who = dice.up_to(members);
        let length = dice.of(&[500, 2_000, 6_000, 12_000]);
        let event = match dice.up_to(18) {
            0 | 1 => format!("crash: g/{who}"),
            2 | 3 => format!("restart: g/{who}, how: crash, down: {length}ms"),
            4 => format!("restart: g/{who}, down: {length}ms"),
            5 => format!("stop: g/{who}"),
            6 | 7 => format!("start: g/{who}"),
            8 | 9 => format!("freeze: g/{who}, for: {length}ms"),
            10 | 11 => format!("stall: g/{who}, for: {length}ms"),
            12 => format!("disconnect: g/{who}, for: {length}ms"),
            13 => format!("slow: g/{who}, factor: 3, for: {length}ms"),
            14 => format!("pause: {}, for: {length}ms", dice.of(&["t0", "t0-0"])),
            15 if grown_at < at => {
                grown += 2;
                grown_at = at;
                format!("partitions: t0, to: {grown}")
            }
            16 => dice
                .of(&[
                    "coordinator: restart",
                    "coordinator: move",
                    "load: t0, factor: 3, for: 5s",
                    "restart: g, how: crash, down: 1s, one_by_one: true",
                    "restart: g, down: 1s, one_by_one: true",
                ])
                .to_owned(),
            _ => {
                let _ = writeln!(text, "  - {{ at: {at}ms, stop: g }}");
                at += 3_000;
                if at >= end {
                    return;
                }
                let to = dice.of(&["earliest", "latest", "{ timestamp: -3s }"]);
                let _ = writeln!(text, "  - {{ at: {at}ms, reset_offsets: g, to: {to} }}");
                at += 1_000;
                if at >= end {
                    return;
                }
                "start: g".to_owned()
            }
        };
        let _ = writeln!(text, "  - {{ at: {at}ms, {event} }}");
        at += dice.of(&[0, 1_000, 2_000, 4_000, 7_300, 9_123]);
    }
}
