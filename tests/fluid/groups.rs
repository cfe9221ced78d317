//! Random groups, played both ways: the group does the same where load has no say in it, and what load decides is close in each run and
//! right over all of them.

use rebsim::cluster::{Fidelity, Options, simulate};
use rebsim::kernel::{Draw, Seed, Stream};
use rebsim::metrics::{RunMetrics, evaluate};
use rebsim::scenario::{NoFiles, Overrides, Scenario, load};
use rebsim::timeline::{Observation, Timeline};

const GROUPS: u64 = 60;

/// A group of random size, load and settings, and six things that befall it within ten minutes.
fn group(number: u64) -> String {
    let mut draw = Draw::new(Seed(number), Stream::new("fluid", "groups"));
    let mut pick = |choices: &[&str]| {
        let index = draw.below(choices.len() as u64);
        choices[usize::try_from(index).expect("an index")].to_owned()
    };
    let members = pick(&["2", "3", "5", "8"]);
    let partitions = pick(&["6", "12", "24"]);
    let load = pick(&[
        "rate: 300/s",
        "rate: 900/s",
        "load: [ { poisson: 300/s } ]",
        "load: [ { constant: 200/s }, { spike: { at: 3m, for: 1m, factor: 3 } } ]",
    ]);
    let cost = pick(&["500us", "1ms", "{ uniform: [200us, 2ms] }"]);
    let protocol = pick(&[
        "partition.assignment.strategy: range",
        "partition.assignment.strategy: cooperative-sticky",
        "group.protocol: consumer",
    ]);
    let fetch = pick(&["fetch.min.bytes: 1", "fetch.min.bytes: 1048576"]);
    let mut events = String::new();
    for (index, minute) in (1..7).enumerate() {
        let verb = pick(&[
            "crash: g/0",
            "restart: g/1, down: 10s",
            "freeze: g/0, for: 20s",
            "stop: g/1",
            "start: g/0",
            "restart: g/0, how: crash, down: 20s",
            "stall: g/1, for: 15s",
        ]);
        events.push_str(&format!(
            "  - {{ at: {minute}m{}s, {verb} }}\n",
            7 * index + 3
        ));
    }
    format!(
        "version: 1\nname: random\nduration: 10m\ntopics: {{ t: {{ partitions: {partitions}, {load} }} }}\n\
         groups:\n  g: {{ topics: [t], members: {members}, processing: {{ per_record: {cost} }}, config: {{ {protocol}, {fetch} }} }}\nevents:\n{events}"
    )
}

fn scenario(text: &str) -> Scenario {
    load("random.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}\n{text}"))
}

fn play(scenario: &Scenario, seed: u64, fidelity: Fidelity) -> Timeline {
    let options = Options {
        fidelity,
        check_invariants: true,
        ..Options::default()
    };
    simulate(&scenario.plans[0], Seed(seed), &options).expect("the run ends")
}

fn number(metrics: &RunMetrics, name: &str) -> f64 {
    let value = metrics.value(name).and_then(|value| value.number());
    value.map_or(0.0, |value| value.to_f64())
}

/// What the coordinator went through: why each rebalance began, and what of members it did.
fn story(timeline: &Timeline) -> Vec<String> {
    let told = timeline
        .entries
        .iter()
        .filter_map(|entry| match &entry.observation {
            Observation::GroupState {
                to,
                reason: Some(reason),
                ..
            } => Some(format!("{to:?} {}", reason.word())),
            Observation::MemberRemoved { consumer, why, .. } => {
                Some(format!("{consumer:?} {why:?}"))
            }
            _ => None,
        });
    told.collect()
}

/// What a metric came to in both modes, over all groups.
#[derive(Default)]
struct Against {
    errors: Vec<f64>,
    exact: f64,
    fluid: f64,
}

impl Against {
    fn add(&mut self, exact: f64, fluid: f64) {
        self.exact += exact;
        self.fluid += fluid;
        if exact > 0.0 {
            self.errors.push((fluid - exact).abs() / exact);
        }
    }

    /// Median and 90th percentile of the relative errors, and the ratio of the totals.
    fn summary(&mut self) -> (f64, f64, f64) {
        self.errors.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            self.errors[(self.errors.len() * percent / 100).min(self.errors.len() - 1)]
        };
        (at(50), at(90), self.fluid / self.exact)
    }
}

