//! A group at an instant in the layout of `kafka-consumer-groups.sh --describe` (`ConsumerGroupCommand`): its columns, widths and
//! blanks, so that scripts that read the one read the other.
//!
//! Two things differ because a simulation has them not: hosts are `/` and the scenario's `host` (else the client's name), and members
//! with equally many partitions come in order of their ids (Kafka: of a hash map). The same as one document is in its own file.

mod json;

pub use json::document;

use crate::assignor::{GroupId, MemberId, TopicPartition};
use crate::metrics::roster::{Roster, Seat};
use crate::scenario::plan::Plan;
use crate::timeline::{Cast, GroupState, Sample};

const MISSING: &str = "-";

/// A group at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// What is played.
    pub plan: &'a Plan,
    /// Names and constants; pods bring members that no plan lists.
    pub cast: &'a Cast,
    /// The group.
    pub group: GroupId,
    /// Its coordinator's book.
    pub roster: &'a Roster,
    /// Offsets of its partitions.
    pub offsets: &'a [Sample],
    /// Id of the broker that coordinates it, or did last.
    pub coordinator: u32,
}

/// What the command says beside the table: that nobody is there, or that the group is rebalancing.
#[must_use]
pub fn warning(described: Described<'_>) -> Option<String> {
    let name = described.name();
    match described.roster.state {
        GroupState::Stable => None,
        GroupState::Empty => Some(format!("Consumer group '{name}' has no active members.")),
        GroupState::Dead => Some(format!("Consumer group '{name}' does not exist.")),
        GroupState::PreparingRebalance
        | GroupState::CompletingRebalance
        | GroupState::Assigning
        | GroupState::Reconciling => {
            Some(format!("Warning: Consumer group '{name}' is rebalancing."))
        }
    }
}

impl Described<'_> {
    fn name(&self) -> &str {
        &self.plan.groups[self.group.index()].name
    }

    /// A classic group tells assignments only while it is stable.
    fn assigned<'s>(&self, seat: &'s Seat) -> &'s [TopicPartition] {
        if self.roster.incremental || self.roster.state == GroupState::Stable {
            &seat.assigned
        } else {
            &[]
        }
    }

    /// `client.id` is the name within the group.
    fn client_id(&self, seat: &Seat) -> &str {
        let facts = self.cast.consumers.get(seat.consumer.index());
        let name = facts.map_or(MISSING, |facts| &facts.name);
        name.strip_prefix(self.name())
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(name)
    }

    fn host(&self, seat: &Seat) -> String {
        let consumer = self.plan.consumers.get(seat.consumer.index());
        let host = consumer.and_then(|consumer| consumer.host.as_deref());
        format!("/{}", host.unwrap_or(self.client_id(seat)))
    }

    fn instance(&self, seat: &Seat) -> &str {
        let facts = self.cast.consumers.get(seat.consumer.index());
        facts
            .and_then(|facts| facts.instance.as_deref())
            .unwrap_or("")
    }

    fn topic(&self, partition: TopicPartition) -> &str {
        &self.plan.topics[partition.topic.index()].name
    }

    /// By topic name, then number.
    fn in_order(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let mut list = partitions.to_vec();
        list.sort_by_key(|one| (self.topic(*one).to_owned(), one.partition));
        list
    }
}

/// A table: each cell padded to the width of its column, a blank between, nothing after the last.
fn table(widths: &[usize], rows: &[Vec<String>]) -> String {
    let mut text = String::from("\n");
    for row in rows {
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(&format!("{cell:<width$}"));
        }
        text.push('\n');
    }
    text
}

fn widest(least: usize, rows: &[Vec<String>], column: usize) -> usize {
    let cells = rows.iter().skip(1).map(|row| row[column].chars().count());
    cells.max().unwrap_or(0).max(least)
}

