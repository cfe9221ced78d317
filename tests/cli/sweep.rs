//! Sweeps: the same bytes for any number of jobs, in shards, after a kill; what cannot be swept, resumed or merged is refused by name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::{Ran, rebsim, run_in};

/// A crash of one of two, by session timeout and heartbeat interval; one of the nine combinations is none that Kafka takes.
pub(crate) const HALF: &str = "\
version: 1
name: half
seed: 4
duration: 30s
topics: { orders: { partitions: 4, load: [ { poisson: 50/s } ] } }
groups:
  g: { topics: [orders], members: 2, processing: { per_record: 1ms } }
events:
  - { at: 5s, crash: g/1 }
variants:
  eager: { config: { partition.assignment.strategy: range } }
  cooperative: { config: { partition.assignment.strategy: cooperative-sticky } }
matrix:
  session.timeout.ms: [6000, 10000, 20000]
  heartbeat.interval.ms: [1000, 3000, 6000]
  exclude: [ { variant: eager, session.timeout.ms: 20000, heartbeat.interval.ms: 6000 } ]
";

pub(crate) fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("half.yaml"), HALF).expect("it can be written");
    home
}

/// Every file below `folder` but manifests, by path.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("a folder can be listed") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("manifest.json") {
                let name = path.strip_prefix(folder).expect("it was found there");
                files.insert(name.to_path_buf(), fs::read(&path).expect("it can be read"));
            }
        }
    }
    files
}

fn sweep(home: &Path, out: &str, more: &[&str]) -> Ran {
    let args = ["sweep", "half.yaml", "--seeds", "3", "--out", out];
    run_in(home, &[&args[..], more].concat())
}

pub(crate) fn done(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn any_jobs_and_any_shards_merged_give_the_same_bytes() {
    let home = home();
    let at = home.path();
    let whole = sweep(at, "one", &["-j1"]);
    done(&whole);
    let one = files(&at.join("one"));
    assert_eq!(one.len(), 5, "{:?}", one.keys());
    let two = sweep(at, "two", &["-j2"]);
    assert_eq!((two.code, &two.out), (0, &whole.out));
    assert_eq!(files(&at.join("two")), one, "two jobs");
    for count in (1..=16).chain([60]) {
        let out = format!("shards-{count}");
        for number in 1..=count {
            // Every other one as schedulers that count from 0 would say it.
            let ran = if number % 2 == 0 {
                sweep(at, &out, &["--shard", &format!("{number}/{count}")])
            } else {
                let (index, count) = ((number - 1).to_string(), count.to_string());
                sweep(
                    at,
                    &out,
                    &["--shard-index", &index, "--shard-count", &count],
                )
            };
            done(&ran);
        }
        let merged = format!("merged-{count}");
        let ran = run_in(at, &["merge", &out, "--out", &merged]);
        assert_eq!((ran.code, &ran.out), (0, &whole.out), "{}", ran.err);
        assert_eq!(files(&at.join(merged)), one, "{count} shards");
    }
}

/// Interrupts a sweep when `keep` replications are in its journal.
fn kill_after(at: &Path, keep: usize, more: &[&str]) {
    let args = [
        "sweep",
        "half.yaml",
        "--seeds",
        "3",
        "-j1",
        "--out",
        "killed",
    ];
    let mut child = rebsim(&[&args[..], more].concat())
        .current_dir(at)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let lines = || {
        let names = fs::read_dir(at.join("killed"))
            .into_iter()
            .flatten()
            .flatten();
        let journal = names
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|ending| ending == "journal"));
        let text = journal
            .and_then(|path| fs::read(path).ok())
            .unwrap_or_default();
        text.iter().filter(|byte| **byte == b'\n').count()
    };
    while lines() <= keep && child.try_wait().expect("it can be asked").is_none() {
        #[expect(
            clippy::disallowed_methods,
            reason = "a kill comes at some moment of the wall clock"
        )]
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it was killed");
}

