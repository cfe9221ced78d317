//! The words that cross from the run to its readers.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in results.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words! {
    /// States of a group (`ClassicGroupState`, `ConsumerGroupState`).
    GroupState {
        /// No members.
        Empty => "Empty",
        /// Waiting for members to join.
        PreparingRebalance => "PreparingRebalance",
        /// Waiting for the leader's assignment.
        CompletingRebalance => "CompletingRebalance",
        /// In steady operation; in a consumer group every member has reached its target.
        Stable => "Stable",
        /// A consumer group whose target is older than its epoch.
        Assigning => "Assigning",
        /// A consumer group of which a member is not at its target yet.
        Reconciling => "Reconciling",
        /// Being removed.
        Dead => "Dead",
    }
}

words! {
    /// Why a rebalance began.
    RebalanceReason {
        /// A new member joined.
        Join => "join",
        /// A member left by itself.
        Leave => "leave",
        /// A member's session expired.
        SessionExpired => "session_expired",
        /// A member left because it exceeded its poll interval.
        PollTimeout => "poll_timeout",
        /// Members missed the rebalance timeout of the join or sync phase.
        RebalanceTimeout => "rebalance_timeout",
        /// The leader saw other partitions than before.
        MetadataChange => "metadata_change",
        /// A member subscribes to other topics than before, or supports other assignors.
        SubscriptionChange => "subscription_change",
        /// A static member was replaced at a moment or in a way that needs a new generation.
        StaticReplacement => "static_replacement",
        /// A member that had to give up partitions rejoined (cooperative follow-up round).
        FollowUp => "follow_up",
        /// A member rejoined after an error or after a coordinator change.
        Rejoin => "rejoin",
    }
}

words! {
    /// Why the coordinator removed a member.
    RemovalReason {
        /// LeaveGroup because the consumer was closed.
        Leave => "leave",
        /// LeaveGroup because the poll interval was exceeded.
        PollTimeout => "poll_timeout",
        /// No heartbeat for the session timeout.
        SessionExpired => "session_expired",
        /// Did not rejoin before the rebalance timeout.
        JoinTimeout => "join_timeout",
        /// Did not send SyncGroup before the rebalance timeout.
        SyncTimeout => "sync_timeout",
        /// The coordinator lost it in a failover.
        CoordinatorChange => "coordinator_change",
        /// Did not give up partitions before its rebalance timeout (consumer protocol).
        RebalanceTimeout => "rebalance_timeout",
        /// Came back to a rebalance when `group.max.size` others had joined already.
        GroupFull => "group_full",
    }
}

words! {
    /// How far a member of a consumer group is from its target, as the coordinator sees it
    /// (`org.apache.kafka.coordinator.group.modern.MemberState`).
    MemberEpochState {
        /// At its target, or on the way with nothing to wait for.
        Stable => "STABLE",
        /// It has to give up partitions before it may go on.
        UnrevokedPartitions => "UNREVOKED_PARTITIONS",
        /// It waits for partitions that others have not given up.
        UnreleasedPartitions => "UNRELEASED_PARTITIONS",
    }
}

words! {
    /// Where the client of a consumer group stands (`org.apache.kafka.clients.consumer.internals.MemberState`).
    ClientState {
        /// Not in the group.
        Unsubscribed => "UNSUBSCRIBED",
        /// Asks to be let in.
        Joining => "JOINING",
        /// Applies an assignment.
        Reconciling => "RECONCILING",
        /// Has applied it and will say so.
        Acknowledging => "ACKNOWLEDGING",
        /// At its assignment.
        Stable => "STABLE",
        /// Thrown out; gives up its partitions and joins again.
        Fenced => "FENCED",
        /// Runs callbacks before it leaves.
        PrepareLeaving => "PREPARE_LEAVING",
        /// Says that it leaves.
        Leaving => "LEAVING",
        /// Left because it did not poll.
        Stale => "STALE",
        /// Failed for good.
        Fatal => "FATAL",
    }
}

words! {
    /// The callbacks of `ConsumerRebalanceListener`.
    CallbackKind {
        /// `onPartitionsRevoked`
        Revoked => "revoked",
        /// `onPartitionsLost`
        Lost => "lost",
        /// `onPartitionsAssigned`
        Assigned => "assigned",
    }
}

words! {
    /// Why an owner may return no more records of a partition.
    ReleaseReason {
        /// Marked pending revocation while the commit before a rejoin is under way.
        PendingRevocation => "pending_revocation",
        /// `onPartitionsRevoked` was entered.
        Revoked => "revoked",
        /// `onPartitionsLost` was entered, or the membership is gone.
        Lost => "lost",
        /// The process was killed or exited.
        Gone => "gone",
        /// Every thread of the process stands still.
        Frozen => "frozen",
        /// Its network was cut.
        Disconnected => "disconnected",
        /// The poll interval was exceeded.
        PollDeadline => "poll_deadline",
    }
}

words! {
    /// Why a pod is created.
    PodStart {
        /// It was there when the run began, or its workload's first pods are made.
        Initial => "initial",
        /// Its workload was made larger.
        ScaledUp => "scaled_up",
        /// A rollout puts it in the place of an older one.
        Rollout => "rollout",
        /// It stands in for one that was evicted or lost.
        Replacement => "replacement",
    }
}

words! {
    /// Why a pod is deleted.
    PodEnd {
        /// Its workload was made smaller.
        ScaledDown => "scaled_down",
        /// A rollout replaces it.
        Rollout => "rollout",
        /// It was evicted from a node that is drained.
        Evicted => "evicted",
        /// Its node was lost.
        NodeLost => "node_lost",
    }
}

words! {
    /// Why a container ended.
    ContainerEnd {
        /// The process exited by itself, or a fault killed it.
        Exited => "exited",
        /// It was closed because its pod is to go.
        Terminated => "terminated",
        /// It needed more memory than its limit.
        OutOfMemory => "out_of_memory",
        /// The grace period was over: SIGKILL.
        GraceOver => "grace_over",
        /// Its node went away.
        NodeLost => "node_lost",
    }
}
