//! What Kubernetes' own controllers did, and `rebsim replay` of it from outside.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use rebsim::experiment::platform_replay;
use rebsim::import::platform;
use serde_json::Value;

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(file)
}

fn given(file: &str) -> String {
    fs::read_to_string(path(file)).expect("the golden file can be read")
}

const DEPLOYMENTS: &str = "deployment/cases.jsonl";
const STATEFULSETS: &str = "statefulset/worlds.jsonl";

#[test]
fn every_recorded_turn_and_step_is_the_same() {
    for (file, units) in [(DEPLOYMENTS, 1_000), (STATEFULSETS, 3_600)] {
        let cases = platform::parse(&given(file)).expect("every line is a case");
        let (mut compared, mut differences) = (0, Vec::new());
        for (number, case) in cases.iter().enumerate() {
            let replayed = platform_replay::replay(number, case);
            compared += replayed.compared;
            differences.extend(replayed.differences);
        }
        assert_eq!(compared, units, "{file}");
        assert!(differences.is_empty(), "{file}: {differences:#?}");
    }
}

#[test]
fn a_changed_result_is_found() {
    let first = given(DEPLOYMENTS)
        .lines()
        .next()
        .map(str::to_owned)
        .expect("a line");
    let mut value: Value = serde_json::from_str(&first).expect("JSON");
    value["result"]["rs3"] = Value::from(99);
    let cases = platform::parse(&value.to_string()).expect("a case");
    let replayed = platform_replay::replay(0, &cases[0]);
    assert_eq!((replayed.compared, replayed.differences.len()), (1, 1));
    // Nothing recorded, nothing compared.
    value.as_object_mut().expect("a map").remove("result");
    let cases = platform::parse(&value.to_string()).expect("a case");
    let replayed = platform_replay::replay(0, &cases[0]);
    assert_eq!((replayed.compared, replayed.differences.len()), (0, 0));
}

#[test]
fn what_cannot_be_is_refused_with_its_line() {
    let first = given(STATEFULSETS)
        .lines()
        .next()
        .map(str::to_owned)
        .expect("a line");
    let bad = [
        (
            first.replace("\"Parallel\"", "\"Sideways\""),
            "unknown policy",
        ),
        (
            first.replacen("\"Running\"", "\"Resting\"", 1),
            "unknown phase",
        ),
        (first.replacen("[0,0,", "[1,0,", 1), "two pods of ordinal 1"),
        ("{}".to_owned(), "no case of a Deployment"),
    ];
    for (text, reason) in bad {
        let error = platform::parse(&format!("\n{text}\n")).expect_err(reason);
        assert_eq!(error.line, 2);
        assert!(error.reason.contains(reason), "{error}");
    }
}

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rebsim"))
        .arg("replay")
        .args(arguments)
        .output()
        .expect("the program can be run")
}

#[test]
fn replay_says_how_much_differs() {
    let files = [DEPLOYMENTS, STATEFULSETS].map(|file| path(file).display().to_string());
    let output = replay(&[&files[0], &files[1], "--summary"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(
        last,
        "1000 cases of Deployments, 0 differ; 3600 steps of StatefulSets, 0 differ"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let changed = folder.path().join("cases.jsonl");
    fs::write(
        &changed,
        given(DEPLOYMENTS).replacen("\"rs0\":0", "\"rs0\":7", 1),
    )
    .expect("written");
    let output = replay(&[&changed.display().to_string(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["files"][0]["units"][0]["differ"], 1);
    let output = replay(&[&files[0], "--run", "0"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn replay_prints_a_line_for_each_case_and_world() {
    let files = [DEPLOYMENTS, STATEFULSETS].map(|file| path(file).display().to_string());
    for (file, key) in files.iter().zip(["case", "world"]) {
        let output = replay(&[file, "--format", "ndjson"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for (number, line) in text.lines().enumerate() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(line[key], number);
        }
        let first: Value = serde_json::from_str(text.lines().next().unwrap_or("")).expect("JSON");
        let golden: Value = serde_json::from_str(
            given(if key == "case" {
                DEPLOYMENTS
            } else {
                STATEFULSETS
            })
            .lines()
            .next()
            .unwrap_or(""),
        )
        .expect("JSON");
        if key == "case" {
            assert_eq!(first["result"], golden["result"]);
        } else {
            assert_eq!(first["steps"][0]["create"], golden["steps"][0]["create"]);
            assert_eq!(
                first["steps"][0]["created_template"],
                golden["steps"][0]["created_template"]
            );
            assert_eq!(first["steps"][0]["delete"], Value::Array(Vec::new()));
        }
    }
}
