//! Entries of the script with `one_by_one` and no spacing: whose turn it is, and when that is over. What is done to who has the turn is
//! for [`super::script`].

use super::world::World;
use crate::assignor::{ConsumerId, GroupId, MemberId};
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

    /// True while the coordinator has any life of `consumer` on its list.
    fn is_listed(&self, group: GroupId, consumer: ConsumerId) -> bool {
        let hosted = &self.groups[group.index()];
        let members = hosted.coordinator.members();
        let mut owners = members.iter().map(|member| hosted.processes.get(member));
        owners.any(|owner| owner == Some(&consumer))
    }

    /// True when the target has ended (and started again, if it was to) and its group is stable. Who does not come back is waited for until
    /// the coordinator has noticed: the dead, and static members that closed, stay on its list for a session timeout.
    pub(super) fn has_returned(&self, event: usize, turn: &Turn) -> bool {
        let process = &self.processes[turn.consumer.index()];
        let coordinator = &self.groups[process.group.index()].coordinator;
        let restarts = matches!(self.plan.events[event].verb, Verb::Restart { .. });
        let returned = if restarts {
            let is_listed = || self.is_listed(process.group, turn.consumer);
            process.incarnation > turn.incarnation && (process.client.is_some() || !is_listed())
        } else {
            let member = turn.member.as_ref();
            process.client.is_none() && !member.is_some_and(|member| coordinator.contains(member))
        };
        returned && matches!(coordinator.state(), GroupState::Stable | GroupState::Empty)
    }
}
