//! The classic coordinator against Kafka's rules, one sentence a test. Names of Kafka's own unit tests are in the
//! comments (`GroupMetadataManagerTest` unless another class is named).

mod failover;
mod group;
mod initial_delay;
mod join;
mod join_phase;
mod observed;
mod offsets;
mod random;
mod replacement;
mod session;
mod sync;
