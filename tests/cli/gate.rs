//! `run` and `compare` as a gate: what is required is understood before anything is played, judged over every seed, and told by exit
//! code, on stdout in every format and in the results folder.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{Ran, run_in};

/// A crash of one of two: its partitions are down for the session timeout and a little more.
const CRASH: &str = "\
version: 1
name: half
seed: 4
duration: 60s
topics: { orders: { partitions: 4, load: [ { poisson: 50/s } ] } }
groups:
  g: { topics: [orders], members: 2, processing: { per_record: 1ms } }
events:
  - { at: 20s, crash: g/1 }
variants:
  quick: { config: { session.timeout.ms: 6000, heartbeat.interval.ms: 2000 } }
  slow: { config: { session.timeout.ms: 20000 } }
";

fn home(text: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("half.yaml"), text).expect("it can be written");
    home
}

fn with_expect(lines: &str) -> String {
    format!("{CRASH}expect:\n{lines}")
}

/// The only results folder there.
fn results(home: &Path) -> std::path::PathBuf {
    let mut folders = fs::read_dir(home.join("results")).expect("there are results");
    let folder = folders.next().expect("one").expect("it can be listed");
    assert!(folders.next().is_none(), "one only");
    folder.path()
}

fn no_results(home: &Path) {
    assert!(!home.join("results").exists(), "nothing was written");
}

