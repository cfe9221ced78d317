//! The files under `docs/deploy` and the workflow are not only text: they are parsed, their commands run, and where a scheduler is
//! installed the scheduler runs them.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::{Ran, plain, ran, root, run_in};
use super::sweep::{HALF, files, home};

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).expect("it is committed");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A command of a shell, with the program on its path.
fn shell(line: &str, folder: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-euc").arg(line).current_dir(folder);
    plain(&mut shell);
    shell.env("PATH", path());
    shell
}

fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_rebsim"));
    let own = program.parent().expect("the program is in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(own.to_path_buf()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("folders of a path can be joined")
}

#[test]
fn the_workflow_runs_when_scenarios_change_and_its_commands_pass() {
    let flow = yaml(".github/workflows/rebalance-gate.yml");
    let paths = flow["on"]["pull_request"]["paths"]
        .as_array()
        .expect("a path filter");
    assert!(!paths.is_empty());
    for path in paths {
        let path = path.as_str().expect("a glob");
        let fixed = path.split(['*', '[']).next().unwrap_or_default();
        assert!(root().join(fixed).exists(), "{path} matches nothing");
    }
    let steps = flow["jobs"]["gate"]["steps"].as_array().expect("steps");
    let commands = steps.iter().filter_map(|step| step["run"].as_str());
    let out = tempfile::tempdir().expect("a folder for the test");
    let mut played = 0;
    for line in commands.filter(|line| line.starts_with("rebsim ")) {
        let mut command = shell(line, root());
        command
            .env("REBSIM_OUT", out.path().join("results"))
            .env("RUNNER_TEMP", out.path())
            .env("GITHUB_STEP_SUMMARY", out.path().join("summary.md"));
        let ran = ran(&mut command);
        assert_eq!(ran.code, 0, "{line}\n{}{}", ran.out, ran.err);
        played += 1;
    }
    assert_eq!(played, 2);
    for name in ["summary.md", "junit.xml"] {
        let text = fs::read_to_string(out.path().join(name)).expect("it was written");
        assert!(text.contains("rolling-deploy"), "{name}: {text}");
    }
}

