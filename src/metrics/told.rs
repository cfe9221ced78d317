//! A timeline to be read several times over: with a list of what happened besides the steps of single partitions.
//!
//! Of a rebalance of many partitions nearly all that is told are these steps, and nearly nobody asks for them.

use std::ops::Deref;

use crate::timeline::{Entry, Timeline};

/// See the module.
pub(super) struct Told<'t> {
    timeline: &'t Timeline,
    /// What concerns more than one partition, in order.
    pub(super) events: Vec<&'t Entry>,
}

impl<'t> Told<'t> {
    pub(super) fn new(timeline: &'t Timeline) -> Self {
        let entries = timeline.entries.iter();
        let events = entries.filter(|entry| !entry.observation.is_of_single_partitions());
        Self {
            timeline,
            events: events.collect(),
        }
    }
}

impl Deref for Told<'_> {
    type Target = Timeline;

    fn deref(&self) -> &Timeline {
        self.timeline
    }
}
