//! Rules of Kafka that a run can be played without, to show which recording of real Kafka would miss them.
//!
//! Every rule is in force by default and no scenario can switch one off. A rule is asked for at the one place where it acts.

/// A rule of the classic protocol or of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// `InitialDelayedJoin`: the window of the initial delay is followed by another one when somebody joined in it.
    InitialDelayExtension,
    /// `HeartbeatResponseHandler`: the answer to a heartbeat calls the member to a rebalance.
    NoticeByHeartbeat,
    /// `onJoinComplete`: a cooperative member that had to give something up joins again at once (KIP-429).
    FollowUpRound,
    /// `ConsumerCoordinator.metadata`: a cooperative member says what it owns.
    OwnedPartitionsSaid,
    /// `onJoinPrepare`, EAGER: the revoked callback is called with nothing, too.
    RevokedWithNothing,
    /// `HeartbeatThread`: while the application is busy it looks about itself in steps of `retry.backoff.ms`.
    HeartbeatThreadSteps,
    /// `AbstractCoordinator.sendJoinGroupRequest`: no heartbeats between JoinGroup and its answer.
    NoHeartbeatsWhileJoining,
    /// `HeartbeatThread.handlePollTimeoutExpiry`: who does not poll for `max.poll.interval.ms` leaves.
    LeaveOnPollDeadline,
    /// `maybeLeaveGroup`: a static member that closes does not leave (KIP-345).
    StaticMembersStay,
    /// `updateStaticMemberThenRebalanceOrCompleteJoin`: a static member that comes back with the same metadata causes no rebalance.
    StaticReplacement,
    /// `validateOffsetCommit`: a commit restarts the session of the member that commits.
    CommitRestartsSession,
    /// `onJoinPrepare`: automatic commit before a rejoin.
    CommitBeforeRejoin,
    /// `ConsumerNetworkClient`: answers wait until somebody looks at the network; a `poll()` with records at hand does not.
    AnswersWaitForNetwork,
    /// KAFKA-17182: no fetch to a broker of which records are still buffered.
    FetchWhenDrained,
    /// `Selector`: a request behind a parked fetch on the same connection is answered after it.
    AnswersBehindFetch,
    /// `maybeUpdateSubscriptionMetadata`: the leader sees new partitions and has the group rebalance.
    LeaderWatchesMetadata,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 16] = [
        Self::InitialDelayExtension,
        Self::NoticeByHeartbeat,
        Self::FollowUpRound,
        Self::OwnedPartitionsSaid,
        Self::RevokedWithNothing,
        Self::HeartbeatThreadSteps,
        Self::NoHeartbeatsWhileJoining,
        Self::LeaveOnPollDeadline,
        Self::StaticMembersStay,
        Self::StaticReplacement,
        Self::CommitRestartsSession,
        Self::CommitBeforeRejoin,
        Self::AnswersWaitForNetwork,
        Self::FetchWhenDrained,
        Self::AnswersBehindFetch,
        Self::LeaderWatchesMetadata,
    ];

    /// The rule in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::InitialDelayExtension => {
                "the initial delay goes on for another window when somebody joined in the last one"
            }
            Self::NoticeByHeartbeat => "a heartbeat's answer calls a member to a rebalance",
            Self::FollowUpRound => {
                "a cooperative member that gave something up joins again at once"
            }
            Self::OwnedPartitionsSaid => "a cooperative member says what it owns",
            Self::RevokedWithNothing => {
                "an eager member's revoked callback is called with nothing, too"
            }
            Self::HeartbeatThreadSteps => {
                "while the application is busy the heartbeat thread looks about itself in steps"
            }
            Self::NoHeartbeatsWhileJoining => "no heartbeats between JoinGroup and its answer",
            Self::LeaveOnPollDeadline => "who does not poll for max.poll.interval.ms leaves",
            Self::StaticMembersStay => "a static member that closes does not leave",
            Self::StaticReplacement => "a static member that comes back causes no rebalance",
            Self::CommitRestartsSession => "a commit restarts the session",
            Self::CommitBeforeRejoin => "offsets are committed before a rejoin",
            Self::AnswersWaitForNetwork => {
                "a poll() with records at hand does not look at the network"
            }
            Self::FetchWhenDrained => "no fetch to a broker of which records are still buffered",
            Self::AnswersBehindFetch => "a request behind a parked fetch is answered after it",
            Self::LeaderWatchesMetadata => {
                "the leader sees new partitions and has the group rebalance"
            }
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Which rules are in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    off: u32,
}

impl Rules {
    /// All of them.
    pub const ALL: Self = Self { off: 0 };

    /// All but this one.
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { off: rule.bit() }
    }

    /// True when the rule is in force.
    #[must_use]
    pub const fn hold(self, rule: Rule) -> bool {
        self.off & rule.bit() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_off_alone() {
        assert!(Rule::ALL.iter().all(|&rule| Rules::ALL.hold(rule)));
        for off in Rule::ALL {
            let held = Rule::ALL
                .iter()
                .filter(|&&rule| Rules::without(off).hold(rule));
            assert_eq!(held.count(), Rule::ALL.len() - 1);
            assert!(!Rules::without(off).hold(off));
        }
    }
}
