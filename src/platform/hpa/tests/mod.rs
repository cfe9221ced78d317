//! The vectors of `environment-models.md` 1.8 under their own ids, and what must hold in any world.

mod loops;

use super::*;
use crate::platform::api_time::ApiTime;

fn at(seconds: u64) -> SimTime {
    SimTime::from_millis(seconds * 1_000)
}

fn cpu(percent: i32) -> Metric {
    Metric {
        source: Source::Resource(ResourceName::Cpu),
        target: Target::Utilization(percent),
    }
}

fn external(target: Target) -> Metric {
    let source = Source::External {
        metric: "lag".to_owned(),
        selector: Vec::new(),
    };
    Metric { source, target }
}

fn spec(max_replicas: i32, metrics: Vec<Metric>, behavior: Option<Behavior>) -> HpaSpec {
    HpaSpec {
        min_replicas: 1,
        max_replicas,
        metrics,
        behavior,
    }
}

fn defaults() -> Behavior {
    Behavior {
        scale_up: Rules::scale_up(),
        scale_down: Rules::scale_down(),
    }
}

fn policy(kind: PolicyKind, value: i32, seconds: u64) -> Policy {
    let period = SimDuration::from_secs(seconds);
    Policy {
        kind,
        value,
        period,
    }
}

/// What a pod is to the autoscaler.
#[derive(Clone, Copy)]
enum Kind {
    /// Ready for long, using so many milli-cores.
    Using(i64),
    Missing,
    Pending,
    Deleting(i64),
}

/// Pods of a request of one core, seen long after all of them started.
fn pods(current: i32, kinds: &[Kind]) -> Observed {
    let long_ago = ApiTime::from_secs(-10_000);
    let pod = |(index, kind): (usize, &Kind)| PodSeen {
        name: format!("pod-{index}"),
        phase: match kind {
            Kind::Pending => PodPhase::Pending,
            Kind::Using(_) | Kind::Missing | Kind::Deleting(_) => PodPhase::Running,
        },
        ready: Some(ReadyCondition {
            is_true: true,
            since: long_ago,
        }),
        started: Some(long_ago),
        is_deleting: matches!(kind, Kind::Deleting(_)),
    };
    let sample = |kind: &Kind| match kind {
        Kind::Using(value) | Kind::Deleting(value) => Some(Sample {
            value: *value,
            at: ApiTime::from_secs(0),
            window: SimDuration::from_secs(15),
        }),
        Kind::Missing | Kind::Pending => None,
    };
    Observed {
        spec_replicas: current,
        status_replicas: current,
        pods: kinds.iter().enumerate().map(pod).collect(),
        readings: vec![Reading::PerPod {
            samples: kinds.iter().map(sample).collect(),
            request: Some(1_000),
        }],
    }
}

/// A lag of so many thousandths.
fn lag(current: i32, thousandths: i64) -> Observed {
    Observed {
        spec_replicas: current,
        status_replicas: current,
        pods: Vec::new(),
        readings: vec![Reading::External(vec![thousandths])],
    }
}

/// What CPU at `percent` proposes, before anything limits it.
fn proposal(percent: i32, observed: &Observed) -> i32 {
    let mut hpa = Hpa::new(spec(1_000, vec![cpu(percent)], None), Controller::DEFAULT);
    let outcome = hpa.reconcile(at(100_000), observed);
    outcome
        .winning()
        .expect("the metric has a proposal")
        .replicas
}

/// An autoscaler that asks for as many replicas as the lag has thousands of thousandths.
fn by_lag(behavior: Option<Behavior>) -> Hpa {
    let metrics = vec![external(Target::AverageValue(1_000))];
    Hpa::new(spec(1_000, metrics, behavior), Controller::DEFAULT)
}

#[test]
fn hpa_1_and_5_utilization_is_a_ratio_of_sums() {
    assert_eq!(proposal(80, &pods(4, &[Kind::Using(1_500); 4])), 8, "HPA-1");
    assert_eq!(
        proposal(75, &pods(50, &[Kind::Using(900); 50])),
        60,
        "HPA-5"
    );
}

