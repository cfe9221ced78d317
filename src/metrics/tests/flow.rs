//! Lag, latency, delivery: records through one partition.

use super::{measure, value};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::testing::{GROUP, Play, partition};
use crate::timeline::{CallbackKind, Observation, Sample};

fn sample(play: &mut Play, ms: u64, number: u32, log_end: u64, processed: u64, committed: u64) {
    let at = SimTime::from_millis(ms);
    play.timeline.samples.push(Sample {
        at,
        group: GROUP,
        partition: partition(number),
        log_end,
        processed,
        committed: Some(committed),
        oldest_due: (processed < log_end)
            .then(|| SimTime::from_millis(ms.saturating_sub(log_end - processed))),
    });
}

#[test]
fn lags_are_sums_over_partitions_and_ages_the_oldest() {
    let mut play = Play::steady(&[&[0], &[1]], 40_000);
    for (ms, lags) in [
        (0, [0, 0]),
        (10_000, [4, 2]),
        (20_000, [1, 9]),
        (40_000, [0, 3]),
    ] {
        for (number, lag) in (0..).zip(lags) {
            sample(&mut play, ms, number, ms, ms - lag, ms - lag);
        }
    }
    play.timeline.partitions[0].1.lag_record_us = 30_000_000;
    play.timeline.partitions[1].1.lag_record_us = 10_000_000;
    let metrics = measure(&play);
    for (name, expected) in [
        ("lag_records", "10"),
        ("lag_records_peak_at_s", "20"),
        ("lag_records_p50", "6"),
        ("lag_records_p99", "10"),
        ("lag_records_end", "3"),
        ("lag_records_integral", "40"),
        ("lag_records_mean", "1"),
        ("lag_records{partition=1}", "9"),
        ("lag_records_mean{partition=0}", "0.75"),
        ("committed_lag_records_integral", "260"),
        ("committed_lag_records_mean", "6.5"),
        ("lag_s", "0.009"),
        ("lag_s{topic=orders,partition=0}", "0.004"),
        ("hottest_partition_lag_records", "9"),
        ("hottest_partition_lag_s", "0.009"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
}

#[test]
fn a_lag_is_drained_when_it_is_back_under_its_level_before_the_first_action() {
    let drained = |last: u64| {
        let mut play = Play::steady(&[&[0]], 40_000);
        for (ms, lag) in [
            (0, 1),
            (5_000, 3),
            (10_000, 2),
            (15_000, 90),
            (20_000, 4),
            (25_000, last),
            (40_000, last),
        ] {
            sample(&mut play, ms, 0, 100_000, 100_000 - lag, 0);
        }
        play.at(10_000).put(Observation::Action {
            event: 0,
            verb: "crash",
            consumer: None,
        });
        value(&measure(&play), "drain_s")
    };
    assert_eq!(drained(3), "15");
    assert_eq!(drained(4), "not drained");
    assert_eq!(
        value(&measure(&Play::steady(&[&[0]], 1_000)), "drain_s"),
        "no data"
    );
}

#[test]
fn a_sample_beside_the_grid_tells_only_of_the_group_that_made_it_be_taken() {
    let drained = |serves: bool| {
        let mut play = Play::steady(&[&[0]], 40_000);
        for (ms, lag) in [(0, 1), (10_000, 1), (12_345, 2), (20_000, 1), (40_000, 1)] {
            sample(&mut play, ms, 0, 100_000, 100_000 - lag, 0);
        }
        play.timeline.between.push(SimTime::from_millis(12_345));
        play.at(10_000).put(Observation::Action {
            event: 0,
            verb: "crash",
            consumer: None,
        });
        if serves {
            play.at(12_345).serve(0, &[0]);
        }
        value(&measure(&play), "drain_s")
    };
    assert_eq!(drained(false), "0", "somebody else's record in flight");
    assert_eq!(drained(true), "10");
}

#[test]
fn latencies_count_records_and_the_age_of_those_that_wait() {
    let mut play = Play::steady(&[&[0], &[1]], 40_000);
    play.timeline.partitions[0].1.latency.record_many(2_000, 90);
    play.timeline.partitions[1]
        .1
        .latency
        .record_many(1_000_000, 8);
    play.timeline.partitions[1]
        .1
        .waiting
        .record_many(5_000_000, 2);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "latency_p50_s"), "0.002");
    assert_eq!(value(&metrics, "latency_max_s"), "5");
    assert_eq!(value(&metrics, "latency_mean_s"), "0.1818");
    assert_eq!(value(&metrics, "records_waiting"), "2");
    assert_eq!(value(&metrics, "latency_max_s{partition=0}"), "0.002");
    let p95 = metrics
        .value("latency_p95_s")
        .and_then(|value| value.number())
        .expect("a number");
    assert!((999_000..=1_000_000).contains(&p95.millionths()), "{p95}");
}

#[test]
fn records_due_before_the_window_wait_too_at_its_end() {
    let mut play = Play::steady(&[&[0], &[1]], 40_000);
    let seconds = SimTime::from_millis;
    play.timeline.measured = (seconds(20_000), seconds(30_000));
    for (ms, lags) in [
        (0, [0, 0]),
        (20_000, [41, 7]),
        (30_000, [51, 0]),
        (40_000, [0, 0]),
    ] {
        for (number, lag) in (0..).zip(lags) {
            sample(&mut play, ms, number, ms, ms - lag, ms - lag);
        }
    }
    play.timeline.partitions[0].1.waiting.record_many(500, 10);
    let metrics = measure(&play);
    assert_eq!(value(&metrics, "records_waiting"), "51");
    assert_eq!(value(&metrics, "records_waiting{partition=0}"), "51");
    assert_eq!(value(&metrics, "records_waiting{partition=1}"), "0");
    play.timeline.measured.0 = SimTime::ZERO;
    assert_eq!(
        value(&measure(&play), "records_waiting"),
        "10",
        "a window that begins with the run has them all in its histogram"
    );
}

