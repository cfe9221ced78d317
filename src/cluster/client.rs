//! One running consumer: its application thread, its heartbeat thread and the loop around `poll()` (`ClassicKafkaConsumer`,
//! `AbstractCoordinator.HeartbeatThread`).
//!
//! The client advances from step to step of its own ([`Client::next_step`]); what happens between two control events
//! touches nobody else, so its driver may let it run in a tight loop. [`Client::next_control`] is a lower bound of the
//! next instant at which it may do something that others can see.

use super::answers::Answer;
use super::batch::Batch;
use super::busy::Busy;
use super::close::Closing;
use super::commits::OwnCommits;
use super::fetch::Fetcher;
use super::fluid::{Flow, Variation};
use super::ground::Ground;
use super::membership::Membership;
use super::metadata::Metadata;
use super::offsets::OffsetFetches;
use super::poll_event::Queues;
use super::reconnects::Reconnects;
use super::requests::Requests;
use super::restores::Restores;
use crate::assignor::MemberId;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::effect::MemberEffect;
use crate::scenario::plan::CommitMode;
use crate::timeline::{CallbackKind, Partitions, ReleaseReason};

/// What the application thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum App {
    /// The consumer is being constructed.
    Starting { until: SimTime },
    /// Inside `poll()`, waiting for an answer or the timeout.
    Polling,
    /// Outside `poll()`: processing what it returned, or between two polls.
    Working { until: SimTime },
    /// Outside `poll()`, standing still as the scenario says.
    Stalled { until: SimTime },
    /// In a listener's callback, inside `poll()` or `close()`.
    Callback { kind: CallbackKind, until: SimTime },
    /// In `commitSync`, called in a callback.
    CallbackCommit { kind: CallbackKind },
    /// The leader's assignor runs, inside `poll()`.
    Assigning { until: SimTime },
    /// In `commitSync`, called by the application: before it processes what `poll()` returned, or after.
    Committing { before_processing: bool },
    /// In `close()`, waiting for an answer.
    Closing,
    /// `close()` is done; the process exits at this instant.
    Exiting { until: SimTime },
    /// `poll()` threw and the process has nothing to do any more.
    Dead,
}

impl App {
    /// When it goes on by itself; `None`: it waits for something else than time.
    pub(super) fn until(mut self) -> Option<SimTime> {
        self.until_mut().copied()
    }

    /// The same, to put it off.
    pub(super) fn until_mut(&mut self) -> Option<&mut SimTime> {
        match self {
            Self::Starting { until }
            | Self::Working { until }
            | Self::Stalled { until }
            | Self::Callback { until, .. }
            | Self::Assigning { until }
            | Self::Exiting { until } => Some(until),
            Self::Polling
            | Self::CallbackCommit { .. }
            | Self::Committing { .. }
            | Self::Closing
            | Self::Dead => None,
        }
    }
}

/// What waits for the return of `poll()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    /// `close()`
    Close,
    /// All threads stop for ever.
    Crash,
    /// The loop stands still until this instant.
    Stall { until: SimTime },
}

