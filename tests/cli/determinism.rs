//! The same inputs give the same bytes: again, with other workers, from another folder, in another locale and time
//! zone, from the JSON twin, on another terminal. And other inputs do not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::support::{ran, rebsim};

/// Draws from several streams, and every kind of event that moves partitions by itself.
const YAML: &str = "\
# A comment that changes nothing.
version: 1
name: twin
seed: 11
duration: 90s
topics: { orders: { partitions: 5, load: [ { poisson: 40/s } ] }, audit: { partitions: 2, rate: 3/s } }
groups:
  checkout:
    topics: [orders, audit]
    members: 3
    processing: { per_record: { exponential: 2ms } }
    config: { session.timeout.ms: 10000 }
events:
  - { at: 20s, crash: checkout/random }
  - { at: 50s, restart: checkout/*, one_by_one: true, down: 3s, spacing: 5s }
variants:
  eager: { config: { partition.assignment.strategy: range } }
  cooperative: { config: { partition.assignment.strategy: cooperative-sticky } }
expect: { lag_records: < 1000000, records_lost: == 0 }
";

/// The same in JSON, keys in another order.
const JSON: &str = r#"{
  "name": "twin", "version": 1, "duration": "1m30s", "seed": 11,
  "groups": { "checkout": {
    "members": 3, "topics": ["orders", "audit"],
    "config": { "session.timeout.ms": 10000 },
    "processing": { "per_record": { "exponential": "2ms" } }
  } },
  "topics": {
    "audit": { "partitions": 2, "rate": "3/s" },
    "orders": { "load": [ { "poisson": "40/s" } ], "partitions": 5 }
  },
  "expect": { "records_lost": "== 0", "lag_records": "< 1000000" },
  "variants": {
    "eager": { "config": { "partition.assignment.strategy": "range" } },
    "cooperative": { "config": { "partition.assignment.strategy": "cooperative-sticky" } }
  },
  "events": [
    { "crash": "checkout/random", "at": "20s" },
    { "restart": "checkout/*", "one_by_one": true, "spacing": "5s", "down": "3s", "at": "50s" }
  ]
}"#;

/// Every result file but the manifest: `folder/file` → content.
fn results(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("there are results") {
        let scenario = entry.expect("they can be listed").path();
        for entry in fs::read_dir(&scenario).expect("a scenario has a folder") {
            let path = entry.expect("it can be listed").path();
            let name = path.strip_prefix(folder).expect("it was found there");
            if !name.ends_with("manifest.json") {
                let content = fs::read_to_string(&path).expect("results are text");
                files.insert(name.display().to_string(), content);
            }
        }
    }
    files
}

/// Plays with three seeds and returns every file; the verdict is not the point.
fn play(home: &Path, file: &str, change: impl FnOnce(&mut Command)) -> BTreeMap<String, String> {
    let out = tempfile::tempdir().expect("a folder for the test");
    let at = out.path().to_str().expect("a test's path is UTF-8");
    let mut command = rebsim(&["run", file, "--seeds", "3", "--out", at]);
    command.current_dir(home);
    change(&mut command);
    let ran = ran(&mut command);
    assert_eq!(ran.code, 0, "{}", ran.err);
    results(out.path())
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_others_do_not() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let home = home.path();
    fs::write(home.join("twin.yaml"), YAML).expect("it can be written");
    fs::write(home.join("twin.json"), JSON).expect("it can be written");
    fs::create_dir(home.join("elsewhere")).expect("it can be made");

    let once = play(home, "twin.yaml", |_| {});
    assert!(once.keys().any(|name| name.ends_with("/SHA256SUMS")));
    assert!(once.len() >= 7, "{:?}", once.keys());

    let again: [(&str, BTreeMap<String, String>); 6] = [
        ("again", play(home, "twin.yaml", |_| {})),
        (
            "-j1",
            play(home, "twin.yaml", |command| {
                command.args(["--jobs", "1"]);
            }),
        ),
        (
            "-j2",
            play(home, "twin.yaml", |command| {
                command.args(["-j", "2", "--progress", "bar", "--color", "always"]);
            }),
        ),
        ("JSON", play(home, "twin.json", |_| {})),
        (
            "another folder",
            play(home, "../twin.yaml", |command| {
                command.current_dir(home.join("elsewhere"));
            }),
        ),
        (
            "another place",
            play(home, "twin.yaml", |command| {
                command.env("TZ", "Asia/Tokyo").env("LC_ALL", "C");
            }),
        ),
    ];
    for (how, files) in &again {
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            once.keys().collect::<Vec<_>>(),
            "{how}"
        );
        for (name, content) in files {
            assert!(*content == once[name], "{how}: {name} differs");
        }
    }

    let other = play(home, "twin.yaml", |command| {
        command.args(["--seed", "12"]);
    });
    let sums = |files: &BTreeMap<String, String>| {
        let mut all = files.iter();
        let sums = all.find(|(name, _)| name.ends_with("/SHA256SUMS"));
        sums.map(|(_, content)| content.clone())
    };
    assert_ne!(sums(&other), sums(&once), "the seed changes something");
}

#[test]
fn one_seed_among_several_is_the_same_as_alone() {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("twin.yaml"), YAML).expect("it can be written");
    let lag = |change: fn(&mut Command)| {
        let files = play(home.path(), "twin.yaml", change);
        let mut lag = files
            .into_iter()
            .filter(|(name, _)| name.ends_with("/lag.csv"));
        lag.next().expect("lag is written").1
    };
    let first_of_three = lag(|_| {});
    let all_of_three = lag(|command| {
        command.args(["--series", "all"]);
    });
    let of_seed = |text: &str, seed: &str| -> Vec<String> {
        let rows = text
            .lines()
            .filter(|row| row.split(',').nth(1) == Some(seed));
        rows.map(str::to_owned).collect()
    };
    assert!(of_seed(&first_of_three, "12").is_empty());
    assert_eq!(of_seed(&all_of_three, "11"), of_seed(&first_of_three, "11"));
    assert!(!of_seed(&all_of_three, "13").is_empty());
}

#[test]
fn results_are_unchanged_or_refused_with_the_first_different_file() {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("twin.yaml"), YAML).expect("it can be written");
    let run = |more: &[&str]| {
        let args = [&["run", "twin.yaml"][..], more].concat();
        ran(rebsim(&args).current_dir(home.path()))
    };
    assert_eq!(run(&[]).code, 0);
    let unchanged = run(&[]);
    assert_eq!(unchanged.code, 0);
    assert!(unchanged.err.contains("unchanged"), "{}", unchanged.err);

    let folder = fs::read_dir(home.path().join("results"))
        .expect("there are results")
        .next();
    let folder = folder.expect("one").expect("it can be listed").path();
    fs::write(folder.join("lag.csv"), "mine\n").expect("it can be written");
    let refused = run(&[]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("lag.csv") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    let mine = fs::read_to_string(folder.join("lag.csv")).expect("it is there");
    assert_eq!(mine, "mine\n", "nothing was written");
    assert_eq!(run(&["--force"]).code, 0);
    assert_eq!(run(&[]).code, 0);
    fs::write(folder.join("manifest.json"), "[]").expect("it can be written");
    let folder_text = folder.to_string_lossy();
    let show = || ran(&mut rebsim(&["show", &folder_text, "--variant", "eager"]));
    assert_eq!(show().code, 2, "a manifest says what to play");
    let mended = run(&[]);
    assert_eq!(mended.code, 0, "{}", mended.err);
    let words = "unchanged; manifest.json written anew";
    assert!(mended.err.contains(words), "{}", mended.err);
    assert_eq!(show().code, 0, "{}", show().err);
    let sums = Command::new("sha256sum")
        .args(["-c", "--quiet", "SHA256SUMS"])
        .current_dir(&folder)
        .output();
    if let Ok(sums) = sums {
        assert!(
            sums.status.success(),
            "{}",
            String::from_utf8_lossy(&sums.stdout)
        );
    }
}

/// As `parallel` and Kubernetes start shards.
#[test]
fn several_that_begin_at_once_write_the_same_and_none_fails() {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("twin.yaml"), YAML).expect("it can be written");
    for round in 0..3 {
        let out = format!("out{round}/a/b");
        let start = |_| {
            let mut command = rebsim(&["run", "twin.yaml", "--out", &out]);
            let piped = command.current_dir(home.path()).stdout(Stdio::null());
            let child = piped.stderr(Stdio::piped()).spawn();
            child.expect("the program can be started")
        };
        let children: Vec<_> = (0..8).map(start).collect();
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{told}");
        }
        let left = fs::read_dir(home.path().join(&out)).expect("it is there");
        assert_eq!(left.count(), 1, "nothing hidden is left");
    }
}
