//! Where the coordinator of a group lives, and what a broker answers that does not have it, or has not loaded it yet.
//!
//! The leader of the group's partition of `__consumer_offsets` coordinates it. Clients are told of that leader as soon as there is one, loaded or not
//! (`KafkaApis.getCoordinator`); while it loads, everything is answered COORDINATOR_LOAD_IN_PROGRESS but a Heartbeat of the classic protocol, whose answer is NONE
//! (`CoordinatorRuntime.withActiveContextOrThrow`, `GroupCoordinatorService.heartbeat`). Any other broker says NOT_COORDINATOR, and one that is down nothing: there is no
//! connection to it. What the machine does with what it is
//! served is not known here.

use super::answers::Answer;
use super::ground::Packet;
use super::script::Step;
use super::world::{Class, Event, World};
use crate::assignor::{ConsumerId, GroupId};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::message::{
    ConsumerGroupHeartbeatResponse, ErrorCode, JoinGroupResponse, Request, Response,
};
use crate::scenario::plan::Verb;
use crate::timeline::Observation;

/// `offsets.topic.num.partitions`
const PARTITIONS: i32 = 50;
/// `offsets.topic.replication.factor`
const REPLICAS: u32 = 3;

/// The group's partition of `__consumer_offsets`: `Utils.abs(groupId.hashCode()) % 50` (`GroupCoordinatorService.partitionFor`). Java's smallest integer has no absolute
/// value, so Kafka takes 0 for it.
fn partition_of(group: &str) -> u32 {
    let hash = crate::assignor::java::string_hash(group);
    let partition = hash.checked_abs().unwrap_or(0) % PARTITIONS;
    u32::try_from(partition).unwrap_or_default()
}

/// The broker that coordinates a group among `brokers` until something moves it: the first replica of the group's partition of `__consumer_offsets`, which is broker
/// (partition mod count).
#[must_use]
pub fn coordinator_of(group: &str, brokers: u32) -> u32 {
    partition_of(group) % brokers.max(1)
}

/// How far the broker is that leads the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has loaded the group (`CoordinatorState.ACTIVE`).
    Active,
    /// It reads the log (`CoordinatorState.LOADING`).
    Loading,
    /// No broker leads the partition.
    Leaderless,
}

/// Where a group's coordinator lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosting {
    /// The preferred replica; the others are the brokers behind it.
    home: u32,
    /// Who leads the partition, or led it last.
    broker: u32,
    state: State,
    /// Counts what befell it: a load that something else has overtaken ends nothing.
    changes: u32,
}

impl Hosting {
    /// The coordinator of `group` is at home.
    pub(super) fn new(group: &str, brokers: u32) -> Self {
        let home = coordinator_of(group, brokers);
        Self {
            home,
            broker: home,
            state: State::Active,
            changes: 0,
        }
    }

    /// There is a coordinator, and it has loaded the group.
    pub(super) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// What FindCoordinator is answered: the leader, whatever it is doing.
    pub(super) fn leader(&self) -> Option<u32> {
        (self.state != State::Leaderless).then_some(self.broker)
    }

    /// `broker` is gone, and the partition with it: whoever takes it for the coordinator does not reach it. The others are there, and say that they are not.
    pub(super) fn is_gone(&self, broker: u32) -> bool {
        self.state == State::Leaderless && self.broker == broker
    }

    /// What `broker` says to a request; `None`: it serves it.
    pub(super) fn refusal(&self, broker: u32) -> Option<ErrorCode> {
        match self.state {
            State::Active | State::Loading if broker != self.broker => {
                Some(ErrorCode::NotCoordinator)
            }
            State::Active => None,
            State::Loading => Some(ErrorCode::CoordinatorLoadInProgress),
            State::Leaderless => Some(ErrorCode::NotCoordinator),
        }
    }
}

/// The answer to a request that is refused.
pub(super) fn refused(packet: &Packet, error: ErrorCode) -> Answer {
    match packet {
        Packet::Group(Request::JoinGroup(request)) => {
            let member_id = request.member_id.clone();
            Answer::Group(Response::JoinGroup(JoinGroupResponse::refused(
                error, member_id,
            )))
        }
        Packet::Group(Request::SyncGroup(_)) => Answer::Group(Response::SyncGroup(Err(error))),
        Packet::Group(Request::Heartbeat(_)) => Answer::Group(Response::Heartbeat(match error {
            ErrorCode::CoordinatorLoadInProgress => ErrorCode::None,
            other => other,
        })),
        Packet::Group(Request::LeaveGroup(_)) => Answer::Group(Response::LeaveGroup(error)),
        Packet::Group(Request::OffsetCommit(_)) => Answer::Group(Response::OffsetCommit(error)),
        Packet::Group(Request::ConsumerGroupHeartbeat(request)) => Answer::Group(
            Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
                error,
                member_epoch: request.member_epoch,
                heartbeat_interval: SimDuration::ZERO,
                assignment: None,
            }),
        ),
        Packet::Commit(purpose, _) => Answer::Commit(*purpose, error),
        Packet::OffsetFetch(request) => Answer::OffsetsRefused(request.partitions.clone(), error),
        Packet::FindCoordinator => Answer::Coordinator(None),
    }
}

