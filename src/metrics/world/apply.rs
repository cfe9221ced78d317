//! Taking in observations, one at a time.

use std::collections::BTreeMap;

use super::{Life, Process, World};
use crate::assignor::{ConsumerId, GroupId, MemberId, TopicPartition};
use crate::timeline::{CallbackKind, GroupState, Observation, Partitions, ReleaseReason};

impl World {
    /// Takes in one observation.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each observation, each a step named below"
    )]
    pub(in crate::metrics) fn apply(&mut self, observation: &Observation) {
        match observation {
            Observation::GroupState {
                group,
                to,
                generation,
                ..
            } => {
                self.on_group_state(*group, *to, *generation);
            }
            Observation::MemberAdded {
                group,
                consumer,
                member_id,
                ..
            } => {
                let life = self.life(*consumer);
                self.groups[group.index()].admit(member_id, life);
                self.touch(*consumer);
            }
            Observation::StaticMemberReplaced {
                group,
                consumer,
                old,
                new,
                ..
            } => {
                self.on_replaced(*group, *consumer, old, new);
            }
            Observation::MemberRemoved {
                group, member_id, ..
            } => {
                if let Some(life) = self.groups[group.index()].dismiss(member_id)
                    && !self.is_member(*group, life)
                {
                    self.forget(life);
                }
            }
            Observation::MemberRejoined { consumer, .. } => self.on_rejoined(*consumer),
            Observation::JoinComplete {
                group,
                generation,
                assignor,
                ..
            } => {
                let known = &mut self.groups[group.index()];
                known.generation = *generation;
                known.assignor = Some(assignor);
                known.incremental = false;
            }
            Observation::AssignmentReceived {
                group, assignment, ..
            } => {
                self.on_assignment(*group, assignment);
            }
            Observation::ConsumerStarted { consumer } => self.on_started(*consumer),
            Observation::ConsumerCrashed { consumer } => {
                self.on_ended(*consumer);
                // Killed in its close(): the word that it would have sent at the end never comes.
                self.set(*consumer, |process| process.closing = false);
            }
            Observation::ConsumerClosed { consumer }
            | Observation::ConsumerFailed { consumer, .. } => self.on_ended(*consumer),
            Observation::ConsumerFrozen { consumer } => self.set(*consumer, |p| p.frozen = true),
            Observation::ConsumerThawed { consumer } => self.set(*consumer, |p| p.frozen = false),
            Observation::ConsumerConnected {
                consumer,
                connected,
            } => {
                self.set(*consumer, |p| p.cut = !connected);
            }
            Observation::ConsumerStalled { consumer } => self.set(*consumer, |p| p.stalled = true),
            Observation::ConsumerResumed { consumer } => self.set(*consumer, |p| p.stalled = false),
            Observation::PollDeadlineExceeded { consumer } => {
                self.set(*consumer, |p| p.past_deadline = true);
            }
            Observation::Joining { consumer } => {
                if self.processes[consumer.index()].past_deadline {
                    self.set(*consumer, |p| p.past_deadline = false);
                }
            }
            Observation::ConsumerClosing { consumer } => {
                self.unsubscribe(*consumer);
                self.set(*consumer, |process| process.closing = true);
            }
            Observation::CallbackStarted {
                consumer,
                kind,
                partitions,
                ..
            } => {
                self.on_callback(*consumer, *kind, partitions);
            }
            Observation::CallbackEnded { consumer, .. } => {
                self.end_callback(*consumer);
                self.touch(*consumer);
            }
            Observation::Assigned {
                consumer,
                partitions,
            } => {
                for partition in partitions.iter() {
                    self.on_assigned(*consumer, *partition);
                }
            }
            Observation::Serving { consumer, log_ends } => {
                for (partition, _) in log_ends.iter() {
                    self.on_serving(*consumer, *partition);
                }
            }
            Observation::Released {
                consumer,
                why,
                log_ends,
            } => {
                for (partition, _) in log_ends.iter() {
                    self.on_released(*consumer, *partition, *why);
                }
            }
            Observation::RestoreStarted {
                consumer,
                partition,
            } => {
                self.on_restore(*consumer, *partition, true);
            }
            Observation::RestoreEnded {
                consumer,
                partition,
            } => {
                self.on_restore(*consumer, *partition, false);
            }
            Observation::PartitionsAdded {
                topic, partitions, ..
            } => {
                for index in 0..self.slots.len() {
                    let slot = &mut self.slots[index];
                    if slot.partition.topic == *topic && slot.partition.partition < *partitions {
                        slot.exists = true;
                        self.dirty.insert(index);
                    }
                }
            }
            Observation::MemberJoined { .. }
            | Observation::GroupEpoch { .. }
            | Observation::TargetAssignment { .. }
            | Observation::MemberEpoch { .. }
            | Observation::StaticMemberAway { .. }
            | Observation::ClientTransition { .. } => self.apply_in_consumer_group(observation),
            Observation::MemberIdIssued { .. }
            | Observation::CoordinatorAvailable { .. }
            | Observation::RejoinRequested { .. }
            | Observation::Joined { .. }
            | Observation::Synced { .. }
            | Observation::CommitFailed { .. }
            | Observation::PositionKnown { .. }
            | Observation::FirstBatch { .. }
            | Observation::Polled { .. }
            | Observation::BatchStarted { .. }
            | Observation::PrefetchDropped { .. }
            | Observation::OffsetsCommitted { .. }
            | Observation::Action { .. }
            | Observation::Fault { .. }
            | Observation::Platform(_) => {}
        }
    }

    fn on_group_state(&mut self, group: GroupId, to: GroupState, generation: i32) {
        let known = &mut self.groups[group.index()];
        known.state = to;
        known.generation = generation;
        match to {
            GroupState::Assigning | GroupState::Reconciling => known.incremental = true,
            GroupState::PreparingRebalance => known.incremental = false,
            GroupState::Empty
            | GroupState::CompletingRebalance
            | GroupState::Stable
            | GroupState::Dead => {}
        }
        for index in self.slots_of(group) {
            if matches!(to, GroupState::Empty | GroupState::Dead) {
                self.retarget(index, None);
                self.slots[index].withheld = false;
            }
            // What is served is served in every state.
            if self.server(index).is_none() {
                self.dirty.insert(index);
            }
        }
    }

    fn on_replaced(
        &mut self,
        group: GroupId,
        consumer: ConsumerId,
        old: &MemberId,
        new: &MemberId,
    ) {
        let life = self.life(consumer);
        let before = self.groups[group.index()].dismiss(old);
        self.groups[group.index()].admit(new, life);
        if let Some(before) = before {
            self.hand_over(before, life);
        }
        self.touch(consumer);
    }

    /// What a member was given but never installed is void once it has joined the next generation.
    fn on_rejoined(&mut self, consumer: ConsumerId) {
        let life = self.life(consumer);
        for index in self.slots_with(consumer) {
            if self.slots[index].target == Some(life) && self.slots[index].held != Some(life) {
                self.retarget(index, None);
            }
        }
    }

    /// A new assignment is in force: targets, and what it keeps back from those who still hold it.
    pub(super) fn on_assignment(
        &mut self,
        group: GroupId,
        assignment: &[(ConsumerId, Partitions)],
    ) {
        let mut targets: Vec<Option<Life>> = vec![None; self.slots.len()];
        let mut lives: BTreeMap<ConsumerId, Vec<Life>> = BTreeMap::new();
        for life in self.groups[group.index()].lives() {
            lives.entry(life.consumer).or_default().push(life);
        }
        for known in lives.values_mut() {
            known.sort_unstable();
            known.reverse();
        }
        for (consumer, partitions) in assignment {
            // A process that came back before its old identity expired stands twice: older lives first.
            let life = lives
                .get_mut(consumer)
                .and_then(Vec::pop)
                .unwrap_or_else(|| self.life(*consumer));
            for partition in partitions.iter() {
                if let Some(index) = self.slot(group, *partition) {
                    targets[index] = Some(life);
                }
            }
        }
        for index in self.slots_of(group) {
            let target = targets[index];
            self.retarget(index, target);
            let slot = &mut self.slots[index];
            slot.withheld = slot.held.is_some() && slot.held != target;
            self.dirty.insert(index);
        }
    }

    fn on_started(&mut self, consumer: ConsumerId) {
        self.unsubscribe(consumer);
        let process = &mut self.processes[consumer.index()];
        let (closes_silently, never_leaves) = (process.closes_silently, process.never_leaves);
        let slots = std::mem::take(&mut process.slots);
        *process = Process {
            starts: process.starts + 1,
            running: true,
            closes_silently,
            never_leaves,
            slots,
            ..Process::default()
        };
        self.count_subscriptions(consumer, true);
        self.touch(consumer);
    }

    fn on_ended(&mut self, consumer: ConsumerId) {
        self.unsubscribe(consumer);
        self.end_callback(consumer);
        let life = self.life(consumer);
        for index in self.slots_with(consumer) {
            let slot = &mut self.slots[index];
            slot.serving.remove(life);
            if slot.held == Some(life) {
                slot.pending = false;
                slot.restoring = false;
            }
        }
        self.set(consumer, |process| process.running = false);
    }

    fn on_callback(&mut self, consumer: ConsumerId, kind: CallbackKind, partitions: &Partitions) {
        let life = self.life(consumer);
        let group = self.group_of(consumer);
        self.end_callback(consumer);
        let process = &mut self.processes[consumer.index()];
        process.callback = Some((kind, partitions.clone()));
        process.past_deadline = false;
        for partition in partitions.iter() {
            let Some(index) = self.slot(group, *partition) else {
                continue;
            };
            match kind {
                CallbackKind::Revoked | CallbackKind::Lost => self.give_up(index, life),
                CallbackKind::Assigned => {}
            }
            self.slots[index].callback_of = Some(life);
            self.dirty.insert(index);
        }
        self.touch(consumer);
    }

    fn on_assigned(&mut self, consumer: ConsumerId, partition: TopicPartition) {
        let Some(index) = self.slot(self.group_of(consumer), partition) else {
            return;
        };
        let life = self.life(consumer);
        self.hold(index, Some(life));
        let slot = &mut self.slots[index];
        slot.pending = false;
        slot.withheld &= slot.target != Some(life);
    }

    fn on_serving(&mut self, consumer: ConsumerId, partition: TopicPartition) {
        let group = self.group_of(consumer);
        let Some(index) = self.slot(group, partition) else {
            return;
        };
        let life = self.life(consumer);
        if self.slots[index].held.is_none() && self.is_member(group, life) {
            self.hold(index, Some(life));
        }
        let slot = &mut self.slots[index];
        slot.pending &= slot.held != Some(life);
        slot.serving.add(life);
        self.relate(index, None, Some(life));
    }

    fn on_released(&mut self, consumer: ConsumerId, partition: TopicPartition, why: ReleaseReason) {
        let Some(index) = self.slot(self.group_of(consumer), partition) else {
            return;
        };
        let life = self.life(consumer);
        self.slots[index].serving.remove(life);
        self.dirty.insert(index);
        match why {
            ReleaseReason::PendingRevocation => {
                self.slots[index].pending = self.slots[index].held == Some(life);
            }
            ReleaseReason::Revoked | ReleaseReason::Lost => self.give_up(index, life),
            // Still its own by the coordinator's book; that it is lost follows from the process.
            ReleaseReason::Gone
            | ReleaseReason::Frozen
            | ReleaseReason::Disconnected
            | ReleaseReason::PollDeadline => {}
        }
    }

    fn on_restore(&mut self, consumer: ConsumerId, partition: TopicPartition, begins: bool) {
        if let Some(index) = self.slot(self.group_of(consumer), partition) {
            self.slots[index].restoring = begins;
            self.dirty.insert(index);
        }
    }
}
