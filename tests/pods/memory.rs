//! Memory of pods: what restoring and fetching fill, to the microsecond and the byte.

use super::{facts, play};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::timeline::{ContainerEnd, Observation, PlatformFact, Timeline};

/// When a container first needed more than it may use: needed, partitions, buffered bytes.
fn exceeded(timeline: &Timeline) -> Option<(SimTime, u64, u32, u64)> {
    facts(timeline).find_map(|(at, fact)| match fact {
        PlatformFact::MemoryExceeded {
            needed,
            partitions,
            buffered,
            ..
        } => Some((at, *needed, *partitions, *buffered)),
        _ => None,
    })
}

fn is_killed_at(timeline: &Timeline, when: SimTime) -> bool {
    facts(timeline).any(|(at, fact)| {
        let why = ContainerEnd::OutOfMemory;
        at == when
            && matches!(fact, PlatformFact::ContainerEnded { why: found, .. } if *found == why)
    })
}

fn first_restore(timeline: &Timeline) -> SimTime {
    let mut entries = timeline.entries.iter();
    let begun = entries.find(|entry| {
        let what = &entry.observation;
        matches!(what, Observation::RestoreStarted { .. })
    });
    begun.expect("state is restored").at
}

/// Twelve partitions of four pods, which are to be three or two.
fn restoring(replicas: u32, pod: &str) -> String {
    format!(
        "
version: 1
name: filling
duration: 5m
topics: {{ orders: {{ partitions: 12, rate: 120/s }} }}
groups:
  checkout:
    topics: [orders]
    processing: {{ per_record: 1ms }}
    config: {{ partition.assignment.strategy: cooperative-sticky }}
    listener: {{ on_assigned: {{ restore: {{ bytes_per_partition: 10MB, rate: 1MB/s }} }} }}
deployments: {{ checkout: {{ group: checkout, spec: {{ replicas: 4 }}, pod: {{ {pod} }} }} }}
events: [ {{ at: 60s, scale: checkout, to: {replicas} }} ]
"
    )
}

/// Base 100 MiB and 100 MiB a partition under 500 MiB: four fit. Two pods hold three each and get three more, 10 s of state each: one fits,
/// so the limit is reached after 10 s of restoring, and crossed a microsecond later, by the 10 bytes that this brings.
#[test]
fn the_instant_at_which_restored_state_fills_memory_is_known() {
    let memory =
        "memory: { limit: 500MiB, base: 100MiB, per_partition: 100MiB, per_buffered_byte: 0 }";
    let timeline = play(&restoring(2, memory));
    let full = first_restore(&timeline) + SimDuration::from_micros(10_000_001);
    assert_eq!(exceeded(&timeline), Some((full, (500 << 20) + 10, 6, 0)));
    assert!(is_killed_at(&timeline, full));
    // Three pods get one more each, and that is all that fits.
    assert_eq!(exceeded(&play(&restoring(3, memory))), None);
    // Without state to restore a partition weighs at once.
    let at_once = restoring(2, memory).replace("listener:", "#");
    let (when, needed, ..) = exceeded(&play(&at_once)).expect("too much");
    assert!(when < full && needed == 700 << 20, "{when} {needed}");
}

/// A process that stands still does not fill.
#[test]
fn a_standstill_puts_the_crossing_off() {
    let memory =
        "memory: { limit: 500MiB, base: 100MiB, per_partition: 100MiB, per_buffered_byte: 0 }";
    let calm = restoring(2, memory);
    let begun = first_restore(&play(&calm)).as_micros() / 1_000_000;
    let frozen = calm.replace(
        "to: 2 }",
        &format!(
            "to: 2 }}, {{ at: {}s, freeze: checkout/*, for: 3s }}",
            begun + 2
        ),
    );
    let timeline = play(&frozen);
    let full = first_restore(&timeline) + SimDuration::from_micros(13_000_001);
    let (when, needed, ..) = exceeded(&timeline).expect("too much");
    // Three share the way in, and what has passed is whole microseconds of each.
    assert!(
        full <= when && when <= full + SimDuration::from_micros(3),
        "{when} {full}"
    );
    assert!(needed.abs_diff((500 << 20) + 10) <= 30, "{needed}");
}

/// One pod far behind, one partition on each of three brokers, records of 1,000 bytes that take 10 ms each, 900 to a fetch.
fn behind(limit: u64, more: &str) -> String {
    format!(
        "
version: 1
name: behind
duration: 60s
topics: {{ orders: {{ partitions: 3, rate: 3/s, backlog: 600000, record_size: 1000B }} }}
groups:
  checkout:
    topics: [orders]
    processing: {{ per_record: 10ms }}
    config: {{ max.partition.fetch.bytes: 900000{more} }}
deployments:
  checkout:
    group: checkout
    spec: {{ replicas: 1 }}
    pod: {{ memory: {{ limit: {limit}B, per_buffered_byte: 2 }} }}
"
    )
}

