//! Figures that others published of autoscalers (`peers.md` V9 to V11), to the last replica.

use rebsim::kernel::SimTime;
use rebsim::platform::api_time::ApiTime;
use rebsim::platform::hpa::{
    Behavior, Controller, Hpa, HpaSpec, Metric, Observed, PodPhase, PodSeen, Reading,
    ReadyCondition, Rules, Source, Target,
};
use rebsim::platform::keda::{KafkaScaler, KafkaTrigger, PartitionOffsets};

fn spec(max_replicas: i32, target: Target, behavior: Option<Behavior>) -> HpaSpec {
    let source = Source::External {
        metric: "lag".to_owned(),
        selector: Vec::new(),
    };
    HpaSpec {
        min_replicas: 1,
        max_replicas,
        metrics: vec![Metric { source, target }],
        behavior,
    }
}

/// So many ready pods, and what the metric's API says, in thousandths.
fn seen(replicas: i32, value: i64) -> Observed {
    let pod = |number: i32| PodSeen {
        name: format!("pod-{number}"),
        phase: PodPhase::Running,
        ready: Some(ReadyCondition {
            is_true: true,
            since: ApiTime::from_secs(-3_000),
        }),
        started: Some(ApiTime::from_secs(-3_600)),
        is_deleting: false,
    };
    Observed {
        spec_replicas: replicas,
        status_replicas: replicas,
        pods: (0..replicas).map(pod).collect(),
        readings: vec![Reading::External(vec![value])],
    }
}

/// Sizes at successive syncs while the metric stays where it is.
fn sizes(spec: HpaSpec, value: i64, from: i32, syncs: u64) -> Vec<i32> {
    let mut hpa = Hpa::new(spec, Controller::DEFAULT);
    let mut sizes = vec![from];
    let mut replicas = from;
    for sync in 1..=syncs {
        let now = SimTime::from_millis(sync * 15_000);
        replicas = hpa.reconcile(now, &seen(replicas, value)).desired;
        sizes.push(replicas);
    }
    sizes
}

/// kedacore/keda#2908: 64 partitions, lagThreshold 3000, 63 replicas, one partition about 450,000 behind.
#[test]
fn v9_the_metric_is_capped_at_the_partitions_and_the_tolerance_hides_the_last_pod() {
    let trigger = KafkaTrigger {
        topic: Some("orders".to_owned()),
        lag_threshold: 3_000,
        ..KafkaTrigger::default()
    };
    let offsets: Vec<PartitionOffsets> = (0..64)
        .map(|partition| PartitionOffsets {
            topic: 0,
            partition,
            committed: Some(0),
            end: if partition == 7 { 450_000 } else { 0 },
        })
        .collect();
    let metric = KafkaScaler::default().read(&trigger, &offsets).metric;
    assert_eq!(metric, 192_000);
    assert_eq!(metric * 100 / 63, 304_761, "3047.61 for each pod");
    let target = Target::AverageValue(3_000_000);
    let found = sizes(spec(100, target, None), metric * 1_000, 63, 3);
    assert_eq!(found, [63; 4], "the 64th pod never comes");
}

/// kubernetes/kubernetes#76880: from one replica to ten on a spike.
#[test]
fn v10_the_old_rule_doubles_from_four_and_the_default_behavior_adds_four_first() {
    let target = Target::AverageValue(1_000);
    let spike = 1_000_000;
    let legacy = sizes(spec(10, target, None), spike, 1, 4);
    assert_eq!(legacy, [1, 4, 8, 10, 10]);
    let behavior = Behavior {
        scale_up: Rules::scale_up(),
        scale_down: Rules::scale_down(),
    };
    let second = sizes(spec(10, target, Some(behavior)), spike, 1, 3);
    assert_eq!(second, [1, 5, 10, 10]);
}

/// kubernetes-sigs/prometheus-adapter#294: target 100k, at most 12, one more about every 15 s while above the target. The page gives no
/// reading; one of 110,500 (ratio 1.105, just outside the tolerance) does it: `ceil(1.105 n)` is n + 1 up to 9 pods, and 12 from 10.
#[test]
fn v11_a_reading_just_above_the_tolerance_adds_one_pod_a_sync() {
    let target = Target::Value(100_000_000);
    let found = sizes(spec(12, target, None), 110_500_000, 1, 12);
    assert_eq!(found, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 12, 12]);
}
