//! Conditions: how they read, what they refuse, how they are judged.

use crate::metrics::condition::{Condition, Limit, OverSeeds, Verdict};
use crate::metrics::{NO_DATA, NOT_DRAINED, Value};

fn parse(metric: &str, text: &str) -> Condition {
    Condition::parse(metric, text).unwrap_or_else(|error| panic!("{metric} {text}: {error}"))
}

fn whole(text: &str) -> Condition {
    Condition::parse_whole(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn judge(metric: &str, text: &str, values: &[Value], other: &[Value]) -> Verdict {
    parse(metric, text).judge(values, other)
}

#[test]
fn what_is_written_reads_back() {
    for (metric, text, back) in [
        ("longest_downtime_s", "< 5s", "longest_downtime_s < 5s"),
        ("longest_downtime_s", "<5", "longest_downtime_s < 5s"),
        (
            "longest_downtime_s",
            "<= 1m30s",
            "longest_downtime_s <= 90s",
        ),
        ("latency_p99_s", ">= 200ms", "latency_p99_s >= 0.2s"),
        (
            "downtime_partition_s",
            "<= 50% of eager",
            "downtime_partition_s <= 50% of eager",
        ),
        (
            "downtime_partition_s",
            "< eager",
            "downtime_partition_s < eager",
        ),
        ("downtime_share", "< 20%", "downtime_share < 20%"),
        ("rebalances", "== 0", "rebalances == 0"),
        ("rebalances", "median != 3", "rebalances median != 3"),
        ("rebalances", "p95 < 3", "rebalances p95 < 3"),
        ("assignor", "== range", "assignor == range"),
        (
            "rebalance-latency-max",
            "< 2s",
            "rebalance-latency-max < 2000ms",
        ),
        (
            "eager.lag_records{group=checkout}",
            "< 10",
            "eager.lag_records{group=checkout} < 10",
        ),
    ] {
        assert_eq!(parse(metric, text).to_string(), back);
    }
}

#[test]
fn one_string_says_it_all() {
    let condition = whole("eager.downtime_partition_s <= 50% of static");
    assert_eq!(condition.variant.as_deref(), Some("eager"));
    assert_eq!(condition.other_variant(), Some("static"));
    let condition = whole("median lag_records{group=\"a\",topic=b} < 1000");
    assert_eq!(condition.over_seeds, OverSeeds::Median);
    assert_eq!(condition.name.to_string(), "lag_records{group=a,topic=b}");
    assert_eq!(whole("p95 rebalances<3").over_seeds, OverSeeds::P95);
    assert_eq!(
        whole("rebalances p95 < 3").to_string(),
        "rebalances p95 < 3"
    );
}

#[test]
fn bad_conditions_say_what_to_write() {
    for (metric, text, message, help) in [
        (
            "longest_stal_s",
            "< 5s",
            "no metric is called",
            "did you mean",
        ),
        ("longest_downtime_s", "5s", "no comparison", "< 5s"),
        ("longest_downtime_s", "<", "limit is missing", "< 5s"),
        (
            "longest_downtime_s",
            "< 5 apples",
            "no number that",
            "ms, s",
        ),
        (
            "longest_downtime_s",
            "< NaN",
            "neither a number nor a variant",
            "< 5s",
        ),
        ("records_lost", "< 5s", "no number that", "plain number"),
        ("records_lost", "< 1e3", "no number that", "plain number"),
        (
            "downtime_partition_s",
            "<= half of eager",
            "no percentage",
            "50% of eager",
        ),
        (
            "downtime_partition_s",
            "<= 50% of EAGER!",
            "no name of a variant",
            "a-z",
        ),
        ("assignor", "< range", "not compared with", "=="),
        ("assignor", "median == range", "no median", "leave out"),
        ("Eager.rebalances", "== 0", "no name of a variant", "a-z"),
    ] {
        let error = Condition::parse(metric, text).expect_err(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert!(error.help.contains(help), "{text}: {}", error.help);
    }
    assert!(Condition::parse_whole("rebalances").is_err());
    assert!(Condition::parse_whole("").is_err());
}

#[test]
fn every_seed_must_meet_it_and_the_worst_decides() {
    let values = [4, 6, 5].map(|seconds| Value::seconds(seconds * 1_000_000));
    let verdict = judge("longest_downtime_s", "< 5s", &values, &[]);
    assert!(!verdict.met);
    assert_eq!((verdict.seed, verdict.actual), (Some(1), values[1]));
    assert_eq!(verdict.room.expect("numbers").to_string(), "-1");
    let verdict = judge("longest_downtime_s", "<= 6", &values, &[]);
    assert!(verdict.met);
    assert_eq!(
        (verdict.seed, verdict.room.expect("numbers").to_string()),
        (Some(1), "0".into())
    );
    assert!(judge("longest_downtime_s", "median <= 5s", &values, &[]).met);
    assert!(!judge("longest_downtime_s", "p95 <= 5s", &values, &[]).met);
}

#[test]
fn each_comparison_compares() {
    let three = [Value::count(3)];
    for (text, met) in [
        ("< 3", false),
        ("<= 3", true),
        ("== 3", true),
        ("!= 3", false),
        (">= 3", true),
        ("> 3", false),
        ("< 4", true),
        ("> 2", true),
        ("!= 2", true),
        ("== 2", false),
    ] {
        assert_eq!(judge("rebalances", text, &three, &[]).met, met, "{text}");
    }
    let range = [Value::Word("range")];
    assert!(judge("assignor", "== range", &range, &[]).met);
    assert!(!judge("assignor", "!= range", &range, &[]).met);
    assert!(judge("assignor", "!= sticky", &range, &[]).met);
}

#[test]
fn what_is_no_number_meets_nothing() {
    for word in [NO_DATA, NOT_DRAINED] {
        for text in ["< 5", "> 5", "!= 5", "median < 5", "p95 > 0"] {
            let values = [Value::count(1), Value::Word(word)];
            let verdict = judge("drain_s", text, &values, &[]);
            assert!(!verdict.met, "{word} {text}");
            assert_eq!(verdict.actual, Value::Word(word));
        }
    }
    assert!(!judge("drain_s", "< 5", &[], &[]).met);
    assert!(!judge("assignor", "!= range", &[Value::Word(NO_DATA)], &[]).met);
}

#[test]
fn another_variant_is_the_limit_seed_by_seed() {
    let this = [Value::count(10), Value::count(30)];
    let other = [Value::count(20), Value::count(50)];
    let verdict = judge("downtime_partition_s", "<= 50% of eager", &this, &other);
    assert!(!verdict.met);
    assert_eq!(
        (verdict.seed, verdict.limit.expect("number").to_string()),
        (Some(1), "25".into())
    );
    assert!(judge("downtime_partition_s", "<= 60% of eager", &this, &other).met);
    assert!(
        !judge(
            "downtime_partition_s",
            "< eager",
            &this,
            &[Value::Word(NO_DATA)]
        )
        .met
    );
    assert!(matches!(
        parse("rebalances", "< eager").limit,
        Limit::Variant { .. }
    ));
}
