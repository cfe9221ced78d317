//! The loop around `poll()`: what one turn inside it does, what it returns, and what the application does with it.

use super::client::{App, Client, Pending};
use super::ground::{Ground, Output};
use crate::kernel::SimTime;
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
        if self.thawed() == Some(ground.now) {
            // What the heartbeat thread waited for is over with the freeze, and nothing keeps it from the network.
            self.heartbeat_thread(ground);
        }
        self.heartbeat_pass_after_network(ground);
        let looks_for_coordinator = !self.member.knows_coordinator();
        let awaited_metadata = self.joins_behind_metadata(ground);
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
            if self.sleeps(ground) && ground.now < self.deadline {
                self.waiting_since = ground.now;
                return;
            }
            if !self.fetch_or_return(ground) {
                return;
            }
        }
    }

    /// `ensureCoordinatorReady(timer)` and the back-off of OffsetFetch use up the time of `poll()`; records at hand are returned afterwards.
    fn sleeps(&self, ground: &Ground<'_>) -> bool {
        !self.member.knows_coordinator() || self.holds_for_offsets(ground.now)
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
        let returns = self.fetcher.has_returnable() && !self.sleeps(ground);
        if !returns {
            self.refresh_metadata(ground);
        } // Else the network client is asked only when the next fetch is on its way (`transmitSends`), and that goes first.
        self.look_at_metadata(&mut effects);
        self.member.on_poll(ground.now, &self.fetcher, &mut effects);
        let looks_at_network = !effects.is_empty();
        self.apply(effects, ground);
        if looks_at_network && self.app == App::Polling {
            self.handle_network(ground);
        }
    }

    /// `updateFetchPositions` and `pollForFetches`; true when the network had something for another turn.
    fn fetch_or_return(&mut self, ground: &mut Ground<'_>) -> bool {
        if !self.fetcher.is_settled() {
            self.ask_offsets(ground);
            if let Some(error) = self.fetcher.update_positions(ground) {
                self.throw(error, ground);
                return false;
            }
            self.fetcher.validate_after_resets(ground);
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
        let mut handed = std::mem::take(&mut self.batch.room);
        self.fetcher
            .collect(u64::from(ground.spec.config.max_poll_records), &mut handed);
        let any = !handed.is_empty();
        if any {
            let is_measured = ground.window.holds(ground.now);
            self.busy.add_polls(u64::from(is_measured));
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
        self.batch.room = handed;
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
            self.batch.held_back = handed.to_vec();
            if self.commit(style, waiting, ground) {
                return;
            }
            self.batch.held_back.clear();
        }
        self.start_batch(handed, ground);
    }

    /// The batch is over, or the pause between two polls: commits of the application, then the next poll.
    pub(super) fn after_work(&mut self, ground: &mut Ground<'_>) {
        if self.batch.is_last {
            self.app = App::Dead;
            return self.die(ground);
        }
        let waiting = App::Committing {
            before_processing: false,
        };
        if let Some(style) = self.commits.due(ground.spec.commit, ground.now)
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
                self.app = App::Stalled {
                    until: until.max(ground.now),
                };
            }
        }
        true
    }

    /// The loop goes on where it stood still.
    pub(super) fn end_stall(&mut self, ground: &mut Ground<'_>) {
        ground.observe(Observation::ConsumerResumed {
            consumer: ground.consumer,
        });
        self.after_work(ground);
    }

    /// The process dies with the end of its work. What ended at this very instant has ended.
    fn die(&mut self, ground: &mut Ground<'_>) {
        for (account, log) in ground.accounts.iter_mut().zip(ground.logs.iter_mut()) {
            account.settle(log, ground.now);
        }
        ground.out.push(Output::Crashed);
    }
}
