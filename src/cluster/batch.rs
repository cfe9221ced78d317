//! A batch: what `poll()` returned is worked off, and what that burns.
//!
//! One thread that takes record after record is accounted for by sums. In detail, the worker threads take the records in order ([`Crew`]);
//! a record is tried until it succeeds or is given up, and calls downstream with every attempt. Does the batch need more CPU than the
//! process may burn in that time, all of it is stretched evenly until it does not.

use super::buffer::Handed;
use super::client::{App, Client};
use super::ground::Ground;
use super::ledger::Listed;
use super::records::slowed;
use crate::kernel::{SimDuration, SimTime};
use crate::timeline::Observation;
use crate::workload::cpu::{CORE_M, throttled};
use crate::workload::crew::Crew;
use crate::workload::failures::OnPoison;

/// What `poll()` has returned: the batch under way, or the last.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Room for the list of a batch, while nobody uses it.
    pub(super) room: Handed,
    /// It is to be processed once the commit before is through.
    pub(super) held_back: Handed,
    /// Its partitions in the run's flat list.
    pub(super) partitions: Vec<usize>,
    bytes: u64,
    /// It ends with the process: its next record cannot be processed.
    pub(super) is_last: bool,
}

/// What is burnt and called between two instants, evenly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burn {
    pub(super) from: SimTime,
    pub(super) to: SimTime,
    pub(super) work: Work,
}

/// Core-microseconds, and microseconds of calls downstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) cpu: u64,
    pub(super) calls: u64,
}

impl Work {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            calls: self.calls + other.calls,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(other.cpu),
            calls: self.calls.saturating_sub(other.calls),
        }
    }

    fn times(self, factor: u64) -> Self {
        Self {
            cpu: self.cpu * factor,
            calls: self.calls * factor,
        }
    }
}

impl Burn {
    pub(super) fn nothing(at: SimTime) -> Self {
        Self {
            from: at,
            to: at,
            work: Work::default(),
        }
    }

    /// The part that is done by `at`.
    pub(super) fn by(&self, at: SimTime) -> Work {
        if self.to <= at {
            return self.work;
        }
        let (whole, part) = (
            self.to.since(self.from).as_micros(),
            at.since(self.from).as_micros(),
        );
        let share =
            |all: u64| (u128::from(all) * u128::from(part) / u128::from(whole.max(1))) as u64;
        Work {
            cpu: share(self.work.cpu),
            calls: share(self.work.calls),
        }
    }

    /// From `at` on it stands still for `span`; returns what was done before.
    pub(super) fn stand_still(&mut self, at: SimTime, span: SimDuration) -> Work {
        if self.to <= at {
            return Work::default();
        }
        let done = self.by(at);
        *self = Self {
            from: self.from.max(at) + span,
            to: self.to + span,
            work: self.work.minus(done),
        };
        done
    }
}

/// What `records` records that all burn the same come to, in `polls` batches.
pub(super) fn work_of(ground: &Ground<'_>, per_poll: u64, polls: u64, records: u64) -> Work {
    let polls = Work {
        cpu: per_poll,
        calls: 0,
    }
    .times(polls);
    let each = Work {
        cpu: ground.labour.cpu_each.unwrap_or_default(),
        calls: ground.labour.call.as_micros(),
    };
    polls.plus(each.times(records))
}

impl Client {
    /// The records begin to be processed now.
    pub(super) fn start_batch(&mut self, handed: &[(usize, u64, u64)], ground: &mut Ground<'_>) {
        let began = ground.now;
        if ground.observe_polls {
            ground.observe(Observation::BatchStarted {
                consumer: ground.consumer,
            });
        }
        self.batch.partitions.clear();
        for &(index, ..) in handed {
            let place = self.fetcher.slots[index].index;
            self.batch.partitions.push(place);
            ground.accounts[place].settle(&mut ground.logs[place], began);
        }
        let per_poll = ground.spec.processing.per_poll.sample(ground.listener);
        let burns = slowed(per_poll, ground.labour.slow);
        let poisoned = |&(index, from, to): &(usize, u64, u64)| {
            let log = &ground.logs[self.fetcher.slots[index].index];
            log.poison
                .iter()
                .any(|&offset| from <= offset && offset < to)
        };
        let (ends, work) = if ground.labour.in_detail || handed.iter().any(poisoned) {
            self.in_detail(handed, burns, ground)
        } else {
            let paused = slowed(per_poll, ground.labour.factor);
            self.one_by_one(handed, began + paused, burns, ground)
        };
        self.busy.work(began, ends, ground.window);
        self.busy.burn(Burn {
            from: began,
            to: ends,
            work,
        });
        let (mut records, mut bytes) = (0, 0);
        for &(index, from, to) in handed {
            records += to - from;
            bytes += (to - from) * ground.record_size(self.fetcher.slots[index].index);
        }
        self.commits.add_returned(records);
        self.batch.bytes = bytes;
        self.app = App::Working {
            until: ends + ground.calibration.batch_overhead,
        };
    }

