//! What consumers feel, in whole runs: processors, threads, neighbours, resources, records that fail, state, chance.

use std::sync::Arc;

use rebsim::assignor::ConsumerId;
use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::platform::node::NodeSpec;
use rebsim::scenario::plan::Plan;
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::{Observation, RemovalReason, Timeline};
use rebsim::workload::cpu::CpuBudget;

fn plan(text: &str, sets: &[&str]) -> Plan {
    let overrides = Overrides {
        set: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Overrides::default()
    };
    let scenario = load("feel.yaml", text, &mut NoFiles, &overrides)
        .unwrap_or_else(|rejected| panic!("{sets:?}\n{rejected}"));
    scenario.plans.into_iter().next().expect("one plan")
}

fn play(plan: &Plan) -> Timeline {
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    simulate(plan, Seed(7), &options).expect("a run that ends")
}

/// More waits than anybody can do in a minute.
const BUSY: &str = "
version: 1
name: busy
duration: 70s
measure: { from: 10s }
topics: { orders: { partitions: 40, rate: 1/s, backlog: 2000000 } }
groups:
  g: { topics: [orders], members: 1, processing: { per_record: 20ms }, commit: none }
";

/// Records a second of the whole group, and cores that it burnt, in thousandths.
fn done(plan: &Plan) -> (f64, f64) {
    let run = play(plan);
    let records: u64 = run.consumers.iter().map(|consumer| consumer.records).sum();
    let cpu: u64 = run.consumers.iter().map(|consumer| consumer.cpu_us).sum();
    (records as f64 / 60.0, cpu as f64 / 70_000.0)
}

fn near(found: f64, wanted: f64, part: f64) {
    assert!(
        (found - wanted).abs() <= wanted * part,
        "{found} instead of {wanted}"
    );
}

#[test]
fn cpu_1_waiting_burns_nothing() {
    let (rate, cores_m) = done(&plan(
        BUSY,
        &["groups.g.processing={per_record: 20ms, cpu_per_record: 2ms}"],
    ));
    near(rate, 50.0, 0.02);
    near(cores_m, 100.0, 0.02);
    // All of it burns unless something else is said.
    near(done(&plan(BUSY, &[])).1, 1_000.0, 0.02);
}

#[test]
fn cpu_2_a_quota_is_what_it_says() {
    let mut plan = plan(BUSY, &["groups.g.processing={per_record: 800us}"]);
    Arc::make_mut(&mut plan.consumers[0]).cpu = CpuBudget {
        limit_m: Some(1_000),
        idle_m: 50,
    };
    let (rate, cores_m) = done(&plan);
    near(rate, 1_187.5, 0.01);
    near(cores_m, 950.0, 0.01);
}

#[test]
fn a_quota_on_work_that_waits_binds_only_when_it_is_used_up() {
    let mut plan = plan(
        BUSY,
        &["groups.g.processing={per_record: 20ms, cpu_per_record: 2ms, threads: 8}"],
    );
    near(done(&plan).0, 400.0, 0.02);
    Arc::make_mut(&mut plan.consumers[0]).cpu.limit_m = Some(400);
    let (rate, cores_m) = done(&plan);
    near(rate, 200.0, 0.02);
    near(cores_m, 400.0, 0.02);
}

#[test]
fn threads_share_a_batch() {
    near(
        done(&plan(
            BUSY,
            &["groups.g.processing={per_record: 20ms, threads: 4}"],
        ))
        .0,
        200.0,
        0.03,
    );
}

#[test]
fn consumers_of_one_node_share_its_cores() {
    let mut plan = plan(
        BUSY,
        &[
            "groups.g.members=4",
            "groups.g.processing={per_record: 1ms}",
        ],
    );
    near(done(&plan).0, 4_000.0, 0.02);
    plan.platform.nodes = vec![NodeSpec {
        name: "big".to_owned(),
        cores_m: 2_000,
        rack: None,
    }];
    for consumer in &mut plan.consumers {
        Arc::make_mut(consumer).host = Some("big".to_owned());
    }
    let (rate, cores_m) = done(&plan);
    near(rate, 2_000.0, 0.03);
    near(cores_m, 2_000.0, 0.03);
    // Who wants little leaves the rest: one waits for most of its time, the others get what is left.
    Arc::make_mut(&mut plan.consumers[0])
        .processing
        .cpu_per_record = Some(rebsim::workload::distribution::Distribution::Constant(
        rebsim::kernel::SimDuration::from_micros(200),
    ));
    near(done(&plan).0, 1_000.0 + 1_800.0, 0.05);
}