/// See the module.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) member: Membership,
    pub(super) fetcher: Fetcher,
    /// State that it restores.
    pub(super) restores: Restores,
    /// Between its threads, when it speaks the consumer protocol.
    pub(super) queues: Queues,
    /// Its own time: the last step or answer.
    pub(super) clock: SimTime,
    pub(super) app: App,
    /// When the `poll()` under way returns with nothing.
    pub(super) deadline: SimTime,
    /// What the leader's assignor gives when it has run, to be sent with SyncGroup.
    pub(super) assigned: Option<Vec<(MemberId, Partitions)>>,
    /// Every thread stands still until then.
    pub(super) frozen_until: SimTime,
    /// What it serves is not served for a while: it stands still, or is cut off.
    pub(super) interrupted: bool,
    /// The heartbeat thread last looked about itself then, or would have if the application had let it.
    pub(super) heartbeat_pass: SimTime,
    /// The application thread waits for the network since then, with the network client locked.
    pub(super) waiting_since: SimTime,
    /// The heartbeat thread was notified by `poll()` and sends then.
    pub(super) heartbeat_notice: SimTime,
    pub(super) inbox: Vec<Answer>,
    /// Room for what the member asks for, while nobody uses it.
    pub(super) effects: Vec<MemberEffect>,
    pub(super) pending: Vec<Pending>,
    pub(super) metadata: Metadata,
    pub(super) requests: Requests,
    pub(super) reconnects: Reconnects,
    pub(super) offset_fetches: OffsetFetches,
    /// The `poll()` under way when a steady group started had been called this long before; nothing once it is accounted for.
    pub(super) polled_before: SimDuration,
    pub(super) batch: Batch,
    pub(super) commits: OwnCommits,
    pub(super) closing: Option<Closing>,
    /// Somebody else may return records of one of its partitions.
    pub(super) contested: bool,
    /// Its memory is so short that what it fetches is weighed as it comes.
    pub(super) weighed: bool,
    pub(super) busy: Busy,
    /// In the fluid mode: it moves on evenly.
    pub(super) flow: Option<Box<Flow>>,
    /// Of its processing, in the fluid mode.
    pub(super) variation: Variation,
}

impl Client {
    /// A consumer whose process starts now.
    pub(super) fn new(
        member: Membership,
        metadata: Metadata,
        reconnects: Reconnects,
        now: SimTime,
        brokers: usize,
        construction: SimDuration,
    ) -> Self {
        Self {
            member,
            fetcher: Fetcher::new(brokers),
            restores: Restores::default(),
            queues: Queues::default(),
            clock: now,
            app: App::Starting {
                until: now + construction,
            },
            deadline: now,
            assigned: None,
            frozen_until: SimTime::ZERO,
            interrupted: false,
            heartbeat_pass: now,
            waiting_since: now,
            heartbeat_notice: SimTime::NEVER,
            inbox: Vec::new(),
            effects: Vec::new(),
            pending: Vec::new(),
            metadata,
            requests: Requests::default(),
            reconnects,
            offset_fetches: OffsetFetches::new(),
            polled_before: SimDuration::ZERO,
            batch: Batch::default(),
            commits: OwnCommits::default(),
            closing: None,
            contested: false,
            weighed: false,
            busy: Busy::new(now),
            flow: None,
            variation: Variation::default(),
        }
    }

    /// True while the application thread is inside `poll()` or `close()` and handles answers as they come.
    pub(super) fn handles_answers(&self) -> bool {
        match self.app {
            App::Polling | App::Closing | App::Committing { .. } | App::CallbackCommit { .. } => {
                true
            }
            App::Starting { .. }
            | App::Working { .. }
            | App::Stalled { .. }
            | App::Callback { .. }
            | App::Assigning { .. }
            | App::Exiting { .. }
            | App::Dead => false,
        }
    }

    /// An answer arrives at the socket now.
    pub(super) fn on_answer(&mut self, answer: Answer, ground: &mut Ground<'_>) {
        self.inbox.push(answer);
        if self.frozen_until > ground.now {
            return;
        }
        if self.member.modern().is_some() {
            self.on_async_answers(ground);
        } else if self.handles_answers() {
            self.on_network(ground);
        } else if super::heartbeats::step(ground).is_zero() && self.heartbeat_thread_runs() {
            self.drain(ground);
        }
    }

    /// When the last freeze ended, or the one under way will.
    pub(super) fn thawed(&self) -> Option<SimTime> {
        (self.frozen_until > SimTime::ZERO).then_some(self.frozen_until)
    }

    /// The next instant at which one of the client's threads does something by itself.
    pub(super) fn next_step(&self, ground: &Ground<'_>) -> SimTime {
        let next = self.next_awake(ground).min(self.restores.next());
        let next = next.min(self.next_weighing(ground.now));
        next.max(self.frozen_until).max(self.clock)
    }

