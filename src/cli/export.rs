//! `--export FORMAT=FILE`: files beside the results folder, for those who want one file of one kind. Tried before anything is played;
//! renamed into place when whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::{ExportArg, ExportFormat};
use super::exit::Failure;
use super::streams::Streams;
use crate::report::{json, junit};

/// A file in the making; removed unless it is finished.
pub(crate) struct Export<'a> {
    arg: &'a ExportArg,
    /// What will be renamed; `None` for stdout.
    hidden: Option<PathBuf>,
    /// One part for each scenario.
    parts: Vec<String>,
}

/// Makes sure that every file can be written.
pub(crate) fn probe(args: &[ExportArg], scenarios: usize) -> Result<Vec<Export<'_>>, Failure> {
    let mut exports = Vec::new();
    for arg in args {
        if arg.format == ExportFormat::Csv && scenarios > 1 {
            return Err(Failure::usage(
                "--export csv is one table of one scenario",
                Some("name one scenario, or read summary.csv in their results folders".to_owned()),
            ));
        }
        let hidden = match arg.path == Path::new("-") {
            true => None,
            false => Some(hidden(&arg.path)?),
        };
        exports.push(Export {
            arg,
            hidden,
            parts: Vec::new(),
        });
    }
    Ok(exports)
}

/// An empty file beside `path`.
fn hidden(path: &Path) -> Result<PathBuf, Failure> {
    let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
        let message = format!("--export: `{}` is a folder", path.display());
        return Err(Failure::usage(message, Some("name a file".to_owned())));
    };
    let hidden = format!(".{}.new-{}", name.to_string_lossy(), std::process::id());
    let hidden = path.with_file_name(hidden);
    fs::write(&hidden, b"").map_err(|error| Failure::file("write", path, error))?;
    Ok(hidden)
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
        let Some(hidden) = self.hidden.take() else {
            return streams.result(&text);
        };
        let path = &self.arg.path;
        let written = fs::write(&hidden, text).and_then(|()| fs::rename(&hidden, path));
        written.map_err(|error| Failure::file("write", path, error))
    }
}

impl Drop for Export<'_> {
    fn drop(&mut self) {
        if let Some(hidden) = &self.hidden {
            let _ = fs::remove_file(hidden);
        }
    }
}