    /// One thread, one record after the other: when the last ends, and what is burnt.
    fn one_by_one(
        &self,
        handed: &[(usize, u64, u64)],
        from: SimTime,
        per_poll: SimDuration,
        ground: &mut Ground<'_>,
    ) -> (SimTime, Work) {
        let (mut clock, mut records) = (from, 0);
        for &(index, from, to) in handed {
            let place = self.fetcher.slots[index].index;
            clock = ground.accounts[place].hand_out(
                &mut ground.logs[place],
                ground.consumer,
                (from, to),
                clock,
                &ground.labour.per_record,
                ground.labour.factor,
            );
            records += to - from;
        }
        let mut work = work_of(ground, per_poll.as_micros(), 1, records);
        if ground.labour.cpu_each.is_none() {
            // All of it burns, at what the process may burn.
            let capacity = ground.labour.capacity_m.min(CORE_M);
            work.cpu += clock.since(from).as_micros() * capacity / CORE_M;
        }
        (clock, work)
    }

    /// Worker threads, attempts, calls, quotas, poisoned records.
    fn in_detail(
        &mut self,
        handed: &[(usize, u64, u64)],
        per_poll: SimDuration,
        ground: &mut Ground<'_>,
    ) -> (SimTime, Work) {
        let (began, labour, processing) = (ground.now, ground.labour, &ground.spec.processing);
        let mut crew = Crew::new(processing.threads, began + per_poll);
        let mut work = Work {
            cpu: per_poll.as_micros(),
            calls: 0,
        };
        let (mut lists, mut last, mut turn) = (Vec::new(), began + per_poll, None);
        'batch: for &(index, from, to) in handed {
            let place = self.fetcher.slots[index].index;
            let log = &mut ground.logs[place];
            let mut listed = Listed::new(from, crew.turn());
            for offset in from..to {
                let poison = log.poison.contains(&offset).then_some(processing.on_poison);
                if poison == Some(OnPoison::Crash) {
                    turn = Some(crew.turn());
                    lists.push((place, listed));
                    break 'batch;
                }
                let own = slowed(
                    log.service.time(&processing.per_record, offset),
                    labour.slow,
                );
                let burns = match &processing.cpu_per_record {
                    Some(cpu) => slowed(log.service.time(cpu, offset), labour.slow).min(own),
                    None => own,
                };
                let mut attempts = 1;
                let mut span = own + labour.call;
                if let Some(failures) = &processing.failures {
                    attempts = log.failures.attempts(failures, offset);
                    span = span.times(attempts) + failures.backoff.times(attempts - 1);
                }
                if poison == Some(OnPoison::Retry) {
                    span = SimDuration::MAX;
                }
                let each = Work {
                    cpu: burns.as_micros(),
                    calls: labour.call.as_micros(),
                };
                work = work.plus(each.times(attempts));
                let end = crew.take(span);
                if end < SimTime::NEVER {
                    last = last.max(end);
                }
                listed.add(end, poison == Some(OnPoison::Skip));
            }
            lists.push((place, listed));
        }
        // What is stretched is stretched evenly.
        let alone = last.max(turn.unwrap_or(last)).since(began);
        let takes = throttled(alone, work.cpu, labour.capacity_m);
        let stretched = |at: SimTime| {
            if at == SimTime::NEVER || takes == alone {
                return at;
            }
            let span = u128::from(at.since(began).as_micros()) * u128::from(takes.as_micros());
            let span = span / u128::from(alone.as_micros().max(1));
            began + SimDuration::from_micros(u64::try_from(span).unwrap_or(u64::MAX))
        };
        for (place, listed) in lists {
            let listed = listed.mapped(stretched);
            ground.accounts[place].hand_out_listed(ground.consumer, listed);
        }
        self.batch.is_last = turn.is_some();
        (stretched(turn.unwrap_or(crew.done())), work)
    }

    /// True when it has records ahead of it that cannot be processed.
    pub(super) fn may_meet_poison(&self, ground: &Ground<'_>) -> bool {
        ground.poisoned
            && self.fetcher.slots.iter().any(|slot| {
                let ahead = |offset: &u64| slot.position.is_none_or(|position| position <= *offset);
                ground.logs[slot.index].poison.iter().any(ahead)
            })
    }

    /// Bytes of what is being worked on at `now`.
    pub(super) fn bytes_at_work(&self, now: SimTime) -> u64 {
        if self.busy.is_at_work(now) {
            self.batch.bytes
        } else {
            0
        }
    }

    /// What was handed out and is not begun.
    pub(super) fn start_held_back(&mut self, ground: &mut Ground<'_>) {
        let held_back = std::mem::take(&mut self.batch.held_back);
        self.start_batch(&held_back, ground);
    }
}
