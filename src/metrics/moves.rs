//! How many partitions changed owner, and how many had to.

use crate::assignor::{ConsumerId, TopicPartition};

/// Who owns what, sorted by partition: there is one for each rebalance, of all partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owners(Vec<(TopicPartition, ConsumerId)>);

impl Owners {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn get(&self, partition: TopicPartition) -> Option<ConsumerId> {
        let place = self.0.binary_search_by_key(&partition, |known| known.0);
        place.ok().map(|place| self.0[place].1)
    }

    /// What `newer` knows replaces what is known here.
    pub(super) fn update(&mut self, newer: &Self) {
        let both = self.0.iter().chain(&newer.0);
        *self = both.copied().collect();
    }

    /// The owners in `after` with those known in `self`.
    fn beside<'a>(
        &'a self,
        after: &'a Self,
    ) -> impl Iterator<Item = (Option<ConsumerId>, ConsumerId)> + 'a {
        let mut known = self.0.iter().peekable();
        after.0.iter().map(move |&(partition, owner)| {
            while known.next_if(|known| known.0 < partition).is_some() {}
            let before = known.next_if(|known| known.0 == partition);
            (before.map(|before| before.1), owner)
        })
    }
}

impl FromIterator<(TopicPartition, ConsumerId)> for Owners {
    /// Of several owners of a partition the last one counts.
    fn from_iter<I: IntoIterator<Item = (TopicPartition, ConsumerId)>>(owners: I) -> Self {
        let mut list: Vec<(TopicPartition, ConsumerId)> = owners.into_iter().collect();
        list.sort_by_key(|owned| owned.0);
        list.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                kept.1 = later.1;
            }
            is_same
        });
        Self(list)
    }
}

/// Partitions whose owner in `after` is another than in `before`. Partitions without an owner on either side do not count.
pub(super) fn moved(before: &Owners, after: &Owners) -> u32 {
    let both = before.beside(after);
    count(both.filter(|(known, owner)| known.is_some_and(|known| known != *owner)))
}

/// The least number of partitions that must move to reach as many partitions a member as in `after`, whoever of the members
/// gets which number.
///
/// A member keeps at most the smaller of what it had and what it gets; the sum of these is largest when the member that had most
/// gets most (the minimum is supermodular), so pairing both lists in falling order gives the most that can stay.
pub(super) fn least(before: &Owners, after: &Owners, members: &[ConsumerId]) -> u32 {
    let size = members.iter().map(|member| member.index() + 1).max();
    // By process: what a member had and gets; nothing for the others.
    let mut counts: Vec<Option<(u32, u32)>> = vec![None; size.unwrap_or(0)];
    for member in members {
        counts[member.index()] = Some((0, 0));
    }
    let mut owned_before = 0;
    for (known, owner) in before.beside(after) {
        if let Some(Some((_, gets))) = counts.get_mut(owner.index()) {
            *gets += 1;
        }
        if let Some(known) = known {
            owned_before += 1;
            if let Some(Some((had, _))) = counts.get_mut(known.index()) {
                *had += 1;
            }
        }
    }
    let (mut had, mut gets): (Vec<u32>, Vec<u32>) = counts.into_iter().flatten().unzip();
    for counts in [&mut had, &mut gets] {
        counts.sort_unstable_by(|left, right| right.cmp(left));
    }
    let stays: u32 = had
        .into_iter()
        .zip(gets)
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
