//! `rebsim replay` from outside: formats and exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::recordings::golden;

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rebsim"))
        .arg("replay")
        .args(arguments)
        .output()
        .expect("the program can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn trace(name: &str) -> String {
    golden().join(name).display().to_string()
}

/// A copy of a recording with `change` made to it.
fn changed(folder: &Path, name: &str, change: impl Fn(&mut Value)) -> String {
    let content = fs::read_to_string(golden().join(name)).expect("the recording can be read");
    let mut recording: Value = serde_json::from_str(&content).expect("the recording is JSON");
    change(&mut recording);
    let path = folder.join(name);
    fs::write(&path, recording.to_string()).expect("a file can be written");
    path.display().to_string()
}

#[test]
fn within_the_marks_it_ends_with_0_and_a_summary() {
    let output = replay(&[&trace("range-crash.json"), "--summary"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("structure 3/3 runs; "), "{last}");
    assert!(last.contains("timing error p50 "), "{last}");
}

#[test]
fn one_run_in_the_format_of_the_recordings() {
    let output = replay(&[
        &trace("range-load-saturated.json"),
        "--run",
        "1",
        "--format",
        "ndjson",
    ]);
    let said = text(&output.stdout);
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("every line is JSON"))
        .collect();
    assert_eq!(
        lines[0],
        json!({ "trace": "range-load-saturated", "kafka": "4.4.0", "run": "range-load-saturated.r1" })
    );
    let (last, events) = lines[1..].split_last().expect("there are events");
    assert!(last["positions"].is_object(), "{last}");
    assert!(events.len() > 20);
    for event in events {
        assert!(event["t"].is_number() && event["what"].is_string() && event["at"].is_string());
    }
}

#[test]
fn as_a_document() {
    let output = replay(&[&trace("range-crash.json"), "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(document["schema"], "rebsim/replay/1");
    assert_eq!(document["summary"]["same_structure"], 3);
    assert_eq!(document["summary"]["within_marks"], true);
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(3));
}

#[test]
fn outside_the_marks_it_says_where_and_ends_with_1() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let path = changed(home.path(), "range-crash.json", |recording| {
        for event in recording["runs"][1]["events"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            if event["what"] == "assigned" && event["who"] == "m2" {
                event["partitions"] = json!(["orders-0"]);
            }
        }
    });
    let output = replay(&[&path]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("range-crash.r1 (Kafka 4.4.0): other structure"),
        "{said}"
    );
    assert!(
        said.contains("  m2, after 0 alike: recorded assigned [orders-0], simulated "),
        "{said}"
    );
}

#[test]
fn every_fault_of_every_bad_file_is_told_and_it_ends_with_2() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let one = changed(home.path(), "range-crash.json", |recording| {
        recording["scenario"]["script"][2]["do"] = json!("explode");
        recording["scenario"]["end_ms"] = json!("long");
        recording["runs"][1]["topic_ids"]["orders"] = json!("?");
        recording["runs"][2]["events"][3]["t"] = json!("late");
    });
    let other = home.path().join("junk.json");
    fs::write(&other, "{").expect("a file can be written");
    let output = replay(&[
        &one,
        &other.display().to_string(),
        &trace("range-crash.json"),
    ]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "`scenario.script[2].do` is no action of a recording",
        "`scenario.end_ms` is not a whole number",
        "`runs[1].topic_ids.orders` is not a topic id of Kafka",
        "`runs[2].events[3].t` is not a time in ms",
        "junk.json: not JSON: EOF",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn a_script_that_is_no_valid_scenario_is_refused() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let path = changed(home.path(), "range-crash.json", |recording| {
        recording["scenario"]["group"]["config"]["session.timeout.ms"] = json!("soon");
        recording["scenario"]["script"][3]["member"] = json!("nobody");
    });
    let output = replay(&[&path]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("session.timeout.ms") && said.contains("nobody"),
        "{said}"
    );
}

#[test]
fn nothing_to_play_ends_with_4_and_no_file_with_2() {
    let home = tempfile::tempdir().expect("a folder for the test");
    assert_eq!(
        replay(&[&home.path().display().to_string()]).status.code(),
        Some(4)
    );
    assert_eq!(
        replay(&[&trace("range-crash.json"), "--run", "7"])
            .status
            .code(),
        Some(4)
    );
    assert_eq!(replay(&[&trace("no-such.json")]).status.code(), Some(2));
    assert_eq!(replay(&[]).status.code(), Some(2));
}
