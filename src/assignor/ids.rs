//! Names of what is assigned and to whom: dense indexes for the run, Kafka-shaped texts where Kafka's results depend on them.

use std::fmt;
use std::sync::Arc;

use super::java::string_hash;

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
pub struct MemberId {
    text: Arc<str>,
    /// `text.hashCode()`, which `java.lang.String` remembers, too.
    hash_code: i32,
}

impl MemberId {
    /// The identity written `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: Arc::from(text),
            hash_code: string_hash(text),
        }
    }

    /// The identity of who has none yet (`JoinGroupRequest.UNKNOWN_MEMBER_ID`).
    #[must_use]
    pub fn unknown() -> Self {
        Self::new("")
    }

    /// True for [`MemberId::unknown`].
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.text.is_empty()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `java.lang.String.hashCode` of the text.
    #[must_use]
    pub fn hash_code(&self) -> i32 {
        self.hash_code
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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

impl TopicUuid {
    /// `Uuid.ZERO_UUID`: no topic has it.
    pub const ZERO: Self = Self {
        most_significant: 0,
        least_significant: 0,
    };
}

/// The digits of URL-safe base64 (RFC 4648, section 5), without padding.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters of a [`TopicUuid`].
const UUID_LENGTH: usize = 22;

impl fmt::Display for TopicUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from(self.most_significant) << 64 | u128::from(self.least_significant);
        // 22 digits hold 132 bits; the last four are 0
        for digit in 0..UUID_LENGTH {
            let shift = 122_i32 - 6 * digit as i32;
            let value = if shift >= 0 {
                bits >> shift
            } else {
                bits << -shift
            };
            write!(f, "{}", char::from(BASE64[(value & 63) as usize]))?;
        }
        Ok(())
    }
}

/// Why a text is no [`TopicUuid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicUuidError {
    /// Wrong length.
    #[error("a topic id has 22 characters")]
    Length,
    /// A character outside the alphabet.
    #[error("a topic id consists of A-Z a-z 0-9 - _")]
    Character,
    /// Set bits beyond the 128.
    #[error("the last character of a topic id is A, Q, g or w")]
    Trailing,
}

impl std::str::FromStr for TopicUuid {
    type Err = TopicUuidError;

    fn from_str(text: &str) -> Result<Self, TopicUuidError> {
        if text.chars().count() != UUID_LENGTH {
            return Err(TopicUuidError::Length);
        }
        let mut bits: u128 = 0;
        for (position, character) in text.bytes().enumerate() {
            let digit = BASE64
                .iter()
                .position(|&digit| digit == character)
                .ok_or(TopicUuidError::Character)? as u128;
            if position < UUID_LENGTH - 1 {
                bits = bits << 6 | digit;
            } else if digit & 15 == 0 {
                bits = bits << 2 | digit >> 4;
            } else {
                return Err(TopicUuidError::Trailing);
            }
        }
        Ok(Self {
            most_significant: (bits >> 64) as u64,
            least_significant: bits as u64,
        })
    }
}
