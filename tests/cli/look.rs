//! `show` and `explain`: what they print, and how they refuse.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{Ran, run_in};

/// Two groups, an eager one and a consumer group; a crash, and records on one topic only.
const YAML: &str = "\
version: 1
name: look
seed: 3
duration: 2m
topics:
  orders: { partitions: 4, rate: 40/s }
groups:
  checkout:
    topics: [orders]
    members: 2
    config: { session.timeout.ms: 10000 }
  audit:
    topics: [orders]
    members: 2
    config: { group.protocol: consumer }
events:
  - { at: 30s, crash: checkout/0 }
  - { at: 70s, restart: audit/1, down: 5s }
";

pub(crate) struct Home {
    folder: tempfile::TempDir,
    results: PathBuf,
}

/// A folder with the scenario and its results.
pub(crate) fn home() -> Home {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("look.yaml"), YAML).expect("it can be written");
    let ran = run_in(folder.path(), &["run", "look.yaml", "-q"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let results = fs::read_dir(folder.path().join("results"))
        .expect("there are results")
        .next()
        .expect("one folder")
        .expect("it can be listed")
        .path();
    Home { folder, results }
}

impl Home {
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let results = self.results.to_str().expect("a test's path is UTF-8");
        let args: Vec<&str> = args
            .iter()
            .map(|arg| if *arg == "RESULTS" { results } else { arg })
            .collect();
        run_in(self.folder.path(), &args)
    }
}

#[test]
fn a_group_is_described_as_kafka_does() {
    let home = home();
    let ran = home.run(&["show", "RESULTS", "--at", "20s", "--group", "checkout"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "");
    let id = "checkout-0-".len() + 36;
    let head = format!(
        "{:<15} {:<15} {:<10} {:<15} {:<15} {:<15} {:<id$} {:<15} CLIENT-ID",
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST"
    );
    assert_eq!(lines[1], head);
    assert_eq!(lines.len(), 6, "{}", ran.out);
    for (number, line) in lines[2..].iter().enumerate() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[..3], ["checkout", "orders", &number.to_string()]);
        let count = |cell: &str| cell.parse::<u64>().expect("a number");
        // As in lag.csv: the one that is due at this very instant is not there yet.
        assert_eq!(count(cells[4]), 199, "10/s on each partition: {line}");
        assert_eq!(count(cells[4]) - count(cells[3]), count(cells[5]), "{line}");
        assert!(cells[6].starts_with(cells[8]), "{line}");
        assert_eq!(cells[7], format!("/{}", cells[8]));
    }
    // Both groups, in order of name; the scenario itself gives the same as its results.
    let both = home.run(&["show", "RESULTS", "--at", "20s"]);
    let again = home.run(&["show", "look.yaml", "--at", "20s"]);
    assert_eq!(both.out, again.out);
    let audit = both.out.find("\naudit").expect("it is there");
    assert!(audit < both.out.find("\ncheckout").expect("it is there"));
}

