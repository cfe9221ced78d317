//! One small report, rendered in every way.

use std::fmt;

use super::figures::Style;
use super::model::{Origin, Report, Run, Variant};
use super::{csv, json, markdown, ndjson, recording, text};
use crate::assignor::ConsumerId;
use crate::kernel::SimTime;
use crate::metrics::condition::Condition;
use crate::metrics::evaluate;
use crate::metrics::testing::{GROUP, Play, partition};
use crate::timeline::{
    ClientState,
    GroupState::{Reconciling, Stable},
    Observation, RebalanceReason, RemovalReason, Sample,
};

const ASCII: Style = Style { ascii: true };

/// A crash whose session expires after `detect_ms`.
fn play(detect_ms: u64) -> Play {
    let mut play = Play::steady(&[&[0], &[1]], 60_000);
    play.at(20_000).crash(1, &[1]);
    play.at(20_000 + detect_ms)
        .remove(1, RemovalReason::SessionExpired)
        .prepare(Stable, RebalanceReason::SessionExpired, 1);
    play.at(31_000)
        .rejoin(0)
        .finish(2, &[&[0, 1]])
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

fn run(seed: u64, detect_ms: u64) -> Run {
    Run {
        seed,
        metrics: evaluate(&play(detect_ms).timeline),
    }
}

fn report(seeds: u64) -> Report {
    let variant = |name: &str, detect_ms: u64| Variant {
        name: name.to_owned(),
        runs: (0..seeds)
            .map(|seed| run(7 + seed, detect_ms + seed * 100))
            .collect(),
    };
    let mut report = Report::new(
        "crash",
        vec![variant("slow", 10_000), variant("fast", 1_000)],
    );
    for (metric, condition) in [
        ("longest_downtime_s", "< 10s"),
        ("downtime_detect_partition_s", "<= 50% of slow"),
        ("slow.drain_s", "< 5s"),
    ] {
        let condition = Condition::parse(metric, condition).expect("a condition");
        let origin = Origin::Scenario {
            pointer: format!("/expect/{metric}"),
            file: "crash.yaml".to_owned(),
            line: 9,
        };
        report.expect(&condition, &origin).expect("known variants");
    }
    report
}

#[test]
fn a_requirement_on_an_unknown_variant_is_refused() {
    let condition = Condition::parse("rebalances", "< quick").expect("a condition");
    let refused = report(1)
        .expect(&condition, &Origin::CommandLine)
        .expect_err("no such variant");
    assert_eq!(
        refused,
        "no variant `quick` was played; there are slow, fast"
    );
}

#[test]
fn a_variant_is_not_compared_with_itself() {
    let report = report(1);
    let judged: Vec<(&str, String, bool)> = report
        .expectations
        .iter()
        .map(|known| {
            (
                known.variant.as_str(),
                known.condition.to_string(),
                known.verdict.met,
            )
        })
        .collect();
    let of = |variant, text: &str, met| (variant, text.to_owned(), met);
    assert_eq!(
        judged,
        [
            of("slow", "longest_downtime_s < 10s", false),
            of("fast", "longest_downtime_s < 10s", false),
            of("fast", "downtime_detect_partition_s <= 50% of slow", true),
            of("slow", "slow.drain_s < 5s", false),
        ]
    );
}

#[test]
fn the_summary_tells_requirements_first_then_numbers_and_causes() {
    let shown = text::summary(&report(1), ASCII);
    let expected = "\
crash / slow   seed 7, 1m simulated

  FAIL  longest_downtime_s  11.000 s  < 10s  over by 1.000 s  crash.yaml:9
      orders-1 was down from 20.000s to 31.000s (rebalance 1 of 1)
  FAIL  drain_s              no data  < 5s                    crash.yaml:9

  longest downtime                  11.000 s  orders-1 from 20.000s to 31.000s
";
    assert!(shown.starts_with(expected), "{shown}");
    for line in [
        "\nwhere the downtime went: detect 10.000 partition-s, barrier 1.000 partition-s\n",
        "  rebalances                               1  session expired 1\n",
        "\n4 expectations: 1 met, 3 not met\n",
        "lag  slow  ",
    ] {
        assert!(shown.contains(line), "{line:?} is missing in\n{shown}");
    }
    assert!(shown.is_ascii());
    assert!(shown.lines().all(|line| line == line.trim_end()));
}

#[test]
fn variants_stand_side_by_side_and_the_last_sentence_is_true() {
    let shown = text::compare(&report(1), ASCII);
    assert!(
        shown.starts_with("crash   2 variants, seed 7, 1m simulated\n\n"),
        "{shown}"
    );
    assert!(shown.contains("longest downtime"), "{shown}");
    // Both are down for 11 s: detection is only a part of it.
    assert!(
        shown.contains("All variants have the same downtime: 11.000 partition-s."),
        "{shown}"
    );
    assert!(
        !shown.contains("ok    fast"),
        "only what is not met\n{shown}"
    );
    assert!(shown.contains("FAIL  slow"), "{shown}");
    assert!(text::everything(&report(1), ASCII).contains("ok    fast"));
    assert!(shown.is_ascii());
}

#[test]
fn a_difference_is_told_with_its_seeds() {
    let mut report = report(3);
    for run in &mut report.variants[0].runs {
        let mut later = play(1_000);
        later.at(40_000).crash(0, &[0, 1]);
        run.metrics = evaluate(&later.timeline);
    }
    let shown = text::compare(&report, ASCII);
    let sentence = shown.replace('\n', " ");
    assert!(
        sentence.contains(
            "fast loses fewer partition-seconds than slow in 3 of 3 seeds: 4.6 times fewer by the medians, 11.000 against 51.000; \
             median difference -40.000."
        ),
        "{shown}"
    );
    assert!(shown.contains("3 seeds, median (5 % to 95 %)"));
    assert!(
        shown.contains("51.000 partition-s (51.000 - 51.000)"),
        "{shown}"
    );
    for variant in &mut report.variants {
        let first = variant.runs[0].metrics.clone();
        for run in &mut variant.runs {
            run.metrics = first.clone();
        }
    }
    // Of the ids that the next seed draws nothing is known: that one seed is enough is not said.
    let shown = text::compare(&report, ASCII);
    assert!(!shown.contains("seed suffices"), "{shown}");
}

#[test]
fn markdown_has_the_same_numbers() {
    let page = markdown::render(&report(1));
    assert!(page.starts_with("## crash\n\n|  | slow | fast |\n| --- | ---: | ---: |\n| longest downtime | 11.000 s | 11.000 s |\n"), "{page}");
    assert!(page.contains("\n| ✓ | fast | downtime_detect_partition_s | 1.000 partition-s | <= 50% of slow (5.000 partition-s) |  |\n"), "{page}");
}

/// A table that is handed on row by row.
fn written(table: fn(&Report, &mut dyn fmt::Write) -> fmt::Result, report: &Report) -> String {
    let mut text = String::new();
    table(report, &mut text).expect("a String takes everything");
    text
}

#[test]
fn every_csv_begins_with_its_keys_and_is_rectangular() {
    let report = report(2);
    for (name, text) in [
        ("summary", csv::summary(&report)),
        ("rebalances", csv::rebalances(&report)),
        ("ownership", written(csv::ownership, &report)),
        ("partitions", csv::partitions(&report)),
        ("lag", written(csv::lag, &report)),
        ("members", csv::members(&report)),
        ("expectations", csv::expectations(&report)),
    ] {
        assert!(text.starts_with("variant,seed,group,"), "{name}");
        assert!(text.ends_with('\n') && !text.contains('\r'), "{name}");
        let columns = text
            .lines()
            .next()
            .map_or(0, |head| head.split(',').count());
        assert!(text.lines().count() > 1, "{name} is empty");
        for line in text.lines() {
            assert_eq!(line.split(',').count(), columns, "{name}: {line}");
        }
    }
}

#[test]
fn csv_rows_hold_what_was_measured() {
    let report = report(1);
    let rows = |text: String| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    assert_eq!(
        rows(written(csv::ownership, &report))[2..5],
        [
            "slow,7,g,orders,1,g/1,0.000000,20.000000,serving,",
            "slow,7,g,orders,1,,20.000000,30.000000,down,detect",
            "slow,7,g,orders,1,,30.000000,31.000000,down,barrier",
        ]
    );
    assert_eq!(
        rows(csv::rebalances(&report))[1],
        "slow,7,g,1,session_expired,session_expired,g/1,Stable,30.000000,31.000000,1.000000,1,2,1,2,1,0,0,0,g/0,heartbeat wait,,1.000000"
    );
    assert_eq!(
        rows(written(csv::lag, &report))[2],
        "slow,7,g,30.000000,orders,1,1500,,0.000000"
    );
    assert_eq!(
        rows(csv::expectations(&report))[1..],
        [
            "fast,7,,downtime_detect_partition_s,<= 50% of slow,1.000000,5.000000,4.000000,true,/expect/downtime_detect_partition_s",
            "slow,7,,longest_downtime_s,< 10s,11.000000,10.000000,-1.000000,false,/expect/longest_downtime_s",
            "fast,7,,longest_downtime_s,< 10s,11.000000,10.000000,-1.000000,false,/expect/longest_downtime_s",
            "slow,7,,drain_s,< 5s,no data,5.000000,,false,/expect/slow.drain_s",
        ]
    );
    let partitions = csv::partitions(&report);
    let down: Vec<&str> = partitions
        .lines()
        .map(|line| line.split(',').nth(5).unwrap_or_default())
        .collect();
    assert_eq!(
        down,
        [
            "downtime_partition_s",
            "0.000000",
            "11.000000",
            "0.000000",
            "11.000000"
        ]
    );
}

#[test]
fn json_is_flat_and_its_numbers_are_exact() {
    let text = json::render(&report(1));
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["schema"], "rebsim/summary/1");
    let metrics = &document["variants"][0]["seeds"][0]["metrics"];
    assert_eq!(metrics["downtime_partition_s"], 11);
    assert_eq!(metrics["downtime_share"], 0.091_667);
    assert_eq!(metrics["drain_s"], "no data");
    assert_eq!(metrics["rebalances_by_reason{reason=session_expired}"], 1);
    assert_eq!(document["expectations"][1]["room"], -1);
    assert_eq!(document["deterministic"], true);
    assert!(document.get("comparisons").is_none());
    let names: Vec<&String> = metrics.as_object().expect("an object").keys().collect();
    assert_eq!(
        names[..2],
        ["protocol", "rebalance"],
        "in the order of the table"
    );
}

