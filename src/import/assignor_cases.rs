//! Assignment cases, one JSON object a line: the format of the golden files made with Kafka's own assignor classes.
//!
//! For the assignors that are not Kafka's a topic also has what they go by, one number of records for each partition: `lag` for
//! `x-lag-aware`, `weight` for `x-weighted`.
//!
//! Parses and checks one line at a time, so any number of cases streams through. Unknown fields (`step`, `assignment`)
//! are skipped. It refuses what no group could look like and says which line and why; it never panics.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::assignor::{
    AssignmentInput, AssignorKind, AssignorMemory, Measure, MemberDescription, MemberId,
    ServerAssignorKind, TopicDescription, TopicId, TopicPartition, TopicUuid, assign,
    assign_on_server,
};
use crate::kernel::words::{counted, ordinal};

/// Partitions that one case may have over all its topics; about what the largest Kafka clusters hold.
pub const MAX_PARTITIONS: u64 = 10_000_000;

/// An assignor of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseAssignor {
    /// One that the leader of a classic group runs.
    Client(AssignorKind),
    /// One that the coordinator of a consumer group runs.
    Server(ServerAssignorKind),
}

impl CaseAssignor {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 8] = [
        Self::Client(AssignorKind::Range),
        Self::Client(AssignorKind::RoundRobin),
        Self::Client(AssignorKind::Sticky),
        Self::Client(AssignorKind::CooperativeSticky),
        Self::Server(ServerAssignorKind::Uniform),
        Self::Server(ServerAssignorKind::Range),
        Self::Client(AssignorKind::LagAware),
        Self::Client(AssignorKind::Weighted),
    ];

    /// The name in the format. The server's `range` is `server-range` here.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client(kind) => kind.name(),
            Self::Server(ServerAssignorKind::Uniform) => "uniform",
            Self::Server(ServerAssignorKind::Range) => "server-range",
        }
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignorCase {
    /// Who assigns.
    pub assignor: CaseAssignor,
    /// To whom, of what.
    pub input: AssignmentInput,
}

impl AssignorCase {
    /// Runs the assignor, without any memory of rebalances before: one list for each member, in the case's order.
    #[must_use]
    pub fn run(&self) -> Vec<Vec<TopicPartition>> {
        match self.assignor {
            CaseAssignor::Client(kind) => assign(kind, &self.input, &mut AssignorMemory::default()),
            CaseAssignor::Server(kind) => assign_on_server(kind, &self.input),
        }
    }
}

