//! Lag of partitions, topics and groups: levels on the grid of samples, integrals from the data plane's exact sums.

use std::ops::Range;
use std::sync::Arc;

use super::decimal::Decimal;
use super::delivery::{Scope, measured, window_us};
use super::name::Labels;
use super::series::{self, Kind, Summary};
use super::told::Told;
use super::values::{NO_DATA, NOT_DRAINED, Value, Values};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{Observation, PartitionTotals, Reading, Sample, Timeline};

/// A level over time.
pub type Series = Vec<(SimTime, u64)>;

/// The three lags of one scope.
#[derive(Clone, Debug, Default)]
struct Levels {
    records: Series,
    committed: Series,
    /// Microseconds.
    age: Series,
}

impl Levels {
    fn clear(&mut self) {
        self.records.clear();
        self.committed.clear();
        self.age.clear();
    }

    fn push(&mut self, at: SimTime, lags: &Lags) {
        self.records.push((at, lags.records));
        self.committed.extend(lags.committed.map(|lag| (at, lag)));
        self.age.push((at, lags.age));
    }

    fn summaries(&self, timeline: &Timeline) -> Summaries {
        [&self.records, &self.committed, &self.age]
            .map(|series| series::summarise(series, &timeline.between, timeline.measured))
    }
}

/// Of the three lags of one scope.
type Summaries = [Option<Summary>; 3];

/// The three lags of one scope at one instant.
#[derive(Clone, Copy, Debug, Default)]
struct Lags {
    records: u64,
    /// `None`: nothing is committed.
    committed: Option<u64>,
    age: u64,
}

impl Lags {
    /// Those of a partition come to those of the scope that it belongs to.
    fn add(&mut self, own: &Self) {
        self.records += own.records;
        if let Some(lag) = own.committed {
            *self.committed.get_or_insert(0) += lag;
        }
        self.age = self.age.max(own.age);
    }

    /// No lower than `other`, each by itself.
    fn raise_to(&mut self, other: &Self) {
        self.records = self.records.max(other.records);
        self.committed = self.committed.max(other.committed);
        self.age = self.age.max(other.age);
    }
}

/// What is last known of a partition.
#[derive(Clone, Copy, Debug)]
struct Known {
    records: u64,
    /// `None`: nothing is committed.
    committed: Option<u64>,
    oldest_due: Option<SimTime>,
}

impl Known {
    fn of(sample: &Sample) -> Self {
        Self {
            records: sample.log_end.saturating_sub(sample.processed),
            committed: sample
                .committed
                .map(|offset| sample.log_end.saturating_sub(offset)),
            oldest_due: sample.oldest_due,
        }
    }

    fn lags(&self, at: SimTime) -> Lags {
        Lags {
            records: self.records,
            committed: self.committed,
            age: self.oldest_due.map_or(0, |due| at.since(due).as_micros()),
        }
    }
}

/// The highest that any partition's own levels rise within the window, by the rule of [`series::holds`].
#[derive(Clone, Copy, Debug, Default)]
struct Hottest(Option<Lags>);

impl Hottest {
    /// What was known at `at` held until `next`.
    fn take(&mut self, known: &Known, at: SimTime, next: SimTime, window: (SimTime, SimTime)) {
        if series::holds(at, next, window).is_none() {
            return;
        }
        let lags = known.lags(at);
        self.0.get_or_insert(lags).raise_to(&lags);
    }
}

/// Adds the values of one group, and gives back the series of its lag.
pub(super) fn values(
    timeline: &Told<'_>,
    group: GroupId,
    scopes: &[Scope],
    values: &mut Values,
) -> Series {
    let Read {
        summaries,
        hottest,
        series,
    } = Read::of(timeline, group, scopes);
    for ((labels, indexes), summaries) in scopes.iter().zip(&summaries) {
        let area: u128 = indexes
            .iter()
            .map(|index| timeline.partitions[*index].1.lag_record_us)
            .sum();
        let exact = Some((area, window_us(timeline)));
        let [records, committed, age] = summaries;
        series::put(
            values,
            "lag_records",
            labels,
            Kind::Count,
            records.as_ref(),
            exact,
        );
        series::put(
            values,
            "committed_lag_records",
            labels,
            Kind::Count,
            committed.as_ref(),
            None,
        );
        series::put(values, "lag_s", labels, Kind::Span, age.as_ref(), None);
        if labels.topic.is_none() {
            put_moments(values, labels, summaries);
        }
    }
    let Some((labels, _)) = scopes.first() else {
        return Series::new();
    };
    let Hottest(hottest) = hottest;
    let peaks = [
        (
            "hottest_partition_lag_records",
            hottest.map(|lags| lags.records),
        ),
        (
            "hottest_partition_committed_lag_records",
            hottest.and_then(|lags| lags.committed),
        ),
    ];
    for (name, peak) in peaks {
        values.put(name, labels, Value::or_no_data(peak.map(Decimal::whole)));
    }
    let oldest = Value::or_no_data(hottest.map(|lags| Decimal::seconds(lags.age)));
    values.put("hottest_partition_lag_s", labels, oldest);
    values.put("drain_s", labels, drain(timeline, group, &series));
    series
}

