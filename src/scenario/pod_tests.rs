//! The language of pods: what good manifests come to, and what is said of broken ones.

use super::code::Code;
use super::diagnostic::Severity;
use super::plan::platform::Controller;
use super::plan::{NodeId, Plan, Verb, WorkloadId};
use super::{NoFiles, Overrides, Rejected, Scenario, load};
use crate::assignor::GroupId;
use crate::kernel::SimDuration;
use crate::platform::deployment::Strategy;
use crate::platform::disruption::{BudgetLimit, UnhealthyEviction};
use crate::platform::pod::Shutdown;
use crate::platform::quantity::IntOrPercent;
use crate::platform::statefulset::{PodManagement, UpdateStrategy};
use crate::workload::distribution::Distribution;

const HEAD: &str = "version: 1\nname: pods\nduration: 10m\ntopics: { orders: { partitions: 6 } }\n";
const GROUP: &str = "groups: { checkout: { topics: [orders] } }\n";

fn read(text: &str, strict: bool) -> Result<Scenario, Rejected> {
    let overrides = Overrides {
        strict,
        ..Overrides::default()
    };
    load(
        "pods.yaml",
        &format!("{HEAD}{text}"),
        &mut NoFiles,
        &overrides,
    )
}

fn plan(text: &str) -> Plan {
    let scenario = read(text, false);
    let mut scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    scenario.plans.remove(0)
}

/// The errors, each as its code and the text that it points at.
fn errors(text: &str) -> Vec<(Code, String)> {
    let Err(rejected) = read(text, false) else {
        panic!("accepted: {text}")
    };
    let errors = rejected.diagnostics.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    let token = |finding: &super::diagnostic::Diagnostic| {
        let text = rejected.sources.text(finding.span);
        (finding.code, text.lines().next().unwrap_or("").to_owned())
    };
    errors.map(token).collect()
}

const MANIFESTS: &str = r#"
groups:
  checkout: { topics: [orders], static_membership: true, config: { session.timeout.ms: 30000 } }
  audit: { topics: [orders], members: 1 }
deployments:
  checkout:
    group: checkout
    consumers_per_pod: 2
    spec:
      replicas: 20
      minReadySeconds: 10
      paused: false
      selector: { matchLabels: { app: checkout } }
      strategy: { rollingUpdate: { maxSurge: 25%, maxUnavailable: "30%" } }
      template:
        metadata: { labels: { app: checkout } }
        spec:
          terminationGracePeriodSeconds: 45
          containers: [ { name: app, image: "shop/checkout:1.2" } ]
    pod:
      startup: { lognormal: { median: 12s, p99: 35s } }
      ready_after: 5s
      shutdown: graceful_without_leave
      pre_stop: 3s
      cpu: { request: 500m, limit: 1, idle: 20m, boot: { cores: 800m, for: 10s } }
      memory: { limit: 1GiB, base: 400MiB, per_partition: 20MiB, per_buffered_byte: 2 }
statefulsets:
  ledger:
    group: checkout
    spec:
      serviceName: ledger
      replicas: 3
      podManagementPolicy: Parallel
      ordinals: { start: 1 }
      updateStrategy: { type: RollingUpdate, rollingUpdate: { partition: 2 } }
disruption_budgets:
  checkout: { target: checkout, spec: { minAvailable: 80%, unhealthyPodEvictionPolicy: AlwaysAllow } }
nodes: { big-2: { cores: 16 }, big-1: { cores: 3500m, rack: a } }
events:
  - { at: 1m, deploy: checkout }
  - { at: 2m, rollback: checkout }
  - { at: 3m, scale: checkout, to: 0 }
  - { at: 4m, drain: big-2 }
  - { at: 5m, kill_node: big-1 }
"#;

