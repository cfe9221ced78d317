//! Cases of the Deployment controller: the sizes of its ReplicaSets before one turn, and after.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{MAX_REPLICAS, int_or_percent};
use crate::platform::deployment::Strategy;
use crate::platform::deployment_step::SetSize;

/// Which turn it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A step of a rolling update.
    Roll,
    /// The Deployment's size had just been changed.
    Scale,
}

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentCase {
    /// Which.
    pub turn: Turn,
    /// `spec.replicas`
    pub replicas: u32,
    /// `spec.strategy`
    pub strategy: Strategy,
    /// Names of the ReplicaSets in order of creation.
    pub names: Vec<String>,
    /// The ReplicaSets.
    pub sets: Vec<SetSize>,
    /// The one with the wanted template.
    pub new: usize,
    /// Sizes by name after it, when they were recorded.
    pub result: Option<BTreeMap<String, u32>>,
}

#[derive(Deserialize)]
struct Raw {
    kind: String,
    replicas: u32,
    replicas_before: Option<u32>,
    max_surge: Value,
    max_unavailable: Value,
    new: String,
    sets: Vec<RawSet>,
    result: Option<BTreeMap<String, u32>>,
}

#[derive(Deserialize)]
struct RawSet {
    name: String,
    #[serde(default)]
    created: i64,
    spec: u32,
    available: u32,
}

/// The case in `value`.
pub(super) fn read(value: Value) -> Result<DeploymentCase, String> {
    let mut raw: Raw = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let turn = match &*raw.kind {
        "roll" => Turn::Roll,
        "scale" => Turn::Scale,
        other => return Err(format!("unknown kind `{other}` (known: roll, scale)")),
    };
    let strategy = Strategy::RollingUpdate {
        max_surge: int_or_percent(&raw.max_surge)?,
        max_unavailable: int_or_percent(&raw.max_unavailable)?,
    };
    let before = match (turn, raw.replicas_before) {
        (Turn::Roll, _) => raw.replicas,
        (Turn::Scale, Some(before)) => before,
        (Turn::Scale, None) => return Err("`scale` without `replicas_before`".to_owned()),
    };
    let sizes = raw.sets.iter().flat_map(|set| [set.spec, set.available]);
    if let Some(size) = sizes
        .chain([raw.replicas, before])
        .find(|size| *size > MAX_REPLICAS)
    {
        return Err(format!("{size} replicas are more than {MAX_REPLICAS}"));
    }
    raw.sets
        .sort_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
    let names: Vec<String> = raw.sets.iter().map(|set| set.name.clone()).collect();
    let new = names.iter().position(|name| *name == raw.new);
    let new = new.ok_or_else(|| format!("`new` names `{}`, which is no set", raw.new))?;
    let size = |set: &RawSet| SetSize {
        replicas: set.spec,
        available: set.available,
        desired: before,
        most: before.saturating_add(strategy.surge(before)),
    };
    Ok(DeploymentCase {
        turn,
        replicas: raw.replicas,
        strategy,
        sets: raw.sets.iter().map(size).collect(),
        names,
        new,
        result: raw.result,
    })
}
