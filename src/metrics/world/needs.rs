//! Whom a partition that is down waits for at an instant, and what that one has to do. The cause says what kind of need is unmet; this
//! says whose it is. It decides no cause: that is for [`super::World::state`].

use super::{Life, World};
use crate::assignor::{ConsumerId, GroupId};
use crate::metrics::barrier::Wait;
use crate::metrics::cause::{Cause, State};
use crate::metrics::stall::{Loss, Need};
use crate::timeline::{CallbackKind, GroupState};

/// What the world does not know of a partition because it lies ahead, or is not needed for its cause.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::metrics) struct Beyond {
    /// The member that will be the last to join, what it does, and whether it has come.
    pub(in crate::metrics) last_joiner: Option<(ConsumerId, Wait, bool)>,
    /// The group was empty: it waits for more members to come, whoever they are.
    pub(in crate::metrics) from_empty: bool,
    /// The leader of the generation, and whether its assignment has arrived.
    pub(in crate::metrics) leader: Option<Life>,
    /// See `leader`.
    pub(in crate::metrics) received: bool,
    /// The owner knows from which offset to read.
    pub(in crate::metrics) position_known: bool,
    /// The member that the coordinator of a consumer group has given the partition.
    pub(in crate::metrics) given_to: Option<Life>,
    /// The member of which that coordinator has not heard that it gave the partition up.
    pub(in crate::metrics) owed_by: Option<Life>,
    /// The member that was the last to give it up.
    pub(in crate::metrics) released_by: Option<ConsumerId>,
}

/// A partition as its group sees it at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metrics) enum View {
    /// It is served by this process.
    Serving(Option<ConsumerId>),
    /// It is down.
    Down {
        /// Why.
        cause: Cause,
        /// What has to happen.
        need: Need,
        /// Who has to do it, when it is a member's turn.
        who: Option<ConsumerId>,
    },
}

impl World {
    /// What the slot waits for now.
    pub(in crate::metrics) fn view(&self, index: usize, beyond: &Beyond) -> View {
        let cause = match self.state(index) {
            State::Serving => {
                return View::Serving(self.server(index).map(|life| life.consumer));
            }
            State::Down(cause) => cause,
        };
        let slot = &self.slots[index];
        let member = |life: &Life| self.is_member(slot.group, *life);
        let held = slot.held.filter(member);
        let target = slot.target.filter(member);
        let name = |life: Option<Life>| life.map(|life| life.consumer);
        let (need, who) = match cause {
            Cause::Detect => {
                let missed = held
                    .into_iter()
                    .chain(target)
                    .find(|life| self.is_missed(slot.group, *life));
                let loss = missed.map_or(Loss::Gone, |life| self.loss(life));
                (Need::Session(loss), name(missed))
            }
            Cause::Callback if slot.pending => (Need::Commit, name(slot.held)),
            Cause::Callback => match slot.callback_of {
                Some(life) => (Need::Callback(self.callback_of(life)), Some(life.consumer)),
                None => {
                    let kind = target.map_or(CallbackKind::Assigned, |life| self.callback_of(life));
                    (Need::Busy(kind), name(target))
                }
            },
            Cause::Restore => (Need::Restore, name(held)),
            Cause::Fetch if beyond.position_known => (Need::Fetch, name(held)),
            Cause::Fetch => (Need::Position, name(held)),
            Cause::Assign => self.assign(index, target, beyond),
            Cause::Reconcile => self.reconcile(index, held, target, beyond),
            Cause::Barrier => self.barrier(index, target, beyond),
            Cause::Absent => self.absent(index, target),
        };
        View::Down { cause, need, who }
    }

    fn loss(&self, life: Life) -> Loss {
        let process = &self.processes[life.consumer.index()];
        if process.starts != life.start || !process.running {
            Loss::Gone
        } else if process.cut {
            Loss::Disconnected
        } else if process.closing {
            Loss::Silent
        } else if process.frozen {
            Loss::Frozen
        } else {
            Loss::PollDeadline
        }
    }

