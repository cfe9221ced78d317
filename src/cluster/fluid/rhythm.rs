//! How fetches follow each other while nothing waits: what processing takes, what comes, and what a record waits for on the average.
//!
//! Means in whole microseconds, rates in 2^-40 records a microsecond. A fetch is sent when the one before is answered; it reaches its broker
//! half a round trip later, is answered when `fetch.min.bytes` are there or `fetch.max.wait.ms` are over, and what it brings is processed one
//! record after the other.

use std::sync::Arc;

use crate::cluster::fetch::Fetcher;
use crate::cluster::ground::Ground;
use crate::cluster::ledger::{Course, LATENCIES};
use crate::cluster::positions::Slot;
use crate::cluster::records::slowed;
use crate::kernel::SimDuration;
use crate::workload::arrivals::{PartitionArrivals, Rate};
use crate::workload::distribution::Distribution;

/// A batch waits for no more than so many on the average.
const LONGEST_QUEUE: u128 = 100;

const THOUSAND: u128 = 1_000;

/// A distribution is looked at in so many places.
const PLACES: u32 = 256;

/// How much the time of a record varies, worked out once for a distribution.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Variation(Option<(Arc<Distribution>, u64)>);

impl Variation {
    /// The squared coefficient of variation, in thousandths.
    pub(super) fn of(&mut self, distribution: &Arc<Distribution>) -> u64 {
        if distribution.is_constant() {
            return 0;
        }
        match &self.0 {
            Some((known, variation)) if Arc::ptr_eq(known, distribution) => *variation,
            _ => {
                let variation = squared_variation(distribution);
                self.0 = Some((Arc::clone(distribution), variation));
                variation
            }
        }
    }
}

fn squared_variation(distribution: &Distribution) -> u64 {
    let places = (0..PLACES).map(|place| (f64::from(place) + 0.5) / f64::from(PLACES));
    let (mut sum, mut squares) = (0_u128, 0_u128);
    for share in places {
        let micros = u128::from(distribution.quantile(share).as_micros());
        sum += micros;
        squares += micros * micros;
    }
    let count = u128::from(PLACES);
    let excess = (squares * count).saturating_sub(sum * sum);
    u64::try_from(excess * THOUSAND / (sum * sum).max(1)).unwrap_or(u64::MAX)
}

/// Records a microsecond, in units of 2^-40.
pub(super) const UNIT: u128 = 1 << 40;

/// Records a microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Speed(pub(super) u128);

impl Speed {
    pub(super) fn of(rate: Rate) -> Self {
        Self(u128::from(rate.records) * UNIT / u128::from(rate.per_micros.max(1)))
    }

    /// Records in a span.
    pub(super) fn records(self, span: SimDuration) -> u128 {
        (self.0 * u128::from(span.as_micros())) / UNIT
    }

    /// How long so many records take.
    pub(super) fn span(self, records: u64) -> Option<SimDuration> {
        let micros = (u128::from(records) * UNIT).checked_div(self.0)?;
        Some(SimDuration::from_micros(u64::try_from(micros).ok()?))
    }

    pub(super) fn as_rate(self) -> Rate {
        let excess = (u128::BITS - self.0.leading_zeros()).saturating_sub(u64::BITS);
        Rate {
            records: (self.0 >> excess) as u64,
            per_micros: (UNIT >> excess) as u64,
        }
    }
}

/// What processing takes, on the average.
pub(super) struct Costs {
    pub(super) per_record: u64,
    pub(super) per_poll: u64,
    pub(super) overhead: u64,
    pub(super) round_trip: u64,
    /// Squared coefficient of variation of the time of a record, in thousandths.
    variation: u64,
}

impl Costs {
    pub(super) fn of(fetcher: &Fetcher, variation: u64, ground: &Ground<'_>) -> Self {
        let extra = fetcher
            .slots
            .iter()
            .map(|slot| ground.extra_latency(slot.node));
        let far: u64 = extra.map(SimDuration::as_micros).sum();
        let count = fetcher.slots.len().max(1) as u64;
        let labour = ground.labour;
        let per_poll = ground.spec.processing.per_poll.mean();
        let micros = |span: SimDuration| span.as_micros();
        Self {
            per_record: micros(slowed(labour.per_record.mean(), labour.factor)),
            per_poll: micros(slowed(per_poll, labour.factor)),
            overhead: micros(ground.calibration.batch_overhead),
            round_trip: 2 * (micros(ground.mean_latency()) + far / count),
            variation,
        }
    }

