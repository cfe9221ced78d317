//! The classic coordinator of one group: its inputs, its outbox, its timers and its log (Kafka's `GroupMetadataManager`
//! as far as classic groups go, `GroupCoordinatorService` for what is refused before it).
//!
//! A pure machine. Requests, timers that fire and appends that are committed come in; effects go out in the order in
//! which they happen. Facts are observed in the order in which Kafka logs them. The rules are in the files beside this
//! one, session expiry and Heartbeat in `session`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::group::{ClassicGroup, ClassicGroupState};
use super::join::JoinTimer;
use crate::assignor::{AssignorKind, MemberId, TopicPartition};
use crate::kernel::{SimDuration, SimTime};
use crate::protocol::config::BrokerConfig;
use crate::protocol::effect::{AppendToken, CoordinatorEffect, CoordinatorFact, CoordinatorTimer};
use crate::protocol::message::{
    ConsumerGroupHeartbeatResponse, ErrorCode, Request, RequestToken, Response,
};
use crate::protocol::record::GroupRecord;
use crate::timeline::{GroupState, Partitions, RebalanceReason, RemovalReason};

/// The coordinator of one classic group.
#[derive(Clone, Debug)]
pub struct Coordinator {
    pub(super) config: BrokerConfig,
    pub(super) group: ClassicGroup,
    pub(super) now: SimTime,
    pub(super) state_since: SimTime,
    /// What the join timer is armed for, if it is armed.
    pub(super) join_timer: Option<JoinTimer>,
    /// The generation for which the sync timer is armed, if it is armed.
    pub(super) sync_timer: Option<i32>,
    pub(super) appends: BTreeMap<AppendToken, PendingAppend>,
    pub(super) appends_issued: u64,
    /// The last record of the group that is committed to the log.
    pub(super) persisted: GroupRecord,
}

/// A write that is not committed yet.
#[derive(Clone, Debug)]
pub(super) struct PendingAppend {
    record: Option<GroupRecord>,
    pub(super) then: Vec<Deferred>,
}

/// What waits for a write.
#[derive(Clone, Debug)]
pub(super) enum Deferred {
    /// An answer.
    Reply(RequestToken, Response),
    /// Committed offsets that become visible.
    StoreOffsets(RequestToken, Arc<[(TopicPartition, u64)]>),
    /// The assignment of a generation.
    Assignment {
        /// The generation it was made for.
        generation: i32,
        /// Every member's share, in map order.
        shares: Vec<(MemberId, Partitions)>,
    },
    /// The answer to a static member that came back in `Stable`.
    Replacement(MemberId),
}

impl Coordinator {
    /// The coordinator of a group that nobody has joined yet: `Empty`, generation 0.
    #[must_use]
    pub fn new(config: BrokerConfig) -> Self {
        Self {
            config,
            group: ClassicGroup::new(ClassicGroupState::Empty, 0),
            now: SimTime::ZERO,
            state_since: SimTime::ZERO,
            join_timer: None,
            sync_timer: None,
            appends: BTreeMap::new(),
            appends_issued: 0,
            persisted: GroupRecord::empty(0),
        }
    }

    /// A request has arrived; its answer goes to `token`, at once or later.
    pub fn on_request(
        &mut self,
        now: SimTime,
        token: RequestToken,
        request: Request,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        match request {
            Request::JoinGroup(request) => self.on_join_group(token, &request, out),
            Request::SyncGroup(request) => self.on_sync_group(token, request, out),
            Request::Heartbeat(request) => self.on_heartbeat(token, &request, out),
            Request::LeaveGroup(request) => self.on_leave_group(token, &request, out),
            Request::OffsetCommit(request) => self.on_offset_commit(token, &request, out),
            Request::ConsumerGroupHeartbeat(request) => {
                let answer = ConsumerGroupHeartbeatResponse {
                    error: ErrorCode::GroupIdNotFound,
                    member_epoch: request.member_epoch,
                    heartbeat_interval: self.config.consumer.heartbeat_interval,
                    assignment: None,
                };
                reply(token, Response::ConsumerGroupHeartbeat(answer), out);
            }
        }
    }

