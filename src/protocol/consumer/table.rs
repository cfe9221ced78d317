//! The order in which Kafka iterates the members of a consumer group (`org.apache.kafka.timeline.BaseHashTable`, under its
//! `TimelineHashMap`).
//!
//! Kafka fills the assignor's `HashMap` in this order, so it decides between members whose ids fall into one bin. Only the order is
//! kept here; who the members are, the group knows.

use crate::assignor::MemberId;

/// `MIN_CAPACITY`
const CAPACITY_MIN: usize = 2;
/// The multiplier of Fibonacci hashing, 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemberTable {
    slots: Vec<Vec<MemberId>>,
    len: usize,
}

impl Default for MemberTable {
    fn default() -> Self {
        Self {
            slots: vec![Vec::new(); CAPACITY_MIN],
            len: 0,
        }
    }
}

impl MemberTable {
    /// `baseAddOrReplace`: the table may grow also when the member is in it already.
    pub(super) fn put(&mut self, id: &MemberId) {
        if 3 * (self.len + 1) > 4 * self.slots.len() {
            self.grow();
        }
        let slot = slot_of(id, self.slots.len());
        if !self.slots[slot].contains(id) {
            self.slots[slot].push(id.clone());
            self.len += 1;
        }
    }

    /// `baseRemove`
    pub(super) fn remove(&mut self, id: &MemberId) {
        let slot = slot_of(id, self.slots.len());
        let before = self.slots[slot].len();
        self.slots[slot].retain(|other| other != id);
        self.len -= before - self.slots[slot].len();
    }

    /// The members as `CurrentIterator` meets them: slots in order, within a slot the last first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &MemberId> {
        self.slots.iter().flat_map(|slot| slot.iter().rev())
    }

    fn grow(&mut self) {
        let doubled = vec![Vec::new(); 2 * self.slots.len()];
        for id in std::mem::replace(&mut self.slots, doubled)
            .into_iter()
            .flatten()
        {
            let slot = slot_of(&id, self.slots.len());
            self.slots[slot].push(id);
        }
    }
}

/// `findSlot`: the upper bits of the hash code times [`GOLDEN`].
fn slot_of(id: &MemberId, slots: usize) -> usize {
    let product = (i64::from(id.hash_code()) as u64).wrapping_mul(GOLDEN);
    (product >> (64 - slots.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ids: &[&str]) -> MemberTable {
        let mut table = MemberTable::default();
        for id in ids {
            table.put(&MemberId::new(id));
        }
        table
    }

    fn order(table: &MemberTable) -> Vec<&str> {
        table.iter().map(MemberId::as_str).collect()
    }

    #[test]
    fn slots_are_the_upper_bits_of_the_product() {
        // Worked out by hand from the two hash codes, -286926412 and 108280125.
        assert_eq!(slot_of(&MemberId::new("uniform"), 16), 0b0001);
        assert_eq!(slot_of(&MemberId::new("range"), 16), 0b1000);
        assert_eq!(order(&table(&["range", "uniform"])), ["uniform", "range"]);
    }

    #[test]
    fn within_a_slot_the_last_comes_first() {
        let mut pair = MemberTable::default();
        let ids: Vec<MemberId> = (0..64).map(|n| MemberId::new(&format!("m{n}"))).collect();
        let together: Vec<&MemberId> = ids.iter().filter(|id| slot_of(id, 2) == 0).collect();
        pair.put(together[0]);
        pair.put(together[1]);
        assert_eq!(
            order(&pair),
            [together[1].as_str(), together[0].as_str()],
            "two slots hold two members"
        );
    }

    #[test]
    fn putting_a_member_again_may_grow_the_table() {
        let mut table = table(&["a", "b"]);
        assert_eq!(table.slots.len(), 2);
        table.put(&MemberId::new("a"));
        assert_eq!((table.slots.len(), table.len), (4, 2));
    }

    #[test]
    fn who_is_removed_is_gone() {
        let mut table = table(&["a", "b", "c", "d", "e"]);
        table.remove(&MemberId::new("c"));
        table.remove(&MemberId::new("nobody"));
        assert_eq!(table.len, 4);
        assert!(!order(&table).contains(&"c"));
    }
}
