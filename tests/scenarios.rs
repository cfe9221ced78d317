//! Every shipped scenario is sound, runs without breaking an invariant, and gives what it says that it expects.

use std::collections::BTreeMap;

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::condition::Condition;
use rebsim::metrics::{RunMetrics, evaluate};
use rebsim::scenario::examples::{self, EXAMPLES};
use rebsim::scenario::{LoadError, Loader, Overrides, Scenario, load};
use rebsim::timeline::Timeline;

/// A shipped scenario is one file and reads no other.
struct NoFiles;

impl Loader for NoFiles {
    fn read(&mut self, _: &str) -> Result<String, LoadError> {
        Err(LoadError::NotFound)
    }
}

fn shipped(name: &str) -> Scenario {
    let example = examples::find(name).expect("it is shipped");
    let scenario = load(name, example.text, &mut NoFiles, &Overrides::default());
    let scenario = scenario.unwrap_or_else(|rejected| {
        let found: Vec<String> = rejected
            .diagnostics
            .iter()
            .map(|d| d.message.clone())
            .collect();
        panic!("{name} is rejected: {found:#?}")
    });
    assert!(scenario.notes.is_empty(), "{name} has notes");
    scenario
}

/// Plays every variant with one seed.
fn played(scenario: &Scenario, seed: u64) -> BTreeMap<String, Timeline> {
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    let play = |plan| simulate(plan, Seed(seed), &options);
    scenario
        .plans
        .iter()
        .map(|plan| {
            let timeline =
                play(plan).unwrap_or_else(|halt| panic!("{} halts: {halt:?}", plan.variant));
            (plan.variant.clone(), timeline)
        })
        .collect()
}

/// The expectations that do not hold, in words.
fn unmet(scenario: &Scenario, runs: &BTreeMap<String, RunMetrics>) -> Vec<String> {
    let mut unmet = Vec::new();
    for expectation in &scenario.expectations {
        let condition = Condition::parse(&expectation.metric, &expectation.condition)
            .expect("checked when it was loaded");
        let only = expectation
            .variant
            .as_deref()
            .or(condition.variant.as_deref());
        for (variant, run) in runs {
            if only.is_some_and(|only| only != variant) {
                continue;
            }
            let other = condition
                .other_variant()
                .and_then(|other| runs[other].lookup(&condition.name));
            let value = run.lookup(&condition.name);
            let verdict = condition.judge(value.as_slice(), other.as_slice());
            if !verdict.met {
                let (metric, wanted) = (&expectation.metric, &expectation.condition);
                unmet.push(format!(
                    "{variant}: {metric} is {}, expected {wanted}",
                    verdict.actual
                ));
            }
        }
    }
    unmet
}

/// A scenario opens with its question, is short, expects something, and what it expects holds.
fn holds(name: &str) {
    let text = examples::find(name).expect("it is shipped").text;
    assert!(
        text.lines().count() < 60,
        "{name} is longer than a screenful"
    );
    let scenario = shipped(name);
    assert!(
        scenario
            .about
            .as_deref()
            .is_some_and(|about| about.ends_with('?')),
        "{name} opens with no question"
    );
    assert!(!scenario.expectations.is_empty(), "{name} expects nothing");
    let runs = played(&scenario, scenario.seed)
        .iter()
        .map(|(variant, timeline)| (variant.clone(), evaluate(timeline)))
        .collect();
    let unmet = unmet(&scenario, &runs);
    assert!(unmet.is_empty(), "{name}\n{}", unmet.join("\n"));
}

macro_rules! hold {
    ($($test:ident $name:literal)*) => {
        $(#[test]
        fn $test() {
            holds($name);
        })*

        #[test]
        fn every_shipped_scenario_is_tried() {
            let shipped: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
            assert_eq!(shipped, [$($name),*]);
        }
    };
}

hold! {
    batch_longer_than_session "batch-longer-than-session"
    checkout_deploy "checkout-deploy"
    commit_modes "commit-modes"
    coordinator_restart "coordinator-restart"
    crash "crash"
    fast_and_slow_records "fast-and-slow-records"
    four_partitions "four-partitions"
    graceful_leave "graceful-leave"
    hot_partition "hot-partition"
    hundred_partitions "hundred-partitions"
    nightly_deploy "nightly-deploy"
    offset_reset "offset-reset"
    partition_increase "partition-increase"
    rolling_deploy "rolling-deploy"
    scale_out "scale-out"
    six_partitions_three_consumers "six-partitions-three-consumers"
    slow_poll_storm "slow-poll-storm"
    static_fencing "static-fencing"
    two_groups "two-groups"
}
