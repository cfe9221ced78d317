//! How far recordings of one script agree among themselves: what a simulation can meet at most.
//!
//! The repeats of a recording have other member ids and topic ids, which decide who gets what. Two of them take the same course when the callbacks of each member, or the coordinator's
//! events, follow each other alike, with as many partitions, members called by their names.

use std::collections::BTreeMap;

use rebsim::experiment::replay::Replayed;
use rebsim::import::recording::{RecordedRun, Recording};
use rebsim::report::fidelity::{COORDINATOR, KINDS};
use rebsim::report::table::{Align, Table};
use serde_json::Value;

/// A course: lines that two runs of one script may have in common.
type Course = Vec<String>;

fn word<'e>(event: &'e Value, field: &str) -> &'e str {
    event[field].as_str().unwrap_or_default()
}

/// Each member's callbacks, one member after the other.
fn structure(events: &[Value]) -> Course {
    let mut of_members: BTreeMap<&str, Course> = BTreeMap::new();
    for event in events {
        let what = word(event, "what");
        if word(event, "at") == "member" && KINDS.contains(&what) {
            let partitions = event["partitions"].as_array().map_or(0, Vec::len);
            let who = word(event, "who");
            let line = format!("{who} {what} {partitions} {}", word(event, "error"));
            of_members.entry(who).or_default().push(line);
        }
    }
    of_members.into_values().flatten().collect()
}

/// The coordinator's events as they come.
fn order(events: &[Value]) -> Course {
    let named = events.iter().filter(|event| word(event, "at") == "member");
    let names: BTreeMap<&str, &str> = named
        .map(|event| (word(event, "member_id"), word(event, "who")))
        .collect();
    let told = |value: &Value| match value {
        Value::Array(partitions) => partitions.len().to_string(),
        Value::String(id) => names.get(id.as_str()).unwrap_or(&id.as_str()).to_string(),
        other => other.to_string(),
    };
    let of_coordinator = events
        .iter()
        .filter(|event| word(event, "at") == "coordinator");
    let compared = of_coordinator.filter_map(|event| {
        let known = COORDINATOR.iter();
        let (what, fields) = known
            .clone()
            .find(|(what, _)| *what == word(event, "what"))?;
        let said: Vec<String> = fields.iter().map(|field| told(&event[*field])).collect();
        Some(format!("{what} {}", said.join(" ")))
    });
    compared.collect()
}

/// Of so many runs of a release, how many are met, by one measure.
#[derive(Debug)]
pub(crate) struct Agreement {
    measure: &'static str,
    runs: usize,
    /// The simulated run is the recorded one.
    own: usize,
    /// Or it takes the course of one of the repeats.
    any_repeat: usize,
    /// The recorded run takes the course of another repeat.
    by_another: usize,
}

/// By a course; `exactly` says whether a simulated run is the recorded one.
struct Measure {
    name: &'static str,
    course: fn(&[Value]) -> Course,
    exactly: fn(&Replayed) -> bool,
}

const MEASURES: [Measure; 2] = [
    Measure {
        name: "structure",
        course: structure,
        exactly: |run| run.fidelity.same_structure(),
    },
    Measure {
        name: "order",
        course: order,
        exactly: |run| run.fidelity.coordinator.is_none(),
    },
];

/// Structure and order of the runs of one release, of which `played` holds every repeat of every recording in order.
pub(crate) fn met(recordings: &[Recording], played: &[Replayed]) -> [Agreement; 2] {
    MEASURES.map(|measure| {
        let mut met = Agreement {
            measure: measure.name,
            runs: 0,
            own: 0,
            any_repeat: 0,
            by_another: 0,
        };
        let mut played = played.iter();
        for recording in recordings {
            let recorded = |run: &RecordedRun| (measure.course)(&run.events);
            let courses: Vec<Course> = recording.runs.iter().map(recorded).collect();
            for (repeat, played) in played.by_ref().take(courses.len()).enumerate() {
                let own = (measure.exactly)(played);
                let ours = (measure.course)(&played.events);
                let mut others = courses.iter().enumerate();
                let alike = |(other, course): (usize, &Course)| {
                    other != repeat && *course == courses[repeat]
                };
                met.runs += 1;
                met.own += usize::from(own);
                met.any_repeat += usize::from(own || courses.contains(&ours));
                met.by_another += usize::from(others.any(alike));
            }
        }
        assert!(played.next().is_none(), "every run has its recording");
        met
    })
}

/// A row for each release and measure.
pub(crate) fn table(releases: &[(&str, [Agreement; 2])]) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("Kafka", Align::Left),
        ("simulated: its own recording", Align::Right),
        ("simulated: that, or the course of a repeat", Align::Right),
        ("recorded: the course of another repeat", Align::Right),
    ]);
    for (release, agreements) in releases {
        for met in agreements {
            let share = |part: usize| format!("{part}/{} ({} %)", met.runs, part * 100 / met.runs);
            table.row(vec![
                met.measure.to_owned(),
                (*release).to_owned(),
                share(met.own),
                share(met.any_repeat),
                share(met.by_another),
            ]);
        }
    }
    table
}
