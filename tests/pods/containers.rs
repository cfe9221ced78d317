//! What a pasted manifest says of its containers: it is in force where `pod` does not say otherwise, and autoscalers know containers by name.

use super::{NoFiles, Overrides, facts, load, play, scenario};
use rebsim::platform::pod::PodSpec;
use rebsim::scenario::code::Code;
use rebsim::scenario::diagnostic::Severity;
use rebsim::timeline::PlatformFact;

const MIB: u64 = 1 << 20;

fn text(containers: &str, rest: &str) -> String {
    let spec =
        format!("spec: {{ replicas: 2, template: {{ spec: {{ containers: {containers} }} }} }}");
    let (pod, rest) = rest.split_once('|').unwrap_or(("", rest));
    scenario(&format!("{spec}\n    {pod}"), rest)
}

fn pod(containers: &str, pod: &str) -> PodSpec {
    let text = text(containers, &format!("{pod}|"));
    let scenario = load("pods.yaml", &text, &mut NoFiles, &Overrides::default());
    let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    scenario.plans[0].platform.workloads[0].pod.clone()
}

fn codes(containers: &str, rest: &str) -> Vec<Code> {
    let text = text(containers, rest);
    match load("pods.yaml", &text, &mut NoFiles, &Overrides::default()) {
        Ok(_) => Vec::new(),
        Err(rejected) => {
            let found = rejected.diagnostics.iter();
            let errors = found.filter(|finding| finding.severity == Severity::Error);
            errors.map(|finding| finding.code).collect()
        }
    }
}

const TWO: &str = "[ { name: app, image: a, resources: { requests: { cpu: 500m, memory: 512Mi }, limits: { cpu: 1, memory: 1Gi } } }, \
                    { name: proxy, resources: { requests: { cpu: 100m }, limits: { memory: 128Mi } } } ]";

/// Requests add up, a limit is the container's own, and a request that is left out is the limit.
#[test]
fn the_manifest_fills_what_the_pod_does_not_say() {
    let spec = pod(TWO, "");
    assert_eq!(spec.containers, ["app", "proxy"]);
    let cpu = spec.cpu.expect("the manifest has some");
    assert_eq!(
        (cpu.request_m, cpu.container_request_m),
        (Some(600), Some(500))
    );
    assert_eq!((cpu.limit_m, cpu.idle_m, cpu.boot), (Some(1_000), 0, None));
    let memory = spec.memory.expect("the manifest has some");
    assert_eq!((memory.limit, memory.base), (1_024 * MIB, 0));
    assert_eq!(
        (memory.request, memory.container_request),
        (Some(640 * MIB), Some(512 * MIB))
    );
    // The pod says otherwise, or says more.
    let spec = pod(
        TWO,
        "pod: { cpu: { request: 2, limit: 3, idle: 20m }, memory: { base: 100MiB } }",
    );
    let cpu = spec.cpu.expect("it has one");
    assert_eq!(
        (cpu.request_m, cpu.limit_m, cpu.idle_m),
        (Some(2_000), Some(3_000), 20)
    );
    let memory = spec.memory.expect("it has one");
    assert_eq!((memory.limit, memory.base), (1_024 * MIB, 100 * MIB));
    // One container without a request: the pod has none (`missing request for cpu`). Nothing said: no limits at all.
    let partly = "[ { name: app, resources: { limits: { cpu: 1 } } }, { name: proxy } ]";
    let cpu = pod(partly, "").cpu.expect("the first has one");
    assert_eq!(
        (cpu.request_m, cpu.container_request_m),
        (None, Some(1_000))
    );
    let bare = pod("[ { name: app } ]", "");
    assert_eq!((bare.cpu, bare.memory), (None, None));
}

#[test]
fn resources_that_cannot_be_are_refused() {
    let of = |resources: &str| codes(&format!("[ {{ name: app, resources: {resources} }} ]"), "|");
    assert_eq!(
        of("{ requests: { cpu: 2 }, limits: { cpu: 1 } }"),
        [Code::Exclusive]
    );
    assert_eq!(of("{ limits: { cpu: 0 } }"), [Code::Limit]);
    assert_eq!(of("{ requests: { cpu: much } }"), [Code::BadUnit]);
    assert_eq!(codes("[ { image: a } ]", "|"), [Code::MissingKey]);
    // Neither the pod nor the manifest says it.
    let bare = "[ { name: app } ]";
    assert_eq!(
        codes(bare, "pod: { cpu: { idle: 20m } }|"),
        [Code::MissingKey]
    );
    assert_eq!(
        codes(bare, "pod: { memory: { base: 1MiB } }|"),
        [Code::MissingKey]
    );
    // More than any node has.
    assert_eq!(codes(TWO, "|nodes: { a: { cores: 599m } }"), [Code::Limit]);
    assert_eq!(codes(TWO, "|nodes: { a: { cores: 600m } }"), []);
}

fn watching(container: &str) -> String {
    format!(
        "|autoscalers: {{ s: {{ target: checkout, hpa: {{ maxReplicas: 9, metrics: [ {{ type: ContainerResource, containerResource: \
         {{ name: cpu, container: {container}, target: {{ type: Utilization, averageUtilization: 50 }} }} }} ] }} }} }}"
    )
}

#[test]
fn autoscalers_know_containers_by_name() {
    assert_eq!(codes(TWO, &watching("app")), []);
    assert_eq!(codes(TWO, &watching("ap")), [Code::UnknownWord]);
    assert_eq!(codes(TWO, &watching("proxy")), [Code::NotModelled]);
    let keda = "|autoscalers: { s: { target: checkout, keda: { minReplicaCount: 1, triggers: [ { type: cpu, metricType: Utilization, \
                metadata: { value: '50', containerName: other } } ] } } }";
    assert_eq!(codes(TWO, keda), [Code::UnknownWord]);
}

/// 120 records/s of 5 ms on two pods are 300m each: of the container's 500m 60 %, of the pod's 600m 50 %.
#[test]
fn utilization_is_a_share_of_what_the_manifest_asks_for() {
    let percent = |metric: &str| {
        let text = text(TWO, metric).replace("per_record: 1ms", "per_record: 5ms");
        let mut values: Vec<i64> = facts(&play(&text))
            .filter_map(|(_, fact)| match fact {
                PlatformFact::Decision { value_milli, .. } if *value_milli > 0 => {
                    Some(*value_milli)
                }
                _ => None,
            })
            .collect();
        values.truncate(3);
        values
    };
    let alone = watching("app").replace("averageUtilization: 50", "averageUtilization: 60");
    let of_pod = "|autoscalers: { s: { target: checkout, hpa: { maxReplicas: 9, metrics: [ { type: Resource, resource: { name: cpu, target: \
                  { type: Utilization, averageUtilization: 50 } } } ] } } }";
    for (metric, wanted) in [(&*alone, 60), (of_pod, 50)] {
        for value in percent(metric) {
            assert!((value - wanted * 1_000).abs() <= 2_000, "{wanted}: {value}");
        }
    }
}