impl World<'_> {
    fn group_ids(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..u32::try_from(self.groups.len()).unwrap_or(u32::MAX)).map(GroupId)
    }

    /// `coordinator: restart` and `coordinator: move`.
    pub(super) fn disturb_coordinators(&mut self, unavailable: SimDuration, moved: bool) {
        for group in self.group_ids() {
            if moved {
                self.reassign_coordinator(group, unavailable);
            } else {
                self.lose_coordinator_of(group, unavailable);
            }
        }
    }

    /// The partition gets another preferred leader, which is elected: it stays there.
    fn reassign_coordinator(&mut self, group: GroupId, loads_for: SimDuration) {
        let hosting = &mut self.groups[group.index()].hosting;
        hosting.home = (hosting.broker + 1) % self.plan.brokers.count.max(1);
        let home = hosting.home;
        self.move_coordinator(group, home, loads_for);
    }

    /// Another broker is elected: clients find it at once, and it loads the group for a while. The one before sends everybody away, also those who wait.
    fn move_coordinator(&mut self, group: GroupId, to: u32, loads_for: SimDuration) {
        self.leave_active(group, State::Loading, Some(to));
        let host = &mut self.groups[group.index()];
        host.pending_appends.clear();
        host.last_append = self.calendar.now();
        for (token, packet) in std::mem::take(&mut host.waiting_reads) {
            self.answer(group, token, refused(&packet, ErrorCode::NotCoordinator));
        }
        self.with_coordinator(group, |host, now, out| {
            host.coordinator.on_unloaded(now, out)
        });
        self.come_back(group, loads_for);
    }

    /// The broker is gone, and no other replica can take over: its connections break, nobody is answered, nobody is found until it is back. What it takes to load
    /// the group then is part of `away`.
    fn lose_coordinator_of(&mut self, group: GroupId, away: SimDuration) {
        self.leave_active(group, State::Leaderless, None);
        let now = self.now();
        let mut unsaid = Vec::new();
        let host = &mut self.groups[group.index()];
        host.coordinator.on_unloaded(now, &mut unsaid);
        host.timers.clear();
        host.unanswered.clear();
        host.pending_appends.clear();
        host.last_append = now;
        host.waiting_reads.clear();
        let gone = host.hosting.broker;
        for consumer in self.consumers() {
            let process = &mut self.processes[consumer.index()];
            if process.group != group {
                continue;
            }
            if process.connection.broker == gone {
                self.disconnect_from_coordinator(consumer);
            } else {
                process.disconnect(); // What it had asked before it was sent elsewhere.
            }
        }
        self.come_back(group, away);
    }

    fn leave_active(&mut self, group: GroupId, state: State, leader: Option<u32>) {
        let hosting = &mut self.groups[group.index()].hosting;
        hosting.state = state;
        hosting.broker = leader.unwrap_or(hosting.broker);
        hosting.changes += 1;
        self.observe(Observation::CoordinatorAvailable {
            group,
            available: false,
            broker: leader,
        });
    }

    fn come_back(&mut self, group: GroupId, after: SimDuration) {
        let change = self.groups[group.index()].hosting.changes;
        let step = Step::CoordinatorBack { group, change };
        let at = self.now() + after;
        self.schedule(at, Class::Script, group.0, Event::Script(step));
    }

    fn disconnect_from_coordinator(&mut self, consumer: ConsumerId) {
        let now = self.now();
        let process = &mut self.processes[consumer.index()];
        process.disconnect();
        let incarnation = process.incarnation;
        let event = Event::Deliver {
            consumer,
            incarnation,
            token: None,
            answer: Answer::Disconnected,
        };
        self.schedule(now, Class::Message, consumer.0, event);
    }

    /// The broker has loaded the group, unless it is another's by now.
    pub(super) fn load_coordinator(&mut self, group: GroupId, change: u32) {
        let hosting = &mut self.groups[group.index()].hosting;
        if hosting.changes != change {
            return;
        }
        hosting.state = State::Active;
        let broker = Some(hosting.broker);
        self.observe(Observation::CoordinatorAvailable {
            group,
            available: true,
            broker,
        });
        self.with_coordinator(group, |host, now, out| host.coordinator.on_loaded(now, out));
    }

    /// A broker restarts (controlled shutdown), and the next one after it. An only broker is `down`; where there are several, the next waits until this one is back.
    pub(super) fn roll_broker(&mut self, event: usize, broker: u32) {
        let Verb::BrokerRoll { down, spacing } = self.plan.events[event].verb else {
            return;
        };
        self.acted(event, "broker", None);
        let count = self.plan.brokers.count;
        let down = if count > 1 { down.min(spacing) } else { down };
        let back = self.now() + down;
        self.brokers_back[broker as usize] = back;
        for group in self.group_ids() {
            if self.groups[group.index()].hosting.leader() != Some(broker) {
                continue;
            }
            match self.successor(group) {
                Some(other) => self.move_coordinator(group, other, SimDuration::ZERO),
                None => self.lose_coordinator_of(group, down),
            }
        }
        if let Some(every) = self.plan.brokers.leader_rebalance {
            self.look_at_leaders(broker, next_check(back, every));
        }
        if broker + 1 < count {
            let broker = broker + 1;
            let step = Step::RollBroker { event, broker };
            let at = self.now() + spacing;
            self.schedule(at, Class::Script, broker, Event::Script(step));
        }
    }

    /// `PartitionChangeBuilder.electAnyLeader`: the first replica in order that is up.
    fn successor(&self, group: GroupId) -> Option<u32> {
        let count = self.plan.brokers.count;
        let home = self.groups[group.index()].hosting.home;
        let mut replicas = (0..REPLICAS.min(count)).map(|place| (home + place) % count);
        replicas.find(|&replica| self.is_up(replica))
    }

    fn is_up(&self, broker: u32) -> bool {
        self.brokers_back[broker as usize] <= self.now()
    }

    /// `ReplicationControlManager.maybeBalancePartitionLeaders`: who is preferred and up leads again.
    pub(super) fn elect_preferred(&mut self, broker: u32) {
        if !self.is_up(broker) {
            return; // It went down again, and is looked for again when it is back.
        }
        let mut awaited = false;
        for group in self.group_ids() {
            let hosting = &self.groups[group.index()].hosting;
            if hosting.home != broker || hosting.broker == broker {
                continue;
            }
            match hosting.leader() {
                Some(_) => self.move_coordinator(group, broker, SimDuration::ZERO),
                None => awaited = true, // There is nobody to take it from; the next look may find somebody.
            }
        }
        if let Some(every) = self.plan.brokers.leader_rebalance.filter(|_| awaited) {
            self.look_at_leaders(broker, self.now() + every);
        }
    }

    fn look_at_leaders(&mut self, broker: u32, at: SimTime) {
        let step = Step::PreferredElection { broker };
        self.schedule(at, Class::Script, broker, Event::Script(step));
    }
}

