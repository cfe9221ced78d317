//! The vectors of `environment-models.md` 1.8 under their own ids, and what must hold in any world.

use super::*;
use crate::platform::api_time::ApiTime;
use proptest::prelude::*;

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

/// (second, replicas) of each change of HPA-T1.
fn timeline(behavior: Option<Behavior>, processing: bool) -> Vec<(u64, i32)> {
    let mut spec = spec(20, vec![external(Target::AverageValue(1_000))], behavior);
    spec.min_replicas = 2;
    let mut hpa = Hpa::new(spec, Controller::DEFAULT);
    let (mut replicas, mut changes, mut now) = (4, Vec::new(), at(0));
    for sync in 0..40_u64 {
        let raw = match sync {
            1 | 2 => 16,
            3 => 10,
            0 | 4.. => 4,
        };
        let outcome = hpa.reconcile(now, &lag(replicas, raw * 1_000));
        if outcome.desired != replicas {
            replicas = outcome.desired;
            changes.push((sync * 15, replicas));
        }
        now = if processing {
            hpa.next_sync(now)
        } else {
            now + SimDuration::from_secs(15)
        };
    }
    changes
}

#[test]
fn hpa_t1_windows_have_edges_and_a_reconcile_takes_time() {
    let with_edge = [(15, 8), (30, 16), (345, 10), (360, 4)];
    let without_edge = [(15, 8), (30, 16), (330, 10), (345, 4)];
    assert_eq!(timeline(None, false), with_edge);
    assert_eq!(timeline(Some(defaults()), false), without_edge);
    assert_eq!(timeline(None, true), without_edge);
    assert_eq!(timeline(Some(defaults()), true), without_edge);
}

#[test]
fn several_metrics_the_highest_wins_and_errors_stop_shrinking() {
    let metrics = vec![cpu(80), external(Target::AverageValue(1_000))];
    let reconcile = |used, values: Vec<i64>| {
        let mut observed = pods(4, &[Kind::Using(used); 4]);
        observed.readings.push(Reading::External(values));
        Hpa::new(spec(100, metrics.clone(), None), Controller::DEFAULT).reconcile(at(0), &observed)
    };
    let both = reconcile(1_200, vec![8_000]);
    assert_eq!((both.desired, both.winner), (8, Some(1)));
    let up = reconcile(1_200, Vec::new());
    assert_eq!((up.desired, up.winner, up.failures), (6, Some(0), 1));
    let down = reconcile(200, Vec::new());
    assert_eq!((down.desired, down.is_computed), (4, false));
    let active = down
        .conditions
        .scaling_active
        .expect("metrics were looked at");
    assert_eq!(
        (active.is_true, active.reason),
        (false, Active::FailedGetExternalMetric)
    );
    let able = down.conditions.able_to_scale.expect("the scale was read");
    assert_eq!(able.reason, Able::SucceededGetScale);
}

#[test]
fn out_of_bounds_and_zero_are_decided_without_metrics() {
    let mut hpa = by_lag(None);
    let zero = hpa.reconcile(at(0), &lag(0, 900_000));
    let active = zero.conditions.scaling_active.map(|active| active.reason);
    assert_eq!((zero.desired, active), (0, Some(Active::ScalingDisabled)));
    let above = hpa.reconcile(at(15), &lag(2_000, 900_000));
    assert_eq!(
        (above.desired, above.limit),
        (1_000, Some(Limit::MaxReplicas))
    );
    let able = above.conditions.able_to_scale.map(|able| able.reason);
    assert_eq!(able, Some(Able::SucceededRescale));
}

#[test]
fn an_external_value_is_shared_by_the_pods_that_are_ready() {
    let metrics = vec![external(Target::Value(100_000))];
    let mut observed = pods(6, &[Kind::Using(1), Kind::Using(1), Kind::Pending]);
    observed.readings = vec![Reading::External(vec![150_000, 50_000])];
    let mut hpa = Hpa::new(spec(100, metrics, None), Controller::DEFAULT);
    let outcome = hpa.reconcile(at(0), &observed);
    assert_eq!(outcome.recommendation, Some(4), "twice the two ready ones");
}

