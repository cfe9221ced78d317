//! What a run means in numbers: folds the timeline into named values and tables.
//!
//! It never asks the cluster: what it needs and does not find on the timeline does not exist. Pure and in integers; the
//! reports render what is here.

pub mod availability;
pub mod barrier;
pub mod catch_up;
pub mod cause;
pub mod condition;
pub mod decimal;
mod delivery;
mod episode;
mod imbalance;
mod kafka_names;
pub mod lag;
pub mod latency;
mod lives;
pub mod loops;
mod moves;
pub mod name;
mod platform;
pub mod rebalances;
pub mod registry;
pub mod roster;
mod series;
mod spans;
pub mod stall;
pub mod statistics;
mod told;
pub mod values;
mod world;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use availability::{Availability, Downtime};
pub use cause::{Cause, State};
pub use decimal::Decimal;
pub use episode::Episode;
pub use lives::{Failure, Lives};
pub use loops::{Chain, RebalanceLoop};
pub use name::{Aggregate, Labels, Name, NameError};
pub use spans::{Span, Spans};
pub use values::{NO_DATA, NOT_DRAINED, Value, Values};

use std::collections::BTreeMap;
use std::iter::Peekable;

use crate::assignor::{GroupId, TopicId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{Cast, ConsumerTotals, PlatformFact, PodId, Reading, Samples, Timeline};
use delivery::Breadth;
use rebalances::GroupEpisodes;
use told::Told;
use world::World;

/// Everything that is measured of one replication.
#[derive(Clone, Debug, PartialEq)]
pub struct RunMetrics {
    /// Names and constants.
    pub cast: Cast,
    /// The measured window.
    pub measured: (SimTime, SimTime),
    /// End of the run.
    pub horizon: SimTime,
    /// Flat values: over everything, and by group when there are several.
    pub values: Vec<(Name, Value)>,
    /// The same by topic and partition (and by group when there is one), for conditions and tables.
    pub details: Values,
    /// States of partitions and their sums.
    pub availability: Availability,
    /// Rebalances, by group, then time.
    pub rebalances: Vec<Episode>,
    /// Chains of causes that feed themselves, by group, then time.
    pub loops: Vec<RebalanceLoop>,
    /// Facts of the platform, for tables over time.
    pub platform: Vec<(SimTime, PlatformFact)>,
    /// Lag over time of each group, in records.
    pub lag: Vec<lag::Series>,
    /// The grid.
    pub samples: Samples,
    /// What each process did.
    pub members: Vec<ConsumerTotals>,
    /// When each process started and ended.
    pub lives: Vec<Lives>,
    /// Who died of an error, over the whole run, in order.
    pub failures: Vec<Failure>,
    /// True when some random stream was drawn from.
    pub drew: bool,
}

impl RunMetrics {
    /// Forgets what only tables over time need: states of partitions, and the grid.
    #[must_use]
    pub fn without_series(mut self) -> Self {
        self.availability.spans = Spans::default();
        self.samples = Samples::default();
        self.platform = Vec::new();
        self
    }

    /// True when `at` lies within the measured window, its edges included.
    #[must_use]
    pub fn is_measured(&self, at: SimTime) -> bool {
        self.measured.0 <= at && at <= self.measured.1
    }

    /// Pods that found no node with room when they were made and are not ready at the end of the measured time, each with the instant at
    /// which it was made; nothing where the series were not kept.
    #[must_use]
    pub fn pending_pods(&self) -> Vec<(PodId, SimTime)> {
        let facts = self.platform.iter().map(|(at, fact)| (*at, fact));
        platform::pending(&self.cast, facts, self.measured.1)
    }

    /// The rebalances that count: those that began within the measured window.
    pub fn measured_rebalances(&self) -> impl Iterator<Item = &Episode> {
        let is_measured = |episode: &&Episode| self.is_measured(episode.start);
        self.rebalances.iter().filter(is_measured)
    }

    /// Looks a name up among all values; without a group label over all groups.
    #[must_use]
    pub fn lookup(&self, name: &Name) -> Option<Value> {
        let found = self.values.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| *value)
            .or_else(|| self.details.lookup(name))
    }

    /// The flat value called `name`, bare or with its aggregate.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        self.lookup(&Name::parse(name).ok()?)
    }

    /// The values of each partition of each group, by name without labels.
    #[must_use]
    pub fn partition_values(&self) -> BTreeMap<(GroupId, TopicPartition), BTreeMap<String, Value>> {
        let groups: Vec<String> = self
            .cast
            .groups
            .iter()
            .map(|group| group.name.clone())
            .collect();
        let topics: Vec<String> = self
            .cast
            .topics
            .iter()
            .map(|topic| topic.0.clone())
            .collect();
        let place = |labels: &Labels| {
            let position = |mut names: std::slice::Iter<'_, String>, wanted: &Option<String>| {
                let at = names.position(|name| Some(name) == wanted.as_ref())?;
                u32::try_from(at).ok()
            };
            let group = GroupId(position(groups.iter(), &labels.group)?);
            let topic = TopicId(position(topics.iter(), &labels.topic)?);
            let partition = labels.partition?;
            Some((group, TopicPartition { topic, partition }))
        };
        let mut all: BTreeMap<_, BTreeMap<String, Value>> = BTreeMap::new();
        for (name, value) in self.details.list() {
            if let Some(place) = place(&name.labels) {
                all.entry(place).or_default().insert(name.column(), *value);
            }
        }
        all
    }

    /// `topic-partition`, as Kafka writes it.
    #[must_use]
    pub fn partition_name(&self, partition: TopicPartition) -> String {
        let topic = &self.cast.topics[partition.topic.index()].0;
        format!("{topic}-{}", partition.partition)
    }
}

