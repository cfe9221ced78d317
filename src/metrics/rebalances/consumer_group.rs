//! Episodes of consumer groups: opened by a bump of the epoch, closed when an instant ends with the group at rest.

use super::{Fold, GroupFold};
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::SimTime;
use crate::metrics::world::World;
use crate::timeline::{
    GroupState, MemberEpochState, Observation, Partitions, RebalanceReason, RemovalReason,
};

impl Fold {
    /// Time goes on: what is at rest now was so at the end of the instant before.
    pub(super) fn instant_ends(&mut self, at: SimTime) {
        if at > self.now {
            for group in &mut self.groups {
                group.come_to_rest(self.now);
            }
            self.now = at;
        }
    }

    /// Takes in what happens in consumer groups alone; true when it was that.
    pub(super) fn observe_consumer_group(
        &mut self,
        at: SimTime,
        observation: &Observation,
        world: &World,
    ) -> bool {
        match observation {
            Observation::MemberJoined {
                group, consumer, ..
            } => {
                self.becomes_incremental(*group);
                self.groups[group.index()].touch(at, *consumer);
            }
            Observation::GroupEpoch {
                group,
                epoch,
                reason,
                by,
            } => {
                self.becomes_incremental(*group);
                let reason = what_it_was(*reason, *by, world);
                self.groups[group.index()].bump(at, *group, *epoch, (reason, *by));
            }
            Observation::TargetAssignment {
                group, assignment, ..
            } => {
                self.becomes_incremental(*group);
                self.groups[group.index()].assigned(at, *group, assignment, world);
            }
            Observation::MemberEpoch {
                group,
                consumer,
                epoch,
                state,
                assigned,
                pending_revocation,
                ..
            } => {
                self.becomes_incremental(*group);
                let fold = &mut self.groups[group.index()];
                fold.share(at, *consumer, (assigned, pending_revocation));
                if *state == MemberEpochState::Stable {
                    fold.arrives(*consumer, *epoch);
                }
            }
            _ => return false,
        }
        true
    }

    /// Nobody waits for anybody to join any more.
    pub(super) fn becomes_incremental(&mut self, group: GroupId) {
        self.watch.abandon(group);
        let fold = &mut self.groups[group.index()];
        fold.incremental = true;
        fold.stable = None;
        fold.pending.clear();
    }
}

/// A leave does not say why; who knows the client does.
fn what_it_was(reason: RebalanceReason, by: Option<ConsumerId>, world: &World) -> RebalanceReason {
    let overdue = |consumer: ConsumerId| world.processes[consumer.index()].past_deadline;
    match reason {
        RebalanceReason::Leave if by.is_some_and(overdue) => RebalanceReason::PollTimeout,
        other => other,
    }
}

impl GroupFold {
    fn bump(
        &mut self,
        at: SimTime,
        group: GroupId,
        epoch: i32,
        (reason, by): (RebalanceReason, Option<ConsumerId>),
    ) {
        self.leave(at, group, self.state, Some(reason), by);
        if let Some(episode) = self.current() {
            episode.rounds += 1;
            episode.generation = epoch;
        }
    }

    /// A member that has to change something is touched; one that only goes to the next epoch is not.
    fn share(
        &mut self,
        at: SimTime,
        consumer: ConsumerId,
        (has, gives): (&Partitions, &Partitions),
    ) {
        let share = (has.clone(), gives.clone());
        let before = self.shares.insert(consumer, share.clone());
        let nothing = || before.is_none() && has.is_empty() && gives.is_empty();
        if before.as_ref() != Some(&share) && !nothing() {
            self.touch(at, consumer);
        }
    }

    /// A member is where its target says, at this epoch.
    fn arrives(&mut self, consumer: ConsumerId, epoch: i32) {
        if let Some(episode) = self.current()
            && episode.generation == epoch
        {
            episode.last_to_arrive = Some(consumer);
        }
    }

    /// A member that did not give up its partitions in time has failed the rebalance.
    pub(super) fn removed(&mut self, consumer: ConsumerId, why: RemovalReason) {
        self.shares.remove(&consumer);
        let late = self.incremental && why == RemovalReason::RebalanceTimeout;
        if let Some(episode) = self.current().filter(|_| late) {
            episode.failed += 1;
        }
    }

    /// An instant has ended: the episode is over when the group is at rest.
    pub(super) fn come_to_rest(&mut self, at: SimTime) {
        let members = match self.state {
            GroupState::Stable => self
                .in_force
                .last()
                .map_or(0, |known| known.assignment.len()),
            GroupState::Empty | GroupState::Dead => 0,
            GroupState::PreparingRebalance
            | GroupState::CompletingRebalance
            | GroupState::Assigning
            | GroupState::Reconciling => return,
        };
        if self.incremental {
            self.close(at, members);
        }
    }
}
