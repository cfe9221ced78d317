//! From what a scenario says about a topic's load to the arrivals of each of its partitions.

use std::sync::Arc;

use super::curve::Curve;
use super::load::{LoadFactor, LoadTerm};
use super::random::RandomLoad;
use super::{ConstantArrivals, PartitionArrivals, RandomArrivals, StepArrivals};
use crate::kernel::{Seed, SimDuration, SimTime};
use crate::workload::refusal::Refusal;
use crate::workload::skew::{Shares, Skew};

/// Staircases and slots are laid out up to the end of the replication, so it has one.
const LONGEST_REPLICATION: SimDuration = SimDuration::from_secs(3_653 * 86_400);

/// What a scenario says about a topic's load, script included.
#[derive(Clone, Copy, Debug)]
pub struct TopicLoad<'a> {
    /// The topic's name; streams and keys are named after it.
    pub topic: &'a str,
    /// Terms, added up; of the whole topic, or of each partition.
    pub terms: &'a [LoadTerm],
    /// True when `terms` is the load of each partition; `skew` is not looked at then.
    pub per_partition: bool,
    /// How the load falls on the partitions.
    pub skew: &'a Skew,
    /// Number of partitions from each instant on, growing; the first instant is 0. Of several at one instant the last counts.
    pub partitions: &'a [(SimTime, u32)],
    /// Factors on everything.
    pub factors: &'a [LoadFactor],
    /// Records already waiting at 0, by partition; partitions beyond its end have none.
    pub backlog: &'a [u64],
    /// The end of the replication. A random or diurnal load is not played beyond it.
    pub until: SimTime,
}

/// The arrivals of a topic, the same for every seed until a partition is asked for.
#[derive(Clone, Debug)]
pub struct TopicArrivals {
    topic: String,
    per_partition: bool,
    curve: Arc<Curve>,
    random: Option<Arc<RandomLoad>>,
    shares: Vec<(SimTime, Shares)>,
    backlog: Vec<u64>,
    until: u64,
}

impl TopicArrivals {
    /// Those of `load`.
    ///
    /// # Errors
    /// The first thing in `load` that makes no sense.
    pub fn new(load: &TopicLoad<'_>) -> Result<Self, Refusal> {
        load.check()?;
        let mut counts = load.partitions.to_vec();
        counts.dedup_by(|later, earlier| {
            let together = later.0 == earlier.0;
            if together {
                *earlier = *later;
            }
            together
        });
        let shares = counts.iter().map(|(from, partitions)| {
            let shares = if load.per_partition {
                Shares::undivided(*partitions)
            } else {
                load.skew.shares(load.topic, *partitions)
            };
            (*from, shares)
        });
        let shares: Vec<_> = shares.collect();
        let wholes: Vec<u64> = shares.iter().map(|(_, shares)| shares.whole()).collect();
        let until = load.until.as_micros();
        Ok(Self {
            topic: load.topic.to_owned(),
            per_partition: load.per_partition,
            random: RandomLoad::new(load.terms, load.factors).map(Arc::new),
            until,
            curve: Arc::new(Curve::new(load.terms, load.factors, &wholes, until)),
            shares,
            backlog: load.backlog.to_vec(),
        })
    }

    /// Number of partitions at the end.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.shares
            .last()
            .map_or(0, |(_, shares)| shares.partitions())
    }

    /// The instant at which `partition` exists; [`SimTime::NEVER`] when it never does.
    #[must_use]
    pub fn created(&self, partition: u32) -> SimTime {
        self.shares
            .iter()
            .find(|(_, shares)| partition < shares.partitions())
            .map_or(SimTime::NEVER, |(from, _)| *from)
    }

    /// True when no seed matters.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        self.random.is_none()
    }

    /// The arrivals of `partition` under `seed`. It exists at some time.
    #[must_use]
    pub fn partition(&self, seed: Seed, partition: u32) -> PartitionArrivals {
        let mut shares: Vec<(SimTime, (u64, u64))> = self
            .shares
            .iter()
            .filter(|(_, shares)| partition < shares.partitions())
            .map(|(from, shares)| (*from, shares.of(partition)))
            .collect();
        shares.dedup_by_key(|(_, share)| *share);
        let backlog = self.backlog.get(partition as usize).copied().unwrap_or(0);
        if let Some(random) = &self.random {
            return self.random_partition(random, seed, partition, &shares, backlog);
        }
        match (self.curve.constant(), shares.as_slice()) {
            (Some(rate), [(created, (part, whole))]) => {
                PartitionArrivals::Constant(ConstantArrivals::of_fraction(
                    rate * u128::from(*part),
                    self.curve.unit * u128::from(*whole),
                    backlog,
                    *created,
                ))
            }
            _ => PartitionArrivals::Steps(StepArrivals::new(self.curve.clone(), &shares, backlog)),
        }
    }

    fn random_partition(
        &self,
        random: &Arc<RandomLoad>,
        seed: Seed,
        partition: u32,
        shares: &[(SimTime, (u64, u64))],
        backlog: u64,
    ) -> PartitionArrivals {
        let fractions: Vec<(u64, f64)> = shares
            .iter()
            .map(|(from, (part, whole))| (from.as_micros(), *part as f64 / *whole as f64))
            .collect();
        let steady = self.curve.constant() != Some(0);
        PartitionArrivals::Random(Box::new(RandomArrivals::new(
            random.clone(),
            random.dice(seed, &self.topic, partition, self.per_partition),
            steady.then(|| StepArrivals::new(self.curve.clone(), shares, 0)),
            fractions,
            backlog,
            self.until,
        )))
    }
}

impl TopicLoad<'_> {
    /// Whether this load can be played; cheap.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.until > SimTime::ZERO + LONGEST_REPLICATION {
            return Err(Refusal::new(
                "a replication longer than ten years is not played",
                "write a shorter duration",
            ));
        }
        self.terms.iter().try_for_each(LoadTerm::check)?;
        self.factors.iter().try_for_each(LoadFactor::check)?;
        let is_spike = |term: &LoadTerm| matches!(term, LoadTerm::Spike { .. });
        if self.terms.iter().all(is_spike) && !self.terms.is_empty() {
            return Err(Refusal::new(
                "a spike alone multiplies nothing",
                "add a term for it to multiply, such as constant",
            ));
        }
        let (Some((first, initial)), Some((_, most))) =
            (self.partitions.first(), self.partitions.last())
        else {
            return Err(Refusal::new(
                "the topic has no partitions",
                "write at least 1",
            ));
        };
        let grows = |pair: &[(SimTime, u32)]| pair[0].0 <= pair[1].0 && pair[0].1 < pair[1].1;
        if *first != SimTime::ZERO || *initial == 0 || !self.partitions.windows(2).all(grows) {
            return Err(Refusal::new(
                "the number of partitions can only grow",
                "write a larger number each time",
            ));
        }
        if self.per_partition {
            return Ok(());
        }
        self.skew.check(*initial, *most)
    }
}
