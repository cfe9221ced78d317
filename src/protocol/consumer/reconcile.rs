//! One member's next step towards its target (`CurrentAssignmentBuilder`, `GroupMetadataManager.maybeReconcile`).
//!
//! First it gives up what its target does not have, and keeps its epoch until it says that it has; then it gets what is free and goes to
//! the target's epoch. Kafka's fourth state, `UNKNOWN`, exists only after a broker was downgraded and is not modelled.

use std::sync::Arc;

use super::group::{GroupMember, Held};
use crate::assignor::{TopicId, TopicPartition};
use crate::protocol::config::ConsumerGroupConfig;
use crate::timeline::MemberEpochState;

/// What a step is made of.
pub(super) struct Step<'a> {
    pub(super) member: &'a GroupMember,
    pub(super) target_epoch: i32,
    pub(super) target: &'a [TopicPartition],
    /// The partitions that the member says it owns; `None`: as before.
    pub(super) owned: Option<&'a [TopicPartition]>,
    /// The heartbeat changed the subscription.
    pub(super) subscription_changed: bool,
    pub(super) config: &'a ConsumerGroupConfig,
}

impl Step<'_> {
    /// The member after the step; `None` when nothing changes. `is_free` tells whether nobody holds a partition.
    pub(super) fn take(&self, is_free: impl Fn(TopicPartition) -> bool) -> Option<GroupMember> {
        let member = self.member;
        let next = match member.state {
            MemberEpochState::Stable if member.epoch == self.target_epoch => {
                self.forget_unsubscribed()
            }
            MemberEpochState::Stable | MemberEpochState::UnreleasedPartitions => {
                Some(self.next(member.epoch, is_free))
            }
            MemberEpochState::UnrevokedPartitions if self.owns(&member.pending_revocation) => {
                self.forget_unsubscribed()
            }
            MemberEpochState::UnrevokedPartitions => {
                let epoch = if self.config.keeps_epoch_after_revocation {
                    member.epoch
                } else {
                    (member.epoch + 1).min(self.target_epoch)
                };
                Some(self.next(epoch, is_free))
            }
        };
        next.filter(|next| next != member)
    }

    /// `computeNextAssignment`
    fn next(&self, epoch: i32, is_free: impl Fn(TopicPartition) -> bool) -> GroupMember {
        let member = self.member;
        let target = |partition: TopicPartition| {
            self.target.binary_search(&partition).is_ok() && self.may_have(partition.topic)
        };
        let (keep, revoke): (Held, Held) = member
            .assigned
            .iter()
            .partition(|&(&partition, _)| target(partition));
        if !revoke.is_empty() && self.owns(&revoke) {
            return self.moved_to(epoch, MemberEpochState::UnrevokedPartitions, keep, revoke);
        }
        let mut assigned = keep;
        let mut unreleased = false;
        for &partition in self.target {
            if assigned.contains_key(&partition) || !self.may_have(partition.topic) {
                continue;
            }
            let own = self.config.own_revocations_are_free
                && member.pending_revocation.contains_key(&partition);
            if own || is_free(partition) {
                assigned.insert(partition, self.target_epoch);
            } else {
                unreleased = true;
            }
        }
        let state = if unreleased {
            MemberEpochState::UnreleasedPartitions
        } else {
            MemberEpochState::Stable
        };
        self.moved_to(self.target_epoch, state, assigned, Held::new())
    }

    /// `updateCurrentAssignment` (KAFKA-19431): partitions of topics that the member has just left are to be given up, whatever the target
    /// says.
    fn forget_unsubscribed(&self) -> Option<GroupMember> {
        let member = self.member;
        if !self.subscription_changed || !self.config.revokes_unsubscribed {
            return None;
        }
        let (keep, left): (Held, Held) = member
            .assigned
            .iter()
            .partition(|(partition, _)| self.may_have(partition.topic));
        if left.is_empty() {
            return None;
        }
        let mut revoke = Held::clone(&member.pending_revocation);
        revoke.extend(left);
        Some(if self.owns(&revoke) {
            self.moved_to(
                member.epoch,
                MemberEpochState::UnrevokedPartitions,
                keep,
                revoke,
            )
        } else {
            let pending = Held::clone(&member.pending_revocation);
            self.moved_to(member.epoch, member.state, keep, pending)
        })
    }

    fn moved_to(
        &self,
        epoch: i32,
        state: MemberEpochState,
        assigned: Held,
        pending_revocation: Held,
    ) -> GroupMember {
        GroupMember {
            epoch,
            previous_epoch: self.member.epoch,
            state,
            assigned: Arc::new(assigned),
            pending_revocation: Arc::new(pending_revocation),
            ..self.member.clone()
        }
    }

    /// `ownsRevokedPartitions`: who does not say what it owns owns what it did.
    fn owns(&self, partitions: &Held) -> bool {
        self.owned.is_none_or(|owned| {
            owned
                .iter()
                .any(|partition| partitions.contains_key(partition))
        })
    }

    /// A topic that the member does not subscribe to is nothing for it any more.
    fn may_have(&self, topic: TopicId) -> bool {
        !self.config.revokes_unsubscribed || self.member.topics.contains(&topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignor::{MemberId, ServerAssignorKind};
    use crate::kernel::SimDuration;
    use crate::protocol::config::MigrationPolicy;

    /// Which broker: before 4.2, or since.
    #[derive(Clone, Copy)]
    enum Broker {
        Old,
        New,
    }

    fn config(broker: Broker) -> ConsumerGroupConfig {
        let since_4_2 = matches!(broker, Broker::New);
        ConsumerGroupConfig {
            session_timeout: SimDuration::from_secs(45),
            heartbeat_interval: SimDuration::from_secs(5),
            assignment_interval: SimDuration::ZERO,
            assignors: Arc::from(ServerAssignorKind::ALL),
            max_size: 10,
            migration_policy: MigrationPolicy::Disabled,
            first_epoch: 1,
            keeps_epoch_after_revocation: since_4_2,
            revokes_unsubscribed: since_4_2,
            own_revocations_are_free: since_4_2,
            classic_members_follow_target: false,
            commits_since_assignment: false,
            known_members_rejoin: since_4_2,
            upgraded_groups_know_topics: since_4_2,
            stale_downgrades_rebalance: false,
            empty_groups_start_over: false,
            preferred_assignor_bumps: false,
            static_members_have_room: false,
            disabled_policy_refuses_classic: false,
            regex_refresh_interval: None,
        }
    }

    /// Partitions of two topics: `a123 b45`, or `-`.
    fn partitions(text: &str) -> Vec<TopicPartition> {
        let topic = |text: &str| match &text[..1] {
            "a" => TopicId(0),
            "b" => TopicId(1),
            other => panic!("no topic {other}"),
        };
        text.split_whitespace()
            .filter(|&word| word != "-")
            .flat_map(|word| {
                word[1..].bytes().map(move |digit| TopicPartition {
                    topic: topic(word),
                    partition: u32::from(digit - b'0'),
                })
            })
            .collect()
    }

    fn held(text: &str) -> Arc<Held> {
        Arc::new(
            partitions(text)
                .into_iter()
                .map(|held| (held, 10))
                .collect(),
        )
    }

    /// `state, epoch, epoch before, partitions, partitions to give up`
    type Place<'a> = (MemberEpochState, i32, i32, &'a str, &'a str);

    fn member((state, epoch, previous_epoch, assigned, pending): Place<'_>) -> GroupMember {
        GroupMember {
            state,
            epoch,
            previous_epoch,
            assigned: held(assigned),
            pending_revocation: held(pending),
            topics: Arc::from([TopicId(0), TopicId(1)]),
            ..GroupMember::new(MemberId::new("member"))
        }
    }

    fn place(member: &GroupMember) -> (MemberEpochState, i32, i32, Vec<TopicPartition>) {
        let mut all: Vec<TopicPartition> = member.assigned.keys().copied().collect();
        all.extend(member.pending_revocation.keys());
        (member.state, member.epoch, member.previous_epoch, all)
    }

    use MemberEpochState::{
        Stable, UnreleasedPartitions as Unreleased, UnrevokedPartitions as Unrevoked,
    };

    type Case = (
        &'static str,
        Place<'static>,
        i32,
        &'static str,
        Option<&'static str>,
        &'static str,
        Option<Place<'static>>,
    );

    /// `CurrentAssignmentBuilderTest`: from where, target epoch and target, what it owns by its own account, which partitions nobody holds (`*` all), to where.
    #[rustfmt::skip]
    const CASES: [Case; 16] = [
        ("StableToStable",
            (Stable, 10, 10, "a123 b456", "-"), 11, "a123 b456", None, "-", Some((Stable, 11, 10, "a123 b456", "-"))),
        ("StableToStableWithNewPartitions",
            (Stable, 10, 10, "a123 b456", "-"), 11, "a1234 b4567", None, "*", Some((Stable, 11, 10, "a1234 b4567", "-"))),
        ("StableToUnrevokedPartitions",
            (Stable, 10, 10, "a123 b456", "-"), 11, "a234 b567", None, "*", Some((Unrevoked, 10, 10, "a23 b56", "a1 b4"))),
        ("StableToUnreleasedPartitions",
            (Stable, 10, 10, "a123 b456", "-"), 11, "a1234 b4567", None, "-", Some((Unreleased, 11, 10, "a123 b456", "-"))),
        ("StableToUnreleasedPartitionsWithOwnedPartitionsNotHavingRevokedPartitions",
            (Stable, 10, 10, "a123 b456", "-"), 11, "a123 b457", Some("-"), "-", Some((Unreleased, 11, 10, "a123 b45", "-"))),
        ("UnrevokedPartitionsToStable",
            (Unrevoked, 10, 10, "a23 b56", "a1 b4"), 11, "a23 b56", Some("a23 b56"), "*", Some((Stable, 11, 10, "a23 b56", "-"))),
        ("RemainsInUnrevokedPartitions, nothing said",
            (Unrevoked, 10, 10, "a23 b56", "a1 b4"), 12, "a3 b6", None, "*", None),
        ("RemainsInUnrevokedPartitions, one still owned",
            (Unrevoked, 10, 10, "a23 b56", "a1 b4"), 12, "a3 b6", Some("a123 b56"), "*", None),
        ("RemainsInUnrevokedPartitions, the other still owned",
            (Unrevoked, 10, 10, "a23 b56", "a1 b4"), 12, "a3 b6", Some("a23 b456"), "*", None),
        ("UnrevokedPartitionsToUnrevokedPartitions",
            (Unrevoked, 10, 10, "a23 b56", "a1 b4"), 12, "a3 b6", Some("a23 b56"), "*", Some((Unrevoked, 11, 10, "a3 b6", "a2 b5"))),
        ("UnrevokedPartitionsToUnreleasedPartitions",
            (Unrevoked, 11, 10, "a23 b56", "-"), 11, "a234 b567", Some("a23 b56"), "-", Some((Unreleased, 11, 11, "a23 b56", "-"))),
        ("UnreleasedPartitionsToStable",
            (Unreleased, 11, 11, "a23 b56", "-"), 12, "a23 b56", None, "-", Some((Stable, 12, 11, "a23 b56", "-"))),
        ("UnreleasedPartitionsToStableWithNewPartitions",
            (Unreleased, 11, 11, "a23 b56", "-"), 11, "a234 b567", None, "*", Some((Stable, 11, 11, "a234 b567", "-"))),
        ("UnreleasedPartitionsToUnreleasedPartitions",
            (Unreleased, 11, 11, "a23 b56", "-"), 11, "a234 b567", None, "-", None),
        ("UnreleasedPartitionsToUnreleasedPartitions, with some of them",
            (Unreleased, 11, 11, "a23 b56", "-"), 11, "a234 b567", None, "a4", Some((Unreleased, 11, 11, "a234 b56", "-"))),
        ("UnreleasedPartitionsToUnrevokedPartitions",
            (Unreleased, 11, 11, "a23 b56", "-"), 12, "a3 b6", None, "-", Some((Unrevoked, 11, 11, "a3 b6", "a2 b5"))),
    ];

    #[test]
    fn every_step_is_kafkas() {
        let config = config(Broker::Old);
        for (name, from, target_epoch, target, owned, free, to) in CASES {
            let before = member(from);
            let owned = owned.map(partitions);
            let target = partitions(target);
            let step = Step {
                member: &before,
                target_epoch,
                target: &target,
                owned: owned.as_deref(),
                subscription_changed: false,
                config: &config,
            };
            let next = step.take(|held| free == "*" || partitions(free).contains(&held));
            let next = next.as_ref().map(place);
            let wanted = to.map(|to| place(&member(to)));
            assert_eq!(next, wanted, "{name}");
        }
    }

    fn step_of(
        before: &GroupMember,
        broker: Broker,
        owned: Option<&str>,
        subscription_changed: bool,
    ) -> Option<GroupMember> {
        let owned = owned.map(partitions);
        let step = Step {
            member: before,
            target_epoch: 12,
            target: &partitions("a13 b6"),
            owned: owned.as_deref(),
            subscription_changed,
            config: &config(broker),
        };
        step.take(|_| false)
    }

    #[test]
    fn an_epoch_is_kept_after_a_revocation_since_4_2() {
        let before = member((Unrevoked, 10, 10, "a3 b56", "a2"));
        for (broker, epoch) in [(Broker::Old, 11), (Broker::New, 10)] {
            let next = step_of(&before, broker, Some("a3 b56"), false).expect("b5 is to go now");
            assert_eq!((next.state, next.epoch), (Unrevoked, epoch));
        }
    }

    #[test]
    fn what_a_member_still_has_to_give_up_is_free_for_itself_since_4_2() {
        let before = member((Unrevoked, 10, 10, "a3 b6", "a1"));
        let next = step_of(&before, Broker::Old, Some("a3 b6"), false).expect("a step");
        assert_eq!(
            place(&next),
            place(&member((Unreleased, 12, 10, "a3 b6", "-")))
        );
        let next = step_of(&before, Broker::New, Some("a3 b6"), false).expect("a step");
        assert_eq!(
            place(&next),
            place(&member((Stable, 12, 10, "a13 b6", "-")))
        );
    }

    #[test]
    fn topics_that_are_left_are_given_up_at_once_since_4_2() {
        let mut before = member((Stable, 12, 11, "a13 b6", "-"));
        before.topics = Arc::from([TopicId(0)]);
        assert_eq!(step_of(&before, Broker::Old, None, true), None);
        assert_eq!(step_of(&before, Broker::New, None, false), None);
        let next = step_of(&before, Broker::New, None, true).expect("a step");
        assert_eq!(
            place(&next),
            place(&member((Unrevoked, 12, 12, "a13", "b6")))
        );
        let next = step_of(&before, Broker::New, Some("a13"), true).expect("a step");
        assert_eq!(place(&next), place(&member((Stable, 12, 12, "a13", "-"))));
    }

    #[test]
    fn partitions_keep_the_epoch_in_which_they_came() {
        let before = member((Unreleased, 11, 11, "a3", "-"));
        let step = Step {
            member: &before,
            target_epoch: 12,
            target: &partitions("a34"),
            owned: None,
            subscription_changed: false,
            config: &config(Broker::New),
        };
        let next = step.take(|_| true).expect("a4 is free");
        let epochs: Vec<i32> = next.assigned.values().copied().collect();
        assert_eq!(epochs, [10, 12]);
    }
}
