//! Kafka's state machines: input → effects. No randomness, no I/O, no clock.

pub mod backoff;
pub mod classic;
pub mod config;
pub mod consumer;
pub mod coordinator;
pub mod effect;
pub mod message;
pub mod record;
pub mod rules;