#[test]
fn several_seeds_have_spreads_and_paired_comparisons() {
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&report(3))).expect("JSON");
    let spread = &document["variants"][1]["aggregates"]["downtime_detect_partition_s"];
    assert_eq!(
        (&spread["min"], &spread["median"]),
        (&1.into(), &1.1.into())
    );
    assert_eq!(spread["max"], 1.2);
    let first = &document["comparisons"][0];
    assert_eq!(
        (&first["variant"], &first["against"]),
        (&"fast".into(), &"slow".into())
    );
    assert_eq!(first["seeds"], 3);
}

/// What is told of single partitions is an event for each.
fn events_of(play: &Play) -> usize {
    let entries = play.timeline.entries.iter();
    entries.map(|entry| entry.observation.singly().len()).sum()
}

#[test]
fn every_line_of_events_is_an_object_with_its_key() {
    let play = play(1_000);
    let text = ndjson::events("slow", 7, &play.timeline);
    assert_eq!(text.lines().count(), events_of(&play));
    for line in text.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let keys: Vec<&String> = event
            .as_object()
            .expect("an object")
            .keys()
            .take(4)
            .collect();
        assert_eq!(keys, ["variant", "seed", "t_us", "event"]);
    }
    assert!(text.contains(
        r#"{"variant":"slow","seed":7,"t_us":20000000,"event":"released","member":"g/1","partition":"orders-1","why":"gone","log_end":20000}"#
    ));
}