/// Nothing is ever committed of these partitions.
fn uncommitted(play: &mut Play, which: fn(u32) -> bool) {
    let samples = play.timeline.samples.iter().map(|sample| Sample {
        committed: sample
            .committed
            .filter(|_| !which(sample.partition.partition)),
        ..sample
    });
    play.timeline.samples = samples.collect();
}

#[test]
fn where_nothing_is_committed_there_is_no_lag_behind_it() {
    let mut play = Play::steady(&[&[0], &[1]], 40_000);
    for ms in [0, 10_000, 20_000, 40_000] {
        sample(&mut play, ms, 0, 1_000 + ms, 1_000 + ms, 0);
        sample(&mut play, ms, 1, 1_000 + ms, 1_000 + ms, 900 + ms);
    }
    uncommitted(&mut play, |number| number == 0);
    let metrics = measure(&play);
    for (name, expected) in [
        ("committed_lag_records", "100"),
        ("committed_lag_records_mean", "100"),
        ("committed_lag_records{partition=0}", "no data"),
        ("committed_lag_records_end{partition=0}", "no data"),
        ("committed_lag_records{partition=1}", "100"),
        ("hottest_partition_committed_lag_records", "100"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
    uncommitted(&mut play, |_| true);
    let metrics = measure(&play);
    for name in [
        "committed_lag_records",
        "committed_lag_records_peak_at_s",
        "hottest_partition_committed_lag_records",
    ] {
        assert_eq!(value(&metrics, name), "no data", "{name}");
    }
    assert_eq!(value(&metrics, "lag_records"), "0");
}

#[test]
fn delivery_is_summed() {
    let mut play = Play::steady(&[&[0], &[1]], 40_000);
    for (_, totals) in &mut play.timeline.partitions {
        totals.produced = 100;
        totals.processed = 80;
        totals.duplicated = 3;
        totals.lost = 2;
        totals.skipped = 1;
        totals.overlap_us = 1_500;
    }
    play.timeline.consumers[1].busy_us = 10_000_000;
    play.timeline.consumers[1].alive_us = 40_000_000;
    play.at(1_000).put(Observation::CommitFailed {
        consumer: ConsumerId(0),
        error: "X",
    });
    let metrics = measure(&play);
    for (name, expected) in [
        ("records_produced", "200"),
        ("records_processed", "160"),
        ("records_duplicated{partition=1}", "3"),
        ("records_lost", "4"),
        ("records_skipped", "2"),
        ("overlap_partition_s", "0.003"),
        ("throughput_records_per_s", "4"),
        ("commits_failed", "1"),
        ("utilization", "0.25"),
        ("utilization_mean", "0.25"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
}

#[test]
fn kafkas_own_names_are_counted_by_the_clients() {
    let mut play = Play::steady(&[&[0]], 7_200_000);
    let joining = || Observation::Joining {
        consumer: ConsumerId(0),
    };
    play.at(10_000).put(joining());
    play.at(10_001).put(joining());
    play.at(12_000).put(Observation::Synced {
        consumer: ConsumerId(0),
        generation: 2,
    });
    play.at(20_000).put(joining());
    play.at(21_000).put(Observation::Synced {
        consumer: ConsumerId(0),
        generation: 3,
    });
    play.at(30_000).callback(0, CallbackKind::Revoked, &[]);
    play.at(35_000).returned(0, CallbackKind::Revoked);
    let metrics = measure(&play);
    for (name, expected) in [
        ("rebalance-total", "2"),
        ("rebalance-latency-avg", "1500"),
        ("rebalance-latency-max", "2000"),
        ("rebalance-latency-total", "3000"),
        ("rebalance-rate-per-hour", "1"),
        ("failed-rebalance-total", "1"),
        ("partition-revoked-latency-max", "5000"),
        ("partition-lost-latency-max", "no data"),
        ("assigned-partitions", "1"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
}

#[test]
fn without_a_group_label_counts_add_up_and_the_worst_group_decides_the_rest() {
    let mut play = Play::steady(&[&[0]], 40_000);
    let mut other = play.timeline.cast.groups[0].clone();
    other.name = "h".to_owned();
    other.protocol = "consumer";
    play.timeline.cast.groups.push(other);
    let totals = play.timeline.partitions[0].1.clone();
    let orders_0: TopicPartition = partition(0);
    play.timeline
        .partitions
        .push(((GroupId(1), orders_0), totals));
    for (index, lag) in [(0, 5), (1, 7)] {
        play.timeline.partitions[index].1.lost = lag;
        let at = SimTime::from_millis(10_000 * (index as u64 + 1));
        play.timeline.samples.push(Sample {
            at,
            group: GroupId(u32::try_from(index).expect("small")),
            partition: orders_0,
            log_end: lag,
            processed: 0,
            committed: None,
            oldest_due: None,
        });
    }
    let metrics = measure(&play);
    for (name, expected) in [
        ("records_lost", "12"),
        ("records_lost{group=h}", "7"),
        ("records_lost{topic=orders}", "12"),
        ("lag_records", "7"),
        ("lag_records_peak_at_s", "20"),
        ("lag_records{group=g}", "5"),
        ("lag_records{partition=0}", "7"),
        ("protocol", "mixed"),
        ("downtime_absent_partition_s", "40"),
    ] {
        assert_eq!(value(&metrics, name), expected, "{name}");
    }
}
