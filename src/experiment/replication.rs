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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Options, simulate};
    use crate::kernel::{Draw, Stream};
    use crate::metrics::{Decimal, evaluate, statistics};
    use crate::scenario::{NoFiles, Overrides, load};

    /// A crash while the load comes in bursts: what is stalled depends on the burst far more than on the session timeout.
    const BURSTS: &str = "
version: 1
name: bursts
duration: 40s
topics: { orders: { partitions: 2, load: [ { bursts: { low: 10/s, high: 200/s, low_for: 8s, high_for: 8s } } ] } }
groups:
  g: { topics: [orders], members: 2, processing: { per_record: 1ms }, config: { heartbeat.interval.ms: 1500 } }
events: [ { at: 10s, crash: g/1 } ]
variants:
  six: { config: { session.timeout.ms: 6000 } }
  eight: { config: { session.timeout.ms: 8000 } }
";

    /// The 95 % bootstrap interval of the difference of means of two samples that nobody paired, as wide as it is.
    fn unpaired(this: &[Decimal], other: &[Decimal]) -> Decimal {
        let mut draw = Draw::new(Seed(0), Stream::new("unpaired difference", "bootstrap"));
        let mut mean = |sample: &[Decimal]| {
            let count = sample.len() as u64;
            let draws = (0..count).map(|_| {
                let at = usize::try_from(draw.below(count)).expect("it is an index");
                sample[at]
            });
            statistics::mean(&draws.collect::<Vec<_>>()).expect("there are values")
        };
        let means: Vec<Decimal> = (0..2_000).map(|_| mean(this) - mean(other)).collect();
        let at = |part| statistics::quantile(&means, part, 1_000).expect("there are values");
        at(975) - at(25)
    }

    #[test]
    fn the_same_draws_under_every_variant_narrow_the_interval_of_their_difference() {
        let scenario = load("bursts.yaml", BURSTS, &mut NoFiles, &Overrides::default());
        let scenario = scenario.expect("the test's scenario is valid");
        let seeds: Vec<Seed> = (1..=20).map(Seed).collect();
        let engine = |replication: Replication<'_>| {
            simulate(replication.plan, replication.seed, &Options::default())
                .map(|timeline| evaluate(&timeline).value("stalled_records"))
        };
        let played = play(&scenario.plans, &seeds, NonZeroUsize::MIN, engine, &|_| {});
        let played = played.expect("every replication ends");
        let number = |one: &Played<_>| {
            let value: Option<crate::metrics::Value> = one.outcome;
            value.and_then(|value| value.number()).expect("a number")
        };
        let numbers: Vec<Decimal> = played.iter().map(number).collect();
        let (six, eight) = numbers.split_at(seeds.len());
        let paired = statistics::paired(eight, six).expect("pairs");
        let width = paired.interval.1 - paired.interval.0;
        let apart = unpaired(eight, six);
        assert!(
            width.times(Decimal::from_millionths(1_500_000)) < apart,
            "paired {width}, unpaired {apart}"
        );
        assert!(paired.interval.0 > Decimal::ZERO, "{paired:?}");
    }
}
