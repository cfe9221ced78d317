//! Arrivals of records in a partition: how many were due by an instant, and when the n-th one is due.
//!
//! Pure functions of (load, seed, topic, partition, time): whoever asks, whatever was asked before, whatever the group
//! does, the answer is the same. Offsets start at 0, the backlog first.

mod constant;
mod curve;
mod floor_sum;
pub mod load;
mod path;
mod random;
mod steps;
mod topic;

pub use super::skew::Skew;
pub use constant::ConstantArrivals;
pub use load::{LoadFactor, LoadTerm, Rate};
pub use path::RandomArrivals;
pub use steps::StepArrivals;
pub use topic::{TopicArrivals, TopicLoad};

use crate::kernel::{SimDuration, SimTime};

/// The arrivals of one partition. Match once and loop inside the arm where every nanosecond counts.
#[derive(Clone, Debug)]
pub enum PartitionArrivals {
    /// One constant rate for ever.
    Constant(ConstantArrivals),
    /// A rate that changes, without randomness.
    Steps(StepArrivals),
    /// Random, alone or with a steady part.
    Random(Box<RandomArrivals>),
}

impl PartitionArrivals {
    /// Records due at or before `at`: the log end offset. Backlog records are due when the partition is created.
    #[inline]
    #[must_use]
    pub fn count(&self, at: SimTime) -> u64 {
        match self {
            Self::Constant(arrivals) => arrivals.count(at),
            Self::Steps(arrivals) => arrivals.count(at),
            Self::Random(arrivals) => arrivals.count(at),
        }
    }

    /// The instant at which the record at `offset` is due: the first at which [`Self::count`] exceeds `offset`;
    /// [`SimTime::NEVER`] when there is none.
    #[inline]
    #[must_use]
    pub fn due(&self, offset: u64) -> SimTime {
        match self {
            Self::Constant(arrivals) => arrivals.due(offset),
            Self::Steps(arrivals) => arrivals.due(offset),
            Self::Random(arrivals) => arrivals.due(offset),
        }
    }

    /// When the record at `from` is due, and after how long each of the `count - 1` behind it, if they are due at even intervals of whole
    /// microseconds.
    #[inline]
    #[must_use]
    pub fn evenly(&self, from: u64, count: u64) -> Option<(SimTime, SimDuration)> {
        match self {
            Self::Constant(arrivals) => arrivals.evenly(from, count),
            Self::Steps(_) | Self::Random(_) => None,
        }
    }

    /// The constant rate at which records come from `at` on, in lowest terms, and until when: the number of records is a straight
    /// line rounded down. `None` where chance has a part, none come, or the fraction is beyond 64 bits.
    #[inline]
    #[must_use]
    pub fn pace(&self, at: SimTime) -> Option<(Rate, SimTime)> {
        match self {
            Self::Constant(arrivals) => arrivals.pace(at),
            Self::Steps(arrivals) => arrivals.pace(at),
            Self::Random(_) => None,
        }
    }

    /// True when in every span of time after both were created as many records come of one as of the other.
    #[inline]
    #[must_use]
    pub fn keeps_step_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Constant(own), Self::Constant(other)) => own.keeps_step_with(other),
            (Self::Steps(own), Self::Steps(other)) => own.keeps_step_with(other),
            (Self::Constant(_) | Self::Steps(_) | Self::Random(_), _) => false,
        }
    }

    /// The first instant after `at` at which a record is due; [`SimTime::NEVER`] when there is none.
    #[inline]
    #[must_use]
    pub fn next_after(&self, at: SimTime) -> SimTime {
        self.due(self.count(at))
    }

    /// Records due after `from` and at or before `to`. The backlog is due at creation: it is not produced within a run
    /// that starts there.
    #[inline]
    #[must_use]
    pub fn produced(&self, from: SimTime, to: SimTime) -> u64 {
        self.count(to).saturating_sub(self.count(from))
    }

    /// The integral of [`Self::count`] over `from..to`, in record-microseconds, exactly.
    #[must_use]
    pub fn area(&self, from: SimTime, to: SimTime) -> u128 {
        match self {
            Self::Constant(arrivals) => arrivals.area(from, to),
            Self::Steps(arrivals) => arrivals.area(from, to),
            Self::Random(arrivals) => arrivals.area(from, to),
        }
    }
}
