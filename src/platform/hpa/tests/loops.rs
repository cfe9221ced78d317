//! Several reconciles in a row, several metrics at once, and what must hold in any world.

use super::*;
use proptest::prelude::*;

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
