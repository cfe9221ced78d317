//! The consumer group protocol (KIP-848: ConsumerGroupHeartbeat).
//!
//! The client's side is [`Member`]: `member` has what it keeps and its inputs, `member_heartbeat` what it sends and what answers do,
//! `member_assignment` how an assignment is reconciled, lost or given back.

pub mod member;
mod member_assignment;
mod member_heartbeat;

pub use member::Member;