    /// A timer fired. Only for timers in force: neither replaced nor cancelled since.
    pub fn on_timer(
        &mut self,
        now: SimTime,
        timer: CoordinatorTimer,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        match timer {
            CoordinatorTimer::Session(member_id) => self.on_session_expired(&member_id, out),
            CoordinatorTimer::Join => self.on_join_timer(out),
            CoordinatorTimer::Sync => self.on_sync_timer(out),
            // Timers of consumer groups.
            CoordinatorTimer::RebalanceTimeout(_)
            | CoordinatorTimer::ClassicJoin(_)
            | CoordinatorTimer::ClassicSync(_)
            | CoordinatorTimer::Patterns => {}
        }
    }

    /// A write is committed. One that a failover has made void is ignored.
    pub fn on_appended(
        &mut self,
        now: SimTime,
        token: AppendToken,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.now = now;
        let Some(append) = self.appends.remove(&token) else {
            return;
        };
        if let Some(record) = append.record {
            self.persisted = record;
        }
        for deferred in append.then {
            match deferred {
                Deferred::Reply(to, response) => reply(to, response, out),
                Deferred::StoreOffsets(to, offsets) => {
                    out.push(CoordinatorEffect::StoreOffsets { to, offsets });
                }
                Deferred::Assignment { generation, shares } => {
                    self.on_assignment_stored(generation, shares, out);
                }
                Deferred::Replacement(member_id) => self.on_replacement_stored(&member_id, out),
            }
        }
    }

    // ---- what readers and checks ask ----

    /// The group's state; `Dead` while the coordinator is away.
    #[must_use]
    pub fn state(&self) -> GroupState {
        self.group.state().observed()
    }

    /// When the group entered that state (`currentStateTimestamp`).
    #[must_use]
    pub fn state_since(&self) -> SimTime {
        self.state_since
    }

    /// The generation in force.
    #[must_use]
    pub fn generation(&self) -> i32 {
        self.group.generation
    }

    /// The leader's id.
    #[must_use]
    pub fn leader(&self) -> Option<&MemberId> {
        self.group.leader.as_ref()
    }

    /// The assignor in force.
    #[must_use]
    pub fn assignor(&self) -> Option<AssignorKind> {
        self.group.protocol
    }

    /// True for a member; an id that was issued but has not come back is none.
    #[must_use]
    pub fn contains(&self, member_id: &MemberId) -> bool {
        self.group.find(member_id).is_some()
    }

    /// True when a member holds the instance id.
    #[must_use]
    pub fn has_static_member(&self, instance_id: &str) -> bool {
        self.group.static_member(instance_id).is_some()
    }

    /// True for an id that was issued and whose owner has not come back with it.
    #[must_use]
    pub fn is_pending(&self, member_id: &MemberId) -> bool {
        self.group.pending_join.contains(member_id)
    }

