//! What lies before a client from an instant on, on the average: the course of each of its partitions, and how long that holds.
//!
//! Who keeps abreast follows the rhythm of its fetches ([`super::rhythm`]). A backlog is worked off in batches of `max.poll.records`, shared
//! evenly among the partitions that have one; who has caught up takes no more than what comes for it and leaves the rest to the others.

use super::rhythm::{Costs, Flowing, Rhythm, Speed, UNIT};
use crate::cluster::client::Client;
use crate::cluster::fetch::Fetcher;
use crate::cluster::ground::Ground;
use crate::cluster::ledger::{Course, LATENCIES};
use crate::cluster::positions::Slot;
use crate::kernel::{SimDuration, SimTime};
use crate::workload::arrivals::Rate;

/// Random arrivals go at the rate of so much time at once.
const SLOT: SimDuration = SimDuration::from_secs(1);

/// It is looked so many such spans ahead.
const SLOTS: u32 = 10;

/// A backlog of fewer polls than this is worked off poll by poll.
const FEW_POLLS: u64 = 4;

/// What a fetch brings of a partition is worked off before the next partition has its turn. Where that takes as long as this, turns are
/// played one by one; else partitions share evenly.
const LONG_TURN: SimDuration = SimDuration::from_secs(1);

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
            if outlook.cycle.times(2) >= ground.spec.config.max_poll_interval {
                return None; // Any `poll()` may be the last in time.
            }
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
        // While records wait in its buffer a client of the consumer protocol may hand no event over, and its poll timer runs on.
        let modern = self.member.modern();
        let restarted = modern.map_or(SimTime::NEVER, |member| member.poll_deadline());
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
            until: (from + batch.times(batches - 1)).min(restarted),
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
