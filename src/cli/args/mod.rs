//! What can be typed: clap's derive, nothing else. Every help page opens with two examples and fits 80 columns.

mod conformance;
mod fidelity;
mod gate;
mod look;
mod number;
mod selection;
mod sweep;
mod typed;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use conformance::{Assign, AssignFormat, Replay, ReplayFormat};
pub(crate) use fidelity::FidelityArg;
pub(crate) use gate::{ExportArg, ExportFormat, Gate};
pub(crate) use look::{Explain, LookFormat, Show, Which};
use number::number;
pub(crate) use selection::{SeedChoice, Selection};
pub(crate) use sweep::{Merge, Parts, Sweep, SweepFormat, SweepOutput};
pub(crate) use typed::parse;

use super::exit;
use super::seeds::{SeedArg, SeedsArg};
use crate::cluster::Options;

/// Control events after which a replication is held to have run away.
fn event_limit() -> NonZeroU64 {
    NonZeroU64::new(Options::default().event_limit).unwrap_or(NonZeroU64::MAX)
}

const TEMPLATE: &str = "\
{before-help}{about}

{usage-heading} {usage}

{all-args}{after-help}";

/// On whom to believe.
const TYPED: &str = "\
What is typed wins over what a variable of the environment says, also where
the two exclude each other.";

/// Simulates Kafka consumer-group rebalancing: what stalls, how long, and why
#[derive(Debug, Parser)]
#[command(
    name = "rebsim",
    version,
    term_width = 80,
    help_template = TEMPLATE,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    before_help = "\
Examples:
  rebsim compare nightly-deploy      # a shipped example, variant by variant
  rebsim init > mine.yaml && rebsim run mine.yaml",
    after_help = format!("{}\n\n{TYPED}", exit::TABLE)
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) talk: Talk,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// How to talk.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Talk")]
pub(crate) struct Talk {
    /// Silence on stderr but for errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    #[arg(env = "REBSIM_QUIET", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,
    /// Tell more: every note, every expectation's whereabouts
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Colour; NO_COLOR and CLICOLOR_FORCE are heeded
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(env = "REBSIM_COLOR", hide_env_values = true)]
    pub(crate) color: ColorChoice,
    /// Plain characters only (the default in a locale that is not UTF-8)
    #[arg(long, global = true)]
    #[arg(env = "REBSIM_ASCII", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) ascii: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Simulate scenarios and judge their expectations
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim run rolling-deploy --variant eager
  rebsim run mine.yaml --seeds 20 --fail-on 'longest_downtime_s < 5s'"
    )]
    Run(Play),
    /// Play the variants of a scenario side by side on the same random draws
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim compare nightly-deploy
  rebsim compare mine.yaml --variant eager,static --seeds 30 --format md"
    )]
    Compare(Play),
    /// Play a scenario under every combination of parameters, variants, seeds
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim sweep rolling-deploy --vary session.timeout.ms=6000,45000 --seeds 20
  rebsim sweep mine.yaml --shard 3/16 --resume"
    )]
    Sweep(Sweep),
    /// Join the shards of a sweep
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim merge results/
  rebsim merge results/ --fail-on 'median lag_records < 5000' --format md"
    )]
    Merge(Merge),
    /// Parse, resolve and lint scenarios without simulating
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim check scenarios/
  rebsim check mine.yaml --resolved"
    )]
    Check(Check),
    /// Let Kafka's assignors, and two that are not Kafka's, assign: cases in, assignments out
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim assign cases.jsonl > assignments.jsonl
  head -1 cases.jsonl | rebsim assign --format text"
    )]
    Assign(Assign),
    /// Play recordings of real Kafka and Kubernetes and say what differs
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim replay tests/golden/traces --summary
  rebsim replay tests/golden/traces/range-crash.json --run 0
  rebsim replay tests/golden/deployment/cases.jsonl --summary"
    )]
    Replay(Replay),
    /// The groups at an instant, as kafka-consumer-groups.sh describes them
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim show results/nightly-deploy-0123abcd --at 10m --variant eager
  rebsim show crash --at 72s --members -v"
    )]
    Show(Show),
    /// Why a partition was down, event by event; or what a code means
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim explain results/nightly-deploy-0123abcd --variant eager --worst
  rebsim explain crash --partition orders-3 --at 72s
  rebsim explain E0103"
    )]
    Explain(Explain),
    /// Print a commented scenario to start from
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  rebsim init > mine.yaml
  rebsim init --list"
    )]
    Init(Init),
    /// Print what ships beside the program: schema, manual, completions
    #[command(
        help_template = TEMPLATE,
        subcommand_required = true,
        arg_required_else_help = true,
        before_help = "\
Examples:
  rebsim generate schema > scenario.schema.json
  rebsim generate completions bash > rebsim.bash"
    )]
    Generate {
        #[command(subcommand)]
        what: Generate,
    },
}

