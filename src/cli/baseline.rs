//! `--baseline DIR`: finds the stored results, reads them, and says what has become of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::args::Gate;
use super::exit::Failure;
use super::manifest::MODEL_VERSION;
use super::results::{MANIFEST, SUMS, listed_in, sha256};
use super::source;
use super::streams::Streams;
use crate::report::baseline::{self, Against, Content, Edit, Results, Stored, Tolerances};
use crate::report::sweep::{Sweep, read};
use crate::scenario::resolved;

/// As large as a stored file may be: 1 GiB.
const MAX_BYTES: usize = 1 << 30;

/// Places whose change changes no result.
const WORDS: [&str; 3] = ["/about", "/expect", "/name"];

/// Results to compare with, read before anything is played.
pub(crate) struct Baseline {
    folder: PathBuf,
    stored: Box<dyn Results>,
    tolerances: Tolerances,
    edits: Vec<Edit>,
}

/// What is about to be played, or merged.
pub(crate) struct Now<'a> {
    /// Which results folders are of this kind.
    pub(crate) kind: Kind,
    /// What its results will be of.
    pub(crate) content: &'a Content,
    /// The resolved scenario.
    pub(crate) resolved: &'a Value,
    /// File and line of a place in it, where they are known.
    pub(crate) place: &'a dyn Fn(&str) -> Option<(String, u32)>,
}

/// Kinds of results folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of `run` and `compare`.
    Run,
    /// Of `sweep` and `merge`.
    Sweep,
}

impl Kind {
    /// The file without which a folder is none of this kind, and the one that names the scenario.
    const fn files(self) -> (&'static str, &'static str) {
        match self {
            Self::Run => ("summary.json", "summary.json"),
            Self::Sweep => ("cells.csv", "grid.json"),
        }
    }

    fn is_in(self, folder: &Path) -> bool {
        folder.join(self.files().0).is_file()
    }

    /// Refuses files that are not as they were written. A folder without the list of digests was stored without it.
    fn check(self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join(SUMS);
        if !path.is_file() {
            return Ok(());
        }
        let sums = text(&path)?;
        for name in [self.files().0, self.files().1, "scenario.json"] {
            let digest = sha256(text(&folder.join(name))?.as_bytes());
            let why = match listed_in(&sums, name) {
                Some(listed) if listed == digest => continue,
                Some(_) => format!("it is damaged: {name} is not as it was written"),
                None => format!("it is damaged: {SUMS} does not list {name}"),
            };
            return Err(wrong(folder, &why));
        }
        Ok(())
    }

    /// The scenario whose results are in `folder`.
    fn scenario(self, folder: &Path) -> Result<String, Failure> {
        let path = folder.join(self.files().1);
        let value: Result<Value, _> = serde_json::from_str(&text(&path)?);
        let value = value.map_err(|error| wrong(&path, &error.to_string()))?;
        let name = value["scenario"].as_str().map(str::to_owned);
        name.ok_or_else(|| wrong(&path, "it names no scenario"))
    }

    /// The results in `folder`.
    fn read(self, folder: &Path) -> Result<Box<dyn Results>, Failure> {
        let (results, head) = self.files();
        let (results, head) = (folder.join(results), folder.join(head));
        Ok(match self {
            Self::Run => {
                let stored = Stored::parse(&text(&results)?);
                Box::new(stored.map_err(|why| wrong(&results, &why))?)
            }
            Self::Sweep => {
                let outline = read::outline(&text(&head)?).map_err(|why| wrong(&head, &why))?;
                let all: Vec<usize> = (0..outline.replications()).collect();
                let replications = read::cells(&text(&results)?, &outline, &all);
                Box::new(Sweep {
                    replications: replications.map_err(|why| wrong(&results, &why))?,
                    outline,
                })
            }
        })
    }
}

/// What `args` ask `now` to be compared with.
pub(crate) fn read(
    args: &Gate,
    now: &Now<'_>,
    streams: &Streams,
) -> Result<Option<Baseline>, Failure> {
    let tolerances = Tolerances::parse(&args.tolerance)
        .map_err(|message| Failure::usage(format!("--tolerance: {message}"), None))?;
    let Some(root) = &args.baseline else {
        return Ok(None);
    };
    let folder = find(root, now.kind, &now.content.scenario)?;
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
    now.kind.check(&folder)?;
    let stored = now.kind.read(&folder)?;
    baseline::check(now.content, &*stored, &tolerances).map_err(|why| wrong(&folder, &why))?;
    let path = folder.join("scenario.json");
    let before: Result<Value, _> = serde_json::from_str(&text(&path)?);
    let before = before.map_err(|error| wrong(&path, &error.to_string()))?;
    Ok(Some(Baseline {
        edits: edits(&before, now),
        folder,
        stored,
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
fn find(root: &Path, kind: Kind, name: &str) -> Result<PathBuf, Failure> {
    if kind.is_in(root) {
        return Ok(root.to_path_buf());
    }
    let entries = fs::read_dir(root).map_err(|error| {
        if source::is_absent(&error) {
            wrong(root, "there is no such folder")
        } else {
            Failure::file("read", root, error)
        }
    })?;
    let all = entries.flatten().map(|entry| entry.path());
    let (mut folders, others): (Vec<PathBuf>, Vec<PathBuf>) =
        all.partition(|path| kind.is_in(path));
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        if kind.scenario(&folder)? == name {
            found.push(folder);
        }
    }
    let what = match kind {
        Kind::Run => "results",
        Kind::Sweep => "results of a sweep",
    };
    let several = found.len() > 1;
    match found.pop() {
        Some(one) if !several => Ok(one),
        Some(folder) => Err(Failure::usage(
            format!(
                "--baseline: {} holds several {what} of {name}",
                root.display()
            ),
            Some(format!("name one of them, such as {}", folder.display())),
        )),
        None => {
            // They may be in one that cannot be read.
            let mut folders = others.iter().filter(|path| path.is_dir());
            let unseen = folders.find_map(|folder| Some((folder, fs::read_dir(folder).err()?)));
            Err(match unseen {
                Some((folder, error)) => Failure::file("read", folder, error),
                None => wrong(root, &format!("it holds no {what} of {name}")),
            })
        }
    }
}

impl Baseline {
    /// Compares what was measured now.
    pub(crate) fn compare(&self, results: &dyn Results) -> Result<Against, Failure> {
        let name = self.folder.display().to_string();
        let edits = self.edits.clone();
        baseline::compare(results, &*self.stored, &name, &self.tolerances, edits)
            .map_err(|why| wrong(&self.folder, &why))
    }
}

/// What was changed in the scenario since.
fn edits(before: &Value, now: &Now<'_>) -> Vec<Edit> {
    let changes = resolved::changes(before, now.resolved).into_iter();
    let matters = |pointer: &str| !WORDS.iter().any(|word| pointer.starts_with(word));
    let changes = changes.filter(|(pointer, _, _)| matters(pointer));
    let shown = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let edits = changes.map(|(pointer, was, is)| Edit {
        place: is.as_ref().and_then(|_| (now.place)(&pointer)),
        was: was.map(shown),
        is: is.map(shown),
        pointer,
    });
    edits.collect()
}
