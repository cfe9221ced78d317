//! The consumer group protocol (KIP-848: ConsumerGroupHeartbeat).
//!
//! The broker's side is [`Coordinator`]: `coordinator` has its inputs and its outbox, `group` what it keeps, `table` in which order, `heartbeat`, `epochs`,
//! `reconcile`, `target`, `patterns`, `leave`, `offsets`, `failover`, `classic_members` and `conversion` one rule book each. The client's side is [`Member`]: `member`
//! has what it keeps and its inputs, `member_heartbeat` what it sends and what answers do, `member_assignment` how an assignment is reconciled, lost or
//! given back, `commit` what it commits.

mod classic_members;
mod commit;
mod conversion;
pub mod coordinator;
mod epochs;
mod failover;
mod group;
mod heartbeat;
mod leave;
pub mod member;
mod member_assignment;
mod member_heartbeat;
mod offset_fetch;
mod offsets;
mod patterns;
mod reconcile;
mod table;
mod target;

pub use conversion::{Downgraded, Upgraded};
pub use coordinator::Coordinator;
pub use failover::SteadyMember;
pub use heartbeat::{refuse, validate};
pub use member::Member;
