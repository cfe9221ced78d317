//! The records of every partition, listed one by one, and what each costs.

use rebsim::assignor::{TopicId, TopicPartition};
use rebsim::kernel::{Seed, SimDuration, SimTime};
use rebsim::scenario::plan::{Plan, Verb};
use rebsim::timeline::{Observation, Timeline};
use rebsim::workload::arrivals::{LoadFactor, LoadTerm, Skew, TopicArrivals, TopicLoad};
use rebsim::workload::distribution::Distribution;
use rebsim::workload::service::ServiceTimes;

/// The records of one partition.
pub(crate) struct Traffic {
    pub(crate) partition: TopicPartition,
    /// When each is due, in microseconds, up to the end of the replication.
    pub(crate) dues: Vec<u64>,
    service: ServiceTimes,
}

impl Traffic {
    pub(crate) fn log_end(&self, at: u64) -> u64 {
        self.dues.iter().filter(|&&due| due <= at).count() as u64
    }

    /// Microseconds that the record takes, `factor` in thousandths.
    pub(crate) fn cost(&mut self, distribution: &Distribution, offset: u64, factor: u64) -> u64 {
        self.service.time(distribution, offset).as_micros() * factor / 1_000
    }
}

/// All partitions that exist by the end, by topic and number. Growth and factors of the load are taken from what happened.
pub(crate) fn list(plan: &Plan, seed: Seed, timeline: &Timeline) -> Vec<Traffic> {
    let mut all = Vec::new();
    for (position, topic) in plan.topics.iter().enumerate() {
        let id = TopicId(u32::try_from(position).expect("few topics"));
        let mut growth = vec![(SimTime::ZERO, topic.partitions)];
        let mut factors = Vec::new();
        for entry in &timeline.entries {
            match &entry.observation {
                Observation::PartitionsAdded {
                    topic, partitions, ..
                } if *topic == id => {
                    growth.push((entry.at, *partitions));
                }
                Observation::Action {
                    event,
                    verb: "load",
                    ..
                } => {
                    let Verb::Load(of, thousandths, length) = plan.events[*event as usize].verb
                    else {
                        panic!("the entry is about a load")
                    };
                    if of == id {
                        let (from, to) = (entry.at, entry.at + length);
                        factors.push(LoadFactor {
                            from,
                            to,
                            thousandths,
                        });
                    }
                }
                _ => {}
            }
        }
        let arrivals = TopicArrivals::new(&TopicLoad {
            topic: &topic.name,
            terms: &topic.load,
            per_partition: topic.per_partition,
            skew: &topic.skew,
            partitions: &growth,
            factors: &factors,
            backlog: &topic.backlog,
            until: SimTime::ZERO + plan.duration,
        })
        .expect("a sound load");
        for number in 0..arrivals.partitions() {
            let arrivals = arrivals.partition(seed, number);
            let until = plan.duration.as_micros();
            let due = |offset| arrivals.due(offset).as_micros();
            let dues: Vec<u64> = (0..).map(due).take_while(|due| *due <= until).collect();
            let plain = growth.len() == 1 && factors.is_empty() && topic.skew == Skew::Even;
            if let ([LoadTerm::Constant(rate)], true) = (topic.load.as_slice(), plain) {
                let backlog = topic.backlog.get(number as usize).copied().unwrap_or(0);
                let slow = evenly(
                    rate.records,
                    rate.per_micros,
                    topic.partitions,
                    backlog,
                    until,
                );
                assert_eq!(dues, slow, "{}-{number}", topic.name);
            }
            all.push(Traffic {
                partition: TopicPartition {
                    topic: id,
                    partition: number,
                },
                dues,
                service: ServiceTimes::new(seed, &topic.name, number),
            });
        }
    }
    all
}

/// Record k of a share of 1 / `partitions` is due in the first microsecond by which k + 1 records have come.
fn evenly(records: u64, per: u64, partitions: u32, backlog: u64, until: u64) -> Vec<u64> {
    let backlog = usize::try_from(backlog).expect("few");
    let mut dues = vec![0; backlog];
    for number in 1.. {
        let due = (number * per * u64::from(partitions)).div_ceil(records);
        if due > until {
            return dues;
        }
        dues.push(due);
    }
    dues
}

pub(crate) fn micros(length: SimDuration) -> u64 {
    length.as_micros()
}
