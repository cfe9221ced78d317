//! Readers of foreign text: what others recorded becomes values of this crate. Text comes in, never a file.

pub mod assignor_cases;
pub mod platform;
pub mod recording;
