//! Recorded worlds of Kubernetes' controllers.

pub mod hpa;
