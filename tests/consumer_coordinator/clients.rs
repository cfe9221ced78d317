//! Clients for random scripts: as much of Java's consumers as decides what the coordinator gets to hear, with no time of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use rebsim::assignor::{AssignorKind, TopicId, TopicPartition};
use rebsim::protocol::message::{
    ConsumerGroupHeartbeatResponse, ErrorCode, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveCause, LeaveGroupRequest, Request, RequestToken, Response,
    SyncGroupRequest,
};
use rebsim::timeline::Partitions;

use crate::group::{Beat, Group, classic_join, id, share};

/// splitmix64
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Does its part.
    Alive,
    /// Says nothing any more.
    Crashed,
    /// Has left and may come back.
    Away,
    /// Failed for good, or has left.
    Gone,
}

/// What a member of the classic protocol waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Classic {
    /// To be let in, or in again.
    Out,
    Joining(RequestToken),
    Syncing(RequestToken),
    Member,
}

/// One client.
pub(crate) struct Client {
    pub(crate) id: String,
    name: u64,
    lives: u64,
    instance: Option<String>,
    pub(crate) topics: Vec<u32>,
    life: Life,
    /// Its epoch or generation as far as it knows; 0: it is to join.
    epoch: i32,
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// What it was told to own and has not applied yet.
    told: Option<Partitions>,
    /// It has applied what it was told, and has not said so.
    unsaid: bool,
    /// It did not hear the last answer: it will say everything again.
    unsure: bool,
    /// What it has been told to own and was missing from a list that it sent since, in a heartbeat whose answer it did not hear.
    disowned: BTreeSet<TopicPartition>,
    /// What it uses by an answer from before such a list. The coordinator may have given it to somebody else: a list of owned partitions without one that
    /// is to be given up counts as giving it up (4.4: `CurrentAssignmentBuilder.ownsRevokedPartitions`, called by `computeNextAssignment`). Java's client sends such
    /// a list when a heartbeat fails (`ConsumerHeartbeatRequestManager.HeartbeatState.reset`, then `buildRequestData` with `currentAssignment()`), which lacks what is
    /// being reconciled until `onPartitionsAssigned` is through (`AbstractMembershipManager.revokeAndAssign`). A hole of Kafka's own, until the next answer.
    pub(crate) outdated: BTreeSet<TopicPartition>,
    classic: Option<Classic>,
}

