//! The edges: instants at which two things coincide, and windows that meet.

use rebsim::cluster::{Calibration, Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::timeline::{PartitionTotals, Timeline};

use crate::groups::{case, plan_of};
use crate::steps::{options, play};

/// One member on one partition, a record every 100 ms from a backlog, polls of ten.
fn ten_a_second(duration: u64, more: &str) -> Timeline {
    let text = format!(
        "version: 1\nname: edges\nduration: {duration}s\nbrokers: {{ count: 1 }}\ntopics: {{ t: {{ partitions: 1, rate: 1/s, backlog: 1000 }} }}\n\
         groups: {{ g: {{ topics: [t], members: 1, processing: {{ per_record: 100ms }}, config: {{ max.poll.records: 10 }} }} }}\n{more}\n"
    );
    let options = Options {
        check_invariants: true,
        calibration: Calibration::ideal(),
        ..Options::default()
    };
    simulate(&plan_of(&text), Seed(1), &options).expect("the run ends")
}

fn totals(timeline: &Timeline) -> &PartitionTotals {
    &timeline.partitions[0].1
}

fn processed_at(timeline: &Timeline, seconds: u64) -> u64 {
    let at = SimTime::from_millis(seconds * 1_000);
    let sample = timeline.samples.iter().find(|sample| sample.at == at);
    sample.expect("on the grid").processed
}

/// The records end at 100 ms, 200 ms, ...; the one that would end at the very instant of the crash is unfinished, for the sample of
/// that instant too.
#[test]
fn what_would_end_with_the_crash_is_unfinished() {
    let timeline = ten_a_second(5, "events: [ { at: 2s, crash: g/0 } ]");
    assert_eq!(totals(&timeline).processed, 19);
    assert_eq!(processed_at(&timeline, 1), 10);
    assert_eq!(processed_at(&timeline, 2), 19);
    assert_eq!(timeline.consumers[0].records, 19);
    assert_eq!(timeline.consumers[0].busy_us, 2_000_000);
    assert_eq!(timeline.consumers[0].alive_us, 2_000_000);
}

/// In the window from 2 s to 3 s end the records of 2.1 s to 3.0 s; who waits waits from then.
#[test]
fn a_window_holds_its_end_and_not_its_begin() {
    let timeline = ten_a_second(5, "measure: { from: 2s, to: 3s }");
    let totals = totals(&timeline);
    assert_eq!(totals.processed, 10);
    assert_eq!(totals.produced, 1);
    assert_eq!(timeline.consumers[0].records, 10);
    assert_eq!(timeline.consumers[0].busy_us, 1_000_000);
    // Due within the window: the record of 3.0 s, which waits at the end.
    assert_eq!((totals.latency.count(), totals.waiting.count()), (0, 1));
    assert_eq!(totals.waiting.max(), 0);
    // 1,000 + 2 records less 20 at 2.0 s, one less every 100 ms.
    let expected: u128 = (0..10).map(|step| 100_000 * (982 - step)).sum();
    assert_eq!(totals.lag_record_us, expected);
}

/// Standing still is not work: two freezes, one within the other, and a third that a crash ends.
#[test]
fn standing_still_is_not_busy() {
    let events = "events: [ { at: 1050ms, freeze: g/0, for: 3s }, { at: 2s, freeze: g/0, for: 1s }, { at: 3s, freeze: g/0, for: 2s } ]";
    let timeline = ten_a_second(10, events);
    // Frozen from 1.05 s to 5 s: what would have ended at 1.1 s ends at 5.05 s.
    assert_eq!(timeline.consumers[0].busy_us, 10_000_000 - 3_950_000);
    assert_eq!(processed_at(&timeline, 5), 10);
    assert_eq!(processed_at(&timeline, 6), 20);
    let killed = "events: [ { at: 1050ms, freeze: g/0, for: 3s }, { at: 2s, crash: g/0 } ]";
    let timeline = ten_a_second(5, killed);
    assert_eq!(timeline.consumers[0].busy_us, 1_050_000);
    assert_eq!(totals(&timeline).processed, 10);
}

/// A jump to the end of the log by an administrator skips; it does not lose.
#[test]
fn offsets_reset_forward_are_skipped() {
    let events = "events: [ { at: 1s, stop: g }, { at: 20s, reset_offsets: g, to: latest }, { at: 21s, start: g } ]";
    let timeline = ten_a_second(30, events);
    let totals = totals(&timeline);
    assert_eq!(totals.lost, 0);
    // `poll()` returned ten more at 1 s before the script acted; the batch is ended before `close()`.
    assert_eq!(totals.skipped, 1_020 - 20);
}

/// Committed before it is processed and dropped by a crash: lost, whether or not somebody comes after. In the hands of a live process:
/// not lost.
#[test]
fn what_is_committed_and_in_no_hands_is_lost() {
    let commits = |events: &str, duration: u64| {
        let text = format!(
            "version: 1\nname: losing\nduration: {duration}s\nbrokers: {{ count: 1, latency: 1ms }}\ntopics: {{ t: {{ partitions: 1, rate: 1/s, backlog: 1000 }} }}\n\
             groups: {{ g: {{ topics: [t], members: 1, commit: before_processing, processing: {{ per_record: 100ms }}, config: {{ max.poll.records: 10 }} }} }}\n{events}\n"
        );
        let timeline = simulate(&plan_of(&text), Seed(1), &Options::default());
        timeline.expect("the run ends").partitions[0].1.clone()
    };
    assert_eq!(commits("", 5).lost, 0);
    let alone = commits("events: [ { at: 2500ms, crash: g/0 } ]", 5);
    assert!((1..10).contains(&alone.lost), "{}", alone.lost);
    let followed = commits(
        "events: [ { at: 2500ms, restart: g/0, how: crash, down: 1s } ]",
        60,
    );
    assert_eq!(followed.lost, alone.lost);
}

/// What is counted in two windows that meet is what is counted in both together.
#[test]
fn windows_that_meet_add_up() {
    for number in 0..60 {
        let whole = case(number);
        let end = SimTime::ZERO + whole.plan.duration;
        let middle = SimTime::from_millis(end.as_micros() / 2_000_000 * 1_000);
        let counted = |from: SimTime, to: SimTime| {
            let mut part = case(number);
            part.plan.measure = (from, to);
            let timeline = play(&part, &options(&part));
            let mut counts = Vec::new();
            for (_, totals) in &timeline.partitions {
                let few = [
                    totals.produced,
                    totals.processed,
                    totals.duplicated,
                    totals.overlap_us,
                    totals.catch_ups.len() as u64,
                ];
                counts.extend(few.map(u128::from));
                counts.push(totals.lag_record_us);
            }
            for totals in &timeline.consumers {
                let few = [
                    totals.busy_us,
                    totals.alive_us,
                    totals.polls,
                    totals.records,
                ];
                counts.extend(few.map(u128::from));
            }
            counts
        };
        let (left, right) = (counted(SimTime::ZERO, middle), counted(middle, end));
        let sum: Vec<u128> = left.iter().zip(&right).map(|(a, b)| a + b).collect();
        assert_eq!(
            sum,
            counted(SimTime::ZERO, end),
            "group {number}:\n{}",
            whole.text
        );
    }
}
