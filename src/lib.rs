//! rebsim: a deterministic discrete-event simulator of Kafka consumer-group rebalancing.

pub mod assignor;
pub mod cli;
pub mod cluster;
pub mod experiment;
pub mod import;
pub mod kernel;
pub mod metrics;
pub mod platform;
pub mod protocol;
pub mod report;
pub mod scenario;
pub mod timeline;
pub mod workload;
