//! A coordinator with a clock, timers, a log and topics, and the requests that the tests send to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rebsim::assignor::{
    AssignorKind, MemberId, ServerAssignorKind, TopicDescription, TopicId, TopicPartition,
    TopicUuid,
};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::protocol::config::{BrokerConfig, SubscriptionPattern};
use rebsim::protocol::coordinator::GroupCoordinator;
use rebsim::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ErrorCode, HeartbeatRequest,
    JOIN_EPOCH, JoinCause, JoinGroupRequest, JoinGroupResponse, LEAVE_EPOCH, LeaveCause,
    LeaveGroupRequest, OffsetCommitRequest, Request, RequestToken, Response, STATIC_LEAVE_EPOCH,
    Subscription, SyncGroupRequest,
};
use rebsim::scenario::profile::{Profile, Version};
use rebsim::timeline::{GroupState, MemberEpochState, Partitions};

pub(crate) const fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

pub(crate) fn id(text: &str) -> MemberId {
    MemberId::new(text)
}

/// Partitions of the first topic.
pub(crate) fn share(numbers: &[u32]) -> Partitions {
    of_topic(0, numbers)
}

/// Partitions of one topic.
pub(crate) fn of_topic(topic: u32, numbers: &[u32]) -> Partitions {
    let topic = TopicId(topic);
    numbers
        .iter()
        .map(|&partition| TopicPartition { topic, partition })
        .collect()
}

/// Kafka's defaults in a release.
pub(crate) fn broker(version: &str) -> BrokerConfig {
    let version = Version::parse(version).expect("a version");
    Profile::of(version).expect("a known version").broker()
}

/// Topics `orders` and `payments` with so many partitions.
pub(crate) fn topics(orders: u32, payments: u32) -> Vec<TopicDescription> {
    let topic = |name: &str, number: u64, partitions| TopicDescription {
        name: name.to_owned(),
        id: TopicUuid {
            most_significant: number,
            least_significant: number,
        },
        partitions,
        racks: Vec::new(),
    };
    vec![topic("orders", 1, orders), topic("payments", 2, payments)]
}

/// A heartbeat to be filled in.
#[derive(Clone)]
pub(crate) struct Beat(pub(crate) ConsumerGroupHeartbeatRequest);

impl Beat {
    /// A heartbeat that says nothing but that the member lives.
    pub(crate) fn new(member_id: &str, epoch: i32) -> Self {
        Self(ConsumerGroupHeartbeatRequest {
            member_id: id(member_id),
            member_epoch: epoch,
            instance_id: None,
            rack: None,
            rebalance_timeout: None,
            topics: None,
            pattern: None,
            server_assignor: None,
            owned: None,
            leave_cause: LeaveCause::Closed,
        })
    }

    /// A join: `orders`, rebalance timeout 60 s.
    pub(crate) fn join(member_id: &str) -> Self {
        let mut beat = Self::new(member_id, JOIN_EPOCH);
        beat.0.rebalance_timeout = Some(ms(60_000));
        beat.0.topics = Some(Arc::from([TopicId(0)]));
        beat.0.owned = Some(share(&[]));
        beat
    }

    pub(crate) fn leave(member_id: &str) -> Self {
        Self::new(member_id, LEAVE_EPOCH)
    }

    pub(crate) fn leave_for_now(member_id: &str, instance_id: &str) -> Self {
        Self::new(member_id, STATIC_LEAVE_EPOCH).instance(instance_id)
    }

    pub(crate) fn instance(mut self, instance_id: &str) -> Self {
        self.0.instance_id = Some(Arc::from(instance_id));
        self
    }

    pub(crate) fn topics(mut self, topics: &[u32]) -> Self {
        self.0.topics = Some(topics.iter().map(|&topic| TopicId(topic)).collect());
        self
    }

    /// Instead of topics, a regular expression that matches these.
    pub(crate) fn pattern(mut self, text: &str, topics: &[u32]) -> Self {
        self.0.topics = Some(Arc::from([]));
        self.0.pattern = Some(Arc::new(SubscriptionPattern {
            text: Arc::from(text),
            topics: topics.iter().map(|&topic| TopicId(topic)).collect(),
        }));
        self
    }

    pub(crate) fn owned(mut self, owned: &Partitions) -> Self {
        self.0.owned = Some(Arc::clone(owned));
        self
    }

    pub(crate) fn rebalance(mut self, millis: u64) -> Self {
        self.0.rebalance_timeout = Some(ms(millis));
        self
    }

    pub(crate) fn assignor(mut self, assignor: ServerAssignorKind) -> Self {
        self.0.server_assignor = Some(assignor);
        self
    }
}

