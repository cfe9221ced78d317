//! The vectors of `environment-models.md` 2.6 under their own ids.

use super::*;
use crate::platform::hpa::{
    Controller, Hpa, HpaSpec, Metric, Observed, ResourceName, Source, Target,
};

fn at(seconds: u64) -> SimTime {
    SimTime::from_millis(seconds * 1_000)
}

/// Partitions with these lags, committed at 500.
fn lags(lags: &[u64]) -> Vec<PartitionOffsets> {
    let offsets = lags
        .iter()
        .zip(0..)
        .map(|(lag, partition)| PartitionOffsets {
            topic: 0,
            partition,
            committed: Some(500),
            end: 500 + lag,
        });
    offsets.collect()
}

/// `total` on the first of `partitions`.
fn on_first(partitions: usize, total: u64) -> Vec<PartitionOffsets> {
    let mut all = vec![0; partitions];
    all[0] = total;
    lags(&all)
}

fn trigger(lag_threshold: i64) -> KafkaTrigger {
    KafkaTrigger {
        topic: Some("orders".to_owned()),
        lag_threshold,
        ..KafkaTrigger::default()
    }
}

fn scaled(trigger: KafkaTrigger) -> ScaledObjectSpec {
    ScaledObjectSpec {
        triggers: vec![Trigger {
            kind: TriggerKind::Kafka(trigger),
            use_cached_metrics: false,
        }],
        ..ScaledObjectSpec::new()
    }
}

fn metric(trigger: &KafkaTrigger, offsets: &[PartitionOffsets]) -> i64 {
    KafkaScaler::default().read(trigger, offsets).metric
}

/// What the generated HPA asks for when it reads `metric` at `status` replicas.
fn replicas(trigger: &KafkaTrigger, metric: i64, status: i32) -> i32 {
    let spec = HpaSpec {
        max_replicas: 1_000,
        ..scaled(trigger.clone()).hpa()
    };
    let mut hpa = Hpa::new(spec, Controller::DEFAULT);
    let observed = Observed {
        spec_replicas: status,
        status_replicas: status,
        pods: Vec::new(),
        readings: vec![Reading::External(vec![metric * 1_000])],
    };
    let outcome = hpa.reconcile(at(0), &observed);
    outcome.recommendation.expect("the metric was there")
}

const SEEN: Seen = Seen {
    current: 5,
    ready: 5,
};

#[test]
fn keda_1_the_metric_is_the_lag() {
    for total in [0, 5, 30] {
        let found = metric(&trigger(10), &on_first(3, total));
        assert_eq!(u64::try_from(found), Ok(total));
    }
}

#[test]
fn keda_2_the_cap_cuts_and_lets_one_threshold_more_pass() {
    let trigger = trigger(10);
    for (total, wanted, size) in [(35, 35, 4), (39, 39, 4), (40, 30, 3), (100, 30, 3)] {
        let found = metric(&trigger, &on_first(3, total));
        assert_eq!(
            (found, replicas(&trigger, found, 3)),
            (wanted, size),
            "lag {total}"
        );
    }
}

#[test]
fn keda_2b_idle_consumers_lift_the_cap() {
    let trigger = KafkaTrigger {
        allow_idle_consumers: true,
        ..trigger(10)
    };
    let found = metric(&trigger, &on_first(3, 100));
    assert_eq!((found, replicas(&trigger, found, 3)), (100, 10));
}

#[test]
fn keda_3_the_tolerance_hides_one_replica_too_many_only_at_the_size_itself() {
    let trigger = trigger(1_000);
    let found = metric(&trigger, &on_first(12, 12_999));
    assert_eq!(found, 12_999);
    assert_eq!(replicas(&trigger, found, 12), 12);
    assert_eq!(replicas(&trigger, found, 6), 13);
}

