//! A coordinator with a clock, timers and a log, and the requests that the tests send to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rebsim::assignor::{AssignorKind, MemberId, TopicId, TopicPartition};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::protocol::classic::{Coordinator, GroupRecord};
use rebsim::protocol::config::BrokerConfig;
use rebsim::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use rebsim::protocol::message::{
    ErrorCode, HeartbeatRequest, JoinCause, JoinGroupRequest, JoinGroupResponse, LeaveCause,
    LeaveGroupRequest, OffsetCommitRequest, Request, RequestToken, Response, Subscription,
    SyncGroupRequest,
};
use rebsim::scenario::profile::Profile;
use rebsim::timeline::{GroupState, Partitions, RebalanceReason, RemovalReason};

pub(crate) const fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

pub(crate) fn id(text: &str) -> MemberId {
    MemberId::new(text)
}

/// Partitions of one topic.
pub(crate) fn share(numbers: &[u32]) -> Partitions {
    let topic = TopicId(0);
    numbers
        .iter()
        .map(|&partition| TopicPartition { topic, partition })
        .collect()
}

/// Kafka's defaults.
pub(crate) fn broker() -> BrokerConfig {
    Profile::newest().broker()
}

/// A JoinGroup to be filled in: session 10 s, rebalance timeout 60 s, `range`.
#[derive(Clone)]
pub(crate) struct Join(pub(crate) JoinGroupRequest);

pub(crate) fn subscription(generation: i32) -> Arc<Subscription> {
    Arc::new(Subscription {
        topics: vec![TopicId(0)],
        owned: share(&[]),
        generation,
        rack: None,
        sticky_memory: None,
    })
}

impl Join {
    pub(crate) fn new(member_id: &str) -> Self {
        Self(JoinGroupRequest {
            member_id: id(member_id),
            proposed_member_id: MemberId::unknown(),
            instance_id: None,
            session_timeout: ms(10_000),
            rebalance_timeout: ms(60_000),
            assignors: Arc::from([AssignorKind::Range]),
            subscription: subscription(-1),
            cause: JoinCause::New,
        })
    }

    /// A JoinGroup without id; the coordinator will give it `proposed`.
    pub(crate) fn unknown(proposed: &str) -> Self {
        let mut join = Self::new("");
        join.0.proposed_member_id = id(proposed);
        join
    }

    pub(crate) fn instance(mut self, instance_id: &str) -> Self {
        self.0.instance_id = Some(Arc::from(instance_id));
        self
    }

    pub(crate) fn session(mut self, millis: u64) -> Self {
        self.0.session_timeout = ms(millis);
        self
    }

    pub(crate) fn rebalance(mut self, millis: u64) -> Self {
        self.0.rebalance_timeout = ms(millis);
        self
    }

    pub(crate) fn assignors(mut self, assignors: &[AssignorKind]) -> Self {
        self.0.assignors = Arc::from(assignors);
        self
    }

    /// Other metadata than before.
    pub(crate) fn owned_in(mut self, generation: i32) -> Self {
        self.0.subscription = subscription(generation);
        self
    }

    pub(crate) fn cause(mut self, cause: JoinCause) -> Self {
        self.0.cause = cause;
        self
    }
}

