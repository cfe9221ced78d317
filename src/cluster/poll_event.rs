//! What the two threads of the consumer protocol's client share: the queue of what the application is asked to do, the event that its `poll()` handed over
//! (`AsyncKafkaConsumer.inflightPoll`), and how long it may wait before it looks again (`ConsumerNetworkThread.cachedMaximumTimeToWait`).
//!
//! Nothing here calls the application or the network. The background thread goes round: it takes up events and answers, sends, and sleeps until one
//! of them or a timer wakes it. Only at the end of a round it tells the application how long it may wait, as it was when that round began: so
//! what a `poll()` reads is as old as the round before the last. Two events of the application do not overlap: `poll()` hands over a new one only when the last
//! is done and its records are taken from the buffer, or when its time is over.

use std::collections::VecDeque;

use super::client::Client;
use super::fetch::Fetcher;
use super::ground::Ground;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::{CLIENT_TICK, ConsumerConfig};
use crate::timeline::{CallbackKind, Partitions};

/// `ConsumerNetworkThread.MAX_POLL_TIMEOUT_MS`: the background thread sleeps no longer.
const LONGEST_SLEEP: SimDuration = SimDuration::from_secs(5);

/// What the background thread asks of the application (`BackgroundEvent`).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// To run a callback.
    Callback(CallbackKind, Partitions),
    /// To throw.
    Throw(&'static str),
}

/// An event of `poll()` (`AsyncPollEvent`).
#[derive(Clone, Copy, Debug)]
struct PollEvent {
    handed_over: SimTime,
    /// When the `poll()` that handed it over is over.
    deadline: SimTime,
    /// Positions are known and fetches sent since then.
    done: Option<SimTime>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Asked of the application and not done yet, oldest first.
    asked: VecDeque<Asked>,
    /// How many of them the pass under way takes up.
    pub(super) taken: usize,
    /// Fetches are sent when the positions that were asked for are known.
    pub(super) fetches_wait: bool,
    /// The application waits for that, too (up to 4.1).
    pub(super) application_waits: bool,
    /// The background thread takes up the last event of the application until then.
    pub(super) taken_up_until: SimTime,
    event: Option<PollEvent>,
    /// When the application last read the clock for the time that is left of its `poll()`.
    pub(super) timer_read: SimTime,
    /// The application waits inside `poll()` no longer than until then.
    pub(super) waits_until: SimTime,
    /// The round of the background thread that is under way began then.
    round_began: SimTime,
    /// What it said last of how long the application may wait; nothing before its first round.
    longest_wait: SimDuration,
    /// What the application read of that in the pass under way, if the event of that pass was not taken up yet.
    read: SimDuration,
}

impl Queues {
    pub(super) fn ask(&mut self, asked: Asked) {
        self.asked.push_back(asked);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && !self.fetches_wait
    }

    /// The pass under way takes up what is asked by now.
    pub(super) fn take_what_is_asked(&mut self) {
        self.taken = self.asked.len();
    }

    /// The next of what the pass takes up.
    pub(super) fn next_asked(&mut self) -> Option<Asked> {
        self.taken = self.taken.checked_sub(1)?;
        self.asked.pop_front()
    }

    pub(super) fn has_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// No event is on its way, or waits to be seen to be done.
    pub(super) fn has_no_event(&self) -> bool {
        self.event.is_none()
    }

    /// The positions are known and fetches sent.
    pub(super) fn event_is_done(&mut self, now: SimTime) {
        if let Some(event) = &mut self.event {
            event.done.get_or_insert(now);
        }
    }

    /// The background thread takes longer than the application to come round: an event is seen to be done by a later instant only.
    fn is_event_done(&self, now: SimTime) -> bool {
        let done = self.event.and_then(|event| event.done);
        done.is_some_and(|done| done < now)
    }

    /// `maybeClearPreviousInflightPoll`: an event that filled the buffer is kept until the records have been taken.
    fn forget_previous_event(&mut self, now: SimTime, buffer_is_empty: bool) {
        let is_over = |event: &PollEvent| event.deadline <= now;
        let forgotten = if self.is_event_done(now) {
            buffer_is_empty
        } else {
            self.event.as_ref().is_some_and(is_over)
        };
        if forgotten {
            self.event = None;
        }
    }

    /// `maybeClearCurrentInflightPoll`, when what was asked has been done.
    fn forget_current_event(&mut self, now: SimTime) {
        let expired = |event: &PollEvent| event.handed_over < now && event.deadline <= now;
        if self.is_event_done(now) || self.event.as_ref().is_some_and(expired) {
            self.event = None;
        }
    }
}

