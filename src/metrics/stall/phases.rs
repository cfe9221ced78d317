//! What lies ahead of an instant: who will be the last to join, whose assignment will be accepted.

use std::collections::{BTreeMap, BTreeSet};

use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::timeline::{GroupState, Observation, Timeline};

/// A stretch of entries during which a group waits for joins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    /// Entry with which it begins.
    pub(super) begin: usize,
    /// Entry with which it ends.
    pub(super) end: usize,
    /// The group was empty before.
    pub(super) from_empty: bool,
    /// Who came last, or was removed last, and with which entry; at the end of the run somebody who has not come.
    pub(super) last: Option<(ConsumerId, usize)>,
}

/// What lies ahead of one group.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    phases: Vec<Phase>,
    leaders: Vec<(usize, ConsumerId)>,
}

impl Ahead {
    /// Reads the whole timeline for `group`.
    pub(super) fn of(timeline: &Timeline, group: GroupId) -> Self {
        let mut ahead = Self::default();
        let mut open: Option<Phase> = None;
        let mut came = BTreeSet::new();
        let mut members: BTreeMap<MemberId, ConsumerId> = BTreeMap::new();
        for (index, entry) in timeline.entries.iter().enumerate() {
            match &entry.observation {
                Observation::GroupState {
                    group: which,
                    from,
                    to,
                    ..
                } if *which == group => {
                    if let Some(mut phase) = open.take() {
                        phase.end = index;
                        ahead.phases.push(phase);
                    }
                    if *to == GroupState::PreparingRebalance {
                        came.clear();
                        open = Some(Phase {
                            begin: index,
                            end: usize::MAX,
                            from_empty: *from == GroupState::Empty,
                            last: None,
                        });
                    }
                }
                Observation::MemberAdded {
                    group: which,
                    consumer,
                    member_id,
                    ..
                }
                | Observation::MemberJoined {
                    group: which,
                    consumer,
                    member_id,
                    ..
                }
                | Observation::StaticMemberReplaced {
                    group: which,
                    consumer,
                    new: member_id,
                    ..
                } if *which == group => {
                    members.insert(member_id.clone(), *consumer);
                }
                Observation::MemberRejoined {
                    group: which,
                    consumer,
                } if *which == group => {
                    came.insert(*consumer);
                    last(&mut open, *consumer, index);
                }
                Observation::MemberRemoved {
                    group: which,
                    consumer,
                    member_id,
                    ..
                } if *which == group => {
                    members.remove(member_id);
                    last(&mut open, *consumer, index);
                }
                Observation::AssignmentReceived {
                    group: which,
                    leader,
                    ..
                } if *which == group => {
                    let leader = members.get(leader).copied();
                    ahead.leaders.extend(leader.map(|leader| (index, leader)));
                }
                _ => {}
            }
        }
        if let Some(mut phase) = open {
            let late = members.values().find(|member| !came.contains(member));
            phase.last = late.map(|late| (*late, usize::MAX)).or(phase.last);
            ahead.phases.push(phase);
        }
        ahead
    }

    /// The join phase that is under way after the entry `index`.
    pub(super) fn phase(&self, index: usize) -> Option<&Phase> {
        let at = self.phases.partition_point(|phase| phase.begin <= index);
        let phase = self.phases.get(at.checked_sub(1)?)?;
        (index < phase.end).then_some(phase)
    }

    /// The next leader whose assignment is accepted after the entry `index`.
    pub(super) fn leader(&self, index: usize) -> Option<ConsumerId> {
        let at = self.leaders.partition_point(|(entry, _)| *entry <= index);
        self.leaders.get(at).map(|(_, leader)| *leader)
    }
}

fn last(open: &mut Option<Phase>, consumer: ConsumerId, index: usize) {
    if let Some(phase) = open {
        phase.last = Some((consumer, index));
    }
}