#[test]
fn a_sweep_that_is_killed_goes_on_to_the_same_bytes() {
    let home = home();
    let at = home.path();
    let whole = sweep(at, "one", &[]);
    done(&whole);
    for keep in [1, 9, 30] {
        kill_after(at, keep, &["--resume"]);
    }
    let again = sweep(at, "killed", &["--resume"]);
    assert_eq!((again.code, &again.out), (0, &whole.out), "{}", again.err);
    assert!(again.err.contains("going on: "), "{}", again.err);
    assert_eq!(files(&at.join("killed")), files(&at.join("one")));
}

#[test]
fn what_was_interrupted_is_not_gone_on_with_under_other_inputs() {
    let home = home();
    let at = home.path();
    kill_after(at, 2, &[]);
    let other = sweep(
        at,
        "killed",
        &["--resume", "--vary", "session.timeout.ms=6000"],
    );
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(
        other.err.contains("other parameters or seeds"),
        "{}",
        other.err
    );
    let other = sweep(at, "killed", &["--resume", "--set", "duration=31s"]);
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(
        other
            .err
            .contains("the scenario or its overrides have changed"),
        "{}",
        other.err
    );
    done(&sweep(at, "killed", &["--resume"]));
}

#[test]
fn shards_that_do_not_belong_together_are_refused_by_number() {
    let home = home();
    let at = home.path();
    let shard = |out: &str, which: &str, more: &[&str]| {
        done(&sweep(at, out, &[&["--shard", which], more].concat()));
    };
    let refused = |operands: &[&str], words: &[&str]| {
        let ran = run_in(at, &[&["merge", "--no-out"], operands].concat());
        assert_eq!((ran.code, &*ran.out), (2, ""), "{operands:?}: {}", ran.err);
        for word in words {
            assert!(ran.err.contains(word), "{word} in {}", ran.err);
        }
    };
    for number in [1, 3, 4] {
        shard("some", &format!("{number}/6"), &[]);
    }
    refused(&["some"], &["missing: shard 2, 5, 6 of 6"]);
    shard("other", "3/6", &[]);
    refused(&["some", "other"], &["given more than once: shard 3"]);
    shard("foreign", "2/6", &["--set", "duration=31s"]);
    refused(&["some", "foreign"], &["shard 2", "of another sweep"]);
    shard("halves", "2/2", &[]);
    refused(&["some", "halves"], &["shard 2", "one of 2", "one of 6"]);
    refused(&["nowhere"], &["there is no folder `nowhere`"]);
    refused(&["half.yaml"], &["half.yaml"]);
    done(&sweep(at, "whole", &[]));
    refused(&["whole"], &["holds no shard"]);
    let folder = |out: &str| {
        let mut entries = fs::read_dir(at.join(out)).expect("it is there");
        entries
            .next()
            .expect("one")
            .expect("it can be listed")
            .path()
    };
    let cells = folder("other").join("cells-00003-of-00006.csv");
    let text = fs::read_to_string(&cells).expect("it is there");
    fs::write(&cells, text.replace("eager", "lazy")).expect("it can be written");
    refused(
        &["other"],
        &["shard 3 is damaged", "cells-00003-of-00006.csv"],
    );
    let damaged = |name: &str, text: Option<&str>, words: &str| {
        let file = folder("foreign").join(name);
        let before = fs::read_to_string(&file).expect("it is there");
        match text {
            Some(text) => fs::write(&file, text).expect("it can be written"),
            None => fs::remove_file(&file).expect("it can be removed"),
        }
        refused(&["foreign"], &["damaged", words]);
        fs::write(&file, before).expect("it can be written");
    };
    damaged("SHA256SUMS", Some(""), "SHA256SUMS does not list grid.json");
    damaged("SHA256SUMS", None, "SHA256SUMS is missing");
    damaged("grid.json", None, "grid.json is missing");
    let manifest = folder("halves").join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("it is there");
    let aged = text.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    fs::write(&manifest, aged).expect("it can be written");
    refused(&["halves"], &["shard 2 was written by another version"]);
}

