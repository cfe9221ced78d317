//! From an event back to what began it outside the group: an action of the script, a decision about pods, or the beginning of the run.
//!
//! Each step names the event that the one in hand follows from, by Kafka's own rules of who hears what from whom. It invents no
//! link: where the timeline holds none, the chain begins.

use crate::assignor::{ConsumerId, GroupId};
use crate::timeline::{
    CallbackKind, Observation, PlatformFact, RebalanceReason, ReleaseReason, RemovalReason,
    ScaledBy, Timeline,
};

use super::platform;

/// Longer chains than this do not occur; a bound all the same.
const LINKS_MAX: usize = 64;

/// The events that led to the entry `index`, the first one first, `index` itself last.
#[must_use]
pub fn origin(timeline: &Timeline, index: usize) -> Vec<usize> {
    let reader = Reader { timeline };
    let mut links = vec![index];
    while links.len() < LINKS_MAX {
        let Some(before) = reader.before(links[links.len() - 1]) else {
            break;
        };
        if links.contains(&before) {
            break;
        }
        links.push(before);
    }
    links.reverse();
    links
}

/// Looks things up on the timeline.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t> {
    pub(super) timeline: &'t Timeline,
}

impl Reader<'_> {
    pub(super) fn at(&self, index: usize) -> &Observation {
        &self.timeline.entries[index].observation
    }

    /// The last entry before `index` that `filter` lets pass.
    pub(super) fn last(
        &self,
        index: usize,
        filter: impl Fn(&Observation) -> bool,
    ) -> Option<usize> {
        (0..index).rev().find(|at| filter(self.at(*at)))
    }

    /// The same, or the first one after `index` at the same instant: what is told of one instant has no order that matters.
    pub(super) fn near(
        &self,
        index: usize,
        filter: impl Fn(&Observation) -> bool,
    ) -> Option<usize> {
        let entries = &self.timeline.entries;
        let at = entries[index].at;
        let same = (index + 1..entries.len())
            .take_while(|other| entries[*other].at == at)
            .find(|other| filter(self.at(*other)));
        match self.last(index, &filter) {
            Some(before) if entries[before].at == at => Some(before),
            earlier => same.or(earlier),
        }
    }

    fn group_of(&self, consumer: ConsumerId) -> Option<GroupId> {
        let facts = self.timeline.cast.consumers.get(consumer.index())?;
        Some(facts.group)
    }

    /// What the entry `index` follows from.
    fn before(&self, index: usize) -> Option<usize> {
        match self.at(index) {
            Observation::Released { consumer, why, .. } => self.of_release(index, *consumer, *why),
            Observation::CallbackStarted { consumer, kind, .. } => match kind {
                CallbackKind::Revoked => self.of_surrender(index, *consumer),
                CallbackKind::Lost => self.of_loss(index, *consumer),
                CallbackKind::Assigned => None,
            },
            Observation::RejoinRequested { consumer, reason } => {
                self.of_rejoin(index, *consumer, reason)
            }
            Observation::GroupState {
                group,
                reason: Some(reason),
                by,
                ..
            }
            | Observation::GroupEpoch {
                group, reason, by, ..
            } => self.of_rebalance(index, *group, *reason, *by),
            Observation::GroupState { group, .. } => self.of_progress(index, *group),
            Observation::MemberRemoved { consumer, why, .. } => {
                self.of_removal(index, *consumer, *why)
            }
            Observation::MemberEpoch { group, .. } => self.last(index, |other| {
                matches!(other, Observation::TargetAssignment { group: which, .. } if which == group)
            }),
            Observation::TargetAssignment { group, .. } => self.last(index, |other| {
                matches!(other, Observation::GroupEpoch { group: which, .. } if which == group)
            }),
            Observation::ConsumerClosed { consumer }
            | Observation::StaticMemberAway { consumer, .. } => self.last(index, |other| {
                matches!(other, Observation::ConsumerClosing { consumer: who } if who == consumer)
            }),
            Observation::PollDeadlineExceeded { consumer } => self.of_deadline(index, *consumer),
            Observation::ConsumerFailed { consumer, .. } => self.of_failure(index, *consumer),
            Observation::StaticMemberReplaced { consumer, .. }
            | Observation::MemberAdded { consumer, .. }
            | Observation::MemberJoined { consumer, .. } => self.last(index, |other| {
                matches!(other, Observation::ConsumerStarted { consumer: who } if who == consumer)
            }),
            Observation::ConsumerStarted { consumer }
            | Observation::ConsumerCrashed { consumer }
            | Observation::ConsumerFrozen { consumer }
            | Observation::ConsumerStalled { consumer }
            | Observation::ConsumerConnected { consumer, .. }
            | Observation::ConsumerClosing { consumer } => self.of_process(index, *consumer),
            Observation::PartitionsAdded { .. } => self.near(index, |other| {
                matches!(other, Observation::Action { verb, .. } if *verb == "partitions")
            }),
            Observation::CoordinatorAvailable { .. } => self.near(index, |other| {
                matches!(other, Observation::Action { verb, .. } if matches!(*verb, "coordinator" | "broker"))
            }),
            Observation::Platform(fact) => platform::before(*self, index, fact),
            _ => None,
        }
    }

    /// Why a rebalance goes on: somebody who was waited for is removed at this very instant. Else it goes on because it was under way, and
    /// what began that is told of the event that began it.
    fn of_progress(&self, index: usize, group: GroupId) -> Option<usize> {
        let found = self.near(index, |other| {
            matches!(other, Observation::MemberRemoved { group: which, .. } if *which == group)
        })?;
        let entries = &self.timeline.entries;
        if entries[found].at == entries[index].at {
            return Some(found);
        }
        self.last(
            index,
            |other| matches!(other, Observation::GroupState { group: which, .. } if *which == group),
        )
    }

    fn of_release(&self, index: usize, consumer: ConsumerId, why: ReleaseReason) -> Option<usize> {
        match why {
            ReleaseReason::PendingRevocation | ReleaseReason::Revoked => {
                self.of_surrender(index, consumer)
            }
            ReleaseReason::Lost => self.of_loss(index, consumer),
            ReleaseReason::Gone => self.near(index, |other| {
                matches!(other,
                    Observation::ConsumerCrashed { consumer: who }
                    | Observation::ConsumerClosed { consumer: who }
                    | Observation::ConsumerFailed { consumer: who, .. } if *who == consumer)
            }),
            ReleaseReason::Frozen => self.near(index, |other| {
                matches!(other, Observation::ConsumerFrozen { consumer: who } if *who == consumer)
            }),
            ReleaseReason::Disconnected => self.near(index, |other| {
                matches!(other, Observation::ConsumerConnected { consumer: who, connected: false } if *who == consumer)
            }),
            ReleaseReason::PollDeadline => self.near(index, |other| {
                matches!(other, Observation::PollDeadlineExceeded { consumer: who } if *who == consumer)
            }),
        }
    }

    /// Why a member gives partitions up: it closes, or it was told to.
    fn of_surrender(&self, index: usize, consumer: ConsumerId) -> Option<usize> {
        self.last(index, |other| {
            matches!(other,
                Observation::ConsumerClosing { consumer: who }
                | Observation::RejoinRequested { consumer: who, .. }
                | Observation::PollDeadlineExceeded { consumer: who }
                | Observation::MemberEpoch { consumer: who, .. } if *who == consumer)
        })
    }

    /// Why a member has lost its partitions.
    fn of_loss(&self, index: usize, consumer: ConsumerId) -> Option<usize> {
        self.last(index, |other| {
            matches!(other,
                Observation::MemberRemoved { consumer: who, .. }
                | Observation::PollDeadlineExceeded { consumer: who }
                | Observation::ConsumerFailed { consumer: who, .. }
                | Observation::ConsumerClosing { consumer: who } if *who == consumer)
        })
    }

    /// Why a member asks to join again: the group rebalances, it has to give something up, or it saw other partitions.
    fn of_rejoin(&self, index: usize, consumer: ConsumerId, reason: &str) -> Option<usize> {
        let group = self.group_of(consumer)?;
        if reason.contains("metadata") {
            return self.last(index, |other| {
                matches!(other, Observation::PartitionsAdded { .. })
            });
        }
        self.last(index, |other| match other {
            Observation::GroupState {
                group: which,
                reason: Some(_),
                ..
            } => *which == group,
            Observation::MemberRemoved { consumer: who, .. } => *who == consumer,
            Observation::CoordinatorAvailable {
                group: which,
                available,
                ..
            } => *which == group && !available,
            _ => false,
        })
    }

    /// Why a group rebalances.
    fn of_rebalance(
        &self,
        index: usize,
        group: GroupId,
        reason: RebalanceReason,
        by: Option<ConsumerId>,
    ) -> Option<usize> {
        let own = |consumer: &ConsumerId| Some(*consumer) == by;
        match reason {
            RebalanceReason::Leave
            | RebalanceReason::SessionExpired
            | RebalanceReason::PollTimeout
            | RebalanceReason::RebalanceTimeout => self.near(index, |other| {
                matches!(other, Observation::MemberRemoved { group: which, consumer, .. }
                    if *which == group && (by.is_none() || own(consumer)))
            }),
            RebalanceReason::MetadataChange => self.last(index, |other| {
                matches!(other, Observation::PartitionsAdded { .. })
            }),
            RebalanceReason::FollowUp => self.last(index, |other| {
                matches!(other, Observation::RejoinRequested { consumer, .. } if own(consumer))
            }),
            RebalanceReason::Join
            | RebalanceReason::SubscriptionChange
            | RebalanceReason::StaticReplacement
            | RebalanceReason::Rejoin => self.last(index, |other| match other {
                Observation::ConsumerStarted { consumer }
                | Observation::PollDeadlineExceeded { consumer } => own(consumer),
                // Thrown out earlier, it comes back.
                Observation::MemberRemoved { consumer, why, .. } => {
                    own(consumer) && *why != RemovalReason::Leave
                }
                Observation::CoordinatorAvailable {
                    group: which,
                    available,
                    ..
                } => *which == group && !available && reason == RebalanceReason::Rejoin,
                _ => false,
            }),
        }
    }

    /// Why the coordinator removed a member.
    fn of_removal(&self, index: usize, consumer: ConsumerId, why: RemovalReason) -> Option<usize> {
        match why {
            RemovalReason::Leave => self.last(index, |other| {
                matches!(other, Observation::ConsumerClosing { consumer: who } if *who == consumer)
            }),
            RemovalReason::PollTimeout => self.last(index, |other| {
                matches!(other, Observation::PollDeadlineExceeded { consumer: who } if *who == consumer)
            }),
            RemovalReason::CoordinatorChange => self.last(index, |other| {
                matches!(
                    other,
                    Observation::CoordinatorAvailable {
                        available: false,
                        ..
                    }
                )
            }),
            RemovalReason::GroupFull => self.last(index, |other| {
                matches!(other, Observation::ConsumerStarted { consumer: who } if *who == consumer)
            }),
            RemovalReason::SessionExpired
            | RemovalReason::JoinTimeout
            | RemovalReason::SyncTimeout
            | RemovalReason::RebalanceTimeout => self.last(index, |other| match other {
                Observation::ConsumerCrashed { consumer: who }
                | Observation::ConsumerFrozen { consumer: who }
                | Observation::ConsumerStalled { consumer: who }
                | Observation::ConsumerClosed { consumer: who }
                | Observation::ConsumerFailed { consumer: who, .. }
                | Observation::PollDeadlineExceeded { consumer: who }
                | Observation::ConsumerConnected {
                    consumer: who,
                    connected: false,
                } => *who == consumer,
                Observation::CallbackStarted { consumer: who, .. } => {
                    *who == consumer && why != RemovalReason::SessionExpired
                }
                _ => false,
            }),
        }
    }

    /// Why a member did not poll: it stands still, works in a callback, or its records take long since the script made them.
    fn of_deadline(&self, index: usize, consumer: ConsumerId) -> Option<usize> {
        let found = self.last(index, |other| match other {
            Observation::ConsumerStalled { consumer: who }
            | Observation::ConsumerResumed { consumer: who }
            | Observation::CallbackStarted { consumer: who, .. }
            | Observation::CallbackEnded { consumer: who, .. } => *who == consumer,
            Observation::Action {
                verb,
                consumer: Some(who),
                ..
            } => *who == consumer && *verb == "slow",
            _ => false,
        })?;
        match self.at(found) {
            Observation::ConsumerResumed { .. } | Observation::CallbackEnded { .. } => None,
            _ => Some(found),
        }
    }

    /// Why a client died: another process came up with its `group.instance.id`.
    fn of_failure(&self, index: usize, consumer: ConsumerId) -> Option<usize> {
        let own = self.timeline.cast.consumers.get(consumer.index())?;
        let instance = own.instance.as_deref()?;
        self.last(index, |other| {
            matches!(other, Observation::StaticMemberReplaced { instance_id, consumer: who, .. }
                if **instance_id == *instance && *who != consumer)
        })
    }

    /// What made a process start, end or stand still.
    fn of_process(&self, index: usize, consumer: ConsumerId) -> Option<usize> {
        let starts = matches!(self.at(index), Observation::ConsumerStarted { .. });
        self.near(index, |other| match other {
            Observation::Action {
                consumer: Some(who),
                verb,
                ..
            } => {
                // What the process did not survive is no reason for its next life.
                *who == consumer && (!starts || matches!(*verb, "start" | "restart"))
            }
            Observation::ConsumerFailed { consumer: who, .. }
            | Observation::Fault {
                consumer: Some(who),
                ..
            } => *who == consumer && !starts,
            Observation::Platform(
                PlatformFact::PodCreated { pod, .. } | PlatformFact::PodTerminating { pod, .. },
            ) => platform::runs(self.timeline, *pod, consumer),
            Observation::Platform(PlatformFact::ContainerEnded { consumer: who, .. }) => {
                *who == consumer
            }
            _ => false,
        })
    }

    /// Who wanted another number of replicas.
    pub(super) fn of_replicas(&self, index: usize, by: ScaledBy) -> Option<usize> {
        match by {
            ScaledBy::Script => self.near(index, |other| {
                matches!(other, Observation::Action { verb, .. } if *verb == "scale")
            }),
            ScaledBy::Scaler(scaler) => self.near(index, |other| {
                matches!(other, Observation::Platform(PlatformFact::Decision { scaler: which, .. }) if *which == scaler)
            }),
        }
    }
}
