//! Sweeps: every cell under every seed, numbered once and for all, whole or in shards.
//!
//! Replications are numbered by cell, then seed. A shard holds every N-th number, so that shards are of one size whatever a cell costs, and
//! what belongs to which shard follows from the numbers alone.

use std::num::{NonZeroU64, NonZeroUsize};

use super::pool;
use super::replication::{self, Playing};
use crate::kernel::Seed;
use crate::scenario::grid::Cell;

/// One of several equal parts of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    count: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self {
        number: 1,
        count: 1,
    };

    /// Shard `number` of `count`, from 1; `None` when there is no such shard.
    #[must_use]
    pub fn new(number: u64, count: NonZeroU64) -> Option<Self> {
        let count = count.get();
        (1..=count)
            .contains(&number)
            .then_some(Self { number, count })
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.count
    }

    /// True when the replication numbered `index` is its.
    #[must_use]
    pub const fn holds(self, index: usize) -> bool {
        index as u64 % self.count == self.number - 1
    }
}

/// One replication of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number in the whole sweep, from 0.
    pub index: usize,
    /// Which cell.
    pub cell: usize,
    /// Under which seed.
    pub seed: Seed,
}

/// The replications of `shard`, in order of their numbers.
#[must_use]
pub fn tasks(cells: usize, seeds: &[Seed], shard: Shard) -> Vec<Task> {
    let all = (0..cells).flat_map(|cell| seeds.iter().map(move |seed| (cell, *seed)));
    let numbered = all
        .enumerate()
        .map(|(index, (cell, seed))| Task { index, cell, seed });
    numbered.filter(|task| shard.holds(task.index)).collect()
}

/// Plays `tasks` with at most `jobs` workers; what `engine` makes of them, in order of the tasks, whatever `jobs` is.
///
/// # Errors
/// The first error in that order.
pub fn play<T: Send, E: Send>(
    cells: &[Cell],
    tasks: &[Task],
    jobs: NonZeroUsize,
    engine: impl Fn(Task, &Cell) -> Result<T, E> + Sync,
    watch: super::Watch<'_>,
) -> Result<Vec<T>, E> {
    let task = |number: usize| {
        let task = tasks[number];
        let cell = &cells[task.cell];
        let now = Playing {
            variant: cell.plan.variant.clone(),
            seed: task.seed,
            options: cell.options.clone(),
        };
        replication::while_playing(now, || engine(task, cell))
    };
    pool::in_order(tasks.len(), jobs, task, watch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: u64, count: u64) -> Option<Shard> {
        Shard::new(
            number,
            NonZeroU64::new(count).expect("tests ask for some shards"),
        )
    }

    #[test]
    fn shards_hold_every_replication_once() {
        let seeds = [Seed(3), Seed(4), Seed(5)];
        let whole = tasks(4, &seeds, Shard::WHOLE);
        assert_eq!(whole.len(), 12);
        assert_eq!((whole[4].cell, whole[4].seed), (1, Seed(4)));
        for count in 1..=16 {
            let mut parts = Vec::new();
            for number in 1..=count {
                let shard = shard(number, count).expect("it is one of them");
                parts.extend(tasks(4, &seeds, shard));
            }
            parts.sort_by_key(|task| task.index);
            assert_eq!(parts, whole, "{count} shards");
        }
    }

    #[test]
    fn there_is_no_shard_beyond_the_last() {
        assert_eq!(shard(0, 4), None);
        assert_eq!(shard(5, 4), None);
        assert!(shard(4, 4).is_some());
    }
}