#[test]
fn hpa_1b_without_behavior_replicas_double_at_most() {
    let mut hpa = Hpa::new(spec(1_000, vec![cpu(80)], None), Controller::DEFAULT);
    let first = hpa.reconcile(at(0), &pods(4, &[Kind::Using(3_200); 4]));
    assert_eq!((first.recommendation, first.desired), (Some(16), 8));
    assert_eq!(first.limit, Some(Limit::Doubling));
    let second = hpa.reconcile(at(15), &pods(8, &[Kind::Using(1_600); 8]));
    assert_eq!((second.recommendation, second.desired), (Some(16), 16));
}

#[test]
fn hpa_2_the_percentage_is_cut_before_it_is_divided() {
    assert_eq!(proposal(80, &pods(10, &[Kind::Using(889); 10])), 10);
}

#[test]
fn hpa_3_the_edge_of_the_tolerance_depends_on_the_release() {
    let observed = pods(10, &[Kind::Using(880); 10]);
    for (comparison, replicas) in [(Tolerance::Bounds, 10), (Tolerance::Difference, 11)] {
        let controller = Controller {
            comparison,
            ..Controller::DEFAULT
        };
        let mut hpa = Hpa::new(spec(100, vec![cpu(80)], None), controller);
        assert_eq!(
            hpa.reconcile(at(0), &observed).desired,
            replicas,
            "{comparison:?}"
        );
    }
    assert_eq!(Tolerance::of(32), Tolerance::Difference);
    assert_eq!(Tolerance::of(33), Tolerance::Bounds);
}

#[test]
fn hpa_4_doubles_round() {
    assert_eq!(proposal(50, &pods(25, &[Kind::Using(560); 25])), 29);
}

#[test]
fn hpa_6_an_autoscaler_may_have_its_own_tolerance() {
    let mut behavior = defaults();
    let observed = pods(20, &[Kind::Using(850); 20]);
    for (tolerance, replicas) in [(Some(0.05), 22), (None, 20)] {
        behavior.scale_up.tolerance = tolerance;
        let spec = spec(100, vec![cpu(80)], Some(behavior.clone()));
        let mut hpa = Hpa::new(spec, Controller::DEFAULT);
        assert_eq!(hpa.reconcile(at(0), &observed).desired, replicas);
    }
}

#[test]
fn hpa_7_to_11_unready_and_missing_pods_hold_back() {
    let of = |current, rest: Kind, count, used, times| {
        let mut kinds = vec![Kind::Using(used); times];
        kinds.extend(vec![rest; count]);
        proposal(80, &pods(current, &kinds))
    };
    assert_eq!(of(8, Kind::Pending, 4, 1_500, 4), 8, "HPA-7");
    assert_eq!(of(8, Kind::Pending, 4, 3_000, 4), 15, "HPA-8");
    assert_eq!(of(6, Kind::Missing, 1, 300, 5), 4, "HPA-9");
    assert_eq!(of(6, Kind::Missing, 1, 1_200, 5), 8, "HPA-10");
    assert_eq!(of(6, Kind::Missing, 1, 700, 5), 6, "HPA-11");
    assert_eq!(
        of(5, Kind::Deleting(9_000), 3, 800, 5),
        5,
        "terminating pods do not count"
    );
}

#[test]
fn hpa_12_to_14_lag_for_each_pod() {
    for (id, total, target, status, replicas) in [
        ("HPA-12", 35, 10, 3, 4),
        ("HPA-13", 33, 10, 3, 3),
        ("HPA-14", 1_000, 150, 5, 7),
    ] {
        let metrics = vec![external(Target::AverageValue(target * 1_000))];
        let mut hpa = Hpa::new(spec(100, metrics, None), Controller::DEFAULT);
        let outcome = hpa.reconcile(at(0), &lag(status, total * 1_000));
        assert_eq!(outcome.desired, replicas, "{id}");
    }
}

#[test]
fn hpa_15_and_16_how_fast_it_may_grow() {
    let wanted = [
        (1, 5, 4),
        (2, 6, 4),
        (3, 7, 6),
        (4, 8, 8),
        (5, 10, 10),
        (10, 20, 20),
    ];
    for (current, with, without) in wanted {
        for (id, behavior, desired) in [
            ("HPA-15", Some(defaults()), with),
            ("HPA-16", None, without),
        ] {
            let outcome = by_lag(behavior).reconcile(at(0), &lag(current, 900_000));
            assert_eq!(outcome.desired, desired, "{id} from {current}");
            let limited = outcome.conditions.scaling_limited.expect("it was computed");
            assert_eq!(
                (limited.is_true, limited.reason),
                (true, Limited::ScaleUpLimit)
            );
        }
    }
}

