//! Who owns what: Kafka's assignors as pure functions, bit-identical to its classes.

pub mod ids;

pub use ids::{ConsumerId, GroupId, MemberId, TopicId, TopicPartition, TopicUuid};

/// The assignors that Kafka ships.
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
}

impl AssignorKind {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// True when the assignor supports the COOPERATIVE rebalance protocol (`ConsumerPartitionAssignor.supportedProtocols`).
    #[must_use]
    pub const fn is_cooperative(self) -> bool {
        matches!(self, Self::CooperativeSticky)
    }
}

/// A topic as the assignor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Name on the broker; hash order depends on it.
    pub name: String,
    /// Identity on the broker; hash order of the server assignors depends on it.
    pub id: TopicUuid,
    /// Number of partitions.
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
    /// Generation of that claim; -1 when there is none.
    pub generation: i32,
}

/// What one call of an assignor gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentInput {
    /// Every topic that anybody subscribes to. [`TopicId`]s in this input are positions in this list.
    pub topics: Vec<TopicDescription>,
    /// The members in the order in which Kafka puts them into its `HashMap`.
    pub members: Vec<MemberDescription>,
}