#[test]
fn the_indexed_job_plays_every_shard_and_retries_only_what_may_pass() {
    let job = yaml("docs/deploy/kubernetes-job.yaml");
    assert_eq!(
        (&job["apiVersion"], &job["kind"]),
        (&"batch/v1".into(), &"Job".into())
    );
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    assert!(
        spec["backoffLimitPerIndex"]
            .as_u64()
            .is_some_and(|limit| limit > 0)
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(
        pod["restartPolicy"], "Never",
        "what podFailurePolicy asks for"
    );
    let container = &pod["containers"][0];
    let rules = spec["podFailurePolicy"]["rules"].as_array().expect("rules");
    let by_code = rules
        .iter()
        .find(|rule| rule["action"] == "FailIndex")
        .expect("one by code");
    assert_eq!(by_code["onExitCodes"]["containerName"], container["name"]);
    assert_eq!(by_code["onExitCodes"]["operator"], "In");
    let codes: Vec<u64> = by_code["onExitCodes"]["values"]
        .as_array()
        .expect("codes")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    // Of the codes in --help these are the ones that no retry helps.
    assert_eq!(codes, [1, 2, 4, 5, 70]);
    let variables: BTreeMap<&str, &Value> = container["env"]
        .as_array()
        .expect("variables")
        .iter()
        .filter_map(|one| Some((one["name"].as_str()?, one)))
        .collect();
    let index = &variables["REBSIM_SHARD_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"];
    assert_eq!(
        *index,
        "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    );
    let count = variables["REBSIM_SHARD_COUNT"]["value"]
        .as_str()
        .expect("a text");
    let completions = spec["completions"].as_u64().expect("a number");
    assert_eq!(count, completions.to_string());

    // What the pods do, one after the other, with what the container is given.
    let home = home();
    let at = home.path();
    let args: Vec<&str> = container["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .filter_map(Value::as_str)
        .map(|arg| match arg {
            "/scenarios/scenario.yaml" => "half.yaml",
            "/results" => "pods",
            arg => arg,
        })
        .collect();
    for index in 0..completions {
        let mut pod = super::support::rebsim(&args);
        pod.current_dir(at)
            .env("REBSIM_SHARD_INDEX", index.to_string())
            .env("REBSIM_SHARD_COUNT", count);
        let ran = ran(&mut pod);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    let merged = run_in(at, &["merge", "pods", "--out", "merged"]);
    assert_eq!(merged.code, 0, "{}", merged.err);
    let seeds = args
        .iter()
        .position(|arg| *arg == "--seeds")
        .expect("seeds are said");
    let whole = [
        "sweep",
        "half.yaml",
        "--out",
        "whole",
        "--seeds",
        args[seeds + 1],
    ];
    assert_eq!(run_in(at, &whole).code, 0);
    assert_eq!(files(&at.join("merged")), files(&at.join("whole")));
}

/// Whether the tools are there; says loudly when they are not.
fn has(tools: &[&str]) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).chain(more).collect();
    let is_there = |tool: &&&str| folders.iter().any(|folder| folder.join(tool).is_file());
    let missing: Vec<&&str> = tools.iter().filter(|tool| !is_there(tool)).collect();
    if !missing.is_empty() {
        told(&format!("SKIPPED: not installed: {missing:?}"));
    }
    missing.is_empty()
}

/// A line that is seen even when the test passes.
fn told(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn whole(at: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let ran = run_in(
        at,
        &["sweep", "half.yaml", "--seeds", "3", "--out", "whole"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    files(&at.join("whole"))
}

fn merged(at: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let ran = run_in(at, &["merge", "parts", "--out", "merged"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    files(&at.join("merged"))
}

#[test]
fn gnu_parallel_merges_to_the_same_bytes() {
    if !has(&["parallel"]) {
        return;
    }
    let home = home();
    let at = home.path();
    let readme = fs::read_to_string(root().join("README.md")).expect("the README can be read");
    let line = readme
        .lines()
        .find(|line| line.starts_with("parallel "))
        .expect("its recipe");
    let line = line.split('#').next().unwrap_or(line).trim_end();
    let line = line
        .replace("mine.yaml", "half.yaml")
        .replace("parts/", "parts");
    let ran: Ran = ran(&mut shell(&line, at));
    assert_eq!(ran.code, 0, "{line}\n{}{}", ran.out, ran.err);
    let seeds = ["sweep", "half.yaml", "--seeds", "20", "--out", "whole"];
    assert!(line.contains("--seeds 20 "), "{line}");
    assert_eq!(run_in(at, &seeds).code, 0);
    assert_eq!(merged(at), files(&at.join("whole")));
}

/// Daemons of a scheduler on this machine alone, stopped at the end.
struct Daemons(Vec<Child>);

impl Drop for Daemons {
    fn drop(&mut self) {
        for child in self.0.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until `ready`, for at most a minute.
fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..600 {
        if ready() {
            return;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a scheduler works by the wall clock"
        )]
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what} does not come up");
}

/// One node: `munged`, `slurmctld` and `slurmd` on the loopback, with everything that they write below `at`.
fn slurm(at: &Path) -> Daemons {
    let socket = at.join("munge.socket");
    let key = at.join("munge.key");
    fs::write(&key, [7; 1024]).expect("it can be written");
    let mut mode = fs::metadata(&key).expect("it is there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
    fs::set_permissions(&key, mode).expect("it can be changed");
    let template = fs::read_to_string(root().join("docs/deploy/slurm-one-node.conf"))
        .expect("it is committed");
    let host = ran(&mut shell("hostname -s", at)).out.trim().to_owned();
    let user = ran(&mut shell("id -un", at)).out.trim().to_owned();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let conf = template
        .replace("@FOLDER@", at.to_str().expect("a test's path is UTF-8"))
        .replace("@HOST@", &host)
        .replace("@USER@", &user)
        .replace("@CPUS@", &processors.to_string());
    fs::write(at.join("slurm.conf"), conf).expect("it can be written");
    fs::create_dir_all(at.join("state")).expect("it can be made");
    fs::create_dir_all(at.join("spool")).expect("it can be made");
    let mut daemons = Daemons(Vec::new());
    let mut start = |line: String| {
        let child = shell(&format!("exec {line}"), at)
            .env("SLURM_CONF", at.join("slurm.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        daemons.0.push(child.expect("it can be started"));
    };
    start(format!(
        "/usr/sbin/munged --force --foreground --socket={} --key-file={} --log-file={} --pid-file={} --seed-file={}",
        socket.display(),
        key.display(),
        at.join("munge.log").display(),
        at.join("munge.pid").display(),
        at.join("munge.seed").display(),
    ));
    wait_for("munged", || socket.exists());
    start("/usr/sbin/slurmctld -D".to_owned());
    start("/usr/sbin/slurmd -D".to_owned());
    wait_for("Slurm", || {
        let mut info = shell("sinfo --noheader --format=%t", at);
        info.env("SLURM_CONF", at.join("slurm.conf"));
        ran(&mut info).out.trim() == "idle"
    });
    daemons
}

#[test]
fn a_slurm_array_merges_to_the_same_bytes() {
    if !has(&["munged", "slurmctld", "slurmd", "sbatch", "sinfo"]) {
        return;
    }
    let is_root = ran(&mut shell("id -u", root())).out.trim() == "0";
    if !is_root {
        told("SKIPPED: slurmd starts jobs for other users and so wants to be root");
        return;
    }
    let home = home();
    let at = home.path();
    fs::write(at.join("half.yaml"), HALF).expect("it can be written");
    let whole = whole(at);
    let _daemons = slurm(at);
    let script = root().join("docs/deploy/slurm-array.sh");
    let line = format!(
        "sbatch --wait --output={0}/%a.log {1} half.yaml parts --seeds 3",
        at.display(),
        script.display()
    );
    let mut batch = shell(&line, at);
    batch.env("SLURM_CONF", at.join("slurm.conf"));
    let ran = ran(&mut batch);
    let logs = |number: u32| fs::read_to_string(at.join(format!("{number}.log")));
    let logs: Vec<String> = (1..=8).filter_map(|number| logs(number).ok()).collect();
    assert_eq!(ran.code, 0, "{line}\n{}{}{logs:#?}", ran.out, ran.err);
    assert_eq!(logs.len(), 8, "eight tasks");
    assert_eq!(merged(at), whole);
}
