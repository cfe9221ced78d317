//! The results folder: written to a hidden sibling, renamed when whole, compared with what lay there before.
//!
//! The files of a folder are a function of the inputs. So when the same inputs gave other bytes before, either the
//! program has changed or something is not deterministic; both are worth a refusal that names the first file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::exit::Failure;

/// Name of the list of digests, in the format of `sha256sum`.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// Name of the manifest, which is in no digest.
pub(crate) const MANIFEST: &str = "manifest.json";

/// Writes a file, piece by piece.
type Rows<'a> = Box<dyn Fn(&mut dyn fmt::Write) -> fmt::Result + 'a>;

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
            fs::create_dir(folder).map_err(|error| Failure::file("create", folder, error))?;
            place.made.push(folder.to_path_buf());
        }
        let probe = root.join(format!(".rebsim-probe-{}", std::process::id()));
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
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
        let hidden = Hidden::new(&self.root, name)?;
        let mut listed = Vec::new();
        for (file, content) in files {
            listed.push(hidden.file(file, content)?);
        }
        let text = |text: String| Content::Text(text);
        let sums = hidden.file(SUMS, &text(sums(&listed)))?;
        let exists = folder.symlink_metadata().is_ok();
        let mut written = Written::New;
        if exists {
            match first_difference(&folder, listed.iter().chain([&sums]))? {
                None => return Ok(Written::Unchanged),
                Some(file) if !force => return Ok(Written::Refused(file)),
                Some(file) => written = Written::Replaced(file),
            }
        }
        hidden.file(MANIFEST, &text(manifest(&listed)))?;
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

    fn file(&self, name: &str, content: &Content<'_>) -> Result<Listed, Failure> {
        let path = self.path.join(name);
        let failed = |error| Failure::file("write", &path, error);
        let mut sink = Sink::new(fs::File::create(&path).map_err(failed)?);
        let written = content.write(&mut sink);
        let (bytes, sha256) = sink.finish(written).map_err(failed)?;
        Ok(Listed {
            name: name.to_owned(),
            bytes,
            sha256,
        })
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

/// Takes text for a file, which is counted and digested on the way.
struct Sink {
    file: fs::File,
    waiting: Vec<u8>,
    bytes: u64,
    digest: Sha256,
    /// Why nothing more is taken.
    error: Option<io::Error>,
}

/// So many bytes are read or written at a time.
const CHUNK: usize = 1 << 16;

impl Sink {
    fn new(file: fs::File) -> Self {
        Self {
            file,
            waiting: Vec::with_capacity(CHUNK),
            bytes: 0,
            digest: Sha256::new(),
            error: None,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.waiting)?;
        self.digest.update(&self.waiting);
        self.bytes += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Length and digest of what was written, unless that failed.
    fn finish(mut self, written: fmt::Result) -> io::Result<(u64, String)> {
        if let Some(error) = self.error {
            return Err(error);
        }
        written.map_err(|_| io::Error::other("the text cannot be made"))?;
        self.flush()?;
        Ok((self.bytes, hexadecimal(&self.digest.finalize())))
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.waiting.len() + text.len() > CHUNK
            && let Err(error) = self.flush()
        {
            self.error = Some(error);
            return Err(fmt::Error);
        }
        self.waiting.extend_from_slice(text.as_bytes());
        Ok(())
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
mod tests {
    use super::*;

    fn files(entries: &[(&str, &'static str)]) -> Files<'static> {
        let rows = |content: &'static str| -> Rows<'static> {
            Box::new(|out| content.lines().try_for_each(|line| writeln!(out, "{line}")))
        };
        entries
            .iter()
            .map(|(name, content)| ((*name).to_owned(), Content::Rows(rows(content))))
            .collect()
    }

    fn no_manifest(_: &[Listed]) -> String {
        "{}".to_owned()
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
        let write = |files: &Files<'_>, force| place.write("x", files, &no_manifest, force);
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
        let written = place.write("x", &one, &no_manifest, false);
        assert_eq!(written.expect("it is new"), Written::New);
        let more = files(&[("a", "1\n"), ("b", "1\n")]);
        let refused = |files| {
            place
                .write("x", files, &no_manifest, false)
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
    }

    #[test]
    fn a_table_of_many_chunks_is_counted_and_digested_as_one() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let place = Place::probe(home.path()).expect("it can be written to");
        let row = "0123456789abcdef".repeat(100);
        let long: String = std::iter::repeat_n(&*row, 200).collect();
        let wide = "w".repeat(3 * CHUNK);
        let table: Rows<'_> = Box::new(|out| (0..200).try_for_each(|_| out.write_str(&row)));
        let files = Files::from([
            ("a.csv".to_owned(), Content::Rows(table)),
            ("b.csv".to_owned(), Content::Text(wide.clone())),
        ]);
        let manifest = |listed: &[Listed]| {
            assert_eq!((listed[0].bytes, listed[1].bytes), (320_000, 3 * 65_536));
            sums(listed)
        };
        place.write("x", &files, &manifest, false).expect("written");
        let there = |name: &str| {
            let path = home.path().join("x").join(name);
            fs::read_to_string(path).expect("it is there")
        };
        assert_eq!(there("a.csv"), long);
        assert_eq!(there("b.csv"), wide);
        let digests = [("a.csv", &long), ("b.csv", &wide)]
            .map(|(name, text)| format!("{}  {name}\n", sha256(text.as_bytes())));
        assert_eq!(there(SUMS), digests.concat());
        assert_eq!(there(MANIFEST), digests.concat());
    }

    #[test]
    fn a_table_that_breaks_off_leaves_nothing_and_what_was_there_stays() {
        let home = tempfile::tempdir().expect("a folder for the test");
        let place = Place::probe(home.path()).expect("it can be written to");
        let one = files(&[("a.csv", "1\n"), ("b.csv", "1\n")]);
        let mut broken = files(&[("a.csv", "2\n")]);
        let breaks_off: Rows<'_> = Box::new(|out| {
            out.write_str("2")?;
            Err(fmt::Error)
        });
        broken.insert("b.csv".to_owned(), Content::Rows(breaks_off));
        let write = |files: &Files<'_>| place.write("x", files, &no_manifest, true);
        let failure = write(&broken).expect_err("the second table breaks off");
        assert_eq!(failure.exit(), super::super::exit::Exit::File);
        assert!(names(home.path()).is_empty());
        write(&one).expect("it is new");
        write(&broken).expect_err("the second table breaks off");
        assert_eq!(names(home.path()), ["x"]);
        let there = fs::read_to_string(home.path().join("x/a.csv"));
        assert_eq!(there.expect("it is there"), "1\n");
    }

    #[test]
    fn folder_names_are_plain_whatever_the_scenario_is_called() {
        assert!(folder_name("nightly-deploy", "").starts_with("nightly-deploy-e3b0c442"));
        assert!(folder_name("../../etc", "").starts_with("etc-"));
        assert!(folder_name("ü", "").starts_with("scenario-"));
    }
}
