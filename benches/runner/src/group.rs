//! (c) to (g): whole runs. Each is measured in a process of its own, so that its memory is its own.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use rebsim::cluster::{Fidelity, Options, simulate};
use rebsim::experiment;
use rebsim::kernel::Seed;
use rebsim::metrics::{RunMetrics, evaluate_groups, evaluate_without_series};
use rebsim::scenario::{NoFiles, Overrides, Scenario, load};

use crate::table::Row;
use crate::{clock, rivals};

/// What a run costs.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Seconds of processor time: the run, and what its metrics take.
    run: f64,
    metrics: f64,
    control_events: f64,
    records: f64,
    rebalances: f64,
    /// Bytes held at most.
    memory: f64,
}

fn scenario(file: &str, variant: Option<&str>, set: &[String]) -> Scenario {
    let path = rivals::here().join(file);
    let text = std::fs::read_to_string(path).expect("the scenario ships with the benches");
    let overrides = Overrides {
        set: set.to_vec(),
        variants: variant.map(str::to_owned).into_iter().collect(),
        ..Overrides::default()
    };
    load(file, &text, &mut NoFiles, &overrides).expect("the scenario is valid")
}

fn options(fidelity: Fidelity) -> Options {
    Options {
        event_limit: u64::MAX,
        fidelity,
        ..Options::default()
    }
}

/// Written before the settings of a play that is to be fluid.
const FLUID: &str = "fluid";

/// In the child: plays one variant and prints what it costs.
pub fn play(file: &str, variant: &str, set: &[String]) {
    let variant = Some(variant).filter(|variant| *variant != "-");
    let (fidelity, set) = match set.split_first() {
        Some((first, rest)) if first == FLUID => (Fidelity::Fluid, rest),
        _ => (Fidelity::Exact, set),
    };
    let scenario = scenario(file, variant, set);
    let plan = &scenario.plans[0];
    let (run, timeline) = clock::measured(|| simulate(plan, Seed(1), &options(fidelity)));
    let timeline = timeline.expect("there is no limit");
    let records: u64 = timeline
        .partitions
        .iter()
        .map(|(_, totals)| totals.processed)
        .sum();
    let control_events = timeline.control_events;
    let (metrics, measured): (f64, RunMetrics) =
        clock::measured(|| evaluate_without_series(&timeline));
    println!(
        "{} {} {control_events} {records} {} {}",
        run / 1e9,
        metrics / 1e9,
        measured.rebalances.len(),
        clock::peak_memory()
    );
}

