//! The assignors against Kafka's own: golden cases, published vectors, properties.

#[path = "assignors/cases.rs"]
mod cases;
#[path = "assignors/custom.rs"]
mod custom;
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

fn golden(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    files
}

/// Every line of every golden file: Kafka's own classes returned `assignment`. `REBSIM_GOLDEN_ASSIGNORS` names another
/// folder.
#[test]
fn golden_cases() {
    let folder = std::env::var_os("REBSIM_GOLDEN_ASSIGNORS")
        .map_or_else(|| golden("assignors"), PathBuf::from);
    check_folder(&folder);
}

/// The same for groups under attack, recorded with the classes of 4.1.1: stale generations, double claims, generations
/// of subscriptions that differ from those of claims, mixed racks, topics that do not exist, exchanged partitions.
#[test]
fn adversarial_cases() {
    check_folder(&golden("assignors-adversarial"));
}

fn check_folder(folder: &Path) {
    let (mut cases, mut differ) = (0, Vec::new());
    for file in files_in(folder) {
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
