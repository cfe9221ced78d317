//! A sweep once more: what is there is not played again, and what was played is not lost when the results are refused.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{Ran, run_in};
use super::sweep::{HALF, done, files, home};

fn sweep(at: &Path, more: &[&str]) -> Ran {
    let args = ["sweep", "half.yaml", "--seeds", "2", "--out", "out"];
    run_in(at, &[&args[..], more].concat())
}

/// The one folder of results in `out`.
fn results(at: &Path) -> PathBuf {
    let entries = fs::read_dir(at.join("out")).expect("it is there").flatten();
    let mut found = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    found.next().expect("there is one")
}

fn journals(at: &Path) -> usize {
    let entries = fs::read_dir(at.join("out")).expect("it is there").flatten();
    let ending = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|is| is == "journal");
    entries.filter(ending).count()
}

#[test]
fn what_was_played_is_kept_when_the_results_are_refused() {
    let home = home();
    let at = home.path();
    let whole = sweep(at, &[]);
    done(&whole);
    let (folder, before) = (results(at), files(&at.join("out")));
    fs::write(folder.join("medians.csv"), "mine\n").expect("it can be written");
    let refused = sweep(at, &[]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("medians.csv differs"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("what was played is kept"),
        "{}",
        refused.err
    );
    let there = fs::read_to_string(folder.join("medians.csv"));
    assert_eq!(there.expect("it is there"), "mine\n");
    assert_eq!(journals(at), 1);
    let forced = sweep(at, &["--resume", "--force"]);
    assert_eq!(
        (forced.code, &forced.out),
        (0, &whole.out),
        "{}",
        forced.err
    );
    let nothing = "nothing is left to play: 30 of 30 replications are there already";
    assert!(forced.err.contains(nothing), "{}", forced.err);
    assert_eq!(files(&at.join("out")), before);
}

#[test]
fn a_sweep_that_is_finished_is_not_played_again() {
    let home = home();
    let at = home.path();
    for (more, all) in [(&[][..], 30), (&["--shard", "2/4"], 8)] {
        let whole = sweep(at, more);
        done(&whole);
        let before = files(&at.join("out"));
        let again = sweep(at, &[more, &["--resume"]].concat());
        assert_eq!((again.code, &again.out), (0, &whole.out), "{}", again.err);
        let nothing =
            format!("nothing is left to play: {all} of {all} replications are there already");
        assert!(again.err.contains(&nothing), "{}", again.err);
        assert!(again.err.contains("(unchanged)"), "{}", again.err);
        assert_eq!(files(&at.join("out")), before);
        fs::remove_dir_all(at.join("out")).expect("it can be removed");
    }
    // A gate is judged all the same.
    done(&sweep(at, &[]));
    let gate = ["--resume", "--fail-on", "longest_downtime_s < 1s"];
    assert_eq!(sweep(at, &gate).code, 1);
}

/// What has changed since is played again and compared, and another sweep of the same scenario is another.
#[test]
fn results_that_are_not_as_they_were_written_are_played_again() {
    let home = home();
    let at = home.path();
    done(&sweep(at, &[]));
    let other = sweep(at, &["--resume", "--set", "duration=29s"]);
    done(&other);
    assert!(!other.err.contains("there already"), "{}", other.err);
    fs::remove_dir_all(at.join("out")).expect("it can be removed");
    done(&sweep(at, &[]));
    let table = results(at).join("cells.csv");
    let text = fs::read_to_string(&table).expect("it is there");
    fs::write(&table, text.replace("eager", "lazy")).expect("it can be written");
    let refused = sweep(at, &["--resume"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(!refused.err.contains("nothing is left"), "{}", refused.err);
    assert!(refused.err.contains("cells.csv differs"), "{}", refused.err);
}

#[test]
fn a_rehearsal_counts_one_as_one() {
    let home = home();
    let at = home.path();
    let one = HALF.split("matrix:").next().unwrap_or_default();
    fs::write(at.join("one.yaml"), one).expect("it can be written");
    let args = ["sweep", "one.yaml", "--variant", "eager", "--dry-run"];
    let vary = ["--vary", "session.timeout.ms=6000", "--no-out"];
    let ran = run_in(at, &[&args[..], &vary].concat());
    done(&ran);
    let head = "half   1 cell x 1 seed: 1 replication\n";
    assert!(ran.out.starts_with(head), "{}", ran.out);
    for format in ["json", "csv", "md", "github"] {
        let ran = run_in(at, &[&args[..], &vary, &["--format", format]].concat());
        assert_eq!((ran.code, &*ran.out), (2, ""), "{format}: {}", ran.err);
        assert!(ran.err.contains("--dry-run plays nothing"), "{}", ran.err);
    }
}
