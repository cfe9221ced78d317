//! Where a simulated run parts from its recording: the step of a member that came at another time, or the coordinator's events that changed places, before
//! structure or order became another one; and which kind of race decided it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{KINDS, coordinator_event, instant, partitions, word};
use super::{Parting, Race, Sides};

/// A client of the consumer protocol wakes in steps of 100 ms: who is off by more than this took another step.
const ANOTHER_STEP_MS: f64 = 40.0;

impl Race {
    /// What the race is about.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::FirstJoin => "first join",
            Self::AfterRevocation => "after a revocation",
            Self::WithoutPartitions => "without partitions",
            Self::Owner => "owner",
            Self::Absence => "after an absence",
            Self::Messages => "two messages",
        }
    }
}

/// A step of a member's, as it was simulated beside as it was recorded.
struct Pair {
    who: String,
    parting: Parting,
}

/// Where the run parts from its recording; `None` when structure and order are the recorded ones. `structure` holds the members whose sequence differs.
pub(super) fn parting(sides: &Sides<'_>, structure: &[&str]) -> Option<Parting> {
    let disorder = disorder(sides);
    if disorder.is_none() && structure.is_empty() {
        return None;
    }
    let (limit, named) = match &disorder {
        Some(disorder) => (disorder.recorded_ms, disorder.members.clone()),
        None => (
            f64::INFINITY,
            structure.iter().map(|&name| name.to_owned()).collect(),
        ),
    };
    let pairs = pairs(sides);
    let before = |pair: &&Pair| {
        let simulated = pair.parting.simulated_ms.unwrap_or(f64::INFINITY);
        pair.parting.recorded_ms.min(simulated) <= limit
    };
    let concerned = |pair: &&Pair| named.contains(&pair.who);
    let last = pairs
        .iter()
        .filter(before)
        .rfind(concerned)
        .or_else(|| pairs.iter().rfind(|pair| before(pair)));
    match (last, disorder) {
        (Some(pair), _) => Some(pair.parting.clone()),
        (None, Some(disorder)) => Some(disorder.parting),
        (None, None) => None,
    }
}

/// The first of the coordinator's events that are in another order.
struct Disorder {
    recorded_ms: f64,
    /// Whom the two events are about.
    members: Vec<String>,
    parting: Parting,
}

fn disorder(sides: &Sides<'_>) -> Option<Disorder> {
    let said = |events: &[Value]| -> Vec<(String, f64, String)> {
        let said = |event: &Value| {
            let id = word(event, "member_id").to_owned();
            Some((coordinator_event(event)?, instant(event), id))
        };
        events.iter().filter_map(said).collect()
    };
    let (recorded, simulated) = (said(sides.recorded), said(sides.simulated));
    let alike = recorded
        .iter()
        .zip(&simulated)
        .take_while(|(one, other)| one.0 == other.0)
        .count();
    let (here, there) = (recorded.get(alike), simulated.get(alike));
    let recorded_ms = here.or(there)?.1;
    let names = names(sides.recorded);
    let members = [here, there].into_iter().flatten();
    let members = members.filter_map(|event| names.get(event.2.as_str()).cloned());
    let twin = here.and_then(|here| simulated.iter().skip(alike).find(|twin| twin.0 == here.0));
    let mut what = here.map_or("the end", |here| here.0.as_str()).to_owned();
    for (id, name) in &names {
        what = what.replace(&format!("\"{id}\""), name);
    }
    Some(Disorder {
        recorded_ms,
        members: members.collect(),
        parting: Parting {
            race: Race::Messages,
            what: what.replace('"', ""),
            recorded_ms,
            simulated_ms: twin.map(|twin| twin.1),
        },
    })
}

/// Member ids and whose they are.
fn names(events: &[Value]) -> BTreeMap<&str, String> {
    let of = |event| Some((word(event, "member_id"), word(event, "who").to_owned()));
    let named = events
        .iter()
        .filter(|event| !word(event, "who").is_empty() && !word(event, "member_id").is_empty());
    named.filter_map(of).collect()
}

/// What a member has been through up to a step.
#[derive(Clone, Default)]
struct Past {
    owned: Vec<String>,
    last: String,
}

impl Past {
    fn race(&self, what: &str) -> Race {
        match (what, self.last.as_str()) {
            (_, "lost" | "error") | ("lost" | "error", _) => Race::Absence,
            ("assigned", "start") => Race::FirstJoin,
            ("assigned", "revoked") => Race::AfterRevocation,
            ("assigned", _) if self.owned.is_empty() => Race::WithoutPartitions,
            (_, _) => Race::Owner,
        }
    }

    fn go_on(&mut self, event: &Value) {
        what_is_owned(&mut self.owned, event);
        word(event, "what").clone_into(&mut self.last);
    }
}

fn what_is_owned(owned: &mut Vec<String>, event: &Value) {
    let named: Vec<&str> = partitions(event);
    match word(event, "what") {
        "assigned" => owned.extend(named.into_iter().map(str::to_owned)),
        "revoked" => owned.retain(|one| !named.contains(&one.as_str())),
        _ => owned.clear(),
    }
}

/// The steps of members that were taken at another time, or were others, in the order of their recorded time.
fn pairs(sides: &Sides<'_>) -> Vec<Pair> {
    let steps = |events: &'_ [Value]| -> BTreeMap<String, Vec<Value>> {
        let mut steps: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in events {
            let what = word(event, "what");
            if word(event, "at") == "member" && (what == "start" || KINDS.contains(&what)) {
                let who = word(event, "who").to_owned();
                steps.entry(who).or_default().push(event.clone());
            }
        }
        steps
    };
    let (recorded, simulated) = (steps(sides.recorded), steps(sides.simulated));
    let mut pairs = Vec::new();
    for (who, steps) in &recorded {
        let mut past = Past::default();
        let twins = simulated.get(who).map(Vec::as_slice).unwrap_or_default();
        for (place, step) in steps.iter().enumerate() {
            let what = word(step, "what");
            let twin = twins.get(place);
            let alike = twin.is_some_and(|twin| {
                word(twin, "what") == what && partitions(twin) == partitions(step)
            });
            let apart =
                twin.is_none_or(|twin| (instant(twin) - instant(step)).abs() > ANOTHER_STEP_MS);
            if what != "start" && (!alike || apart) {
                pairs.push(Pair {
                    who: who.clone(),
                    parting: Parting {
                        race: past.race(what),
                        what: format!("{who} {what} [{}]", partitions(step).join(", ")),
                        recorded_ms: instant(step),
                        simulated_ms: twin.map(instant),
                    },
                });
            }
            if !alike {
                break;
            }
            past.go_on(step);
        }
    }
    pairs.sort_by(|one, other| {
        one.parting
            .recorded_ms
            .total_cmp(&other.parting.recorded_ms)
    });
    pairs
}