#[test]
fn values_for_each_pod_are_filled_with_the_target_and_never_turn() {
    let memory = Metric {
        source: Source::Resource(ResourceName::Memory),
        target: Target::AverageValue(1_000),
    };
    let of = |kinds: &[Kind], current| {
        let mut hpa = Hpa::new(spec(100, vec![memory.clone()], None), Controller::DEFAULT);
        let outcome = hpa.reconcile(at(0), &pods(current, kinds));
        outcome.recommendation.expect("it was computed")
    };
    assert_eq!(of(&[Kind::Using(2_500); 4], 4), 10);
    let missing = [Kind::Using(400), Kind::Using(400), Kind::Missing];
    assert_eq!(of(&missing, 3), 2, "0.6 of three");
    let missing = [Kind::Using(1_500), Kind::Using(1_500), Kind::Missing];
    assert_eq!(
        of(&missing, 3),
        3,
        "exactly on target once the missing one counts as idle"
    );
}

#[test]
fn both_directions_count_for_either_and_an_outdated_event_is_overwritten() {
    for (second_growth, floor) in [(None, 9), (Some(60), 11)] {
        let one_down = vec![policy(PolicyKind::Pods, 1, 600)];
        let mut behavior = only(true, SelectPolicy::Max, one_down);
        behavior.scale_up.policies = vec![policy(PolicyKind::Pods, 2, 15)];
        let mut hpa = by_lag(Some(behavior));
        let mut current = hpa.reconcile(at(0), &lag(10, 900_000)).desired;
        assert_eq!(current, 12);
        if let Some(second) = second_growth {
            // The growth of a minute ago is outdated for growing: its slot is taken, and shrinking forgets it too.
            current = hpa.reconcile(at(second), &lag(12, 900_000)).desired;
            assert_eq!(current, 14);
        }
        let down = hpa.reconcile(at(120), &lag(current, 1_000));
        assert_eq!(
            down.desired, floor,
            "one below where the period began, as far as it is remembered"
        );
    }
}

#[test]
fn lc_1_a_cpu_target_is_stable_until_a_pause_has_to_be_caught_up() {
    assert_eq!(
        proposal(80, &pods(5, &[Kind::Using(800); 5])),
        5,
        "4000/s over five"
    );
    assert_eq!(
        proposal(80, &pods(5, &[Kind::Using(1_000); 5])),
        7,
        "catching up"
    );
    assert_eq!(
        proposal(80, &pods(7, &[Kind::Using(571); 7])),
        5,
        "4000/s over seven"
    );
}

proptest! {
    #[test]
    fn inside_its_bounds_it_stays_and_a_window_never_turns_it(
        steps in prop::collection::vec((0_i64..60_000, 0_u64..120), 1..40),
        start in 1_i32..30,
        window in 0_u64..400,
        select in 0..3,
        has_behavior: bool,
    ) {
        let mut behavior = defaults();
        behavior.scale_down.window = Some(SimDuration::from_secs(window));
        behavior.scale_up.window = Some(SimDuration::from_secs(window / 3));
        behavior.scale_down.select =
            [SelectPolicy::Max, SelectPolicy::Min, SelectPolicy::Disabled][select as usize % 3];
        let mut hpa = Hpa::new(
            spec(30, vec![external(Target::AverageValue(1_000))], has_behavior.then_some(behavior)),
            Controller::DEFAULT,
        );
        let (mut current, mut now) = (start, at(0));
        for (value, gap) in steps {
            now += SimDuration::from_secs(15 + gap);
            let outcome = hpa.reconcile(now, &lag(current, value));
            let raw = outcome.recommendation.expect("one metric that never fails");
            prop_assert!((1..=30).contains(&outcome.desired));
            if has_behavior {
                let (low, high) = (current.min(raw), current.max(raw).max(1));
                prop_assert!((low..=high).contains(&outcome.desired), "{outcome:?}");
            }
            if select == 2 && has_behavior {
                prop_assert!(outcome.desired >= current);
            }
            current = outcome.desired;
        }
    }

    #[test]
    fn more_use_never_asks_for_less(current in 1_i32..40, used in 1_i64..3_000, more in 0_i64..3_000, missing in 0_usize..4) {
        let count = usize::try_from(current).unwrap_or(1);
        let of = |used| {
            let mut kinds = vec![Kind::Using(used); count];
            kinds.extend(vec![Kind::Missing; missing]);
            proposal(80, &pods(current, &kinds))
        };
        prop_assert!(of(used) <= of(used + more));
    }
}
