//! What an assignor returned, for programs (one JSON line) and for people (who gets what, what moved, how balanced).

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::assignor::{AssignmentInput, TopicPartition};
use crate::kernel::words::counted;

/// `{"assignment":{"member":["topic-0", ...], ...}}` without a line end: members in the order of the input, partitions
/// in the order of `lists`.
#[must_use]
pub fn json_line(input: &AssignmentInput, lists: &[Vec<TopicPartition>]) -> String {
    serde_json::to_string(&Line { input, lists }).unwrap_or_else(|error| {
        unreachable!("maps with string keys and lists of strings always serialize: {error}")
    })
}

struct Line<'a> {
    input: &'a AssignmentInput,
    lists: &'a [Vec<TopicPartition>],
}

struct Members<'a>(&'a Line<'a>);

struct List<'a>(&'a AssignmentInput, &'a [TopicPartition]);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("assignment", &Members(self))?;
        map.end()
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Line { input, lists } = self.0;
        let mut map = serializer.serialize_map(Some(input.members.len()))?;
        for (member, list) in input.members.iter().zip(*lists) {
            map.serialize_entry(member.id.as_str(), &List(input, list))?;
        }
        map.end()
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.1.len()))?;
        for partition in self.1 {
            let topic = &self.0.topics[partition.topic.index()].name;
            sequence.serialize_element(&format_args!("{topic}-{}", partition.partition))?;
        }
        sequence.end()
    }
}

/// Sizes of the lists: how even the assignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Partitions of the member with fewest.
    pub min: usize,
    /// Partitions of the member with most.
    pub max: usize,
}

impl Balance {
    /// The balance of one list for each member; zeros when there is no member.
    #[must_use]
    pub fn of(lists: &[Vec<TopicPartition>]) -> Self {
        let sizes = lists.iter().map(Vec::len);
        Self {
            min: sizes.clone().min().unwrap_or(0),
            max: sizes.max().unwrap_or(0),
        }
    }

    /// Most less fewest.
    #[must_use]
    pub const fn imbalance(self) -> usize {
        self.max - self.min
    }
}

/// A table: for each member its partitions, what it gained and what it lost against what it owned; then what moved
/// between members, what nobody has, and the balance. Runs are compressed: `orders-0..5`.
#[must_use]
pub fn table(assignor: &str, input: &AssignmentInput, lists: &[Vec<TopicPartition>]) -> String {
    let changes = Changes::new(input, lists);
    let mut text = format!(
        "{assignor}: {}, {} of {}\n\n",
        counted(input.members.len(), "member"),
        counted(changes.all.len(), "partition"),
        counted(changes.topics, "topic"),
    );
    let mut rows = vec![["member", "count", "gained", "lost", "partitions"].map(str::to_owned)];
    for ((member, list), owned) in input.members.iter().zip(lists).zip(&changes.owned) {
        let held: Vec<TopicPartition> = sorted(list);
        let gained = held
            .iter()
            .filter(|held| owned.binary_search(held).is_err())
            .count();
        let lost = owned
            .iter()
            .filter(|owned| held.binary_search(owned).is_err())
            .count();
        let instance = member.instance.as_ref();
        rows.push([
            instance.map_or_else(
                || member.id.to_string(),
                |instance| format!("{} ({instance})", member.id),
            ),
            list.len().to_string(),
            gained.to_string(),
            lost.to_string(),
            runs(input, &held),
        ]);
    }
    write_rows(&mut text, &rows);
    text.push('\n');
    let claimed = changes.owned.iter().map(Vec::len).sum::<usize>();
    if claimed == 0 {
        text.push_str("moved: nothing was owned before\n");
    } else {
        let moved = changes.moved.values().map(Vec::len).sum::<usize>();
        let _ = writeln!(text, "moved: {moved} of {}", changes.all.len());
    }
    for ((from, to), partitions) in &changes.moved {
        let name = |member: usize| &input.members[member].id;
        let (from, to) = (name(*from), name(*to));
        let _ = writeln!(text, "  {}: {from} -> {to}", runs(input, partitions));
    }
    if !changes.nobody.is_empty() {
        let _ = writeln!(text, "held by nobody: {}", runs(input, &changes.nobody));
    }
    let balance = Balance::of(lists);
    let _ = writeln!(
        text,
        "balance: min {}, max {}, imbalance {}",
        balance.min,
        balance.max,
        balance.imbalance()
    );
    text
}

