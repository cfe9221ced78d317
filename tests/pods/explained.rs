//! Chains of causes with pods and autoscalers in them: what is told, and where it stands.

use std::collections::BTreeMap;

use super::{NoFiles, Overrides, load};
use rebsim::assignor::{GroupId, TopicPartition};
use rebsim::cluster::{Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::metrics::stall::stalls;
use rebsim::report::explain::{Played, chain};
use rebsim::report::figures::Style;
use rebsim::scenario::Scenario;

const TEXT: &str = "
version: 1
name: told
duration: 10m
topics: { orders: { partitions: 12, rate: 600/s } }
groups: { checkout: { topics: [orders], processing: { per_record: 5ms }, config: { partition.assignment.strategy: range } } }
deployments:
  checkout: { group: checkout, spec: { replicas: 4 }, pod: { startup: 10s, ready_after: 5s } }
autoscalers:
  by-rule: { target: checkout, threshold: { every: 60s, above: 3000, below: 0, max: 6 } }
events:
  - { at: 30s, deploy: checkout }
  - { at: 4m, load: orders, factor: 3, for: 2m }
variants:
  plain: {}
  own:
    autoscalers: { by-rule: { threshold: { max: 5 } } }
  frozen:
    faults: [ { freeze: checkout, every: 4m, for: 60s } ]
    events: null
";

fn scenario() -> Scenario {
    load("told.yaml", TEXT, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"))
}

/// The chains of a variant's stalls of orders-0 that begin at `from` or later.
fn told(name: &str, from: SimTime, places: &BTreeMap<String, String>) -> Vec<String> {
    let scenario = scenario();
    let plan = scenario.plans.iter().find(|plan| plan.variant == name);
    let plan = plan.expect("a variant");
    let timeline = simulate(plan, Seed(1), &Options::default()).expect("a run that ends");
    let partition = TopicPartition {
        topic: timeline.partitions[0].0.1.topic,
        partition: 0,
    };
    let stalls = stalls(&timeline, GroupId(0), partition).expect("orders-0 is there");
    let played = Played {
        plan,
        seed: 1,
        timeline: &timeline,
        places,
    };
    let later = stalls.iter().filter(|stall| stall.from >= from);
    later
        .map(|stall| chain(played, stall, Style { ascii: true }))
        .collect()
}

/// The rebalance that an autoscaler's pod causes has nothing to do with the deploy of minutes ago.
#[test]
fn an_older_deploy_is_no_part_of_an_autoscalers_chain() {
    let places = scenario().places;
    let chains = told("plain", SimTime::from_millis(250_000), &places);
    let scaled = chains.iter().find(|text| text.contains("by-rule"));
    let scaled = scaled.unwrap_or_else(|| panic!("{chains:#?}"));
    assert!(scaled.contains("4 to 5 replicas, by"), "{scaled}");
    assert!(!scaled.contains("/events/0"), "{scaled}");
    // Where it stands: the autoscaler, and the workload that makes the pod.
    assert!(
        scaled.contains("told.yaml:10 (/autoscalers/by-rule)"),
        "{scaled}"
    );
    assert!(
        scaled.contains("told.yaml:8 (/deployments/checkout)"),
        "{scaled}"
    );
    // The deploy's own chains do tell of it.
    let own = told("plain", SimTime::ZERO, &places);
    assert!(
        own[0].contains("deploy  told.yaml:12 (/events/0)"),
        "{}",
        own[0]
    );
}

/// What a variant changes stands in the variant.
#[test]
fn faults_and_autoscalers_have_pointers_of_their_own() {
    let scenario = scenario();
    let plan = |name: &str| {
        let plan = scenario.plans.iter().find(|plan| plan.variant == name);
        plan.expect("a variant")
    };
    let own = &plan("own").platform;
    assert_eq!(
        own.autoscalers[0].pointer,
        "/variants/own/autoscalers/by-rule"
    );
    assert_eq!(own.workloads[0].pointer, "/deployments/checkout");
    assert_eq!(
        plan("frozen").faults[0].pointer,
        "/variants/frozen/faults/0"
    );
    let chains = told("frozen", SimTime::ZERO, &scenario.places);
    let place = "told.yaml:19 (/variants/frozen/faults/0)";
    assert!(
        chains.iter().any(|text| text.contains(place)),
        "{chains:#?}"
    );
}
