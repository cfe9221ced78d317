//! The story of a pull request: results are stored, a setting is changed for the worse, the gate says which metric, by how much and on which
//! line of the scenario; and everything that can be wrong about that.

use std::fs;
use std::path::Path;

use super::support::{Ran, ran, rebsim, run_in};

const CRASH: &str = "\
version: 1
name: half
seed: 4
duration: 40s
topics: { orders: { partitions: 4, load: [ { poisson: 50/s } ] } }
groups:
  g:
    topics: [orders]
    members: 2
    config:
      heartbeat.interval.ms: 2000
      session.timeout.ms: 6000
events:
  - { at: 5s, crash: g/1 }
variants:
  eager: { config: { partition.assignment.strategy: range } }
  cooperative: { config: { partition.assignment.strategy: cooperative-sticky } }
expect: { records_lost: == 0 }
";

/// The line of `session.timeout.ms`.
const LINE: usize = 12;

fn write(home: &Path, text: &str) {
    fs::write(home.join("half.yaml"), text).expect("it can be written");
}

/// A folder with the scenario and its stored results.
fn stored() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder for the test");
    write(home.path(), CRASH);
    let ran = run_in(home.path(), &["compare", "half.yaml", "--out", "baseline"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    home
}

fn gate(home: &Path, more: &[&str]) -> Ran {
    let args = ["compare", "half.yaml", "--baseline", "baseline", "--no-out"];
    run_in(home, &[&args[..], more].concat())
}

#[test]
fn a_pull_request_that_makes_it_worse_is_stopped_and_told_why() {
    let home = stored();
    let at = home.path();
    let same = gate(at, &[]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(same.out.contains(": 0 worse, 0 better, "), "{}", same.out);

    write(
        at,
        &CRASH.replace("session.timeout.ms: 6000", "session.timeout.ms: 20000"),
    );
    let worse = gate(at, &[]);
    assert_eq!(worse.code, 1, "{}{}", worse.out, worse.err);
    let line = worse.out.lines().find(|line| {
        line.contains("cooperative") && line.contains("longest_downtime_s") && line.contains('✗')
    });
    let line = line.unwrap_or_else(|| panic!("the metric is told:\n{}", worse.out));
    for part in [
        "worse by ",
        " s (",
        " %)",
        "5 %",
        &format!("half.yaml:{LINE}"),
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let edit = format!("half.yaml:{LINE} /groups/g/config/session.timeout.ms: 6000 → 20000");
    assert!(worse.out.contains(&edit), "{edit} in\n{}", worse.out);

    let github = gate(at, &["--format", "github"]);
    assert_eq!(github.code, 1);
    let first = format!("::error file=half.yaml,line={LINE},title=eager.");
    assert!(github.out.starts_with(&first), "{}", github.out);
    assert!(
        github
            .out
            .lines()
            .filter(|line| line.starts_with("::error "))
            .count()
            <= 10
    );

    // The other way round it is better, which stops nobody.
    run_in(at, &["compare", "half.yaml", "--out", "slow"]);
    write(at, CRASH);
    let args = ["compare", "half.yaml", "--baseline", "slow", "--no-out"];
    let better = run_in(at, &args);
    assert_eq!(better.code, 0, "{}{}", better.out, better.err);
    assert!(better.out.contains("better by "), "{}", better.out);
}

#[test]
fn what_is_tolerated_is_tolerated_and_nothing_else() {
    let home = stored();
    let at = home.path();
    write(
        at,
        &CRASH.replace("session.timeout.ms: 6000", "session.timeout.ms: 6600"),
    );
    assert_eq!(gate(at, &[]).code, 1);
    // The survivor now hears of it at another heartbeat: that wait is many times as long as it was.
    let wide = ["--tolerance", "100%", "--tolerance", "rebalance_s=5s"];
    let ran = gate(at, &wide);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let one = gate(
        at,
        &[&wide[..], &["--tolerance", "longest_downtime_s=1us"]].concat(),
    );
    assert_eq!(one.code, 1, "{}", one.out);
    let named: Vec<&str> = one.out.lines().filter(|line| line.contains('✗')).collect();
    assert!(!named.is_empty());
    assert!(
        named.iter().all(|line| line.contains("longest_downtime_s")),
        "{named:#?}"
    );
    let more = [&wide[..], &["--tolerance", "longest_downtime_s=5s"]].concat();
    assert_eq!(gate(at, &more).code, 0);
}

#[test]
fn what_cannot_be_compared_is_2_and_plays_nothing() {
    let home = stored();
    let at = home.path();
    fs::write(
        at.join("other.yaml"),
        CRASH.replace("name: half", "name: other"),
    )
    .expect("it can be written");
    fs::create_dir(at.join("empty")).expect("it can be made");
    fs::create_dir(at.join("broken")).expect("it can be made");
    fs::write(at.join("broken/summary.json"), "{").expect("it can be written");
    let refused: [(&[&str], &str); 9] = [
        (
            &[
                "half.yaml",
                "--baseline",
                "baseline",
                "--tolerance",
                "no_such=5%",
            ],
            "no_such",
        ),
        (
            &[
                "half.yaml",
                "--baseline",
                "baseline",
                "--fail-on",
                "no_such < 1",
            ],
            "no_such",
        ),
        (
            &[
                "half.yaml",
                "--baseline",
                "baseline",
                "--tolerance",
                "lag_s=5 records",
            ],
            "lag_s",
        ),
        (&["half.yaml", "--tolerance", "5%"], "--baseline"),
        (
            &["half.yaml", "--baseline", "nowhere"],
            "there is no such folder",
        ),
        (&["half.yaml", "--baseline", "empty"], "no results of half"),
        (&["half.yaml", "--baseline", "broken"], "summary.json"),
        (
            &["other.yaml", "--baseline", "baseline"],
            "no results of other",
        ),
        (
            &["half.yaml", "--baseline", "baseline", "--seeds", "2"],
            "seeds 4, now 4, 5",
        ),
    ];
    for (args, word) in refused {
        let ran = run_in(at, &[&["compare"], args].concat());
        assert_eq!((ran.code, &*ran.out), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(word), "{args:?}: {word} in {}", ran.err);
        assert!(
            !at.join("results").exists(),
            "{args:?}: nothing was written"
        );
    }
}

#[test]
fn junit_counts_what_the_exit_code_says() {
    let home = stored();
    let at = home.path();
    let count = |text: &str, word: &str| text.matches(word).count();
    let export = |more: &[&str]| {
        let ran = gate(at, &[&["--export", "junit=out.xml"], more].concat());
        let text = fs::read_to_string(at.join("out.xml")).expect("it was written");
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "));
        assert_eq!(count(&text, "<testsuite "), 2, "{text}");
        assert_eq!(count(&text, "<testsuite "), count(&text, "</testsuite>"));
        let failures: usize = text
            .split("failures=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.parse::<usize>().ok())
            .sum();
        assert_eq!(count(&text, "<failure "), failures);
        (ran.code, failures, text)
    };
    let (code, failures, text) = export(&[]);
    assert_eq!((code, failures), (0, 0), "{text}");
    let (code, failures, text) = export(&["--fail-on", "longest_downtime_s < 1s"]);
    assert_eq!((code, failures), (1, 2));
    assert!(
        text.contains("name=\"longest_downtime_s &lt; 1s\""),
        "{text}"
    );
    write(
        at,
        &CRASH.replace("session.timeout.ms: 6000", "session.timeout.ms: 20000"),
    );
    let (code, failures, text) = export(&[]);
    assert!(code == 1 && failures > 2, "{code} {failures}");
    assert!(text.contains("longest_downtime_s was "), "{text}");
}

#[test]
fn exports_are_tried_before_anything_is_played_and_go_to_stdout_too() {
    let home = stored();
    let at = home.path();
    let refused = [
        ("xml=a", 2, "`xml` is none of junit"),
        ("junit", 2, "FORMAT=FILE"),
        ("md=baseline", 2, "is a folder"),
        ("md=nowhere/a.md", 3, "nowhere"),
    ];
    for (export, code, word) in refused {
        let ran = gate(at, &["--export", export]);
        assert_eq!((ran.code, &*ran.out), (code, ""), "{export}: {}", ran.err);
        assert!(ran.err.contains(word), "{export}: {word} in {}", ran.err);
    }
    // What a killed process left.
    fs::create_dir_all(at.join(".a.csv.new-1/new")).expect("it is new");
    let ran = gate(
        at,
        &[
            "--export",
            "md=-",
            "--export",
            "csv=a.csv",
            "--export",
            "json=a.json",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("\n## half\n"), "{}", ran.out);
    let text = |name: &str| fs::read_to_string(at.join(name)).expect("it was written");
    assert!(text("a.csv").starts_with("variant,seed,group,"));
    assert!(text("a.json").starts_with("{\n  \"schema\": \"rebsim/summary/1\""));
    let mut names: Vec<String> = fs::read_dir(at)
        .expect("it is there")
        .map(|entry| {
            entry
                .expect("it can be listed")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["a.csv", "a.json", "baseline", "half.yaml"],
        "nothing hidden is left"
    );
}

/// A baseline that was changed by hand would hold nobody to anything.
#[test]
fn a_baseline_that_is_not_as_it_was_written_is_refused() {
    let home = stored();
    let at = home.path();
    let mut folders = fs::read_dir(at.join("baseline")).expect("it is there");
    let folder = folders.next().expect("one").expect("it can be listed");
    let folder = folder.path();
    let summary = folder.join("summary.json");
    let text = fs::read_to_string(&summary).expect("it is there");
    let eased = text.replacen("\"longest_downtime_s\": ", "\"longest_downtime_s\": 9", 1);
    assert_ne!(text, eased);
    fs::write(&summary, &eased).expect("it can be written");
    let ran = gate(at, &[]);
    assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
    let words = "damaged: summary.json is not as it was written";
    assert!(ran.err.contains(words), "{}", ran.err);
    // Who stores the summary alone has nothing that it could be held against.
    fs::remove_file(folder.join("SHA256SUMS")).expect("it is there");
    assert_eq!(gate(at, &[]).code, 0);
}

#[test]
fn the_page_of_a_step_gets_the_tables() {
    let home = stored();
    let at = home.path();
    let page = at.join("page.md");
    fs::write(&page, "before\n").expect("it can be written");
    let mut command = rebsim(&["compare", "half.yaml", "--baseline", "baseline", "--no-out"]);
    command.current_dir(at).env("GITHUB_STEP_SUMMARY", &page);
    assert_eq!(ran(&mut command).code, 0);
    let text = fs::read_to_string(&page).expect("it is there");
    assert!(text.starts_with("before\n## half\n"), "{text}");
    assert!(text.contains("| longest downtime |"), "{text}");
    assert!(text.contains("### against baseline"), "{text}");
}
