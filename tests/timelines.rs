//! Kafka's classic protocol by hand: timelines to the microsecond, common mistakes, what Kafka's own system tests hold.

#[path = "timelines/absences.rs"]
mod absences;
#[path = "timelines/coordinator.rs"]
mod coordinator;
#[path = "timelines/hand.rs"]
mod hand;
#[path = "timelines/joins.rs"]
mod joins;
#[path = "timelines/support.rs"]
mod support;
