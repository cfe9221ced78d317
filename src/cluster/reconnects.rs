//! Connections that are not built up again at once after they were closed, by whomever (`ClusterConnectionStates`): `reconnect.backoff.ms`, a fifth more or less, which
//! `reconnect.backoff.max.ms` caps. Whoever connects here succeeds, so that no wait is longer than the first.
//!
//! Who finds its coordinator meanwhile does not reach it. A classic client looks for it again, after `retry.backoff.ms` if the application waits for that
//! (`AbstractCoordinator.ensureCoordinatorReady`, `coordinatorUnknown`). The background thread of the other takes it for found, and fails what it has to send
//! (`NetworkClientDelegate.checkDisconnects`).

use super::world::World;
use crate::assignor::ConsumerId;
use crate::kernel::{Draw, SimTime, Stream};
use crate::protocol::backoff::Jitter;
use crate::protocol::config::ConsumerConfig;

/// See the module. Coordinators have connections of their own (`GroupCoordinatorNode`).
#[derive(Debug, Default)]
pub(super) struct Reconnects {
    /// The broker that the client takes for its coordinator, or took last.
    coordinator: Option<u32>,
    /// Brokers to which the connection was closed, and until when it stays so.
    closed: Vec<(u32, SimTime)>,
    /// A broker has been asked for the coordinator, so that it knows brokers beyond `bootstrap.servers`.
    bootstrapped: bool,
    jitter: Jitter,
}

impl Reconnects {
    /// A client that has no connection yet.
    pub(super) fn new(jitter: Jitter) -> Self {
        Self {
            jitter,
            ..Self::default()
        }
    }

    /// It looks for its coordinator; true when that is the first that it asks of a broker.
    pub(super) fn bootstrap(&mut self) -> bool {
        !std::mem::replace(&mut self.bootstrapped, true)
    }

    /// Its coordinator is there.
    pub(super) fn find(&mut self, broker: u32) {
        self.coordinator = Some(broker);
        self.bootstrapped = true;
    }

    /// The connection to the coordinator was closed.
    pub(super) fn close(&mut self, now: SimTime, config: &ConsumerConfig) {
        self.closed.retain(|&(_, until)| now < until);
        let Some(broker) = self.coordinator else {
            return;
        };
        let (first, most) = (config.reconnect_backoff, config.reconnect_backoff_max);
        let until = now + self.jitter.wait(first, most, 0);
        self.closed.retain(|&(closed, _)| closed != broker);
        self.closed.push((broker, until));
    }

    /// There is a connection to the coordinator, or may be one at once.
    pub(super) fn reach(&self, now: SimTime) -> bool {
        let is_closed =
            |&(broker, until): &(u32, SimTime)| Some(broker) == self.coordinator && now < until;
        !self.closed.iter().any(is_closed)
    }
}

impl World<'_> {
    /// Chance in the waits of the life of a process that begins, a stream of its own for each `purpose`.
    pub(super) fn jitter(&self, consumer: ConsumerId, purpose: &str) -> Jitter {
        if !self.options.calibration.backoff_jitter {
            return Jitter::default();
        }
        let process = &self.processes[consumer.index()];
        let life = format!("{}#{}", process.name, process.incarnation);
        Jitter::drawn(Draw::new(self.seed, Stream::new(&life, purpose)))
    }
}