impl Client {
    pub(crate) fn random(name: u64, topics: &[u32], dice: &mut Dice) -> Self {
        let classic = dice.one_in(4).then_some(Classic::Out);
        Self {
            id: if classic.is_some() {
                String::new()
            } else {
                format!("m{name}")
            },
            name,
            lives: 0,
            instance: (classic.is_none() && dice.one_in(3)).then(|| format!("i{}", name % 5)),
            topics: topics.to_vec(),
            life: Life::Alive,
            epoch: 0,
            owned: BTreeSet::new(),
            told: None,
            unsaid: false,
            unsure: false,
            disowned: BTreeSet::new(),
            outdated: BTreeSet::new(),
            classic,
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.life == Life::Gone
    }

    /// It takes part, as far as it knows.
    pub(crate) fn is_in(&self) -> bool {
        self.life == Life::Alive
    }

    pub(crate) fn is_classic(&self) -> bool {
        self.classic.is_some()
    }

    /// It is alive, a member, and at its epoch: no zombie.
    pub(crate) fn believes_rightly(&self, group: &Group) -> bool {
        let known = group.coordinator.member_epoch(&id(&self.id));
        self.life == Life::Alive
            && match self.classic {
                None => known.is_some() && self.epoch > 0,
                Some(_) => known == Some(self.epoch),
            }
    }

    /// Does something, perhaps something nasty.
    pub(crate) fn act(&mut self, group: &mut Group, dice: &mut Dice) {
        match (self.life, dice.below(40)) {
            (Life::Alive, 0) => self.life = Life::Crashed,
            (Life::Alive, 1) => self.leave(group, dice.one_in(2)),
            (Life::Alive, 2) if self.classic.is_none() => {
                // Its answer is lost.
                self.beat(group, false);
            }
            (Life::Alive, 3) if self.classic.is_none() && self.epoch > 0 => self.commit(group),
            (Life::Alive, _) => self.behave(group),
            (Life::Crashed | Life::Away, 0..20) => self.start_again(),
            (Life::Crashed | Life::Away, _) | (Life::Gone, _) => {}
        }
    }

    /// Does its part.
    pub(crate) fn behave(&mut self, group: &mut Group) {
        match (self.life, self.classic) {
            (Life::Alive, Some(state)) => self.behave_classic(state, group),
            (Life::Alive, None) => {
                if let Some(told) = self.told.take() {
                    self.owned = told.iter().copied().collect();
                    self.unsaid = true;
                    self.outdated = &self.owned & &self.disowned;
                }
                self.beat(group, true);
            }
            (Life::Crashed | Life::Away, _) => self.start_again(),
            (Life::Gone, _) => {}
        }
    }

    fn start_again(&mut self) {
        self.life = Life::Alive;
        self.lives += 1;
        self.lose_all();
        match &mut self.classic {
            None => self.id = format!("m{}-{}", self.name, self.lives),
            Some(classic) => {
                self.id = String::new();
                *classic = Classic::Out;
            }
        }
    }

    fn lose_all(&mut self) {
        self.owned.clear();
        (self.epoch, self.told, self.unsaid, self.unsure) = (0, None, false, false);
        self.disowned.clear();
        self.outdated.clear();
    }

    fn owned_list(&self) -> Partitions {
        self.owned.iter().copied().collect()
    }

    fn commit(&mut self, group: &mut Group) {
        let error = group.commit(&self.id, self.epoch, &self.owned_list());
        let known = group.coordinator.member_epoch(&id(&self.id));
        if known == Some(self.epoch) {
            assert_eq!(error, ErrorCode::None, "{} at its epoch", self.id);
        }
    }

    // ---- the consumer protocol ----

    fn beat(&mut self, group: &mut Group, hears: bool) {
        let mut beat = if self.epoch == 0 {
            Beat::join(&self.id)
        } else {
            Beat::new(&self.id, self.epoch)
        };
        if let Some(instance) = &self.instance {
            beat = beat.instance(instance);
        }
        if self.epoch == 0 || self.unsure {
            beat = beat.topics(&self.topics).rebalance(60_000);
        }
        if self.epoch > 0 && (self.unsaid || self.unsure) {
            beat = beat.owned(&self.owned_list());
            let told = self.told.iter().flat_map(|told| told.iter()).copied();
            self.disowned
                .extend(told.filter(|partition| !self.owned.contains(partition)));
        }
        let token = group.send(Request::ConsumerGroupHeartbeat(beat.0));
        let answer = match group.replies.remove(&token) {
            Some(Response::ConsumerGroupHeartbeat(answer)) => answer,
            other => panic!("{other:?} is no answer to a heartbeat"),
        };
        if hears {
            self.take(answer);
        } else {
            self.unsure = true;
        }
    }

    fn take(&mut self, answer: ConsumerGroupHeartbeatResponse) {
        match answer.error {
            ErrorCode::None => {
                self.epoch = answer.member_epoch;
                (self.unsaid, self.unsure) = (false, false);
                self.disowned.clear();
                if let Some(told) = answer.assignment {
                    self.told = Some(told);
                }
            }
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => self.lose_all(),
            ErrorCode::UnreleasedInstanceId
            | ErrorCode::FencedInstanceId
            | ErrorCode::GroupIdNotFound
            | ErrorCode::GroupMaxSizeReached => {
                self.lose_all();
                self.life = Life::Gone;
            }
            other => panic!("{} is answered {}", self.id, other.name()),
        }
    }

    fn leave(&mut self, group: &mut Group, for_now: bool) {
        self.life = Life::Gone;
        if self.classic.is_some() {
            let request = LeaveGroupRequest {
                member_id: id(&self.id),
                instance_id: None,
                cause: LeaveCause::Closed,
            };
            group.send(Request::LeaveGroup(request));
        } else if self.epoch > 0 {
            let beat = match &self.instance {
                Some(instance) if for_now => {
                    self.life = Life::Away;
                    Beat::leave_for_now(&self.id, instance)
                }
                Some(instance) => Beat::leave(&self.id).instance(instance),
                None => Beat::leave(&self.id),
            };
            group.send(Request::ConsumerGroupHeartbeat(beat.0));
        }
        self.lose_all();
    }

    // ---- the classic protocol, eager ----

    fn behave_classic(&mut self, state: Classic, group: &mut Group) {
        match state {
            Classic::Out => self.join(group),
            Classic::Joining(_) | Classic::Syncing(_) => {}
            Classic::Member => {
                let request = HeartbeatRequest {
                    member_id: id(&self.id),
                    instance_id: None,
                    generation: self.epoch,
                };
                let token = group.send(Request::Heartbeat(request));
                match group.replies.remove(&token) {
                    Some(Response::Heartbeat(ErrorCode::None)) => {}
                    Some(Response::Heartbeat(ErrorCode::RebalanceInProgress)) => self.join(group),
                    Some(Response::Heartbeat(error)) => self.begin_anew(error),
                    other => panic!("{other:?} is no answer to a heartbeat"),
                }
            }
        }
    }

    fn join(&mut self, group: &mut Group) {
        self.owned.clear();
        let mut join: JoinGroupRequest = classic_join(&self.id, &share(&[]));
        self.lives += 1;
        join.proposed_member_id = id(&format!("c{}-{}", self.name, self.lives));
        let mut subscription = (*join.subscription).clone();
        subscription.topics = self.topics.iter().map(|&topic| TopicId(topic)).collect();
        join.subscription = Arc::new(subscription);
        self.classic = Some(Classic::Joining(group.send(Request::JoinGroup(join))));
    }

    fn begin_anew(&mut self, error: ErrorCode) {
        match error {
            ErrorCode::RebalanceInProgress => {}
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                self.lose_all();
                self.id = String::new();
            }
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {}
            ErrorCode::InconsistentGroupProtocol | ErrorCode::GroupMaxSizeReached => {
                self.life = Life::Gone;
            }
            other => panic!("{} is answered {}", self.id, other.name()),
        }
        self.classic = Some(Classic::Out);
    }

