//! Names of what is assigned and to whom: dense indexes for the run, Kafka-shaped texts where Kafka's results depend on them.

use std::fmt;
use std::sync::Arc;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a position in a dense array.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A topic of the scenario, in the scenario's order.
    TopicId
}
index! {
    /// A consumer group of the scenario, in the scenario's order.
    GroupId
}
index! {
    /// A consumer process of the scenario (it survives its restarts), in order of groups, then members.
    ConsumerId
}

/// One partition of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition's number within the topic, from 0.
    pub partition: u32,
}

/// An identity in a group, as the coordinator knows it: `<client.id>-<uuid>` (classic) or a Uuid (consumer protocol).
///
/// Empty before the coordinator has issued one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// The identity written `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The identity of who has none yet (`JoinGroupRequest.UNKNOWN_MEMBER_ID`).
    #[must_use]
    pub fn unknown() -> Self {
        Self::new("")
    }

    /// True for [`MemberId::unknown`].
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A topic's identity, Kafka's `Uuid`: 128 bits, written as 22 characters of URL-safe base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicUuid {
    /// The upper 64 bits.
    pub most_significant: u64,
    /// The lower 64 bits.
    pub least_significant: u64,
}