    /// Member ids in the coordinator's map order.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        self.group.members().map(|member| &member.id)
    }

    /// What the coordinator would answer a late SyncGroup of the member: its stored assignment.
    #[must_use]
    pub fn assignment(&self, member_id: &MemberId) -> Option<&Partitions> {
        let place = self.group.find(member_id)?;
        Some(&self.group.member(place).assignment)
    }

    /// Members for whose JoinGroup the join phase still waits, in map order; issued ids that have not come back after
    /// them.
    pub fn awaited(&self) -> impl Iterator<Item = &MemberId> {
        let absent = self
            .group
            .members()
            .filter(|member| member.awaiting_join.is_none())
            .map(|member| &member.id);
        let joining = self.group.state() == ClassicGroupState::PreparingRebalance;
        absent
            .chain(&self.group.pending_join)
            .filter(move |_| joining)
    }

    /// Parked requests, by the member that waits.
    pub fn parked(&self) -> impl Iterator<Item = (&MemberId, RequestToken)> {
        self.group.members().flat_map(|member| {
            let tokens = [member.awaiting_join, member.awaiting_sync];
            tokens
                .into_iter()
                .flatten()
                .map(|token| (&member.id, token))
        })
    }

    /// What must hold between two inputs.
    ///
    /// # Errors
    /// The first thing that does not, in words.
    pub fn check(&self) -> Result<(), String> {
        self.group.check()?;
        let preparing = self.group.state() == ClassicGroupState::PreparingRebalance;
        if preparing != self.join_timer.is_some() {
            return Err(format!(
                "{} with the join timer {:?}",
                self.state().word(),
                self.join_timer
            ));
        }
        Ok(())
    }

    // ---- the outbox, for the rule books ----

    /// Moves the group and observes it. The caller has assigned the generation that holds afterwards.
    pub(super) fn enter(
        &mut self,
        to: ClassicGroupState,
        why: Option<(RebalanceReason, Option<MemberId>)>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.group.transition_to(to);
        self.observe_state(why, out);
    }

    /// Observes the transition that the group has just made.
    pub(super) fn observe_state(
        &mut self,
        why: Option<(RebalanceReason, Option<MemberId>)>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.observe_state_after(self.group.previous_state(), why, out);
    }

    /// Observes that the group went from `from` to the state it is in.
    pub(super) fn observe_state_after(
        &mut self,
        from: ClassicGroupState,
        why: Option<(RebalanceReason, Option<MemberId>)>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.state_since = self.now;
        let (reason, by) = why.map_or((None, None), |(reason, by)| (Some(reason), by));
        let fact = CoordinatorFact::GroupState {
            from: from.observed(),
            to: self.group.state().observed(),
            generation: self.group.generation,
            reason,
            by,
        };
        observe(fact, out);
    }

    /// Removes a member for good: its timer goes, the fact is observed. Parked requests are the caller's.
    pub(super) fn remove_member(
        &mut self,
        member_id: &MemberId,
        why: RemovalReason,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        cancel(CoordinatorTimer::Session(member_id.clone()), out);
        if self.group.remove(member_id).is_some() {
            let member_id = member_id.clone();
            observe(CoordinatorFact::MemberRemoved { member_id, why }, out);
        }
    }

    /// Writes `record`, if any, to the log and keeps what waits for it.
    pub(super) fn append(
        &mut self,
        record: Option<GroupRecord>,
        then: Vec<Deferred>,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        self.appends_issued += 1;
        let token = AppendToken(self.appends_issued);
        self.appends.insert(token, PendingAppend { record, then });
        out.push(CoordinatorEffect::Append(token));
    }

    /// Answers a Heartbeat or LeaveGroup. Kafka holds the answer of an operation that may write back until the writes
    /// before it are committed, even when it wrote nothing itself (`CoordinatorRuntime`, `append` of no records).
    pub(super) fn reply_behind_writes(
        &mut self,
        to: RequestToken,
        response: Response,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        match self.appends.last_entry() {
            Some(mut last) => last.get_mut().then.push(Deferred::Reply(to, response)),
            None => reply(to, response, out),
        }
    }

    /// Gives up all writes under way; what waited for them comes back.
    pub(super) fn abandon_appends(&mut self) -> Vec<Deferred> {
        std::mem::take(&mut self.appends)
            .into_values()
            .flat_map(|append| append.then)
            .collect()
    }
}

/// Answers a request.
pub(super) fn reply(to: RequestToken, response: Response, out: &mut Vec<CoordinatorEffect>) {
    out.push(CoordinatorEffect::Reply { to, response });
}

/// Arms a timer.
pub(super) fn arm(timer: CoordinatorTimer, after: SimDuration, out: &mut Vec<CoordinatorEffect>) {
    out.push(CoordinatorEffect::Arm { timer, after });
}

/// Disarms a timer.
pub(super) fn cancel(timer: CoordinatorTimer, out: &mut Vec<CoordinatorEffect>) {
    out.push(CoordinatorEffect::Cancel(timer));
}

/// Tells the readers.
pub(super) fn observe(fact: CoordinatorFact, out: &mut Vec<CoordinatorEffect>) {
    out.push(CoordinatorEffect::Observe(fact));
}
