//! How the polls of a client follow each other on the average, and what course that gives each of its partitions.
//!
//! Means in whole microseconds, rates in 2^-40 records a microsecond. A fetch is sent when the one before is answered; it reaches its broker
//! half a round trip later, is answered when `fetch.min.bytes` are there or `fetch.max.wait.ms` are over, and what it brings is processed one
//! record after the other. A backlog is worked off in batches of `max.poll.records`, shared evenly among the partitions that have one; who has
//! caught up takes no more than what comes for it and leaves the rest to the others.

use std::sync::Arc;

use crate::cluster::client::Client;
use crate::cluster::fetch::Fetcher;
use crate::cluster::ground::Ground;
use crate::cluster::ledger::{Course, LATENCIES};
use crate::cluster::positions::Slot;
use crate::cluster::records::slowed;
use crate::kernel::{SimDuration, SimTime};
use crate::workload::arrivals::Rate;
use crate::workload::distribution::Distribution;

/// Random arrivals go at the rate of so much time at once.
const SLOT: SimDuration = SimDuration::from_secs(1);

/// It is looked so many such spans ahead.
const SLOTS: u32 = 10;

/// A backlog of fewer polls than this is worked off poll by poll.
const FEW_POLLS: u64 = 4;

/// What a fetch brings of a partition is worked off before the next partition has its turn. Where that takes as long as this, turns are
/// played one by one; else partitions share evenly.
const LONG_TURN: SimDuration = SimDuration::from_secs(1);

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
    fn of(&mut self, distribution: &Arc<Distribution>) -> u64 {
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
const UNIT: u128 = 1 << 40;

/// Records a microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Speed(u128);

impl Speed {
    fn of(rate: Rate) -> Self {
        Self(u128::from(rate.records) * UNIT / u128::from(rate.per_micros.max(1)))
    }

    /// Records in a span.
    fn records(self, span: SimDuration) -> u128 {
        (self.0 * u128::from(span.as_micros())) / UNIT
    }

    /// How long so many records take.
    fn span(self, records: u64) -> Option<SimDuration> {
        let micros = (u128::from(records) * UNIT).checked_div(self.0)?;
        Some(SimDuration::from_micros(u64::try_from(micros).ok()?))
    }

    fn as_rate(self) -> Rate {
        let excess = (u128::BITS - self.0.leading_zeros()).saturating_sub(u64::BITS);
        Rate {
            records: (self.0 >> excess) as u64,
            per_micros: (UNIT >> excess) as u64,
        }
    }
}

/// What lies before the client from an instant on.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// By slot; `None` where nothing moves.
    pub(super) courses: Vec<Option<Course>>,
    /// From one return of `poll()` with records to the next, about; never nothing.
    pub(super) cycle: SimDuration,
    /// True when `poll()` returns a whole batch each time.
    pub(super) is_full: bool,
    /// True when all of them are of the chunk that is the first in the buffer.
    pub(super) is_turn: bool,
    /// Records that have come this long ago can have been returned.
    pub(super) reach: SimDuration,
    /// A round trip to a broker.
    pub(super) round_trip: SimDuration,
    /// It changes then.
    pub(super) until: SimTime,
}

/// What processing takes, on the average.
struct Costs {
    per_record: u64,
    per_poll: u64,
    overhead: u64,
    round_trip: u64,
    /// Squared coefficient of variation of the time of a record, in thousandths.
    variation: u64,
}

