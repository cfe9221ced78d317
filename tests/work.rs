//! What a run costs in work that can be counted: control events, polls, allocations. Times are never asserted.
//!
//! One test, because the allocator counts for the whole process.

use std::alloc::System;

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::metrics::evaluate;
use rebsim::scenario::{NoFiles, Overrides, load};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What was counted.
#[derive(Clone, Copy, Debug)]
struct Work {
    control_events: u64,
    /// Polls that returned records, and those of them that were not played many at once.
    polls: u64,
    stepped: u64,
    records: u64,
    allocations: u64,
    /// Of measuring the run.
    allocations_of_metrics: u64,
    rebalances: u64,
}

const GROUP: &str = "
version: 1
name: work
duration: 5m
topics: { orders: { partitions: 200, rate_per_partition: 20/s } }
groups:
  g:
    topics: [orders]
    members: 20
    processing: { per_record: 20us }
    config: { partition.assignment.strategy: range, fetch.min.bytes: 1048576, fetch.max.wait.ms: 100 }
variants:
  eager:       {}
  cooperative: { config: { partition.assignment.strategy: cooperative-sticky } }
  consumer:    { config: { group.protocol: consumer, partition.assignment.strategy: null } }
";

const DEPLOY: &str = "events=[{at: 1m, restart: g/*, one_by_one: true, spacing: 10s, down: 1s}]";

fn work(variant: &str, set: &[&str]) -> Work {
    let overrides = Overrides {
        set: set.iter().map(|&change| change.to_owned()).collect(),
        variants: vec![variant.to_owned()],
        ..Overrides::default()
    };
    let scenario = load("work", GROUP, &mut NoFiles, &overrides).expect("the scenario is valid");
    let counted = Region::new(ALLOCATOR);
    let allocations = || {
        let change = counted.change();
        (change.allocations + change.reallocations) as u64
    };
    let timeline = simulate(&scenario.plans[0], Seed(1), &Options::default()).expect("it ends");
    let of_run = allocations();
    let metrics = evaluate(&timeline);
    let polls: u64 = timeline.consumers.iter().map(|totals| totals.polls).sum();
    let processed = timeline.partitions.iter();
    Work {
        control_events: timeline.control_events,
        polls,
        stepped: polls - timeline.polls_played,
        records: processed.map(|(_, totals)| totals.processed).sum(),
        allocations: of_run,
        allocations_of_metrics: allocations() - of_run,
        rebalances: metrics.rebalances.len() as u64,
    }
}

/// Ten times the records in the same polls: nothing that can be counted grows.
fn records_cost_nothing() {
    let (few, many) = (
        work("eager", &[]),
        work("eager", &["topics.orders.rate_per_partition=200/s"]),
    );
    assert!(many.records > 9 * few.records, "{few:?} {many:?}");
    // Batches are longer, so a heartbeat may fall on the other side of the end of the run.
    assert!(
        many.control_events.abs_diff(few.control_events) <= few.control_events / 100,
        "{few:?} {many:?}"
    );
    assert!(100 * many.stepped <= many.polls, "{few:?} {many:?}");
    assert!(
        many.allocations <= few.allocations + few.allocations / 10,
        "{few:?} {many:?}"
    );
}

/// Quiet time is control events (heartbeats, commits); the polls between them are played together, and allocate nothing.
fn quiet_time_is_cheap() {
    let (short, long) = (work("eager", &[]), work("eager", &["duration=20m"]));
    let (events, polls) = (
        long.control_events - short.control_events,
        long.polls - short.polls,
    );
    assert!(polls > 8_000 * 20, "{polls}");
    // A heartbeat every 3 s and a commit every 5 s of 20 members, each a wake-up, a request and its answer.
    let messages = 15 * 60 * 20 * 3 / 3 + 15 * 60 * 20 * 3 / 5;
    assert!(events <= 12 * messages / 10, "{events}");
    assert!(
        long.stepped - short.stepped < polls / 20,
        "{short:?} {long:?}"
    );
    assert!(
        long.allocations - short.allocations < 20 * events,
        "{short:?} {long:?}"
    );
}

/// A rebalance costs each member some messages, however many partitions it has.
fn a_rebalance_costs_messages_by_the_member() {
    for (variant, most) in [("eager", 20), ("cooperative", 30), ("consumer", 20)] {
        let quiet = work(variant, &[]);
        let deploy = work(variant, &[DEPLOY]);
        let wide = work(variant, &[DEPLOY, "topics.orders.partitions=400"]);
        assert!(deploy.rebalances >= 15, "{variant}: {deploy:?}");
        let more = deploy.control_events.saturating_sub(quiet.control_events);
        let each = more / (deploy.rebalances * 20);
        assert!(each <= most, "{variant}: {each} of {quiet:?} {deploy:?}");
        assert!(
            wide.control_events <= deploy.control_events + deploy.control_events / 5,
            "{variant}: {deploy:?} {wide:?}"
        );
    }
}

/// A rebalance allocates by the member and by the partition that moves, not by their product.
fn a_rebalance_allocates_by_what_moves() {
    for variant in ["eager", "cooperative", "consumer"] {
        let of_one = |members: u64, partitions: u64| {
            let set = [
                "duration=150s".to_owned(),
                format!("groups.g.members={members}"),
                format!("topics.orders.partitions={partitions}"),
            ];
            let mut set: Vec<&str> = set.iter().map(String::as_str).collect();
            let quiet = work(variant, &set);
            set.push(DEPLOY);
            let deploy = work(variant, &set);
            deploy.allocations.saturating_sub(quiet.allocations) / deploy.rebalances
        };
        // Twice as many of both: twice as much, not four times.
        let (usual, twice) = (of_one(20, 200), of_one(40, 400));
        assert!(
            0 < usual && twice <= 5 * usual / 2,
            "{variant}: {usual} and {twice}"
        );
    }
}

/// Members whose partitions have been moved about play their polls at once again: brokers that do not answer at one instant take turns.
fn a_deploy_leaves_polls_that_are_played_at_once() {
    for (variant, most) in [("eager", 10), ("cooperative", 5), ("consumer", 10)] {
        let deploy = work(variant, &[DEPLOY]);
        assert!(
            100 * deploy.stepped <= most * deploy.polls,
            "{variant}: {deploy:?}"
        );
    }
}

/// Measuring a run costs allocations by the partition, not by the square of partitions.
fn metrics_cost_by_the_partition() {
    let (narrow, wide) = (
        work("eager", &["duration=30s"]),
        work("eager", &["duration=30s", "topics.orders.partitions=800"]),
    );
    assert!(
        wide.allocations_of_metrics < 5 * narrow.allocations_of_metrics,
        "{narrow:?} {wide:?}"
    );
}

#[test]
fn work_grows_with_what_changes() {
    records_cost_nothing();
    quiet_time_is_cheap();
    a_rebalance_costs_messages_by_the_member();
    a_rebalance_allocates_by_what_moves();
    a_deploy_leaves_polls_that_are_played_at_once();
    metrics_cost_by_the_partition();
}
