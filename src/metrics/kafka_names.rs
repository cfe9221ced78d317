//! Kafka's own metrics, computed as Kafka computes them: `ConsumerCoordinatorMetrics`, the sensors of `AbstractCoordinator`,
//! `ConsumerRebalanceMetricsManager` of the consumer protocol's client, and `GroupCoordinatorMetrics`.
//!
//! One difference: Kafka's averages, maxima and rates look back over two windows of `metrics.sample.window.ms`; here the window is the
//! whole measured time. And spans keep their microseconds where Kafka's clock has milliseconds.

use super::decimal::Decimal;
use super::delivery::{group_label, measured, window_us};
use super::told::Told;
use super::values::{Value, Values};
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::SimTime;
use crate::timeline::{
    CallbackKind, ClientState, GroupState, Observation, RebalanceReason, Timeline,
};

/// Number, sum and largest of some spans, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Spans {
    count: u64,
    sum: u64,
    max: u64,
}

impl Spans {
    fn add(&mut self, micros: u64) {
        self.count += 1;
        self.sum += micros;
        self.max = self.max.max(micros);
    }

    fn average(&self) -> Value {
        Value::or_no_data(Decimal::ratio(
            i128::from(self.sum),
            i128::from(self.count) * 1_000,
        ))
    }

    fn largest(&self) -> Value {
        Value::or_no_data((self.count > 0).then(|| Decimal::milliseconds(self.max)))
    }
}

/// What one member's client counts.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    /// First JoinGroup since the last success, or the last assignment that began to be applied (`lastRebalanceStartMs`).
    rebalancing_since: Option<SimTime>,
    /// A JoinGroup without outcome yet.
    attempting: bool,
    callback_since: Option<SimTime>,
    completed: u64,
    failed: u64,
}

/// The fold over one group.
#[derive(Debug, Default)]
struct Counters {
    rebalances: Spans,
    callbacks: [Spans; 3],
    completed: u64,
    bumps: u64,
}

/// Adds the values of one group, whose members held `assigned` partitions at the end of the window.
pub(super) fn values(timeline: &Told<'_>, group: GroupId, assigned: u64, values: &mut Values) {
    let mut clients = vec![Client::default(); timeline.cast.consumers.len()];
    let mut counters = Counters::default();
    for entry in &timeline.events {
        if entry.at <= timeline.measured.1 {
            counters.take(timeline, group, entry.at, &entry.observation, &mut clients);
        }
    }
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    let mut put = |base: &str, value: Value| values.put(base, &labels, value);
    put("rebalance-latency-avg", counters.rebalances.average());
    put("rebalance-latency-max", counters.rebalances.largest());
    let total = Decimal::milliseconds(counters.rebalances.sum);
    put("rebalance-latency-total", Value::Number(total));
    put("rebalance-total", Value::count(counters.rebalances.count));
    let most = clients
        .iter()
        .map(|client| client.completed)
        .max()
        .unwrap_or(0);
    let rate = Decimal::ratio(
        i128::from(most) * 3_600_000_000,
        i128::from(window_us(timeline)),
    );
    put("rebalance-rate-per-hour", Value::or_no_data(rate));
    let failed = clients.iter().map(|client| client.failed).sum();
    put("failed-rebalance-total", Value::count(failed));
    for (kind, spans) in CallbackKind::ALL.iter().zip(&counters.callbacks) {
        put(
            &format!("partition-{}-latency-avg", kind.word()),
            spans.average(),
        );
        put(
            &format!("partition-{}-latency-max", kind.word()),
            spans.largest(),
        );
    }
    put("assigned-partitions", Value::count(assigned));
    put(
        "group-completed-rebalance-count",
        Value::count(counters.completed),
    );
    put(
        "consumer-group-rebalance-count",
        Value::count(counters.bumps),
    );
}

