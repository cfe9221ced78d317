//! What the verbs take that are held against Kafka's own answers: `assign` and `replay`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::number;

/// `assign`.
#[derive(Debug, Args)]
pub(crate) struct Assign {
    /// Cases as JSON lines; `-` for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: String,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub(crate) format: AssignFormat,
}

/// Formats of `assign`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AssignFormat {
    /// One JSON object a line, in the order of the cases
    #[value(alias = "ndjson")]
    Json,
    /// Who gets what, what moved, how even it is
    Text,
}

/// `replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit 0 when structure, order, times and positions are within the marks (of
controllers: when nothing differs), 1 when not, 2 when a file is no recording.")]
pub(crate) struct Replay {
    /// Recordings, folders of them, or cases of Kubernetes' controllers
    #[arg(value_name = "TRACE|DIR", required = true)]
    pub(crate) traces: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReplayFormat,
    /// Only this repeat of each recording, counted from 0
    #[arg(long, value_name = "K", value_parser = number::<usize>)]
    pub(crate) run: Option<usize>,
    /// End with a table of the recordings and a line for all of them
    #[arg(long)]
    pub(crate) summary: bool,
    /// Runs at a time [default: processors]
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = number::<NonZeroUsize>,
        env = "REBSIM_JOBS",
        hide_env_values = true
    )]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// Formats of `replay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplayFormat {
    /// What differs, run by run
    Text,
    /// The same as one document, schema rebsim/replay/1
    Json,
    /// The simulated events in the format of the recordings
    Ndjson,
}
