//! What went wrong once, found by turning knobs.

use rebsim::cluster::Fidelity::{self, Exact, Fluid};
use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::evaluate;

use super::draw::{Case, Knob};
use super::judge;

fn case(name: &str, variant: &str, seed: u64, fidelity: Fidelity, knobs: &[&str]) -> Case {
    // Kafka's keys have dots, and of the paths below only some; `@` marks a path.
    let knob = |text: &&str| match text.strip_prefix('@') {
        Some(path) => Knob::Set(path.to_owned()),
        None => Knob::Config((*text).to_owned()),
    };
    Case {
        name: name.to_owned(),
        variant: variant.to_owned(),
        seed,
        fidelity,
        knobs: knobs.iter().map(knob).collect(),
    }
}

fn runs(case: Case) {
    assert!(case.scenario().is_some(), "refused: {}", case.command());
    assert_eq!(judge::wrong(&case), None, "{}", case.command());
}

/// The way that is drawn for the first fetch after a flow may be shorter than the average by which positions moved on: brokers have what was read
/// of them all the same, and nobody's position is out of range.
#[test]
fn flows_end_well_whatever_latency_is_drawn() {
    let knobs = ["@brokers.latency={ exponential: 3ms }"];
    runs(case("gc-pauses", "session-6s", 297, Fluid, &knobs));
}

/// A client of the consumer protocol that has records in its buffer may hand no event over, and its poll timer runs on while it flows.
#[test]
fn a_flow_does_not_outlast_a_poll_timer_that_runs_on() {
    let knobs = ["fetch.max.bytes=1800000", "max.poll.records=1"];
    runs(case("two-batches", "consumer", 558, Fluid, &knobs));
}

/// A commit is due at the very instant at which a batch of a flow ends.
#[test]
fn a_flow_ends_before_what_is_due() {
    let knobs = [
        "@brokers.version=\"4.1\"",
        "@groups.checkout.listener.on_revoked.flush=20s",
        "@groups.checkout.processing.poll_timeout=0ms",
    ];
    runs(case("keda-flap", "higher-threshold", 292, Fluid, &knobs));
}

/// The first holder of a `group.instance.id` is in the group when time begins; the others start then. A classic coordinator fences the holder, one of
/// the consumer protocol refuses the newcomer (UNRELEASED_INSTANCE_ID).
#[test]
fn a_steady_start_has_one_holder_of_an_instance_id() {
    let protocols: [&[&str]; 2] = [
        &["group.instance.id=7"],
        &["group.instance.id=7", "group.protocol=consumer"],
    ];
    for knobs in protocols {
        let case = case("static-fencing", "twin", 1, Exact, knobs);
        runs(case.clone());
        let scenario = case.scenario().expect("it is accepted");
        let timeline = simulate(&scenario.plans[0], Seed(1), &Options::default());
        let metrics = evaluate(&timeline.expect("it ends"));
        // `two` comes at once and `two-again` after a minute.
        let fenced = metrics
            .value("fenced_members")
            .and_then(|value| value.number());
        assert_eq!(fenced.map(|fenced| fenced.to_f64()), Some(2.0), "{knobs:?}");
    }
}

/// `auto.commit.interval.ms` 0 makes the client commit in every pass of its loop. A pass takes a millisecond, and the scenario says so.
#[test]
fn a_client_that_commits_in_every_pass_comes_to_an_end() {
    for fidelity in [Exact, Fluid] {
        let knobs = ["auto.commit.interval.ms=0"];
        let case = case("four-partitions", "crash-of-one", 1, fidelity, &knobs);
        let notes = case.scenario().map(|scenario| scenario.notes);
        let told = |note: &str| note.contains("counts as 1 here");
        assert!(notes.is_some_and(|notes| notes.iter().any(|note| told(&note.message))));
        runs(case);
    }
}

/// Where messages take no time and brokers wait for nothing, an empty answer does not come at the instant of its question.
#[test]
fn fetches_without_wait_and_way_come_to_an_end() {
    for fidelity in [Exact, Fluid] {
        let knobs = ["@brokers.latency=0us", "fetch.max.wait.ms=0"];
        runs(case("four-partitions", "crash-of-one", 1, fidelity, &knobs));
    }
}
