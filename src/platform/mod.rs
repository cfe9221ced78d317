//! What starts and stops consumers: Kubernetes' workload controllers, pods, budgets, nodes and autoscalers, as machines without
//! I/O.
//!
//! A machine is handed what it may see and the time, and says what it wants done; it schedules nothing, draws nothing and
//! knows of Kafka no more than offsets. Whoever owns the pods (the cluster of a run, a replay of recorded worlds) carries it
//! out.

pub mod api_time;
pub mod backoff;
pub mod deployment;
pub mod deployment_step;
pub mod disruption;
pub mod hpa;
pub mod keda;
pub mod metrics_server;
pub mod node;
pub mod pod;
pub mod pod_name;
pub mod quantity;
pub mod replica_set;
pub mod statefulset;
pub mod termination;
pub mod threshold;
