//! In which rounds of its background thread a client of the consumer protocol sees that it has not polled in time, and takes up what came while it reconciled. Nothing
//! costs anything (profile `ideal`) unless a test says so.

use rebsim::cluster::Calibration;

use super::support::*;

/// A member that stalls from the return of its `poll()` of 20,000 on. When it left, in milliseconds.
fn left(brokers: &str, config: &str) -> Vec<String> {
    let text = format!(
        "version: 1\nname: rounds\nduration: 60s\nbrokers: {{ version: \"4.4\", {brokers} }}\n\
         topics: {{ t: {{ partitions: 4 }} }}\n\
         groups:\n  g:\n    topics: [t]\n    members: [{{ name: a }}]\n    \
         config: {{ group.protocol: consumer, {config} }}\n\
         events: [{{ at: 20s, stall: g/a, for: 20s }}]\n"
    );
    let mut calibration = Calibration::ideal();
    if brokers.contains("latency") {
        calibration.latency = None;
    }
    let timeline = attempt(&text, calibration).unwrap_or_else(|halt| panic!("{halt:?}"));
    let states = Story { timeline }.told().states("a");
    let left = states.iter().filter(|line| line.ends_with(" STALE"));
    left.map(|line| line.replace(" STALE", "")).collect()
}

/// Heartbeats every 15 s: nobody's heartbeat is near.
const SELDOM: &str = "config: { group.consumer.heartbeat.interval.ms: 15000 }";

/// It sleeps 5 s at most (`MAX_POLL_TIMEOUT_MS`).
#[test]
fn the_thread_looks_every_five_seconds() {
    assert_eq!(left(SELDOM, "max.poll.interval.ms: 4000"), ["25500.000"]);
}

/// The answer to the fetch of 18,000, parked for 9 s, wakes it.
#[test]
fn the_answer_to_a_fetch_is_a_round() {
    let config = "max.poll.interval.ms: 7000, fetch.max.wait.ms: 9000";
    assert_eq!(left(SELDOM, config), ["27000.000"]);
}

/// So does a refresh of metadata.
#[test]
fn a_refresh_of_metadata_is_a_round() {
    let config = "max.poll.interval.ms: 4000, metadata.max.age.ms: 3000";
    assert_eq!(left(SELDOM, config), ["24000.000"]);
}

/// 4 s one way. The heartbeat of 21,000 is answered at 29,000; at 25,500 comes the answer to the fetch that was sent at 17,000, after the deadline at 23,500.
#[test]
fn a_heartbeat_in_flight_does_not_keep_it() {
    let config = "max.poll.interval.ms: 3500";
    assert_eq!(left("latency: 4s", config), ["25500.000"]);
}

/// What two growths of the topic give it, the second while the callback of the first runs. Both are told by heartbeats, the first by that of 10,000, a `poll()`'s
/// instant. Without automatic commits the round that acknowledges the first share takes up the second, and the `poll()` right after calls back; else that `poll()` begins to
/// reconcile, and the next one calls back.
#[test]
fn what_came_while_it_reconciled_is_taken_up_with_the_acknowledgement() {
    let second = |auto_commit: bool| {
        let story = ideal(&format!(
            "version: 1\nname: rounds\nduration: 60s\nbrokers: {{ version: \"4.4\" }}\n\
             topics: {{ t: {{ partitions: 2 }} }}\n\
             groups:\n  g:\n    topics: [t]\n    members: [{{ name: a }}]\n    \
             listener: {{ on_assigned: {{ work: 8s }} }}\n    \
             config: {{ group.protocol: consumer, enable.auto.commit: {auto_commit}, metadata.max.age.ms: 1000 }}\n\
             events: [{{ at: 7s, partitions: t, to: 4 }}, {{ at: 12s, partitions: t, to: 6 }}]\n"
        ))
        .told();
        story.called("a", ms(1))
    };
    assert_eq!(
        second(false),
        ["10100.000 assigned [2, 3]", "18100.000 assigned [4, 5]"]
    );
    assert_eq!(
        second(true),
        ["10100.000 assigned [2, 3]", "18200.000 assigned [4, 5]"]
    );
}
