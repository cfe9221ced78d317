//! Requests of a client that are not answered yet, and what becomes of those that take too long (`InFlightRequests`,
//! `NetworkClient.handleTimedOutRequests`, `AbstractCoordinator.CoordinatorResponseHandler.onFailure`, `NetworkClientDelegate`).
//!
//! Nobody is told that the time of a request is over: whoever looks at the network next sees it, the application inside `poll()` or the heartbeat thread, or the background thread
//! with its next round. While the application of a classic client works off a batch and that thread rests, as from JoinGroup to its answer, nobody looks. With one request its whole connection is given up, with all that
//! was on its way; the coordinator is to be looked for anew. Fetches have their own deadline (`fetch`); what else is asked of leaders has none here.

use std::collections::VecDeque;

use super::client::Client;
use super::ground::{Ground, Output, Packet};
use super::world::World;
use crate::assignor::ConsumerId;
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::{CLIENT_TICK, ConsumerConfig};
use crate::protocol::message::{Request, RequestToken};

/// `AbstractCoordinator.JOIN_GROUP_TIMEOUT_LAPSE`
const JOIN_GROUP_TIMEOUT_LAPSE: SimDuration = SimDuration::from_secs(5);

/// `ConsumerNetworkClient.MAX_POLL_TIMEOUT_MS`
const LONGEST_WAIT: SimDuration = SimDuration::from_secs(5);

/// A request on its way.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    token: RequestToken,
    /// Its time is over then.
    until: SimTime,
    /// FindCoordinator, which goes to any broker.
    is_lookup: bool,
}

/// Requests on their way that were not answered yet, by when their time is over.
#[derive(Debug, Default)]
pub(super) struct Requests {
    awaited: VecDeque<Awaited>,
    /// One could not even be sent, for want of a connection.
    unsent: bool,
}

impl Requests {
    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty()
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.unsent
    }

    /// The coordinator owes an answer.
    pub(super) fn await_coordinator(&self) -> bool {
        self.awaited.iter().any(|awaited| !awaited.is_lookup)
    }

    fn add(&mut self, added: Awaited) {
        let place = self
            .awaited
            .partition_point(|awaited| awaited.until <= added.until);
        self.awaited.insert(place, added);
    }

    /// True when the answer to `token` is still awaited; connections that break come unasked.
    pub(super) fn expect(&mut self, token: Option<RequestToken>) -> bool {
        let Some(token) = token else {
            return true;
        };
        let mut awaited = self.awaited.iter();
        let place = awaited.position(|awaited| awaited.token == token);
        place.is_some_and(|place| self.awaited.remove(place).is_some())
    }

    /// When the time of the first of them is over.
    pub(super) fn first_timeout(&self) -> SimTime {
        let first = self.awaited.front();
        first.map_or(SimTime::NEVER, |awaited| awaited.until)
    }
}

/// How long an answer to `packet` is waited for.
fn timeout_of(packet: &Packet, config: &ConsumerConfig) -> SimDuration {
    match packet {
        // It may be parked for as long as the join phase takes (`sendJoinGroupRequest`).
        Packet::Group(Request::JoinGroup(_)) => {
            let phase = config.max_poll_interval + JOIN_GROUP_TIMEOUT_LAPSE;
            phase.max(config.request_timeout)
        }
        Packet::Group(
            Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::ConsumerGroupHeartbeat(_),
        )
        | Packet::Commit(..)
        | Packet::OffsetFetch(_)
        | Packet::FindCoordinator => config.request_timeout,
    }
}

impl Client {
    /// Sends, `extra` later than at once, and waits for the answer.
    pub(super) fn request(&mut self, packet: Packet, extra: SimDuration, ground: &mut Ground<'_>) {
        let timeout = timeout_of(&packet, &ground.spec.config);
        let is_lookup = matches!(packet, Packet::FindCoordinator);
        if !is_lookup && self.member.modern().is_some() && !self.reconnects.reach(ground.now) {
            self.requests.unsent = true;
            return;
        }
        let free_at = if is_lookup {
            self.fetcher.lookup_free_at(ground)
        } else {
            ground.now
        };
        let token = ground.send(packet, extra, free_at);
        self.requests.add(Awaited {
            token,
            // More whole milliseconds than the timeout have to be over (`InFlightRequests.hasExpiredRequest`).
            until: ground.now + timeout + CLIENT_TICK,
            is_lookup,
        });
    }

