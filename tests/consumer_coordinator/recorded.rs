//! What brokers logged in the recordings of real Kafka, played again: the heartbeats that must have come are read off the log, the coordinator gets them, and it
//! must log the same, word for word: epochs, targets, who is moved on to which partitions.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::replay::{Run, word};

/// Recordings of consumer groups in the folder; `REBSIM_GOLDEN_TRACES` names another one.
fn recordings(folder: &str) -> Vec<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    let folder = std::env::var_os("REBSIM_GOLDEN_TRACES").map_or(here, PathBuf::from);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let starts = ["kip848-", "random-"];
            starts.iter().any(|start| name.starts_with(start)) || name.contains("-to-consumer-")
        })
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a recording can be read");
            serde_json::from_str(&text).expect("a recording is JSON")
        })
        .collect()
}

const COMPARED: [&str; 3] = ["group_epoch", "target_assignment", "member_state"];
const INPUTS: [&str; 4] = [
    "member_joined",
    "member_left",
    "member_fenced",
    "static_member_temporarily_left",
];

/// The event without what our log does not have.
fn as_logged(event: &Value) -> Value {
    let mut event = event.clone();
    let fields = event.as_object_mut().expect("an object");
    fields.shift_remove("t");
    fields.shift_remove("at");
    for list in ["assigned", "revoked"] {
        if let Some(list) = fields.get_mut(list).and_then(Value::as_array_mut) {
            list.sort_by_key(ToString::to_string);
        }
    }
    event
}

/// Plays a run; the first event of the broker that comes out otherwise.
fn difference(recording: &Value, run: &Value) -> Result<usize, String> {
    let mut replay = Run::new(recording, run);
    let mut compared = 0;
    for place in 0..replay.events.len() {
        let event = replay.events[place];
        let what = word(event, "what");
        if word(event, "at") != "coordinator"
            || !COMPARED.contains(&what) && !INPUTS.contains(&what)
        {
            continue;
        }
        if INPUTS.contains(&what) || replay.logged.len() == compared {
            replay.play(place);
            replay.take_log();
        }
        if COMPARED.contains(&what) {
            let ours = replay.logged.get(compared).cloned().unwrap_or_default();
            let theirs = as_logged(event);
            if ours != theirs {
                return Err(format!(
                    "at {} ms Kafka logged\n{theirs}, we\n{ours}",
                    event["t"]
                ));
            }
            compared += 1;
        }
    }
    if replay.logged.len() > compared {
        return Err(format!("we logged {} more", replay.logged.len() - compared));
    }
    Ok(compared)
}

fn all_are_the_same(folder: &str, least: usize) {
    let mut compared = 0;
    let mut faults = String::new();
    for recording in recordings(folder) {
        for run in recording["runs"].as_array().expect("runs") {
            match difference(&recording, run) {
                Ok(events) => compared += events,
                Err(fault) => faults.push_str(&format!("{}: {fault}\n", word(run, "run"))),
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(compared >= least, "{compared} events were compared");
}

#[test]
fn the_log_of_kafka_4_4() {
    all_are_the_same("traces-consumer", 3_166);
}

#[test]
fn the_log_of_kafka_4_1() {
    all_are_the_same("traces-4.1.1", 1_522);
}

/// Scripts of random joins, leaves, crashes, stalls, freezes, cuts and growth; some members are static, some have subscribed to a part of the topics.
#[test]
fn the_log_of_random_scripts() {
    all_are_the_same("traces-random", 2_858);
}
