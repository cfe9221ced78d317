//! Where scenarios come from: a path, `-`, a folder, or the name of a shipped example when no such path exists.
//!
//! It reads texts and finds names; what a text means is for [`crate::scenario`].

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::results::MANIFEST;
use super::streams::Streams;
use crate::scenario::LoadError;
use crate::scenario::examples::{self, Example};
use crate::scenario::files::MAX_BYTES;

/// A text to be understood as a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Its name in diagnostics.
    pub(crate) name: String,
    /// What to type to name it again.
    pub(crate) operand: String,
    /// Where it comes from, and so where what it names comes from.
    pub(crate) origin: Origin,
    /// Its content, or why there is none.
    pub(crate) text: Result<String, LoadError>,
}

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file or stdin.
    Disc,
    /// The program itself.
    Example,
}

/// Reads every text that the operands name; folders give their scenario files in order of name.
pub(crate) fn gather(operands: &[String], streams: &Streams) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for operand in operands {
        if operand == "-" {
            if inputs.iter().any(|input: &Input| input.operand == "-") {
                return Err(Failure::usage(
                    "stdin is named twice, and can be read once",
                    Some("name `-` once".to_owned()),
                ));
            }
            inputs.push(Input {
                name: "<stdin>".to_owned(),
                operand: operand.clone(),
                origin: Origin::Disc,
                text: read(io::stdin().lock(), MAX_BYTES).map_err(|error| refusal(&error)),
            });
            continue;
        }
        let path = Path::new(operand);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() && holds_results(path) => {
                return Err(Failure::usage(
                    format!("{operand}: these are results, not scenarios"),
                    Some(
                        "--baseline DIR compares with them, explain and show look into them"
                            .to_owned(),
                    ),
                ));
            }
            Ok(metadata) if metadata.is_dir() => {
                let files = scenario_files(path)?;
                if files.is_empty() {
                    streams.note(&format!("{operand}: no scenario files in this folder"));
                }
                for file in files {
                    inputs.push(from_file(&file));
                }
            }
            Ok(_) => inputs.push(from_file(path)),
            Err(error) if is_absent(&error) => inputs.push(example(operand, streams)?),
            Err(error) => return Err(Failure::file("read", path, error)),
        }
    }
    Ok(inputs)
}

/// True for a folder that `run`, `compare` or `sweep` wrote.
fn holds_results(folder: &Path) -> bool {
    [MANIFEST, "scenario.json"]
        .iter()
        .all(|name| folder.join(name).is_file())
}

fn from_file(path: &Path) -> Input {
    let name = path.display().to_string();
    Input {
        operand: name.clone(),
        name,
        origin: Origin::Disc,
        text: read_file(path, MAX_BYTES).map_err(|error| refusal(&error)),
    }
}

fn example(name: &str, streams: &Streams) -> Result<Input, Failure> {
    if let Some(example) = examples::find(name) {
        streams.note(&format!(
            "no file of that name: using the shipped example `{name}`"
        ));
        return Ok(shipped(example));
    }
    Err(no_example(
        name,
        &format!("`{name}` is neither a file nor a shipped example"),
    ))
}

/// A shipped example as an input.
pub(crate) fn shipped(example: &Example) -> Input {
    Input {
        name: format!("{}.yaml", example.name),
        operand: example.name.to_owned(),
        origin: Origin::Example,
        text: Ok(example.text.to_owned()),
    }
}

/// There is no shipped example of that name.
pub(crate) fn no_example(name: &str, message: &str) -> Failure {
    let names: Vec<&str> = examples::EXAMPLES
        .iter()
        .map(|example| example.name)
        .collect();
    let list = "rebsim init --list shows the shipped examples";
    let help = nearest(name, &names).map_or_else(
        || list.to_owned(),
        |near| format!("did you mean `{near}`? {list}"),
    );
    Failure::usage(message, Some(help))
}

/// The scenario files right below a folder: `.yaml`, `.yml` and `.json`, but no schemas and nothing hidden.
fn scenario_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| Failure::file("read", folder, error))?;
    for entry in entries {
        let path = entry
            .map_err(|error| Failure::file("read", folder, error))?
            .path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let is_scenario = [".yaml", ".yml", ".json"]
            .iter()
            .any(|ending| name.ends_with(ending));
        if is_scenario
            && !name.starts_with('.')
            && !name.ends_with(".schema.json")
            && path.is_file()
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Nothing of that name: a matter of what was typed, not of the machine.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// The text of a file of at most `max` bytes; see [`read`].
pub(crate) fn read_file(path: &Path, max: usize) -> io::Result<String> {
    read(fs::File::open(path)?, max)
}

/// Everything of a reader as text: `FileTooLarge` beyond `max` bytes, `InvalidData` when it is not UTF-8.
fn read(reader: impl Read, max: usize) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData.into())
}

/// Why there is no text.
pub(crate) fn refusal(error: &io::Error) -> LoadError {
    match error.kind() {
        ErrorKind::InvalidData => LoadError::NotText,
        ErrorKind::FileTooLarge => LoadError::TooLarge,
        _ if is_absent(error) => LoadError::NotFound,
        _ => LoadError::Unreadable(error.to_string()),
    }
}

/// The name that takes the fewest edits to reach, if it is near enough to be meant.
pub(crate) fn nearest<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let near = names
        .iter()
        .map(|name| (edits(&wrong, &name.to_lowercase()), *name))
        .min()?;
    (near.0 <= 1 + wrong.chars().count() / 4).then_some(near.1)
}

/// Levenshtein's distance.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["nightly-deploy", "rolling-deploy", "crash"];
        assert_eq!(nearest("nightly-deplyo", &names), Some("nightly-deploy"));
        assert_eq!(nearest("Crash", &names), Some("crash"));
        assert_eq!(nearest("something-else", &names), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_folder_gives_its_scenarios_in_order_and_nothing_else() {
        let home = tempfile::tempdir().expect("a folder for the test");
        for name in [
            "b.yaml",
            "a.json",
            ".c.yaml",
            "d.schema.json",
            "e.csv",
            "f.yml",
        ] {
            fs::write(home.path().join(name), "").expect("it can be written");
        }
        fs::create_dir(home.path().join("g.yaml")).expect("it can be made");
        let files = scenario_files(home.path()).expect("it can be listed");
        let names: Vec<_> = files
            .iter()
            .filter_map(|file| file.file_name()?.to_str())
            .collect();
        assert_eq!(names, ["a.json", "b.yaml", "f.yml"]);
    }

    #[test]
    fn what_is_too_large_or_no_text_is_told_apart() {
        let kind = |bytes: &[u8]| read(bytes, 3).map_err(|error| refusal(&error));
        assert_eq!(kind(b"abc"), Ok("abc".to_owned()));
        assert_eq!(kind(b"abcd"), Err(LoadError::TooLarge));
        assert_eq!(kind(b"a\xff"), Err(LoadError::NotText));
    }
}
