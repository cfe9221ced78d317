//! Rivals in other languages: found, prepared and run as processes of their own; who is not there is skipped, and it is said.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::events::MEANS;

/// Where this package lies.
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    if !output.status.success() {
        eprintln!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

/// Fewer than ours: the cost of one is what counts.
const EVENTS: u64 = 200_000;
const CUSTOMERS: u64 = 50_000;

/// SimPy, for a Python that has it.
pub struct SimPy {
    python: String,
}

/// `PYTHON`, else `python3`, if it has SimPy.
pub fn simpy() -> Option<SimPy> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", "import simpy"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        eprintln!(
            "SKIPPED: {python} has no SimPy (pip install simpy; PYTHON names another Python)"
        );
        return None;
    }
    Some(SimPy { python })
}

impl SimPy {
    fn ask(&self, arguments: &[String]) -> Option<f64> {
        let script = here().join("rivals/queue.py");
        let mut command = Command::new(&self.python);
        output(command.arg(script).args(arguments))?
            .trim()
            .parse()
            .ok()
    }

    /// Nanoseconds an event.
    pub fn timers(&self, entities: u32) -> Option<f64> {
        self.ask(&[
            "timers".to_owned(),
            entities.to_string(),
            EVENTS.to_string(),
        ])
    }

    /// Nanoseconds a customer.
    pub fn queue(&self) -> Option<f64> {
        let [between, served] = MEANS.map(|mean| mean.to_string());
        self.ask(&["queue".to_owned(), CUSTOMERS.to_string(), between, served])
    }

    /// Milliseconds from start to `import simpy`, wall clock.
    pub fn start(&self) -> f64 {
        let run = || {
            let began = std::time::Instant::now();
            output(Command::new(&self.python).args(["-c", "import simpy"]));
            began.elapsed().as_secs_f64() * 1e3
        };
        (0..10).map(|_| run()).fold(f64::INFINITY, f64::min)
    }
}

/// Kafka's assignors: nanoseconds by (assignor, event).
pub fn kafka(members: usize, partitions: usize) -> Option<Vec<(String, String, f64)>> {
    let jars = jars()?;
    let mut command = Command::new("java");
    command
        .args(["-Xmx2g", "-cp"])
        .arg(jars.join("*"))
        .arg(here().join("rivals/Assignors.java"))
        .args([members.to_string(), partitions.to_string()]);
    let text = output(&mut command)?;
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, event) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some((name, event, words.next()?.parse().ok()?))
    };
    Some(text.lines().filter_map(line).collect())
}

/// The folder with Kafka's jars, brought by Maven the first time.
fn jars() -> Option<PathBuf> {
    let is_there = |tool: &str| {
        let found = Command::new(tool).arg("-version").output().is_ok();
        if !found {
            eprintln!("SKIPPED: there is no {tool}, so Kafka's own assignors are not measured");
        }
        found
    };
    if !is_there("java") || !is_there("mvn") {
        return None;
    }
    let folder = here().join("target/jars");
    if !folder.is_dir() {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-f"]).arg(here().join("rivals/pom.xml"));
        maven.arg("dependency:copy-dependencies");
        maven.arg(format!("-DoutputDirectory={}", folder.display()));
        if output(&mut maven).is_none() {
            eprintln!("SKIPPED: Maven could not bring Kafka's jars");
            return None;
        }
    }
    Some(folder)
}