    fn next_awake(&self, ground: &Ground<'_>) -> SimTime {
        if self.member.modern().is_some() {
            return self.next_async(ground);
        }
        if !self.inbox.is_empty() && self.handles_answers() {
            return ground.now; // It stood still when they came.
        }
        let own = match self.app {
            App::Starting { until }
            | App::Working { until }
            | App::Stalled { until }
            | App::Callback { until, .. }
            | App::Assigning { until }
            | App::Exiting { until } => until,
            App::Polling => return self.next_in_poll(ground),
            App::CallbackCommit { .. } | App::Committing { .. } => {
                self.member.commit_due().min(self.requests.first_timeout())
            }
            App::Closing => self
                .closes_until()
                .min(self.member.commit_due())
                .min(self.requests.first_timeout()),
            App::Dead => return SimTime::NEVER,
        };
        let mut next = own
            .min(self.fetcher.next_serving())
            .min(self.heartbeat_notice);
        if self.heartbeat_thread_runs() && self.heartbeat_notice == SimTime::NEVER {
            let due = self.member.pass_due().min(self.requests.first_timeout());
            let due = due.min(self.metadata.next());
            if due < next {
                next = next.min(self.heartbeat_pass_from(due, ground));
            }
            if !self.inbox.is_empty() {
                let later = ground.now + SimDuration::from_micros(1);
                next = next.min(self.heartbeat_pass_from(later, ground));
            }
        }
        next.max(ground.now)
    }

    fn next_in_poll(&self, ground: &Ground<'_>) -> SimTime {
        let heartbeat = match self.heartbeat_notice {
            SimTime::NEVER => self.member.heartbeat_due() + ground.calibration.poll_wakeup,
            notice => notice,
        };
        let arrival = self
            .fetcher
            .next_arrival_in_poll(self.member.knows_coordinator());
        let join = if self.joins_behind_metadata(ground) {
            SimTime::NEVER
        } else {
            self.member.poll_due()
        };
        self.deadline
            .min(arrival)
            .min(self.fetcher.next_serving())
            .min(heartbeat)
            .min(join)
            .min(self.next_offset_retry(ground.now))
            .min(self.metadata.next())
            .min(self.next_timeout_in_poll(ground))
            .max(ground.now)
    }

    /// True while nothing but records moves, by itself and unseen.
    pub(super) fn is_steady(&self, ground: &Ground<'_>) -> bool {
        matches!(self.app, App::Polling | App::Working { .. })
            && self.inbox.is_empty()
            && !self.requests.has_unsent()
            && self.queues.is_idle()
            && self.pending.is_empty()
            && self.fetcher.is_settled()
            && self.member.knows_coordinator()
            && !self.metadata.is_awaited()
            && !self.metadata.is_unseen()
            && matches!(ground.spec.commit, CommitMode::Auto | CommitMode::None)
            && !self.contested
            && !self.weighed
            && !self.batch.is_last
            && self.restores.next() == SimTime::NEVER
            && !self.may_meet_poison(ground)
            && !ground.harness
            && !ground.observe_polls
            && !ground.step_by_step
    }

    /// No instant before this one can show anything of the client to others, unless an answer or an action comes in between.
    pub(super) fn next_control(&self, ground: &Ground<'_>) -> SimTime {
        let next = self.next_step(ground);
        if !self.is_steady(ground) {
            return next;
        }
        let mut poll = self.member.poll_due();
        if let App::Working { until } = self.app {
            poll = poll.max(until);
        }
        poll.min(self.next_heartbeat(ground))
            .min(self.member.poll_deadline())
            .min(self.next_failure())
            .min(self.metadata.next())
            .max(next)
    }

