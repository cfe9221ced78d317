//! The gate of `sweep` and `merge`: against stored results of a sweep, cell by cell, with the exports and annotations that `compare` has.

use std::fs;
use std::path::Path;

use super::support::{Ran, run_in};
use super::sweep::{HALF, done, files, home};

/// The line of the event that is changed.
const LINE: usize = 9;

fn sweep(home: &Path, more: &[&str]) -> Ran {
    let args = ["sweep", "half.yaml", "--seeds", "3"];
    run_in(home, &[&args[..], more].concat())
}

/// A folder with the scenario and the stored results of its sweep.
fn stored() -> tempfile::TempDir {
    let home = home();
    done(&sweep(home.path(), &["--out", "baseline"]));
    home
}

/// The crash comes with a stall of the survivor before it: every cell is down for longer.
fn make_worse(home: &Path) {
    let worse = HALF.replace("- { at: 5s, crash: g/1 }", "- { at: 5s, crash: \"g/*\" }");
    assert_ne!(worse, HALF);
    fs::write(home.join("half.yaml"), worse).expect("it can be written");
}

fn annotations(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines.filter(|line| line.starts_with("::error ")).collect()
}

#[test]
fn a_sweep_that_has_become_worse_is_stopped_and_told_where() {
    let home = stored();
    let at = home.path();
    let gate = ["--baseline", "baseline", "--no-out"];
    let same = sweep(at, &gate);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(same.out.contains(": 0 worse, 0 better, "), "{}", same.out);

    make_worse(at);
    let worse = sweep(at, &gate);
    assert_eq!(worse.code, 1, "{}{}", worse.out, worse.err);
    let cell = "eager, session.timeout.ms 6000, heartbeat.interval.ms 1000";
    let line = worse.out.lines().find(|line| {
        line.contains(cell) && line.contains("longest_downtime_s") && line.contains('✗')
    });
    let line = line.unwrap_or_else(|| panic!("the cell is told:\n{}", worse.out));
    for part in ["worse by ", " %)", "5 %", &format!("half.yaml:{LINE}")] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let edit = format!("half.yaml:{LINE} /events/0/crash: g/1 → g/*");
    assert!(worse.out.contains(&edit), "{edit} in\n{}", worse.out);

    let github = sweep(
        at,
        &[
            &gate[..],
            &["--format", "github", "--fail-on", "longest_downtime_s < 1s"],
        ]
        .concat(),
    );
    assert_eq!(github.code, 1);
    let lines = annotations(&github.out);
    let is = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!((is("not met"), is("worse than before")), (10, 10));
    let changed = format!("::error file=half.yaml,line={LINE},title=eager%2C session.timeout.ms");
    assert!(
        lines.iter().any(|line| line.starts_with(&changed)),
        "{lines:#?}"
    );

    // What is tolerated is tolerated, and nothing else.
    let named = ["--tolerance", "longest_downtime_s=1h"];
    let tolerated = sweep(at, &[&gate[..], &named].concat());
    assert_eq!(tolerated.code, 1, "{}", tolerated.out);
    let lines: Vec<&str> = tolerated
        .out
        .lines()
        .filter(|line| line.contains('✗'))
        .collect();
    assert!(!lines.is_empty());
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("longest_downtime_s")),
        "{lines:#?}"
    );
}

#[test]
fn merged_shards_are_judged_as_the_whole_is_and_a_shard_alone_is_not() {
    let home = stored();
    let at = home.path();
    make_worse(at);
    let whole = sweep(
        at,
        &[
            "--out",
            "whole",
            "--baseline",
            "baseline",
            "--export",
            "junit=whole.xml",
        ],
    );
    assert_eq!(whole.code, 1, "{}", whole.err);
    for (option, value) in [
        ("--baseline", "baseline"),
        ("--export", "junit=a.xml"),
        ("--fail-on", "longest_downtime_s < 1s"),
        ("--format", "github"),
    ] {
        let ran = sweep(at, &["--shard", "1/2", "--out", "no", option, value]);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
        for part in [option, "a shard alone", "rebsim merge takes"] {
            assert!(ran.err.contains(part), "{part} in {}", ran.err);
        }
        assert!(!at.join("no").exists() && !at.join("a.xml").exists());
    }
    for shard in ["1/2", "2/2"] {
        done(&sweep(at, &["--shard", shard, "--out", "parts"]));
    }
    let merge = |more: &[&str]| {
        let args = ["merge", "parts", "--out", "merged"];
        run_in(at, &[&args[..], more].concat())
    };
    let merged = merge(&["--baseline", "baseline", "--export", "junit=merged.xml"]);
    assert_eq!(merged.code, 1, "{}", merged.err);
    assert_eq!(files(&at.join("merged")), files(&at.join("whole")));
    let text = |name: &str| fs::read_to_string(at.join(name)).expect("it was written");
    assert_eq!(text("merged.xml"), text("whole.xml"));
    // A merge knows the resolved scenario and not the lines of its text.
    let nowhere = whole.out.replace(&format!("half.yaml:{LINE} "), "");
    assert!(
        nowhere.contains("  /events/0/crash: g/1 → g/*"),
        "{nowhere}"
    );
    assert!(
        merged.out.contains("  /events/0/crash: g/1 → g/*"),
        "{}",
        merged.out
    );
    let quiet = merge(&["--baseline", "whole"]);
    assert_eq!(quiet.code, 0, "{}{}", quiet.out, quiet.err);
}

