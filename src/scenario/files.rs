//! The files that a scenario is made of: the text itself, its parents, its traces. Reads through a [`Loader`] only.

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::merge;
use super::node::{Entry, Node, Span, Value};
use super::source::Sources;
use super::yaml;

/// Largest file that is looked at: 4 MiB. Load curves of any length belong into traces.
pub const MAX_BYTES: usize = 4 << 20;

/// Largest trace file: 64 MiB.
pub const MAX_TRACE_BYTES: usize = 64 << 20;

/// Longest chain of `extends`.
const MAX_DEPTH: usize = 8;

/// Gives texts of files. The command line's reads the disk, a test's a table.
pub trait Loader {
    /// The text of the file at `path`, which is relative to the same place as the scenario's own path.
    ///
    /// # Errors
    /// When there is none.
    fn read(&mut self, path: &str) -> Result<String, LoadError>;
}

/// For scenarios that stand alone: there is no file at all.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn read(&mut self, _path: &str) -> Result<String, LoadError> {
        Err(LoadError::NotFound)
    }
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// No such file.
    NotFound,
    /// It exists, but reading failed: why.
    Unreadable(String),
    /// It is larger than [`MAX_TRACE_BYTES`].
    TooLarge,
    /// It is not UTF-8.
    NotText,
}

impl LoadError {
    /// This error as a finding about `path` at `span`.
    #[must_use]
    pub fn at(&self, path: &str, span: Span) -> Diagnostic {
        let (code, message) = match self {
            Self::NotFound => (Code::NotFound, format!("there is no file `{path}`")),
            Self::Unreadable(why) => (Code::Unreadable, format!("`{path}` cannot be read: {why}")),
            Self::TooLarge => (Code::TooLarge, format!("`{path}` is too large")),
            Self::NotText => (Code::NotText, format!("`{path}` is not a UTF-8 text")),
        };
        Diagnostic::error(code, span, message)
    }
}

/// Texts met so far, and where more come from.
pub struct Files<'l> {
    /// Texts.
    pub sources: Sources,
    loader: &'l mut dyn Loader,
}

impl<'l> Files<'l> {
    /// No texts yet.
    pub fn new(loader: &'l mut dyn Loader) -> Self {
        Self {
            sources: Sources::default(),
            loader,
        }
    }

    /// The text of a file that was named at `span`, relative to the file that names it.
    ///
    /// # Errors
    /// The finding, when there is none.
    pub fn read(&mut self, path: &str, span: Span) -> Result<String, Box<Diagnostic>> {
        let path = self.resolve(path, span);
        self.loader
            .read(&path)
            .map_err(|error| Box::new(error.at(&path, span)))
    }

    fn resolve(&self, path: &str, span: Span) -> String {
        let holder = self.sources.all.get(span.source as usize);
        let folder = holder.and_then(|holder| holder.name.rsplit_once('/'));
        match folder {
            Some((folder, _)) if !path.starts_with('/') => normal(&format!("{folder}/{path}")),
            _ => normal(path),
        }
    }

    /// The document `text` called `file`, laid over its parents, and whether all of them were there; `None` when it
    /// cannot be read at all.
    pub fn document(
        &mut self,
        file: &str,
        text: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Option<(Node, bool)> {
        self.extended(file, text, &mut Vec::new(), found)
    }

    fn extended(
        &mut self,
        file: &str,
        text: &str,
        chain: &mut Vec<String>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<(Node, bool)> {
        let source = self.sources.add(file, text);
        chain.push(normal(file));
        let node = tree(text, source, found)?;
        let Some(extends) = node.get("extends") else {
            return Some((node, true));
        };
        let Some(path) = extends.text().map(str::to_owned) else {
            return Some((node, false));
        };
        let span = extends.span;
        let target = self.resolve(&path, span);
        if chain.contains(&target) || chain.len() > MAX_DEPTH {
            let message = if chain.contains(&target) {
                format!(
                    "`{target}` extends itself: {} extends it",
                    chain.join(" extends ")
                )
            } else {
                format!("more than {MAX_DEPTH} files extend each other")
            };
            found.push(Diagnostic::error(Code::Extends, span, message));
            return Some((node, false));
        }
        let text = match self.read(&path, span) {
            Ok(text) => text,
            Err(finding) => {
                found.push(*finding);
                return Some((node, false));
            }
        };
        let Some((parent, whole)) = self.extended(&target, &text, chain, found) else {
            return Some((node, false));
        };
        Some((merge::inherit(&without(&parent, "extends"), &node), whole))
    }
}

/// The tree of one text, repeated keys reported; `None`, reported, when it is no document.
pub fn tree(text: &str, source: u32, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let at = |start: usize, end: usize| Span {
        source,
        start: u32::try_from(start).unwrap_or(u32::MAX),
        end: u32::try_from(end).unwrap_or(u32::MAX),
    };
    if text.len() > MAX_BYTES {
        let message = format!("{} bytes are too many for a scenario", text.len());
        let finding = Diagnostic::error(Code::TooLarge, at(0, 0), message);
        found.push(finding.help("at most 4 MiB; long load curves belong into trace files"));
        return None;
    }
    let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if let Some((start, _)) = text
        .char_indices()
        .find(|(_, c)| strange(*c) || *c == '\u{fffd}')
    {
        let message = "this is not a text file";
        found.push(Diagnostic::error(Code::NotText, at(start, start), message));
        return None;
    }
    match yaml::parse(text, source) {
        Ok(mut node) => {
            merge::unique(&mut node, found);
            if matches!(node.value, Value::Map(_)) {
                return Some(node);
            }
            let message = format!("a scenario is a map; this is {}", node.describe());
            found.push(Diagnostic::error(Code::WrongKind, node.span, message));
            None
        }
        Err(error) => {
            let code = if error.limit {
                Code::TooLarge
            } else {
                Code::Syntax
            };
            let start = error.start as usize;
            found.push(Diagnostic::error(code, at(start, start), error.message));
            None
        }
    }
}

fn without(node: &Node, key: &str) -> Node {
    let entries: Vec<Entry> = node
        .entries()
        .iter()
        .filter(|entry| entry.key != key)
        .cloned()
        .collect();
    Node {
        span: node.span,
        value: Value::Map(entries),
    }
}

/// `a/./b/../c` is `a/c`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}