#[test]
fn a_noisy_neighbour_takes_a_part_of_the_processor() {
    let noisy = "faults=[{noisy: g, every: 2s, for: 1h, leaves: 0.5}]";
    near(done(&plan(BUSY, &[noisy])).0, 25.0, 0.03);
    // Who waits does not notice.
    let waits = "groups.g.processing={per_record: 20ms, cpu_per_record: 2ms}";
    near(done(&plan(BUSY, &[noisy, waits])).0, 50.0, 0.03);
}

#[test]
fn a_resource_is_shared_and_more_callers_get_less_done() {
    let rate = |members: u32, contention: &str| {
        let members = format!("groups.g.members={members}");
        let resource = format!(
            "resources={{db: {{capacity: 500/s, latency: 10ms, contention: {contention}}}}}"
        );
        let processing = "groups.g.processing={per_record: 0s, downstream: db}";
        done(&plan(BUSY, &[&members, &resource, processing])).0
    };
    // Five callers fill it; the capacity is shared by more, unless they are in each other's way: 500 / (1 + 0.1 x 15).
    near(rate(2, "0%"), 200.0, 0.03);
    near(rate(5, "0%"), 500.0, 0.05);
    near(rate(20, "0%"), 500.0, 0.05);
    near(rate(20, "10%"), 200.0, 0.08);
}

/// A group in which little happens by itself.
const CALM: &str = "
version: 1
name: calm
duration: 120s
topics: { orders: { partitions: 6, rate: 60/s } }
groups:
  g:
    topics: [orders]
    members: 3
    processing: { per_record: 2ms }
    config: { session.timeout.ms: 10000, max.poll.interval.ms: 20000 }
events: [ { at: 20s, poison: orders-3 } ]
";

fn count(run: &Timeline, wanted: impl Fn(&Observation) -> bool) -> usize {
    let entries = run.entries.iter();
    entries.filter(|entry| wanted(&entry.observation)).count()
}

fn crashes(run: &Timeline) -> usize {
    count(run, |what| {
        matches!(what, Observation::ConsumerCrashed { .. })
    })
}

#[test]
fn a_poisoned_record_kills_one_after_the_other() {
    let run = play(&plan(CALM, &[]));
    assert_eq!(crashes(&run), 3);
    let partition = &run.partitions[3].1;
    // What was handed out before it was processed, and it never was: the position stands before it.
    let other = &run.partitions[2].1;
    assert!(partition.processed < other.processed && partition.lost == 0);
}

#[test]
fn a_poisoned_record_that_is_skipped_is_one_record_less() {
    let run = play(&plan(CALM, &["groups.g.processing.on_poison=skip"]));
    let skipped: Vec<u64> = run
        .partitions
        .iter()
        .map(|(_, totals)| totals.skipped)
        .collect();
    assert_eq!((crashes(&run), skipped), (0, vec![0, 0, 0, 1, 0, 0]));
    let processed = |place: usize| run.partitions[place].1.processed;
    assert!(
        processed(3).abs_diff(processed(2)) <= 2,
        "{} {}",
        processed(3),
        processed(2)
    );
}

#[test]
fn a_poisoned_record_that_is_retried_stops_whoever_has_it() {
    let run = play(&plan(CALM, &["groups.g.processing.on_poison=retry"]));
    let stuck = count(&run, |what| {
        matches!(what, Observation::PollDeadlineExceeded { .. })
    });
    assert_eq!((crashes(&run), stuck), (0, 3));
}

#[test]
fn failing_records_take_their_attempts() {
    // Every record fails to the last: three attempts of 20 ms and two pauses of 20 ms.
    let failures = "groups.g.processing={per_record: 20ms, failures: {share: 100%, retries: 2, backoff: 20ms}}";
    near(done(&plan(BUSY, &[failures])).0, 10.0, 0.02);
    // A fifth of the attempts: 1 + 0.2 + 0.04 attempts on average.
    let failures = "groups.g.processing={per_record: 20ms, failures: {share: 20%, retries: 2}}";
    near(done(&plan(BUSY, &[failures])).0, 50.0 / 1.24, 0.04);
}

