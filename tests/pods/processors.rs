//! One CPU limit for all that runs in a container: its consumers and its start-up.

use super::{Code, NoFiles, Overrides, facts, load, play};
use rebsim::metrics::{Value, evaluate};
use rebsim::scenario::diagnostic::Severity;
use rebsim::timeline::{PlatformFact, Timeline};

fn number(timeline: &Timeline, name: &str) -> i64 {
    match evaluate(timeline).value(name) {
        Some(Value::Number(number)) => number.to_string().parse().expect("a whole number"),
        other => panic!("{name}: {other:?}"),
    }
}

/// Four consumers of one pod that may burn one core; each record takes 1 ms of it.
fn four_in_one(rate: u64, weights: &str) -> String {
    format!(
        "
version: 1
name: quota
duration: 5m
topics: {{ orders: {{ partitions: 4, rate: {rate}/s, skew: {{ weights: {weights} }} }} }}
groups: {{ checkout: {{ topics: [orders], processing: {{ per_record: 1ms }} }} }}
deployments:
  checkout: {{ group: checkout, consumers_per_pod: 4, spec: {{ replicas: 1 }}, pod: {{ cpu: {{ request: 1, limit: 1 }} }} }}
"
    )
}

/// One partition has 582 of 600 records a second. A quarter of a core would do 250 of them; the whole quota, of which the others want little,
/// does all. When shares are first looked at everybody is new, so for one second they are equal: 332 records wait then.
#[test]
fn who_works_gets_what_the_others_in_its_container_leave() {
    let timeline = play(&four_in_one(600, "[97, 1, 1, 1]"));
    let (most, last) = (
        number(&timeline, "lag_records"),
        number(&timeline, "lag_records_end"),
    );
    assert!(most < 600 && last < 20, "{most} {last}");
}

/// Two that want 0.6 cores each get one together: 200 records a second are left, 60,000 in five minutes.
#[test]
fn together_they_get_no_more_than_the_limit() {
    let timeline = play(&four_in_one(1_200, "[50, 50, 0, 0]"));
    let last = number(&timeline, "lag_records_end");
    assert!((57_000..=61_000).contains(&last), "{last}");
    // On a node of one core without any limit it is the same.
    let on_node = four_in_one(1_200, "[50, 50, 0, 0]")
        .replace(", limit: 1", "")
        .replace("deployments:", "nodes: { n-1: { cores: 1 } }\ndeployments:");
    let there = number(&play(&on_node), "lag_records_end");
    assert!(there.abs_diff(last) < 1_000, "{there} {last}");
}

/// Four pods of one core each, whose start-up wants two for a minute.
const BOOT: &str = "
version: 1
name: boot
duration: 8m
topics: { orders: { partitions: 24, rate: 1600/s } }
groups: { checkout: { topics: [orders], processing: { per_record: 1ms } } }
deployments:
  checkout: { group: checkout, spec: { replicas: 4 }, pod: { startup: 12s, cpu: { request: 1, limit: 1, boot: { cores: 2, for: 60s } } } }
autoscalers:
  cpu: { target: checkout, hpa: { minReplicas: 4, maxReplicas: 4, metrics: [ { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } } } ] } }
kubernetes: { cpu_initialization: 0s, initial_readiness_delay: 0s }
events: [ { at: 2m, deploy: checkout } ]
";

#[test]
fn no_pod_is_seen_to_use_more_than_its_limit() {
    let timeline = play(BOOT);
    let seen = facts(&timeline).filter_map(|(_, fact)| match fact {
        PlatformFact::Decision { value_milli, .. } => Some(*value_milli),
        _ => None,
    });
    let most = seen.max().expect("the autoscaler looks");
    // The rollout never lets go of more than one of four: those that start use all of it, the others 0.4 to 0.6.
    assert!((70_000..=100_000).contains(&most), "{most}");
}

/// One pod that takes over 1 s after its start: its start-up wants two cores for a minute, its consumer one, so it has half a core for 900 records of
/// 1 ms: 400 a second are left until the minute is over.
#[test]
fn a_start_up_takes_from_processing() {
    let boot = ", boot: { cores: 2, for: 60s }";
    let text = format!(
        "
version: 1
name: boot
duration: 4m
topics: {{ orders: {{ partitions: 2, rate: 900/s }} }}
groups: {{ checkout: {{ topics: [orders], processing: {{ per_record: 1ms }} }} }}
deployments:
  checkout: {{ group: checkout, spec: {{ replicas: 1 }}, pod: {{ startup: 1s, cpu: {{ request: 1, limit: 1{boot} }} }} }}
events: [ {{ at: 1m, deploy: checkout }} ]
"
    );
    let with = number(&play(&text), "lag_records");
    let without = number(&play(&text.replace(boot, "")), "lag_records");
    assert!((18_000..=26_000).contains(&with), "{with}");
    assert!(without < 6_000, "{without}");
}

#[test]
fn a_limit_that_idling_uses_up_is_refused_and_one_below_the_start_up_noted() {
    let of = |cpu: &str| {
        let text = BOOT.replace("request: 1, limit: 1, boot: { cores: 2, for: 60s }", cpu);
        match load("pods.yaml", &text, &mut NoFiles, &Overrides::default()) {
            Ok(scenario) => scenario.notes,
            Err(rejected) => rejected.diagnostics,
        }
        .into_iter()
        .map(|finding| (finding.severity, finding.code))
        .collect::<Vec<_>>()
    };
    assert_eq!(of("request: 1, limit: 1, idle: 999m"), []);
    assert_eq!(
        of("request: 1, limit: 1, idle: 1"),
        [(Severity::Error, Code::Exclusive)]
    );
    assert_eq!(of("request: 1, limit: 1, boot: { cores: 1, for: 60s }"), []);
    let noted = [(Severity::Note, Code::Ignored)];
    assert_eq!(
        of("request: 1, limit: 1, boot: { cores: 1001m, for: 60s }"),
        noted
    );
}