impl Costs {
    fn of(fetcher: &Fetcher, variation: u64, ground: &Ground<'_>) -> Self {
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
    /// come with a squared coefficient of variation of so many thousandths (Kingman's formula).
    fn queue(&self, records: u64, (busy, cycle): (u64, u64), by_chance: u128) -> u64 {
        let batch = u128::from(self.batch(records)).max(1);
        let each = u128::from(self.per_record);
        let varies =
            u128::from(self.variation) * each * each * u128::from(records) / (batch * batch);
        let rest = u128::from(cycle - busy).max(1);
        let queue = batch * u128::from(busy) * (by_chance + varies) / (rest * 2 * THOUSAND);
        u64::try_from(queue.min(batch * LONGEST_QUEUE)).unwrap_or(u64::MAX)
    }

    /// From the return of so many records to the next `poll()`.
    fn batch(&self, records: u64) -> u64 {
        self.per_poll + self.overhead + self.per_record.saturating_mul(records)
    }
}

/// One partition, as the outlook sees it.
#[derive(Clone, Copy)]
struct Flowing {
    speed: Speed,
    /// Records that could be returned and were not.
    waiting: u64,
    behind: bool,
}

impl Client {
    /// The outlook from `from` on, where the averages hold. `None`: it has to go poll by poll.
    pub(super) fn outlook(&mut self, from: SimTime, ground: &Ground<'_>) -> Option<Outlook> {
        let variation = self.variation.of(&ground.labour.per_record);
        let fetcher = &self.fetcher;
        let costs = Costs::of(fetcher, variation, ground);
        let most = u64::from(ground.spec.config.max_poll_records);
        let mut outlook = Outlook {
            until: SimTime::NEVER,
            round_trip: SimDuration::from_micros(costs.round_trip),
            ..Outlook::default()
        };
        let mut flowing = Vec::with_capacity(fetcher.slots.len());
        let mut reach = 0;
        for slot in &fetcher.slots {
            if !slot.may_be_fetched() {
                flowing.push(None);
                continue;
            }
            let (speed, until) = speed_at(slot, from, ground);
            outlook.until = outlook.until.min(until);
            let delay = ground.logs[slot.index].append_delay.as_micros() + costs.round_trip / 2;
            reach = reach.max(delay);
            let end = ground.readable(slot.index, from);
            flowing.push(Some(Flowing {
                speed,
                waiting: end.saturating_sub(slot.position?),
                behind: false,
            }));
        }
        outlook.reach = SimDuration::from_micros(reach);
        let capacity = full_speed(&costs, most, fetcher, ground);
        let rhythm = Rhythm::of(fetcher, &flowing, &costs, ground);
        let all = || flowing.iter().flatten();
        let waiting: u64 = all().map(|one| one.waiting).sum();
        let load: u128 = all().map(|one| one.speed.0).sum();
        let usual = rhythm.records + flowing.len() as u64;
        outlook.cycle = SimDuration::from_micros(rhythm.cycle.max(1));
        if waiting <= usual && load * 100 <= capacity.0 * 95 {
            let look = self.look_ahead(from, outlook.until, capacity, ground);
            outlook.until = look?;
            let course = |one: &Option<Flowing>| one.map(|_| rhythm.course(reach, &costs));
            outlook.courses = flowing.iter().map(course).collect();
            return Some(outlook);
        }
        let batch = SimDuration::from_micros(costs.batch(most));
        if waiting <= most * FEW_POLLS || batch >= ground.spec.config.max_poll_interval {
            return None;
        }
        let turn = turn_of(most, fetcher, ground).saturating_mul(batch.as_micros());
        if turn >= LONG_TURN.as_micros() && flowing.len() > 1 {
            return self.one_turn(from, batch, most, outlook);
        }
        outlook.cycle = capacity.span(most)?.max(SimDuration::from_micros(1));
        outlook.is_full = true;
        outlook.share(&mut flowing, capacity, from, &rhythm, &costs);
        Some(outlook)
    }

    /// The outlook while one partition has its turn: whole batches of what is first in the buffer, but for the last few.
    fn one_turn(
        &self,
        from: SimTime,
        batch: SimDuration,
        most: u64,
        outlook: Outlook,
    ) -> Option<Outlook> {
        let chunk = self.fetcher.buffer.front()?;
        let batches = (chunk.to - chunk.from) / most;
        let is_flowing = |slot: &Slot| slot.partition == chunk.partition && slot.may_be_fetched();
        if batches < FEW_POLLS || !self.fetcher.slots.iter().any(is_flowing) {
            return None;
        }
        let course = |slot: &Slot| {
            is_flowing(slot).then_some(Course::Behind {
                rate: Rate {
                    records: most,
                    per_micros: batch.as_micros(),
                },
                behind: SimDuration::ZERO,
            })
        };
        Some(Outlook {
            courses: self.fetcher.slots.iter().map(course).collect(),
            cycle: batch,
            is_full: true,
            is_turn: true,
            until: from + batch.times(batches - 1),
            ..outlook
        })
    }

