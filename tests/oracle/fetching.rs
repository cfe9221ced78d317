//! Fetches in cases that random groups seldom make plain.

use rebsim::assignor::TopicPartition;
use rebsim::cluster::{Calibration, Options, simulate};
use rebsim::kernel::Seed;
use rebsim::timeline::{Observation, Timeline};

use crate::groups::plan_of;

fn played(text: &str) -> Timeline {
    let options = Options {
        check_invariants: true,
        calibration: Calibration::ideal(),
        observe_polls: true,
        ..Options::default()
    };
    simulate(&plan_of(text), Seed(1), &options).expect("the run ends")
}

fn positions(timeline: &Timeline) -> Vec<u64> {
    let known = timeline.entries.iter();
    known
        .filter_map(|entry| match &entry.observation {
            Observation::PositionKnown { offsets, .. } => Some(offsets),
            _ => None,
        })
        .flat_map(|offsets| offsets.iter().map(|(_, offset)| *offset))
        .collect()
}

/// An answer of 10 records at most, and four partitions that always have more: each is in a quarter of the answers.
#[test]
fn partitions_take_turns_where_an_answer_cannot_hold_all() {
    let timeline = played(
        "version: 1\nname: turns\nduration: 60s\nbrokers: { count: 1 }\ntopics: { t: { partitions: 4, rate: 4/s, record_size: 1KiB, backlog: 4000 } }\n\
         groups: { g: { topics: [t], members: 1, processing: { per_record: 25ms }, config: { fetch.max.bytes: 10240, max.poll.records: 10 } } }\n",
    );
    for (partition, totals) in &timeline.partitions {
        let processed = totals.processed;
        assert!(
            (590..=610).contains(&processed),
            "{partition:?}: {processed}"
        );
    }
}

/// The committed offset lies beyond the log: the reader begins where the reset policy says (`OFFSET_OUT_OF_RANGE`).
#[test]
fn a_committed_offset_beyond_the_log_is_out_of_range() {
    for (start, policy, begins, skipped, duplicated) in [
        ("cold", "earliest", 0, 0, 20),
        ("steady", "earliest", 0, 0, 20),
        ("steady", "latest", 20, 0, 0),
    ] {
        let timeline = played(&format!(
            "version: 1\nname: beyond\nduration: 10s\ntopics: {{ t: {{ partitions: 1, rate: 1/s, backlog: 20 }} }}\n\
             groups: {{ g: {{ topics: [t], members: 1, start: {start}, start_at: {{ committed: 500 }}, \
             config: {{ auto.offset.reset: {policy} }} }} }}\n"
        ));
        let positions = positions(&timeline);
        assert_eq!(positions, [500, begins], "{start}, {policy}");
        let totals = &timeline.partitions[0].1;
        assert_eq!(
            (totals.lost, totals.skipped),
            (0, skipped),
            "{start}, {policy}"
        );
        assert_eq!(totals.duplicated, duplicated, "{start}, {policy}");
    }
}

/// With the policy `none` there is nowhere to begin: without a committed offset, and with one that lies beyond the log. Both clients say which.
#[test]
fn without_a_reset_policy_there_is_nowhere_to_begin() {
    for protocol in ["classic", "consumer"] {
        for (start_at, error) in [
            ("start_at: { committed: 500 },", "OffsetOutOfRangeException"),
            ("", "NoOffsetForPartitionException"),
        ] {
            let timeline = played(&format!(
                "version: 1\nname: nowhere\nduration: 10s\ntopics: {{ t: {{ partitions: 1, rate: 1/s, backlog: 20 }} }}\n\
                 groups: {{ g: {{ topics: [t], members: 1, start: cold, {start_at} \
                 config: {{ auto.offset.reset: none, group.protocol: {protocol} }} }} }}\n",
            ));
            let errors: Vec<&str> = timeline
                .entries
                .iter()
                .filter_map(|entry| match &entry.observation {
                    Observation::ConsumerFailed { error, .. } => Some(*error),
                    _ => None,
                })
                .collect();
            assert_eq!(errors, [error], "{protocol}, {start_at}");
        }
    }
}

/// `fetch.min.bytes` counts no more of a partition than an answer may hold of it, so one partition alone never makes up for the others.
#[test]
fn fetch_min_bytes_counts_what_an_answer_may_hold() {
    let timeline = played(
        "version: 1\nname: capped\nduration: 20s\ntopics: { t: { partitions: 1, rate: 1/s, record_size: 1KiB, backlog: 100 } }\n\
         groups: { g: { topics: [t], members: 1, processing: { per_record: 1ms }, \
         config: { fetch.min.bytes: 20480, fetch.max.wait.ms: 1000, max.partition.fetch.bytes: 10240 } } }\n",
    );
    let polls: Vec<(u64, u64)> = timeline
        .entries
        .iter()
        .filter_map(|entry| match &entry.observation {
            Observation::Polled { offsets, .. } => {
                let records = offsets
                    .iter()
                    .map(|&(_, from, to): &(TopicPartition, u64, u64)| to - from)
                    .sum();
                Some((entry.at.as_micros(), records))
            }
            _ => None,
        })
        .collect();
    // Ten records, the most that an answer may hold, and each answer waits for the whole second.
    assert_eq!(
        polls[..3],
        [(1_000_000, 10), (2_000_000, 10), (3_000_000, 10)]
    );
}