/// KEDA-4, KEDA-5, KEDA-10.
#[test]
fn keda_4_5_and_10_even_distribution_takes_divisors() {
    let even = |threshold| KafkaTrigger {
        ensure_even_distribution: true,
        ..trigger(threshold)
    };
    let four = [
        (0, 10, 1),
        (10, 10, 1),
        (11, 20, 2),
        (35, 50, 5),
        (51, 100, 10),
        (1_000, 100, 10),
    ];
    for (total, wanted, size) in four {
        let found = metric(&even(10), &on_first(10, total));
        assert_eq!(found, wanted, "KEDA-4, lag {total}");
        assert_eq!(replicas(&even(10), found, 50), size, "KEDA-4, lag {total}");
    }
    for (total, size) in [(101, 2), (700, 8), (2_500, 24)] {
        let found = metric(&even(100), &on_first(24, total));
        assert_eq!(replicas(&even(100), found, 50), size, "KEDA-5, lag {total}");
    }
    let mut sizes: Vec<i64> = (1..=200)
        .map(|total| metric(&even(1), &on_first(126, total)))
        .collect();
    sizes.dedup();
    assert_eq!(
        sizes,
        [1, 2, 3, 6, 7, 9, 14, 18, 21, 42, 63, 126],
        "KEDA-10"
    );
}

#[test]
fn keda_6_only_partitions_with_lag_count_for_the_cap() {
    let trigger = KafkaTrigger {
        limit_to_partitions_with_lag: true,
        ..trigger(100)
    };
    for (total, wanted, size) in [(250, 250, 3), (299, 299, 3), (300, 200, 2), (5_000, 200, 2)] {
        let mut all = [0; 12];
        (all[3], all[7]) = (1, total - 1);
        let found = metric(&trigger, &lags(&all));
        assert_eq!(
            (found, replicas(&trigger, found, 50)),
            (wanted, size),
            "lag {total}"
        );
    }
}

#[test]
fn keda_7_partitions_without_a_commit() {
    let fresh: Vec<PartitionOffsets> = lags(&[70; 8])
        .into_iter()
        .map(|offset| PartitionOffsets {
            committed: None,
            ..offset
        })
        .collect();
    let read = |trigger: &KafkaTrigger| {
        let reading = KafkaScaler::default().read(trigger, &fresh);
        (reading.metric, reading.is_active(trigger))
    };
    let mut trigger = trigger(10);
    assert_eq!(read(&trigger), (8, true));
    assert_eq!(replicas(&trigger, 8, 50), 1);
    trigger.scale_to_zero_on_invalid_offset = true;
    assert_eq!(read(&trigger), (0, false));
    trigger.offset_reset = OffsetResetPolicy::Earliest;
    assert_eq!(read(&trigger), (0, false));
    trigger.scale_to_zero_on_invalid_offset = false;
    trigger.allow_idle_consumers = true;
    assert_eq!(read(&trigger), (8 * 570, true));
}

#[test]
fn keda_8_lag_that_stands_still_counts_for_activity_alone() {
    let trigger = KafkaTrigger {
        exclude_persistent_lag: true,
        allow_idle_consumers: true,
        ..trigger(10)
    };
    let mut scaler = KafkaScaler::default();
    let stuck = lags(&[400]);
    let mut calls = || {
        let reading = scaler.read(&trigger, &stuck);
        (reading.metric, reading.lag)
    };
    assert_eq!(
        [calls(), calls(), calls()],
        [(400, 400), (0, 400), (0, 400)]
    );
    let mut moved = stuck.clone();
    moved[0].committed = Some(501);
    assert_eq!(scaler.read(&trigger, &moved).metric, 399);
}

#[test]
fn keda_9_zero_comes_a_cooldown_after_the_last_activity() {
    let mut object = ScaledObject::new(scaled(trigger(10)), at(0));
    let (busy, idle) = (on_first(3, 50), on_first(3, 0));
    let mut zero_at = None;
    for poll in 0..20_u64 {
        let now = at(poll * 30);
        let offsets = if poll <= 3 { &busy } else { &idle };
        let poll = object.poll(now, SEEN, &[Some(offsets)]);
        if poll.scale_to.is_some() {
            assert_eq!(
                (poll.scale_to, poll.reason),
                (Some(0), PollReason::Deactivated)
            );
            zero_at = zero_at.or(Some(now));
        }
    }
    assert_eq!(zero_at, Some(at(390)));
}

