//! `rebsim replay`: recordings in, what the simulator does differently out.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{Replay as Args, ReplayFormat};
use super::exit::{Exit, Failure};
use super::platform_replay::{self, File};
use super::source;
use super::streams::Streams;
use crate::cluster::Halt;
use crate::experiment::processors;
use crate::experiment::replay::{self, Replay, Replayed, Unplayable};
use crate::import::platform;
use crate::import::recording::{self, Recording};
use crate::report::fidelity::{self, RunFidelity, Summary};
use crate::scenario::LoadError;

/// A larger file is no recording: those of minutes take kilobytes.
const BYTES_MAX: usize = 1 << 28;
/// Faults of one file that are told.
const FAULTS_TOLD: usize = 50;

/// `rebsim replay`
pub(crate) fn replay(args: &Args, streams: &mut Streams) -> Result<(), Failure> {
    let recordings = match read_all(&args.traces, streams)? {
        Inputs::Recordings(recordings) => recordings,
        Inputs::Platform(files) => return platform_replay::replay(&files, args, streams),
    };
    let (replays, not_modelled) = prepare_all(&recordings, streams)?;
    let jobs = args.jobs.unwrap_or_else(processors);
    let played = replay::play(&replays, args.run, &replay::options(), jobs)
        .map_err(|(run, halt)| halted(&run, halt))?;
    if played.is_empty() {
        return Err(Failure::Nothing("no run to play".to_owned()));
    }
    let runs: Vec<RunFidelity> = played.iter().map(|run| run.fidelity.clone()).collect();
    let summary = Summary::of(&runs, not_modelled);
    match args.format {
        ReplayFormat::Text => {
            streams.result(&fidelity::text(&runs))?;
            if args.summary {
                let table = fidelity::table(&runs).text(0);
                streams.result(&format!("\n{table}\n{}\n", summary.line()))?;
            }
        }
        ReplayFormat::Json => {
            let document = fidelity::document(&runs, &summary);
            streams.result(&format!("{document:#}\n"))?;
        }
        ReplayFormat::Ndjson => {
            for run in &played {
                streams.result(&lines(run))?;
            }
            if args.summary {
                let line = json!({ "summary": summary.line() });
                streams.result(&format!("{line}\n"))?;
            }
        }
    }
    if summary.is_within_marks() {
        Ok(())
    } else {
        Err(Failure::Unmet)
    }
}

/// The line that names the run, then its events.
fn lines(run: &Replayed) -> String {
    let RunFidelity {
        trace,
        kafka,
        run: name,
        ..
    } = &run.fidelity;
    let head = json!({ "trace": trace, "kafka": kafka, "run": name });
    let mut lines = format!("{head}\n");
    for event in &run.events {
        lines.push_str(&format!("{event}\n"));
    }
    lines
}

/// What the operands name.
enum Inputs {
    /// Recordings of groups.
    Recordings(Vec<Recording>),
    /// Cases of Kubernetes' controllers, file by file.
    Platform(Vec<File>),
}

/// Everything that the operands name, or every fault of every file told.
fn read_all(operands: &[PathBuf], streams: &Streams) -> Result<Inputs, Failure> {
    let (mut recordings, mut controllers) = (Vec::new(), Vec::new());
    let mut is_bad = false;
    for path in files(operands)? {
        let text = source::read_file(&path, BYTES_MAX);
        let text = match text.map_err(|error| (source::refusal(&error), error)) {
            Ok(text) => text,
            Err((LoadError::NotText | LoadError::TooLarge, error)) => {
                streams.error(&format!("error: {}: {error}", path.display()));
                is_bad = true;
                continue;
            }
            Err((LoadError::NotFound | LoadError::Unreadable(_), error)) => {
                return Err(Failure::file("read", &path, error));
            }
        };
        if platform::is_platform(&text) {
            let name = path.display().to_string();
            match platform::parse(&text) {
                Ok(cases) => controllers.push(File { name, cases }),
                Err(bad) => {
                    tell(&name, &[bad.to_string()], streams);
                    is_bad = true;
                }
            }
            continue;
        }
        match recording::parse(&text) {
            Ok(recording) => recordings.push(recording),
            Err(bad) => {
                tell(&path.display().to_string(), &bad.0, streams);
                is_bad = true;
            }
        }
    }
    if is_bad {
        return Err(Failure::Told(Exit::Refused));
    }
    match (recordings.is_empty(), controllers.is_empty()) {
        (false, false) => {
            let message = "recordings of groups and cases of controllers are replayed apart";
            Err(Failure::usage(message, None))
        }
        (true, false) => Ok(Inputs::Platform(controllers)),
        (_, true) => Ok(Inputs::Recordings(recordings)),
    }
}

/// The files that the operands name; folders give their `.json` files in order of name.
fn files(operands: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for operand in operands {
        if operand.is_dir() {
            let entries =
                fs::read_dir(operand).map_err(|error| Failure::file("read", operand, error))?;
            let mut inside = Vec::new();
            for entry in entries {
                let entry = entry.map_err(|error| Failure::file("read", operand, error))?;
                inside.push(entry.path());
            }
            inside.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
            if inside.is_empty() {
                return Err(Failure::Nothing(format!(
                    "{}: no recordings in this folder",
                    operand.display()
                )));
            }
            inside.sort();
            files.append(&mut inside);
        } else if is_absent(operand) {
            let message = format!("there is no file `{}`", operand.display());
            return Err(Failure::usage(message, None));
        } else {
            files.push(operand.clone());
        }
    }
    Ok(files)
}

fn is_absent(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| source::is_absent(&error))
}

/// Everything that can be played, and how many recordings need what has no model yet.
fn prepare_all<'r>(
    recordings: &'r [Recording],
    streams: &Streams,
) -> Result<(Vec<Replay<'r>>, usize), Failure> {
    let (mut replays, mut not_modelled, mut is_bad) = (Vec::new(), 0, false);
    for recording in recordings {
        match replay::prepare(recording) {
            Ok(replay) => replays.push(replay),
            Err(Unplayable::NotModelled(what)) => {
                let (name, what) = (&recording.name, what.join("; "));
                streams.note(&format!("{name}: not played: {what}"));
                not_modelled += 1;
            }
            Err(Unplayable::Refused(faults)) => {
                tell(&recording.name, &faults, streams);
                is_bad = true;
            }
        }
    }
    if is_bad {
        return Err(Failure::Told(Exit::Refused));
    }
    Ok((replays, not_modelled))
}

fn tell(name: &str, faults: &[String], streams: &Streams) {
    for fault in faults.iter().take(FAULTS_TOLD) {
        streams.error(&format!("error: {name}: {fault}"));
    }
    if faults.len() > FAULTS_TOLD {
        let more = faults.len() - FAULTS_TOLD;
        streams.error(&format!("error: {name}: and {more} more faults"));
    }
}

fn halted(run: &str, halt: Halt) -> Failure {
    match halt {
        Halt::EventLimit { at, events, .. } => {
            Failure::EventLimit(format!("{run}: stopped at {at} after {events} events"))
        }
        Halt::Invariant { at, message } => {
            Failure::Bug(format!("this is a bug in rebsim: {run}: at {at} {message}"))
        }
    }
}
