//! What of a sweep has been played so far: one hidden file beside the results, one line a replication, so that a sweep that dies at any
//! moment can go on.
//!
//! The first line says of which sweep. Every line begins with a digest of the rest: a line that was cut off, and whatever comes after it,
//! is not believed. The file is locked while somebody writes it, and removed when the results are in place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::cli::exit::Failure;
use crate::cli::manifest::MODEL_VERSION;
use crate::cli::results::sha256;
use crate::report::sweep::Row;

/// Hexadecimal digits of a line's digest.
const DIGEST: usize = 16;

/// The ending of journals.
const ENDING: &str = ".journal";

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

/// What was found in a journal.
pub(crate) type Finished = BTreeMap<usize, Vec<Row>>;

/// What to do about a journal that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Begin anew.
    Anew,
    /// Go on.
    Resume,
}

/// What a journal says of its sweep.
fn head(inputs: &Value) -> Value {
    json!({
        "schema": "rebsim/journal/1",
        "version": env!("CARGO_PKG_VERSION"),
        "model_version": MODEL_VERSION,
        "inputs": inputs,
    })
}

/// Where the journal of the results folder `name` below `root` lies.
fn path_of(root: &Path, name: &str) -> PathBuf {
    root.join(format!(".{name}{ENDING}"))
}

impl Journal {
    /// True when something of the results folder `name` was interrupted, or is at work.
    pub(crate) fn is_there(root: &Path, name: &str) -> bool {
        path_of(root, name).exists()
    }

    /// Opens the journal of the results folder `name` below `root`; with [`Start::Resume`] returns what is in it.
    pub(crate) fn open(
        root: &Path,
        name: &str,
        inputs: &Value,
        start: Start,
    ) -> Result<(Self, Finished), Failure> {
        let path = path_of(root, name);
        if start == Start::Resume && !path.exists() {
            refuse_others(root, name, inputs)?;
        }
        let failed = |error| Failure::file("write", &path, error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::usage(
                    format!(
                        "another rebsim is at work on this sweep: {}",
                        path.display()
                    ),
                    Some("wait for it, or give this one another --out".to_owned()),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(Failure::file("lock", &path, error)),
        }
        let mut finished = Finished::new();
        let mut whole = 0;
        if start == Start::Resume {
            let mut text = Vec::new();
            file.read_to_end(&mut text).map_err(failed)?;
            let mut lines = believed(&text);
            if let Some((end, first)) = lines.next() {
                if first != head(inputs) {
                    return Err(refusal(&path, &first, inputs));
                }
                whole = end;
                for (end, line) in lines {
                    let Some((index, rows)) = replication(&line) else {
                        break;
                    };
                    finished.insert(index, rows);
                    whole = end;
                }
            }
        }
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::Start(whole as u64)).map_err(failed)?;
        let journal = Self {
            path,
            file: Mutex::new(file),
        };
        if whole == 0 {
            journal.append(&head(inputs))?;
        }
        Ok((journal, finished))
    }

    /// Keeps the rows of the replication numbered `index`; called from any worker.
    pub(crate) fn keep(&self, index: usize, rows: &[Row]) -> Result<(), Failure> {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| json!([row.group, row.figures]))
            .collect();
        self.append(&json!([index, rows]))
    }

    fn append(&self, line: &Value) -> Result<(), Failure> {
        let text = line.to_string();
        let line = format!("{} {text}\n", &sha256(text.as_bytes())[..DIGEST]);
        let Ok(mut file) = self.file.lock() else {
            // Another worker panicked, which ends the program.
            return Ok(());
        };
        file.write_all(line.as_bytes())
            .map_err(|error| Failure::file("write", &self.path, error))
    }

    /// The results are in place: nothing is left to go on with.
    pub(crate) fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path).map_err(|error| Failure::file("remove", &self.path, error))
    }
}

/// The lines of a journal as far as they are whole, each with the position after it.
fn believed(text: &[u8]) -> impl Iterator<Item = (usize, Value)> {
    let mut end = 0;
    text.split_inclusive(|byte| *byte == b'\n')
        .map_while(move |line| {
            end += line.len();
            let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
            let (digest, text) = line.split_once(' ')?;
            let is_whole = sha256(text.as_bytes()).get(..DIGEST) == Some(digest);
            Some((end, serde_json::from_str(text).ok().filter(|_| is_whole)?))
        })
}

fn replication(line: &Value) -> Option<(usize, Vec<Row>)> {
    let index = usize::try_from(line.get(0)?.as_u64()?).ok()?;
    let row = |row: &Value| {
        let figures = row.get(1)?.as_array()?.iter();
        let figures: Option<Vec<String>> = figures
            .map(|figure| figure.as_str().map(str::to_owned))
            .collect();
        Some(Row {
            group: row.get(0)?.as_str()?.to_owned(),
            figures: figures?,
        })
    };
    let rows: Option<Vec<Row>> = line.get(1)?.as_array()?.iter().map(row).collect();
    Some((index, rows?))
}

