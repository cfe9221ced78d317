//! Kafka's protocols by hand: timelines to the microsecond, common mistakes, what Kafka's own system tests hold.

#[path = "timelines/absences.rs"]
mod absences;
#[path = "timelines/async_client.rs"]
mod async_client;
#[path = "timelines/closing.rs"]
mod closing;
#[path = "timelines/commits.rs"]
mod commits;
#[path = "timelines/consumer.rs"]
mod consumer;
#[path = "timelines/consumer_away.rs"]
mod consumer_away;
#[path = "timelines/coordinator.rs"]
mod coordinator;
#[path = "timelines/fetching.rs"]
mod fetching;
#[path = "timelines/hand.rs"]
mod hand;
#[path = "timelines/hosting.rs"]
mod hosting;
#[path = "timelines/joins.rs"]
mod joins;
#[path = "timelines/mistakes.rs"]
mod mistakes;
#[path = "timelines/overlaps.rs"]
mod overlaps;
#[path = "timelines/patterns.rs"]
mod patterns;
#[path = "timelines/pauses.rs"]
mod pauses;
#[path = "timelines/rounds.rs"]
mod rounds;
#[path = "timelines/support.rs"]
mod support;
#[path = "timelines/system.rs"]
mod system;
#[path = "timelines/system_consumer.rs"]
mod system_consumer;
#[path = "timelines/timeouts.rs"]
mod timeouts;
#[path = "timelines/topics.rs"]
mod topics;