/// Moments, and whose they are: over several groups, the moment of the worst.
const MOMENTS: [(&str, &str); 4] = [
    ("longest_downtime_at_s", "longest_downtime_s"),
    ("lag_records_peak_at_s", "lag_records"),
    ("committed_lag_records_peak_at_s", "committed_lag_records"),
    ("lag_peak_at_s", "lag_s"),
];

/// Measures a replication.
#[must_use]
pub fn evaluate(timeline: &Timeline) -> RunMetrics {
    measure(timeline, true, Breadth::Everything)
}

/// The same as [`RunMetrics::without_series`] of what [`evaluate`] gives, at less cost: the tables over time are not made.
#[must_use]
pub fn evaluate_without_series(timeline: &Timeline) -> RunMetrics {
    measure(timeline, false, Breadth::Everything)
}

/// The values of groups alone, and those over all groups: what is told of one partition or topic is not worked out.
#[must_use]
pub fn evaluate_groups(timeline: &Timeline) -> RunMetrics {
    measure(timeline, false, Breadth::Groups)
}

fn measure(timeline: &Timeline, with_series: bool, breadth: Breadth) -> RunMetrics {
    let timeline = &Told::new(timeline);
    let folded = fold(timeline, with_series);
    let failures = lives::failures(timeline);
    let mut values = Values::default();
    let mut lag = Vec::new();
    let mut all_loops = Vec::new();
    for group in (0..).map(GroupId).take(timeline.cast.groups.len()) {
        setting(timeline, &folded, group, &mut values);
        let scopes = delivery::scopes(timeline, group, breadth);
        let states = &folded.availability;
        availability::values(timeline, states, group, &scopes, &mut values);
        lag.push(lag::values(timeline, group, &scopes, &mut values));
        latency::values(timeline, group, &scopes, &mut values);
        delivery::values(timeline, group, &scopes, &mut values);
        let of_group = &folded.groups[group.index()];
        rebalances::values(timeline, group, of_group, &mut values);
        lives::values(timeline, &failures, group, &mut values);
        let of_group = loops::loops(timeline, group, &folded.groups[group.index()].episodes);
        loops::values(timeline, group, &of_group, &mut values);
        all_loops.extend(of_group);
        platform::values(timeline, group, &mut values);
        imbalance::values(
            timeline,
            group,
            &folded.groups[group.index()].in_force,
            &mut values,
        );
        kafka_names::values(
            timeline,
            group,
            folded.at_end[group.index()].installed,
            &mut values,
        );
    }
    for (moment, level) in MOMENTS {
        values.put_moment(moment, level);
    }
    values.complete();
    let several = timeline.cast.groups.len() > 1;
    let details = values.split_off(|name| {
        let labels = &name.labels;
        labels.topic.is_some() || labels.partition.is_some() || (labels.group.is_some() && !several)
    });
    RunMetrics {
        cast: timeline.cast.clone(),
        measured: timeline.measured,
        horizon: timeline.horizon,
        values: values.into_list(),
        details,
        availability: folded.availability,
        rebalances: folded
            .groups
            .into_iter()
            .flat_map(|group| group.episodes)
            .collect(),
        loops: all_loops,
        platform: platform::facts(timeline)
            .filter(|_| with_series)
            .map(|(at, fact)| (at, fact.clone()))
            .collect(),
        lag,
        samples: if with_series {
            timeline.samples.clone()
        } else {
            Samples::default()
        },
        members: timeline.consumers.clone(),
        lives: lives::lives(timeline),
        failures,
        drew: timeline.drew,
    }
}

