//! What a reader of the timeline knows at an instant: members, owners, callbacks. The timeline is folded here, once.
//!
//! It refuses to interpret: states are decided by [`super::cause`], episodes by [`super::rebalances`].

mod apply;
mod consumer_group;
mod needs;
mod sets;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use sets::{Changed, Roster, Servers, Slots};

use crate::assignor::{ConsumerId, GroupId, MemberId, TopicPartition};
use crate::metrics::cause::{self, Facts, State};
use crate::timeline::{CallbackKind, Entry, GroupState, Observation, Partitions, Timeline};

pub(in crate::metrics) use needs::{Beyond, View};

/// One life of a process: the process and the number of its starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::metrics) struct Life {
    pub(in crate::metrics) consumer: ConsumerId,
    pub(in crate::metrics) start: u32,
}

/// A process.
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct Process {
    starts: u32,
    pub(in crate::metrics) running: bool,
    pub(in crate::metrics) frozen: bool,
    pub(in crate::metrics) cut: bool,
    pub(in crate::metrics) stalled: bool,
    pub(in crate::metrics) past_deadline: bool,
    closing: bool,
    closes_silently: bool,
    /// Its `close()` says nothing in whatever protocol.
    never_leaves: bool,
    /// Its client is of the consumer protocol, which says when it leaves, static or not.
    says_when_it_leaves: bool,
    pub(in crate::metrics) callback: Option<(CallbackKind, Partitions)>,
    /// Slots that name one of its lives as holder, target or server.
    slots: Slots,
}

/// A group as its coordinator sees it.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct Group {
    pub(in crate::metrics) state: GroupState,
    /// Its members by id.
    members: BTreeMap<MemberId, Life>,
    /// The same the other way round: how many ids a life has.
    lives: Roster,
    pub(in crate::metrics) generation: i32,
    pub(in crate::metrics) assignor: Option<&'static str>,
    /// It is a consumer group now.
    pub(in crate::metrics) incremental: bool,
    /// Static members that said they would be back.
    away: BTreeSet<Life>,
}

impl Group {
    /// The processes behind the members.
    pub(in crate::metrics) fn lives(&self) -> impl Iterator<Item = Life> {
        self.lives.iter()
    }

    fn admit(&mut self, id: &MemberId, life: Life) {
        self.dismiss(id);
        self.away.remove(&life);
        self.members.insert(id.clone(), life);
        self.lives.add(life);
    }

    fn dismiss(&mut self, id: &MemberId) -> Option<Life> {
        let life = self.members.remove(id)?;
        if self.lives.remove(life) {
            self.away.remove(&life);
        }
        Some(life)
    }
}

/// A partition as one group sees it.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct Slot {
    pub(in crate::metrics) group: GroupId,
    pub(in crate::metrics) partition: TopicPartition,
    pub(in crate::metrics) exists: bool,
    /// Who has it installed.
    pub(in crate::metrics) held: Option<Life>,
    /// Whom the assignment in force names.
    pub(in crate::metrics) target: Option<Life>,
    given_up: bool,
    withheld: bool,
    /// The holder may return no more of it until its revocation is through.
    pending: bool,
    callback_of: Option<Life>,
    restoring: bool,
    serving: Servers,
}

/// Everything known.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct World {
    pub(in crate::metrics) groups: Vec<Group>,
    pub(in crate::metrics) processes: Vec<Process>,
    pub(in crate::metrics) slots: Vec<Slot>,
    group_of: Vec<GroupId>,
    subscriptions: Vec<Vec<u32>>,
    /// Running, not closing subscribers by (group, topic).
    wanted: BTreeMap<(u32, u32), u32>,
    /// First slot by (group, topic).
    first: BTreeMap<(u32, u32), usize>,
    dirty: Changed,
}

