//! Help, wrong usage, pipes, and inputs that are not there.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::support::{ran, rebsim, root, run_in};

const VERBS: [&str; 10] = [
    "run", "compare", "sweep", "merge", "check", "assign", "show", "explain", "init", "generate",
];

#[test]
fn help_is_a_result_and_no_arguments_are_wrong_usage() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for verb in VERBS {
        let help = run_in(home.path(), &[verb, "--help"]);
        assert_eq!((help.code, &*help.err), (0, ""), "{verb}");
        assert!(
            help.out.starts_with("Examples:\n  rebsim "),
            "{verb}: {}",
            help.out
        );
    }
    let version = run_in(home.path(), &["--version"]);
    assert_eq!(version.code, 0);
    assert!(version.out.starts_with("rebsim "));
    for wrong in [
        &[][..],
        &["sing"],
        &["run", "--loud"],
        &["run", "x", "--seeds", "0"],
    ] {
        let refused = run_in(home.path(), wrong);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{wrong:?}");
        assert!(!refused.err.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_scenario_that_does_not_exist_is_refused_with_the_nearest_name_and_nothing_is_written() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for verb in ["run", "compare", "check"] {
        let refused = run_in(home.path(), &[verb, "checkout-deplyo"]);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{verb}");
        assert!(
            refused.err.contains("did you mean `checkout-deploy`?"),
            "{}",
            refused.err
        );
    }
    assert_eq!(fs::read_dir(home.path()).expect("it is there").count(), 0);
}

#[test]
fn nothing_selected_is_4() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for nothing in [
        &["run"][..],
        &["compare"],
        &["run", "."],
        &["check", "."],
        &["check"],
    ] {
        let ran = run_in(home.path(), nothing);
        assert_eq!((ran.code, &*ran.out), (4, ""), "{nothing:?}: {}", ran.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_input_that_exists_but_cannot_be_read_is_3() {
    let home = tempfile::tempdir().expect("a folder for the test");
    // Reading the first page of a process's memory is an error for everybody, root included.
    for verb in ["run", "compare", "check", "assign"] {
        let refused = run_in(home.path(), &[verb, "/proc/self/mem"]);
        assert_eq!(refused.code, 3, "{verb}: {}{}", refused.out, refused.err);
        let is_told = refused.err.contains("/proc/self/mem");
        assert!(
            is_told || verb == "check" && refused.out.contains("E0005"),
            "{}",
            refused.err
        );
    }
}

#[test]
fn junk_is_refused_quickly() {
    let home = tempfile::tempdir().expect("a folder for the test");
    fs::write(home.path().join("junk.yaml"), b"version: 1\n\xff\xfe\0").expect("it can be written");
    let large = fs::File::create(home.path().join("large.yaml")).expect("it can be made");
    large.set_len(1 << 30).expect("it can be a hole");
    for name in ["junk.yaml", "large.yaml"] {
        let refused = run_in(home.path(), &["run", name]);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{}", refused.err);
        assert!(refused.err.contains(name), "{}", refused.err);
    }
    assert!(!home.path().join("results").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = rebsim(&["generate", "completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut one = [0_u8; 1];
    let mut out = child.stdout.take().expect("stdout is piped");
    out.read_exact(&mut one).expect("there is a first byte");
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disc_is_3() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let full = full.expect("Linux has a device that is always full");
    let ran = ran(rebsim(&["generate", "man"]).stdout(full));
    assert_eq!(ran.code, 3, "{}", ran.err);
}

/// `--export junit=>(filter)` of a shell is a pipe, and what is renamed over a device destroys it for everybody.
#[cfg(target_os = "linux")]
#[test]
fn an_export_goes_into_a_pipe_and_through_a_link_and_replaces_neither() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let home = tempfile::tempdir().expect("a folder for the test");
    let at = home.path();
    let (pipe, link, real) = (at.join("pipe"), at.join("link.xml"), at.join("real.xml"));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is mkfifo").success());
    fs::write(&real, "before").expect("it can be written");
    symlink("real.xml", &link).expect("it can be made");
    let from = pipe.clone();
    let reader = std::thread::spawn(move || fs::read_to_string(from).expect("it can be read"));
    let args = ["run", "crash", "--variant", "gone", "--no-out", "-q"];
    let exports = ["--export", "junit=pipe", "--export", "junit=link.xml"];
    let ran = run_in(at, &[&args[..], &exports].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let piped = reader.join().expect("no panic");
    assert!(piped.ends_with("</testsuites>\n"), "{piped}");
    assert_eq!(fs::read_to_string(&real).expect("it is there"), piped);
    assert!(link.symlink_metadata().expect("it is there").is_symlink());
    let pipe = pipe.symlink_metadata().expect("it is there").file_type();
    assert!(pipe.is_fifo());
}

#[test]
fn two_exports_into_one_file_are_refused_before_anything_is_played() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let twice = ["--export", "junit=a.txt", "--export", "json=a.txt"];
    let ran = run_in(home.path(), &[&["run", "crash"][..], &twice].concat());
    assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("`a.txt` is named twice"), "{}", ran.err);
    let left = fs::read_dir(home.path()).expect("it is there").count();
    assert_eq!(left, 0, "nothing is written");
}

#[test]
fn a_page_of_a_step_that_cannot_be_written_costs_no_other_output() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let args = ["run", "crash", "--variant", "gone", "--no-out", "-q"];
    let more = ["--format", "json", "--export", "junit=a.xml"];
    let mut command = rebsim(&[&args[..], &more].concat());
    command.current_dir(home.path());
    command.env("GITHUB_STEP_SUMMARY", home.path().join("absent/page.md"));
    let ran = ran(&mut command);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("page.md"), "{}", ran.err);
    assert!(ran.out.contains("rebsim/summary/1"), "{}", ran.out);
    assert!(home.path().join("a.xml").is_file());
}

#[test]
fn the_manual_and_the_completions_are_whole() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for verb in VERBS {
        let page = run_in(home.path(), &["generate", "man", verb]);
        assert_eq!(page.code, 0, "{}", page.err);
        assert!(
            page.out.contains(&format!(".TH rebsim-{verb} ")),
            "{}",
            page.out
        );
    }
    let refused = run_in(home.path(), &["generate", "man", "rum"]);
    assert!(refused.code == 2 && refused.err.contains("did you mean `run`?"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run_in(home.path(), &["generate", "completions", shell]);
        assert_eq!(script.code, 0, "{}", script.err);
        for verb in VERBS {
            assert!(script.out.contains(verb), "{shell}: {verb}");
        }
        // The shells that happen to be there read it without running it.
        let checks = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn();
        let (true, Ok(mut check)) = (["bash", "zsh", "fish"].contains(&shell), checks) else {
            continue;
        };
        let mut stdin = check.stdin.take().expect("stdin is piped");
        stdin
            .write_all(script.out.as_bytes())
            .expect("the shell reads it");
        drop(stdin);
        assert!(check.wait().expect("it ends").success(), "{shell} -n");
    }
}

#[test]
fn colour_comes_only_where_it_is_wanted() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let plain = run_in(home.path(), &["run", "nowhere"]);
    assert!(
        !plain.err.contains('\u{1b}') && !plain.err.contains('\r'),
        "{}",
        plain.err
    );
    let asked = run_in(home.path(), &["run", "nowhere", "--color", "always"]);
    assert!(asked.err.contains('\u{1b}'), "{}", asked.err);
    let forced = ran(rebsim(&["run", "nowhere"]).env("CLICOLOR_FORCE", "1"));
    assert!(forced.err.contains('\u{1b}'), "{}", forced.err);
    let refused = ran(rebsim(&["run", "nowhere"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1"));
    assert!(!refused.err.contains('\u{1b}'), "{}", refused.err);
}

#[test]
fn assign_answers_every_case_in_order_and_stops_at_a_bad_one() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let golden = fs::read_to_string(root().join("tests/golden/assignors/range.jsonl"));
    let golden = golden.expect("the golden cases are there");
    let cases: Vec<&str> = golden.lines().take(3).collect();
    fs::write(home.path().join("good.jsonl"), cases.join("\n")).expect("it can be written");
    let good = run_in(home.path(), &["assign", "good.jsonl"]);
    assert_eq!(
        (good.code, good.out.lines().count()),
        (0, 3),
        "{}",
        good.err
    );
    for (case, line) in cases.iter().zip(good.out.lines()) {
        let case: serde_json::Value = serde_json::from_str(case).expect("a golden case is JSON");
        let line: serde_json::Value = serde_json::from_str(line).expect("an answer is JSON");
        assert_eq!(line["assignment"], case["assignment"]);
    }
    let bad = [cases[0], "{}", cases[1]].join("\n");
    fs::write(home.path().join("bad.jsonl"), bad).expect("it can be written");
    let refused = run_in(home.path(), &["assign", "bad.jsonl"]);
    assert_eq!(
        (refused.code, refused.out.lines().count()),
        (2, 1),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("bad.jsonl:2:"), "{}", refused.err);
    let table = run_in(home.path(), &["assign", "good.jsonl", "--format", "text"]);
    assert!(
        table.code == 0 && table.out.contains("balance:"),
        "{}",
        table.out
    );
    assert_eq!(run_in(home.path(), &["assign", "nowhere.jsonl"]).code, 2);
}

#[test]
fn check_tells_every_mistake_with_its_place_and_writes_nothing() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let bad = "version: 1\nname: x\nduration: 300\ntopics: { orders: { partitons: 1 } }\n";
    fs::write(home.path().join("bad.yaml"), bad).expect("it can be written");
    let text = run_in(home.path(), &["check", "bad.yaml"]);
    assert_eq!((text.code, &*text.err), (2, ""));
    for part in [
        "bad.yaml:3:11",
        "bad.yaml:4:21",
        "did you mean `partitions`?",
        "errors",
    ] {
        assert!(text.out.contains(part), "{part}\n{}", text.out);
    }
    let data = run_in(home.path(), &["check", "bad.yaml", "--format", "json"]);
    let data: serde_json::Value = serde_json::from_str(&data.out).expect("it is JSON");
    let found = data["files"][0]["diagnostics"].as_array().expect("a list");
    assert!(
        found
            .iter()
            .any(|finding| finding["line"] == 3 && finding["column"] == 11)
    );
    let github = ran(rebsim(&["check", "bad.yaml"])
        .env("GITHUB_ACTIONS", "true")
        .current_dir(home.path()));
    assert!(
        github.out.starts_with("::error file=bad.yaml,line="),
        "{}",
        github.out
    );
    for verb in ["run", "compare"] {
        let refused = run_in(home.path(), &[verb, "bad.yaml"]);
        assert_eq!((refused.code, &*refused.out), (2, ""));
        assert!(refused.err.contains("bad.yaml:4:21"), "{}", refused.err);
    }
    assert_eq!(fs::read_dir(home.path()).expect("it is there").count(), 1);
}

#[test]
fn a_scenario_may_come_from_stdin_and_extend_a_file() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let example = run_in(home.path(), &["init"]);
    fs::write(home.path().join("base.yaml"), example.out).expect("it can be written");
    let mut child = rebsim(&["check", "-", "--resolved"])
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let child_text = b"{version: 1, name: child, extends: base.yaml, duration: 11m}";
    stdin.write_all(child_text).expect("it is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let resolved: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(resolved["duration"], "11m");
    assert_eq!(resolved["groups"]["checkout"]["members"], 6);
}

#[test]
fn codes_and_examples_are_listed_and_found() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let codes = run_in(home.path(), &["explain", "--list"]);
    assert!(codes.out.lines().count() >= 25);
    for line in codes.out.lines() {
        let code = line.split(' ').next().expect("a code");
        let explained = run_in(home.path(), &["explain", code]);
        assert_eq!(explained.code, 0, "{}", explained.err);
        assert!(explained.out.lines().count() >= 3, "{}", explained.out);
        assert!(
            explained.out.lines().all(|line| line.chars().count() <= 80),
            "{}",
            explained.out
        );
    }
    assert_eq!(run_in(home.path(), &["explain", "E9999"]).code, 2);
    let list = run_in(home.path(), &["init", "--list"]);
    for name in list
        .out
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        let text = run_in(home.path(), &["init", name]).out;
        fs::write(home.path().join("x.yaml"), text).expect("it can be written");
        let checked = run_in(home.path(), &["check", "--strict", "x.yaml"]);
        assert_eq!(checked.code, 0, "{name}: {}", checked.out);
    }
    assert_eq!(run_in(home.path(), &["init", "nothing"]).code, 2);
}

#[test]
fn help_names_no_option_or_format_that_the_verb_has_not() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let merge = run_in(home.path(), &["merge", "--help"]).out;
    assert!(
        !merge.contains("dry-run") && !merge.contains("ndjson"),
        "{merge}"
    );
    let refused = run_in(home.path(), &["merge", ".", "--format", "ndjson"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("possible values: text, json"),
        "{}",
        refused.err
    );
    let program = run_in(home.path(), &["--help"]).out;
    assert!(program.contains("What is typed wins over"), "{program}");
}