/// Spans from the begin to the end of restoring, in milliseconds.
fn restores(run: &Timeline) -> Vec<u64> {
    let mut spans = Vec::new();
    for (place, entry) in run.entries.iter().enumerate() {
        let Observation::RestoreStarted {
            consumer,
            partition,
        } = entry.observation
        else {
            continue;
        };
        let over = run.entries[place..].iter().find(|other| {
            other.observation
                == Observation::RestoreEnded {
                    consumer,
                    partition,
                }
        });
        if let Some(over) = over {
            spans.push(over.at.since(entry.at).as_micros() / 1_000);
        }
    }
    spans
}

#[test]
fn state_is_restored_by_who_did_not_have_it() {
    let crash = "events=[{at: 20s, crash: g/0}]";
    let cooperative = "groups.g.config={partition.assignment.strategy: cooperative-sticky, session.timeout.ms: 10000}";
    let restore = "groups.g.listener={on_assigned: {restore: {records: 40000, rate: 10000/s}}}";
    // Each of the two others takes one of the two partitions: 40,000 records at 10,000/s.
    let run = play(&plan(CALM, &[crash, cooperative, restore]));
    assert_eq!(restores(&run), [4_000, 4_000]);
    // One takes both, which share the way in.
    let both = play(&plan(
        CALM,
        &[crash, cooperative, restore, "groups.g.members=2"],
    ));
    assert_eq!(restores(&both), [12_000; 3]);
    // Eager: what is revoked and comes back was held in the generation before.
    let eager =
        "groups.g.config={partition.assignment.strategy: sticky, session.timeout.ms: 10000}";
    let run = play(&plan(CALM, &[crash, eager, restore]));
    assert_eq!(restores(&run), [4_000, 4_000]);
    // A standby copy is 10,000 records behind.
    let standby =
        "groups.g.listener={on_assigned: {restore: {records: 40000, rate: 10000/s}, standbys: 1}}";
    let run = play(&plan(CALM, &[crash, cooperative, standby]));
    assert_eq!(restores(&run), [1_000, 1_000]);
}

#[test]
fn a_disk_that_outlives_the_process_needs_what_came_since() {
    let restart = "events=[{at: 20s, restart: g/0, down: 5s}]";
    let statically = "groups.g.static_membership=true";
    let restore = |more: &str| {
        format!(
            "groups.g.listener={{on_assigned: {{restore: {{records: 4000, rate: 1000/s}}{more}}}}}"
        )
    };
    let run = |more: &str| play(&plan(CALM, &[restart, statically, &restore(more)]));
    assert_eq!(restores(&run("")), [8_000, 8_000]);
    // 10 records/s of each of two partitions for some five seconds, at 1,000/s shared by two.
    let resumed = restores(&run(", resume_after_restart: true"));
    assert_eq!(resumed.len(), 2);
    assert!(
        resumed.iter().all(|span| (90..130).contains(span)),
        "{resumed:?}"
    );
}

