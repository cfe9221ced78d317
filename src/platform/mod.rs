//! What starts and stops consumers: Kubernetes' workload controllers, pods, budgets and nodes, as machines without I/O.
//!
//! A machine is handed what it may see and the time, and says what it wants done; it schedules nothing, draws nothing and
//! knows nothing of Kafka. Whoever owns the pods (the cluster of a run, a replay of recorded worlds) carries it out.

pub mod backoff;
pub mod deployment;
pub mod deployment_step;
pub mod disruption;
pub mod node;
pub mod pod;
pub mod pod_name;
pub mod quantity;
pub mod replica_set;
pub mod statefulset;
pub mod termination;