/// How long the application waits that was told how long it may. With nothing left it goes round without a pause, until the background thread has sent what is due: that is at
/// once.
fn pause(told: SimDuration, looks_again: bool, config: &ConsumerConfig) -> SimDuration {
    let longest = if told.is_zero() {
        SimDuration::MAX
    } else {
        told.max(CLIENT_TICK)
    };
    if looks_again {
        longest.min(config.retry_backoff.max(CLIENT_TICK))
    } else {
        longest
    }
}

impl Fetcher {
    /// How many brokers owe an answer to a fetch.
    pub(super) fn fetches_under_way(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_fetching()).count()
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.fetches_under_way() > 0
    }
}

impl Client {
    /// `checkInflightPoll` up to the callbacks: hands over an event unless there is one still.
    pub(super) fn hand_over_event(&mut self, first: bool, ground: &mut Ground<'_>) {
        let renews = ground.spec.config.async_client.renews_event_within_poll;
        let now = ground.now;
        if first || (renews && self.queues.is_event_done(now)) {
            let is_empty = !self.fetcher.has_queued();
            self.queues.forget_previous_event(now, is_empty);
        }
        self.queues.take_what_is_asked();
        if self.queues.event.is_some() {
            return;
        }
        self.queues.event = Some(PollEvent {
            handed_over: now,
            deadline: self.deadline,
            done: None,
        });
        self.queues.taken_up_until = now + ground.calibration.background_handoff;
        self.end_round(ground);
        self.queues.read = self.queues.longest_wait;
        self.on_poll_event(ground);
        self.update_positions(ground);
    }

    /// Everything asked has been done in this pass: how long the application waits for records now (`pollForFetches`).
    pub(super) fn begin_wait(&mut self, ground: &Ground<'_>) {
        let now = ground.now;
        let just_handed_over = |event: PollEvent| event.handed_over == now;
        let told = if self.queues.event.is_some_and(just_handed_over) {
            self.queues.read
        } else {
            self.queues.longest_wait
        };
        // It does not sleep on while there are positions to be found, and since 4.4 not while records may come either.
        let config = &ground.spec.config;
        let renews = config.async_client.renews_event_within_poll;
        let looks_again = self.fetcher.lacks_positions() || (renews && self.fetcher.may_fetch());
        let longest = pause(told, looks_again, config);
        self.queues.waits_until = self.deadline.min(now + longest);
    }

    /// The same up to 4.1, where the background thread has gone round for this pass before the application reads what it may wait. Without partitions it lacks none of their
    /// positions.
    pub(super) fn longest_pause(&self, ground: &Ground<'_>) -> SimDuration {
        let looks_again = !self.fetcher.slots.is_empty() && self.fetcher.lacks_positions();
        let config = &ground.spec.config;
        pause(self.queues.longest_wait, looks_again, config)
    }

    pub(super) fn forget_current_event(&mut self, now: SimTime) {
        self.queues.forget_current_event(now);
    }

    /// The background thread wakes, or has sent something: with that its round ends, and the next begins.
    pub(super) fn end_round(&mut self, ground: &Ground<'_>) {
        self.end_round_at(ground.now, ground);
    }

    /// The same when answers to fetches came at `at` and the application looks only now.
    pub(super) fn end_round_at(&mut self, at: SimTime, ground: &Ground<'_>) {
        self.queues.longest_wait = self.longest_wait(self.queues.round_began, ground);
        self.queues.round_began = at.max(self.queues.round_began);
    }

    /// The first round of the background thread at or after `at`, if nothing happens but that answers to fetches come.
    pub(super) fn round_from(&self, at: SimTime, wakes_late: SimDuration) -> SimTime {
        let mut last = self.queues.round_began;
        let mut next = SimTime::NEVER;
        for node in &self.fetcher.nodes {
            if node.answered < at {
                last = last.max(node.answered);
            } else {
                next = next.min(node.answered);
            }
        }
        let sleep = LONGEST_SLEEP + wakes_late;
        let sleeps = at.since(last).as_micros().div_ceil(sleep.as_micros());
        next.min(last + sleep.times(sleeps))
    }

    /// Records came now, all were returned, and fetches sent for the next: what was before has no part in how long the application waits from
    /// now on.
    pub(super) fn forget_rounds(&mut self, ground: &Ground<'_>) {
        self.queues.round_began = ground.now;
        self.queues.longest_wait = self.longest_wait(ground.now, ground);
    }

    /// The least of the request managers' `maximumTimeToWait` as of `since`.
    fn longest_wait(&self, since: SimTime, ground: &Ground<'_>) -> SimDuration {
        let config = &ground.spec.config;
        let member = self
            .member
            .modern()
            .map_or(SimDuration::MAX, |member| member.longest_wait(since));
        if config.async_client.renews_event_within_poll && !self.fetcher.is_fetching() {
            return member.min(config.retry_backoff);
        }
        member
    }
}
