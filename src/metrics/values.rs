//! Values by name: collected per group, combined over groups by the table's rule, looked up by conditions.

use std::fmt;
use std::sync::Arc;

use super::decimal::Decimal;
use super::name::{Aggregate, Labels, Name};
use super::registry::{self, Across, Better, Metric};

/// The value when a lag was not back at its level by the end.
pub const NOT_DRAINED: &str = "not drained";
/// The value when there was nothing to measure.
pub const NO_DATA: &str = "no data";

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number in the metric's unit.
    Number(Decimal),
    /// Yes or no.
    Flag(bool),
    /// A word; [`NOT_DRAINED`] and [`NO_DATA`] among them.
    Word(&'static str),
}

impl Value {
    /// A whole number.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Number(Decimal::whole(count))
    }

    /// Microseconds as seconds.
    #[must_use]
    pub fn seconds(micros: u64) -> Self {
        Self::Number(Decimal::seconds(micros))
    }

    /// A number, or `no data`.
    #[must_use]
    pub fn or_no_data(number: Option<Decimal>) -> Self {
        number.map_or(Self::Word(NO_DATA), Self::Number)
    }

    /// The number, when it is one.
    #[must_use]
    pub const fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Flag(_) | Self::Word(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// Combines the values of several groups into the one without a group label; `None` without values.
#[must_use]
pub fn combine(metric: &Metric, values: &[Value]) -> Option<Value> {
    let numbers = || values.iter().filter_map(Value::number);
    match metric.across {
        Across::Sum => match numbers().reduce(|left, right| left + right) {
            Some(sum) => Some(Value::Number(sum)),
            None => values.first().copied(),
        },
        Across::Worst => {
            let undone = Value::Word(NOT_DRAINED);
            if values.contains(&undone) {
                return Some(undone);
            }
            let worst = match metric.better {
                Better::Lower | Better::Neither => numbers().max(),
                Better::Higher => numbers().min(),
            };
            match worst {
                Some(worst) => Some(Value::Number(worst)),
                None => values
                    .iter()
                    .copied()
                    .max_by_key(|value| *value == Value::Flag(true)),
            }
        }
        Across::Same => {
            let first = *values.first()?;
            let same = values.iter().all(|value| *value == first);
            Some(if same { first } else { Value::Word("mixed") })
        }
    }
}

/// Named values in the order of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    list: Vec<(Name, Value)>,
}

impl Values {
    /// Adds the bare value of `base`.
    pub fn put(&mut self, base: &str, labels: &Arc<Labels>, value: Value) {
        self.list.push((
            Name::bare(registry::get(base)).with(Arc::clone(labels)),
            value,
        ));
    }

    /// Adds an aggregate of `base`.
    pub fn put_as(&mut self, base: &str, aggregate: Aggregate, labels: &Arc<Labels>, value: Value) {
        let metric = registry::get(base);
        let aggregate = (metric.bare != Some(aggregate)).then_some(aggregate);
        let labels = Arc::clone(labels);
        self.list.push((
            Name {
                metric,
                aggregate,
                labels,
            },
            value,
        ));
    }

    /// The values, in order.
    #[must_use]
    pub fn list(&self) -> &[(Name, Value)] {
        &self.list
    }

    /// The values, in order.
    #[must_use]
    pub fn into_list(self) -> Vec<(Name, Value)> {
        self.list
    }

    /// Looks a name up exactly.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<Value> {
        self.list
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// Looks a name up; labels that it leaves out (the group; with a partition the topic, too) are combined over.
    #[must_use]
    pub fn lookup(&self, name: &Name) -> Option<Value> {
        if let Some(value) = self.get(name) {
            return Some(value);
        }
        if name.labels.group.is_some() && name.labels.topic.is_some() {
            return None;
        }
        let covered = |known: &Labels| {
            let wanted = &name.labels;
            (wanted.group.is_none() || wanted.group == known.group)
                && (wanted.topic == known.topic
                    || (wanted.topic.is_none() && wanted.partition.is_some()))
                && wanted.partition == known.partition
                && wanted.reason == known.reason
        };
        let values: Vec<Value> = self
            .list
            .iter()
            .filter(|(known, _)| {
                known.metric.base == name.metric.base
                    && known.aggregate == name.aggregate
                    && covered(&known.labels)
            })
            .map(|(_, value)| *value)
            .collect();
        combine(name.metric, &values)
    }

    /// Adds the moment of the group whose `level` is highest as the moment over all groups.
    pub fn put_moment(&mut self, moment: &str, level: &str) {
        let of_groups = |base: &str| -> Vec<Value> {
            self.list
                .iter()
                .filter(|(name, _)| name.metric.base == base && name.aggregate.is_none())
                .filter(|(name, _)| name.labels.topic.is_none())
                .map(|(_, value)| *value)
                .collect()
        };
        let (moments, levels) = (of_groups(moment), of_groups(level));
        let highest = levels.iter().map(Value::number).max().flatten();
        let first = levels.iter().position(|value| value.number() == highest);
        if let Some(value) = first.and_then(|index| moments.get(index)) {
            self.put(moment, &Arc::default(), *value);
        }
    }

    /// Adds, for every name with a group label alone (or with a reason), its combination over groups where it is missing; then
    /// sorts by the table.
    pub fn complete(&mut self) {
        // By what is left without the group, then in order.
        let mut of_groups: Vec<_> = (0..)
            .zip(&self.list)
            .filter(|(_, (name, _))| name.labels.topic.is_none() && name.labels.partition.is_none())
            .map(|(number, (name, _))| {
                let place = registry::place(name.metric.base);
                (place, name.aggregate, name.labels.reason.as_deref(), number)
            })
            .collect();
        of_groups.sort_unstable();
        let mut missing: Vec<(usize, Value)> = Vec::with_capacity(of_groups.len());
        let mut values = Vec::new();
        for alike in
            of_groups.chunk_by(|one, next| (one.0, one.1, one.2) == (next.0, next.1, next.2))
        {
            let (_, _, _, first): (_, _, _, usize) = alike[0];
            let all = alike.iter().map(|&(.., number)| &self.list[number]);
            if all.clone().any(|(name, _)| name.labels.group.is_none()) {
                continue; // They are combined already.
            }
            values.clear();
            values.extend(all.map(|(_, value)| *value));
            missing.extend(combine(self.list[first].0.metric, &values).map(|value| (first, value)));
        }
        missing.sort_unstable_by_key(|(first, _)| *first);
        let whole = Arc::<Labels>::default();
        for (first, value) in missing {
            let like = &self.list[first].0;
            let labels = match &like.labels.reason {
                None => Arc::clone(&whole),
                Some(reason) => Arc::new(Labels {
                    reason: Some(reason.clone()),
                    ..Labels::default()
                }),
            };
            self.list.push((Name { labels, ..*like }, value));
        }
        self.list.sort_by_cached_key(|(name, _)| {
            let place = registry::place(name.metric.base);
            (place, name.aggregate, name.labels.group.is_some())
        });
    }

    /// Takes out the values that `filter` names: most of them, so it is the others that are put elsewhere.
    pub fn split_off(&mut self, filter: impl Fn(&Name) -> bool) -> Self {
        let others = self.list.extract_if(.., |(name, _)| !filter(name));
        let kept = others.collect();
        Self {
            list: std::mem::replace(&mut self.list, kept),
        }
    }
}