/// Why a line is no case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CaseError {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads the line numbered `line` (from 1); `None` when it is blank.
///
/// # Errors
/// When the line is no JSON object of the format, or describes what cannot be.
pub fn parse_line(line: u64, text: &[u8]) -> Result<Option<AssignorCase>, CaseError> {
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    let case = serde_json::from_slice(text)
        .map_err(|error| bad_json(&error))
        .and_then(|raw| check(&raw));
    case.map(Some).map_err(|reason| CaseError { line, reason })
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `assignor`, `topics` and `members`")]
struct RawCase {
    assignor: String,
    topics: Vec<RawTopic>,
    members: Vec<RawMember>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `name` and `partitions`")]
struct RawTopic {
    name: String,
    id: Option<String>,
    partitions: i64,
    #[serde(default)]
    racks: Vec<Vec<String>>,
    lag: Option<Vec<u64>>,
    weight: Option<Vec<u64>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `id`")]
struct RawMember {
    id: String,
    instance: Option<String>,
    rack: Option<String>,
    topics: Vec<String>,
    #[serde(default)]
    owned: Vec<String>,
    generation: Option<i32>,
    /// Not in the golden files, where `sticky` sees none and `cooperative-sticky` that of the claim.
    subscription_generation: Option<i32>,
}

fn bad_json(error: &serde_json::Error) -> String {
    // the parser counts lines within the text that it was given, which is one line
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => format!("{} at column {}", &text[..end], error.column()),
        None => text,
    }
}

fn check(raw: &RawCase) -> Result<AssignorCase, String> {
    let known = CaseAssignor::ALL;
    let assignor = known
        .into_iter()
        .find(|assignor| assignor.name() == raw.assignor)
        .ok_or_else(|| {
            let names = known.map(CaseAssignor::name).join(", ");
            format!("unknown assignor `{}` (known: {names})", raw.assignor)
        })?;
    let measure = match assignor {
        CaseAssignor::Client(kind) => kind.measure(),
        CaseAssignor::Server(_) => None,
    };
    let mut topics = Topics::default();
    let mut loads = Vec::new();
    for topic in &raw.topics {
        topics.add(topic, matches!(assignor, CaseAssignor::Server(_)))?;
        if let Some(measure) = measure {
            loads.push(loads_of(topic, measure)?);
        }
    }
    for name in raw.members.iter().flat_map(|member| &member.topics) {
        topics.add_missing(name);
    }
    let mut ids = BTreeMap::new();
    let mut members = Vec::with_capacity(raw.members.len());
    for member in &raw.members {
        if member.id.is_empty() {
            return Err("a member has an empty id".to_owned());
        }
        if ids.insert(member.id.as_str(), ()).is_some() {
            return Err(format!("two members have the id `{}`", member.id));
        }
        members.push(check_member(member, &topics, assignor)?);
    }
    Ok(AssignorCase {
        assignor,
        input: AssignmentInput {
            mixed_patterns: false,
            topics: topics.list,
            members,
            loads,
        },
    })
}

/// What a custom assignor goes by; `raw` is a topic that was found sound.
fn loads_of(raw: &RawTopic, measure: Measure) -> Result<Vec<u64>, String> {
    let (field, partitions) = (measure.name(), raw.partitions);
    let given = match measure {
        Measure::Lag => &raw.lag,
        Measure::Weight => &raw.weight,
    };
    match given {
        Some(loads) if i64::try_from(loads.len()) == Ok(partitions) => Ok(loads.clone()),
        Some(loads) => Err(format!(
            "topic `{}`: `{field}` of {}, but it has {partitions}",
            raw.name,
            counted(loads.len(), "partition")
        )),
        None if partitions == 0 => Ok(Vec::new()),
        None => Err(format!(
            "topic `{}`: no `{field}`, and the assignor goes by it",
            raw.name
        )),
    }
}

fn check_member(
    raw: &RawMember,
    topics: &Topics,
    assignor: CaseAssignor,
) -> Result<MemberDescription, String> {
    let in_member = |reason: String| format!("member `{}`: {reason}", raw.id);
    let owned: Result<Vec<_>, _> = raw
        .owned
        .iter()
        .map(|text| topics.partition(text))
        .collect();
    let generation = raw.generation.unwrap_or(-1);
    let subscription_generation = match (raw.subscription_generation, assignor) {
        (Some(given), _) => given,
        (None, CaseAssignor::Client(AssignorKind::CooperativeSticky)) => generation,
        (None, _) => -1,
    };
    if let Some(bad) = [generation, subscription_generation]
        .into_iter()
        .find(|&it| it < -1)
    {
        return Err(in_member(format!("generation {bad} (-1 stands for none)")));
    }
    Ok(MemberDescription {
        id: MemberId::new(&raw.id),
        instance: raw.instance.clone(),
        rack: raw.rack.clone(),
        topics: raw.topics.iter().map(|name| topics.ids[name]).collect(),
        owned: owned.map_err(in_member)?,
        generation,
        subscription_generation,
    })
}

#[derive(Default)]
struct Topics {
    list: Vec<TopicDescription>,
    ids: BTreeMap<String, TopicId>,
    uuids: BTreeMap<TopicUuid, String>,
    partitions: u64,
}

impl Topics {
    fn add(&mut self, raw: &RawTopic, needs_id: bool) -> Result<(), String> {
        let name = &raw.name;
        let in_topic = |reason: String| Err(format!("topic `{name}`: {reason}"));
        if self.ids.contains_key(name) {
            return in_topic("listed twice".to_owned());
        }
        let Ok(partitions) = u32::try_from(raw.partitions) else {
            return in_topic(counted(raw.partitions, "partition"));
        };
        self.partitions += u64::from(partitions);
        if self.partitions > MAX_PARTITIONS {
            return in_topic(format!("more than {MAX_PARTITIONS} partitions in one case"));
        }
        if !raw.racks.is_empty() && raw.racks.len() != partitions as usize {
            return in_topic(format!(
                "`racks` of {}, but it has {partitions}",
                counted(raw.racks.len(), "partition")
            ));
        }
        let id = match &raw.id {
            Some(text) => match text.parse() {
                Ok(id) => id,
                Err(error) => return in_topic(format!("id `{text}`: {error}")),
            },
            None if needs_id => {
                return in_topic("no `id`, and server assignors need it".to_owned());
            }
            None => TopicUuid::ZERO,
        };
        if raw.id.is_some()
            && let Some(other) = self.uuids.insert(id, name.clone())
        {
            return in_topic(format!("has the id of `{other}`"));
        }
        self.push(name, id, partitions, raw.racks.clone());
        Ok(())
    }

    /// A topic that is subscribed to and does not exist.
    fn add_missing(&mut self, name: &str) {
        if !self.ids.contains_key(name) {
            self.push(name, TopicUuid::ZERO, 0, Vec::new());
        }
    }

    fn push(&mut self, name: &str, id: TopicUuid, partitions: u32, racks: Vec<Vec<String>>) {
        self.ids
            .insert(name.to_owned(), TopicId(self.list.len() as u32));
        self.list.push(TopicDescription {
            name: name.to_owned(),
            id,
            partitions,
            racks,
        });
    }

    /// Reads `topic-partition`. Names may hold dashes.
    fn partition(&self, text: &str) -> Result<TopicPartition, String> {
        let (name, number) = text
            .rsplit_once('-')
            .ok_or_else(|| format!("owns `{text}`, which is not `topic-partition`"))?;
        let partition: u32 = ordinal(number)
            .ok_or_else(|| format!("owns `{text}`, which is not `topic-partition`"))?;
        let &topic = self
            .ids
            .get(name)
            .ok_or_else(|| format!("owns `{text}`, but there is no topic `{name}`"))?;
        let count = self.list[topic.index()].partitions;
        if count > 0 && partition >= count {
            return Err(format!(
                "owns `{text}`, but `{name}` has {}",
                counted(count, "partition")
            ));
        }
        Ok(TopicPartition { topic, partition })
    }
}
