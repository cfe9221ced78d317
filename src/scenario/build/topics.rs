//! `topics`: partitions, load, skew, backlog.

use crate::scenario::code::Code;
use crate::scenario::plan::Topic;
use crate::scenario::shape::{Item, Pair, Typed};
use crate::workload::arrivals::{LoadTerm, Skew};

use super::Builder;

impl Builder<'_, '_> {
    /// The topics, in order.
    pub(super) fn topics(&mut self, item: Option<&Item>) -> Vec<Topic> {
        let pairs = item.map_or(&[][..], Item::pairs);
        pairs.iter().map(|pair| self.topic(pair)).collect()
    }

    fn topic(&mut self, pair: &Pair) -> Topic {
        let item = &pair.item;
        let partitions = item.get("partitions").and_then(Item::integer);
        let partitions = partitions.and_then(|number| u32::try_from(number).ok());
        let (load, per_partition) = self.load(item);
        let size = item.get("record_size");
        let record_size = match size.map(|size| &size.value) {
            Some(Typed::Size(bytes)) => *bytes,
            _ => 1_024,
        };
        if let Some(size) = size.filter(|_| !(1..=1 << 30).contains(&record_size)) {
            self.error(Code::Limit, size, "a record has from 1B to 1GiB");
        }
        let skew = match item.get("skew") {
            Some(at) => self.skew(at, partitions),
            None => Skew::Even,
        };
        if per_partition
            && skew != Skew::Even
            && let Some(pair) = item.pair("skew")
        {
            self.error(
                Code::Exclusive,
                &pair.item,
                "`skew` changes nothing beside `rate_per_partition`",
            );
        }
        let replicas = item.get("replicas").and_then(Item::integer).unwrap_or(1);
        Topic {
            name: pair.key.clone(),
            partitions: partitions.unwrap_or(0),
            load,
            per_partition,
            skew,
            record_size,
            backlog: self.backlog(item.get("backlog"), partitions),
            replicas: u32::try_from(replicas).unwrap_or(1),
        }
    }

    fn load(&mut self, item: &Item) -> (Vec<LoadTerm>, bool) {
        if let Some(rate) = item.get("rate").and_then(Item::rate) {
            return (vec![LoadTerm::Constant(rate)], false);
        }
        if let Some(rate) = item.get("rate_per_partition").and_then(Item::rate) {
            return (vec![LoadTerm::Constant(rate)], true);
        }
        let terms = item.get("load").map_or(&[][..], Item::items);
        (
            terms.iter().filter_map(|term| self.term(term)).collect(),
            false,
        )
    }

    fn skew(&mut self, item: &Item, known: Option<u32>) -> Skew {
        if let Some(zipf) = item.get("zipf") {
            return Skew::Zipf {
                keys: zipf.get("keys").and_then(Item::integer).unwrap_or(1),
                exponent: zipf.get("exponent").and_then(Item::number).unwrap_or(0.0),
            };
        }
        if let Some(at) = item.get("weights") {
            let weights: Vec<f64> = at.items().iter().filter_map(Item::number).collect();
            let count = at.items().len();
            if let Some(partitions) = known.filter(|partitions| *partitions as usize != count) {
                let message = format!("{count} weights for {partitions} partitions");
                self.error(Code::Partitions, at, message);
            } else if weights.len() == count && weights.iter().all(|weight| *weight <= 0.0) {
                self.error(Code::Partitions, at, "one weight at least must be above 0");
            }
            return Skew::Weights(weights);
        }
        let Some(hot) = item.get("hot") else {
            return Skew::Even;
        };
        let partitions = known.unwrap_or(u32::MAX);
        let mut numbers = Vec::new();
        for at in hot.get("partitions").map_or(&[][..], Item::items) {
            let Some(number) = at.integer() else { continue };
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            if number >= partitions || numbers.contains(&number) {
                let message =
                    format!("partition {number} is none of 0..{partitions}, or named twice");
                self.error(Code::Partitions, at, message);
            }
            numbers.push(number);
        }
        if hot
            .get("partitions")
            .is_some_and(|at| !at.is_wrong() && at.items().is_empty())
        {
            self.error(Code::Partitions, hot, "`hot` names no partition");
        }
        Skew::Hot {
            partitions: numbers,
            share: hot.get("share").map_or(0.0, share),
        }
    }

    fn backlog(&mut self, item: Option<&Item>, known: Option<u32>) -> Vec<u64> {
        let partitions = known.unwrap_or(0);
        let each = |records| vec![records; partitions as usize];
        let Some(item) = item else { return each(0) };
        match &item.value {
            Typed::Integer(total) => {
                let count = u64::from(partitions.max(1));
                let share = |p| total / count + u64::from(p < total % count);
                (0..count).map(share).collect()
            }
            Typed::List(items) => {
                if known.is_some() && items.len() != partitions as usize {
                    let message = format!("{} backlogs for {partitions} partitions", items.len());
                    self.error(Code::Partitions, item, message);
                }
                items.iter().filter_map(Item::integer).collect()
            }
            _ => each(
                item.get("per_partition")
                    .and_then(Item::integer)
                    .unwrap_or(0),
            ),
        }
    }
}

/// A share as a number of 0..=1.
#[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
fn share(item: &Item) -> f64 {
    match item.value {
        Typed::Share(thousandths) => thousandths as f64 / 100_000.0,
        _ => 0.0,
    }
}