fn put_moments(values: &mut Values, labels: &Arc<Labels>, summaries: &Summaries) {
    let names = [
        "lag_records_peak_at_s",
        "committed_lag_records_peak_at_s",
        "lag_peak_at_s",
    ];
    for (name, summary) in names.into_iter().zip(summaries) {
        let at = summary
            .as_ref()
            .map(|summary| Decimal::seconds(summary.peak_at.as_micros()));
        values.put(name, labels, Value::or_no_data(at));
    }
}

/// So many partitions are read at a time: their levels over the whole run fit into a cache.
const AT_A_TIME: usize = 32;

/// What the samples say of the lags of a group.
struct Read {
    /// By scope.
    summaries: Vec<Summaries>,
    hottest: Hottest,
    /// The lag in records of the first scope.
    series: Series,
}

impl Read {
    /// The levels of all scopes of a group: a partition's own at its samples, those of topics and of the group at every instant with
    /// samples, partitions not sampled then counting with what was last known. Where nothing is committed there is no
    /// lag behind it, and a partition without a committed offset adds nothing to the others: dashboards and `kafka-consumer-groups.sh` show none.
    fn of(timeline: &Timeline, group: GroupId, scopes: &[Scope]) -> Self {
        let mut rest = Vec::new();
        for reading in timeline.samples.readings() {
            let places = reading.places();
            let from = places.partition_point(|(owner, _)| *owner < group);
            let to = places.partition_point(|(owner, _)| *owner <= group);
            rest.extend((from < to).then_some((reading, from..to)));
        }
        let instants: Vec<SimTime> = rest.iter().map(|(reading, _)| reading.at()).collect();
        let mut summaries: Vec<Summaries> = vec![[const { None }; 3]; scopes.len()];
        let mut hottest = Hottest::default();
        let is_sum = |(_, (labels, _)): &(usize, &Scope)| labels.partition.is_none();
        let (sums, alone): (Vec<_>, Vec<_>) = scopes.iter().enumerate().partition(is_sum);
        let mut sums: Vec<(usize, &[usize], Vec<Lags>)> = sums
            .into_iter()
            .map(|(scope, (_, indexes))| (scope, &**indexes, vec![Lags::default(); instants.len()]))
            .collect();
        let mut alone = alone
            .into_iter()
            .filter_map(|(scope, (_, indexes))| Some((scope, *indexes.first()?)))
            .peekable();
        let before = |which: GroupId| {
            let is_before =
                |known: &((GroupId, TopicPartition), PartitionTotals)| known.0.0 < which;
            timeline.partitions.partition_point(is_before)
        };
        // A scope of several partitions has sums of its own: where nobody asks for single ones, their levels are not kept.
        let kept = if alone.peek().is_some() { AT_A_TIME } else { 0 };
        let mut levels: Vec<Levels> = vec![Levels::default(); kept];
        let end = before(GroupId(group.0 + 1));
        for first in (before(group)..end).step_by(AT_A_TIME) {
            let places = &timeline.partitions[first..end.min(first + AT_A_TIME)];
            levels.iter_mut().for_each(Levels::clear);
            let mut known: Vec<Option<(SimTime, Known)>> = vec![None; places.len()];
            let mut owns: Vec<(&mut Vec<Lags>, &[usize])> = sums
                .iter_mut()
                .map(|(_, indexes, lags)| (lags, among(indexes, first, places.len())))
                .collect();
            for (instant, (reading, rest)) in rest.iter_mut().enumerate() {
                let at = reading.at();
                let mut place = 0;
                for sample in take_until(reading, rest, places[places.len() - 1].0.1) {
                    place = next_place(places, place, sample.partition);
                    if places[place].0.1 != sample.partition {
                        continue;
                    }
                    let now = Known::of(&sample);
                    if let Some((since, before)) = known[place].replace((at, now)) {
                        hottest.take(&before, since, at, timeline.measured);
                    }
                    if let Some(levels) = levels.get_mut(place) {
                        levels.push(at, &now.lags(at));
                    }
                }
                for (lags, indexes) in &mut owns {
                    for (_, known) in indexes
                        .iter()
                        .filter_map(|index| known[index - first].as_ref())
                    {
                        lags[instant].add(&known.lags(at));
                    }
                }
            }
            for (since, last) in known.iter().flatten() {
                hottest.take(last, *since, timeline.measured.1, timeline.measured);
            }
            while let Some((scope, index)) =
                alone.next_if(|(_, index)| *index < first + places.len())
            {
                summaries[scope] = levels[index - first].summaries(timeline);
            }
        }
        let mut series = Series::new();
        for (scope, _, lags) in sums {
            let mut levels = Levels::default();
            for (at, lags) in instants.iter().zip(&lags) {
                levels.push(*at, lags);
            }
            summaries[scope] = levels.summaries(timeline);
            if scope == 0 {
                series = levels.records;
            }
        }
        Self {
            summaries,
            hottest,
            series,
        }
    }
}