#[test]
fn manifests_come_to_workloads() {
    let plan = plan(MANIFESTS);
    let platform = &plan.platform;
    let names: Vec<&str> = platform.workloads.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["checkout", "ledger"]);
    let [first, second] = &platform.workloads[..] else {
        panic!("two workloads")
    };
    let Controller::Deployment(spec) = first.controller else {
        panic!("a Deployment")
    };
    assert_eq!(
        (first.group, first.replicas, first.consumers_per_pod),
        (GroupId(1), 20, 2)
    );
    assert_eq!(spec.min_ready, SimDuration::from_secs(10));
    assert_eq!(spec.progress_deadline, SimDuration::from_secs(600));
    assert_eq!(
        spec.strategy,
        Strategy::RollingUpdate {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Percent(30),
        }
    );
    assert!(first.static_membership && second.static_membership);
    assert_eq!(
        first.member.config.session_timeout,
        SimDuration::from_secs(30)
    );
    assert_eq!(first.member_name("checkout-b-c", 1), "checkout-b-c-1");
    assert_eq!(second.member_name("ledger-1", 0), "ledger-1");
    let Controller::StatefulSet(spec) = second.controller else {
        panic!("a StatefulSet")
    };
    assert_eq!(
        (spec.policy, spec.first_ordinal),
        (PodManagement::Parallel, 1)
    );
    assert_eq!(
        spec.strategy,
        UpdateStrategy::RollingUpdate {
            partition: 2,
            max_unavailable: None,
        }
    );
    // The listed members of the other group are untouched.
    assert_eq!(plan.consumers.len(), 1);
}

#[test]
fn pods_budgets_and_nodes_are_as_written() {
    let plan = plan(MANIFESTS);
    let pod = &plan.platform.workloads[0].pod;
    assert_eq!(pod.grace, SimDuration::from_secs(45));
    assert_eq!(
        (pod.pre_stop, pod.shutdown),
        (SimDuration::from_secs(3), Shutdown::GracefulWithoutLeave)
    );
    assert_eq!(
        pod.ready_after,
        Distribution::Constant(SimDuration::from_secs(5))
    );
    let cpu = pod.cpu.expect("it has one");
    assert_eq!(
        (cpu.request_m, cpu.limit_m, cpu.idle_m),
        (Some(500), Some(1_000), 20)
    );
    assert_eq!(cpu.boot, Some((800, SimDuration::from_secs(10))));
    let memory = pod.memory.expect("it has one");
    assert_eq!((memory.limit, memory.base), (1 << 30, 400 << 20));
    assert_eq!(
        (memory.per_partition, memory.per_buffered_byte),
        (20 << 20, 2_000)
    );
    let budget = &plan.platform.budgets[0];
    assert_eq!(budget.workload, WorkloadId(0));
    assert_eq!(
        budget.spec.limit,
        BudgetLimit::MinAvailable(IntOrPercent::Percent(80))
    );
    assert_eq!(budget.spec.unhealthy, UnhealthyEviction::AlwaysAllow);
    let nodes = &plan.platform.nodes;
    assert_eq!(
        (&*nodes[0].name, nodes[0].cores_m, nodes[0].rack.as_deref()),
        ("big-1", 3_500, Some("a"))
    );
    assert_eq!((&*nodes[1].name, nodes[1].cores_m), ("big-2", 16_000));
    let verbs: Vec<&Verb> = plan.events.iter().map(|event| &event.verb).collect();
    assert_eq!(
        verbs,
        [
            &Verb::Deploy(WorkloadId(0)),
            &Verb::Rollback(WorkloadId(0)),
            &Verb::Scale(WorkloadId(0), 0),
            &Verb::Drain(NodeId(1)),
            &Verb::KillNode(NodeId(0)),
        ]
    );
}

#[test]
fn a_short_deployment_has_the_defaults_of_kubernetes() {
    let plan = plan(&format!(
        "{GROUP}deployments: {{ checkout: {{ group: checkout }} }}\n"
    ));
    let workload = &plan.platform.workloads[0];
    let Controller::Deployment(spec) = workload.controller else {
        panic!("a Deployment")
    };
    let quarter = IntOrPercent::Percent(25);
    assert_eq!(
        spec.strategy,
        Strategy::RollingUpdate {
            max_surge: quarter,
            max_unavailable: quarter,
        }
    );
    assert_eq!(
        (workload.replicas, workload.pod.grace),
        (1, SimDuration::from_secs(30))
    );
    assert_eq!(
        workload.pod.startup,
        Distribution::Constant(SimDuration::from_millis(10_500))
    );
    assert!(!workload.static_membership && plan.consumers.is_empty());
}

