//! `ConstrainedAssignmentBuilder`: all members subscribe to the same topics.
//!
//! Keep what is owned up to the quota, then fill members up, first within racks, then round robin. Balanced to one
//! partition; partitions given up are those of the highest numbers.

use std::collections::VecDeque;

use super::{Ownership, RackInfo, Target};
use crate::assignor::layout::{Layout, Slot};

struct Builder<'a> {
    layout: &'a Layout<'a>,
    racks: &'a RackInfo,
    contested: Vec<bool>,
    lists: Vec<Vec<Slot>>,
    /// Member that may lose the slot.
    given_up: Vec<Option<usize>>,
    transferred: Vec<bool>,
    min_quota: usize,
    max_quota: usize,
    /// Members that may exceed `min_quota`; 0 when all get the same.
    expected_over: usize,
    over: usize,
    /// `unfilledMembersWithUnderMinQuotaPartitions`
    under: Vec<usize>,
    /// `unfilledMembersWithExactlyMinQuotaPartitions`
    exact: VecDeque<usize>,
}

pub(super) fn build(layout: &Layout<'_>, racks: &RackInfo, ownership: Ownership) -> Target {
    let members = layout.members.len().max(1);
    let mut builder = Builder {
        layout,
        racks,
        contested: ownership.contested,
        lists: vec![Vec::new(); ownership.owned.len()],
        given_up: vec![None; layout.slots()],
        transferred: vec![false; layout.slots()],
        min_quota: layout.slots() / members,
        max_quota: layout.slots().div_ceil(members),
        expected_over: layout.slots() % members,
        over: 0,
        under: Vec::new(),
        exact: VecDeque::new(),
    };
    let mut owned = ownership.owned;
    for member in layout.members_copied() {
        builder.keep_owned(member, std::mem::take(&mut owned[member]));
    }
    let mut unassigned = builder.unassigned();
    let ranks = layout.id_ranks();
    builder.under.sort_by_key(|&member| ranks[member]);
    let exact = builder.exact.make_contiguous();
    exact.sort_by_key(|&member| ranks[member]);
    if let Some(popularity) = &racks.popularity {
        unassigned.sort_by_key(|&slot| popularity[slot as usize]);
    }
    if racks.is_aware {
        builder.fill_within_racks(&mut unassigned);
    }
    builder.fill(&unassigned);
    Target {
        lists: builder.lists,
        transferred: Some(builder.transferred),
    }
}

impl Builder<'_> {
    /// `assignOwnedPartitions` for one member.
    fn keep_owned(&mut self, member: usize, mut owned: Vec<Slot>) {
        owned.retain(|&slot| {
            let matches = !self.racks.mismatches(member, slot);
            if !matches {
                self.given_up[slot as usize] = Some(member);
            }
            matches
        });
        // slots ascend by topic name, so this is by (partition, topic name)
        owned.sort_by_key(|&slot| (self.layout.partition(slot).partition, slot));
        owned.retain(|&slot| !self.contested[slot as usize]);

        let keep = if owned.len() < self.min_quota {
            self.under.push(member);
            owned.len()
        } else if owned.len() >= self.max_quota && self.over < self.expected_over {
            self.count_over();
            self.max_quota
        } else {
            if self.over < self.expected_over {
                self.exact.push_back(member);
            }
            self.min_quota
        };
        for slot in owned.drain(keep..) {
            self.given_up[slot as usize] = Some(member);
        }
        self.lists[member] = owned;
    }

    /// One more member exceeds the lower quota; once enough do, those that hold exactly that are full.
    fn count_over(&mut self) {
        self.over += 1;
        if self.over == self.expected_over {
            self.exact.clear();
        }
    }

    /// All partitions that nobody kept, by topic name and number.
    fn unassigned(&self) -> Vec<Slot> {
        let mut kept = vec![false; self.layout.slots()];
        for &slot in self.lists.iter().flatten() {
            kept[slot as usize] = true;
        }
        (0..self.layout.slots() as Slot)
            .filter(|&slot| !kept[slot as usize])
            .collect()
    }

    /// `assignRackAwareRoundRobin`
    fn fill_within_racks(&mut self, unassigned: &mut Vec<Slot>) {
        let mut next = 0;
        unassigned.retain(|&slot| {
            let Some(member) = self.taker_within_racks(slot, &mut next) else {
                return true;
            };
            self.give(slot, member);
            false
        });
    }

    fn taker_within_racks(&mut self, slot: Slot, next: &mut usize) -> Option<usize> {
        let count = self.under.len();
        let mut ring = (0..count).map(|step| (*next + step) % count);
        if let Some(at) = ring.find(|&at| self.racks.matches(self.under[at], slot)) {
            let member = self.under[at];
            let mut following = at + 1;
            let size = self.lists[member].len() + 1;
            if size >= self.min_quota {
                self.under.remove(at);
                following = at;
                if size < self.max_quota && self.over < self.expected_over {
                    self.exact.push_back(member);
                }
            }
            *next = following.checked_rem(self.under.len()).unwrap_or(0);
            return Some(member);
        }
        let mut exact = self.exact.iter();
        let at = exact.position(|&member| self.racks.matches(member, slot))?;
        let member = self.exact[at];
        if self.lists[member].len() + 1 == self.max_quota {
            self.exact.remove(at);
            self.count_over();
        }
        Some(member)
    }

    /// `assignRoundRobin`
    fn fill(&mut self, unassigned: &[Slot]) {
        let mut next = 0;
        for &slot in unassigned {
            if next >= self.under.len() {
                next = 0;
            }
            let member = if let Some(&member) = self.under.get(next) {
                next += 1;
                member
            } else {
                // the quotas add up to the number of partitions, so somebody has room
                let Some(member) = self.exact.pop_front() else {
                    return;
                };
                member
            };
            self.give(slot, member);
            let size = self.lists[member].len();
            if size == self.min_quota {
                next -= 1;
                self.under.remove(next);
                self.exact.push_back(member);
            } else if size == self.max_quota {
                self.over += 1;
            }
        }
    }

    /// `assignNewPartition`
    fn give(&mut self, slot: Slot, member: usize) {
        self.lists[member].push(slot);
        let at = slot as usize;
        self.transferred[at] =
            self.given_up[at].is_some_and(|loser| loser != member) || self.contested[at];
    }
}
