//! The language at the command line: nothing that is written is dropped in silence.

use std::fs;
use std::path::Path;

use super::support::{Ran, run_in};

const TEXT: &str = "version: 1
name: small
duration: 30s
topics: { orders: { partitions: 4, rate: 10/s } }
groups:
  g: { topics: [orders], members: 2, processing: { per_record: { uniform: [1ms, 3ms] } } }
variants:
  a: { groups: { g: { processing: { per_record: { exponential: 3ms } } } } }
  b: { groups: { g: { processing: { per_record: { lognormal: { median: 2ms, p99: 9ms } } } } } }
";

fn home(more: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("s.yaml"), format!("{TEXT}{more}")).expect("it can be written");
    home
}

fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let told = format!("{}{}", ran.out, ran.err);
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn a_choice_of_a_variant_replaces_that_of_the_base() {
    let home = home("");
    let ran = run_in(home.path(), &["check", "s.yaml", "--resolved"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("\"exponential\": \"3ms\""), "{}", ran.out);
    let ran = run_in(
        home.path(),
        &[
            "check",
            "s.yaml",
            "--set",
            "groups.g.processing.per_record={ median: 2ms }",
        ],
    );
    refused(&ran, &["E0007"]);
}

#[test]
fn a_misspelt_name_changes_nothing_and_is_refused() {
    let home = home("");
    let at = home.path();
    let set = ["check", "s.yaml", "--set", "topics.order.partitions=24"];
    refused(
        &run_in(at, &set),
        &[
            "E0303",
            "there is no topic `order`",
            "did you mean `orders`?",
        ],
    );
    let vary = [
        "sweep",
        "s.yaml",
        "--no-out",
        "--vary",
        "topics.order.partitions=1,2",
    ];
    refused(&run_in(at, &vary), &["E0303", "did you mean `orders`?"]);
    let empty = [
        "sweep",
        "s.yaml",
        "--no-out",
        "--vary",
        "session.timeout.ms=6000,",
    ];
    refused(&run_in(at, &empty), &["E0305", "empty value"]);
    let both = [
        "run", "s.yaml", "--no-out", "--seeds", "3..5", "--seed", "7",
    ];
    refused(&run_in(at, &both), &["--seeds 3 counts from --seed on"]);
    let broker = [
        "check",
        "s.yaml",
        "--config",
        "group.initial.rebalance.delay.ms=0",
    ];
    refused(
        &run_in(at, &broker),
        &["--set brokers.config.group.initial.rebalance.delay.ms="],
    );
}

#[test]
fn check_looks_at_every_combination_of_the_matrix_and_names_the_one_that_is_wrong() {
    let wrong = home("matrix: { groups.g.members: [1, 2], h:max.poll.records: [1] }\n");
    let told = [
        "E0202",
        "there is no group `h`",
        "with variant a, groups.g.members=1",
    ];
    refused(&run_in(wrong.path(), &["check", "s.yaml"]), &told);
    refused(
        &run_in(wrong.path(), &["sweep", "s.yaml", "--no-out"]),
        &told,
    );
    let value = home("matrix: { duration: [30s, 40] }\n");
    let told = ["E0011", "with variant a, duration=40"];
    refused(&run_in(value.path(), &["check", "s.yaml"]), &told);
    let nothing = home("matrix: { groups.g.members: [2], exclude: [ { groups.g.members: 2 } ] }\n");
    refused(
        &run_in(nothing.path(), &["check", "s.yaml"]),
        &["E0305", "excludes every combination"],
    );
    let unknown = home("matrix: { groups.g.members: [2, 3], exclude: [ { variant: c } ] }\n");
    refused(&run_in(unknown.path(), &["check", "s.yaml"]), &["E0301"]);
    let good = home("matrix: { groups.g.members: [2, 3] }\n");
    assert_eq!(run_in(good.path(), &["check", "s.yaml"]).code, 0);
}

#[test]
fn what_is_expected_of_a_variant_that_is_not_played_is_told_and_skipped() {
    let home = home(
        "expect:\n  records_lost: \"== 0\"\n  b: { rebalances: \"== 99\" }\n  lag_records: \"<= b\"\n",
    );
    let at = home.path();
    let args = [
        "run",
        "s.yaml",
        "--variant",
        "a",
        "--out",
        "r",
        "--export",
        "junit=j.xml",
    ];
    let ran = run_in(at, &args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let told = "2 expectations not judged: variant b is not played";
    assert!(ran.err.contains(told), "{}", ran.err);
    let folder = fs::read_dir(at.join("r"))
        .expect("results")
        .flatten()
        .next();
    let folder = folder.expect("one folder").path();
    let table = fs::read_to_string(folder.join("expectations.csv")).expect("a table");
    let skipped = table
        .lines()
        .filter(|line| line.contains(",skipped,"))
        .count();
    assert_eq!((skipped, table.lines().count()), (2, 4), "{table}");
    let junit = fs::read_to_string(at.join("j.xml")).expect("a report");
    assert_eq!(junit.matches("<skipped ").count(), 2, "{junit}");
    results_are_no_scenarios(at, &folder);
}

fn results_are_no_scenarios(at: &Path, folder: &Path) {
    let folder = folder.display().to_string();
    for verb in ["run", "compare", "check"] {
        refused(&run_in(at, &[verb, &folder]), &["these are results"]);
    }
}

#[test]
fn who_is_killed_in_turn_waits_until_the_one_before_is_missed() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let text = "version: 1
name: turns
duration: 3m
topics: { orders: { partitions: 4, rate: 10/s } }
groups:
  g: { topics: [orders], members: 3, config: { session.timeout.ms: 10000 } }
events: [ { at: 20s, crash: g, one_by_one: true } ]
";
    fs::write(home.path().join("s.yaml"), text).expect("it can be written");
    let ran = run_in(
        home.path(),
        &["run", "s.yaml", "--no-out", "--format", "ndjson"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let micros = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        value["t_us"].as_u64().expect("an instant")
    };
    let lines = ran.out.lines();
    let mut deaths: Vec<u64> = lines
        .filter(|line| line.contains("\"crash\""))
        .map(micros)
        .collect();
    deaths.dedup();
    let [first, second, third] = deaths[..] else {
        panic!("{deaths:?}")
    };
    assert!(
        second - first >= 7_000_000 && third - second >= 7_000_000,
        "{deaths:?}"
    );
}

#[test]
fn events_that_did_nothing_are_told_with_their_place_once() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let text = "version: 1
name: idle
duration: 1m
topics: { orders: { partitions: 4, rate: 10/s } }
groups:
  g: { topics: [orders], members: 2 }
events:
  - { at: 10s, reset_offsets: g, to: earliest }
  - { at: 11s, start: g/0 }
  - { at: 12s, config: g, set: { max.poll.records: 5 } }
  - { at: 59s, crash: g/1, jitter: 5s }
  - { at: 20s, crash: g/1 }
  - { at: 30s, start: g/1 }
variants:
  a: {}
  b: { groups: { g: { members: 3 } } }
";
    fs::write(home.path().join("s.yaml"), text).expect("it can be written");
    let ran = run_in(home.path(), &["run", "s.yaml", "--no-out", "--seeds", "2"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for (line, why) in [
        (8, "the group was not empty"),
        (9, "whom it starts was running already"),
        (11, "its `jitter` carries it past the end"),
    ] {
        let told = format!("s.yaml:{line}: this event did nothing: {why}");
        assert_eq!(ran.err.matches(&told).count(), 1, "{told}\n{}", ran.err);
    }
    // What is set at 12s only the member that starts later reads.
    assert_eq!(ran.err.matches("did nothing").count(), 3, "{}", ran.err);
    let without = text.replace("  - { at: 30s, start: g/1 }\n", "");
    fs::write(home.path().join("s.yaml"), without).expect("it can be written");
    let ran = run_in(
        home.path(),
        &["run", "s.yaml", "--no-out", "--variant", "a"],
    );
    assert!(
        ran.err
            .contains("s.yaml:10: this event did nothing: nobody of the group starts"),
        "{}",
        ran.err
    );
}
