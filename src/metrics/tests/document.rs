//! Every metric of the table is measured.

use super::measure;
use crate::metrics::registry::METRICS;
use crate::metrics::testing::Play;
use crate::metrics::{Aggregate, Name};

#[test]
fn a_run_has_a_value_for_every_name_of_the_table_in_its_order() {
    let metrics = measure(&Play::steady(&[&[0], &[1]], 10_000));
    let mut names = Vec::new();
    for metric in METRICS {
        for aggregate in std::iter::once(None).chain(metric.aggregates.iter().copied().map(Some)) {
            let name = Name {
                aggregate,
                ..Name::bare(metric)
            };
            assert!(metrics.lookup(&name).is_some(), "{name} has no value");
            names.push(name.to_string());
        }
    }
    let reasons = "rebalances_by_reason{";
    let listed: Vec<String> = metrics
        .values
        .iter()
        .map(|(name, _)| name.to_string())
        .collect();
    assert!(listed.iter().any(|name| name.starts_with(reasons)));
    let plain: Vec<&String> = listed
        .iter()
        .filter(|name| !name.starts_with(reasons))
        .collect();
    assert_eq!(plain, names.iter().collect::<Vec<_>>());
    assert!(
        METRICS
            .iter()
            .all(|metric| !metric.aggregates.contains(&Aggregate::Max))
    );
}
