//! (a) What an event costs: timers that re-arm themselves, and an M/M/1 queue, on rebsim's calendar, on a plain binary heap, in nexosim and in
//! SimPy. The same delays everywhere.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rebsim::kernel::{Calendar, Order, SimTime};

use crate::table::Row;
use crate::{clock, nexo, rivals};

/// Timer events of a round.
pub const TIMER_EVENTS: u64 = 1_000_000;
/// Customers of a round.
pub const CUSTOMERS: u64 = 500_000;
/// A customer comes every so many microseconds in the mean, and is served so long.
pub const MEANS: [f64; 2] = [1_000.0, 800.0];
const ROUNDS: usize = 5;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Uniform in 1..=2,000,000 microseconds.
    pub fn delay(&mut self) -> u64 {
        1 + self.word() % 2_000_000
    }

    /// Exponential, at least a microsecond.
    pub fn exponential(&mut self, mean: f64) -> u64 {
        let uniform = ((self.word() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        1 + (-uniform.ln() * mean) as u64
    }
}

/// Whatever keeps a list of what is to come.
trait Agenda {
    fn put(&mut self, at: u64, what: u32);
    fn take(&mut self) -> Option<(u64, u32)>;
}

impl Agenda for Calendar<u32> {
    fn put(&mut self, at: u64, what: u32) {
        let at = SimTime::from_micros(at);
        let order = Order {
            at,
            class: 2,
            entity: what,
        };
        self.schedule(order, what);
    }

    fn take(&mut self) -> Option<(u64, u32)> {
        let (order, what) = Self::take(self)?;
        Some((order.at.as_micros(), what))
    }
}

/// The plain loop: a binary heap of (time, sequence, entity).
#[derive(Default)]
struct Plain {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    sequence: u64,
}

impl Agenda for Plain {
    fn put(&mut self, at: u64, what: u32) {
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, what)));
    }

    fn take(&mut self) -> Option<(u64, u32)> {
        let Reverse((at, _, what)) = self.heap.pop()?;
        Some((at, what))
    }
}

fn timers(mut agenda: impl Agenda, entities: u32) -> u64 {
    let mut dice = Dice(1);
    for entity in 0..entities {
        agenda.put(dice.delay(), entity);
    }
    let mut digest = 0_u64;
    for _ in 0..TIMER_EVENTS {
        let Some((at, entity)) = agenda.take() else {
            break;
        };
        digest = digest.wrapping_mul(31).wrapping_add(at);
        agenda.put(at + dice.delay(), entity);
    }
    digest
}

const ARRIVAL: u32 = 0;
const DEPARTURE: u32 = 1;

/// Sum of the sojourn times.
fn queue(mut agenda: impl Agenda) -> u64 {
    let (mut arrivals, mut services) = (Dice(1), Dice(2));
    let [between, served] = MEANS;
    let mut waiting: VecDeque<u64> = VecDeque::new();
    let (mut come, mut sojourns) = (0, 0);
    agenda.put(arrivals.exponential(between), ARRIVAL);
    while let Some((at, what)) = agenda.take() {
        if what == ARRIVAL {
            come += 1;
            waiting.push_back(at);
            if waiting.len() == 1 {
                agenda.put(at + services.exponential(served), DEPARTURE);
            }
            if come < CUSTOMERS {
                agenda.put(at + arrivals.exponential(between), ARRIVAL);
            }
        } else {
            sojourns += waiting.pop_front().map_or(0, |came| at - came);
            if !waiting.is_empty() {
                agenda.put(at + services.exponential(served), DEPARTURE);
            }
        }
    }
    sojourns
}

/// The rows.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let simpy = rivals::simpy();
    for (entities, target) in [(100, 60.0), (10_000, 120.0)] {
        let events = TIMER_EVENTS as f64;
        let ours = clock::least(ROUNDS, events, || timers(Calendar::default(), entities));
        let plain = clock::least(ROUNDS, events, || timers(Plain::default(), entities));
        let nexosim = nexo::timers(entities);
        let python = simpy.as_ref().and_then(|simpy| simpy.timers(entities));
        let what = format!("{entities} timers that re-arm themselves");
        for (who, theirs) in [
            ("plain binary heap", Some(plain)),
            ("nexosim 1, one thread", Some(nexosim)),
            ("SimPy 4", python),
        ] {
            let row = Row::new("a", &what, ours, "ns an event");
            rows.push(
                row.against(who, ours, theirs, "ns")
                    .at_most(ours, target, "ns"),
            );
        }
    }
    let customers = CUSTOMERS as f64;
    let ours = clock::least(ROUNDS, customers, || queue(Calendar::default()));
    let plain = clock::least(ROUNDS, customers, || queue(Plain::default()));
    for (who, theirs) in [
        ("plain binary heap", Some(plain)),
        ("nexosim 1, one thread", Some(nexo::queue())),
        ("SimPy 4", simpy.as_ref().and_then(rivals::SimPy::queue)),
    ] {
        let row = Row::new("a", "M/M/1 queue at load 0.8", ours, "ns a customer");
        rows.push(row.against(who, ours, theirs, "ns"));
    }
    rows
}