/// An assignment against what was owned before.
struct Changes {
    /// Every partition of a subscribed topic.
    all: Vec<TopicPartition>,
    /// Number of subscribed topics that exist.
    topics: usize,
    /// What each member owned before, sorted, of what exists.
    owned: Vec<Vec<TopicPartition>>,
    /// By owner before and after.
    moved: BTreeMap<(usize, usize), Vec<TopicPartition>>,
    /// In no list.
    nobody: Vec<TopicPartition>,
}

impl Changes {
    fn new(input: &AssignmentInput, lists: &[Vec<TopicPartition>]) -> Self {
        let mut subscribed = vec![false; input.topics.len()];
        for topic in input.members.iter().flat_map(|member| &member.topics) {
            subscribed[topic.index()] = input.topics[topic.index()].partitions > 0;
        }
        let all: Vec<TopicPartition> = (0..)
            .map(crate::assignor::TopicId)
            .zip(&input.topics)
            .filter(|(topic, _)| subscribed[topic.index()])
            .flat_map(|(topic, description)| {
                (0..description.partitions)
                    .map(move |partition| TopicPartition { topic, partition })
            })
            .collect();
        let owned: Vec<Vec<TopicPartition>> = input
            .members
            .iter()
            .map(|member| {
                let mut owned = sorted(&member.owned);
                owned.retain(|held| held.partition < input.topics[held.topic.index()].partitions);
                owned.dedup();
                owned
            })
            .collect();
        let (before, after) = (holders(&owned), holders(lists));
        let mut moved: BTreeMap<(usize, usize), Vec<TopicPartition>> = BTreeMap::new();
        let mut nobody = Vec::new();
        for &partition in &all {
            let Some(now) = after.get(&partition) else {
                nobody.push(partition);
                continue;
            };
            if let Some(then) = before.get(&partition)
                && !then.contains(&now[0])
            {
                moved.entry((then[0], now[0])).or_default().push(partition);
            }
        }
        Self {
            topics: subscribed.iter().filter(|&&subscribed| subscribed).count(),
            all,
            owned,
            moved,
            nobody,
        }
    }
}

/// Positions of the lists that hold each partition, first one first.
fn holders(lists: &[Vec<TopicPartition>]) -> BTreeMap<TopicPartition, Vec<usize>> {
    let mut holders: BTreeMap<TopicPartition, Vec<usize>> = BTreeMap::new();
    for (position, list) in lists.iter().enumerate() {
        for &partition in list {
            holders.entry(partition).or_default().push(position);
        }
    }
    holders
}

fn sorted(list: &[TopicPartition]) -> Vec<TopicPartition> {
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    sorted
}

/// Sorted partitions with runs compressed: `orders-0..5 payments-2`; `-` for none.
#[must_use]
pub fn runs(input: &AssignmentInput, sorted: &[TopicPartition]) -> String {
    let follows = |a: &TopicPartition, b: &TopicPartition| {
        a.topic == b.topic && a.partition.checked_add(1) == Some(b.partition)
    };
    let texts: Vec<String> = sorted
        .chunk_by(follows)
        .map(|run| {
            let (first, last) = (run[0], run[run.len() - 1]);
            let topic = &input.topics[first.topic.index()].name;
            if run.len() == 1 {
                format!("{topic}-{}", first.partition)
            } else {
                format!("{topic}-{}..{}", first.partition, last.partition)
            }
        })
        .collect();
    if texts.is_empty() {
        "-".to_owned()
    } else {
        texts.join(" ")
    }
}

/// Columns two spaces apart, numbers to the right, the last column as long as it is.
fn write_rows<const N: usize>(text: &mut String, rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                last if last == N - 1 => write!(text, "  {cell}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
}
