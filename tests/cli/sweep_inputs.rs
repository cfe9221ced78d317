//! What can be varied, and what is refused before anything is played.

use std::fs;

use super::support::run_in;
use super::sweep::{HALF, done, home};

#[test]
fn parameters_are_kafka_keys_paths_groups_and_variants() {
    let home = home();
    let at = home.path();
    let first = |vary: &[&str]| {
        let args = ["sweep", "half.yaml", "--no-out", "--format", "csv"];
        let run = |args: &[&str]| run_in(at, args);
        let ran = run(&[&args[..], vary].concat());
        done(&ran);
        ran.out.lines().count() - 1
    };
    let one = [
        "--vary",
        "session.timeout.ms=10000",
        "--vary",
        "heartbeat.interval.ms=3000",
    ];
    let with = |more: &[&'static str]| first(&[&one[..], more].concat());
    assert_eq!(with(&[]), 2);
    assert_eq!(with(&["--vary", "variant=cooperative"]), 1);
    assert_eq!(with(&["--variant", "eager"]), 1);
    assert_eq!(with(&["--vary", "groups.g.members=2..5"]), 8);
    assert_eq!(with(&["--vary", "duration=30s..50s:10s"]), 6);
    assert_eq!(with(&["--vary", "g:max.poll.records=1,500"]), 4);
    assert_eq!(
        with(&["--vary", "group.initial.rebalance.delay.ms=0,3000"]),
        4
    );
    assert_eq!(
        with(&[
            "--vary",
            "partition.assignment.strategy=range,[range,sticky]"
        ]),
        4
    );
}

#[test]
fn a_parameter_does_what_the_option_of_the_same_name_does() {
    let home = home();
    let at = home.path();
    let cell = |text: &str, column: &str| {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let head = reader.headers().expect("a header").clone();
        let at = head
            .iter()
            .position(|name| name == column)
            .expect("the column");
        let mut rows = reader.records();
        let row = rows.next().expect("a row").expect("a whole row");
        row.get(at).expect("a cell").to_owned()
    };
    let one = ["--no-out", "--format", "csv", "--variant", "eager"];
    for (key, option) in [
        ("session.timeout.ms=7000", "--config"),
        ("g:session.timeout.ms=8000", "--config"),
        ("groups.g.members=3", "--set"),
    ] {
        let vary = [
            "sweep",
            "half.yaml",
            "--vary",
            key,
            "--vary",
            "heartbeat.interval.ms=3000",
        ];
        let vary = match key {
            "session.timeout.ms=7000" => vary.to_vec(),
            _ => [&vary[..], &["--vary", "session.timeout.ms=9000"]].concat(),
        };
        let set = [
            "run",
            "half.yaml",
            option,
            key,
            "--config",
            "heartbeat.interval.ms=3000",
        ];
        let set = match key {
            "groups.g.members=3" => [&set[..], &["--config", "session.timeout.ms=9000"]].concat(),
            _ => set.to_vec(),
        };
        let swept = run_in(at, &[&vary[..], &one].concat());
        let run = run_in(at, &[&set[..], &one].concat());
        for column in ["downtime_partition_s", "lag_records", "records_processed"] {
            let (swept, run) = (cell(&swept.out, column), cell(&run.out, column));
            assert_eq!(swept, run, "{key}: {column}");
        }
    }
}

#[test]
fn what_cannot_be_swept_is_refused_before_anything_is_played() {
    let home = home();
    let at = home.path();
    let plain = HALF
        .split("matrix:")
        .next()
        .expect("what precedes the matrix");
    fs::write(at.join("plain.yaml"), plain).expect("it can be written");
    let refused: [(&[&str], i32, &str); 14] = [
        (&["plain.yaml"], 2, "nothing to vary"),
        (
            &["half.yaml", "--vary", "sesion.timeout.ms=1"],
            2,
            "did you mean `session.timeout.ms`?",
        ),
        (&["half.yaml", "--vary", "duration"], 2, "varies nothing"),
        (&["half.yaml", "--vary", "duration=9..1"], 2, "empty"),
        (&["half.yaml", "--vary", "duration=60"], 2, "no unit"),
        (&["half.yaml", "--vary", "seed=1,2"], 2, "--seeds"),
        (
            &["half.yaml", "--vary", "variant=lazy"],
            2,
            "no variant `lazy`",
        ),
        (
            &["half.yaml", "--vary", "groups.h.members=1"],
            2,
            "groups.h.members",
        ),
        (
            &["half.yaml", "--config", "session.timeout.ms=9000"],
            2,
            "varied, and set",
        ),
        (
            &["half.yaml", "--vary", "session.timeout.ms=1"],
            4,
            "Kafka would refuse",
        ),
        (&["half.yaml", "--shard", "5/4"], 2, "no shard 5 of 4"),
        (
            &["half.yaml", "--shard", "1/4", "--format", "md"],
            2,
            "a shard alone",
        ),
        (
            &["half.yaml", "--shard-count", "4"],
            2,
            "JOB_COMPLETION_INDEX",
        ),
        (&["half.yaml", "--metric", "downtime"], 2, "downtime"),
    ];
    for (args, code, word) in refused {
        let ran = run_in(at, &[&["sweep"], args].concat());
        assert_eq!((ran.code, &*ran.out), (code, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(word), "{args:?}: {word} in {}", ran.err);
        assert!(
            !at.join("results").exists(),
            "{args:?}: nothing was written"
        );
    }
}