#[test]
fn keys_without_a_model_are_noted_with_their_path() {
    let scenario = read(MANIFESTS, false).unwrap_or_else(|rejected| panic!("{rejected}"));
    let notes: Vec<&str> = scenario.notes.iter().map(|note| &*note.message).collect();
    for key in [
        "paused",
        "selector",
        "template.metadata",
        "template.spec.containers[0].image",
        "serviceName",
    ] {
        let message = format!("`{key}` is accepted but changes nothing here");
        assert!(notes.contains(&&*message), "{key}: {notes:?}");
    }
    let strict = read(MANIFESTS, true);
    assert!(strict.is_err(), "--strict makes notes errors");
}

#[test]
fn a_slip_of_a_key_that_has_a_model_is_an_error() {
    let text = format!(
        "{GROUP}deployments: {{ checkout: {{ group: checkout, spec: {{ strategy: {{ rollingUpdate: {{ maxSurges: 1 }} }} }} }} }}\n"
    );
    assert_eq!(errors(&text), [(Code::UnknownKey, "maxSurges".to_owned())]);
}

#[test]
fn what_kubernetes_refuses_is_refused() {
    let cases = [
        (
            "replicas: 3, strategy: { type: Recreate, rollingUpdate: { maxSurge: 1 } }",
            Code::Exclusive,
            "rollingUpdate",
        ),
        (
            "strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0% } }",
            Code::Limit,
            "0%",
        ),
        (
            "strategy: { rollingUpdate: { maxUnavailable: 120% } }",
            Code::Limit,
            "120%",
        ),
        (
            "strategy: { rollingUpdate: { maxSurge: \"3\" } }",
            Code::NotANumber,
            "\"3\"",
        ),
        (
            "strategy: { rollingUpdate: { maxSurge: some } }",
            Code::NotANumber,
            "some",
        ),
        ("strategy: { type: Rolling }", Code::UnknownWord, "Rolling"),
        ("minReadySeconds: 600", Code::Limit, "600"),
        ("replicas: -1", Code::Limit, "-1"),
        ("minReadySeconds: 10s", Code::NotANumber, "10s"),
        ("template: 3", Code::WrongKind, "3"),
    ];
    for (spec, code, token) in cases {
        let text = format!(
            "{GROUP}deployments: {{ checkout: {{ group: checkout, spec: {{ {spec} }} }} }}\n"
        );
        assert_eq!(errors(&text), [(code, token.to_owned())], "{spec}");
    }
    let update = "updateStrategy: { type: OnDelete, rollingUpdate: { partition: 1 } }";
    let text = format!(
        "{GROUP}statefulsets: {{ checkout: {{ group: checkout, spec: {{ {update} }} }} }}\n"
    );
    assert_eq!(
        errors(&text),
        [(Code::Exclusive, "rollingUpdate".to_owned())]
    );
}

#[test]
fn members_are_listed_or_made_by_pods() {
    let both = "groups: { checkout: { topics: [orders], members: 3 } }\ndeployments: { shop: { group: checkout } }\n";
    assert_eq!(errors(both), [(Code::Exclusive, "members".to_owned())]);
    let none = format!("{GROUP}nodes: {{ one: {{ cores: 1 }} }}\n");
    assert_eq!(errors(&none), [(Code::MissingKey, "checkout".to_owned())]);
    let shared = "groups: { checkout: { topics: [orders], config: { group.instance.id: one } } }\ndeployments: { shop: { group: checkout } }\n";
    assert_eq!(errors(shared), [(Code::SharedInstanceId, "one".to_owned())]);
}

