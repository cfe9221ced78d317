//! What is fetched when, as far as it shows in a whole run.

use super::support::*;

/// Records of a backlog that one member processes in 60 s at 1 ms each, beside a partition to which nobody writes. Both are led by one broker, which holds a fetch for nothing but the quiet one
/// for 5 s.
fn processed_beside_a_quiet_partition(client: &str) -> u64 {
    let story = ideal(&format!(
        "version: 1\nname: quiet\nduration: 60s\nbrokers: {{ count: 1 }}\n\
         topics: {{ busy: {{ partitions: 1, backlog: 100000 }}, quiet: {{ partitions: 1 }} }}\n\
         groups:\n  g:\n    topics: [busy, quiet]\n    client_version: \"{client}\"\n    members: [{{ name: a }}]\n    \
         processing: {{ per_record: 1ms }}\n    config: {{ fetch.max.wait.ms: 5000 }}\n"
    ));
    let totals = story.timeline.partitions.iter().map(|(_, totals)| totals);
    totals
        .map(|totals| totals.processed + totals.duplicated)
        .sum()
}

/// Since 4.0 no fetch is sent while records of the broker are buffered (KAFKA-17182). Before, the quiet partition is asked for while the busy one is worked off, and that one's
/// next fetch has to wait for the answer: 5 s for each megabyte.
#[test]
fn before_4_0_a_quiet_partition_holds_a_busy_one_up() {
    let [before, since] = ["3.9", "4.0"].map(processed_beside_a_quiet_partition);
    assert!(since > 55_000, "{since}");
    assert!(before < 20_000, "{before}");
}
