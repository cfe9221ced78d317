//! Which partition is served or down, when and why: spans of the whole run, and their sums within the measured window.
//!
//! Integers all the way: the causes of a partition add up to its downtime exactly.

use super::catch_up::{self, CatchUps};
use super::cause::{Cause, State};
use super::decimal::Decimal;
use super::delivery::{Scope, group_label};
use super::name::Aggregate;
use super::spans::{Spans, Turns};
use super::values::{Value, Values};
use super::world::World;
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{Observation, PartitionTotals, Reading, Timeline};

/// One interval without service of one partition, whatever the causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downtime {
    /// The group.
    pub group: GroupId,
    /// The partition.
    pub partition: TopicPartition,
    /// From.
    pub from: SimTime,
    /// To (exclusive).
    pub to: SimTime,
    /// Microseconds by cause, in the order of [`Cause::ALL`].
    pub causes: [u64; 8],
    /// Records due meanwhile.
    pub stalled: u64,
}

impl Downtime {
    /// Length in microseconds.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.to.since(self.from).as_micros()
    }
}

/// Sums of one partition of one group within the measured window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionAvailability {
    /// Microseconds during which the partition existed.
    pub existed_us: u64,
    /// Microseconds down by cause, in the order of [`Cause::ALL`].
    pub causes: [u64; 8],
    /// Microseconds down.
    pub down_us: u64,
    /// Records due during its downtimes.
    pub stalled: u64,
    /// The longest downtime, cut to the window; the earliest of equals.
    pub longest: Option<Downtime>,
    /// Until its lag was back at its level before a downtime, for downtimes that ended within the window.
    pub catch_ups: CatchUps,
}

/// What availability leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// States over the whole run, where somebody wants to see them.
    pub spans: Spans,
    /// Sums within the window, by (group, partition), sorted.
    pub partitions: Vec<((GroupId, TopicPartition), PartitionAvailability)>,
    /// Intervals within the window during which every partition of the group was down, by group.
    pub stops: Vec<Vec<(SimTime, SimTime)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Now {
    state: State,
    member: Option<ConsumerId>,
    since: SimTime,
}

/// A downtime that is not over.
#[derive(Clone, Copy, Debug)]
struct Open {
    from: SimTime,
    /// Where the log ended then.
    log_end: u64,
    /// Microseconds within the window by cause.
    causes: [u64; 8],
}

/// The fold.
#[derive(Debug)]
pub(super) struct Fold {
    now: Vec<Option<Now>>,
    /// `None`: nobody asks for them.
    spans: Option<Vec<Turns>>,
    /// Latest known log end, and what it was at the edges of the window and of each downtime.
    log_end: Vec<u64>,
    edges: [Vec<u64>; 2],
    window: (SimTime, SimTime),
    sums: Vec<PartitionAvailability>,
    open: Vec<Option<Open>>,
    /// Downtimes of the whole run, in order.
    down: Vec<Vec<(SimTime, SimTime)>>,
    /// By group: existing partitions, those down, since when all.
    tally: Vec<(u32, u32, Option<SimTime>)>,
    stops: Vec<Vec<(SimTime, SimTime)>>,
}

impl Fold {
    /// `keeps_spans`: somebody wants to see every span, not only what they add up to.
    pub(super) fn new(timeline: &Timeline, world: &World, keeps_spans: bool) -> Self {
        let slots = world.slots.len();
        let groups = timeline.cast.groups.len();
        Self {
            now: vec![None; slots],
            spans: keeps_spans.then(|| vec![Turns::default(); slots]),
            log_end: vec![0; slots],
            edges: [vec![0; slots], vec![0; slots]],
            window: timeline.measured,
            sums: vec![PartitionAvailability::default(); slots],
            open: vec![None; slots],
            down: vec![Vec::new(); slots],
            tally: vec![(0, 0, None); groups],
            stops: vec![Vec::new(); groups],
        }
    }

    /// Takes in where the logs end now, from samples.
    pub(super) fn read(&mut self, reading: &Reading, world: &World) {
        for sample in reading.samples() {
            if let Some(slot) = world.slot(sample.group, sample.partition) {
                self.log_end[slot] = self.log_end[slot].max(sample.log_end);
            }
        }
    }

    /// Takes in where a log ends now, from an observation.
    pub(super) fn observe(&mut self, observation: &Observation, world: &World) {
        let (Observation::Released {
            consumer, log_ends, ..
        }
        | Observation::Serving { consumer, log_ends }) = observation
        else {
            return;
        };
        let group = world.group_of(*consumer);
        for (partition, log_end) in log_ends.iter() {
            if let Some(slot) = world.slot(group, *partition) {
                self.log_end[slot] = self.log_end[slot].max(*log_end);
            }
        }
    }

