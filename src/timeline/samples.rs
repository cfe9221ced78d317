//! What was read off all partitions at instants: tens of millions of rows in a long run of a large group, so kept by instant, without what
//! the rows of an instant, and nearly always those of the one before, have in common.

use std::sync::Arc;

use crate::assignor::{GroupId, TopicPartition};
use crate::kernel::SimTime;

/// State of one partition in one group at one instant of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// The group.
    pub group: GroupId,
    /// The partition.
    pub partition: TopicPartition,
    /// Records produced so far.
    pub log_end: u64,
    /// Offset after the last record processed for the first time, in offset order.
    pub processed: u64,
    /// Committed offset; `None` when there is none.
    pub committed: Option<u64>,
    /// When the oldest record not yet processed was due; `None` when there is none.
    pub oldest_due: Option<SimTime>,
}

/// A partition of a group.
pub type Place = (GroupId, TopicPartition);

/// No offset is so large.
const NONE: u64 = u64::MAX;

/// The figures of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    log_end: u64,
    processed: u64,
    /// Or [`NONE`].
    committed: u64,
    /// Or never.
    oldest_due: SimTime,
}

/// The samples of one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    at: SimTime,
    /// Of what, row by row: the same list at every instant, until there are more partitions.
    places: Arc<Vec<Place>>,
    rows: Arc<Vec<Row>>,
}

impl Reading {
    /// When.
    #[must_use]
    pub fn at(&self) -> SimTime {
        self.at
    }

    /// Of what, in the order of the samples.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The sample of the place with this index.
    #[must_use]
    pub fn sample(&self, index: usize) -> Sample {
        let (group, partition) = self.places[index];
        let row = self.rows[index];
        Sample {
            at: self.at,
            group,
            partition,
            log_end: row.log_end,
            processed: row.processed,
            committed: (row.committed != NONE).then_some(row.committed),
            oldest_due: (row.oldest_due != SimTime::NEVER).then_some(row.oldest_due),
        }
    }

    /// The samples, in order.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = Sample> + Clone {
        (0..self.rows.len()).map(|index| self.sample(index))
    }
}

impl Row {
    fn of(sample: &Sample) -> Self {
        Self {
            log_end: sample.log_end,
            processed: sample.processed,
            committed: sample.committed.unwrap_or(NONE),
            oldest_due: sample.oldest_due.unwrap_or(SimTime::NEVER),
        }
    }
}

/// Samples by instant, in the order in which they were taken. A copy shares its rows with the original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    readings: Vec<Reading>,
}

impl Samples {
    /// Adds a sample, which is not of an earlier instant than the one before it.
    pub fn push(&mut self, sample: Sample) {
        self.extend(&[sample]);
    }

    /// Adds samples, in order, none of an earlier instant than the one before it.
    pub fn extend(&mut self, samples: &[Sample]) {
        for samples in samples.chunk_by(|one, next| one.at == next.at) {
            let at = samples[0].at;
            let begun = self.readings.pop_if(|reading| reading.at == at);
            let (mut places, mut rows) = begun.map_or_else(Default::default, |reading| {
                let rows = Arc::unwrap_or_clone(reading.rows);
                (Arc::unwrap_or_clone(reading.places), rows)
            });
            places.extend(
                samples
                    .iter()
                    .map(|sample| (sample.group, sample.partition)),
            );
            rows.extend(samples.iter().map(Row::of));
            let places = match self.readings.last() {
                // Of the same places as those before: one list will do.
                Some(before) if *before.places == places => Arc::clone(&before.places),
                Some(_) | None => Arc::new(places),
            };
            let rows = Arc::new(rows);
            self.readings.push(Reading { at, places, rows });
        }
    }

    /// The samples of each instant, in order.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Sample> + Clone {
        self.readings.iter().flat_map(Reading::samples)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let readings = self.readings.iter();
        readings.map(|reading| reading.rows.len()).sum()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// When the last ones were taken.
    #[must_use]
    pub fn last_at(&self) -> Option<SimTime> {
        self.readings.last().map(Reading::at)
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        let mut all = Self::default();
        for sample in samples {
            all.push(sample);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignor::TopicId;

    fn sample(seconds: u64, partition: u32, lag: u64) -> Sample {
        let topic = TopicId(0);
        let at = SimTime::from_millis(seconds * 1_000);
        Sample {
            at,
            group: GroupId(0),
            partition: TopicPartition { topic, partition },
            log_end: 100,
            processed: 100 - lag,
            committed: (partition == 0).then_some(90),
            oldest_due: (lag > 0).then_some(at),
        }
    }

    #[test]
    fn what_is_read_is_what_was_taken() {
        let taken = [
            sample(1, 0, 0),
            sample(1, 1, 7),
            sample(2, 0, 3),
            sample(2, 1, 0),
            sample(3, 0, 0),
            sample(3, 1, 1),
            sample(3, 2, 0),
        ];
        let mut samples = Samples::default();
        samples.extend(&taken[..2]);
        samples.extend(&taken[2..4]);
        samples.extend(&taken[4..]);
        assert!(samples.iter().eq(taken));
        assert_eq!(samples.len(), 7);
        assert_eq!(samples.last_at(), Some(SimTime::from_millis(3_000)));
        let one_by_one: Samples = taken.into_iter().collect();
        assert_eq!(one_by_one, samples);
        let readings = samples.readings();
        let places = readings.iter().map(|reading| reading.places().len());
        assert_eq!(places.collect::<Vec<_>>(), [2, 2, 3]);
        let shares = Arc::ptr_eq(&readings[0].places, &readings[1].places);
        assert!(shares, "the same places are kept once");
    }
}
