//! On the command line: every output says that it is approximate, jobs and shards change nothing, and what cannot be played is refused.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SCENARIO: &str = "version: 1
name: small
duration: 2m
topics: { orders: { partitions: 6, load: [ { poisson: 300/s } ] } }
groups:
  g: { topics: [orders], members: 3, processing: { per_record: 1ms } }
events:
  - { at: 40s, crash: g/0 }
variants:
  six: { config: { session.timeout.ms: 6000 } }
  ten: { config: { session.timeout.ms: 10000 } }
expect: { rebalances: \"== 0\" }
";

fn rebsim(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rebsim"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("small.yaml"), SCENARIO).expect("it can be written");
    home
}

#[test]
fn every_output_says_that_it_is_approximate() {
    let home = home();
    let fluid = ["--fidelity", "fluid", "--seeds", "1..2"];
    for (verb, format, mark) in [
        ("run", "text", "(fluid: approximate)"),
        ("compare", "text", "(fluid: approximate)"),
        ("run", "md", "(fluid: approximate)"),
        ("run", "github", "(fluid: approximate)"),
        ("run", "json", "\"fidelity\": \"fluid\""),
        ("run", "csv", ",fluid\n"),
        (
            "run",
            "ndjson",
            "\"event\":\"approximate\",\"fidelity\":\"fluid\"",
        ),
        ("sweep", "text", "(fluid: approximate)"),
        ("sweep", "md", "(fluid: approximate)"),
        ("sweep", "json", "\"fidelity\": \"fluid\""),
        ("sweep", "csv", ",fluid\n"),
    ] {
        let mut arguments = vec![verb, "small.yaml", "--no-out", "--format", format];
        if verb == "sweep" {
            arguments.extend(["--vary", "heartbeat.interval.ms=1000,3000"]);
        }
        let said = stdout(&rebsim(home.path(), &[&arguments[..], &fluid].concat()));
        assert!(said.contains(mark), "{verb} {format}: {said}");
        let exact = stdout(&rebsim(
            home.path(),
            &[&arguments[..], &fluid[2..]].concat(),
        ));
        assert!(
            !exact.is_empty() && !exact.contains("fluid"),
            "{verb} {format}: {exact}"
        );
    }
    let export = [
        "run",
        "small.yaml",
        "--no-out",
        "--export",
        "junit=junit.xml",
    ];
    rebsim(home.path(), &[&export[..], &fluid].concat());
    let junit = fs::read_to_string(home.path().join("junit.xml")).expect("it was written");
    assert!(
        junit.contains("small / six (fluid: approximate)"),
        "{junit}"
    );
}

/// The only folder below `out`.
fn folder(out: &Path) -> std::path::PathBuf {
    let mut entries = fs::read_dir(out).expect("results were written").flatten();
    entries.next().expect("there is one").path()
}

#[test]
fn results_are_told_apart_and_not_compared_with_exact_ones() {
    let home = home();
    rebsim(home.path(), &["run", "small.yaml", "--out", "exact"]);
    rebsim(
        home.path(),
        &["run", "small.yaml", "--out", "fluid", "--fidelity", "fluid"],
    );
    let [exact, fluid] = ["exact", "fluid"].map(|out| folder(&home.path().join(out)));
    assert_ne!(exact.file_name(), fluid.file_name());
    let manifest = fs::read_to_string(fluid.join("manifest.json")).expect("it is there");
    assert!(manifest.contains("\"fidelity\": \"fluid\""), "{manifest}");
    let against = [
        "run",
        "small.yaml",
        "--no-out",
        "--baseline",
        "exact",
        "--fidelity",
        "fluid",
    ];
    let refused = rebsim(home.path(), &against);
    assert_eq!(refused.status.code(), Some(2));
    let fluid = fluid.display().to_string();
    let looked = rebsim(home.path(), &["show", &fluid, "--at", "1m"]);
    assert_eq!(looked.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&looked.stderr).contains("approximate"));
}

#[test]
fn jobs_and_shards_change_nothing() {
    let home = home();
    let sweep = [
        "sweep",
        "small.yaml",
        "--fidelity",
        "fluid",
        "--seeds",
        "5",
        "--vary",
        "heartbeat.interval.ms=1000,3000",
    ];
    for (out, jobs) in [("one", "1"), ("two", "2")] {
        let more = ["--out", out, "--jobs", jobs];
        assert!(
            rebsim(home.path(), &[&sweep[..], &more].concat())
                .status
                .success()
        );
    }
    for shard in ["1/3", "2/3", "3/3"] {
        let more = ["--out", "shards", "--shard", shard];
        assert!(
            rebsim(home.path(), &[&sweep[..], &more].concat())
                .status
                .success()
        );
    }
    let merged = rebsim(home.path(), &["merge", "shards", "--out", "merged"]);
    assert!(
        merged.status.success(),
        "{}",
        String::from_utf8_lossy(&merged.stderr)
    );
    let sums = ["one", "two", "merged"].map(|out| {
        fs::read_to_string(folder(&home.path().join(out)).join("SHA256SUMS"))
            .expect("there are sums")
    });
    assert!(sums[0] == sums[1] && sums[1] == sums[2], "{sums:#?}");
}

#[test]
fn what_needs_single_records_is_refused_at_its_place() {
    let home = home();
    for (line, place) in [
        (
            "  g: { topics: [orders], members: 3, processing: { per_record: 1ms, threads: 4 } }",
            "6:69",
        ),
        (
            "  g: { topics: [orders], members: 3, commit: after_batch }",
            "6:38",
        ),
        (
            "  g: { topics: [orders], members: 3, processing: { per_record: 1ms, failures: { share: 1%, retries: 2, backoff: 1s } } }",
            "6:69",
        ),
    ] {
        let old = SCENARIO.lines().nth(5).expect("the group");
        fs::write(
            home.path().join("refused.yaml"),
            SCENARIO.replace(old, line),
        )
        .expect("it can be written");
        for vary in [&[][..], &["--vary", "heartbeat.interval.ms=1000,3000"]] {
            let verb = if vary.is_empty() { "run" } else { "sweep" };
            let arguments = [verb, "refused.yaml", "--no-out", "--fidelity", "fluid"];
            let output = rebsim(home.path(), &[&arguments[..], vary].concat());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(
                said.contains("E0023") && said.contains(place),
                "{line}: {said}"
            );
            assert!(said.contains("leave out --fidelity fluid"), "{said}");
        }
    }
    for (option, text) in [
        ("--vary", "groups.g.processing.threads=1,4"),
        ("--set", "groups.g.processing.threads=4"),
    ] {
        let play = ["sweep", "small.yaml", "--no-out", "--fidelity", "fluid"];
        let mut arguments = [&play[..], &[option, text]].concat();
        if option == "--set" {
            arguments.extend(["--vary", "heartbeat.interval.ms=1000,3000"]);
        }
        let output = rebsim(home.path(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("E0023") && said.contains(option), "{said}");
    }
    let poisoned = SCENARIO.replace("crash: g/0", "poison: orders-1");
    fs::write(home.path().join("refused.yaml"), poisoned).expect("it can be written");
    let output = rebsim(
        home.path(),
        &["run", "refused.yaml", "--no-out", "--fidelity", "fluid"],
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("8:16") && said.contains("poison"), "{said}");
}
