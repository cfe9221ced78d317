//! The coordinator of one group, whatever its kind: holds the machine of the protocol that the group is of, and takes it from one to the other
//! (`GroupMetadataManager.getOrMaybeCreateConsumerGroup`, `convertToConsumerGroup`, `convertToClassicGroup`).
//!
//! An empty group changes its kind with the first member of the other protocol. One with members becomes a consumer group when a member of that protocol joins,
//! and a classic group when the last such member goes, if `group.consumer.migration.policy` allows it. The rules within a kind are the machines'.

use std::collections::BTreeMap;

use super::classic;
use super::config::BrokerConfig;
use super::consumer::{self, SteadyMember, Upgraded};
use super::effect::{AppendToken, CoordinatorEffect, CoordinatorTimer};
use super::message::{
    ConsumerGroupHeartbeatRequest, ErrorCode, JOIN_EPOCH, OffsetFetchRequest, Request, RequestToken,
};
use super::record::GroupRecord;
use crate::assignor::{MemberId, TopicDescription};
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::{GroupState, Partitions};

/// See the module.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {
    config: BrokerConfig,
    machine: Machine,
    /// What leaves with writes that were under way when the group changed its kind.
    left_over: BTreeMap<AppendToken, Vec<CoordinatorEffect>>,
}

#[derive(Clone, Debug)]
enum Machine {
    Classic(Box<classic::Coordinator>),
    Consumer(Box<consumer::Coordinator>),
}

impl GroupCoordinator {
    /// The coordinator of a group that nobody has joined yet.
    #[must_use]
    pub fn new(config: BrokerConfig) -> Self {
        let machine = classic::Coordinator::new(config.clone());
        Self {
            config,
            machine: Machine::Classic(Box::new(machine)),
            left_over: BTreeMap::new(),
        }
    }

    /// A request has arrived; its answer goes to `token`, at once or later. A [`crate::assignor::TopicId`] is a position in `topics`.
    pub fn on_request(
        &mut self,
        now: SimTime,
        token: RequestToken,
        request: Request,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        match (&mut self.machine, request) {
            (Machine::Classic(_), Request::ConsumerGroupHeartbeat(request)) => {
                self.on_other_heartbeat(now, token, request, topics, out);
            }
            (Machine::Classic(machine), request) => machine.on_request(now, token, request, out),
            (Machine::Consumer(machine), request @ Request::JoinGroup(_))
                if machine.is_empty() && machine.state() == GroupState::Empty =>
            {
                let mut classic = classic::Coordinator::new(self.config.clone());
                classic.go_on_from(machine.appends_issued());
                self.left_over.extend(machine.dissolve());
                classic.on_request(now, token, request, out);
                self.machine = Machine::Classic(Box::new(classic));
            }
            (Machine::Consumer(machine), request) => {
                machine.on_request(now, token, request, topics, out);
                self.downgrade_if_due(now, out);
            }
        }
    }

    /// Whether an OffsetFetch is answered. Anybody may ask a classic group (`ClassicGroup.validateOffsetFetch`).
    ///
    /// # Errors
    /// In a consumer group, of a member that it does not have or that is of another epoch.
    pub fn validate_offset_fetch(&self, request: &OffsetFetchRequest) -> Result<(), ErrorCode> {
        match &self.machine {
            Machine::Classic(_) => Ok(()),
            Machine::Consumer(machine) => machine.validate_fetch(request),
        }
    }

    /// A heartbeat of the consumer protocol to a classic group.
    fn on_other_heartbeat(
        &mut self,
        now: SimTime,
        token: RequestToken,
        request: ConsumerGroupHeartbeatRequest,
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let Machine::Classic(classic) = &mut self.machine else {
            return;
        };
        let checked = check_upgrade(&self.config, classic, &request).and_then(|()| {
            let converted = check_conversion(&self.config, classic, &request);
            if converted.is_err() {
                classic.interrupt(ErrorCode::RebalanceInProgress, out);
            }
            converted
        });
        if let Err(error) = checked {
            let response = consumer::refuse(error, &request);
            return out.push(CoordinatorEffect::Reply {
                to: token,
                response,
            });
        }
        let empty = classic.state() == GroupState::Empty;
        let dissolved = classic.dissolve(now, ErrorCode::RebalanceInProgress, out);
        self.left_over.extend(dissolved.left_over);
        let upgraded = Upgraded {
            record: dissolved.record,
            state: (classic.state(), classic.state_since()),
            appends_issued: dissolved.appends_issued,
        };
        let request = Request::ConsumerGroupHeartbeat(request);
        let mut machine = if empty {
            let mut machine = consumer::Coordinator::new(self.config.clone());
            machine.go_on_from(upgraded.appends_issued);
            machine
        } else {
            consumer::Coordinator::upgrade(self.config.clone(), now, &upgraded, topics, out)
        };
        let converted = machine.map_order();
        machine.on_request(now, token, request, topics, out);
        machine.settle_upgrade(converted);
        self.machine = Machine::Consumer(Box::new(machine));
    }

