//! What lies ahead of an instant: who will be the last to join, who leads the generation.

use std::collections::{BTreeMap, BTreeSet};

use crate::assignor::{ConsumerId, GroupId, MemberId};
use crate::metrics::world::Life;
use crate::timeline::{GroupState, Observation, Timeline};

/// A stretch of entries during which a group waits for joins.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// Entry with which it begins.
    pub(super) begin: usize,
    /// Entry with which it ends.
    pub(super) end: usize,
    /// The group was empty before.
    pub(super) from_empty: bool,
    /// Who joined or was removed, in this order, and with which entry; at the end of the run those who have not come.
    arrivals: Vec<(Life, usize)>,
}

impl Phase {
    /// Of those whom the coordinator waits for after the entry `index`, who comes last, and with which entry: who begins to join later is
    /// not waited for before. When all of them have come it is the last one of those.
    pub(super) fn last(&self, ahead: &Ahead, index: usize) -> Option<(Life, usize)> {
        let mut arrivals = self.arrivals.iter().rev();
        let known = |life: Life| ahead.known.get(&life).is_none_or(|since| *since <= index);
        arrivals.find(|(life, _)| known(*life)).copied()
    }
}

/// What lies ahead of one group.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    phases: Vec<Phase>,
    /// Since which entry the coordinator knows of a life.
    known: BTreeMap<Life, usize>,
    leaders: Vec<(usize, Life)>,
}

impl Ahead {
    /// Reads the whole timeline for `group`.
    pub(super) fn of(timeline: &Timeline, group: GroupId) -> Self {
        let mut reader = Reader {
            ahead: Self::default(),
            open: None,
            completing: 0,
            came: BTreeSet::new(),
            members: BTreeMap::new(),
            starts: vec![0; timeline.cast.consumers.len()],
        };
        for (index, entry) in timeline.entries.iter().enumerate() {
            reader.take(group, index, &entry.observation);
        }
        reader.finish()
    }

    /// The join phase that is under way after the entry `index`.
    pub(super) fn phase(&self, index: usize) -> Option<&Phase> {
        let at = self.phases.partition_point(|phase| phase.begin <= index);
        let phase = self.phases.get(at.checked_sub(1)?)?;
        (index < phase.end).then_some(phase)
    }

    /// The leader of the generation that is in force after the entry `index`: the one whose assignment the others wait for.
    pub(super) fn leader(&self, index: usize) -> Option<Life> {
        let at = self.leaders.partition_point(|(entry, _)| *entry <= index);
        let (_, leader) = self.leaders.get(at.checked_sub(1)?)?;
        Some(*leader)
    }
}

/// Reads a timeline.
struct Reader {
    ahead: Ahead,
    open: Option<Phase>,
    /// Entry with which the last join phase was complete.
    completing: usize,
    came: BTreeSet<Life>,
    members: BTreeMap<MemberId, Life>,
    /// Starts by process.
    starts: Vec<u32>,
}

impl Reader {
    fn life(&self, consumer: ConsumerId) -> Life {
        let start = self.starts.get(consumer.index()).copied();
        Life {
            consumer,
            start: start.unwrap_or_default(),
        }
    }

    fn take(&mut self, group: GroupId, index: usize, observation: &Observation) {
        match observation {
            Observation::ConsumerStarted { consumer } => {
                if let Some(starts) = self.starts.get_mut(consumer.index()) {
                    *starts += 1;
                }
            }
            Observation::GroupState {
                group: which,
                from,
                to,
                ..
            } if *which == group => self.state(index, *from, *to),
            Observation::MemberIdIssued {
                group: which,
                consumer,
                ..
            } if *which == group => self.knows(self.life(*consumer), index),
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
                let life = self.life(*consumer);
                self.members.insert(member_id.clone(), life);
                self.knows(life, index);
                if let Observation::StaticMemberReplaced { old, .. } = observation {
                    self.members.remove(old);
                }
            }
            Observation::MemberRejoined {
                group: which,
                consumer,
            } if *which == group => {
                let life = self.life(*consumer);
                self.came.insert(life);
                self.arrives(life, index);
            }
            Observation::MemberRemoved {
                group: which,
                consumer,
                member_id,
                ..
            } if *which == group => {
                let life = self.members.remove(member_id);
                self.arrives(life.unwrap_or_else(|| self.life(*consumer)), index);
            }
            Observation::JoinComplete {
                group: which,
                leader,
                ..
            } if *which == group => {
                let leader = self.members.get(leader).copied();
                let leader = leader.map(|leader| (self.completing, leader));
                self.ahead.leaders.extend(leader);
            }
            _ => {}
        }
    }

    fn state(&mut self, index: usize, from: GroupState, to: GroupState) {
        if let Some(mut phase) = self.open.take() {
            phase.end = index;
            self.ahead.phases.push(phase);
        }
        self.completing = index;
        if to == GroupState::PreparingRebalance {
            self.came.clear();
            self.open = Some(Phase {
                begin: index,
                end: usize::MAX,
                from_empty: from == GroupState::Empty,
                arrivals: Vec::new(),
            });
        }
    }

    fn knows(&mut self, life: Life, since: usize) {
        self.ahead.known.entry(life).or_insert(since);
    }

    fn arrives(&mut self, life: Life, index: usize) {
        if let Some(phase) = &mut self.open {
            phase.arrivals.push((life, index));
        }
    }

    fn finish(mut self) -> Ahead {
        if let Some(mut phase) = self.open {
            let late = self.members.values();
            let late = late.filter(|member| !self.came.contains(member));
            phase.arrivals.extend(late.map(|late| (*late, usize::MAX)));
            self.ahead.phases.push(phase);
        }
        self.ahead
    }
}
