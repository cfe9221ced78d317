//! The classic group protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup).
//!
//! The broker's side is [`Coordinator`]: `coordinator` has its inputs and its outbox, `group` what it keeps, `join`,
//! `sync`, `session`, `replacement`, `offsets`, `failover` and `conversion` one rule book each. The client's side is [`Member`]:
//! `member` has what it keeps and its inputs, `rejoin` one join attempt step by step, `heartbeat` its heartbeat thread, `commit` its commits,
//! `answers` what answers do, `offset_fetch` one of them.

mod answers;
mod commit;
mod conversion;
pub mod coordinator;
mod failover;
mod group;
mod heartbeat;
mod join;
pub mod member;
mod offset_fetch;
mod offsets;
mod rejoin;
mod replacement;
mod session;
mod sync;
mod votes;

pub use conversion::{Dissolved, Downgrade};
pub use coordinator::Coordinator;
pub use join::NEW_MEMBER_JOIN_TIMEOUT;
pub use member::Member;
pub use votes::select_assignor;

pub use crate::protocol::record::{GroupRecord, MemberRecord};