#[test]
fn exports_hold_what_the_exit_code_says() {
    let home = stored();
    let at = home.path();
    let exports = [
        "--export",
        "junit=a.xml",
        "--export",
        "json=a.json",
        "--export",
        "csv=a.csv",
        "--export",
        "md=a.md",
    ];
    let gate = ["--baseline", "baseline", "--out", "new"];
    let text = |name: &str| fs::read_to_string(at.join(name)).expect("it was written");
    let count = |text: &str, word: &str| text.matches(word).count();
    done(&sweep(at, &[&gate[..], &exports].concat()));
    let suites = text("a.xml");
    assert_eq!(count(&suites, "<testsuite "), 15, "one a cell");
    assert_eq!(count(&suites, "<failure "), 0, "{suites}");
    assert!(text("a.json").contains("\"schema\": \"rebsim/sweep/1\""));
    let folder = fs::read_dir(at.join("new")).expect("it is there").next();
    let folder = folder.expect("a folder").expect("it can be listed").path();
    let cells = fs::read_to_string(folder.join("cells.csv")).expect("it was written");
    assert_eq!(text("a.csv"), cells);
    assert!(text("a.md").starts_with("## half\n"), "{}", text("a.md"));
    assert!(
        text("a.md").contains("### against baseline"),
        "{}",
        text("a.md")
    );

    make_worse(at);
    let worse = sweep(
        at,
        &[
            "--baseline",
            "baseline",
            "--no-out",
            "--export",
            "junit=a.xml",
        ],
    );
    assert_eq!(worse.code, 1);
    let told = worse.out.lines().filter(|line| line.contains('✗')).count();
    assert!(told > 15, "{}", worse.out);
    assert_eq!(count(&text("a.xml"), "<failure "), told);
}

#[test]
fn what_cannot_be_compared_is_2_and_plays_nothing() {
    let home = stored();
    let at = home.path();
    done(&run_in(at, &["run", "half.yaml", "--out", "runs"]));
    let refused: [(&[&str], &str); 8] = [
        (&["--baseline", "nowhere"], "there is no such folder"),
        (&["--baseline", "runs"], "no results of a sweep of half"),
        (
            &["--baseline", "baseline", "--seeds", "1..3"],
            "seeds 4, 5, 6, now 1, 2, 3",
        ),
        (
            &["--baseline", "baseline", "--vary", "duration=30s,40s"],
            "it has none of: eager, session.timeout.ms 6000",
        ),
        (
            &["--baseline", "baseline", "--fidelity", "fluid"],
            "it is exact, this is fluid",
        ),
        (
            &["--baseline", "baseline", "--tolerance", "no_such=5%"],
            "no_such",
        ),
        (
            &[
                "--baseline",
                "baseline",
                "--tolerance",
                "lag_records{group=h}=5%",
            ],
            "it has no lag_records",
        ),
        (&["--tolerance", "5%"], "--baseline"),
    ];
    for (args, word) in refused {
        let base = match args.contains(&"--seeds") {
            true => vec!["sweep", "half.yaml"],
            false => vec!["sweep", "half.yaml", "--seeds", "3"],
        };
        for more in [&[][..], &["--dry-run"]] {
            let ran = run_in(at, &[&base, args, more].concat());
            assert_eq!((ran.code, &*ran.out), (2, ""), "{args:?}: {}", ran.err);
            assert!(ran.err.contains(word), "{args:?}: {word} in {}", ran.err);
        }
        assert!(
            !at.join("results").exists(),
            "{args:?}: nothing was written"
        );
    }
    // The other way round: a sweep is none of a run's results.
    let ran = run_in(at, &["compare", "half.yaml", "--baseline", "baseline"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("holds no results of half"), "{}", ran.err);
}

#[test]
fn a_rehearsal_says_once_what_is_left_out() {
    let home = home();
    let count = |ran: &Ran| {
        let told = |text: &str| text.matches("left out").count();
        (told(&ran.out), told(&ran.err))
    };
    let dry = sweep(home.path(), &["--dry-run"]);
    done(&dry);
    assert_eq!(count(&dry), (1, 0), "{}{}", dry.out, dry.err);
    let list = sweep(home.path(), &["--dry-run", "--format", "ndjson"]);
    done(&list);
    assert_eq!(count(&list), (0, 1), "{}{}", list.out, list.err);
    let more = sweep(home.path(), &["--dry-run", "-v"]);
    done(&more);
    assert_eq!(count(&more), (1, 0), "{}{}", more.out, more.err);
    let line = "eager, session.timeout.ms 6000, heartbeat.interval.ms 6000: ";
    assert!(more.out.contains(line), "{}", more.out);
}
