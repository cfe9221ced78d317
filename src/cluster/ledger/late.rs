//! What an account keeps to add up later: latencies that follow a rule, and to whom records are credited.
//!
//! A histogram is tens of kilobytes and there is one a partition: touched at every batch, a thousand of them are in nobody's cache. So
//! latencies wait here by the rule that they follow, and go into the histogram many at a time. What is looked at each time, the last
//! rule and whom the last records were credited to, lies in the account itself, and the lists are only written to.

use crate::assignor::ConsumerId;
use crate::timeline::Histogram;

/// Rules that wait before they go into the histogram.
const WAITING: usize = 256;

/// Latencies at even distances, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progression {
    pub(super) first: u64,
    /// From each to the next.
    pub(super) step: i64,
    pub(super) count: u64,
    /// How often all of them occur.
    pub(super) times: u64,
}

impl Progression {
    /// One latency, that many times.
    pub(super) fn of(latency: u64, times: u64) -> Self {
        Self {
            first: latency,
            step: 0,
            count: 1,
            times,
        }
    }
}

/// Latencies that are not in the histogram yet.
#[derive(Debug)]
pub(super) struct Latencies {
    /// Behind all that wait; it may not occur at all.
    last: Progression,
    waiting: Vec<Progression>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            last: Progression::of(0, 0),
            waiting: Vec::new(),
        }
    }
}

impl Latencies {
    pub(super) fn add(&mut self, latencies: Progression, histogram: &mut Histogram) {
        let last = &mut self.last;
        let is_alike = (last.first, last.step, last.count)
            == (latencies.first, latencies.step, latencies.count);
        if is_alike {
            last.times += latencies.times;
            return;
        }
        let before = std::mem::replace(last, latencies);
        if before.times > 0 {
            if self.waiting.len() == WAITING {
                self.pour(histogram);
            }
            self.waiting.push(before);
        }
    }

    fn pour(&mut self, histogram: &mut Histogram) {
        for rule in self.waiting.drain(..) {
            histogram.record_progression(rule.first, rule.step, rule.count, rule.times);
        }
    }

    /// All that was added is in the histogram, and nothing more will be.
    pub(super) fn pour_into(mut self, histogram: &mut Histogram) {
        self.pour(histogram);
        let last = self.last;
        histogram.record_progression(last.first, last.step, last.count, last.times);
    }
}

/// How many records each process ended. A process may stand in the list several times: that is put together when the list would grow.
#[derive(Debug, Default)]
pub(super) struct Credits {
    last: Option<(ConsumerId, u64)>,
    list: Vec<(ConsumerId, u64)>,
}

impl Credits {
    pub(super) fn add(&mut self, consumer: ConsumerId, records: u64) {
        if let Some((who, sum)) = &mut self.last
            && *who == consumer
        {
            *sum += records;
            return;
        }
        if let Some(before) = self.last.replace((consumer, records)) {
            self.put(before);
        }
    }

    fn put(&mut self, credit: (ConsumerId, u64)) {
        if self.list.len() == self.list.capacity() {
            self.list.sort_unstable();
            self.list.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 += next.1;
                }
                same
            });
            // Room for as many again, so that sorting is paid for by what was added since.
            self.list.reserve(self.list.len().max(4));
        }
        self.list.push(credit);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConsumerId, u64)> {
        self.list.iter().chain(&self.last).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn latencies_that_waited_are_the_same_histogram() {
        let (mut late, mut at_once) = (Latencies::default(), Histogram::default());
        let mut histogram = Histogram::default();
        for number in 0..3 * WAITING as u64 {
            let rule = Progression {
                first: 50_000 + number / 2 * 7,
                step: -40,
                count: number % 5,
                times: 1 + number % 3,
            };
            late.add(rule, &mut histogram);
            at_once.record_progression(rule.first, rule.step, rule.count, rule.times);
        }
        late.add(Progression::of(3, 7), &mut histogram);
        late.add(Progression::of(3, 2), &mut histogram);
        at_once.record_many(3, 9);
        late.pour_into(&mut histogram);
        assert_eq!(histogram, at_once);
    }

    #[test]
    fn two_that_take_turns_for_ever_take_up_a_line_or_two_each() {
        let mut credits = Credits::default();
        for number in 0..10_000 {
            credits.add(ConsumerId(number % 2), 1);
        }
        assert!(credits.iter().count() < 20, "{}", credits.iter().count());
        let mut sums: BTreeMap<ConsumerId, u64> = BTreeMap::new();
        for (consumer, records) in credits.iter() {
            *sums.entry(consumer).or_default() += records;
        }
        assert_eq!(sums.into_values().collect::<Vec<_>>(), [5_000, 5_000]);
    }
}
