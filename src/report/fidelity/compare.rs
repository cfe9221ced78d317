//! The comparison of one run: sequences, then times, then records.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::parting::parting;
use super::{Difference, FirstBatches, RunFidelity, Sides, TimedEvent};

/// Tolerance of times, ms: classic clients; clients of the consumer protocol, which wake in steps of up to 100 ms.
const TOLERANCE_MS: [f64; 2] = [50.0, 150.0];
/// … or this share of the time since the action that caused the event, whichever is more.
const TOLERANCE_SHARE: f64 = 0.05;

/// A first batch may be off by a poll timeout more.
const POLL_TIMEOUT_MS: f64 = 100.0;

/// The kinds of a member's events that make its sequence.
pub const KINDS: [&str; 4] = ["assigned", "revoked", "lost", "error"];

/// The coordinator's events that are compared in order, and by which of their fields.
pub const COORDINATOR: [(&str, &[&str]); 8] = [
    ("preparing_rebalance", &["generation"]),
    ("join_complete", &["generation", "members"]),
    ("assignment_received", &["generation", "leader"]),
    ("member_failed", &["member_id"]),
    ("static_member_replaced", &["instance_id"]),
    ("group_epoch", &["epoch"]),
    ("target_assignment", &["epoch"]),
    (
        "member_state",
        &["member_id", "epoch", "state", "assigned", "revoked"],
    ),
];

pub(super) fn word<'e>(event: &'e Value, key: &str) -> &'e str {
    event.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn instant(event: &Value) -> f64 {
    event.get("t").and_then(Value::as_f64).unwrap_or_default()
}

/// Compares a run with its recording.
#[must_use]
pub fn compare(sides: &Sides<'_>) -> RunFidelity {
    let (recorded, simulated) = (steps(sides.recorded), steps(sides.simulated));
    let structure = structure(sides, &recorded, &simulated);
    let same = structure.is_empty();
    let times = if same {
        times(sides, &recorded, &simulated)
    } else {
        Vec::new()
    };
    let first_batches = if same {
        first_batches(sides)
    } else {
        FirstBatches::default()
    };
    let grid = sides
        .simulated
        .iter()
        .find_map(|event| event.get("positions").and_then(Value::as_object));
    let others: Vec<&str> = structure.iter().map(|other| other.of.as_str()).collect();
    RunFidelity {
        parting: parting(sides, &others),
        trace: sides.trace.to_owned(),
        kafka: sides.kafka.to_owned(),
        run: sides.run.to_owned(),
        consumer_protocol: sides.consumer_protocol,
        structure,
        coordinator: first_difference(
            "coordinator",
            &coordinator(sides.recorded),
            &coordinator(sides.simulated),
        ),
        times,
        first_batches,
        positions_missing: sides.positions.is_some() && grid.is_none(),
        positions_s: sides
            .positions
            .map(|recorded| grid.map_or_else(Vec::new, |grid| positions(sides, recorded, grid))),
    }
}

/// A step of a member: what was called with what, and when.
struct Step {
    what: String,
    with: String,
    at_ms: f64,
}

/// The partitions that an event names, sorted.
pub(super) fn partitions(event: &Value) -> Vec<&str> {
    let list = event.get("partitions").and_then(Value::as_array);
    let mut named: Vec<&str> = list
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    named.sort_unstable();
    named
}

/// Per member, its steps in order.
fn steps(events: &[Value]) -> BTreeMap<String, Vec<Step>> {
    let mut steps: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for event in events {
        if word(event, "at") != "member" || !KINDS.contains(&word(event, "what")) {
            continue;
        }
        let partitions = partitions(event);
        let with = match event.get("error").and_then(Value::as_str) {
            Some(error) if partitions.is_empty() => error.to_owned(),
            _ => format!("[{}]", partitions.join(", ")),
        };
        let step = Step {
            what: word(event, "what").to_owned(),
            with,
            at_ms: instant(event),
        };
        steps
            .entry(word(event, "who").to_owned())
            .or_default()
            .push(step);
    }
    steps
}

fn structure(
    sides: &Sides<'_>,
    recorded: &BTreeMap<String, Vec<Step>>,
    simulated: &BTreeMap<String, Vec<Step>>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    if !sides.consumer_protocol {
        differences.extend(first_difference(
            "generations",
            &generations(sides.recorded),
            &generations(sides.simulated),
        ));
    }
    let said = |steps: Option<&Vec<Step>>| -> Vec<String> {
        steps
            .into_iter()
            .flatten()
            .map(|step| format!("{} {}", step.what, step.with))
            .collect()
    };
    let mut members: Vec<&String> = recorded.keys().chain(simulated.keys()).collect();
    members.sort_unstable();
    members.dedup();
    for member in members {
        differences.extend(first_difference(
            member,
            &said(recorded.get(member)),
            &said(simulated.get(member)),
        ));
    }
    differences
}

fn generations(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .filter(|event| {
            word(event, "at") == "coordinator" && word(event, "what") == "join_complete"
        })
        .map(|event| format!("generation {} of {}", event["generation"], event["members"]))
        .collect()
}

/// The coordinator's events by the fields that count.
fn coordinator(events: &[Value]) -> Vec<String> {
    events.iter().filter_map(coordinator_event).collect()
}

