//! What the verbs take that look into results: `show` and `explain`.

use clap::{Args, ValueEnum};

use super::{OverrideArgs, SeedChoice};

/// Which instant.
fn instant(text: &str) -> Result<u64, String> {
    crate::scenario::units::duration(text)
        .map(crate::kernel::SimDuration::as_micros)
        .map_err(|_| {
            "write a time since the start of the run with its unit, such as 72s".to_owned()
        })
}

/// Formats of `show` and `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LookFormat {
    /// For people
    Text,
    /// One document; its `schema` says of which kind
    Json,
}

/// `show`.
#[derive(Debug, Args)]
#[command(after_help = "\
The columns are those of kafka-consumer-groups.sh --describe: CURRENT-OFFSET
is the committed offset. A results folder is played again from its own
scenario.json and must give what it holds; so any instant can be shown.")]
pub(crate) struct Show {
    /// Results folder, scenario, or the name of a shipped example
    #[arg(value_name = "RESULTS")]
    pub(crate) results: String,
    /// When, such as 72s or 1m12.5s [default: the end of the run]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) at: Option<u64>,
    /// Only this group
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// The members; with -v epochs and assignments
    #[arg(long, conflicts_with = "state")]
    pub(crate) members: bool,
    /// The state of the group; with -v its epochs
    #[arg(long)]
    pub(crate) state: bool,
    /// What to print; json has offsets, members and state in one
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: LookFormat,
    #[command(flatten)]
    pub(crate) which: Which,
}

/// `explain`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Every part of a stall names the event that began it and whom it waited for;
the parts add up to the whole. Without --partition and --at: the longest
downtime of all variants."
)]
pub(crate) struct Explain {
    /// The code of a diagnostic, or a results folder or scenario
    #[arg(value_name = "CODE|RESULTS", required_unless_present = "list")]
    pub(crate) what: Option<String>,
    /// List every code with its title
    #[arg(long, conflicts_with_all = ["what", "worst", "partition", "at", "group"])]
    pub(crate) list: bool,
    /// The longest downtime (of the partition or group, if one is named)
    #[arg(long, conflicts_with = "at")]
    pub(crate) worst: bool,
    /// Of this partition, such as orders-3
    #[arg(long, value_name = "TOPIC-N")]
    pub(crate) partition: Option<String>,
    /// The downtime at this instant, such as 72s
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) at: Option<u64>,
    /// In this group
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: LookFormat,
    #[command(flatten)]
    pub(crate) which: Which,
}

/// Which replication.
#[derive(Debug, Args)]
#[command(mut_arg("seed", |seed| seed.help(SEED)))]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) choice: SeedChoice,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
}

/// What `--seed` is for whoever looks at one replication.
const SEED: &str = "Seed, one of the folder's [default: its first, or the scenario's]";
