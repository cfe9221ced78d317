//! What a results folder, or a file beside it, is made in: a hidden sibling, and the files in it, which are digested as they are written.
//!
//! `.NAME.new-MARK/` holds what is in the making and, for the moment in which one takes the place of the other, what lay there before. It
//! is locked while its process lives. A killed process leaves it behind; the next one that writes the same results takes it away, and puts
//! back what lay there before if nothing else does.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{CHUNK, Content, Listed, MANIFEST, Written, hexadecimal, says_the_same};
use crate::cli::exit::Failure;

/// So many names are tried.
const NAMES: u32 = 1_000;

/// Within it, what is being made.
const NEW: &str = "new";

/// Within it, what lay in its place.
const OLD: &str = "old";

/// A hidden sibling in the making; removed unless published.
pub(crate) struct Hidden {
    home: PathBuf,
    path: PathBuf,
    aside: PathBuf,
    /// Says to others that this process lives, where the file system knows locks.
    _lock: Option<File>,
}

impl Hidden {
    /// Makes it beside what is called `name` in `root`, under a name that nobody has: other machines, containers before all, have processes
    /// of the same number.
    pub(crate) fn new(root: &Path, name: &str) -> io::Result<Self> {
        let start = format!(".{name}.new-");
        clear(root, name, &start);
        let process = std::process::id();
        let mut attempt = 0;
        loop {
            let mark = match attempt {
                0 => process.to_string(),
                more => format!("{process}-{more}"),
            };
            let home = root.join(format!("{start}{mark}"));
            attempt += 1;
            let made = fs::create_dir(&home).and_then(|()| {
                // Whoever finds it before it is locked takes it away: then there is no place in it.
                let lock = locked(&home);
                fs::create_dir(home.join(NEW)).map(|()| lock)
            });
            match made {
                Ok(lock) => {
                    return Ok(Self {
                        path: home.join(NEW),
                        aside: home.join(OLD),
                        home,
                        _lock: lock,
                    });
                }
                Err(error) if is_taken(&error) && attempt < NAMES => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes a file into it.
    pub(super) fn file(&self, name: &str, content: &Content<'_>) -> Result<Listed, Failure> {
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

    /// Writes a file that takes the place of another when it is whole.
    pub(crate) fn replace(&self, place: &Path, text: &str) -> io::Result<()> {
        let whole = self.path.join("whole");
        fs::write(&whole, text).and_then(|()| fs::rename(&whole, place))
    }

    /// Renames the folder into place; what lay there stays intact until then and comes back if that fails.
    pub(super) fn publish(&self, folder: &Path, exists: bool) -> Result<(), Failure> {
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
        Ok(())
    }
}

impl Hidden {
    /// The files of `folder` are as they would be written; so is its manifest after this.
    pub(super) fn tell(&self, folder: &Path, manifest: &Content<'_>) -> Result<Written, Failure> {
        let own = self.file(MANIFEST, manifest)?.name;
        let (own, there) = (self.path.join(own), folder.join(MANIFEST));
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        if says_the_same(&read(&own), &read(&there)) {
            return Ok(Written::Unchanged);
        }
        fs::rename(&own, &there).map_err(|error| Failure::file("write", &there, error))?;
        Ok(Written::Told)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Another has a folder of this name, or had taken it away.
fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
    )
}

/// The lock of a hidden folder; nothing when another holds it, or folders cannot be locked here.
fn locked(home: &Path) -> Option<File> {
    let folder = File::open(home).ok()?;
    folder.try_lock().ok().map(|()| folder)
}

/// Takes away the folders that begin with `start` whose processes are no more. What lay in the place of the results `name` is put back if
/// it was to be replaced and was not. What cannot be taken away stays: it is in nobody's way.
fn clear(root: &Path, name: &str, start: &str) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(start) {
            continue;
        }
        let home = entry.path();
        let Some(_lock) = locked(&home) else { continue };
        let (folder, aside) = (root.join(name), home.join(OLD));
        let is_lost = aside.symlink_metadata().is_ok() && folder.symlink_metadata().is_err();
        if is_lost && fs::rename(&aside, &folder).is_err() {
            continue;
        }
        let _ = fs::remove_dir_all(&home);
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