    /// Keeps the log ends of one edge of the window: 0 its beginning, 1 its end.
    pub(super) fn edge(&mut self, which: usize) {
        self.edges[which].clone_from(&self.log_end);
    }

    /// After everything that happened at `at`: the states from now on.
    pub(super) fn settle(&mut self, at: SimTime, world: &mut World) {
        let dirty = world.take_dirty();
        for index in dirty {
            if !world.slots[index].exists {
                continue;
            }
            let state = world.state(index);
            let member = match state {
                State::Serving => world.server(index).map(|life| life.consumer),
                State::Down(_) => None,
            };
            self.change(
                index,
                Now {
                    state,
                    member,
                    since: at,
                },
                world,
            );
        }
        for (group, tally) in self.tally.iter_mut().enumerate() {
            let stopped = tally.0 > 0 && tally.0 == tally.1;
            match (stopped, tally.2) {
                (true, None) => tally.2 = Some(at),
                (false, Some(since)) => {
                    self.stops[group].push((since, at));
                    tally.2 = None;
                }
                _ => {}
            }
        }
    }

    fn change(&mut self, index: usize, next: Now, world: &World) {
        let before = self.now[index];
        if before.is_some_and(|now| now.state == next.state && now.member == next.member) {
            return;
        }
        let slot = &world.slots[index];
        let tally = &mut self.tally[slot.group.index()];
        let was_down = before.is_some_and(|now| now.state.cause().is_some());
        let is_down = next.state.cause().is_some();
        tally.0 += u32::from(before.is_none());
        tally.1 = tally.1 + u32::from(is_down) - u32::from(was_down);
        if let Some(now) = before {
            self.push(index, now, next.since);
        }
        if is_down && !was_down {
            self.open[index] = Some(Open {
                from: next.since,
                log_end: self.log_end[index],
                causes: [0; 8],
            });
        } else if was_down && !is_down {
            self.close(index, next.since, world);
        }
        self.now[index] = Some(next);
    }

    fn cut(&self, from: SimTime, to: SimTime) -> (SimTime, SimTime) {
        (from.max(self.window.0), to.min(self.window.1))
    }

    /// A partition was in one state until `to`.
    fn push(&mut self, index: usize, now: Now, to: SimTime) {
        if now.since >= to {
            return;
        }
        let (from, until) = self.cut(now.since, to);
        let micros = until.since(from).as_micros();
        let sums = &mut self.sums[index];
        sums.existed_us += micros;
        if let Some(cause) = now.state.cause() {
            sums.causes[cause as usize] += micros;
            if let Some(open) = &mut self.open[index] {
                open.causes[cause as usize] += micros;
            }
        }
        if let Some(spans) = &mut self.spans {
            spans[index].push(now.since, now.state, now.member);
        }
    }

    fn close(&mut self, index: usize, at: SimTime, world: &World) {
        let Some(open) = self.open[index].take() else {
            return;
        };
        self.down[index].push((open.from, at));
        let slot = &world.slots[index];
        let (low, high) = self.window;
        let (start, base) = if open.from < low {
            (low, self.edges[0][index])
        } else {
            (open.from, open.log_end)
        };
        let (end, top) = if at > high {
            (high, self.edges[1][index])
        } else {
            (at, self.log_end[index])
        };
        if start >= end {
            return;
        }
        let downtime = Downtime {
            group: slot.group,
            partition: slot.partition,
            from: start,
            to: end,
            causes: open.causes,
            stalled: top.saturating_sub(base),
        };
        let sums = &mut self.sums[index];
        sums.down_us += downtime.micros();
        sums.stalled += downtime.stalled;
        let is_longer = |longest: &Downtime| longest.micros() < downtime.micros();
        if sums.longest.as_ref().is_none_or(is_longer) {
            sums.longest = Some(downtime);
        }
    }

    /// The end of the run.
    pub(super) fn finish(mut self, timeline: &Timeline, world: &World) -> Availability {
        let horizon = timeline.horizon;
        for index in 0..self.now.len() {
            if let Some(now) = self.now[index] {
                self.push(index, now, horizon);
                self.close(index, horizon, world);
            }
        }
        for (group, tally) in self.tally.iter().enumerate() {
            if let Some(since) = tally.2 {
                self.stops[group].push((since, horizon));
            }
        }
        let stops = std::mem::take(&mut self.stops).into_iter().map(|stops| {
            let cut = stops.into_iter().map(|(from, to)| self.cut(from, to));
            cut.filter(|(from, to)| from < to).collect()
        });
        let stops = stops.collect();
        let places = world.slots.iter().map(|slot| (slot.group, slot.partition));
        for ((place, sums), down) in places.clone().zip(&mut self.sums).zip(&self.down) {
            let by_place = |known: &((GroupId, TopicPartition), PartitionTotals)| known.0;
            let found = timeline.partitions.binary_search_by_key(&place, by_place);
            if let Ok(at) = found {
                sums.catch_ups = catch_up::of(timeline, &timeline.partitions[at].1, down);
            }
        }
        Availability {
            spans: self.spans.map_or_else(Spans::default, |turns| {
                Spans::new(places.clone().zip(turns), horizon)
            }),
            partitions: places.zip(self.sums).collect(),
            stops,
        }
    }
}

