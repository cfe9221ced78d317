//! How closely records are played: a word that goes with everything that comes of it.

/// The level of detail of the data plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fidelity {
    /// Every record, to the microsecond.
    #[default]
    Exact,
    /// Partitions move on evenly between what concerns the group: approximate, and cheap.
    Fluid,
}

impl Fidelity {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Fluid => "fluid",
        }
    }
}
