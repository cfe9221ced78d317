//! Shows our controllers what Kubernetes' own were shown, and compares what they do. The machines are those that the simulated
//! loop calls.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::hpa_replay;
use crate::import::platform::PlatformCase;
use crate::import::platform::deployment::{DeploymentCase, Turn};
use crate::import::platform::statefulset::{Done, StatefulSetWorld};
use crate::kernel::SimTime;
use crate::platform::deployment_step::Rollout;
use crate::platform::pod::Effect;
use crate::platform::statefulset::StatefulSet;

/// What is counted of a line: the cases, or the steps of worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// A line is one case of the Deployment controller.
    DeploymentCase,
    /// A line has many steps of the StatefulSet controller.
    StatefulSetStep,
    /// A line has many steps of the HPA controller.
    HpaStep,
}

impl Unit {
    /// For people, in the plural.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeploymentCase => "cases of Deployments",
            Self::StatefulSetStep => "steps of StatefulSets",
            Self::HpaStep => "steps of autoscalers",
        }
    }
}

/// One line, replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What `units` counts.
    pub unit: Unit,
    /// How many the line has.
    pub units: usize,
    /// How many of them have something recorded to compare with.
    pub compared: usize,
    /// What differs, one for each unit that does.
    pub differences: Vec<String>,
    /// What our controller does, as the line of `--format ndjson`.
    pub line: Value,
}

/// Replays the case with this number, from 0, in its file.
#[must_use]
pub fn replay(number: usize, case: &PlatformCase) -> Replayed {
    match case {
        PlatformCase::Deployment(case) => deployment(number, case),
        PlatformCase::StatefulSet(world) => statefulset(number, world),
        PlatformCase::Hpa(world) => hpa_replay::replay(number, world),
    }
}

fn deployment(number: usize, case: &DeploymentCase) -> Replayed {
    let mut sets = case.sets.clone();
    let mut rollout = Rollout {
        replicas: case.replicas,
        strategy: case.strategy,
        sets: &mut sets,
        new: Some(case.new),
    };
    match case.turn {
        Turn::Roll => {
            rollout.roll();
        }
        Turn::Scale => {
            rollout.scale();
        }
    }
    let sizes = case.names.iter().cloned();
    let sizes: BTreeMap<String, u32> = sizes.zip(sets.iter().map(|set| set.replicas)).collect();
    let recorded = case.result.as_ref();
    let differs = recorded.filter(|recorded| **recorded != sizes);
    let difference = differs.map(|recorded| {
        let (recorded, simulated) = (json!(recorded), json!(sizes));
        format!("case {number}: recorded {recorded}, simulated {simulated}")
    });
    Replayed {
        unit: Unit::DeploymentCase,
        units: 1,
        compared: usize::from(recorded.is_some()),
        differences: difference.into_iter().collect(),
        line: json!({ "case": number, "result": sizes }),
    }
}

fn statefulset(number: usize, world: &StatefulSetWorld) -> Replayed {
    let mut set = StatefulSet::new(world.spec, 0);
    let (mut lines, mut differences, mut compared) = (Vec::new(), Vec::new(), 0);
    for (index, step) in world.steps.iter().enumerate() {
        set.scale(step.replicas);
        set.want(step.template);
        let reconciled = set.reconcile(SimTime::ZERO, &step.pods);
        let mut done = Done::default();
        for effect in reconciled.effects {
            match effect {
                Effect::Create { template, ordinal } => {
                    done.created.insert(ordinal, template);
                }
                Effect::Delete(uid) => {
                    let mut pods = step.pods.iter();
                    done.deleted
                        .extend(pods.find(|pod| pod.uid == uid).map(|pod| pod.ordinal));
                }
            }
        }
        let line = said(&done);
        if let Some(recorded) = &step.recorded {
            compared += 1;
            if *recorded != done {
                let recorded = said(recorded);
                differences.push(format!(
                    "world {number}, step {index}: recorded {recorded}, simulated {line}"
                ));
            }
        }
        lines.push(line);
    }
    Replayed {
        unit: Unit::StatefulSetStep,
        units: lines.len(),
        compared,
        differences,
        line: json!({ "world": number, "steps": lines }),
    }
}

/// What was done at a step, in the format of the recordings.
fn said(done: &Done) -> Value {
    let templates = done.created.iter();
    let templates: Map<String, Value> = templates
        .map(|(ordinal, template)| (ordinal.to_string(), json!(template)))
        .collect();
    let created: Vec<u32> = done.created.keys().copied().collect();
    json!({ "create": created, "created_template": templates, "delete": done.deleted })
}