/// An event of the coordinator by the fields that count; lists count as sets.
pub(super) fn coordinator_event(event: &Value) -> Option<String> {
    if word(event, "at") != "coordinator" {
        return None;
    }
    let what = word(event, "what");
    let (_, fields) = COORDINATOR.iter().find(|(kind, _)| *kind == what)?;
    let mut said = what.to_owned();
    for field in *fields {
        let value = event.get(*field).unwrap_or(&Value::Null);
        let value = match value.as_array() {
            Some(list) => {
                let mut items: Vec<String> = list.iter().map(Value::to_string).collect();
                items.sort_unstable();
                format!("[{}]", items.join(", "))
            }
            None => value.to_string(),
        };
        said.push(' ');
        said.push_str(&value);
    }
    Some(said)
}

fn first_difference(of: &str, recorded: &[String], simulated: &[String]) -> Option<Difference> {
    let agree = recorded
        .iter()
        .zip(simulated)
        .take_while(|(one, other)| one == other)
        .count();
    let (recorded, simulated) = (recorded.get(agree), simulated.get(agree));
    (recorded.is_some() || simulated.is_some()).then(|| Difference {
        of: of.to_owned(),
        after: agree,
        recorded: recorded.cloned(),
        simulated: simulated.cloned(),
    })
}

/// Instants of the script's actions.
fn actions(sides: &Sides<'_>) -> Vec<f64> {
    let actions = sides
        .recorded
        .iter()
        .filter(|event| word(event, "what") == "action");
    actions.map(instant).collect()
}

/// How far an event that was recorded at `at` may be off, ms.
fn tolerance(sides: &Sides<'_>, actions: &[f64], at: f64) -> f64 {
    let causes = actions.iter().copied().filter(|&cause| cause <= at);
    let least = TOLERANCE_MS[usize::from(sides.consumer_protocol)];
    least.max(TOLERANCE_SHARE * (at - causes.fold(0.0, f64::max)))
}

/// Every step beside its twin; the structure is known to be the same.
fn times(
    sides: &Sides<'_>,
    recorded: &BTreeMap<String, Vec<Step>>,
    simulated: &BTreeMap<String, Vec<Step>>,
) -> Vec<TimedEvent> {
    let actions = actions(sides);
    let mut times = Vec::new();
    for ((who, recorded), simulated) in recorded.iter().zip(simulated.values()) {
        for (step, twin) in recorded.iter().zip(simulated) {
            times.push(TimedEvent {
                who: who.clone(),
                what: step.what.clone(),
                recorded_ms: step.at_ms,
                simulated_ms: twin.at_ms,
                tolerance_ms: tolerance(sides, &actions, step.at_ms),
            });
        }
    }
    times
}

/// Records per second of a partition; `None` without load.
fn rate(sides: &Sides<'_>, partition: &str) -> Option<f64> {
    let topic = partition
        .rsplit_once('-')
        .map_or(partition, |(topic, _)| topic);
    let (_, rate) = sides.rates.iter().find(|(name, _)| name == topic)?;
    (*rate > 0.0).then_some(*rate)
}

/// (ms, first offset) by member and partition, one an assignment.
fn first_offsets(events: &[Value]) -> BTreeMap<(&str, &str), Vec<(f64, f64)>> {
    let mut first: BTreeMap<(&str, &str), Vec<(f64, f64)>> = BTreeMap::new();
    for event in events {
        if word(event, "what") != "first_batch" {
            continue;
        }
        let offsets = event.get("offsets").and_then(Value::as_object);
        for (partition, range) in offsets.into_iter().flatten() {
            let from = range.get(0).and_then(Value::as_f64).unwrap_or_default();
            first
                .entry((word(event, "who"), partition.as_str()))
                .or_default()
                .push((instant(event), from));
        }
    }
    first
}

fn first_batches(sides: &Sides<'_>) -> FirstBatches {
    let simulated = first_offsets(sides.simulated);
    let actions = actions(sides);
    let mut found = FirstBatches::default();
    for (key, recorded) in first_offsets(sides.recorded) {
        let twins = simulated.get(&key).map(Vec::as_slice).unwrap_or_default();
        for (index, &(at, from)) in recorded.iter().enumerate() {
            let Some(&(twin_at, twin_from)) = twins.get(index) else {
                found.missing += 1;
                continue;
            };
            let tolerance = tolerance(sides, &actions, at) + POLL_TIMEOUT_MS;
            found.compared += 1;
            found.late += usize::from((at - twin_at).abs() > tolerance);
            if let Some(rate) = rate(sides, key.1) {
                found.errors_s.push((from - twin_from).abs() / rate);
            }
        }
    }
    found
}

/// Rows of (ms, offset).
fn rows(value: Option<&Value>) -> Vec<(f64, f64)> {
    let pair = |row: &Value| Some((row.get(0)?.as_f64()?, row.get(1)?.as_f64()?));
    value
        .and_then(Value::as_array)
        .map(|rows| rows.iter().filter_map(pair).collect())
        .unwrap_or_default()
}

fn positions(
    sides: &Sides<'_>,
    recorded: &Map<String, Value>,
    simulated: &Map<String, Value>,
) -> Vec<f64> {
    let mut errors = Vec::new();
    for (partition, grid) in recorded {
        let Some(rate) = rate(sides, partition) else {
            continue;
        };
        let twin = rows(simulated.get(partition));
        for (at, offset) in rows(Some(grid)) {
            let passed = twin.iter().take_while(|(then, _)| *then <= at).last();
            let reached = passed.map_or(0.0, |(_, offset)| *offset);
            errors.push((reached - offset).abs() / rate);
        }
    }
    errors
}
