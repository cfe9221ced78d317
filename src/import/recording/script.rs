//! The script of a recording as a scenario in our own language.
//!
//! The harness acts some time after the script says so. Where a repeat recorded when it did (`action`, and for a start the instant at which the new process
//! began, `start`), that is what is played: it is part of what was done to Kafka, not of what Kafka did.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::faults::{Faults, join};

/// Recorded `at_ms` of the script → action: 0.2 / 0.6 / 1.1 ms (519 cases).
const ACTION_DELAY_US: u64 = 600;
/// The first consumer of a run is there this much later than those that follow: `at_ms` → `start` is 1.7 ms for it, 0.9 ms for the others (137 runs, three in
/// four of them not the first of their JVM).
const FIRST_START_US: u64 = 800;
/// In the first repeat of a recording the JVM is cold, and every consumer comes to its group this much later: `start` → the coordinator's next event is 2.5 ms later
/// there than in the other repeats, on the mean (consumer protocol: 161 starts against 322; classic 2.7 ms, 78 against 154; 4.1.1 2.1 ms, 73 against 146).
const COLD_START_US: u64 = 2_500;
/// Brokers know of new partitions this much after they were asked for: no heartbeat 7 to 25 ms after the call finds them (5 growths), those 52 ms after it do (2).
const PUBLISHED_US: u64 = 20_000;
/// A coordinator that moves is loaded by the other broker -1 / 19 / 117 ms after the one before has unloaded it (146 cases); one whose only broker restarts is back after 11.6 / 12.2 / 13.2 s (10).
const MOVED_US: u64 = 20_000;
const RESTARTED_US: u64 = 12_000_000;
/// One that is gone when the recording ends: longer than any of them is.
const NEVER_BACK_US: u64 = 3_600_000_000;
/// Timeout of the harness's `poll()` unless the recording names another.
const POLL_TIMEOUT_MS: u64 = 100;

const PROTOCOL: &str = "group.protocol";

/// Names of the members that speak the consumer protocol.
pub(super) fn consumer_members(scenario: &Value) -> BTreeSet<String> {
    let group = scenario.get("group").unwrap_or(&Value::Null);
    let members = scenario.get("members").and_then(Value::as_array);
    let members = members.into_iter().flatten();
    members
        .filter(|member| settings(member, group).get(PROTOCOL) == Some(&json!("consumer")))
        .filter_map(|member| member.get("name")?.as_str())
        .map(str::to_owned)
        .collect()
}

/// Records per second and partition, by topic.
pub(super) fn rates(scenario: &Value) -> Vec<(String, f64)> {
    let topics = scenario.get("topics").and_then(Value::as_object);
    topics
        .into_iter()
        .flatten()
        .map(|(name, topic)| (name.clone(), rate(topic)))
        .collect()
}

fn rate(topic: &Value) -> f64 {
    topic
        .get("rate_per_partition")
        .and_then(Value::as_f64)
        .unwrap_or(0.0)
}

/// By member, what the ids begin with that the coordinator of a classic group gives it: its `group.instance.id`, else its name.
pub(super) fn prefixes(scenario: &Value) -> BTreeMap<String, String> {
    let members = scenario.get("members").and_then(Value::as_array);
    let prefix = |member: &Value| {
        let name = member.get("name")?.as_str()?;
        let instance = member.pointer("/config/group.instance.id");
        let prefix = instance.and_then(Value::as_str).unwrap_or(name);
        Some((name.to_owned(), prefix.to_owned()))
    };
    members.into_iter().flatten().filter_map(prefix).collect()
}

/// A repeat of the script.
#[derive(Clone, Copy, Default)]
pub(super) struct Repeat<'a> {
    /// What was recorded.
    pub(super) events: &'a [Value],
    /// Nothing ran in its JVM before.
    pub(super) is_first: bool,
}