/// The group under test.
pub(crate) struct Group {
    pub(crate) coordinator: Coordinator,
    pub(crate) now: SimTime,
    timers: BTreeMap<CoordinatorTimer, (SimTime, u64)>,
    armed: u64,
    pub(crate) appends: BTreeSet<AppendToken>,
    /// Writes are committed only when the test says so.
    pub(crate) hold_appends: bool,
    tokens: u64,
    pub(crate) replies: BTreeMap<RequestToken, Response>,
    pub(crate) facts: Vec<CoordinatorFact>,
    pub(crate) stored: Vec<(RequestToken, Vec<(TopicPartition, u64)>)>,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self::with(broker())
    }

    pub(crate) fn with(config: BrokerConfig) -> Self {
        Self {
            coordinator: Coordinator::new(config),
            now: SimTime::ZERO,
            timers: BTreeMap::new(),
            armed: 0,
            appends: BTreeSet::new(),
            hold_appends: false,
            tokens: 0,
            replies: BTreeMap::new(),
            facts: Vec::new(),
            stored: Vec::new(),
        }
    }

    /// Dynamic members that went through the handshake and the initial delay together; the first one leads. Stable in
    /// generation 1, member n holding partition n.
    pub(crate) fn stable(members: &[&str]) -> Self {
        let joins: Vec<Join> = members.iter().map(|member| Join::new(member)).collect();
        Self::stable_of(&joins)
    }

    /// The same with JoinGroups of any kind, by the id that the member is to have.
    pub(crate) fn stable_of(joins: &[Join]) -> Self {
        let mut group = Self::new();
        group.join_all(joins);
        group.sync_all();
        group
    }

    /// Everybody joins an empty group; ends in `CompletingRebalance`.
    pub(crate) fn completing(members: &[&str]) -> Self {
        let joins: Vec<Join> = members.iter().map(|member| Join::new(member)).collect();
        let mut group = Self::new();
        group.join_all(&joins);
        group
    }

    fn join_all(&mut self, joins: &[Join]) {
        for join in joins {
            self.enter(join.clone());
        }
        self.advance(6_000);
        assert_eq!(self.state(), GroupState::CompletingRebalance);
        self.facts.clear();
    }

    /// First join of a newcomer that is to have the id in `join`, handshake included; its JoinGroup is then parked.
    pub(crate) fn enter(&mut self, join: Join) -> RequestToken {
        let mut first = join.clone();
        first.0.proposed_member_id = std::mem::replace(&mut first.0.member_id, MemberId::unknown());
        let is_static = first.0.instance_id.is_some();
        let token = self.join(first);
        if is_static {
            return token;
        }
        assert_eq!(self.joined(token).error, ErrorCode::MemberIdRequired);
        self.join(join)
    }

    /// Everybody sends SyncGroup, the leader last; member n in map order gets partition n.
    pub(crate) fn sync_all(&mut self) -> BTreeMap<MemberId, RequestToken> {
        let leader = self.coordinator.leader().expect("somebody leads").clone();
        let members: Vec<MemberId> = self.coordinator.members().cloned().collect();
        let mut tokens = BTreeMap::new();
        for member in members.iter().filter(|member| **member != leader) {
            tokens.insert(member.clone(), self.sync(member.as_str(), &[]));
        }
        let shares: Vec<(String, Vec<u32>)> = members
            .iter()
            .zip(0..)
            .map(|(member, n)| (member.to_string(), vec![n]))
            .collect();
        let shares: Vec<(&str, &[u32])> = shares
            .iter()
            .map(|(member, share)| (member.as_str(), share.as_slice()))
            .collect();
        tokens.insert(leader.clone(), self.sync(leader.as_str(), &shares));
        tokens
    }

    pub(crate) fn send(&mut self, request: Request) -> RequestToken {
        self.tokens += 1;
        let token = RequestToken(self.tokens);
        let mut out = Vec::new();
        self.coordinator
            .on_request(self.now, token, request, &mut out);
        self.apply(out);
        token
    }

    pub(crate) fn join(&mut self, join: Join) -> RequestToken {
        self.send(Request::JoinGroup(join.0))
    }

    pub(crate) fn sync(&mut self, member: &str, shares: &[(&str, &[u32])]) -> RequestToken {
        let request = self.sync_request(member, shares);
        self.send(Request::SyncGroup(request))
    }

    pub(crate) fn sync_request(&self, member: &str, shares: &[(&str, &[u32])]) -> SyncGroupRequest {
        SyncGroupRequest {
            member_id: id(member),
            instance_id: None,
            generation: self.coordinator.generation(),
            assignor: self.coordinator.assignor().unwrap_or(AssignorKind::Range),
            assignments: shares
                .iter()
                .map(|(to, numbers)| (id(to), share(numbers)))
                .collect(),
        }
    }

    pub(crate) fn heartbeat(&mut self, member: &str) -> ErrorCode {
        let generation = self.coordinator.generation();
        self.heartbeat_as(member, None, generation)
    }

    pub(crate) fn heartbeat_as(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> ErrorCode {
        let token = self.send(Request::Heartbeat(HeartbeatRequest {
            member_id: id(member),
            instance_id: instance.map(Arc::from),
            generation,
        }));
        match self.replies.get(&token) {
            Some(Response::Heartbeat(error)) => *error,
            other => panic!("heartbeat answered {other:?}"),
        }
    }

    pub(crate) fn leave(&mut self, member: &str, cause: LeaveCause) -> ErrorCode {
        self.leave_as(member, None, cause)
    }

    pub(crate) fn leave_as(
        &mut self,
        member: &str,
        instance: Option<&str>,
        cause: LeaveCause,
    ) -> ErrorCode {
        let token = self.send(Request::LeaveGroup(LeaveGroupRequest {
            member_id: id(member),
            instance_id: instance.map(Arc::from),
            cause,
        }));
        match self.replies.get(&token) {
            Some(Response::LeaveGroup(error)) => *error,
            other => panic!("leave answered {other:?}"),
        }
    }

    pub(crate) fn commit(&mut self, member: &str, generation: i32) -> RequestToken {
        self.commit_as(member, None, generation)
    }

    pub(crate) fn commit_as(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> RequestToken {
        self.send(Request::OffsetCommit(OffsetCommitRequest {
            member_id: id(member),
            instance_id: instance.map(Arc::from),
            generation,
            offsets: share(&[0])
                .iter()
                .map(|&partition| (partition, 7))
                .collect(),
        }))
    }

    pub(crate) fn committed(&self, token: RequestToken) -> Option<ErrorCode> {
        match self.replies.get(&token)? {
            Response::OffsetCommit(error) => Some(*error),
            other => panic!("commit answered {other:?}"),
        }
    }

    /// The answer to a JoinGroup.
    pub(crate) fn joined(&self, token: RequestToken) -> &JoinGroupResponse {
        match self.replies.get(&token) {
            Some(Response::JoinGroup(response)) => response,
            other => panic!("join answered {other:?}"),
        }
    }

    /// The answer to a SyncGroup.
    pub(crate) fn synced(&self, token: RequestToken) -> Result<Vec<u32>, ErrorCode> {
        match self.replies.get(&token) {
            Some(Response::SyncGroup(Ok(share))) => {
                Ok(share.iter().map(|partition| partition.partition).collect())
            }
            Some(Response::SyncGroup(Err(error))) => Err(*error),
            other => panic!("sync answered {other:?}"),
        }
    }

    pub(crate) fn waits(&self, token: RequestToken) -> bool {
        !self.replies.contains_key(&token)
    }

    /// Why the rebalance began that the facts tell of, and whose doing it was.
    pub(crate) fn rebalance_reason(&self) -> (RebalanceReason, Option<MemberId>) {
        self.facts
            .iter()
            .find_map(|fact| match fact {
                CoordinatorFact::GroupState { reason, by, .. } => {
                    Some((*reason.as_ref()?, by.clone()))
                }
                _ => None,
            })
            .expect("a rebalance has begun")
    }

    /// True when the facts tell that `member` was removed for this reason.
    pub(crate) fn removed(&self, member: &str, why: RemovalReason) -> bool {
        let member_id = id(member);
        self.facts
            .contains(&CoordinatorFact::MemberRemoved { member_id, why })
    }

    pub(crate) fn state(&self) -> GroupState {
        self.coordinator.state()
    }

    pub(crate) fn has(&self, member: &str) -> bool {
        self.coordinator.contains(&id(member))
    }

    /// When the session timer of `member` would fire, from now.
    pub(crate) fn session_left(&self, member: &str) -> Option<SimDuration> {
        let timer = CoordinatorTimer::Session(id(member));
        self.timers.get(&timer).map(|&(at, _)| at.since(self.now))
    }

    pub(crate) fn is_armed(&self, timer: &CoordinatorTimer) -> bool {
        self.timers.contains_key(timer)
    }

    pub(crate) fn unload(&mut self) {
        let mut out = Vec::new();
        self.coordinator.on_unloaded(self.now, &mut out);
        self.appends.clear();
        self.apply(out);
    }

    pub(crate) fn install(&mut self, record: &GroupRecord) {
        let mut out = Vec::new();
        self.coordinator
            .install_stable(self.now, record, &[], &mut out);
        self.apply(out);
    }

    pub(crate) fn load(&mut self) {
        let mut out = Vec::new();
        self.coordinator.on_loaded(self.now, &mut out);
        self.apply(out);
    }

    /// Commits the write that is under way longest.
    pub(crate) fn commit_write(&mut self) {
        let token = self.appends.pop_first().expect("a write is under way");
        let mut out = Vec::new();
        self.coordinator.on_appended(self.now, token, &mut out);
        self.apply(out);
    }

    /// Lets time pass; timers fire in order.
    pub(crate) fn advance(&mut self, millis: u64) {
        let until = self.now + ms(millis);
        while self.fire_next(until) {}
        self.now = until;
    }

    /// Fires the next timer, if one is due by `until`.
    pub(crate) fn fire_next(&mut self, until: SimTime) -> bool {
        let next = self.timers.iter().min_by_key(|(_, due)| **due);
        let Some((timer, &(at, _))) = next.filter(|(_, due)| due.0 <= until) else {
            return false;
        };
        let timer = timer.clone();
        self.timers.remove(&timer);
        self.now = at;
        let mut out = Vec::new();
        self.coordinator.on_timer(self.now, timer, &mut out);
        self.apply(out);
        true
    }

    fn apply(&mut self, effects: Vec<CoordinatorEffect>) {
        for effect in effects {
            match effect {
                CoordinatorEffect::Reply { to, response } => {
                    let before = self.replies.insert(to, response);
                    assert!(
                        before.is_none(),
                        "{to:?} is answered once, not again after {before:?}"
                    );
                }
                CoordinatorEffect::Arm { timer, after } => {
                    self.armed += 1;
                    self.timers.insert(timer, (self.now + after, self.armed));
                }
                CoordinatorEffect::Cancel(timer) => {
                    self.timers.remove(&timer);
                }
                CoordinatorEffect::Append(token) => {
                    self.appends.insert(token);
                }
                CoordinatorEffect::StoreOffsets { to, offsets } => {
                    self.stored.push((to, offsets.to_vec()));
                }
                CoordinatorEffect::Observe(fact) => self.facts.push(fact),
            }
        }
        self.check();
        if !self.hold_appends && !self.appends.is_empty() {
            self.commit_write();
        }
    }

    /// What must hold after every input.
    fn check(&self) {
        if let Err(broken) = self.coordinator.check() {
            panic!("{broken}");
        }
        for timer in self.timers.keys() {
            if let CoordinatorTimer::Session(member) = timer {
                assert!(
                    self.coordinator.contains(member) || self.coordinator.is_pending(member),
                    "{member} is unknown and has a timer"
                );
            }
        }
    }
}
