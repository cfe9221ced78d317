//! `--fidelity`: how closely records are played.

use clap::ValueEnum;

use crate::cluster::Fidelity;

/// Levels of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FidelityArg {
    /// Every record, to the microsecond
    Exact,
    /// Records move evenly between what concerns the group
    Fluid,
}

impl From<FidelityArg> for Fidelity {
    fn from(arg: FidelityArg) -> Self {
        match arg {
            FidelityArg::Exact => Self::Exact,
            FidelityArg::Fluid => Self::Fluid,
        }
    }
}
