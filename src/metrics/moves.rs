//! How many partitions changed owner, and how many had to.

use std::collections::BTreeMap;

use crate::assignor::{ConsumerId, TopicPartition};

/// Who owns what.
pub(super) type Owners = BTreeMap<TopicPartition, ConsumerId>;

/// Partitions whose owner in `after` is another than in `before`. Partitions without an owner on either side do not count.
pub(super) fn moved(before: &Owners, after: &Owners) -> u32 {
    count(
        after.iter().filter(|(partition, owner)| {
            before.get(partition).is_some_and(|known| known != *owner)
        }),
    )
}

/// The least number of partitions that must move to reach as many partitions a member as in `after`, whoever of the members
/// gets which number.
///
/// A member keeps at most the smaller of what it had and what it gets; the sum of these is largest when the member that had most
/// gets most (the minimum is supermodular), so pairing both lists in falling order gives the most that can stay.
pub(super) fn least(before: &Owners, after: &Owners, members: &[ConsumerId]) -> u32 {
    let mut had: BTreeMap<ConsumerId, u32> = members.iter().map(|member| (*member, 0)).collect();
    let mut gets = had.clone();
    let mut owned_before = 0;
    for (partition, owner) in after {
        if let Some(count) = gets.get_mut(owner) {
            *count += 1;
        }
        if let Some(known) = before.get(partition) {
            owned_before += 1;
            if let Some(count) = had.get_mut(known) {
                *count += 1;
            }
        }
    }
    let falling = |counts: BTreeMap<ConsumerId, u32>| {
        let mut counts: Vec<u32> = counts.into_values().collect();
        counts.sort_unstable_by(|left, right| right.cmp(left));
        counts
    };
    let stays: u32 = falling(had)
        .into_iter()
        .zip(falling(gets))
        .map(|(had, gets)| had.min(gets))
        .sum();
    owned_before - stays.min(owned_before)
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignor::TopicId;

    fn owners(list: &[u32]) -> Owners {
        (0..)
            .zip(list)
            .map(|(partition, owner)| {
                let topic = TopicId(0);
                (TopicPartition { topic, partition }, ConsumerId(*owner))
            })
            .collect()
    }

    fn members(count: u32) -> Vec<ConsumerId> {
        (0..count).map(ConsumerId).collect()
    }

    #[test]
    fn range_over_one_more_member_moves_more_than_it_must() {
        // 6 partitions, 3 → 4 members: range gives 2, 2, 1, 1.
        let before = owners(&[0, 0, 1, 1, 2, 2]);
        let after = owners(&[0, 0, 1, 1, 2, 3]);
        assert_eq!(moved(&before, &after), 1);
        assert_eq!(least(&before, &after, &members(4)), 1);
        let worse = owners(&[3, 3, 0, 0, 1, 2]);
        assert_eq!(moved(&before, &worse), 5);
        assert_eq!(least(&before, &worse, &members(4)), 1);
    }

    #[test]
    fn what_belonged_to_a_departed_member_must_move() {
        let before = owners(&[0, 0, 1, 1, 2, 2]);
        let after = owners(&[0, 0, 1, 1, 0, 1]);
        assert_eq!(moved(&before, &after), 2);
        assert_eq!(least(&before, &after, &members(2)), 2);
    }

    #[test]
    fn a_new_partition_does_not_move() {
        let before = owners(&[0, 1]);
        let after = owners(&[0, 1, 0]);
        assert_eq!(moved(&before, &after), 0);
        assert_eq!(least(&before, &after, &members(2)), 0);
    }

    #[test]
    fn swapping_two_members_is_needless() {
        let before = owners(&[0, 0, 1]);
        let after = owners(&[1, 1, 0]);
        assert_eq!(moved(&before, &after), 3);
        assert_eq!(least(&before, &after, &members(2)), 0);
    }
}