impl Counters {
    fn take(
        &mut self,
        timeline: &Timeline,
        group: GroupId,
        at: SimTime,
        observation: &Observation,
        clients: &mut [Client],
    ) {
        let counts = measured(timeline, at);
        match observation {
            Observation::GroupState {
                group: which,
                from,
                to,
                ..
            } => {
                let accepted =
                    (*from, *to) == (GroupState::CompletingRebalance, GroupState::Stable);
                self.completed += u64::from(counts && *which == group && accepted);
            }
            Observation::ConsumerStarted { consumer } => {
                let client = &mut clients[consumer.index()];
                *client = Client {
                    completed: client.completed,
                    failed: client.failed,
                    ..Client::default()
                };
            }
            Observation::Joining { consumer } if in_group(timeline, *consumer, group) => {
                let client = &mut clients[consumer.index()];
                // The attempt before this one has failed, or this one would not be.
                client.failed += u64::from(client.attempting && counts);
                client.attempting = true;
                client.rebalancing_since.get_or_insert(at);
            }
            Observation::Synced { consumer, .. } if in_group(timeline, *consumer, group) => {
                let client = &mut clients[consumer.index()];
                client.attempting = false;
                if let Some(since) = client.rebalancing_since.take()
                    && counts
                {
                    client.completed += 1;
                    self.rebalances.add(at.since(since).as_micros());
                }
            }
            Observation::GroupEpoch {
                group: which,
                reason,
                ..
            } => {
                let in_heartbeat = is_bumped_in_heartbeat(*reason);
                self.bumps += u64::from(counts && *which == group && in_heartbeat);
            }
            Observation::ClientTransition {
                consumer, from, to, ..
            } if in_group(timeline, *consumer, group) => {
                self.transition(at, (*from, *to), counts, &mut clients[consumer.index()]);
            }
            Observation::CallbackStarted { consumer, .. } => {
                clients[consumer.index()].callback_since = Some(at);
            }
            Observation::CallbackEnded { consumer, kind }
                if in_group(timeline, *consumer, group) =>
            {
                let since = clients[consumer.index()].callback_since.take();
                if let Some(since) = since.filter(|_| counts) {
                    self.callbacks[*kind as usize].add(at.since(since).as_micros());
                }
            }
            _ => {}
        }
    }
}

impl Counters {
    /// `AbstractMembershipManager.transitionTo`: a rebalance is the time in `RECONCILING`; it has failed when the coordinator's answer throws
    /// the member out meanwhile.
    fn transition(
        &mut self,
        at: SimTime,
        (from, to): (ClientState, ClientState),
        counts: bool,
        client: &mut Client,
    ) {
        match to {
            ClientState::Reconciling if from != ClientState::Reconciling => {
                client.rebalancing_since = Some(at);
            }
            ClientState::Stable | ClientState::Acknowledging
                if from == ClientState::Reconciling =>
            {
                if let Some(since) = client.rebalancing_since.take()
                    && counts
                {
                    client.completed += 1;
                    self.rebalances.add(at.since(since).as_micros());
                }
            }
            ClientState::Fenced | ClientState::Fatal => {
                client.failed += u64::from(client.rebalancing_since.is_some() && counts);
            }
            ClientState::Unsubscribed
            | ClientState::Joining
            | ClientState::Reconciling
            | ClientState::Acknowledging
            | ClientState::Stable
            | ClientState::PrepareLeaving
            | ClientState::Leaving
            | ClientState::Stale => {}
        }
    }
}

/// The sensor `ConsumerGroupRebalances` records the bumps that a heartbeat (or the JoinGroup of a classic member) brings about, not those of
/// members that leave or are thrown out.
const fn is_bumped_in_heartbeat(reason: RebalanceReason) -> bool {
    match reason {
        RebalanceReason::Join
        | RebalanceReason::MetadataChange
        | RebalanceReason::SubscriptionChange
        | RebalanceReason::StaticReplacement
        | RebalanceReason::FollowUp
        | RebalanceReason::Rejoin => true,
        RebalanceReason::Leave
        | RebalanceReason::SessionExpired
        | RebalanceReason::PollTimeout
        | RebalanceReason::RebalanceTimeout => false,
    }
}

fn in_group(timeline: &Timeline, consumer: ConsumerId, group: GroupId) -> bool {
    timeline.cast.consumers[consumer.index()].group == group
}
