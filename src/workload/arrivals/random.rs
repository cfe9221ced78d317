//! The random part of a load: Poisson records whose intensity follows phases, factors and shares.
//!
//! Time is cut into slots of a fixed length. What happens in a slot is drawn from words that belong to the slot, so the
//! path of a partition is a pure function of (seed, topic, partition, time). Floats turn words into whole microseconds
//! here and stay here.

use libm::exp;

use super::curve::all_factors;
use super::load::{LoadFactor, LoadTerm, MOST_PER_MICRO};
use crate::kernel::draw::unit;
use crate::kernel::{Draw, Seed, SimDuration, Stream};
use crate::workload::distribution::Distribution;

/// Words set aside for one slot; 2^24 is far more than a slot of [`RandomLoad::slot_bits`] can need.
const WORDS_OF_A_SLOT: u32 = 24;
/// Mean records of a slot at the rate that the length is chosen for.
const RECORDS_OF_A_SLOT: f64 = 32.0;
/// A mean is drawn in pieces of at most this, so that exp(-mean) is an ordinary number.
const LARGEST_MEAN: f64 = 128.0;

/// Terms of a sum near 1 that no longer change it.
const NEGLIGIBLE: f64 = 1e-18;

/// One `bursts` term.
#[derive(Clone, Debug, PartialEq)]
struct Bursts {
    /// Position among the terms: names its stream.
    term: usize,
    /// Records each microsecond in the low and in the high phase.
    rates: [f64; 2],
    /// Mean length of the low and of the high phase.
    lasting: [SimDuration; 2],
}

/// The random terms of a topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RandomLoad {
    /// Records each microsecond of all `poisson` terms.
    poisson: f64,
    bursts: Vec<Bursts>,
    /// Records each microsecond when every term, steady ones included, is at its highest and no factor applies.
    highest: f64,
    /// Factor on all terms from each instant on.
    factors: Vec<(u64, f64)>,
}

/// Where a `bursts` term stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    high: bool,
    until: u64,
    /// Phases that ended before.
    number: u64,
}

/// The dice of one partition.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    arrivals: Draw,
    bursts: Vec<Draw>,
}

impl RandomLoad {
    /// The random ones of `terms`; `None` when nothing is random.
    pub(super) fn new(terms: &[LoadTerm], factors: &[LoadFactor]) -> Option<Self> {
        let mut poisson = 0.0;
        let mut bursts = Vec::new();
        for (term, written) in terms.iter().enumerate() {
            match written {
                LoadTerm::Poisson(rate) => poisson += rate.per_micro(),
                LoadTerm::Bursts {
                    low,
                    high,
                    low_for,
                    high_for,
                } => bursts.push(Bursts {
                    term,
                    rates: [low.per_micro(), high.per_micro()],
                    lasting: [*low_for, *high_for],
                }),
                LoadTerm::Constant(_)
                | LoadTerm::Diurnal { .. }
                | LoadTerm::Steps(_)
                | LoadTerm::Ramp { .. }
                | LoadTerm::Spike { .. }
                | LoadTerm::Trace(_) => {}
            }
        }
        let silent = poisson == 0.0 && bursts.iter().all(|term| term.rates == [0.0; 2]);
        (!silent).then(|| Self {
            poisson,
            bursts,
            highest: terms.iter().map(LoadTerm::highest).sum(),
            factors: staircase(&all_factors(terms, factors)),
        })
    }

    /// Slots of 2^this microseconds for a partition that never gets more than `share` of the topic. Factors up to 1,000 do
    /// not count, so that a variant which adds one leaves the path before it alone; larger ones shorten the slots.
    pub(super) fn slot_bits(&self, share: f64) -> u32 {
        let factor = self
            .factors
            .iter()
            .fold(1.0, |most: f64, (_, factor)| most.max(factor / 1_000.0));
        let length = RECORDS_OF_A_SLOT / (self.highest * share * factor);
        (10..35)
            .find(|bits| (1_u64 << bits) as f64 >= length)
            .unwrap_or(35)
    }

    /// The dice of partition `partition` of `topic`; with `per_partition` it bursts by itself.
    pub(super) fn dice(
        &self,
        seed: Seed,
        topic: &str,
        partition: u32,
        per_partition: bool,
    ) -> Dice {
        let entity = format!("{topic}-{partition}");
        let bursting = if per_partition {
            entity.as_str()
        } else {
            topic
        };
        let burst = |term: &Bursts| {
            Draw::new(
                seed,
                Stream::new(&format!("{bursting}/{}", term.term), "bursts"),
            )
        };
        Dice {
            arrivals: Draw::new(seed, Stream::new(&entity, "arrivals")),
            bursts: self.bursts.iter().map(burst).collect(),
        }
    }

    /// Where every `bursts` term stands at 0: high with the share of time that it is high in the long run.
    pub(super) fn first_phases(&self, dice: &mut Dice) -> Vec<Phase> {
        let first = |(term, draw): (&Bursts, &mut Draw)| {
            let [low, high] = term.lasting.map(|mean| mean.as_micros() as f64);
            draw.seek(0);
            let high = draw.unit() < high / (low + high);
            term.phase(high, 0, 0, draw)
        };
        self.bursts
            .iter()
            .zip(&mut dice.bursts)
            .map(first)
            .collect()
    }

