//! Scoped workers over an atomic counter: the only threads of the crate.
//!
//! Tasks are numbered; workers take the next number, results are put back in order of the numbers. So the outcome is
//! that of a loop, however many workers there are.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// As many workers as the machine runs at once.
#[must_use]
pub fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Does tasks `0..count` with at most `jobs` workers and returns their results in order.
///
/// `done` is called after each finished task with the number of tasks finished so far, from the worker's thread.
///
/// # Errors
/// The error of the lowest-numbered task that fails; later tasks may then be left out. Numbers are taken in ascending
/// order and what was taken is finished, so it is the same error for any number of workers.
pub(super) fn in_order<T, E>(
    count: usize,
    jobs: NonZeroUsize,
    task: impl Fn(usize) -> Result<T, E> + Sync,
    done: impl Fn(usize) + Sync,
) -> Result<Vec<T>, E>
where
    T: Send,
    E: Send,
{
    let next = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let worker = || {
        let mut results = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            let result = task(number);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            results.push((number, result));
            done(finished.fetch_add(1, Ordering::Relaxed) + 1);
        }
        results
    };
    let jobs = jobs.get().min(count);
    let mut results = if jobs <= 1 {
        worker()
    } else {
        let gathered = Mutex::new(Vec::with_capacity(count));
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    let mut results = worker();
                    match gathered.lock() {
                        Ok(mut gathered) => gathered.append(&mut results),
                        // Another worker panicked while it held the list; the scope passes that panic on.
                        Err(_poisoned) => {}
                    }
                });
            }
        });
        gathered.into_inner().unwrap_or_default()
    };
    results.sort_unstable_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).expect("tests ask for at least one worker")
    }

    #[test]
    fn results_come_in_the_order_of_the_tasks_for_any_number_of_workers() {
        let square = |number: usize| Ok::<_, ()>(number * number);
        let alone = in_order(100, jobs(1), square, |_| {});
        for workers in [2, 3, 8, 200] {
            assert_eq!(in_order(100, jobs(workers), square, |_| {}), alone);
        }
        assert_eq!(alone.map(|squares| squares[99]), Ok(99 * 99));
    }

    #[test]
    fn the_error_of_the_lowest_task_wins_for_any_number_of_workers() {
        for workers in [1, 2, 8] {
            for _ in 0..50 {
                let outcome = in_order(
                    40,
                    jobs(workers),
                    |number| {
                        if number % 7 == 5 {
                            Err(number)
                        } else {
                            Ok(number)
                        }
                    },
                    |_| {},
                );
                assert_eq!(outcome, Err(5));
            }
        }
    }

    #[test]
    fn every_finished_task_is_told_once() {
        let told = Mutex::new(Vec::new());
        let outcome = in_order(30, jobs(4), Ok::<_, ()>, |finished| {
            told.lock().expect("no teller panics").push(finished)
        });
        assert_eq!(outcome.map(|results| results.len()), Ok(30));
        let mut told = told.into_inner().expect("no teller panics");
        told.sort_unstable();
        assert_eq!(told, (1..=30).collect::<Vec<_>>());
    }

    #[test]
    fn no_task_is_no_result() {
        let outcome = in_order(0, jobs(4), |_| Ok::<usize, ()>(1), |_| {});
        assert_eq!(outcome, Ok(Vec::new()));
    }
}
