//! The stalls of one partition, each cut into legs: from which event on it waited for what, and for whom, to the microsecond.
//!
//! The legs lie within the spans of [`super::availability`], whose causes they carry, and tile them: nothing is left over.
//! [`origin`] goes from the first event back to what began it outside the group.

mod fold;
mod origin;
mod phases;
mod platform;

pub use fold::stalls;
pub use origin::origin;

use super::barrier::Wait;
use super::cause::Cause;
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::CallbackKind;

/// Why a member serves no more while its coordinator does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Its process is gone.
    Gone,
    /// It closed and said nothing (a static member of the classic protocol).
    Silent,
    /// Every thread of it stands still.
    Frozen,
    /// Its network is cut.
    Disconnected,
    /// It is past `max.poll.interval.ms`.
    PollDeadline,
}

/// What a partition that is down waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The member comes back, or its session expires, or it says that it leaves.
    Session(Loss),
    /// The member's callback, in which the partition is, returns.
    Callback(CallbackKind),
    /// The member's commit before it gives the partition up.
    Commit,
    /// The member that is to get it ends a callback for other partitions.
    Busy(CallbackKind),
    /// The member restores state.
    Restore,
    /// The member learns from which offset to read.
    Position,
    /// The member's first fetch comes back.
    Fetch,
    /// The leader's assignment arrives at the coordinator.
    Leader,
    /// The coordinator stores the assignment.
    Stored,
    /// The member takes its new share: the answer is on its way, or it has to `poll()` first.
    Delivery,
    /// The member that has it gives it up.
    Release,
    /// The member that gave it up says so, with a heartbeat.
    Acknowledge,
    /// The member that is to get it hears of it, with a heartbeat.
    Heartbeat,
    /// The coordinator computes a target that names somebody.
    Target,
    /// The member asks for another round.
    Rejoin,
    /// Somebody notices that the partition is there, and the group rebalances.
    Round,
    /// The last member joins: what it does meanwhile.
    Join(Wait),
    /// Everybody has joined who will: a member that is not let in, or does not come, holds the others up until the rebalance timeout.
    RebalanceTimeout,
    /// The member's LeaveGroup arrives.
    Leave,
    /// The static member that said it would come back does so, or its session expires.
    Return,
    /// Somebody starts.
    Member,
    /// A process that has started is let into the group.
    Admission,
}

impl Need {
    /// A word or two, for sums.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Callback(CallbackKind::Revoked) => "onPartitionsRevoked",
            Self::Callback(CallbackKind::Lost) => "onPartitionsLost",
            Self::Callback(CallbackKind::Assigned) => "onPartitionsAssigned",
            Self::Commit => "commit",
            Self::Busy(_) => "other callback",
            Self::Restore => "restoration",
            Self::Position => "offset",
            Self::Fetch => "first fetch",
            Self::Leader => "leader",
            Self::Stored => "log",
            Self::Delivery => "delivery",
            Self::Release => "release",
            Self::Acknowledge => "acknowledgement",
            Self::Heartbeat => "heartbeat",
            Self::Target => "target",
            Self::Rejoin => "rejoin",
            Self::Round => "next round",
            Self::Join(wait) => wait.words(),
            Self::RebalanceTimeout => "rebalance timeout",
            Self::Leave => "leave",
            Self::Return => "return",
            Self::Member => "no member",
            Self::Admission => "admission",
        }
    }
}

/// A part of a stall: one need, of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// From.
    pub from: SimTime,
    /// To (exclusive).
    pub to: SimTime,
    /// The cause, as the metrics count it.
    pub cause: Cause,
    /// What it waited for.
    pub need: Need,
    /// For whom, when it was a member's turn.
    pub who: Option<ConsumerId>,
    /// The event that began it: its place in the timeline. `None`: the run began so.
    pub began: Option<usize>,
    /// The group was a consumer group meanwhile.
    pub incremental: bool,
    /// The event since which that member is gone or stands still, when that is why it takes long.
    pub since: Option<usize>,
}

impl Leg {
    /// Length in microseconds.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.to.since(self.from).as_micros()
    }
}

/// One interval without service of one partition, uncut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The group.
    pub group: GroupId,
    /// The partition.
    pub partition: TopicPartition,
    /// From.
    pub from: SimTime,
    /// To (exclusive).
    pub to: SimTime,
    /// Its parts, one after the other, without a gap.
    pub legs: Vec<Leg>,
    /// The event that ended it: its place in the timeline. `None`: it lasts at the end of the run.
    pub ended: Option<usize>,
}

impl Stall {
    /// Length in microseconds.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.to.since(self.from).as_micros()
    }

    /// Microseconds by cause, in the order of [`Cause::ALL`].
    #[must_use]
    pub fn causes(&self) -> [u64; 8] {
        let mut causes = [0; 8];
        for leg in &self.legs {
            causes[leg.cause as usize] += leg.micros();
        }
        causes
    }
}
