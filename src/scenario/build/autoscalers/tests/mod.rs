//! What the language of autoscalers comes to, and what it refuses.

mod refused;

use std::collections::BTreeSet;

use super::*;
use crate::platform::deployment::{DeploymentSpec, Strategy};
use crate::platform::hpa::{
    Metric, Policy, PolicyKind, ResourceName, Rules, SelectPolicy, Source, Target,
};
use crate::platform::keda::{FallbackBehavior, OffsetResetPolicy, ValueKind};
use crate::platform::pod::{CpuSpec, PodSpec, Shutdown};
use crate::platform::quantity::IntOrPercent;
use crate::scenario::build::Room;
use crate::scenario::build::consumer_groups::Bounds;
use crate::scenario::check::Checker;
use crate::scenario::diagnostic::Severity;
use crate::scenario::files::{self, Files};
use crate::scenario::plan::platform::{Controller, Workload};
use crate::scenario::shape::Presence::Optional;
use crate::scenario::shape::{Record, Rule, Shape};
use crate::scenario::vocabulary::autoscaler::{AUTOSCALER, KUBERNETES};
use crate::scenario::vocabulary::field;
use crate::scenario::{NoFiles, Overrides, load};
use crate::workload::distribution::Distribution;

const BASE: &str = "{ version: 1, name: a, duration: 10m, topics: { orders: { partitions: 12, rate: 10/s }, \
    other: { partitions: 3, rate: 1/s } }, groups: { checkout: { topics: [orders], members: 2 }, \
    second: { topics: [orders, other], members: 1 } } }";

/// The part of a document that is tested here, its keys not refused.
static PART: Record = Record {
    what: "part",
    fields: &[
        field(
            "autoscalers",
            Optional,
            Shape::Named(&Shape::Record(&AUTOSCALER)),
            "",
        ),
        field("kubernetes", Optional, Shape::Record(&KUBERNETES), ""),
    ],
    rule: Rule::Any,
};

/// A plan with the Deployments `checkout` and `second`, of the groups of those names.
fn plan() -> Plan {
    let scenario = load("a.yaml", BASE, &mut NoFiles, &Overrides::default()).expect("it is valid");
    let mut plan = scenario.plans.into_iter().next().expect("one variant");
    let workloads = [(0, "checkout"), (1, "second")].map(|(group, name)| Workload {
        name: name.to_owned(),
        group: GroupId(group),
        consumers_per_pod: 1,
        replicas: 3,
        controller: Controller::Deployment(DeploymentSpec {
            strategy: Strategy::RollingUpdate {
                max_surge: IntOrPercent::Count(1),
                max_unavailable: IntOrPercent::Count(0),
            },
            min_ready: SimDuration::ZERO,
            progress_deadline: SimDuration::MAX,
        }),
        pod: PodSpec {
            grace: SimDuration::from_secs(30),
            startup: Distribution::Constant(SimDuration::ZERO),
            ready_after: Distribution::Constant(SimDuration::ZERO),
            pre_stop: SimDuration::ZERO,
            shutdown: Shutdown::Graceful,
            cpu: Some(CpuSpec {
                request_m: Some(1_000),
                container_request_m: Some(1_000),
                limit_m: None,
                idle_m: 0,
                boot: None,
            }),
            memory: None,
            containers: Vec::new(),
        },
        member: plan
            .consumers
            .iter()
            .find(|consumer| consumer.group == GroupId(group))
            .map(|consumer| (**consumer).clone())
            .expect("each group has a member"),
        static_membership: false,
        pointer: String::new(),
    });
    plan.platform.workloads = workloads.to_vec();
    plan
}

