//! The results folder: written to a hidden sibling, renamed when whole, compared with what lay there before.
//!
//! The files of a folder are a function of the inputs. So when the same inputs gave other bytes before, either the
//! program has changed or something is not deterministic; both are worth a refusal that names the first file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::exit::Failure;

/// Name of the list of digests, in the format of `sha256sum`.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// Name of the manifest, which is in no digest.
pub(crate) const MANIFEST: &str = "manifest.json";

/// Files of a results folder by name, all but manifest and digests.
pub(crate) type Files = BTreeMap<String, String>;

/// What became of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there now.
    New,
    /// It was there, byte for byte.
    Unchanged,
    /// It took the place of another, whose first different file this was.
    Replaced(String),
    /// It differs from what is there, from this file on; nothing was written.
    Refused(String),
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

/// The text of [`SUMS`].
pub(crate) fn sums(files: &Files) -> String {
    let mut text = String::new();
    for (name, content) in files {
        text.push_str(&sha256(content.as_bytes()));
        text.push_str("  ");
        text.push_str(name);
        text.push('\n');
    }
    text
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
            fs::create_dir(folder).map_err(|error| Failure::file("create", folder, error))?;
            place.made.push(folder.to_path_buf());
        }
        let probe = root.join(format!(".rebsim-probe-{}", std::process::id()));
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|error| Failure::file("write into", root, error))?;
        Ok(place)
    }

    /// Puts `files` with their digests and `manifest` into the folder `name`.
    pub(crate) fn write(
        &self,
        name: &str,
        files: &Files,
        manifest: &str,
        force: bool,
    ) -> Result<Written, Failure> {
        let folder = self.root.join(name);
        let sums = sums(files);
        let exists = folder.symlink_metadata().is_ok();
        let mut written = Written::New;
        if exists {
            match first_difference(&folder, files, &sums)? {
                None => return Ok(Written::Unchanged),
                Some(file) if !force => return Ok(Written::Refused(file)),
                Some(file) => written = Written::Replaced(file),
            }
        }
        let hidden = Hidden::new(&self.root, name)?;
        for (file, content) in files {
            hidden.file(file, content)?;
        }
        hidden.file(SUMS, &sums)?;
        hidden.file(MANIFEST, manifest)?;
        hidden.publish(&folder, exists)?;
        Ok(written)
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

/// A hidden sibling in the making; removed unless published.
struct Hidden {
    path: PathBuf,
    aside: PathBuf,
}

impl Hidden {
    fn new(root: &Path, name: &str) -> Result<Self, Failure> {
        let path = root.join(format!(".{name}.new-{}", std::process::id()));
        let aside = root.join(format!(".{name}.old-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| Failure::file("create", &path, error))?;
        Ok(Self { path, aside })
    }

    fn file(&self, name: &str, content: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        fs::write(&path, content).map_err(|error| Failure::file("write", &path, error))
    }

    /// Renames the folder into place; what lay there stays intact until then and comes back if that fails.
    fn publish(self, folder: &Path, exists: bool) -> Result<(), Failure> {
        if exists {
            fs::rename(folder, &self.aside)
                .map_err(|error| Failure::file("replace", folder, error))?;
        }
        if let Err(error) = fs::rename(&self.path, folder) {
            if exists {
                fs::rename(&self.aside, folder)
                    .map_err(|error| Failure::file("restore", folder, error))?;
            }
            return Err(Failure::file("write", folder, error));
        }
        if exists {
            let removed = if self.aside.is_dir() {
                fs::remove_dir_all(&self.aside)
            } else {
                fs::remove_file(&self.aside)
            };
            removed.map_err(|error| Failure::file("remove", &self.aside, error))?;
        }
        Ok(())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Gone already once published.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The first file, by name, whose bytes in `folder` are not those of `files`; also one that is there and should not be.
fn first_difference(folder: &Path, files: &Files, sums: &str) -> Result<Option<String>, Failure> {
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
    let wanted = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_str()))
        .chain([(SUMS, sums)]);
    for (name, content) in wanted {
        if !present.remove(name) {
            return Ok(Some(name.to_owned()));
        }
        let path = folder.join(name);
        let there = fs::read(&path).map_err(|error| Failure::file("read", &path, error))?;
        if there != content.as_bytes() {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(present.into_iter().find(|name| name != MANIFEST))
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
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries
            .iter()
            .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()))
            .collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| {
                let entry = entry.expect("the folder can be listed");
                entry.file_name().to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_new_then_unchanged_then_refused_then_forced() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let place = Place::probe(&home.path().join("a/b")).expect("it can be written to");
        let one = files(&[("lag.csv", "1\n"), ("summary.csv", "1\n")]);
        let two = files(&[("lag.csv", "1\n"), ("summary.csv", "2\n")]);
        let write = |files: &Files, force| place.write("x", files, "{}", force);
        assert!(matches!(write(&one, false), Ok(Written::New)));
        assert!(matches!(write(&one, false), Ok(Written::Unchanged)));
        let refused = Written::Refused("summary.csv".into());
        assert_eq!(write(&two, false).expect("it can be read"), refused);
        let folder = home.path().join("a/b/x");
        let there = || fs::read_to_string(folder.join("summary.csv")).expect("it is there");
        assert_eq!(there(), "1\n");
        let replaced = Written::Replaced("summary.csv".into());
        assert_eq!(write(&two, true).expect("it can be replaced"), replaced);
        assert_eq!(there(), "2\n");
        assert_eq!(
            names(&home.path().join("a/b")),
            ["x"],
            "nothing hidden is left"
        );
        let all = ["SHA256SUMS", "lag.csv", "manifest.json", "summary.csv"];
        assert_eq!(names(&folder), all);
    }

    #[test]
    fn a_file_too_many_or_too_few_is_a_difference() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let place = Place::probe(home.path()).expect("it can be written to");
        let one = files(&[("b", "1\n")]);
        place.write("x", &one, "{}", false).expect("it is new");
        let more = files(&[("a", "1\n"), ("b", "1\n")]);
        let refused = |files| {
            place
                .write("x", files, "{}", false)
                .expect("it can be read")
        };
        assert_eq!(refused(&more), Written::Refused("a".into()));
        fs::write(home.path().join("x/c"), "mine").expect("it can be written");
        assert_eq!(refused(&one), Written::Refused("c".into()));
    }

    #[test]
    fn a_probed_place_that_stays_empty_is_removed() {
        let home = tempfile::tempdir().expect("a folder for the test");
        drop(Place::probe(&home.path().join("a/b")));
        assert!(names(home.path()).is_empty());
        fs::write(home.path().join("file"), "").expect("it can be written");
        let failure =
            Place::probe(&home.path().join("file/deep")).expect_err("a file is no folder");
        assert_eq!(failure.exit(), super::super::exit::Exit::File);
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
        assert_eq!(sums(&files(&[("a.csv", "")])), format!("{empty}  a.csv\n"));
    }

    #[test]
    fn folder_names_are_plain_whatever_the_scenario_is_called() {
        assert!(folder_name("nightly-deploy", "").starts_with("nightly-deploy-e3b0c442"));
        assert!(folder_name("../../etc", "").starts_with("etc-"));
        assert!(folder_name("ü", "").starts_with("scenario-"));
    }
}
