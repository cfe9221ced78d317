//! How long after a downtime a partition's lag is back at its level before.
//!
//! The run tells of every service that begins when the lag is back; which of them ends a downtime is known here alone. One that does not last
//! (the member that was assigned the partition is gone at the same instant, or has long been replaced) ends none.

use super::delivery::holds;
use crate::kernel::SimTime;
use crate::timeline::{PartitionTotals, Timeline};

/// The times of one partition, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CatchUps {
    /// The longest, in microseconds.
    pub longest_us: u64,
    /// Their sum.
    pub sum_us: u64,
}

/// The catching up of a partition whose downtimes in the whole run were `down`, in order.
pub(super) fn of(
    timeline: &Timeline,
    totals: &PartitionTotals,
    down: &[(SimTime, SimTime)],
) -> CatchUps {
    let mut all: Vec<(SimTime, SimTime)> = Vec::new();
    for &(served, back) in &totals.catch_ups {
        let back = back.unwrap_or(timeline.horizon);
        let ended = down.partition_point(|(_, to)| *to <= served);
        let begins = match down.get(ended) {
            Some((from, to)) if *from <= served => *to,
            Some(_) | None => served,
        };
        if begins >= timeline.horizon || !holds(timeline, begins) {
            continue;
        }
        let back = back.max(begins);
        match all.iter_mut().find(|(known, _)| *known == begins) {
            Some((_, latest)) => *latest = back.max(*latest),
            None => all.push((begins, back)),
        }
    }
    let lengths = all.iter().map(|(from, to)| to.since(*from).as_micros());
    CatchUps {
        longest_us: lengths.clone().max().unwrap_or(0),
        sum_us: lengths.sum(),
    }
}
