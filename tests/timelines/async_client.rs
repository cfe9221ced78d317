//! What `AsyncKafkaConsumer` does in its releases since 4.2: which `poll()` hands over an event to the background thread, and when one that waits looks again.
//! Nothing costs anything (profile `ideal`); heartbeats every 5,000 ms.

use super::support::*;
use rebsim::cluster::Calibration;
use rebsim::timeline::Observation;

/// A is alone at first; B comes at 1 s.
fn play(version: &str, rate: u64, group: &str, config: &str) -> Story {
    ideal(&format!(
        "version: 1\nname: wait\nduration: 40s\nbrokers: {{ version: \"{version}\" }}\n\
         topics: {{ t: {{ partitions: 2, rate: {rate}/s }} }}\n\
         groups:\n  g:\n    topics: [t]\n    start: cold\n    members: [{{ name: a }}, {{ name: b, at: 1s }}]\n    {group}\n    \
         config: {{ group.protocol: consumer, auto.offset.reset: earliest{config} }}\nevents: []\n"
    ))
    .told()
}

const LONG_POLL: &str = "processing: { poll_timeout: 2s }";

/// A hears at 5,100 that it has to give one up. Its `poll()` lasts two seconds, but since 4.4 it looks about every 100 ms (`retry.backoff.ms`) while records may come, and
/// hands over an event each time: the first look after 5,100 calls `revoked`, the next `assigned []`. B, without partitions, does the same. Before 4.4 an owner sleeps until
/// a heartbeat or a commit is due or its `poll()` is over, and a `poll()` hands over one event.
#[test]
fn a_long_poll_looks_about_itself_every_hundred_milliseconds() {
    let story = play("4.4", 0, LONG_POLL, "");
    assert_eq!(
        story.called("a", ms(0)),
        [
            "100.000 assigned [0, 1]",
            "5200.000 revoked [1]",
            "5300.000 assigned []"
        ]
    );
    assert_eq!(
        story.called("b", ms(0)),
        ["1100.000 assigned []", "6200.000 assigned [1]"]
    );
    let story = play("4.2", 0, LONG_POLL, "");
    let revoked = &story.callbacks("a")[1];
    assert!(revoked.0 > ms(5_500), "{:?}", story.called("a", ms(0)));
}

/// Up to 4.1 a `poll()` of 30 s does not sleep on either when a heartbeat is due (`AsyncKafkaConsumer.pollForFetches`, `maximumTimeToWait`). B is told of its partition in the answer to the
/// one at 11,000, after it has looked, and begins to reconcile when the next is due.
#[test]
fn a_long_poll_of_an_early_release_wakes_when_a_heartbeat_is_due() {
    for version in ["4.0", "4.1"] {
        let story = play(version, 0, "processing: { poll_timeout: 30s }", "");
        let called = story.called("b", ms(0));
        let expected = ["1000.000 assigned []", "16000.000 assigned [1]"];
        assert_eq!(called, expected, "{version}");
    }
}

/// While records wait in the buffer only every second `poll()` hands over an event: the last one is kept until its records have been taken. So from the heartbeat that says
/// what to give up to the callback it is up to three batches, where an event with each `poll()` would make it two at most.
#[test]
fn while_records_wait_every_second_poll_hands_over_an_event() {
    let mut longest = 0.0_f64;
    for per_record in 6..=15 {
        let processing = format!("processing: {{ per_record: {per_record}ms }}");
        let story = play("4.4", 1_000, &processing, ", max.poll.records: 10");
        let reconciling = story.states("a")[4].clone();
        assert!(reconciling.ends_with(" RECONCILING"), "{reconciling}");
        let heard: f64 = reconciling
            .split(' ')
            .next()
            .map_or(0.0, |at| at.parse().expect("a number"));
        let called = story.called("a", ms(0));
        assert!(called[1].ends_with(" revoked [1]"), "{called:?}");
        let called: f64 = called[1]
            .split(' ')
            .next()
            .map_or(0.0, |at| at.parse().expect("a number"));
        let batches = (called - heard) / f64::from(per_record * 10);
        assert!(batches <= 3.0, "{batches} batches of {per_record} ms");
        longest = longest.max(batches);
    }
    assert!(longest > 2.1, "{longest} batches");
}

