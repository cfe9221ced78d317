//! What the shipped scenarios give is committed: `results/reference/<name>/`, compared byte for byte; of the long series over time
//! only the digests.
//!
//! `UPDATE_REFERENCE=1` writes what came out. The files are the same for every build and machine, so this is also the
//! test that debug and release builds agree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::support::{ran, rebsim, root};

/// A scenario's results stay small enough to be read and kept.
const BYTES_MAX: usize = 1 << 20;

/// Series over time, held by their digests in `SHA256SUMS` alone.
const BY_DIGEST: [&str; 2] = ["lag.csv", "ownership.csv"];

fn files_of(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let files = entries.map(|entry| {
        let path = entry.expect("a folder of results can be listed").path();
        let name = path.file_name().expect("a file has a name");
        let content = fs::read_to_string(&path).expect("results are text");
        (name.to_string_lossy().into_owned(), content)
    });
    files.filter(|(name, _)| name != "manifest.json").collect()
}

/// Commits after every batch: millions of events, after each of which everything would be looked at. Its invariants are tried over its first minutes.
const MANY_EVENTS: &str = "downstream-saturation";

/// Plays a shipped scenario; its expectations and the invariants must hold.
fn play(name: &str) -> BTreeMap<String, String> {
    let out = tempfile::tempdir().expect("a folder for the test");
    let at = out.path().to_str().expect("a test's path is UTF-8");
    let mut arguments = vec!["run", name, "--out", at];
    if name == MANY_EVENTS {
        let begin = [
            "run",
            name,
            "--no-out",
            "--check-invariants",
            "--set",
            "duration=11m",
        ];
        let ran = ran(&mut rebsim(&begin));
        assert!(ran.code <= 1, "{name}\n{}{}", ran.out, ran.err);
    } else {
        arguments.push("--check-invariants");
    }
    let ran = ran(rebsim(&arguments).current_dir(out.path()));
    assert_eq!(ran.code, 0, "{name}\n{}{}", ran.out, ran.err);
    let mut folders = fs::read_dir(out.path()).expect("there are results");
    let folder = folders
        .next()
        .expect("one")
        .expect("it can be listed")
        .path();
    let mut files = files_of(&folder);
    files.retain(|name, _| !BY_DIGEST.contains(&name.as_str()));
    files
}

#[test]
fn the_shipped_scenarios_give_what_is_committed() {
    let update = std::env::var_os("UPDATE_REFERENCE").is_some();
    let list = ran(&mut rebsim(&["init", "--list"]));
    assert_eq!(list.code, 0, "{}", list.err);
    let mut names = Vec::new();
    let mut problems = Vec::new();
    for name in list
        .out
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        names.push(name.to_owned());
        let files = play(name);
        let bytes: usize = files.values().map(String::len).sum();
        if bytes > BYTES_MAX {
            problems.push(format!("{name}: {bytes} bytes of results"));
        }
        let folder = root().join("results/reference").join(name);
        if update {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).expect("the folder can be made");
            for (file, content) in &files {
                fs::write(folder.join(file), content).expect("it can be written");
            }
            continue;
        }
        let committed = files_of(&folder);
        for file in files
            .keys()
            .chain(committed.keys())
            .collect::<std::collections::BTreeSet<_>>()
        {
            if files.get(file) != committed.get(file) {
                problems.push(format!("results/reference/{name}/{file} differs"));
            }
        }
    }
    assert!(!names.is_empty(), "some scenario is shipped");
    for entry in fs::read_dir(root().join("results/reference"))
        .into_iter()
        .flatten()
    {
        let name = entry.expect("it can be listed").file_name();
        let name = name.to_string_lossy().into_owned();
        if !names.contains(&name) {
            problems.push(format!(
                "results/reference/{name} belongs to no shipped scenario"
            ));
        }
    }
    assert!(
        problems.is_empty(),
        "UPDATE_REFERENCE=1 rewrites them\n{}",
        problems.join("\n")
    );
}
