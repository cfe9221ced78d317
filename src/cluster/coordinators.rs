//! The broker's side of every group: hosts the coordinator machine, its timers and log, the connections of its members
//! and the committed offsets.
//!
//! A connection serves one request at a time (Kafka mutes the channel until the answer is out): what a client sends while its JoinGroup is parked
//! waits behind it.

use std::collections::{BTreeMap, VecDeque};

use super::client::Answer;
use super::ground::Packet;
use super::ledger::Account;
use crate::assignor::{ConsumerId, MemberId};
use crate::kernel::{Draw, SimDuration, SimTime, Timers};
use crate::protocol::classic::Coordinator;
use crate::protocol::effect::CoordinatorTimer;
use crate::protocol::message::{ErrorCode, JoinGroupResponse, Request, RequestToken, Response};

/// One request at the broker.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) token: RequestToken,
    pub(super) packet: Packet,
    /// Time of the answer on its way back.
    pub(super) back: SimDuration,
}

/// The broker's end of one client's connection to its coordinator.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The request being served.
    pub(super) serving: Option<RequestToken>,
    /// Behind it.
    pub(super) queue: VecDeque<Inbound>,
    /// Answers keep their order.
    pub(super) last_answer: SimTime,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReturnAddress {
    pub(super) consumer: ConsumerId,
    pub(super) incarnation: u32,
    pub(super) back: SimDuration,
    pub(super) purpose: Option<crate::protocol::classic::member::CommitPurpose>,
}

/// One group on its broker.
#[derive(Debug)]
pub(super) struct HostedGroup {
    pub(super) coordinator: Coordinator,
    pub(super) timers: Timers<CoordinatorTimer>,
    /// What the group did, by flat index of the partition.
    pub(super) accounts: Vec<Account>,
    /// Whose id it is.
    pub(super) processes: BTreeMap<MemberId, ConsumerId>,
    /// Unanswered requests.
    pub(super) unanswered: BTreeMap<RequestToken, ReturnAddress>,
    /// Can be reached.
    pub(super) available: bool,
    pub(super) append: Draw,
    /// Writes are committed in order.
    pub(super) last_append: SimTime,
}

/// What a broker answers that is not (or no longer) the group's coordinator.
pub(super) fn not_coordinator(packet: &Packet) -> Answer {
    let error = ErrorCode::NotCoordinator;
    match packet {
        Packet::Group(Request::JoinGroup(request)) => {
            Answer::Group(Response::JoinGroup(JoinGroupResponse {
                error,
                generation: -1,
                assignor: None,
                leader: MemberId::unknown(),
                member_id: request.member_id.clone(),
                skip_assignment: false,
                members: Vec::new(),
            }))
        }
        Packet::Group(Request::SyncGroup(_)) => Answer::Group(Response::SyncGroup(Err(error))),
        Packet::Group(Request::Heartbeat(_)) => Answer::Group(Response::Heartbeat(error)),
        Packet::Group(Request::LeaveGroup(_)) => Answer::Group(Response::LeaveGroup(error)),
        Packet::Group(Request::OffsetCommit(_)) => Answer::Group(Response::OffsetCommit(error)),
        Packet::Commit(purpose, _) => Answer::Commit(*purpose, error),
        Packet::OffsetFetch(_) => Answer::Disconnected,
        Packet::FindCoordinator => Answer::Coordinator(false),
    }
}