#[test]
fn members_and_state_follow_the_run() {
    let home = home();
    let members = |at: &str, group: &str| {
        let args = [
            "show",
            "RESULTS",
            "--at",
            at,
            "--group",
            group,
            "--members",
            "-v",
        ];
        let ran = home.run(&args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
            .lines()
            .skip(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        members("35s", "checkout").len(),
        2,
        "its session has not expired"
    );
    let alone = members("60s", "checkout");
    assert_eq!(alone.len(), 1);
    let cells: Vec<&str> = alone[0].split_whitespace().collect();
    assert_eq!(cells[4..], ["4", "-", "orders:0,1,2,3", "-", "-"]);
    for line in members("60s", "audit") {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[4], "2");
        assert_eq!(cells[5], cells[7], "at the epoch of the target: {line}");
        assert_eq!(cells[6], cells[8], "and where it says: {line}");
    }
    let state = |at: &str, group: &str| {
        let ran = home.run(&["show", "RESULTS", "--at", at, "--group", group, "--state"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let row = ran.out.lines().nth(2).expect("a row").to_owned();
        let cells: Vec<String> = row.split_whitespace().map(str::to_owned).collect();
        (cells[3..].join(" "), ran.err)
    };
    assert_eq!(state("60s", "checkout").0, "range Stable 1");
    let warning = "Consumer group 'checkout' is rebalancing.";
    let rebalancing = (38_000..42_000)
        .step_by(100)
        .map(|ms| state(&format!("{ms}ms"), "checkout"))
        .find(|(row, _)| row.contains("PreparingRebalance"));
    let (row, told) = rebalancing.expect("it waits for the survivor's heartbeat");
    assert_eq!(row, "- PreparingRebalance 1");
    assert!(told.contains(warning), "{told}");
}

/// Microseconds of `12.345678 s`.
fn micros(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a length")
}

#[test]
fn a_stall_is_told_from_the_line_of_the_scenario_on_and_adds_up() {
    let home = home();
    let args = ["explain", "RESULTS", "--group", "checkout", "--worst"];
    let ran = home.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out
            .contains("crash checkout/checkout-0  look.yaml:17 (/events/0)"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("session.timeout.ms=10000"), "{}", ran.out);
    adds_up(&ran.out);
    let other = home.run(&["explain", "RESULTS", "--group", "audit", "--at", "72s"]);
    assert_eq!(other.code, 0, "{}", other.err);
    assert!(
        other
            .out
            .contains("restart audit/audit-1  look.yaml:18 (/events/1)"),
        "{}",
        other.out
    );
    adds_up(&other.out);
    let same = home.run(&["explain", "look.yaml", "--group", "checkout"]);
    assert_eq!(same.out, ran.out);
}

/// The legs of a chain are the whole, and so is the sum under it.
fn adds_up(text: &str) {
    let whole = text
        .split(" was down ")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    let whole = micros(whole.expect("the whole"));
    let legs: Vec<u64> = text
        .lines()
        .filter_map(|line| Some((line.split_once(" s  ")?.0.trim(), line)))
        .filter(|(number, line)| number.contains('.') && line.contains(": "))
        .filter(|(number, _)| number.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .map(|(number, _)| micros(number))
        .collect();
    assert!(legs.len() > 3, "{text}");
    assert_eq!(legs.iter().sum::<u64>(), whole, "{text}");
    let sum = text
        .lines()
        .find_map(|line| line.strip_prefix("where the time went: "))
        .expect("a sum");
    let (parts, total) = sum.split_once(" = ").expect("a total");
    assert_eq!(micros(total), whole);
    assert_eq!(parts.split(" · ").map(micros).sum::<u64>(), whole, "{sum}");
}

#[test]
fn the_worst_of_the_nightly_deploy_has_no_residual_part() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let args = ["explain", "nightly-deploy", "--variant", "eager", "--worst"];
    let ran = run_in(folder.path(), &args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains(" was down 15.443952 s"), "{}", ran.out);
    assert!(
        ran.out.contains("nightly-deploy.yaml:17 (/events/0)"),
        "{}",
        ran.out
    );
    adds_up(&ran.out);
}

#[test]
fn what_cannot_be_shown_is_refused_with_a_reason() {
    let home = home();
    let refused = |args: &[&str], words: &str| {
        let ran = home.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "");
    };
    refused(
        &["explain", "RESULTS", "--partition", "orders-4"],
        "orders has 4",
    );
    refused(
        &["explain", "RESULTS", "--partition", "order-1"],
        "did you mean `orders`",
    );
    refused(
        &["explain", "RESULTS", "--partition", "orders"],
        "is no partition",
    );
    refused(
        &["explain", "RESULTS", "--at", "3m"],
        "the run is over before 3m00",
    );
    refused(&["explain", "RESULTS", "--at", "30"], "with its unit");
    refused(
        &["explain", "RESULTS", "--group", "chekout"],
        "did you mean `checkout`",
    );
    refused(&["explain", "results"], "holds no manifest.json");
    refused(&["explain", "E9999"], "there is no code");
    refused(&["show", "RESULTS", "--at", "121s"], "the run is over");
    refused(&["show", "RESULTS", "--seed", "4"], "holds no seed 4");
    refused(
        &["show", "RESULTS", "--variant", "eager"],
        "holds no variant `eager`",
    );
    refused(
        &["show", "RESULTS", "--set", "duration=3m"],
        "is what it is",
    );
    refused(&["show", "nothing"], "neither a file nor a shipped example");
    refused(&["show", "crash"], "has several variants");
}

fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).expect("it can be read");
    let changed = change(&text);
    assert_ne!(text, changed);
    fs::write(path, changed).expect("it can be written");
}

