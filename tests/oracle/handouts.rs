//! Which records are handed out: never one out of turn, too early, twice without cause, from a paused or foreign partition; and never
//! none for long when there are some.

use std::collections::{BTreeMap, BTreeSet};

use rebsim::assignor::{ConsumerId, TopicPartition};
use rebsim::cluster::{Calibration, Options};
use rebsim::kernel::Seed;
use rebsim::scenario::plan::{Plan, Verb};
use rebsim::timeline::{Entry, Observation, Timeline};

use crate::groups::Case;
use crate::steps::{for_all, options, play};
use crate::traffic::{Traffic, list};

type Place = (ConsumerId, TopicPartition);

/// What is known of hand-outs while the entries go by.
struct Watch<'a> {
    plan: &'a Plan,
    traffic: &'a [Traffic],
    append_delay: u64,
    /// Where each client goes on in each partition that it may read.
    positions: BTreeMap<Place, u64>,
    /// Partitions that a client may return records of.
    open: BTreeSet<Place>,
    paused_until: Vec<(TopicPartition, u64)>,
    /// Partitions of each topic.
    counts: Vec<u32>,
    /// Every offset that somebody's position has been at, by partition.
    been_at: BTreeSet<(TopicPartition, u64)>,
}

impl Watch<'_> {
    fn is_paused(&self, partition: TopicPartition, at: u64) -> bool {
        let mut pauses = self.paused_until.iter();
        pauses.any(|&(paused, until)| paused == partition && at < until)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), String> {
        let at = entry.at.as_micros();
        match &entry.observation {
            Observation::PositionKnown { consumer, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.positions.insert((*consumer, *partition), *offset);
                    self.been_at.insert((*partition, *offset));
                    self.open.insert((*consumer, *partition));
                }
            }
            Observation::Released {
                consumer,
                why,
                log_ends,
            } => {
                use rebsim::timeline::ReleaseReason as Why;
                match why {
                    // While its coordinator is away, a client that has exceeded its poll interval goes on with what it has
                    // (`ConsumerCoordinator.poll` returns before it rejoins).
                    Why::Frozen | Why::Disconnected | Why::PollDeadline => {}
                    Why::PendingRevocation | Why::Revoked | Why::Lost | Why::Gone => {
                        for (partition, _) in log_ends.iter() {
                            self.open.remove(&(*consumer, *partition));
                        }
                    }
                }
            }
            // After a round without a callback (all is kept) or with one, what is kept goes on.
            Observation::Serving { consumer, log_ends } => {
                let places = log_ends
                    .iter()
                    .map(|(partition, _)| (*consumer, *partition));
                self.open.extend(places);
            }
            Observation::ConsumerStarted { consumer } => {
                self.positions.retain(|place, _| place.0 != *consumer);
                self.open.retain(|place| place.0 != *consumer);
            }
            Observation::Action {
                event,
                verb: "pause",
                ..
            } => {
                let Verb::Pause(topic, only, length) = self.plan.events[*event as usize].verb
                else {
                    panic!("a pause")
                };
                let until = at + length.as_micros();
                for traffic in self.traffic {
                    let place = traffic.partition;
                    let there = place.partition < self.counts[topic.index()];
                    if there
                        && place.topic == topic
                        && only.is_none_or(|only| only == place.partition)
                    {
                        self.paused_until.push((place, until));
                    }
                }
            }
            Observation::PartitionsAdded {
                topic, partitions, ..
            } => self.counts[topic.index()] = *partitions,
            Observation::Polled { consumer, offsets } => {
                return self.polled(at, *consumer, offsets);
            }
            Observation::OffsetsCommitted { offsets, .. } => {
                for &(partition, offset) in offsets.iter() {
                    if !self.been_at.contains(&(partition, offset)) {
                        return Err(format!(
                            "{at}: {partition:?} committed to {offset}, where nobody has been"
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn polled(
        &mut self,
        at: u64,
        consumer: ConsumerId,
        offsets: &[(TopicPartition, u64, u64)],
    ) -> Result<(), String> {
        let config = &self.plan.consumers[consumer.index()].config;
        let all: u64 = offsets.iter().map(|&(_, from, to)| to - from).sum();
        if all == 0 || all > u64::from(config.max_poll_records) {
            return Err(format!("{at}: {all} records in one poll()"));
        }
        for &(partition, from, to) in offsets {
            let place = (consumer, partition);
            if !self.open.contains(&place) {
                return Err(format!(
                    "{at}: {consumer:?} returns records of {partition:?}, which it may not"
                ));
            }
            if self.is_paused(partition, at) {
                return Err(format!("{at}: {partition:?} is paused"));
            }
            if self.positions.insert(place, to) != Some(from) {
                return Err(format!(
                    "{at}: {consumer:?} {partition:?} goes on at {from}"
                ));
            }
            self.been_at.insert((partition, to));
            let traffic = self
                .traffic
                .iter()
                .find(|traffic| traffic.partition == partition);
            let last = usize::try_from(to - 1).expect("few");
            let due = traffic.and_then(|traffic| traffic.dues.get(last));
            if due.is_none_or(|due| due + self.append_delay > at) {
                return Err(format!(
                    "{at}: {partition:?} hands out {from}..{to} before it is there"
                ));
            }
        }
        Ok(())
    }
}

/// The longest time that a client may take from the moment at which it is free and a partition that it serves has records: a parked
/// fetch, another request behind it, some round trips; and, where the coordinator goes away, a `commitSync` that waits for it.
fn patience(case: &Case, consumer: ConsumerId) -> u64 {
    let config = &case.plan.consumers[consumer.index()].config;
    let waits = case.text.contains("style: sync") && case.text.contains("coordinator:");
    let for_coordinator = if waits {
        config.default_api_timeout.as_micros()
    } else {
        0
    };
    2 * config.fetch_max_wait.as_micros() + 200_000 + for_coordinator
}

/// Nothing but records moves between two entries of other kinds: whoever is free then returns what there is.
fn starved(case: &Case, timeline: &Timeline, traffic: &mut [Traffic]) -> Option<String> {
    let mut positions: BTreeMap<Place, u64> = BTreeMap::new();
    let mut serves: BTreeSet<Place> = BTreeSet::new();
    // When the last batch ended; a client of which this is not known is not judged.
    let mut free_at: BTreeMap<ConsumerId, u64> = BTreeMap::new();
    let mut batch: BTreeMap<ConsumerId, Vec<(TopicPartition, u64, u64)>> = BTreeMap::new();
    let mut quiet_since = 0;
    for (index, entry) in timeline.entries.iter().enumerate() {
        let at = entry.at.as_micros();
        match &entry.observation {
            Observation::Polled { consumer, offsets } => {
                for &(partition, _, to) in offsets.iter() {
                    positions.insert((*consumer, partition), to);
                }
                batch.insert(*consumer, offsets.to_vec());
                free_at.remove(consumer);
            }
            Observation::BatchStarted { consumer } => {
                let spec = &case.plan.consumers[consumer.index()];
                let mut ends = at;
                for (partition, from, to) in batch.remove(consumer).into_iter().flatten() {
                    let log = traffic.iter_mut().find(|log| log.partition == partition)?;
                    for offset in from..to {
                        ends += log.cost(&spec.processing.per_record, offset, 1_000);
                    }
                }
                free_at.insert(*consumer, ends);
            }
            Observation::OffsetsCommitted { .. } => {}
            other => {
                quiet_since = at;
                free_at.clear();
                match other {
                    Observation::PositionKnown { consumer, offsets } => {
                        for (partition, offset) in offsets.iter() {
                            positions.insert((*consumer, *partition), *offset);
                        }
                    }
                    Observation::Serving { consumer, log_ends } => {
                        let places = log_ends
                            .iter()
                            .map(|(partition, _)| (*consumer, *partition));
                        serves.extend(places);
                    }
                    Observation::Released {
                        consumer, log_ends, ..
                    } => {
                        for (partition, _) in log_ends.iter() {
                            serves.remove(&(*consumer, *partition));
                        }
                    }
                    _ => {}
                }
            }
        }
        let next = timeline.entries.get(index + 1);
        let until = next.map_or(timeline.horizon, |next| next.at).as_micros();
        for &(consumer, partition) in &serves {
            let position = usize::try_from(positions[&(consumer, partition)]).expect("few");
            let log = traffic.iter().find(|log| log.partition == partition)?;
            if let (Some(free), Some(due)) = (free_at.get(&consumer), log.dues.get(position)) {
                let since = quiet_since.max(*free).max(*due);
                if since + patience(case, consumer) < until {
                    return Some(format!(
                        "{consumer:?} returns nothing of {partition:?} from {since} to {until}"
                    ));
                }
            }
        }
    }
    None
}

#[test]
fn hand_outs_are_in_turn_and_in_time() {
    for_all(|case| {
        let options = Options {
            observe_polls: true,
            ..options(case)
        };
        let timeline = play(case, &options);
        let mut traffic = list(&case.plan, Seed(case.number), &timeline);
        let calibration: &Calibration = &case.calibration;
        let mut watch = Watch {
            plan: &case.plan,
            traffic: &traffic,
            append_delay: calibration.append_delay.as_micros(),
            positions: BTreeMap::new(),
            open: BTreeSet::new(),
            paused_until: Vec::new(),
            counts: case
                .plan
                .topics
                .iter()
                .map(|topic| topic.partitions)
                .collect(),
            been_at: BTreeSet::new(),
        };
        let wrong = timeline
            .entries
            .iter()
            .find_map(|entry| watch.entry(entry).err());
        let paused = case.text.contains("pause:") || case.text.contains("slow:");
        wrong.or_else(|| {
            (!paused)
                .then(|| starved(case, &timeline, &mut traffic))
                .flatten()
        })
    });
}
