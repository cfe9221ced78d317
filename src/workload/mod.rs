//! What happens around the protocol, as pure functions of (seed, entity, index or time): arrivals, skew, service times.

pub mod arrivals;
pub mod distribution;
pub mod service;
