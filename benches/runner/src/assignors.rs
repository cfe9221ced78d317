//! (b) Assignors at 1,000 members and 10,000 partitions in 10 topics, against Kafka's own classes on the same groups.

use rebsim::assignor::{
    AssignmentInput, AssignorKind, AssignorMemory, MemberDescription, MemberId, ServerAssignorKind,
    TopicDescription, TopicId, TopicPartition, TopicUuid, assign, assign_on_server,
};

use crate::table::Row;
use crate::{clock, rivals};

const MEMBERS: usize = 1_000;
const PARTITIONS: u32 = 10_000;
const TOPICS: u32 = 10;
const ROUNDS: usize = 20;

enum Assignor {
    Client(AssignorKind),
    Server(ServerAssignorKind),
}

impl Assignor {
    fn assign(&self, input: &AssignmentInput) -> Vec<Vec<TopicPartition>> {
        match self {
            Self::Client(kind) => assign(*kind, input, &mut AssignorMemory::default()),
            Self::Server(kind) => assign_on_server(*kind, input),
        }
    }
}

/// `members` of which those with a list in `owned` have it.
fn group(members: usize, owned: &[Vec<TopicPartition>]) -> AssignmentInput {
    let topics = (0..TOPICS).map(|number| TopicDescription {
        name: format!("topic-{number}"),
        id: TopicUuid {
            most_significant: u64::from(number) + 1,
            least_significant: u64::from(number) + 1,
        },
        partitions: PARTITIONS / TOPICS,
        racks: Vec::new(),
    });
    let members = (0..members).map(|number| {
        let owned = owned.get(number).cloned().unwrap_or_default();
        let generation = if owned.is_empty() { -1 } else { 5 };
        MemberDescription {
            id: MemberId::new(&format!("member-{number:05}")),
            instance: None,
            rack: None,
            topics: (0..TOPICS).map(TopicId).collect(),
            owned,
            generation,
            subscription_generation: generation,
        }
    });
    AssignmentInput {
        mixed_patterns: false,
        topics: topics.collect(),
        members: members.collect(),
        loads: Vec::new(),
    }
}

/// The rows.
pub fn rows() -> Vec<Row> {
    let kafka = rivals::kafka(MEMBERS, PARTITIONS as usize);
    let theirs = |name: &str, event: &str| {
        let lines = kafka.as_ref()?;
        let line = lines.iter().find(|line| line.0 == name && line.1 == event);
        line.map(|line| line.2 / 1e3)
    };
    let mut rows = Vec::new();
    for (name, assignor, keeps) in [
        ("range", Assignor::Client(AssignorKind::Range), false),
        (
            "cooperative-sticky",
            Assignor::Client(AssignorKind::CooperativeSticky),
            true,
        ),
        (
            "uniform",
            Assignor::Server(ServerAssignorKind::Uniform),
            true,
        ),
        (
            "server-range",
            Assignor::Server(ServerAssignorKind::Range),
            false,
        ),
    ] {
        let empty = group(MEMBERS, &[]);
        let lists = assignor.assign(&empty);
        let owned = if keeps { lists } else { Vec::new() };
        let joined = group(MEMBERS + 1, &owned);
        for (event, input, target) in [("full", &empty, 60.0), ("join", &joined, 30.0)] {
            let digest =
                |lists: Vec<Vec<TopicPartition>>| lists.iter().map(|list| list.len() as u64).sum();
            let ours = clock::least(ROUNDS, 1_000.0, || digest(assignor.assign(input)));
            let what = match event {
                "full" => format!("{name}: everything anew"),
                _ => format!("{name}: one more member joins"),
            };
            let row = Row::new("b", what, ours, "us");
            let row = row.against("Kafka 4.1.1", ours, theirs(name, event), "us");
            rows.push(row.at_most(ours, target, "us"));
        }
    }
    rows
}