#[test]
fn a_folder_of_another_version_or_a_damaged_one_is_refused() {
    let refused = |damage: &dyn Fn(&Path), words: &str| {
        let home = home();
        damage(&home.results);
        for verb in ["show", "explain"] {
            let ran = home.run(&[verb, "RESULTS", "--at", "31s"]);
            assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
            assert!(ran.err.contains(words), "{words}: {}", ran.err);
            assert_eq!(ran.out, "");
        }
    };
    let manifest = "manifest.json";
    refused(
        &|folder| {
            edit(&folder.join(manifest), |text| {
                text.replace("\"model_version\": ", "\"model_version\": 9")
            })
        },
        "was written by rebsim",
    );
    refused(
        &|folder| {
            edit(&folder.join(manifest), |text| {
                text.replace("manifest/1", "manifest/7")
            })
        },
        "is of schema rebsim/manifest/7",
    );
    refused(
        &|folder| edit(&folder.join(manifest), |text| text[..40].to_owned()),
        "is no manifest",
    );
    refused(
        &|folder| {
            edit(&folder.join("scenario.json"), |text| {
                text.replace("30s", "31s")
            })
        },
        "scenario.json is not as it was written",
    );
    refused(
        &|folder| fs::remove_file(folder.join("summary.json")).expect("it can be removed"),
        "summary.json is missing",
    );
    refused(
        &|folder| {
            edit(&folder.join(manifest), |text| {
                text.replace("summary.json", "cells.json")
            });
        },
        "holds no replications of a run",
    );
}

#[test]
fn a_partition_is_written_as_kafka_writes_it() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for partition in ["orders-+2", "orders-02", "orders- 2", "orders-", "orders"] {
        let refused = run_in(home.path(), &["explain", "crash", "--partition", partition]);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{partition}");
        let words = format!("`{partition}` is no partition");
        assert!(refused.err.contains(&words), "{}", refused.err);
    }
}

/// A link that leads to itself cannot be followed by anybody, whoever may read what.
#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_no_folder_without_results() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().expect("a folder for the test");
    let folder = home.path().join("locked");
    fs::create_dir(&folder).expect("it is new");
    symlink("manifest.json", folder.join("manifest.json")).expect("a link can be made");
    symlink("circle", home.path().join("circle")).expect("a link can be made");
    for verb in ["show", "explain"] {
        for operand in ["./locked", "./circle"] {
            let refused = run_in(home.path(), &[verb, operand]);
            assert_eq!(
                (refused.code, &*refused.out),
                (3, ""),
                "{verb}: {}",
                refused.err
            );
            assert!(refused.err.contains("cannot read "), "{}", refused.err);
        }
    }
}

/// What was so in the last moment of the run is so at its end.
#[test]
fn the_end_of_the_run_can_be_asked_for() {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("look.yaml"), YAML).expect("it can be written");
    let told = |partition: &str, at: &str| {
        let variant = ["--partition", partition, "--at", at];
        let ran = run_in(
            home.path(),
            &[&["explain", "look.yaml"], &variant[..]].concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    for partition in ["orders-0", "orders-1", "orders-2", "orders-3"] {
        let end = told(partition, "2m");
        assert!(!end.contains("was not there"), "{end}");
        let before = told(partition, "119.999999s");
        assert_eq!(end.replace("2m00.000000s", "1m59.999999s"), before);
    }
}

#[test]
fn a_code_has_no_stalls_to_choose_from() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for more in [&["--worst"][..], &["--at", "3s"], &["--group", "g"]] {
        let refused = run_in(home.path(), &[&["explain", "E0103"], more].concat());
        assert_eq!((refused.code, &*refused.out), (2, ""), "{more:?}");
        assert!(refused.err.contains("E0103 is a code"), "{}", refused.err);
    }
}
