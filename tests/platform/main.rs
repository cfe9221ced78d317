//! The controllers of workloads: what Kubernetes' own did, the vectors of the reference, and what must always hold.

mod deployments;
mod golden;
mod properties;
mod statefulsets;
mod world;
