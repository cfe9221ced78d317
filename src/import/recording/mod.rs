//! Recordings of real Kafka (`tests/golden/traces`): what was played, under which names, and what happened.
//!
//! A recording's script is rewritten as a scenario in our own language ([`script`]), so that its settings are read by the same rules as
//! everybody's. What was recorded is checked here once, so that whoever compares need not.

mod faults;
mod script;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use self::faults::{Faults, join};
use self::script::Repeat;
use crate::cluster::RecordedNames;

/// A recording: one script and its repeats.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// Version of Kafka.
    pub kafka: String,
    /// Some member speaks the consumer protocol (KIP-848).
    pub consumer_protocol: bool,
    /// Records per second and partition, by topic.
    pub rates: Vec<(String, f64)>,
    /// The repeats.
    pub runs: Vec<RecordedRun>,
}

/// One repeat.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// Its name.
    pub name: String,
    /// The script as a scenario, every action at the instant at which the harness did it in this repeat.
    pub scenario: Value,
    /// Names of topics and members in it.
    pub names: RecordedNames,
    /// What happened, in the recording's own format: objects with a time `t` in ms and the words `what` and `at`.
    pub events: Vec<Value>,
    /// Offsets handed out by partition: rows of (ms, offset).
    pub positions: Option<Map<String, Value>>,
}

/// Why a text is no recording: every fault, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a recording: {}", .0.join("; "))]
pub struct BadRecording(pub Vec<String>);

/// Reads a recording.
///
/// # Errors
/// With everything that is missing or of the wrong kind.
pub fn parse(content: &str) -> Result<Recording, BadRecording> {
    let whole: Value = serde_json::from_str(content)
        .map_err(|error| BadRecording(vec![format!("not JSON: {error}")]))?;
    let mut faults = Faults::default();
    let recording = read(&whole, &mut faults);
    match recording {
        Some(recording) if faults.0.is_empty() => Ok(recording),
        _ => Err(BadRecording(faults.0)),
    }
}

fn read(whole: &Value, faults: &mut Faults) -> Option<Recording> {
    let name = faults.text(whole, "", "name");
    let kafka = faults.text(whole, "", "kafka");
    faults.object(whole, "", "scenario");
    let scenario = whole.get("scenario").filter(|value| value.is_object());
    let planned =
        scenario.and_then(|scenario| script::scenario(whole, scenario, Repeat::default(), faults));
    let topics = scenario
        .and_then(|scenario| scenario.get("topics")?.as_object())
        .map(|topics| topics.keys().cloned().collect::<Vec<_>>())
        .map(|mut topics| {
            // The order of a plan's topics.
            topics.sort_unstable();
            topics
        });
    let ids = scenario.map(Ids::of).unwrap_or_default();
    let runs: Vec<_> = faults
        .list(whole, "", "runs")?
        .iter()
        .enumerate()
        .map(|(number, run)| {
            let place = format!("runs[{number}]");
            let mut run = recorded_run(run, &place, topics.as_deref()?, &ids, faults)?;
            // What is wrong with the script has been said once.
            let said = &mut Faults::default();
            let repeat = Repeat {
                events: &run.events,
                is_first: number == 0,
            };
            run.scenario = script::scenario(whole, scenario?, repeat, said)?;
            Some(run)
        })
        .collect();
    if runs.is_empty() {
        faults.note("runs", "is empty");
    }
    let scenario = scenario?;
    planned?;
    Some(Recording {
        name: name?.to_owned(),
        kafka: kafka?.to_owned(),
        consumer_protocol: !script::consumer_members(scenario).is_empty(),
        rates: script::rates(scenario),
        runs: runs.into_iter().collect::<Option<_>>()?,
    })
}

fn recorded_run(
    run: &Value,
    place: &str,
    topics: &[String],
    ids: &Ids,
    faults: &mut Faults,
) -> Option<RecordedRun> {
    let name = faults.text(run, place, "run");
    let named = recorded_topics(run, place, topics, faults);
    let events = faults.list(run, place, "events");
    for (number, event) in events.unwrap_or_default().iter().enumerate() {
        check_event(event, &format!("{place}.events[{number}]"), faults);
    }
    let positions = match run.get("positions") {
        None => None,
        Some(_) => faults.object(run, place, "positions"),
    };
    for (partition, rows) in positions.into_iter().flatten() {
        if !rows.as_array().is_some_and(|rows| rows.iter().all(is_pair)) {
            let place = join(&join(place, "positions"), partition);
            faults.note(&place, "is not a list of [ms, offset]");
        }
    }
    let events = events?.to_vec();
    Some(RecordedRun {
        name: name?.to_owned(),
        scenario: Value::Null,
        names: RecordedNames {
            topics: named?,
            members: ids.read(&events),
        },
        events,
        positions: positions.cloned(),
    })
}