impl Availability {
    /// The sums of a partition of a group.
    #[must_use]
    pub fn of(&self, which: (GroupId, TopicPartition)) -> Option<&PartitionAvailability> {
        let at = self
            .partitions
            .binary_search_by_key(&which, |known| known.0)
            .ok()?;
        Some(&self.partitions[at].1)
    }

    /// Microseconds down by cause of a group.
    #[must_use]
    pub fn causes_of(&self, group: GroupId) -> [u64; 8] {
        let mut causes = [0; 8];
        for ((owner, _), sums) in &self.partitions {
            if *owner == group {
                for (total, part) in causes.iter_mut().zip(sums.causes) {
                    *total += part;
                }
            }
        }
        causes
    }

    /// The longest downtime that `filter` lets pass; of equals the earliest, then the first partition.
    #[must_use]
    pub fn longest(&self, filter: impl Fn(GroupId, TopicPartition) -> bool) -> Option<&Downtime> {
        self.partitions
            .iter()
            .filter(|((group, partition), _)| filter(*group, *partition))
            .filter_map(|(_, sums)| sums.longest.as_ref())
            .min_by_key(|downtime| (std::cmp::Reverse(downtime.micros()), downtime.from))
    }
}

/// Adds the values of one group.
pub(super) fn values(
    timeline: &Timeline,
    availability: &Availability,
    group: GroupId,
    scopes: &[Scope],
    values: &mut Values,
) {
    for (labels, indexes) in scopes {
        let sums: Vec<&PartitionAvailability> = indexes
            .iter()
            .filter_map(|index| availability.of(timeline.partitions[*index].0))
            .collect();
        let down: u64 = sums.iter().map(|sums| sums.down_us).sum();
        let existed: u64 = sums.iter().map(|sums| sums.existed_us).sum();
        values.put("downtime_partition_s", labels, Value::seconds(down));
        for cause in Cause::ALL {
            let micros = sums.iter().map(|sums| sums.causes[cause as usize]).sum();
            values.put(cause.metric(), labels, Value::seconds(micros));
        }
        let share = Decimal::ratio(i128::from(down), i128::from(existed));
        values.put("downtime_share", labels, Value::or_no_data(share));
        let longest = sums
            .iter()
            .filter_map(|sums| sums.longest.as_ref())
            .map(Downtime::micros)
            .max();
        values.put(
            "longest_downtime_s",
            labels,
            Value::seconds(longest.unwrap_or(0)),
        );
        let stalled = sums.iter().map(|sums| sums.stalled).sum();
        values.put("stalled_records", labels, Value::count(stalled));
        let catch_ups = || sums.iter().map(|sums| sums.catch_ups);
        let longest = catch_ups().map(|all| all.longest_us).max();
        let longest = Value::seconds(longest.unwrap_or(0));
        values.put("catch_up_s", labels, longest);
        let sum = Value::seconds(catch_ups().map(|all| all.sum_us).sum());
        values.put_as("catch_up_s", Aggregate::Sum, labels, sum);
    }
    let labels = group_label(&timeline.cast.groups[group.index()].name);
    let at = availability
        .longest(|owner, _| owner == group)
        .map(|down| down.from.as_micros());
    values.put(
        "longest_downtime_at_s",
        &labels,
        Value::or_no_data(at.map(Decimal::seconds)),
    );
    let stops = availability.stops[group.index()]
        .iter()
        .map(|(from, to)| to.since(*from).as_micros());
    values.put(
        "stop_the_world_s",
        &labels,
        Value::seconds(stops.clone().sum()),
    );
    let longest = stops.max().unwrap_or(0);
    values.put("longest_stop_the_world_s", &labels, Value::seconds(longest));
}

/// The order of [`Cause::ALL`] is the order of its variants, so a cause is its own index.
const _: () = {
    let mut index = 0;
    while index < Cause::ALL.len() {
        assert!(Cause::ALL[index] as usize == index);
        index += 1;
    }
};