#[test]
fn the_way_up_from_zero_and_from_idle() {
    let none = Seen {
        current: 0,
        ready: 0,
    };
    let (busy, idle) = (on_first(3, 1), on_first(3, 0));
    let activation = KafkaTrigger {
        activation_lag_threshold: 1,
        ..trigger(10)
    };
    let mut object = ScaledObject::new(scaled(activation), at(0));
    let poll = object.poll(at(0), none, &[Some(&busy)]);
    assert_eq!(
        (poll.scale_to, poll.reason),
        (None, PollReason::ScalerNotActive),
        "not above 1"
    );
    let poll = object.poll(at(30), none, &[Some(&on_first(3, 2))]);
    assert_eq!(
        (poll.scale_to, poll.reason),
        (Some(1), PollReason::Activated)
    );

    let mut spec = scaled(trigger(10));
    (spec.min_replicas, spec.idle_replicas) = (4, Some(0));
    let mut object = ScaledObject::new(spec.clone(), at(0));
    assert_eq!(object.poll(at(0), none, &[Some(&busy)]).scale_to, Some(4));
    assert_eq!(
        object.poll(at(60), SEEN, &[Some(&idle)]).reason,
        PollReason::ScalerCooldown
    );
    assert_eq!(object.poll(at(330), SEEN, &[Some(&idle)]).scale_to, Some(0));

    spec.idle_replicas = None;
    let mut object = ScaledObject::new(spec, at(0));
    let poll = object.poll(at(0), none, &[Some(&idle)]);
    assert_eq!(
        (poll.scale_to, poll.reason),
        (Some(4), PollReason::RaisedToMinimum)
    );
    assert_eq!(
        object.poll(at(999), SEEN, &[Some(&idle)]).scale_to,
        None,
        "never to zero"
    );
}

#[test]
fn before_any_activity_the_initial_cooldown_counts_from_the_creation() {
    let mut spec = scaled(trigger(10));
    spec.initial_cooldown = SimDuration::from_secs(120);
    let mut object = ScaledObject::new(spec, at(0));
    let idle = on_first(3, 0);
    assert_eq!(object.poll(at(90), SEEN, &[Some(&idle)]).scale_to, None);
    assert_eq!(object.poll(at(120), SEEN, &[Some(&idle)]).scale_to, Some(0));
}

#[test]
fn keda_t1_the_hpa_doubles_towards_the_partitions() {
    let mut spec = scaled(trigger(1_000));
    (spec.min_replicas, spec.max_replicas) = (1, 12);
    let mut hpa = Hpa::new(spec.hpa(), Controller::DEFAULT);
    let mut object = ScaledObject::new(spec, at(0));
    let (mut replicas, mut sizes) = (1, Vec::new());
    for (sync, total) in [(1, 500), (2, 4_200), (3, 9_000), (4, 20_000)] {
        let seen = Seen {
            current: replicas,
            ready: replicas,
        };
        let reading = object.metric(0, seen, Some(&on_first(12, total)));
        let observed = Observed {
            spec_replicas: replicas,
            status_replicas: replicas,
            pods: Vec::new(),
            readings: reading.into_iter().collect(),
        };
        replicas = hpa.reconcile(at(sync * 15), &observed).desired;
        sizes.push(replicas);
    }
    assert_eq!(sizes, [1, 4, 8, 12]);
}

