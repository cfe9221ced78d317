//! What a subscription by regular expression costs its client: metadata first.

use super::support::*;
use rebsim::cluster::calibration::Calibration;
use rebsim::kernel::SimTime;

/// Members a, from the start, and b, 20 s later; one way to a broker takes 10 ms.
fn play(version: &str, subscription: &str, config: &str) -> Story {
    let calibration = Calibration {
        latency: None,
        ..Calibration::ideal()
    };
    let text = format!(
        "version: 1\nname: patterns\nduration: 40s\nbrokers: {{ version: \"{version}\", count: 9, latency: 10ms }}\n\
         topics: {{ t: {{ partitions: 4, rate: 40/s }}, u: {{ partitions: 1, rate: 1/s }} }}\n\
         groups:\n  g:\n    {subscription}\n    start: cold\n    processing: {{ per_record: 100us }}\n    \
         members: [{{ name: a }}, {{ name: b, at: 20s }}]\n    config: {{ {config} }}\n"
    );
    let timeline = attempt(&text, calibration).unwrap_or_else(|halt| panic!("{halt:?}"));
    Story { timeline }.told()
}

/// What follows the first instant at which b is there.
fn after(list: &[SimTime]) -> Vec<SimTime> {
    list.iter()
        .copied()
        .filter(|at| *at >= ms(20_000))
        .collect()
}

/// KAFKA-5154: who subscribes by pattern refreshes its metadata before it rejoins, one more round trip each time, behind the 10 ms for which the fetch on that connection is still parked.
#[test]
fn a_classic_member_looks_for_its_pattern_in_fresh_metadata_before_it_rejoins() {
    let by_name = play("4.1", "topics: [t]", "group.protocol: classic");
    let by_pattern = play("4.1", "pattern: t", "group.protocol: classic");
    let (named, matched) = (
        after(&by_name.joining("a")),
        after(&by_pattern.joining("a")),
    );
    assert_eq!((named.len(), matched.len()), (1, 1));
    assert_eq!(matched[0].since(named[0]).as_micros(), 30_000);
    // b has just had its first metadata: they are fresh.
    assert_eq!(
        after(&by_name.joining("b")),
        after(&by_pattern.joining("b"))
    );
}

/// `updatePatternSubscription`: there is no metadata at first, so it joins with no topics and is told that it has no partitions; the next `poll()` finds its topics, and the
/// heartbeat that acknowledges names them.
#[test]
fn a_client_of_the_consumer_protocol_joins_by_pattern_with_no_topics_first() {
    let consumer = "group.protocol: consumer";
    for (version, bumps, called) in [
        (
            "4.1",
            &[
                "30.000 1 join a",
                "50.000 2 subscription_change a",
                "20050.000 3 subscription_change b",
            ][..],
            ["20040.000 assigned []", "25100.000 assigned [2, 3]"],
        ),
        // A group is made with epoch 1, and who subscribes to nothing changes nothing.
        (
            "4.4",
            &[
                "210.000 2 subscription_change a",
                "20210.000 3 subscription_change b",
            ][..],
            ["20200.000 assigned []", "25400.000 assigned [2, 3]"],
        ),
    ] {
        let by_name = play(version, "topics: [t]", consumer);
        let by_pattern = play(version, "pattern: t", consumer);
        assert_eq!(by_name.states("b")[0], "20000.000 JOINING");
        assert_eq!(by_pattern.states("b")[0], "20000.000 JOINING");
        assert_eq!(by_pattern.bumps(), bumps, "{version}");
        assert_eq!(by_pattern.called("b", SimTime::ZERO), called, "{version}");
    }
}

/// The coordinator resolves the expression after it has answered; the client learns the name of a topic that it did not ask for before it takes partitions of it.
#[test]
fn with_an_expression_for_the_coordinator_the_first_member_gets_its_partitions_in_a_second_round() {
    let consumer = "group.protocol: consumer";
    let by_broker = play("4.1", "subscription_pattern: t|u", consumer);
    assert_eq!(
        by_broker.bumps(),
        [
            "30.000 1 join a",
            "30.000 2 subscription_change -",
            "20030.000 3 join b"
        ]
    );
    // Nothing at first; all in the answer to the heartbeat that acknowledges nothing.
    assert_eq!(
        by_broker.moved("a")[..2],
        ["30.000 1 STABLE []", "50.000 2 STABLE [0, 0, 1, 2, 3]"]
    );
    // It cannot name these topics yet: it acknowledges in the same round that it still has nothing, asks for metadata, and takes them at the next `poll()`.
    assert_eq!(
        by_broker.states("a")[4..9],
        [
            "60.000 RECONCILING",
            "60.000 ACKNOWLEDGING",
            "60.000 RECONCILING",
            "100.000 ACKNOWLEDGING",
            "100.000 STABLE"
        ]
    );
    assert_eq!(
        by_broker.called("a", SimTime::ZERO)[..2],
        ["40.000 assigned []", "100.000 assigned [0, 0, 1, 2, 3]"]
    );
}