    /// Takes its own steps before `until`, or up to and including it, as long as nobody else is concerned; true when somebody is.
    pub(super) fn walk(
        &mut self,
        until: SimTime,
        inclusive: bool,
        ground: &mut Ground<'_>,
    ) -> bool {
        if self.flow.is_some() {
            self.end_flow(until, ground);
        }
        loop {
            if self.app == App::Polling {
                self.play_cycles(until, ground);
            }
            let next = self.next_step(ground);
            if next > until || (next == until && !inclusive) {
                return false;
            }
            self.clock = next;
            ground.now = next;
            ground.standstill.step(next);
            self.step(ground);
            if !ground.out.is_empty() || ground.standstill.reached().is_some() {
                return true;
            }
        }
    }

    /// Does what is due now.
    pub(super) fn step(&mut self, ground: &mut Ground<'_>) {
        if self.weigh(ground) {
            return; // Whatever else is due now comes next.
        }
        self.begin_serving(ground);
        self.end_restores(ground);
        if self.member.modern().is_some() {
            return self.async_step(ground);
        }
        if self.heartbeat_notice <= ground.now {
            self.send_heartbeat(ground);
        }
        let overdue = self.requests.first_timeout() <= ground.now;
        if (overdue || !self.inbox.is_empty()) && self.handles_answers() {
            return self.on_network(ground);
        }
        if self.go_on(ground) {
            return;
        }
        match self.app {
            App::Closing if self.closes_until() <= ground.now => self.close_in_time(ground),
            App::Committing { .. } | App::CallbackCommit { .. } | App::Closing
                if self.member.commit_due() <= ground.now =>
            {
                self.on_commit_due(ground);
            }
            App::Polling => self.on_network(ground),
            App::Starting { .. }
            | App::Working { .. }
            | App::Stalled { .. }
            | App::Callback { .. }
            | App::Assigning { .. }
            | App::Committing { .. }
            | App::CallbackCommit { .. }
            | App::Closing
            | App::Exiting { .. } => self.heartbeat_thread(ground),
            App::Dead => {}
        }
    }

    /// The application goes on if its time has come; true when it does.
    pub(super) fn go_on(&mut self, ground: &mut Ground<'_>) -> bool {
        let goes_on = self.app.until().is_some_and(|until| until <= ground.now);
        if !goes_on {
            return false;
        }
        match self.app {
            App::Starting { .. } => self.poll(ground),
            App::Working { .. } => self.after_work(ground),
            App::Stalled { .. } => self.end_stall(ground),
            App::Callback { kind, .. } => self.after_callback_work(kind, ground),
            App::Assigning { .. } => self.end_assigning(ground),
            App::Exiting { .. } => self.exit(ground),
            App::Polling
            | App::CallbackCommit { .. }
            | App::Committing { .. }
            | App::Closing
            | App::Dead => {}
        }
        true
    }

    /// The leader's assignor returns, and with it the monitor is free: SyncGroup is sent, and the heartbeat thread, which waited, looks about itself.
    fn end_assigning(&mut self, ground: &mut Ground<'_>) {
        self.app = App::Polling;
        self.drain(ground);
        if let Some(assignments) = self.assigned.take() {
            self.tell(ground, |member, _, _, out| {
                member.on_assigned_by_leader(assignments, out);
            });
        }
        self.heartbeat_thread(ground);
        if !self.heed_wakeup(ground) {
            self.turn(ground);
        }
    }

    pub(super) fn release_all(&mut self, why: ReleaseReason, ground: &mut Ground<'_>) {
        ground.released(self.fetcher.slots.iter(), why);
        for slot in &mut self.fetcher.slots {
            self.restores.stop(slot.partition, ground.now);
            slot.suspended = true;
            slot.serving = false;
        }
        self.fetcher.unsettle();
    }

    pub(super) fn begin_serving(&mut self, ground: &mut Ground<'_>) {
        self.fetcher.begin_serving(!self.interrupted, ground);
    }
}