#[test]
fn keda_t2_a_fallback_takes_over_after_more_failures_than_its_threshold() {
    let fallback = |behavior| Fallback {
        failure_threshold: 3,
        replicas: 6,
        behavior,
    };
    let mut spec = scaled(trigger(1_000));
    spec.fallback = Some(fallback(FallbackBehavior::Static));
    let mut object = ScaledObject::new(spec.clone(), at(0));
    let read = |object: &mut ScaledObject, seen| match object.metric(0, seen, None) {
        Some(Reading::External(values)) => values,
        Some(Reading::PerPod { .. }) | None => panic!("a kafka trigger is external"),
    };
    for _ in 1..=3 {
        assert!(read(&mut object, SEEN).is_empty(), "the HPA holds");
    }
    assert_eq!(read(&mut object, SEEN), [6_000_000]);
    assert_eq!(replicas(&trigger(1_000), 6_000, 5), 6);
    let poll = object.poll(at(0), SEEN, &[None]);
    assert_eq!(
        (poll.scale_to, poll.reason),
        (None, PollReason::ScalerActive),
        "a fallback is active"
    );
    object.metric(0, SEEN, Some(&on_first(3, 1)));
    assert!(
        read(&mut object, SEEN).is_empty(),
        "one answer ends the row of failures"
    );

    for (behavior, current, wanted) in [
        (FallbackBehavior::CurrentReplicas, 2, 2),
        (FallbackBehavior::CurrentReplicasIfHigher, 9, 9),
        (FallbackBehavior::CurrentReplicasIfHigher, 2, 6),
        (FallbackBehavior::CurrentReplicasIfLower, 9, 6),
        (FallbackBehavior::CurrentReplicasIfLower, 2, 2),
    ] {
        spec.fallback = Some(fallback(behavior));
        let mut object = ScaledObject::new(spec.clone(), at(0));
        let seen = Seen { current, ready: 1 };
        let last = (0..4).map(|_| read(&mut object, seen)).last();
        assert_eq!(last, Some(vec![wanted * 1_000_000]), "{behavior:?}");
    }
}

#[test]
fn errors_without_fallback_hold_everything_and_cost_the_scalers_their_memory() {
    let stuck = KafkaTrigger {
        exclude_persistent_lag: true,
        ..trigger(10)
    };
    let mut object = ScaledObject::new(scaled(stuck), at(0));
    let lag = on_first(3, 20);
    assert_eq!(
        object.metric(0, SEEN, Some(&lag)),
        Some(Reading::External(vec![20_000]))
    );
    assert_eq!(
        object.metric(0, SEEN, Some(&lag)),
        Some(Reading::External(vec![0]))
    );
    let poll = object.poll(at(900), SEEN, &[None]);
    assert_eq!(
        (poll.scale_to, poll.reason),
        (None, PollReason::TriggerError)
    );
    assert_eq!(
        object.metric(0, SEEN, Some(&lag)),
        Some(Reading::External(vec![20_000]))
    );
}

#[test]
fn cached_metrics_are_those_of_the_last_poll() {
    let mut spec = scaled(trigger(10));
    spec.triggers[0].use_cached_metrics = true;
    let mut object = ScaledObject::new(spec, at(0));
    assert!(!object.reads_cache(0), "nothing was polled yet");
    let live = object.metric(0, SEEN, Some(&on_first(3, 7)));
    assert_eq!(live, Some(Reading::External(vec![7_000])));
    object.poll(at(0), SEEN, &[Some(&on_first(3, 9))]);
    assert!(object.reads_cache(0));
    let cached = object.metric(0, SEEN, Some(&on_first(3, 20)));
    assert_eq!(cached, Some(Reading::External(vec![9_000])));
}

#[test]
fn the_generated_hpa_has_its_metrics_in_order_of_their_kinds_and_at_least_one_replica() {
    let mut spec = scaled(trigger(10));
    let cpu = Metric {
        source: Source::Resource(ResourceName::Cpu),
        target: Target::Utilization(60),
    };
    spec.triggers.insert(
        0,
        Trigger {
            kind: TriggerKind::Resource(cpu.clone()),
            use_cached_metrics: false,
        },
    );
    assert_eq!(spec.metric_order(), [1, 0]);
    let hpa = spec.hpa();
    assert_eq!(
        (hpa.min_replicas, hpa.max_replicas, hpa.behavior),
        (1, 100, None)
    );
    let lag = Metric {
        source: Source::External {
            metric: "s1-kafka-orders".to_owned(),
            selector: Vec::new(),
        },
        target: Target::AverageValue(10_000),
    };
    assert_eq!(hpa.metrics, [lag, cpu.clone()]);
    let only_cpu = ScaledObjectSpec {
        triggers: vec![Trigger {
            kind: TriggerKind::Resource(cpu),
            use_cached_metrics: false,
        }],
        ..ScaledObjectSpec::new()
    };
    let mut object = ScaledObject::new(only_cpu, at(0));
    let poll = object.poll(at(0), SEEN, &[None]);
    assert_eq!(
        poll.reason,
        PollReason::ScalerActive,
        "cpu alone is always active"
    );
    assert_eq!(object.metric(0, SEEN, None), None);
}
