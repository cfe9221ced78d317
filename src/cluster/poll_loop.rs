//! The loop around `poll()`: what one turn inside it does, what it returns, and what the application does with it.

use super::client::{App, Client, Pending};
use super::ground::{Ground, Output};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::SubscribedBy;
use crate::protocol::effect::MemberEffect;
use crate::protocol::rules::Rule;
use crate::scenario::plan::CommitMode;
use crate::timeline::Observation;

impl Client {
    /// `poll()` is called. What the heartbeat thread took from the network meanwhile is at hand; all else is still at the socket.
    pub(super) fn poll(&mut self, ground: &mut Ground<'_>) {
        let before = std::mem::take(&mut self.polled_before);
        self.deadline = ground.now + (ground.spec.processing.poll_timeout - before);
        self.app = App::Polling;
        self.member.on_call();
        self.begin_asking_offsets();
        if self.member.modern().is_some() {
            return self.pass(true, ground);
        }
        if self.fetcher.next_arrival() <= ground.now
            && let Some(pass) = self.heartbeat_pass_until(ground.now, ground)
        {
            self.fetcher.receive(pass);
        }
        self.turn(ground);
    }

    /// The application thread is back from the network (`ConsumerNetworkClient.poll`): answers are handled; records that came are
    /// returned before anything else is done, and if there are none the loop goes on while there is time (`ClassicKafkaConsumer.poll`).
    pub(super) fn on_network(&mut self, ground: &mut Ground<'_>) {
        self.heartbeat_pass_after_network(ground);
        let looks_for_coordinator = !self.member.knows_coordinator();
        let awaited_metadata = self.metadata_answer.is_some() && self.refreshes_before_join(ground);
        let held = self.asks_offsets_again();
        self.handle_network(ground);
        if self.app != App::Polling {
            let commits = self.member.commit_due() < SimTime::NEVER;
            if looks_for_coordinator && commits && self.member.knows_coordinator() {
                self.let_heartbeat_thread_in(ground);
            }
            return;
        }
        if looks_for_coordinator || awaited_metadata || held {
            return self.turn(ground);
        }
        if self.return_buffered(ground) {
            return;
        }
        if self.deadline <= ground.now {
            self.begin_serving(ground);
            self.return_nothing(ground);
        } else {
            self.turn(ground);
        }
    }

    /// Everything at the socket is handled.
    fn handle_network(&mut self, ground: &mut Ground<'_>) {
        self.drain(ground);
        self.fetcher.receive(ground.now);
    }

    /// Turns of the loop inside `poll()`: membership, then records. Afterwards the application thread waits, or has returned, or is
    /// in a callback.
    pub(super) fn turn(&mut self, ground: &mut Ground<'_>) {
        while self.app == App::Polling {
            self.member.on_poll_started(ground.now);
            let due = self.member.heartbeat_due();
            let due = due.min(self.member.session_deadline());
            if due <= ground.now && self.heartbeat_notice == SimTime::NEVER {
                self.heartbeat_notice = ground.now + ground.calibration.heartbeat_thread_wakeup;
            }
            if self.heartbeat_notice <= ground.now {
                self.send_heartbeat(ground);
            }
            if self.awaits_metadata(ground) && ground.now < self.deadline {
                self.waiting_since = ground.now;
                return;
            }
            self.poll_coordinator(ground);
            if self.app != App::Polling {
                return;
            }
            let sleeps = !self.member.knows_coordinator() || self.holds_for_offsets(ground.now);
            if sleeps && ground.now < self.deadline {
                // `ensureCoordinatorReady(timer)` and the back-off of OffsetFetch use up the time of `poll()`; records at hand are returned afterwards.
                self.waiting_since = ground.now;
                return;
            }
            if !self.fetch_or_return(ground) {
                return;
            }
        }
    }

    /// `ConsumerCoordinator.poll`: looks at the network only when it has something to join or to send.
    fn poll_coordinator(&mut self, ground: &mut Ground<'_>) {
        let waits = ground.spec.config.rules.hold(Rule::AnswersWaitForNetwork);
        if !waits || self.member.is_rejoining() || !self.member.knows_coordinator() {
            self.handle_network(ground);
            if self.app != App::Polling {
                return;
            }
        }
        let mut effects = std::mem::take(&mut self.effects);
        let returns = self.fetcher.has_returnable() && self.member.knows_coordinator();
        if !returns {
            self.refresh_metadata(ground, &mut effects);
        } // Else the network client is asked only when the next fetch is on its way (`transmitSends`), and that goes first.
        self.member.on_poll(ground.now, &self.fetcher, &mut effects);
        let looks_at_network = !effects.is_empty();
        self.apply(effects, ground);
        if looks_at_network && self.app == App::Polling {
            self.handle_network(ground);
        }
    }

