//! `topics`: partitions, load, skew, backlog.

use crate::kernel::words::counted;
use crate::scenario::code::Code;
use crate::scenario::plan::{Brokers, Topic};
use crate::scenario::shape::{Item, Pair, Typed};
use crate::workload::arrivals::{LoadTerm, Skew};

use super::Builder;

impl Builder<'_, '_> {
    /// The topics, by name.
    pub(super) fn topics(&mut self, item: Option<&Item>, brokers: &Brokers) -> Vec<Topic> {
        let pairs = item.map_or_else(Vec::new, Item::pairs_by_name);
        let pairs = pairs.into_iter().enumerate();
        pairs.map(|pair| self.topic(pair, brokers)).collect()
    }

    fn topic(&mut self, (position, pair): (usize, &Pair), brokers: &Brokers) -> Topic {
        let item = &pair.item;
        let partitions = item.get("partitions").and_then(Item::integer);
        let mut partitions = partitions.and_then(|number| u32::try_from(number).ok());
        let number = partitions.unwrap_or(0) as usize;
        if number > self.room.partitions {
            let at = item.get("partitions").unwrap_or(item);
            let message = "more than 4000000 partitions in all variants together";
            self.error(Code::Limit, at, message);
            partitions = None;
        } else {
            self.room.partitions -= number;
        }
        let (load, per_partition) = self.load(item);
        let spikes_alone = load
            .iter()
            .all(|term| matches!(term, LoadTerm::Spike { .. }));
        if let Some(at) = item
            .get("load")
            .filter(|_| spikes_alone && !load.is_empty())
        {
            self.error(
                Code::Workload,
                at,
                "a spike alone multiplies nothing: add a term",
            );
        }
        let size = item.get("record_size");
        let record_size = match size.map(|size| &size.value) {
            Some(Typed::Size(bytes)) => *bytes,
            _ => 1_024,
        };
        if let Some(size) = size.filter(|_| !(1..=1 << 30).contains(&record_size)) {
            self.error(Code::Limit, size, "a record has from 1B to 1GiB");
        }
        let skew = match item.get("skew") {
            Some(at) => skew(at).unwrap_or(Skew::Even),
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
            racks: self.replica_racks(pair, partitions, brokers, position),
        }
    }

    /// `racks`, which must fit the partitions and, where the brokers have racks, name the rack of each leader first.
    fn replica_racks(
        &mut self,
        pair: &Pair,
        partitions: Option<u32>,
        brokers: &Brokers,
        position: usize,
    ) -> Vec<Vec<String>> {
        let Some(at) = pair.item.get("racks").filter(|racks| !racks.is_wrong()) else {
            return Vec::new();
        };
        let names = |racks: &Item| -> Vec<String> {
            let racks = racks.items().iter().filter_map(Item::text);
            racks.map(str::to_owned).collect()
        };
        let racks: Vec<Vec<String>> = at.items().iter().map(names).collect();
        if let Some(replicas) = pair.item.get("replicas") {
            let message = "`replicas` changes nothing beside `racks`";
            self.error(Code::Exclusive, replicas, message);
        }
        if let Some(partitions) = partitions.filter(|number| racks.len() != *number as usize) {
            let message = format!(
                "racks of {} for {partitions}",
                counted(racks.len(), "partition")
            );
            self.error(Code::Partitions, at, message);
            return Vec::new();
        }
        for (partition, (item, named)) in at.items().iter().zip(&racks).enumerate() {
            let broker = (position + partition) % brokers.count.max(1) as usize;
            let leader = match brokers.racks.len() {
                0 => named.first(),
                racks => Some(&brokers.racks[broker % racks]),
            };
            if named.is_empty() {
                self.error(Code::Limit, item, "a partition has at least one replica");
            } else if named.first() != leader {
                let rack = leader.map_or("", String::as_str);
                let message = format!(
                    "partition {partition} is led by broker {broker}, which is in rack `{rack}`: its racks begin with that"
                );
                self.error(Code::Exclusive, item, message);
            }
        }
        racks
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

    /// Whether the skews fit the partitions that there are at the start and at the end.
    pub(super) fn skews(&mut self, item: Option<&Item>, topics: &[Topic], most: &[u32]) {
        let pairs = item.map_or_else(Vec::new, Item::pairs_by_name);
        for ((pair, topic), most) in pairs.into_iter().zip(topics).zip(most) {
            let skew = pair.item.get("skew").filter(|_| topic.partitions > 0);
            let Some(at) = skew.and_then(|skew| skew.pairs().first()) else {
                continue;
            };
            if let Err(refusal) = topic.skew.check(topic.partitions, *most) {
                self.refuse(&at.item, &refusal);
            }
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
                    let message = format!(
                        "{} for {}",
                        counted(items.len(), "backlog"),
                        counted(partitions, "partition")
                    );
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

/// How the load falls on partitions; `None` when a part of it has been reported already.
fn skew(item: &Item) -> Option<Skew> {
    if let Some(zipf) = item.get("zipf") {
        return Some(Skew::Zipf {
            keys: zipf.get("keys")?.integer()?,
            exponent: zipf.get("exponent")?.number()?,
        });
    }
    if let Some(at) = item.get("weights") {
        let weights = at.items().iter().map(Item::number);
        return Some(Skew::Weights(weights.collect::<Option<_>>()?));
    }
    let hot = item.get("hot")?;
    let number = |at: &Item| at.integer().and_then(|number| u32::try_from(number).ok());
    let partitions = hot.get("partitions")?.items().iter().map(number);
    Some(Skew::Hot {
        partitions: partitions.collect::<Option<_>>()?,
        share: share(hot.get("share")?),
    })
}

/// A share as a number of 0..=1.
#[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
fn share(item: &Item) -> f64 {
    match item.value {
        Typed::Share(thousandths) => thousandths as f64 / 100_000.0,
        _ => 0.0,
    }
}
