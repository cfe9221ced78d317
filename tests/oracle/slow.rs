//! The run against the slow play, and what the random groups went through.

use std::cell::RefCell;

use rebsim::cluster::Options;
use rebsim::kernel::Seed;
use rebsim::timeline::{Observation, Timeline};

use crate::groups::COMMITS;
use crate::records::{Oracle, Outcome};
use crate::steps::{CASES, difference, for_all, options, play};

fn disagreement(timeline: &Timeline, slow: &Outcome) -> Option<String> {
    if let Some(wrong) = slow.wrong_samples.first() {
        return Some(format!("sample at {wrong}"));
    }
    let mut consumers = timeline.consumers.clone();
    for consumer in &mut consumers {
        consumer.cpu_us = 0; // The slow play does not know of processors.
    }
    if consumers != slow.consumers {
        return Some(format!(
            "{:?}\nslowly {:?}",
            timeline.consumers, slow.consumers
        ));
    }
    let mut mine = timeline.clone();
    for ((_, place), totals) in &mut mine.partitions {
        let found = slow
            .partitions
            .iter()
            .find(|(partition, _)| partition == place);
        *totals = found.expect("the same partitions").1.clone();
    }
    difference(timeline, &mine, |_| false)
}

#[derive(Default)]
struct Seen {
    saturated: u64,
    killed_in_hand: u64,
    zombies: u64,
    prefetched: u64,
    /// Kinds of what befell the group.
    befell: Vec<&'static str>,
    duplicated: u64,
    lost: u64,
    skipped: u64,
    overlap: u64,
    commits: Vec<&'static str>,
}

#[test]
fn the_run_is_the_slow_play() {
    let seen = RefCell::new(Seen::default());
    for_all(|case| {
        let options = Options {
            observe_polls: true,
            ..options(case)
        };
        let timeline = play(case, &options);
        let slow = Oracle::new(&case.plan, Seed(case.number), &timeline).play();
        let mut seen = seen.borrow_mut();
        let any = |count: fn(&rebsim::timeline::PartitionTotals) -> u64| {
            u64::from(
                timeline
                    .partitions
                    .iter()
                    .any(|(_, totals)| count(totals) > 0),
            )
        };
        seen.saturated += u64::from(case.overloaded);
        seen.killed_in_hand += u64::from(slow.killed_in_hand > 0);
        seen.zombies += u64::from(slow.by_zombies > 0);
        let mut dropped = timeline.entries.iter().map(|entry| &entry.observation);
        let dropped = dropped.any(|what| matches!(what, Observation::PrefetchDropped { .. }));
        seen.prefetched += u64::from(dropped);
        for entry in &timeline.entries {
            let what = match &entry.observation {
                Observation::ConsumerFrozen { .. } => "freeze",
                Observation::ConsumerStalled { .. } => "stall",
                Observation::PollDeadlineExceeded { .. } => "poll deadline",
                Observation::StaticMemberReplaced { .. } => "static restart",
                Observation::PartitionsAdded { .. } => "more partitions",
                Observation::CoordinatorAvailable { .. } => "coordinator away",
                Observation::ConsumerConnected { .. } => "disconnect",
                Observation::Action { verb, .. } => verb,
                _ => continue,
            };
            if !seen.befell.contains(&what) {
                seen.befell.push(what);
            }
        }
        seen.duplicated += any(|totals| totals.duplicated);
        seen.lost += any(|totals| totals.lost);
        seen.skipped += any(|totals| totals.skipped);
        seen.overlap += any(|totals| totals.overlap_us);
        if !seen.commits.contains(&case.commit) {
            seen.commits.push(case.commit);
        }
        disagreement(&timeline, &slow)
    });
    let seen = seen.into_inner();
    if std::env::var_os("ORACLE_CASE").is_some() {
        return;
    }
    quotas(&seen);
}

/// The groups were worth playing.
fn quotas(seen: &Seen) {
    let share = |what: &str, count: u64, least: u64| {
        assert!(
            count >= least,
            "{what}: {count} of {CASES} groups, wanted {least}"
        );
    };
    share("saturated", seen.saturated, CASES / 3);
    share("killed in mid-batch", seen.killed_in_hand, CASES / 5);
    share("zombies at work", seen.zombies, CASES / 20);
    share(
        "prefetched records across a revocation",
        seen.prefetched,
        CASES / 5,
    );
    for what in [
        "freeze",
        "stall",
        "poll deadline",
        "static restart",
        "more partitions",
        "coordinator away",
        "disconnect",
        "slow",
        "pause",
        "load",
        "reset_offsets",
        "restart",
        "crash",
        "stop",
        "start",
    ] {
        assert!(seen.befell.contains(&what), "no group saw: {what}");
    }
    share("duplicates", seen.duplicated, CASES / 4);
    share("losses", seen.lost, CASES / 50);
    share("skipped", seen.skipped, CASES / 30);
    share("overlaps", seen.overlap, CASES / 30);
    assert_eq!(seen.commits.len(), COMMITS.len(), "every commit mode");
}