    /// A pattern is looked for in fresh metadata before every (re)join, so that new topics bring about one rebalance and not one for each member
    /// (`ConsumerCoordinator.poll`, KAFKA-5154).
    pub(super) fn refreshes_before_join(&self, ground: &Ground<'_>) -> bool {
        matches!(ground.spec.config.subscribed_by, SubscribedBy::Pattern)
            && self.member.is_rejoining()
            && self.member.knows_coordinator()
    }

    /// True while it waits for such metadata (`ensureFreshMetadata`). They are fresh for `retry.backoff.ms`.
    fn awaits_metadata(&mut self, ground: &mut Ground<'_>) -> bool {
        if !self.refreshes_before_join(ground) {
            return false;
        }
        match self.metadata_answer {
            Some(at) if at <= ground.now => {
                let mut effects = std::mem::take(&mut self.effects);
                self.refresh_metadata(ground, &mut effects);
                self.apply(effects, ground);
                false
            }
            Some(_) => true,
            None if self.metadata_at + ground.spec.config.retry_backoff <= ground.now => {
                self.metadata_due = ground.now;
                self.ask_metadata(ground);
                true
            }
            None => false,
        }
    }

    /// The look at the network takes metadata in that have come, or asks for them.
    pub(super) fn refresh_metadata(
        &mut self,
        ground: &mut Ground<'_>,
        effects: &mut Vec<MemberEffect>,
    ) {
        match self.metadata_answer {
            Some(at) if at <= ground.now => {
                self.metadata_answer = None;
                self.metadata_at = ground.now;
                // The age counts from when the answer has been taken in, a little after the `poll()` that found it began.
                self.metadata_due = ground.now
                    + ground.spec.config.metadata_max_age
                    + ground.calibration.request_service;
                let topology = ground.topology;
                self.learn(&[], topology);
                self.member
                    .on_metadata(&|topic| topology.partitions_of(topic), effects);
            }
            None => self.ask_metadata(ground),
            Some(_) => {}
        }
    }

    /// Asks for metadata that are due for a refresh.
    pub(super) fn ask_metadata(&mut self, ground: &mut Ground<'_>) {
        if self.metadata_answer.is_none() && self.metadata_due <= ground.now {
            self.metadata_answer = Some(self.fetcher.metadata_answer(ground));
        }
    }

    /// `updateFetchPositions` and `pollForFetches`; true when the network had something for another turn.
    fn fetch_or_return(&mut self, ground: &mut Ground<'_>) -> bool {
        if !self.fetcher.is_settled() {
            // `refreshCommittedOffsetsIfNeeded` asks the coordinator that is known, and nobody else.
            let asked = if self.member.knows_coordinator() && !self.holds_for_offsets(ground.now) {
                self.offsets_due = SimTime::NEVER;
                self.fetcher.ask_offsets()
            } else {
                Vec::new()
            };
            if !asked.is_empty() {
                let packet = self.offset_fetch(asked);
                self.request(packet, SimDuration::ZERO, ground);
            }
            if let Some(error) = self.fetcher.update_positions(ground) {
                ground.observe(Observation::ConsumerFailed {
                    consumer: ground.consumer,
                    error,
                });
                self.close(ground);
                return false;
            }
        }
        if self.return_buffered(ground) {
            return false;
        }
        self.fetcher.send_fetches(ground);
        self.begin_serving(ground);
        if !self.inbox.is_empty() || self.fetcher.next_arrival() <= ground.now {
            self.handle_network(ground);
            return self.app == App::Polling && !self.return_buffered(ground);
        }
        if self.deadline <= ground.now {
            self.return_nothing(ground);
        } else {
            self.waiting_since = ground.now;
        }
        false
    }

    pub(super) fn return_buffered(&mut self, ground: &mut Ground<'_>) -> bool {
        self.fetcher.has_buffered() && self.return_records(ground)
    }