    /// How long a batch of so many records waits for those before it on the average, where the client works `busy` of every `cycle` and batches
    /// come at even intervals or by chance (Kingman's formula).
    fn queue(&self, records: u64, (busy, cycle): (u64, u64), by_chance: bool) -> u64 {
        let by_chance = if by_chance { THOUSAND } else { 0 };
        let batch = u128::from(self.batch(records)).max(1);
        let each = u128::from(self.per_record);
        let varies =
            u128::from(self.variation) * each * each * u128::from(records) / (batch * batch);
        let rest = u128::from(cycle - busy).max(1);
        let queue = batch * u128::from(busy) * (by_chance + varies) / (rest * 2 * THOUSAND);
        u64::try_from(queue.min(batch * LONGEST_QUEUE)).unwrap_or(u64::MAX)
    }

    /// From the return of so many records to the next `poll()`.
    pub(super) fn batch(&self, records: u64) -> u64 {
        self.per_poll + self.overhead + self.per_record.saturating_mul(records)
    }
}

/// One partition, as the outlook sees it.
#[derive(Clone, Copy)]
pub(super) struct Flowing {
    pub(super) speed: Speed,
    /// Records that could be returned and were not.
    pub(super) waiting: u64,
    pub(super) behind: bool,
}

/// How many of the slots get their records at the same instants: of the first or of the last, if these are more.
fn most_alike<'s>(slots: impl Iterator<Item = &'s Slot> + Clone, ground: &Ground<'_>) -> u64 {
    let log = |slot: &Slot| &ground.logs[slot.index];
    let like = |model: Option<&Slot>| {
        let model = model.map(log);
        let same = |slot: &&Slot| {
            model.is_some_and(|model| {
                std::ptr::eq(log(slot), model) || log(slot).keeps_step_with(model)
            })
        };
        slots.clone().filter(same).count() as u64
    };
    let first = like(slots.clone().next());
    match slots.clone().count() as u64 {
        all if first * 2 > all => first,
        _ => first.max(like(slots.clone().last())),
    }
}

/// What comes to a client.
struct Traffic {
    /// Most of its partitions get their records at the same instants, and so do the answers of their brokers.
    in_step: bool,
    by_chance: bool,
    /// Answers come one by one from so many brokers.
    together: u64,
    /// Of one of these.
    load: Speed,
    /// Of one broker.
    at_broker: Speed,
    /// Records that come at one instant.
    alike: u64,
    /// Records that a fetch waits for.
    wanted: u64,
}