fn recorded_topics(
    run: &Value,
    place: &str,
    topics: &[String],
    faults: &mut Faults,
) -> Option<Vec<(String, crate::assignor::TopicUuid)>> {
    faults.object(run, place, "topic_names");
    faults.object(run, place, "topic_ids");
    let (names, ids) = (run.get("topic_names")?, run.get("topic_ids")?);
    let (name_place, id_place) = (join(place, "topic_names"), join(place, "topic_ids"));
    topics
        .iter()
        .map(|topic| {
            let name = faults.text(names, &name_place, topic);
            let id = faults.text(ids, &id_place, topic)?;
            let Ok(id) = id.parse() else {
                faults.note(&join(&id_place, topic), "is not a topic id of Kafka");
                return None;
            };
            Some((name?.to_owned(), id))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

/// How member ids are told from each other.
#[derive(Debug, Default)]
struct Ids {
    /// By member, what the ids that a coordinator gives it begin with.
    prefixes: BTreeMap<String, String>,
    /// The members that give themselves an id at each start.
    own: BTreeSet<String>,
}

impl Ids {
    fn of(scenario: &Value) -> Self {
        Self {
            prefixes: script::prefixes(scenario),
            own: script::consumer_members(scenario),
        }
    }

    fn read(&self, events: &[Value]) -> BTreeMap<String, Vec<String>> {
        let mut members = self.issued_ids(events);
        for (name, starts) in self.own_ids(events) {
            // What follows a start of which no id is known cannot be told from it.
            let known = starts.into_iter().map_while(|id| id).collect();
            members.insert(name, known);
        }
        members
    }

    /// Member ids that a coordinator gave, by what they begin with, in the order in which they are first heard of. That of a consumer group gives ids
    /// that begin with nothing of the member's: they are told by who has them.
    fn issued_ids(&self, events: &[Value]) -> BTreeMap<String, Vec<String>> {
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in events {
            let text = |key: &str| event.get(key).and_then(Value::as_str);
            let Some(id) = text("member_id") else {
                continue;
            };
            let begins = |prefix: &&String| {
                let rest = id.strip_prefix(prefix.as_str());
                rest.is_some_and(|rest| rest.starts_with('-'))
            };
            let known = self.prefixes.values().filter(begins);
            let prefix = known.max_by_key(|prefix| prefix.len()).or_else(|| {
                let who = text("who").filter(|who| !self.own.contains(*who))?;
                self.prefixes.get(who)
            });
            if let Some(prefix) = prefix {
                let ids = members.entry(prefix.clone()).or_default();
                if !ids.iter().any(|known| known == id) {
                    ids.push(id.to_owned());
                }
            }
        }
        members
    }

    /// The id of each start of the members that give themselves one: the first with which the member is heard of after it. It keeps it, also
    /// when it is thrown out and joins again.
    fn own_ids(&self, events: &[Value]) -> BTreeMap<String, Vec<Option<String>>> {
        let text = |event: &Value, key: &str| event.get(key)?.as_str().map(str::to_owned);
        let mut starts: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
        for event in events {
            let Some(who) = text(event, "who").filter(|who| self.own.contains(who)) else {
                continue;
            };
            if event.get("what").is_some_and(|what| what == "start") {
                starts.entry(who).or_default().push(None);
            } else if let Some(id) = text(event, "member_id")
                && let Some(last) = starts.get_mut(&who).and_then(|ids| ids.last_mut())
            {
                last.get_or_insert(id);
            }
        }
        starts
    }
}

/// What is compared must be there and of its kind; further fields are whoever wrote them's.
fn check_event(event: &Value, place: &str, faults: &mut Faults) {
    let time = event.get("t").and_then(Value::as_f64);
    if !time.is_some_and(|time| time.is_finite() && time >= 0.0) {
        faults.note(&join(place, "t"), "is not a time in ms");
    }
    let (what, at) = (
        faults.text(event, place, "what"),
        faults.text(event, place, "at"),
    );
    match (at, what) {
        (Some("member"), Some(what)) => {
            faults.text(event, place, "who");
            match what {
                "assigned" | "revoked" | "lost" => {
                    let list = faults.list(event, place, "partitions").unwrap_or_default();
                    if !list.iter().all(Value::is_string) {
                        faults.note(&join(place, "partitions"), "is not a list of texts");
                    }
                }
                "error" => {
                    faults.text(event, place, "error");
                }
                "first_batch" => {
                    let offsets = faults.object(event, place, "offsets");
                    if !offsets
                        .into_iter()
                        .flatten()
                        .all(|(_, range)| is_pair(range))
                    {
                        faults.note(&join(place, "offsets"), "has no [first, last] somewhere");
                    }
                }
                _ => {}
            }
        }
        (Some("coordinator"), Some("join_complete")) => {
            faults.number(event, place, "generation");
            faults.number(event, place, "members");
        }
        (Some("coordinator" | "client"), _) | (None, _) | (_, None) => {}
        (Some(_), _) => faults.note(&join(place, "at"), "is not member, client or coordinator"),
    }
}

fn is_pair(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two members of the consumer protocol, one of the classic, one of which nothing is heard.
    const MIXED: &str = r#"{
        "name": "mixed", "kafka": "4.1.1",
        "scenario": {
            "topics": { "orders": { "partitions": 2, "rate_per_partition": 10 } },
            "group": { "config": { "session.timeout.ms": "6000", "heartbeat.interval.ms": "1000" } },
            "group_config": { "consumer.session.timeout.ms": "6000", "consumer.heartbeat.interval.ms": "1000" },
            "members": [
                { "name": "a", "config": { "group.protocol": "consumer", "session.timeout.ms": null, "heartbeat.interval.ms": null, "group.instance.id": "pod-0" } },
                { "name": "b" },
                { "name": "twin", "config": { "group.protocol": "consumer", "session.timeout.ms": null, "heartbeat.interval.ms": null, "group.instance.id": "pod-0" } }
            ],
            "script": [
                { "at_ms": 0, "do": "start", "member": "a" }, { "at_ms": 0, "do": "start", "member": "b" },
                { "at_ms": 10, "do": "stop", "member": "a" }, { "at_ms": 20, "do": "start", "member": "a" },
                { "at_ms": 30, "do": "start", "member": "twin" }, { "at_ms": 40, "do": "start", "member": "twin" }
            ],
            "end_ms": 9000
        },
        "runs": [ { "run": "mixed.r0", "topic_names": { "orders": "orders.r0" }, "topic_ids": { "orders": "AAAAAAAAAAAAAAAAAAAAAQ" }, "events": [
            { "t": 1, "at": "member", "what": "start", "who": "a" },
            { "t": 1, "at": "member", "what": "start", "who": "b" },
            { "t": 2, "at": "coordinator", "what": "member_joined", "member_id": "MVZ4_Fe9TFWYU1NdFyprVQ", "protocol": "consumer" },
            { "t": 3, "at": "member", "what": "assigned", "who": "a", "partitions": [], "member_id": "MVZ4_Fe9TFWYU1NdFyprVQ" },
            { "t": 4, "at": "member", "what": "assigned", "who": "b", "partitions": [], "member_id": "b-1" },
            { "t": 5, "at": "member", "what": "assigned", "who": "a", "partitions": [], "member_id": "MVZ4_Fe9TFWYU1NdFyprVQ" },
            { "t": 20, "at": "member", "what": "start", "who": "a" },
            { "t": 21, "at": "member", "what": "assigned", "who": "a", "partitions": [], "member_id": "fiAoM5oqSIm5QynPRC4QWw" },
            { "t": 30, "at": "member", "what": "start", "who": "twin" },
            { "t": 40, "at": "member", "what": "start", "who": "twin" },
            { "t": 41, "at": "member", "what": "assigned", "who": "twin", "partitions": [], "member_id": "w_HqcQMHSDWCloGNnPP0hg" }
        ] } ]
    }"#;

    #[test]
    fn members_that_give_themselves_ids_have_one_for_each_start() {
        let recording = parse(MIXED).expect("it is a recording");
        assert!(recording.consumer_protocol);
        let members = &recording.runs[0].names.members;
        let ids = |name: &str| members.get(name).cloned().unwrap_or_default();
        assert_eq!(
            ids("a"),
            ["MVZ4_Fe9TFWYU1NdFyprVQ", "fiAoM5oqSIm5QynPRC4QWw"]
        );
        assert_eq!(ids("b"), ["b-1"]);
        assert_eq!(ids("pod-0"), [""; 0], "the instance gives no id");
        assert_eq!(ids("twin"), [""; 0], "its first id is not known");
        let brokers = &recording.runs[0].scenario["brokers"];
        assert_eq!(brokers["version"], "4.1.1");
        assert_eq!(
            brokers["group_config"]["group"]["consumer.session.timeout.ms"],
            6_000
        );
        let loaded = crate::scenario::load(
            "mixed",
            &recording.runs[0].scenario.to_string(),
            &mut crate::scenario::NoFiles,
            &crate::scenario::Overrides::default(),
        );
        let plan = &loaded.expect("it can be played").plans[0];
        let config = &plan.groups[0].config.consumer;
        assert_eq!(config.session_timeout.as_micros(), 6_000_000);
        assert_eq!(config.first_epoch, 1, "4.1");
    }

    #[test]
    fn a_group_may_subscribe_by_pattern() {
        let group = r#""group": { "pattern": "ord.*", "config":"#;
        let by_pattern = MIXED.replacen(r#""group": { "config":"#, group, 1);
        let recording = parse(&by_pattern).expect("it is a recording");
        let group = &recording.runs[0].scenario["groups"]["group"];
        assert_eq!(group["pattern"], "ord.*");
        assert!(group.get("topics").is_none());
        let wrong = MIXED.replacen(
            r#""group": { "config":"#,
            r#""group": { "pattern": 5, "config":"#,
            1,
        );
        let faults = parse(&wrong).expect_err("a pattern is a text").0;
        assert_eq!(faults, ["`scenario.group.pattern` is not a text"]);
    }

    #[test]
    fn a_member_that_the_script_never_starts_takes_no_part() {
        let idle = MIXED.replacen(
            r#"{ "name": "b" },"#,
            r#"{ "name": "b" }, { "name": "idle" },"#,
            1,
        );
        let members = |text: &str| {
            let recording = parse(text).expect("it is a recording");
            recording.runs[0].scenario["groups"]["group"]["members"].clone()
        };
        assert_eq!(members(&idle), members(MIXED));
    }
}
