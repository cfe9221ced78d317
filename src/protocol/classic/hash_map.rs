//! `java.util.HashMap<String, V>` as far as its iteration order goes: the order of a group's members.
//!
//! Kafka keeps the members of a classic group in a `HashMap` by member id, and who leads after a leader is gone is the
//! first in that map's order. Order: buckets ascending, within a bucket order of insertion; the table starts with 16
//! buckets and doubles beyond three quarters full. Buckets of more than eight become trees in Java once there are 64
//! buckets; their order is not reproduced.

use crate::assignor::MemberId;

/// Where an entry lives; stays the same as long as the entry is in the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// A map from member ids with the iteration order of Java's `HashMap`.
#[derive(Clone, Debug)]
pub(super) struct JavaHashMap<V> {
    buckets: Vec<Vec<u32>>,
    slots: Vec<Option<Entry<V>>>,
    free: Vec<u32>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    key: MemberId,
    hash: u32,
    value: V,
}

const CAPACITY_AT_FIRST: usize = 16;
/// `HashMap.TREEIFY_THRESHOLD`: the entry beyond it doubles a table of fewer than `MIN_TREEIFY_CAPACITY` buckets.
const TREEIFY_THRESHOLD: usize = 8;
const MIN_TREEIFY_CAPACITY: usize = 64;

impl<V> Default for JavaHashMap<V> {
    fn default() -> Self {
        Self {
            buckets: vec![Vec::new(); CAPACITY_AT_FIRST],
            slots: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }
}

impl<V> JavaHashMap<V> {
    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The place of `key`.
    pub(super) fn find(&self, key: &MemberId) -> Option<Slot> {
        let hash = spread_hash(key.as_str());
        self.buckets[self.bucket_of(hash)]
            .iter()
            .copied()
            .find(|&slot| self.entry(slot).key == *key)
            .map(Slot)
    }

    /// The value in `slot`.
    pub(super) fn at(&self, slot: Slot) -> &V {
        &self.entry(slot.0).value
    }

    /// The value in `slot`, to change it.
    pub(super) fn at_mut(&mut self, slot: Slot) -> &mut V {
        &mut self.slots[slot.0 as usize]
            .as_mut()
            .expect("a slot is handed out only while it is occupied")
            .value
    }

    /// Puts `value` under a key that is not in the map yet.
    ///
    /// # Panics
    /// When `key` is in the map.
    pub(super) fn insert(&mut self, key: MemberId, value: V) -> Slot {
        assert!(self.find(&key).is_none(), "{key} is in the map already");
        let hash = spread_hash(key.as_str());
        let entry = Some(Entry { key, hash, value });
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = entry;
            slot
        } else {
            self.slots.push(entry);
            u32::try_from(self.slots.len() - 1).expect("a group has fewer than 2^32 members")
        };
        let bucket = self.bucket_of(hash);
        self.buckets[bucket].push(slot);
        self.len += 1;
        let crowded = self.buckets[bucket].len() > TREEIFY_THRESHOLD;
        if crowded && self.buckets.len() < MIN_TREEIFY_CAPACITY {
            self.double();
        }
        if self.len > self.buckets.len() / 4 * 3 {
            self.double();
        }
        Slot(slot)
    }

    /// Takes the entry of `key` out.
    pub(super) fn remove(&mut self, key: &MemberId) -> Option<V> {
        let Slot(slot) = self.find(key)?;
        let bucket = self.bucket_of(self.entry(slot).hash);
        self.buckets[bucket].retain(|&other| other != slot);
        self.free.push(slot);
        self.len -= 1;
        self.slots[slot as usize].take().map(|entry| entry.value)
    }

    /// The values in Java's order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.buckets
            .iter()
            .flatten()
            .map(|&slot| &self.entry(slot).value)
    }

    /// The places in Java's order.
    pub(super) fn order(&self) -> Vec<Slot> {
        self.buckets.iter().flatten().copied().map(Slot).collect()
    }

    fn entry(&self, slot: u32) -> &Entry<V> {
        self.slots[slot as usize]
            .as_ref()
            .expect("a slot is handed out only while it is occupied")
    }

    fn bucket_of(&self, hash: u32) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    /// Doubles the table; entries that shared a bucket keep their order.
    fn double(&mut self) {
        let doubled = vec![Vec::new(); self.buckets.len() * 2];
        for slot in std::mem::replace(&mut self.buckets, doubled)
            .into_iter()
            .flatten()
        {
            let bucket = self.bucket_of(self.entry(slot).hash);
            self.buckets[bucket].push(slot);
        }
    }
}

/// `String.hashCode`, spread as `HashMap.hash` does.
fn spread_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_u32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    });
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(keys: &[&str]) -> Vec<String> {
        let mut map = JavaHashMap::default();
        for key in keys {
            map.insert(MemberId::new(key), (*key).to_owned());
        }
        map.values().cloned().collect()
    }

    #[test]
    fn members_come_in_the_order_of_javas_hash_map() {
        assert_eq!(
            order_of(&["m1", "m2", "m10", "m20"]),
            ["m1", "m2", "m20", "m10"]
        );
        assert_eq!(
            order_of(&[
                "consumer-1",
                "consumer-2",
                "consumer-3",
                "consumer-10",
                "consumer-11"
            ]),
            [
                "consumer-11",
                "consumer-10",
                "consumer-3",
                "consumer-2",
                "consumer-1"
            ]
        );
        let twelve: Vec<String> = (1..=12).map(|n| format!("c-{n}")).collect();
        let twelve: Vec<&str> = twelve.iter().map(String::as_str).collect();
        assert_eq!(
            order_of(&twelve),
            [
                "c-10", "c-1", "c-12", "c-11", "c-3", "c-2", "c-5", "c-4", "c-7", "c-6", "c-9",
                "c-8"
            ]
        );
    }

    #[test]
    fn the_thirteenth_entry_doubles_the_table() {
        let mut map = JavaHashMap::default();
        for n in 0..12 {
            map.insert(MemberId::new(&format!("m{n}")), n);
        }
        assert_eq!(map.buckets.len(), 16);
        map.insert(MemberId::new("m12"), 12);
        assert_eq!(map.buckets.len(), 32);
    }

    #[test]
    fn the_ninth_entry_of_one_bucket_doubles_a_small_table() {
        // "Aa" and "BB" have one hash, and so has every text put together of three such pairs.
        let mut map = JavaHashMap::default();
        for n in 0..9_u32 {
            let pair = |bit: u32| if n >> bit & 1 == 0 { "Aa" } else { "BB" };
            let text = [3, 2, 1, 0].map(pair).concat();
            map.insert(MemberId::new(&text), n);
            assert_eq!(map.buckets.len(), if n < 8 { 16 } else { 32 });
        }
        assert_eq!(
            map.values().copied().collect::<Vec<_>>(),
            (0..9).collect::<Vec<_>>()
        );
    }

    #[test]
    fn removal_keeps_the_order_of_the_rest_and_frees_the_slot() {
        let mut map = JavaHashMap::default();
        for key in ["AaAa", "BBBB", "AaBB"] {
            map.insert(MemberId::new(key), key);
        }
        assert_eq!(map.remove(&MemberId::new("AaAa")), Some("AaAa"));
        assert_eq!(map.remove(&MemberId::new("AaAa")), None);
        map.insert(MemberId::new("AaAa"), "AaAa");
        assert_eq!(
            map.values().copied().collect::<Vec<_>>(),
            ["BBBB", "AaBB", "AaAa"]
        );
        assert_eq!((map.len(), map.slots.len()), (3, 3));
    }
}
