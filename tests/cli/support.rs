//! Runs the program in an environment that the test chooses.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with a plain environment: UTF-8, no colour wishes, nothing of `REBSIM_*`.
pub(crate) fn rebsim(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rebsim"));
    command.args(args).stdin(Stdio::null());
    plain(&mut command);
    command
}

/// Takes away what the tester's own shell may have set.
pub(crate) fn plain(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        let talks = [
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "GITHUB_ACTIONS",
            "GITHUB_STEP_SUMMARY",
            "JOB_COMPLETION_INDEX",
            "SLURM_ARRAY_TASK_ID",
            "SLURM_ARRAY_TASK_MIN",
            "LC_CTYPE",
            "LANG",
            "TZ",
        ];
        if name_text.starts_with("REBSIM_") || talks.contains(&&*name_text) {
            command.env_remove(&name);
        }
    }
    command.env("LC_ALL", "C.UTF-8");
}

/// What became of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it to the end.
pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program can be started");
    Ran {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).expect("stdout is UTF-8"),
        err: String::from_utf8(stderr).expect("stderr is UTF-8"),
    }
}

/// Runs the program in `folder` with these arguments.
pub(crate) fn run_in(folder: &Path, args: &[&str]) -> Ran {
    ran(rebsim(args).current_dir(folder))
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