/// What a journal is of, when it is not of this sweep.
fn refusal(path: &Path, there: &Value, inputs: &Value) -> Failure {
    let wanted = head(inputs);
    let tops = ["schema", "version", "model_version"];
    let top = tops.iter().find(|key| there[**key] != wanted[**key]);
    let differs = match top {
        Some(key) => format!("{key} {} instead of {}", there[*key], wanted[*key]),
        None => difference(&there["inputs"], inputs).to_owned(),
    };
    Failure::usage(
        format!("{} is of another sweep: {differs}", path.display()),
        Some("without --resume the sweep begins anew".to_owned()),
    )
}

/// What is not the same, in words.
fn difference(there: &Value, wanted: &Value) -> &'static str {
    const WORDS: [(&str, &str); 4] = [
        ("scenario", "of another scenario"),
        (
            "scenario_sha256",
            "the scenario or its overrides have changed",
        ),
        ("grid_sha256", "other parameters or seeds"),
        ("shard", "another shard"),
    ];
    let differs = |(key, _): &&(&str, &str)| there.get(*key) != wanted.get(*key);
    let found = WORDS.iter().find(differs);
    found.map_or("other inputs", |(_, words)| words)
}

/// There is nothing to go on with: refused when something else of the same scenario was interrupted here, for that is what was meant.
fn refuse_others(root: &Path, name: &str, inputs: &Value) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(root) else {
        return Ok(());
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let file = path
            .file_name()
            .map(|file| file.to_string_lossy().into_owned());
        let file = file.unwrap_or_default();
        if !file.starts_with('.') || !file.ends_with(ENDING) || file[1..].starts_with(name) {
            continue;
        }
        let Ok(text) = fs::read(&path) else { continue };
        let Some((_, there)) = believed(&text).next() else {
            continue;
        };
        let same = |key: &str| there["inputs"].get(key) == inputs.get(key);
        if same("scenario") && same("shard") {
            return Err(refusal(&path, &there, inputs));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(number: usize) -> Vec<Row> {
        vec![Row {
            group: "g".to_owned(),
            figures: vec![number.to_string(), String::new()],
        }]
    }

    fn inputs(grid: &str) -> Value {
        json!({ "scenario": "half", "grid_sha256": grid, "shard": null })
    }

    #[test]
    fn what_was_kept_is_found_again_wherever_the_file_was_cut_off() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let open = |start| Journal::open(home.path(), "x", &inputs("1"), start);
        let (journal, nothing) = open(Start::Anew).expect("it can be written");
        assert!(nothing.is_empty());
        for index in [3, 0, 7] {
            journal
                .keep(index, &rows(index))
                .expect("it can be written");
        }
        drop(journal);
        let path = home.path().join(".x.journal");
        let whole = fs::read(&path).expect("it is there");
        let ends: Vec<usize> = believed(&whole).map(|(end, _)| end).collect();
        assert_eq!(ends.len(), 4);
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).expect("it can be written");
            let (journal, finished) = open(Start::Resume).expect("it can be read");
            let kept = ends[1..].iter().filter(|end| **end <= cut).count();
            assert_eq!(finished.len(), kept, "cut at {cut}");
            assert!(finished.iter().all(|(index, there)| *there == rows(*index)));
            journal.keep(9, &rows(9)).expect("it can be written");
            drop(journal);
            let (_, finished) = open(Start::Resume).expect("it can be read");
            assert_eq!(finished.len(), kept + 1, "cut at {cut}, gone on with");
        }
    }

    #[test]
    fn a_journal_of_another_sweep_or_version_is_refused() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let open = |name, grid, start| Journal::open(home.path(), name, &inputs(grid), start);
        drop(open("x-1", "1", Start::Anew));
        let other = open("x-2", "2", Start::Resume).expect_err("it is of other parameters");
        assert!(other.to_string().contains("other parameters"), "{other}");
        let path = home.path().join(".x-1.journal");
        let mut aged = head(&inputs("1"));
        aged["version"] = json!("0.0.1");
        let text = aged.to_string();
        let line = format!("{} {text}\n", &sha256(text.as_bytes())[..DIGEST]);
        fs::write(&path, line).expect("it can be written");
        let old = open("x-1", "1", Start::Resume).expect_err("it is of another version");
        assert!(old.to_string().contains("version"), "{old}");
        assert!(open("x-1", "1", Start::Anew).is_ok(), "it begins anew");
    }

    #[test]
    fn two_at_once_are_refused() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let open = || Journal::open(home.path(), "x", &inputs("1"), Start::Resume);
        let first = open().expect("it can be written");
        let second = open().expect_err("the first is at work");
        assert!(second.to_string().contains("another rebsim"), "{second}");
        drop(first);
        assert!(open().is_ok());
    }
}
