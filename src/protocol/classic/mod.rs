//! The classic group protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup).
//!
//! The broker's side is [`Coordinator`]: `coordinator` has its inputs and its outbox, `group` what it keeps, `join`,
//! `sync`, `session`, `replacement`, `offsets` and `failover` one rule book each.

pub mod coordinator;
mod failover;
mod group;
mod hash_map;
mod join;
mod offsets;
mod replacement;
mod session;
mod sync;
mod votes;

pub use coordinator::Coordinator;
pub use failover::{GroupRecord, MemberRecord};
pub use join::NEW_MEMBER_JOIN_TIMEOUT;