/// A static member joins a consumer group, another leaves by the poll deadline, one is thrown out, one goes away for a while.
fn consumer_group() -> Play {
    let mut play = Play::steady_consumer_group(&[&[0, 1], &[], &[2]], 60_000);
    play.timeline.cast.consumers[1].instance = Some("pod".to_owned());
    play.timeline.entries.clear();
    play.at(1_000)
        .start(0)
        .transition(0, ClientState::Unsubscribed, ClientState::Joining);
    play.joins(0, "consumer")
        .joins(1, "classic")
        .bump(2, RebalanceReason::Join, 1)
        .target(2, &[&[0], &[1], &[2]])
        .moves(0, 2, &[0], &[1]);
    play.at(2_000).goes_away(1);
    play.at(3_000)
        .put(Observation::PollDeadlineExceeded {
            consumer: ConsumerId(0),
        })
        .remove(0, RemovalReason::Leave)
        .remove(1, RemovalReason::Leave);
    play.remove(2, RemovalReason::SessionExpired)
        .moves(2, 2, &[], &[])
        .remove(2, RemovalReason::RebalanceTimeout);
    play.put(Observation::ClientTransition {
        consumer: ConsumerId(2),
        from: ClientState::PrepareLeaving,
        to: ClientState::Leaving,
        epoch: -1,
    });
    play
}

