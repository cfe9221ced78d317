//! Rules by which the values of a histogram follow each other, so that many are counted in one step and kept in little room.

/// Values at even distances; none is below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progression {
    /// The first.
    pub first: u64,
    /// From each to the next.
    pub step: i64,
    /// How many.
    pub count: u64,
    /// How often all of them occur.
    pub times: u64,
}

impl Progression {
    /// One value, that many times.
    #[must_use]
    pub const fn of(value: u64, times: u64) -> Self {
        Self {
            first: value,
            step: 0,
            count: 1,
            times,
        }
    }

    /// One after the other.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> + use<> {
        let (step, mut next) = (self.step, self.first);
        (0..self.count).map(move |_| {
            let value = next;
            next = value.wrapping_add_signed(step);
            value
        })
    }

    /// The smallest and the largest; `None` when there is nothing.
    pub(super) fn ends(&self) -> Option<(u64, u64)> {
        let further = self.count.checked_sub(1).filter(|_| self.times > 0)?;
        let further = self.step.wrapping_mul(further as i64);
        let last = self.first.wrapping_add_signed(further);
        Some((self.first.min(last), self.first.max(last)))
    }
}

/// The ages of what comes at even distances, is taken away in rounds at even distances, and is worked off one after the other: how old each
/// is when it is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// How old the oldest is when the first round takes it.
    pub oldest: u64,
    /// From one that comes to the next; not zero.
    pub apart: u64,
    /// From each round to the next; whenever one comes, there is something to take.
    pub every: u64,
    /// How many rounds.
    pub count: u64,
    /// From a round to its work.
    pub handling: u64,
    /// Rounds elsewhere, each just as large, that are worked off before.
    pub ahead: u64,
    /// Work on each.
    pub each: u64,
    /// How often all of them occur.
    pub times: u64,
}

impl Rounds {
    /// The ages that each round gives.
    pub(super) fn progressions(&self) -> impl Iterator<Item = Progression> + Clone + use<> {
        let rounds = *self;
        let mut oldest = rounds.oldest;
        (0..rounds.count).map(move |_| {
            let count = oldest / rounds.apart + 1;
            let first = oldest + rounds.handling + rounds.each * (rounds.ahead * count + 1);
            oldest = (oldest + rounds.every).wrapping_sub(count * rounds.apart);
            Progression {
                first,
                step: rounds.each.wrapping_sub(rounds.apart) as i64,
                count,
                times: rounds.times,
            }
        })
    }
}