/// A behaviour without a window whose `down` (or up) policies are these.
fn only(down: bool, select: SelectPolicy, policies: Vec<Policy>) -> Behavior {
    let mut behavior = defaults();
    behavior.scale_down.window = Some(SimDuration::ZERO);
    let rules = if down {
        &mut behavior.scale_down
    } else {
        &mut behavior.scale_up
    };
    rules.select = select;
    rules.policies = policies;
    behavior
}

#[test]
fn hpa_17_a_policy_counts_what_was_done_in_its_period() {
    let percent = vec![policy(PolicyKind::Percent, 10, 60)];
    let mut hpa = by_lag(Some(only(true, SelectPolicy::Max, percent)));
    assert_eq!(hpa.reconcile(at(0), &lag(20, 1_000)).desired, 18);
    let held = hpa.reconcile(at(30), &lag(18, 1_000));
    assert_eq!(
        (held.desired, held.limit),
        (18, Some(Limit::ScaleDownPolicy(Some(0))))
    );
    assert_eq!(hpa.reconcile(at(60), &lag(18, 1_000)).desired, 16);
}

#[test]
fn hpa_18_the_policy_that_is_selected() {
    for (select, current, desired) in [
        (SelectPolicy::Max, 80, 72),
        (SelectPolicy::Min, 80, 76),
        (SelectPolicy::Max, 20, 16),
        (SelectPolicy::Disabled, 20, 20),
    ] {
        let policies = vec![
            policy(PolicyKind::Pods, 4, 60),
            policy(PolicyKind::Percent, 10, 60),
        ];
        let mut hpa = by_lag(Some(only(true, select, policies)));
        let outcome = hpa.reconcile(at(0), &lag(current, 1_000));
        assert_eq!(outcome.desired, desired, "{select:?} from {current}");
    }
}

#[test]
fn hpa_19_percents_upwards_round_up_and_doubles_with_them() {
    for (current, desired) in [(50, 56), (100, 111)] {
        let percent = vec![policy(PolicyKind::Percent, 10, 60)];
        let mut hpa = by_lag(Some(only(false, SelectPolicy::Max, percent)));
        assert_eq!(
            hpa.reconcile(at(0), &lag(current, 900_000)).desired,
            desired
        );
    }
}

#[test]
fn hpa_20_growth_waits_for_the_lowest_recommendation_of_the_window() {
    let mut behavior = defaults();
    behavior.scale_up.window = Some(SimDuration::from_secs(60));
    let mut hpa = by_lag(Some(behavior));
    hpa.reconcile(at(0), &lag(10, 10_000));
    hpa.reconcile(at(20), &lag(10, 12_000));
    let held = hpa.reconcile(at(50), &lag(10, 14_000));
    assert_eq!(
        (
            held.desired,
            held.conditions.able_to_scale.map(|able| able.reason)
        ),
        (10, Some(Able::ScaleUpStabilized))
    );
    assert_eq!(hpa.reconcile(at(61), &lag(10, 14_000)).desired, 12);
}

#[test]
fn hpa_21_without_behavior_an_old_recommendation_may_grow_the_target() {
    for (behavior, desired) in [(Some(defaults()), 12), (None, 14)] {
        let mut hpa = by_lag(behavior);
        hpa.reconcile(at(0), &lag(14, 14_000));
        assert_eq!(hpa.reconcile(at(15), &lag(12, 6_000)).desired, desired);
    }
}

#[test]
fn hpa_22_a_young_pod_is_unready_until_a_window_has_passed_since_it_was_ready() {
    for (sampled, replicas) in [(1_018, 2), (1_027, 4)] {
        let mut observed = pods(2, &[Kind::Using(1_500); 2]);
        observed.pods[1].started = Some(ApiTime::from_secs(1_000));
        observed.pods[1].ready = Some(ReadyCondition {
            is_true: true,
            since: ApiTime::from_secs(1_012),
        });
        let Reading::PerPod { samples, .. } = &mut observed.readings[0] else {
            panic!("a reading of pods")
        };
        samples[1] = samples[1].map(|sample| Sample {
            at: ApiTime::from_secs(sampled),
            ..sample
        });
        let mut hpa = Hpa::new(spec(100, vec![cpu(80)], None), Controller::DEFAULT);
        assert_eq!(hpa.reconcile(at(1_020), &observed).desired, replicas);
    }
}