/// Kubernetes, autoscalers and findings of a text.
fn read(text: &str) -> (Kubernetes, Vec<Autoscaler>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let node = files::tree(text, 0, &mut found).unwrap_or_else(|| panic!("{found:?}"));
    let mut checker = Checker {
        found,
        complete: true,
    };
    let item = checker.check(&node, &Shape::Record(&PART)).expect("a map");
    let mut found = checker.found;
    let mut loader = NoFiles;
    let mut plan = plan();
    let mut builder = Builder {
        found: &mut found,
        files: &mut Files::new(&mut loader),
        room: &mut Room::WHOLE.clone(),
        used: crate::scenario::build::Used::default(),
        duration: plan.duration,
        vague: BTreeSet::new(),
        topics_known: true,
        resources_known: true,
        bounds: Bounds::DEFAULT,
        refuses_consumer: None,
    };
    plan.platform.kubernetes = builder.kubernetes(item.get("kubernetes"));
    let autoscalers = builder.autoscalers(item.get("autoscalers"), &plan);
    (plan.platform.kubernetes, autoscalers, found)
}

/// The only autoscaler of a text without errors, and the notes.
fn one(text: &str) -> (AutoscalerKind, Vec<String>) {
    let (_, mut autoscalers, found) = read(text);
    let mut errors = found
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    assert_eq!(errors.next(), None, "{text}");
    assert_eq!(autoscalers.len(), 1);
    let notes = found.into_iter().map(|finding| finding.message);
    (autoscalers.remove(0).kind, notes.collect())
}

/// The first error of a text, with its help.
fn error(text: &str) -> String {
    let (_, _, found) = read(text);
    let error = found
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    let error = error.unwrap_or_else(|| panic!("accepted: {text}"));
    format!(
        "{} {}: {}",
        error.code,
        error.message,
        error.help.clone().unwrap_or_default()
    )
}

fn hpa(spec: &str) -> String {
    format!("{{ autoscalers: {{ a: {{ target: checkout, hpa: {spec} }} }} }}")
}

fn keda(spec: &str) -> String {
    format!("{{ autoscalers: {{ a: {{ target: checkout, keda: {spec} }} }} }}")
}

fn trigger(metadata: &str) -> String {
    keda(&format!(
        "{{ triggers: [{{ type: kafka, metadata: {metadata} }}] }}"
    ))
}

