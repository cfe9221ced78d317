//! What can be required of results, and to whom else the verdict goes.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// Requirements, and who else is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct Gate {
    /// Require this beside the scenario's expectations; exit 1 if it fails
    #[arg(
        long = "fail-on",
        visible_alias = "require",
        value_name = "METRIC OP VALUE"
    )]
    pub(crate) require: Vec<String>,
    /// Exit 1 if a key metric is worse than in these results: a results
    /// folder, or one that holds it
    #[arg(
        long,
        value_name = "DIR",
        env = "REBSIM_BASELINE",
        hide_env_values = true
    )]
    pub(crate) baseline: Option<PathBuf>,
    /// By how much it may be worse: 10%, or METRIC=10%, or METRIC=0.5s
    /// [default: 5%]
    #[arg(long, value_name = "[METRIC=]AMOUNT", requires = "baseline")]
    pub(crate) tolerance: Vec<String>,
    /// Write a report into a file, or to stdout as `-`: junit, json, csv, md
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) export: Vec<ExportArg>,
}

/// `FORMAT=FILE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportArg {
    pub(crate) format: ExportFormat,
    pub(crate) path: PathBuf,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// JUnit's XML.
    Junit,
    /// Schema rebsim/summary/1, of a sweep rebsim/sweep/1.
    Json,
    /// One row per variant or cell, seed and group.
    Csv,
    /// Markdown tables.
    Md,
}

impl ExportFormat {
    const ALL: [(&'static str, Self); 4] = [
        ("junit", Self::Junit),
        ("json", Self::Json),
        ("csv", Self::Csv),
        ("md", Self::Md),
    ];
}

impl FromStr for ExportArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ExportFormat::ALL.map(|(name, _)| name).join(", ");
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| format!("write FORMAT=FILE, FORMAT one of {known}"))?;
        let found = ExportFormat::ALL.iter().find(|(name, _)| *name == format);
        let (_, format) = found.ok_or_else(|| format!("`{format}` is none of {known}"))?;
        Ok(Self {
            format: *format,
            path: PathBuf::from(path),
        })
    }
}
