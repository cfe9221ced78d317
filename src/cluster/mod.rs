//! The simulated cluster: the one place that applies effects, so the place to read to see how time passes.
//!
//! `world` takes events from the calendar and hands them to the machines; `coordinators` hosts the group coordinators
//! (timers, log, connections, offsets), `hosting` knows on which broker they are; `client` with `poll_loop` (classic) or `async_poll`
//! (consumer protocol), `fetch`, `buffer`, `metadata` and `offsets` is a consumer's two threads, `batch` and `busy` what its application works on, `commits` what that
//! commits, `close` how it ends, `cycles` plays many polls of it at once; `ledger` is
//! what each group did to each partition (`records`, `window`); `fluid` moves partitions on evenly where an approximation will do; `script` plays the scenario's events; `steady` sets up a stable start, `phases` how far everybody's clocks are in it.

mod answers;
mod async_poll;
mod batch;
mod buffer;
mod busy;
pub mod calibration;
mod client;
mod close;
mod commits;
mod contests;
mod coordinators;
mod cycles;
mod disturbances;
mod effects;
mod faults;
mod fetch;
mod fluid;
mod ground;
mod heartbeats;
mod hosting;
mod invariants;
mod labour;
mod layout;
mod leader;
mod ledger;
mod membership;
mod messages;
mod metadata;
mod naming;
mod offsets;
mod phases;
mod platform;
mod poll_event;
mod poll_loop;
mod positions;
mod process;
mod reconnects;
mod records;
mod requests;
mod restores;
mod rolls;
mod sampling;
mod script;
mod sharing;
mod standstill;
mod steady;
mod targets;
mod topics;
mod turns;
mod weight;
mod window;
mod world;

pub use crate::timeline::Fidelity;
pub use calibration::Calibration;
pub use hosting::coordinator_of;
pub use naming::{Naming, RecordedNames};

use crate::kernel::{Seed, SimTime};
use crate::platform::hpa::Reconcile;
use crate::scenario::plan::Plan;
use crate::timeline::{ScalerId, Timeline};

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Check the invariants after every event.
    pub check_invariants: bool,
    /// Control events after which the run is given up.
    pub event_limit: u64,
    /// The client's constants.
    pub calibration: Calibration,
    /// Names of members and topics other than the drawn ones.
    pub names: Option<RecordedNames>,
    /// Imitate the harness of the recordings: actions wait for the return of `poll()`, first batches are observed.
    pub harness: bool,
    /// Observe every `poll()` that returns records, the start of its processing, dropped prefetches, and every commit. Without it these leave no
    /// trace of their own; nothing else changes.
    pub observe_polls: bool,
    /// Put every step of every client on the calendar. Slower by far, and the run is the same to the last bit: tests hold the default
    /// (clients run ahead by themselves between two control events) against it.
    pub step_by_step: bool,
    /// Read all partitions off at this instant too, after all that happens at it ([`Timeline::snapshot`]); nothing else changes.
    pub snapshot_at: Option<SimTime>,
    /// Keep what every reconcile of an autoscaler saw and came to.
    pub record_autoscalers: bool,
    /// The level of detail of the data plane.
    pub fidelity: Fidelity,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            check_invariants: false,
            event_limit: 200_000_000,
            calibration: Calibration::of_scenario(),
            names: None,
            harness: false,
            observe_polls: false,
            step_by_step: false,
            snapshot_at: None,
            record_autoscalers: false,
            fidelity: Fidelity::Exact,
        }
    }
}

/// Why a run ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The event limit was reached.
    EventLimit {
        /// When.
        at: SimTime,
        /// Control events so far.
        events: u64,
        /// What kept it busy: (kind, events), most first.
        busiest: Vec<(String, u64)>,
    },
    /// An invariant does not hold: a bug.
    Invariant {
        /// When.
        at: SimTime,
        /// Which, in words.
        message: String,
    },
}

/// Plays `plan` under `seed`.
///
/// # Errors
/// [`Halt`] when the run does not reach its end.
pub fn simulate(plan: &Plan, seed: Seed, options: &Options) -> Result<Timeline, Halt> {
    Ok(simulate_with_autoscalers(plan, seed, options)?.0)
}

/// Plays `plan` under `seed`; also every reconcile of its autoscalers, when [`Options::record_autoscalers`] asks for them.
///
/// # Errors
/// [`Halt`] when the run does not reach its end.
pub fn simulate_with_autoscalers(
    plan: &Plan,
    seed: Seed,
    options: &Options,
) -> Result<(Timeline, Vec<(ScalerId, Reconcile)>), Halt> {
    world::World::new(plan, seed, options).run()
}