/// A JoinGroup to be filled in: session 10 s, rebalance timeout 60 s, `range`, `orders`.
pub(crate) fn classic_join(member_id: &str, owned: &Partitions) -> JoinGroupRequest {
    JoinGroupRequest {
        member_id: id(member_id),
        proposed_member_id: MemberId::unknown(),
        instance_id: None,
        session_timeout: ms(10_000),
        rebalance_timeout: ms(60_000),
        assignors: Arc::from([AssignorKind::Range]),
        subscription: Arc::new(Subscription {
            topics: vec![TopicId(0)],
            owned: Arc::clone(owned),
            generation: -1,
            rack: None,
            sticky_memory: None,
        }),
        cause: JoinCause::New,
    }
}

/// The group under test.
pub(crate) struct Group {
    pub(crate) coordinator: GroupCoordinator,
    pub(crate) now: SimTime,
    pub(crate) topics: Vec<TopicDescription>,
    timers: BTreeMap<CoordinatorTimer, (SimTime, u64)>,
    armed: u64,
    pub(crate) appends: BTreeSet<AppendToken>,
    pub(crate) appended: usize,
    /// Writes are committed only when the test says so.
    pub(crate) hold_appends: bool,
    tokens: u64,
    pub(crate) replies: BTreeMap<RequestToken, Response>,
    pub(crate) facts: Vec<CoordinatorFact>,
    pub(crate) stored: Vec<RequestToken>,
}

impl Group {
    /// A group of the release at a broker with six partitions of `orders` and three of `payments`.
    pub(crate) fn of(version: &str) -> Self {
        Self::with(broker(version))
    }

    pub(crate) fn with(config: BrokerConfig) -> Self {
        Self {
            coordinator: GroupCoordinator::new(config),
            now: SimTime::ZERO,
            topics: topics(6, 3),
            timers: BTreeMap::new(),
            armed: 0,
            appends: BTreeSet::new(),
            appended: 0,
            hold_appends: false,
            tokens: 0,
            replies: BTreeMap::new(),
            facts: Vec::new(),
            stored: Vec::new(),
        }
    }

