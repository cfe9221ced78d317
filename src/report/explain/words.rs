//! Names, instants and needs in words: what is waited for, and of whom.

use crate::assignor::{ConsumerId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::barrier::Wait;
use crate::metrics::stall::{Leg, Loss, Need};
use crate::timeline::{CallbackKind, Cast};

/// An instant to the microsecond: `9m51.223561s`.
#[must_use]
pub fn instant(at: SimTime) -> String {
    let micros = at.as_micros();
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}.{micros:06}s"),
        (0, _) => format!("{minutes}m{seconds:02}.{micros:06}s"),
        _ => format!("{hours}h{minutes:02}m{seconds:02}.{micros:06}s"),
    }
}

/// A length to the microsecond: `7.500200 s`.
#[must_use]
pub fn length(micros: u64) -> String {
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

/// `topic-partition`
#[must_use]
pub fn partition(cast: &Cast, partition: TopicPartition) -> String {
    let topic = cast.topics.get(partition.topic.index());
    let topic = topic.map_or("?", |topic| &*topic.0);
    format!("{topic}-{}", partition.partition)
}

/// `<group>/<name>`
#[must_use]
pub fn member(cast: &Cast, consumer: ConsumerId) -> &str {
    let facts = cast.consumers.get(consumer.index());
    facts.map_or("a member", |facts| &facts.name)
}

/// The callback's name in `ConsumerRebalanceListener`.
pub(super) const fn callback(kind: CallbackKind) -> &'static str {
    match kind {
        CallbackKind::Revoked => "onPartitionsRevoked",
        CallbackKind::Lost => "onPartitionsLost",
        CallbackKind::Assigned => "onPartitionsAssigned",
    }
}

/// What a leg waits for.
#[must_use]
pub(super) fn need(cast: &Cast, leg: &Leg) -> String {
    let who = leg.who.map_or("a member", |who| member(cast, who));
    match leg.need {
        Need::Session(loss) => {
            let how = match loss {
                Loss::Gone => "is gone",
                Loss::Silent => "closes and says nothing",
                Loss::Frozen => "stands still",
                Loss::Disconnected => "is cut off",
                Loss::PollDeadline => "is past its poll deadline",
            };
            format!("{who} {how}, and its coordinator does not know")
        }
        Need::Callback(kind) => format!("{who} is in {}", callback(kind)),
        Need::Commit => format!("{who} commits before it gives the partition up"),
        Need::Busy(kind) => format!("{who} is in {} for other partitions", callback(kind)),
        Need::Restore => format!("{who} restores state"),
        Need::Position => format!("{who} looks up its offset"),
        Need::Fetch => format!(
            "{who} waits for its first fetch: poll() sends it, and not while records of that broker are buffered"
        ),
        Need::Leader => format!("{who}, the leader, assigns and sends SyncGroup"),
        Need::Stored => "the coordinator stores the assignment".to_owned(),
        Need::Delivery => format!("the assignment is on its way to {who}, or waits for its poll()"),
        Need::Release => format!("{who} has not given it up"),
        Need::Acknowledge => format!("{who} has given it up and has not said so"),
        Need::Heartbeat => format!("{who} has not heard of it: its next heartbeat is not due"),
        Need::Target => "the coordinator has no target for it".to_owned(),
        Need::Rejoin => format!("{who} has to join again"),
        Need::Round => "the group has not noticed it".to_owned(),
        Need::Join(wait) => match wait {
            Wait::Heartbeat => {
                format!("{who} has not heard of the rebalance: its next heartbeat is not due")
            }
            Wait::Batch => format!("{who} is in a batch"),
            Wait::Callback => format!("{who} is in a callback"),
            Wait::Stall => format!("{who} stands still"),
            Wait::Session => format!("{who} is gone, and its session has to expire"),
            Wait::Join => format!("the JoinGroup of {who} is under way"),
            Wait::Timer => "everybody has joined; the coordinator waits for more".to_owned(),
        },
        Need::RebalanceTimeout => {
            "everybody has joined who will; the coordinator waits until the rebalance timeout"
                .to_owned()
        }
        Need::Leave => format!("the LeaveGroup of {who} is under way"),
        Need::Return => format!("{who} said that it would be back"),
        Need::Member => "nobody runs who subscribes to it".to_owned(),
        Need::Admission => "who runs has not been let into the group".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_lengths_are_exact() {
        let at = SimTime::from_micros(3_725_000_001);
        assert_eq!(instant(at), "1h02m05.000001s");
        assert_eq!(instant(SimTime::from_micros(61_000_000)), "1m01.000000s");
        assert_eq!(instant(SimTime::from_micros(5)), "0.000005s");
        assert_eq!(length(14_108_219), "14.108219 s");
    }
}
