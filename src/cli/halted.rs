//! What to say about a replication that did not reach its end.

use std::num::NonZeroU64;

use super::again;
use super::exit::Failure;
use crate::cluster::Halt;
use crate::kernel::Seed;

/// Which replication it was.
pub(crate) struct Who<'w> {
    pub(crate) scenario: &'w str,
    pub(crate) variant: &'w str,
    pub(crate) seed: Seed,
    /// Digest of the resolved scenario.
    pub(crate) hash: &'w str,
    /// The command that repeats it, without variant and seed.
    pub(crate) again: &'w str,
    pub(crate) event_limit: NonZeroU64,
}

/// The failure that `halt` is.
pub(crate) fn failure(halt: Halt, who: &Who<'_>) -> Failure {
    let again = again::one(who.again, who.variant, who.seed);
    let name = format!("{} / {}, seed {}", who.scenario, who.variant, who.seed.0);
    match halt {
        Halt::EventLimit {
            at,
            events,
            busiest,
        } => {
            let mut text = format!("{name}: stopped at {at} after {events} control events");
            for (what, count) in busiest {
                text.push_str(&format!("\n  {count} {what}"));
            }
            let again = format!("{again} --event-limit {}", who.event_limit);
            Failure::EventLimit(format!("{text}\nagain: {again}"))
        }
        Halt::Invariant { at, message } => {
            let hash = who.hash;
            Failure::Bug(format!(
                "this is a bug in rebsim: at {at} {message}\n{name}, scenario {hash}\nagain: {again}"
            ))
        }
    }
}
