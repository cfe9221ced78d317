//! Who owns what: Kafka's assignors as pure functions, bit-identical to its classes, and two that are not Kafka's.
//!
//! [`assign`] is what the leader of a classic group runs, [`assign_on_server`] what the coordinator of a consumer group
//! runs. Both owe their order to Java's hash collections, which [`java`] emulates; there is no second, canonical order.
//! Nothing here knows how a group comes together or what happens to the result.

mod cooperative_sticky;
mod custom;
pub mod ids;
pub mod java;
mod layout;
mod racks;
mod range;
mod round_robin;
mod server_range;
mod sticky;
mod sticky_family;
mod uniform;

pub use ids::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition, TopicUuid};

/// The assignors of classic groups; the leader runs them. Kafka ships the first four, the others (`x-…`) are no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssignorKind {
    /// `org.apache.kafka.clients.consumer.RangeAssignor`
    Range,
    /// `org.apache.kafka.clients.consumer.RoundRobinAssignor`
    RoundRobin,
    /// `org.apache.kafka.clients.consumer.StickyAssignor`
    Sticky,
    /// `org.apache.kafka.clients.consumer.CooperativeStickyAssignor`
    CooperativeSticky,
    /// **Not Kafka's.** Each topic's partitions by lag, to the member with the fewest of the topic (the rule of the public
    /// `com.github.grantneale.kafka.LagBasedPartitionAssignor`). Eager.
    LagAware,
    /// **Not Kafka's.** All partitions by the records that came on them lately, to the member with the least work (longest
    /// processing time first: R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). Eager.
    Weighted,
}

/// What a custom assignor wants to know of each partition ([`AssignmentInput::loads`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Records behind: log end offset less the group's committed offset, at the instant of the assignment.
    Lag,
    /// Records due within the last 60 s before the assignment.
    Weight,
}

impl Measure {
    /// Its name in a case of `rebsim assign`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lag => "lag",
            Self::Weight => "weight",
        }
    }
}

impl AssignorKind {
    /// All of them, Kafka's first.
    pub const ALL: [Self; 6] = [
        Self::Range,
        Self::RoundRobin,
        Self::Sticky,
        Self::CooperativeSticky,
        Self::LagAware,
        Self::Weighted,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
            Self::LagAware => "x-lag-aware",
            Self::Weighted => "x-weighted",
        }
    }

    /// What it wants to know of each partition; `None` for all of Kafka's own.
    #[must_use]
    pub const fn measure(self) -> Option<Measure> {
        match self {
            Self::Range | Self::RoundRobin | Self::Sticky | Self::CooperativeSticky => None,
            Self::LagAware => Some(Measure::Lag),
            Self::Weighted => Some(Measure::Weight),
        }
    }

    /// True when it is no part of Kafka.
    #[must_use]
    pub const fn is_custom(self) -> bool {
        self.measure().is_some()
    }

    /// True when the assignor supports the COOPERATIVE rebalance protocol (`ConsumerPartitionAssignor.supportedProtocols`).
    #[must_use]
    pub const fn is_cooperative(self) -> bool {
        matches!(self, Self::CooperativeSticky)
    }
}

/// The assignors that Kafka ships for consumer groups (KIP-848); the coordinator runs them.
///
/// Releases 4.0.1 to 4.4.0 behave alike. 3.9 and 4.0.0 tied the extra partitions of `uniform` to the iteration order,
/// so they moved partitions without need (KAFKA-18688).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerAssignorKind {
    /// `org.apache.kafka.coordinator.group.assignor.UniformAssignor`
    Uniform,
    /// `org.apache.kafka.coordinator.group.assignor.RangeAssignor`
    Range,
}

impl ServerAssignorKind {
    /// All of them, the broker's default first (`group.consumer.assignors`).
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// The name on the wire (`group.remote.assignor`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }
}

/// A topic as the assignor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Name on the broker; hash order depends on it.
    pub name: String,
    /// Identity on the broker; hash order of the server assignors depends on it.
    pub id: TopicUuid,
    /// Number of partitions; 0 when the topic does not exist.
    pub partitions: u32,
    /// Racks of the replicas of each partition, preferred first; empty when unknown.
    pub racks: Vec<Vec<String>>,
}

