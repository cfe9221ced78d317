//! What Kubernetes' own controllers did, one JSON object a line: reads the cases and worlds that they were run on and tells them
//! apart by their fields. Unknown fields are skipped; what cannot be is refused with the line and the reason.

pub mod deployment;
pub mod hpa;
pub mod statefulset;

use deployment::DeploymentCase;
use hpa::HpaWorld;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use statefulset::StatefulSetWorld;

use crate::kernel::words::natural;
use crate::platform::quantity::IntOrPercent;

/// Replicas that a case may have; no cluster has more.
pub(crate) const MAX_REPLICAS: u32 = 1_000_000;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformCase {
    /// One turn of the Deployment controller.
    Deployment(DeploymentCase),
    /// A StatefulSet, step by step.
    StatefulSet(StatefulSetWorld),
    /// A HorizontalPodAutoscaler, reconcile by reconcile.
    Hpa(HpaWorld),
}

/// Why a line is no case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CaseError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Whose cases a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deployment,
    StatefulSet,
    Hpa,
}

impl Kind {
    /// By the fields that only it has.
    fn of(value: &Value) -> Option<Self> {
        let has = |keys: &[&str]| keys.iter().all(|key| value.get(key).is_some());
        if has(&["kind", "sets", "replicas"]) {
            Some(Self::Deployment)
        } else if has(&["policy", "steps"]) {
            Some(Self::StatefulSet)
        } else if has(&hpa::FIELDS) {
            Some(Self::Hpa)
        } else {
            None
        }
    }
}

/// True for a text whose first line is a case of a controller.
#[must_use]
pub fn is_platform(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let value = first.and_then(|line| serde_json::from_str::<Value>(line).ok());
    value.is_some_and(|value| Kind::of(&value).is_some())
}

/// Reads every line; blank ones are skipped.
///
/// # Errors
/// The first line that is no case.
pub fn parse(text: &str) -> Result<Vec<PlatformCase>, CaseError> {
    let mut cases = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        cases.push(parse_line(line).map_err(|reason| CaseError {
            line: index + 1,
            reason,
        })?);
    }
    Ok(cases)
}

fn parse_line(line: &str) -> Result<PlatformCase, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match Kind::of(&value) {
        Some(Kind::Deployment) => deployment::read(value).map(PlatformCase::Deployment),
        Some(Kind::StatefulSet) => statefulset::read(value).map(PlatformCase::StatefulSet),
        Some(Kind::Hpa) => hpa::read(value).map(PlatformCase::Hpa),
        None => Err("no case of a Deployment, no world of a StatefulSet or autoscaler".to_owned()),
    }
}

/// A field that is there, be it null; with `#[serde(default)]`, an absent one is `None`.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// `3` or `"25%"`
fn int_or_percent(value: &Value) -> Result<IntOrPercent, String> {
    let number = |number: u64| {
        let fits = u32::try_from(number).ok();
        fits.filter(|number| *number <= MAX_REPLICAS)
            .ok_or_else(|| format!("{number} is more than {MAX_REPLICAS}"))
    };
    if let Some(count) = value.as_u64() {
        return number(count).map(IntOrPercent::Count);
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%'));
    match percent.and_then(natural) {
        Some(percent) => number(percent).map(IntOrPercent::Percent),
        None => Err(format!(
            "{value} is neither a count nor a share such as \"25%\""
        )),
    }
}
