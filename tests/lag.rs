//! What a lag is said to have been, in whole runs: no outage is too short or too well placed to be seen.

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::{Seed, SimTime};
use rebsim::metrics::{RunMetrics, Value, evaluate};
use rebsim::scenario::{NoFiles, Overrides, load};
use rebsim::timeline::Sample;

fn measure(text: &str) -> RunMetrics {
    let scenario = load("lag.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"));
    let options = Options {
        check_invariants: true,
        ..Options::default()
    };
    evaluate(&simulate(&scenario.plans[0], Seed(1), &options).expect("a run that ends"))
}

fn number(run: &RunMetrics, name: &str) -> f64 {
    match run.value(name) {
        Some(Value::Number(number)) => number.to_string().parse().expect("a number"),
        other => panic!("{name}: {other:?}"),
    }
}

fn near(run: &RunMetrics, name: &str, wanted: f64, by: f64) {
    let found = number(run, name);
    assert!(
        (found - wanted).abs() <= by,
        "{name}: {found}, not {wanted}"
    );
}

/// One member of two dies; its partition waits for the session of 45 s. A grid of 144 s does not see it.
#[test]
fn an_outage_between_two_points_of_the_grid_has_its_peak_and_its_end() {
    let run = measure(
        "version: 1
name: day
duration: 24h
topics: { orders: { partitions: 2, rate: 20/s } }
groups: { g: { topics: [orders], members: 2, processing: { per_record: 1ms } } }
events: [ { at: 3605s, crash: g/0 } ]
",
    );
    let down = number(&run, "longest_downtime_s");
    assert!((40.0..50.0).contains(&down), "{down}");
    near(&run, "lag_records", down * 10.0, 3.0);
    near(&run, "lag_s", down, 0.2);
    near(&run, "drain_s", down, 1.5);
    // The peak holds for an instant, not for a step of the grid.
    near(&run, "lag_s_p99", 0.0, 0.1);
}

/// All four partitions stop for a fraction of a second; records come with the points of the grid.
#[test]
fn a_short_rebalance_has_its_peak_and_arrivals_on_the_grid_are_no_lag() {
    let run = measure(
        "version: 1
name: eager
duration: 60s
topics: { orders: { partitions: 4, rate: 40/s } }
groups: { g: { topics: [orders], members: 3, processing: { per_record: 1ms }, config: { partition.assignment.strategy: range, heartbeat.interval.ms: 1000 }, listener: { on_revoked: { flush: 300ms } } } }
events: [ { at: 21s, stop: g/2 } ]
",
    );
    let stalled = number(&run, "stalled_records");
    assert!(stalled >= 10.0, "{stalled}");
    near(&run, "lag_records", stalled, 4.0);
    near(&run, "lag_records_p95", 0.0, 0.0);
    assert!(number(&run, "drain_s") < 5.0);
}

/// The window begins and ends within downtimes.
#[test]
fn the_edges_of_the_window_are_where_they_are() {
    let run = |window: &str| {
        measure(&format!(
            "version: 1
name: edges
duration: 3h
measure: {window}
topics: {{ orders: {{ partitions: 1, rate: 100/s }} }}
groups: {{ g: {{ topics: [orders], members: 1, processing: {{ per_record: 1ms }} }} }}
events: [ {{ at: 1500s, crash: g/0 }}, {{ at: 1560s, start: g/0 }} ]
"
        ))
    };
    let ends = run("{ from: 20m, to: 1530s }");
    near(&ends, "stalled_records", 3_000.0, 2.0);
    near(&ends, "lag_records_end", 3_000.0, 2.0);
    near(&ends, "lag_s_end", 30.0, 0.02);
    let begins = run("{ from: 1520s, to: 1550s }");
    near(&begins, "stalled_records", 3_000.0, 2.0);
}

/// What is read off at one instant is the sample of that instant: records of that very microsecond count in neither.
#[test]
fn a_group_that_is_described_has_the_lag_of_the_samples() {
    let text = "version: 1\nname: shown\nduration: 2m\ntopics: { orders: { partitions: 4, rate: 400/s } }\n\
                groups: { g: { topics: [orders], members: 2, processing: { per_record: 1ms } } }\nevents: [ { at: 1m, crash: g/1 } ]\n";
    let scenario = load("lag.yaml", text, &mut NoFiles, &Overrides::default())
        .unwrap_or_else(|rejected| panic!("{rejected}"));
    for seconds in [50, 100] {
        let at = SimTime::from_millis(seconds * 1_000);
        let options = Options {
            snapshot_at: Some(at),
            ..Options::default()
        };
        let timeline = simulate(&scenario.plans[0], Seed(1), &options).expect("a run that ends");
        let sampled = timeline.samples.iter().filter(|sample| sample.at == at);
        let lags = |sample: Sample| (sample.partition, sample.log_end - sample.processed);
        let sampled: Vec<_> = sampled.map(lags).collect();
        assert_eq!(sampled.len(), 4);
        let shown: Vec<_> = timeline.snapshot.iter().copied().map(lags).collect();
        assert_eq!(shown, sampled, "{seconds}");
    }
}
