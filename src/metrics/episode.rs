//! What is told of one episode of rebalancing.

use std::collections::BTreeSet;

use super::barrier::LastJoiner;
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::SimTime;
use crate::timeline::{GroupState, RebalanceReason};

/// One episode of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The group.
    pub group: GroupId,
    /// Number within the group, from 1.
    pub number: u32,
    /// When the group left `from_state`.
    pub start: SimTime,
    /// When the last `Stable` (or `Empty`) was reached; `None`: not by the end of the run.
    pub end: Option<SimTime>,
    /// State before.
    pub from_state: GroupState,
    /// What began it, then what set it back or on, in order, each once.
    pub reasons: Vec<RebalanceReason>,
    /// Whose doing it was.
    pub by: Option<ConsumerId>,
    /// Generations made; in a consumer group, bumps of its epoch.
    pub rounds: u32,
    /// Assignments made: accepted from leaders, or targets that the coordinator of a consumer group computed.
    pub assignments: u32,
    /// Generation, or group epoch, at the end.
    pub generation: i32,
    /// Members at the end.
    pub members: u32,
    /// Members that joined, rejoined or were removed, or were given another share by the coordinator of a consumer group.
    pub touched: BTreeSet<ConsumerId>,
    /// Partitions with another owner than before.
    pub moved: u32,
    /// Of those, more than the least possible.
    pub moved_needlessly: u32,
    /// Partitions that went through `onPartitionsRevoked` or `onPartitionsLost`.
    pub revoked: u32,
    /// Generations that never got an assignment; in a consumer group, members removed because they did not give up partitions in time.
    pub failed: u32,
    /// Who kept the longest of its join phases waiting; nobody in a consumer group.
    pub last_joiner: Option<LastJoiner>,
    /// Who was the last to reach the newest epoch of a consumer group.
    pub last_to_arrive: Option<ConsumerId>,
}

impl Episode {
    /// Length; up to `horizon` when it did not end.
    #[must_use]
    pub fn micros(&self, horizon: SimTime) -> u64 {
        self.end.unwrap_or(horizon).since(self.start).as_micros()
    }

    /// What began it.
    #[must_use]
    pub fn reason(&self) -> Option<RebalanceReason> {
        self.reasons.first().copied()
    }

    /// A join phase of the episode ended; the longest one names the member that came last.
    pub(super) fn join_completed(&mut self, last: Option<LastJoiner>) {
        self.rounds += 1;
        let longest = self.last_joiner.as_ref().map(LastJoiner::micros);
        if last.as_ref().map(LastJoiner::micros) > longest {
            self.last_joiner = last;
        }
    }
}
