//! The consumer protocol (KIP-848): ConsumerGroupHeartbeat.
//!
//! The broker's side is [`Coordinator`]: `coordinator` has its inputs and its outbox, `group` what it keeps, `table` in which order, `heartbeat`, `epochs`,
//! `reconcile`, `target`, `leave`, `offsets`, `failover`, `classic_members` and `conversion` one rule book each.

mod classic_members;
mod conversion;
pub mod coordinator;
mod epochs;
mod failover;
mod group;
mod heartbeat;
mod leave;
mod offsets;
mod reconcile;
mod table;
mod target;

pub use conversion::{Downgraded, Upgraded};
pub use coordinator::Coordinator;
pub use failover::SteadyMember;
pub use heartbeat::{refuse, validate};