/// Three answers bring 2,700,000 bytes. The first poll returns 500 records, the second, 5 s later, the other 400 of the first partition, which is
/// fetched again: 900 + 800 + 900 wait then and 500 are worked on, 3,100,000 bytes, twice that in memory.
#[test]
fn what_is_fetched_and_worked_on_weighs_from_its_arrival() {
    let bytes = |limit| {
        let found = exceeded(&play(&behind(limit, "")))?;
        Some((found.0.as_micros() / 1_000, found.1, found.3))
    };
    assert_eq!(bytes(5_399_999), Some((1, 5_400_000, 2_700_000)));
    let (when, needed, buffered) = bytes(5_400_000).expect("too much");
    assert_eq!((needed, buffered), (6_200_000, 3_100_000));
    assert!((5_000..5_010).contains(&when), "{when}");
    assert_eq!(bytes(6_400_000), None, "a batch and three answers");
}

/// Who is weighed at every answer does the same as who is not.
#[test]
fn weighing_changes_nothing() {
    for more in ["", ", group.protocol: consumer", ", max.poll.records: 70"] {
        let [near, far] = [6_400_000, 64_000_000].map(|limit| play(&behind(limit, more)));
        assert_eq!(exceeded(&near), None, "{more}");
        assert_eq!(near.entries, far.entries, "{more}");
        assert_eq!(near.samples, far.samples, "{more}");
    }
}

/// Consumers of one pod share its memory.
#[test]
fn consumers_of_a_pod_are_weighed_together() {
    let memory =
        "memory: { limit: 500MiB, base: 100MiB, per_partition: 50MiB, per_buffered_byte: 0 }";
    let two = restoring(2, memory).replace(
        "group: checkout, spec",
        "group: checkout, consumers_per_pod: 2, spec",
    );
    // Eight consumers of four pods hold one or two each; four of two pods hold three each: six a pod, 400 MiB.
    assert_eq!(exceeded(&play(&two)), None);
    let less = two.replace("limit: 500MiB", "limit: 390MiB");
    let timeline = play(&less);
    let (when, needed, partitions, _) = exceeded(&timeline).expect("too much");
    assert!((390 << 20) < needed && needed < (391 << 20), "{needed}");
    assert!(partitions == 6 && is_killed_at(&timeline, when));
}

/// OOM-1 in the loop: with one of five lost nobody dies; with two lost the three that are left die one after the other, each in a rebalance of its
/// own, who has least to load first.
#[test]
fn oom_1_two_lost_take_the_rest_down_in_turn() {
    let path = format!("{}/scenarios/cascade-oom.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a shipped scenario");
    let scenario = super::load("c.yaml", &text, &mut super::NoFiles, &Default::default());
    let scenario = scenario.expect("a good scenario");
    let run = |name: &str| {
        let plan = scenario.plans.iter().find(|plan| plan.variant == name);
        let options = rebsim::cluster::Options::default();
        rebsim::cluster::simulate(plan.expect("a variant"), rebsim::kernel::Seed(1), &options)
            .expect("a run that ends")
    };
    assert_eq!(exceeded(&run("one-lost")), None);
    let timeline = run("two-lost");
    let mut deaths = Vec::new();
    let mut completed = Vec::new();
    for entry in &timeline.entries {
        match &entry.observation {
            Observation::Platform(PlatformFact::MemoryExceeded {
                consumer,
                partitions: 40,
                in_full,
                ..
            }) if deaths.iter().all(|(_, who)| who != consumer) => {
                assert_eq!(*in_full >> 20, 1_200, "at least, with what is buffered");
                deaths.push((entry.at, *consumer));
            }
            Observation::JoinComplete { .. } => completed.push(entry.at),
            _ => {}
        }
    }
    let [(first, _), (second, _), (third, _)] = deaths[..] else {
        panic!("three were left: {deaths:?}")
    };
    let between = |from, to| completed.iter().any(|at| from < *at && *at < to);
    assert!(between(first, second) && between(second, third));
    // Nobody has died before: 1.2 of 40 partitions of 4 s each.
    let begun = completed.iter().rfind(|at| **at < first).expect("three");
    let loaded = first.since(*begun).as_micros();
    assert!((4_500_000..4_900_000).contains(&loaded), "{loaded}");
}
