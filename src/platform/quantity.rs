//! Counts and shares of replicas as Kubernetes writes them, with its rounding.

/// A count, or a share of the replicas (`intstr.IntOrString`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// As it is.
    Count(u32),
    /// Of the replicas, in whole percent; may be above 100.
    Percent(u32),
}

impl IntOrPercent {
    /// Of `total`, shares rounded up (`GetScaledValueFromIntOrPercent` with `roundUp`).
    #[must_use]
    pub fn up(self, total: u32) -> u32 {
        self.of(total, 99)
    }

    /// Of `total`, shares rounded down (`GetScaledValueFromIntOrPercent` without `roundUp`).
    #[must_use]
    pub fn down(self, total: u32) -> u32 {
        self.of(total, 0)
    }

    fn of(self, total: u32, add: u64) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let share = (u64::from(percent) * u64::from(total) + add) / 100;
                u32::try_from(share).unwrap_or(u32::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IntOrPercent::{Count, Percent};

    #[test]
    fn shares_round_as_asked_and_counts_stay() {
        assert_eq!((Percent(25).up(10), Percent(25).down(10)), (3, 2));
        assert_eq!((Percent(25).up(4), Percent(25).down(4)), (1, 1));
        assert_eq!((Percent(150).up(3), Percent(150).down(3)), (5, 4));
        assert_eq!((Count(7).up(3), Count(7).down(3)), (7, 7));
        assert_eq!((Percent(1).up(0), Percent(0).up(9)), (0, 0));
    }
}
