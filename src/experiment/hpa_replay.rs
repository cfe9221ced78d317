//! Shows our HPA controller what the real one was shown, and compares what both come to. The machine is the one that the
//! simulated loop calls.

use serde_json::{Value, json};

use super::platform_replay::{Replayed, Unit};
use crate::import::platform::hpa::{HpaWorld, RecordedStep};
use crate::platform::hpa::{Hpa, Outcome};
use crate::report::hpa_world;

/// Conditions that count: what users read when they ask why.
const COMPARED: [&str; 2] = ["AbleToScale", "ScalingLimited"];

/// Replays the world with this number, from 0, in its file.
#[must_use]
pub fn replay(number: usize, world: &HpaWorld) -> Replayed {
    let mut hpa = Hpa::new(world.spec.clone(), world.controller);
    let (mut desired, mut conditions) = (Vec::new(), Vec::new());
    let (mut compared, mut differences) = (0, Vec::new());
    for (index, step) in world.steps.iter().enumerate() {
        let outcome = hpa.reconcile(step.now, &step.observed);
        let said = hpa_world::conditions(&outcome.conditions);
        if let Some(recorded) = &step.recorded {
            compared += 1;
            if let Some(difference) = difference(recorded, &outcome, &said) {
                differences.push(format!("world {number}, step {index}: {difference}"));
            }
        }
        desired.push(outcome.desired);
        conditions.push(said);
    }
    Replayed {
        unit: Unit::HpaStep,
        units: world.steps.len(),
        compared,
        differences,
        line: json!({ "world": number, "desired": desired, "conditions": conditions }),
    }
}

/// How our controller differs from the recorded one at a step.
fn difference(recorded: &RecordedStep, outcome: &Outcome, said: &Value) -> Option<String> {
    if recorded.desired != outcome.desired {
        let simulated = outcome.desired;
        return Some(format!(
            "recorded {} replicas, simulated {simulated}",
            recorded.desired
        ));
    }
    let conditions = recorded.conditions.as_ref()?;
    for kind in COMPARED {
        let recorded = conditions.get(kind).map_or("nothing", String::as_str);
        let simulated = said.get(kind).and_then(Value::as_str).unwrap_or("nothing");
        if recorded != simulated {
            return Some(format!(
                "{kind}: recorded {recorded}, simulated {simulated}"
            ));
        }
    }
    None
}