    /// Answers that have come for requests that were parked.
    pub(crate) fn hear(&mut self, group: &mut Group) {
        while let Some(Classic::Joining(token) | Classic::Syncing(token)) = self.classic
            && let Some(answer) = group.replies.remove(&token)
        {
            if self.life != Life::Alive {
                return;
            }
            match answer {
                Response::JoinGroup(answer) => self.joined(answer, group),
                Response::SyncGroup(Ok(owned)) => {
                    self.owned = owned.iter().copied().collect();
                    self.classic = Some(Classic::Member);
                }
                Response::SyncGroup(Err(error)) => self.begin_anew(error),
                other => panic!("{other:?} to JoinGroup or SyncGroup"),
            }
        }
    }

    fn joined(&mut self, answer: JoinGroupResponse, group: &mut Group) {
        match answer.error {
            ErrorCode::None => {
                self.id = answer.member_id.as_str().to_owned();
                self.epoch = answer.generation;
                let request = SyncGroupRequest {
                    member_id: answer.member_id.clone(),
                    instance_id: None,
                    generation: answer.generation,
                    assignor: AssignorKind::Range,
                    assignments: deal(&answer, &group.topics),
                };
                self.classic = Some(Classic::Syncing(group.send(Request::SyncGroup(request))));
            }
            ErrorCode::MemberIdRequired => {
                self.id = answer.member_id.as_str().to_owned();
                self.classic = Some(Classic::Out);
            }
            error => self.begin_anew(error),
        }
    }
}

/// What a leader makes of it: every partition to one of those who subscribe to its topic, in turn.
fn deal(
    answer: &JoinGroupResponse,
    topics: &[rebsim::assignor::TopicDescription],
) -> Vec<(rebsim::assignor::MemberId, Partitions)> {
    let mut shares: Vec<Vec<TopicPartition>> = vec![Vec::new(); answer.members.len()];
    for (place, description) in topics.iter().enumerate() {
        let topic = TopicId(place as u32);
        let takers: Vec<usize> = (0..answer.members.len())
            .filter(|&member| answer.members[member].subscription.topics.contains(&topic))
            .collect();
        for partition in 0..description.partitions {
            if let Some(&taker) = takers.get(partition as usize % takers.len().max(1)) {
                shares[taker].push(TopicPartition { topic, partition });
            }
        }
    }
    answer
        .members
        .iter()
        .zip(shares)
        .map(|(member, share)| (member.member_id.clone(), share.into()))
        .collect()
}