/// The controller's next look at the leaders from `from` on. It became the controller when the run began.
fn next_check(from: SimTime, every: SimDuration) -> SimTime {
    let every = every.as_micros().max(1);
    let looks = from.as_micros().div_ceil(every);
    SimTime::from_micros(looks.saturating_mul(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand with Java's `String.hashCode`: -1008770331 for `orders`, the smallest integer for the last.
    #[test]
    fn the_partition_of_a_group_is_kafkas() {
        assert_eq!(partition_of("orders"), 31);
        assert_eq!(partition_of("polygenelubricants"), 0);
        assert_eq!(coordinator_of("orders", 3), 1);
        assert_eq!(coordinator_of("orders", 0), 0);
    }

    #[test]
    fn leaders_are_looked_at_every_five_minutes() {
        let every = SimDuration::from_secs(300);
        for (from, at) in [(0, 0), (1, 300), (300, 300), (301, 600)] {
            let found = next_check(SimTime::from_millis(from * 1_000), every);
            assert_eq!(found, SimTime::from_millis(at * 1_000), "from {from} s");
        }
    }

    #[test]
    fn a_broker_refuses_what_it_does_not_have() {
        let mut hosting = Hosting::new("orders", 3);
        assert_eq!((hosting.refusal(1), hosting.leader()), (None, Some(1)));
        assert_eq!(hosting.refusal(2), Some(ErrorCode::NotCoordinator));
        hosting.state = State::Loading;
        assert_eq!(hosting.leader(), Some(1));
        assert_eq!(
            hosting.refusal(1),
            Some(ErrorCode::CoordinatorLoadInProgress)
        );
        assert_eq!(hosting.refusal(0), Some(ErrorCode::NotCoordinator));
        hosting.state = State::Leaderless;
        assert_eq!(hosting.leader(), None);
        assert!(hosting.is_gone(1) && !hosting.is_gone(2));
        assert_eq!(hosting.refusal(2), Some(ErrorCode::NotCoordinator));
    }
}
