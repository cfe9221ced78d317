//! Replications: one variant under one seed, from plan to whatever its reader makes of the timeline.

use std::cell::RefCell;
use std::num::NonZeroUsize;

use super::pool;
use crate::kernel::Seed;
use crate::scenario::plan::Plan;

/// One variant under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Replication<'a> {
    /// What is played.
    pub plan: &'a Plan,
    /// Position of the variant.
    pub variant: usize,
    /// Under which seed.
    pub seed: Seed,
    /// True for the first seed of its variant, whose series are kept when those of others are not.
    pub is_first: bool,
}

/// A replication that has been played.
#[derive(Clone, Debug, PartialEq)]
pub struct Played<T> {
    /// Position of the variant.
    pub variant: usize,
    /// Under which seed.
    pub seed: Seed,
    /// What was made of it.
    pub outcome: T,
}

/// Called after each finished replication with the number of finished ones.
pub type Watch<'a> = &'a (dyn Fn(usize) + Sync);

/// What a thread is playing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playing {
    /// Name of the variant.
    pub variant: String,
    /// Under which seed.
    pub seed: Seed,
    /// Options of `rebsim run` that set the parameters of a sweep: name, value.
    pub options: Vec<(&'static str, String)>,
}

thread_local! {
    static PLAYING: RefCell<Option<Playing>> = const { RefCell::new(None) };
}

/// Does `work`, of which [`playing`] says `now` meanwhile.
pub(super) fn while_playing<T>(now: Playing, work: impl FnOnce() -> T) -> T {
    PLAYING.with(|playing| playing.replace(Some(now)));
    let outcome = work();
    PLAYING.with(|playing| playing.replace(None));
    outcome
}

/// What this thread is playing at the moment; for reports of bugs.
#[must_use]
pub fn playing() -> Option<Playing> {
    PLAYING.with(|playing| {
        playing
            .try_borrow()
            .ok()
            .and_then(|playing| playing.clone())
    })
}

/// Plays every plan under every seed with at most `jobs` workers; by variant, then by seed, whatever `jobs` is.
///
/// # Errors
/// The first error in that order.
pub fn play<T: Send, E: Send>(
    plans: &[Plan],
    seeds: &[Seed],
    jobs: NonZeroUsize,
    engine: impl Fn(Replication<'_>) -> Result<T, E> + Sync,
    watch: Watch<'_>,
) -> Result<Vec<Played<T>>, E> {
    let task = |number: usize| {
        let (variant, index) = (number / seeds.len(), number % seeds.len());
        let (plan, seed) = (&plans[variant], seeds[index]);
        let now = Playing {
            variant: plan.variant.clone(),
            seed,
            options: Vec::new(),
        };
        let outcome = while_playing(now, || {
            engine(Replication {
                plan,
                variant,
                seed,
                is_first: index == 0,
            })
        });
        outcome.map(|outcome| Played {
            variant,
            seed,
            outcome,
        })
    };
    pool::in_order(plans.len() * seeds.len(), jobs, task, watch)
}
