//! What a client does when its membership asks for it: sends, callbacks, other partitions.

use std::sync::Arc;

use super::client::{App, Client};
use super::fetch::Fetcher;
use super::ground::{Ground, Output, Packet};
use super::membership::Membership;
use super::poll_event::Asked;
use super::positions::Slot;
use crate::assignor::TopicPartition;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::effect::MemberEffect;
use crate::timeline::{CallbackKind, Observation, Partitions, ReleaseReason};

impl Client {
    /// Carries out what the member asked for.
    pub(super) fn apply(&mut self, mut effects: Vec<MemberEffect>, ground: &mut Ground<'_>) {
        for effect in effects.drain(..) {
            self.apply_one(effect, ground);
        }
        self.effects = effects; // Its room is used again.
        if let Some(failed) = self.commits.returned.take() {
            self.after_application_commit(failed, ground);
        }
    }

    /// Tells the member something, and carries out what it asks for.
    pub(super) fn tell(
        &mut self,
        ground: &mut Ground<'_>,
        what: impl FnOnce(&mut Membership, SimTime, &Fetcher, &mut Vec<MemberEffect>),
    ) {
        let mut effects = std::mem::take(&mut self.effects);
        what(&mut self.member, ground.now, &self.fetcher, &mut effects);
        self.apply(effects, ground);
    }

    fn apply_one(&mut self, effect: MemberEffect, ground: &mut Ground<'_>) {
        match effect {
            MemberEffect::Send(request) => self.send(Packet::Group(request), ground),
            MemberEffect::Commit(purpose, commit) => {
                self.send(Packet::Commit(purpose, commit), ground)
            }
            MemberEffect::CommitReturned { failed } => self.commits.returned = Some(failed),
            MemberEffect::FindCoordinator => {
                let extra = if self.reconnects.bootstrap() {
                    ground.calibration.bootstrap_of(&self.member)
                } else {
                    SimDuration::ZERO
                };
                self.request(Packet::FindCoordinator, extra, ground);
            }
            MemberEffect::Disconnect => self.hang_up(ground),
            MemberEffect::Assign(kind, members) => {
                // Until the driver says how long it takes.
                self.app = App::Assigning {
                    until: SimTime::NEVER,
                };
                ground.out.push(Output::Assign(kind, members));
            }
            MemberEffect::RequestMetadata => self.metadata.request_update(ground.now),
            MemberEffect::WatchMetadata(members) => ground.out.push(Output::Watch(members)),
            MemberEffect::Suspend(partitions) => {
                let why = ReleaseReason::PendingRevocation;
                self.release_serving(why, Some(&partitions), ground);
                self.fetcher.drop_unowned();
                self.observe_dropped(ground);
            }
            MemberEffect::Callback(kind, partitions) => {
                if self.member.modern().is_some() && self.closing.is_none() {
                    self.queues.ask(Asked::Callback(kind, partitions));
                } else {
                    self.enter_callback(kind, &partitions, ground);
                }
            }
            MemberEffect::Install(assigned) => {
                self.cut_dropped(&assigned, ground);
                self.fetcher.install(&assigned, ground);
                ground.out.push(Output::Installed);
                self.observe_dropped(ground);
            }
            MemberEffect::Observe(observation) => {
                if matches!(observation, Observation::PollDeadlineExceeded { .. }) {
                    self.release_all(ReleaseReason::PollDeadline, ground);
                }
                ground.observe(observation);
            }
            MemberEffect::Throw(error) => {
                if self.member.modern().is_some() {
                    self.queues.ask(Asked::Throw(error));
                } else {
                    self.throw(error, ground);
                }
            }
            MemberEffect::Closed => self.on_member_closed(ground),
        }
    }

    pub(super) fn send(&mut self, packet: Packet, ground: &mut Ground<'_>) {
        self.request(packet, SimDuration::ZERO, ground);
        if self.member.modern().is_some() {
            self.end_round(ground);
        }
    }

