//! The rows of `tests/scenarios/pod_keys.txt`: keys of pods, nodes and autoscalers, each with a change that proves it.

use std::collections::BTreeMap;
use std::fs;

/// A change: the keys that it proves, the settings before it, and those after it (the former among them).
pub(crate) struct Row {
    pub(crate) keys: Vec<String>,
    pub(crate) before: Vec<String>,
    pub(crate) after: Vec<String>,
}

fn file(name: &str) -> String {
    let path = format!("{}/tests/scenarios/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The scenario that the settings are laid over.
pub(crate) fn base() -> String {
    file("parts/pod_keys.yaml")
}

fn settings(part: &str, named: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let sets = part.split(';').map(str::trim).filter(|set| !set.is_empty());
    let meaning = |set: &str| match set.strip_prefix('@') {
        Some(name) => named[name].clone(),
        None => vec![set.to_owned()],
    };
    sets.flat_map(meaning).collect()
}

/// All rows, in the order of the file.
pub(crate) fn rows() -> Vec<Row> {
    let text = file("pod_keys.txt");
    let mut named = BTreeMap::new();
    let mut rows = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(definition) = line.strip_prefix('@') {
            let (name, part) = definition.split_once('=').expect("a name and settings");
            let meaning = settings(part, &named);
            named.insert(name.trim().to_owned(), meaning);
            continue;
        }
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [keys, before, after] = parts[..] else {
            panic!("three parts: {line}")
        };
        let before = settings(before, &named);
        let mut all = before.clone();
        all.extend(settings(after, &named));
        rows.push(Row {
            keys: keys.split(' ').map(str::to_owned).collect(),
            before,
            after: all,
        });
    }
    rows
}