/// The least of `rounds` plays of one variant, each in a process of its own.
fn cost(rounds: usize, file: &str, variant: &str, set: &[&str]) -> Cost {
    let once = || {
        let program = std::env::current_exe().expect("this program has a name");
        let mut command = Command::new(program);
        command.args(["play", file, variant]).args(set);
        let output = command.output().expect("this program starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("it prints figures");
        let mut figures = text
            .split_whitespace()
            .map(|word| word.parse::<f64>().expect("a figure"));
        let mut next = || figures.next().expect("six figures");
        Cost {
            run: next(),
            metrics: next(),
            control_events: next(),
            records: next(),
            rebalances: next(),
            memory: next(),
        }
    };
    let costs = (0..rounds).map(|_| once());
    let by_time = |a: &Cost, b: &Cost| (a.run + a.metrics).total_cmp(&(b.run + b.metrics));
    costs.min_by(by_time).expect("at least one round")
}

/// (c) The day.
pub fn day() -> Vec<Row> {
    let mut rows = Vec::new();
    for (variant, what, target) in [
        ("batches", "100 ms polls", 1.5),
        ("long-poll", "long poll", 5.0),
    ] {
        let cost = cost(3, "rebalances.yaml", variant, &[]);
        let seconds = cost.run + cost.metrics;
        let what = format!(
            "24 h of 25 x 25, {what}, exact: {} rebalances, {:.0} M records",
            cost.rebalances,
            cost.records / 1e6
        );
        rows.push(Row::new("c", what, seconds, "s").at_most(seconds, target, "s"));
    }
    let cost = cost(3, "rebalances.yaml", "batches", &[FLUID]);
    let (run, all) = (cost.run * 1e3, (cost.run + cost.metrics) * 1e3);
    let what = format!(
        "the same, 100 ms polls, fluid: {} control events; with metrics {all:.1} ms",
        cost.control_events
    );
    rows.push(Row::new("c", what, run, "ms").at_most(run, 1.0, "ms"));
    rows
}

/// (d) The deploy.
pub fn deploy() -> Vec<Row> {
    let mut rows = Vec::new();
    for variant in ["eager", "cooperative", "consumer"] {
        let cost = cost(1, "deploy.yaml", variant, &[]);
        let seconds = cost.run + cost.metrics;
        let what = format!(
            "1 h, 1,000 x 10,000, every member restarted, {variant}, exact: {} rebalances, {:.1} M control events, {:.2} G records; \
             metrics {:.1} s of it; {:.1} GB",
            cost.rebalances,
            cost.control_events / 1e6,
            cost.records / 1e9,
            cost.metrics,
            cost.memory / 1e9
        );
        rows.push(Row::new("d", what, seconds, "s").at_most(seconds, 6.0, "s"));
        let each = cost.run * 1e9 / cost.control_events;
        let what = format!("{variant}: run by control event, everything in");
        rows.push(Row::new("d", what, each, "ns").at_most(each, 120.0, "ns"));
    }
    for (variant, target) in [("eager", 0.5), ("consumer", 0.02)] {
        let cost = cost(1, "deploy.yaml", variant, &[FLUID]);
        let what = format!(
            "the same, {variant}, fluid: {:.1} M control events; with metrics {:.1} s; {:.1} GB",
            cost.control_events / 1e6,
            cost.run + cost.metrics,
            cost.memory / 1e9
        );
        rows.push(Row::new("d", what, cost.run, "s").at_most(cost.run, target, "s"));
    }
    rows
}

/// (e) Cells.
pub fn cells() -> Vec<Row> {
    [Fidelity::Exact, Fidelity::Fluid]
        .into_iter()
        .flat_map(cells_of)
        .collect()
}

fn cells_of(fidelity: Fidelity) -> Vec<Row> {
    let scenario = scenario("cell.yaml", None, &[]);
    let seeds: Vec<Seed> = (1..=100).map(Seed).collect();
    let engine = |replication: experiment::Replication<'_>| {
        let timeline = simulate(replication.plan, replication.seed, &options(fidelity));
        timeline.map(|timeline| evaluate_groups(&timeline).values.len())
    };
    let count = seeds.len() as f64;
    let run = |jobs: usize| {
        let jobs = NonZeroUsize::new(jobs).expect("a number of jobs");
        let played = experiment::play(&scenario.plans, &seeds, jobs, engine, &|_| {});
        played.expect("there is no limit").len()
    };
    let alone = (0..3).map(|_| {
        clock::measured(|| {
            let engine = |replication: experiment::Replication<'_>| engine(replication);
            let plan = &scenario.plans[0];
            seeds
                .iter()
                .enumerate()
                .map(|(index, &seed)| {
                    let replication = experiment::Replication {
                        plan,
                        variant: 0,
                        seed,
                        is_first: index == 0,
                    };
                    engine(replication).expect("there is no limit")
                })
                .sum::<usize>()
        })
        .0 / count
    });
    let alone = alone.fold(f64::INFINITY, f64::min);
    let wall = (0..3).map(|_| {
        let began = Instant::now();
        run(2);
        began.elapsed().as_secs_f64() * 1e9 / count
    });
    let together = wall.fold(f64::INFINITY, f64::min);
    let rates = [2e9 / alone, 1e9 / together];
    let rows = [
        ("by processor time of one thread, twice", rates[0]),
        ("by the clock, two jobs", rates[1]),
    ];
    let row = |(how, rate): (&str, f64)| {
        let what = format!(
            "ten-minute cells of 25 x 25, a crash and a join, {}, metrics included, two cores: {how}",
            fidelity.name()
        );
        let row = Row::new("e", what, rate, "cells/s");
        match fidelity {
            Fidelity::Exact => row,
            Fidelity::Fluid => row.at_least(rate, 100_000.0, "cells/s"),
        }
    };
    rows.map(row).into_iter().collect()
}

/// (f) Memory: what another partition, and another member, adds.
pub fn memory() -> Vec<Row> {
    let held = |partitions: u32, members: u32, duration: &str| {
        let set = [
            format!("topics.orders.partitions={partitions}"),
            format!("groups.g.members={members}"),
            format!("duration={duration}"),
            "events=[]".to_owned(),
        ];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        cost(1, "deploy.yaml", "eager", &set).memory
    };
    let base = held(10_000, 1_000, "1s");
    let partition = (held(40_000, 1_000, "1s") - base) / 30_000.0;
    let member = (held(10_000, 4_000, "1s") - base) / 3_000.0;
    let later = (held(40_000, 1_000, "2m") - held(10_000, 1_000, "2m")) / 30_000.0;
    vec![
        Row::new(
            "f",
            "memory of another partition, after 1 s, metrics included",
            partition,
            "B",
        )
        .at_most(partition, 128.0, "B"),
        Row::new(
            "f",
            "the same after 2 min (histograms, samples)",
            later,
            "B",
        ),
        Row::new(
            "f",
            "memory of another member, after 1 s, metrics included",
            member,
            "B",
        )
        .at_most(member, 256.0, "B"),
    ]
}

/// (g) From the start of the process to the result of a small scenario.
pub fn start() -> Vec<Row> {
    let program = std::env::var_os("REBSIM").map_or_else(
        || rivals::here().join("../../target/release/rebsim"),
        PathBuf::from,
    );
    if !program.is_file() {
        eprintln!(
            "SKIPPED: no {} (cargo build --release; REBSIM names another one)",
            program.display()
        );
        return Vec::new();
    }
    let run = || {
        let began = Instant::now();
        let output = Command::new(&program)
            .args([
                "run",
                "checkout-deploy",
                "--variant",
                "eager",
                "--no-out",
                "--progress",
                "none",
            ])
            .output()
            .expect("it is a program");
        assert!(!output.stdout.is_empty(), "it says nothing");
        began.elapsed().as_secs_f64() * 1e3
    };
    let ours = (0..20).map(|_| run()).fold(f64::INFINITY, f64::min);
    let simpy = rivals::simpy().map(|simpy| simpy.start());
    let row = Row::new(
        "g",
        "from start to result, checkout-deploy, 10 min of 6 members",
        ours,
        "ms",
    );
    vec![
        row.against("`import simpy` alone", ours, simpy, "ms")
            .at_most(ours, 5.0, "ms"),
    ]
}