    /// Lets time pass; timers fire.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.wait_until(self.now + ms(millis));
    }

    pub(crate) fn wait_until(&mut self, until: SimTime) {
        while let Some((at, _, timer)) = self
            .timers
            .iter()
            .map(|(timer, &(at, order))| (at, order, timer.clone()))
            .min()
            .filter(|&(at, ..)| at <= until)
        {
            self.timers.remove(&timer);
            self.now = at;
            self.fire(timer);
        }
        self.now = until;
    }

    /// A timer fires now, whatever it was armed for.
    pub(crate) fn fire(&mut self, timer: CoordinatorTimer) {
        self.timers.remove(&timer);
        let mut out = Vec::new();
        self.coordinator.on_timer(self.now, timer, &mut out);
        self.apply(out);
    }

    /// When the timer fires.
    pub(crate) fn fires(&self, timer: &CoordinatorTimer) -> Option<SimTime> {
        self.timers.get(timer).map(|&(at, _)| at)
    }

    pub(crate) fn send(&mut self, request: Request) -> RequestToken {
        self.tokens += 1;
        let token = RequestToken(self.tokens);
        let mut out = Vec::new();
        let topics = self.topics.clone();
        self.coordinator
            .on_request(self.now, token, request, &topics, &mut out);
        self.apply(out);
        token
    }

    fn ask(&mut self, request: Request) -> Response {
        let token = self.send(request);
        self.replies.remove(&token).expect("it is answered at once")
    }

    pub(crate) fn beat(&mut self, beat: Beat) -> ConsumerGroupHeartbeatResponse {
        match self.ask(Request::ConsumerGroupHeartbeat(beat.0)) {
            Response::ConsumerGroupHeartbeat(answer) => answer,
            other => panic!("{other:?} is no answer to a heartbeat"),
        }
    }

    /// A heartbeat that is accepted: the epoch and the assignment said.
    pub(crate) fn ok(&mut self, beat: Beat) -> (i32, Option<Partitions>) {
        let answer = self.beat(beat);
        assert_eq!(answer.error, ErrorCode::None);
        (answer.member_epoch, answer.assignment)
    }

    pub(crate) fn refused(&mut self, beat: Beat) -> ErrorCode {
        let answer = self.beat(beat);
        assert_ne!(answer.error, ErrorCode::None);
        assert_eq!(answer.assignment, None);
        answer.error
    }

    pub(crate) fn join_group(&mut self, join: JoinGroupRequest) -> JoinGroupResponse {
        match self.ask(Request::JoinGroup(join)) {
            Response::JoinGroup(answer) => answer,
            other => panic!("{other:?} is no answer to JoinGroup"),
        }
    }

    pub(crate) fn sync_group(
        &mut self,
        member_id: &str,
        generation: i32,
    ) -> Result<Partitions, ErrorCode> {
        let request = SyncGroupRequest {
            member_id: id(member_id),
            instance_id: None,
            generation,
            assignor: AssignorKind::Range,
            assignments: Vec::new(),
        };
        match self.ask(Request::SyncGroup(request)) {
            Response::SyncGroup(answer) => answer,
            other => panic!("{other:?} is no answer to SyncGroup"),
        }
    }

    pub(crate) fn heartbeat(&mut self, member_id: &str, generation: i32) -> ErrorCode {
        let request = HeartbeatRequest {
            member_id: id(member_id),
            instance_id: None,
            generation,
        };
        match self.ask(Request::Heartbeat(request)) {
            Response::Heartbeat(answer) => answer,
            other => panic!("{other:?} is no answer to Heartbeat"),
        }
    }

    pub(crate) fn leave_group(&mut self, member_id: &str) -> ErrorCode {
        let request = LeaveGroupRequest {
            member_id: id(member_id),
            instance_id: None,
            cause: LeaveCause::Closed,
        };
        match self.ask(Request::LeaveGroup(request)) {
            Response::LeaveGroup(answer) => answer,
            other => panic!("{other:?} is no answer to LeaveGroup"),
        }
    }

    pub(crate) fn commit(
        &mut self,
        member_id: &str,
        epoch: i32,
        partitions: &Partitions,
    ) -> ErrorCode {
        let request = OffsetCommitRequest {
            member_id: id(member_id),
            instance_id: None,
            generation: epoch,
            offsets: partitions.iter().map(|&partition| (partition, 7)).collect(),
        };
        match self.ask(Request::OffsetCommit(request)) {
            Response::OffsetCommit(answer) => answer,
            other => panic!("{other:?} is no answer to OffsetCommit"),
        }
    }

    /// `orders` and `payments` have other numbers of partitions; the broker hears of it.
    pub(crate) fn grow(&mut self, orders: u32, payments: u32) {
        self.topics = topics(orders, payments);
        self.coordinator.on_topics_changed(self.now, &self.topics);
    }

    pub(crate) fn restart(&mut self) {
        let mut out = Vec::new();
        self.coordinator.on_unloaded(self.now, &mut out);
        self.appends.clear();
        self.apply(out);
        let mut out = Vec::new();
        self.coordinator.on_loaded(self.now, &mut out);
        self.apply(out);
    }

    /// Commits all writes.
    pub(crate) fn commit_appends(&mut self) {
        while let Some(token) = self.appends.pop_first() {
            let mut out = Vec::new();
            self.coordinator.on_appended(self.now, token, &mut out);
            self.apply(out);
        }
    }

    fn apply(&mut self, effects: Vec<CoordinatorEffect>) {
        for effect in effects {
            match effect {
                CoordinatorEffect::Reply { to, response } => {
                    let before = self.replies.insert(to, response);
                    assert_eq!(before, None, "one answer a request");
                }
                CoordinatorEffect::Arm { timer, after } => {
                    self.armed += 1;
                    self.timers.insert(timer, (self.now + after, self.armed));
                }
                CoordinatorEffect::Cancel(timer) => {
                    self.timers.remove(&timer);
                }
                CoordinatorEffect::Append(token) => {
                    assert!(self.appends.insert(token), "{token:?} is new");
                    self.appended += 1;
                }
                CoordinatorEffect::StoreOffsets { to, .. } => self.stored.push(to),
                CoordinatorEffect::Observe(fact) => self.facts.push(fact),
            }
        }
        self.coordinator.check().expect("invariants hold");
        if !self.hold_appends {
            self.commit_appends();
        }
    }

    // ---- what was observed ----

    pub(crate) fn state(&self) -> GroupState {
        self.coordinator.state()
    }

    pub(crate) fn take_facts(&mut self) -> Vec<CoordinatorFact> {
        std::mem::take(&mut self.facts)
    }

    /// The epochs to which the group was bumped since the last time.
    pub(crate) fn bumps(&mut self) -> Vec<i32> {
        let epoch = |fact: &CoordinatorFact| match fact {
            CoordinatorFact::GroupEpoch { epoch, .. } => Some(*epoch),
            _ => None,
        };
        self.take_facts().iter().filter_map(epoch).collect()
    }

    /// Epochs of the targets that were computed since the last time.
    pub(crate) fn targets(&mut self) -> Vec<i32> {
        let epoch = |fact: &CoordinatorFact| match fact {
            CoordinatorFact::TargetAssignment { epoch, .. } => Some(*epoch),
            _ => None,
        };
        self.take_facts().iter().filter_map(epoch).collect()
    }

    /// Where the coordinator has moved members since the last time.
    pub(crate) fn moves(&mut self) -> Vec<Move> {
        let step = |fact: CoordinatorFact| match fact {
            CoordinatorFact::MemberEpoch {
                member_id,
                epoch,
                state,
                assigned,
                pending_revocation,
                ..
            } => Some((
                member_id.as_str().to_owned(),
                epoch,
                state,
                assigned.len(),
                pending_revocation.len(),
            )),
            _ => None,
        };
        self.take_facts().into_iter().filter_map(step).collect()
    }

    pub(crate) fn assignment(&self, member_id: &str) -> Partitions {
        self.coordinator
            .assignment(&id(member_id))
            .expect("it is a member")
    }
}

/// Member, epoch, state, how many partitions it may use, how many it has to give up.
pub(crate) type Move = (String, i32, MemberEpochState, usize, usize);