    /// As long as what comes can be worked off, and no longer than `until`; `None` when it cannot from the start.
    fn look_ahead(
        &self,
        from: SimTime,
        until: SimTime,
        capacity: Speed,
        ground: &Ground<'_>,
    ) -> Option<SimTime> {
        let slots = || {
            self.fetcher
                .slots
                .iter()
                .filter(|slot| slot.may_be_fetched())
        };
        let pace = |slot: &Slot, at| ground.logs[slot.index].arrivals.pace(at);
        if slots().all(|slot| pace(slot, from).is_some_and(|(_, until)| until == SimTime::NEVER)) {
            return Some(until);
        }
        let mut at = from;
        for _ in 0..SLOTS {
            let next = at + SLOT;
            let come: u64 = slots()
                .map(|slot| ground.logs[slot.index].arrivals.produced(at, next))
                .sum();
            if u128::from(come) * 100 > capacity.records(SLOT) * 95 {
                break;
            }
            at = next;
        }
        (at > from).then_some(at)
    }
}

/// How fast records of a partition come, and until when that holds.
fn speed_at(slot: &Slot, at: SimTime, ground: &Ground<'_>) -> (Speed, SimTime) {
    let arrivals = &ground.logs[slot.index].arrivals;
    match arrivals.pace(at) {
        Some((rate, SimTime::NEVER)) => (Speed::of(rate), SimTime::NEVER),
        _ => {
            let until = at + SLOT;
            let rate = Rate {
                records: arrivals.produced(at, until),
                per_micros: SLOT.as_micros(),
            };
            (Speed::of(rate), until)
        }
    }
}

/// How many batches what one fetch brings of a partition makes.
fn turn_of(most: u64, fetcher: &Fetcher, ground: &Ground<'_>) -> u64 {
    let sizes = fetcher
        .slots
        .iter()
        .map(|slot| ground.record_size(slot.index));
    let records = ground.spec.config.max_partition_fetch_bytes / sizes.max().unwrap_or(1);
    records.div_ceil(most.max(1))
}

/// How fast a backlog is worked off: batch after batch, if fetches are no slower.
fn full_speed(costs: &Costs, most: u64, fetcher: &Fetcher, ground: &Ground<'_>) -> Speed {
    let config = &ground.spec.config;
    let fetchable = fetcher.slots.iter().filter(|slot| slot.may_be_fetched());
    let by_fetch = fetchable
        .map(|slot| config.max_partition_fetch_bytes / ground.record_size(slot.index))
        .fold(0_u64, u64::saturating_add)
        .max(1);
    let fetched = u128::from(costs.round_trip) * u128::from(most) / u128::from(by_fetch);
    let span = u128::from(costs.batch(most)).max(fetched).max(1);
    Speed(u128::from(most) * UNIT / span)
}

/// How fetches follow each other while nothing waits.
struct Rhythm {
    cycle: u64,
    /// Records in an answer, at least one.
    records: u64,
    /// How long a record waits at its broker: on the average, at most.
    wait: (u64, u64),
    /// How long it waits for the client, on the average.
    queue: u64,
}

impl Rhythm {
    fn of(
        fetcher: &Fetcher,
        flowing: &[Option<Flowing>],
        costs: &Costs,
        ground: &Ground<'_>,
    ) -> Self {
        let config = &ground.spec.config;
        let slots = || {
            let both = fetcher.slots.iter().zip(flowing);
            both.filter_map(|(slot, one)| Some((slot, (*one)?)))
        };
        let count = slots().count() as u64;
        let load = Speed(slots().map(|(_, one)| one.speed.0).sum());
        let first = slots().next().map(|(slot, _)| &ground.logs[slot.index]);
        let in_step = first.is_some_and(|first| {
            slots().all(|(slot, _)| {
                let log = &ground.logs[slot.index];
                std::ptr::eq(log, first) || log.keeps_step_with(first)
            })
        });
        let mut nodes: Vec<usize> = slots().map(|(slot, _)| slot.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        // Answers of several brokers to a client in step come together; else each by itself.
        let together = if in_step {
            1
        } else {
            nodes.len().max(1) as u64
        };
        let load = Speed(load.0 / u128::from(together));
        let parked = config.fetch_max_wait.as_micros();
        let size = slots()
            .map(|(slot, _)| ground.record_size(slot.index))
            .max();
        let wanted = config.fetch_min_bytes.div_ceil(size.unwrap_or(1)).max(1);
        let alike = if in_step { count.max(1) } else { 1 };
        let enough = if wanted > 1 {
            Speed(load.0 * u128::from(together) / nodes.len().max(1) as u128).span(wanted)
        } else {
            load.span(alike)
        };
        let enough = enough.map_or(u64::MAX, SimDuration::as_micros);
        let idle = enough
            .max(costs.round_trip)
            .min(costs.round_trip + parked)
            .max(1);
        let mut rhythm = Self {
            cycle: idle,
            records: 1,
            wait: (0, 0),
            queue: 0,
        };
        if wanted > 1 || enough < costs.round_trip {
            rhythm.wait = (idle / 2, idle);
        }
        let records = |cycle: u64| {
            let come = load.records(SimDuration::from_micros(cycle));
            u64::try_from(come).unwrap_or(u64::MAX).max(alike).max(1)
        };
        rhythm.records = records(rhythm.cycle);
        let worked = load.0 * u128::from(costs.per_record) * u128::from(rhythm.cycle) / UNIT;
        let worked = u64::try_from(worked).unwrap_or(u64::MAX);
        let busy = (costs.batch(0) + worked).saturating_mul(together);
        if busy >= rhythm.cycle {
            // Batches follow each other without a pause; what comes during one is in the next but one.
            let all = Speed(load.0 * u128::from(together));
            rhythm.cycle = merged(all, costs).max(rhythm.cycle);
            rhythm.records = records(rhythm.cycle);
            rhythm.wait = (rhythm.cycle, 2 * rhythm.cycle);
        } else {
            let by_chance = if in_step { 0 } else { THOUSAND };
            rhythm.queue = costs.queue(rhythm.records, (busy, rhythm.cycle), by_chance);
        }
        rhythm
    }

    /// The course of a partition that keeps abreast. `reach` is from due to the client.
    fn course(&self, reach: u64, costs: &Costs) -> Course {
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

impl Outlook {
    /// Divides `capacity` among the partitions: who has caught up takes what comes for it, the others the rest in equal parts.
    fn share(
        &mut self,
        flowing: &mut [Option<Flowing>],
        capacity: Speed,
        from: SimTime,
        rhythm: &Rhythm,
        costs: &Costs,
    ) {
        let small = rhythm.records + 1;
        for one in flowing.iter_mut().flatten() {
            one.behind = one.waiting > small;
        }
        let part = loop {
            let kept_up = flowing.iter().flatten().filter(|one| !one.behind);
            let taken: u128 = kept_up.map(|one| one.speed.0).sum();
            let count = flowing.iter().flatten().filter(|one| one.behind).count() as u128;
            let part = Speed(capacity.0.saturating_sub(taken) / count.max(1));
            let faster = |one: &Flowing| !one.behind && one.speed > part;
            let overtaken = flowing.iter_mut().flatten().filter(|one| faster(one));
            let mut changed = false;
            for one in overtaken {
                (one.behind, changed) = (true, true);
            }
            if !changed {
                break part;
            }
        };
        let reach = self.reach.as_micros();
        let span = SimDuration::from_micros;
        for one in flowing.iter() {
            let course = one.map(|one| {
                if one.behind {
                    return Course::Behind {
                        rate: part.as_rate(),
                        behind: span(reach + costs.per_record),
                    };
                }
                // It waits for its turn among the batches of the others.
                Course::Abreast {
                    values: LATENCIES,
                    behind: span(reach + self.cycle.as_micros()),
                    least: span(reach + costs.per_record),
                    most: span(reach + 2 * self.cycle.as_micros()),
                }
            });
            self.courses.push(course);
            let Some(one) = one.filter(|one| one.behind && one.speed < part) else {
                continue;
            };
            let closing = Speed(part.0 - one.speed.0);
            if let Some(caught_up) = closing.span(one.waiting) {
                self.until = self.until.min(from + caught_up.max(span(1)));
            }
        }
    }
}