fn words(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// `--describe`: one row a partition.
#[must_use]
pub fn offsets(described: Described<'_>, verbose: bool) -> String {
    let mut head = words(&["GROUP", "TOPIC", "PARTITION"]);
    if verbose {
        head.push("LEADER-EPOCH".to_owned());
    }
    head.extend(words(&[
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]));
    let mut rows = vec![head];
    let mut seats: Vec<(&MemberId, &Seat)> = described.roster.members.iter().collect();
    seats.sort_by_key(|(_, seat)| std::cmp::Reverse(described.assigned(seat).len()));
    let mut owned = Vec::new();
    for (member_id, seat) in seats {
        for partition in described.in_order(described.assigned(seat)) {
            owned.push(partition);
            let whose = [
                member_id.as_str().to_owned(),
                described.host(seat),
                described.client_id(seat).to_owned(),
            ];
            rows.push(offset_row(described, partition, whose, verbose));
        }
    }
    let committed: Vec<TopicPartition> = described
        .offsets
        .iter()
        .filter(|sample| sample.committed.is_some() && !owned.contains(&sample.partition))
        .map(|sample| sample.partition)
        .collect();
    for partition in described.in_order(&committed) {
        let nobody = [MISSING, MISSING, MISSING].map(str::to_owned);
        rows.push(offset_row(described, partition, nobody, verbose));
    }
    if rows.len() == 1 {
        return String::new();
    }
    let numbers = if verbose { 4 } else { 3 };
    let mut widths = vec![widest(15, &rows, 0), widest(15, &rows, 1), 10];
    widths.extend(vec![15; numbers]);
    widths.push(widest(15, &rows, 3 + numbers));
    widths.push(widest(15, &rows, 4 + numbers));
    widths.push(0);
    table(&widths, &rows)
}

fn offset_row(
    described: Described<'_>,
    partition: TopicPartition,
    whose: [String; 3],
    verbose: bool,
) -> Vec<String> {
    let sample = described
        .offsets
        .iter()
        .find(|sample| sample.partition == partition);
    let committed = sample.and_then(|sample| sample.committed);
    let end = sample.map(|sample| sample.log_end);
    let lag = committed
        .zip(end)
        .map(|(offset, end)| end.saturating_sub(offset));
    let mut row = vec![
        described.name().to_owned(),
        described.topic(partition).to_owned(),
        partition.partition.to_string(),
    ];
    if verbose {
        // Leaders of partitions do not change here, and have no epochs.
        row.push(MISSING.to_owned());
    }
    row.extend([figure(committed), figure(end), figure(lag)]);
    row.extend(whose);
    row
}

/// A column of `--members`.
struct Column {
    title: &'static str,
    least: usize,
    /// Its width follows from what is in it; numbers and epochs have one of their own.
    grows: bool,
    cell: fn(Described<'_>, &MemberId, &Seat) -> String,
}

const fn column(
    title: &'static str,
    least: usize,
    cell: fn(Described<'_>, &MemberId, &Seat) -> String,
) -> Column {
    Column {
        title,
        least,
        grows: true,
        cell,
    }
}

/// A number, or whether something is so.
fn figure<T: ToString>(value: Option<T>) -> String {
    value.map_or(MISSING.to_owned(), |value| value.to_string())
}

/// The columns of `--members`, by what the members of the group are like.
fn columns(described: Described<'_>, verbose: bool) -> Vec<Column> {
    const fn fixed(column: Column) -> Column {
        Column {
            grows: false,
            ..column
        }
    }
    let seats = &described.roster.members;
    let mut each = seats.values();
    let is_static = each.any(|seat| !described.instance(seat).is_empty());
    let speaks = |wanted: bool| seats.values().any(|seat| seat.upgraded == Some(wanted));
    let is_mixed = speaks(true) && speaks(false);
    let mut columns = vec![
        column("GROUP", 15, |all, _, _| all.name().to_owned()),
        column("CONSUMER-ID", 15, |_, id, _| id.as_str().to_owned()),
    ];
    if is_static {
        columns.push(column("GROUP-INSTANCE-ID", 17, |all, _, seat| {
            all.instance(seat).to_owned()
        }));
    }
    columns.extend([
        column("HOST", 15, |all, _, seat| all.host(seat)),
        column("CLIENT-ID", 15, |all, _, seat| {
            all.client_id(seat).to_owned()
        }),
        fixed(column("#PARTITIONS", 15, |all, _, seat| {
            all.assigned(seat).len().to_string()
        })),
    ]);
    if verbose {
        columns.extend([
            fixed(column("CURRENT-EPOCH", 15, |_, _, seat| figure(seat.epoch))),
            column("CURRENT-ASSIGNMENT", 20, |all, _, seat| {
                assignment(all, all.assigned(seat))
            }),
            fixed(column("TARGET-EPOCH", 15, |all, _, _| {
                figure(all.roster.target_epoch)
            })),
            column("TARGET-ASSIGNMENT", 20, |all, _, seat| {
                assignment(all, &seat.target)
            }),
        ]);
        if is_mixed {
            columns.push(fixed(column("UPGRADED", 0, |_, _, seat| {
                figure(seat.upgraded)
            })));
        }
    }
    columns
}

/// `--describe --members`: one row a member.
#[must_use]
pub fn members(described: Described<'_>, verbose: bool) -> String {
    let columns = columns(described, verbose);
    let mut rows = vec![columns.iter().map(|one| one.title.to_owned()).collect()];
    for (id, seat) in &described.roster.members {
        let cells = columns.iter().map(|one| (one.cell)(described, id, seat));
        rows.push(cells.collect::<Vec<String>>());
    }
    let widths = columns.iter().enumerate().map(|(at, one)| match one.grows {
        true => widest(one.least, &rows, at),
        false => one.least,
    });
    let widths: Vec<usize> = widths.collect();
    let text = table(&widths, &rows);
    // The short form ends with a blank after its last column.
    if verbose {
        text
    } else {
        text.replace('\n', " \n").replacen(" \n", "\n", 1)
    }
}

/// `orders:0,1;payments:4`
fn assignment(described: Described<'_>, partitions: &[TopicPartition]) -> String {
    let mut text = String::new();
    let mut last = None;
    for one in described.in_order(partitions) {
        if last == Some(one.topic) {
            text.push(',');
        } else {
            if last.is_some() {
                text.push(';');
            }
            text.push_str(described.topic(one));
            text.push(':');
            last = Some(one.topic);
        }
        text.push_str(&one.partition.to_string());
    }
    if text.is_empty() {
        MISSING.to_owned()
    } else {
        text
    }
}

/// `--describe --state`: one row.
#[must_use]
pub fn state(described: Described<'_>, verbose: bool) -> String {
    let roster = described.roster;
    if roster.state == GroupState::Dead {
        return String::new();
    }
    let id = described.coordinator;
    let coordinator = format!("broker-{id}:9092  ({id})");
    let is_told = roster.incremental || roster.state == GroupState::Stable;
    let strategy = roster.assignor.filter(|_| is_told).unwrap_or(MISSING);
    let mut head = words(&["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE"]);
    let mut row = vec![
        described.name().to_owned(),
        coordinator,
        strategy.to_owned(),
        roster.state.word().to_owned(),
    ];
    let mut least = vec![15, 25, 20, 20];
    if verbose {
        head.extend(words(&["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]));
        let epoch = roster.incremental.then_some(roster.generation);
        row.extend([figure(epoch), figure(roster.target_epoch)]);
        least.extend([15, 25]);
    }
    head.push("#MEMBERS".to_owned());
    row.push(roster.members.len().to_string());
    least.push(0);
    let rows = vec![head, row];
    for (column, least) in least.iter_mut().take(2).enumerate() {
        *least = widest(*least, &rows, column);
    }
    table(&least, &rows)
}