/// `run` and `compare`.
#[derive(Debug, Args)]
pub(crate) struct Play {
    /// Path, folder, `-` for stdin, or the name of a shipped example
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) gate: Gate,
    #[command(flatten)]
    pub(crate) work: Work,
}

/// Changes to the scenario.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Scenario")]
pub(crate) struct OverrideArgs {
    /// Only these variants
    #[arg(long = "variant", value_name = "NAME,…", value_delimiter = ',')]
    #[arg(env = "REBSIM_VARIANT", hide_env_values = true)]
    pub(crate) variants: Vec<String>,
    /// Set a Kafka key in every group, or in one: GROUP:KEY=VALUE
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) config: Vec<String>,
    /// Set anything: duration=2m, topics.orders.partitions=24
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Turn notes (accepted but not modelled) into errors
    #[arg(long, env = "REBSIM_STRICT", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub(crate) strict: bool,
}

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Folder that gets a folder of results per scenario
    #[arg(long, value_name = "DIR", default_value = "results")]
    #[arg(env = "REBSIM_OUT", hide_env_values = true)]
    pub(crate) out: PathBuf,
    /// Write no results folder
    #[arg(long, conflicts_with_all = ["force", "series"])]
    #[arg(env = "REBSIM_NO_OUT", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) no_out: bool,
    /// Replace results that the same inputs gave differently before
    #[arg(long)]
    pub(crate) force: bool,
    /// Series (ownership, lag, …) of the first seed or of all seeds
    #[arg(long, value_name = "WHICH", default_value = "first")]
    #[arg(env = "REBSIM_SERIES", hide_env_values = true)]
    pub(crate) series: Series,
    /// What to print on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(env = "REBSIM_FORMAT", hide_env_values = true)]
    pub(crate) format: PlayFormat,
}

/// For which seeds series are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Series {
    /// The first seed
    First,
    /// Every seed
    All,
}

/// Formats of `run` and `compare`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlayFormat {
    /// Tables for people
    Text,
    /// One document, schema rebsim/summary/1
    Json,
    /// Every observation, one object a line
    Ndjson,
    /// One row per variant, seed and group
    Csv,
    /// Markdown tables
    Md,
    /// Workflow annotations for unmet expectations, then the text
    Github,
}

