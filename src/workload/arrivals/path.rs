//! Random arrivals of one partition: slots made on demand, remembered sparsely, the same in whatever order they are asked.
//!
//! The deterministic part of the load, if there is one, is merged in, so a slot knows all records of its span. Slots follow
//! from one another (counts add up, phases go on): the state before every 32nd slot is kept, and the slots used last with
//! the state after them, so walking forward makes each slot once.

use std::cell::RefCell;
use std::sync::Arc;

use super::random::{Dice, Phase, RandomLoad};
use super::steps::StepArrivals;
use crate::kernel::SimTime;

/// State is kept before every slot that is a multiple of this.
const KEPT_EVERY: u64 = 32;
/// So many slots are remembered, by the last bits of their number.
const REMEMBERED: usize = 8;

/// Everything that goes on from slot to slot.
#[derive(Clone, Debug)]
struct State {
    /// The slot that comes next.
    slot: u64,
    /// Records due before it.
    records: u64,
    /// Sum of their due times.
    due_sum: u128,
    phases: Vec<Phase>,
}

/// One slot: its records in order, and the states around it.
#[derive(Clone, Debug)]
struct Slot {
    before: State,
    after: State,
    records: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Memory {
    dice: Dice,
    kept: Vec<State>,
    slots: [Option<Slot>; REMEMBERED],
}

/// Random arrivals. Nothing is due after the end of the replication.
#[derive(Clone, Debug)]
pub struct RandomArrivals {
    load: Arc<RandomLoad>,
    steady: Option<StepArrivals>,
    /// The partition's share from each instant on, the first at its creation.
    shares: Vec<(u64, f64)>,
    backlog: u64,
    slot_bits: u32,
    /// The first microsecond after the end.
    until: u64,
    memory: RefCell<Memory>,
}

impl RandomArrivals {
    /// `steady` is the deterministic part, without backlog.
    pub(super) fn new(
        load: Arc<RandomLoad>,
        mut dice: Dice,
        steady: Option<StepArrivals>,
        shares: Vec<(u64, f64)>,
        backlog: u64,
        end: u64,
    ) -> Self {
        let first = State {
            slot: 0,
            records: 0,
            due_sum: 0,
            phases: load.first_phases(&mut dice),
        };
        let most = shares
            .iter()
            .fold(0.0, |most: f64, (_, share)| most.max(*share));
        Self {
            slot_bits: load.slot_bits(most),
            load,
            steady,
            shares,
            backlog,
            until: end.saturating_add(1),
            memory: RefCell::new(Memory {
                dice,
                kept: vec![first],
                slots: Default::default(),
            }),
        }
    }

    /// See [`super::PartitionArrivals::count`].
    #[must_use]
    pub fn count(&self, at: SimTime) -> u64 {
        let at = at.as_micros();
        if at < self.shares[0].0 {
            return 0;
        }
        self.backlog + self.before(at.saturating_add(1)).0
    }

    /// See [`super::PartitionArrivals::due`].
    #[must_use]
    pub fn due(&self, offset: u64) -> SimTime {
        let Some(nth) = offset.checked_sub(self.backlog) else {
            return SimTime::from_micros(self.shares[0].0);
        };
        let memory = &mut *self.memory.borrow_mut();
        let remembered = memory
            .slots
            .iter()
            .flatten()
            .find_map(|slot| slot.record(nth));
        if let Some(due) = remembered {
            return SimTime::from_micros(due);
        }
        let next = memory.kept.partition_point(|state| state.records <= nth);
        // The first state has no records before it, so there is one at or before every record.
        let mut number = memory.kept[next - 1].slot;
        // A remembered slot that lies between spares the walk from there.
        for slot in memory.slots.iter().flatten() {
            if slot.after.records <= nth {
                number = number.max(slot.after.slot);
            }
        }
        while (number << self.slot_bits) < self.until {
            if let Some(due) = self.slot(memory, number).record(nth) {
                return SimTime::from_micros(due);
            }
            number += 1;
        }
        SimTime::NEVER
    }