/// An example of the Kubernetes documentation, made anew: several metrics, behaviour, a label.
const PASTED_HPA: &str = "autoscalers:
  by-all:
    target: checkout
    hpa:
      scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: checkout }
      minReplicas: 2
      maxReplicas: 12
      metrics:
        - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 60 } } }
        - { type: ContainerResource, containerResource: { name: memory, container: app, target: { type: AverageValue, averageValue: 512Mi } } }
        - type: External
          external:
            metric: { name: committed_lag_records, selector: { matchLabels: { topic: orders } } }
            target: { type: AverageValue, averageValue: \"5k\" }
      behavior:
        scaleDown:
          stabilizationWindowSeconds: 120
          policies: [{ type: Percent, value: 10, periodSeconds: 60 }]
        scaleUp: { selectPolicy: Min }
";

#[test]
fn a_pasted_hpa_is_read_whole() {
    let (kind, notes) = one(PASTED_HPA);
    let AutoscalerKind::Hpa { spec, series } = kind else {
        panic!("an hpa")
    };
    assert_eq!((spec.min_replicas, spec.max_replicas), (2, 12));
    let targets: Vec<Target> = spec.metrics.iter().map(|metric| metric.target).collect();
    assert_eq!(
        targets,
        [
            Target::Utilization(60),
            Target::AverageValue(512 * 1_048_576 * 1_000),
            Target::AverageValue(5_000_000),
        ]
    );
    assert_eq!(spec.metrics[0].source, Source::Resource(ResourceName::Cpu));
    let container = Source::ContainerResource(ResourceName::Memory, "app".to_owned());
    assert_eq!(spec.metrics[1].source, container);
    let lag = Series {
        lag: LagKind::Committed,
        group: GroupId(0),
        topic: Some(TopicId(0)),
        partition: None,
    };
    assert_eq!(series, [None, None, Some(lag)]);
    let behavior = spec.behavior.expect("it is given");
    let ten = Policy {
        kind: PolicyKind::Percent,
        value: 10,
        period: SimDuration::from_secs(60),
    };
    assert_eq!(behavior.scale_down.policies, [ten]);
    assert_eq!(
        behavior.scale_down.window,
        Some(SimDuration::from_secs(120))
    );
    let filled = Rules {
        select: SelectPolicy::Min,
        ..Rules::scale_up()
    };
    assert_eq!(
        behavior.scale_up, filled,
        "what is left out has the API server's defaults"
    );
    assert_eq!(
        notes,
        ["`scaleTargetRef` is accepted but changes nothing here"]
    );
}

#[test]
fn an_hpa_without_metrics_has_the_default_one_and_an_empty_behavior_the_default_rules() {
    let (kind, notes) = one(&hpa("{ maxReplicas: 4, behavior: {} }"));
    let AutoscalerKind::Hpa { spec, series } = kind else {
        panic!("an hpa")
    };
    assert_eq!(
        (spec.min_replicas, &*spec.metrics),
        (1, &[Metric::DEFAULT][..])
    );
    let behavior = spec.behavior.expect("it is given, if empty");
    assert_eq!(
        (behavior.scale_up, behavior.scale_down),
        (Rules::scale_up(), Rules::scale_down())
    );
    assert_eq!((series, notes), (vec![None], vec![]));
}

#[test]
fn a_tolerance_of_its_own_needs_the_release_that_has_it() {
    let spec = "{ maxReplicas: 4, behavior: { scaleUp: { tolerance: 0.05 } } }";
    let tolerance = |text: &str| {
        let (kind, notes) = one(text);
        let AutoscalerKind::Hpa { spec, .. } = kind else {
            panic!("an hpa")
        };
        let rules = spec.behavior.expect("it is given").scale_up;
        (rules.tolerance, notes.len())
    };
    assert_eq!(tolerance(&hpa(spec)), (None, 1), "1.34 has its gate off");
    let newer = hpa(spec).replacen('{', "{ kubernetes: { version: \"1.35\" }, ", 1);
    assert_eq!(tolerance(&newer), (Some(0.05), 0));
}

#[test]
fn flags_of_the_controllers_have_defaults_and_bounds() {
    let (defaults, ..) = read("{ autoscalers: {} }");
    assert_eq!(defaults, Kubernetes::default());
    let text = "{ kubernetes: { version: \"1.32\", hpa_sync: 30s, tolerance: 0.2, downscale_stabilization: 1m, \
        metrics_resolution: 60s, cpu_initialization: 2m, initial_readiness_delay: 10s } }";
    let (kubernetes, _, found) = read(text);
    assert_eq!(found, []);
    let controller = machine::Controller {
        sync_period: SimDuration::from_secs(30),
        tolerance: 0.2,
        downscale_stabilization: SimDuration::from_secs(60),
        cpu_initialization: SimDuration::from_secs(120),
        initial_readiness_delay: SimDuration::from_secs(10),
        comparison: Tolerance::Difference,
    };
    let wanted = Kubernetes {
        minor: 32,
        hpa: controller,
        metrics_resolution: SimDuration::from_secs(60),
    };
    assert_eq!(kubernetes, wanted);
    for (flag, reason) in [
        ("version: \"1.12\"", "no model"),
        ("hpa_sync: 0s", "longer than nothing"),
        ("metrics_resolution: 5s", "below 10s"),
        ("tolerance: 2", "beyond the limits"),
        ("hpa_sinc: 15s", "hpa_sync"),
    ] {
        let said = error(&format!("{{ kubernetes: {{ {flag} }} }}"));
        assert!(said.contains(reason), "{flag}: {said}");
    }
}

/// An example of KEDA's documentation, made anew.
const PASTED_KEDA: &str = "autoscalers:
  by-lag:
    target: second
    keda:
      scaleTargetRef: { name: second }
      pollingInterval: 10
      cooldownPeriod: 60
      minReplicaCount: 1
      maxReplicaCount: 6
      fallback: { failureThreshold: 3, replicas: 4, behavior: currentReplicasIfHigher }
      advanced:
        restoreToOriginalReplicaCount: true
        horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 30 } } }
      triggers:
        - type: kafka
          metricType: Value
          useCachedMetrics: true
          metadata:
            bootstrapServers: kafka.svc:9092
            consumerGroup: checkout
            topic: orders
            partitionLimitation: '0-2, 5'
            lagThreshold: '50'
            activationLagThreshold: '7'
            offsetResetPolicy: earliest
            excludePersistentLag: 'true'
        - { type: kafka, metadata: { lagThreshold: '100' } }
        - { type: cpu, metricType: Utilization, metadata: { value: '60' } }
