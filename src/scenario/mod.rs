//! From text to a valid plan.

pub mod plan;
