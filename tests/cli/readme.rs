//! The transcripts of `README.md` are real: every `$ ` line of a `console` block is run and its output compared.
//!
//! Commands run one after the other in one scratch folder, so that one may use what the one before wrote. Only stdout
//! counts; a code other than 0 is the last line, as `[exit 1]`. `UPDATE_README=1` writes what came out.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::{plain, ran, root};

/// What precedes the program's arguments in the README, where nobody has installed it yet.
const FROM_SOURCE: &str = "cargo run --release -q -- ";

#[test]
fn every_transcript_of_the_readme_is_real() {
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).expect("the README can be read");
    let scratch = tempfile::tempdir().expect("a folder for the test");
    let real = with_real_output(&text, |command| output(command, scratch.path()));
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, real).expect("the README can be written");
        return;
    }
    for (number, (written, real)) in text.lines().zip(real.lines()).enumerate() {
        assert_eq!(
            written,
            real,
            "README.md:{}; UPDATE_README=1 rewrites it",
            number + 1
        );
    }
    assert_eq!(text, real, "UPDATE_README=1 rewrites it");
}

/// The text with the output of every command of its `console` blocks replaced by what `output` says.
fn with_real_output(text: &str, mut output: impl FnMut(&str) -> String) -> String {
    let mut real = String::new();
    let mut in_transcript = false;
    for line in text.lines() {
        if in_transcript && line != "```" {
            let Some(command) = line.strip_prefix("$ ") else {
                continue;
            };
            real.push_str(line);
            real.push('\n');
            real.push_str(&output(command));
        } else {
            in_transcript = line == "```console";
            real.push_str(line);
            real.push('\n');
        }
    }
    real
}

/// What a command prints, run by a shell in `folder` with the program on its path.
fn output(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_rebsim"));
    let home = program.parent().expect("the program is in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(home.to_path_buf()).chain(std::env::split_paths(&path)),
    );
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command.replace(FROM_SOURCE, "rebsim "))
        .current_dir(folder)
        .env("PATH", path.expect("folders of a path can be joined"));
    plain(&mut shell);
    let ran = ran(&mut shell);
    let mut text = ran.out;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if ran.code != 0 {
        text.push_str(&format!("[exit {}]\n", ran.code));
    }
    text
}

#[test]
fn a_transcript_keeps_its_commands_and_gets_their_output() {
    let text = "a\n```console\n$ one\nold\n$ two\n```\nb\n```sh\n$ three\nx\n```\n";
    let real = with_real_output(text, |command| format!("<{command}>\n"));
    let expected = "a\n```console\n$ one\n<one>\n$ two\n<two>\n```\nb\n```sh\n$ three\nx\n```\n";
    assert_eq!(real, expected);
}
