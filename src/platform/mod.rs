//! What starts and stops consumers: Kubernetes' workload controllers, pods, budgets and nodes, as machines without I/O.
//!
//! A machine is handed what it may see and the time, and says what it wants done; it schedules nothing, draws nothing and
//! knows nothing of Kafka. Whoever owns the pods (the cluster of a run, a replay of recorded worlds) carries it out.

pub mod deployment;
pub mod disruption;
pub mod node;
pub mod pod;
pub mod quantity;
pub mod statefulset;
