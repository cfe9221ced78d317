//! Recordings of real Kafka (`tests/golden/traces`): what was played, under which names, and what happened.
//!
//! A recording's script is rewritten as a scenario in our own language, so that its settings are read by the same rules as everybody's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cluster::RecordedNames;

/// Recorded `at_ms` of the script → action: 0.2 / 0.6 / 1.1 ms (519 cases).
const ACTION_DELAY_US: u64 = 600;

/// A recording: one script and its repeats.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// Version of Kafka.
    pub kafka: String,
    /// The script as a scenario.
    pub scenario: Value,
    /// The repeats.
    pub runs: Vec<RecordedRun>,
}

/// One repeat.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// Its name.
    pub name: String,
    /// Names of topics and members in it.
    pub names: RecordedNames,
    /// What happened, in the recording's own format.
    pub events: Vec<Value>,
    /// Offsets handed out by partition: rows of (ms, offset).
    pub positions: Option<Map<String, Value>>,
}

/// Why a text is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a recording: {0}")]
pub struct BadRecording(pub String);

fn missing(what: &str) -> BadRecording {
    BadRecording(format!("`{what}` is missing or of the wrong kind"))
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, BadRecording> {
    value
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| missing(key))
}

fn number(value: &Value, key: &str) -> Result<u64, BadRecording> {
    value
        .get(key)
        .and_then(Value::as_u64)
        .ok_or_else(|| missing(key))
}

fn object<'v>(value: &'v Value, key: &str) -> Result<&'v Map<String, Value>, BadRecording> {
    value
        .get(key)
        .and_then(Value::as_object)
        .ok_or_else(|| missing(key))
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>, BadRecording> {
    value
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| missing(key))
}

/// Reads a recording.
///
/// # Errors
/// With what is missing.
pub fn parse(content: &str) -> Result<Recording, BadRecording> {
    let whole: Value =
        serde_json::from_str(content).map_err(|error| BadRecording(error.to_string()))?;
    let scenario = whole.get("scenario").ok_or_else(|| missing("scenario"))?;
    let topics: Vec<String> = object(scenario, "topics")?.keys().cloned().collect();
    let prefixes = prefixes(scenario)?;
    let runs = list(&whole, "runs")?
        .iter()
        .map(|run| recorded_run(run, &topics, &prefixes))
        .collect::<Result<_, _>>()?;
    Ok(Recording {
        name: text(&whole, "name")?.to_owned(),
        kafka: text(&whole, "kafka")?.to_owned(),
        scenario: as_scenario(&whole, scenario)?,
        runs,
    })
}

/// What the member ids of each member begin with: its `group.instance.id`, else its name.
fn prefixes(scenario: &Value) -> Result<Vec<String>, BadRecording> {
    let mut prefixes = Vec::new();
    for member in list(scenario, "members")? {
        let instance = member
            .pointer("/config/group.instance.id")
            .and_then(Value::as_str);
        let prefix = match instance {
            Some(instance) => instance,
            None => text(member, "name")?,
        };
        if !prefixes.iter().any(|known| known == prefix) {
            prefixes.push(prefix.to_owned());
        }
    }
    Ok(prefixes)
}

fn recorded_run(
    run: &Value,
    topics: &[String],
    prefixes: &[String],
) -> Result<RecordedRun, BadRecording> {
    let events = list(run, "events")?.clone();
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in events
        .iter()
        .filter_map(|event| event.get("member_id"))
        .filter_map(Value::as_str)
    {
        let prefix = prefixes
            .iter()
            .filter(|prefix| {
                id.strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.starts_with('-'))
            })
            .max_by_key(|prefix| prefix.len());
        if let Some(prefix) = prefix {
            let ids = members.entry(prefix.clone()).or_default();
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
    }
    let (names, ids) = (object(run, "topic_names")?, object(run, "topic_ids")?);
    let topics = topics
        .iter()
        .map(|topic| {
            let name = names
                .get(topic)
                .and_then(Value::as_str)
                .ok_or_else(|| missing("topic_names"))?;
            let id = ids
                .get(topic)
                .and_then(Value::as_str)
                .ok_or_else(|| missing("topic_ids"))?;
            let id = id.parse().map_err(|_| missing("topic_ids"))?;
            Ok((name.to_owned(), id))
        })
        .collect::<Result<_, BadRecording>>()?;
    Ok(RecordedRun {
        name: text(run, "run")?.to_owned(),
        names: RecordedNames { topics, members },
        events,
        positions: run.get("positions").and_then(Value::as_object).cloned(),
    })
}