#[test]
fn a_consumer_group_is_told_in_the_recordings_words() {
    let events = recording::events(&consumer_group().timeline);
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            r#"{"what":"action","do":"start","who":"0","at":"member","t":1000.0}"#,
            r#"{"what":"start","who":"0","at":"member","t":1000.0}"#,
            r#"{"what":"member_transition","epoch":1,"frm":"UNSUBSCRIBED","to":"JOINING","client":"0","at":"client","t":1000.0}"#,
            r#"{"what":"member_joined","member_id":"0-uuid","protocol":"consumer","at":"coordinator","t":1000.0}"#,
            r#"{"what":"member_joined","member_id":"1-uuid","protocol":"classic","at":"coordinator","instance_id":"pod","t":1000.0}"#,
            r#"{"what":"group_epoch","epoch":2,"at":"coordinator","t":1000.0}"#,
            r#"{"what":"target_assignment","epoch":2,"assignor":"uniform","at":"coordinator","t":1000.0}"#,
            r#"{"what":"member_state","member_id":"0-uuid","epoch":2,"previous_epoch":1,"state":"UNREVOKED_PARTITIONS","assigned":["orders-0"],"revoked":["orders-1"],"at":"coordinator","t":1000.0}"#,
            r#"{"what":"static_member_temporarily_left","member_id":"1-uuid","instance_id":"pod","at":"coordinator","t":2000.0}"#,
            // A client of the consumer protocol logs no expired poll timer; one of the classic protocol says why it leaves.
            r#"{"what":"member_left","member_id":"0-uuid","at":"coordinator","t":3000.0}"#,
            r#"{"what":"leaving","reason":"the consumer is being closed","client":"1","at":"client","t":3000.0}"#,
            r#"{"what":"member_fenced","member_id":"2-uuid","at":"coordinator","reason":"member session expired","t":3000.0}"#,
            r#"{"what":"member_state","member_id":"2-uuid","epoch":2,"previous_epoch":1,"state":"STABLE","assigned":[],"revoked":[],"at":"coordinator","t":3000.0}"#,
            r#"{"what":"member_fenced","member_id":"2-uuid","at":"coordinator","reason":"it failed to transition from epoch 2","t":3000.0}"#,
        ]
    );
}

#[test]
fn what_happens_in_a_consumer_group_is_a_line_each() {
    let play = consumer_group();
    let text = ndjson::events("v", 7, &play.timeline);
    assert_eq!(text.lines().count(), events_of(&play));
    let head = r#"{"variant":"v","seed":7,"t_us":1000000,"event":"#;
    for rest in [
        r#""member_joined","group":"g","member":"g/0","member_id":"0-uuid","protocol":"consumer"}"#,
        r#""group_epoch","group":"g","epoch":2,"reason":"join","by":"g/1"}"#,
        r#""target_assignment","group":"g","epoch":2,"assignor":"uniform","assignment":[{"member":"g/0","partitions":["orders-0"]},{"member":"g/1","partitions":["orders-1"]},{"member":"g/2","partitions":["orders-2"]}]}"#,
        r#""member_epoch","group":"g","member":"g/0","member_id":"0-uuid","epoch":2,"previous_epoch":1,"state":"UNREVOKED_PARTITIONS","assigned":["orders-0"],"pending_revocation":["orders-1"]}"#,
        r#""client_transition","member":"g/0","from":"UNSUBSCRIBED","to":"JOINING","epoch":1}"#,
    ] {
        assert!(text.contains(&format!("{head}{rest}")), "{rest}\n{text}");
    }
    assert!(text.contains(
        r#""static_member_away","group":"g","member":"g/1","member_id":"1-uuid","instance_id":"pod"}"#
    ));
}

#[test]
fn the_longest_reconciliation_is_told_with_its_epoch() {
    let mut play = Play::steady_consumer_group(&[&[0, 1], &[]], 60_000);
    play.at(10_000)
        .bump(2, RebalanceReason::Join, 1)
        .target(2, &[&[0], &[1]])
        .state(Stable, Reconciling, 2)
        .reaches(0, 2, &[0]);
    play.at(14_500)
        .reaches(1, 2, &[1])
        .state(Reconciling, Stable, 2);
    let run = Run {
        seed: 1,
        metrics: evaluate(&play.timeline),
    };
    let variant = Variant {
        name: "only".to_owned(),
        runs: vec![run],
    };
    let text = text::summary(&Report::new("join", vec![variant]), ASCII);
    assert!(
        text.contains(
            "longest reconciliation: 4.500 s in rebalance 1 at 10.000s; g/1 reached epoch 2 last"
        ),
        "{text}"
    );
    assert!(!text.contains("longest wait for joins"), "{text}");
}