/// What one pass over the timeline leaves.
struct Folded {
    availability: Availability,
    groups: Vec<GroupEpisodes>,
    /// What is in force at the end of the window, by group.
    at_end: Vec<AtEnd>,
}

/// What is in force in a group.
#[derive(Clone, Copy)]
struct AtEnd {
    assignor: Option<&'static str>,
    /// Partitions installed.
    installed: u64,
    /// It is a consumer group; `None` when it never had a generation.
    consumer_group: Option<bool>,
}

fn fold(timeline: &Told<'_>, keeps_spans: bool) -> Folded {
    let mut world = World::new(timeline, timeline.events.iter().copied());
    let mut states = availability::Fold::new(timeline, &world, keeps_spans);
    let mut episodes =
        rebalances::Fold::new(timeline.cast.groups.len(), timeline.cast.consumers.len());
    let mut readings = timeline.samples.readings().iter().peekable();
    let mut entries = timeline.entries.iter().peekable();
    let mut edges = [timeline.measured.0, timeline.measured.1]
        .into_iter()
        .enumerate()
        .peekable();
    let mut at_end = Vec::new();
    loop {
        let next = [
            entries.peek().map(|entry| entry.at),
            edges.peek().map(|(_, at)| *at),
        ];
        let Some(at) = next.into_iter().flatten().min() else {
            break;
        };
        read_until(&mut readings, at, &mut states, &world);
        while let Some(entry) = entries.next_if(|entry| entry.at == at) {
            states.observe(&entry.observation, &world);
            episodes.observe(at, &entry.observation, &world);
            world.apply(&entry.observation);
        }
        while let Some((which, _)) = edges.next_if(|(_, edge)| *edge == at) {
            states.edge(which);
            at_end = (0..)
                .zip(&world.groups)
                .map(|(number, group)| AtEnd {
                    assignor: group.assignor,
                    installed: world.installed(GroupId(number)).count() as u64,
                    consumer_group: (group.generation > 0).then_some(group.incremental),
                })
                .collect();
        }
        states.settle(at, &mut world);
    }
    read_until(&mut readings, SimTime::NEVER, &mut states, &world);
    Folded {
        availability: states.finish(timeline, &world),
        groups: episodes.finish(),
        at_end,
    }
}

/// Takes in the samples up to `until`. Logs only grow, so of readings of the same partitions the last one tells everything.
fn read_until<'t>(
    readings: &mut Peekable<impl Iterator<Item = &'t Reading>>,
    until: SimTime,
    states: &mut availability::Fold,
    world: &World,
) {
    while let Some(reading) = readings.next_if(|reading| reading.at() <= until) {
        let next = readings.peek().filter(|next| next.at() <= until);
        if next.is_none_or(|next| next.places() != reading.places()) {
            states.read(reading, world);
        }
    }
}

/// What the group is.
fn setting(timeline: &Timeline, folded: &Folded, group: GroupId, values: &mut Values) {
    let facts = &timeline.cast.groups[group.index()];
    let labels = delivery::group_label(&facts.name);
    let at_end = folded.at_end[group.index()];
    let assignor = at_end.assignor.unwrap_or(NO_DATA);
    // What the members are configured for is one thing, what their restarts have made of the group another.
    let (protocol, rebalance) = match at_end.consumer_group {
        Some(true) => ("consumer", "incremental"),
        Some(false) => ("classic", facts.rebalance),
        None => (facts.protocol, facts.rebalance),
    };
    let is_static = if facts.is_static { "yes" } else { "no" };
    values.put("protocol", &labels, Value::Word(protocol));
    values.put("rebalance", &labels, Value::Word(rebalance));
    values.put("assignor", &labels, Value::Word(assignor));
    values.put("static", &labels, Value::Word(is_static));
}