/// The scenario that plays the script as it was played in a repeat.
pub(super) fn scenario(
    whole: &Value,
    scenario: &Value,
    repeat: Repeat<'_>,
    faults: &mut Faults,
) -> Option<Value> {
    let instants = instants(scenario, repeat);
    let place = "scenario";
    let topics = topics(scenario, faults);
    faults.object(scenario, place, "group");
    let group = scenario.get("group").unwrap_or(&Value::Null);
    if group.get("config").is_some() {
        faults.object(group, "scenario.group", "config");
    }
    let members: Vec<_> = faults
        .list(scenario, place, "members")
        .unwrap_or_default()
        .iter()
        .enumerate()
        .filter(|(_, entry)| !stays_away(scenario, entry))
        .map(|(number, entry)| {
            let place = format!("scenario.members[{number}]");
            member(entry, &place, group, (scenario, &instants), faults)
        })
        .collect();
    let events = actions(scenario, (&instants, repeat), faults);
    let end = faults.number(scenario, place, "end_ms");
    let topics = topics?;
    let subscription = match group.get("pattern") {
        // It is about the names in the script; those on the broker have the run's behind them.
        Some(_) => (
            "pattern",
            json!(faults.text(group, "scenario.group", "pattern")?),
        ),
        None => ("topics", json!(topics.keys().collect::<Vec<_>>())),
    };
    Some(json!({
        "version": 1,
        "name": whole.get("name")?,
        "duration": format!("{}ms", end?),
        "brokers": brokers(whole, scenario, faults)?,
        "groups": { "group": {
            (subscription.0): subscription.1,
            "start": "cold",
            "members": members.into_iter().collect::<Option<Vec<_>>>()?,
        } },
        "topics": topics,
        "events": events?,
    }))
}

/// The broker: Kafka's defaults, but for lower minimum session times; and what was set for the group.
fn brokers(whole: &Value, scenario: &Value, faults: &mut Faults) -> Option<Value> {
    let mut config = json!({
        "group.initial.rebalance.delay.ms": 3000,
        "group.min.session.timeout.ms": 1,
    });
    let mut group_config = None;
    if scenario
        .get("group_config")
        .is_some_and(|own| !own.is_null())
    {
        let own = faults.object(scenario, "scenario", "group_config")?;
        let own = own
            .iter()
            .map(|(key, value)| (key.clone(), typed(value.clone())));
        let own: Map<String, Value> = own.collect();
        if !own.is_empty() {
            config["group.consumer.min.session.timeout.ms"] = json!(1);
            config["group.consumer.min.heartbeat.interval.ms"] = json!(1);
            group_config = Some(own);
        }
    }
    let count = faults
        .maybe_number(scenario, "scenario", "brokers")
        .unwrap_or(1);
    let mut brokers = json!({ "version": whole.get("kafka")?, "count": count, "config": config });
    let group = scenario.get("group").unwrap_or(&Value::Null);
    if let Some(ms) = faults.maybe_number(group, "scenario.group", "assignor_ms") {
        brokers["assignor_cost"] = json!(format!("{ms}ms"));
    }
    if let Some(own) = group_config {
        brokers["group_config"] = json!({ "group": own });
    }
    Some(brokers)
}

fn topics(scenario: &Value, faults: &mut Faults) -> Option<Map<String, Value>> {
    let mut topics = Map::new();
    for (name, topic) in faults.object(scenario, "scenario", "topics")? {
        let place = format!("scenario.topics.{name}");
        let Some(partitions) = faults.number(topic, &place, "partitions") else {
            continue;
        };
        // A record of 100 bytes in a batch of its own, as `tests/recorder` writes them: 61 bytes of the batch, 7 of the record. Far below every upper limit of a fetch.
        let mut entry = json!({ "partitions": partitions, "record_size": "168B" });
        let rate = rate(topic);
        if !(rate.is_finite() && (0.0..1e9).contains(&rate))
            || topic
                .get("rate_per_partition")
                .is_some_and(|rate| !rate.is_number())
        {
            faults.note(&join(&place, "rate_per_partition"), "is not a rate");
        } else if rate > 0.0 {
            entry["rate_per_partition"] = json!(format!("{rate}/s"));
        }
        topics.insert(name.clone(), entry);
    }
    Some(topics)
}

