//! Arguments that a person would not type, or only by mistake: signs, numbers beyond all bounds, bytes that are no text.

use std::fs;

use super::support::{ran, rebsim, run_in};

#[test]
fn a_number_with_a_sign_is_refused() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for args in [
        &["run", "crash", "--jobs", "+2"][..],
        &["run", "crash", "--event-limit", "+2"],
        &["run", "crash", "--seeds", "+2"],
        &["run", "crash", "--seeds", "1..+2"],
        &["run", "crash", "--seed", "+2"],
        &["run", "crash", "--seed", "-2"],
        &["run", "crash", "--seeds", "-2"],
        &["show", "crash", "--seed", "-2"],
        &["sweep", "crash", "--shard", "+1/2"],
        &["sweep", "crash", "--shard", "1/+2"],
        &[
            "sweep",
            "crash",
            "--shard-index",
            "+0",
            "--shard-count",
            "2",
        ],
        &[
            "sweep",
            "crash",
            "--shard-index",
            "0",
            "--shard-count",
            "+2",
        ],
        &["replay", "x.json", "--run", "+1"],
        &["run", "crash", "--set", "events.+0.at=1s"],
        &["run", "crash", "--fail-on", "lag_records{partition=+1} < 5"],
    ] {
        let refused = run_in(home.path(), args);
        assert_eq!(
            (refused.code, &*refused.out),
            (2, ""),
            "{args:?}: {}",
            refused.err
        );
    }
    assert_eq!(fs::read_dir(home.path()).expect("it is there").count(), 0);
}

#[test]
fn seeds_beyond_the_largest_are_refused_before_anything_is_played() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for verb in ["run", "sweep"] {
        let last = ["--seed", "18446744073709551615", "--seeds", "3"];
        let more = ["--vary", "session.timeout.ms=6000,7000"];
        let more = if verb == "sweep" { &more[..] } else { &[] };
        let refused = run_in(home.path(), &[&[verb, "crash"], &last[..], more].concat());
        assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
        for word in [
            "3 seeds from 18446744073709551615 on",
            "18446744073709551613",
        ] {
            assert!(refused.err.contains(word), "{word} in {}", refused.err);
        }
    }
    assert_eq!(fs::read_dir(home.path()).expect("it is there").count(), 0);
}

/// Whoever reads it knows no type of this program.
#[test]
fn a_case_that_is_no_object_is_told_what_a_case_is() {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("cases.jsonl"), "[]\n").expect("it can be written");
    let refused = run_in(home.path(), &["assign", "cases.jsonl"]);
    assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
    let words = "expected an object with `assignor`, `topics` and `members`";
    assert!(refused.err.contains(words), "{}", refused.err);
    fs::write(home.path().join("trace.json"), "version: 1\n").expect("it can be written");
    let refused = run_in(home.path(), &["replay", "trace.json"]);
    assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
    assert!(
        refused.err.contains("trace.json: not JSON: "),
        "{}",
        refused.err
    );
}

/// Texts must be UTF-8, folders and recordings need not be.
#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf_8_are_refused_or_taken_and_never_a_panic() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let home = tempfile::tempdir().expect("a folder for the test");
    let junk = OsStr::from_bytes(b"j\xff");
    let with = |args: &[&str]| {
        let mut command = rebsim(args);
        command.current_dir(home.path()).arg(junk);
        // What the program says back has the mark of what cannot be shown in its place.
        ran(&mut command)
    };
    for args in [
        &[][..],
        &["run"],
        &["compare"],
        &["sweep"],
        &["merge"],
        &["check"],
        &["assign"],
        &["replay"],
        &["show"],
        &["explain"],
        &["init"],
        &["generate"],
        &["generate", "man"],
        &["run", "crash", "--variant"],
        &["run", "crash", "--baseline"],
        &["run", "crash", "--export"],
        &["run", "crash", "--set"],
        &["run", "crash", "--fail-on"],
        &["sweep", "crash", "--vary"],
    ] {
        let refused = with(args);
        assert_eq!(
            (refused.code, &*refused.out),
            (2, ""),
            "{args:?}: {}",
            refused.err
        );
        assert!(refused.err.contains("error: "), "{args:?}: {}", refused.err);
    }
    let taken = with(&["run", "crash", "--out"]);
    assert_eq!(taken.code, 0, "{}", taken.err);
    assert!(home.path().join(junk).is_dir());
}

#[test]
fn stdin_is_read_once() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for verb in ["run", "compare", "check"] {
        let refused = run_in(home.path(), &[verb, "-", "-"]);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
        assert!(
            refused.err.contains("stdin is named twice"),
            "{}",
            refused.err
        );
    }
}

/// A link that leads to itself cannot be followed by anybody, whoever may read what.
#[cfg(unix)]
#[test]
fn a_shard_that_cannot_be_read_is_not_passed_over() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let shard = home.path().join("x-sweep-0-00001-of-00002");
    fs::create_dir(&shard).expect("it is new");
    std::os::unix::fs::symlink("manifest.json", shard.join("manifest.json")).expect("a link");
    let refused = run_in(home.path(), &["merge", "."]);
    assert_eq!((refused.code, &*refused.out), (3, ""), "{}", refused.err);
    assert!(refused.err.contains("manifest.json"), "{}", refused.err);
}