    /// See [`super::PartitionArrivals::area`].
    #[must_use]
    pub fn area(&self, from: SimTime, to: SimTime) -> u128 {
        let from = from.as_micros().max(self.shares[0].0);
        let to = to.as_micros();
        if to <= from {
            return 0;
        }
        let area = |at: u64| {
            let (records, due_sum) = self.before(at);
            u128::from(records) * u128::from(at) - due_sum
        };
        u128::from(self.backlog) * u128::from(to - from) + area(to) - area(from)
    }

    /// Number and sum of the due times of the records due before `at`, without the backlog.
    fn before(&self, at: u64) -> (u64, u128) {
        let number = at.min(self.until - 1) >> self.slot_bits;
        let memory = &mut *self.memory.borrow_mut();
        let slot = self.slot(memory, number);
        let within = slot.records.partition_point(|due| *due < at);
        let due_sum: u128 = slot.records[..within].iter().copied().map(u128::from).sum();
        (
            slot.before.records + within as u64,
            slot.before.due_sum + due_sum,
        )
    }

    /// Slot `number`, made now unless remembered.
    fn slot<'m>(&self, memory: &'m mut Memory, number: u64) -> &'m Slot {
        let place = |number: u64| number as usize % REMEMBERED;
        let is = |slot: &Option<Slot>, number: u64| {
            slot.as_ref().is_some_and(|slot| slot.before.slot == number)
        };
        if !is(&memory.slots[place(number)], number) {
            let mut state = memory.state_before(number);
            while state.slot < number {
                state = self.make(memory, state).after;
            }
            let made = self.make(memory, state);
            memory.slots[place(number)] = Some(made);
        }
        match &memory.slots[place(number)] {
            Some(slot) => slot,
            None => unreachable!("the slot was put there just above"),
        }
    }

    /// The slot that follows `before`; the state after it is kept when it is one to keep.
    fn make(&self, memory: &mut Memory, before: State) -> Slot {
        let start = before.slot << self.slot_bits;
        let end = ((before.slot + 1) << self.slot_bits).min(self.until);
        let mut phases = before.phases.clone();
        let mut records = Vec::new();
        let span = (start, end);
        let dice = &mut memory.dice;
        self.load.fill(
            before.slot,
            span,
            &self.shares,
            dice,
            &mut phases,
            &mut records,
        );
        if let Some(steady) = &self.steady {
            let count = |at: u64| {
                at.checked_sub(1)
                    .map_or(0, |last| steady.count(SimTime::from_micros(last)))
            };
            records.extend((count(start)..count(end)).map(|offset| steady.due(offset).as_micros()));
        }
        records.sort_unstable();
        let after = State {
            slot: before.slot + 1,
            records: before.records + records.len() as u64,
            due_sum: before.due_sum + records.iter().copied().map(u128::from).sum::<u128>(),
            phases,
        };
        if after.slot.is_multiple_of(KEPT_EVERY)
            && after.slot / KEPT_EVERY == memory.kept.len() as u64
        {
            memory.kept.push(after.clone());
        }
        Slot {
            before,
            after,
            records,
        }
    }
}

impl Slot {
    /// The due time of record `nth` when it is in this slot.
    fn record(&self, nth: u64) -> Option<u64> {
        let place = nth.checked_sub(self.before.records)?;
        self.records.get(usize::try_from(place).ok()?).copied()
    }
}

impl Memory {
    /// The latest known state at or before slot `number`.
    fn state_before(&self, number: u64) -> State {
        let last = (number / KEPT_EVERY).min(self.kept.len() as u64 - 1);
        let kept = &self.kept[last as usize];
        let remembered = self.slots.iter().flatten().map(|slot| &slot.after);
        remembered
            .filter(|state| state.slot <= number)
            .fold(
                kept,
                |best, state| if state.slot > best.slot { state } else { best },
            )
            .clone()
    }
}