/// Metric, most that the median and the 90th percentile of the errors may be, and how far the totals may be apart.
const BOUNDS: [(&str, f64, f64, f64); 6] = [
    ("records_processed", 0.0005, 0.002, 0.001),
    ("downtime_partition_s", 0.01, 0.10, 0.03),
    ("stalled_records", 0.02, 0.12, 0.03),
    ("lag_records_mean", 0.03, 0.25, 0.05),
    ("latency_mean_s", 0.03, 0.25, 0.05),
    ("utilization_mean", 0.01, 0.05, 0.01),
];

#[test]
fn random_groups_do_the_same_and_come_to_about_the_same() {
    let mut sums: Vec<Against> = BOUNDS.iter().map(|_| Against::default()).collect();
    let mut same = 0;
    for number in 0..GROUPS {
        let scenario = scenario(&group(number));
        let exact = play(&scenario, number, Fidelity::Exact);
        let fluid = play(&scenario, number, Fidelity::Fluid);
        same += u64::from(story(&exact) == story(&fluid));
        let (exact, fluid) = (evaluate(&exact), evaluate(&fluid));
        for (sum, (name, ..)) in sums.iter_mut().zip(BOUNDS) {
            sum.add(self::number(&exact, name), self::number(&fluid, name));
        }
        assert_eq!(
            self::number(&exact, "records_lost"),
            self::number(&fluid, "records_lost")
        );
    }
    let mut wrong = Vec::new();
    for (sum, (name, median, high, total)) in sums.iter_mut().zip(BOUNDS) {
        let (is_median, is_high, ratio) = sum.summary();
        if is_median > median || is_high > high || (ratio - 1.0).abs() > total {
            wrong.push(format!("{name}: {is_median:.4} {is_high:.4} {ratio:.4}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(same * 100 >= GROUPS * 90, "{same} of {GROUPS}");
}

/// A commit is due at any instant of its interval when somebody crashes: over many crashes as much is repeated in both modes.
#[test]
fn what_crashes_repeat_is_unbiased_over_seeds() {
    let text = "version: 1\nname: crashes\nduration: 10m\ntopics: { t: { partitions: 6, load: [ { poisson: 300/s } ] } }\n\
        groups: { g: { topics: [t], members: 3, processing: { per_record: 1ms } } }\n\
        events: [ { at: 1m, restart: g/0, how: crash, down: 20s, every: 80s, times: 6, jitter: { uniform: [0s, 10s] } } ]\n";
    let scenario = scenario(text);
    let total = |fidelity| -> f64 {
        (1..=20)
            .map(|seed| {
                number(
                    &evaluate(&play(&scenario, seed, fidelity)),
                    "records_duplicated",
                )
            })
            .sum()
    };
    let (exact, fluid) = (total(Fidelity::Exact), total(Fidelity::Fluid));
    assert!(exact > 10_000.0, "{exact}");
    assert!(
        (fluid / exact - 1.0).abs() < 0.10,
        "{fluid} against {exact}"
    );
}

/// A quiet day is no work, however many heartbeats, commits and records it has.
#[test]
fn a_quiet_day_is_no_work() {
    let text = "version: 1\nname: quiet\nduration: 24h\ntopics: { t: { partitions: 25, rate: 2500/s } }\n\
        groups: { g: { topics: [t], members: 25, processing: { per_record: 20us } } }\n";
    let timeline = play(&scenario(text), 1, Fidelity::Fluid);
    let samples = 601; // Points of the grid: few of them are sampled, each is looked at.
    assert!(
        timeline.control_events < samples + 200,
        "{}",
        timeline.control_events
    );
    let processed: u64 = timeline
        .partitions
        .iter()
        .map(|(_, totals)| totals.processed)
        .sum();
    assert!(processed > 215_990_000, "{processed}");
}

#[test]
fn the_same_seed_gives_the_same_timeline() {
    let scenario = scenario(&group(3));
    let [one, other] = [(); 2].map(|()| play(&scenario, 3, Fidelity::Fluid));
    assert!(one == other);
}