    fn callback_of(&self, life: Life) -> CallbackKind {
        let callback = &self.processes[life.consumer.index()].callback;
        callback
            .as_ref()
            .map_or(CallbackKind::Assigned, |(kind, _)| *kind)
    }

    fn assign(
        &self,
        index: usize,
        target: Option<Life>,
        beyond: &Beyond,
    ) -> (Need, Option<ConsumerId>) {
        let group = self.slots[index].group;
        if self.groups[group.index()].state != GroupState::CompletingRebalance {
            (Need::Delivery, target.map(|life| life.consumer))
        } else if beyond.received {
            (Need::Stored, None)
        } else {
            self.leader(group, beyond.leader)
        }
    }

    /// The assignment of the leader, unless it is not there to send any: then its session has to expire.
    fn leader(&self, group: GroupId, leader: Option<Life>) -> (Need, Option<ConsumerId>) {
        let who = leader.map(|life| life.consumer);
        match leader {
            Some(life) if self.is_missed(group, life) => (Need::Session(self.loss(life)), who),
            Some(life) if self.processes[life.consumer.index()].stalled => {
                (Need::Join(Wait::Stall), who)
            }
            Some(_) | None => (Need::Leader, who),
        }
    }

    fn reconcile(
        &self,
        index: usize,
        held: Option<Life>,
        target: Option<Life>,
        beyond: &Beyond,
    ) -> (Need, Option<ConsumerId>) {
        let slot = &self.slots[index];
        let group = &self.groups[slot.group.index()];
        let holder = held.filter(|_| held != target);
        if !group.incremental {
            return if group.state == GroupState::PreparingRebalance {
                join(beyond)
            } else if let Some(holder) = holder {
                (Need::Release, Some(holder.consumer))
            } else if slot.withheld {
                (Need::Rejoin, beyond.released_by)
            } else {
                (Need::Round, None)
            };
        }
        let Some(target) = target else {
            return (Need::Target, None);
        };
        let next = Some(target.consumer);
        let other = |owner: &Life| *owner != target && self.is_member(slot.group, *owner);
        if let Some(holder) = holder {
            (Need::Release, Some(holder.consumer))
        } else if beyond.given_to == Some(target) {
            (Need::Delivery, next)
        } else if let Some(owner) = beyond.owed_by.filter(other) {
            // Killed before it learned that it has the partition, it never held it, and yet the coordinator keeps it for it.
            let need = match self.is_missed(slot.group, owner) {
                true => Need::Session(self.loss(owner)),
                false => Need::Acknowledge,
            };
            (need, Some(owner.consumer))
        } else {
            (Need::Heartbeat, next)
        }
    }

    fn barrier(
        &self,
        index: usize,
        target: Option<Life>,
        beyond: &Beyond,
    ) -> (Need, Option<ConsumerId>) {
        let group = &self.groups[self.slots[index].group.index()];
        if group.state == GroupState::PreparingRebalance {
            return join(beyond);
        }
        let who = target.map(|life| life.consumer);
        if target.is_some_and(|life| self.is_closing(life)) {
            (Need::Leave, who)
        } else {
            (Need::Rejoin, who)
        }
    }

    fn absent(&self, index: usize, target: Option<Life>) -> (Need, Option<ConsumerId>) {
        let slot = &self.slots[index];
        let group = &self.groups[slot.group.index()];
        if let Some(life) = target.filter(|life| group.away.contains(life)) {
            return (Need::Return, Some(life.consumer));
        }
        let wanted = self
            .wanted
            .get(&(slot.group.0, slot.partition.topic.0))
            .is_some_and(|subscribers| *subscribers > 0);
        if wanted {
            (Need::Admission, None)
        } else {
            (Need::Member, None)
        }
    }
}

/// The group prepares a rebalance.
fn join(beyond: &Beyond) -> (Need, Option<ConsumerId>) {
    match beyond.last_joiner {
        _ if beyond.from_empty => (Need::Join(Wait::Timer), None),
        Some((_, _, true)) | None => (Need::RebalanceTimeout, None),
        Some((who, wait, false)) => (Need::Join(wait), Some(who)),
    }
}
