//! Which replications are meant.

use clap::Args;

use super::{SeedArg, SeedsArg};

/// Under which seed.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SeedChoice {
    /// Seed instead of the scenario's: a number or a commit id
    #[arg(
        long,
        value_name = "N|HEX",
        allow_negative_numbers = true,
        env = "REBSIM_SEED",
        hide_env_values = true
    )]
    pub(crate) seed: Option<SeedArg>,
}

/// Which replications.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Selection {
    #[command(flatten)]
    pub(crate) first: SeedChoice,
    /// Several seeds: N from the seed on, or from A to B
    #[arg(
        long,
        value_name = "N|A..B",
        allow_negative_numbers = true,
        env = "REBSIM_SEEDS",
        hide_env_values = true
    )]
    pub(crate) seeds: Option<SeedsArg>,
}
