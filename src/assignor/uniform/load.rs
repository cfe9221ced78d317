//! `MemberAssignmentBalancer`: hands out the least and the most loaded subscribers of one topic, one after the other.
//!
//! It keeps two ranges of the subscribers sorted by load: the least loaded, growing from the left, and the most loaded,
//! growing from the right. The loads belong to the builder and change as partitions move.

/// The subscribers of one topic being levelled.
pub(super) struct Balancer {
    /// By (load at the start, number of the member).
    members: Vec<usize>,
    least_end: usize,
    least_load: i64,
    least_next: usize,
    most_start: usize,
    most_end: usize,
    most_load: i64,
    /// One more than the index of the next member; 0: none.
    most_next: usize,
}

impl Balancer {
    /// `initialize` for at least one member; also tells the difference of the extreme loads.
    pub(super) fn new(subscribers: &[usize], loads: &[u32]) -> (Self, u32) {
        let mut members = subscribers.to_vec();
        members.sort_by_key(|&member| (loads[member], member));
        let load_at = |index: usize| loads[members[index]];
        let (least, most) = (load_at(0), load_at(members.len() - 1));
        let balancer = Self {
            least_end: 0,
            least_load: i64::from(least) - 1,
            least_next: 0,
            most_start: members.len(),
            most_end: members.len(),
            most_load: i64::from(most) + 1,
            most_next: members.len(),
            members,
        };
        (balancer, most - least)
    }

    fn load(&self, index: usize, loads: &[u32]) -> i64 {
        i64::from(loads[self.members[index]])
    }

    /// `nextLeastLoadedMember`: the caller gives it a partition.
    pub(super) fn least(&mut self, loads: &[u32]) -> usize {
        if self.least_next >= self.least_end {
            self.least_load += 1;
            while self.least_end < self.members.len()
                && self.load(self.least_end, loads) == self.least_load
            {
                self.least_end += 1;
            }
            self.least_next = 0;
        }
        self.least_next += 1;
        self.members[self.least_next - 1]
    }

    /// `nextMostLoadedMember`: the caller takes a partition from it; `None` when nobody can give one.
    pub(super) fn most(&mut self, loads: &[u32]) -> Option<usize> {
        if self.most_next <= self.most_start {
            if self.most_end <= self.most_start && self.most_start > 0 {
                // all of the range were excluded
                self.most_load = self.load(self.most_start - 1, loads);
            } else {
                self.most_load -= 1;
            }
            while self.most_start > 0 && self.load(self.most_start - 1, loads) == self.most_load {
                self.most_start -= 1;
            }
            self.most_next = self.most_end;
        }
        self.most_next = self.most_next.checked_sub(1)?;
        Some(self.members[self.most_next])
    }

    /// `excludeMostLoadedMember`: the member that [`Self::most`] returned has nothing to give.
    pub(super) fn exclude_most(&mut self) {
        self.most_end -= 1;
        self.members.swap(self.most_next, self.most_end);
    }

    /// `isBalanced`: the loads of the two ranges differ by at most one.
    pub(super) const fn is_balanced(&self) -> bool {
        self.most_load - self.least_load <= 1
    }
}