/// B has its assignment of epoch 3, and its acknowledgement brings it to epoch 4, for the topic has grown meanwhile. Its OffsetFetch follows 100 ms later on the same
/// connection, 20 ms before the answer, says epoch 3 and is refused at 6,860 (STALE_MEMBER_EPOCH), as B hears at 6,920. It asks again 100 ms (`retry.backoff.ms`) later, with
/// epoch 4. Brokers and clients 60 ms apart.
#[test]
fn offsets_asked_for_under_an_old_epoch_are_asked_for_again() {
    let text = "version: 1\nname: stale\nduration: 12s\nbrokers: { version: \"4.4\", latency: 60ms }\n\
         topics: { t: { partitions: 4, rate: 1/s } }\n\
         groups:\n  g:\n    topics: [t]\n    start: cold\n    members: [{ name: a }, { name: b, at: 1s }]\n    \
         config: { group.protocol: consumer, auto.offset.reset: earliest }\n\
         events: [{ at: 6500ms, partitions: t, to: 8 }]\n";
    let calibration = Calibration {
        latency: None,
        ..Calibration::ideal()
    };
    let timeline = attempt(text, calibration).expect("it ends");
    let story = Story { timeline }.told();
    let who = story.who("b");
    let known = story.when(
        |seen| matches!(seen, Observation::PositionKnown { consumer, .. } if *consumer == who),
    );
    assert_eq!(
        story.moved("b")[2..],
        ["6460.000 3 STABLE [2, 3]", "6760.000 4 STABLE [2, 3, 4, 5]"]
    );
    assert_eq!(
        story.called("b", ms(6_000)),
        ["6700.000 assigned [2, 3]", "7000.000 assigned [4, 5]"]
    );
    assert_eq!(known[0], ms(7_140));
}

/// B is cut off when it has just been given partitions: its OffsetFetch of 6,800 never gets an answer. When the network is mended nobody knows it any more, and the background thread asks
/// again before it has heard that by a heartbeat: `poll()` throws (`CommitRequestManager.OffsetFetchRequestState.onFailure`).
#[test]
fn who_asks_for_offsets_and_is_no_member_any_more_throws() {
    let text = "version: 1\nname: unknown\nduration: 120s\nbrokers: { version: \"4.4\", latency: 60ms }\n\
         topics: { t: { partitions: 4, rate: 1/s } }\n\
         groups:\n  g:\n    topics: [t]\n    start: cold\n    members: [{ name: a }, { name: b, at: 1s }]\n    \
         config: { group.protocol: consumer, auto.offset.reset: earliest }\n\
         events: [{ at: 6790ms, disconnect: g/b, for: 60s }]\n";
    let calibration = Calibration {
        latency: None,
        ..Calibration::ideal()
    };
    let timeline = attempt(text, calibration).expect("it ends");
    let story = Story { timeline }.told();
    assert_eq!(story.failed("b"), ["67200.000 UnknownMemberIdException"]);
}

/// Two OffsetFetches may be under way, of what came before and what came later: one that was refused is repeated whatever becomes of the other
/// (`CommitRequestManager.OffsetFetchRequestState`).
#[test]
fn each_offset_fetch_is_repeated_by_itself() {
    for seed in 1..=6 {
        let text = format!(
            "version: 1\nname: offsets\nduration: 2m\nseed: {seed}\nbrokers: {{ count: 1 }}\n\
             topics: {{ orders: {{ partitions: 6, rate: 600/s }} }}\n\
             groups:\n  g:\n    topics: [orders]\n    members: 3\n    processing: {{ per_record: 100us }}\n    \
             listener: {{ on_assigned: {{ work: 50ms }} }}\n    \
             config: {{ group.protocol: consumer, retry.backoff.ms: 10000, retry.backoff.max.ms: 60000 }}\n\
             events: [{{ at: 20s, stop: g/2 }}, {{ at: 25060ms, coordinator: move, unavailable: 300ms }}, {{ at: 27s, stop: g/1 }}]\n"
        );
        let timeline = attempt(&text, Calibration::of_scenario()).expect("it ends");
        assert!(unserved(timeline).is_empty(), "seed {seed}");
    }
}

/// What cannot be sent for want of a connection is no end of the run: a client that serves records meanwhile tries again when the connection may be built up
/// (`reconnect.backoff.ms`), which takes 5 s here.
#[test]
fn who_may_not_connect_yet_goes_on_serving() {
    let text = "version: 1\nname: reconnect\nduration: 3m\ntopics: { orders: { partitions: 6, rate: 600/s } }\n\
         groups:\n  g:\n    topics: [orders]\n    members: 3\n    processing: { per_record: 500us }\n    \
         config: { group.protocol: consumer, reconnect.backoff.ms: 5000, reconnect.backoff.max.ms: 5000 }\n\
         events: [{ at: 60s, coordinator: restart, unavailable: 3s }, { at: 61s, crash: g/1 }]\n";
    let timeline = attempt(text, Calibration::of_scenario()).expect("it ends");
    assert!(unserved(timeline).is_empty());
}

/// Those of six partitions that nobody serves at the end.
fn unserved(timeline: rebsim::timeline::Timeline) -> Vec<u32> {
    let story = Story { timeline };
    let is_served = |partition: u32| {
        let last = story.service(partition).pop();
        last.is_some_and(|(_, until, _)| until == rebsim::kernel::SimTime::NEVER)
    };
    (0..6).filter(|&partition| !is_served(partition)).collect()
}
