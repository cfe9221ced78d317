//! The assignors against Kafka's own: golden cases, published vectors, properties.

#[path = "assignors/cases.rs"]
mod cases;
#[path = "assignors/java_order.rs"]
mod java_order;
#[path = "assignors/properties.rs"]
mod properties;
#[path = "assignors/vectors.rs"]
mod vectors;

use std::fs;
use std::path::{Path, PathBuf};

use rebsim::import::assignor_cases::parse_line;
use rebsim::report::assignment::json_line;
use serde_json::Value;

fn golden_files() -> Vec<PathBuf> {
    let folder = std::env::var_os("REBSIM_GOLDEN_ASSIGNORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/assignors"),
        PathBuf::from,
    );
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    files
}

/// Every line of every golden file: Kafka's own classes returned `assignment`.
#[test]
fn golden_cases() {
    let (mut cases, mut differ) = (0, Vec::new());
    for file in golden_files() {
        let name = file.display();
        let text = fs::read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let Some(case) = parse_line(number, line).unwrap_or_else(|e| panic!("{name}: {e}"))
            else {
                continue;
            };
            cases += 1;
            let expected: Value = serde_json::from_slice(line).expect("it was parsed before");
            let answer = json_line(&case.input, &case.run());
            let answer: Value = serde_json::from_str(&answer).expect("own output is JSON");
            if answer["assignment"] != expected["assignment"] {
                differ.push(format!("{name}:{number}"));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {cases} cases differ, first {:?}",
        differ.len(),
        &differ[..differ.len().min(20)]
    );
    assert!(cases > 0, "no cases");
}
