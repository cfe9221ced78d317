//! What summaries say of a window, of several seeds and of several groups.

use super::figures::Style;
use super::model::{Origin, Report, Run, Variant};
use super::{json, markdown, text};
use crate::assignor::GroupId;
use crate::kernel::SimTime;
use crate::metrics::condition::Condition;
use crate::metrics::testing::{GROUP, Play, partition};
use crate::metrics::{NO_DATA, NOT_DRAINED, RunMetrics, Value, evaluate};
use crate::timeline::{GroupState::Stable, RebalanceReason, RemovalReason, Sample};

const ASCII: Style = Style { ascii: true };

fn variant(name: &str, runs: Vec<RunMetrics>) -> Variant {
    let runs = (7..).zip(runs);
    Variant {
        name: name.to_owned(),
        runs: runs.map(|(seed, metrics)| Run { seed, metrics }).collect(),
    }
}

/// A member that joins at 5 s, for whom 4 s are waited, and a crash at 30 s that is noticed at 40 s.
fn play() -> Play {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(5_000)
        .prepare(Stable, RebalanceReason::MetadataChange, 0)
        .rejoin(0);
    play.at(9_000).rejoin(1).finish(2, &[&[0], &[1]]);
    play.at(30_000).crash(1, &[1]);
    play.at(40_000)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 1);
    play.at(41_000)
        .rejoin(0)
        .finish(3, &[&[0, 1]])
        .take(0, &[1]);
    for (ms, lag) in [(0, 0), (30_000, 1_500), (60_000, 2)] {
        play.timeline.samples.push(Sample {
            at: SimTime::from_millis(ms),
            group: GROUP,
            partition: partition(1),
            log_end: 2_000,
            processed: 2_000 - lag,
            committed: None,
            oldest_due: None,
        });
    }
    play
}

fn within(from: u64, to: u64) -> Report {
    let mut play = play();
    play.timeline.measured = (SimTime::from_millis(from), SimTime::from_millis(to));
    let metrics = evaluate(&play.timeline);
    let mut report = Report::new("window", vec![variant("base", vec![metrics])]);
    let condition = Condition::parse("longest_downtime_s", "< 1s").expect("a condition");
    let known = report.expect(&condition, &Origin::CommandLine);
    known.expect("no variant is named");
    report
}

#[test]
fn figures_of_a_window_are_told_of_its_rebalances_alone() {
    let whole = text::summary(&within(0, 60_000), ASCII);
    assert!(
        whole.contains("metadata change 1, session expired 1"),
        "{whole}"
    );
    assert!(
        whole.contains("4.000 s in rebalance 1 at 5.000s"),
        "{whole}"
    );
    assert!(whole.contains("(rebalance 2 of 2)"), "{whole}");
    let report = within(20_000, 60_000);
    let part = text::summary(&report, ASCII);
    assert!(part.contains("  1  session expired 1\n"), "{part}");
    assert!(!part.contains("rebalance 1 at"), "{part}");
    assert!(part.contains("(rebalance 2 of the run)"), "{part}");
    let page = markdown::render(&report);
    assert!(
        page.contains("| rebalances | 1 | session expired 1 |"),
        "{page}"
    );
    let late = text::summary(&within(40_500, 60_000), ASCII);
    assert!(
        !late.contains("session expired"),
        "a rebalance that began before counts for nothing: {late}"
    );
    let begun = within(40_500, 60_000);
    assert!(
        begun.unmet().next().is_none(),
        "half a second is less than one"
    );
}

#[test]
fn the_rebalance_of_a_downtime_may_have_begun_before_the_window() {
    let mut play = play();
    play.timeline.measured.0 = SimTime::from_millis(40_200);
    let metrics = evaluate(&play.timeline);
    let mut report = Report::new("window", vec![variant("base", vec![metrics])]);
    let condition = Condition::parse("longest_downtime_s", "< 100ms").expect("a condition");
    let known = report.expect(&condition, &Origin::CommandLine);
    known.expect("no variant is named");
    let text = text::summary(&report, ASCII);
    let words = "(rebalance 2 of the run, begun before the measured time)";
    assert!(text.contains(words), "{text}");
}

