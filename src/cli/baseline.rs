//! `--baseline DIR`: finds the stored results, reads them, and says what has become of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::args;
use super::exit::Failure;
use super::manifest::MODEL_VERSION;
use super::results::MANIFEST;
use super::source;
use super::streams::Streams;
use crate::report::baseline::{self, Against, Edit, Stored, Tolerances};
use crate::report::model::Report;
use crate::scenario::{Scenario, resolved};

/// As large as a stored summary may be: 1 GiB.
const MAX_BYTES: usize = 1 << 30;

/// Places whose change changes no result.
const WORDS: [&str; 3] = ["/about", "/expect", "/name"];

/// Results to compare with, read before anything is played.
pub(crate) struct Baseline {
    folder: PathBuf,
    stored: Stored,
    scenario: Value,
    tolerances: Tolerances,
}

/// What `args` ask `scenario` to be compared with.
pub(crate) fn read(
    args: &args::Baseline,
    scenario: &Scenario,
    streams: &Streams,
) -> Result<Option<Baseline>, Failure> {
    let tolerances = Tolerances::parse(&args.tolerance)
        .map_err(|message| Failure::usage(format!("--tolerance: {message}"), None))?;
    let Some(root) = &args.baseline else {
        return Ok(None);
    };
    let (folder, stored) = find(root, &scenario.name)?;
    let manifest = folder.join(MANIFEST);
    if manifest.is_file() {
        let manifest: Value = serde_json::from_str(&text(&manifest)?).unwrap_or(Value::Null);
        if manifest["model_version"] != MODEL_VERSION {
            streams.note(&format!(
                "{}: written by model version {}, this is {MODEL_VERSION}: differences may be the model's",
                folder.display(),
                manifest["model_version"]
            ));
        }
    }
    let path = folder.join("scenario.json");
    let before = serde_json::from_str(&text(&path)?);
    let before = before.map_err(|error| wrong(&path, &error.to_string()))?;
    Ok(Some(Baseline {
        folder,
        stored,
        scenario: before,
        tolerances,
    }))
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("--baseline: {}: {why}", path.display()), None)
}

fn text(path: &Path) -> Result<String, Failure> {
    source::read_file(path, MAX_BYTES).map_err(|error| {
        if source::is_absent(&error) {
            wrong(path, "there is no such file")
        } else {
            Failure::file("read", path, error)
        }
    })
}

/// The folder of results of the scenario `name`: `root` itself or the only one right below it.
fn find(root: &Path, name: &str) -> Result<(PathBuf, Stored), Failure> {
    const SUMMARY: &str = "summary.json";
    let stored = |folder: &Path| {
        let path = folder.join(SUMMARY);
        Stored::parse(&text(&path)?).map_err(|why| wrong(&path, &why))
    };
    if root.join(SUMMARY).is_file() {
        return Ok((root.to_path_buf(), stored(root)?));
    }
    let entries = fs::read_dir(root).map_err(|error| {
        if source::is_absent(&error) {
            wrong(root, "there is no such folder")
        } else {
            Failure::file("read", root, error)
        }
    })?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.join(SUMMARY).is_file());
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        let stored = stored(&folder)?;
        if stored.scenario == name {
            found.push((folder, stored));
        }
    }
    let several = found.len() > 1;
    match found.pop() {
        Some(one) if !several => Ok(one),
        Some((folder, _)) => Err(Failure::usage(
            format!(
                "--baseline: {} holds several results of {name}",
                root.display()
            ),
            Some(format!("name one of them, such as {}", folder.display())),
        )),
        None => Err(wrong(root, &format!("it holds no results of {name}"))),
    }
}

impl Baseline {
    /// Compares what was measured now.
    pub(crate) fn compare(&self, scenario: &Scenario, report: &Report) -> Result<Against, Failure> {
        let name = self.folder.display().to_string();
        let edits = edits(&self.scenario, scenario);
        baseline::compare(report, &self.stored, &name, &self.tolerances, edits)
            .map_err(|why| wrong(&self.folder, &why))
    }
}

/// What was changed in the scenario since.
fn edits(before: &Value, scenario: &Scenario) -> Vec<Edit> {
    let changes = resolved::changes(before, &scenario.resolved).into_iter();
    let matters = |pointer: &str| !WORDS.iter().any(|word| pointer.starts_with(word));
    let changes = changes.filter(|(pointer, _, _)| matters(pointer));
    let shown = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let edits = changes.map(|(pointer, was, is)| {
        let place = is.as_ref().and_then(|_| scenario.place(&pointer));
        Edit {
            was: was.map(shown),
            is: is.map(shown),
            place: place.map(|place| (place.file, place.line)),
            pointer,
        }
    });
    edits.collect()
}
