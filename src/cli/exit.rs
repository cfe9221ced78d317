//! Exit codes and the failures that lead to them: one table.
//!
//! 1 and 2 follow grep and diff: 1 is "no", 2 is "could not be asked". No flag changes what a code means. An interrupt
//! (130 in a shell) needs no code here: the process dies of the signal, and results are renamed into place when whole.

use std::path::{Path, PathBuf};

/// The exit codes, as `--help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, every expectation met; also: the reader closed the pipe.
    Done = 0,
    /// Simulated, and the answer is no.
    Unmet = 1,
    /// Wrong usage or invalid scenario.
    Refused = 2,
    /// A file could not be read or written.
    File = 3,
    /// Nothing was selected.
    Nothing = 4,
    /// The model ran into the event limit.
    EventLimit = 5,
    /// A bug of rebsim.
    Bug = 70,
}

/// The table for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  done, every expectation met (also: the reader closed the pipe)
    1  simulated, but an expectation or --fail-on is not met
    2  wrong usage or invalid scenario
    3  a file could not be read or written
    4  nothing to do: no scenario or variant selected
    5  stopped by --event-limit: the model ran away
   70  a bug in rebsim: prints seed, scenario hash and command
  130  interrupted";

/// Why a verb did not end well. [`Failure::Unmet`] and [`Failure::Told`] have been reported already.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An expectation is not met; the verdict is in the result.
    #[error("an expectation is not met")]
    Unmet,
    /// Diagnostics have been shown.
    #[error("already reported")]
    Told(Exit),
    /// Wrong usage.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `write`, …
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing was selected.
    #[error("{0}")]
    Nothing(String),
    /// The model ran away.
    #[error("{0}")]
    EventLimit(String),
    /// A bug of rebsim.
    #[error("{0}")]
    Bug(String),
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>, help: Option<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help,
        }
    }

    /// A file could not be read or written.
    pub(crate) fn file(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    /// Its exit code.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Unmet => Exit::Unmet,
            Self::Told(exit) => *exit,
            Self::Usage { .. } => Exit::Refused,
            Self::File { .. } => Exit::File,
            Self::Nothing(_) => Exit::Nothing,
            Self::EventLimit(_) => Exit::EventLimit,
            Self::Bug(_) => Exit::Bug,
        }
    }

    /// True when the user has been told already.
    pub(crate) const fn is_told(&self) -> bool {
        matches!(self, Self::Unmet | Self::Told(_))
    }
}
