//! What befell one client before an instant: of which errors it may die then, as it would in Kafka.

use rebsim::assignor::ConsumerId;
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::timeline::{Entry, GroupState, Observation, Timeline};

/// No script's `poll()` takes longer while there is nothing to return.
const LONGEST_POLL: SimDuration = SimDuration::from_secs(1);

/// One client, and all that happened before it died.
pub(crate) struct Past<'a> {
    timeline: &'a Timeline,
    entries: &'a [Entry],
    consumer: ConsumerId,
    at: SimTime,
}

impl<'a> Past<'a> {
    /// What befell `consumer` before the entry at `place` of the timeline.
    pub(crate) fn before(timeline: &'a Timeline, place: usize, consumer: ConsumerId) -> Self {
        Self {
            timeline,
            entries: &timeline.entries[..place],
            consumer,
            at: timeline.entries[place].at,
        }
    }

    /// A client with this past dies of `error` in Kafka too.
    pub(crate) fn may_fail_with(&self, error: &str) -> bool {
        match error {
            // A coordinator that begins anew knows no assignor of a member but the one in force (the log has no more), so a newcomer that does not support that
            // one is refused.
            "InconsistentGroupProtocolException" => self.outages().next().is_some(),
            // A SyncGroup that finds the coordinator loading is refused with an error that its client does not expect (`SyncGroupResponseHandler`).
            "KafkaException" => self.met_a_loading_coordinator(),
            // An OffsetFetch of somebody who is no member any more and has not heard of it (`CommitRequestManager`: the error goes up to `poll()`).
            "UnknownMemberIdException" => self.is_removed(),
            // The same of somebody who has left by itself, or was fenced, and has no epoch to ask again with (`OffsetFetchRequestState.onFailure`).
            "StaleMemberEpochException" => self.has_no_epoch(),
            "FencedInstanceIdException" => self.is_known_by_an_old_id(),
            _ => false,
        }
    }

    /// Where the coordinator of its group went away, latest first: places in `entries`.
    fn outages(&self) -> impl Iterator<Item = usize> {
        let of = self.timeline.cast.consumers[self.consumer.index()].group;
        let places = self.entries.iter().enumerate().rev();
        places.filter_map(move |(place, entry)| match entry.observation {
            Observation::CoordinatorAvailable {
                group,
                available: false,
                ..
            } if group == of => Some(place),
            _ => None,
        })
    }

    /// The coordinator was away or loading less than a round trip ago.
    fn met_a_loading_coordinator(&self) -> bool {
        let Some(outage) = self.outages().next() else {
            return false;
        };
        let of = self.timeline.cast.consumers[self.consumer.index()].group;
        let back = self.entries[outage..]
            .iter()
            .find(|entry| match entry.observation {
                Observation::CoordinatorAvailable {
                    group, available, ..
                } => group == of && available,
                _ => false,
            });
        back.is_none_or(|back| self.at.since(back.at) <= SimDuration::from_millis(100))
    }

    /// The coordinator removed it and has not taken it in again, or so lately that its application, which looks once a `poll()`, hears of the refused request only now.
    fn is_removed(&self) -> bool {
        let last = self.entries.iter().rev().find_map(|entry| {
            let (consumer, is_removed) = match &entry.observation {
                Observation::MemberRemoved { consumer, .. } => (consumer, true),
                Observation::MemberJoined { consumer, .. }
                | Observation::MemberAdded { consumer, .. }
                    if self.at.since(entry.at) > LONGEST_POLL =>
                {
                    (consumer, false)
                }
                _ => return None,
            };
            (*consumer == self.consumer).then_some(is_removed)
        });
        last == Some(true)
    }

    /// It had no epoch last, or so lately that its application hears only now of a request that was refused then.
    fn has_no_epoch(&self) -> bool {
        let last = self
            .entries
            .iter()
            .rev()
            .find_map(|entry| match entry.observation {
                Observation::ClientTransition {
                    consumer, epoch, ..
                } if consumer == self.consumer => {
                    let is_old = self.at.since(entry.at) > LONGEST_POLL;
                    (epoch <= 0 || is_old).then_some(epoch <= 0)
                }
                _ => None,
            });
        last == Some(true)
    }

    /// It came during a rebalance, or began one, or took the place of a static member in one, and the coordinator began anew before that was over and written: the log has the id
    /// that the instance had before (`GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin` writes at once in a stable group only).
    fn is_known_by_an_old_id(&self) -> bool {
        self.outages().any(|outage| {
            let before = &self.entries[..outage];
            let came = before.iter().enumerate().rev().find_map(|(place, entry)| {
                let (consumer, is_new) = match &entry.observation {
                    Observation::MemberAdded { consumer, .. } => (consumer, true),
                    Observation::StaticMemberReplaced { consumer, .. } => (consumer, false),
                    _ => return None,
                };
                (*consumer == self.consumer).then_some((place, is_new))
            });
            came.is_some_and(|(place, is_new)| {
                let is_unwritten = is_new || !self.is_stable(&before[..place]);
                is_unwritten && !self.became_stable(&before[place..])
            })
        })
    }

    fn is_stable(&self, entries: &[Entry]) -> bool {
        let mut states = entries.iter().rev().filter_map(|entry| self.state(entry));
        states.next() == Some(GroupState::Stable)
    }

    fn became_stable(&self, entries: &[Entry]) -> bool {
        let mut states = entries.iter().filter_map(|entry| self.state(entry));
        states.any(|state| state == GroupState::Stable)
    }

    /// The state that its group comes to with `entry`.
    fn state(&self, entry: &Entry) -> Option<GroupState> {
        let of = self.timeline.cast.consumers[self.consumer.index()].group;
        match entry.observation {
            Observation::GroupState { group, to, .. } if group == of => Some(to),
            _ => None,
        }
    }
}