    fn downgrade_if_due(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        let Machine::Consumer(machine) = &mut self.machine else {
            return;
        };
        let Some(downgraded) = machine.take_downgraded(out) else {
            return;
        };
        self.left_over.extend(downgraded.left_over);
        let classic = classic::Coordinator::downgrade(
            self.config.clone(),
            now,
            &downgraded.record,
            classic::Downgrade {
                state: downgraded.state,
                appends_issued: downgraded.appends_issued,
                reason: downgraded.reason,
                answer: downgraded.answer,
            },
            out,
        );
        self.machine = Machine::Classic(Box::new(classic));
    }

    /// A timer fired. Only for timers in force: neither replaced nor cancelled since.
    pub fn on_timer(
        &mut self,
        now: SimTime,
        timer: CoordinatorTimer,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        match &mut self.machine {
            Machine::Classic(machine) => machine.on_timer(now, timer, out),
            Machine::Consumer(machine) => {
                machine.on_timer(now, timer, out);
                self.downgrade_if_due(now, out);
            }
        }
    }

    /// A write is committed. One that a failover has made void is ignored.
    pub fn on_appended(
        &mut self,
        now: SimTime,
        token: AppendToken,
        out: &mut Vec<CoordinatorEffect>,
    ) {
        if let Some(effects) = self.left_over.remove(&token) {
            return out.extend(effects);
        }
        match &mut self.machine {
            Machine::Classic(machine) => machine.on_appended(now, token, out),
            Machine::Consumer(machine) => machine.on_appended(now, token, out),
        }
    }

    /// The broker has a new metadata image. Consumer groups look at it with the next heartbeat; in classic groups that is the leader's affair.
    pub fn on_topics_changed(&mut self, now: SimTime, topics: &[TopicDescription]) {
        match &mut self.machine {
            Machine::Classic(_) => {}
            Machine::Consumer(machine) => machine.on_topics_changed(now, topics),
        }
    }

    /// The coordinator goes away: everybody who waits is sent elsewhere, all timers die. `Dead` until it is loaded.
    pub fn on_unloaded(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        for effect in std::mem::take(&mut self.left_over).into_values().flatten() {
            if let CoordinatorEffect::Reply { to, response } = effect {
                let response = response.not_coordinator();
                out.push(CoordinatorEffect::Reply { to, response });
            }
        }
        match &mut self.machine {
            Machine::Classic(machine) => machine.on_unloaded(now, out),
            Machine::Consumer(machine) => machine.on_unloaded(now, out),
        }
    }

    /// The coordinator is back, here or on another broker, with what the log holds and fresh session timers.
    pub fn on_loaded(&mut self, now: SimTime, out: &mut Vec<CoordinatorEffect>) {
        match &mut self.machine {
            Machine::Classic(machine) => machine.on_loaded(now, out),
            Machine::Consumer(machine) => machine.on_loaded(now, out),
        }
    }

    /// The classic group that a steady start begins with ([`classic::Coordinator::install_stable`]).
    ///
    /// # Panics
    /// When the group is not new, or the record is not sound.
    pub fn install_stable(
        &mut self,
        now: SimTime,
        record: &GroupRecord,
        silences: &[SimDuration],
        out: &mut Vec<CoordinatorEffect>,
    ) {
        let mut machine = classic::Coordinator::new(self.config.clone());
        machine.install_stable(now, record, silences, out);
        self.machine = Machine::Classic(Box::new(machine));
    }

    /// The consumer group that a steady start begins with ([`consumer::Coordinator::install_stable`]): each member's share, in the order of `members`, and the
    /// epoch.
    ///
    /// # Panics
    /// When `members` is empty or names somebody twice.
    pub fn install_stable_consumer(
        &mut self,
        now: SimTime,
        members: &[SteadyMember],
        topics: &[TopicDescription],
        out: &mut Vec<CoordinatorEffect>,
    ) -> (Vec<Partitions>, i32) {
        let mut machine = consumer::Coordinator::new(self.config.clone());
        let shares = machine.install_stable(now, members, topics, out);
        self.machine = Machine::Consumer(Box::new(machine));
        shares
    }

    // ---- what readers and checks ask ----

