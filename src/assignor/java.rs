//! The order of Java's hash collections: `hashCode`s, and `java.util.HashMap` with the iteration order of OpenJDK 17.
//!
//! Kafka's assignors and its coordinator iterate `HashMap`s and `HashSet`s, so their results depend on this order. This
//! module is the only place that knows it; everything else takes a [`JavaHashMap`] and iterates. Here are the hash codes,
//! in `java/map.rs` the map, in `java/tree.rs` its bins that became red-black trees.
//!
//! A `HashSet<E>` is a `JavaHashMap<E, ()>`, as it is in Java.

mod map;
mod tree;

use std::cmp::Ordering;

pub use map::{JavaHashMap, Place};

use super::ids::{MemberId, TopicUuid};

/// What a `HashMap` asks of a key: `equals` (by [`Eq`]), `hashCode`, and the order inside a bin that became a tree.
pub trait JavaKey: Eq {
    /// `Object.hashCode`.
    fn hash_code(&self) -> i32;

    /// `Comparable.compareTo`; [`Ordering::Equal`] for classes that are not `Comparable` (there the JVM orders keys of
    /// equal hash by their identity hash, which nobody can predict; here the newer key goes left).
    fn compare_to(&self, other: &Self) -> Ordering;
}

/// `String.hashCode`: over UTF-16 code units, h = 31 h + unit.
#[must_use]
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// `String.compareTo`: by UTF-16 code units (differs from Rust's order above U+FFFF).
#[must_use]
pub fn compare_strings(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        return a.cmp(b);
    }
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Sorts `items` by their texts, as [`compare_strings`] does; equal ones keep their order.
///
/// Ids of one group begin alike. What stands behind that, eight bytes of it as one number, nearly always decides.
pub(super) fn sort_by_text<'t, T: Copy>(items: &mut Vec<T>, text: impl Fn(T) -> &'t str) {
    let Some(&first) = items.first() else {
        return;
    };
    if !items.iter().all(|&item| text(item).is_ascii()) {
        items.sort_by(|&a, &b| compare_strings(text(a), text(b)));
        return;
    }
    let first = text(first).as_bytes();
    let alike = items.iter().fold(first.len(), |alike, &item| {
        let pairs = first[..alike].iter().zip(text(item).as_bytes());
        pairs.take_while(|(a, b)| a == b).count()
    });
    let key = |item: T| {
        let rest = &text(item).as_bytes()[alike..];
        let mut bytes = [0; 8];
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(bytes)
    };
    let mut keyed: Vec<(u64, T)> = items.iter().map(|&item| (key(item), item)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1))));
    items.clear();
    items.extend(keyed.into_iter().map(|(_, item)| item));
}

/// `org.apache.kafka.common.TopicPartition.hashCode`.
#[must_use]
pub fn topic_partition_hash(topic: &str, partition: i32) -> i32 {
    // 31 * (31 + partition) + topic.hashCode()
    partition
        .wrapping_add(31)
        .wrapping_mul(31)
        .wrapping_add(string_hash(topic))
}

/// A `java.lang.String` that is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JavaString<'a>(pub &'a str);

impl JavaKey for JavaString<'_> {
    fn hash_code(&self) -> i32 {
        string_hash(self.0)
    }

    fn compare_to(&self, other: &Self) -> Ordering {
        compare_strings(self.0, other.0)
    }
}

impl JavaKey for MemberId {
    fn hash_code(&self) -> i32 {
        self.hash_code()
    }

    fn compare_to(&self, other: &Self) -> Ordering {
        compare_strings(self.as_str(), other.as_str())
    }
}

/// `java.lang.Integer`: its hash is its value.
impl JavaKey for i32 {
    fn hash_code(&self) -> i32 {
        *self
    }

    fn compare_to(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// `org.apache.kafka.common.Uuid`.
impl JavaKey for TopicUuid {
    fn hash_code(&self) -> i32 {
        let folded = self.most_significant ^ self.least_significant;
        ((folded >> 32) as i32) ^ (folded as i32)
    }

    fn compare_to(&self, other: &Self) -> Ordering {
        let signed = |id: &Self| (id.most_significant as i64, id.least_significant as i64);
        signed(self).cmp(&signed(other))
    }
}

/// `org.apache.kafka.common.TopicPartition` of one known topic: the class is not `Comparable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JavaTopicPartition {
    /// [`string_hash`] of the topic's name.
    pub topic_hash: i32,
    /// The partition.
    pub partition: i32,
}

impl JavaKey for JavaTopicPartition {
    fn hash_code(&self) -> i32 {
        self.partition
            .wrapping_add(31)
            .wrapping_mul(31)
            .wrapping_add(self.topic_hash)
    }

    fn compare_to(&self, _other: &Self) -> Ordering {
        Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sorted_as_java_compares_them() {
        let lists: [&[&str]; 5] = [
            &["g/c-10-ab", "g/c-9-cd", "g/c-1-ef", "g/c-10-aa", "g/c-9-cd"],
            &["same", "same", "same"],
            &[
                "a\0b",
                "a",
                "a\0",
                "",
                "a\0\0\0\0\0\0\0\0c",
                "a\0\0\0\0\0\0\0\0b",
            ],
            &[
                "long-beginning-12345678-b",
                "long-beginning-12345678-a",
                "long-beginning-12345678",
            ],
            &["\u{1f600}", "\u{ff5e}", "a"],
        ];
        for list in lists {
            let mut sorted: Vec<usize> = (0..list.len()).collect();
            sort_by_text(&mut sorted, |item| list[item]);
            let mut expected: Vec<usize> = (0..list.len()).collect();
            expected.sort_by(|&a, &b| compare_strings(list[a], list[b]));
            assert_eq!(sorted, expected, "{list:?}");
        }
    }
}