/// When which fault befell whom.
fn strokes(run: &Timeline, wanted: &str) -> Vec<(u64, Option<ConsumerId>)> {
    let entries = run.entries.iter();
    entries
        .filter_map(|entry| match entry.observation {
            Observation::Fault { verb, consumer, .. } if verb == wanted => {
                Some((entry.at.as_micros(), consumer))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn another_fault_member_or_resource_moves_nobodys_dice() {
    let calm = "events=null";
    let freeze = "{freeze: g/1, every: {exponential: 9s}, for: {exponential: 200ms}}";
    let crash = "{crash: g/0, mtbf: 20s, repair: {exponential: 3s}}";
    let alone = play(&plan(CALM, &[calm, &format!("faults=[{freeze}]")]));
    let before = strokes(&alone, "freeze");
    assert!(before.len() > 4);
    for more in [
        format!("faults=[{crash}, {freeze}]"),
        format!("faults=[{{freeze: g/2, every: {{exponential: 5s}}, for: 100ms}}, {freeze}]"),
    ] {
        let run = play(&plan(
            CALM,
            &[
                calm,
                &more,
                "groups.g.members=4",
                "resources={db: {capacity: 9/s, latency: 1ms}}",
            ],
        ));
        let after: Vec<_> = strokes(&run, "freeze")
            .into_iter()
            .filter(|(_, who)| *who == Some(ConsumerId(1)))
            .collect();
        assert_eq!(after, before, "{more}");
        let arrivals = |run: &Timeline| {
            let on_grid = run
                .samples
                .iter()
                .filter(|sample| !run.between.contains(&sample.at));
            on_grid.map(|sample| sample.log_end).collect::<Vec<u64>>()
        };
        assert_eq!(arrivals(&run), arrivals(&alone));
    }
    let twice = play(&plan(CALM, &[calm, &format!("faults=[{crash}, {crash}]")]));
    let crashed = strokes(&twice, "crash");
    let mut instants: Vec<u64> = crashed.iter().map(|stroke| stroke.0).collect();
    instants.dedup();
    assert_eq!(
        instants.len(),
        crashed.len(),
        "two alike have dice of their own"
    );
}

#[test]
fn a_pause_longer_than_the_session_evicts() {
    let run = |length: &str| {
        let fault = format!("faults=[{{freeze: g/0, every: 40s, for: {length}}}]");
        let run = play(&plan(CALM, &["events=null", &fault]));
        count(&run, |what| {
            matches!(
                what,
                Observation::MemberRemoved {
                    consumer: ConsumerId(0),
                    why: RemovalReason::SessionExpired,
                    ..
                }
            )
        })
    };
    assert_eq!((run("6s"), run("14s")), (0, 2));
}

#[test]
fn a_crash_without_repair_stays() {
    let run = play(&plan(
        CALM,
        &["events=null", "faults=[{crash: g, mtbf: 10s}]"],
    ));
    assert_eq!(crashes(&run), 3);
    let run = play(&plan(
        CALM,
        &["events=null", "faults=[{crash: g, mtbf: 10s, repair: 2s}]"],
    ));
    assert!(crashes(&run) > 10);
}

/// Six partitions on three members; the first takes half of the load.
const HOT: &str = "
version: 1
name: hot
duration: 5m
topics: { orders: { partitions: 6, rate: 600/s, skew: { hot: { partitions: [0], share: 50% } } } }
groups:
  g: { topics: [orders], members: 3, processing: { per_record: 3ms } }
";

/// Most records that wait on all partitions together at a sample.
fn peak_lag(run: &Timeline) -> u64 {
    let mut waiting = std::collections::BTreeMap::new();
    for sample in run.samples.iter() {
        *waiting.entry(sample.at).or_insert(0) += sample.log_end.saturating_sub(sample.processed);
    }
    waiting.into_values().max().unwrap_or(0)
}

/// 300/s of the hot partition and 60/s of each other one, against 333/s of a member: range puts another beside it, 27/s too much.
#[test]
fn by_weight_a_hot_partition_stays_alone() {
    let with = |assignor: &str| {
        let config = format!("groups.g.config={{partition.assignment.strategy: {assignor}}}");
        let cold = play(&plan(HOT, &[&*config, "groups.g.start=cold"]));
        (peak_lag(&play(&plan(HOT, &[&*config]))), cold)
    };
    let ((range, _), (weighted, cold)) = (with("range"), with("x-weighted"));
    assert!((7_000..=9_500).contains(&range), "{range}");
    assert!(weighted <= range / 10, "{weighted} against {range}");
    // A group that starts from nothing has seen some seconds of the load when it assigns.
    let assigned = cold
        .entries
        .iter()
        .filter_map(|entry| match &entry.observation {
            Observation::Assigned {
                consumer,
                partitions,
            } => Some(partitions.iter().map(|one| (*consumer, one.partition))),
            _ => None,
        })
        .flatten();
    let assigned: Vec<(ConsumerId, u32)> = assigned.collect();
    let mut hot = assigned.iter().filter(|(_, partition)| *partition == 0);
    let (owner, _) = hot.next_back().expect("the hot partition is assigned");
    let last_six = &assigned[assigned.len() - 6..];
    let beside = last_six.iter().filter(|(consumer, _)| consumer == owner);
    assert_eq!(beside.count(), 1, "{assigned:?}");
}