fn drained_after(seconds: Option<u64>) -> RunMetrics {
    let mut metrics = evaluate(&play().timeline);
    for (name, value) in &mut metrics.values {
        if name.to_string() == "drain_s" {
            *value = seconds.map_or(Value::Word(NOT_DRAINED), |seconds| {
                Value::seconds(seconds * 1_000_000)
            });
        }
    }
    metrics
}

#[test]
fn one_seed_that_is_not_drained_leaves_the_others_their_median() {
    let all = |seconds: &[Option<u64>]| seconds.iter().map(|one| drained_after(*one)).collect();
    let some = variant("some", all(&[Some(9), None, Some(11), Some(10)]));
    let none = variant("none", all(&[None; 4]));
    let mut report = Report::new("seeds", vec![some, none]);
    let text = text::compare(&report, ASCII);
    let cell = "10.500 s (9.000 - not drained), not drained in 1 of 4";
    assert!(text.contains(cell), "{text}");
    assert!(text.contains("not drained in 4 of 4"), "{text}");
    assert!(text.contains("\nlag (seed 7) some  "), "{text}");
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&report)).expect("it is JSON");
    let drain = |variant: usize| &document["variants"][variant]["aggregates"]["drain_s"];
    assert_eq!(drain(0)["median"], 10.5);
    assert_eq!(drain(0)["not_drained"], 1);
    assert_eq!(
        (&drain(0)["max"], &drain(0)["mean"]),
        (&NOT_DRAINED.into(), &NOT_DRAINED.into())
    );
    assert_eq!(drain(1)["median"], NOT_DRAINED);
    let lag = &document["variants"][0]["aggregates"]["lag_records"];
    assert!(
        lag["not_drained"].is_null() && lag["median"].is_number(),
        "{lag}"
    );
    for (text, met) in [
        ("some.drain_s median < 11s", true),
        ("some.drain_s median < 10s", false),
        ("some.drain_s p95 < 1h", false),
        ("some.drain_s < 1h", false),
        ("none.drain_s median < 1h", false),
        ("none.drain_s median > 1s", false),
    ] {
        let condition = Condition::parse_whole(text).expect("a condition");
        let known = report.expect(&condition, &Origin::CommandLine);
        known.expect("the variants are there");
        let judged = report.expectations.last().expect("one was judged");
        assert_eq!(judged.verdict.met, met, "{text}");
    }
}

#[test]
fn no_data_under_one_seed_leaves_no_median() {
    let mut missing = drained_after(Some(3));
    for (name, value) in &mut missing.values {
        if name.to_string() == "drain_s" {
            *value = Value::Word(NO_DATA);
        }
    }
    let runs = vec![drained_after(Some(9)), missing, drained_after(None)];
    let report = Report::new("seeds", vec![variant("some", runs)]);
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&report)).expect("it is JSON");
    assert!(document["variants"][0]["aggregates"]["drain_s"].is_null());
}

#[test]
fn of_several_groups_it_is_said_how_they_are_put_together() {
    let mut play = play();
    let mut other = play.timeline.cast.groups[0].clone();
    other.name = "h".to_owned();
    play.timeline.cast.groups.push(other);
    let totals = play.timeline.partitions[0].1.clone();
    play.timeline
        .partitions
        .push(((GroupId(1), partition(0)), totals));
    let report = Report::new("two", vec![variant("base", vec![evaluate(&play.timeline)])]);
    let text = text::summary(&report, ASCII);
    for words in [
        "whole group down, summed over groups  ",
        "largest lag, records, of the worst group  ",
        "orders-0 of h from 0.000s to 1m00.000s",
        "4.000 s in rebalance 1 of g at 5.000s",
        "lag of all groups ",
        "peak of one group ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let one = Report::new("one", vec![variant("base", vec![drained_after(None)])]);
    let text = text::summary(&one, ASCII);
    assert!(
        !text.contains("group,") && !text.contains("groups"),
        "{text}"
    );
}
