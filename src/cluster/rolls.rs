//! Entries of the script with `one_by_one` and no spacing: whose turn it is, and when that is over. What is done to who has the turn is
//! for [`super::script`].

use super::world::World;
use crate::assignor::{ConsumerId, MemberId};
use crate::scenario::plan::Verb;
use crate::timeline::GroupState;

/// An entry whose targets follow each other when the group is stable again.
#[derive(Debug)]
pub(super) struct Roll {
    pub(super) event: usize,
    /// Whose turn it is.
    pub(super) current: Option<Turn>,
    pub(super) waiting: Vec<ConsumerId>,
    /// The process that was found not to serve when somebody looked last: the next look begins there.
    pub(super) holdout: usize,
}

/// The turn of one process, and what it was when that began.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) consumer: ConsumerId,
    incarnation: u32,
    /// What the coordinator calls it; `None`: it did not run.
    member: Option<MemberId>,
}

impl World<'_> {
    /// The turn that `consumer` has from now on.
    pub(super) fn turn(&self, consumer: ConsumerId) -> Turn {
        let process = &self.processes[consumer.index()];
        let member = process
            .client
            .as_ref()
            .map(|client| client.member.member_id());
        Turn {
            consumer,
            incarnation: process.incarnation,
            member: member.cloned(),
        }
    }

    /// True when the target has ended (and started again, if it was to) and its group is stable. Who does not come back is waited for until
    /// the coordinator has noticed: the dead, and static members that closed, stay on its list for a session timeout.
    pub(super) fn has_returned(&self, event: usize, turn: &Turn) -> bool {
        let process = &self.processes[turn.consumer.index()];
        let coordinator = &self.groups[process.group.index()].coordinator;
        let restarts = matches!(self.plan.events[event].verb, Verb::Restart { .. });
        let returned = if restarts {
            process.incarnation > turn.incarnation && process.client.is_some()
        } else {
            let member = turn.member.as_ref();
            process.client.is_none() && !member.is_some_and(|member| coordinator.contains(member))
        };
        returned && matches!(coordinator.state(), GroupState::Stable | GroupState::Empty)
    }
}