    pub(super) fn return_nothing(&mut self, ground: &mut Ground<'_>) {
        self.app = App::Working {
            until: ground.now + ground.calibration.poll_turnaround,
        };
    }

    /// Returns records and starts their processing; false when there are none to return.
    fn return_records(&mut self, ground: &mut Ground<'_>) -> bool {
        let mut handed = std::mem::take(&mut self.handed);
        self.fetcher
            .collect(u64::from(ground.spec.config.max_poll_records), &mut handed);
        let any = !handed.is_empty();
        if any {
            self.polls += u64::from(ground.window.holds(ground.now));
            if self.member.modern().is_some() {
                self.end_round(ground);
                self.prefetch(ground);
            } else {
                self.fetcher.send_fetches(ground);
                self.ask_metadata(ground);
                self.begin_serving(ground);
            }
            if ground.harness || ground.observe_polls {
                self.observe_batch(&handed, ground);
            }
            self.process(&handed, ground);
        }
        self.handed = handed;
        any
    }

    fn observe_batch(&mut self, handed: &[(usize, u64, u64)], ground: &mut Ground<'_>) {
        let offsets = handed
            .iter()
            .map(|&(index, from, to)| (self.fetcher.slots[index].partition, from, to));
        ground.observe(Observation::Polled {
            consumer: ground.consumer,
            offsets: offsets.collect(),
        });
        if !ground.harness {
            return;
        }
        let mut first = Vec::new();
        for &(index, from, to) in handed {
            let slot = &mut self.fetcher.slots[index];
            if std::mem::take(&mut slot.fresh) {
                first.push((slot.partition, from, to - 1));
            }
        }
        if !first.is_empty() {
            ground.observe(Observation::FirstBatch {
                consumer: ground.consumer,
                offsets: first.into(),
            });
        }
    }

    fn process(&mut self, handed: &[(usize, u64, u64)], ground: &mut Ground<'_>) {
        if let CommitMode::BeforeProcessing(style) = ground.spec.commit {
            let waiting = App::Committing {
                before_processing: true,
            };
            self.held_back = handed.to_vec();
            if self.commit(style, waiting, ground) {
                return;
            }
            self.held_back.clear();
        }
        self.start_batch(handed, ground);
    }

    /// The batch is over, or the pause between two polls: commits of the application, then the next poll.
    pub(super) fn after_work(&mut self, ground: &mut Ground<'_>) {
        if self.doomed {
            self.app = App::Dead;
            return self.die(ground);
        }
        if std::mem::take(&mut self.stalled) {
            ground.observe(Observation::ConsumerResumed {
                consumer: ground.consumer,
            });
        }
        let style = match ground.spec.commit {
            CommitMode::AfterBatch(style) => Some(style),
            CommitMode::Every(_, style) => (self.next_commit <= ground.now).then_some(style),
            CommitMode::After { records, style, .. } => (self.uncommitted_records >= records
                || self.next_commit <= ground.now)
                .then_some(style),
            CommitMode::Auto | CommitMode::BeforeProcessing(_) | CommitMode::None => None,
        };
        let waiting = App::Committing {
            before_processing: false,
        };
        if let Some(style) = style.filter(|_| self.uncommitted_records > 0)
            && self.commit(style, waiting, ground)
        {
            return;
        }
        if !self.take_pending(ground) {
            self.poll(ground);
        }
    }

    /// Does what waited for the return of `poll()` and of the work after it; true when there was something.
    pub(super) fn take_pending(&mut self, ground: &mut Ground<'_>) -> bool {
        let Some(pending) = self.pending.pop() else {
            return false;
        };
        match pending {
            Pending::Close => self.close(ground),
            Pending::Crash => self.die(ground),
            Pending::Stall { until } => {
                ground.observe(Observation::ConsumerStalled {
                    consumer: ground.consumer,
                });
                self.stalled = true;
                self.app = App::Working {
                    until: until.max(ground.now),
                };
            }
        }
        true
    }

    /// The process dies with the end of its work. What ended at this very instant has ended.
    fn die(&mut self, ground: &mut Ground<'_>) {
        for (account, log) in ground.accounts.iter_mut().zip(ground.logs.iter_mut()) {
            account.settle(log, ground.now);
        }
        ground.out.push(Output::Crashed);
    }
}