fn member(
    member: &Value,
    place: &str,
    group: &Value,
    (scenario, instants): (&Value, &[u64]),
    faults: &mut Faults,
) -> Option<Value> {
    let name = faults.text(member, place, "name");
    if member.get("config").is_some() {
        faults.object(member, place, "config");
    }
    let mut of_either = |key: &str| {
        let own = faults.maybe_number(member, place, key);
        own.or_else(|| faults.maybe_number(group, "scenario.group", key))
    };
    let per_record = of_either("per_record_us").unwrap_or(0);
    let mut listener = Map::new();
    for (key, callback, work) in [
        ("revoke_ms", "on_revoked", "flush"),
        ("assign_ms", "on_assigned", "work"),
    ] {
        if let Some(ms) = of_either(key) {
            listener.insert(callback.to_owned(), json!({ work: format!("{ms}ms") }));
        }
    }
    let poll_ms = of_either("poll_ms").unwrap_or(POLL_TIMEOUT_MS);
    let name = name?;
    let at = *instants.get(first_start(scenario, &json!(name))?)?;
    let mut entry = json!({
        "name": name,
        "at": format!("{at}us"),
        "config": settings(member, group),
        "processing": { "per_record": format!("{per_record}us"), "poll_timeout": format!("{poll_ms}ms") },
    });
    if !listener.is_empty() {
        entry["listener"] = Value::Object(listener);
    }
    if let Some(topics) = member.get("topics") {
        entry["topics"] = topics.clone();
    }
    Some(entry)
}

/// Where in the script the member of that name is first started.
fn first_start(scenario: &Value, name: &Value) -> Option<usize> {
    let script = scenario.get("script")?.as_array()?;
    let starts =
        |action: &Value| word(action, "do") == "start" && action.get("member") == Some(name);
    script.iter().position(starts)
}

/// True of a member that the script never starts.
fn stays_away(scenario: &Value, member: &Value) -> bool {
    let has_script = scenario.get("script").is_some_and(Value::is_array);
    let name = member.get("name").filter(|name| name.is_string());
    has_script && name.is_some_and(|name| first_start(scenario, name).is_none())
}

/// A member's settings: the group's, with its own on top; `null` takes one away.
fn settings(member: &Value, group: &Value) -> Map<String, Value> {
    let of = |holder: &Value| holder.get("config").and_then(Value::as_object).cloned();
    let mut config = of(group).unwrap_or_default();
    for (key, value) in of(member).unwrap_or_default() {
        match value {
            Value::Null => config.remove(&key),
            _ => config.insert(key, value),
        };
    }
    config
        .entry("auto.offset.reset")
        .or_insert_with(|| json!("earliest"));
    config
        .into_iter()
        .map(|(key, value)| (key, typed(value)))
        .collect()
}

/// Clients take every value as text; the scenario language wants numbers and booleans as such, and lists as lists.
fn typed(value: Value) -> Value {
    let Some(text) = value.as_str() else {
        return value;
    };
    if let Ok(number) = text.parse::<i64>() {
        return json!(number);
    }
    match text {
        "true" => json!(true),
        "false" => json!(false),
        _ if text.contains(',') => json!(text.split(',').map(str::trim).collect::<Vec<_>>()),
        _ => value,
    }
}

fn word<'v>(of: &'v Value, key: &str) -> &'v str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// When each action of the script took effect, µs: as recorded, else as the harness usually is; starts of a first repeat as much later as a cold JVM takes.
fn instants(scenario: &Value, repeat: Repeat<'_>) -> Vec<u64> {
    let script = scenario.get("script").and_then(Value::as_array);
    let script = script.map(Vec::as_slice).unwrap_or_default();
    let planned = |action: &Value| action.get("at_ms").and_then(Value::as_u64).unwrap_or(0) * 1_000;
    let starts = script.iter().filter(|action| word(action, "do") == "start");
    let first = starts.map(planned).min();
    script
        .iter()
        .enumerate()
        .map(|(number, action)| {
            let twins = |other: &&Value| same_action(other, action);
            let earlier = script[..number].iter().filter(twins).count();
            let mut records = repeat
                .events
                .iter()
                .filter(|event| is_record(event, action));
            let recorded = records.nth(earlier).and_then(micros);
            let verb = word(action, "do");
            let is_first = verb == "start" && Some(planned(action)) == first;
            let late = if is_first { FIRST_START_US } else { 0 };
            let takes = match verb {
                "start" if repeat.is_first => COLD_START_US,
                "partitions" => PUBLISHED_US,
                _ => 0,
            };
            recorded.unwrap_or(planned(action) + ACTION_DELAY_US + late) + takes
        })
        .collect()
}

