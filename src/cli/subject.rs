//! What is looked at: one scenario, read from a file or from a results folder, and its replications played (again).
//!
//! A results folder holds tables, and tables have only what somebody thought of. So it is played again from the scenario that it
//! holds, which is exact and takes a second; what comes out must be what the folder says, or nothing is shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::args::{OverrideArgs, Which};
use super::exit::Failure;
use super::panic::{self, Context};
use super::source::{self, Input, Origin};
use super::stored::{self, Stored};
use super::streams::Streams;
use super::understand;
use crate::cluster::{self, Halt};
use crate::kernel::words::counted;
use crate::kernel::{Seed, SimTime};
use crate::metrics::{self, RunMetrics};
use crate::report::explain::instant as words_of;
use crate::report::json;
use crate::report::model::{Report, Run, Variant};
use crate::scenario::plan::Plan;
use crate::scenario::{Scenario, canonical_hash};
use crate::timeline::Timeline;

/// What is looked at.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The scenario with the variants that were asked for.
    pub(crate) scenario: Scenario,
    /// Under which seed.
    pub(crate) seed: Seed,
    /// Where its parts stand, by JSON pointer.
    pub(crate) places: BTreeMap<String, String>,
    stored: Option<Stored>,
    operand: String,
}

/// Reads what the operand names.
pub(crate) fn open(operand: &str, which: &Which, streams: &Streams) -> Result<Subject, Failure> {
    let path = Path::new(operand);
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        let inputs = source::gather(&[operand.to_owned()], streams)?;
        let [input] = &inputs[..] else {
            return Err(Failure::Nothing("no scenario selected".to_owned()));
        };
        let scenario = understand::understood(input, &which.overrides, streams)?;
        return Ok(Subject {
            seed: Seed(which.choice.seed.map_or(scenario.seed, |seed| seed.0)),
            places: scenario.places.clone(),
            operand: operand.to_owned(),
            stored: None,
            scenario,
        });
    }
    if !stored::is_results(path)? {
        return Err(stored::no_results(path));
    }
    from_folder(stored::read(path)?, operand, which, streams)
}

fn from_folder(
    stored: Stored,
    operand: &str,
    which: &Which,
    streams: &Streams,
) -> Result<Subject, Failure> {
    let asked = &which.overrides;
    if !asked.config.is_empty() || !asked.set.is_empty() {
        return Err(Failure::usage(
            "--config and --set change a scenario; a results folder is what it is",
            Some("name the scenario instead of the folder".to_owned()),
        ));
    }
    for variant in &asked.variants {
        if !stored.variants.contains(variant) {
            return Err(Failure::usage(
                format!("{operand} holds no variant `{variant}`"),
                Some(format!("it holds: {}", stored.variants.join(", "))),
            ));
        }
    }
    let seed = which
        .choice
        .seed
        .map_or(stored.seeds[0], |seed| Seed(seed.0));
    if !stored.seeds.contains(&seed) {
        let seeds: Vec<String> = stored.seeds.iter().map(|seed| seed.0.to_string()).collect();
        let shown = seeds[..seeds.len().min(10)].join(", ");
        return Err(Failure::usage(
            format!("{operand} holds no seed {}", seed.0),
            Some(format!(
                "it holds {}: {shown}",
                counted(seeds.len(), "seed")
            )),
        ));
    }
    let input = Input {
        name: stored.file.clone(),
        operand: operand.to_owned(),
        origin: Origin::Disc,
        text: Ok(stored.scenario.clone()),
    };
    let variants = match &asked.variants[..] {
        [] if stored.variants == ["base"] => Vec::new(),
        [] => stored.variants.clone(),
        some => some.to_vec(),
    };
    let overrides = OverrideArgs {
        variants,
        strict: false,
        ..OverrideArgs::default()
    };
    let scenario = understand::understood(&input, &overrides, streams)?;
    if canonical_hash(&scenario.resolved) != stored.hash {
        let what = "scenario.json is not the scenario that its manifest names";
        return Err(stored::damaged(&stored.folder, what));
    }
    Ok(Subject {
        scenario,
        seed,
        places: stored.places.clone(),
        operand: operand.to_owned(),
        stored: Some(stored),
    })
}