/// Each text beside one Deployment and one node has exactly one error: (text, code, what it points at).
fn each_is_refused(cases: &[(&str, Code, &str)]) {
    for (text, code, token) in cases {
        assert_eq!(
            errors(&format!("{GROUP}{SHOP}{text}\n")),
            [(*code, (*token).to_owned())],
            "{text}"
        );
    }
}

const SHOP: &str = "deployments: { shop: { group: checkout } }\nnodes: { big: { cores: 1 } }\n";

#[test]
fn unknown_names_are_told_with_the_nearest() {
    each_is_refused(&[
        (
            "events: [ { at: 1m, deploy: shops } ]",
            Code::UnknownWorkload,
            "shops",
        ),
        (
            "events: [ { at: 1m, scale: shop, to: many } ]",
            Code::NotANumber,
            "many",
        ),
        (
            "events: [ { at: 1m, scale: shop } ]",
            Code::MissingKey,
            "scale",
        ),
        (
            "events: [ { at: 1m, drain: small } ]",
            Code::UnknownWorkload,
            "small",
        ),
        (
            "events: [ { at: 1m, kill_node: shop } ]",
            Code::UnknownWorkload,
            "shop",
        ),
        (
            "events: [ { at: 1m, crash: checkout/first } ]",
            Code::UnknownMember,
            "checkout/first",
        ),
        (
            "events: [ { at: 1m, start: checkout } ]",
            Code::NotModelled,
            "checkout",
        ),
        (
            "statefulsets: { shop: { group: checkout } }",
            Code::Exclusive,
            "shop",
        ),
        (
            "statefulsets: { ledger: { group: chekout } }",
            Code::UnknownGroup,
            "chekout",
        ),
    ]);
    // One of the living may be drawn.
    let random = plan(&format!(
        "{GROUP}{SHOP}events: [ {{ at: 1m, crash: checkout/random }} ]\n"
    ));
    assert!(matches!(
        random.events[0].verb,
        Verb::Crash(super::plan::Target::Random(_), _)
    ));
}

#[test]
fn budgets_that_kubernetes_refuses_are_refused() {
    each_is_refused(&[
        (
            "disruption_budgets: { b: { target: ship, spec: { minAvailable: 1 } } }",
            Code::UnknownWorkload,
            "ship",
        ),
        (
            "disruption_budgets: { b: { target: shop, spec: { minAvailable: 101% } } }",
            Code::Limit,
            "101%",
        ),
        (
            "disruption_budgets: { b: { target: shop, spec: {} } }",
            Code::MissingKey,
            "spec",
        ),
        (
            "disruption_budgets: { b: { target: shop, spec: { minAvailable: 1, maxUnavailable: 1 } } }",
            Code::Exclusive,
            "maxUnavailable",
        ),
        (
            "disruption_budgets: { a: { target: shop, spec: { minAvailable: 1 } }, b: { target: shop, spec: { minAvailable: 1 } } }",
            Code::Exclusive,
            "shop",
        ),
    ]);
}

#[test]
fn pods_that_could_never_run_are_refused() {
    let cases = [
        (
            "cpu: { request: 500m, limit: 400m }",
            Code::Exclusive,
            "400m",
        ),
        ("cpu: { request: 500m, limit: 0 }", Code::Limit, "0"),
        ("cpu: { limit: 1 }", Code::MissingKey, "cpu"),
        ("cpu: { request: half }", Code::BadUnit, "half"),
        (
            "memory: { limit: 1GiB, base: 2GiB }",
            Code::Exclusive,
            "2GiB",
        ),
        ("memory: { limit: 1024 }", Code::NoUnit, "1024"),
        ("shutdown: gracefully", Code::UnknownWord, "gracefully"),
    ];
    for (pod, code, token) in cases {
        let text =
            format!("{GROUP}deployments: {{ shop: {{ group: checkout, pod: {{ {pod} }} }} }}\n");
        assert_eq!(errors(&text), [(code, token.to_owned())], "{pod}");
    }
}