";

#[test]
fn a_pasted_scaled_object_is_read_whole() {
    let (kind, notes) = one(PASTED_KEDA);
    let AutoscalerKind::Keda { spec, offsets } = kind else {
        panic!("a scaled object")
    };
    assert_eq!(
        (spec.polling_interval, spec.cooldown),
        (SimDuration::from_secs(10), SimDuration::from_secs(60))
    );
    assert_eq!(
        (spec.min_replicas, spec.max_replicas, spec.idle_replicas),
        (1, 6, None)
    );
    let fallback = spec.fallback.expect("it is given");
    assert_eq!((fallback.failure_threshold, fallback.replicas), (3, 4));
    assert_eq!(fallback.behavior, FallbackBehavior::CurrentReplicasIfHigher);
    let window = spec
        .behavior
        .as_ref()
        .and_then(|behavior| behavior.scale_down.window);
    assert_eq!(window, Some(SimDuration::from_secs(30)));
    let TriggerKind::Kafka(kafka) = &spec.triggers[0].kind else {
        panic!("a kafka trigger")
    };
    let wanted = KafkaTrigger {
        group: Some("checkout".to_owned()),
        topic: Some("orders".to_owned()),
        partitions: Some(vec![0, 1, 2, 5]),
        lag_threshold: 50,
        activation_lag_threshold: 7,
        offset_reset: OffsetResetPolicy::Earliest,
        exclude_persistent_lag: true,
        value_kind: ValueKind::Value,
        ..KafkaTrigger::default()
    };
    assert_eq!(
        (kafka, spec.triggers[0].use_cached_metrics),
        (&wanted, true)
    );
    let all = |group, topics: &[u32]| {
        let topics = topics.iter().copied().map(TopicId).collect();
        Some(OffsetsOf { group, topics })
    };
    assert_eq!(
        offsets,
        [all(GroupId(0), &[0]), all(GroupId(1), &[0, 1]), None]
    );
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(
        notes
            .iter()
            .any(|note| note.contains("triggers[0].metadata.bootstrapServers"))
    );
}

#[test]
fn a_threshold_has_defaults_and_watches_the_targets_group() {
    let text = "{ autoscalers: { a: { target: second, threshold: { above: 1000, below: 100, max: 9 } } } }";
    let AutoscalerKind::Threshold { spec, series } = one(text).0 else {
        panic!("a threshold")
    };
    let wanted = ThresholdSpec {
        every: SimDuration::from_secs(60),
        above: 1_000,
        below: 100,
        step: 1,
        min: 1,
        max: 9,
        cooldown: SimDuration::ZERO,
    };
    assert_eq!(spec, wanted);
    let own = Series {
        lag: LagKind::Processed,
        group: GroupId(1),
        topic: None,
        partition: None,
    };
    assert_eq!(series, own);
    let text = text.replace(
        "above: 1000",
        "metric: 'committed_lag_records{group=checkout,topic=orders,partition=3}', above: 1000",
    );
    let AutoscalerKind::Threshold { series, .. } = one(&text).0 else {
        panic!("a threshold")
    };
    let other = Series {
        lag: LagKind::Committed,
        group: GroupId(0),
        topic: Some(TopicId(0)),
        partition: Some(3),
    };
    assert_eq!(series, other);
}

/// `scaleToZeroOrIdle`: the initial cooldown is that of an object that was never active, and pods of a steady start were.
#[test]
fn an_initial_cooldown_beside_pods_of_a_steady_start_is_noted() {
    let text = "{ initialCooldownPeriod: 60, triggers: [{ type: kafka, metadata: { topic: orders, lagThreshold: '5' } }] }";
    let (_, notes) = one(&keda(text));
    assert!(
        notes.len() == 1 && notes[0].contains("`start: cold`"),
        "{notes:?}"
    );
}