    /// Observes that the serving partitions (all, or those listed) are released.
    pub(super) fn release_serving(
        &mut self,
        why: ReleaseReason,
        only: Option<&[TopicPartition]>,
        ground: &mut Ground<'_>,
    ) {
        let is_meant =
            |slot: &Slot| !slot.suspended && only.is_none_or(|only| only.contains(&slot.partition));
        ground.released(self.fetcher.slots.iter().filter(|slot| is_meant(slot)), why);
        for slot in self.fetcher.slots.iter_mut().filter(|slot| is_meant(slot)) {
            self.restores.stop(slot.partition, ground.now);
            slot.serving = false;
            slot.suspended = true;
        }
        self.fetcher.unsettle();
    }

    fn observe_dropped(&mut self, ground: &mut Ground<'_>) {
        let dropped = self.fetcher.take_dropped();
        if ground.observe_polls && !dropped.is_empty() {
            ground.observe(Observation::PrefetchDropped {
                consumer: ground.consumer,
                offsets: dropped.into(),
            });
        }
    }

    fn cut_dropped(&mut self, assigned: &[TopicPartition], ground: &mut Ground<'_>) {
        for slot in &self.fetcher.slots {
            if !assigned.contains(&slot.partition) {
                let log = &mut ground.logs[slot.index];
                ground.accounts[slot.index].settle(log, ground.now);
            }
        }
    }

    pub(super) fn enter_callback(
        &mut self,
        kind: CallbackKind,
        partitions: &Partitions,
        ground: &mut Ground<'_>,
    ) {
        match kind {
            CallbackKind::Revoked => {
                self.release_serving(ReleaseReason::Revoked, Some(partitions), ground)
            }
            CallbackKind::Lost => {
                self.release_serving(ReleaseReason::Lost, Some(partitions), ground)
            }
            CallbackKind::Assigned if partitions.is_empty() => {}
            CallbackKind::Assigned => ground.observe(Observation::Assigned {
                consumer: ground.consumer,
                partitions: Arc::clone(partitions),
            }),
        }
        ground.observe(Observation::CallbackStarted {
            consumer: ground.consumer,
            kind,
            partitions: Arc::clone(partitions),
            generation: self.member.generation(),
            member_id: self.member.member_id().clone(),
        });
        let listener = &ground.spec.listener;
        let work = match kind {
            CallbackKind::Revoked => &listener.on_revoked,
            CallbackKind::Lost => &listener.on_lost,
            CallbackKind::Assigned => &listener.on_assigned,
        };
        let length = work.duration.sample(ground.listener);
        let until = ground.now + length + ground.calibration.callback_turnaround;
        self.app = App::Callback { kind, until };
    }

    pub(super) fn after_callback_work(&mut self, kind: CallbackKind, ground: &mut Ground<'_>) {
        let listener = &ground.spec.listener;
        let style = match kind {
            CallbackKind::Revoked => listener.on_revoked.commit,
            CallbackKind::Lost => listener.on_lost.commit,
            CallbackKind::Assigned => listener.on_assigned.commit,
        };
        if let Some(style) = style
            && self.commit(style, App::CallbackCommit { kind }, ground)
        {
            return;
        }
        self.callback_done(kind, ground);
    }

    pub(super) fn callback_done(&mut self, kind: CallbackKind, ground: &mut Ground<'_>) {
        ground.observe(Observation::CallbackEnded {
            consumer: ground.consumer,
            kind,
        });
        if kind == CallbackKind::Assigned {
            self.begin_restores(ground);
            for slot in &mut self.fetcher.slots {
                slot.announced = true;
            }
        }
        self.app = if self.closing.is_some() {
            App::Closing
        } else {
            App::Polling
        };
        self.tell(ground, Membership::on_callback_done);
        if self.app == App::Polling && !self.heed_wakeup(ground) {
            if self.member.modern().is_some() {
                self.do_what_is_asked(ground);
            } else {
                self.turn(ground);
            }
        }
    }
}