/// Those of the sorted `indexes` that are among the `count` from `first` on.
fn among(indexes: &[usize], first: usize, count: usize) -> &[usize] {
    let place = |bound: usize| indexes.partition_point(|index| *index < bound);
    &indexes[place(first)..place(first + count)]
}

/// The first of the sorted `places` from this one on that is not before `partition`. Samples are sorted like them, so that one walk finds all.
fn next_place(
    places: &[((GroupId, TopicPartition), PartitionTotals)],
    from: usize,
    partition: TopicPartition,
) -> usize {
    let rest = places[from..].iter();
    from + rest.take_while(|known| known.0.1 < partition).count()
}

/// The samples up to that of `last`; the others stay in `rest`.
fn take_until<'r>(
    reading: &'r Reading,
    rest: &mut Range<usize>,
    last: TopicPartition,
) -> impl Iterator<Item = Sample> + use<'r> {
    let left = &reading.places()[rest.clone()];
    let now = rest.start..rest.start + left.partition_point(|place| place.1 <= last);
    rest.start = now.end;
    now.map(|index| reading.sample(index))
}

/// See the definition of `drain_s`.
fn drain(timeline: &Told<'_>, group: GroupId, series: &[(SimTime, u64)]) -> Value {
    let actions = || {
        timeline.events.iter().filter(|entry| {
            let acts = Observation::is_action;
            acts(&entry.observation) && measured(timeline, entry.at)
        })
    };
    let (Some(first), Some(last)) = (actions().next(), actions().next_back()) else {
        return Value::Word(NO_DATA);
    };
    // What another group does at an instant beside the grid tells nothing of this one but which of its records are just in flight.
    let concerns = |at: SimTime| {
        timeline.between.binary_search(&at).is_err() || happens_to(timeline, group, at)
    };
    let series: Vec<(SimTime, u64)> = series
        .iter()
        .copied()
        .filter(|(at, _)| concerns(*at))
        .collect();
    let window = timeline.measured;
    let inside = |from: SimTime, to: SimTime| {
        series
            .iter()
            .filter(move |(at, _)| from.max(window.0) <= *at && *at <= to.min(window.1))
    };
    let before = inside(SimTime::ZERO, first.at).map(|(_, lag)| *lag).max();
    let highest =
        inside(last.at, SimTime::NEVER).max_by_key(|(at, lag)| (*lag, std::cmp::Reverse(*at)));
    let (Some(level), Some((peak_at, peak))) = (before, highest) else {
        return Value::Word(NO_DATA);
    };
    if *peak <= level {
        return Value::seconds(0);
    }
    let mut above = *peak_at;
    let drained = inside(*peak_at, SimTime::NEVER).find(|(at, lag)| {
        let is_drained = *lag <= level;
        if !is_drained {
            above = *at;
        }
        is_drained
    });
    drained.map_or(Value::Word(NOT_DRAINED), |(at, _)| {
        let at = caught_up_between(timeline, group, (above, *at)).unwrap_or(*at);
        Value::seconds(at.since(last.at).as_micros())
    })
}

/// True when a process of the group begins to serve a partition, or goes on, at this instant.
fn happens_to(timeline: &Timeline, group: GroupId, at: SimTime) -> bool {
    let entries = &timeline.entries;
    let first = entries.partition_point(|entry| entry.at < at);
    let mut here = entries[first..].iter().take_while(|entry| entry.at == at);
    let of = |consumer: &ConsumerId| timeline.cast.consumers[consumer.index()].group == group;
    here.any(|entry| match &entry.observation {
        Observation::Serving { consumer, .. }
        | Observation::ConsumerResumed { consumer }
        | Observation::ConsumerThawed { consumer }
        | Observation::ConsumerConnected { consumer, .. } => of(consumer),
        _ => false,
    })
}

/// When the last partition of the group that had been down was back at its lag before, between two samples: what is known to the microsecond of the instant
/// at which a lag ends.
fn caught_up_between(
    timeline: &Timeline,
    group: GroupId,
    (after, until): (SimTime, SimTime),
) -> Option<SimTime> {
    let of_group = timeline
        .partitions
        .iter()
        .filter(|((owner, _), _)| *owner == group);
    let ends = of_group.flat_map(|(_, totals)| totals.catch_ups.iter().filter_map(|(_, end)| *end));
    ends.filter(|end| after < *end && *end <= until).max()
}
