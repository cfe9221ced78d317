//! When each process started and ended, how often, and what ended it.

use super::told::Told;
use crate::kernel::SimTime;
use crate::timeline::{ContainerEnd, Observation, PlatformFact};

/// What became of one process over the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lives {
    /// First start.
    pub started: Option<SimTime>,
    /// Starts.
    pub starts: u32,
    /// First end and what it was: `closed`, `crashed`, `failed`, or why its container ended.
    pub first_end: Option<(SimTime, &'static str)>,
    /// Last end and what it was; `None` while it runs.
    pub last_end: Option<(SimTime, &'static str)>,
    /// Ends for want of memory.
    pub oom_kills: u32,
}

impl Lives {
    fn end(&mut self, at: SimTime, word: &'static str) {
        self.last_end = Some((at, word));
        // What the platform says of the end of a container is said at the same instant, after the process.
        if self.first_end.is_none_or(|(first, _)| first == at) {
            self.first_end = Some((at, word));
        }
    }
}

/// The lives of all processes, in their order.
pub(super) fn lives(timeline: &Told<'_>) -> Vec<Lives> {
    let mut lives = vec![Lives::default(); timeline.cast.consumers.len()];
    for entry in &timeline.events {
        let at = entry.at;
        match &entry.observation {
            Observation::ConsumerStarted { consumer } => {
                let known = &mut lives[consumer.index()];
                known.started = known.started.or(Some(at));
                known.starts += 1;
                known.last_end = None;
            }
            Observation::ConsumerCrashed { consumer } => lives[consumer.index()].end(at, "crashed"),
            Observation::ConsumerClosed { consumer } => lives[consumer.index()].end(at, "closed"),
            Observation::ConsumerFailed { consumer, .. } => {
                lives[consumer.index()].end(at, "failed");
            }
            Observation::Platform(PlatformFact::ContainerEnded { consumer, why, .. }) => {
                let known = &mut lives[consumer.index()];
                known.oom_kills += u32::from(*why == ContainerEnd::OutOfMemory);
                known.end(at, why.word());
            }
            _ => {}
        }
    }
    lives
}
