//! States of partitions over a whole run. A thousand rebalances of ten thousand partitions leave tens of millions of them, so what one
//! says that its neighbours and its partition say as well is not kept with it.

use super::cause::{Cause, State};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;

/// A stretch of time during which a partition of a group was in one state, with one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The group.
    pub group: GroupId,
    /// The partition.
    pub partition: TopicPartition,
    /// Who served it; `None` when it was down.
    pub member: Option<ConsumerId>,
    /// From.
    pub from: SimTime,
    /// To (exclusive).
    pub to: SimTime,
    /// In which state.
    pub state: State,
}

/// State and server of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Served(ConsumerId),
    /// Nobody knows by whom.
    Serving,
    Down(Cause),
}

/// What a partition is from an instant on, until the next such instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    from: SimTime,
    standing: Standing,
}

const _: () = assert!(size_of::<Turn>() == 16);

/// The states of one partition, one after the other without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns(Vec<Turn>);

impl Turns {
    /// From `from` on, which is not before what is known already, the partition is this.
    pub(super) fn push(&mut self, from: SimTime, state: State, member: Option<ConsumerId>) {
        let standing = match (state, member) {
            (State::Serving, Some(member)) => Standing::Served(member),
            (State::Serving, None) => Standing::Serving,
            (State::Down(cause), _) => Standing::Down(cause),
        };
        self.0.push(Turn { from, standing });
    }
}

/// The states of all partitions; nothing where they were not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Sorted by partition of a group.
    partitions: Vec<((GroupId, TopicPartition), Turns)>,
    /// Until when the last state of each lasts.
    end: SimTime,
}

impl Spans {
    /// Those of `partitions`, sorted by (group, partition), which last until `end`.
    pub(super) fn new(
        partitions: impl Iterator<Item = ((GroupId, TopicPartition), Turns)>,
        end: SimTime,
    ) -> Self {
        Self {
            partitions: partitions.collect(),
            end,
        }
    }

    /// All of them, by group, partition, time.
    pub fn iter(&self) -> impl Iterator<Item = Span> {
        let all = self.partitions.iter();
        all.flat_map(|(place, turns)| self.spans(*place, turns))
    }

    /// Those of one partition of a group, in order.
    pub fn of(&self, place: (GroupId, TopicPartition)) -> impl Iterator<Item = Span> {
        let by_place = |known: &((GroupId, TopicPartition), Turns)| known.0;
        let found = self.partitions.binary_search_by_key(&place, by_place).ok();
        let turns = found.map(|at| &self.partitions[at].1).into_iter();
        turns.flat_map(move |turns| self.spans(place, turns))
    }

    /// The partitions of a group that were there at some time, in order.
    pub fn partitions_of(&self, group: GroupId) -> impl Iterator<Item = TopicPartition> {
        let all = self.partitions.iter();
        all.filter(move |((owner, _), turns)| *owner == group && !turns.0.is_empty())
            .map(|((_, partition), _)| *partition)
    }

    fn spans(
        &self,
        (group, partition): (GroupId, TopicPartition),
        turns: &Turns,
    ) -> impl Iterator<Item = Span> {
        let ends = turns.0.iter().skip(1).map(|next| next.from);
        let ends = ends.chain([self.end]);
        turns.0.iter().zip(ends).map(move |(turn, to)| {
            let (state, member) = match turn.standing {
                Standing::Served(member) => (State::Serving, Some(member)),
                Standing::Serving => (State::Serving, None),
                Standing::Down(cause) => (State::Down(cause), None),
            };
            let from = turn.from;
            Span {
                group,
                partition,
                member,
                from,
                to,
                state,
            }
        })
    }
}