impl Subject {
    /// The one plan that is meant.
    pub(crate) fn plan(&self) -> Result<&Plan, Failure> {
        match &self.scenario.plans[..] {
            [one] => Ok(one),
            [] => Err(Failure::Nothing("no variant selected".to_owned())),
            several => {
                let names: Vec<&str> = several.iter().map(|plan| &*plan.variant).collect();
                Err(Failure::usage(
                    format!("{} has several variants", self.operand),
                    Some(format!("choose one: --variant {}", names.join("|"))),
                ))
            }
        }
    }

    /// The instant that was asked for, within the run; its end unless one was.
    pub(crate) fn instant(&self, plan: &Plan, at: Option<u64>) -> Result<SimTime, Failure> {
        let end = SimTime::ZERO + plan.duration;
        let at = at.map_or(end, SimTime::from_micros);
        if at > end {
            return Err(Failure::usage(
                format!(
                    "the run is over before {}: it takes {}",
                    words_of(at),
                    plan.duration
                ),
                Some(format!("name an instant from 0s to {}", plan.duration)),
            ));
        }
        Ok(at)
    }

    /// Plays a variant, with a look at everything at an instant if one is wanted.
    pub(crate) fn play(
        &self,
        plan: &Plan,
        snapshot_at: Option<SimTime>,
    ) -> Result<(Timeline, RunMetrics), Failure> {
        let again = format!("rebsim run {}", self.operand);
        let hash = canonical_hash(&self.scenario.resolved);
        panic::simulating(Some(Context {
            hash: hash.clone(),
            again: again.clone(),
        }));
        let mut options = cluster::Options {
            snapshot_at,
            ..cluster::Options::default()
        };
        if self.stored.is_some() {
            // It came to its end before.
            options.event_limit = u64::MAX;
        }
        let played = cluster::simulate(plan, self.seed, &options);
        panic::simulating(None);
        let timeline = played.map_err(|halt| match halt {
            Halt::EventLimit { at, events, .. } => Failure::EventLimit(format!(
                "{} / {}, seed {}: stopped at {at} after {events} control events\nagain: {again}",
                plan.scenario, plan.variant, self.seed.0
            )),
            Halt::Invariant { at, message } => Failure::Bug(format!(
                "this is a bug in rebsim: at {at} {message}, scenario {hash}"
            )),
        })?;
        let measured = metrics::evaluate(&timeline);
        self.check(plan, &measured)?;
        Ok((timeline, measured))
    }

    /// What came out must be what the folder holds.
    fn check(&self, plan: &Plan, measured: &RunMetrics) -> Result<(), Failure> {
        let Some(stored) = &self.stored else {
            return Ok(());
        };
        let Some(there) = stored.metrics(&plan.variant, self.seed) else {
            let what = format!("summary.json has nothing of variant {}", plan.variant);
            return Err(stored::damaged(&stored.folder, &what));
        };
        let here = document(plan, self.seed, measured);
        let names = here.as_object().into_iter().flat_map(serde_json::Map::keys);
        for name in names {
            let (now, then) = (here.get(name), there.get(name));
            if now != then {
                let word =
                    |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                return Err(Failure::usage(
                    format!(
                        "{}: played again, {name} is {} and not {}",
                        stored.folder.display(),
                        word(now),
                        word(then)
                    ),
                    Some("a file that the scenario reads has changed, or another build wrote the folder; run the scenario again".to_owned()),
                ));
            }
        }
        Ok(())
    }
}

/// The metrics of a replication as `summary.json` has them.
fn document(plan: &Plan, seed: Seed, measured: &RunMetrics) -> Value {
    let variant = Variant {
        name: plan.variant.clone(),
        runs: vec![Run {
            seed: seed.0,
            metrics: measured.clone(),
        }],
    };
    let report = Report::new(&plan.scenario, vec![variant]);
    let mut value: Value = serde_json::from_str(&json::render(&report)).unwrap_or(Value::Null);
    value["variants"][0]["seeds"][0]["metrics"].take()
}
