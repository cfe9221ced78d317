//! What can be typed after `rebsim sweep` and `rebsim merge`.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{Gate, OverrideArgs, Selection, Work, number};
use crate::kernel::words::natural;
use crate::metrics::Name;

/// `sweep`.
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Path, `-` for stdin, or the name of a shipped example
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: String,
    /// Values of a parameter: a Kafka key, GROUP:KEY, a dotted path, or
    /// variant. Repeated ones are crossed, with the scenario's matrix too
    #[arg(long, value_name = "KEY=A,B|KEY=A..B:STEP")]
    pub(crate) vary: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    /// What to print on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(env = "REBSIM_FORMAT", hide_env_values = true, help_heading = "Output")]
    pub(crate) format: SweepFormat,
    #[command(flatten)]
    pub(crate) output: SweepOutput,
    #[command(flatten)]
    pub(crate) gate: Gate,
    #[command(flatten)]
    pub(crate) work: Work,
    #[command(flatten)]
    pub(crate) parts: Parts,
}

/// `merge`.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Folders of shards, or folders that hold them
    #[arg(value_name = "DIR", required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// What to print on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = of_results())]
    #[arg(env = "REBSIM_FORMAT", hide_env_values = true, help_heading = "Output")]
    pub(crate) format: SweepFormat,
    #[command(flatten)]
    pub(crate) output: SweepOutput,
    #[command(flatten)]
    pub(crate) gate: Gate,
}

/// Where results of sweeps go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct SweepOutput {
    /// Folder that gets a folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    #[arg(env = "REBSIM_OUT", hide_env_values = true)]
    pub(crate) out: PathBuf,
    /// Write no results folder
    #[arg(long, conflicts_with = "force")]
    #[arg(env = "REBSIM_NO_OUT", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) no_out: bool,
    /// Replace results that the same inputs gave differently before
    #[arg(long)]
    pub(crate) force: bool,
    /// Metrics to print a table of
    #[arg(long = "metric", value_name = "NAME,…", value_delimiter = ',')]
    #[arg(default_value = "downtime_partition_s,longest_downtime_s")]
    pub(crate) metrics: Vec<MetricArg>,
}

/// Formats of `sweep` and `merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SweepFormat {
    /// Tables for people
    Text,
    /// One document, schema rebsim/sweep/1
    Json,
    /// One row per cell, seed and group
    Csv,
    /// Markdown tables
    Md,
    /// Workflow annotations for what fails, then the text
    Github,
    /// With --dry-run: every replication, one object a line
    Ndjson,
}

/// The formats that show results: all but the list of replications, which `sweep --dry-run` prints.
fn of_results() -> impl TypedValueParser<Value = SweepFormat> {
    let shown = SweepFormat::value_variants().iter();
    let shown = shown.filter(|format| **format != SweepFormat::Ndjson);
    PossibleValuesParser::new(shown.filter_map(SweepFormat::to_possible_value))
        .try_map(|word| SweepFormat::from_str(&word, false))
}

/// The name of a metric that sweeps keep.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricArg(pub(crate) Name);

impl FromStr for MetricArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name =
            Name::parse(text).map_err(|error| format!("{}; {}", error.message, error.help))?;
        if crate::report::sweep::columns().contains(&name) {
            Ok(Self(name))
        } else {
            Err(format!("a sweep keeps `{}` by group only", name.column()))
        }
    }
}

/// What to do of the whole.
#[derive(Debug, Args)]
#[command(next_help_heading = "Parts")]
pub(crate) struct Parts {
    /// Only shard K of N, from 1: `rebsim merge` joins them. Typed, it wins
    /// over what REBSIM_SHARD_INDEX and REBSIM_SHARD_COUNT say
    #[arg(long, value_name = "K/N", conflicts_with_all = ["shard_index", "shard_count", "no_out"])]
    #[arg(env = "REBSIM_SHARD", hide_env_values = true)]
    pub(crate) shard: Option<ShardArg>,
    /// The same for schedulers that count from 0
    #[arg(long, value_name = "I", requires = "shard_count")]
    #[arg(env = "REBSIM_SHARD_INDEX", hide_env_values = true, value_parser = number::<u64>)]
    pub(crate) shard_index: Option<u64>,
    /// Of so many; without --shard-index the index is that of the Kubernetes
    /// Job or Slurm array that this runs in
    #[arg(long, value_name = "N", conflicts_with = "no_out")]
    #[arg(env = "REBSIM_SHARD_COUNT", hide_env_values = true, value_parser = number::<NonZeroU64>)]
    pub(crate) shard_count: Option<NonZeroU64>,
    /// Go on with a sweep that was interrupted
    #[arg(long, conflicts_with = "no_out")]
    #[arg(env = "REBSIM_RESUME", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) resume: bool,
    /// Play nothing but up to three replications: say how many there are and
    /// how long they would take
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,
}

/// `K/N`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardArg {
    pub(crate) number: u64,
    pub(crate) count: NonZeroU64,
}

impl FromStr for ShardArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(k, n)| Some((natural(k)?, natural(n)?)));
        match parsed {
            Some((number, count)) => Ok(Self { number, count }),
            None => Err("write K/N, such as 3/16".to_owned()),
        }
    }
}
