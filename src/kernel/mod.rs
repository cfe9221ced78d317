//! The discrete-event kernel: time, total event order, keyed timers, named random streams.
//!
//! It knows nothing of Kafka and refuses to learn: no I/O, no clock of the machine, no floats in time.

pub mod calendar;
pub mod draw;
pub mod time;
pub mod timers;
pub mod words;

pub use calendar::{Calendar, Order, Place};
pub use draw::{Draw, Seed, Stream};
pub use time::{SimDuration, SimTime};
pub use timers::{Tick, Timers};
