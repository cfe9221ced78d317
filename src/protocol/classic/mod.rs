//! The classic group protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup): the coordinator's side and the member's.

mod answers;
pub mod member;
mod rejoin;
