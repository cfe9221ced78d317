//! Plays the script of a recording in the simulator, under the recording's own names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::{Calibration, Halt, Options, simulate};
use crate::import::recording::{RecordedRun, Recording};
use crate::kernel::Seed;
use crate::report::recording;
use crate::scenario::{self, LoadError, Loader, Overrides};
use crate::timeline::{Observation, Timeline};

/// A quarter of a second: the grid of recorded positions.
const GRID_MS: u64 = 250;

struct NoFiles;

impl Loader for NoFiles {
    fn read(&mut self, _path: &str) -> Result<String, LoadError> {
        Err(LoadError::NotFound)
    }
}

/// Why a recording could not be played.
#[derive(Clone, Debug)]
pub enum ReplayError {
    /// Its script is no valid scenario: the diagnostics, a line each.
    Refused(Vec<String>),
    /// The run did not end.
    Halted(Halt),
}

/// Plays `run` of `recording`.
///
/// # Errors
/// When its script is refused or the run does not end.
pub fn play(recording: &Recording, run: &RecordedRun) -> Result<Timeline, ReplayError> {
    let text = recording.scenario.to_string();
    let scenario = scenario::load(&recording.name, &text, &mut NoFiles, &Overrides::default())
        .map_err(|rejected| {
            ReplayError::Refused(
                rejected
                    .diagnostics
                    .iter()
                    .map(|finding| finding.message.clone())
                    .collect(),
            )
        })?;
    let options = Options {
        calibration: Calibration::loopback(),
        names: Some(run.names.clone()),
        harness: true,
        check_invariants: true,
        ..Options::default()
    };
    simulate(&scenario.plans[0], Seed(scenario.seed), &options).map_err(ReplayError::Halted)
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
