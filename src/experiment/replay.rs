//! Plays the script of a recording in the simulator, under the recording's own names, and compares what happens.

use std::sync::Arc;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde_json::{Value, json};

use super::pool;
use crate::cluster::{Calibration, Halt, Options, simulate};
use crate::import::recording::{RecordedRun, Recording};
use crate::kernel::Seed;
use crate::protocol::rules::Rules;
use crate::report::fidelity::{self, RunFidelity, Sides};
use crate::report::recording;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Severity;
use crate::scenario::{self, NoFiles, Overrides, Scenario};
use crate::timeline::{Observation, Timeline};

/// A quarter of a second: the grid of recorded positions.
const GRID_MS: u64 = 250;

/// Why a recording cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplayable {
    /// It needs something of Kafka that has no model yet: what, a line each.
    NotModelled(Vec<String>),
    /// Its script is no valid scenario: the diagnostics, a line each.
    Refused(Vec<String>),
}

/// A recording whose script was understood.
#[derive(Debug)]
pub struct Replay<'r> {
    /// What was recorded.
    pub recording: &'r Recording,
    /// One a repeat.
    scenarios: Vec<Scenario>,
}

/// One repeat, simulated.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The simulated events in the recording's own format; a last value holds the positions when the recording has any.
    pub events: Vec<Value>,
    /// How close they come.
    pub fidelity: RunFidelity,
}

/// How recordings are played: on the machine on which they were made, acted upon by its harness, every invariant checked.
#[must_use]
pub fn options() -> Options {
    Options {
        calibration: Calibration::loopback(),
        harness: true,
        check_invariants: true,
        ..Options::default()
    }
}

/// Reads the script of `recording`, as it was played in each of its repeats.
///
/// # Errors
/// When it is no valid scenario, or one that is not modelled.
pub fn prepare(recording: &Recording) -> Result<Replay<'_>, Unplayable> {
    let scenarios = recording.runs.iter().map(|run| load(recording, run));
    Ok(Replay {
        recording,
        scenarios: scenarios.collect::<Result<_, _>>()?,
    })
}

fn load(recording: &Recording, run: &RecordedRun) -> Result<Scenario, Unplayable> {
    let text = run.scenario.to_string();
    scenario::load(&recording.name, &text, &mut NoFiles, &Overrides::default()).map_err(
        |rejected| {
            let errors = rejected
                .diagnostics
                .iter()
                .filter(|finding| finding.severity == Severity::Error);
            let mut said: Vec<String> = Vec::new();
            for error in errors.clone() {
                if !said.contains(&error.message) {
                    said.push(error.message.clone());
                }
            }
            if errors.clone().all(|error| error.code == Code::NotModelled) {
                Unplayable::NotModelled(said)
            } else {
                Unplayable::Refused(said)
            }
        },
    )
}

impl Replay<'_> {
    /// The same under other rules, everywhere.
    #[must_use]
    pub fn under(mut self, rules: Rules) -> Self {
        let scenarios = self.scenarios.iter_mut();
        for plan in scenarios.flat_map(|scenario| &mut scenario.plans) {
            plan.brokers.config.rules = rules;
            for group in &mut plan.groups {
                group.config.rules = rules;
            }
            for consumer in &mut plan.consumers {
                let config = &mut Arc::make_mut(consumer).config;
                Arc::make_mut(config).rules = rules;
            }
        }
        self
    }

    /// Plays a repeat, counted from 0, under its own names.
    ///
    /// # Errors
    /// When it does not end.
    pub fn simulate(&self, repeat: usize, options: &Options) -> Result<Timeline, Halt> {
        let (run, scenario) = (&self.recording.runs[repeat], &self.scenarios[repeat]);
        let options = Options {
            names: Some(run.names.clone()),
            ..options.clone()
        };
        simulate(&scenario.plans[0], Seed(scenario.seed), &options)
    }

    /// Plays a repeat, counted from 0, and compares.
    ///
    /// # Errors
    /// When it does not end.
    pub fn play(&self, repeat: usize, options: &Options) -> Result<Replayed, Halt> {
        let (recording, run) = (self.recording, &self.recording.runs[repeat]);
        let events = events(run, &self.simulate(repeat, options)?);
        let fidelity = fidelity::compare(&Sides {
            trace: &recording.name,
            kafka: &recording.kafka,
            run: &run.name,
            consumer_protocol: recording.consumer_protocol,
            rates: &recording.rates,
            recorded: &run.events,
            positions: run.positions.as_ref(),
            simulated: &events,
        });
        Ok(Replayed { events, fidelity })
    }
}

/// Plays every repeat of `replays`, or of each the one numbered `only`, with at most `jobs` workers; in order.
///
/// # Errors
/// The first run that does not end, by name.
pub fn play(
    replays: &[Replay<'_>],
    only: Option<usize>,
    options: &Options,
    jobs: NonZeroUsize,
) -> Result<Vec<Replayed>, (String, Halt)> {
    let runs: Vec<(&Replay<'_>, usize)> = replays
        .iter()
        .flat_map(|replay| {
            let repeats = 0..replay.recording.runs.len();
            repeats
                .filter(|repeat| only.is_none_or(|only| only == *repeat))
                .map(move |repeat| (replay, repeat))
        })
        .collect();
    let task = |number: usize| {
        let (replay, repeat) = runs[number];
        let played = replay.play(repeat, options);
        played.map_err(|halt| (replay.recording.runs[repeat].name.clone(), halt))
    };
    pool::in_order(runs.len(), jobs, task, |_| {})
}

/// The events of a played run in the recording's format; a last value holds the positions when the recording has any.
#[must_use]
pub fn events(run: &RecordedRun, timeline: &Timeline) -> Vec<Value> {
    let mut events = recording::events(timeline);
    if run.positions.is_some() {
        events.push(json!({ "positions": positions(timeline) }));
    }
    events
}

/// Per partition, [ms, offset] on the grid: the offset after the last record that any member had been given in the quarter of a second
/// that ends there, where it moved.
fn positions(timeline: &Timeline) -> BTreeMap<String, Vec<[u64; 2]>> {
    let mut rows: BTreeMap<String, Vec<[u64; 2]>> = BTreeMap::new();
    for entry in &timeline.entries {
        let Observation::Polled { offsets, .. } = &entry.observation else {
            continue;
        };
        let quarter = entry.at.as_micros() / 1_000 / GRID_MS * GRID_MS + GRID_MS;
        for &(partition, _, to) in offsets.iter() {
            let name = format!(
                "{}-{}",
                timeline.cast.topics[partition.topic.index()].0,
                partition.partition
            );
            let rows = rows.entry(name).or_default();
            match rows.last_mut() {
                Some(last) if last[0] == quarter => last[1] = last[1].max(to),
                _ => rows.push([quarter, to]),
            }
        }
    }
    rows
}
