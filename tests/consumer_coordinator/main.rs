//! The coordinator of consumer groups against Kafka's rules, one sentence a test. Names of Kafka's own unit tests are in the
//! comments (`GroupMetadataManagerTest` unless another class is named).

mod backoff;
mod classic_members;
mod clients;
mod conversion;
mod epochs;
mod failover;
mod group;
mod heartbeat;
mod leave;
mod offsets;
mod patterns;
mod random;
mod recorded;
mod replay;
mod static_members;
mod target;
