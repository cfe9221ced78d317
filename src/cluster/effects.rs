//! What a client does when its membership asks for it: sends, callbacks, `close()`.

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

/// `ConsumerUtils.DEFAULT_CLOSE_TIMEOUT_MS`, which is cut to `request.timeout.ms` (`createTimerForRequest`, `createTimerForCloseRequests`).
const CLOSE_TIMEOUT: SimDuration = SimDuration::from_secs(30);

impl Client {
    /// Carries out what the member asked for.
    pub(super) fn apply(&mut self, mut effects: Vec<MemberEffect>, ground: &mut Ground<'_>) {
        for effect in effects.drain(..) {
            self.apply_one(effect, ground);
        }
        self.effects = effects; // Its room is used again.
        if let Some(failed) = self.commit_returned.take() {
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
            MemberEffect::CommitReturned { failed } => self.commit_returned = Some(failed),
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
                if self.member.modern().is_some() && !self.closing {
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
            MemberEffect::Closed => {
                let idle = ground.now + ground.calibration.exit;
                let last = self.fetcher.last_answer().min(self.closes_until);
                self.app = App::Closing;
                self.exits_at = idle.max(last);
                self.end_close(ground.now);
            }
        }
    }

    pub(super) fn send(&mut self, packet: Packet, ground: &mut Ground<'_>) {
        self.request(packet, SimDuration::ZERO, ground);
        if self.member.modern().is_some() {
            self.has_sent(ground);
        }
    }

    /// `poll()` throws: the application closes the consumer, which by then has no group to leave.
    pub(super) fn throw(&mut self, error: &'static str, ground: &mut Ground<'_>) {
        ground.observe(Observation::ConsumerFailed {
            consumer: ground.consumer,
            error,
        });
        self.close(ground);
    }

    /// `close()`
    pub(super) fn close(&mut self, ground: &mut Ground<'_>) {
        self.closing = true;
        self.pending.clear();
        self.held_back.clear();
        self.queues.clear();
        ground.observe(Observation::ConsumerClosing {
            consumer: ground.consumer,
        });
        // It returns no more records, however long its commit waits.
        self.release_serving(ReleaseReason::PendingRevocation, None, ground);
        self.app = App::Closing;
        self.closes_until = ground.now + CLOSE_TIMEOUT.min(ground.spec.config.request_timeout);
        let until = self.closes_until;
        self.tell(ground, |member, now, at, out| {
            member.close(now, until, at, out);
        });
    }

    /// `ConsumerNetworkClient.awaitPendingRequests`: who has taken leave waits for what the coordinator still owes it, be it the answer to a JoinGroup that is parked until
    /// others have joined, behind which the LeaveGroup waits. A client of the consumer protocol waits for the answer to its leaving alone (`LeaveGroupOnCloseEvent`).
    pub(super) fn end_close(&mut self, now: SimTime) {
        let is_owed = match self.member.modern() {
            Some(member) => member.awaits_answer_to_leaving(),
            None => !self.requests.is_empty(),
        };
        let waits = is_owed && self.member.knows_coordinator();
        if self.app == App::Closing && self.exits_at != SimTime::NEVER && !waits {
            self.app = App::Exiting {
                until: self.exits_at.max(now),
            };
        }
    }

    /// `close()` has had its time: it waits no longer, neither for its commit nor for answers.
    pub(super) fn close_in_time(&mut self, ground: &mut Ground<'_>) {
        self.on_commit_due(ground);
        if self.app == App::Closing {
            self.app = App::Exiting { until: ground.now };
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
        self.app = if self.closing {
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