#[test]
fn a_gate_that_holds_is_0_and_one_that_does_not_is_1_and_says_by_how_much_and_where() {
    let text =
        with_expect("  longest_downtime_s: \"< 12s\"\n  quick: { records_lost: \"== 0\" }\n");
    let home = home(&text);
    let ran = run_in(home.path(), &["run", "half.yaml", "--variant", "quick"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("2 expectations: 2 met, 0 not met"),
        "{}",
        ran.out
    );

    let ran = run_in(home.path(), &["compare", "half.yaml", "--no-out"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let unmet: Vec<&str> = ran.out.lines().filter(|line| line.contains('✗')).collect();
    let [line] = unmet[..] else {
        panic!("one is not met:\n{}", ran.out)
    };
    for part in [
        "slow",
        "longest_downtime_s",
        "< 12s",
        "over by",
        "half.yaml:14",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(
        ran.err.contains("again: ") && ran.err.contains("--variant slow"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_required_on_the_command_line_is_understood_before_anything_is_played() {
    let home = home(CRASH);
    let refused = [
        ("no_such_metric < 1", "no_such_metric"),
        ("longest_downtime_s", "comparison"),
        ("longest_downtime_s < 3 records", "records"),
        ("medium.longest_downtime_s < 3s", "medium"),
        ("longest_downtime_s <= 50% of medium", "medium"),
        ("longest_downtime_s{group=h} < 3s", "h"),
        ("lag_records{topic=payments} < 3", "payments"),
    ];
    for (requirement, word) in refused {
        let ran = run_in(home.path(), &["run", "half.yaml", "--fail-on", requirement]);
        assert_eq!(ran.code, 2, "{requirement}: {}{}", ran.out, ran.err);
        assert!(ran.out.is_empty(), "{requirement}: {}", ran.out);
        assert!(ran.err.contains(word), "{requirement}: {}", ran.err);
        no_results(home.path());
    }
}

#[test]
fn what_no_run_can_have_is_refused_with_what_was_probably_meant() {
    let home = home(CRASH);
    let refused = [
        (
            "rebalances_by_reason{reason=session_expird} < 1",
            "did you mean `session_expired`?",
        ),
        (
            "lag_records{topic=orders,partition=4} < 3",
            "`orders` never has a partition 4; did you mean 3?",
        ),
        (
            "lag_records{partition=7} < 3",
            "no topic here has a partition 7",
        ),
        ("lag_records{group=gg} < 3", "there is no group `gg`"),
        ("protocol == clasic", "did you mean `classic`?"),
        (
            "rebalance == incremental-cooperative",
            "it is one of eager, cooperative",
        ),
        ("assignor == Range", "did you mean `range`?"),
        ("quik.lag_records < 3", "there are: quick, slow"),
    ];
    for (requirement, words) in refused {
        let ran = run_in(home.path(), &["run", "half.yaml", "--fail-on", requirement]);
        assert_eq!(ran.code, 2, "{requirement}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{requirement}: {}", ran.err);
        no_results(home.path());
        let (metric, condition) = requirement.split_once(' ').expect("two parts");
        let line = format!("  \"{metric}\": \"{condition}\"\n");
        fs::write(home.path().join("half.yaml"), with_expect(&line)).expect("it can be written");
        let ran = run_in(home.path(), &["check", "half.yaml"]);
        assert_eq!(ran.code, 2, "{requirement}: {}{}", ran.out, ran.err);
        fs::write(home.path().join("half.yaml"), CRASH).expect("it can be written");
    }
}

#[test]
fn what_is_about_to_be_is_known_and_what_the_group_does_not_read_is_not() {
    let text = CRASH
        .replace(
            "topics: { orders:",
            "topics: { pays: { partitions: 1, rate: 1/s }, orders:",
        )
        .replace(
            "  - { at: 20s, crash",
            "  - { at: 10s, partitions: orders, to: 6 }\n  - { at: 20s, crash",
        );
    let home = home(&text);
    let ask = |requirement: &str| {
        let args = [
            "run",
            "half.yaml",
            "--no-out",
            "--variant",
            "quick",
            "--fail-on",
            requirement,
        ];
        run_in(home.path(), &args)
    };
    let ran = ask("lag_records{topic=orders,partition=5} >= 0");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = ask("lag_records{topic=orders,partition=6} >= 0");
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let ran = ask("lag_records{group=g,topic=pays} >= 0");
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let words = "no member of `g` subscribes to `pays`; its topics: orders";
    assert!(ran.err.contains(words), "{}", ran.err);
}

#[test]
fn a_gate_that_judges_nobody_is_refused() {
    let home = home(CRASH);
    let refused = [
        (
            &["--variant", "quick"][..],
            "lag_records < 0% of quick",
            "only `quick` is played",
        ),
        (
            &["--variant", "quick"][..],
            "lag_records < 50% of slow",
            "no variant `slow` is played",
        ),
        (
            &[][..],
            "quick.lag_records < 50% of quick",
            "`quick` is compared with itself",
        ),
    ];
    for (options, requirement, words) in refused {
        let args = [
            &["run", "half.yaml"][..],
            options,
            &["--fail-on", requirement],
        ]
        .concat();
        let ran = run_in(home.path(), &args);
        assert_eq!(ran.code, 2, "{requirement}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{requirement}: {}", ran.err);
        no_results(home.path());
    }
    let itself = with_expect("  quick: { lag_records: \"< 50% of quick\" }\n");
    fs::write(home.path().join("half.yaml"), itself).expect("it can be written");
    let ran = run_in(home.path(), &["check", "half.yaml"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
}

#[test]
fn what_the_scenario_expects_of_variants_that_are_not_played_is_told_to_be_left_out() {
    let home = home(&with_expect(
        "  quick: { lag_records: \"<= 90% of slow\" }\n",
    ));
    let ran = run_in(
        home.path(),
        &["run", "half.yaml", "--no-out", "--variant", "quick"],
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let words = "1 expectation not judged: variant slow is not played";
    assert!(ran.err.contains(words), "{}", ran.err);
}

#[test]
fn variants_are_compared_seed_by_seed_or_by_their_median() {
    let home = home(CRASH);
    let ask = |requirement: &str| {
        let args = ["compare", "half.yaml", "--seeds", "5", "--no-out"];
        run_in(
            home.path(),
            &[&args[..], &["--fail-on", requirement]].concat(),
        )
    };
    let met = [
        "quick.longest_downtime_s <= 50% of slow",
        "median quick.downtime_partition_s < slow",
        "p95 longest_downtime_s < 25s",
        "slow.longest_downtime_s > quick",
        "records_lost == 0",
    ];
    for requirement in met {
        let ran = ask(requirement);
        assert_eq!(ran.code, 0, "{requirement}: {}{}", ran.out, ran.err);
    }
    for requirement in ["slow.longest_downtime_s < quick", "median lag_records < 1"] {
        let ran = ask(requirement);
        assert_eq!(ran.code, 1, "{requirement}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn several_seeds_give_paired_statistics_and_one_true_sentence() {
    let home = home(CRASH);
    let ran = run_in(
        home.path(),
        &["compare", "half.yaml", "--seeds", "6", "--no-out"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "6 seeds, median (5 % to 95 %)",
        "slow loses more partition-seconds than quick in 6 of 6 seeds: ",
        "95 % interval",
    ] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    let args = [
        "compare",
        "half.yaml",
        "--seeds",
        "6",
        "--no-out",
        "--format",
        "json",
    ];
    let document: Value =
        serde_json::from_str(&run_in(home.path(), &args).out).expect("one JSON document");
    let comparisons = document["comparisons"].as_array().expect("a list");
    let longest = comparisons
        .iter()
        .find(|one| one["metric"] == "longest_downtime_s")
        .expect("it is a key metric");
    assert_eq!(
        (&longest["seeds"], &longest["higher"]),
        (&6.into(), &6.into())
    );
}

#[test]
fn that_all_seeds_give_the_same_is_said_and_not_that_others_would() {
    let steady = CRASH.replace("load: [ { poisson: 50/s } ]", "rate_per_partition: 50/s");
    let steady = steady.replace("members: 2,", "members: 2, start: in_step,");
    let home = home(&steady);
    let run = |seeds: &str| {
        run_in(
            home.path(),
            &["run", "half.yaml", "--no-out", "--seeds", seeds],
        )
    };
    let several = run("3");
    let words = "all 3 seeds give the same";
    assert!(several.err.contains(words), "{}", several.err);
    assert!(!several.err.contains("suffices"), "{}", several.err);
    assert!(!run("1").err.contains("give the same"));
}

fn formats(home: &Path, format: &str) -> Ran {
    run_in(home, &["run", "half.yaml", "--no-out", "--format", format])
}

#[test]
fn every_format_is_whole() {
    let text = with_expect("  longest_downtime_s: \"< 12s\"\n");
    let home = home(&text);
    let at = home.path();
    for format in ["text", "json", "ndjson", "csv", "md", "github"] {
        assert_eq!(
            formats(at, format).code,
            1,
            "the gate does not depend on it"
        );
    }

    let document: Value = serde_json::from_str(&formats(at, "json").out).expect("JSON");
    assert_eq!(document["schema"], "rebsim/summary/1");
    assert_eq!(document["variants"][1]["name"], "slow");

    let events = formats(at, "ndjson").out;
    let mut variants = Vec::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).expect("a JSON object a line");
        assert!(
            event["event"].is_string() && event["t_us"].is_u64(),
            "{line}"
        );
        variants.push(event["variant"].as_str().unwrap_or_default().to_owned());
    }
    variants.dedup();
    assert_eq!(variants, ["quick", "slow"], "one run after the other");

    let table = formats(at, "csv").out;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().expect("a header").clone();
    assert_eq!(
        head.iter().take(3).collect::<Vec<_>>(),
        ["variant", "seed", "group"]
    );
    assert_eq!(reader.records().filter(|row| row.is_ok()).count(), 2);

    let page = formats(at, "md").out;
    assert!(page.starts_with("## half\n"), "{page}");
    assert!(page.contains("| longest downtime |"), "{page}");

    let lines = formats(at, "github").out;
    let first = lines.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("::error file=half.yaml,line=14,title=slow.longest_downtime_s not met::"),
        "{first}"
    );
}

#[test]
fn the_results_folder_holds_every_table_and_its_sums() {
    let home = home(CRASH);
    assert_eq!(run_in(home.path(), &["run", "half.yaml"]).code, 0);
    let folder = results(home.path());
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("it can be listed")
        .map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    let all = [
        "SHA256SUMS",
        "expectations.csv",
        "lag.csv",
        "manifest.json",
        "members.csv",
        "ownership.csv",
        "partitions.csv",
        "rebalances.csv",
        "scenario.json",
        "summary.csv",
        "summary.json",
    ];
    assert_eq!(names, all);
    for name in all.iter().filter(|name| name.ends_with(".csv")) {
        let mut reader = csv::Reader::from_path(folder.join(name)).expect("it is there");
        let head = reader.headers().expect("a header").clone();
        assert_eq!(
            head.iter().take(3).collect::<Vec<_>>(),
            ["variant", "seed", "group"],
            "{name}"
        );
        for row in reader.records() {
            row.expect("as many cells as the header");
        }
    }
    let played = fs::read_to_string(folder.join("scenario.json")).expect("it is there");
    fs::write(home.path().join("again.json"), played).expect("it can be written");
    let again = run_in(home.path(), &["run", "again.json", "--out", "twice"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let twin = home
        .path()
        .join("twice")
        .join(folder.file_name().expect("it has a name"));
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).expect("it is there");
    assert_eq!(
        sums(&twin),
        sums(&folder),
        "the resolved scenario gives the same again"
    );
}

#[test]
fn a_model_that_runs_away_is_5_with_what_kept_it_busy_and_the_command_to_repeat() {
    let home = home(CRASH);
    let ran = run_in(
        home.path(),
        &[
            "run",
            "half.yaml",
            "--event-limit",
            "40",
            "--variant",
            "slow",
        ],
    );
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    for part in ["slow, seed 4", "stopped at", "40 control events", "again: "] {
        assert!(ran.err.contains(part), "{part} in {}", ran.err);
    }
    assert!(ran.out.is_empty());
    no_results(home.path());
}
