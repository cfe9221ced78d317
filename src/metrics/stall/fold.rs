//! One pass over the timeline for one partition: what it waits for after each entry, and since which.

use std::collections::BTreeMap;

use super::phases::Ahead;
use super::{Leg, Need, Stall};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::barrier::{Doing, Doings, Wait};
use crate::metrics::world::{Beyond, Life, View, World};
use crate::timeline::{CallbackKind, GroupState, Observation, Timeline};

/// Every stall of the partition in the group, in order of time; `None` when no member of the group ever subscribes to its topic, or there
/// is no such partition.
#[must_use]
pub fn stalls(
    timeline: &Timeline,
    group: GroupId,
    partition: TopicPartition,
) -> Option<Vec<Stall>> {
    let world = World::new(timeline, timeline.entries.iter());
    let slot = world.slot(group, partition)?;
    let mut fold = Fold {
        group,
        partition,
        slot,
        ahead: Ahead::of(timeline, group),
        doings: Doings::new(timeline.cast.consumers.len()),
        since: BTreeMap::new(),
        beyond: Beyond::default(),
        shares: BTreeMap::new(),
        now: None,
        stalls: Vec::new(),
        world,
    };
    let entries = &timeline.entries;
    let first = entries.first().map_or(SimTime::ZERO, |entry| entry.at);
    fold.settle(first.min(timeline.measured.0), None, None);
    let mut changed = None;
    let mut seen = fold.look(None);
    for (index, entry) in entries.iter().enumerate() {
        fold.take(index, &entry.observation);
        let view = fold.look(Some(index));
        if view != seen {
            (seen, changed) = (view, Some(index));
        }
        let last_of_instant = entries.get(index + 1).is_none_or(|next| next.at > entry.at);
        if last_of_instant {
            fold.settle(entry.at, Some(index), changed);
        }
    }
    Some(fold.finish(timeline.horizon))
}

struct Fold {
    group: GroupId,
    partition: TopicPartition,
    slot: usize,
    world: World,
    ahead: Ahead,
    doings: Doings,
    /// Entry since which each life of a process does what it does.
    since: BTreeMap<Life, usize>,
    beyond: Beyond,
    /// By member, as the coordinator of a consumer group has it: it may use the partition; it has to give it up.
    shares: BTreeMap<Life, (bool, bool)>,
    now: Option<View>,
    stalls: Vec<Stall>,
}

impl Fold {
    fn take(&mut self, index: usize, observation: &Observation) {
        if let Observation::ConsumerStarted { consumer } = observation {
            self.starts(index, *consumer);
        } else if let Some((consumer, change)) = Doing::change(observation) {
            self.does(index, self.world.life(consumer), change);
        }
        match observation {
            Observation::MemberRejoined { consumer, .. } => {
                self.does(index, self.world.life(*consumer), Doing::came);
            }
            Observation::MemberRemoved {
                group,
                consumer,
                member_id,
                ..
            } => {
                let life = self.world.life_of(*group, member_id);
                let life = life.unwrap_or_else(|| self.world.life(*consumer));
                self.does(index, life, Doing::came);
                self.shares.remove(&life);
            }
            Observation::GroupState { group, to, .. } if *group == self.group => {
                self.beyond.received &= !matches!(
                    to,
                    GroupState::PreparingRebalance | GroupState::CompletingRebalance
                );
            }
            Observation::AssignmentReceived { group, .. } if *group == self.group => {
                self.beyond.received = true;
            }
            Observation::MemberEpoch {
                group,
                member_id,
                assigned,
                pending_revocation,
                ..
            } if *group == self.group => {
                if let Some(life) = self.world.life_of(*group, member_id) {
                    let uses = assigned.contains(&self.partition);
                    let gives = pending_revocation.contains(&self.partition);
                    self.shares.insert(life, (uses, gives));
                }
            }
            // A static member that comes back takes over the share of its life before.
            Observation::StaticMemberReplaced {
                group,
                consumer,
                old,
                ..
            } if *group == self.group => {
                let before = self.world.life_of(*group, old);
                if let Some(share) = before.and_then(|life| self.shares.remove(&life)) {
                    self.shares.insert(self.world.life(*consumer), share);
                }
            }
            Observation::Assigned { partitions, .. } if partitions.contains(&self.partition) => {
                self.beyond.position_known = false;
            }
            Observation::PositionKnown { offsets, .. }
                if offsets.iter().any(|(known, _)| *known == self.partition) =>
            {
                self.beyond.position_known = true;
            }
            Observation::CallbackStarted {
                consumer,
                kind: CallbackKind::Revoked | CallbackKind::Lost,
                partitions,
                ..
            } if partitions.contains(&self.partition)
                && self.world.group_of(*consumer) == self.group =>
            {
                self.beyond.released_by = Some(*consumer);
            }
            _ => {}
        }
        self.world.apply(observation);
    }