impl Traffic {
    fn of<'s, I>(slots: impl Fn() -> I, ground: &Ground<'_>) -> Self
    where
        I: Iterator<Item = (&'s Slot, Flowing)> + Clone,
    {
        let arrivals = |slot: &Slot| &ground.logs[slot.index].arrivals;
        let all = Speed(slots().map(|(_, one)| one.speed.0).sum());
        let alike = most_alike(slots().map(|(slot, _)| slot), ground);
        let in_step = alike * 2 > slots().count() as u64;
        let mut nodes: Vec<usize> = slots().map(|(slot, _)| slot.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let nodes = nodes.len().max(1) as u64;
        let together = if in_step { 1 } else { nodes };
        let sizes = slots().map(|(slot, _)| ground.record_size(slot.index));
        let wanted = ground.spec.config.fetch_min_bytes;
        Self {
            in_step,
            by_chance: slots()
                .any(|(slot, _)| matches!(arrivals(slot), PartitionArrivals::Random(_))),
            together,
            load: Speed(all.0 / u128::from(together)),
            at_broker: Speed(all.0 / u128::from(nodes)),
            alike: if in_step { alike } else { 1 },
            wanted: wanted.div_ceil(sizes.max().unwrap_or(1)).max(1),
        }
    }

    /// How long it takes until a fetch that waits has what it waits for.
    fn enough(&self) -> u64 {
        let span = if self.wanted > 1 {
            self.at_broker.span(self.wanted)
        } else {
            self.load.span(self.alike)
        };
        span.map_or(u64::MAX, SimDuration::as_micros)
    }

    /// Records that an answer brings.
    pub(super) fn records(&self, cycle: u64) -> u64 {
        let come = self.load.records(SimDuration::from_micros(cycle));
        u64::try_from(come)
            .unwrap_or(u64::MAX)
            .max(self.alike)
            .max(1)
    }
}

/// How fetches follow each other while nothing waits.
pub(super) struct Rhythm {
    pub(super) cycle: u64,
    /// Records in an answer, at least one.
    pub(super) records: u64,
    /// How long a record waits at its broker: on the average, at most.
    wait: (u64, u64),
    /// How long it waits for the client, on the average.
    queue: u64,
}

impl Rhythm {
    pub(super) fn of(
        fetcher: &Fetcher,
        flowing: &[Option<Flowing>],
        costs: &Costs,
        ground: &Ground<'_>,
    ) -> Self {
        let slots = || {
            let both = fetcher.slots.iter().zip(flowing);
            both.filter_map(|(slot, one)| Some((slot, (*one)?)))
        };
        let traffic = Traffic::of(slots, ground);
        let each = u128::from(costs.per_record);
        let mut rhythm = Self {
            cycle: 1,
            records: 1,
            wait: (0, 0),
            queue: 0,
        };
        let enough = traffic.enough();
        let longest = costs.round_trip + ground.spec.config.fetch_max_wait.as_micros();
        rhythm.cycle = enough.max(costs.round_trip).min(longest).max(1);
        if traffic.wanted > 1 || enough < costs.round_trip {
            rhythm.wait = (rhythm.cycle / 2, rhythm.cycle);
        }
        rhythm.records = traffic.records(rhythm.cycle);
        let worked = traffic.load.0 * each * u128::from(rhythm.cycle) / UNIT;
        let worked = u64::try_from(worked).unwrap_or(u64::MAX);
        let busy = (costs.batch(0) + worked).saturating_mul(traffic.together);
        if busy >= rhythm.cycle {
            // Batches follow each other without a pause; what comes during one is in the next but one.
            let all = Speed(traffic.load.0 * u128::from(traffic.together));
            rhythm.cycle = merged(all, costs).max(rhythm.cycle);
            rhythm.records = traffic.records(rhythm.cycle);
            rhythm.wait = (rhythm.cycle, 2 * rhythm.cycle);
        } else {
            rhythm.queue = costs.queue(rhythm.records, (busy, rhythm.cycle), traffic.by_chance);
            if !traffic.in_step && !traffic.by_chance {
                // Even arrivals of different rates meet now and then: half a batch, as often as there is one under way.
                let batch = u128::from(costs.batch(rhythm.records)) * u128::from(busy);
                let meets = batch / (2 * u128::from(rhythm.cycle));
                rhythm.queue += u64::try_from(meets).unwrap_or(u64::MAX);
            }
        }
        rhythm
    }

    /// The course of a partition that keeps abreast. `reach` is from due to the client.
    pub(super) fn course(&self, reach: u64, costs: &Costs) -> Course {
        let least = reach + costs.per_poll + costs.per_record;
        let more = |records: u64| costs.per_record.saturating_mul(records);
        let span = SimDuration::from_micros;
        let values = match self.wait {
            (0, _) if self.queue == 0 => self.records.min(LATENCIES),
            _ => LATENCIES,
        };
        Course::Abreast {
            values,
            behind: span(least + self.wait.0 + self.queue + more(self.records - 1) / 2),
            least: span(least),
            most: span(least + self.wait.1 + 2 * self.queue + more(self.records - 1)),
        }
    }
}

/// The length of batches that follow each other without a pause, each of what came during one.
fn merged(load: Speed, costs: &Costs) -> u64 {
    let fixed = u128::from(costs.per_poll + costs.overhead).max(u128::from(costs.per_record));
    let share = load.0 * u128::from(costs.per_record);
    let cycle = fixed * UNIT / UNIT.saturating_sub(share).max(UNIT / 100);
    u64::try_from(cycle).unwrap_or(u64::MAX).max(1)
}
