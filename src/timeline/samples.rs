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

/// Not a figure: there is none.
const NONE: u32 = u32::MAX;

/// Not a figure: the sample is kept apart.
const APART: u32 = u32::MAX - 1;

/// The figures of a sample, in 16 bytes: all but the first by how far they are from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    log_end: u32,
    /// Records not processed.
    lag: u32,
    /// Records processed and not committed, or [`NONE`].
    uncommitted: u32,
    /// Microseconds since the oldest record was due, or [`NONE`], or [`APART`].
    age: u32,
}

impl Row {
    /// It stands for a sample that does not fit.
    const ELSEWHERE: Self = Self {
        log_end: 0,
        lag: 0,
        uncommitted: 0,
        age: APART,
    };

    /// `None`: the figures of `sample` are too far from each other.
    fn of(sample: &Sample) -> Option<Self> {
        let narrow = |figure: u64| u32::try_from(figure).ok().filter(|&figure| figure < APART);
        let processed = sample.processed;
        Some(Self {
            log_end: narrow(sample.log_end)?,
            lag: narrow(sample.log_end.checked_sub(processed)?)?,
            uncommitted: match sample.committed {
                Some(committed) => narrow(processed.checked_sub(committed)?)?,
                None => NONE,
            },
            age: match sample.oldest_due {
                Some(due) if due <= sample.at => narrow(sample.at.since(due).as_micros())?,
                Some(_) => return None,
                None => NONE,
            },
        })
    }
}

/// The samples of one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    at: SimTime,
    /// Of what, row by row: the same list at every instant, until there are more partitions.
    places: Arc<Vec<Place>>,
    rows: Arc<Vec<Row>>,
    /// Samples that do not fit into a row, by its index, in order.
    apart: Arc<Vec<(usize, Sample)>>,
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
        let row = self.rows[index];
        if row.age == APART
            && let Ok(place) = self.apart.binary_search_by_key(&index, |&(at, _)| at)
        {
            return self.apart[place].1;
        }
        let (group, partition) = self.places[index];
        let figure = |figure: u32| (figure != NONE).then_some(u64::from(figure));
        let log_end = u64::from(row.log_end);
        let processed = log_end - u64::from(row.lag);
        let due = |age| SimTime::from_micros(self.at.as_micros() - age);
        Sample {
            at: self.at,
            group,
            partition,
            log_end,
            processed,
            committed: figure(row.uncommitted).map(|less| processed - less),
            oldest_due: figure(row.age).map(due),
        }
    }

    /// The samples, in order.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = Sample> + Clone {
        (0..self.rows.len()).map(|index| self.sample(index))
    }
}

/// The samples of one instant while they are taken.
#[derive(Debug)]
pub struct Taking {
    at: SimTime,
    /// The places of the instant before: those of this one, as far as they have come, if it has no list of its own.
    before: Arc<Vec<Place>>,
    places: Option<Vec<Place>>,
    rows: Vec<Row>,
    apart: Vec<(usize, Sample)>,
}

impl Taking {
    /// The next sample of this instant.
    pub fn push(&mut self, sample: Sample) {
        let (place, index) = ((sample.group, sample.partition), self.rows.len());
        match &mut self.places {
            Some(places) => places.push(place),
            None if self.before.get(index) == Some(&place) => {}
            None => {
                let mut places = self.before[..index].to_vec();
                places.push(place);
                self.places = Some(places);
            }
        }
        let row = Row::of(&sample);
        if row.is_none() {
            self.apart.push((index, sample));
        }
        self.rows.push(row.unwrap_or(Row::ELSEWHERE));
    }

    fn taken(self) -> Reading {
        let places = match self.places {
            Some(places) => Arc::new(places),
            // Of the same places as those before: one list will do.
            None if self.before.len() == self.rows.len() => self.before,
            None => Arc::new(self.before[..self.rows.len()].to_vec()),
        };
        Reading {
            at: self.at,
            places,
            rows: Arc::new(self.rows),
            apart: Arc::new(self.apart),
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
        let begun = self.readings.pop_if(|reading| reading.at == sample.at);
        let mut taking = self.begin(sample.at);
        for taken in begun.iter().flat_map(Reading::samples) {
            taking.push(taken);
        }
        taking.push(sample);
        self.add(taking);
    }

    /// Begins with an instant, later than the last one.
    #[must_use]
    pub fn begin(&self, at: SimTime) -> Taking {
        let last = self.readings.last();
        let before = last.map_or_else(Arc::default, |last| Arc::clone(&last.places));
        Taking {
            at,
            rows: Vec::with_capacity(before.len()),
            before,
            places: None,
            apart: Vec::new(),
        }
    }

    /// Adds the samples of an instant.
    pub fn add(&mut self, taking: Taking) {
        self.readings.push(taking.taken());
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
        for instant in taken.chunk_by(|one, next| one.at == next.at) {
            let mut taking = samples.begin(instant[0].at);
            for &sample in instant {
                taking.push(sample);
            }
            samples.add(taking);
        }
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

    #[test]
    fn what_does_not_fit_is_kept_as_it_is() {
        let far = u64::from(u32::MAX);
        let fits = sample(10_000, 0, 7);
        let odd = [
            Sample {
                log_end: far + 5,
                processed: far + 2,
                committed: Some(far),
                ..fits
            },
            Sample {
                processed: 200,
                ..fits
            },
            Sample {
                committed: Some(99),
                ..fits
            },
            Sample {
                oldest_due: Some(SimTime::ZERO),
                ..fits
            },
            Sample {
                oldest_due: Some(fits.at + crate::kernel::SimDuration::from_secs(1)),
                ..fits
            },
        ];
        let partition = |number| TopicPartition {
            partition: number,
            ..fits.partition
        };
        let all: Vec<Sample> = (0..)
            .zip([fits].into_iter().chain(odd).chain([fits]))
            .map(|(number, sample)| Sample {
                partition: partition(number),
                ..sample
            })
            .collect();
        let samples: Samples = all.iter().copied().collect();
        assert!(samples.iter().eq(all));
    }
}