    /// When the application, which waits for the network, sees that the time of a request is over. It does not wait longer at a time than for a heartbeat
    /// (`ConsumerNetworkClient.maxPollTimeoutMs`).
    pub(super) fn next_timeout_in_poll(&self, ground: &Ground<'_>) -> SimTime {
        let first = self.requests.first_timeout();
        let wait = ground.spec.config.heartbeat_interval.min(LONGEST_WAIT);
        if first == SimTime::NEVER || wait.is_zero() {
            return first;
        }
        let waits = first.since(self.waiting_since).as_micros();
        self.waiting_since + wait.times(waits.div_ceil(wait.as_micros()))
    }

    /// When the background thread sees it.
    pub(super) fn next_timeout_in_background(&self, ground: &Ground<'_>) -> SimTime {
        let first = self.requests.first_timeout();
        if first == SimTime::NEVER {
            return first;
        }
        let asynchronous = ground.spec.config.async_client.polls_asynchronously;
        let wakes_late = ground.calibration.background_wakeup(asynchronous);
        let restless = self.member.modern().map(|member| member.restless_from());
        let restless = restless.unwrap_or(SimTime::NEVER).max(first);
        self.round_from(first, wakes_late).min(restless)
    }

    /// What the background thread had to send it could not (`checkDisconnects`); nothing else was on its way.
    pub(super) fn fail_unsent(&mut self, ground: &mut Ground<'_>) {
        if std::mem::take(&mut self.requests.unsent) {
            let mut effects = std::mem::take(&mut self.effects);
            self.member
                .on_disconnected(ground.now, &self.fetcher, &mut effects);
            self.lose_offset_fetch(ground.now);
            self.apply(effects, ground);
        }
    }

    /// Whoever looks at the network sees whose time is over.
    pub(super) fn time_out(&mut self, ground: &mut Ground<'_>) {
        let now = ground.now;
        if now < self.requests.first_timeout() {
            return;
        }
        let overdue = |awaited: &Awaited| awaited.until <= now;
        let is_lookup = |awaited: &Awaited| awaited.is_lookup && overdue(awaited);
        let mut effects = std::mem::take(&mut self.effects);
        if self.requests.awaited.iter().any(is_lookup) {
            self.requests.awaited.retain(|awaited| !is_lookup(awaited));
            self.member
                .on_coordinator(now, false, &self.fetcher, &mut effects);
        }
        if self.requests.awaited.iter().any(overdue) {
            self.member
                .on_disconnected(now, &self.fetcher, &mut effects);
            self.hang_up(ground);
        }
        self.doubt_metadata(ground);
        self.apply(effects, ground);
    }

    /// The connection to the coordinator is closed, by whomever: what was on its way is lost. The membership knows.
    pub(super) fn hang_up(&mut self, ground: &mut Ground<'_>) {
        self.requests.awaited.retain(|awaited| awaited.is_lookup);
        self.reconnects.close(ground.now, &ground.spec.config);
        self.lose_offset_fetch(ground.now);
        let sent = RequestToken(*ground.tokens);
        ground.out.push(Output::HungUp(sent));
    }

    /// No request or session fails before this instant.
    pub(super) fn next_failure(&self) -> SimTime {
        let session = self.member.session_deadline();
        session.min(self.requests.first_timeout())
    }
}

impl World<'_> {
    /// The client has closed its connection to the coordinator, on which it had sent what has tokens up to `sent`. The broker forgets what waits there; what it serves it goes on with, and
    /// its answer goes nowhere.
    pub(super) fn on_hung_up(&mut self, consumer: ConsumerId, sent: RequestToken) {
        let connection = &mut self.processes[consumer.index()].connection;
        connection.serving = None;
        connection.queue.clear();
        connection.lost = sent;
    }
}
