//! The results folder: written to a hidden sibling, renamed when whole, compared with what lay there before.
//!
//! The files of a folder are a function of the inputs. So when the same inputs gave other bytes before, either the
//! program has changed or something is not deterministic; both are worth a refusal that names the first file.

mod hidden;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::exit::Failure;
pub(crate) use hidden::Hidden;

/// Name of the list of digests, in the format of `sha256sum`.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// Name of the manifest, which is in no digest.
pub(crate) const MANIFEST: &str = "manifest.json";

/// Writes a file, piece by piece.
type Rows<'a> = Box<dyn Fn(&mut dyn fmt::Write) -> fmt::Result + 'a>;

/// So many bytes are read or written at a time.
const CHUNK: usize = 1 << 16;

/// What a file of a results folder is to hold.
pub(crate) enum Content<'a> {
    /// This.
    Text(String),
    /// What is written when it is asked for: tables that are larger than what they are made of are never held as a whole.
    Rows(Rows<'a>),
}

impl Content<'_> {
    fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Rows(rows) => rows(out),
        }
    }
}

/// How often results are put into place once more when that fails, for another may be putting there the same.
const ATTEMPTS: u32 = 3;

/// Files of a results folder by name, all but manifest and digests.
pub(crate) type Files<'a> = BTreeMap<String, Content<'a>>;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its digest.
    pub(crate) sha256: String,
}

/// What became of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there now.
    New,
    /// It was there, byte for byte.
    Unchanged,
    /// The same, but its manifest was missing, damaged or another version's; now it is as this version writes it.
    Told,
    /// It took the place of another, whose first different file this was.
    Replaced(String),
    /// It differs from what is there, from this file on; nothing was written.
    Refused(String),
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in digest {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

/// True when two manifests say the same of results, whenever and however long they were made.
fn says_the_same(one: &str, other: &str) -> bool {
    let lasting = |text: &str| -> Option<Value> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        value.as_object_mut()?.remove("volatile");
        Some(value)
    };
    lasting(one).is_some_and(|one| lasting(other) == Some(one))
}

/// The digest of the file `name` in the text of [`SUMS`].
pub(crate) fn listed_in<'s>(sums: &'s str, name: &str) -> Option<&'s str> {
    let mut lines = sums.lines().filter_map(|line| line.split_once("  "));
    lines.find_map(|(digest, listed)| (listed == name).then_some(digest))
}

/// The text of [`SUMS`].
pub(crate) fn sums(files: &[Listed]) -> String {
    let lines = files.iter();
    lines
        .map(|file| format!("{}  {}\n", file.sha256, file.name))
        .collect()
}

/// A folder for results that can be written to, tried before the run. What it made is removed again if it stays empty.
#[derive(Debug)]
pub(crate) struct Place {
    root: PathBuf,
    made: Vec<PathBuf>,
}

impl Place {
    /// Makes the folder where needed and tries to write into it.
    pub(crate) fn probe(root: &Path) -> Result<Self, Failure> {
        let mut place = Self {
            root: root.to_path_buf(),
            made: Vec::new(),
        };
        for folder in root.ancestors().collect::<Vec<_>>().into_iter().rev() {
            if folder.as_os_str().is_empty() || folder.is_dir() {
                continue;
            }
            match fs::create_dir(folder) {
                Ok(()) => place.made.push(folder.to_path_buf()),
                // Another of several that begin at once was quicker.
                Err(_) if folder.is_dir() => {}
                Err(error) => return Err(Failure::file("create", folder, error)),
            }
        }
        let probe = root.join(format!(".rebsim-probe-{}", std::process::id()));
        // Processes on different machines may have the same number: whoever comes first removes the file of both.
        let removed = || match fs::remove_file(&probe) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        fs::write(&probe, b"")
            .and_then(|()| removed())
            .map_err(|error| Failure::file("write into", root, error))?;
        Ok(place)
    }

    /// Puts `files` with their digests and the manifest that `manifest` makes of what was written into the folder `name`. What lies there
    /// already is compared with what would take its place; where nothing is to change, nothing does.
    pub(crate) fn write(
        &self,
        name: &str,
        files: &Files<'_>,
        manifest: &dyn Fn(&[Listed]) -> String,
        force: bool,
    ) -> Result<Written, Failure> {
        let folder = self.root.join(name);
        let failed = |error| Failure::file("create", &self.root.join(name), error);
        let hidden = Hidden::new(&self.root, name).map_err(failed)?;
        let mut listed = Vec::new();
        for (file, content) in files {
            listed.push(hidden.file(file, content)?);
        }
        let text = |text: String| Content::Text(text);
        let sums = hidden.file(SUMS, &text(sums(&listed)))?;
        let manifest = text(manifest(&listed));
        let mut again = 0..ATTEMPTS;
        loop {
            let exists = folder.symlink_metadata().is_ok();
            let mut written = Written::New;
            if exists {
                match first_difference(&folder, listed.iter().chain([&sums]))? {
                    None => return hidden.tell(&folder, &manifest),
                    Some(file) if !force => return Ok(Written::Refused(file)),
                    Some(file) => written = Written::Replaced(file),
                }
            }
            hidden.file(MANIFEST, &manifest)?;
            match hidden.publish(&folder, exists) {
                Ok(()) => return Ok(written),
                // Another was quicker, perhaps; then its results are there now and are looked at.
                Err(error) if again.next().is_none() => return Err(error),
                Err(_) => {}
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // Only an empty folder can be removed like this, which is what is meant.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// The first of the files `wanted` whose bytes in `folder` are others; also one that is there and should not be.
fn first_difference<'f>(
    folder: &Path,
    wanted: impl Iterator<Item = &'f Listed>,
) -> Result<Option<String>, Failure> {
    let mut present = std::collections::BTreeSet::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Ok(Some(String::from("the folder itself: it is a file")));
        }
        Err(error) => return Err(Failure::file("read", folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| Failure::file("read", folder, error))?;
        present.insert(entry.file_name().to_string_lossy().into_owned());
    }
    for file in wanted {
        if !present.remove(&file.name) {
            return Ok(Some(file.name.clone()));
        }
        let path = folder.join(&file.name);
        let there = digest_of(&path).map_err(|error| Failure::file("read", &path, error))?;
        if there != file.sha256 {
            return Ok(Some(file.name.clone()));
        }
    }
    Ok(present.into_iter().find(|name| name != MANIFEST))
}

/// The digest of a file that may be larger than the memory.
fn digest_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hexadecimal(&digest.finalize())),
            Ok(read) => digest.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A folder name made of a scenario's name and the digest of everything that decides the files.
pub(crate) fn folder_name(scenario: &str, identity: &str) -> String {
    let plain: String = scenario
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
            _ => '-',
        })
        .take(80)
        .collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "scenario" } else { plain };
    format!("{plain}-{}", &sha256(identity.as_bytes())[..8])
}

#[cfg(test)]
mod tests;
