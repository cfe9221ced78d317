//! `--export FORMAT=FILE`: files beside the results folder, for those who want one file of one kind. Tried before anything is played;
//! renamed into place when whole.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::args::{ExportArg, ExportFormat};
use super::exit::Failure;
use super::results::Hidden;
use super::streams::Streams;
use crate::report::{json, junit};

/// A file in the making; removed unless it is finished.
pub(crate) struct Export<'a> {
    arg: &'a ExportArg,
    target: Target,
    /// One part for each scenario.
    parts: Vec<String>,
}

/// Where a report goes.
enum Target {
    /// To stdout.
    Stdout,
    /// Made in `hidden`, and renamed into `place` when it is whole.
    File { hidden: Hidden, place: PathBuf },
    /// Into what is no file: a device, or a pipe of the shell. What is renamed over one of these destroys it.
    Stream(fs::File),
    /// It is there, or has failed.
    Done,
}

/// Makes sure that every file can be written.
pub(crate) fn probe(args: &[ExportArg], scenarios: usize) -> Result<Vec<Export<'_>>, Failure> {
    let mut exports = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        if arg.format == ExportFormat::Csv && scenarios > 1 {
            return Err(Failure::usage(
                "--export csv is one table of one scenario",
                Some("name one scenario, or read summary.csv in their results folders".to_owned()),
            ));
        }
        if args[..index].iter().any(|before| before.path == arg.path) {
            return Err(Failure::usage(
                format!("--export: `{}` is named twice", arg.path.display()),
                Some("a file holds one report: name another one".to_owned()),
            ));
        }
        exports.push(Export {
            arg,
            target: Target::of(&arg.path)?,
            parts: Vec::new(),
        });
    }
    Ok(exports)
}

impl Target {
    /// Tries whether `path` can be written.
    fn of(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        if path.file_name().is_none() || path.is_dir() {
            let message = format!("--export: `{}` is a folder", path.display());
            return Err(Failure::usage(message, Some("name a file".to_owned())));
        }
        let failed = |error: io::Error| Failure::file("write", path, error);
        let is_device = ["/dev", "/proc"].iter().any(|root| path.starts_with(root));
        let there = path.metadata();
        if there.is_ok_and(|there| is_device || !there.is_file()) {
            let stream = fs::OpenOptions::new().append(true).open(path);
            return Ok(Self::Stream(stream.map_err(failed)?));
        }
        // What a link leads to is written, not the link.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let root = place.parent().filter(|root| *root != Path::new(""));
        let hidden = Hidden::new(root.unwrap_or(Path::new(".")), &name);
        let hidden = hidden.map_err(failed)?;
        Ok(Self::File { hidden, place })
    }
}

impl Export<'_> {
    /// Adds one scenario, in whatever format is wanted.
    pub(crate) fn add(&mut self, rendered: impl FnOnce(ExportFormat) -> String) {
        self.parts.push(rendered(self.arg.format));
    }

    /// Puts it into place.
    pub(crate) fn finish(mut self, streams: &mut Streams) -> Result<(), Failure> {
        let text = match self.arg.format {
            ExportFormat::Junit => junit::document(&self.parts),
            ExportFormat::Json => json::documents(&self.parts),
            ExportFormat::Csv | ExportFormat::Md => self.parts.join("\n"),
        };
        let written = match std::mem::replace(&mut self.target, Target::Done) {
            Target::Stdout => return streams.result(&text),
            Target::File { hidden, place } => hidden.replace(&place, &text),
            Target::Stream(mut stream) => stream.write_all(text.as_bytes()),
            Target::Done => Ok(()),
        };
        written.map_err(|error| Failure::file("write", &self.arg.path, error))
    }
}
