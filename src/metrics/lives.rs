//! When each process started and ended, how often, and what ended it.

use super::delivery::{group_label, measured};
use super::told::Told;
use super::values::{Value, Values};
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::SimTime;
use crate::timeline::{ContainerEnd, Observation, PlatformFact};

/// A process whose `poll()` threw what it does not survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SimTime,
    /// The process.
    pub consumer: ConsumerId,
    /// Simple name of the Java exception.
    pub error: &'static str,
    /// When it was started again, if it was.
    pub again: Option<SimTime>,
}

/// The failures of the whole run, in order.
pub(super) fn failures(timeline: &Told<'_>) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for entry in &timeline.events {
        match &entry.observation {
            Observation::ConsumerFailed { consumer, error } => failures.push(Failure {
                at: entry.at,
                consumer: *consumer,
                error,
                again: None,
            }),
            Observation::ConsumerStarted { consumer } => {
                let mut earlier = failures.iter_mut().rev();
                let last = earlier.find(|failure| failure.consumer == *consumer);
                if let Some(last) = last {
                    last.again = last.again.or(Some(entry.at));
                }
            }
            _ => {}
        }
    }
    failures
}

/// Adds the values of one group.
pub(super) fn values(
    timeline: &Told<'_>,
    failures: &[Failure],
    group: GroupId,
    values: &mut Values,
) {
    let cast = &timeline.cast;
    let counted = failures.iter().filter(|failure| {
        measured(timeline, failure.at) && cast.consumers[failure.consumer.index()].group == group
    });
    values.put(
        "failed_members",
        &group_label(&cast.groups[group.index()].name),
        Value::count(counted.count() as u64),
    );
}

/// How a process ends whose `poll()` throws.
const FAILED: &str = "failed";

/// What became of one process over the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lives {
    /// First start.
    pub started: Option<SimTime>,
    /// Starts.
    pub starts: u32,
    /// First end and what it was: `closed`, `crashed`, `failed` (at the error: the exit that follows is part of it), or why its container ended.
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
            Observation::ConsumerClosed { consumer } => {
                let known = &mut lives[consumer.index()];
                // Who has failed closes, which is no end of its own.
                if known.last_end.is_none() {
                    known.end(at, "closed");
                }
            }
            Observation::ConsumerFailed { consumer, .. } => {
                lives[consumer.index()].end(at, FAILED);
            }
            Observation::Platform(PlatformFact::ContainerEnded { consumer, why, .. }) => {
                let known = &mut lives[consumer.index()];
                known.oom_kills += u32::from(*why == ContainerEnd::OutOfMemory);
                // That its container ends is no end of its own either, once it has failed.
                if known.last_end.is_none_or(|(_, word)| word != FAILED) {
                    known.end(at, why.word());
                }
            }
            _ => {}
        }
    }
    lives
}