#[test]
fn a_gate_on_a_sweep_is_judged_in_every_cell_also_after_a_merge() {
    let home = home();
    let at = home.path();
    let ask = |requirement: &str| sweep(at, "gate", &["--fail-on", requirement]);
    done(&ask("records_lost == 0"));
    done(&ask("median eager.longest_downtime_s > 80% of cooperative"));
    let ran = ask("longest_downtime_s < 12s");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("eager, session.timeout.ms 20000"),
        "{}",
        ran.out
    );
    let refused = [
        ("no_such < 1", "no_such"),
        ("lazy.lag_records < 1", "lazy"),
        ("assignor == range", "word"),
        ("lag_records{topic=orders} < 1", "by group only"),
    ];
    for (requirement, word) in refused {
        let ran = ask(requirement);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{requirement}");
        assert!(ran.err.contains(word), "{word} in {}", ran.err);
    }
    for which in ["1/2", "2/2"] {
        done(&sweep(at, "parts", &["--shard", which]));
    }
    let ask = |requirement| {
        run_in(
            at,
            &["merge", "parts", "--no-out", "--fail-on", requirement],
        )
    };
    assert_eq!(ask("longest_downtime_s < 12s").code, 1);
    assert_eq!(ask("records_lost == 0").code, 0);
    assert_eq!(ask("no_such < 1").code, 2);
}

#[test]
fn a_rehearsal_plays_nothing_that_is_kept_and_says_how_much_there_is() {
    let home = home();
    let at = home.path();
    let ran = sweep(at, "none", &["--dry-run"]);
    done(&ran);
    assert!(
        ran.out
            .starts_with("half   15 cells x 3 seeds: 45 replications\n"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("measured 3 of 45: "), "{}", ran.err);
    assert!(!at.join("none").exists(), "nothing was written");
    let list = sweep(
        at,
        "none",
        &["--dry-run", "--format", "ndjson", "--shard", "2/10"],
    );
    let lines: Vec<Value> = list
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1]["index"], 11);
    assert_eq!(lines[1]["parameters"]["session.timeout.ms"], "10000");
}

#[test]
fn every_format_is_whole() {
    let home = home();
    let print = |format| {
        let ran = sweep(home.path(), "out", &["--format", format]);
        done(&ran);
        ran.out
    };
    let table = print("csv");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().expect("a header").clone();
    let keys = [
        "variant",
        "seed",
        "group",
        "session.timeout.ms",
        "heartbeat.interval.ms",
    ];
    assert_eq!(head.iter().take(5).collect::<Vec<_>>(), keys);
    assert_eq!(reader.records().filter(|row| row.is_ok()).count(), 45);
    let document: Value = serde_json::from_str(&print("json")).expect("JSON");
    assert_eq!(document["schema"], "rebsim/sweep/1");
    assert_eq!(document["cells"].as_array().map(Vec::len), Some(15));
    assert_eq!(document["refused"].as_array().map(Vec::len), Some(2));
    assert!(print("md").contains("\n| session.timeout.ms | heartbeat.interval.ms | eager |"));
    let text = print("text");
    assert!(
        text.contains("median of 3 seeds (smallest to largest)"),
        "{text}"
    );
    assert!(text.contains("Kafka would refuse, so left out:"), "{text}");
}

#[test]
fn a_scheduler_says_which_shard() {
    let home = home();
    let at = home.path();
    let text = |variables: &[(&str, &str)]| {
        let mut command: Command = rebsim(&["sweep", "half.yaml"]);
        command.current_dir(at).envs(variables.iter().copied());
        super::support::ran(&mut command).out
    };
    let kubernetes = [("REBSIM_SHARD_COUNT", "5"), ("JOB_COMPLETION_INDEX", "1")];
    assert!(text(&kubernetes).starts_with("shard 2 of 5: "));
    let slurm = [
        ("REBSIM_SHARD_COUNT", "5"),
        ("SLURM_ARRAY_TASK_ID", "5"),
        ("SLURM_ARRAY_TASK_MIN", "1"),
    ];
    assert!(text(&slurm).starts_with("shard 5 of 5: "));
    let own = [("REBSIM_SHARD", "4/5"), ("JOB_COMPLETION_INDEX", "1")];
    assert!(text(&own).starts_with("shard 4 of 5: "));
}