    /// True for a consumer group.
    #[must_use]
    pub fn is_consumer(&self) -> bool {
        matches!(self.machine, Machine::Consumer(_))
    }

    /// The group's state; `Dead` while the coordinator is away.
    #[must_use]
    pub fn state(&self) -> GroupState {
        match &self.machine {
            Machine::Classic(machine) => machine.state(),
            Machine::Consumer(machine) => machine.state(),
        }
    }

    /// When the group entered that state.
    #[must_use]
    pub fn state_since(&self) -> SimTime {
        match &self.machine {
            Machine::Classic(machine) => machine.state_since(),
            Machine::Consumer(machine) => machine.state_since(),
        }
    }

    /// The generation in force, or the group's epoch.
    #[must_use]
    pub fn generation(&self) -> i32 {
        match &self.machine {
            Machine::Classic(machine) => machine.generation(),
            Machine::Consumer(machine) => machine.epoch(),
        }
    }

    /// True for a member.
    #[must_use]
    pub fn contains(&self, member_id: &MemberId) -> bool {
        match &self.machine {
            Machine::Classic(machine) => machine.contains(member_id),
            Machine::Consumer(machine) => machine.contains(member_id),
        }
    }

    /// The member's generation: the group's, or in a consumer group its own epoch.
    #[must_use]
    pub fn member_epoch(&self, member_id: &MemberId) -> Option<i32> {
        match &self.machine {
            Machine::Classic(machine) => {
                machine.contains(member_id).then_some(machine.generation())
            }
            Machine::Consumer(machine) => machine.member_epoch(member_id),
        }
    }

    /// Member ids, in the classic coordinator's map order or in their own.
    #[must_use]
    pub fn members(&self) -> Vec<MemberId> {
        match &self.machine {
            Machine::Classic(machine) => machine.members().cloned().collect(),
            Machine::Consumer(machine) => machine.members().cloned().collect(),
        }
    }

    /// What the member may use as far as the coordinator has given it out.
    #[must_use]
    pub fn assignment(&self, member_id: &MemberId) -> Option<Partitions> {
        match &self.machine {
            Machine::Classic(machine) => machine.assignment(member_id).cloned(),
            Machine::Consumer(machine) => machine.assignment(member_id),
        }
    }

    /// Members for whom the rebalance under way waits: to join, or to reach their target.
    #[must_use]
    pub fn awaited(&self) -> Vec<MemberId> {
        match &self.machine {
            Machine::Classic(machine) => machine.awaited().cloned().collect(),
            Machine::Consumer(machine) => machine.awaited().cloned().collect(),
        }
    }

    /// What must hold between two inputs.
    ///
    /// # Errors
    /// The first thing that does not, in words.
    pub fn check(&self) -> Result<(), String> {
        match &self.machine {
            Machine::Classic(machine) => machine.check(),
            Machine::Consumer(machine) => machine.check(),
        }
    }
}

/// Whether a classic group may take in the sender of a heartbeat of the consumer protocol (`getOrMaybeCreateConsumerGroup`, `validateOnlineUpgrade`).
fn check_upgrade(
    config: &BrokerConfig,
    classic: &classic::Coordinator,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), ErrorCode> {
    if classic.state() == GroupState::Dead {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    consumer::validate(&config.consumer, request)?;
    let too_many = classic.members().count() > config.consumer.max_size as usize;
    let refused = !config.consumer.migration_policy.upgrades() || too_many;
    if request.member_epoch != JOIN_EPOCH || classic.state() != GroupState::Empty && refused {
        Err(ErrorCode::GroupIdNotFound)
    } else {
        Ok(())
    }
}

/// What fails only when the group is being converted, so that who waits for its rebalance has been sent away already (`convertToConsumerGroup`,
/// `throwIfConsumerGroupIsFull`). A group that has never chosen an assignor has no metadata to convert: an exception that nobody catches
/// (`ConsumerGroup.fromClassicGroup`, `protocolName().get()`).
fn check_conversion(
    config: &BrokerConfig,
    classic: &classic::Coordinator,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), ErrorCode> {
    let room = config.consumer.max_size as usize;
    let has_place = config.consumer.static_members_have_room
        && request
            .instance_id
            .as_deref()
            .is_some_and(|instance_id| classic.has_static_member(instance_id));
    if classic.state() != GroupState::Empty && classic.assignor().is_none() {
        Err(ErrorCode::UnknownServerError)
    } else if classic.members().count() == room
        && !has_place
        && !classic.contains(&request.member_id)
    {
        Err(ErrorCode::GroupMaxSizeReached)
    } else {
        Ok(())
    }
}