    fn does(&mut self, index: usize, life: Life, change: fn(&mut Doing)) {
        let Some(doing) = self.doings.of_mut(life) else {
            return;
        };
        let before = doing.wait();
        change(doing);
        if doing.wait() != before {
            self.since.insert(life, index);
        }
    }

    /// The life before ends at the latest now, if nothing was told of its end.
    fn starts(&mut self, index: usize, consumer: ConsumerId) {
        let before = self.doings.present(consumer);
        let was_gone = self.wait(before) == Some(Wait::Session);
        self.doings.start(consumer);
        if !was_gone {
            self.since.insert(before, index);
        }
        self.since.insert(self.doings.present(consumer), index);
    }

    /// What others wait for while they wait for this life of a process.
    fn wait(&self, life: Life) -> Option<Wait> {
        self.doings.of(life).map(Doing::wait)
    }

    /// What the partition waits for after the entry `index`; `None` before there is such a partition.
    fn look(&mut self, index: Option<usize>) -> Option<View> {
        if !self.world.slots[self.slot].exists {
            return None;
        }
        let phase = index.and_then(|index| self.ahead.phase(index));
        let came = |entry: usize| index.is_some_and(|index| index >= entry);
        self.beyond.from_empty = phase.is_some_and(|phase| phase.from_empty);
        let last = phase.and_then(|phase| phase.last(&self.ahead, index?));
        self.beyond.last_joiner = last.map(|(who, entry)| {
            let wait = self.wait(who).unwrap_or(Wait::Join);
            (who.consumer, wait, came(entry))
        });
        self.beyond.leader = index.and_then(|index| self.ahead.leader(index));
        let mut shares = self.shares.iter();
        let uses = shares.find(|(_, (uses, _))| *uses);
        self.beyond.given_to = uses.map(|(life, _)| *life);
        let mut shares = self.shares.iter();
        let gives = shares.find(|(_, (_, gives))| *gives);
        self.beyond.owed_by = gives.or(uses).map(|(life, _)| *life);
        Some(self.world.view(self.slot, &self.beyond))
    }

    /// After everything that happened at `at`, the last of which was the entry `index`; what is seen now has been so since `changed`.
    fn settle(&mut self, at: SimTime, index: Option<usize>, changed: Option<usize>) {
        let view = self.look(index);
        if view == self.now {
            return;
        }
        self.close(at);
        let Some(View::Down { cause, need, who }) = view else {
            if let Some(stall) = self.stalls.last_mut().filter(|stall| stall.to == at) {
                stall.ended = changed;
            }
            self.now = view;
            return;
        };
        let leg = Leg {
            from: at,
            to: at,
            cause,
            need,
            who,
            began: changed,
            incremental: self.world.groups[self.group.index()].incremental,
            since: who.and_then(|who| self.standing_since(need, who)),
        };
        let goes_on = self.is_down();
        match self.stalls.last_mut() {
            Some(stall) if goes_on => stall.legs.push(leg),
            _ => self.stalls.push(Stall {
                group: self.group,
                partition: self.partition,
                from: at,
                to: at,
                legs: vec![leg],
                ended: None,
            }),
        }
        self.now = view;
    }

    /// The entry since which a member is gone or stands still, when that is what keeps it from doing what is needed.
    fn standing_since(&self, need: Need, who: ConsumerId) -> Option<usize> {
        let is_away = matches!(
            need,
            Need::Session(_) | Need::Join(Wait::Session | Wait::Stall)
        );
        let lives = self.world.groups[self.group.index()].lives();
        let mut lives = lives.filter(|life| life.consumer == who);
        let stands = |life: &Life| matches!(self.wait(*life), Some(Wait::Session | Wait::Stall));
        let life = lives.find(stands).filter(|_| is_away)?;
        self.since.get(&life).copied()
    }

    const fn is_down(&self) -> bool {
        matches!(self.now, Some(View::Down { .. }))
    }

    /// What it has waited for until `at` is over.
    fn close(&mut self, at: SimTime) {
        if self.is_down()
            && let Some(stall) = self.stalls.last_mut()
        {
            stall.to = at;
            if let Some(leg) = stall.legs.last_mut() {
                leg.to = at;
            }
        }
    }

    /// The end of the run.
    fn finish(mut self, horizon: SimTime) -> Vec<Stall> {
        self.close(horizon);
        for stall in &mut self.stalls {
            stall.legs.retain(|leg| leg.from < leg.to);
        }
        self.stalls.retain(|stall| !stall.legs.is_empty());
        self.stalls
    }
}
