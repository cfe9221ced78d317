//! Lag of partitions, topics and groups: levels on the grid of samples, integrals from the data plane's exact sums.

use super::decimal::Decimal;
use super::delivery::{Scope, measured, window_us};
use super::name::Labels;
use super::series::{self, Kind, Summary};
use super::told::Told;
use super::values::{NO_DATA, NOT_DRAINED, Value, Values};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::timeline::{Observation, PartitionTotals, Sample, Timeline};

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
    /// Room for so many instants.
    fn of(instants: usize) -> Self {
        let room = || Series::with_capacity(instants);
        Self {
            records: room(),
            committed: room(),
            age: room(),
        }
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

    fn age(&self, at: SimTime) -> u64 {
        self.oldest_due.map_or(0, |due| at.since(due).as_micros())
    }
}

/// The highest that any partition's own levels rise within the window, by the rule of [`series::holds`].
#[derive(Clone, Copy, Debug, Default)]
struct Hottest([Option<u64>; 3]);

impl Hottest {
    /// What was known at `at` held until `next`.
    fn take(&mut self, known: &Known, at: SimTime, next: SimTime, window: (SimTime, SimTime)) {
        if series::holds(at, next, window).is_none() {
            return;
        }
        let levels = [Some(known.records), known.committed, Some(known.age(at))];
        for (highest, level) in self.0.iter_mut().zip(levels) {
            *highest = (*highest).max(level);
        }
    }
}

/// Adds the values of one group, and gives back the series of its lag.
pub(super) fn values(
    timeline: &Told<'_>,
    group: GroupId,
    scopes: &[Scope],
    values: &mut Values,
) -> Series {
    let (levels, hottest) = read(timeline, group, scopes);
    for ((labels, indexes), levels) in scopes.iter().zip(&levels) {
        let summary =
            |series: &Series| series::summarise(series, &timeline.between, timeline.measured);
        let summaries = [&levels.records, &levels.committed, &levels.age].map(summary);
        let area: u128 = indexes
            .iter()
            .map(|index| timeline.partitions[*index].1.lag_record_us)
            .sum();
        let exact = Some((area, window_us(timeline)));
        let [records, committed, age] = &summaries;
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
            put_moments(values, labels, &summaries);
        }
    }
    let Some((labels, _)) = scopes.first() else {
        return Series::new();
    };
    let names = [
        "hottest_partition_lag_records",
        "hottest_partition_committed_lag_records",
    ];
    for (name, peak) in names.into_iter().zip(hottest.0) {
        values.put(name, labels, Value::or_no_data(peak.map(Decimal::whole)));
    }
    let oldest = Value::or_no_data(hottest.0[2].map(Decimal::seconds));
    values.put("hottest_partition_lag_s", labels, oldest);
    let series = levels.into_iter().next().unwrap_or_default().records;
    values.put("drain_s", labels, drain(timeline, group, &series));
    series
}

fn put_moments(values: &mut Values, labels: &Labels, summaries: &[Option<Summary>; 3]) {
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

/// The levels of all scopes of a group: a partition's own at its samples, those of topics and of the group at every instant with
/// samples, partitions not sampled then counting with what was last known. Where nothing is committed there is no
/// lag behind it, and a partition without a committed offset adds nothing to the others: dashboards and `kafka-consumer-groups.sh` show none.
fn read(timeline: &Timeline, group: GroupId, scopes: &[Scope]) -> (Vec<Levels>, Hottest) {
    let instants = timeline
        .samples
        .chunk_by(|left, right| left.at == right.at)
        .count();
    let mut levels: Vec<Levels> = scopes.iter().map(|_| Levels::of(instants)).collect();
    let (mut hottest, window) = (Hottest::default(), timeline.measured);
    let place = |partition: TopicPartition| {
        let by_name = |known: &((GroupId, TopicPartition), PartitionTotals)| known.0;
        let found = timeline
            .partitions
            .binary_search_by_key(&(group, partition), by_name);
        found.ok()
    };
    let mut alone: Vec<Option<usize>> = vec![None; timeline.partitions.len()];
    for (scope, (labels, indexes)) in scopes.iter().enumerate() {
        if labels.partition.is_some() {
            for &index in indexes {
                alone[index] = Some(scope);
            }
        }
    }
    let mut known: Vec<Option<(SimTime, Known)>> = vec![None; timeline.partitions.len()];
    let mut last = 0;
    let instants = timeline.samples.chunk_by(|left, right| left.at == right.at);
    for same_instant in instants {
        let at = same_instant[0].at;
        let of_group = |sample: &&Sample| sample.group == group;
        let mut samples = same_instant.iter().filter(of_group).peekable();
        if samples.peek().is_none() {
            continue;
        }
        for sample in samples {
            // Both are sorted: mostly it is the one after the last.
            let next = timeline.partitions.get(last + 1);
            last = match next {
                Some((known, _)) if *known == (group, sample.partition) => last + 1,
                Some(_) | None => match place(sample.partition) {
                    Some(index) => index,
                    None => continue,
                },
            };
            let now = Known::of(sample);
            if let Some((since, before)) = known[last].replace((at, now)) {
                hottest.take(&before, since, at, window);
            }
            if let Some(scope) = alone[last] {
                push(
                    &mut levels[scope],
                    at,
                    now.records,
                    now.committed,
                    now.age(at),
                );
            }
        }
        for (levels, (labels, indexes)) in levels.iter_mut().zip(scopes) {
            if labels.partition.is_none() {
                let (mut records, mut committed, mut age) = (0, None, 0);
                for (_, known) in indexes.iter().filter_map(|index| known[*index].as_ref()) {
                    records += known.records;
                    if let Some(lag) = known.committed {
                        *committed.get_or_insert(0) += lag;
                    }
                    age = age.max(known.age(at));
                }
                push(levels, at, records, committed, age);
            }
        }
    }
    for (since, last) in known.iter().flatten() {
        hottest.take(last, *since, window.1, window);
    }
    (levels, hottest)
}

fn push(levels: &mut Levels, at: SimTime, records: u64, committed: Option<u64>, age: u64) {
    levels.records.push((at, records));
    levels.committed.extend(committed.map(|lag| (at, lag)));
    levels.age.push((at, age));
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