/// A member as the assignor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// Member id; hash order depends on it.
    pub id: MemberId,
    /// `group.instance.id`.
    pub instance: Option<String>,
    /// `client.rack`.
    pub rack: Option<String>,
    /// Subscribed topics, as positions in [`AssignmentInput::topics`], in subscription order.
    pub topics: Vec<TopicId>,
    /// What it claims to own: the subscription's owned partitions (`cooperative-sticky`), the user data (`sticky`), its
    /// current target (server assignors). `range` and `roundrobin` do not look at it.
    pub owned: Vec<TopicPartition>,
    /// Generation of that claim; -1 when there is none. For `cooperative-sticky` the subscription's generation or, when
    /// that is none, the one in the user data; for `sticky` the one in the user data.
    pub generation: i32,
    /// Generation of the subscription itself (`ConsumerProtocolSubscription.generationId`), -1 when there is none. Only
    /// the sticky assignors look at it, for the earlier of two members that claim one partition.
    pub subscription_generation: i32,
}

/// What one call of an assignor gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentInput {
    /// Every topic that anybody subscribes to or owns. [`TopicId`]s in this input are positions in this list. Names are
    /// distinct.
    pub topics: Vec<TopicDescription>,
    /// The members in the order in which Kafka puts them into its `HashMap`. Ids are distinct.
    pub members: Vec<MemberDescription>,
    /// For each topic, at its position in `topics`, the [`Measure`] of each of its partitions, in records; what is missing
    /// counts as 0. Only custom assignors look at it; Kafka's own get none.
    pub loads: Vec<Vec<u64>>,
    /// Some members subscribe by a regular expression and others do not, or by another one. The server's assignors then take the
    /// group for heterogeneous, however equal the topics (`ConsumerGroup.subscriptionType`); nobody else looks.
    pub mixed_patterns: bool,
}

/// What an assignor object of one consumer remembers from one rebalance to the next.
///
/// Each consumer has one object for each assignor that it is configured with, alive as long as the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignorMemory {
    /// `AbstractStickyAssignor.maxGeneration`: the highest generation ever claimed to this leader; it never falls.
    pub max_generation: i32,
}

impl Default for AssignorMemory {
    fn default() -> Self {
        Self { max_generation: -1 }
    }
}

/// Runs a client assignor: one list for each member, in the order of `input.members`; each list in Kafka's order.
///
/// A claim on a partition that does not exist is ignored.
///
/// # Panics
/// When a [`TopicId`] is no position in `input.topics`.
#[must_use]
pub fn assign(
    kind: AssignorKind,
    input: &AssignmentInput,
    memory: &mut AssignorMemory,
) -> Vec<Vec<TopicPartition>> {
    let layout = layout::Layout::new(input);
    let lists = match kind {
        AssignorKind::Range => range::assign(&layout),
        AssignorKind::RoundRobin => round_robin::assign(&layout),
        AssignorKind::Sticky => sticky::assign(&layout, memory),
        AssignorKind::CooperativeSticky => cooperative_sticky::assign(&layout, memory),
        AssignorKind::LagAware => custom::lag_aware(&layout),
        AssignorKind::Weighted => custom::weighted(&layout),
    };
    layout.named(lists)
}

/// Runs a server assignor: the new target of each member, in the order of `input.members`, sorted by topic name and
/// partition.
///
/// # Panics
/// When a [`TopicId`] is no position in `input.topics`.
#[must_use]
pub fn assign_on_server(
    kind: ServerAssignorKind,
    input: &AssignmentInput,
) -> Vec<Vec<TopicPartition>> {
    let layout = layout::Layout::new(input);
    let mut lists = match kind {
        ServerAssignorKind::Uniform => uniform::assign(&layout),
        ServerAssignorKind::Range => server_range::assign(&layout),
    };
    for list in &mut lists {
        list.sort_unstable();
    }
    layout.named(lists)
}
