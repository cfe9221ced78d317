//! Which assignor a classic group uses: what all members support, and what most of them prefer
//! (`ClassicGroup.selectProtocol`, `candidateProtocols`, `supportsProtocols`; `ClassicGroupMember.vote`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::assignor::AssignorKind;

/// The assignor lists of a group's members. Few members differ, so they are counted by list.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    lists: BTreeMap<Arc<[AssignorKind]>, usize>,
    members: usize,
}

/// The names in the order in which Java's `HashMap<String, …>` iterates them: the first of equals wins.
///
/// `range` and `x-lag-aware` share a bucket, where whichever got a vote first stands first; here `range` does.
const HASH_ORDER: [AssignorKind; 6] = [
    AssignorKind::Weighted,
    AssignorKind::Sticky,
    AssignorKind::Range,
    AssignorKind::LagAware,
    AssignorKind::RoundRobin,
    AssignorKind::CooperativeSticky,
];

/// The assignor that a group with these members' lists uses; `None` when no assignor is supported by all.
#[must_use]
pub fn select_assignor<'a>(
    lists: impl IntoIterator<Item = &'a Arc<[AssignorKind]>>,
) -> Option<AssignorKind> {
    let mut votes = Votes::default();
    for list in lists {
        votes.add(list);
    }
    votes.select()
}

impl Votes {
    /// Counts a member with this list.
    pub(super) fn add(&mut self, list: &Arc<[AssignorKind]>) {
        *self.lists.entry(Arc::clone(list)).or_insert(0) += 1;
        self.members += 1;
    }

    /// Forgets a member with this list.
    ///
    /// # Panics
    /// When no member with such a list was counted.
    pub(super) fn remove(&mut self, list: &Arc<[AssignorKind]>) {
        let count = self
            .lists
            .get_mut(list)
            .expect("only a counted list is removed");
        *count -= 1;
        if *count == 0 {
            self.lists.remove(list);
        }
        self.members -= 1;
    }

    /// True when some assignor of `list` is supported by every member counted (`supportsProtocols`).
    pub(super) fn supports(&self, list: &[AssignorKind]) -> bool {
        list.iter().any(|&kind| self.is_candidate(kind))
    }

    /// The assignor of the next generation; `None` without members.
    pub(super) fn select(&self) -> Option<AssignorKind> {
        let mut best: Option<(AssignorKind, usize)> = None;
        for kind in HASH_ORDER {
            let votes = self.votes_for(kind);
            if votes > best.map_or(0, |(_, most)| most) {
                best = Some((kind, votes));
            }
        }
        best.map(|(kind, _)| kind)
    }

    /// Every member votes for the first assignor of its list that all members support.
    fn votes_for(&self, kind: AssignorKind) -> usize {
        self.lists
            .iter()
            .filter(|(list, _)| {
                list.iter().find(|&&listed| self.is_candidate(listed)) == Some(&kind)
            })
            .map(|(_, count)| count)
            .sum()
    }

    fn is_candidate(&self, kind: AssignorKind) -> bool {
        let supporters: usize = self
            .lists
            .iter()
            .filter(|(list, _)| list.contains(&kind))
            .map(|(_, count)| count)
            .sum();
        supporters == self.members
    }
}

#[cfg(test)]
mod tests {
    use super::AssignorKind::{CooperativeSticky, Range, RoundRobin, Sticky};
    use super::*;
    use crate::assignor::java::{JavaHashMap, JavaString};

    fn votes(lists: &[&[AssignorKind]]) -> Votes {
        let mut votes = Votes::default();
        for list in lists {
            votes.add(&Arc::from(*list));
        }
        votes
    }

    #[test]
    fn the_assignor_is_one_that_all_support_and_most_prefer() {
        let cases: [(&[&[AssignorKind]], AssignorKind); 7] = [
            (&[&[Range, RoundRobin]], Range),
            // ClassicGroupTest.testSelectProtocol: a tie, then a majority, then the only one all support.
            (&[&[Range, RoundRobin], &[RoundRobin, Range]], Range),
            (
                &[
                    &[Range, RoundRobin],
                    &[RoundRobin, Range],
                    &[RoundRobin, Range],
                ],
                RoundRobin,
            ),
            (
                &[&[Range, RoundRobin], &[RoundRobin, Range], &[RoundRobin]],
                RoundRobin,
            ),
            // A preferred assignor that somebody lacks gets no vote.
            (
                &[
                    &[CooperativeSticky, Range],
                    &[CooperativeSticky, Range],
                    &[Range],
                ],
                Range,
            ),
            // Ties fall by hash order.
            (
                &[&[CooperativeSticky, Range], &[Range, CooperativeSticky]],
                Range,
            ),
            (&[&[Range, Sticky], &[Sticky, Range]], Sticky),
        ];
        for (lists, expected) in cases {
            assert_eq!(votes(lists).select(), Some(expected), "{lists:?}");
        }
        assert_eq!(votes(&[]).select(), None);
    }

    #[test]
    fn the_names_stand_in_javas_order() {
        let mut names = JavaHashMap::new();
        for kind in AssignorKind::ALL {
            names.insert(JavaString(kind.name()), kind);
        }
        let order: Vec<AssignorKind> = names.values().copied().collect();
        assert_eq!(order, HASH_ORDER);
    }

    #[test]
    fn a_list_fits_when_one_of_its_assignors_is_supported_by_all() {
        let mut group = votes(&[&[Range, CooperativeSticky], &[Range]]);
        assert!(group.supports(&[Sticky, Range]));
        assert!(!group.supports(&[CooperativeSticky]));
        assert!(!group.supports(&[]));
        group.remove(&Arc::from([Range].as_slice()));
        assert!(group.supports(&[CooperativeSticky]));
    }
}
