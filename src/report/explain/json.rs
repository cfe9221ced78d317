//! `rebsim/explain/1`: one stall as one document. Instants and lengths are whole microseconds; the parts follow each other without a gap,
//! so they add up to the whole, and so do the causes. Events are those of [`crate::report::ndjson`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Played, counted, events, member, partition, pointer, setting, told, words};
use crate::assignor::{ConsumerId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::Cause;
use crate::metrics::stall::{Leg, Stall};
use crate::report::ndjson;
use crate::timeline::Cast;

/// The document of a stall; `null` instead of one, when nothing was down.
#[must_use]
pub fn document(played: Option<(Played<'_>, &Stall)>) -> String {
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!("rebsim/explain/1"));
    if let Some((played, _)) = played {
        document.insert("scenario".to_owned(), json!(played.plan.scenario));
        document.insert("variant".to_owned(), json!(played.plan.variant));
        document.insert("seed".to_owned(), json!(played.seed));
    }
    let stall = played.map(|(played, one)| stall(played, one));
    document.insert("stall".to_owned(), json!(stall));
    format!("{:#}\n", Value::Object(document))
}

/// The document of a partition that was not down at `at`: who served it, and when it was down.
#[must_use]
pub fn served(
    cast: &Cast,
    which: TopicPartition,
    at: SimTime,
    by: Option<ConsumerId>,
    stalls: &[Stall],
) -> String {
    let stalls = stalls.iter().map(span);
    let document = json!({
        "schema": "rebsim/explain/1",
        "stall": null,
        "served": {
            "partition": partition(cast, which),
            "t_us": at.as_micros(),
            "member": by.map(|who| member(cast, who)),
            "stalls": stalls.collect::<Vec<_>>(),
        },
    });
    format!("{document:#}\n")
}

/// From, to and how long.
fn span(stall: &Stall) -> Value {
    json!({
        "from_us": stall.from.as_micros(),
        "to_us": stall.to.as_micros(),
        "down_us": stall.micros(),
    })
}

fn stall(played: Played<'_>, stall: &Stall) -> Value {
    let cast = &played.timeline.cast;
    let told = told(played.timeline, stall);
    let numbers: BTreeMap<usize, usize> = told.iter().copied().zip(0..).collect();
    let causes = stall.causes();
    let causes = Cause::ALL.into_iter().zip(causes);
    let causes = causes.filter(|(_, micros)| *micros > 0);
    let causes = causes.map(|(cause, micros)| (cause.word().to_owned(), json!(micros)));
    let parts = stall.legs.iter();
    let parts = parts.map(|leg| part(played, stall, leg, &numbers));
    let told = told.iter().map(|index| event(played, stall, *index));
    let mut value = span(stall);
    value["group"] = json!(cast.groups[stall.group.index()].name);
    value["partition"] = json!(partition(cast, stall.partition));
    value["measured_us"] = json!(counted(played, stall));
    value["ended"] = json!(stall.ended.and_then(|index| numbers.get(&index)));
    value["causes"] = Value::Object(causes.collect());
    value["parts"] = json!(parts.collect::<Vec<_>>());
    value["events"] = json!(told.collect::<Vec<_>>());
    value
}

/// One part; `began` is the number of an event in the list, from 0, `null` when the run began so.
fn part(played: Played<'_>, stall: &Stall, leg: &Leg, numbers: &BTreeMap<usize, usize>) -> Value {
    let cast = &played.timeline.cast;
    let setting = setting(played, stall, leg);
    let setting = setting.map(|(key, value)| json!({ "key": key, "value": value }));
    let since = leg.since.filter(|since| Some(*since) != leg.began);
    json!({
        "from_us": leg.from.as_micros(),
        "to_us": leg.to.as_micros(),
        "us": leg.micros(),
        "cause": leg.cause.word(),
        "need": leg.need.words(),
        "member": leg.who.map(|who| member(cast, who)),
        "words": words::need(cast, leg),
        "setting": setting,
        "began": leg.began.and_then(|index| numbers.get(&index)),
        "since": since.map(|index| event(played, stall, index)),
    })
}

/// An event as `--format ndjson` has it, with its words, and where the scenario says so.
fn event(played: Played<'_>, stall: &Stall, index: usize) -> Value {
    let timeline = played.timeline;
    let entry = &timeline.entries[index];
    let observation = events::told_of(stall.partition, &entry.observation);
    let mut line = ndjson::object(&timeline.cast, entry.at, &observation);
    let (who, what) = events::event(&timeline.cast, &observation);
    line.insert("words".to_owned(), json!(format!("{who} {what}")));
    if let Some(pointer) = pointer(played, &observation) {
        if let Some(place) = played.places.get(&pointer) {
            line.insert("place".to_owned(), json!(place));
        }
        line.insert("pointer".to_owned(), json!(pointer));
    }
    Value::Object(line)
}
