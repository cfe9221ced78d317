//! What happens around the protocol, as pure functions of (seed, entity, index or time): arrivals, skew, service times.
//!
//! Every answer depends on its arguments alone: never on who asks, in which order, or what the protocol does in between.

pub mod arrivals;
pub mod assignor_cost;
pub mod cpu;
pub mod crew;
pub mod distribution;
pub mod downstream;
pub mod failures;
pub mod memory;
pub mod murmur2;
mod normal;
pub mod refusal;
pub mod restore;
pub mod service;
pub mod skew;

pub use refusal::Refusal;