    /// Appends the records of the microseconds `from..to`, which lie in slot `slot`, unsorted; `shares` is the
    /// partition's share from each instant on. `phases` move on to `to`.
    pub(super) fn fill(
        &self,
        slot: u64,
        (from, to): (u64, u64),
        shares: &[(u64, f64)],
        dice: &mut Dice,
        phases: &mut [Phase],
        records: &mut Vec<u64>,
    ) {
        dice.arrivals.seek(slot << WORDS_OF_A_SLOT);
        let mut at = from;
        while at < to {
            let mut end = to
                .min(next_change(&self.factors, at))
                .min(next_change(shares, at));
            let mut rate = self.poisson;
            for ((term, draw), phase) in self
                .bursts
                .iter()
                .zip(&mut dice.bursts)
                .zip(phases.iter_mut())
            {
                while phase.until <= at {
                    *phase = term.phase(!phase.high, phase.until, phase.number + 1, draw);
                }
                end = end.min(phase.until);
                rate += term.rates[usize::from(phase.high)];
            }
            let wanted = rate * value_at(&self.factors, at) * value_at(shares, at);
            let intensity = wanted.min(MOST_PER_MICRO as f64);
            let length = end - at;
            for _ in 0..poisson(intensity * length as f64, &mut dice.arrivals) {
                let word = u128::from(dice.arrivals.word());
                records.push(at + ((word * u128::from(length)) >> 64) as u64);
            }
            at = end;
        }
    }
}

impl Bursts {
    /// Phase `number`, which begins at `from`: exponential, from word `number + 1`; word 0 chose the first.
    fn phase(&self, high: bool, from: u64, number: u64, draw: &mut Draw) -> Phase {
        draw.seek(number + 1);
        let mean = self.lasting[usize::from(high)];
        let length = Distribution::Exponential { mean }.sample(draw).as_micros();
        Phase {
            high,
            until: from.saturating_add(length.max(1)),
            number,
        }
    }
}

/// A Poisson number by inversion: one word for each piece of the mean, larger for larger words and larger means.
fn poisson(mut mean: f64, draw: &mut Draw) -> u64 {
    let mut number = 0;
    while mean > LARGEST_MEAN {
        number += poisson_of(LARGEST_MEAN, draw.word());
        mean -= LARGEST_MEAN;
    }
    if mean > 0.0 {
        number += poisson_of(mean, draw.word());
    }
    number
}

fn poisson_of(mean: f64, word: u64) -> u64 {
    let share = unit(word);
    let mut probability = exp(-mean);
    let mut sum = probability;
    let mut number = 0_u64;
    // Beyond the mean the sum stands still once the terms are too small for it, a hair below 1.
    while sum < share && (probability > NEGLIGIBLE || (number as f64) < mean) {
        number += 1;
        probability *= mean / number as f64;
        sum += probability;
    }
    number
}

/// Overlapping factors as one staircase from 0 on.
fn staircase(factors: &[(u64, u64, u64)]) -> Vec<(u64, f64)> {
    let mut starts = vec![0];
    starts.extend(factors.iter().flat_map(|(from, to, _)| [*from, *to]));
    starts.sort_unstable();
    starts.dedup();
    let product = |at: &u64| {
        factors
            .iter()
            .filter(|(from, to, _)| (*from..*to).contains(at))
            .fold(1.0, |product, (_, _, thousandths)| {
                product * (*thousandths as f64 / 1_000.0)
            })
    };
    starts.iter().map(|at| (*at, product(at))).collect()
}

/// The value in force; zero before the first.
fn value_at(stairs: &[(u64, f64)], at: u64) -> f64 {
    let next = stairs.partition_point(|(from, _)| *from <= at);
    next.checked_sub(1).map_or(0.0, |stair| stairs[stair].1)
}

fn next_change(stairs: &[(u64, f64)], at: u64) -> u64 {
    let next = stairs.partition_point(|(from, _)| *from <= at);
    stairs.get(next).map_or(u64::MAX, |(from, _)| *from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inversion meets the probabilities: share of words that give at most n is the distribution function at n.
    #[test]
    fn poisson_numbers_follow_the_distribution_function() {
        for mean in [0.01, 0.5, 3.0, 32.0, 128.0] {
            let (mut probability, mut sum) = (exp(-mean), 0.0);
            for number in 0..400_u64 {
                sum += probability;
                probability *= mean / (number + 1) as f64;
                if sum > 1e-6 && sum < 1.0 - 1e-6 {
                    let word = (sum * 18_446_744_073_709_551_616.0) as u64;
                    let slack = 1 << 24;
                    assert!(poisson_of(mean, word - slack) <= number, "{mean}: {number}");
                    assert!(poisson_of(mean, word + slack) > number, "{mean}: {number}");
                }
            }
            assert_eq!(
                poisson_of(mean, 0),
                u64::from(mean > 30.0) * poisson_of(mean, 0)
            );
            assert!(poisson_of(mean, u64::MAX) < 400);
        }
    }
}
