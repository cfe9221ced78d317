//! To whom records are credited: a list that is added up later. What is looked at each time, whom the last records were credited to, lies in the account
//! itself, and the list is only written to.

use crate::assignor::ConsumerId;

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
