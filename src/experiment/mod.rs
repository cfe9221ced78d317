//! Experiments: every replication (variant × seed) of a scenario, played side by side and put back in order.
//!
//! The only module with threads. It owns which replications there are and what of each is kept; it knows no file, no
//! terminal and no format.

pub mod hpa_replay;
pub mod idle;
pub mod platform_replay;
mod pool;
pub mod replay;
mod replication;
pub mod sweep;
pub mod verdict;

pub use pool::processors;
pub use replication::{Played, Replication, Watch, play, playing};