/// How to work.
#[derive(Debug, Args)]
#[command(next_help_heading = "Work")]
pub(crate) struct Work {
    /// Replications at a time [default: processors]
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = number::<NonZeroUsize>,
        env = "REBSIM_JOBS",
        hide_env_values = true
    )]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Control events after which a replication is stopped (exit 5)
    #[arg(long, value_name = "N", default_value_t = event_limit())]
    #[arg(env = "REBSIM_EVENT_LIMIT", hide_env_values = true, value_parser = number::<NonZeroU64>)]
    pub(crate) event_limit: NonZeroU64,
    /// Check every invariant after every event (slower; exit 70)
    #[arg(long, env = "REBSIM_CHECK_INVARIANTS", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub(crate) check_invariants: bool,
    /// Level of detail of records; fluid is approximate, for large sweeps
    #[arg(long, value_name = "LEVEL", default_value = "exact")]
    #[arg(env = "REBSIM_FIDELITY", hide_env_values = true)]
    pub(crate) fidelity: FidelityArg,
    /// Progress on stderr; auto: a bar, and only on a terminal
    #[arg(long, value_name = "HOW", default_value = "auto")]
    #[arg(env = "REBSIM_PROGRESS", hide_env_values = true)]
    pub(crate) progress: ProgressChoice,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressChoice {
    /// A bar when stderr is a terminal
    Auto,
    /// A bar
    Bar,
    /// A line per ten percent, at most one in ten seconds
    Lines,
    /// Nothing
    None,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Paths, folders, `-`, or names of shipped examples
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<String>,
    /// Print the scenario as JSON, with parents and overrides merged into it
    #[arg(long)]
    pub(crate) resolved: bool,
    /// What to print [default: text; github under GITHUB_ACTIONS]
    #[arg(
        long,
        value_name = "FORMAT",
        conflicts_with = "resolved",
        env = "REBSIM_CHECK_FORMAT",
        hide_env_values = true
    )]
    pub(crate) format: Option<CheckFormat>,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
}

/// Formats of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// Diagnostics with snippets
    Text,
    /// Diagnostics as data
    Json,
    /// Workflow annotations
    Github,
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Name of a shipped example
    #[arg(value_name = "EXAMPLE", default_value = "checkout-deploy")]
    pub(crate) example: String,
    /// List the shipped examples
    #[arg(long, conflicts_with = "example")]
    pub(crate) list: bool,
}

/// `generate`.
#[derive(Debug, Subcommand)]
pub(crate) enum Generate {
    /// The JSON schema of scenario files
    #[command(help_template = TEMPLATE, before_help = "\
Examples:
  rebsim generate schema > scenario.schema.json
  rebsim generate schema | jq '.properties | keys'")]
    Schema,
    /// The JSON schema of summary.json and --format json
    #[command(help_template = TEMPLATE, before_help = "\
Examples:
  rebsim generate summary-schema > summary.schema.json
  rebsim generate summary-schema | jq '.properties | keys'")]
    SummarySchema,
    /// What every metric means, as Markdown
    #[command(help_template = TEMPLATE, before_help = "\
Examples:
  rebsim generate metrics > docs/metrics.md
  rebsim generate metrics | grep downtime")]
    Metrics,
    /// A manual page
    #[command(help_template = TEMPLATE, before_help = "\
Examples:
  rebsim generate man > rebsim.1
  rebsim generate man run | man -l -")]
    Man {
        /// The page of this verb [default: of the program]
        #[arg(value_name = "VERB")]
        verb: Option<String>,
    },
    /// A completion script
    #[command(help_template = TEMPLATE, before_help = "\
Examples:
  rebsim generate completions bash > rebsim.bash
  rebsim generate completions zsh > _rebsim")]
    Completions {
        /// For which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_opens_with_two_examples_and_fits_80_columns() {
        fn visit(command: &mut clap::Command, seen: &mut usize) {
            let help = command.render_long_help().to_string();
            let mut lines = help.lines();
            assert_eq!(lines.next(), Some("Examples:"), "{help}");
            for _ in 0..2 {
                let example = lines.next().unwrap_or_default();
                assert!(example.contains("rebsim "), "{help}");
            }
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "too wide: {line}");
            }
            *seen += 1;
            for sub in command.get_subcommands_mut() {
                visit(sub, seen);
            }
        }
        let mut command = Cli::command();
        command.build();
        let mut seen = 0;
        visit(&mut command, &mut seen);
        assert_eq!(seen, 17);
    }
}