fn same_action(one: &Value, other: &Value) -> bool {
    ["do", "member"]
        .iter()
        .all(|key| word(one, key) == word(other, key))
}

/// True when `event` records that `action` was done; a start counts from when the process began.
fn is_record(event: &Value, action: &Value) -> bool {
    if word(event, "who") != word(action, "member") {
        return false;
    }
    match word(action, "do") {
        "start" => word(event, "what") == "start",
        verb => word(event, "what") == "action" && word(event, "do") == verb,
    }
}

/// The instant of a recorded event; recorded are tenths of ms.
fn micros(event: &Value) -> Option<u64> {
    let ms = event.get("t")?.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be finite and not negative; a cast saturates"
    )]
    let micros = libm::round(ms * 1_000.0) as u64;
    Some(micros)
}

/// True of an action that is done to the coordinator.
fn is_of_coordinator(action: &Value) -> bool {
    matches!(word(action, "do"), "move" | "restart")
}

/// When the coordinator of the action with this number went, and how long it was away, µs: as its log says, where it was recorded. The broker that gets it may have loaded
/// it before the other gives it up.
fn outage(scenario: &Value, number: usize, (instants, repeat): (&[u64], Repeat<'_>)) -> (u64, u64) {
    let script = scenario.get("script").and_then(Value::as_array);
    let script = script.map(Vec::as_slice).unwrap_or_default();
    let earlier = script.iter().take(number);
    let place = earlier.filter(|action| is_of_coordinator(action)).count();
    let told = |what: &str| {
        let events = repeat.events.iter();
        let told = events.filter(|event| word(event, "what") == what);
        told.filter_map(micros).nth(place)
    };
    match (told("coordinator_unloaded"), told("coordinator_loaded")) {
        (Some(gone), Some(back)) => (gone.min(back), back.saturating_sub(gone)),
        (Some(gone), None) => (gone, NEVER_BACK_US),
        (None, _) => match word(&script[number], "do") {
            "restart" => (instants[number], RESTARTED_US),
            _ => (instants[number], MOVED_US),
        },
    }
}

/// What happens after the first start of each member.
fn actions(
    scenario: &Value,
    (instants, repeat): (&[u64], Repeat<'_>),
    faults: &mut Faults,
) -> Option<Vec<Value>> {
    let mut started: Vec<&str> = Vec::new();
    let mut events = Vec::new();
    for (number, action) in faults
        .list(scenario, "scenario", "script")?
        .iter()
        .enumerate()
    {
        let place = format!("scenario.script[{number}]");
        let at = faults.number(action, &place, "at_ms");
        let verb = faults.text(action, &place, "do");
        let (Some(at), Some(verb)) = (at, verb) else {
            continue;
        };
        let at = format!("{}us", instants.get(number).copied().unwrap_or(at * 1_000));
        match verb {
            "partitions" => {
                let topic = faults.text(action, &place, "topic");
                let to = faults.number(action, &place, "to");
                events.push(json!({ "at": at, "partitions": topic, "to": to }));
            }
            _ if is_of_coordinator(action) => {
                let (gone, away) = outage(scenario, number, (instants, repeat));
                let (at, away) = (format!("{gone}us"), format!("{away}us"));
                events.push(json!({ "at": at, "coordinator": verb, "unavailable": away }));
            }
            "start" | "stop" | "crash" | "stall" | "freeze" | "disconnect" => {
                let Some(member) = faults.text(action, &place, "member") else {
                    continue;
                };
                let target = format!("group/{member}");
                if verb == "start" && !started.contains(&member) {
                    started.push(member);
                } else if matches!(verb, "start" | "stop" | "crash") {
                    events.push(json!({ "at": at, verb: target }));
                } else {
                    let length = faults.number(action, &place, "ms").unwrap_or(0);
                    let length = format!("{length}ms");
                    events.push(json!({ "at": at, verb: target, "for": length }));
                }
            }
            _ => faults.note(&join(&place, "do"), "is no action of a recording"),
        }
    }
    Some(events)
}