impl World {
    /// The world before the first observation. Topics that grow do so in `events`.
    pub(in crate::metrics) fn new<'t>(
        timeline: &Timeline,
        events: impl DoubleEndedIterator<Item = &'t Entry>,
    ) -> Self {
        let cast = &timeline.cast;
        let mut at_start: Vec<u32> = cast.topics.iter().map(|topic| topic.1).collect();
        for entry in events.rev() {
            if let Observation::PartitionsAdded { topic, before, .. } = entry.observation {
                at_start[topic.index()] = before;
            }
        }
        let mut slots = Vec::new();
        let mut first = BTreeMap::new();
        for (number, group) in (0..).zip(&cast.groups) {
            let mut topics = group.topics.clone();
            topics.sort_unstable();
            topics.dedup();
            for topic in topics {
                first.insert((number, topic.0), slots.len());
                for partition in 0..cast.topics[topic.index()].1 {
                    slots.push(Slot {
                        group: GroupId(number),
                        partition: TopicPartition { topic, partition },
                        exists: partition < at_start[topic.index()],
                        held: None,
                        target: None,
                        given_up: false,
                        withheld: false,
                        pending: false,
                        callback_of: None,
                        restoring: false,
                        serving: Servers::default(),
                    });
                }
            }
        }
        let group = Group {
            state: GroupState::Empty,
            members: BTreeMap::new(),
            lives: Roster::nobody(cast.consumers.len()),
            generation: 0,
            assignor: None,
            incremental: false,
            away: BTreeSet::new(),
        };
        Self {
            groups: vec![group; cast.groups.len()],
            processes: cast
                .consumers
                .iter()
                .map(|facts| Process {
                    closes_silently: facts.closes_silently,
                    never_leaves: facts.never_leaves,
                    ..Process::default()
                })
                .collect(),
            dirty: Changed::all(slots.len()),
            slots,
            group_of: cast.consumers.iter().map(|facts| facts.group).collect(),
            subscriptions: cast
                .consumers
                .iter()
                .map(|facts| facts.topics.iter().map(|topic| topic.0).collect())
                .collect(),
            wanted: BTreeMap::new(),
            first,
        }
    }

    /// The slots whose state may have changed since the last call.
    pub(in crate::metrics) fn take_dirty(&mut self) -> Vec<usize> {
        self.dirty.take()
    }

    /// The slot of a partition in a group; `None` when no member of the group ever subscribes to its topic.
    pub(in crate::metrics) fn slot(
        &self,
        group: GroupId,
        partition: TopicPartition,
    ) -> Option<usize> {
        let first = *self.first.get(&(group.0, partition.topic.0))?;
        let slot = first + partition.partition as usize;
        (self.slots.get(slot)?.partition == partition).then_some(slot)
    }

    /// The group of a process.
    pub(in crate::metrics) fn group_of(&self, consumer: ConsumerId) -> GroupId {
        self.group_of[consumer.index()]
    }

    /// The present life of a process.
    pub(in crate::metrics) fn life(&self, consumer: ConsumerId) -> Life {
        Life {
            consumer,
            start: self.processes[consumer.index()].starts,
        }
    }

    /// The life behind a member id; `None` when the coordinator does not count it as a member.
    pub(in crate::metrics) fn life_of(&self, group: GroupId, member_id: &MemberId) -> Option<Life> {
        self.groups[group.index()].members.get(member_id).copied()
    }

    /// Who serves the slot, by the coordinator's book.
    pub(in crate::metrics) fn server(&self, slot: usize) -> Option<Life> {
        let slot = &self.slots[slot];
        slot.serving
            .iter()
            .copied()
            .find(|life| self.is_member(slot.group, *life))
    }

    /// True when the coordinator counts the life as a member.
    pub(in crate::metrics) fn is_member(&self, group: GroupId, life: Life) -> bool {
        self.groups[group.index()].lives.contains(&life)
    }

    /// True when the life is not over.
    pub(in crate::metrics) fn is_running(&self, life: Life) -> bool {
        let process = &self.processes[life.consumer.index()];
        process.starts == life.start && process.running
    }

    /// Who has which partitions of the group installed.
    pub(in crate::metrics) fn installed(
        &self,
        group: GroupId,
    ) -> impl Iterator<Item = (TopicPartition, Life)> {
        self.slots
            .iter()
            .filter(move |slot| slot.group == group)
            .filter_map(|slot| Some((slot.partition, slot.held?)))
    }

    /// True when the life is over, frozen, cut off or past its poll deadline.
    fn is_lost(&self, life: Life) -> bool {
        let process = &self.processes[life.consumer.index()];
        process.starts != life.start
            || !process.running
            || process.frozen
            || process.cut
            || process.past_deadline
    }

    /// True when the life is in its `close()` or past it.
    fn is_closing(&self, life: Life) -> bool {
        let process = &self.processes[life.consumer.index()];
        process.starts == life.start && process.closing
    }

    /// True when the member can serve no more and the coordinator learns it only when its session expires: everybody lost but one that
    /// closed, whose word is on its way (a static member of the classic protocol sends none, and from one that is cut off none arrives), and
    /// one of which the coordinator knows.
    fn is_missed(&self, group: GroupId, life: Life) -> bool {
        if self.is_away(group, life) {
            return false;
        }
        let process = &self.processes[life.consumer.index()];
        if !self.is_closing(life) || process.cut {
            return self.is_lost(life);
        }
        let says_nothing =
            process.never_leaves || (process.closes_silently && !process.says_when_it_leaves);
        says_nothing && process.callback.is_none()
    }

    /// True when the life is a static member that said it would be back, and the coordinator knows.
    fn is_away(&self, group: GroupId, life: Life) -> bool {
        self.groups[group.index()].away.contains(&life)
    }

    /// State of a slot now.
    pub(in crate::metrics) fn state(&self, index: usize) -> State {
        let slot = &self.slots[index];
        let group = &self.groups[slot.group.index()];
        let member = |life: &Life| self.is_member(slot.group, *life);
        let held = slot.held.filter(member);
        let target = slot.target.filter(member);
        let given_up = slot.given_up || target.is_some_and(|life| self.is_closing(life));
        let target_busy = target.is_some_and(|life| {
            held != target && !given_up && self.processes[life.consumer.index()].callback.is_some()
        });
        cause::state(&Facts {
            served: self.server(index).is_some(),
            owner_lost: held
                .into_iter()
                .chain(target)
                .any(|life| self.is_missed(slot.group, life)),
            in_callback: slot.pending || slot.callback_of.is_some() || target_busy,
            restoring: slot.restoring && held.is_none_or(|life| !self.is_away(slot.group, life)),
            installed: held
                .is_some_and(|life| !self.is_closing(life) && !self.is_away(slot.group, life)),
            wanted: self
                .wanted
                .get(&(slot.group.0, slot.partition.topic.0))
                .is_some_and(|subscribers| *subscribers > 0),
            group: group.state,
            incremental: group.incremental,
            away: target.is_some_and(|life| self.is_away(slot.group, life)),
            targeted: target.is_some(),
            given_up,
            withheld: slot.withheld,
        })
    }
}
