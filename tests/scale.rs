//! What a run costs in control events does not depend on how many records flow.

use rebsim::cluster::{Options, simulate};
use rebsim::kernel::Seed;
use rebsim::scenario::{LoadError, Loader, Overrides, load};

struct NoFiles;

impl Loader for NoFiles {
    fn read(&mut self, _path: &str) -> Result<String, LoadError> {
        Err(LoadError::NotFound)
    }
}

/// Control events and records of ten minutes of the benchmark's day.
fn cost(rate: &str) -> (u64, u64) {
    let overrides = Overrides {
        set: vec![
            "duration=10m".to_owned(),
            format!("topics.orders.rate_per_partition={rate}"),
        ],
        variants: vec!["batches".to_owned()],
        ..Overrides::default()
    };
    let text = include_str!("../benches/day.yaml");
    let scenario = load("day.yaml", text, &mut NoFiles, &overrides).expect("the scenario is valid");
    let timeline = simulate(&scenario.plans[0], Seed(1), &Options::default()).expect("it ends");
    let processed = timeline
        .partitions
        .iter()
        .map(|(_, totals)| totals.processed);
    (timeline.control_events, processed.sum())
}

#[test]
fn a_hundred_times_the_records_are_the_same_number_of_control_events() {
    let (events, records) = cost("100/s");
    let (events_of_many, many_records) = cost("10000/s");
    assert!(
        many_records > 99 * records,
        "{many_records} against {records}"
    );
    assert_eq!(events_of_many, events);
}
