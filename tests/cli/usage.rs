//! Help, wrong usage, pipes, and inputs that are not there.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::support::{ran, rebsim, run_in};

const VERBS: [&str; 7] = [
    "run", "compare", "check", "assign", "explain", "init", "generate",
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
#[ignore = "waits for the shipped examples"]
fn a_scenario_that_does_not_exist_is_refused_with_the_nearest_name_and_nothing_is_written() {
    let home = tempfile::tempdir().expect("a folder for the test");
    for verb in ["run", "compare", "check"] {
        let refused = run_in(home.path(), &[verb, "nightly-deplyo"]);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{verb}");
        assert!(
            refused.err.contains("did you mean `nightly-deploy`?"),
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
#[ignore = "waits for the assignors"]
fn an_input_that_exists_but_cannot_be_read_is_3() {
    let home = tempfile::tempdir().expect("a folder for the test");
    // Reading the first page of a process's memory is an error for everybody, root included.
    for verb in ["run", "check", "assign"] {
        let refused = run_in(home.path(), &[verb, "/proc/self/mem"]);
        assert_eq!(
            (refused.code, &*refused.out),
            (3, ""),
            "{verb}: {}",
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