fn as_scenario(whole: &Value, scenario: &Value) -> Result<Value, BadRecording> {
    let mut topics = Map::new();
    for (name, topic) in object(scenario, "topics")? {
        // The harness writes empty-handed records: far below every size limit of a fetch.
        let mut entry = json!({ "partitions": number(topic, "partitions")?, "record_size": "64B" });
        let rate = topic
            .get("rate_per_partition")
            .and_then(Value::as_f64)
            .unwrap_or(0.0);
        if rate > 0.0 {
            entry["rate_per_partition"] = json!(format!("{rate}/s"));
        }
        topics.insert(name.clone(), entry);
    }
    let group = scenario.get("group").ok_or_else(|| missing("group"))?;
    let shared = object(group, "config")?;
    let mut members = Vec::new();
    for member in list(scenario, "members")? {
        members.push(as_member(member, group, shared, scenario)?);
    }
    let all: Vec<&String> = topics.keys().collect();
    Ok(json!({
        "version": 1,
        "name": text(whole, "name")?,
        "duration": format!("{}ms", number(scenario, "end_ms")?),
        "brokers": {
            "version": text(whole, "kafka")?,
            "count": 1,
            "config": {
                "group.initial.rebalance.delay.ms": 3000,
                "group.min.session.timeout.ms": 1,
            },
        },
        "topics": topics,
        "groups": { "group": { "topics": all, "start": "cold", "members": members } },
        "events": events(scenario)?,
    }))
}

fn as_member(
    member: &Value,
    group: &Value,
    shared: &Map<String, Value>,
    scenario: &Value,
) -> Result<Value, BadRecording> {
    let name = text(member, "name")?;
    let mut config = shared.clone();
    if let Some(own) = member.get("config").and_then(Value::as_object) {
        for (key, value) in own {
            match value {
                Value::Null => config.remove(key),
                _ => config.insert(key.clone(), value.clone()),
            };
        }
    }
    config
        .entry("auto.offset.reset")
        .or_insert_with(|| json!("earliest"));
    let config: Map<String, Value> = config
        .into_iter()
        .map(|(key, value)| (key, typed(value)))
        .collect();
    let per_record = member
        .get("per_record_us")
        .or_else(|| group.get("per_record_us"))
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let mut listener = Map::new();
    for (key, callback) in [("revoke_ms", "on_revoked"), ("assign_ms", "on_assigned")] {
        if let Some(ms) = member
            .get(key)
            .or_else(|| group.get(key))
            .and_then(Value::as_u64)
        {
            let work = if callback == "on_revoked" {
                "flush"
            } else {
                "work"
            };
            listener.insert(callback.to_owned(), json!({ work: format!("{ms}ms") }));
        }
    }
    let start = list(scenario, "script")?
        .iter()
        .find(|action| action["do"] == "start" && action["member"] == name)
        .and_then(|action| action["at_ms"].as_u64());
    let end = number(scenario, "end_ms")?;
    let at = start.map_or(end * 1_000, |ms| ms * 1_000 + ACTION_DELAY_US);
    let poll_ms = group.get("poll_ms").and_then(Value::as_u64).unwrap_or(100);
    let mut entry = json!({
        "name": name,
        "at": format!("{at}us"),
        "config": config,
        "processing": { "per_record": format!("{per_record}us"), "poll_timeout": format!("{poll_ms}ms") },
    });
    if !listener.is_empty() {
        entry["listener"] = Value::Object(listener);
    }
    if let Some(topics) = member.get("topics") {
        entry["topics"] = topics.clone();
    }
    Ok(entry)
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

fn events(scenario: &Value) -> Result<Vec<Value>, BadRecording> {
    let mut started: Vec<&str> = Vec::new();
    let mut events = Vec::new();
    for action in list(scenario, "script")? {
        let at = number(action, "at_ms")? * 1_000 + ACTION_DELAY_US;
        let at = format!("{at}us");
        let target = || Ok::<_, BadRecording>(format!("group/{}", text(action, "member")?));
        match text(action, "do")? {
            "start" => {
                let member = text(action, "member")?;
                if started.contains(&member) {
                    events.push(json!({ "at": at, "start": target()? }));
                } else {
                    started.push(member);
                }
            }
            "stop" => events.push(json!({ "at": at, "stop": target()? })),
            "crash" => events.push(json!({ "at": at, "crash": target()? })),
            "stall" => {
                let length = format!("{}ms", number(action, "ms")?);
                events.push(json!({ "at": at, "stall": target()?, "for": length }));
            }
            "partitions" => events.push(json!({
                "at": at,
                "partitions": text(action, "topic")?,
                "to": number(action, "to")?,
            })),
            other => return Err(BadRecording(format!("unknown action `{other}`"))),
        }
    }
    Ok(events)
}
