//! The worker threads of a process: when each record of a batch ends.
//!
//! The next record goes to the thread that is free first, the lowest of those free at one instant. A record counts as processed when it
//! and all before it of its partition are through, because only then may the position move: what overtakes waits.

use crate::kernel::{SimDuration, SimTime};

/// Threads at work on one batch.
#[derive(Clone, Debug)]
pub struct Crew {
    /// When each thread is free.
    free: Vec<SimTime>,
}

impl Crew {
    /// `threads` threads (at least one) that begin at `at`.
    #[must_use]
    pub fn new(threads: u32, at: SimTime) -> Self {
        Self {
            free: vec![at; threads.max(1) as usize],
        }
    }

    fn first(&self) -> usize {
        let free = self.free.iter().enumerate();
        free.min_by_key(|&(place, at)| (*at, place))
            .map_or(0, |(place, _)| place)
    }

    /// When the next record has its turn.
    #[must_use]
    pub fn turn(&self) -> SimTime {
        self.free[self.first()]
    }

    /// The next record takes `span`; when it ends.
    pub fn take(&mut self, span: SimDuration) -> SimTime {
        let first = self.first();
        self.free[first] += span;
        self.free[first]
    }

    /// When all threads are free.
    #[must_use]
    pub fn done(&self) -> SimTime {
        self.free.iter().copied().max().unwrap_or(SimTime::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(threads: u32, spans: &[u64]) -> (Vec<u64>, u64) {
        let mut crew = Crew::new(threads, SimTime::from_millis(100));
        let millis = |at: SimTime| at.as_micros() / 1_000;
        let ends = spans
            .iter()
            .map(|&span| millis(crew.take(SimDuration::from_millis(span))));
        let ends = ends.collect();
        (ends, millis(crew.done()))
    }

    #[test]
    fn the_next_record_goes_to_the_first_free_thread() {
        assert_eq!(ends(1, &[5, 1, 1]), (vec![105, 106, 107], 107));
        assert_eq!(ends(2, &[5, 1, 1, 9]), (vec![105, 101, 102, 111], 111));
        assert_eq!(ends(9, &[5, 1, 1]), (vec![105, 101, 101], 105));
        assert_eq!(ends(3, &[]), (vec![], 100));
    }

    #[test]
    fn one_that_never_ends_leaves_the_others() {
        let mut crew = Crew::new(2, SimTime::ZERO);
        assert_eq!(crew.take(SimDuration::MAX), SimTime::NEVER);
        assert_eq!(
            crew.take(SimDuration::from_secs(1)),
            SimTime::from_millis(1_000)
        );
        assert_eq!(crew.turn(), SimTime::from_millis(1_000));
        assert_eq!(crew.done(), SimTime::NEVER);
    }
}
